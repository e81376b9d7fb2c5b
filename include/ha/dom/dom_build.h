/* SPDX-License-Identifier: MIT */
/* How the dominator tree and the retained sizes come to be. */
#ifndef HA_DOM_DOM_BUILD_H
#define HA_DOM_DOM_BUILD_H

#include "ha/base/mem.h"
#include "ha/dom/dom.h"
#include "ha/heap/heap_build.h"

/* All reachable branch objects, numbered from 1 so that each comes after its dominator; number 0 is the artificial root. */
struct ha_dom_order {
    uint64_t count;
    const uint32_t *object; /* per number */
    const uint32_t *parent; /* per number: that of its dominator, 0 directly under the root */
    struct ha_big objects, parents; /* memory behind them */
};
void ha_dom_order_deinit(struct ha_dom_order *order);

/* Reads the rows of references from the writer's sections, searches the graph, and writes inbound lists, dominators and children. */
struct ha_err *ha_dom_build(struct ha_build *build, struct ha_dom_order *ret_order) HA_WARN_UNUSED;

/* The same order worked out from a finished tree, for when no search is at hand. HA_ERR_INPUT: the tree is no tree. */
struct ha_err *ha_dom_order_from_tree(const struct ha_dom *dom, struct ha_dom_order *ret) HA_WARN_UNUSED;

/* Retained sizes and class totals under a size model, as sections that `put` takes, one call at a time, but on any thread and while others read the
   heap; they do not depend on the number of threads. Gives the parents of the order back when they are no longer needed. */
typedef struct ha_err *(*ha_put_section_fn)(void *ctx, uint32_t id, uint32_t width, uint64_t count, const void *data);
struct ha_err *ha_retained_build(const struct ha_dom *dom, const struct ha_sizes *sizes, struct ha_dom_order *order,
                                 unsigned threads, ha_put_section_fn put, void *ctx) HA_WARN_UNUSED;

#endif
