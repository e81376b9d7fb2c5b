/* SPDX-License-Identifier: MIT */
/*
 * Shortest paths from the GC roots to many objects at once: one forward breadth-first search, which notes for every object how it was reached.
 *
 *     order     [5][9][2][7][8]…      objects in the order in which they were reached
 *     from      [-][-][0][0][2]…      the place in `order` of the object that led there; HA_NONE: a root
 *
 * The search ends when all targets are reached or nothing is left. Leaf objects that are no targets are left out: nothing leads on from them.
 */
#ifndef HA_QUERY_Q_MULTIPATH_H
#define HA_QUERY_Q_MULTIPATH_H

#include "ha/base/idmap.h"
#include "ha/query/q_paths.h"

struct ha_multipath {
    struct ha_big order, from; /* uint32_t, see above */
    struct ha_idmap places;    /* target -> place in `order`, of those that were reached */
};

struct ha_err *ha_multipath_find(struct ha_query *q, const ha_obj *targets, uint64_t target_count, const struct ha_excludes *excludes,
                                 struct ha_multipath *ret) HA_WARN_UNUSED;
void ha_multipath_deinit(struct ha_multipath *multipath);

/* The way from a target back to its root:
 *
 *     struct ha_way way;
 *     for (bool more = ha_multipath_way(m, target, &way); more; more = ha_way_back(&way)) … way.obj …
 */
struct ha_way {
    const struct ha_multipath *multipath;
    uint32_t place;
    ha_obj obj;
};

/* Begins with the target itself; false: it was not reached. */
bool ha_multipath_way(const struct ha_multipath *m, ha_obj target, struct ha_way *ret);

/* To the object before; false: this one is a root. */
bool ha_way_back(struct ha_way *way);

#endif
