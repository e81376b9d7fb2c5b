/* SPDX-License-Identifier: MIT */
#include "gate/gate_measure.h"

#include <string.h>

#include "ha/query/q_class_set.h"
#include "ha/query/q_histogram.h"
#include "ha/query/q_names.h"

/* ---- what rules look at ---- */

static struct ha_err *names_make(struct gate_heap *heap)
{
    const struct ha_heap *h = heap->q->snapshot->heap;
    heap->stable_names = ha_arena_calloc(&heap->q->arena, (size_t)h->facts.class_count + 1, sizeof *heap->stable_names);
    struct ha_sbuf text = {0};
    for (uint32_t i = 0; heap->stable_names != NULL && i < h->facts.class_count; i++) {
        ha_sbuf_clear(&text);
        ha_name_stable(h->classes[i].name, &text);
        heap->stable_names[i] =
            ha_sbuf_failed(&text) ? NULL : ha_arena_strndup(&heap->q->arena, ha_sbuf_text(&text), text.len);
        if (heap->stable_names[i] == NULL) {
            ha_sbuf_deinit(&text);
            return ha_err_nomem();
        }
    }
    ha_sbuf_deinit(&text);
    return heap->stable_names == NULL ? ha_err_nomem() : NULL;
}

/* Reachable instances of Thread and what is derived from it. */
static void threads_count(struct gate_heap *heap)
{
    const struct ha_snapshot *s = heap->q->snapshot;
    for (uint32_t i = 0; i < s->heap->facts.class_count; i++) {
        if ((s->heap->classes[i].flags & HA_CLASS_IS_THREAD) != 0) {
            heap->thread_count += s->retained->classes[i].instances;
        }
    }
}

struct ha_err *gate_heap_init(const struct ha_gate_input *input, struct gate_heap *ret)
{
    *ret = (struct gate_heap){.input = input, .q = input->q};
    HA_TRY(ha_summary_of_snapshot(input->q, &(struct ha_summary_options){0}, &ret->summary));
    HA_TRY(names_make(ret));
    threads_count(ret);
    return NULL;
}

void gate_heap_deinit(struct gate_heap *heap)
{
    ha_summary_deinit(&heap->summary);
}

struct ha_err *gate_heap_suspects(struct gate_heap *heap)
{
    if (!heap->has_suspects) {
        HA_TRY(ha_suspects_query(heap->q, &(struct ha_suspects_options){.class_limit = 1}, &heap->suspects));
        heap->has_suspects = true;
    }
    return NULL;
}

/* ---- targets ---- */

const char *gate_target_text(struct ha_arena *arena, const struct ha_gate_target *target)
{
    const char *key = ha_gate_subject_key(target->kind);
    return target->kind < HA_GATE_CLASS ? key : ha_arena_printf(arena, "%s %s", key, target->text);
}

static bool in_package(const char *package, const char *name)
{
    size_t len = strlen(package);
    return strncmp(name, package, len) == 0 && name[len] == '.';
}

struct ha_err *gate_matches_class(const struct ha_gate_target *target, const char *stable_name, bool *ret)
{
    *ret = false;
    if (target->kind == HA_GATE_REGEX) {
        return ha_regex_match(target->regex, stable_name, strlen(stable_name), ret);
    }
    if (target->kind == HA_GATE_PACKAGE) {
        *ret = in_package(target->text, stable_name);
    } else if (target->kind == HA_GATE_CLASS) {
        struct ha_sbuf wanted = {0};
        ha_name_stable(target->text, &wanted);
        *ret = strcmp(ha_sbuf_text(&wanted), stable_name) == 0;
        ha_sbuf_deinit(&wanted);
    }
    return NULL;
}

/* Loaders by their class or label. */
static struct ha_err *loader_members(struct gate_heap *heap, const struct ha_gate_target *target, bool *members)
{
    const struct ha_groups *groups;
    HA_TRY(ha_groups_get(heap->q, HA_BY_LOADER, &groups));
    for (uint32_t i = 0; i < heap->q->snapshot->heap->facts.class_count; i++) {
        const struct ha_histogram_row *row = &groups->rows[groups->of_class[i]];
        const char *class_name = row->loader_address == 0 ? "<boot>" : row->loader_class;
        members[i] = (class_name != NULL && strcmp(class_name, target->text) == 0) ||
                     (row->name != NULL && strcmp(row->name, target->text) == 0);
    }
    return NULL;
}

static struct ha_err *members_find(struct gate_heap *heap, const struct ha_gate_target *target, bool *members)
{
    if (target->kind == HA_GATE_LOADER) {
        return loader_members(heap, target, members);
    }
    for (uint32_t i = 0; i < heap->q->snapshot->heap->facts.class_count; i++) {
        HA_TRY(gate_matches_class(target, heap->stable_names[i], &members[i]));
    }
    return NULL;
}

