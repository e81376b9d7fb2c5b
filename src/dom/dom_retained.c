/* SPDX-License-Identifier: MIT */
/*
 * Retained sizes and class totals under one size model.
 *
 *   1. retained(v) = shallow(v) + retained of its children: leaves and sinks are added to their dominators, then one sweep over the branch
 *      objects, each before its dominator.
 *   2. MAT's minimum retained size of a class: the sum over its instances without an ancestor of the same class in the dominator tree. Branch
 *      objects are put in pre-order of the dominator tree; in that order a subtree is an interval, so an instance is nested exactly if it lies
 *      in the interval of the last top-most instance of its class.
 *
 * Memory: 8 bytes per branch object for the sums, then 12 for the pre-order.
 */
#include "ha/dom/dom_build.h"

#include "dom/dom_format.h"
#include "ha/base/mem.h"
#include "ha/base/vec.h"
#include "ha/heap/heap_sections.h"

#include <stdlib.h>
#include <string.h>

struct sweep {
    const struct ha_dom *dom;
    const struct ha_heap *heap;
    const struct ha_sizes *sizes;
    const uint32_t *order; /* reachable branch objects, each after its dominator */
    uint64_t count;
    uint64_t *retained;    /* per branch object, bytes */
    HA_VEC(uint64_t) extra; /* pairs (leaf, retained bytes) */
    struct ha_class_total *classes;
    struct ha_disk_totals totals;
};

/* ---- 1. retained sizes ---- */

static int compare_extra(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (x[0] > y[0]) - (x[0] < y[0]);
}

/* Sinks below leaves: the only way a leaf retains more than itself. */
static struct ha_err *add_below_leaves(struct sweep *s)
{
    for (uint64_t i = 0; i < s->heap->class_object_count; i++) {
        uint32_t obj = s->heap->class_objects[2 * i];
        ha_obj parent;
        if (obj < s->heap->facts.branch_count || obj >= s->heap->facts.object_count || !ha_dom_of(s->dom, (ha_obj){obj}, &parent) ||
            parent.i < s->heap->facts.branch_count) {
            continue;
        }
        if (!ha_vec_reserve(&s->extra, 2)) {
            return ha_err_nomem();
        }
        s->extra.data[s->extra.count++] = parent.i;
        s->extra.data[s->extra.count++] = ha_sizes_of(s->sizes, (ha_obj){obj});
    }
    if (s->extra.count > 2) {
        qsort(s->extra.data, s->extra.count / 2, 2 * sizeof(uint64_t), compare_extra);
    }
    size_t kept = 0;
    for (size_t i = 0; i < s->extra.count; i += 2) {
        if (kept > 0 && s->extra.data[kept - 2] == s->extra.data[i]) {
            s->extra.data[kept - 1] += s->extra.data[i + 1];
        } else {
            s->extra.data[kept] = s->extra.data[i];
            s->extra.data[kept + 1] = s->extra.data[i + 1] + ha_sizes_of(s->sizes, (ha_obj){(uint32_t)s->extra.data[i]});
            kept += 2;
        }
    }
    s->extra.count = kept;
    return NULL;
}

static void count_object(struct sweep *s, uint32_t obj, uint64_t shallow)
{
    struct ha_class_total *total = &s->classes[ha_heap_class_of(s->heap, (ha_obj){obj}).i];
    total->all_instances++;
    total->all_shallow_bytes += shallow;
    if (s->dom->idom[obj] == HA_NONE) {
        s->totals.unreachable_objects++;
        s->totals.unreachable_bytes += shallow;
    } else {
        s->totals.reachable_objects++;
        s->totals.reachable_bytes += shallow;
        total->instances++;
        total->shallow_bytes += shallow;
    }
}

static void sum_retained(struct sweep *s)
{
    uint32_t branch_count = s->heap->facts.branch_count, n = s->heap->facts.object_count;
    for (uint32_t obj = 0; obj < branch_count; obj++) {
        uint64_t shallow = ha_sizes_of(s->sizes, (ha_obj){obj});
        count_object(s, obj, shallow);
        s->retained[obj] = shallow;
    }
    size_t next_extra = 0;
    for (uint32_t obj = branch_count; obj < n; obj++) {
        uint64_t size = ha_sizes_of(s->sizes, (ha_obj){obj});
        count_object(s, obj, size);
        if (next_extra < s->extra.count && s->extra.data[next_extra] == obj) {
            size = s->extra.data[next_extra + 1];
            next_extra += 2;
        }
        uint32_t d = s->dom->idom[obj];
        if (d < branch_count) {
            s->retained[d] += size;
        }
    }
    for (uint64_t i = s->count; i-- > 0;) {
        uint32_t obj = s->order[i];
        uint32_t d = s->dom->idom[obj];
        if (d < branch_count) {
            s->retained[d] += s->retained[obj];
        }
    }
}

