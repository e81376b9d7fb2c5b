/* SPDX-License-Identifier: MIT */
/* Pass 3 over the dump: how the sections of objects and references come to be. */
#ifndef HA_GRAPH_GRAPH_BUILD_H
#define HA_GRAPH_GRAPH_BUILD_H

#include "ha/graph/graph.h"
#include "ha/heap/heap_build.h"

/* Reads every record once more: columns of the objects (class, offset, array length) and, with `rows`, their rows of references. With rows, the
   column of classes and the starts of rows are not in the index yet: the search needs them in memory, and they can be written beside it. */
struct ha_err *ha_graph_build(struct ha_build *build, bool rows) HA_WARN_UNUSED;

/* Puts the column of classes into the index. Changes nothing of the build but its writer. */
struct ha_err *ha_graph_write_classes(struct ha_build *build) HA_WARN_UNUSED;

#endif
