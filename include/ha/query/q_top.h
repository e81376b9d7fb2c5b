/* SPDX-License-Identifier: MIT */
/*
 * The biggest consumers, over the first level of the dominator tree: every byte of the reachable heap belongs to exactly one object there,
 * so the rows of each table add up to the heap.
 */
#ifndef HA_QUERY_Q_TOP_H
#define HA_QUERY_Q_TOP_H

#include "ha/query/q_dominators.h"

struct ha_top {
    struct ha_ranked_list objects;
    struct ha_histogram classes, loaders, packages; /* instances: objects of the first level; shallow: theirs alone; retained: their sum */
};

/* limit rows of each, 0: all. */
struct ha_err *ha_top_query(struct ha_query *q, uint64_t limit, struct ha_top *ret) HA_WARN_UNUSED;

/* One table over any list of objects of the tree (they must not dominate each other). A class object belongs to the group of the class it stands
   for by package and loader, to java.lang.Class by class. */
struct ha_err *ha_top_group(struct ha_query *q, struct ha_children objects, enum ha_group_by by, uint64_t limit, struct ha_histogram *ret) HA_WARN_UNUSED;

#endif
