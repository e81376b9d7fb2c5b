/* SPDX-License-Identifier: MIT */
/*
 * Where the objects of a dump lie that is counted (heap_count.c): runs of records whose addresses ascend, and the class objects, whose addresses are
 * known beforehand. Objects of one id each lie apart: no two runs overlap.
 *
 *     runs            [0x100000 … 0x14fff8]  [0x900000 … 0x90aff0]  [0x200000 … 0x24fff8]
 *     class objects          0x120010                                                     0x300000
 */
#ifndef HA_HEAP_RUNS_H
#define HA_HEAP_RUNS_H

#include "heap/heap_tally.h"

#include <stdatomic.h>

/* An object whose distance to the next is not known yet. */
struct ha_run_last {
    uint64_t address;
    uint32_t cls; /* HA_NONE: it does not matter */
    uint32_t length;
};

/* Records whose addresses ascend. */
struct ha_run {
    uint64_t first;
    struct ha_run_last last;
    uint64_t pages, regions; /* that its objects lie in */
};
typedef HA_VEC(struct ha_run) ha_runs;

/* The class objects. */
struct ha_class_objects {
    uint64_t *ids;            /* ascending */
    _Atomic(uint64_t) *next;  /* the next record behind each, 0: not in the middle of a run */
    uint32_t count;
    uint64_t gcd;
};

/* Deinit in any case; zeroed is fine. */
struct ha_err *ha_class_objects_init(struct ha_class_objects *classes, const struct ha_build *build) HA_WARN_UNUSED;
void ha_class_objects_deinit(struct ha_class_objects *classes);

/* The first one that does not lie below an address; their number if there is none. */
uint32_t ha_class_objects_from(const struct ha_class_objects *classes, uint64_t address);

HA_INLINE uint64_t ha_region_of(uint64_t address)
{
    return address >> HA_REGION_ADDRESS_BITS;
}

/* ---- when all runs are there ---- */

/* Puts them in the order of their addresses, which all below depend on. */
void ha_runs_sort(ha_runs *runs);

/* Whether each address is that of one object; class objects among each other, records among each other: that they differ is seen while counting. */
bool ha_runs_are_apart(const ha_runs *runs, const struct ha_class_objects *classes);

/* Whether the addresses lie densely enough for the full index to be of the form that has them as bits. */
bool ha_runs_are_dense(const ha_runs *runs, const struct ha_class_objects *classes, uint64_t objects, uint64_t dump_bytes);

/* Notes the distances behind the last objects of the runs, and behind the class objects. */
void ha_runs_close(const ha_runs *runs, const struct ha_class_objects *classes, struct ha_tallies *tallies);
void ha_runs_close_classes(const ha_runs *runs, const struct ha_class_objects *classes, const struct ha_build *build, struct ha_gaps *gaps);

#endif
