/* SPDX-License-Identifier: MIT */
/*
 * Opens a dump: what is it, and where are its bytes. The name of the file is never looked at, only its first bytes are.
 *
 *     open -> regular file? -> first bytes -> gzip: inflate, look at the first bytes of the content
 *                                          -> surely something else (a recording, a core, an archive): refuse, say what to do
 *                                          -> anything else is taken; whether it is HPROF is for the reader to say
 *
 * Windows: a random window is the whole mapping, so that ha_window_at() never gets here; a stream window reads 1 MiB from the asked
 * offset into its buffer, more if more is asked for at once.
 */
#include "ha/input/input.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "ha/base/checked.h"
#include "ha/base/file.h"
#include "ha/base/mem.h"
#include "ha/base/mutf8.h"
#include "ha/base/sbuf.h"
#include "input_source.h"

#define STREAM_BYTES ((size_t)1 << 20)
#define SNIFF_BYTES 64U

/* What a window points to before anything was read: asking for no bytes at all is not a failure. */
static const uint8_t nothing[1];

/* ---- what the first bytes say ---- */

struct signature {
    uint8_t off;
    uint8_t len;
    const char *bytes;
    const char *what; /* the rest of a sentence that begins with "'FILE' is " */
};

static const struct signature foreign[] = {
    {0, 4, "FLR\0",
     "a flight recording (JFR), not a heap dump: make one with 'jcmd PID GC.heap_dump FILE'"},
    {2, 18, "portable heap dump",
     "an OpenJ9 portable heap dump (PHD), not HPROF: Eclipse MAT with DTFJ can export it as HPROF"},
    {0, 4, "\177ELF",
     "a core file or program (ELF), not HPROF: 'jhsdb jmap --binaryheap --exe JAVA --core FILE' "
     "extracts the heap"},
    {18, 9, ", created",
     "a dump in text form: write it with format=b, or with 'jcmd PID GC.heap_dump FILE'"},
    {0, 4, "PK\x03\x04", "a zip archive: unpack it first"},
    {0, 4, "PK\x05\x06", "an empty zip archive"},
    {0, 3, "BZh", "compressed with bzip2: unpack it first ('bunzip2 -k FILE')"},
    {0, 4, "\x28\xb5\x2f\xfd", "compressed with zstd: unpack it first ('zstd -d FILE')"},
    {0, 6, "\3757zXZ\0", "compressed with xz: unpack it first ('xz -dk FILE')"},
    {0, 4, "\x04\x22\x4d\x18", "compressed with lz4: unpack it first ('lz4 -d FILE')"},
    {0, 6, "7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it first"},
};

/* What the file surely is instead of a binary dump, NULL when nothing speaks against it. */
static const char *foreign_kind(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        const struct signature *s = &foreign[i];
        bool match = len >= (size_t)s->off + s->len && memcmp(p + s->off, s->bytes, s->len) == 0;
        // ", created" says nothing unless it follows the version of the text form.
        if (match && s->off == 18 && memcmp(p, "JAVA PROFILE 1.0.", 17) != 0) {
            match = false;
        }
        if (match) {
            return s->what;
        }
    }
    return NULL;
}

static bool is_gzip(const uint8_t *p, size_t len)
{
    return len >= 2 && p[0] == 0x1f && p[1] == 0x8b;
}

static struct ha_err *sniff(const struct ha_input *input, uint8_t *buf, size_t *ret_len)
{
    size_t len = input->bytes < SNIFF_BYTES ? (size_t)input->bytes : SNIFF_BYTES;
    HA_TRY(ha_input_plain_read(input, 0, buf, len));
    const char *kind = foreign_kind(buf, len);
    if (kind != NULL) {
        const char *verb = input->kind == HA_INPUT_GZIP ? "holds, compressed with gzip," : "is";
        return ha_err_new(HA_ERR_INPUT, "'%s' %s %s", input->shown, verb, kind);
    }
    *ret_len = len;
    return NULL;
}

/* ---- opening ---- */

/* Before the file is opened: opening a pipe would wait for its writer. */
static struct ha_err *check_regular(const struct ha_input *input)
{
    struct stat st;
    if (stat(input->path, &st) != 0) {
        return ha_err_system(errno, "cannot open '%s'", input->shown);
    }
    if (S_ISDIR(st.st_mode)) {
        return ha_err_system(EISDIR, "cannot read '%s'", input->shown);
    }
    if (!S_ISREG(st.st_mode)) {
        return ha_err_new(HA_ERR_INPUT,
                          "'%s' is not a regular file: a dump is read more than once, so write it "
                          "to a file first",
                          input->shown);
    }
    if (st.st_size <= 0) {
        return ha_err_new(HA_ERR_INPUT, "'%s' is empty", input->shown);
    }
    return NULL;
}

static struct ha_err *open_plain(struct ha_input *input)
{
    HA_TRY(check_regular(input));
    int fd = -1;
    struct ha_file_info info;
    HA_TRY(ha_file_open_read(input->path, &fd, &info));
    if (!info.regular || info.bytes == 0) {
        ha_file_close(fd);
        return ha_err_new(HA_ERR_INPUT, "'%s' was replaced while it was opened", input->shown);
    }
    input->file_bytes = info.bytes;
    return ha_input_plain_attach(input, fd, info.bytes);
}

