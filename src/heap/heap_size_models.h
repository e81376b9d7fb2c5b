/* SPDX-License-Identifier: MIT */
/* Between heap_sizes.c and the models. */
#ifndef HA_HEAP_SIZE_MODELS_H
#define HA_HEAP_SIZE_MODELS_H

#include "ha/heap/heap.h"

/* Fill the tables (per class: bytes of an instance, bytes of its class object) and all else but model and heap. */
struct ha_err *ha_sizes_fill_mat(struct ha_sizes *sizes, uint32_t *class_sizes, uint32_t *object_sizes) HA_WARN_UNUSED;
struct ha_err *ha_sizes_fill_jvm(struct ha_sizes *sizes, uint32_t *class_sizes, uint32_t *object_sizes) HA_WARN_UNUSED;

static inline uint64_t ha_size_align(uint64_t value, uint64_t unit)
{
    return (value + unit - 1) / unit * unit;
}

/* Aligned to the object alignment, and the largest such number below 4 GiB if that is too much. */
uint32_t ha_size_clamp(uint64_t value, uint32_t alignment);

#endif
