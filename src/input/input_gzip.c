/* SPDX-License-Identifier: MIT */
/*
 * A gzip file, in one of two ways.
 *
 *     without a table    inflated once into an unnamed temporary file, which is then read like a plain one; a table is made on the way
 *     with its table     (of an index) read where it lies, the pieces asked for being inflated into the caches of windows
 *
 * Damage is survived as far as it goes, since half a dump is better than none (gzip_stream.c). What was wrong is told here, in offsets of
 * the plain bytes; it is an error only if nothing could be inflated at all.
 */
#include "gzip_run.h"

#include "gzip_format.h"
#include "input_source.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "ha/base/file.h"
#include "ha/base/mem.h"
#include "ha/base/pool.h"
#include "ha/base/sbuf.h"

#define TRIES 256U                 /* false candidates until looking for members is given up */
#define PROGRESS_BYTES (64U << 20) /* all at once worked so far: it is worth trying again */
#define BURST_MAX 65536U /* else members are read one by one for a while, twice as many each time */

/* ---- services ---- */

struct ha_err *gzip_reader_at(struct gzip_reader *reader, uint64_t off, size_t need,
                              const uint8_t **ret, size_t *ret_len)
{
    uint64_t left = reader->input->file_bytes - off;
    bool inside = off >= reader->off && off - reader->off <= reader->len;
    size_t have = inside ? reader->len - (size_t)(off - reader->off) : 0;
    if (have < need && have < left) {
        size_t want = left < GZIP_BUFFER_BYTES ? (size_t)left : GZIP_BUFFER_BYTES;
        reader->len = 0;
        HA_TRY(ha_input_plain_read(reader->input, off, reader->buffer, want));
        reader->off = off;
        reader->len = have = want;
    }
    *ret = reader->buffer + (have == 0 ? 0 : off - reader->off);
    *ret_len = have;
    return NULL;
}

struct ha_err *gzip_write(struct gzip_run *run, uint64_t off, const uint8_t *data, size_t len)
{
    HA_TRY(ha_file_write_at(run->fd, run->dir, off, data, len));
    atomic_fetch_add_explicit(&run->written, len, memory_order_relaxed);
    return NULL;
}

void gzip_tell(struct gzip_run *run, uint64_t off)
{
    if (off > run->told) {
        ha_progress_step(run->options->progress, off - run->told);
        run->told = off;
    }
}

/* ---- what was wrong ---- */

static void tell_places(const struct gzip_damage *damage, struct ha_sbuf *out)
{
    if (damage->places == 0) {
        return;
    }
    ha_sbuf_printf(out,
                   "compressed data is damaged in %" PRIu64 " place%s, first at 0x%" PRIx64
                   " of the file (%s): ",
                   damage->places, damage->places == 1 ? "" : "s", damage->first_off,
                   damage->first_reason);
    if (damage->unknown < damage->places) {
        ha_sbuf_printf(out,
                       "%" PRIu64 " plain bytes are lost and read as zeros, first 0x%" PRIx64
                       " to 0x%" PRIx64,
                       damage->lost_bytes, damage->first_lost.off, damage->first_lost.end);
    }
    if (damage->unknown > 0) {
        ha_sbuf_printf(
            out,
            "%s%" PRIu64
            " time%s it is not known how many bytes are lost, what comes after is out of place",
            damage->unknown < damage->places ? "; " : "", damage->unknown,
            damage->unknown == 1 ? "" : "s");
    }
    ha_sbuf_puts(out, "; bytes shortly before may be wrong");
}

static void tell_checksums(const struct gzip_damage *damage, struct ha_sbuf *out)
{
    if (damage->crc_count == 0) {
        return;
    }
    ha_sbuf_puts(out, out->len > 0 ? "; " : "");
    if (damage->crc_count == 1) {
        ha_sbuf_puts(out, "the checksum of a gzip member is wrong: its");
    } else {
        ha_sbuf_printf(out, "the checksums of %" PRIu64 " gzip members are wrong: their",
                       damage->crc_count);
    }
    ha_sbuf_printf(out, " plain bytes, %s0x%" PRIx64 " to 0x%" PRIx64 ", may be damaged",
                   damage->crc_count == 1 ? "" : "first ", damage->crc_first.off,
                   damage->crc_first.end);
}

