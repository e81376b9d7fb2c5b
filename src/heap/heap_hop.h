/* SPDX-License-Identifier: MIT */
/* Pass 1 (heap_hop.c), called by heap_build.c alone. */
#ifndef HA_HEAP_HOP_H
#define HA_HEAP_HOP_H

#include "ha/heap/heap_build.h"

/* Reads the top-level records from first_record on. wanted: the heap to take, 0 for the last. */
struct ha_err *ha_hop(struct ha_build *build, uint32_t wanted, uint64_t first_record) HA_WARN_UNUSED;

#endif
