/* SPDX-License-Identifier: MIT */
/* Between dom_retained.c (sizes of objects) and dom_totals.c (sums over classes, groups and big parts). */
#ifndef HA_DOM_SWEEP_H
#define HA_DOM_SWEEP_H

#include "dom/dom_format.h"
#include "ha/base/vec.h"
#include "ha/dom/dom_build.h"

struct sweep {
    const struct ha_dom *dom;
    const struct ha_heap *heap;
    const struct ha_sizes *sizes;
    const struct ha_dom_order *order;
    uint64_t *retained;     /* per branch object, bytes */
    HA_VEC(uint64_t) extra; /* pairs (leaf, retained bytes), ascending: leaves that dominate something */
    struct ha_class_total *classes;
    struct ha_disk_totals totals;
    ha_put_section_fn put;
    void *put_ctx;
};

/* Sizes of all objects in ascending order of their numbers, without looking for the lengths of arrays one by one. */
struct size_walk {
    const struct ha_sizes *sizes;
    uint64_t array; /* rank of the next array */
};

static inline uint64_t size_walk_next(struct size_walk *walk, uint32_t obj)
{
    const struct ha_heap *heap = walk->sizes->heap;
    if (ha_heap_is_array(heap, (ha_obj){obj})) {
        uint64_t rank = walk->array++;
        uint32_t length = HA_LIKELY(rank < heap->array_count) ? heap->array_lengths[rank] : 0;
        return ha_sizes_of_array(walk->sizes, ha_heap_class(heap, ha_heap_class_of(heap, (ha_obj){obj})), length);
    }
    return ha_sizes_of(walk->sizes, (ha_obj){obj});
}

/* dom_totals.c: retained bytes and first-level sums of classes, packages, loaders; histograms of the big parts. s->classes has the instance counts. */
struct ha_err *ha_dom_totals(struct sweep *s) HA_WARN_UNUSED;

#endif
