/* SPDX-License-Identifier: MIT */
#include "ha/query/q_instances.h"

#include <string.h>

#include "ha/base/mem.h"

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

/* How many instances there are to find; UINT64_MAX: not known. */
static uint64_t expected(const struct ha_instances *set)
{
    const struct ha_retained *retained = set->q->snapshot->retained;
    uint64_t sum = 0;
    if (retained == NULL) {
        return UINT64_MAX;
    }
    for (uint32_t c = 0; c < set->q->snapshot->heap->facts.class_count; c++) {
        if (set->marks[c] != 0) {
            sum += set->unreachable_too ? retained->classes[c].all_instances
                                        : retained->classes[c].instances;
        }
    }
    return sum;
}

struct ha_err *ha_instances_each(struct ha_instances *set, ha_instance_fn fn, void *ctx)
{
    const struct ha_heap *heap = set->q->snapshot->heap;
    uint64_t left = expected(set);
    for (uint32_t i = 0; i < heap->facts.object_count && left > 0; i++) {
        ha_obj obj = {i};
        uint8_t mark = set->marks[ha_heap_class_of(heap, obj).i];
        if (mark != 0 && (set->unreachable_too || ha_query_reachable(set->q, obj))) {
            left--;
            HA_TRY(fn(ctx, obj, mark));
        }
    }
    return NULL;
}