static void tell_rest(const struct gzip_run *run, struct ha_sbuf *out)
{
    const struct gzip_damage *damage = &run->damage;
    if (damage->broken != NULL) {
        ha_sbuf_printf(out,
                       "%scompressed data is damaged at 0x%" PRIx64
                       " of the file (%s): the rest of the file is lost, %" PRIu64
                       " plain bytes were recovered",
                       out->len > 0 ? "; " : "", damage->broken_off, damage->broken, run->plain);
    }
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void tell(const struct gzip_run *run, struct ha_diag *diag)
{
    const struct gzip_damage *damage = &run->damage;
    uint64_t count = damage->places + damage->crc_count + (damage->broken != NULL);
    uint64_t off = damage->broken != NULL ? run->plain : UINT64_MAX;
    off = damage->places > 0 ? least(off, damage->first_lost.off) : off;
    off = damage->crc_count > 0 ? least(off, damage->crc_first.off) : off;
    if (count > 0) {
        struct ha_sbuf text = {0};
        tell_places(damage, &text);
        tell_checksums(damage, &text);
        tell_rest(run, &text);
        ha_diag_add(diag, HA_DIAG_CRC, off, count, "%s", ha_sbuf_text(&text));
        ha_sbuf_deinit(&text);
    }
    if (damage->cut != NULL) {
        ha_diag_add(diag, HA_DIAG_TRUNCATED, run->plain, 1, "-");
        // What a reader of the plain bytes says about their end is a consequence of this and goes behind it.
        ha_diag_say(diag, HA_DIAG_TRUNCATED,
                    "the gzip file %s, at 0x%" PRIx64 ": %" PRIu64 " plain bytes were recovered",
                    damage->cut, damage->cut_off, run->plain);
    }
}

/* Turns what was wrong into diagnostics, or, when it left nothing to analyze, into an error. */
static struct ha_err *judge(const struct gzip_run *run)
{
    const struct gzip_damage *damage = &run->damage;
    if (run->plain == 0) {
        const char *why = damage->broken != NULL                        ? damage->broken
                          : damage->cut != NULL && damage->cut_off == 0 ? "its header is damaged"
                          : damage->cut != NULL                         ? damage->cut
                                                                        : "it holds nothing";
        return ha_err_new(HA_ERR_INPUT, "nothing can be inflated from gzip file '%s': %s",
                          run->input->shown, why);
    }
    if (run->options->diag != NULL) {
        tell(run, run->options->diag);
    }
    return NULL;
}

/* ---- the run ---- */

static struct ha_err *read_block_bytes(struct gzip_run *run)
{
    const uint8_t *header = NULL;
    size_t bytes = 0;
    bool cut = false;
    HA_TRY(gzip_read_header(run, 0, &header, &bytes, &cut));
    run->block_bytes = bytes > 0 ? gzip_hotspot_block_bytes(header, bytes) : 0;
    return NULL;
}

static struct ha_err *run_all(struct gzip_run *run)
{
    uint32_t burst = 0, left = 0;
    HA_TRY(read_block_bytes(run));
    while (run->pos < run->input->file_bytes) {
        if (left == 0) {
            uint64_t before = run->pos;
            HA_TRY(gzip_members_run(run));
            bool worked = run->pos - before >= PROGRESS_BYTES;
            burst = burst == 0 || worked ? 1 : burst < BURST_MAX ? 2 * burst : BURST_MAX;
            left = burst;
        } else {
            HA_TRY(gzip_stream_run(run));
            left--;
        }
    }
    gzip_tell(run, run->pos);
    return judge(run);
}

static struct ha_err *run_begin(struct gzip_run *run)
{
    run->stream = inflate_stream_create();
    run->out = ha_alloc(GZIP_BUFFER_BYTES);
    run->reader = (struct gzip_reader){.input = run->input, .buffer = ha_alloc(GZIP_BUFFER_BYTES)};
    bool ready = run->stream != NULL && run->out != NULL && run->reader.buffer != NULL;
    return ready ? NULL : ha_err_nomem();
}

static void run_end(struct gzip_run *run)
{
    inflate_stream_destroy(run->stream);
    ha_free(run->out);
    ha_free(run->reader.buffer);
}

/* What was guessed to lie behind the end may have been written. */
static struct ha_err *cut_file(const struct gzip_run *run)
{
    if (ftruncate(run->fd, (off_t)run->plain) != 0) {
        return ha_err_system(errno, "cannot shorten a temporary file in '%s'", run->dir);
    }
    return NULL;
}

struct ha_err *ha_input_gzip_inflate(struct ha_input *input, const struct ha_input_options *options)
{
    struct gzip_run run = {.input = input, .options = options, .fd = -1, .tries_left = TRIES};
    run.threads = options->threads == 0 ? ha_threads_default() : options->threads;
    run.dir = ha_input_temp_folder(options);
    struct ha_err *err = ha_file_temp(run.dir, &run.fd);
    if (err != NULL) {
        return ha_err_wrap(
            err, "cannot inflate '%s' into folder '%s' (--index-dir chooses another folder)",
            input->shown, run.dir);
    }
    ha_progress_begin(options->progress, "inflate", input->file_bytes);
    err = run_begin(&run);
    if (err == NULL) {
        err = run_all(&run);
    }
    if (err == NULL) {
        err = cut_file(&run);
    }
    if (err != NULL && ha_err_kind(err) == HA_ERR_SYSTEM && ha_err_errno(err) != ENOMEM) {
        err = ha_err_wrap(err,
                          "cannot inflate '%s' into folder '%s' (%" PRIu64
                          " bytes written; --index-dir chooses another folder)",
                          input->shown, run.dir, atomic_load(&run.written));
    }
    run_end(&run);
    ha_progress_end(options->progress);
    if (err != NULL) {
        gzip_table_deinit(&run.table);
        ha_file_close(run.fd);
        return err;
    }
    input->made = run.table;
    return ha_input_plain_attach(input, run.fd, run.plain);
}

struct ha_err *ha_input_gzip_attach(struct ha_input *input, const struct ha_input_table *table)
{
    uint64_t plain_bytes = 0;
    HA_TRY(gzip_table_check(table, input->file_bytes, &plain_bytes));
    if (plain_bytes == 0) {
        return ha_err_new(HA_ERR_INPUT, "the table of the compressed data is empty");
    }
    // One piece tells whether file and table belong together, as far as opening may cost.
    struct gzip_scratch scratch = {0};
    struct gzip_piece piece = gzip_table_find(table, 0);
    HA_FREE uint8_t *out = ha_alloc(piece.plain_bytes);
    struct ha_err *err =
        out == NULL ? ha_err_nomem() : gzip_piece_read(input, table, &piece, &scratch, out);
    gzip_scratch_deinit(&scratch);
    HA_TRY(err);
    ha_input_plain_unmap(input);
    input->table = *table;
    input->bytes = plain_bytes;
    return NULL;
}
