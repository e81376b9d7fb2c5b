/* SPDX-License-Identifier: MIT */
/*
 * Between the two halves of the search for suspects: q_suspects.c finds them, q_suspect_detail.c says what can be said about one.
 */
#ifndef HA_QUERY_Q_SUSPECT_H
#define HA_QUERY_Q_SUSPECT_H

#include "ha/base/vec.h"
#include "ha/heap/heap_sections.h"
#include "ha/query/q_suspects.h"

#define SUSPECT_LARGEST 10U /* of its parts, that are told */

/* What takes a search, as the index keeps it (q_suspects_kept.c). */
struct suspect_kept {
    bool found;
    uint64_t threshold; /* under which the suspect was found */
    ha_obj accumulation_point;
    bool path_excluded;
    uint64_t sampled;
    const ha_obj *path; /* in the query's arena */
    uint64_t path_count;
    struct ha_ranked_list largest;
};

#define SUSPECTS_SECTIONS (1U + HA_SUSPECTS_ASKED)

/* In the n-th of SUSPECTS_SECTIONS sections. found: false where it keeps no such suspect, or nothing that can be trusted. What is kept of a group is that of
   other objects if the threshold makes objects of its class suspects of their own that are none here, or the reverse. */
struct ha_err *suspect_kept_find(struct ha_query *q, const struct ha_suspect *s, unsigned n, struct suspect_kept *ret) HA_WARN_UNUSED;

/* Notes in the query what it has worked out, for ha_suspects_store_asked(); nothing without memory. */
void suspects_note(struct ha_query *q, const struct ha_suspects *suspects);

/* The objects of a suspect, ascending by number; one for a single. With `kept`, those of a group are not there. */
struct ha_suspect_members {
    HA_VEC(ha_obj) all;
    HA_VEC(ha_obj) sample; /* of a group */
    struct suspect_kept kept;
};

/* Whether the histogram of what goes with a suspect is kept, so that its members need not be known. */
bool ha_suspect_has_parts(const struct ha_query *q, const struct ha_suspect *suspect, uint64_t threshold);

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
