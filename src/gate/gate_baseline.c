/* SPDX-License-Identifier: MIT */
/*
 * A baseline as read from its file. It was written by this program, kept by people, merged by tools, and is believed no further than any
 * other file: what is missing or out of order makes it unusable.
 */
#include "gate/gate_baseline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ha/query/q_query.h"
#include "ha/query/q_rank.h"

#define SCHEMA "hprof-analyze-baseline/"
#define SCHEMA_VERSION "1"

static struct ha_err *damaged(const struct ha_gate_baseline *b, const char *what)
{
    return ha_err_new(HA_ERR_INPUT, "baseline '%s' is damaged (%s): write it anew with check --update-baseline", b->path, what);
}

/* ---- reading ---- */

static const char *copy(struct ha_gate_baseline *b, const char *text)
{
    return text == NULL ? NULL : ha_arena_strndup(&b->arena, text, strlen(text));
}

static const char *text_of(struct ha_gate_baseline *b, const struct ha_json_value *record, const char *key)
{
    return copy(b, ha_json_text(ha_json_get(record, key)));
}

static struct ha_err *schema_check(const struct ha_json_value *root, const struct ha_gate_baseline *b)
{
    const char *schema = ha_json_text(ha_json_get(root, "schema"));
    if (schema != NULL && strncmp(schema, "hprof-analyze/", 14) == 0) {
        return ha_err_new(HA_ERR_INPUT, "'%s' is a report, not a baseline: write one with check --update-baseline", b->path);
    }
    if (schema == NULL || strncmp(schema, SCHEMA, sizeof SCHEMA - 1) != 0) {
        return ha_err_new(HA_ERR_INPUT, "'%s' is no baseline (it has no \"schema\": \"" SCHEMA SCHEMA_VERSION "\"): write one with check --update-baseline",
                          b->path);
    }
    if (strcmp(schema + sizeof SCHEMA - 1, SCHEMA_VERSION) != 0) {
        return ha_err_new(HA_ERR_INPUT, "baseline '%s' has schema %s, this program reads " SCHEMA SCHEMA_VERSION ": write it anew with check --update-baseline",
                          b->path, schema);
    }
    return NULL;
}

/* A list of the file, `size` bytes for each of its rows. */
static struct ha_err *list_begin(struct ha_gate_baseline *b, const struct ha_json_value *root, const char *key, size_t size,
                                 const struct ha_json_value **ret_list, void **ret_rows, uint64_t *ret_count)
{
    *ret_list = ha_json_get(root, key);
    if (!ha_json_is_array(*ret_list)) {
        return damaged(b, ha_arena_printf(&b->arena, "no list \"%s\"", key));
    }
    *ret_count = ha_json_count(*ret_list);
    *ret_rows = ha_arena_calloc(&b->arena, *ret_count + 1, size);
    return *ret_rows == NULL ? ha_err_nomem() : NULL;
}

static bool sizes_read(const struct ha_json_value *row, struct ha_sizes3 *ret)
{
    return ha_json_number(ha_json_get(row, "instances"), &ret->instances) &&
           ha_json_number(ha_json_get(row, "shallow_bytes"), &ret->shallow_bytes) &&
           ha_json_number(ha_json_get(row, "retained_bytes"), &ret->retained_bytes);
}

static struct ha_err *head_read(struct ha_gate_baseline *b, const struct ha_json_value *root)
{
    const struct ha_json_value *list;
    void *rows;
    b->jvm = text_of(b, root, "jvm");
    b->size_model = text_of(b, root, "size_model");
    if (b->size_model == NULL || !ha_json_truth(ha_json_get(root, "compressed_references"), &b->compressed_references) ||
        !ha_json_number(ha_json_get(root, "object_alignment"), &b->object_alignment) ||
        !ha_json_number(ha_json_get(root, "classes_min_bytes"), &b->classes_min_bytes) ||
        !ha_json_number(ha_json_get(root, "classes_min_instances"), &b->classes_min_instances) ||
        !ha_json_number(ha_json_get(root, "places_min_bytes"), &b->places_min_bytes)) {
        return damaged(b, "a member is missing");
    }
    HA_TRY(list_begin(b, root, "program", sizeof *b->program, &list, &rows, &b->program_count));
    b->program = rows;
    for (uint64_t i = 0; i < b->program_count; i++) {
        b->program[i] = copy(b, ha_json_text(ha_json_at(list, i)));
        if (b->program[i] == NULL) {
            return damaged(b, "\"program\"");
        }
    }
    return NULL;
}

