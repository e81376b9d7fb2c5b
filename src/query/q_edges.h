/* SPDX-License-Identifier: MIT */
/*
 * Excluded references, made quick to ask: a byte per class says whether anything of it is excluded at all, and what it takes to find out.
 *
 *     nothing       the edge may be used                                           most classes: one look at the byte
 *     referent      compare with the first element of the row                     references
 *     everything    the edge may not be used
 *     fields        walk the edges with their names (reads the dump)              classes named with `CLASS#FIELD`
 *
 * The same again for class objects, by the class they stand for. Which rule applies to which class is a bit per rule.
 */
#ifndef HA_QUERY_Q_EDGES_H
#define HA_QUERY_Q_EDGES_H

#include "ha/query/q_paths.h"

#define HA_EXCLUDE_RULES_MAX                                                                       \
    62 /* a bit each in 64; two are ours (the static fields of kind finalizer) */

struct ha_edge_filter {
    struct ha_query *q;
    uint32_t kinds;
    struct ha_exclude_rule rules[HA_EXCLUDE_RULES_MAX + 2];
    size_t rule_count;
    uint8_t *classes; /* per class, for its instances: FILTER_… of q_edges.c */
    uint8_t *mirrors; /* per class, for its class object */
    uint64_t *
        applying; /* per class: bit set of the rules whose class it is or descends from; NULL without rules */
    bool any; /* false: nothing is excluded */
};

/* excludes may be NULL: HA_EXCLUDE_DEFAULT. HA_ERR_USAGE: a rule names a class that the heap does not have. */
struct ha_err *ha_edge_filter_create(struct ha_query *q, const struct ha_excludes *excludes,
                                     struct ha_edge_filter *ret) HA_WARN_UNUSED;
void ha_edge_filter_destroy(struct ha_edge_filter *filter);

/* Whether at least one reference source -> target may be used. The edge to the own class is not asked here. */
bool ha_edge_allowed(struct ha_edge_filter *filter, ha_obj source, ha_obj target);

/* Whether all references of all instances of cls may be used, so that their rows need no further question. */
static inline bool ha_edge_all_allowed(const struct ha_edge_filter *filter, ha_cls cls)
{
    return filter->classes[cls.i] == 0;
}

/* Whether instances of cls may lead to their class object. */
bool ha_edge_class_allowed(const struct ha_edge_filter *filter, ha_cls cls);

/* Whether one named edge may be used. */
bool ha_edge_named_allowed(const struct ha_edge_filter *filter, ha_obj source,
                           const struct ha_edge *edge);

/* Calls fn for all targets of source that may be used, its own class apart (targets may repeat). */
typedef void (*ha_edge_target_fn)(void *ctx, ha_obj target);
void ha_edge_targets(struct ha_edge_filter *filter, ha_obj source, ha_edge_target_fn fn, void *ctx);

/* ha_step_label() with a filter that is there already (NULL: any edge). */
struct ha_err *ha_edge_label(struct ha_query *q, const struct ha_edge_filter *filter, ha_obj source,
                             ha_obj target, struct ha_step *step) HA_WARN_UNUSED;

#endif
