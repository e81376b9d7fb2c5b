/* SPDX-License-Identifier: MIT */
/*
 * The baseline file: one row a line, sorted by name, so that a difference reads like one.
 *
 *     "classes": [
 *       {"class":"com.acme.Session","instances":38,"shallow_bytes":912,"retained_bytes":78128},
 *
 * It lists what the rules need, and of classes and places what is worth telling when something grows: a class that retains a five-hundredth of the
 * heap or has many instances, a place that retains a two-hundredth.
 */
#include <string.h>

#include "gate/gate_baseline.h"
#include "ha/query/q_places.h"
#include "ha/query/q_rank.h"

#define CLASSES_SHARE 500
#define SUSPECT_PERCENT 5.0 /* half of what makes a suspect: one that is about to be called so is none that is new */

struct writing {
    struct gate_heap heap;
    struct ha_sbuf row;
    ha_write_fn write;
    void *ctx;
    bool first; /* of its list */
    struct ha_err *err;
};

static void put(struct writing *w, const char *text)
{
    if (w->err == NULL) {
        w->err = w->write(w->ctx, text, strlen(text));
    }
}

static struct ha_err *row_write(void *ctx, const char *data, size_t len)
{
    ha_sbuf_add(ctx, data, len);
    return NULL;
}

static struct ha_json *row_begin(struct writing *w)
{
    ha_sbuf_clear(&w->row);
    struct ha_json *json = ha_json_create(row_write, &w->row, false);
    if (json == NULL) {
        ha_err_free(w->err);
        w->err = ha_err_nomem();
    } else {
        ha_json_object_begin(json);
    }
    return json;
}

/* Ends a row that row_begin() gave. */
static void row_end(struct writing *w, struct ha_json *json)
{
    ha_json_object_end(json);
    struct ha_err *err = ha_json_end(json);
    ha_json_destroy(json);
    if (err != NULL || ha_sbuf_failed(&w->row)) {
        ha_err_free(err);
        ha_err_free(w->err);
        w->err = ha_err_nomem();
        return;
    }
    while (w->row.len > 0 && w->row.data[w->row.len - 1] == '\n') {
        w->row.data[--w->row.len] = '\0';
    }
    put(w, w->first ? "\n    " : ",\n    ");
    put(w, ha_sbuf_text(&w->row));
    w->first = false;
}

static void text_member(struct ha_json *json, const char *key, const char *text)
{
    ha_json_key(json, key);
    if (text == NULL) {
        ha_json_null(json);
    } else {
        ha_json_string(json, text);
    }
}

static void number_member(struct ha_json *json, const char *key, uint64_t value)
{
    ha_json_key(json, key);
    ha_json_u64(json, value);
}

static void sizes_members(struct ha_json *json, const struct ha_sizes3 *sizes)
{
    number_member(json, "instances", sizes->instances);
    number_member(json, "shallow_bytes", sizes->shallow_bytes);
    number_member(json, "retained_bytes", sizes->retained_bytes);
}

static void list_begin(struct writing *w, const char *key)
{
    put(w, ",\n  \"");
    put(w, key);
    put(w, "\": [");
    w->first = true;
}

static void list_end(struct writing *w)
{
    put(w, w->first ? "]" : "\n  ]");
}

/* ---- parts ---- */

/* Members of the file itself: a row without its braces. */
static void member(struct writing *w, const char *lead, const char *key, const char *text, uint64_t number, bool is_number)
{
    struct ha_json *json = row_begin(w);
    if (json == NULL) {
        return;
    }
    if (is_number) {
        number_member(json, key, number);
    } else {
        text_member(json, key, text);
    }
    ha_json_object_end(json);
    struct ha_err *err = ha_json_end(json);
    ha_json_destroy(json);
    ha_err_free(err);
    if (ha_sbuf_failed(&w->row)) {
        ha_err_free(w->err);
        w->err = ha_err_nomem();
        return;
    }
    const char *end = strrchr(ha_sbuf_text(&w->row), '}');
    w->row.data[end - w->row.data] = '\0';
    put(w, lead);
    put(w, ha_sbuf_text(&w->row) + 1);
}

