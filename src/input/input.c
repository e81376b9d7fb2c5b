/* SPDX-License-Identifier: MIT */
/*
 * Opens a dump: what is it, and where are its bytes. The name of the file is never looked at, only its first bytes are.
 *
 *     regular file, or a pipe written to one
 *         -> first bytes -> gzip: inflate, look at the first bytes of the content; or address by a table that is given
 *                        -> surely something else (a recording, a core, an archive): refuse, say what to do
 *                        -> anything else is taken; whether it is HPROF is for the reader to say
 */
#include "ha/input/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ha/base/file.h"
#include "ha/base/mem.h"
#include "ha/base/mutf8.h"
#include "ha/base/sbuf.h"
#include "input_source.h"

#define SNIFF_BYTES 64U
#define STDIN_PATH "-"

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

/* Names for what somebody else has opened already; a regular file behind one has another name, under which its index belongs. */
static bool is_descriptor_path(const char *path)
{
    static const char self[] = "/proc/self/fd/", dev[] = "/dev/fd/";
    return strcmp(path, "/dev/stdin") == 0 || strncmp(path, dev, sizeof dev - 1) == 0 ||
           strncmp(path, self, sizeof self - 1) == 0;
}

bool ha_input_is_passing(const char *path)
{
    struct stat st;
    return strcmp(path, STDIN_PATH) == 0 || is_descriptor_path(path) ||
           (stat(path, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)));
}

const char *ha_input_name(const char *path)
{
    return strcmp(path, STDIN_PATH) == 0 ? "<stdin>" : path;
}

/* Before the file is opened, since opening a device may do things. *ret_pipe: it can be read once only. */
static struct ha_err *check_kind(const struct ha_input *input, const struct stat *st,
                                 bool *ret_pipe)
{
    *ret_pipe = S_ISFIFO(st->st_mode) || S_ISSOCK(st->st_mode);
    if (S_ISDIR(st->st_mode)) {
        return ha_err_system(EISDIR, "cannot read '%s'", input->shown);
    }
    if (!S_ISREG(st->st_mode) && !*ret_pipe) {
        return ha_err_new(HA_ERR_INPUT, "'%s' is neither a regular file nor a pipe", input->shown);
    }
    if (S_ISREG(st->st_mode) && st->st_size <= 0) {
        return ha_err_new(HA_ERR_INPUT, "'%s' is empty", input->shown);
    }
    return NULL;
}

static struct ha_err *open_stdin(struct ha_input *input, const struct ha_input_options *options)
{
    struct stat st;
    if (fstat(STDIN_FILENO, &st) != 0) {
        return ha_err_system(errno, "cannot read standard input");
    }
    if (!S_ISREG(st.st_mode) || st.st_size <= 0 || lseek(STDIN_FILENO, 0, SEEK_CUR) != 0) {
        return ha_input_spill(input, options, STDIN_FILENO);
    }
    int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        return ha_err_system(errno, "cannot read standard input");
    }
    input->file_bytes = (uint64_t)st.st_size;
    return ha_input_plain_attach(input, fd, input->file_bytes);
}

static struct ha_err *open_path(struct ha_input *input, const struct ha_input_options *options)
{
    struct stat st;
    bool pipe = false;
    if (stat(input->path, &st) != 0) {
        return ha_err_system(errno, "cannot open '%s'", input->shown);
    }
    HA_TRY(check_kind(input, &st, &pipe));
    int fd = -1;
    struct ha_file_info info;
    HA_TRY(ha_file_open_read(input->path, &fd, &info));
    if (pipe) {
        struct ha_err *err = ha_input_spill(input, options, fd);
        ha_file_close(fd);
        return err;
    }
    if (!info.regular || info.bytes == 0) {
        ha_file_close(fd);
        return ha_err_new(HA_ERR_INPUT, "'%s' was replaced while it was opened", input->shown);
    }
    input->file_bytes = info.bytes;
    return ha_input_plain_attach(input, fd, info.bytes);
}

static struct ha_err *open_gzip(struct ha_input *input, const struct ha_input_options *options)
{
    uint8_t head[SNIFF_BYTES];
    size_t len = 0;
    input->kind = HA_INPUT_GZIP;
    if (options->table != NULL) {
        return ha_input_gzip_attach(input, options->table);
    }
    HA_TRY(ha_input_gzip_inflate(input, options));
    HA_TRY(sniff(input, head, &len));
    if (is_gzip(head, len)) {
        return ha_err_new(
            HA_ERR_INPUT,
            "'%s' is compressed twice with gzip: unpack it once first ('gunzip -k FILE')",
            input->shown);
    }
    return NULL;
}

static struct ha_err *open_any(struct ha_input *input, const struct ha_input_options *options)
{
    uint8_t head[SNIFF_BYTES];
    size_t len = 0;
    bool is_stdin = strcmp(input->path, STDIN_PATH) == 0;
    HA_TRY(is_stdin ? open_stdin(input, options) : open_path(input, options));
    HA_TRY(sniff(input, head, &len));
    if (is_gzip(head, len)) {
        return open_gzip(input, options);
    }
    if (options->table != NULL) {
        return ha_err_new(HA_ERR_INPUT,
                          "there is a table of compressed data, but '%s' is not compressed",
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
    input->failed_off = UINT64_MAX;
    input->path = ha_strndup(path, strlen(path));
    input->shown = escaped(ha_input_name(path));
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
    gzip_table_deinit(&input->made);
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
    return ha_input_name(input->path);
}

uint64_t ha_input_bytes(const struct ha_input *input)
{
    return input->bytes;
}

uint64_t ha_input_file_bytes(const struct ha_input *input)
{
    return input->file_bytes;
}

bool ha_input_table_get(const struct ha_input *input, struct ha_input_table *ret)
{
    gzip_table_view(&input->made, input->bytes, ret);
    return ret->piece_count > 0;
}

struct ha_err *ha_input_error(const struct ha_input *input)
{
    uint64_t off = atomic_load(&input->failed_off);
    int errnum = atomic_load(&input->failed_errnum);
    if (errnum == ENOMEM) {
        return ha_err_nomem();
    }
    if (errnum != 0) {
        return errnum == FAILED_SHORT ? ha_input_shorter(input, HA_ERR_NO_OFFSET)
                                      : ha_err_system(errnum, "cannot read '%s'", input->shown);
    }
    if (off == UINT64_MAX) {
        return NULL;
    }
    return ha_err_at(HA_ERR_INPUT, off,
                     "the index does not fit the compressed data of '%s': one of the two is "
                     "damaged or was changed; '--rebuild' makes the index anew",
                     input->shown);
}
