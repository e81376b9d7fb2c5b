/* SPDX-License-Identifier: MIT */
/*
 * Filler arrays. JVMs since 19 format dead space as arrays of a class of their own, which `jcmd GC.class_histogram` counts; a dump shows them as
 * int[]. They are told from the int[] of the application by what nothing can refer to: unreachable, and no object refers to them, not even a
 * garbage one. An int[] that the application has dropped looks the same and is counted with them; it is dead as well.
 */
#ifndef HA_QUERY_Q_FILLERS_H
#define HA_QUERY_Q_FILLERS_H

#include "ha/query/q_query.h"

struct ha_fillers {
    ha_cls cls;       /* the JVM's class for them; HA_CLS_NONE: the dump has none, and nothing is a filler */
    ha_cls int_array; /* the class that the dump gives them */
    uint64_t instances, shallow_bytes;
};

/* Finds the classes; nothing is counted. */
void ha_fillers_query(const struct ha_query *q, struct ha_fillers *ret);

/* Whether there can be any: the dump has the classes, and an unreachable int[]. Needs dominators. */
bool ha_fillers_possible(const struct ha_query *q, const struct ha_fillers *fillers);

/* Counts those among all unreachable objects. */
void ha_fillers_count(const struct ha_query *q, const uint32_t *unreachable, uint64_t count, struct ha_fillers *fillers);

/* Whether an object is one of them, or an instance of the JVM's class for dead space too small for an array. */
bool ha_fillers_has(const struct ha_query *q, const struct ha_fillers *fillers, ha_obj obj);

#endif
