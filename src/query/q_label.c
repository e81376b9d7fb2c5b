/* SPDX-License-Identifier: MIT */
/*
 * What a person would call an object. A table says which field of which class names its instances; a class is looked for from the object's
 * class upwards, so the nearest entry wins.
 */
#include "ha/query/q_label.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ha/base/mutf8.h"
#include "ha/query/q_threads.h"

enum recipe {
    QUOTED, /* text of the field, in quotes */
    PLAIN,  /* text of the field */
    VALUE,  /* primitive value of the field */
    SIZE,   /* "size N" */
    MEMBER, /* class and name of a method or field */
    URL
};

static const struct {
    const char *class_name;
    enum recipe recipe;
    const char *field;
} recipes[] = {
    {"java.lang.Thread", QUOTED, "name"},
    {"java.lang.ThreadGroup", QUOTED, "name"},
    {"java.lang.Boolean", VALUE, "value"},
    {"java.lang.Byte", VALUE, "value"},
    {"java.lang.Character", VALUE, "value"},
    {"java.lang.Double", VALUE, "value"},
    {"java.lang.Float", VALUE, "value"},
    {"java.lang.Integer", VALUE, "value"},
    {"java.lang.Long", VALUE, "value"},
    {"java.lang.Short", VALUE, "value"},
    {"java.util.concurrent.atomic.AtomicBoolean", VALUE, "value"},
    {"java.util.concurrent.atomic.AtomicInteger", VALUE, "value"},
    {"java.util.concurrent.atomic.AtomicLong", VALUE, "value"},
    {"java.lang.Enum", PLAIN, "name"},
    {"java.lang.ClassLoader", PLAIN, "name"},
    {"java.lang.Module", PLAIN, "name"},
    {"java.lang.Package", PLAIN, "pkgName"},
    {"java.lang.Throwable", QUOTED, "detailMessage"},
    {"java.lang.reflect.Field", MEMBER, "name"},
    {"java.lang.reflect.Method", MEMBER, "name"},
    {"java.lang.reflect.Constructor", MEMBER, NULL},
    {"java.io.File", PLAIN, "path"},
    {"java.io.FileInputStream", PLAIN, "path"},
    {"java.io.FileOutputStream", PLAIN, "path"},
    {"java.io.RandomAccessFile", PLAIN, "path"},
    {"java.util.zip.ZipFile", PLAIN, "name"},
    {"sun.nio.fs.UnixPath", PLAIN, "stringValue"},
    {"sun.nio.fs.WindowsPath", PLAIN, "path"},
    {"java.net.URI", PLAIN, "string"},
    {"java.net.URL", URL, NULL},
    {"java.nio.charset.Charset", PLAIN, "name"},
    {"java.util.regex.Pattern", QUOTED, "pattern"},
    {"java.util.ArrayList", SIZE, "size"},
    {"java.util.ArrayDeque", SIZE, NULL},
    {"java.util.HashMap", SIZE, "size"},
    {"java.util.Hashtable", SIZE, "count"},
    {"java.util.IdentityHashMap", SIZE, "size"},
    {"java.util.LinkedList", SIZE, "size"},
    {"java.util.PriorityQueue", SIZE, "size"},
    {"java.util.TreeMap", SIZE, "size"},
    {"java.util.Vector", SIZE, "elementCount"},
    {"java.util.WeakHashMap", SIZE, "size"},
    {"java.util.concurrent.ConcurrentHashMap", SIZE, "baseCount"},
    {"java.util.concurrent.LinkedBlockingDeque", SIZE, "count"},
    {"java.util.concurrent.ArrayBlockingQueue", SIZE, "count"},
};

/* Takes back what was appended since `len`. */
static void cut_back(struct ha_sbuf *out, size_t len)
{
    if (out->data != NULL && len <= out->len) {
        out->len = len;
        out->data[len] = '\0';
    }
}

/* ---- values ---- */

