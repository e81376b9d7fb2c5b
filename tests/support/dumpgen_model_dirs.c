/* SPDX-License-Identifier: MIT */
/*
 * Directives that add to the heap: class, object, array, the primitive arrays, string.
 */
#include "dumpgen_parse.h"

#include <string.h>

#define ELEMENTS_MAX ((uint64_t)1 << 28) /* a typing error should not fill the memory */

/* --- class ------------------------------------------------------------------------------------------------------- */

static enum hprof_type at_type(const struct parser *p)
{
    return p->lex.kind == GEN_WORD ? gen_type_by_name(p->lex.text, p->lex.len) : (enum hprof_type)0;
}

static bool parse_fields(struct parser *p, struct gen_class *c)
{
    enum hprof_type type;
    while ((type = at_type(p)) != 0) {
        gen_lex_next(&p->lex);
        const char *name;
        if (!parse_word(p, &name)) {
            return false;
        }
        gen_class_field(p->f, c, type, name);
    }
    return true;
}

static bool parse_statics(struct parser *p, struct gen_class *c)
{
    enum hprof_type type;
    while ((type = at_type(p)) != 0) {
        gen_lex_next(&p->lex);
        const char *name;
        uint64_t value = 0;
        if (!parse_word(p, &name)) {
            return false;
        }
        if (p->lex.kind == GEN_EQUALS) {
            gen_lex_next(&p->lex);
            if (!parse_value(p, type, &value)) {
                return false;
            }
        }
        gen_class_static(p->f, c, type, name, value);
    }
    return true;
}

static bool parse_constants(struct parser *p, struct gen_class *c)
{
    enum hprof_type type;
    while ((type = at_type(p)) != 0) {
        gen_lex_next(&p->lex);
        uint64_t value;
        if (!parse_value(p, type, &value)) {
            return false;
        }
        struct gen_static *s = sup_push(&c->constants);
        s->field.type = type;
        s->value = value;
    }
    return true;
}

static bool parse_class_reference(struct parser *p, const char *none, uint64_t *ret)
{
    if (parse_keyword(p, none)) {
        *ret = 0;
        return true;
    }
    return parse_class(p, ret);
}

static bool parse_class_part(struct parser *p, struct gen_class *c)
{
    if (parse_keyword(p, "super")) {
        return parse_class_reference(p, "none", &c->super);
    }
    if (parse_keyword(p, "loader")) {
        return parse_class_reference(p, "boot", &c->loader);
    }
    if (parse_keyword(p, "signers")) {
        return parse_address(p, &c->signers);
    }
    if (parse_keyword(p, "domain")) {
        return parse_address(p, &c->domain);
    }
    if (parse_keyword(p, "size")) {
        return parse_number(p, &c->instance_size);
    }
    if (parse_keyword(p, "fields")) {
        return parse_fields(p, c);
    }
    if (parse_keyword(p, "statics")) {
        return parse_statics(p, c);
    }
    if (parse_keyword(p, "constants")) {
        return parse_constants(p, c);
    }
    if (parse_keyword(p, "nodump")) {
        c->no_dump = true;
        return true;
    }
    if (parse_keyword(p, "noload")) {
        c->no_load = true;
        return true;
    }
    return parse_fail(p, "'%s' is no part of a class", token_text(p));
}

static bool class_directive(struct parser *p)
{
    const char *name;
    uint64_t id;
    if (!parse_word(p, &name) || !parse_own_id(p, &id)) {
        return false;
    }
    const struct gen_class *object = gen_class_by_name(gen_heap(p->f), "java.lang.Object");
    struct gen_class *c = gen_class_add(p->f, id, name, object != NULL ? object->id : 0, 0);
    while (!at_end(p)) {
        if (!parse_class_part(p, c)) {
            return false;
        }
    }
    return true;
}

/* --- object ------------------------------------------------------------------------------------------------------ */

