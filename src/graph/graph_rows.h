/* SPDX-License-Identifier: MIT */
/* Starts of rows on their way into the index (graph_rows.c): begin, put each branch object in order, end. */
#ifndef HA_GRAPH_GRAPH_ROWS_H
#define HA_GRAPH_GRAPH_ROWS_H

#include "ha/base/mem.h"
#include "ha/graph/graph_starts.h"
#include "ha/heap/heap_build.h"

#define HA_ROWS_OUT_OF_ORDER_SHARE 8U /* packed as long as fewer than one row in eight is out of order */

struct ha_row_packer {
    struct ha_starts_maker maker;
    struct ha_big blocks;
    size_t out_of_order_max;
    bool given_up; /* too many are out of order */
};

struct ha_err *ha_row_packer_init(const struct ha_build *build, struct ha_row_packer *ret) HA_WARN_UNUSED;
void ha_row_packer_deinit(struct ha_row_packer *packer);

HA_INLINE struct ha_err *ha_row_packer_put(struct ha_row_packer *packer, uint32_t source, uint64_t begin, uint64_t length)
{
    if (HA_UNLIKELY(packer->given_up)) {
        return NULL;
    }
    packer->given_up = packer->maker.large.count > packer->out_of_order_max;
    if (source % HA_STARTS_ITEMS == 0) {
        ha_starts_begin(&packer->maker, source, 0);
    }
    return ha_starts_put(&packer->maker, source, begin, length);
}

/* Writes the section: packed, or, if that was given up, as the build has them. */
struct ha_err *ha_row_packer_write(const struct ha_build *build, const struct ha_row_packer *packer) HA_WARN_UNUSED;

#endif
