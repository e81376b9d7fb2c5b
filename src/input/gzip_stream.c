/* SPDX-License-Identifier: MIT */
/*
 * One member of any size, in any state, through zlib.
 *
 *     [header | block block block … | crc size]
 *             ^ start     ^ first block behind 4 MiB of plain bytes: a restart point, with the 32 KiB before it as window
 *
 * What becomes of damage:
 *     checksum or length wrong        the bytes are kept; if there are too few or too many of them, the length that the trailer says counts,
 *                                     if it can be believed, so that what is behind stays at its place
 *     deflate data damaged,           what came before is kept; the next good member is looked for, and what is missing in between reads as
 *     or bytes that are no member     zeros, as much of it as the trailer before that member says
 *     ends within a member            what came before is kept
 *     zeros at the end                ignored, as gzip(1) does
 */
#include "gzip_run.h"

#include "gzip_format.h"
#include "input_source.h"

#include "ha/base/bytes.h"
#include "ha/base/mem.h"

#include <string.h>

#define OVERRUN_BYTES                                                                              \
    (256U                                                                                          \
     << 10) /* behind damage in a large member, data of the next one may have been taken for its own, so many bytes at most */
#define PLACES_MAX 4096U /* damaged places of a file after which the rest is given up */
#define PACKED_WINDOW_BYTES (2 * INFLATE_WINDOW_BYTES)
#define MISSING_MAX                                                                                \
    (1U                                                                                            \
     << 20) /* a member of which the checksum is wrong can be believed to be longer or shorter by so much */

enum end {
    END_GOOD,
    END_WRONG, /* checksum or length */
    END_DAMAGED,
    END_CUT
};

struct member {
    uint64_t start;    /* of the header, in the file */
    uint64_t data_off; /* of the deflate data */
    uint64_t plain_start;
    uint64_t off; /* how far it was read */
    uint32_t crc;
    struct gzip_piece piece; /* the one being made; its crc so far */
    uint8_t *out;            /* where in run->out the next byte goes */
    size_t room;
};

/* ---- plain bytes and restart points ---- */

static struct ha_err *flush(struct gzip_run *run, struct member *m)
{
    size_t len = GZIP_BUFFER_BYTES - m->room;
    m->crc = inflate_crc(m->crc, run->out, len);
    m->piece.crc = inflate_crc(m->piece.crc, run->out, len);
    HA_TRY(gzip_write(run, run->plain, run->out, len));
    run->plain += len;
    m->out = run->out;
    m->room = GZIP_BUFFER_BYTES;
    return NULL;
}

/* Ends the piece at hand where the stream now is. */
static struct ha_err *piece_end(struct gzip_run *run, struct member *m)
{
    uint64_t plain_bytes = run->plain - m->piece.plain_off;
    uint64_t file_bytes = m->off - m->piece.file_off;
    if (plain_bytes > GZIP_PIECE_MAX || file_bytes > GZIP_PIECE_FILE_MAX) {
        run->table.unusable = true;
    }
    if (run->table.unusable) {
        return NULL;
    }
    m->piece.plain_bytes = (uint32_t)plain_bytes;
    m->piece.file_bytes = (uint32_t)file_bytes;
    return gzip_table_add(&run->table, &m->piece);
}

static struct ha_err *window_add(struct gzip_run *run, struct gzip_piece *piece)
{
    HA_FREE uint8_t *window = ha_alloc(INFLATE_WINDOW_BYTES);
    if (window == NULL || !ha_vec_reserve(&run->table.windows, PACKED_WINDOW_BYTES)) {
        return ha_err_nomem();
    }
    size_t len = inflate_stream_window(run->stream, window);
    size_t packed = inflate_window_pack(
        window, len, run->table.windows.data + run->table.windows.count, PACKED_WINDOW_BYTES);
    if (packed == 0) {
        return ha_err_nomem();
    }
    piece->window_off = run->table.windows.count;
    piece->window_bytes = (uint32_t)packed;
    run->table.windows.count += packed;
    return NULL;
}

/* Between two blocks: makes a restart point if it is time for one. */
static struct ha_err *on_block(struct gzip_run *run, struct member *m)
{
    uint64_t plain = run->plain + (GZIP_BUFFER_BYTES - m->room);
    if (plain - m->piece.plain_off < GZIP_STREAM_BYTES || run->table.unusable) {
        return NULL;
    }
    HA_TRY(flush(run, m));
    HA_TRY(piece_end(run, m));
    uint8_t bits = (uint8_t)inflate_stream_bits(run->stream);
    m->piece = (struct gzip_piece){.kind = GZIP_PIECE_STREAM,
                                   .file_off = m->off - (bits > 0),
                                   .plain_off = run->plain,
                                   .bits = bits};
    return window_add(run, &m->piece);
}

