/* SPDX-License-Identifier: MIT */
/* Layout of the sections of dom that are more than columns. */
#ifndef HA_DOM_FORMAT_H
#define HA_DOM_FORMAT_H

#include <assert.h>
#include <stdint.h>

/* OFFSET SIZE MEANING (section MTOT)
 *      0    8  reachable objects
 *      8    8  their shallow bytes
 *     16    8  unreachable objects
 *     24    8  their shallow bytes
 *     32    4  bytes per element of the retained column
 *     36    4  bytes per unit of the retained column: the object alignment */
struct ha_disk_totals {
    uint64_t reachable_objects, reachable_bytes;
    uint64_t unreachable_objects, unreachable_bytes;
    uint32_t width, unit;
};
static_assert(sizeof(struct ha_disk_totals) == 40, "layout is part of the index format");

/* OFFSET SIZE MEANING (section MPRT)
 *      0    4  the object directly under the root whose subtree this is; all ones: all other first-level objects of the class
 *      4    4  class
 *      8    4  first row in MPRR
 *     12    4  number of rows */
struct ha_disk_part {
    uint32_t object, cls;
    uint32_t rows_first, rows_count;
};
static_assert(sizeof(struct ha_disk_part) == 16, "layout is part of the index format");

/* OFFSET SIZE MEANING (section MPRR)
 *      0    8  instances
 *      8    8  shallow bytes
 *     16    8  minimum retained bytes of these instances
 *     24    4  class
 *     28    4  zero */
struct ha_disk_part_row {
    uint64_t instances, shallow_bytes, retained_bytes;
    uint32_t cls, zero;
};
static_assert(sizeof(struct ha_disk_part_row) == 32, "layout is part of the index format");

#endif
