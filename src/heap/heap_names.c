/* SPDX-License-Identifier: MIT */
/*
 * Names while the index is being built: the strings of the file are remembered by (id, offset) and read only when something is called by
 * them; the text section holds each needed name once, NUL-terminated.
 */
#include "ha/heap/heap_build.h"

#include "ha/base/mutf8.h"

#include <stdlib.h>
#include <string.h>

#define NAME_BYTES_MAX 65535U /* as in a class file; longer strings are cut */
#define TEXT_BYTES_MAX 0xfff00000U

static int compare_strings(const void *a, const void *b)
{
    const struct ha_build_string *x = a, *y = b;
    if (x->id != y->id) {
        return x->id < y->id ? -1 : 1;
    }
    return (x->off > y->off) - (x->off < y->off);
}

struct ha_err *ha_build_names_sort(struct ha_build *build)
{
    if (build->strings.count > 1) {
        qsort(build->strings.data, build->strings.count, sizeof *build->strings.data, compare_strings);
    }
    return NULL;
}

/* The first string of that id; NULL if there is none. */
static const struct ha_build_string *find(const struct ha_build *build, uint64_t id)
{
    size_t low = 0, high = build->strings.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (build->strings.data[middle].id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < build->strings.count && build->strings.data[low].id == id ? &build->strings.data[low] : NULL;
}

void ha_build_string_text(struct ha_build *build, struct ha_window *window, uint64_t id, struct ha_sbuf *out)
{
    ha_sbuf_clear(out);
    const struct ha_build_string *string = id == 0 ? NULL : find(build, id);
    if (string == NULL || string->len == 0) {
        return;
    }
    size_t len = string->len < NAME_BYTES_MAX ? string->len : NAME_BYTES_MAX;
    const uint8_t *p = ha_window_at(window, string->off, len);
    bool bad = false;
    if (p == NULL) {
        ha_err_free(ha_window_error(window));
        return;
    }
    ha_text_from_mutf8(out, p, len, 0, &bad);
    uint32_t told = HA_IDMAP_NONE;
    if (bad && ha_idmap_add(&build->bad_strings, string->off, 0, &told) && told == HA_IDMAP_NONE) {
        ha_diag_add(build->diag, HA_DIAG_BAD_STRING, string->off, 1, "names are not valid UTF-8; what could not be decoded is shown as U+FFFD");
    }
}

bool ha_build_string_is(struct ha_build *build, struct ha_window *window, uint64_t id, const char *text)
{
    const struct ha_build_string *string = id == 0 ? NULL : find(build, id);
    if (string == NULL || string->len != strlen(text)) {
        return false;
    }
    const uint8_t *p = ha_window_at(window, string->off, string->len);
    ha_err_free(p == NULL ? ha_window_error(window) : NULL);
    return p != NULL && memcmp(p, text, string->len) == 0;
}

struct ha_err *ha_build_text(struct ha_build *build, const char *text, size_t len, uint32_t *ret)
{
    if (build->text.count > TEXT_BYTES_MAX - len - 1) {
        return ha_err_new(HA_ERR_LIMIT, "the names of classes, fields and methods take more than 4 GiB");
    }
    if (!ha_vec_reserve(&build->text, len + 1)) {
        return ha_err_nomem();
    }
    *ret = (uint32_t)build->text.count;
    for (size_t i = 0; i < len; i++) {
        build->text.data[build->text.count + i] = text[i] == '\0' ? ' ' : text[i];
    }
    build->text.data[build->text.count + len] = '\0';
    build->text.count += len + 1;
    return NULL;
}

struct ha_err *ha_build_text_of_string(struct ha_build *build, struct ha_window *window, uint64_t id, uint32_t *ret)
{
    uint32_t known = ha_idmap_get(&build->text_of_string, id);
    if (known != HA_IDMAP_NONE) {
        *ret = known;
        return NULL;
    }
    struct ha_sbuf out = {0};
    ha_build_string_text(build, window, id, &out);
    struct ha_err *err = ha_sbuf_failed(&out) ? ha_err_nomem() : ha_build_text(build, ha_sbuf_text(&out), out.len, ret);
    ha_sbuf_deinit(&out);
    if (err == NULL && !ha_idmap_add(&build->text_of_string, id, *ret, NULL)) {
        err = ha_err_nomem();
    }
    return err;
}

/* ---- class names ---- */

static const char *primitive_name(char code)
{
    switch (code) {
    case 'Z':
        return "boolean";
    case 'C':
        return "char";
    case 'F':
        return "float";
    case 'D':
        return "double";
    case 'B':
        return "byte";
    case 'S':
        return "short";
    case 'I':
        return "int";
    case 'J':
        return "long";
    default:
        return NULL;
    }
}

/* Where the suffix of a hidden class begins ("+0x…" or "/0x…", hex digits to the end); len if there is none. */
static size_t hidden_suffix(const char *name, size_t len)
{
    size_t i = len;
    while (i > 0 && strchr("0123456789abcdefABCDEF", name[i - 1]) != NULL && name[i - 1] != '\0') {
        i--;
    }
    if (i < len && i >= 3 && name[i - 1] == 'x' && name[i - 2] == '0' && (name[i - 3] == '+' || name[i - 3] == '/' || name[i - 3] == '.')) {
        return i - 3;
    }
    return len;
}

void ha_class_name_to_source(const char *name, size_t len, struct ha_sbuf *out)
{
    size_t dimensions = 0;
    while (dimensions < len && dimensions < 255 && name[dimensions] == '[') {
        dimensions++;
    }
    name += dimensions;
    len -= dimensions;
    const char *primitive = dimensions > 0 && len == 1 ? primitive_name(name[0]) : NULL;
    if (primitive != NULL) {
        ha_sbuf_puts(out, primitive);
    } else {
        if (len >= 2 && name[0] == 'L' && name[len - 1] == ';') {
            name++;
            len -= 2;
        }
        size_t suffix = hidden_suffix(name, len);
        for (size_t i = 0; i < len; i++) {
            char c = name[i] == '/' && i < suffix ? '.' : name[i];
            ha_sbuf_putc(out, i == suffix ? '/' : c);
        }
    }
    for (; dimensions > 0; dimensions--) {
        ha_sbuf_puts(out, "[]");
    }
}

static const struct {
    const char *name;
    uint8_t type;
} primitives[] = {{"boolean", HA_TYPE_BOOLEAN}, {"char", HA_TYPE_CHAR},   {"float", HA_TYPE_FLOAT}, {"double", HA_TYPE_DOUBLE},
                  {"byte", HA_TYPE_BYTE},       {"short", HA_TYPE_SHORT}, {"int", HA_TYPE_INT},     {"long", HA_TYPE_LONG}};

struct ha_build_name ha_build_name_judge(const char *text)
{
    struct ha_build_name name = {.text = text, .kind = HA_CLASS_INSTANCE};
    size_t len = strlen(text);
    if (len < 3 || strcmp(text + len - 2, "[]") != 0) {
        return name;
    }
    name.kind = HA_CLASS_OBJECT_ARRAY;
    name.element_type = HA_TYPE_REFERENCE;
    for (size_t i = 0; i < sizeof primitives / sizeof *primitives; i++) {
        if (strlen(primitives[i].name) == len - 2 && memcmp(primitives[i].name, text, len - 2) == 0) {
            name.kind = HA_CLASS_PRIMITIVE_ARRAY;
            name.element_type = primitives[i].type;
        }
    }
    return name;
}

/* The name that a string makes, NULL for one that makes none. */
static struct ha_err *source_name(struct ha_build *build, struct ha_window *window, uint64_t string_id, const char **ret)
{
    struct ha_sbuf raw = {0}, source = {0};
    ha_build_string_text(build, window, string_id, &raw);
    ha_class_name_to_source(ha_sbuf_text(&raw), raw.len, &source);
    bool failed = ha_sbuf_failed(&raw) || ha_sbuf_failed(&source);
    const char *text = source.len == 0 || failed ? NULL : ha_arena_strndup(&build->arena, ha_sbuf_text(&source), source.len);
    failed |= source.len > 0 && text == NULL;
    ha_sbuf_deinit(&raw);
    ha_sbuf_deinit(&source);
    *ret = text;
    return failed ? ha_err_nomem() : NULL;
}

struct ha_err *ha_build_class_name(struct ha_build *build, struct ha_window *window, uint64_t class_id, struct ha_build_name *ret)
{
    uint32_t load = ha_idmap_get(&build->load_names, class_id);
    *ret = (struct ha_build_name){0};
    if (load == HA_IDMAP_NONE) {
        return NULL;
    }
    uint64_t string_id = build->loads.data[load].name_id;
    uint32_t known = ha_idmap_get(&build->name_of_string, string_id);
    if (known == HA_IDMAP_NONE) {
        const char *text;
        HA_TRY(source_name(build, window, string_id, &text));
        known = (uint32_t)build->class_names.count; /* no more than there are load records */
        struct ha_build_name *name = ha_vec_push(&build->class_names);
        if (name == NULL || !ha_idmap_add(&build->name_of_string, string_id, known, NULL)) {
            return ha_err_nomem();
        }
        *name = text == NULL ? (struct ha_build_name){0} : ha_build_name_judge(text);
    }
    *ret = build->class_names.data[known];
    return NULL;
}
