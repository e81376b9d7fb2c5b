/* SPDX-License-Identifier: MIT */
/*
 * Children are counted in pieces of the column, each object's by the piece in which they begin; then the counts of each block are compared with what the
 * index has, and summed up.
 */
#include "query/q_tree.h"

#include <string.h>

#include "ha/base/pool.h"

#define BATCH (1U << 18)
#define AHEAD 64U /* children: their dominators lie anywhere */
#define BYTES_1 0x0101010101010101ULL

struct counting {
    const struct ha_dom *dom;
    uint8_t *counts;  /* per branch object, HA_TREE_FAR at most; in the end starts */
    uint64_t count;   /* of children */
    uint32_t objects;
    uint32_t branches;
};

/* How far a piece has been counted. */
struct counted {
    uint64_t last; /* dominator and child, which together ascend */
    bool wrong;
};

struct ha_err *ha_tree_damaged(void)
{
    return ha_err_new(HA_ERR_INPUT, "dominator tree of the index is damaged");
}

/* The k-th child behind its dominator, HA_DOM_ROOT for the root; all ones: damaged. */
static inline uint64_t child_at(const struct counting *c, uint64_t k)
{
    uint32_t child = ha_column_at(&c->dom->children, k);
    uint32_t dominator = child < c->objects ? ha_dom_idom(c->dom, (ha_obj){child}) : HA_NONE;
    bool good = dominator < c->objects || dominator == HA_DOM_ROOT;
    return good ? (uint64_t)dominator << 32 | child : UINT64_MAX;
}

static inline uint32_t dominator_at(const struct counting *c, uint64_t k)
{
    return (uint32_t)(child_at(c, k) >> 32);
}

/* Counts children k … end - 1, of any form and any dominators. */
static void count_any(const struct counting *c, uint64_t k, uint64_t end, struct counted *done)
{
    for (; k < end && !done->wrong; k++) {
        uint64_t at = child_at(c, k);
        uint32_t dominator = (uint32_t)(at >> 32);
        done->wrong = at <= done->last || at == UINT64_MAX;
        done->last = at;
        if (dominator < c->branches) {
            uint8_t old = c->counts[dominator];
            c->counts[dominator] = (uint8_t)(old + (old != HA_TREE_FAR));
        }
    }
}

/* The same for plain columns, up to the first dominator that is no branch object: nearly all children. Returns how far it came. */
static uint64_t count_plain(const struct counting *c, uint64_t k, uint64_t end, struct counted *done)
{
    const uint32_t *const children = c->dom->children.plain, *const idom = c->dom->idoms.plain;
    const uint32_t objects = c->objects, branches = c->branches;
    uint8_t *const counts = c->counts;
    uint64_t last = done->last;
    bool wrong = done->wrong;
    while (k < end) {
        uint64_t stop = end - k < AHEAD ? end : k + AHEAD;
        for (uint64_t i = k; i < stop; i++) {
            __builtin_prefetch((const char *)idom + (children[i] < objects ? 4 * (size_t)children[i] : 0));
        }
        for (; k < stop; k++) {
            uint32_t child = children[k], dominator = idom[child < objects ? child : 0];
            if (HA_UNLIKELY(dominator >= branches)) {
                *done = (struct counted){last, wrong};
                return k;
            }
            uint64_t at = (uint64_t)dominator << 32 | child;
            wrong |= (at <= last) | (child >= objects);
            last = at;
            uint8_t old = counts[dominator];
            counts[dominator] = (uint8_t)(old + (old != HA_TREE_FAR));
        }
    }
    *done = (struct counted){last, wrong};
    return k;
}

/* Passes over children of the dominator of the one before, which another piece counts. */
static uint64_t pass_over(const struct counting *c, uint64_t k, uint64_t end, struct counted *done)
{
    uint32_t dominator = (uint32_t)(done->last >> 32);
    for (; k < end && !done->wrong; k++) {
        uint64_t at = child_at(c, k);
        if (at >> 32 != dominator) {
            break;
        }
        done->wrong = at <= done->last;
        done->last = at;
    }
    return k;
}

/* Counts the children of a piece, but for those of the dominator that the piece before ended with: that one goes on to the last of them, or to as many as
   can be counted. */
static struct ha_err *count_piece(void *ctx, unsigned worker, uint64_t index)
{
    const struct counting *c = ctx;
    (void)worker;
    uint64_t k = index * BATCH, end = c->count - k < BATCH ? c->count : k + BATCH;
    struct counted done = {0};
    if (k > 0) {
        done.last = child_at(c, k - 1);
        done.wrong = done.last == UINT64_MAX;
        k = pass_over(c, k, end, &done);
        if (k == end) {
            return done.wrong ? ha_tree_damaged() : NULL;
        }
    }
    if (c->dom->children.plain != NULL && c->dom->idoms.plain != NULL) {
        k = count_plain(c, k, end, &done);
    }
    count_any(c, k, end, &done);
    uint32_t dominator = (uint32_t)(done.last >> 32);
    for (; end < c->count && !done.wrong && dominator < c->branches && c->counts[dominator] != HA_TREE_FAR && dominator_at(c, end) == dominator; end++) {
        count_any(c, end, end + 1, &done);
    }
    return done.wrong ? ha_tree_damaged() : NULL;
}

