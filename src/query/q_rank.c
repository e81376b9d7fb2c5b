/* SPDX-License-Identifier: MIT */
/*
 * A binary heap in an array: the parent of element i is (i-1)/2, and no element comes before its children in the answer, so that element 0
 * is the first to go. With limit 0 elements are only collected and sorted at the end.
 */
#include "ha/query/q_rank.h"

#include <stdlib.h>
#include <string.h>

#include "ha/base/mem.h"

#define ELEMENT_MAX 128 /* bytes; elements are keys and numbers, not rows */

void ha_rank_init(struct ha_rank *rank, size_t size, uint64_t limit, ha_rank_compare compare,
                  const void *ctx)
{
    assert(size > 0 && size <= ELEMENT_MAX);
    memset(rank, 0, sizeof *rank);
    rank->size = size;
    rank->limit = limit;
    rank->compare = compare;
    rank->ctx = ctx;
}

void ha_rank_deinit(struct ha_rank *rank)
{
    ha_free(rank->data);
    rank->data = NULL;
    rank->count = rank->capacity = 0;
}

static unsigned char *element(const struct ha_rank *rank, uint64_t i)
{
    return rank->data + (size_t)i * rank->size;
}

static void swap(struct ha_rank *rank, uint64_t i, uint64_t k)
{
    unsigned char held[ELEMENT_MAX];
    memcpy(held, element(rank, i), rank->size);
    memcpy(element(rank, i), element(rank, k), rank->size);
    memcpy(element(rank, k), held, rank->size);
}

static void sift_up(struct ha_rank *rank, uint64_t i)
{
    while (i > 0) {
        uint64_t parent = (i - 1) / 2;
        if (rank->compare(rank->ctx, element(rank, parent), element(rank, i)) >= 0) {
            return;
        }
        swap(rank, i, parent);
        i = parent;
    }
}

static void sift_down(struct ha_rank *rank)
{
    uint64_t i = 0;
    for (;;) {
        uint64_t child = 2 * i + 1;
        if (child >= rank->count) {
            return;
        }
        if (child + 1 < rank->count &&
            rank->compare(rank->ctx, element(rank, child + 1), element(rank, child)) > 0) {
            child++;
        }
        if (rank->compare(rank->ctx, element(rank, child), element(rank, i)) <= 0) {
            return;
        }
        swap(rank, i, child);
        i = child;
    }
}

static bool grow(struct ha_rank *rank)
{
    uint64_t capacity = rank->capacity < 16 ? 32 : rank->capacity * 2;
    if (rank->limit != 0 && capacity > rank->limit) {
        capacity = rank->limit;
    }
    void *data = ha_realloc_array(rank->data, capacity, rank->size);
    if (data == NULL) {
        rank->failed = true;
        return false;
    }
    rank->data = data;
    rank->capacity = capacity;
    return true;
}

void ha_rank_offer(struct ha_rank *rank, const void *candidate)
{
    rank->offered++;
    if (rank->failed) {
        return;
    }
    if (rank->limit != 0 && rank->count == rank->limit) {
        if (rank->compare(rank->ctx, candidate, rank->data) < 0) {
            memcpy(rank->data, candidate, rank->size);
            sift_down(rank);
        }
        return;
    }
    if (rank->count == rank->capacity && !grow(rank)) {
        return;
    }
    memcpy(element(rank, rank->count++), candidate, rank->size);
    if (rank->limit != 0) {
        sift_up(rank, rank->count - 1);
    }
}

struct ha_err *ha_rank_finish(struct ha_rank *rank)
{
    if (rank->failed) {
        return ha_err_nomem();
    }
    ha_rank_sort(rank->data, rank->count, rank->size, rank->compare, rank->ctx);
    return NULL;
}

struct sort_ctx {
    ha_rank_compare compare;
    const void *ctx;
};

static int compare_elements(const void *a, const void *b, void *ctx)
{
    const struct sort_ctx *sort = ctx;
    return sort->compare(sort->ctx, a, b);
}

void ha_rank_sort(void *data, size_t count, size_t size, ha_rank_compare compare, const void *ctx)
{
    if (count > 1) {
        struct sort_ctx sort = {compare, ctx};
        qsort_r(data, count, size, compare_elements, &sort);
    }
}
