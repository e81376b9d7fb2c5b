/* SPDX-License-Identifier: MIT */
/*
 * Children of the dominator tree for walks over most of it: where the children of every object begin, 4 bytes per object, so that a node
 * costs one look instead of a search in its block.
 *
 *     start   [0][0][2][3]…      children of object i: numbers start[i] … start[i + 1] - 1 of dom->children; those of the root: i = n
 *
 * Made once per query, in parallel, by one pass over the children in their order, which checks that order: what it accepts is a tree.
 */
#ifndef HA_QUERY_Q_TREE_H
#define HA_QUERY_Q_TREE_H

#include "ha/query/q_query.h"

/* Makes the starts if they are not there yet. HA_ERR_INPUT: the index holds no tree. */
struct ha_err *ha_tree_prepare(struct ha_query *q) HA_WARN_UNUSED;

/* Children of an object; uses the starts if they are there. */
static inline struct ha_children ha_tree_children(const struct ha_query *q, ha_obj obj)
{
    const uint32_t *start = q->child_starts.data;
    const struct ha_dom *dom = q->snapshot->dom;
    if (start == NULL) {
        return ha_dom_children(dom, obj);
    }
    return ha_dom_children_at(dom, start[obj.i], start[obj.i + 1] - start[obj.i]);
}

#endif
