/* SPDX-License-Identifier: MIT */
/*
 * Between the two halves of the search for suspects: q_suspects.c finds them, q_suspect_detail.c says what can be said about one.
 */
#ifndef HA_QUERY_Q_SUSPECT_H
#define HA_QUERY_Q_SUSPECT_H

#include "ha/base/vec.h"
#include "ha/query/q_suspects.h"

/* The objects of a suspect, ascending by number; one for a single. */
struct ha_suspect_members {
    HA_VEC(ha_obj) all;
    HA_VEC(ha_obj) sample; /* of a group */
};

/* Steps, root, holder, thread and frame, from the objects on the path. excludes: those under which it was found. */
struct ha_err *ha_suspect_set_path(struct ha_query *q, struct ha_suspect *suspect,
                                   const ha_obj *path, uint64_t count,
                                   const struct ha_excludes *excludes) HA_WARN_UNUSED;

/* Accumulation point and path of a single object. */
struct ha_err *ha_suspect_trace_object(struct ha_query *q,
                                       struct ha_suspect *suspect) HA_WARN_UNUSED;

/* What goes with it, the largest parts, the id; after the path is known. */
struct ha_err *ha_suspect_finish(struct ha_query *q, struct ha_suspect *suspect,
                                 const struct ha_suspect_members *members, uint64_t threshold,
                                 uint64_t class_limit) HA_WARN_UNUSED;

#endif