static struct ha_err *head_write(struct writing *w)
{
    const struct ha_summary *s = &w->heap.summary;
    const char **names;
    uint64_t count;
    HA_TRY(gate_program(&w->heap, &names, &count));
    member(w, "{\n  ", "schema", "hprof-analyze-baseline/1", 0, false);
    member(w, ",\n  ", "jvm", s->dump.jvm, 0, false);
    member(w, ",\n  ", "size_model", s->dump.size_model, 0, false);
    put(w, ",\n  \"compressed_references\":");
    put(w, s->dump.compressed_references ? "true" : "false");
    member(w, ",\n  ", "object_alignment", NULL, s->dump.object_alignment, true);
    list_begin(w, "program");
    for (uint64_t i = 0; i < count; i++) {
        struct ha_json *json = ha_json_create(row_write, &w->row, false);
        ha_sbuf_clear(&w->row);
        if (json == NULL) {
            return ha_err_nomem();
        }
        ha_json_string(json, names[i]);
        struct ha_err *err = ha_json_end(json);
        ha_json_destroy(json);
        HA_TRY(err);
        put(w, i == 0 ? "\n    " : ",\n    ");
        w->row.data[w->row.len - 1] = '\0'; // its line feed
        put(w, ha_sbuf_text(&w->row));
        w->first = false;
    }
    list_end(w);
    return NULL;
}

static bool has_growth(const struct ha_gate_rule *rule)
{
    return rule->has_growth[HA_GATE_RETAINED] || rule->has_growth[HA_GATE_SHALLOW] || rule->has_growth[HA_GATE_INSTANCES];
}

static int compare_subjects(const void *ctx, const void *a, const void *b)
{
    (void)ctx;
    return strcmp(((const struct ha_gate_known *)a)->rule, ((const struct ha_gate_known *)b)->rule);
}

static struct ha_err *subjects_write(struct writing *w)
{
    const struct ha_gate_config *config = w->heap.input->config;
    struct ha_arena *arena = &w->heap.q->arena;
    struct ha_gate_known *rows = ha_arena_calloc(arena, config->rules.count + 1, sizeof *rows);
    uint64_t count = 0;
    for (size_t i = 0; rows != NULL && i < config->rules.count; i++) {
        const struct ha_gate_rule *rule = &config->rules.data[i];
        struct gate_measured measured;
        if (has_growth(rule) && !rule->each) {
            HA_TRY(gate_measure(&w->heap, &rule->target, 0, &measured));
            rows[count].rule = gate_target_text(arena, &rule->target);
            rows[count].sizes = measured.sizes;
            if (rows[count++].rule == NULL) {
                return ha_err_nomem();
            }
        }
    }
    if (rows == NULL) {
        return ha_err_nomem();
    }
    ha_rank_sort(rows, count, sizeof *rows, compare_subjects, NULL);
    list_begin(w, "subjects");
    for (uint64_t i = 0; i < count; i++) {
        struct ha_json *json = i > 0 && strcmp(rows[i - 1].rule, rows[i].rule) == 0 ? NULL : row_begin(w);
        if (json != NULL) {
            text_member(json, "subject", rows[i].rule);
            sizes_members(json, &rows[i].sizes);
            row_end(w, json);
        }
    }
    list_end(w);
    return NULL;
}

static void classes_write(struct writing *w)
{
    const struct ha_summary *s = &w->heap.summary;
    uint64_t least = s->heap.shallow_bytes / CLASSES_SHARE;
    member(w, ",\n  ", "classes_min_bytes", NULL, least, true);
    member(w, ",\n  ", "classes_min_instances", NULL, GATE_CLASSES_MIN_INSTANCES, true);
    list_begin(w, "classes");
    for (uint64_t i = 0; i < s->class_count; i++) {
        const struct ha_summary_class *row = &s->classes[i];
        struct ha_json *json =
            row->sizes.retained_bytes < least && row->sizes.instances < GATE_CLASSES_MIN_INSTANCES ? NULL : row_begin(w);
        if (json != NULL) {
            text_member(json, "class", row->name);
            sizes_members(json, &row->sizes);
            row_end(w, json);
        }
    }
    list_end(w);
}

