/* SPDX-License-Identifier: MIT */
/*
 * A gzip file, inflated once into an unnamed temporary file.
 *
 *     [member][member]…[member]      one for gzip(1), one for each MiB of content in what HotSpot writes (GC.heap_dump -gz=N)
 *
 * Damage is survived as far as it goes, since half a dump is better than none:
 *     checksum of a member wrong     its bytes are kept, the next member is read
 *     compressed data damaged        what came before is kept, the rest is lost
 *     ends within a member           what came before is kept
 *     no member after a member       ignored
 * Each is a diagnostic with the offset in the compressed file; it is an error only if nothing could be inflated at all.
 *
 * The only file that includes zlib.
 */
#include "input_source.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ZLIB_CONST
#include <zlib.h>

#include "ha/base/file.h"
#include "ha/base/mem.h"

#define BUFFER_BYTES ((size_t)1 << 20)
#define GZIP_ONLY (15 + 16) /* zlib's window bits: 32 KiB, gzip header and trailer */
#define GZIP_LENGTH_BYTES 4U

struct inflater {
    const struct ha_input *input;
    const struct ha_input_options *options;
    const char *dir;
    z_stream z;
    uint8_t *in;      /* BUFFER_BYTES */
    uint8_t *out;     /* BUFFER_BYTES */
    uint64_t read;    /* bytes of the compressed file read so far */
    uint64_t written; /* plain bytes in the temporary file */
    int fd;           /* the temporary file */

    /* what was wrong, told at the end when the number of plain bytes is known */
    uint64_t crc_count;
    uint64_t crc_off;   /* of the first wrong checksum */
    const char *broken; /* zlib's words; NULL when the data is fine */
    const char *cut;    /* why the file ends too early or too late */
    uint64_t end_off;   /* of `broken` or `cut` */
};

/* Offset of the next byte to be consumed. */
static uint64_t position(const struct inflater *s)
{
    return s->read - s->z.avail_in;
}

/* Sees to it that at least `need` bytes are in the buffer, unless the file ends before. */
static struct ha_err *refill(struct inflater *s, size_t need)
{
    if (s->z.avail_in >= need || s->read >= s->input->file_bytes) {
        return NULL;
    }
    size_t rest = s->z.avail_in;
    if (rest > 0) {
        memmove(s->in, s->z.next_in, rest);
    }
    size_t want = BUFFER_BYTES - rest;
    if (want > s->input->file_bytes - s->read) {
        want = (size_t)(s->input->file_bytes - s->read);
    }
    HA_TRY(ha_input_plain_read(s->input, s->read, s->in + rest, want));
    s->read += want;
    s->z.next_in = s->in;
    s->z.avail_in = (uInt)(rest + want);
    ha_progress_step(s->options->progress, want);
    return NULL;
}

static struct ha_err *flush(struct inflater *s)
{
    size_t len = BUFFER_BYTES - s->z.avail_out;
    struct ha_err *err = ha_file_write_at(s->fd, s->dir, s->written, s->out, len);
    if (err != NULL) {
        return ha_err_wrap(err,
                           "cannot inflate '%s' into folder '%s' (%" PRIu64
                           " bytes written; --index-dir chooses another folder)",
                           s->input->shown, s->dir, s->written);
    }
    s->written += len;
    s->z.next_out = s->out;
    s->z.avail_out = (uInt)BUFFER_BYTES;
    return NULL;
}

/* zlib stops right behind the checksum that does not fit; the plain length follows. */
static struct ha_err *skip_wrong_checksum(struct inflater *s)
{
    if (s->crc_count++ == 0) {
        s->crc_off = position(s) - GZIP_LENGTH_BYTES;
    }
    if (strcmp(s->z.msg, "incorrect data check") != 0) {
        return NULL;
    }
    HA_TRY(refill(s, GZIP_LENGTH_BYTES));
    uInt skip = s->z.avail_in < GZIP_LENGTH_BYTES ? s->z.avail_in : (uInt)GZIP_LENGTH_BYTES;
    s->z.next_in += skip;
    s->z.avail_in -= skip;
    return NULL;
}

static bool is_checksum_error(const char *msg)
{
    return msg != NULL &&
           (strcmp(msg, "incorrect data check") == 0 || strcmp(msg, "incorrect length check") == 0);
}

