/* SPDX-License-Identifier: MIT */
/* Called by graph_build.c when the references are there. */
#ifndef HA_GRAPH_FILLERS_H
#define HA_GRAPH_FILLERS_H

#include "ha/heap/heap_build.h"

/* Adds the note on filler objects, if the dump is of a JVM that has them. Needs the column of classes in the build. lengths: per object 0 or the length of the array + 1. */
struct ha_err *ha_graph_note_fillers(struct ha_build *build, const uint32_t *lengths) HA_WARN_UNUSED;

#endif
