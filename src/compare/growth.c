/* SPDX-License-Identifier: MIT */
/*
 * Growth over a series: for every class and place of the last heap, how much there was in each. What is not in the last heap did not grow.
 */
#include "ha/compare/compare.h"

#include <string.h>

#include "compare/compare_check.h"
#include "ha/query/q_rank.h"

struct series {
    const struct ha_summary *const *heaps;
    uint32_t count;
    uint64_t least; /* growth of a step */
    struct ha_arena *arena;
};

/* Fills in steps from counts (classes) or bytes (places). Whether the row grew at all. */
static bool row_finish(const struct series *s, const uint64_t *measure, uint64_t least, struct ha_growth_row *row)
{
    uint64_t least_step = UINT64_MAX;
    for (uint32_t i = 1; i < s->count; i++) {
        uint64_t step = measure[i] > measure[i - 1] ? measure[i] - measure[i - 1] : 0;
        row->grown_steps += step >= least;
        least_step = step < least_step ? step : least_step;
    }
    uint32_t last = s->count - 1;
    row->least_step = row->grown_steps == last ? least_step : 0;
    row->bytes_grown = row->bytes[last] > row->bytes[0] ? row->bytes[last] - row->bytes[0] : 0;
    return row->grown_steps > 0 && measure[last] > measure[0];
}

static bool row_begin(const struct series *s, const char *name, const char *class_name, struct ha_growth_row *row)
{
    *row = (struct ha_growth_row){.name = name,
                                  .class_name = class_name,
                                  .counts = ha_arena_calloc(s->arena, s->count, sizeof *row->counts),
                                  .bytes = ha_arena_calloc(s->arena, s->count, sizeof *row->bytes)};
    return row->counts != NULL && row->bytes != NULL;
}

static int compare_rows(const void *ctx, const void *a, const void *b)
{
    const struct ha_growth_row *x = a, *y = b;
    (void)ctx;
    if (x->grown_steps != y->grown_steps) {
        return x->grown_steps > y->grown_steps ? -1 : 1;
    }
    if (x->bytes_grown != y->bytes_grown) {
        return x->bytes_grown > y->bytes_grown ? -1 : 1;
    }
    return strcmp(x->name, y->name);
}

static uint64_t steady_count(const struct series *s, const struct ha_growth_row *rows, uint64_t count)
{
    uint64_t steady = 0;
    while (steady < count && rows[steady].grown_steps == s->count - 1) {
        steady++;
    }
    return steady;
}

static struct ha_err *classes_follow(const struct series *s, struct ha_growth *ret)
{
    const struct ha_summary *last = s->heaps[s->count - 1];
    ret->classes = ha_arena_calloc(s->arena, last->class_count + 1, sizeof *ret->classes);
    if (ret->classes == NULL) {
        return ha_err_nomem();
    }
    for (uint64_t i = 0; i < last->class_count; i++) {
        struct ha_growth_row *row = &ret->classes[ret->class_count];
        if (!row_begin(s, last->classes[i].name, last->classes[i].name, row)) {
            return ha_err_nomem();
        }
        for (uint32_t k = 0; k < s->count; k++) {
            const struct ha_summary_class *found = ha_summary_class_find(s->heaps[k], row->name);
            row->counts[k] = found == NULL ? 0 : found->sizes.instances;
            row->bytes[k] = found == NULL ? 0 : found->sizes.retained_bytes;
        }
        ret->class_count += row_finish(s, row->counts, s->least, row);
    }
    ha_rank_sort(ret->classes, ret->class_count, sizeof *ret->classes, compare_rows, NULL);
    ret->steady_classes = steady_count(s, ret->classes, ret->class_count);
    return NULL;
}

static struct ha_err *places_follow(const struct series *s, struct ha_growth *ret)
{
    const struct ha_summary *last = s->heaps[s->count - 1];
    bool all = true;
    for (uint32_t k = 0; k < s->count; k++) {
        all = all && s->heaps[k]->has_places;
    }
    ret->places = ha_arena_calloc(s->arena, last->place_count + 1, sizeof *ret->places);
    if (ret->places == NULL) {
        return ha_err_nomem();
    }
    for (uint64_t i = 0; all && i < last->place_count; i++) {
        struct ha_growth_row *row = &ret->places[ret->place_count];
        if (!row_begin(s, last->places[i].signature, last->places[i].class_name, row)) {
            return ha_err_nomem();
        }
        for (uint32_t k = 0; k < s->count; k++) {
            const struct ha_summary_place *found = ha_summary_place_find(s->heaps[k], row->name);
            row->counts[k] = found == NULL ? 0 : found->objects;
            row->bytes[k] = found == NULL ? 0 : found->retained_bytes;
        }
        ret->place_count += row_finish(s, row->bytes, 1, row);
    }
    ha_rank_sort(ret->places, ret->place_count, sizeof *ret->places, compare_rows, NULL);
    ret->steady_places = steady_count(s, ret->places, ret->place_count);
    return NULL;
}

struct ha_err *ha_growth_find(const struct ha_summary *const *heaps, uint32_t heap_count, const struct ha_growth_options *options,
                              struct ha_arena *arena, struct ha_growth *ret)
{
    struct series s = {heaps, heap_count, options->loops == 0 ? 1 : options->loops, arena};
    *ret = (struct ha_growth){.heap_count = heap_count};
    for (uint32_t i = 1; i < heap_count; i++) {
        HA_TRY(compare_models_check(heaps[0], heaps[i]));
    }
    HA_TRY(classes_follow(&s, ret));
    return places_follow(&s, ret);
}
