/* SPDX-License-Identifier: MIT */
/*
 * What every question shares: the snapshot, a window on the dump for field values, and an arena for the answer.
 *
 *     struct ha_query q;
 *     ha_query_init(&q, snapshot);
 *     err = ha_histogram_query(&q, &options, &histogram);      answers are plain structs in q.arena
 *     …
 *     ha_query_deinit(&q);                                      frees all answers at once
 *
 * Answers hold object numbers; a person sees an object through ha_object_describe() (q_label.h). Long lists are kept as numbers with their
 * sizes, so that the reader describes one row at a time. Rows are in their final order: descending, ties by class name, then address.
 */
#ifndef HA_QUERY_Q_QUERY_H
#define HA_QUERY_Q_QUERY_H

#include "ha/base/arena.h"
#include "ha/base/mem.h"
#include "ha/snapshot/snapshot.h"

struct ha_groups;
struct ha_places;

struct ha_query {
    const struct ha_snapshot *snapshot;
    struct ha_window window; /* random reads of field values */
    struct ha_arena arena;   /* owns every answer */
    const struct ha_groups *groups[3]; /* made when first needed, see ha_groups_get() */
    struct ha_big child_starts;        /* made when first needed, see src/query/q_tree.h */
    const struct ha_places *places;    /* of the usual size, made when first needed, see q_places.h */
    const uint32_t *suspects;          /* all of the last question some of which the index should keep and does not, as it would; NULL: none, see q_suspects.h */
    uint64_t suspects_words;
    uint8_t *recipes;                  /* per class: how its instances are labelled, looked up when first needed, see src/query/q_label.c */
};

void ha_query_init(struct ha_query *q, const struct ha_snapshot *snapshot);
void ha_query_deinit(struct ha_query *q);

/* The first read error since the last call, if any (a disk that fails is an error, damage in the dump is none). Call after a query. */
struct ha_err *ha_query_error(struct ha_query *q) HA_WARN_UNUSED;

/* ---- sizes: valid for every snapshot; without dominators retained is 0 ---- */

uint64_t ha_query_shallow(const struct ha_query *q, ha_obj obj);
uint64_t ha_query_retained(const struct ha_query *q, ha_obj obj);
bool ha_query_reachable(const struct ha_query *q, ha_obj obj); /* true for all without dominators */
double ha_query_percent(const struct ha_query *q, uint64_t bytes); /* of the reachable heap, 0 … 100 */

/* ---- names ---- */

/* Whether a class name belongs to the platform: java.*, javax.*, jdk.*, sun.*, com.sun.*, and arrays of its types and of primitives. */
bool ha_class_name_is_platform(const char *name);

/* The object at an address; HA_ERR_USAGE: the dump has none there. */
struct ha_err *ha_query_object_at(const struct ha_query *q, ha_addr address, ha_obj *ret) HA_WARN_UNUSED;

/* Classes of a name, all loaders; accepts `Foo$$Lambda+0x…` too. HA_ERR_USAGE: no such class (the message names a near one, if there is one). */
struct ha_classes {
    const ha_cls *list;
    uint32_t count;
};
struct ha_err *ha_query_classes(struct ha_query *q, const char *name, struct ha_classes *ret) HA_WARN_UNUSED;

/* ---- the heap in numbers: the JSON contract's "heap" ---- */

struct ha_overview {
    uint64_t objects, shallow_bytes; /* reachable, class objects included (all, without dominators) */
    uint64_t classes;                /* reachable ones */
    uint64_t class_loaders;          /* that define a reachable class; the boot loader counts */
    uint64_t gc_roots;               /* distinct objects */
    uint64_t unreachable_objects, unreachable_bytes;
};
struct ha_err *ha_query_overview(struct ha_query *q, struct ha_overview *ret) HA_WARN_UNUSED;

#endif