/* ---- the data ---- */

static struct ha_err *inflate_data(struct gzip_run *run, struct member *m, enum end *ret)
{
    if (!inflate_stream_begin(run->stream, NULL, 0, 0, 0)) {
        return ha_err_nomem();
    }
    for (;;) {
        const uint8_t *in = NULL;
        size_t len = 0;
        HA_TRY(gzip_reader_at(&run->reader, m->off, 1, &in, &len));
        const uint8_t *begin = in;
        enum inflate_result result =
            inflate_stream_step(run->stream, &in, &len, &m->out, &m->room, true);
        m->off += (uint64_t)(in - begin);
        if (m->room == 0) {
            HA_TRY(flush(run, m));
        } else if (result == INFLATE_MORE && in == begin && len == 0) {
            *ret = END_CUT;
            return NULL;
        }
        if (result == INFLATE_NOMEM) {
            return ha_err_nomem();
        }
        if (result == INFLATE_BLOCK) {
            HA_TRY(on_block(run, m));
        } else if (result != INFLATE_MORE) {
            *ret = result == INFLATE_END ? END_GOOD : END_DAMAGED;
            return NULL;
        }
        gzip_tell(run, m->off);
    }
}

/* ---- what follows ---- */

static struct ha_err *only_zeros(struct gzip_run *run, uint64_t off, bool *ret)
{
    *ret = true;
    while (*ret && off < run->input->file_bytes) {
        const uint8_t *p = NULL;
        size_t len = 0;
        HA_TRY(gzip_reader_at(&run->reader, off, 1, &p, &len));
        for (size_t i = 0; i < len && *ret; i++) {
            *ret = p[i] == 0;
        }
        off += len;
    }
    return NULL;
}

/* Whether a member, or nothing, begins at off. */
static struct ha_err *goes_on(struct gzip_run *run, uint64_t off, bool *ret)
{
    const uint8_t *header = NULL;
    size_t bytes = 0;
    bool cut = false;
    HA_TRY(gzip_read_header(run, off, &header, &bytes, &cut));
    *ret = bytes > 0;
    return *ret ? NULL : only_zeros(run, off, ret);
}

/* The length that a member's trailer says, the trailer ending at `end`; 0: it cannot be believed. */
static struct ha_err *said_length(struct gzip_run *run, uint64_t start, uint64_t end, uint64_t *ret)
{
    const uint8_t *p = NULL;
    size_t len = 0;
    *ret = 0;
    if (end - start < GZIP_MEMBER_MIN) {
        return NULL;
    }
    HA_TRY(gzip_reader_at(&run->reader, end - 4, 4, &p, &len));
    uint64_t said = len < 4 ? 0 : ha_le32(p), gap = end - start;
    bool fine = run->block_bytes > 0 ? said <= run->block_bytes
                                     : said / GZIP_RATIO_MAX <= gap && gap - gap / 8 <= said + 64;
    *ret = fine ? said : 0;
    return NULL;
}

/* The same for all members from start to end, damaged as they are: the sum; 0: one of them cannot be believed. */
static struct ha_err *said_lengths(struct gzip_run *run, uint64_t start, uint64_t end,
                                   uint64_t *ret)
{
    uint64_t sum = 0;
    *ret = 0;
    for (uint64_t from = start + 1; start < end;) {
        const uint8_t *p = NULL;
        size_t len = 0;
        HA_TRY(gzip_reader_at(&run->reader, from, GZIP_HEADER_MIN, &p, &len));
        size_t at = gzip_find_candidate(p, len, 0);
        if (at == len && from + len < run->input->file_bytes) {
            from += len - GZIP_HEADER_MIN + 1;
            continue;
        }
        uint64_t next = from + at < end ? from + at : end, said = 0;
        HA_TRY(said_length(run, start, next, &said));
        if (said == 0) {
            return NULL;
        }
        sum += said;
        start = next;
        from = next + 1;
    }
    *ret = sum;
    return NULL;
}

