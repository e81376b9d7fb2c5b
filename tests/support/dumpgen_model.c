/* SPDX-License-Identifier: MIT */
/*
 * The model of dumpgen.h: adding and finding its parts. Classes are found by name with a linear search; heaps of tests have few.
 */
#include "dumpgen.h"

#include <string.h>

/* --- names and types --------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    enum hprof_type type;
} type_names[] = {
    {"object", HPROF_OBJECT}, {"ref", HPROF_OBJECT},  {"boolean", HPROF_BOOLEAN},
    {"char", HPROF_CHAR},     {"float", HPROF_FLOAT}, {"double", HPROF_DOUBLE},
    {"byte", HPROF_BYTE},     {"short", HPROF_SHORT}, {"int", HPROF_INT},
    {"long", HPROF_LONG},
};

enum hprof_type gen_type_by_name(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof type_names / sizeof type_names[0]; i++) {
        if (strlen(type_names[i].name) == len && memcmp(type_names[i].name, name, len) == 0) {
            return type_names[i].type;
        }
    }
    return (enum hprof_type)0;
}

const char *gen_type_name(enum hprof_type type)
{
    for (size_t i = 0; i < sizeof type_names / sizeof type_names[0]; i++) {
        if (type_names[i].type == type) {
            return type_names[i].name;
        }
    }
    return "?";
}

bool gen_name_is_array(const char *name)
{
    size_t len = strlen(name);
    return len > 2 && strcmp(name + len - 2, "[]") == 0;
}

const char *gen_name(struct gen_file *f, const char *text, size_t len)
{
    uint64_t hash = 0xcbf29ce484222325ULL;
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ (uint8_t)text[i]) * 0x100000001b3ULL;
    }
    for (;; hash++) { /* equal hashes of different names: try the next */
        uint32_t at = sup_map_get(&f->names_by_hash, hash);
        if (at == SUP_MAP_NONE) {
            break;
        }
        const char *known = f->names.data[at];
        if (strlen(known) == len && memcmp(known, text, len) == 0) {
            return known;
        }
    }
    sup_map_put(&f->names_by_hash, hash, (uint32_t)f->names.count);
    char *copy = sup_strndup(text, len);
    *sup_push(&f->names) = copy;
    return copy;
}

static const char *name_of(struct gen_file *f, const char *text)
{
    return gen_name(f, text, strlen(text));
}

/* --- the file and its heaps -------------------------------------------------------------------------------------- */

void gen_file_init(struct gen_file *f)
{
    *f = (struct gen_file){0};
    memcpy(f->version, "1.0.2", 6);
    f->options.out.id_size = 8;
    f->options.order[0] = GEN_CLASSES;
    f->options.order[1] = GEN_OBJECTS;
    f->options.order[2] = GEN_ROOTS;
    f->options.ref_bytes = 4;
    f->options.alignment = 8;
    f->options.trace = 1;
    gen_heap_add(f, false);
}

static void heap_free(struct gen_heap *h)
{
    for (size_t i = 0; i < h->classes.count; i++) {
        sup_vec_free(&h->classes.data[i].fields);
        sup_vec_free(&h->classes.data[i].statics);
        sup_vec_free(&h->classes.data[i].constants);
    }
    for (size_t i = 0; i < h->objects.count; i++) {
        sup_free(h->objects.data[i].values);
        sup_free(h->objects.data[i].data);
    }
    for (size_t i = 0; i < h->raws.count; i++) {
        sup_bytes_free(&h->raws.data[i].bytes);
    }
    sup_vec_free(&h->classes);
    sup_vec_free(&h->objects);
    sup_vec_free(&h->roots);
    sup_vec_free(&h->raws);
    sup_vec_free(&h->labels);
    sup_map_free(&h->class_of_id);
    sup_map_free(&h->object_of_id);
    sup_free(h);
}

void gen_file_deinit(struct gen_file *f)
{
    for (size_t i = 0; i < f->heaps.count; i++) {
        heap_free(f->heaps.data[i]);
    }
    for (size_t i = 0; i < f->traces.count; i++) {
        sup_vec_free(&f->traces.data[i].frames);
    }
    for (size_t i = 0; i < f->patches.count; i++) {
        sup_bytes_free(&f->patches.data[i].bytes);
    }
    for (size_t i = 0; i < f->names.count; i++) {
        sup_free(f->names.data[i]);
    }
    sup_vec_free(&f->heaps);
    sup_vec_free(&f->traces);
    sup_vec_free(&f->patches);
    sup_vec_free(&f->names);
    sup_map_free(&f->names_by_hash);
}

struct gen_heap *gen_heap(struct gen_file *f)
{
    return f->heaps.data[f->heaps.count - 1];
}

