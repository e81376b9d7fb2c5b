/* SPDX-License-Identifier: MIT */
/*
 * Forward rows to inbound lists, which leave out what the dominator tree tells:
 *
 *     collect    beside the search: every reference to an object that has several goes into the bucket of its target; a reference that is the only
 *                one is told by the dominator, for who alone refers to a reached object dominates it
 *     write      beside the dominators of branch objects: bucket by bucket the lists are made and written
 *     show       when these are known: the lists of leaves
 */
#ifndef HA_GRAPH_GRAPH_INBOUND_H
#define HA_GRAPH_GRAPH_INBOUND_H

#include "ha/graph/graph.h"
#include "ha/heap/heap_build.h"

struct ha_inbound;

/* Needs the rows of the build, which it reads until all is collected, and its final roots. */
struct ha_err *ha_inbound_create(const struct ha_build *build, struct ha_inbound **ret) HA_WARN_UNUSED;
void ha_inbound_destroy(struct ha_inbound *inbound); /* NULL is fine */

/* Collects, and writes the starts of the rows, all of which it goes through: sections GRWP and GRWL, or GROW. only: an element for each leaf, in the
   order of their numbers; it becomes the object that alone refers to the leaf, or HA_NONE where there is none, or several, and for GC roots and class
   objects. */
struct ha_err *ha_inbound_collect(struct ha_inbound *inbound, uint32_t *only) HA_WARN_UNUSED;

/* Once it is known which branch objects are reached (reached[obj] != 0), where not all are: collects what the others refer to alone, too, which no
   dominator tells; for leaves among it only[] becomes HA_NONE. */
struct ha_err *ha_inbound_collect_unreached(struct ha_inbound *inbound, const uint32_t *reached, uint32_t *only) HA_WARN_UNUSED;

/* Lists of the objects first … first + count - 1: that of first + i is sources[start[i]] … sources[start[i + 1] - 1], ascending. Empty where no list
   is needed, because there is but one source. */
struct ha_inbound_lists {
    uint32_t first, count;
    const uint32_t *start;
    const uint32_t *sources;
};

/* Another task, which must not use the writer of the index. Its error ends the writing. */
typedef struct ha_err *(*ha_beside_fn)(void *ctx);

/* Makes all lists with so many threads, and writes the sections GINP, GINL, GSRC. Nobody else may use the writer in the meantime. One thread does
   `beside` (NULL: nothing) before it turns to the lists, with one thread that comes first; who finds no list left takes checksums of the index until it is done. */
struct ha_err *ha_inbound_write(struct ha_inbound *inbound, struct ha_index_writer *writer, unsigned threads, ha_beside_fn beside,
                                void *ctx) HA_WARN_UNUSED;

/* Called once for each bucket that has leaves, from several threads. */
typedef void (*ha_inbound_fn)(void *ctx, const struct ha_inbound_lists *lists);

/* Shows what was written. */
struct ha_err *ha_inbound_show_leaves(const struct ha_inbound *inbound, struct ha_index_writer *writer, ha_inbound_fn fn, void *ctx) HA_WARN_UNUSED;

#endif
