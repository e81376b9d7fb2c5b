/* SPDX-License-Identifier: MIT */
/*
 * The summary of a saved JSON report, of this version or an earlier one: keys that are missing count as 0 or unknown where that changes no
 * comparison, and make the report unusable where it would.
 */
#include "ha/compare/summary.h"

#include <string.h>

#include "ha/query/q_names.h"

#define SCHEMA "hprof-analyze/"
#define SCHEMA_LAST 1 /* the last one we can read */

static struct ha_err *unusable(const char *path, const char *why)
{
    return ha_err_new(HA_ERR_INPUT, "'%s' cannot be compared: %s", path, why);
}

static uint64_t number(const struct ha_json_value *record, const char *key)
{
    uint64_t value = 0;
    return ha_json_number(ha_json_get(record, key), &value) ? value : 0;
}

static const char *copy(struct ha_summary *s, const char *text)
{
    return text == NULL ? NULL : ha_arena_strndup(&s->arena, text, strlen(text));
}

static const char *text_of(struct ha_summary *s, const struct ha_json_value *record, const char *key)
{
    return copy(s, ha_json_text(ha_json_get(record, key)));
}

static const char *stable_of(struct ha_summary *s, const struct ha_json_value *record, const char *key)
{
    const char *name = ha_json_text(ha_json_get(record, key));
    struct ha_sbuf text = {0};
    if (name == NULL) {
        return NULL;
    }
    ha_name_stable(name, &text);
    const char *made = ha_sbuf_failed(&text) ? NULL : ha_arena_strndup(&s->arena, ha_sbuf_text(&text), text.len);
    ha_sbuf_deinit(&text);
    return made;
}

/* ---- is it one? ---- */

static struct ha_err *schema_check(const struct ha_json_value *root, const char *path)
{
    const char *schema = ha_json_text(ha_json_get(root, "schema"));
    if (schema == NULL || strncmp(schema, SCHEMA, sizeof SCHEMA - 1) != 0) {
        return ha_err_new(HA_ERR_INPUT, "'%s' is no report of hprof-analyze (it has no \"schema\": \"%s%d\")", path,
                          SCHEMA, SCHEMA_LAST);
    }
    const char *version = schema + sizeof SCHEMA - 1;
    if (strcmp(version, "1") != 0) {
        return ha_err_new(HA_ERR_INPUT, "'%s' has schema %s, this program reads up to %s%d", path, schema, SCHEMA,
                          SCHEMA_LAST);
    }
    return NULL;
}

/* A list that was cut, or grouped otherwise, says nothing about what it lacks. */
static struct ha_err *complete_check(const struct ha_json_value *root, const char *path)
{
    static const char *const cuts[] = {"omitted", "histogram_omitted", "suspects_omitted"};
    const struct ha_json_value *histogram = ha_json_get(root, "histogram");
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        if (number(root, cuts[i]) > 0) {
            return unusable(path, "its lists were cut (-n); write it with -f json and without -n");
        }
    }
    if (!ha_json_is_array(histogram)) {
        return unusable(path, "it has no histogram; save 'hprof-analyze report -f json'");
    }
    if (ha_json_count(histogram) == 0) {
        return unusable(path, "its histogram is empty");
    }
    const struct ha_json_value *first = ha_json_at(histogram, 0);
    uint64_t bytes;
    if (ha_json_text(ha_json_get(first, "class")) == NULL) {
        return unusable(path, "its histogram is not by class");
    }
    if (!ha_json_number(ha_json_get(first, "retained_bytes"), &bytes)) {
        return unusable(path, "its histogram has no retained sizes");
    }
    return NULL;
}

/* ---- its parts ---- */

static void dump_read(const struct ha_json_value *root, struct ha_summary *s)
{
    const struct ha_json_value *dump = ha_json_get(root, "dump");
    s->dump.file = text_of(s, dump, "file");
    s->dump.format = text_of(s, dump, "format");
    s->dump.created = text_of(s, dump, "created");
    s->dump.jvm = text_of(s, dump, "jvm");
    s->dump.size_model = text_of(s, dump, "size_model");
    s->dump.bytes = number(dump, "bytes");
    s->dump.id_size = number(dump, "id_size");
    s->dump.heap = number(dump, "heap");
    s->dump.heaps = number(dump, "heaps");
    s->dump.object_alignment = number(dump, "object_alignment");
    bool compressed;
    s->dump.compressed_references =
        ha_json_truth(ha_json_get(dump, "compressed_references"), &compressed) && compressed;
}

static struct ha_err *heap_read(const struct ha_json_value *root, const char *path, struct ha_summary *s)
{
    const struct ha_json_value *heap = ha_json_get(root, "heap");
    const struct ha_json_value *unreachable = ha_json_get(heap, "unreachable");
    if (!ha_json_number(ha_json_get(heap, "objects"), &s->heap.objects) ||
        !ha_json_number(ha_json_get(heap, "shallow_bytes"), &s->heap.shallow_bytes)) {
        return unusable(path, "it does not say how large the heap was");
    }
    s->heap.classes = number(heap, "classes");
    s->heap.class_loaders = number(heap, "class_loaders");
    s->heap.gc_roots = number(heap, "gc_roots");
    s->heap.unreachable_objects = number(unreachable, "objects");
    s->heap.unreachable_bytes = number(unreachable, "shallow_bytes");
    return NULL;
}

