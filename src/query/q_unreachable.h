/* SPDX-License-Identifier: MIT */
/* Between the files of the unreachable part: q_unreachable.c the answer, q_unreachable_tree.c its tree, q_unreachable_kept.c what the index keeps. */
#ifndef HA_QUERY_UNREACHABLE_INTERNAL_H
#define HA_QUERY_UNREACHABLE_INTERNAL_H

#include "ha/query/q_fillers.h"
#include "ha/query/q_rank.h"
#include "ha/query/q_unreachable.h"

/* All unreachable objects, ascending. */
struct unreachable_list {
    struct ha_big memory; /* uint32_t each */
    const uint32_t *objects;
    uint32_t count;
};

/* One look at the dominator of each object. */
struct ha_err *unreachable_list_make(const struct ha_query *q, struct unreachable_list *ret) HA_WARN_UNUSED;
void unreachable_list_deinit(struct unreachable_list *list);

/* The dominator tree of the part: fills has_tops, tops and kinds. Linear in the part; 20 bytes of memory per object of it, and 4 per object of the heap
   that lies near one. */
struct ha_err *unreachable_tops_find(struct ha_query *q, const struct unreachable_list *list, uint64_t limit, struct ha_unreachable *u) HA_WARN_UNUSED;

/* The elements of a rank in the query's arena. */
struct ha_err *unreachable_rank_take(struct ha_query *q, struct ha_rank *rank, size_t size, void **ret) HA_WARN_UNUSED;

/* What the index keeps. false: nothing that can be trusted. Counts of fillers go into `fillers`, whose classes must be known. */
bool unreachable_fillers_load(const struct ha_query *q, struct ha_fillers *fillers);

/* The same of the tree: fills has_tops, tops and kinds. false too where it keeps fewer tops than there are and than limit asks for. */
struct ha_err *unreachable_tops_load(struct ha_query *q, uint64_t limit, struct ha_unreachable *u, bool *ret_found) HA_WARN_UNUSED;

#endif