static struct ha_err *subjects_read(struct ha_gate_baseline *b, const struct ha_json_value *root)
{
    const struct ha_json_value *list;
    void *rows;
    HA_TRY(list_begin(b, root, "subjects", sizeof *b->subjects, &list, &rows, &b->subject_count));
    b->subjects = rows;
    for (uint64_t i = 0; i < b->subject_count; i++) {
        const struct ha_json_value *row = ha_json_at(list, i);
        b->subjects[i].rule = text_of(b, row, "subject");
        if (b->subjects[i].rule == NULL || !sizes_read(row, &b->subjects[i].sizes)) {
            return damaged(b, "\"subjects\"");
        }
    }
    return NULL;
}

static int compare_class_names(const void *ctx, const void *a, const void *b)
{
    (void)ctx;
    return strcmp(((const struct ha_summary_class *)a)->name, ((const struct ha_summary_class *)b)->name);
}

static int compare_signatures(const void *ctx, const void *a, const void *b)
{
    (void)ctx;
    return strcmp(((const struct ha_summary_place *)a)->signature, ((const struct ha_summary_place *)b)->signature);
}

static struct ha_err *classes_read(struct ha_gate_baseline *b, const struct ha_json_value *root)
{
    const struct ha_json_value *list;
    void *rows;
    HA_TRY(list_begin(b, root, "classes", sizeof *b->classes, &list, &rows, &b->class_count));
    b->classes = rows;
    for (uint64_t i = 0; i < b->class_count; i++) {
        const struct ha_json_value *row = ha_json_at(list, i);
        b->classes[i].name = text_of(b, row, "class");
        if (b->classes[i].name == NULL || !sizes_read(row, &b->classes[i].sizes)) {
            return damaged(b, "\"classes\"");
        }
    }
    ha_rank_sort(b->classes, b->class_count, sizeof *b->classes, compare_class_names, NULL);
    for (uint64_t i = 1; i < b->class_count; i++) {
        if (strcmp(b->classes[i - 1].name, b->classes[i].name) == 0) {
            return damaged(b, "a class stands there twice");
        }
    }
    return NULL;
}

static struct ha_err *suspects_read(struct ha_gate_baseline *b, const struct ha_json_value *root)
{
    const struct ha_json_value *list;
    void *rows;
    HA_TRY(list_begin(b, root, "suspects", sizeof *b->suspects, &list, &rows, &b->suspect_count));
    b->suspects = rows;
    for (uint64_t i = 0; i < b->suspect_count; i++) {
        const struct ha_json_value *row = ha_json_at(list, i);
        struct ha_gate_known_suspect *suspect = &b->suspects[i];
        suspect->id = text_of(b, row, "id");
        suspect->class_name = text_of(b, row, "class");
        if (suspect->id == NULL || !ha_json_number(ha_json_get(row, "retained_bytes"), &suspect->retained_bytes)) {
            return damaged(b, "\"suspects\"");
        }
    }
    return NULL;
}

static struct ha_err *places_read(struct ha_gate_baseline *b, const struct ha_json_value *root)
{
    const struct ha_json_value *list;
    void *rows;
    HA_TRY(list_begin(b, root, "places", sizeof *b->places, &list, &rows, &b->place_count));
    b->places = rows;
    for (uint64_t i = 0; i < b->place_count; i++) {
        const struct ha_json_value *row = ha_json_at(list, i);
        struct ha_summary_place *place = &b->places[i];
        place->signature = text_of(b, row, "place");
        if (place->signature == NULL || !ha_json_number(ha_json_get(row, "objects"), &place->objects) ||
            !ha_json_number(ha_json_get(row, "retained_bytes"), &place->retained_bytes)) {
            return damaged(b, "\"places\"");
        }
    }
    ha_rank_sort(b->places, b->place_count, sizeof *b->places, compare_signatures, NULL);
    return NULL;
}

