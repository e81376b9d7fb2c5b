/* SPDX-License-Identifier: MIT */
/*
 * Who keeps whom alive: the immediate dominator of every reachable object under an artificial root above all GC roots, and its children.
 *
 *     idom       4 bytes per object: its immediate dominator; HA_DOM_ROOT: directly under the root; HA_NONE: unreachable
 *     children   reachable objects, ordered by (immediate dominator, own number); those under the root come last
 *                (both may be packed: index/column.h)
 *     child_start  4 bytes per block of 16 objects (and one more): where the children of the block begin
 *
 * Neither depends on sizes; retained sizes belong to a size model (dom_retained.c, ha_retained).
 */
#ifndef HA_DOM_DOM_H
#define HA_DOM_DOM_H

#include "ha/graph/graph.h"

#define HA_DOM_ROOT 0xfffffffeU

/* Objects per entry of child_start; the children of an object are found by binary search within its block. The artificial root counts as object n. */
#define HA_CHILD_BLOCK 16U

struct ha_dom {
    const struct ha_heap *heap;
    struct ha_column idoms;
    const uint32_t *idom; /* the same as an array, for passes over all objects; NULL where idoms are packed */
    struct ha_column children;
    const uint32_t *child_start;
    uint64_t reachable_count; /* objects under the root */
};

struct ha_err *ha_dom_open(const struct ha_index *index, const struct ha_heap *heap, struct ha_dom **ret) HA_WARN_UNUSED;
void ha_dom_close(struct ha_dom *dom);

/* What the column says of an object: its immediate dominator, HA_DOM_ROOT, HA_NONE, or anything if the index is damaged. */
static inline uint32_t ha_dom_idom(const struct ha_dom *dom, ha_obj obj)
{
    return ha_column_at(&dom->idoms, obj.i);
}

/* Asks the memory for that. */
HA_INLINE void ha_dom_idom_prefetch(const struct ha_dom *dom, ha_obj obj)
{
    ha_column_prefetch(&dom->idoms, obj.i);
}

static inline bool ha_dom_reachable(const struct ha_dom *dom, ha_obj obj)
{
    return ha_dom_idom(dom, obj) != HA_NONE;
}

/* The immediate dominator; false directly under the root and for unreachable objects. */
static inline bool ha_dom_of(const struct ha_dom *dom, ha_obj obj, ha_obj *ret)
{
    uint32_t d = ha_dom_idom(dom, obj);
    ret->i = d;
    return d < dom->heap->facts.object_count;
}

/* Objects dominated directly by obj (HA_DOM_ROOT as number: the top level), ascending by number; borrowed. */
struct ha_children {
    const uint32_t *objects; /* NULL: see packed */
    uint64_t count;
    uint32_t object_count;
    const struct ha_column *packed;
    uint64_t first;
};
struct ha_children ha_dom_children(const struct ha_dom *dom, ha_obj obj);
struct ha_children ha_dom_top(const struct ha_dom *dom);

/* Whether obj may have children, by a look at its block: false is certain. */
static inline bool ha_dom_may_have_children(const struct ha_dom *dom, ha_obj obj)
{
    const uint32_t *start = dom->child_start + obj.i / HA_CHILD_BLOCK;
    return start[0] != start[1];
}
static inline ha_obj ha_children_at(const struct ha_children *c, uint64_t i)
{
    uint32_t o = HA_LIKELY(c->objects != NULL) ? c->objects[i] : ha_column_unpack(c->packed, c->first + i);
    return (ha_obj){HA_LIKELY(o < c->object_count) ? o : 0};
}

/* Those from the i-th one on (i: at most count). */
static inline struct ha_children ha_children_from(const struct ha_children *c, uint64_t i)
{
    struct ha_children rest = *c;
    rest.objects = c->objects == NULL ? NULL : c->objects + i;
    rest.first += i;
    rest.count -= i;
    return rest;
}

/* Children first … first + count - 1 of the column, which has them. */
static inline struct ha_children ha_dom_children_at(const struct ha_dom *dom, uint64_t first, uint64_t count)
{
    bool plain = dom->children.plain != NULL && count > 0; /* a section without elements has no address */
    return (struct ha_children){plain ? dom->children.plain + first : NULL, count, dom->heap->facts.object_count, &dom->children, first};
}

