/* SPDX-License-Identifier: MIT */
/*
 * The dump's bytes, and what the index keeps about them: of a compressed dump, the table that makes it addressable without inflating it again.
 *
 *     GZPC    pieces of the compressed file      GZWN    what stands before some of them, packed
 */
#include "snapshot/snapshot_internal.h"

#include "ha/heap/heap_sections.h"

struct ha_err *ha_snapshot_input_open(const struct ha_snapshot *snapshot, const struct ha_snapshot_options *options,
                                      const struct ha_index *index, struct ha_input **ret)
{
    struct ha_input_table table = {0};
    struct ha_input_options input = {.temp_dir = options->index_dir, .threads = snapshot->threads, .progress = options->progress};
    if (index == NULL) {
        input.diag = snapshot->diag;
    } else {
        struct ha_index_section pieces = ha_index_find(index, HA_SECTION_GZIP_PIECES, HA_INPUT_PIECE_BYTES);
        struct ha_index_section windows = ha_index_find(index, HA_SECTION_GZIP_WINDOWS, 1);
        table = (struct ha_input_table){pieces.data, pieces.count, windows.data, windows.count};
    }
    input.table = table.piece_count > 0 ? &table : NULL;
    return ha_input_open(snapshot->path, &input, ret);
}

struct ha_err *ha_snapshot_input_write(const struct ha_input *input, struct ha_index_writer *writer)
{
    struct ha_input_table table;
    if (!ha_input_table_get(input, &table)) {
        return NULL;
    }
    HA_TRY(ha_index_section_put(writer, HA_SECTION_GZIP_PIECES, HA_INPUT_PIECE_BYTES, table.piece_count, table.pieces));
    return ha_index_section_put(writer, HA_SECTION_GZIP_WINDOWS, 1, table.window_bytes, table.windows);
}
