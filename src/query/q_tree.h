/* SPDX-License-Identifier: MIT */
/*
 * Children of the dominator tree for walks over most of it: where the children of every branch object begin, in a byte beside what the index has
 * per block of objects, so that a node costs one look instead of a search in its block.
 *
 *     child_start  [0            ][31           ]…   per block of 16 objects
 *     start        [0][0][2][5]…  [0][7][7][9]…      children of object i: from child_start[i / 16] + start[i] on, up to where those of the next begin;
 *                                                    255 for a whole block that has too many, or leaves: searched
 *
 * Made once per query, in parallel, by one pass over the children in their order, which checks that order: what it accepts is a tree.
 */
#ifndef HA_QUERY_Q_TREE_H
#define HA_QUERY_Q_TREE_H

#include "ha/query/q_query.h"

#define HA_TREE_FAR 255U

/* HA_ERR_INPUT: what a walk says that finds no tree. */
struct ha_err *ha_tree_damaged(void);

/* Makes the starts if they are not there yet. HA_ERR_INPUT: the index holds no tree. */
struct ha_err *ha_tree_prepare(struct ha_query *q) HA_WARN_UNUSED;

/* Where the children of a branch object are, by the starts. false: they are to be searched. */
static inline bool ha_tree_find(const uint8_t *starts, const uint32_t *child_start, ha_obj obj, uint32_t *ret_first, uint32_t *ret_count)
{
    const uint32_t *block = &child_start[obj.i / HA_CHILD_BLOCK];
    const uint8_t *start = &starts[obj.i];
    uint32_t end = obj.i % HA_CHILD_BLOCK == HA_CHILD_BLOCK - 1 ? block[1] - block[0] : start[1];
    *ret_first = block[0] + start[0];
    *ret_count = end - start[0];
    return HA_LIKELY(start[0] != HA_TREE_FAR);
}

/* Children of an object; uses the starts if they are there. */
static inline struct ha_children ha_tree_children(const struct ha_query *q, ha_obj obj)
{
    const struct ha_dom *dom = q->snapshot->dom;
    uint32_t first, count;
    const uint32_t *block = &dom->child_start[obj.i / HA_CHILD_BLOCK];
    if (block[0] == block[1]) { /* as nearly all blocks of leaves are */
        return ha_dom_children_at(dom, 0, 0);
    }
    if (q->child_starts.data == NULL || obj.i >= dom->heap->facts.branch_count ||
        !ha_tree_find(q->child_starts.data, dom->child_start, obj, &first, &count)) {
        return ha_dom_children(dom, obj);
    }
    return ha_dom_children_at(dom, first, count);
}

#endif