static struct ha_err *classes_measure(struct gate_heap *heap, const struct ha_gate_target *target, struct gate_measured *ret)
{
    struct ha_class_set_sums sums = {0};
    bool *members = ha_calloc_array((size_t)heap->q->snapshot->heap->facts.class_count + 1, sizeof *members);
    if (members == NULL) {
        return ha_err_nomem();
    }
    struct ha_err *err = members_find(heap, target, members);
    if (err == NULL) {
        err = ha_class_set_query(heap->q, members, &sums);
    }
    ha_free(members);
    ret->found = sums.classes > 0;
    ret->sizes = (struct ha_sizes3){sums.instances, sums.shallow_bytes, sums.retained_bytes};
    return err;
}

/* One class: the totals of the index will do. */
static bool class_measure(struct gate_heap *heap, const struct ha_gate_target *target, struct gate_measured *ret)
{
    struct ha_sbuf wanted = {0};
    ha_name_stable(target->text, &wanted);
    const struct ha_summary_class *row = ha_summary_class_find(&heap->summary, ha_sbuf_text(&wanted));
    for (uint32_t i = 0; row == NULL && i < heap->q->snapshot->heap->facts.class_count; i++) {
        ret->found = ret->found || strcmp(heap->stable_names[i], ha_sbuf_text(&wanted)) == 0; // loaded, without instances
    }
    ha_sbuf_deinit(&wanted);
    if (row != NULL) {
        ret->found = true;
        ret->sizes = row->sizes;
    }
    return ret->found;
}

static const struct ha_suspect *suspect_find(const struct ha_suspects *suspects, const char *id)
{
    for (uint64_t i = 0; i < suspects->count; i++) {
        if (strcmp(suspects->list[i].id, id) == 0) {
            return &suspects->list[i];
        }
    }
    return NULL;
}

/* A suspect of the usual threshold; one that keeps less is looked for down to what its rule allows. */
static struct ha_err *suspect_measure(struct gate_heap *heap, const char *id, uint64_t floor, struct gate_measured *ret)
{
    HA_TRY(gate_heap_suspects(heap));
    ret->suspect = suspect_find(&heap->suspects, id);
    if (ret->suspect == NULL && floor < heap->suspects.threshold_bytes) {
        struct ha_suspects more;
        uint64_t least = heap->summary.heap.shallow_bytes / 100;
        const struct ha_suspects_options options = {.threshold_bytes = floor > least ? floor : least + 1, .class_limit = 1};
        HA_TRY(ha_suspects_query(heap->q, &options, &more));
        ret->suspect = suspect_find(&more, id);
    }
    if (ret->suspect != NULL) {
        ret->found = true;
        ret->sizes = (struct ha_sizes3){ret->suspect->instances, ret->suspect->shallow_bytes, ret->suspect->retained_bytes};
    }
    return NULL;
}

/* All findings of a pattern together. */
static void pattern_measure(const struct ha_gate_input *input, const char *id, struct gate_measured *ret)
{
    for (uint64_t i = 0; i < input->pattern_count; i++) {
        const struct ha_gate_pattern *pattern = &input->patterns[i];
        if (strcmp(pattern->id, id) == 0) {
            ret->pattern = ret->pattern == NULL ? pattern : ret->pattern; // the largest comes first
            ret->found = true;
            ret->sizes.instances += pattern->instances;
            ret->sizes.retained_bytes += pattern->bytes;
        }
    }
}

struct ha_err *gate_measure(struct gate_heap *heap, const struct ha_gate_target *target, uint64_t suspect_floor, struct gate_measured *ret)
{
    *ret = (struct gate_measured){.found = target->kind < HA_GATE_CLASS};
    switch (target->kind) {
    case HA_GATE_HEAP:
        ret->sizes = (struct ha_sizes3){heap->summary.heap.objects, heap->summary.heap.shallow_bytes, heap->summary.heap.shallow_bytes};
        return NULL;
    case HA_GATE_THREADS:
        ret->sizes.instances = heap->thread_count;
        return NULL;
    case HA_GATE_CLASS_COUNT:
        ret->sizes.instances = heap->summary.heap.classes;
        return NULL;
    case HA_GATE_LOADER_COUNT:
        ret->sizes.instances = heap->summary.heap.class_loaders;
        return NULL;
    case HA_GATE_CLASS:
        class_measure(heap, target, ret);
        return NULL;
    case HA_GATE_REGEX:
    case HA_GATE_PACKAGE:
    case HA_GATE_LOADER:
        return classes_measure(heap, target, ret);
    case HA_GATE_PATTERN:
        pattern_measure(heap->input, target->text, ret);
        return NULL;
    case HA_GATE_SUSPECT:
        return suspect_measure(heap, target->text, suspect_floor, ret);
    }
    return NULL;
}