/* ---- 2. class totals ---- */

struct preorder {
    struct ha_big next; /* per branch object: size of its subtree, then the next free number in it */
    struct ha_big number; /* per branch object */
    struct ha_big object; /* per number */
};

static struct ha_err *number_tree(const struct sweep *s, struct preorder *p)
{
    uint64_t n = (uint64_t)s->heap->facts.branch_count + 1;
    HA_TRY(ha_big_init(&p->next, n, sizeof(uint32_t)));
    HA_TRY(ha_big_init(&p->number, n, sizeof(uint32_t)));
    HA_TRY(ha_big_init(&p->object, n, sizeof(uint32_t)));
    uint32_t *next = p->next.data, *number = p->number.data, *object = p->object.data;
    uint32_t branch_count = s->heap->facts.branch_count;
    for (uint64_t i = s->count; i-- > 0;) {
        uint32_t obj = s->order[i], d = s->dom->idom[obj];
        next[obj]++;
        if (d < branch_count) {
            next[d] += next[obj];
        }
    }
    uint32_t next_top = 0;
    for (uint64_t i = 0; i < s->count; i++) {
        uint32_t obj = s->order[i], d = s->dom->idom[obj], size = next[obj];
        uint32_t *free_number = d < branch_count ? &next[d] : &next_top;
        number[obj] = *free_number;
        *free_number += size;
        next[obj] = number[obj] + 1; /* after the last child: one past its interval */
        object[number[obj]] = obj;
    }
    return NULL;
}

static void sum_branches(struct sweep *s, const struct preorder *p, uint32_t *last_end, uint64_t *in_class_object, uint32_t class_class)
{
    const uint32_t *object = p->object.data, *next = p->next.data;
    for (uint64_t i = 0; i < s->count; i++) {
        uint32_t obj = object[i];
        uint32_t cls = ha_heap_class_of(s->heap, (ha_obj){obj}).i;
        bool nested = i < last_end[cls];
        if (!nested) {
            s->classes[cls].retained_bytes += s->retained[obj];
            last_end[cls] = next[obj];
        }
        if (s->dom->idom[obj] == HA_DOM_ROOT) {
            s->classes[cls].top_instances++;
            s->classes[cls].top_retained_bytes += s->retained[obj];
        }
        if (class_class != HA_NONE && i < last_end[class_class]) {
            in_class_object[obj >> 6] |= 1ULL << (obj & 63);
        }
    }
}

/* Leaves are nested in nothing of their own class, but sinks may lie below another class object. */
static void sum_leaves(struct sweep *s, const uint64_t *in_class_object, uint32_t class_class)
{
    uint32_t branch_count = s->heap->facts.branch_count;
    size_t next_extra = 0;
    for (uint32_t obj = branch_count; obj < s->heap->facts.object_count; obj++) {
        uint32_t d = s->dom->idom[obj];
        uint64_t bytes = ha_sizes_of(s->sizes, (ha_obj){obj});
        if (next_extra < s->extra.count && s->extra.data[next_extra] == obj) {
            bytes = s->extra.data[next_extra + 1];
            next_extra += 2;
        }
        if (d == HA_NONE) {
            continue;
        }
        uint32_t cls = ha_heap_class_of(s->heap, (ha_obj){obj}).i;
        if (d == HA_DOM_ROOT) {
            s->classes[cls].top_instances++;
            s->classes[cls].top_retained_bytes += bytes;
        } else if (cls == class_class) {
            uint32_t holder = d < branch_count ? d : s->dom->idom[d];
            if (holder < branch_count && (in_class_object[holder >> 6] >> (holder & 63) & 1) != 0) {
                continue;
            }
        }
        s->classes[cls].retained_bytes += bytes;
    }
}

static uint32_t find_class_class(const struct ha_heap *heap)
{
    for (uint32_t c = 0; c < heap->facts.class_count; c++) {
        if ((heap->classes[c].flags & HA_CLASS_IS_CLASS) != 0) {
            return c;
        }
    }
    return HA_NONE;
}

