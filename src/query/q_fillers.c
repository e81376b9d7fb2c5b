/* SPDX-License-Identifier: MIT */
/*
 * See q_fillers.h. Names of the class by JDK (collectedHeap.cpp, vmClassMacros.hpp of HotSpot): FillerArray in 19 to 21, FillerElement[] since.
 *
 * Time: one look at the class of each array without references (they have the last numbers), and none where no int[] is unreachable.
 */
#include "ha/query/q_fillers.h"

#include <string.h>

#define FILLER_OBJECT "jdk.internal.vm.FillerObject"

static bool is_filler_array(const char *name)
{
    return strcmp(name, "jdk.internal.vm.FillerElement[]") == 0 || strcmp(name, "jdk.internal.vm.FillerArray") == 0;
}

static bool is_int_array(const struct ha_class *cls)
{
    return cls->kind == HA_CLASS_PRIMITIVE_ARRAY && cls->element_type == HA_TYPE_INT;
}

static bool is_dead_array(const struct ha_query *q, ha_cls int_array, ha_obj obj)
{
    return ha_heap_class_of(q->snapshot->heap, obj).i == int_array.i && !ha_query_reachable(q, obj) && ha_graph_in(q->snapshot->graph, obj).count == 0;
}

void ha_fillers_query(const struct ha_query *q, bool count, struct ha_fillers *ret)
{
    const struct ha_heap *heap = q->snapshot->heap;
    const struct ha_retained *retained = q->snapshot->retained;
    *ret = (struct ha_fillers){.cls = HA_CLS_NONE, .int_array = HA_CLS_NONE};
    for (uint32_t c = 0; c < heap->facts.class_count && retained != NULL; c++) {
        const struct ha_class *cls = &heap->classes[c];
        ret->cls.i = is_filler_array(cls->name) && ha_obj_is_none(cls->loader) ? c : ret->cls.i;
        ret->int_array.i = is_int_array(cls) ? c : ret->int_array.i;
    }
    if (!count || ha_cls_is_none(ret->cls) || ha_cls_is_none(ret->int_array)) {
        return;
    }
    const struct ha_class_total *total = &retained->classes[ret->int_array.i];
    uint64_t left = total->all_instances - total->instances;
    for (uint32_t i = heap->facts.branch_count; i < heap->facts.object_count && left > 0; i++) {
        ha_obj obj = {i};
        if (ha_heap_class_of(heap, obj).i == ret->int_array.i && !ha_query_reachable(q, obj)) {
            left--;
            if (ha_graph_in(q->snapshot->graph, obj).count == 0) {
                ret->instances++;
                ret->shallow_bytes += ha_query_shallow(q, obj);
            }
        }
    }
}

bool ha_fillers_has(const struct ha_query *q, const struct ha_fillers *fillers, ha_obj obj)
{
    if (ha_cls_is_none(fillers->cls)) {
        return false;
    }
    return is_dead_array(q, fillers->int_array, obj) ||
           strcmp(ha_heap_class(q->snapshot->heap, ha_heap_class_of(q->snapshot->heap, obj))->name, FILLER_OBJECT) == 0;
}
