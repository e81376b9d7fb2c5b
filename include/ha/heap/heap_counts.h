/* SPDX-License-Identifier: MIT */
/*
 * What a histogram of shallow sizes needs of the objects of a heap, without the objects: how many there are of each class, and of arrays as much as
 * tells their sizes under every model. A heap that was only counted (heap_count.c) has these sections; the objects it has are those few that were
 * chosen (heap_keep.c).
 *
 *     sum of align(base + n × element) over all arrays of a class
 *       = element × sum of n  +  for each r < 32: number of arrays with n mod 32 = r  ×  (align(base + r × element) - r × element)
 *
 * That is exact for alignments that divide 32 × element.
 */
#ifndef HA_HEAP_HEAP_COUNTS_H
#define HA_HEAP_HEAP_COUNTS_H

#include "ha/heap/heap_gaps.h"

#define HA_LENGTHS_MODULO 32U
#define HA_COUNTED_ALIGNMENT_MAX HA_LENGTHS_MODULO /* a power of two up to here: sums are exact */

/* The arrays of a class; an element of section CNTA. */
struct ha_array_count {
    uint32_t cls;
    uint32_t zero;
    uint64_t elements;                   /* of all of them */
    uint64_t lengths[HA_LENGTHS_MODULO]; /* how many have a length of so much, modulo 32 */
};

/* While the index is being built. */
struct ha_counts {
    uint64_t objects;    /* of the heap, class objects among them */
    uint64_t *instances; /* per class; section CNTC */
    struct ha_array_count *arrays;
    uint64_t array_classes;
    struct ha_gaps gaps;
};

void ha_counts_destroy(struct ha_counts *counts); /* NULL is fine */

#endif
