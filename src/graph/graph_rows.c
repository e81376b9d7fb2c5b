/* SPDX-License-Identifier: MIT */
/*
 * The starts of the rows as they go into the index. While it is being built they take 5 bytes per branch object, for the search needs them fast.
 * In a dump that ascends by address, rows follow each other in the order of their objects but for those of classes, and the packed form
 * (graph_starts.h) takes 1.3 bytes; where too many rows are out of order (ZGC, Shenandoah), the plain starts are kept.
 */
#include "ha/graph/graph_build.h"
#include "ha/heap/heap_sections.h"

#define OUT_OF_ORDER_SHARE 8U /* packed as long as fewer than one row in eight is out of order */

static struct ha_err *pack(const struct ha_build *build, const uint32_t *targets, struct ha_starts_maker *maker)
{
    const uint8_t *starts = build->row_starts.data;
    for (uint32_t obj = 0; obj < build->facts.branch_count; obj++) {
        uint64_t begin = ha_le40(starts + 5 * (size_t)obj), end = begin;
        if (begin != HA_ROW_EMPTY) {
            while ((targets[end] & HA_EDGE_END) == 0) {
                end++;
            }
            end++;
        }
        HA_TRY(ha_starts_put(maker, begin, end - begin));
        if (maker->large.count > build->facts.branch_count / OUT_OF_ORDER_SHARE + 1024) {
            return NULL;
        }
    }
    return NULL;
}

struct ha_err *ha_graph_write_rows(struct ha_build *build)
{
    struct ha_index_section targets;
    struct ha_starts_maker maker = {0};
    struct ha_big blocks = {0};
    uint64_t n = build->facts.branch_count;
    HA_TRY(ha_index_writer_section(build->writer, HA_SECTION_TARGETS, &targets));
    HA_TRY(ha_big_init(&blocks, ha_starts_blocks(n) + 1, HA_STARTS_BYTES));
    maker.blocks = blocks.data;
    struct ha_err *err = pack(build, targets.data, &maker);
    if (err == NULL && maker.items == n) {
        err = ha_index_section_put(build->writer, HA_SECTION_ROWS_PACKED, HA_STARTS_BYTES, ha_starts_blocks(n), blocks.data);
        if (err == NULL) {
            err = ha_index_section_put(build->writer, HA_SECTION_ROWS_LARGE, sizeof *maker.large.data, maker.large.count, maker.large.data);
        }
    } else if (err == NULL) {
        err = ha_index_section_put(build->writer, HA_SECTION_ROW_STARTS, 5, n, build->row_starts.data);
    }
    ha_vec_deinit(&maker.large);
    ha_big_deinit(&blocks);
    return err;
}
