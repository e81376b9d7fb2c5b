/* SPDX-License-Identifier: MIT */
/*
 * Getting on behind damage: where the next good member begins, and how many plain bytes there must have been before it.
 *
 * A candidate is good if it inflates: to its end, with checksum and length right, or for 4 MiB, or as far as the file goes. So only bytes that
 * somebody else compressed can be mistaken for a member (a gzip file within the heap, in a block that is stored); how many such mistakes are
 * made is limited.
 */
#include "gzip_run.h"

#include "gzip_format.h"
#include "input_source.h"

#include "ha/base/bytes.h"
#include "ha/base/file.h"
#include "ha/base/mem.h"

#include <string.h>

#define HEADER_FIRST 512U /* more than any header seen; longer ones exist */

struct ha_err *gzip_read_header(struct gzip_run *run, uint64_t off, const uint8_t **ret,
                                size_t *ret_bytes, bool *ret_cut)
{
    *ret_bytes = 0;
    *ret_cut = false;
    for (size_t need = HEADER_FIRST; need <= GZIP_BUFFER_BYTES; need *= 4) {
        size_t len = 0;
        HA_TRY(gzip_reader_at(&run->reader, off, need, ret, &len));
        switch (gzip_header_parse(*ret, len, ret_bytes)) {
        case GZIP_HEADER_OK:
            return NULL;
        case GZIP_HEADER_NONE:
            return NULL;
        case GZIP_HEADER_CUT:
            break;
        }
        if (len < need) {
            *ret_cut = len >= GZIP_HEADER_MIN || (len >= 2 && (*ret)[0] == 0x1f);
            return NULL;
        }
    }
    return NULL; // longer than anybody's: none
}

/* Inflates from a candidate on; run->out is free for use. */
static struct ha_err *is_good(struct gzip_run *run, uint64_t off, bool *ret)
{
    const uint8_t *in = NULL;
    size_t bytes = 0, len = 0;
    bool cut = false;
    uint64_t made = 0;
    uint32_t crc = 0;
    *ret = false;
    HA_TRY(gzip_read_header(run, off, &in, &bytes, &cut));
    if (bytes == 0) {
        return NULL;
    }
    if (!inflate_stream_begin(run->stream, NULL, 0, 0, 0)) {
        return ha_err_nomem();
    }
    enum inflate_result result = INFLATE_MORE;
    for (off += bytes; result == INFLATE_MORE && made < GZIP_MEMBER_MAX;) {
        HA_TRY(gzip_reader_at(&run->reader, off, 1, &in, &len));
        const uint8_t *begin = in;
        uint8_t *out = run->out;
        size_t room = GZIP_BUFFER_BYTES;
        result = inflate_stream_step(run->stream, &in, &len, &out, &room, false);
        off += (uint64_t)(in - begin);
        made += GZIP_BUFFER_BYTES - room;
        crc = inflate_crc(crc, run->out, GZIP_BUFFER_BYTES - room);
        if (in == begin && room == GZIP_BUFFER_BYTES && result == INFLATE_MORE) {
            *ret = made > 0;
            return NULL;
        }
    }
    if (result == INFLATE_NOMEM) {
        return ha_err_nomem();
    }
    if (result == INFLATE_END) {
        HA_TRY(gzip_reader_at(&run->reader, off, GZIP_TRAILER_BYTES, &in, &len));
        *ret = len >= GZIP_TRAILER_BYTES && ha_le32(in) == crc && ha_le32(in + 4) == (uint32_t)made;
    } else {
        *ret = result == INFLATE_MORE;
    }
    return NULL;
}

struct ha_err *gzip_find_member(struct gzip_run *run, uint64_t from, uint64_t *ret)
{
    uint64_t end = run->input->file_bytes;
    *ret = end;
    while (end - from >= GZIP_HEADER_MIN && from < end && run->tries_left > 0) {
        const uint8_t *p = NULL;
        size_t len = 0;
        bool good = false;
        HA_TRY(gzip_reader_at(&run->reader, from, GZIP_HEADER_MIN, &p, &len));
        size_t at = gzip_find_candidate(p, len, 0);
        if (at == len) {
            from += len - GZIP_HEADER_MIN + 1;
            continue;
        }
        from += at;
        HA_TRY(is_good(run, from, &good));
        if (good) {
            *ret = from;
            return NULL;
        }
        run->tries_left--;
        from++;
    }
    return NULL;
}

/* The checksum of plain bytes that are in the temporary file. */
static struct ha_err *crc_again(struct gzip_run *run, uint64_t off, uint64_t bytes, uint32_t *ret)
{
    *ret = 0;
    while (bytes > 0) {
        size_t len = bytes < GZIP_BUFFER_BYTES ? (size_t)bytes : GZIP_BUFFER_BYTES, got = 0;
        HA_TRY(ha_file_read_at(run->fd, run->dir, off, run->out, len, &got));
        if (got < len) {
            return ha_err_new(HA_ERR_SYSTEM, "a temporary file in '%s' became shorter", run->dir);
        }
        *ret = inflate_crc(*ret, run->out, len);
        off += len;
        bytes -= len;
    }
    return NULL;
}

/* Takes back plain bytes from `end` on. */
static struct ha_err *take_back(struct gzip_run *run, uint64_t end)
{
    struct gzip_table *table = &run->table;
    while (table->pieces.count > 0 &&
           table->pieces.data[table->pieces.count - 1].plain_off >= end) {
        table->pieces.count--;
    }
    run->plain = end;
    struct gzip_piece *last =
        table->pieces.count == 0 ? NULL : &table->pieces.data[table->pieces.count - 1];
    if (last == NULL || last->plain_off + last->plain_bytes <= end) {
        return NULL;
    }
    last->plain_bytes = (uint32_t)(end - last->plain_off);
    return crc_again(run, last->plain_off, last->plain_bytes, &last->crc);
}

struct ha_err *gzip_set_length(struct gzip_run *run, uint64_t start, uint64_t bytes)
{
    if (run->plain - start > bytes) {
        return take_back(run, start + bytes);
    }
    uint64_t left = bytes - (run->plain - start);
    memset(run->out, 0, GZIP_BUFFER_BYTES);
    while (left >
           0) { // written, not left out: other members may have been written there, by mistake
        uint32_t len = left < GZIP_BUFFER_BYTES ? (uint32_t)left : (uint32_t)GZIP_BUFFER_BYTES;
        HA_TRY(gzip_write(run, run->plain, run->out, len));
        if (!run->table.unusable) {
            HA_TRY(gzip_table_add(&run->table, &(struct gzip_piece){.kind = GZIP_PIECE_ZEROS,
                                                                    .plain_off = run->plain,
                                                                    .plain_bytes = len}));
        }
        run->plain += len;
        left -= len;
    }
    return NULL;
}
