/* SPDX-License-Identifier: MIT */
/*
 * What the addresses say about sizes: how far it is from an object to the next one in the dump. No object can be larger than that, and one that
 * is followed directly by another is exactly as large.
 *
 *     address  0x1000      0x1018  0x1020                0x1040
 *              | A         | B     | (not in the dump)   | A
 *     gap        24          32
 *
 * Collected in pass 3, while the bits around an address are in the cache. Of classes with very many instances only those in every 32nd 4 KiB
 * are looked at, which does not depend on who reads them.
 */
#ifndef HA_HEAP_HEAP_GAPS_H
#define HA_HEAP_HEAP_GAPS_H

#include "ha/heap/heap_addresses.h"

#define HA_GAP_NONE UINT32_MAX
#define HA_GAP_ALL_MAX 65536U          /* instances of a class up to which all are looked at */
#define HA_GAP_SAMPLE_MASK 0x1f000ULL  /* beyond: those whose address has none of these bits */

/* Per class; an element of section GAPC. */
struct ha_gap {
    uint32_t smallest; /* after an instance; HA_GAP_NONE: no instance is followed by anything near */
    uint32_t same;     /* instances followed at that distance */
    uint32_t count;    /* instances looked at */
    uint32_t object;   /* after the class object, HA_GAP_NONE: not known */
};

/* Over all arrays; section GAPA. Smallest (gap - elements), HA_GAP_NONE where there is no such array. */
struct ha_gap_arrays {
    uint32_t narrow, wide;         /* elements of 1, 2 or 4 bytes; of 8 bytes */
    uint32_t references4, references8; /* object arrays, taking references for 4 and for 8 bytes */
    uint32_t close_arrays;         /* object arrays of 8 elements and more that are followed too closely for references of 8 bytes */
    uint32_t far_arrays;           /* those that are followed where they end with references of 8 bytes */
    uint32_t overlaps;             /* arrays followed by an object that lies among their elements */
    uint32_t unaligned;            /* objects at addresses that are no multiple of 8 */
    uint32_t arrays;               /* arrays looked at */
    uint32_t zero;
};

struct ha_gaps {
    struct ha_gap *classes;
    struct ha_gap_arrays arrays;
};

struct ha_err *ha_gaps_init(struct ha_gaps *gaps, size_t class_count) HA_WARN_UNUSED;
void ha_gaps_deinit(struct ha_gaps *gaps);

/* Notes that an instance is followed at a distance, HA_GAP_NONE: by nothing near; the same of an array of `length` elements of `element_bytes` bytes (0: references). */
void ha_gap_add(struct ha_gap *seen, uint32_t gap);
void ha_gap_arrays_add(struct ha_gap_arrays *seen, uint32_t gap, uint32_t length, unsigned element_bytes);

/* Adds what was seen elsewhere. */
void ha_gap_merge(struct ha_gap *to, const struct ha_gap *from);
void ha_gap_arrays_merge(struct ha_gap_arrays *to, const struct ha_gap_arrays *from);
extern const struct ha_gap_arrays ha_gap_arrays_none; /* nothing seen */

/* Adds what another worker saw. */
void ha_gaps_merge(struct ha_gaps *gaps, const struct ha_gaps *other, size_t class_count);

/* Bytes from an object to the next one, 0 if none follows in the same page of the address map or the one behind it. */
uint64_t ha_gap_after_far(const struct ha_heap_addresses *map, ha_addr address, ha_obj obj);

HA_INLINE uint64_t ha_gap_after(const struct ha_heap_addresses *map, ha_addr address, ha_obj obj)
{
    if (HA_LIKELY(map->sorted == NULL)) {
        uint64_t slot = address >> map->shift;
        uint64_t line = (uint64_t)map->directory[(slot >> HA_PAGE_SLOT_BITS) - map->first_page] * HA_PAGE_LINES + (slot >> 8 & (HA_PAGE_LINES - 1));
        uint64_t after = map->lines[line].present[slot >> 6 & 3] >> (slot & 63) >> 1;
        if (HA_LIKELY(after != 0)) {
            return ((uint64_t)__builtin_ctzll(after) + 1) << map->shift;
        }
    }
    return ha_gap_after_far(map, address, obj);
}

/* Whether the address is one of the few that are looked at of every class. */
HA_INLINE bool ha_gap_is_sampled(ha_addr address)
{
    return (address & HA_GAP_SAMPLE_MASK) == 0;
}

/* Whether an instance is looked at, of a class with so many. */
HA_INLINE bool ha_gap_wanted(ha_addr address, uint64_t instances)
{
    return instances <= HA_GAP_ALL_MAX || ha_gap_is_sampled(address);
}

/* Notes an instance of class `cls`. */
void ha_gap_note_instance(struct ha_gaps *gaps, const struct ha_heap_addresses *map, ha_addr address, ha_obj obj, uint32_t cls);
/* Notes an array of `length` elements of `element_bytes` bytes; 0: references. */
void ha_gap_note_array(struct ha_gaps *gaps, const struct ha_heap_addresses *map, ha_addr address, ha_obj obj, uint32_t length, unsigned element_bytes);
/* Notes the class object of class `cls`. */
void ha_gap_note_class(struct ha_gaps *gaps, const struct ha_heap_addresses *map, ha_addr address, ha_obj obj, uint32_t cls);

#endif
