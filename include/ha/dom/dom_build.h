/* SPDX-License-Identifier: MIT */
/* How the dominator tree and the retained sizes come to be. */
#ifndef HA_DOM_DOM_BUILD_H
#define HA_DOM_DOM_BUILD_H

#include "ha/dom/dom.h"
#include "ha/heap/heap_build.h"

/* Reads the rows of references from the writer's sections, transposes them, searches the graph, and writes dominators and children.
   *ret_order: all reachable branch objects, each after its dominator, in an array the caller frees. */
struct ha_err *ha_dom_build(struct ha_build *build, struct ha_big *ret_order, uint64_t *ret_order_count) HA_WARN_UNUSED;

/* Retained sizes and class totals under a size model, as sections that `put` takes. order may be NULL: it is then worked out from the tree. */
typedef struct ha_err *(*ha_put_section_fn)(void *ctx, uint32_t id, uint32_t width, uint64_t count, const void *data);
struct ha_err *ha_retained_build(const struct ha_dom *dom, const struct ha_sizes *sizes, const uint32_t *order, uint64_t order_count,
                                 ha_put_section_fn put, void *ctx) HA_WARN_UNUSED;

#endif