static void *duplicate(const void *data, size_t bytes)
{
    void *copy = NULL;
    if (data != NULL) {
        copy = sup_calloc(bytes, 1);
        memcpy(copy, data, bytes);
    }
    return copy;
}

#define COPY_VEC(to, from)                                                                         \
    do {                                                                                           \
        (to)->data = duplicate((from)->data, (from)->count * sizeof *(from)->data);                \
        (to)->count = (to)->capacity = (from)->count;                                              \
    } while (0)

static void heap_copy(struct gen_heap *to, const struct gen_heap *from)
{
    COPY_VEC(&to->classes, &from->classes);
    COPY_VEC(&to->objects, &from->objects);
    COPY_VEC(&to->roots, &from->roots);
    COPY_VEC(&to->labels, &from->labels);
    for (size_t i = 0; i < to->classes.count; i++) {
        const struct gen_class *c = &from->classes.data[i];
        COPY_VEC(&to->classes.data[i].fields, &c->fields);
        COPY_VEC(&to->classes.data[i].statics, &c->statics);
        COPY_VEC(&to->classes.data[i].constants, &c->constants);
        sup_map_put(&to->class_of_id, c->id, (uint32_t)i);
    }
    for (size_t i = 0; i < to->objects.count; i++) {
        const struct gen_object *o = &from->objects.data[i];
        to->objects.data[i].values = duplicate(o->values, o->count * sizeof *o->values);
        to->objects.data[i].data = duplicate(o->data, o->data_bytes);
        sup_map_put(&to->object_of_id, o->id, (uint32_t)i);
    }
    to->sticky_boot = from->sticky_boot;
}

struct gen_heap *gen_heap_add(struct gen_file *f, bool copy)
{
    struct gen_heap *h = sup_calloc(1, sizeof *h);
    if (copy) {
        heap_copy(h, gen_heap(f));
    }
    *sup_push(&f->heaps) = h;
    return h;
}

uint64_t gen_label(struct gen_file *f, const char *name, int line)
{
    struct gen_heap *h = gen_heap(f);
    for (size_t i = 0; name != NULL && i < h->labels.count; i++) {
        if (h->labels.data[i].name != NULL && strcmp(h->labels.data[i].name, name) == 0) {
            return GEN_LABEL_PREFIX + i;
        }
    }
    struct gen_label *l = sup_push(&h->labels);
    l->name = name != NULL ? name_of(f, name) : NULL;
    l->line = line;
    return GEN_LABEL_PREFIX + h->labels.count - 1;
}

/* --- classes ----------------------------------------------------------------------------------------------------- */

struct gen_class *gen_class_add(struct gen_file *f, uint64_t id, const char *name, uint64_t super,
                                uint64_t loader)
{
    struct gen_heap *h = gen_heap(f);
    struct gen_class *c = sup_push(&h->classes);
    c->id = id;
    c->name = name_of(f, name);
    c->super = super;
    c->loader = loader;
    c->instance_size = -1;
    sup_map_put(&h->class_of_id, id, (uint32_t)(h->classes.count - 1));
    return c;
}

void gen_class_field(struct gen_file *f, struct gen_class *c, enum hprof_type type,
                     const char *name)
{
    struct gen_field *field = sup_push(&c->fields);
    field->name = name_of(f, name);
    field->type = type;
}

void gen_class_static(struct gen_file *f, struct gen_class *c, enum hprof_type type,
                      const char *name, uint64_t value)
{
    struct gen_static *s = sup_push(&c->statics);
    s->field.name = name_of(f, name);
    s->field.type = type;
    s->value = value;
}

struct gen_class *gen_class_by_name(const struct gen_heap *h, const char *name)
{
    for (size_t i = 0; i < h->classes.count; i++) {
        if (strcmp(h->classes.data[i].name, name) == 0) {
            return &h->classes.data[i];
        }
    }
    return NULL;
}

struct gen_class *gen_class_by_id(const struct gen_heap *h, uint64_t id)
{
    uint32_t i = sup_map_get(&h->class_of_id, id);
    return i != SUP_MAP_NONE ? &h->classes.data[i] : NULL;
}

uint64_t gen_array_class(struct gen_file *f, const char *name)
{
    struct gen_heap *h = gen_heap(f);
    const struct gen_class *known = gen_class_by_name(h, name);
    if (known != NULL) {
        return known->id;
    }
    size_t len = strcspn(name, "[");
    const char *element = gen_name(f, name, len);
    uint64_t loader = 0;
    enum hprof_type type = gen_type_by_name(element, len);
    if (type == 0 || type == HPROF_OBJECT) {
        const struct gen_class *c = gen_class_by_name(h, element);
        if (c == NULL) {
            return 0;
        }
        loader = c->loader;
    }
    const struct gen_class *object = gen_class_by_name(h, "java.lang.Object");
    uint64_t super = object != NULL ? object->id : 0;
    return gen_class_add(f, gen_label(f, NULL, 0), name, super, loader)->id;
}

