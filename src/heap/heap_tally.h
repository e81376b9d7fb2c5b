/* SPDX-License-Identifier: MIT */
/*
 * What is counted of each class (heap_count.c): by each worker on its own, then added up.
 *
 *     classes   [String 812 instances, gaps] [int[] 31 instances, array 0] [Object[] 5 instances, array 1] …
 *     arrays    [elements, lengths, gaps] [elements, lengths, gaps]
 */
#ifndef HA_HEAP_TALLY_H
#define HA_HEAP_TALLY_H

#include "ha/heap/heap_build.h"
#include "ha/heap/heap_counts.h"

/* One worker's count of a class; together with neither the size of the class nor its name, or it would take two cache lines. */
struct ha_tally {
    uint64_t instances;
    uint64_t payload; /* bytes of values of each instance; UINT64_MAX: each has to be looked at */
    uint32_t cls;
    uint32_t array;   /* index in arrays; HA_NONE: its objects are instances */
    struct ha_gap gaps[2]; /* behind sampled objects; behind all others while there are few */
};

struct ha_array_tally {
    struct ha_array_count count;
    struct ha_gap_arrays gaps[2];
    uint32_t element_bytes; /* 0: references */
};

struct ha_tallies {
    struct ha_tally *classes; /* of the build */
    struct ha_array_tally *arrays;
    uint32_t class_count, array_count;
};

/* look: per class, whether each of its instances has to be looked at. Deinit in any case; zeroed is fine. */
struct ha_err *ha_tallies_init(struct ha_tallies *tallies, const struct ha_build *build, const bool *look) HA_WARN_UNUSED;
void ha_tallies_deinit(struct ha_tallies *tallies);
uint64_t ha_tallies_bytes(const struct ha_build *build); /* of memory */

/* Adds what another worker counted. */
void ha_tallies_merge(struct ha_tallies *tallies, const struct ha_tallies *other);

/* What it comes to, with the class objects. *ret must be zeroed. */
struct ha_err *ha_tallies_put(const struct ha_tallies *tallies, const struct ha_build *build, struct ha_counts *ret) HA_WARN_UNUSED;

HA_INLINE uint64_t ha_page_of(uint64_t address)
{
    return address >> HA_PAGE_ADDRESS_BITS;
}

/* How far it is to the next object, as ha_gap_after() tells it. next 0: there is none. */
static inline uint32_t ha_gap_between(uint64_t address, uint64_t next)
{
    return next == 0 || ha_page_of(next) - ha_page_of(address) > 1 ? HA_GAP_NONE : (uint32_t)(next - address);
}

/* Notes what follows an object of a class; length: of an array. */
static inline void ha_tally_add_gap(struct ha_tallies *tallies, struct ha_tally *tally, uint64_t address, uint32_t length, uint64_t next)
{
    unsigned kind = ha_gap_is_sampled(address) ? 0 : 1;
    if (tally->array == HA_NONE) {
        ha_gap_add(&tally->gaps[kind], ha_gap_between(address, next));
    } else {
        struct ha_array_tally *array = &tallies->arrays[tally->array];
        ha_gap_arrays_add(&array->gaps[kind], ha_gap_between(address, next), length, array->element_bytes);
    }
}

/* The class of an object that was counted just now, if what follows it is wanted; else NULL. */
HA_INLINE struct ha_tally *ha_tally_if_wanted(struct ha_tally *tally, uint64_t address)
{
    return HA_UNLIKELY(ha_gap_is_sampled(address) || tally->instances <= HA_GAP_ALL_MAX) ? tally : NULL;
}

HA_INLINE void ha_tally_add_length(struct ha_tallies *tallies, const struct ha_tally *tally, uint32_t length)
{
    struct ha_array_count *count = &tallies->arrays[tally->array].count;
    count->elements += length;
    count->lengths[length % HA_LENGTHS_MODULO]++;
}

#endif