static int compare_ids(const void *ctx, const void *a, const void *b)
{
    (void)ctx;
    return strcmp(((const struct ha_suspect *)a)->id, ((const struct ha_suspect *)b)->id);
}

/* Those of the usual threshold and those of half of it: which objects make a group depends on it. */
static struct ha_err *suspects_write(struct writing *w)
{
    struct ha_suspects near;
    struct ha_arena *arena = &w->heap.q->arena;
    HA_TRY(gate_heap_suspects(&w->heap));
    const struct ha_suspects *usual = &w->heap.suspects;
    HA_TRY(ha_suspects_query(w->heap.q, &(struct ha_suspects_options){.threshold_percent = SUSPECT_PERCENT, .class_limit = 1}, &near));
    struct ha_suspect *all = ha_arena_calloc(arena, usual->count + near.count + 1, sizeof *all);
    if (all == NULL) {
        return ha_err_nomem();
    }
    memcpy(all, usual->list, usual->count * sizeof *all);
    memcpy(all + usual->count, near.list, near.count * sizeof *all);
    uint64_t count = usual->count + near.count;
    ha_rank_sort(all, count, sizeof *all, compare_ids, NULL);
    list_begin(w, "suspects");
    for (uint64_t i = 0; i < count; i++) {
        struct ha_json *json = i > 0 && strcmp(all[i - 1].id, all[i].id) == 0 ? NULL : row_begin(w);
        if (json != NULL) {
            text_member(json, "id", all[i].id);
            text_member(json, "class", all[i].class_name);
            number_member(json, "retained_bytes", all[i].retained_bytes);
            row_end(w, json);
        }
    }
    list_end(w);
    return NULL;
}

static int compare_places(const void *ctx, const void *a, const void *b)
{
    (void)ctx;
    return strcmp(((const struct ha_place *)a)->signature, ((const struct ha_place *)b)->signature);
}

static struct ha_err *places_write(struct writing *w)
{
    struct ha_places places;
    HA_TRY(ha_places_query(w->heap.q, 0, &places));
    struct ha_place *sorted = ha_arena_alloc(&w->heap.q->arena, (size_t)places.count + 1, sizeof *sorted);
    if (sorted == NULL) {
        return ha_err_nomem();
    }
    if (places.count > 0) {
        memcpy(sorted, places.list, places.count * sizeof *sorted);
    }
    ha_rank_sort(sorted, places.count, sizeof *sorted, compare_places, NULL);
    member(w, ",\n  ", "places_min_bytes", NULL, places.min_bytes, true);
    list_begin(w, "places");
    for (uint32_t i = 0; i < places.count; i++) {
        struct ha_json *json = row_begin(w);
        if (json != NULL) {
            text_member(json, "place", sorted[i].signature);
            number_member(json, "objects", sorted[i].objects);
            number_member(json, "retained_bytes", sorted[i].retained_bytes);
            row_end(w, json);
        }
    }
    list_end(w);
    return NULL;
}

static struct ha_err *parts_write(struct writing *w)
{
    HA_TRY(head_write(w));
    HA_TRY(subjects_write(w));
    classes_write(w);
    HA_TRY(suspects_write(w));
    HA_TRY(places_write(w));
    put(w, "\n}\n");
    return NULL;
}

struct ha_err *ha_gate_baseline_write(const struct ha_gate_input *input, ha_write_fn write, void *ctx)
{
    struct writing w = {.write = write, .ctx = ctx};
    struct ha_err *err = gate_heap_init(input, &w.heap);
    if (err == NULL) {
        err = parts_write(&w);
    }
    if (err == NULL) {
        err = w.err;
    } else {
        ha_err_free(w.err);
    }
    ha_sbuf_deinit(&w.row);
    gate_heap_deinit(&w.heap);
    return err;
}