/* Any list of objects (ha_obj, or their numbers) as if it were of children; borrowed. */
static inline struct ha_children ha_children_of_list(const struct ha_heap *heap, const void *objects, uint64_t count)
{
    return (struct ha_children){objects, count, heap->facts.object_count, NULL, 0};
}

/* Whether a dominates b (a == b counts). Walks up from b: O(depth), bounded by the number of objects. */
bool ha_dom_dominates(const struct ha_dom *dom, ha_obj a, ha_obj b);

/* ---- retained sizes under one size model ---- */

/* Totals of a class over its reachable instances, class object apart (MAT's minRetained for `retained_bytes`). */
struct ha_class_total {
    uint64_t instances;     /* reachable */
    uint64_t shallow_bytes;
    uint64_t retained_bytes;
    uint64_t all_instances; /* unreachable ones included */
    uint64_t all_shallow_bytes;
    uint64_t top_instances; /* of them directly under the root of the dominator tree */
    uint64_t top_retained_bytes;
};

#define HA_PART_SHARE 100U /* a big part holds more than one hundredth of the reachable heap */

/* A big part of the heap: what lies below one first-level object that retains more than 1 % of the reachable heap, or below all other
   first-level objects of a class where these together do, or (as long as there is room) where there are such objects. Histograms of them are kept. */
struct ha_part {
    ha_obj object;    /* HA_OBJ_NONE: the other first-level objects of cls */
    ha_cls cls;
    uint32_t rows_first, rows_count;
};

struct ha_part_row {
    uint64_t instances, shallow_bytes, retained_bytes; /* retained: minimum retained size of these instances */
    uint32_t cls, zero;
};

struct ha_retained {
    const struct ha_sizes *sizes;
    const struct ha_dom *dom;
    const uint8_t *column; /* per branch object, in units of `unit` bytes; leaf objects retain themselves and what `extra` says; NULL: packed */
    uint32_t width;        /* 4 or 5 */
    struct ha_column packed;
    uint32_t unit;
    const uint64_t *extra; /* pairs (object, retained bytes), ascending: leaf objects that dominate something */
    uint64_t extra_count;
    const struct ha_class_total *classes; /* per class */
    const struct ha_class_total *packages; /* per group of ha_heap_group() */
    const struct ha_class_total *loaders;
    uint64_t package_count, loader_count;
    const struct ha_part *parts; /* empty where there are none, or where the dump has too many classes to keep them */
    uint64_t part_count;
    const struct ha_part_row *part_rows;
    uint64_t part_row_count;
    uint64_t reachable_objects, reachable_bytes;
    uint64_t unreachable_objects, unreachable_bytes;
};

/* Whether an index has the sections of a size model. */
bool ha_retained_is_there(const struct ha_index *index, enum ha_size_model model);

struct ha_err *ha_retained_open(const struct ha_index *index, const struct ha_sizes *sizes, const struct ha_dom *dom, struct ha_retained **ret) HA_WARN_UNUSED;
void ha_retained_close(struct ha_retained *retained);

/* The rows of a part, by ascending class number; class numbers are in range. */
struct ha_part_rows {
    const struct ha_part_row *rows;
    uint64_t count;
};
struct ha_part_rows ha_retained_part(const struct ha_retained *retained, const struct ha_part *part);

/* Retained size of a reachable object in bytes; the shallow size for unreachable ones. */
uint64_t ha_retained_of(const struct ha_retained *retained, ha_obj obj);

/* The same of a leaf object that dominates something; false: it is none of the few that do. */
bool ha_retained_of_leaf(const struct ha_retained *retained, ha_obj obj, uint64_t *ret);

/* The same of a branch object that is known to be reachable, without asking for its dominator. */
static inline uint64_t ha_retained_of_branch(const struct ha_retained *retained, ha_obj obj)
{
    uint64_t units = retained->column == NULL ? ha_column_unpack(&retained->packed, obj.i)
                     : retained->width == 4   ? ha_le32(retained->column + 4 * (size_t)obj.i)
                                              : ha_le40(retained->column + 5 * (size_t)obj.i);
    return retained->unit * units;
}

#endif