size_t gen_layout(const struct gen_heap *h, uint64_t cls, struct gen_slot *ret, size_t max)
{
    size_t n = 0;
    const struct gen_class *c = gen_class_by_id(h, cls);
    for (size_t depth = 0; c != NULL && depth <= h->classes.count; depth++) {
        for (size_t i = 0; i < c->fields.count; i++, n++) {
            if (n < max) {
                ret[n] = (struct gen_slot){c, &c->fields.data[i]};
            }
        }
        c = c->super != 0 ? gen_class_by_id(h, c->super) : NULL;
    }
    return n;
}

uint32_t gen_layout_bytes(const struct gen_heap *h, uint64_t cls, unsigned id_size)
{
    uint32_t bytes = 0;
    const struct gen_class *c = gen_class_by_id(h, cls);
    for (size_t depth = 0; c != NULL && depth <= h->classes.count; depth++) {
        for (size_t i = 0; i < c->fields.count; i++) {
            bytes += hprof_type_bytes(c->fields.data[i].type, id_size);
        }
        c = c->super != 0 ? gen_class_by_id(h, c->super) : NULL;
    }
    return bytes;
}

/* --- objects ----------------------------------------------------------------------------------------------------- */

struct gen_object *gen_object_by_id(const struct gen_heap *h, uint64_t id)
{
    uint32_t i = sup_map_get(&h->object_of_id, id);
    return i != SUP_MAP_NONE ? &h->objects.data[i] : NULL;
}

static struct gen_object *object_add(struct gen_file *f, uint64_t id, enum gen_kind kind,
                                     uint64_t cls)
{
    struct gen_heap *h = gen_heap(f);
    struct gen_object *o = sup_push(&h->objects);
    o->id = id;
    o->kind = kind;
    o->cls = cls;
    sup_map_put(&h->object_of_id, id, (uint32_t)(h->objects.count - 1));
    return o;
}

struct gen_object *gen_instance_add(struct gen_file *f, uint64_t id, uint64_t cls)
{
    struct gen_object *o = object_add(f, id, GEN_INSTANCE, cls);
    size_t count = gen_layout(gen_heap(f), cls, NULL, 0);
    o->count = (uint32_t)count;
    o->values = sup_calloc(count, sizeof *o->values);
    return o;
}

/* The position of "field", or of "com.acme.Base#field" where a sub class has a field of the same name; o->count if there is none. */
static uint32_t find_slot(const struct gen_heap *h, const struct gen_object *o, const char *field,
                          enum hprof_type *ret)
{
    const char *hash = strchr(field, '#');
    const char *name = hash != NULL ? hash + 1 : field;
    struct gen_slot *slots = sup_calloc(o->count, sizeof *slots);
    gen_layout(h, o->cls, slots, o->count);
    uint32_t at = 0;
    for (; at < o->count; at++) {
        const char *owner = slots[at].owner->name;
        bool owner_fits = hash == NULL || (strlen(owner) == (size_t)(hash - field) &&
                                           memcmp(owner, field, strlen(owner)) == 0);
        if (owner_fits && strcmp(slots[at].field->name, name) == 0) {
            *ret = slots[at].field->type;
            break;
        }
    }
    sup_free(slots);
    return at;
}

enum hprof_type gen_instance_type(const struct gen_heap *h, const struct gen_object *o,
                                  const char *field)
{
    enum hprof_type type = (enum hprof_type)0;
    find_slot(h, o, field, &type);
    return type;
}

bool gen_instance_set(struct gen_file *f, struct gen_object *o, const char *field, uint64_t value)
{
    enum hprof_type type;
    uint32_t at = find_slot(gen_heap(f), o, field, &type);
    if (at == o->count) {
        return false;
    }
    o->values[at] = value;
    return true;
}

struct gen_object *gen_array_add(struct gen_file *f, uint64_t id, uint64_t cls, uint32_t count)
{
    struct gen_object *o = object_add(f, id, GEN_OBJECT_ARRAY, cls);
    o->count = count;
    o->values = sup_calloc(count, sizeof *o->values);
    return o;
}

struct gen_object *gen_prim_add(struct gen_file *f, uint64_t id, enum hprof_type type,
                                uint32_t count)
{
    struct gen_object *o = object_add(f, id, GEN_PRIM_ARRAY, 0);
    o->type = type;
    o->count = count;
    o->data_bytes = count * hprof_type_bytes(type, f->options.out.id_size);
    o->data = sup_calloc(o->data_bytes, 1);
    return o;
}

