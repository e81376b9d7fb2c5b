/* SPDX-License-Identifier: MIT */
/*
 * Between q_kids.c (gathers), q_kids_names.c (which names there are) and q_kids_list.c (lists a group): what each worker sums up.
 *
 *     worker 0   [name 0: count, bytes, largest, objects] [name 1: …] …        objects in the order in which they were met
 *     worker 1   [name 0: …] …
 */
#ifndef HA_QUERY_Q_KIDS_PARTS_H
#define HA_QUERY_Q_KIDS_PARTS_H

#include "query/q_kids.h"

#define KIDS_MIRROR UINT32_MAX
#define KIDS_BATCH 256U

/* The kids of a name that a worker met. */
struct name_sum {
    uint64_t count, bytes;
    uint64_t most;    /* what the largest retains */
    uint64_t first;   /* place of the first one in the order of all kids */
    uint32_t largest; /* HA_NONE: there is none */
    HA_VEC(uint32_t) objects;
};

struct kid_worker {
    struct name_sum *sums;    /* per name */
    HA_VEC(uint32_t) touched; /* names that it met */
    const struct kids *k;
    bool holders_only; /* lists are of those that may dominate something */
    uint64_t place; /* of the next kid: number of the piece, and kids of it before */
    uint32_t batch_count;
    uint32_t batch[KIDS_BATCH];
};

/* Names and numbers of them per class: q_kids_names.c. */
struct ha_err *kids_names_make(struct kids *k, uint64_t min_bytes) HA_WARN_UNUSED;

/* Whether a leaf dominates something, as few do. */
static inline bool kid_leaf_holds(const struct ha_retained *retained, uint32_t obj)
{
    uint64_t count = retained->extra_count, bytes;
    bool among_them = count > 0 && obj >= retained->extra[0] && obj <= retained->extra[2 * (count - 1)];
    return among_them && ha_retained_of_leaf(retained, (ha_obj){obj}, &bytes);
}

static inline bool kid_may_hold(const struct kids *k, uint32_t obj)
{
    return obj < k->q->snapshot->heap->facts.branch_count || kid_leaf_holds(k->q->snapshot->retained, obj);
}

#endif
