/* SPDX-License-Identifier: MIT */
/* Counts in place of objects: from the build to the index, and sizes from them. */
#include "ha/heap/heap_counts.h"

#include "ha/heap/heap.h"

void ha_counts_destroy(struct ha_counts *counts)
{
    if (counts != NULL) {
        ha_free(counts->instances);
        ha_free(counts->arrays);
        ha_gaps_deinit(&counts->gaps);
        ha_free(counts);
    }
}

uint64_t ha_sizes_of_arrays(const struct ha_sizes *sizes, const struct ha_array_count *count)
{
    const struct ha_class *cls = ha_heap_class(sizes->heap, (ha_cls){count->cls});
    uint64_t element = cls->kind == HA_CLASS_PRIMITIVE_ARRAY ? ha_type_bytes((enum ha_type)cls->element_type, 4) : sizes->reference_bytes;
    uint64_t bytes = element * count->elements;
    for (uint32_t length = 0; length < HA_LENGTHS_MODULO; length++) {
        bytes += count->lengths[length] * (ha_sizes_of_array(sizes, cls, length) - length * element);
    }
    return bytes;
}
