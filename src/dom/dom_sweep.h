/* SPDX-License-Identifier: MIT */
/* Between dom_retained.c (sizes of objects) and dom_totals.c (sums over classes, groups and big parts). */
#ifndef HA_DOM_SWEEP_H
#define HA_DOM_SWEEP_H

#include "dom/dom_format.h"
#include "ha/base/pool.h"
#include "ha/base/vec.h"
#include "ha/dom/dom_build.h"
#include "ha/heap/heap_addresses.h"

#include <string.h>

#define SWEEP_PIECE (1U << 16) /* objects that a worker takes at a time; a multiple of the objects per array rank */

struct class_size;

struct sweep {
    const struct ha_dom *dom;
    const struct ha_heap *heap;
    const struct ha_sizes *sizes;
    const struct ha_dom_order *order;
    unsigned threads;
    struct class_size *class_sizes; /* per class */
    uint64_t align_mask;    /* of sizes; 0: their alignment is no power of two */
    unsigned align_shift;
    struct ha_big own_big, sum_big, class_big, places_big, column_big; /* memory behind the next ones */
    uint64_t *own;          /* per branch object: its shallow size and those of the leaves that it dominates */
    uint64_t *sum;          /* per number of the order: retained size */
    uint64_t most;          /* the largest of all of them */
    uint8_t *column;        /* per branch object: retained size in units, as in the index */
    uint64_t *leaf_counts;  /* per class: objects that are leaves */
    uint8_t *class_at;      /* per number of the order: its class, as wide as in the column */
    uint32_t *place;        /* number of the order, per place in pre-order of the dominator tree */
    uint32_t *next;         /* per number of the order: the place behind its subtree */
    HA_VEC(uint64_t) extra; /* pairs (leaf, retained bytes), ascending: leaves that dominate something */
    struct ha_class_total *classes;
    struct ha_disk_totals totals;
    ha_put_section_fn put;
    void *put_ctx;
};

/* What the sizes of the instances of a class are made of. */
struct class_size {
    uint32_t bytes;         /* of an instance; 0: each has its own, or these are arrays */
    uint32_t base;          /* of an array, and bytes per element */
    uint32_t element_bytes;
};

/* Sizes of objects in ascending order of their numbers, without looking for the lengths of arrays one by one. */
struct size_walk {
    const struct sweep *s;
    uint64_t array; /* rank of the next array */
};

/* From an object on. */
static inline struct size_walk size_walk_from(const struct sweep *s, uint32_t obj)
{
    return (struct size_walk){.s = s, .array = ha_heap_arrays_before(s->heap, (ha_obj){obj})};
}

static inline uint64_t sweep_array_size(const struct sweep *s, const struct class_size *size, uint64_t rank)
{
    uint32_t length = HA_LIKELY(rank < s->heap->array_count) ? s->heap->array_lengths[rank] : 0;
    uint64_t bytes = size->base + (uint64_t)length * size->element_bytes;
    return HA_LIKELY(s->align_mask != 0) ? (bytes + s->align_mask) & ~s->align_mask
                                         : (bytes + s->sizes->alignment - 1) / s->sizes->alignment * s->sizes->alignment;
}

static inline uint64_t size_walk_next(struct size_walk *walk, uint32_t obj, uint32_t *ret_cls)
{
    const struct sweep *s = walk->s;
    uint32_t cls = ha_heap_class_of(s->heap, (ha_obj){obj}).i;
    const struct class_size *size = &s->class_sizes[cls];
    *ret_cls = cls;
    if (ha_heap_is_array(s->heap, (ha_obj){obj})) {
        return sweep_array_size(s, size, walk->array++);
    }
    return HA_LIKELY(size->bytes != 0) ? size->bytes : ha_sizes_of(s->sizes, (ha_obj){obj});
}

/* The class of what has a number in the order. */
static inline uint32_t sweep_class(const struct sweep *s, uint64_t number)
{
    return s->heap->class_width == 2 ? ha_le16(s->class_at + 2 * number) : ha_le32(s->class_at + 4 * number);
}

/* How many pieces `count` elements are, and the range [*ret_first, end) of one of them, moved up by `from`. */
static inline uint64_t sweep_pieces(uint64_t from, uint64_t count)
{
    return count == 0 ? 0 : (from + count - 1) / SWEEP_PIECE - from / SWEEP_PIECE + 1;
}

static inline uint64_t sweep_piece(uint64_t from, uint64_t count, uint64_t index, uint64_t *ret_first)
{
    uint64_t first = (from / SWEEP_PIECE + index) * SWEEP_PIECE, end = first + SWEEP_PIECE;
    *ret_first = first < from ? from : first;
    return end < from + count ? end : from + count;
}

