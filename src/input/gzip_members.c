/* SPDX-License-Identifier: MIT */
/*
 * Many small members at once. HotSpot's compressed dumps are nothing else, and so are the files of bgzip.
 *
 * A member does not say how long it is in the file, but it ends where the next begins, and the last four bytes before that are its plain
 * length. So with a guess at where members begin, everything is known in advance:
 *
 *     candidates    |1f8b…            |1f8b…        |1f8b…            bytes that look like a header
 *     members       [ data  crc size ][ data c s ]  …                 from one to the next
 *     plain         [..size..][..size..]                              where to write: the sum of the sizes before
 *
 * Workers take groups of members in order, under a lock: reading and looking for candidates is a small part of the time. They inflate and write
 * without it. A guess is right if the data ends exactly before the next candidate and length and checksum are as said; the chain is then
 * gapless by construction. What is behind the first wrong guess is given up, and done again by those who can deal with it, whatever the
 * threads have made of it: so the result does not depend on their number.
 */
#include "gzip_run.h"

#include "gzip_format.h"
#include "input_source.h"

#include "ha/base/bytes.h"
#include "ha/base/mem.h"
#include "ha/base/pool.h"

#include <pthread.h>

#define GROUP_PLAIN_BYTES (8U << 20)
#define GROUP_FILE_BYTES (1U << 20)
#define GROUP_PIECES 32U
#define READ_BYTES                                                                                 \
    (GROUP_FILE_BYTES +                                                                            \
     (256U << 10)) /* a member of 1 MiB plain takes less than the surplus, as a rule */

struct worker {
    uint8_t *in; /* GZIP_MEMBER_FILE_MAX */
    size_t in_len;
    uint8_t *out; /* GZIP_MEMBER_MAX */
    struct inflate_whole *whole;
    /* the group at hand */
    struct gzip_piece pieces[GROUP_PIECES];
    unsigned count;
    size_t first; /* of the pieces in the table */
};

struct members {
    struct gzip_run *run;
    struct worker *workers;
    pthread_mutex_t lock;
    uint64_t pos, plain; /* guarded by lock: where the next group begins */
    bool stopped;        /* guarded by lock: there is no next group */
    /* run->table.pieces is guarded by lock */
};

/* ---- a group, under the lock ---- */

static struct ha_err *read_in(struct members *m, struct worker *w, size_t bytes)
{
    uint64_t left = m->run->input->file_bytes - m->pos;
    size_t len = left < bytes ? (size_t)left : bytes;
    HA_TRY(
        ha_input_plain_read(m->run->input, m->pos + w->in_len, w->in + w->in_len, len - w->in_len));
    w->in_len = len;
    return NULL;
}

/* Where the member at `start` of the buffer ends; 0: it cannot be told. More is read for the first member of a group only. */
static struct ha_err *member_end(struct members *m, struct worker *w, size_t start, size_t *ret)
{
    size_t from = start + GZIP_MEMBER_MIN;
    *ret = 0;
    for (;;) {
        bool complete = m->pos + w->in_len == m->run->input->file_bytes;
        size_t end = gzip_find_candidate(w->in, w->in_len, from);
        if (end < w->in_len || (complete && w->in_len >= from)) {
            *ret = end;
            return NULL;
        }
        if (complete || start > 0 || w->in_len == GZIP_MEMBER_FILE_MAX) {
            return NULL;
        }
        from = w->in_len > from + GZIP_HEADER_MIN ? w->in_len - GZIP_HEADER_MIN : from;
        HA_TRY(read_in(m, w, GZIP_MEMBER_FILE_MAX));
    }
}

/* Puts a member into the last piece, if it is small and there is room, or into a new one; false: the group is full. */
static bool member_add(struct members *m, struct worker *w, size_t start, size_t end,
                       uint32_t plain_bytes)
{
    struct gzip_piece *last = w->count > 0 ? &w->pieces[w->count - 1] : NULL;
    uint32_t file_bytes = (uint32_t)(end - start);
    if (last != NULL && last->plain_bytes + plain_bytes <= GZIP_JOIN_BYTES &&
        last->file_bytes + file_bytes <= GZIP_JOIN_BYTES) {
        last->plain_bytes += plain_bytes;
        last->file_bytes += file_bytes;
    } else if (w->count < GROUP_PIECES) {
        uint64_t plain_off = last == NULL ? m->plain : last->plain_off + last->plain_bytes;
        w->pieces[w->count++] = (struct gzip_piece){.file_off = m->pos + start,
                                                    .plain_off = plain_off,
                                                    .file_bytes = file_bytes,
                                                    .plain_bytes = plain_bytes};
    } else {
        return false;
    }
    return true;
}

static struct ha_err *collect_members(struct members *m, struct worker *w)
{
    uint64_t plain = 0;
    for (size_t start = 0; start < GROUP_FILE_BYTES && start < w->in_len;) {
        size_t end = 0;
        HA_TRY(member_end(m, w, start, &end));
        uint32_t plain_bytes = end == 0 ? 0 : ha_le32(w->in + end - 4);
        if (end == 0 || plain_bytes > GZIP_MEMBER_MAX ||
            (plain > 0 && plain + plain_bytes > GROUP_PLAIN_BYTES) ||
            !member_add(m, w, start, end, plain_bytes)) {
            break;
        }
        plain += plain_bytes;
        start = end;
    }
    return NULL;
}

