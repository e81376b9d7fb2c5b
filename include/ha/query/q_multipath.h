/* SPDX-License-Identifier: MIT */
/*
 * Shortest paths from the GC roots to many objects at once: one forward breadth-first search that leaves a parent for every object reached.
 *
 *     parents   [1][1][2][2][0]…      4 bytes per object: parent + 2; 1: a root; 0: not reached
 *
 * The search ends when all targets are reached or nothing is left.
 */
#ifndef HA_QUERY_Q_MULTIPATH_H
#define HA_QUERY_Q_MULTIPATH_H

#include "ha/base/mem.h"
#include "ha/query/q_paths.h"

struct ha_multipath {
    struct ha_big parents; /* uint32_t per object, see above */
    uint32_t object_count;
    uint64_t reached;      /* targets reached */
};

struct ha_err *ha_multipath_find(struct ha_query *q, const ha_obj *targets, uint64_t target_count, const struct ha_excludes *excludes,
                                 struct ha_multipath *ret) HA_WARN_UNUSED;
void ha_multipath_deinit(struct ha_multipath *multipath);

/* The object before obj on its path; false: obj is a root or was not reached. */
static inline bool ha_multipath_parent(const struct ha_multipath *m, ha_obj obj, ha_obj *ret)
{
    uint32_t word = ((const uint32_t *)m->parents.data)[obj.i];
    if (word < 2) {
        return false;
    }
    ret->i = word - 2;
    return true;
}

static inline bool ha_multipath_reached(const struct ha_multipath *m, ha_obj obj)
{
    return ((const uint32_t *)m->parents.data)[obj.i] != 0;
}

#endif