/* The branch object above a leaf: its dominator, or that of the leaf it lies below (a sink may); HA_DOM_ROOT or HA_NONE if there is none. */
static inline uint32_t holder_of(const struct sweep *s, uint32_t obj)
{
    uint32_t d = s->dom->idom[obj];
    bool below_leaf = d >= s->heap->facts.branch_count && d < s->heap->facts.object_count;
    return below_leaf ? s->dom->idom[d] : d;
}

/* dom_places.c: place[] and next[]. Needs only the order. */
struct ha_err *ha_dom_places(struct sweep *s) HA_WARN_UNUSED;

/* Enters a retained size into the column. */
static inline void sweep_put_retained(const struct sweep *s, uint32_t obj, uint64_t bytes)
{
    const uint64_t units = HA_LIKELY(s->align_mask != 0) ? bytes >> s->align_shift : bytes / s->sizes->alignment;
    if (HA_LIKELY(s->totals.width == 4)) {
        uint32_t narrow = (uint32_t)units;
        memcpy(s->column + 4 * (size_t)obj, &narrow, sizeof narrow);
    } else {
        ha_put_le40(s->column + 5 * (size_t)obj, units);
    }
}

/* A set of sets: classes (0), packages (1) or loaders (2). */
struct grouping_sums {
    const uint32_t *of_class; /* NULL: each class by itself */
    uint32_t count;
    uint32_t *last_end; /* per set: one past the interval of its last top-most object */
    struct ha_class_total *totals;
};

#define GROUPINGS 3U

static inline uint32_t group_of(const struct grouping_sums *sums, uint32_t cls)
{
    return sums->of_class == NULL ? cls : sums->of_class[cls];
}

/* dom_totals.c: retained bytes and first-level sums of classes, packages, loaders; histograms of the big parts. s->classes has the instance counts;
   takes sum[], class_at[], place[] and next[], and gives them back; what is in sum[] goes into column[], too. */
struct ha_err *ha_dom_totals(struct sweep *s) HA_WARN_UNUSED;

/* dom_nested.c: which leaves have an ancestor of their own set. */
struct nested_class {
    uint32_t hands_down;       /* bits of the sets of the class */
    uint32_t asks[GROUPINGS];  /* per grouping: the bit of its set; 0: none */
};

struct nested {
    const struct sweep *s;
    struct nested_class *classes;
    struct ha_big masks_at, masks, rare_holders, rare_leaves;
    uint32_t *mask_at;   /* per number of the order: bits of the sets that the object and its ancestors are in */
    uint32_t *mask;      /* per branch object: the same, from nested_by_object() on */
    bool *rare;          /* per class: it has leaves, and a set without a bit */
    uint64_t *has_rare;  /* bit per branch object: a leaf of such a class lies below it; NULL: there are none */
    uint8_t *rare_bits;  /* per leaf: bit g: nested in grouping g */
};

struct ha_err *nested_init(struct nested *nested, const struct sweep *s, const struct grouping_sums *sums) HA_WARN_UNUSED;
void nested_deinit(struct nested *nested);

/* To be called for each number of the order after that of its dominator (0: the root). */
static inline void nested_hand_down(struct nested *nested, uint32_t number, uint32_t dominator, uint32_t cls)
{
    nested->mask_at[number] = (dominator == 0 ? 0 : nested->mask_at[dominator]) | nested->classes[cls].hands_down;
}

static inline bool nested_has_rare(const struct nested *nested, uint32_t obj)
{
    return nested->has_rare != NULL && (nested->has_rare[obj >> 6] >> (obj & 63) & 1) != 0;
}

/* The leaves of rare classes directly below the object at a place, with last_end as it is there. */
void nested_note_rare(struct nested *nested, const struct grouping_sums *sums, uint32_t obj, uint32_t place);

/* Room for masks by object: fill mask[] from mask_at[], which is then given back with nested_by_object_end(). */
struct ha_err *nested_by_object(struct nested *nested) HA_WARN_UNUSED;
void nested_by_object_end(struct nested *nested);

/* Once masks are there by object. Bit g: the leaf has an ancestor of its set in grouping g (holder: holder_of()). */
static inline uint8_t nested_of_leaf(const struct nested *nested, uint32_t obj, uint32_t cls, uint32_t holder)
{
    uint32_t branch_count = nested->s->heap->facts.branch_count;
    if (HA_UNLIKELY(nested->rare[cls])) {
        return nested->rare_bits[obj - branch_count];
    }
    uint32_t mask = holder < branch_count ? nested->mask[holder] : 0;
    const struct nested_class *c = &nested->classes[cls];
    return (uint8_t)(((mask & c->asks[0]) != 0) | ((mask & c->asks[1]) != 0) << 1 | ((mask & c->asks[2]) != 0) << 2);
}

#endif
