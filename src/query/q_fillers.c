/* SPDX-License-Identifier: MIT */
/*
 * See q_fillers.h. Names of the class by JDK (collectedHeap.cpp, vmClassMacros.hpp of HotSpot): FillerArray in 19 to 21, FillerElement[] since.
 *
 * Time: one look at the class of each unreachable object, and none where no int[] is unreachable.
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

void ha_fillers_query(const struct ha_query *q, struct ha_fillers *ret)
{
    const struct ha_heap *heap = q->snapshot->heap;
    *ret = (struct ha_fillers){.cls = HA_CLS_NONE, .int_array = HA_CLS_NONE};
    for (uint32_t c = 0; c < heap->facts.class_count && q->snapshot->retained != NULL; c++) {
        const struct ha_class *cls = &heap->classes[c];
        ret->cls.i = is_filler_array(cls->name) && ha_obj_is_none(cls->loader) ? c : ret->cls.i;
        ret->int_array.i = is_int_array(cls) ? c : ret->int_array.i;
    }
}

bool ha_fillers_possible(const struct ha_query *q, const struct ha_fillers *fillers)
{
    if (ha_cls_is_none(fillers->cls) || ha_cls_is_none(fillers->int_array)) {
        return false;
    }
    const struct ha_class_total *total = &q->snapshot->retained->classes[fillers->int_array.i];
    return total->all_instances != total->instances;
}

void ha_fillers_count(const struct ha_query *q, const uint32_t *unreachable, uint64_t count, struct ha_fillers *fillers)
{
    for (uint64_t i = 0; i < count && ha_fillers_possible(q, fillers); i++) {
        ha_obj obj = {unreachable[i]};
        if (is_dead_array(q, fillers->int_array, obj)) {
            fillers->instances++;
            fillers->shallow_bytes += ha_query_shallow(q, obj);
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
