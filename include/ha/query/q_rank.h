/* SPDX-License-Identifier: MIT */
/*
 * The N largest of many, in order, without sorting the many: a heap of N elements whose root is the least of those kept, so that most
 * candidates cost one comparison.
 *
 *     candidates …,7,3,9,…   →   [ least kept ]…[ ]   →   ha_rank_finish(): largest first
 *
 * Elements are of one fixed size; the order is total (ties decided by the comparison), so the outcome does not depend on the order in
 * which candidates come.
 */
#ifndef HA_QUERY_Q_RANK_H
#define HA_QUERY_Q_RANK_H

#include "ha/base/err.h"
#include "ha/heap/heap_ids.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* < 0: a comes before b in the answer; 0 only for the same element. */
typedef int (*ha_rank_compare)(const void *ctx, const void *a, const void *b);

struct ha_rank {
    ha_rank_compare compare;
    const void *ctx;
    unsigned char *data; /* capacity × size bytes, owned */
    size_t size;         /* of an element */
    uint64_t limit;      /* elements to keep; 0: all */
    uint64_t count, capacity;
    uint64_t offered;
    bool failed; /* out of memory, sticky */
};

void ha_rank_init(struct ha_rank *rank, size_t size, uint64_t limit, ha_rank_compare compare, const void *ctx);
void ha_rank_deinit(struct ha_rank *rank);
void ha_rank_offer(struct ha_rank *rank, const void *element);

/* Puts what was kept in order; the elements lie in rank->data until deinit. */
struct ha_err *ha_rank_finish(struct ha_rank *rank) HA_WARN_UNUSED;

/* How many candidates were not kept. */
static inline uint64_t ha_rank_omitted(const struct ha_rank *rank)
{
    return rank->offered - rank->count;
}

/* Sorts an array with a comparison that takes a context. */
void ha_rank_sort(void *data, size_t count, size_t size, ha_rank_compare compare, const void *ctx);

#endif