bool parse_assignment(struct parser *p, size_t at)
{
    const char *name;
    if (!parse_word(p, &name)) {
        return false;
    }
    if (p->lex.kind != GEN_EQUALS) {
        return parse_fail(p, "expected '=' after '%s'", name);
    }
    gen_lex_next(&p->lex);
    const struct gen_object *o = &gen_heap(p->f)->objects.data[at];
    enum hprof_type type = gen_instance_type(gen_heap(p->f), o, name);
    if (type == 0) {
        return parse_fail(p, "the class has no field '%s'", name);
    }
    uint64_t value;
    if (!parse_value(p, type, &value)) {
        return false;
    }
    gen_instance_set(p->f, &gen_heap(p->f)->objects.data[at], name, value);
    return true;
}

static bool object_directive(struct parser *p)
{
    uint64_t id;
    uint64_t cls;
    if (!parse_own_id(p, &id) || !parse_class(p, &cls)) {
        return false;
    }
    size_t at = gen_heap(p->f)->objects.count;
    struct gen_object *o = gen_instance_add(p->f, id, cls);
    while (!at_end(p)) {
        if (parse_keyword(p, "trace")) {
            if (!parse_u32(p, &gen_heap(p->f)->objects.data[at].trace)) {
                return false;
            }
        } else if (parse_keyword(p, "bytes")) {
            struct sup_bytes bytes = {0};
            bool ok = parse_bytes(p, &bytes);
            o = &gen_heap(p->f)->objects.data[at];
            sup_bytes_put(&bytes, "", 1); /* never NULL, even when empty */
            o->data = bytes.data;
            o->data_bytes = (uint32_t)bytes.count - 1;
            sup_free(o->values);
            o->values = NULL;
            o->count = 0;
            return ok;
        } else if (!parse_assignment(p, at)) {
            return false;
        }
    }
    return true;
}

/* --- arrays ------------------------------------------------------------------------------------------------------ */

struct elements {
    uint64_t *data;
    size_t count;
    size_t capacity;
};

static bool parse_count(struct parser *p, uint64_t *ret)
{
    if (!parse_unsigned(p, ret) || *ret > ELEMENTS_MAX) {
        return parse_fail(p, "expected elements in brackets, or how many");
    }
    return true;
}

/* "[a, b*3, c]" or a number: that many zeros. */
static bool parse_elements(struct parser *p, enum hprof_type type, struct elements *ret)
{
    if (p->lex.kind != GEN_OPEN) {
        uint64_t count;
        if (!parse_count(p, &count)) {
            return false;
        }
        for (uint64_t i = 0; i < count; i++) {
            *sup_push(ret) = 0;
        }
        return true;
    }
    gen_lex_next(&p->lex);
    while (p->lex.kind != GEN_CLOSE) {
        uint64_t repeat = parse_repeat(p);
        uint64_t value;
        if (!parse_value(p, type, &value)) {
            return false;
        }
        if (repeat > ELEMENTS_MAX) {
            return parse_fail(p, "too many elements");
        }
        for (uint64_t i = 0; i < repeat; i++) {
            *sup_push(ret) = value;
        }
    }
    gen_lex_next(&p->lex);
    return true;
}

static bool array_directive(struct parser *p)
{
    uint64_t id;
    uint64_t cls;
    if (!parse_own_id(p, &id)) {
        return false;
    }
    if (at_address(p)) {
        if (!parse_address(p, &cls)) {
            return false;
        }
    } else {
        const char *name;
        if (!parse_word(p, &name)) {
            return false;
        }
        if (!gen_name_is_array(name)) {
            return parse_fail(p, "'%s' is no array class", name);
        }
        cls = gen_array_class(p->f, name);
        if (cls == 0) {
            return parse_fail(p, "unknown element class of '%s'", name);
        }
    }
    struct elements elements = {0};
    size_t at = gen_heap(p->f)->objects.count;
    gen_array_add(p->f, id, cls, 0);
    bool ok = parse_elements(p, HPROF_OBJECT, &elements);
    struct gen_object *o = &gen_heap(p->f)->objects.data[at];
    sup_free(o->values);
    o->values = elements.data;
    o->count = (uint32_t)elements.count;
    return ok && (!parse_keyword(p, "trace") || parse_u32(p, &o->trace));
}