/* Whether the children of the blocks before end at the k-th child, and those of this and later ones begin there. */
static bool begins_at(const struct counting *c, uint64_t block, uint64_t k)
{
    const uint64_t first = block * HA_CHILD_BLOCK;
    return k <= c->count && (k == 0 || dominator_at(c, k - 1) < first) && (k == c->count || dominator_at(c, k) >= first);
}

/* Turns counts of a block into starts, and returns their sum; HA_TREE_FAR and more: it is to be searched. */
static uint32_t sum_up(uint8_t *counts)
{
    const uint64_t even = 0x00ff00ff00ff00ffULL;
    uint64_t low = ha_le64(counts), high = ha_le64(counts + 8);
    uint64_t pairs = (low & even) + (low >> 8 & even) + (high & even) + (high >> 8 & even);
    uint32_t sum = (uint32_t)(pairs * 0x0001000100010001ULL >> 48);
    if (sum < HA_TREE_FAR) { /* so are the sums of parts: no byte carries */
        uint64_t low_ends = low * BYTES_1, low_sum = low_ends >> 56, high_ends = high * BYTES_1 + low_sum * BYTES_1;
        uint64_t starts[2] = {low_ends << 8, high_ends << 8 | low_sum};
        memcpy(counts, starts, sizeof starts);
    }
    return sum;
}

/* Compares what the index has of a block with the counts, given that it is right about where the block begins. Blocks that are to be searched, and those
   with leaves, have no counts to compare with. */
static bool block_fits(const struct counting *c, uint64_t block)
{
    uint8_t *counts = c->counts + block * HA_CHILD_BLOCK;
    const uint32_t begin = c->dom->child_start[block], end = c->dom->child_start[block + 1];
    if (HA_LIKELY((block + 1) * HA_CHILD_BLOCK <= c->branches)) {
        uint32_t sum = sum_up(counts);
        if (HA_LIKELY(sum < HA_TREE_FAR)) {
            return begin <= end && end - begin == sum;
        }
    }
    if (block * HA_CHILD_BLOCK < c->branches) {
        memset(counts, (int)HA_TREE_FAR, HA_CHILD_BLOCK);
    } else if (begin == end) {
        return true;
    }
    return begin <= end && begins_at(c, block + 1, end);
}

/* The same of the last block, that of the root, which is always searched. */
static bool root_block_fits(const struct counting *c, uint64_t block)
{
    if (block * HA_CHILD_BLOCK < c->branches) {
        memset(c->counts + block * HA_CHILD_BLOCK, (int)HA_TREE_FAR, HA_CHILD_BLOCK);
    }
    return c->dom->child_start[block] <= c->count && c->dom->child_start[block + 1] == c->count;
}

static struct ha_err *compare_piece(void *ctx, unsigned worker, uint64_t index)
{
    const struct counting *c = ctx;
    const uint64_t first = index * BATCH, blocks = (uint64_t)c->objects / HA_CHILD_BLOCK + 1;
    (void)worker;
    for (uint64_t block = first; block < blocks && block < first + BATCH; block++) {
        bool fits = block + 1 == blocks ? root_block_fits(c, block) : block_fits(c, block);
        if (!fits) {
            return ha_tree_damaged();
        }
    }
    return c->dom->child_start[0] == 0 ? NULL : ha_tree_damaged();
}

struct ha_err *ha_tree_prepare(struct ha_query *q)
{
    const struct ha_dom *dom = q->snapshot->dom;
    if (q->child_starts.data != NULL) {
        return NULL;
    }
    const struct ha_heap_facts *facts = &dom->heap->facts;
    HA_TRY(ha_big_init(&q->child_starts, ((uint64_t)facts->branch_count / HA_CHILD_BLOCK + 1) * HA_CHILD_BLOCK, 1));
    struct counting c = {dom, q->child_starts.data, dom->reachable_count, facts->object_count, facts->branch_count};
    struct ha_err *err = ha_parallel_for(q->snapshot->threads, (c.count + BATCH - 1) / BATCH, count_piece, &c);
    if (err == NULL) {
        err = ha_parallel_for(q->snapshot->threads, c.objects / HA_CHILD_BLOCK / BATCH + 1, compare_piece, &c);
    }
    if (err != NULL) {
        ha_big_deinit(&q->child_starts);
    }
    return err;
}
