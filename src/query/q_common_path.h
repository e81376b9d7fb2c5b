/* SPDX-License-Identifier: MIT */
/*
 * What the shortest paths to many objects have in common: the rule by which Eclipse MAT finds the accumulation point of a group.
 *
 *     root ──▶ a ──▶ b ─┬▶ x1          paths are merged into a tree; every node knows how many paths go through it and how much
 *                       ├▶ x2          the objects at their ends retain together
 *                       └▶ …
 *
 * From the root with the most paths go to the child with the most paths as long as more than 0.8 of the sample goes that way. Where the
 * child's retained sum is less than 0.7 of its parent's, or where there is no child, the parent is the accumulation point.
 */
#ifndef HA_QUERY_Q_COMMON_PATH_H
#define HA_QUERY_Q_COMMON_PATH_H

#include "ha/query/q_multipath.h"

struct ha_common_path {
    ha_obj *objects;           /* from the root; in q->arena */
    uint64_t count;            /* 0: they have nothing in common */
    ha_obj accumulation_point; /* HA_OBJ_NONE: none */
    uint64_t paths;            /* targets that have a path */
};

struct ha_err *ha_common_path_find(struct ha_query *q, const struct ha_multipath *multipath,
                                   const ha_obj *targets, uint64_t target_count,
                                   struct ha_common_path *ret) HA_WARN_UNUSED;

#endif
