/* SPDX-License-Identifier: MIT */
/*
 * The starts of the rows as they go into the index. While it is being built they take 5 bytes per branch object, for the search needs them fast.
 * In a dump that ascends by address, rows follow each other in the order of their objects but for those of classes, and the packed form
 * (graph_starts.h) takes 1.3 bytes; where too many rows are out of order (ZGC, Shenandoah), the plain starts are kept.
 */
#include "graph/graph_rows.h"

#include "ha/heap/heap_sections.h"

struct ha_err *ha_row_packer_init(const struct ha_build *build, struct ha_row_packer *ret)
{
    *ret = (struct ha_row_packer){.out_of_order_max = build->facts.branch_count / HA_ROWS_OUT_OF_ORDER_SHARE + 1024};
    HA_TRY(ha_big_init(&ret->blocks, ha_starts_blocks(build->facts.branch_count) + 1, HA_STARTS_BYTES));
    ret->maker.blocks = ret->blocks.data;
    return NULL;
}

void ha_row_packer_deinit(struct ha_row_packer *packer)
{
    ha_vec_deinit(&packer->maker.large);
    ha_big_deinit(&packer->blocks);
}

struct ha_err *ha_row_packer_write(const struct ha_build *build, const struct ha_row_packer *packer)
{
    const uint64_t n = build->facts.branch_count;
    if (packer->given_up) {
        return ha_index_section_put(build->writer, HA_SECTION_ROW_STARTS, 5, n, build->row_starts.data);
    }
    HA_TRY(ha_index_section_put(build->writer, HA_SECTION_ROWS_PACKED, HA_STARTS_BYTES, ha_starts_blocks(n), packer->blocks.data));
    return ha_index_section_put(build->writer, HA_SECTION_ROWS_LARGE, sizeof *packer->maker.large.data, packer->maker.large.count, packer->maker.large.data);
}
