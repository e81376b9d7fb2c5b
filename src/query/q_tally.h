/* SPDX-License-Identifier: MIT */
/*
 * One pass over subtrees of the dominator tree that sums sizes by group of classes.
 *
 * An object's retained size counts for its group if no ancestor in the pass is of the same group: `open` holds, per group, how many of the
 * objects on the way down belong to it. The walk keeps no stack: it goes up by the immediate dominator and finds its place among the
 * siblings by binary search, so its memory does not depend on the tree's depth.
 *
 * For several threads the forest is cut into pieces, runs of siblings of about equal retained size. What lies above a piece is counted when
 * it is cut, and opened again by whoever walks the piece.
 */
#ifndef HA_QUERY_Q_TALLY_H
#define HA_QUERY_Q_TALLY_H

#include "ha/query/q_histogram.h"

struct ha_tally_sum {
    uint64_t instances;
    uint64_t shallow_bytes;
    uint64_t retained_bytes;
};

/* Sums over the subtrees of `tops` (none dominates another) into sums[group], which the caller has zeroed. with_sizes: instances and shallow
   bytes too. Parallel over tops; sums do not depend on the number of threads. HA_ERR_INPUT: the tree of the index is no tree. */
struct ha_err *ha_tally_subtrees(struct ha_query *q, const struct ha_groups *groups,
                                 struct ha_children tops, bool with_sizes,
                                 struct ha_tally_sum *sums) HA_WARN_UNUSED;

/* Instances and shallow bytes per class over the whole column, unreachable objects included; in parallel. sums has an entry per class. */
struct ha_err *ha_tally_column(const struct ha_query *q, struct ha_tally_sum *sums) HA_WARN_UNUSED;

#endif