static struct ha_err *warnings_read(const struct ha_json_value *root, struct ha_summary *s)
{
    const struct ha_json_value *list = ha_json_get(root, "warnings");
    size_t count = ha_json_is_array(list) ? ha_json_count(list) : 0;
    s->warnings = ha_arena_calloc(&s->arena, count + 1, sizeof *s->warnings);
    if (s->warnings == NULL) {
        return ha_err_nomem();
    }
    for (size_t i = 0; i < count; i++) {
        const struct ha_json_value *row = ha_json_at(list, i);
        struct ha_summary_warning *w = &s->warnings[s->warning_count++];
        *w = (struct ha_summary_warning){text_of(s, row, "code"), text_of(s, row, "severity"), text_of(s, row, "message"),
                                         HA_ERR_NO_OFFSET, number(row, "count")};
        if (!ha_json_number(ha_json_get(row, "offset"), &w->offset)) {
            w->offset = HA_ERR_NO_OFFSET;
        }
    }
    return NULL;
}

static struct ha_err *classes_read(const struct ha_json_value *root, const char *path, struct ha_summary *s)
{
    const struct ha_json_value *list = ha_json_get(root, "histogram");
    size_t count = ha_json_count(list);
    uint64_t used = 0;
    s->classes = ha_arena_calloc(&s->arena, count + 1, sizeof *s->classes);
    if (s->classes == NULL) {
        return ha_err_nomem();
    }
    for (size_t i = 0; i < count; i++) {
        const struct ha_json_value *row = ha_json_at(list, i);
        struct ha_sizes3 sizes;
        if (ha_json_text(ha_json_get(row, "class")) == NULL ||
            !ha_json_number(ha_json_get(row, "instances"), &sizes.instances) ||
            !ha_json_number(ha_json_get(row, "shallow_bytes"), &sizes.shallow_bytes) ||
            !ha_json_number(ha_json_get(row, "retained_bytes"), &sizes.retained_bytes)) {
            return ha_err_new(HA_ERR_INPUT, "'%s' cannot be compared: row %zu of its histogram is damaged", path, i);
        }
        if (sizes.instances > 0) {
            const char *name = stable_of(s, row, "class");
            if (name == NULL) {
                return ha_err_nomem();
            }
            s->classes[used++] = (struct ha_summary_class){name, sizes};
        }
    }
    s->class_count = ha_summary_classes_merge(s->classes, used);
    return NULL;
}

static struct ha_err *suspects_read(const struct ha_json_value *root, const char *path, struct ha_summary *s)
{
    const struct ha_json_value *list = ha_json_get(root, "suspects");
    size_t count = ha_json_is_array(list) ? ha_json_count(list) : 0;
    s->has_suspects = ha_json_is_array(list);
    s->suspects = ha_arena_calloc(&s->arena, count + 1, sizeof *s->suspects);
    if (s->suspects == NULL) {
        return ha_err_nomem();
    }
    for (size_t i = 0; i < count; i++) {
        const struct ha_json_value *row = ha_json_at(list, i);
        const struct ha_json_value *held = ha_json_get(row, "held_by");
        struct ha_summary_suspect *suspect = &s->suspects[s->suspect_count++];
        *suspect = (struct ha_summary_suspect){
            .id = text_of(s, row, "id"),
            .kind = text_of(s, row, "kind"),
            .class_name = stable_of(s, row, "class"),
            .holder_class = stable_of(s, held, "class"),
            .holder_field = text_of(s, held, "field"),
            .instances = number(row, "instances"),
        };
        if (suspect->id == NULL || suspect->class_name == NULL ||
            !ha_json_number(ha_json_get(row, "retained_bytes"), &suspect->retained_bytes)) {
            return ha_err_new(HA_ERR_INPUT, "'%s' cannot be compared: suspect %zu is damaged", path, i);
        }
        suspect->kind = suspect->kind == NULL ? "object" : suspect->kind;
    }
    return NULL;
}

struct ha_err *ha_summary_of_report(const struct ha_json_doc *doc, const char *path, struct ha_summary *ret)
{
    const struct ha_json_value *root = ha_json_root(doc);
    *ret = (struct ha_summary){.from_report = true};
    ret->path = copy(ret, path);
    if (ret->path == NULL) {
        return ha_err_nomem();
    }
    HA_TRY(schema_check(root, path));
    HA_TRY(complete_check(root, path));
    dump_read(root, ret);
    HA_TRY(heap_read(root, path, ret));
    HA_TRY(warnings_read(root, ret));
    HA_TRY(classes_read(root, path, ret));
    return suspects_read(root, path, ret);
}
