/* SPDX-License-Identifier: MIT */
/* Called by graph_build.c when all arrays were seen. */
#ifndef HA_GRAPH_LENGTHS_H
#define HA_GRAPH_LENGTHS_H

#include "ha/heap/heap_build.h"

/* Writes the sections of array lengths. lengths: per object 0 or the length of the array + 1. */
struct ha_err *ha_graph_pack_lengths(struct ha_build *build, const uint32_t *lengths) HA_WARN_UNUSED;

#endif
