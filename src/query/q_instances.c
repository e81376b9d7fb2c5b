/* SPDX-License-Identifier: MIT */
#include "ha/query/q_instances.h"

#include <string.h>

#include "ha/base/mem.h"
#include "ha/base/vec.h"
#include "ha/heap/heap_instances.h"
#include "ha/query/q_rank.h"

struct ha_err *ha_instances_init(struct ha_instances *set, struct ha_query *q)
{
    set->q = q;
    set->unreachable_too = false;
    set->marks =
        ha_calloc_array((size_t)q->snapshot->heap->facts.class_count + 1, sizeof *set->marks);
    return set->marks == NULL ? ha_err_nomem() : NULL;
}

void ha_instances_deinit(struct ha_instances *set)
{
    ha_free(set->marks);
    set->marks = NULL;
}

struct marking {
    struct ha_instances *set;
    bool subclasses;
    uint8_t mark;
};

static void put(struct ha_instances *set, uint32_t cls, uint8_t mark)
{
    if (set->marks[cls] == 0) {
        set->marks[cls] = mark;
    }
}

static void mark_class(void *ctx, ha_cls cls)
{
    const struct marking *m = ctx;
    const struct ha_heap *heap = m->set->q->snapshot->heap;
    put(m->set, cls.i, m->mark);
    for (uint32_t c = 0; m->subclasses && c < heap->facts.class_count; c++) {
        if (ha_heap_class_is_a(heap, (ha_cls){c}, cls)) {
            put(m->set, c, m->mark);
        }
    }
}

void ha_instances_mark(struct ha_instances *set, const char *name, bool subclasses, uint8_t mark)
{
    struct marking m = {set, subclasses, mark};
    ha_heap_classes_named(set->q->snapshot->heap, name, mark_class, &m);
}

uint64_t ha_instances_count(const struct ha_instances *set, bool unreachable_too)
{
    const struct ha_retained *retained = set->q->snapshot->retained;
    uint64_t sum = 0;
    if (retained == NULL) {
        return UINT64_MAX;
    }
    for (uint32_t c = 0; c < set->q->snapshot->heap->facts.class_count; c++) {
        if (set->marks[c] != 0) {
            sum += unreachable_too ? retained->classes[c].all_instances : retained->classes[c].instances;
        }
    }
    return sum;
}

/* ---- from the lists of the index ---- */

typedef HA_VEC(uint32_t) object_list;

static struct ha_err *add_kept(const struct ha_heap *heap, uint32_t cls, const struct ha_instances_kept *kept, object_list *ret)
{
    if (!ha_vec_reserve(ret, kept->count)) {
        return ha_err_nomem();
    }
    uint32_t least = 0;
    for (uint32_t i = 0; i < kept->count; i++) {
        uint32_t obj = kept->objects[i]; // from a file: it may be anything
        if (obj >= least && obj < heap->facts.object_count && ha_heap_class_of(heap, (ha_obj){obj}).i == cls) {
            ret->data[ret->count++] = obj;
            least = obj + 1;
        }
    }
    return NULL;
}

static int compare_objects(const void *ctx, const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    (void)ctx;
    return (*x > *y) - (*x < *y);
}

/* The objects of all marked classes, ascending; false in *ret_all: the index does not keep those of each. */
static struct ha_err *kept_objects(const struct ha_instances *set, object_list *ret, bool *ret_all)
{
    const struct ha_heap *heap = set->q->snapshot->heap;
    uint64_t left = heap->instance_count;
    uint32_t lists = 0;
    *ret_all = heap->instance_ranges != NULL;
    for (uint32_t c = 0; c < heap->facts.class_count && *ret_all; c++) {
        struct ha_instances_kept kept;
        if (set->marks[c] == 0) {
            continue;
        }
        *ret_all = ha_heap_instances(heap, (ha_cls){c}, &kept) && kept.count <= left; // lists of an index that is as it should be do not overlap
        if (*ret_all && kept.count > 0) {
            left -= kept.count;
            lists++;
            HA_TRY(add_kept(heap, c, &kept, ret));
        }
    }
    if (*ret_all && lists > 1) {
        ha_rank_sort(ret->data, ret->count, sizeof *ret->data, compare_objects, NULL);
    }
    return NULL;
}

/* ---- from the class column ---- */

#define CHUNK 4096U
#define AHEAD 16U

/* Which object is one cannot be foreseen, so there is no jump on it. */
uint32_t ha_instances_among(const struct ha_instances *set, uint32_t first, uint32_t count, uint32_t *ret)
{
    const struct ha_heap heap = *set->q->snapshot->heap; // a copy: nothing in it changes while objects are written
    const uint8_t *marks = set->marks;
    uint32_t found = 0;
    for (uint32_t i = first; i < first + count; i++) {
        ret[found] = i;
        found += marks[ha_heap_class_of(&heap, (ha_obj){i}).i] != 0;
    }
    return found;
}

static struct ha_err *each_of_column(struct ha_instances *set, ha_instance_fn fn, void *ctx)
{
    const struct ha_snapshot *snapshot = set->q->snapshot;
    const uint32_t all = snapshot->heap->facts.object_count;
    uint64_t left = ha_instances_count(set, set->unreachable_too);
    bool all_reachable = left != UINT64_MAX && left == ha_instances_count(set, true);
    bool ask = !set->unreachable_too && snapshot->dom != NULL && !all_reachable;
    uint32_t objects[CHUNK];
    for (uint32_t first = 0; first < all && left > 0; first += CHUNK) {
        uint32_t count = ha_instances_among(set, first, all - first < CHUNK ? all - first : CHUNK, objects);
        for (uint32_t i = 0; i < count && left > 0; i++) {
            ha_obj obj = {objects[i]};
            if (ask) {
                ha_dom_idom_prefetch(snapshot->dom, (ha_obj){objects[i + AHEAD < count ? i + AHEAD : i]});
            }
            if (!ask || ha_dom_reachable(snapshot->dom, obj)) {
                left--;
                HA_TRY(fn(ctx, obj, set->marks[ha_heap_class_of(snapshot->heap, obj).i]));
            }
        }
    }
    return NULL;
}

struct ha_err *ha_instances_each(struct ha_instances *set, ha_instance_fn fn, void *ctx)
{
    const struct ha_heap *heap = set->q->snapshot->heap;
    object_list objects = {0};
    bool all;
    struct ha_err *err = kept_objects(set, &objects, &all);
    if (err == NULL && !all) {
        err = each_of_column(set, fn, ctx);
    }
    for (size_t i = 0; err == NULL && all && i < objects.count; i++) {
        ha_obj obj = {objects.data[i]};
        if (set->unreachable_too || ha_query_reachable(set->q, obj)) {
            err = fn(ctx, obj, set->marks[ha_heap_class_of(heap, obj).i]);
        }
    }
    ha_vec_deinit(&objects);
    return err;
}
