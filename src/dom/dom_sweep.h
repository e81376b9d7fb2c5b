/* SPDX-License-Identifier: MIT */
/* Between dom_retained.c (sizes of objects) and dom_totals.c (sums over classes, groups and big parts). */
#ifndef HA_DOM_SWEEP_H
#define HA_DOM_SWEEP_H

#include "dom/dom_format.h"
#include "ha/base/idmap.h"
#include "ha/base/pool.h"
#include "ha/base/vec.h"
#include "ha/dom/dom_build.h"
#include "ha/heap/heap_addresses.h"

#include <string.h>

#define SWEEP_PIECE (1U << 16) /* objects that a worker takes at a time; a multiple of the objects per array rank */
#define SWEEP_PREFETCH 32U     /* numbers ahead: their objects lie anywhere */

struct class_size;

struct sweep {
    const struct ha_dom *dom;
    const struct ha_heap *heap;
    const struct ha_sizes *sizes;
    struct ha_dom_order *order;
    unsigned threads;
    struct class_size *class_sizes; /* per class */
    uint64_t align_mask;    /* of sizes; 0: their alignment is no power of two */
    unsigned align_shift;
    struct ha_big own_big, sum_big, class_big, column_big; /* memory behind the next ones */
    uint32_t *own;          /* per branch object: its shallow size and those of the leaves that it dominates, in units; OWN_LARGE: see large_of */
    struct ha_idmap large_of; /* branch object to element of large[]; one that is not there is just its shallow size */
    HA_VEC(uint64_t) large;   /* bytes */
    uint8_t *sum;           /* per number of the order: retained size in units, sum_width bytes each */
    unsigned sum_width;     /* 4, or 8 where the heap is larger than 2^32 units */
    uint64_t most;          /* the largest of all of them */
    uint8_t *column;        /* per branch object: retained size in units, as in the index */
    uint8_t *class_at;      /* per number of the order: its class, as wide as in the column */
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

static inline void sweep_put_class(const struct sweep *s, uint64_t number, uint32_t cls)
{
    if (s->heap->class_width == 2) {
        uint16_t narrow = (uint16_t)cls;
        memcpy(s->class_at + 2 * number, &narrow, sizeof narrow);
    } else {
        memcpy(s->class_at + 4 * number, &cls, sizeof cls);
    }
}

/* The retained size, in units, of what has a number in the order. Of constant widths, so that loops are made for each. */
HA_INLINE uint64_t sweep_sum_of_width(const uint8_t *sum, uint64_t number, unsigned width)
{
    return width == 4 ? ((const uint32_t *)(const void *)sum)[number] : ((const uint64_t *)(const void *)sum)[number];
}

HA_INLINE void sweep_set_sum_of_width(uint8_t *sum, uint64_t number, unsigned width, uint64_t units)
{
    if (width == 4) {
        ((uint32_t *)(void *)sum)[number] = (uint32_t)units;
    } else {
        ((uint64_t *)(void *)sum)[number] = units;
    }
}

static inline uint64_t sweep_sum(const struct sweep *s, uint64_t number)
{
    return sweep_sum_of_width(s->sum, number, s->sum_width);
}

/* The first pair of s->extra that is of this leaf or one behind it. */
static inline size_t sweep_extra_from(const struct sweep *s, uint64_t obj)
{
    size_t low = 0, high = s->extra.count / 2;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->extra.data[2 * middle] < obj) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return 2 * low;
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

/* dom_places.c: pre-order of a tree of nodes 1 … count whose parents have smaller numbers (0: the root, which has no place). */
struct places {
    struct ha_big memory; /* to be freed by the caller, also after an error */
    uint32_t *at_place; /* node, per place 0 … count - 1 */
    uint32_t *next;     /* per node: the place behind its subtree */
};

struct ha_err *ha_dom_places(const uint32_t *parent, uint64_t count, struct places *ret) HA_WARN_UNUSED;

/* All sizes, hence all sums, are multiples of the alignment. */
static inline uint64_t sweep_units(const struct sweep *s, uint64_t bytes)
{
    return HA_LIKELY(s->align_mask != 0) ? bytes >> s->align_shift : bytes / s->sizes->alignment;
}

/* Enters a retained size into the column. */
static inline void sweep_put_retained(const struct sweep *s, uint32_t obj, uint64_t units)
{
    if (HA_LIKELY(s->totals.width == 4)) {
        uint32_t narrow = (uint32_t)units;
        memcpy(s->column + 4 * (size_t)obj, &narrow, sizeof narrow);
    } else {
        ha_put_le40(s->column + 5 * (size_t)obj, units);
    }
}

/* What the column says. */
static inline uint64_t sweep_retained(const struct sweep *s, uint32_t obj)
{
    uint64_t units = s->totals.width == 4 ? ha_le32(s->column + 4 * (size_t)obj) : ha_le40(s->column + 5 * (size_t)obj);
    return units * s->sizes->alignment;
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

/* dom_parts.c: the big parts of the heap. */
#define PARTS_MAX 127U

struct parts {
    struct ha_disk_part list[PARTS_MAX]; /* ascending: objects, then rests of classes */
    uint32_t count;
    uint8_t *of_class; /* per class: part + 1 of its first-level objects that are no parts of their own; 0: none */
};

/* From what first-level objects retain; none where their histograms would take too much memory. To be freed by the caller, also after an error. */
struct ha_err *parts_find(const struct sweep *s, struct parts *parts) HA_WARN_UNUSED;
void parts_deinit(struct parts *parts);

/* The part (+ 1) of an object directly under the root; 0: none. */
uint8_t parts_of_top(const struct parts *parts, uint32_t obj, uint32_t cls);

/* Bits of masks that are no sets: the caller's, and the kind of the object itself. */
#define NESTED_TAG_SHIFT 25U
#define NESTED_TAG_BITS (UINT32_MAX << NESTED_TAG_SHIFT)
#define NESTED_KIND_SHIFT 60U
#define NESTED_FIRST_LEVEL (1U << GROUPINGS) /* of a kind: directly under the root; below it a bit per grouping, as of nested_of_branch() */

/* dom_nested.c: which objects have an ancestor of their own set in the dominator tree. */
struct nested_class {
    uint64_t hands_down;       /* bits of the sets of the class */
    uint64_t asks[GROUPINGS];  /* per grouping: the bit of its set; 0: none */
    uint8_t later;             /* bit g: its set in grouping g has no bit */
    bool rare_branch;          /* one of its sets has no bit */
    bool rare_leaf;            /* its package or loader has no bit in the low half of the masks */
};

struct nested_rare {
    uint32_t object;
    uint32_t above; /* number of the nearest rare branch object above it, from 1; 0: none */
};

/* A branch object with rare leaves directly below it. */
struct nested_holder {
    uint32_t object;
    uint32_t near; /* number of the nearest rare branch object: it, or one above it */
    uint64_t mask;
};

struct nested_leaf {
    uint64_t bytes; /* that it retains */
    struct nested_rare node;
};

struct nested_worker {
    HA_VEC(struct nested_holder) holders;
    HA_VEC(struct nested_leaf) leaves;
};

struct nested {
    const struct sweep *s;
    struct nested_class *classes;
    struct ha_big masks_at, nears_at, masks, rare_memory, holder_memory, asked_memory;
    uint64_t *mask_at;   /* per number of the order: bits of the sets that the object and its ancestors are in, and its kind; of 0: none */
    uint32_t *near_at;   /* per number of the order, until nested_gathered(): the nearest rare branch object, as in struct nested_holder */
    uint32_t *mask;      /* per branch object that is asked for: the low half of mask_at, to be filled from nested_by_object_begin() on */
    struct nested_rare *rare; /* in the order of their numbers */
    uint64_t rare_count, rare_room;
    uint64_t *holds_rare; /* bit per branch object, until nested_gathered() */
    uint64_t *asked;      /* bit per branch object whose mask somebody will look at, until nested_by_object_end(); NULL: any may be, leaves are many */
    struct nested_worker *workers;
    HA_VEC(struct nested_holder) holders; /* by object */
};

/* branches: per class, how many branch objects it has. */
struct ha_err *nested_init(struct nested *nested, const struct sweep *s, const struct grouping_sums *sums, const uint64_t *branches) HA_WARN_UNUSED;
void nested_deinit(struct nested *nested);

/* First: masks, kinds and rare branch objects of all numbers, and class_at[] on the way. In the meantime leaves may be told (nested_see_leaf()). */
struct ha_err *nested_hand_down(struct nested *nested) HA_WARN_UNUSED;

/* The mask of a branch object will be looked at. */
static inline void nested_ask(const struct nested *nested, uint32_t obj)
{
    if (nested->asked != NULL) {
        nested->asked[obj >> 6] |= 1ULL << (obj & 63);
    }
}

static inline void nested_see_leaf(const struct nested *nested, uint32_t cls, uint32_t dominator)
{
    if (dominator >= nested->s->heap->facts.branch_count) {
        return;
    }
    nested_ask(nested, dominator);
    if (HA_UNLIKELY(nested->classes[cls].rare_leaf)) {
        nested->holds_rare[dominator >> 6] |= 1ULL << (dominator & 63);
    }
}

struct ha_err *nested_note_holder(struct nested *nested, unsigned worker, uint64_t number, uint32_t obj) HA_WARN_UNUSED;

/* Then: each number once, by any worker. */
static inline struct ha_err *nested_gather(struct nested *nested, unsigned worker, uint64_t number, uint32_t obj)
{
    bool holds = (nested->holds_rare[obj >> 6] >> (obj & 63) & 1) != 0;
    return HA_LIKELY(!holds) ? NULL : nested_note_holder(nested, worker, number, obj);
}

struct ha_err *nested_gathered(struct nested *nested) HA_WARN_UNUSED; /* ends that */

/* The kind of what has a number in the order. */
static inline unsigned nested_kind(const struct nested *nested, uint64_t number)
{
    return (unsigned)(nested->mask_at[number] >> NESTED_KIND_SHIFT);
}

/* Makes room for masks by object: fill mask[] from mask_at[], which is then given back. Those of rare objects and of what leaves were told to lie below
   are asked for; whoever wants others says so (nested_ask()) before they are filled in. */
struct ha_err *nested_by_object_begin(struct nested *nested) HA_WARN_UNUSED;
void nested_by_object_end(struct nested *nested);

/* Bit g: the object of this class has an ancestor of its set in grouping g, or that is for nested_rare_each() to say. `above`: mask_at of its dominator. */
static inline uint8_t nested_of_branch(const struct nested_class *c, uint64_t above)
{
    return (uint8_t)(c->later | ((above & c->asks[0]) != 0) | ((above & c->asks[1]) != 0) << 1 | ((above & c->asks[2]) != 0) << 2);
}

/* The same of a leaf that is not rare, below a branch object with this mask. */
static inline uint8_t nested_of_common_leaf(const struct nested_class *c, uint32_t above)
{
    return (uint8_t)(((above & c->asks[0]) != 0) | ((above & c->asks[1]) != 0) << 1 | ((above & c->asks[2]) != 0) << 2);
}

struct ha_err *nested_rare_leaf(struct nested *nested, unsigned worker, uint32_t obj, uint32_t cls, uint32_t holder, uint64_t bytes,
                                uint8_t *ret) HA_WARN_UNUSED;

/* The same of any leaf, which retains so many bytes (holder: holder_of()), once masks are there by object. */
static inline struct ha_err *nested_of_leaf(struct nested *nested, unsigned worker, uint32_t obj, uint32_t cls, uint32_t holder, uint64_t bytes,
                                            uint8_t *ret)
{
    const struct nested_class *c = &nested->classes[cls];
    if (HA_UNLIKELY(c->rare_leaf)) {
        return nested_rare_leaf(nested, worker, obj, cls, holder, bytes, ret);
    }
    *ret = nested_of_common_leaf(c, holder < nested->s->heap->facts.branch_count ? nested->mask[holder] : 0);
    return NULL;
}

/* At last: calls fn for each rare object and each of its sets without a bit in which it has no ancestor. bytes: of leaves. */
typedef void (*nested_rare_fn)(void *ctx, uint32_t obj, uint32_t cls, unsigned grouping, uint32_t group, uint64_t bytes);
struct ha_err *nested_rare_each(struct nested *nested, struct grouping_sums *sums, nested_rare_fn fn, void *ctx) HA_WARN_UNUSED;

/* dom_totals.c: retained bytes and first-level sums of classes, packages, loaders; histograms of the big parts. */
struct totals;
struct ha_err *totals_create(struct sweep *s, const uint64_t *branches, struct totals **ret) HA_WARN_UNUSED; /* branches: as of nested_init() */
void totals_destroy(struct totals *totals);
struct nested *totals_nested(struct totals *totals);

/* Once s->classes has the instance counts, sum[] and class_at[] are there, and the column has what is not in the order: adds up everything, writes
   it, and enters sum[] into column[]. Takes sum[], class_at[] and the parents of the order, and gives them back. */
struct ha_err *totals_run(struct totals *totals) HA_WARN_UNUSED;

#endif
