/* SPDX-License-Identifier: MIT */
/*
 * What grew between heaps of one program.
 *
 *     old ─┐                     classes by name, suspects by id, places by signature, each with both sizes
 *     new ─┴─ ha_compare() ──▶
 *
 *     a, b, c … ── ha_growth_find() ──▶   what grew from step to step, the steadiest first: a leak grows every time, a cache stops
 */
#ifndef HA_COMPARE_COMPARE_H
#define HA_COMPARE_COMPARE_H

#include "ha/compare/summary.h"
#include "ha/compare/tolerance.h"

/* ---- two heaps ---- */

struct ha_class_change {
    const char *name;
    struct ha_sizes3 old, new; /* zeroes where there is no instance */
};

struct ha_place_change {
    const char *signature, *class_name;
    bool in_old, in_new;       /* false: it retains less than the least place of that heap there */
    uint64_t old_objects, new_objects;
    uint64_t old_bytes, new_bytes;
};

struct ha_suspect_change {
    const struct ha_summary_suspect *old, *new; /* NULL: it is none there */
};

struct ha_suspect_changes {
    struct ha_suspect_change *list; /* by retained bytes, largest first */
    uint64_t count;
};

struct ha_compare {
    const struct ha_summary *old, *new;
    struct ha_class_change *classes; /* those that differ, by growth of retained bytes, then instances, then name: what grew most first */
    uint64_t class_count;
    uint64_t classes_same;           /* how many do not differ */
    struct ha_place_change *places;  /* those that differ, by growth, then signature; none unless both have places */
    uint64_t place_count;
    bool has_places, has_suspects;
    struct ha_suspect_changes suspects_new, suspects_grown, suspects_resolved, suspects_persisted;
};

/* The answer lives in `arena` and borrows from the summaries. HA_ERR_INPUT: sizes of different models cannot be compared. */
struct ha_err *ha_compare(const struct ha_summary *old, const struct ha_summary *new, struct ha_arena *arena, struct ha_compare *ret) HA_WARN_UNUSED;

/* ---- a series ---- */

struct ha_growth_row {
    const char *name;        /* class or signature of a place */
    const char *class_name;
    uint64_t *counts;        /* instances or objects, per heap */
    uint64_t *bytes;         /* retained, per heap */
    uint32_t grown_steps;    /* steps in which it grew */
    uint64_t least_step;     /* the least growth of a step by count; 0 unless it grew in all */
    uint64_t bytes_grown;    /* last against first; 0 if it shrank */
};

struct ha_growth {
    uint32_t heap_count;
    struct ha_growth_row *classes; /* that grew in at least one step and over all; most steps first, then bytes, then name */
    uint64_t class_count;
    struct ha_growth_row *places;  /* the same for places, by bytes; empty if a heap has none */
    uint64_t place_count;
    uint64_t steady_classes;       /* rows that grew in every step (by `loops` or more each time): they come first */
    uint64_t steady_places;
};

struct ha_growth_options {
    uint64_t loops; /* a step counts as growth when there are at least so many instances more; 0 counts as 1 */
};

/* At least two heaps. HA_ERR_INPUT as above. */
struct ha_err *ha_growth_find(const struct ha_summary *const *heaps, uint32_t heap_count, const struct ha_growth_options *options,
                              struct ha_arena *arena, struct ha_growth *ret) HA_WARN_UNUSED;

#endif