/* Inflates up to the end of one member; *ret_more is false when nothing after it can be read. */
static struct ha_err *inflate_member(struct inflater *s, bool *ret_more)
{
    *ret_more = false;
    for (;;) {
        HA_TRY(refill(s, 1));
        if (s->z.avail_in == 0) {
            s->cut = "ends within its compressed data";
            s->end_off = s->input->file_bytes;
            return NULL;
        }
        int rc = inflate(&s->z, Z_NO_FLUSH);
        if (s->z.avail_out == 0) {
            HA_TRY(flush(s));
        }
        if (rc == Z_STREAM_END) {
            *ret_more = true;
            return NULL;
        }
        if (rc == Z_MEM_ERROR) {
            return ha_err_nomem();
        }
        if (rc == Z_DATA_ERROR && is_checksum_error(s->z.msg)) {
            *ret_more = true;
            return skip_wrong_checksum(s);
        }
        if (rc != Z_OK && rc != Z_BUF_ERROR) {
            s->broken = s->z.msg != NULL ? s->z.msg : "unknown reason";
            s->end_off = position(s);
            return NULL;
        }
    }
}

static struct ha_err *inflate_members(struct inflater *s)
{
    for (;;) {
        HA_TRY(refill(s, 2));
        if (s->z.avail_in == 0) {
            return NULL;
        }
        if (s->z.avail_in < 2 || s->z.next_in[0] != 0x1f || s->z.next_in[1] != 0x8b) {
            s->cut = "goes on with bytes that are not gzip data";
            s->end_off = position(s);
            return NULL;
        }
        bool more = false;
        HA_TRY(inflate_member(s, &more));
        if (!more) {
            return NULL;
        }
        if (inflateReset(&s->z) != Z_OK) {
            return ha_err_new(HA_ERR_BUG, "zlib cannot be reset");
        }
    }
}

/* Turns what was wrong into diagnostics, or, when it left nothing to analyze, into an error. */
static struct ha_err *judge(const struct inflater *s)
{
    const char *shown = s->input->shown;
    struct ha_diag *diag = s->options->diag;
    if (s->written == 0) {
        const char *why = s->broken != NULL ? s->broken
                          : s->cut != NULL  ? s->cut
                                            : "it holds nothing";
        return ha_err_new(HA_ERR_INPUT, "nothing can be inflated from gzip file '%s': %s", shown,
                          why);
    }
    if (diag == NULL) {
        return NULL;
    }
    if (s->broken != NULL) {
        ha_diag_add(diag, HA_DIAG_CRC, s->end_off, 1,
                    "compressed data is damaged (%s): the rest of the file is lost, %" PRIu64
                    " plain bytes were recovered",
                    s->broken, s->written);
    }
    if (s->crc_count > 0) {
        ha_diag_add(diag, HA_DIAG_CRC, s->crc_off, s->crc_count,
                    "a checksum of the gzip file is wrong: some of its %" PRIu64
                    " plain bytes, all of which were recovered, are damaged",
                    s->written);
    }
    if (s->cut != NULL) {
        ha_diag_add(diag, HA_DIAG_TRUNCATED, s->end_off, 1,
                    "the gzip file %s: %" PRIu64 " plain bytes were recovered", s->cut, s->written);
    }
    return NULL;
}

static struct ha_err *run(struct inflater *s)
{
    s->in = ha_alloc(BUFFER_BYTES);
    s->out = ha_alloc(BUFFER_BYTES);
    if (s->in == NULL || s->out == NULL || inflateInit2(&s->z, GZIP_ONLY) != Z_OK) {
        return ha_err_nomem();
    }
    s->z.next_out = s->out;
    s->z.avail_out = (uInt)BUFFER_BYTES;
    struct ha_err *err = inflate_members(s);
    if (err == NULL) {
        err = flush(s);
    }
    if (err == NULL) {
        err = judge(s);
    }
    // judge() still quotes texts of the stream.
    (void)inflateEnd(&s->z);
    return err;
}

static const char *temp_folder(const struct ha_input_options *options)
{
    if (options->temp_dir != NULL) {
        return options->temp_dir;
    }
    const char *dir = getenv("TMPDIR");
    return dir != NULL && dir[0] != '\0' ? dir : "/tmp";
}

struct ha_err *ha_input_gzip_attach(struct ha_input *input, const struct ha_input_options *options)
{
    struct inflater s = {.input = input, .options = options, .dir = temp_folder(options), .fd = -1};
    struct ha_err *err = ha_file_temp(s.dir, &s.fd);
    if (err != NULL) {
        return ha_err_wrap(
            err, "cannot inflate '%s' into folder '%s' (--index-dir chooses another folder)",
            input->shown, s.dir);
    }
    ha_progress_begin(options->progress, "inflate", input->file_bytes);
    err = run(&s);
    ha_progress_end(options->progress);
    ha_free(s.in);
    ha_free(s.out);
    if (err != NULL) {
        ha_file_close(s.fd);
        return err;
    }
    return ha_input_plain_attach(input, s.fd, s.written);
}
