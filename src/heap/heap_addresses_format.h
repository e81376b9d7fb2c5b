/* SPDX-License-Identifier: MIT */
/* The one-element section that says how to read the sections of the address map. */
#ifndef HA_HEAP_ADDRESSES_FORMAT_H
#define HA_HEAP_ADDRESSES_FORMAT_H

#include <assert.h>
#include <stdint.h>

#define HA_SHIFT_SORTED 64U

/* OFFSET SIZE MEANING
 *      0    4  shift: slots are address >> shift; 64: sorted form
 *      4    4  branch objects
 *      8    4  leaf objects
 *     12    4  zero
 *     16    8  page number of the first directory entry */
struct ha_address_info {
    uint32_t shift;
    uint32_t branch_count;
    uint32_t leaf_count;
    uint32_t zero;
    uint64_t first_page;
};
static_assert(sizeof(struct ha_address_info) == 24, "layout is part of the index format");

#endif