struct ha_err *ha_gate_baseline_of(const struct ha_json_doc *doc, const char *path, struct ha_gate_baseline *ret)
{
    const struct ha_json_value *root = ha_json_root(doc);
    uint64_t omitted;
    *ret = (struct ha_gate_baseline){0};
    ret->path = copy(ret, path);
    if (ret->path == NULL) {
        return ha_err_nomem();
    }
    HA_TRY(schema_check(root, ret));
    if (ha_json_number(ha_json_get(root, "omitted"), &omitted)) {
        return damaged(ret, "it was cut");
    }
    HA_TRY(head_read(ret, root));
    HA_TRY(subjects_read(ret, root));
    HA_TRY(classes_read(ret, root));
    HA_TRY(suspects_read(ret, root));
    HA_TRY(places_read(ret, root));
    return ret->class_count > 0 ? NULL : damaged(ret, "it lists no class");
}

struct ha_err *ha_gate_baseline_read(const char *path, struct ha_gate_baseline *ret)
{
    struct ha_json_doc *doc = NULL;
    *ret = (struct ha_gate_baseline){0};
    struct ha_err *err = ha_json_read_file(path, HA_GATE_BASELINE_BYTES_MAX, &doc);
    if (err != NULL && ha_err_errno(err) == ENOENT) {
        ha_err_free(err);
        return ha_err_new(HA_ERR_INPUT, "there is no baseline '%s': write it with check --update-baseline", path);
    }
    if (err == NULL) {
        err = ha_gate_baseline_of(doc, path, ret);
    }
    ha_json_doc_free(doc);
    return err;
}

void ha_gate_baseline_deinit(struct ha_gate_baseline *baseline)
{
    ha_arena_deinit(&baseline->arena);
}

/* ---- looking things up ---- */

const struct ha_gate_known *gate_known_subject(const struct ha_gate_baseline *baseline, const char *key)
{
    for (uint64_t i = 0; i < baseline->subject_count; i++) {
        if (strcmp(baseline->subjects[i].rule, key) == 0) {
            return &baseline->subjects[i];
        }
    }
    return NULL;
}

const struct ha_gate_known_suspect *gate_known_suspect(const struct ha_gate_baseline *baseline, const char *id)
{
    for (uint64_t i = 0; i < baseline->suspect_count; i++) {
        if (strcmp(baseline->suspects[i].id, id) == 0) {
            return &baseline->suspects[i];
        }
    }
    return NULL;
}

static int find_class(const void *key, const void *row)
{
    return strcmp(key, ((const struct ha_summary_class *)row)->name);
}

static int find_place(const void *key, const void *row)
{
    return strcmp(key, ((const struct ha_summary_place *)row)->signature);
}

const struct ha_summary_class *gate_known_class(const struct ha_gate_baseline *baseline, const char *name)
{
    return baseline->class_count == 0
               ? NULL
               : bsearch(name, baseline->classes, baseline->class_count, sizeof *baseline->classes, find_class);
}

const struct ha_summary_place *gate_known_place(const struct ha_gate_baseline *baseline, const char *signature)
{
    return baseline->place_count == 0
               ? NULL
               : bsearch(signature, baseline->places, baseline->place_count, sizeof *baseline->places, find_place);
}

/* ---- does it belong to this dump? ---- */

