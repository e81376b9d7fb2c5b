/* SPDX-License-Identifier: MIT */
#include "query/q_tree.h"

#include "ha/base/pool.h"

#define BATCH (1U << 18)

struct starts {
    const struct ha_dom *dom;
    uint32_t *start;
    uint64_t count;   /* of children */
    uint32_t objects; /* number of the root */
};

/* Number of the dominator of the k-th child; HA_NONE: damaged. */
static uint32_t dominator_of(const struct starts *s, uint64_t k, uint32_t *ret_child)
{
    uint32_t child = ha_column_at(&s->dom->children, k);
    if (child >= s->objects) {
        return HA_NONE;
    }
    *ret_child = child;
    uint32_t dominator = ha_dom_idom(s->dom, (ha_obj){child});
    return dominator == HA_DOM_ROOT ? s->objects : dominator < s->objects ? dominator : HA_NONE;
}

/* Every object whose children begin at k gets its start from exactly one k. */
static struct ha_err *fill(void *ctx, unsigned worker, uint64_t index)
{
    struct starts *s = ctx;
    (void)worker;
    uint64_t first = index * BATCH;
    uint64_t end = s->count - first < BATCH ? s->count : first + BATCH;
    uint32_t before_child = 0;
    uint64_t filled = 0; // starts below are set
    if (first > 0) {
        uint32_t before = dominator_of(s, first - 1, &before_child);
        if (before == HA_NONE) {
            return ha_err_new(HA_ERR_INPUT, "dominator tree of the index is damaged");
        }
        filled = (uint64_t)before + 1;
    }
    for (uint64_t k = first; k < end; k++) {
        uint32_t child = 0;
        uint32_t dominator = dominator_of(s, k, &child);
        bool sibling = (uint64_t)dominator + 1 == filled && k > 0;
        if (dominator == HA_NONE || (uint64_t)dominator + 1 < filled ||
            (sibling && child <= before_child)) {
            return ha_err_new(HA_ERR_INPUT, "dominator tree of the index is damaged");
        }
        while (filled <= dominator) {
            s->start[filled++] = (uint32_t)k;
        }
        before_child = child;
    }
    while (end == s->count && filled <= (uint64_t)s->objects + 1) {
        s->start[filled++] = (uint32_t)end;
    }
    return NULL;
}

struct ha_err *ha_tree_prepare(struct ha_query *q)
{
    const struct ha_dom *dom = q->snapshot->dom;
    if (q->child_starts.data != NULL) {
        return NULL;
    }
    uint32_t objects = dom->heap->facts.object_count;
    HA_TRY(ha_big_init(&q->child_starts, (uint64_t)objects + 2, sizeof(uint32_t)));
    struct starts s = {dom, q->child_starts.data, dom->reachable_count, objects};
    struct ha_err *err =
        ha_parallel_for(q->snapshot->threads, (s.count + BATCH - 1) / BATCH, fill, &s);
    if (err != NULL) {
        ha_big_deinit(&q->child_starts);
    }
    return err;
}
