/* SPDX-License-Identifier: MIT */
/*
 * Reading the tables that q_jvm.h names.
 */
#include "ha/query/q_jvm.h"

#include <string.h>

#include "ha/base/vec.h"
#include "ha/query/q_map.h"
#include "ha/query/q_rank.h"
#include "ha/query/q_secrets.h"
#include "query/q_properties.h"

#define TEXT_CHARS 16384U        /* of a key or value; longer ones are cut */
#define TEXTS_MAX (32U << 20)    /* bytes of all of one table; entries may share a long text, so a small dump could ask for any amount */
#define TEXT_CHARS_LATE 80U      /* of each text after that */

struct reading {
    struct ha_query *q;
    bool show_secrets;
    HA_VEC(struct ha_property) list;
    uint64_t bytes; /* of texts */
    bool failed;    /* no memory */
};

/* A String, or an object that keeps one in `str` (ProcessEnvironment.Variable, Value). */
static bool read_text(struct reading *r, ha_obj obj, struct ha_sbuf *out)
{
    struct ha_query *q = r->q;
    const struct ha_heap *heap = q->snapshot->heap;
    size_t chars = r->bytes < TEXTS_MAX ? TEXT_CHARS : TEXT_CHARS_LATE;
    ha_obj inner;
    bool found = ha_heap_string(heap, &q->window, obj, chars, out, NULL) ||
                 (ha_heap_read_reference(heap, &q->window, obj, "str", &inner) &&
                  ha_heap_string(heap, &q->window, inner, chars, out, NULL));
    r->bytes += out->len;
    return found;
}

static const char *keep(struct reading *r, const struct ha_sbuf *text)
{
    const char *copy =
        ha_sbuf_failed(text) ? NULL : ha_arena_strndup(&r->q->arena, ha_sbuf_text(text), text->len);
    r->failed = r->failed || copy == NULL;
    return copy == NULL ? "" : copy;
}

/* Appends key and value; the value masked unless asked otherwise. */
static void add(struct reading *r, const char *key, const char *value)
{
    struct ha_sbuf shown = {0};
    bool masked = false;
    if (r->show_secrets) {
        ha_sbuf_puts(&shown, value);
    } else {
        masked = ha_secret_mask(*key == '\0' ? NULL : key, value, &shown);
    }
    struct ha_property *property = ha_vec_push(&r->list);
    if (property == NULL) {
        r->failed = true;
    } else {
        *property = (struct ha_property){.key = key, .value = keep(r, &shown), .masked = masked};
    }
    ha_sbuf_deinit(&shown);
}

static bool add_entry(void *ctx, ha_obj key, ha_obj value)
{
    struct reading *r = ctx;
    struct ha_sbuf name = {0};
    struct ha_sbuf text = {0};
    if (read_text(r, key, &name)) {
        if (!ha_obj_is_none(value) && !read_text(r, value, &text)) {
            ha_sbuf_puts(&text, "(not a text)");
        }
        add(r, keep(r, &name), ha_sbuf_text(&text));
    }
    ha_sbuf_deinit(&name);
    ha_sbuf_deinit(&text);
    return !r->failed;
}

static int compare_keys(const void *ctx, const void *a, const void *b)
{
    (void)ctx;
    const struct ha_property *x = a;
    const struct ha_property *y = b;
    int order = strcmp(x->key, y->key);
    return order != 0 ? order : strcmp(x->value, y->value);
}

static struct ha_err *take(struct reading *r, bool found, struct ha_property_list *ret)
{
    struct ha_err *err = NULL;
    struct ha_property *copy = ha_arena_calloc(&r->q->arena, r->list.count + 1, sizeof *copy);
    if (r->failed || copy == NULL) {
        err = ha_err_nomem();
    } else {
        if (r->list.count > 0) {
            memcpy(copy, r->list.data, r->list.count * sizeof *copy);
        }
        *ret = (struct ha_property_list){copy, r->list.count, found};
    }
    ha_vec_deinit(&r->list);
    return err;
}

/* ---- the tables ---- */

static void keep_first(void *ctx, ha_cls cls)
{
    ha_cls *first = ctx;
    *first = ha_cls_is_none(*first) ? cls : *first;
}

static bool static_object(struct ha_query *q, const char *class_name, const char *field,
                          ha_obj *ret)
{
    const struct ha_heap *heap = q->snapshot->heap;
    ha_cls cls = HA_CLS_NONE;
    ha_heap_classes_named(heap, class_name, keep_first, &cls);
    const struct ha_static *value =
        ha_cls_is_none(cls) ? NULL : ha_heap_static_find(heap, cls, field);
    return value != NULL && value->type == HA_TYPE_REFERENCE &&
           ha_heap_find(heap, value->value, ret);
}

static struct ha_err *read_map(struct ha_query *q, const char *class_name, const char *field,
                               bool show_secrets, struct ha_property_list *ret)
{
    struct reading r = {.q = q, .show_secrets = show_secrets};
    ha_obj map;
    bool found = static_object(q, class_name, field, &map) && ha_map_each(q, map, add_entry, &r);
    if (r.list.count > 1) {
        ha_rank_sort(r.list.data, r.list.count, sizeof *r.list.data, compare_keys, NULL);
    }
    return take(&r, found, ret);
}

