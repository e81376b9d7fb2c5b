/* SPDX-License-Identifier: MIT */
/*
 * Children of the dominator tree for walks over most of it: where the children of every branch object begin, in a byte beside what the index has
 * per block of objects, so that a node costs one look instead of a search in its block.
 *
 *     child_start  [0            ][31           ]…   per block of 16 objects
 *     start        [0][0][2][5]…  [0][7][7][9]…      children of object i: from child_start[i / 16] + start[i] on, up to where those of the next begin;
 *                                                    255: too far, and leaves: searched in their block
 *
 * Made once per query, in parallel, by one pass over the children in their order, which checks that order: what it accepts is a tree.
 */
#ifndef HA_QUERY_Q_TREE_H
#define HA_QUERY_Q_TREE_H

#include "ha/query/q_query.h"

#define HA_TREE_FAR 255U

/* Makes the starts if they are not there yet. HA_ERR_INPUT: the index holds no tree. */
struct ha_err *ha_tree_prepare(struct ha_query *q) HA_WARN_UNUSED;

/* Children of an object; uses the starts if they are there. */
static inline struct ha_children ha_tree_children(const struct ha_query *q, ha_obj obj)
{
    const uint8_t *start = q->child_starts.data;
    const struct ha_dom *dom = q->snapshot->dom;
    if (start == NULL || obj.i >= dom->heap->facts.branch_count) {
        return ha_dom_children(dom, obj);
    }
    const uint32_t *block = &dom->child_start[obj.i / HA_CHILD_BLOCK];
    bool last = obj.i % HA_CHILD_BLOCK == HA_CHILD_BLOCK - 1;
    uint32_t begin = start[obj.i], end = last ? block[1] - block[0] : start[obj.i + 1];
    if (HA_UNLIKELY(begin == HA_TREE_FAR || (!last && end == HA_TREE_FAR))) {
        return ha_dom_children(dom, obj);
    }
    return ha_dom_children_at(dom, block[0] + (uint64_t)begin, end - begin);
}

#endif