static struct ha_err *sum_classes(struct sweep *s)
{
    struct preorder p = {0};
    uint32_t class_class = find_class_class(s->heap);
    HA_FREE uint32_t *last_end = ha_calloc_array((size_t)s->heap->facts.class_count + 1, sizeof(uint32_t));
    HA_FREE uint64_t *in_class_object = ha_calloc_array(s->heap->facts.branch_count / 64 + 1, sizeof(uint64_t));
    struct ha_err *err = last_end == NULL || in_class_object == NULL ? ha_err_nomem() : number_tree(s, &p);
    if (err == NULL) {
        sum_branches(s, &p, last_end, in_class_object, class_class);
        sum_leaves(s, in_class_object, class_class);
    }
    ha_big_deinit(&p.next);
    ha_big_deinit(&p.number);
    ha_big_deinit(&p.object);
    return err;
}

/* ---- output ---- */

static struct ha_err *put_column(struct sweep *s, ha_put_section_fn put, void *ctx)
{
    uint32_t branch_count = s->heap->facts.branch_count;
    uint64_t most = 0;
    for (uint32_t obj = 0; obj < branch_count; obj++) {
        most = s->retained[obj] > most ? s->retained[obj] : most;
    }
    s->totals.width = most / 8 <= UINT32_MAX ? 4 : 5;
    uint8_t *out = (uint8_t *)s->retained; /* shorter elements never overtake the ones being read */
    for (uint32_t obj = 0; obj < branch_count; obj++) {
        uint64_t units = s->retained[obj] / 8;
        if (s->totals.width == 4) {
            uint32_t narrow = (uint32_t)units;
            memcpy(out + 4 * (size_t)obj, &narrow, sizeof narrow);
        } else {
            ha_put_le40(out + 5 * (size_t)obj, units);
        }
    }
    return put(ctx, HA_SECTION_MAT_RETAINED, s->totals.width, branch_count, out);
}

/* All reachable branch objects, breadth first from the top, for when no search order is at hand. */
static struct ha_err *order_from_tree(const struct ha_dom *dom, struct ha_big *ret, uint64_t *ret_count)
{
    HA_TRY(ha_big_init(ret, (uint64_t)dom->heap->facts.branch_count + 1, sizeof(uint32_t)));
    uint32_t *order = ret->data;
    uint64_t count = 0, limit = dom->heap->facts.branch_count;
    struct ha_children children = ha_dom_top(dom);
    for (uint64_t i = 0;; i++) {
        for (uint64_t c = 0; c < children.count && count < limit; c++) {
            uint32_t child = ha_children_at(&children, c).i;
            if (child < dom->heap->facts.branch_count) {
                order[count++] = child;
            }
        }
        if (i >= count) {
            break;
        }
        children = ha_dom_children(dom, (ha_obj){order[i]});
    }
    *ret_count = count;
    return NULL;
}

static struct ha_err *run(struct sweep *s, ha_put_section_fn put, void *ctx)
{
    HA_TRY(add_below_leaves(s));
    sum_retained(s);
    HA_TRY(sum_classes(s));
    HA_TRY(put(ctx, HA_SECTION_MAT_CLASSES, sizeof *s->classes, s->heap->facts.class_count, s->classes));
    HA_TRY(put(ctx, HA_SECTION_MAT_EXTRA, 16, s->extra.count / 2, s->extra.data));
    HA_TRY(put_column(s, put, ctx));
    return put(ctx, HA_SECTION_MAT_TOTALS, sizeof s->totals, 1, &s->totals);
}

struct ha_err *ha_retained_build(const struct ha_dom *dom, const struct ha_sizes *sizes, const uint32_t *order, uint64_t order_count,
                                 ha_put_section_fn put, void *ctx)
{
    struct sweep s = {.dom = dom, .heap = dom->heap, .sizes = sizes, .order = order, .count = order_count};
    struct ha_big own_order = {0}, retained = {0};
    struct ha_err *err = order != NULL ? NULL : order_from_tree(dom, &own_order, &s.count);
    if (order == NULL) {
        s.order = own_order.data;
    }
    if (err == NULL) {
        err = ha_big_init(&retained, (uint64_t)dom->heap->facts.branch_count + 1, sizeof(uint64_t));
        s.retained = retained.data;
    }
    if (err == NULL) {
        s.classes = ha_calloc_array((size_t)dom->heap->facts.class_count + 1, sizeof *s.classes);
        err = s.classes == NULL ? ha_err_nomem() : run(&s, put, ctx);
    }
    ha_free(s.classes);
    ha_vec_deinit(&s.extra);
    ha_big_deinit(&own_order);
    ha_big_deinit(&retained);
    return err;
}
