/* SPDX-License-Identifier: MIT */
/*
 * How much a set of classes has together. Retained bytes are what would be freed at least if all their instances went: objects that an instance of the
 * set keeps alive count once, through the topmost.
 */
#ifndef HA_QUERY_Q_CLASS_SET_H
#define HA_QUERY_Q_CLASS_SET_H

#include "ha/query/q_query.h"

struct ha_class_set_sums {
    uint64_t classes; /* members */
    uint64_t instances, shallow_bytes, retained_bytes;
};

/* members: one per class of the heap. Nothing for one class; else a short walk from the top of the dominator tree, and where that does not do, a look upwards
   from each member. HA_ERR_INPUT: the index holds no tree. */
struct ha_err *ha_class_set_query(struct ha_query *q, const bool *members, struct ha_class_set_sums *ret) HA_WARN_UNUSED;

#endif