/* Decodes UTF-8 (assumed valid) to UTF-16; returns the number of units, which is at most strlen(utf8). */
static uint32_t to_utf16(const char *utf8, uint16_t *ret)
{
    uint32_t n = 0;
    const uint8_t *p = (const uint8_t *)utf8;
    while (*p != 0) {
        unsigned more = *p >= 0xf0 ? 3 : *p >= 0xe0 ? 2 : *p >= 0xc0 ? 1 : 0;
        uint32_t code = more > 0 ? *p & (0x3fU >> more) : *p;
        for (p++; more > 0 && *p != 0; more--, p++) {
            code = code << 6 | (*p & 0x3f);
        }
        if (code >= 0x10000) {
            ret[n++] = (uint16_t)(0xd7c0 + (code >> 10));
            code = 0xdc00 | (code & 0x3ff);
        }
        ret[n++] = (uint16_t)code;
    }
    return n;
}

static struct gen_object *chars_add(struct gen_file *f, uint64_t id, const uint16_t *units,
                                    uint32_t n)
{
    struct gen_object *chars = gen_prim_add(f, id, HPROF_CHAR, n);
    for (uint32_t i = 0; i < n; i++) {
        chars->data[2 * i] = (uint8_t)(units[i] >> 8);
        chars->data[2 * i + 1] = (uint8_t)units[i];
    }
    return chars;
}

struct gen_object *gen_char_array_add(struct gen_file *f, uint64_t id, const char *utf8)
{
    uint16_t *units = sup_calloc(strlen(utf8) + 1, sizeof *units);
    uint32_t n = to_utf16(utf8, units);
    struct gen_object *chars = chars_add(f, id, units, n);
    sup_free(units);
    return chars;
}

/* The value array of a string; *ret_utf16 tells whether its coder is 1. */
static uint64_t string_value_add(struct gen_file *f, const uint16_t *units, uint32_t n,
                                 bool *ret_utf16)
{
    uint64_t id = gen_label(f, NULL, 0);
    *ret_utf16 = false;
    if (f->options.strings == GEN_STRING_CHARS) {
        chars_add(f, id, units, n);
        return id;
    }
    for (uint32_t i = 0; i < n; i++) {
        *ret_utf16 |= units[i] > 0xff;
    }
    struct gen_object *bytes = gen_prim_add(f, id, HPROF_BYTE, *ret_utf16 ? 2 * n : n);
    for (uint32_t i = 0; i < n; i++) {
        if (*ret_utf16) { /* in the byte order of the JVM's host: little-endian */
            bytes->data[2 * i] = (uint8_t)units[i];
            bytes->data[2 * i + 1] = (uint8_t)(units[i] >> 8);
        } else {
            bytes->data[i] = (uint8_t)units[i];
        }
    }
    return id;
}

uint64_t gen_string_add(struct gen_file *f, uint64_t id, const char *utf8)
{
    const struct gen_class *c = gen_class_by_name(gen_heap(f), "java.lang.String");
    if (c == NULL) {
        return 0;
    }
    uint16_t *units = sup_calloc(strlen(utf8) + 1, sizeof *units);
    uint32_t n = to_utf16(utf8, units);
    size_t at = gen_heap(f)->objects.count;
    gen_instance_add(f, id, c->id);
    bool utf16;
    uint64_t value = string_value_add(f, units, n, &utf16);
    struct gen_object *o = &gen_heap(f)->objects.data[at];
    gen_instance_set(f, o, "value", value);
    gen_instance_set(f, o, "coder", utf16);
    gen_instance_set(f, o, "count", n);
    sup_free(units);
    return id;
}

/* --- roots and traces -------------------------------------------------------------------------------------------- */

struct gen_root *gen_root_add(struct gen_file *f, enum hprof_root kind, uint64_t id)
{
    struct gen_root *r = sup_push(&gen_heap(f)->roots);
    r->kind = kind;
    r->id = id;
    return r;
}

struct gen_trace *gen_trace_add(struct gen_file *f, uint32_t serial, uint32_t thread)
{
    struct gen_trace *t = sup_push(&f->traces);
    t->serial = serial;
    t->thread = thread;
    return t;
}

struct gen_frame *gen_frame_add(struct gen_file *f, struct gen_trace *t, const char *cls,
                                const char *method)
{
    struct gen_frame *frame = sup_push(&t->frames);
    frame->class_name = name_of(f, cls);
    frame->method = name_of(f, method);
    frame->signature = name_of(f, "()V");
    frame->line = -1;
    return frame;
}