static bool prim_from_text(struct parser *p, uint64_t id, enum hprof_type type)
{
    if (type == HPROF_BYTE) {
        struct gen_object *o = gen_prim_add(p->f, id, type, (uint32_t)p->lex.len);
        memcpy(o->data, p->lex.text, p->lex.len);
    } else if (type == HPROF_CHAR) {
        gen_char_array_add(p->f, id, p->lex.text);
    } else {
        return parse_fail(p, "only bytes and chars can be a text");
    }
    gen_lex_next(&p->lex);
    return true;
}

static bool parse_prim(struct parser *p, enum hprof_type type)
{
    uint64_t id;
    if (!parse_own_id(p, &id)) {
        return false;
    }
    if (p->lex.kind == GEN_STRING) {
        return prim_from_text(p, id, type);
    }
    if (p->lex.kind != GEN_OPEN) {
        uint64_t count;
        if (!parse_count(p, &count)) {
            return false;
        }
        gen_prim_add(p->f, id, type, (uint32_t)count); /* zeros: not one by one, there may be millions */
        return true;
    }
    struct elements elements = {0};
    bool ok = parse_elements(p, type, &elements);
    if (ok) {
        unsigned width = hprof_type_bytes(type, 8);
        struct gen_object *o = gen_prim_add(p->f, id, type, (uint32_t)elements.count);
        struct sup_bytes data = {0};
        for (size_t i = 0; i < elements.count; i++) {
            sup_bytes_put_be(&data, elements.data[i], width);
        }
        if (data.count > 0) {
            memcpy(o->data, data.data, data.count);
        }
        sup_bytes_free(&data);
    }
    sup_vec_free(&elements);
    return ok;
}

static bool booleans_directive(struct parser *p)
{
    return parse_prim(p, HPROF_BOOLEAN);
}

static bool chars_directive(struct parser *p)
{
    return parse_prim(p, HPROF_CHAR);
}

static bool floats_directive(struct parser *p)
{
    return parse_prim(p, HPROF_FLOAT);
}

static bool doubles_directive(struct parser *p)
{
    return parse_prim(p, HPROF_DOUBLE);
}

static bool bytes_directive(struct parser *p)
{
    return parse_prim(p, HPROF_BYTE);
}

static bool shorts_directive(struct parser *p)
{
    return parse_prim(p, HPROF_SHORT);
}

static bool ints_directive(struct parser *p)
{
    return parse_prim(p, HPROF_INT);
}

static bool longs_directive(struct parser *p)
{
    return parse_prim(p, HPROF_LONG);
}

static bool string_directive(struct parser *p)
{
    uint64_t id;
    if (!parse_own_id(p, &id)) {
        return false;
    }
    if (p->lex.kind != GEN_STRING) {
        return parse_fail(p, "expected a text in quotes, got '%s'", token_text(p));
    }
    if (gen_string_add(p->f, id, p->lex.text) == 0) {
        return parse_fail(p, "a string needs java.lang.String ('use jdk17')");
    }
    gen_lex_next(&p->lex);
    return true;
}

const struct directive gen_model_directives[] = {
    {"class", class_directive},
    {"object", object_directive},
    {"array", array_directive},
    {"booleans", booleans_directive},
    {"chars", chars_directive},
    {"floats", floats_directive},
    {"doubles", doubles_directive},
    {"bytes", bytes_directive},
    {"shorts", shorts_directive},
    {"ints", ints_directive},
    {"longs", longs_directive},
    {"string", string_directive},
    {NULL, NULL},
};
