/* SPDX-License-Identifier: MIT */
/*
 * Lists of objects of the dominator tree, put into groups: the tables of `top`, and the grouped dominator tree, where the objects of a level
 * that belong together are one node.
 *
 *     level 1   [Thread ×12][String ×583] …           objects directly under the root, by class
 *     level 2   [ThreadLocal$Map ×12] …               what the 12 threads dominate directly, by class
 */
#ifndef HA_QUERY_Q_LEVEL_H
#define HA_QUERY_Q_LEVEL_H

#include "ha/query/q_dominators.h"
#include "query/q_tally.h"

/* The group of an object: that of its class; a class object counts for the class it stands for, except by class. */
uint32_t ha_level_group_of(const struct ha_query *q, const struct ha_groups *groups, ha_obj obj);

/* Sums over a list by class; class objects apart, so that every grouping follows from them. */
struct ha_level_sums {
    struct ha_tally_sum *instances; /* per class: objects of the list that are no class objects */
    struct ha_tally_sum *mirrors;   /* per class: its class object, if it is in the list */
    uint32_t class_class;           /* java.lang.Class, HA_NONE if no class object is in the list */
};
struct ha_err *ha_level_sums_create(const struct ha_query *q, struct ha_children objects,
                                    struct ha_level_sums *ret) HA_WARN_UNUSED;
void ha_level_sums_destroy(struct ha_level_sums *sums);

/* q_level_kept.c: the same, and the largest objects, of the first level of the tree, as the index keeps them. false: of another list, or nothing kept that
   can be trusted; sums, zeroed before, may then hold anything. limit 0: all, if all are kept. */
bool level_sums_load(const struct ha_query *q, struct ha_children objects, struct ha_level_sums *sums);
struct ha_err *level_largest_load(struct ha_query *q, struct ha_children objects, uint64_t limit, struct ha_ranked_list *ret,
                                  bool *ret_found) HA_WARN_UNUSED;

/* The groups, largest retained sum first. rows: in q->arena; *ret_groups (may be NULL) gets the group number of each row. */
struct ha_err *ha_level_rows(struct ha_query *q, const struct ha_groups *groups,
                             const struct ha_level_sums *sums, uint64_t limit,
                             struct ha_histogram *ret, uint32_t **ret_groups) HA_WARN_UNUSED;

/* The grouped tree below `first`. */
struct ha_err *ha_level_cut(struct ha_query *q, const struct ha_dominators_options *options,
                            struct ha_children first, struct ha_dominators *answer) HA_WARN_UNUSED;

#endif