static void floating_text(double value, int digits_short, int digits_exact, bool is_float,
                          struct ha_sbuf *out)
{
    if (isnan(value) || isinf(value)) {
        ha_sbuf_puts(out, isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
        return;
    }
    char text[64];
    snprintf(text, sizeof text, "%.*g", digits_short, value);
    bool same = is_float ? (float)strtod(text, NULL) == (float)value : strtod(text, NULL) == value;
    if (!same) {
        snprintf(text, sizeof text, "%.*g", digits_exact, value);
    }
    ha_sbuf_puts(out, text);
    if (strpbrk(text, ".e") == NULL) {
        ha_sbuf_puts(out, ".0");
    }
}

void ha_value_text(const struct ha_value *value, struct ha_sbuf *out)
{
    switch (value->type) {
    case HA_TYPE_BOOLEAN:
        ha_sbuf_puts(out, value->bits != 0 ? "true" : "false");
        break;
    case HA_TYPE_CHAR: {
        uint8_t unit[2] = {(uint8_t)(value->bits >> 8), (uint8_t)value->bits};
        ha_sbuf_putc(out, '\'');
        ha_text_from_utf16(out, unit, sizeof unit, true, 1);
        ha_sbuf_putc(out, '\'');
        break;
    }
    case HA_TYPE_FLOAT: {
        uint32_t bits = (uint32_t)value->bits;
        float f;
        memcpy(&f, &bits, sizeof f);
        floating_text((double)f, 6, 9, true, out);
        break;
    }
    case HA_TYPE_DOUBLE: {
        double d;
        memcpy(&d, &value->bits, sizeof d);
        floating_text(d, 15, 17, false, out);
        break;
    }
    case HA_TYPE_BYTE:
    case HA_TYPE_SHORT:
    case HA_TYPE_INT:
    case HA_TYPE_LONG:
        ha_sbuf_printf(out, "%" PRId64, (int64_t)value->bits);
        break;
    case HA_TYPE_REFERENCE:
        ha_sbuf_printf(out, "0x%" PRIx64, value->bits);
        break;
    }
}

/* ---- texts ---- */

static bool char_array_text(struct ha_query *q, ha_obj array, size_t max_chars, struct ha_sbuf *out,
                            bool *ret_cut)
{
    struct ha_body body;
    if (!ha_heap_body(q->snapshot->heap, &q->window, array, &body)) {
        return false;
    }
    size_t most =
        max_chars == 0 || max_chars > HA_WINDOW_MAX / 4 ? HA_WINDOW_MAX : max_chars * 4 + 4;
    size_t len = body.bytes < most ? (size_t)body.bytes : most;
    const uint8_t *p = ha_window_at(&q->window, body.off, len);
    if (p == NULL) {
        return false;
    }
    bool cut = ha_text_from_utf16(out, p, len & ~(size_t)1, true, max_chars);
    *ret_cut = cut || len < body.bytes;
    return true;
}

static bool is_char_array(const struct ha_heap *heap, ha_obj obj)
{
    const struct ha_class *cls = ha_heap_class(heap, ha_heap_class_of(heap, obj));
    return cls->kind == HA_CLASS_PRIMITIVE_ARRAY && cls->element_type == HA_TYPE_CHAR;
}

/* The text of a String or char[]. */
static bool text_of(struct ha_query *q, ha_obj obj, size_t max_chars, struct ha_sbuf *out,
                    bool *ret_cut)
{
    *ret_cut = false;
    if (is_char_array(q->snapshot->heap, obj)) {
        return char_array_text(q, obj, max_chars, out, ret_cut);
    }
    return ha_heap_string(q->snapshot->heap, &q->window, obj, max_chars, out, ret_cut);
}

static bool field_text(struct ha_query *q, ha_obj obj, const char *field, size_t max_chars,
                       struct ha_sbuf *out, bool *ret_cut)
{
    ha_obj text;
    return ha_heap_read_reference(q->snapshot->heap, &q->window, obj, field, &text) &&
           text_of(q, text, max_chars, out, ret_cut);
}

bool ha_object_field_text(struct ha_query *q, ha_obj obj, const char *field, size_t max_chars,
                          struct ha_sbuf *out)
{
    bool cut;
    return field_text(q, obj, field, max_chars, out, &cut);
}

/* ---- recipes ---- */

static bool quoted(struct ha_query *q, ha_obj obj, const char *field, struct ha_sbuf *out)
{
    size_t start = out->len;
    bool cut = false;
    ha_sbuf_putc(out, '"');
    bool done = field == NULL ? text_of(q, obj, HA_LABEL_CHARS, out, &cut)
                              : field_text(q, obj, field, HA_LABEL_CHARS, out, &cut);
    if (!done) {
        cut_back(out, start);
        return false;
    }
    ha_sbuf_puts(out, cut ? "\"…" : "\"");
    return true;
}

static bool plain(struct ha_query *q, ha_obj obj, const char *field, struct ha_sbuf *out)
{
    bool cut;
    if (!field_text(q, obj, field, HA_LABEL_CHARS, out, &cut)) {
        return false;
    }
    if (cut) {
        ha_sbuf_puts(out, "…");
    }
    return true;
}

static bool primitive(struct ha_query *q, ha_obj obj, const char *field, struct ha_sbuf *out)
{
    const struct ha_heap *heap = q->snapshot->heap;
    struct ha_field_at at;
    struct ha_value value;
    if (!ha_heap_field_find(heap, ha_heap_class_of(heap, obj), NULL, field, &at) ||
        at.field->type == HA_TYPE_REFERENCE || !ha_heap_read(heap, &q->window, obj, &at, &value)) {
        return false;
    }
    ha_value_text(&value, out);
    return true;
}

/* "size N". An ArrayDeque has no count of its own, only two ends of a ring. */
static bool size_of_collection(struct ha_query *q, ha_obj obj, const char *field,
                               struct ha_sbuf *out)
{
    const struct ha_heap *heap = q->snapshot->heap;
    int64_t size;
    if (field == NULL) {
        int64_t head;
        int64_t tail;
        ha_obj ring;
        if (!ha_heap_read_long(heap, &q->window, obj, "head", &head) ||
            !ha_heap_read_long(heap, &q->window, obj, "tail", &tail) ||
            !ha_heap_read_reference(heap, &q->window, obj, "elements", &ring)) {
            return false;
        }
        size = tail - head;
        size += size < 0 ? (int64_t)ha_heap_array_length(heap, ring) : 0;
    } else if (!ha_heap_read_long(heap, &q->window, obj, field, &size)) {
        return false;
    }
    ha_sbuf_printf(out, "size %" PRId64, size);
    return true;
}

static bool member(struct ha_query *q, ha_obj obj, const char *field, struct ha_sbuf *out)
{
    const struct ha_heap *heap = q->snapshot->heap;
    ha_obj owner;
    ha_cls cls;
    if (!ha_heap_read_reference(heap, &q->window, obj, "clazz", &owner) ||
        !ha_heap_as_class(heap, owner, &cls)) {
        return false;
    }
    ha_sbuf_puts(out, ha_heap_class(heap, cls)->name);
    if (field != NULL) {
        size_t start = out->len;
        ha_sbuf_putc(out, '.');
        if (!plain(q, obj, field, out)) {
            cut_back(out, start);
        }
    }
    return true;
}

static bool url(struct ha_query *q, ha_obj obj, struct ha_sbuf *out)
{
    size_t start = out->len;
    bool any = plain(q, obj, "protocol", out);
    ha_sbuf_putc(out, ':');
    size_t host = out->len;
    ha_sbuf_puts(out, "//");
    if (plain(q, obj, "host", out) && out->len > host + 2) {
        int64_t port;
        if (ha_heap_read_long(q->snapshot->heap, &q->window, obj, "port", &port) && port >= 0) {
            ha_sbuf_printf(out, ":%" PRId64, port);
        }
    } else {
        cut_back(out, host);
    }
    any = plain(q, obj, "file", out) || any;
    if (!any) {
        cut_back(out, start);
    }
    return any;
}

static bool follow(struct ha_query *q, ha_obj obj, size_t recipe, struct ha_sbuf *out)
{
    const char *field = recipes[recipe].field;
    switch (recipes[recipe].recipe) {
    case QUOTED:
        return quoted(q, obj, field, out);
    case PLAIN:
        return plain(q, obj, field, out);
    case VALUE:
        return primitive(q, obj, field, out);
    case SIZE:
        return size_of_collection(q, obj, field, out);
    case MEMBER:
        return member(q, obj, field, out);
    case URL:
        return url(q, obj, out);
    }
    return false;
}

#define DEPTH_MAX 256 /* levels of a class hierarchy that are looked at */

#define RECIPES (sizeof recipes / sizeof recipes[0])
#define RECIPE_NONE UINT8_MAX
static_assert(RECIPES < RECIPE_NONE - 1, "numbers of recipes (+ 1) fit in a byte");

/* The recipe (+ 1) for the instances of a class: that of the nearest superclass that has one. RECIPE_NONE: there is none. */
static uint8_t find_recipe(const struct ha_heap *heap, ha_cls cls)
{
    for (uint32_t depth = 0; depth < DEPTH_MAX && cls.i < heap->facts.class_count; depth++) {
        const struct ha_class *c = ha_heap_class(heap, cls);
        for (size_t i = 0; i < RECIPES; i++) {
            if (strcmp(recipes[i].class_name, c->name) == 0) {
                return (uint8_t)(i + 1);
            }
        }
        cls = c->super;
    }
    return RECIPE_NONE;
}

static bool label_instance(struct ha_query *q, ha_obj obj, struct ha_sbuf *out)
{
    const struct ha_heap *heap = q->snapshot->heap;
    ha_cls cls = ha_heap_class_of(heap, obj);
    if (q->recipes == NULL) {
        q->recipes = ha_arena_calloc(&q->arena, (size_t)heap->facts.class_count + 1, sizeof *q->recipes);
    }
    uint8_t recipe = q->recipes != NULL ? q->recipes[cls.i] : 0;
    if (recipe == 0) {
        recipe = find_recipe(heap, cls);
    }
    if (q->recipes != NULL) {
        q->recipes[cls.i] = recipe;
    }
    return recipe != RECIPE_NONE && follow(q, obj, recipe - 1U, out);
}

bool ha_object_label(struct ha_query *q, ha_obj obj, struct ha_sbuf *out)
{
    const struct ha_heap *heap = q->snapshot->heap;
    ha_cls stands_for;
    if (ha_heap_as_class(heap, obj, &stands_for)) {
        ha_sbuf_puts(out, ha_heap_class(heap, stands_for)->name);
        return true;
    }
    const struct ha_class *cls = ha_heap_class(heap, ha_heap_class_of(heap, obj));
    if (cls->kind != HA_CLASS_INSTANCE) {
        ha_sbuf_printf(out, "length %" PRIu32, ha_heap_array_length(heap, obj));
        return true;
    }
    if ((cls->flags & HA_CLASS_IS_STRING) != 0) {
        return quoted(q, obj, NULL, out);
    }
    return label_instance(q, obj, out);
}

struct ha_err *ha_object_describe(struct ha_query *q, ha_obj obj, struct ha_arena *arena,
                                  struct ha_object_record *ret)
{
    const struct ha_heap *heap = q->snapshot->heap;
    struct ha_object_record r = {
        .obj = obj,
        .address = ha_heap_address(heap, obj),
        .class_name = ha_heap_class(heap, ha_heap_class_of(heap, obj))->name,
        .shallow_bytes = ha_query_shallow(q, obj),
        .retained_bytes = ha_query_retained(q, obj),
        .reachable = ha_query_reachable(q, obj),
    };
    ha_cls stands_for;
    if (ha_heap_as_class(heap, obj, &stands_for)) {
        r.is_class = ha_heap_class(heap, stands_for)->name;
    }
    struct ha_sbuf text = {0};
    struct ha_err *err = NULL;
    if (ha_object_label(q, obj, &text)) {
        r.label =
            ha_sbuf_failed(&text) ? NULL : ha_arena_strndup(arena, ha_sbuf_text(&text), text.len);
        err = r.label == NULL ? ha_err_nomem() : NULL;
    }
    ha_sbuf_deinit(&text);
    if (err == NULL) {
        *ret = r;
    }
    return err;
}
