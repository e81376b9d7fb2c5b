/* SPDX-License-Identifier: MIT */
/*
 * The table of a gzip file's pieces: made, checked, searched. What is in it is inflated by gzip_piece.c.
 */
#include "gzip_table.h"

#include "ha/base/checked.h"

#include <string.h>

#define PIECES_FREE 1024U /* so many pieces are always fine */
#define PLAIN_PER_PIECE_MIN                                                                        \
    4096U /* beyond, smaller ones than these on average make no sense: the table would rival the file */

void gzip_table_deinit(struct gzip_table *table)
{
    ha_vec_deinit(&table->pieces);
    ha_vec_deinit(&table->windows);
}

struct ha_err *gzip_table_add(struct gzip_table *table, const struct gzip_piece *piece)
{
    if (piece->plain_bytes == 0) {
        return NULL;
    }
    struct gzip_piece *slot = ha_vec_push(&table->pieces);
    if (slot == NULL) {
        return ha_err_nomem();
    }
    *slot = *piece;
    return NULL;
}

void gzip_table_view(const struct gzip_table *table, uint64_t plain_bytes,
                     struct ha_input_table *ret)
{
    size_t count = table->pieces.count;
    *ret = (struct ha_input_table){0};
    if (table->unusable || (count > PIECES_FREE && count > plain_bytes / PLAIN_PER_PIECE_MIN)) {
        return;
    }
    ret->pieces = table->pieces.data;
    ret->piece_count = count;
    ret->windows = table->windows.data;
    ret->window_bytes = table->windows.count;
}

static bool members_fit(const struct gzip_piece *piece)
{
    return piece->plain_bytes <= GZIP_MEMBER_MAX && piece->file_bytes <= GZIP_MEMBER_FILE_MAX &&
           piece->bits == 0 && piece->window_bytes == 0;
}

static bool stream_fits(const struct gzip_piece *piece, uint64_t window_bytes)
{
    return piece->bits < 8 && piece->file_bytes <= GZIP_PIECE_FILE_MAX &&
           ha_range_fits(piece->window_off, piece->window_bytes, window_bytes) &&
           piece->window_bytes <= 2 * INFLATE_WINDOW_BYTES;
}

static bool piece_fits(const struct gzip_piece *piece, uint64_t file_bytes, uint64_t window_bytes)
{
    if (piece->plain_bytes == 0 || piece->plain_bytes > GZIP_PIECE_MAX ||
        !ha_range_fits(piece->file_off, piece->file_bytes, file_bytes)) {
        return false;
    }
    switch (piece->kind) {
    case GZIP_PIECE_MEMBERS:
        return members_fit(piece);
    case GZIP_PIECE_STREAM:
        return stream_fits(piece, window_bytes);
    case GZIP_PIECE_ZEROS:
        return piece->file_off == 0 && piece->file_bytes == 0 && piece->crc == 0 &&
               piece->window_bytes == 0;
    default:
        return false;
    }
}

struct ha_err *gzip_table_check(const struct ha_input_table *table, uint64_t file_bytes,
                                uint64_t *ret_plain_bytes)
{
    const struct gzip_piece *pieces = table->pieces;
    uint64_t plain = 0;
    for (uint64_t i = 0; i < table->piece_count; i++) {
        if (pieces[i].plain_off != plain ||
            !piece_fits(&pieces[i], file_bytes, table->window_bytes) ||
            !ha_add_u64(plain, pieces[i].plain_bytes, &plain)) {
            return ha_err_new(HA_ERR_INPUT, "the table of the compressed data is damaged");
        }
    }
    *ret_plain_bytes = plain;
    return NULL;
}

struct gzip_piece gzip_table_find(const struct ha_input_table *table, uint64_t off)
{
    const struct gzip_piece *pieces = table->pieces;
    uint64_t low = 0, high = table->piece_count;
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (pieces[middle].plain_off <= off) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return pieces[low];
}
