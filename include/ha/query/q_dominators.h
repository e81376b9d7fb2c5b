/* SPDX-License-Identifier: MIT */
/*
 * The dominator tree, cut to what one can read: the largest children of each node, level by level.
 */
#ifndef HA_QUERY_Q_DOMINATORS_H
#define HA_QUERY_Q_DOMINATORS_H

#include "ha/query/q_histogram.h"

struct ha_dominators_options {
    ha_obj object;        /* the tree below this object; HA_OBJ_NONE: from the top */
    uint32_t depth;       /* levels of nodes: 1 is the first level alone; 0 counts as 1 */
    uint64_t limit;       /* children per node, 0: all */
    bool grouped;         /* rows by `by` instead of single objects: the objects of a level that belong together are one node */
    enum ha_group_by by;
    uint64_t max_nodes;   /* 0: no bound; when reached, deeper levels are left out and `cut` says so */
};

struct ha_dominator_node {
    ha_obj obj;                           /* HA_OBJ_NONE in a grouped tree */
    const struct ha_histogram_row *group; /* NULL in a tree of objects. instances: objects of this level and group; shallow, retained: their sums */
    uint64_t retained_bytes;
    struct ha_dominator_node *children;
    uint64_t child_count;
    uint64_t omitted; /* children that limit (or depth, then child_count is 0) left out */
};

struct ha_dominators {
    struct ha_dominator_node root; /* its children are the answer; obj is the object asked for, HA_OBJ_NONE for the top */
    bool grouped;
    enum ha_group_by by;
    bool cut; /* max_nodes was reached */
};

/* HA_ERR_USAGE: the object is not reachable. */
struct ha_err *ha_dominators_query(struct ha_query *q, const struct ha_dominators_options *options, struct ha_dominators *ret) HA_WARN_UNUSED;

/* The largest objects of a list of the tree, by retained size, ties by class name, then address. */
struct ha_ranked {
    ha_obj obj;
    uint64_t retained_bytes;
};
struct ha_ranked_list {
    struct ha_ranked *list;
    uint64_t count;
    uint64_t omitted;
};
/* limit 0: all of them. The children ascend by number. */
struct ha_err *ha_dominators_largest(struct ha_query *q, struct ha_children children, uint64_t limit, struct ha_ranked_list *ret) HA_WARN_UNUSED;

/* The child with the largest retained size (ties: the lower address); false: there is none. */
bool ha_dominators_largest_child(const struct ha_query *q, ha_obj parent, ha_obj *ret);

/* For a ha_snapshot_extra: keeps the largest objects of the first level and its sums by class in sections of the snapshot's size model, unless the
   level is so short that it is as quickly gone through. */
struct ha_err *ha_level_store(const struct ha_snapshot *snapshot, ha_section_put put, void *put_ctx) HA_WARN_UNUSED;

#endif