static int compare_texts(const void *ctx, const void *a, const void *b)
{
    (void)ctx;
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct ha_err *gate_program(const struct gate_heap *heap, const char ***ret, uint64_t *ret_count)
{
    const struct ha_heap *h = heap->q->snapshot->heap;
    struct ha_arena *arena = &heap->q->arena;
    const char **names = ha_arena_calloc(arena, (size_t)h->facts.class_count + 1, sizeof *names);
    uint64_t count = 0;
    for (uint32_t i = 0; names != NULL && i < h->facts.class_count; i++) {
        const char *name = heap->stable_names[i];
        size_t len = ha_class_package_length(name);
        bool reachable = !ha_obj_is_none(h->classes[i].object) && ha_query_reachable(heap->q, h->classes[i].object);
        if (!reachable || *name == '\0' || strchr(name, '[') != NULL || ha_class_name_is_platform(name)) {
            continue;
        }
        len = len == 0 ? strcspn(name, "$") : len; // an inner class tells no more than the one around it
        names[count] = len == 0 ? NULL : ha_arena_strndup(arena, name, len);
        count += names[count] != NULL;
    }
    if (names == NULL) {
        return ha_err_nomem();
    }
    uint64_t kept = 0;
    ha_rank_sort(names, count, sizeof *names, compare_texts, NULL);
    for (uint64_t i = 0; i < count && kept < GATE_PROGRAM_MAX; i++) {
        if (kept == 0 || strcmp(names[kept - 1], names[i]) != 0) {
            names[kept++] = names[i];
        }
    }
    *ret = names;
    *ret_count = kept;
    return NULL;
}

/* Whether a package or class of that name is in the heap. */
static bool is_there(const struct gate_heap *heap, const char *name)
{
    size_t len = strlen(name);
    for (uint32_t i = 0; i < heap->q->snapshot->heap->facts.class_count; i++) {
        const char *class_name = heap->stable_names[i];
        if (strncmp(class_name, name, len) == 0 && (class_name[len] == '\0' || class_name[len] == '.' || class_name[len] == '$')) {
            return true;
        }
    }
    return false;
}

static struct ha_err *program_check(const struct ha_gate_baseline *b, const struct gate_heap *heap)
{
    uint64_t there = 0;
    const char *lost = NULL;
    uint64_t count = b->program_count < GATE_PROGRAM_MAX ? b->program_count : GATE_PROGRAM_MAX;
    for (uint64_t i = 0; i < count; i++) {
        bool found = is_there(heap, b->program[i]);
        there += found;
        lost = found || lost != NULL ? lost : b->program[i];
    }
    if (there * 2 >= count) {
        return NULL;
    }
    return ha_err_new(HA_ERR_INPUT,
                      "baseline '%s' is of another program: of its %llu packages and classes %llu are in the dump (%s is not); if the program has "
                      "changed so much, write it anew with check --update-baseline",
                      b->path, (unsigned long long)count, (unsigned long long)there, lost);
}

struct ha_err *gate_baseline_check(const struct ha_gate_baseline *b, const struct gate_heap *heap)
{
    const struct ha_summary *s = &heap->summary;
    if (s->dump.size_model == NULL || strcmp(b->size_model, s->dump.size_model) != 0) {
        return ha_err_new(HA_ERR_INPUT,
                          "baseline '%s' has sizes by the model '%s', this run has '%s': run with --size-model %s, or write the baseline anew with "
                          "check --update-baseline",
                          b->path, b->size_model, s->dump.size_model == NULL ? "?" : s->dump.size_model, b->size_model);
    }
    if (b->compressed_references != s->dump.compressed_references || b->object_alignment != s->dump.object_alignment) {
        return ha_err_new(HA_ERR_INPUT,
                          "baseline '%s' is of a JVM %s compressed references, aligned by %llu; the dump is of one %s, aligned by %llu: sizes cannot be "
                          "compared; use the same JVM options, or write the baseline anew with check --update-baseline",
                          b->path, b->compressed_references ? "with" : "without", (unsigned long long)b->object_alignment,
                          s->dump.compressed_references ? "with" : "without", (unsigned long long)s->dump.object_alignment);
    }
    return program_check(b, heap);
}
