/* SPDX-License-Identifier: MIT */
/*
 * The places where a heap keeps its memory: the dominator tree with like objects put together and every step named, cut to what is large.
 *
 *     class com.acme.Service                                        31 MiB
 *     └─ static sessions   java.util.HashMap                        30 MiB     one place per holder, field and class
 *        └─ table   java.util.HashMap$Node[]                        30 MiB
 *           └─ []   java.util.HashMap$Node                          29 MiB     all nodes of the table: one place
 *
 * A place is found again in the dump of another run by its signature, the steps from the top in one line with stable names (q_names.h):
 * "class com.acme.Service > static sessions java.util.HashMap > table java.util.HashMap$Node[]". Objects that refer to their like (`next` of a list)
 * stay one place.
 */
#ifndef HA_QUERY_Q_PLACES_H
#define HA_QUERY_Q_PLACES_H

#include "ha/query/q_query.h"

#define HA_PLACES_MAX 1000U /* places at most: more would be no summary */
#define HA_PLACES_SHARE 200U /* a place retains this part of the reachable heap at least, unless asked otherwise */

struct ha_place {
    const char *signature;
    const char *class_name; /* stable; of class objects "class NAME" */
    const char *field;      /* how the place above refers to this one, stable; NULL: at the top, or by no single reference ("?" in signatures) */
    uint32_t parent;        /* place above, always a smaller number; HA_NONE: top of the tree */
    uint64_t objects;
    uint64_t retained_bytes;
    ha_obj largest;         /* the object that retains most, ties: the lowest number */
};

struct ha_places {
    const struct ha_place *list; /* every place behind the one above it */
    uint32_t count;
    bool cut;              /* HA_PLACES_MAX was reached: the smaller ones of some places are missing */
    uint64_t min_bytes;    /* what a place retains at least */
    bool kept;             /* they come from the index */
};

/* All places that retain min_bytes or more. 0: a share of HA_PLACES_SHARE of the reachable heap, which are taken from the index if it keeps them, and
   worked out once per query otherwise: that looks at most objects of the heap (4 to 12 bytes of memory each). The list lives in q->arena and must not
   be changed. HA_ERR_INPUT: the index is damaged. */
struct ha_err *ha_places_query(struct ha_query *q, uint64_t min_bytes, struct ha_places *ret) HA_WARN_UNUSED;

/* For the index: the places that were worked out with this query, of the usual size. Puts nothing if none were, or if they come from the index. */
struct ha_err *ha_places_store(struct ha_query *q, ha_section_put put, void *put_ctx) HA_WARN_UNUSED;

#endif