/* Takes the next group: its compressed bytes are in the worker's buffer, its pieces noted in the table. count 0: there is none. */
static struct ha_err *collect(struct members *m, struct worker *w)
{
    uint64_t file_bytes = m->run->input->file_bytes;
    w->count = 0;
    w->in_len = 0;
    if (m->stopped || file_bytes - m->pos < GZIP_MEMBER_MIN) {
        return NULL;
    }
    HA_TRY(read_in(m, w, READ_BYTES));
    if (gzip_is_candidate(w->in)) {
        HA_TRY(collect_members(m, w));
    }
    w->first = m->run->table.pieces.count;
    for (unsigned i = 0; i < w->count; i++) {
        struct gzip_piece *slot = ha_vec_push(&m->run->table.pieces);
        if (slot == NULL) {
            return ha_err_nomem();
        }
        *slot = w->pieces[i];
    }
    if (w->count == 0) {
        m->stopped = true;
        return NULL;
    }
    const struct gzip_piece *last = &w->pieces[w->count - 1];
    m->pos = last->file_off + last->file_bytes;
    m->plain = last->plain_off + last->plain_bytes;
    gzip_tell(m->run, m->pos);
    return NULL;
}

/* ---- without it ---- */

/* Inflates the group at hand; *ret_good: how many of its pieces are as they should be. */
static struct ha_err *inflate_group(struct members *m, struct worker *w, unsigned *ret_good)
{
    uint64_t start = w->pieces[0].file_off;
    for (*ret_good = 0; *ret_good < w->count; (*ret_good)++) {
        struct gzip_piece *piece = &w->pieces[*ret_good];
        if (!gzip_members_inflate(w->whole, w->in + (piece->file_off - start), piece->file_bytes,
                                  w->out, piece->plain_bytes, &piece->crc)) {
            return NULL;
        }
        HA_TRY(gzip_write(m->run, piece->plain_off, w->out, piece->plain_bytes));
        piece->kind = GZIP_PIECE_MEMBERS;
    }
    return NULL;
}

static void note_group(struct members *m, const struct worker *w, unsigned good, bool failed)
{
    for (unsigned i = 0; i < good; i++) {
        m->run->table.pieces.data[w->first + i] = w->pieces[i];
    }
    m->stopped |= failed || good < w->count;
}

static bool worker_ready(struct worker *w)
{
    w->in = ha_alloc(GZIP_MEMBER_FILE_MAX);
    w->out = ha_alloc(GZIP_MEMBER_MAX);
    w->whole = inflate_whole_create();
    return w->in != NULL && w->out != NULL && w->whole != NULL;
}

static struct ha_err *work(void *ctx, unsigned number, uint64_t index)
{
    struct members *m = ctx;
    struct worker *w = &m->workers[index];
    (void)number;
    if (!worker_ready(w)) {
        return ha_err_nomem();
    }
    for (;;) {
        unsigned good = 0;
        pthread_mutex_lock(&m->lock);
        struct ha_err *err = collect(m, w);
        pthread_mutex_unlock(&m->lock);
        if (err == NULL && w->count == 0) {
            return NULL;
        }
        if (err == NULL) {
            err = inflate_group(m, w, &good);
        }
        pthread_mutex_lock(&m->lock);
        note_group(m, w, good, err != NULL);
        pthread_mutex_unlock(&m->lock);
        HA_TRY(err);
    }
}

/* ---- all groups ---- */

/* Settles the pieces from `first` on up to the first that is not verified; those without plain bytes are dropped. */
static void settle(struct members *m, size_t first)
{
    struct gzip_run *run = m->run;
    struct gzip_piece *pieces = run->table.pieces.data;
    size_t kept = first;
    run->pos = m->pos;
    run->plain = m->plain;
    for (size_t i = first; i < run->table.pieces.count; i++) {
        if (pieces[i].kind == GZIP_PIECE_PENDING) {
            run->pos = pieces[i].file_off;
            run->plain = pieces[i].plain_off;
            break;
        }
        if (pieces[i].plain_bytes > 0) {
            pieces[kept++] = pieces[i];
        }
    }
    run->table.pieces.count = kept;
}

struct ha_err *gzip_members_run(struct gzip_run *run)
{
    struct members m = {
        .run = run, .pos = run->pos, .plain = run->plain, .lock = PTHREAD_MUTEX_INITIALIZER};
    size_t first = run->table.pieces.count;
    m.workers = ha_calloc_array(run->threads, sizeof *m.workers);
    if (m.workers == NULL) {
        return ha_err_nomem();
    }
    struct ha_err *err = ha_parallel_for(run->threads, run->threads, work, &m);
    for (unsigned i = 0; i < run->threads; i++) {
        ha_free(m.workers[i].in);
        ha_free(m.workers[i].out);
        inflate_whole_destroy(m.workers[i].whole);
    }
    ha_free(m.workers);
    pthread_mutex_destroy(&m.lock);
    if (err == NULL) {
        settle(&m, first);
    }
    return err;
}
