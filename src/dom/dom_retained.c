/* SPDX-License-Identifier: MIT */
/*
 * Retained sizes under one size model: retained(v) = shallow(v) + retained of its children. Leaves and sinks are added to their dominators, then
 * one sweep over the branch objects, each before its dominator. Memory: 8 bytes per branch object.
 */
#include "ha/dom/dom_build.h"

#include "dom/dom_sweep.h"
#include "ha/base/mem.h"
#include "ha/heap/heap_sections.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PREFETCH 32U /* objects ahead in the backward sweep */

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

/* Unreachable ones alone count in all_* until finish_counts(). */
static inline void count_object(struct sweep *s, uint32_t obj, uint32_t cls, uint64_t shallow)
{
    struct ha_class_total *total = &s->classes[cls];
    if (HA_UNLIKELY(s->dom->idom[obj] == HA_NONE)) {
        total->all_instances++;
        total->all_shallow_bytes += shallow;
    } else {
        total->instances++;
        total->shallow_bytes += shallow;
    }
}

static void finish_counts(struct sweep *s)
{
    for (uint32_t c = 0; c < s->heap->facts.class_count; c++) {
        struct ha_class_total *total = &s->classes[c];
        s->totals.unreachable_objects += total->all_instances;
        s->totals.unreachable_bytes += total->all_shallow_bytes;
        s->totals.reachable_objects += total->instances;
        s->totals.reachable_bytes += total->shallow_bytes;
        total->all_instances += total->instances;
        total->all_shallow_bytes += total->shallow_bytes;
    }
}

static void add_to_dominators(struct sweep *s)
{
    const uint32_t *object = s->order->object, *parent = s->order->parent;
    for (uint64_t p = s->order->count; p > 0; p--) {
        __builtin_prefetch(&s->retained[object[p > PREFETCH ? p - PREFETCH : 1]], 1);
        if (parent[p] != 0) {
            s->retained[object[parent[p]]] += s->retained[object[p]];
        }
    }
}

static void sum_retained(struct sweep *s)
{
    uint32_t branch_count = s->heap->facts.branch_count, n = s->heap->facts.object_count, cls;
    struct size_walk sizes = {.sizes = s->sizes};
    for (uint32_t obj = 0; obj < branch_count; obj++) {
        uint64_t shallow = size_walk_next(&sizes, obj, &cls);
        count_object(s, obj, cls, shallow);
        s->retained[obj] = shallow;
    }
    size_t next_extra = 0;
    for (uint32_t obj = branch_count; obj < n; obj++) {
        uint64_t size = size_walk_next(&sizes, obj, &cls);
        count_object(s, obj, cls, size);
        if (next_extra < s->extra.count && s->extra.data[next_extra] == obj) {
            size = s->extra.data[next_extra + 1];
            next_extra += 2;
        }
        uint32_t d = s->dom->idom[obj];
        if (d < branch_count) {
            s->retained[d] += size;
        }
    }
    finish_counts(s);
    add_to_dominators(s);
}

/* ---- output ---- */

static struct ha_err *put_column(struct sweep *s)
{
    uint32_t branch_count = s->heap->facts.branch_count;
    uint64_t most = 0;
    for (uint32_t obj = 0; obj < branch_count; obj++) {
        most = s->retained[obj] > most ? s->retained[obj] : most;
    }
    const uint32_t unit = s->sizes->alignment; /* of every size, hence of every sum */
    if (most / unit >> 40 != 0) {
        return ha_err_new(HA_ERR_LIMIT, "an object retains more than 2^40 times %" PRIu32 " bytes, more than the index can hold", unit);
    }
    s->totals.width = most / unit <= UINT32_MAX ? 4 : 5;
    s->totals.unit = unit;
    uint8_t *out = (uint8_t *)s->retained; /* shorter elements never overtake the ones being read */
    const unsigned shift = (unsigned)__builtin_ctz(unit);
    const bool power = unit == 1U << shift; /* as in every JVM: then no division is needed */
    for (uint32_t obj = 0; obj < branch_count; obj++) {
        uint64_t units = power ? s->retained[obj] >> shift : s->retained[obj] / unit;
        if (s->totals.width == 4) {
            uint32_t narrow = (uint32_t)units;
            memcpy(out + 4 * (size_t)obj, &narrow, sizeof narrow);
        } else {
            ha_put_le40(out + 5 * (size_t)obj, units);
        }
    }
    return s->put(s->put_ctx, HA_SECTION_OF(s->sizes->model, RETAINED), s->totals.width, branch_count, out);
}

static struct ha_err *run(struct sweep *s)
{
    HA_TRY(add_below_leaves(s));
    sum_retained(s);
    HA_TRY(ha_dom_totals(s));
    HA_TRY(s->put(s->put_ctx, HA_SECTION_OF(s->sizes->model, CLASSES), sizeof *s->classes, s->heap->facts.class_count, s->classes));
    HA_TRY(s->put(s->put_ctx, HA_SECTION_OF(s->sizes->model, EXTRA), 16, s->extra.count / 2, s->extra.data));
    HA_TRY(put_column(s));
    return s->put(s->put_ctx, HA_SECTION_OF(s->sizes->model, TOTALS), sizeof s->totals, 1, &s->totals);
}

struct ha_err *ha_retained_build(const struct ha_dom *dom, const struct ha_sizes *sizes, const struct ha_dom_order *order,
                                 ha_put_section_fn put, void *ctx)
{
    struct sweep s = {.dom = dom, .heap = dom->heap, .sizes = sizes, .order = order, .put = put, .put_ctx = ctx};
    struct ha_big retained = {0};
    struct ha_err *err = ha_big_init_raw(&retained, (uint64_t)dom->heap->facts.branch_count + 1, sizeof(uint64_t));
    s.retained = retained.data;
    if (err == NULL) {
        s.classes = ha_calloc_array((size_t)dom->heap->facts.class_count + 1, sizeof *s.classes);
        err = s.classes == NULL ? ha_err_nomem() : run(&s);
    }
    ha_free(s.classes);
    ha_vec_deinit(&s.extra);
    ha_big_deinit(&retained);
    return err;
}