static struct ha_err *open_any(struct ha_input *input, const struct ha_input_options *options)
{
    uint8_t head[SNIFF_BYTES];
    size_t len = 0;
    HA_TRY(open_plain(input));
    HA_TRY(sniff(input, head, &len));
    if (!is_gzip(head, len)) {
        return NULL;
    }
    HA_TRY(ha_input_gzip_attach(input, options));
    input->kind = HA_INPUT_GZIP;
    HA_TRY(sniff(input, head, &len));
    if (is_gzip(head, len)) {
        return ha_err_new(
            HA_ERR_INPUT,
            "'%s' is compressed twice with gzip: unpack it once first ('gunzip -k FILE')",
            input->shown);
    }
    return NULL;
}

static char *escaped(const char *path)
{
    struct ha_sbuf b = {0};
    ha_text_escape(&b, path, strlen(path));
    ha_sbuf_puts(&b, "");
    char *text = ha_sbuf_failed(&b) ? NULL : ha_strndup(ha_sbuf_text(&b), b.len);
    ha_sbuf_deinit(&b);
    return text;
}

struct ha_err *ha_input_open(const char *path, const struct ha_input_options *options,
                             struct ha_input **ret)
{
    static const struct ha_input_options none;
    struct ha_input *input = ha_calloc_array(1, sizeof *input);
    if (input == NULL) {
        return ha_err_nomem();
    }
    input->kind = HA_INPUT_PLAIN;
    input->fd = -1;
    input->path = ha_strndup(path, strlen(path));
    input->shown = escaped(path);
    struct ha_err *err = NULL;
    if (input->path == NULL || input->shown == NULL) {
        err = ha_err_nomem();
    } else {
        err = open_any(input, options != NULL ? options : &none);
    }
    if (err != NULL) {
        ha_input_close(input);
        return err;
    }
    *ret = input;
    return NULL;
}

void ha_input_close(struct ha_input *input)
{
    if (input == NULL) {
        return;
    }
    ha_input_plain_detach(input);
    ha_free(input->path);
    ha_free(input->shown);
    ha_free(input);
}

enum ha_input_kind ha_input_kind(const struct ha_input *input)
{
    return input->kind;
}

const char *ha_input_path(const struct ha_input *input)
{
    return input->path;
}

uint64_t ha_input_bytes(const struct ha_input *input)
{
    return input->bytes;
}

uint64_t ha_input_file_bytes(const struct ha_input *input)
{
    return input->file_bytes;
}

/* ---- windows ---- */

void ha_window_init(struct ha_window *window, struct ha_input *input, enum ha_window_mode mode)
{
    *window = (struct ha_window){.data = nothing, .input = input, .mode = mode};
    if (mode == HA_WINDOW_RANDOM && input->map != NULL) {
        window->data = input->map;
        window->end = input->bytes;
    }
}

void ha_window_deinit(struct ha_window *window)
{
    ha_free(window->buffer);
    ha_err_free(window->err);
    *window = (struct ha_window){.data = nothing};
}

/* Keeps the first error. The window is left empty, so that what the buffer holds is not taken for bytes of the file. */
static const uint8_t *window_fail(struct ha_window *window, struct ha_err *err)
{
    if (window->err == NULL) {
        window->err = err;
    } else {
        ha_err_free(err);
    }
    window->data = nothing;
    window->start = window->end = 0;
    return NULL;
}

static bool window_grow(struct ha_window *window, size_t bytes)
{
    if (window->capacity >= bytes) {
        return true;
    }
    ha_free(window->buffer);
    window->buffer = ha_alloc(bytes);
    window->capacity = window->buffer == NULL ? 0 : bytes;
    return window->buffer != NULL;
}

const uint8_t *ha_window_fill(struct ha_window *window, uint64_t off, size_t len)
{
    const struct ha_input *input = window->input;
    if (!ha_range_fits(off, len, input->bytes)) {
        return NULL;
    }
    if (len == 0) {
        return nothing;
    }
    if (len > HA_WINDOW_MAX) {
        return window_fail(window,
                           ha_err_at(HA_ERR_BUG, off, "window of %zu bytes asked for", len));
    }
    size_t want = len > STREAM_BYTES ? len : STREAM_BYTES;
    // A request over 1 MiB is rarely the only one: the buffer then grows once, to the most that can be asked for.
    if (!window_grow(window, len > STREAM_BYTES ? HA_WINDOW_MAX : STREAM_BYTES)) {
        return window_fail(window, ha_err_nomem());
    }
    if (want > input->bytes - off) {
        want = (size_t)(input->bytes - off);
    }
    struct ha_err *err = ha_input_plain_read(input, off, window->buffer, want);
    if (err != NULL) {
        return window_fail(window, err);
    }
    window->data = window->buffer;
    window->start = off;
    window->end = off + want;
    return window->data;
}

struct ha_err *ha_window_error(struct ha_window *window)
{
    struct ha_err *err = window->err;
    window->err = NULL;
    return err;
}
