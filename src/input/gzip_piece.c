/* SPDX-License-Identifier: MIT */
/*
 * A piece of a gzip file, inflated. Whatever the entry of the table claims, no more than its plain_bytes are written and no more than its
 * file_bytes are read; both are bounded by gzip_table_check().
 */
#include "gzip_table.h"

#include "gzip_format.h"
#include "input_source.h"

#include "ha/base/bytes.h"
#include "ha/base/mem.h"

#include <string.h>

#define STREAM_IN_BYTES ((size_t)256 << 10)

void gzip_scratch_deinit(struct gzip_scratch *scratch)
{
    inflate_whole_destroy(scratch->whole);
    inflate_stream_destroy(scratch->stream);
    ha_free(scratch->in);
    ha_free(scratch->window);
    *scratch = (struct gzip_scratch){0};
}

static bool whole_ready(struct gzip_scratch *scratch)
{
    if (scratch->whole == NULL) {
        scratch->whole = inflate_whole_create();
    }
    return scratch->whole != NULL;
}

static bool in_ready(struct gzip_scratch *scratch, size_t bytes)
{
    if (scratch->in_capacity < bytes) {
        ha_free(scratch->in);
        scratch->in = ha_alloc(bytes);
        scratch->in_capacity = scratch->in == NULL ? 0 : bytes;
    }
    return scratch->in != NULL;
}

bool gzip_members_inflate(struct inflate_whole *whole, const uint8_t *in, size_t in_len,
                          uint8_t *out, size_t out_len, uint32_t *ret_crc)
{
    size_t made_all = 0, members = 0;
    uint32_t crc = 0;
    while (in_len > 0) {
        size_t header = 0, used = 0, made = 0;
        if (gzip_header_parse(in, in_len, &header) != GZIP_HEADER_OK ||
            in_len - header < GZIP_TRAILER_BYTES ||
            inflate_whole_run(whole, in + header, in_len - header - GZIP_TRAILER_BYTES,
                              out + made_all, out_len - made_all, &used, &made) != INFLATE_END) {
            return false;
        }
        const uint8_t *trailer = in + header + used;
        crc = inflate_crc(0, out + made_all, made);
        if (ha_le32(trailer) != crc || ha_le32(trailer + 4) != made) {
            return false;
        }
        made_all += made;
        members++;
        in += header + used + GZIP_TRAILER_BYTES;
        in_len -= header + used + GZIP_TRAILER_BYTES;
    }
    *ret_crc = members == 1 ? crc : inflate_crc(0, out, out_len);
    return made_all == out_len;
}

static struct ha_err *misfit(const struct ha_input *input, const struct gzip_piece *piece)
{
    return ha_err_at(HA_ERR_INPUT, piece->plain_off,
                     "the index does not fit the compressed data of '%s': one of the two is "
                     "damaged or was changed",
                     input->shown);
}

static struct ha_err *read_members(const struct ha_input *input, const struct gzip_piece *piece,
                                   struct gzip_scratch *scratch, uint8_t *out, uint32_t *ret_crc)
{
    if (!whole_ready(scratch) || !in_ready(scratch, piece->file_bytes)) {
        return ha_err_nomem();
    }
    HA_TRY(ha_input_plain_read(input, piece->file_off, scratch->in, piece->file_bytes));
    if (!gzip_members_inflate(scratch->whole, scratch->in, piece->file_bytes, out,
                              piece->plain_bytes, ret_crc)) {
        return misfit(input, piece);
    }
    return NULL;
}

/* Unpacks the window of a stream piece; *ret_len is 0 when it has none. */
static struct ha_err *read_window(const struct ha_input *input, const struct ha_input_table *table,
                                  const struct gzip_piece *piece, struct gzip_scratch *scratch,
                                  size_t *ret_len)
{
    size_t used = 0;
    *ret_len = 0;
    if (piece->window_bytes == 0) {
        return NULL;
    }
    if (scratch->window == NULL) {
        scratch->window = ha_alloc(INFLATE_WINDOW_BYTES);
    }
    if (scratch->window == NULL || !whole_ready(scratch)) {
        return ha_err_nomem();
    }
    const uint8_t *packed = (const uint8_t *)table->windows + piece->window_off;
    if (inflate_whole_run(scratch->whole, packed, piece->window_bytes, scratch->window,
                          INFLATE_WINDOW_BYTES, &used, ret_len) != INFLATE_END) {
        return misfit(input, piece);
    }
    return NULL;
}

static struct ha_err *run_stream(const struct ha_input *input, const struct gzip_piece *piece,
                                 struct gzip_scratch *scratch, size_t window_len, uint8_t *out)
{
    size_t room = piece->plain_bytes;
    uint64_t done = 0;
    while (room > 0) {
        uint64_t left = piece->file_bytes - done;
        size_t len = left < STREAM_IN_BYTES ? (size_t)left : STREAM_IN_BYTES;
        if (len == 0) {
            return misfit(input, piece);
        }
        HA_TRY(ha_input_plain_read(input, piece->file_off + done, scratch->in, len));
        const uint8_t *in = scratch->in;
        if (done == 0) {
            if (!inflate_stream_begin(scratch->stream, scratch->window, window_len, piece->bits,
                                      in[0])) {
                return ha_err_nomem();
            }
            in += piece->bits > 0;
            len -= piece->bits > 0;
            done = piece->bits > 0;
        }
        done += len;
        enum inflate_result result = INFLATE_MORE;
        while (len > 0 && room > 0 && result == INFLATE_MORE) {
            size_t len_before = len, room_before = room;
            result = inflate_stream_step(scratch->stream, &in, &len, &out, &room, false);
            if (len == len_before && room == room_before) {
                break;
            }
        }
        if (result == INFLATE_NOMEM) {
            return ha_err_nomem();
        }
        if (room > 0 && (result != INFLATE_MORE || len > 0)) {
            return misfit(input, piece);
        }
    }
    return NULL;
}

static struct ha_err *read_stream(const struct ha_input *input, const struct ha_input_table *table,
                                  const struct gzip_piece *piece, struct gzip_scratch *scratch,
                                  uint8_t *out, uint32_t *ret_crc)
{
    size_t window_len = 0;
    if (scratch->stream == NULL) {
        scratch->stream = inflate_stream_create();
    }
    if (scratch->stream == NULL || !in_ready(scratch, STREAM_IN_BYTES)) {
        return ha_err_nomem();
    }
    HA_TRY(read_window(input, table, piece, scratch, &window_len));
    HA_TRY(run_stream(input, piece, scratch, window_len, out));
    *ret_crc = inflate_crc(0, out, piece->plain_bytes);
    return NULL;
}

struct ha_err *gzip_piece_read(const struct ha_input *input, const struct ha_input_table *table,
                               const struct gzip_piece *piece, struct gzip_scratch *scratch,
                               uint8_t *out)
{
    uint32_t crc = 0;
    if (piece->kind == GZIP_PIECE_ZEROS) {
        memset(out, 0, piece->plain_bytes);
        return NULL;
    }
    if (piece->kind == GZIP_PIECE_MEMBERS) {
        HA_TRY(read_members(input, piece, scratch, out, &crc));
    } else {
        HA_TRY(read_stream(input, table, piece, scratch, out, &crc));
    }
    return crc == piece->crc ? NULL : misfit(input, piece);
}
