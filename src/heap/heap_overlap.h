/* SPDX-License-Identifier: MIT */
/*
 * MAT's test for compressed references: some object array would reach beyond the beginning of the next one in the dump if references took 8 bytes.
 * Parts of the dump are looked at on their own, and put together in their order.
 */
#ifndef HA_HEAP_OVERLAP_H
#define HA_HEAP_OVERLAP_H

#include "ha/base/mem.h"

#include <stdbool.h>
#include <stdint.h>

struct ha_overlap {
    uint64_t first, last; /* addresses of object arrays; 0: there was none */
    uint64_t last_end;    /* of the last one, with references of 8 bytes */
    bool found;
};

/* An object array behind another one. */
HA_INLINE void ha_overlap_note_next(struct ha_overlap *overlap, uint64_t address, uint32_t length)
{
    overlap->found |= address > overlap->last && address < overlap->last_end;
    overlap->last = address;
    overlap->last_end = address + 16 + 8 * (uint64_t)length;
}

/* An object array; its address is not 0. */
HA_INLINE void ha_overlap_note(struct ha_overlap *overlap, uint64_t address, uint32_t length)
{
    overlap->first = overlap->first == 0 ? address : overlap->first;
    ha_overlap_note_next(overlap, address, length);
}

/* What was found in the part that follows. */
static inline void ha_overlap_append(struct ha_overlap *overlap, const struct ha_overlap *next)
{
    overlap->found |= next->found || (next->first > overlap->last && next->first < overlap->last_end);
    if (next->first != 0) {
        overlap->first = overlap->first == 0 ? next->first : overlap->first;
        overlap->last = next->last;
        overlap->last_end = next->last_end;
    }
}

#endif
