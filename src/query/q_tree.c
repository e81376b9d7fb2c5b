/* SPDX-License-Identifier: MIT */
#include "query/q_tree.h"

#include "ha/base/pool.h"

#define BATCH (1U << 18)
#define PREFETCH 32U /* children ahead: their dominators lie anywhere */

struct starts {
    const struct ha_dom *dom;
    uint8_t *start;
    uint64_t count;   /* of children */
    uint32_t objects; /* number of the root */
    uint32_t branches;
};

static struct ha_err *damaged(void)
{
    return ha_err_new(HA_ERR_INPUT, "dominator tree of the index is damaged");
}

/* Number of the dominator of the k-th child; HA_NONE: damaged. */
static inline uint32_t dominator_of(const struct starts *s, uint64_t k, uint32_t *ret_child)
{
    uint32_t child = ha_column_at(&s->dom->children, k);
    if (child >= s->objects) {
        return HA_NONE;
    }
    *ret_child = child;
    uint32_t dominator = ha_dom_idom(s->dom, (ha_obj){child});
    return dominator == HA_DOM_ROOT ? s->objects : dominator < s->objects ? dominator : HA_NONE;
}

/* The children of objects from *next up to `last` begin at the k-th child. false: the index says otherwise of a block that begins among them. */
static inline bool fill_to(const struct starts *s, uint64_t *next, uint64_t last, uint64_t k)
{
    uint64_t obj = *next;
    while (obj <= last) {
        uint64_t block = obj / HA_CHILD_BLOCK;
        if (obj % HA_CHILD_BLOCK == 0 && s->dom->child_start[block] != k) {
            return false;
        }
        if (obj > s->branches) {
            obj = (block + 1) * HA_CHILD_BLOCK; /* only blocks count here */
            continue;
        }
        uint64_t distance = k - s->dom->child_start[block];
        s->start[obj++] = (uint8_t)(distance < HA_TREE_FAR ? distance : HA_TREE_FAR);
    }
    *next = last + 1;
    return true;
}

static void look_ahead(const struct starts *s, uint64_t k, uint64_t end)
{
    if (s->dom->idom != NULL && s->dom->children.plain != NULL && k + PREFETCH < end) {
        uint32_t child = s->dom->children.plain[k + PREFETCH];
        __builtin_prefetch(&s->dom->idom[child < s->objects ? child : 0]);
    }
}

/* Every object whose children begin at k gets its start from exactly one k. */
static struct ha_err *fill(void *ctx, unsigned worker, uint64_t index)
{
    const struct starts *s = ctx;
    (void)worker;
    uint64_t first = index * BATCH;
    uint64_t end = s->count - first < BATCH ? s->count : first + BATCH;
    uint32_t before_child = 0;
    uint64_t next = 0; // starts below are set
    if (first > 0) {
        uint32_t before = dominator_of(s, first - 1, &before_child);
        if (before == HA_NONE) {
            return damaged();
        }
        next = (uint64_t)before + 1;
    }
    for (uint64_t k = first; k < end; k++) {
        uint32_t child = 0;
        look_ahead(s, k, end);
        uint32_t dominator = dominator_of(s, k, &child);
        bool sibling = (uint64_t)dominator + 1 == next && k > 0;
        if (dominator == HA_NONE || (uint64_t)dominator + 1 < next || (sibling && child <= before_child) || !fill_to(s, &next, dominator, k)) {
            return damaged();
        }
        before_child = child;
    }
    bool whole = end < s->count || (fill_to(s, &next, s->objects, end) && s->dom->child_start[s->objects / HA_CHILD_BLOCK + 1] == end);
    return whole ? NULL : damaged();
}

struct ha_err *ha_tree_prepare(struct ha_query *q)
{
    const struct ha_dom *dom = q->snapshot->dom;
    if (q->child_starts.data != NULL) {
        return NULL;
    }
    const struct ha_heap_facts *facts = &dom->heap->facts;
    HA_TRY(ha_big_init(&q->child_starts, (uint64_t)facts->branch_count + 1, 1));
    struct starts s = {dom, q->child_starts.data, dom->reachable_count, facts->object_count, facts->branch_count};
    uint64_t batches = s.count == 0 ? 1 : (s.count + BATCH - 1) / BATCH;
    struct ha_err *err = ha_parallel_for(q->snapshot->threads, batches, fill, &s);
    if (err != NULL) {
        ha_big_deinit(&q->child_starts);
    }
    return err;
}