/* The data cannot be read on: on with the next good member. */
static struct ha_err *skip_damage(struct gzip_run *run, const struct member *m, const char *reason)
{
    struct gzip_damage *damage = &run->damage;
    uint64_t next = run->input->file_bytes, said = 0, recovered = run->plain - m->plain_start;
    uint64_t from = recovered > GZIP_MEMBER_MAX && m->off - m->start > OVERRUN_BYTES
                        ? m->off - OVERRUN_BYTES
                        : m->start + 1;
    if (damage->places < PLACES_MAX) {
        HA_TRY(gzip_find_member(run, from, &next));
    }
    run->pos = next;
    if (next == run->input->file_bytes) {
        if (m->data_off == 0) {
            damage->cut = "goes on with bytes that are not gzip data";
            damage->cut_off = m->start;
        } else {
            damage->broken = reason;
            damage->broken_off = m->off;
        }
        return NULL;
    }
    HA_TRY(said_lengths(run, m->start, next, &said));
    struct gzip_range lost = {m->plain_start + recovered, m->plain_start + recovered};
    if (said == 0) {
        damage->unknown++;
    } else {
        lost.end = m->plain_start + said;
        lost.off = lost.off < lost.end ? lost.off : lost.end;
        HA_TRY(gzip_set_length(run, m->plain_start, said));
    }
    damage->lost_bytes += lost.end - lost.off;
    if (damage->places++ == 0) {
        damage->first_off = m->off;
        damage->first_reason = reason;
        damage->first_lost = lost;
    }
    return NULL;
}

/* ---- the trailer ---- */

/* The data ended, but its checksum or length is not that of the trailer. */
static struct ha_err *keep_doubtful(struct gzip_run *run, struct member *m, uint32_t said)
{
    bool fine = false;
    uint64_t end = m->off + GZIP_TRAILER_BYTES, made = run->plain - m->plain_start;
    HA_TRY(goes_on(run, end, &fine));
    if (!fine) { // the end was none
        return skip_damage(run, m, "incorrect data check");
    }
    run->pos = end;
    int32_t difference = (int32_t)(said - (uint32_t)made);
    uint64_t distance = difference < 0 ? (uint64_t) - (int64_t)difference : (uint64_t)difference;
    bool believed = distance <= MISSING_MAX && (difference >= 0 || distance < made) &&
                    (run->block_bytes == 0 || said <= run->block_bytes);
    const uint8_t *p = NULL;
    size_t len = 0;
    HA_TRY(gzip_reader_at(&run->reader, m->off, 4, &p, &len));
    if (difference != 0 && believed && ha_le32(p) != m->crc) {
        HA_TRY(gzip_set_length(run, m->plain_start, made + (uint64_t)(int64_t)difference));
    }
    if (run->damage.crc_count++ == 0) {
        run->damage.crc_first = (struct gzip_range){m->plain_start, run->plain};
    }
    return NULL;
}

static struct ha_err *member_run(struct gzip_run *run, struct member *m)
{
    enum end end = END_GOOD;
    HA_TRY(inflate_data(run, m, &end));
    HA_TRY(flush(run, m));
    HA_TRY(piece_end(run, m));
    const uint8_t *trailer = NULL;
    size_t len = 0;
    HA_TRY(gzip_reader_at(&run->reader, m->off, GZIP_TRAILER_BYTES, &trailer, &len));
    if (end == END_DAMAGED) {
        return skip_damage(run, m, inflate_stream_reason(run->stream));
    }
    if (end == END_CUT || len < GZIP_TRAILER_BYTES) {
        run->damage.cut = "ends within its compressed data";
        run->damage.cut_off = run->pos = run->input->file_bytes;
        return NULL;
    }
    uint32_t said = ha_le32(trailer + 4);
    if (ha_le32(trailer) != m->crc || said != (uint32_t)(run->plain - m->plain_start)) {
        return keep_doubtful(run, m, said);
    }
    run->pos = m->off + GZIP_TRAILER_BYTES;
    return NULL;
}

struct ha_err *gzip_stream_run(struct gzip_run *run)
{
    const uint8_t *header = NULL;
    size_t bytes = 0;
    bool cut = false, zeros = false;
    struct member m = {.start = run->pos,
                       .off = run->pos,
                       .plain_start = run->plain,
                       .out = run->out,
                       .room = GZIP_BUFFER_BYTES};
    HA_TRY(gzip_read_header(run, run->pos, &header, &bytes, &cut));
    if (cut) {
        run->damage.cut = "ends within its compressed data";
        run->damage.cut_off = run->pos = run->input->file_bytes;
        return NULL;
    }
    if (bytes == 0) {
        HA_TRY(run->pos > 0 ? only_zeros(run, run->pos, &zeros) : NULL);
        if (zeros) {
            run->pos = run->input->file_bytes;
            return NULL;
        }
        return skip_damage(run, &m, "no gzip member begins here");
    }
    m.data_off = m.off = run->pos + bytes;
    m.piece = (struct gzip_piece){
        .kind = GZIP_PIECE_STREAM, .file_off = m.data_off, .plain_off = run->plain};
    return member_run(run, &m);
}