struct ha_err *ha_property_table(struct ha_query *q, const char *class_name, const char *field,
                                 struct ha_property_list *ret)
{
    return read_map(q, class_name, field, true, ret);
}

/* ---- arguments ---- */

#define ARGUMENTS_MAX 10000U

static void add_argument(struct reading *r, ha_obj text)
{
    struct ha_sbuf value = {0};
    if (read_text(r, text, &value)) {
        add(r, "", ha_sbuf_text(&value));
    }
    ha_sbuf_deinit(&value);
}

/* The list in vmArgs of the one VMManagementImpl: found through ManagementFactoryHelper.jvm. */
static bool find_vm_args(struct ha_query *q, ha_obj *ret)
{
    const struct ha_heap *heap = q->snapshot->heap;
    ha_obj jvm;
    return static_object(q, "sun.management.ManagementFactoryHelper", "jvm", &jvm) &&
           ha_heap_read_reference(heap, &q->window, jvm, "vmArgs", ret);
}

/* The array behind a list: unmodifiableList(Arrays.asList(…)) and the like. */
static bool list_array(struct ha_query *q, ha_obj list, ha_obj *ret)
{
    const struct ha_heap *heap = q->snapshot->heap;
    for (int depth = 0; depth < 4; depth++) {
        ha_obj inner;
        if (ha_heap_read_reference(heap, &q->window, list, "a", ret) ||
            ha_heap_read_reference(heap, &q->window, list, "elementData", ret) ||
            ha_heap_read_reference(heap, &q->window, list, "elements", ret)) {
            return ha_heap_is_array(heap, *ret);
        }
        if (!ha_heap_read_reference(heap, &q->window, list, "list", &inner) &&
            !ha_heap_read_reference(heap, &q->window, list, "c", &inner)) {
            return false;
        }
        list = inner;
    }
    return false;
}

static bool read_vm_args(struct reading *r)
{
    const struct ha_heap *heap = r->q->snapshot->heap;
    ha_obj list, array;
    if (!find_vm_args(r->q, &list) || !list_array(r->q, list, &array)) {
        return false;
    }
    uint32_t length = ha_heap_array_length(heap, array);
    for (uint32_t i = 0; i < length && i < ARGUMENTS_MAX; i++) {
        struct ha_value value;
        ha_obj text;
        if (ha_heap_read_element(heap, &r->q->window, array, i, &value) &&
            ha_heap_find(heap, value.bits, &text)) {
            add_argument(r, text);
        }
    }
    return true;
}

/* Words of a variable, as the JVM splits it: at blanks, quotes keep blanks. */
static void split_words(struct reading *r, const char *text)
{
    struct ha_sbuf word = {0};
    char quote = 0;
    for (const char *s = text;; s++) {
        bool blank = *s == ' ' || *s == '\t' || *s == '\n' || *s == '\r';
        if (*s == '\0' || (blank && quote == 0)) {
            if (word.len > 0) {
                const char *copy = keep(r, &word);
                add(r, "", copy);
                ha_sbuf_clear(&word);
            }
            if (*s == '\0') {
                break;
            }
        } else if (quote == 0 && (*s == '"' || *s == '\'')) {
            quote = *s;
        } else if (*s == quote) {
            quote = 0;
        } else {
            ha_sbuf_putc(&word, *s);
        }
    }
    ha_sbuf_deinit(&word);
}

static struct ha_err *read_arguments(struct ha_query *q, bool show_secrets,
                                     const struct ha_property_list *environment,
                                     struct ha_properties *ret)
{
    static const char *const variables[] = {"JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS", "JAVA_OPTS"};
    struct reading r = {.q = q, .show_secrets = show_secrets};
    if (read_vm_args(&r)) {
        ret->arguments_from = "the JVM";
    }
    for (size_t i = 0; i < sizeof variables / sizeof *variables && ret->arguments_from == NULL;
         i++) {
        for (uint64_t k = 0; k < environment->count; k++) {
            if (strcmp(environment->list[k].key, variables[i]) == 0 &&
                *environment->list[k].value != '\0') {
                ret->arguments_from = variables[i];
                split_words(&r, environment->list[k].value);
            }
        }
    }
    return take(&r, ret->arguments_from != NULL, &ret->arguments);
}

struct ha_err *ha_properties_query(struct ha_query *q, bool show_secrets, struct ha_properties *ret)
{
    static const char environment[] = "java.lang.ProcessEnvironment";
    struct ha_property_list plain;
    struct ha_sbuf version = {0};
    *ret = (struct ha_properties){0};
    HA_TRY(read_map(q, "java.lang.System", "props", show_secrets, &ret->system));
    HA_TRY(read_map(q, environment, "theUnmodifiableEnvironment", show_secrets, &ret->environment));
    HA_TRY(read_map(q, environment, "theUnmodifiableEnvironment", true, &plain));
    HA_TRY(read_arguments(q, show_secrets, &plain, ret));
    if (ha_snapshot_jvm_version(q->snapshot, &version) && !ha_sbuf_failed(&version)) {
        ret->jvm_version = ha_arena_strndup(&q->arena, ha_sbuf_text(&version), version.len);
    }
    ha_sbuf_deinit(&version);
    return NULL;
}
