/* SPDX-License-Identifier: MIT */
/*
 * What comes through a pipe - standard input, a FIFO, a process substitution - is written once to an unnamed temporary file, since a dump is
 * read more than once. The file goes with the process, however that ends.
 */
#include "input_source.h"

#include "ha/base/file.h"
#include "ha/base/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#define BUFFER_BYTES ((size_t)1 << 20)

const char *ha_input_temp_folder(const struct ha_input_options *options)
{
    if (options->temp_dir != NULL) {
        return options->temp_dir;
    }
    const char *dir = getenv("TMPDIR");
    return dir != NULL && dir[0] != '\0' ? dir : "/tmp";
}

/* As much as there is, at most len; *ret_len is 0 at the end. */
static struct ha_err *read_some(const struct ha_input *input, int fd, uint8_t *buf, size_t len,
                                size_t *ret_len)
{
    for (;;) {
        ssize_t got = read(fd, buf, len);
        if (got >= 0) {
            *ret_len = (size_t)got;
            return NULL;
        }
        if (errno == EAGAIN) { // whoever shares the pipe may have made it non-blocking
            struct pollfd ready = {.fd = fd, .events = POLLIN};
            (void)poll(&ready, 1, -1);
        } else if (errno != EINTR) {
            return ha_err_system(errno, "cannot read '%s'", input->shown);
        }
    }
}

static struct ha_err *copy(const struct ha_input *input, const struct ha_input_options *options,
                           int from, int to, uint64_t *ret_bytes)
{
    const char *dir = ha_input_temp_folder(options);
    HA_FREE uint8_t *buffer = ha_alloc(BUFFER_BYTES);
    uint64_t bytes = 0;
    if (buffer == NULL) {
        return ha_err_nomem();
    }
    for (;;) {
        size_t len = 0;
        HA_TRY(read_some(input, from, buffer, BUFFER_BYTES, &len));
        if (len == 0) {
            *ret_bytes = bytes;
            return NULL;
        }
        struct ha_err *err = ha_file_write_at(to, dir, bytes, buffer, len);
        if (err != NULL) {
            return ha_err_wrap(err,
                               "cannot keep '%s' in folder '%s' (%" PRIu64
                               " bytes written; --index-dir chooses another folder)",
                               input->shown, dir, bytes);
        }
        bytes += len;
        ha_progress_step(options->progress, len);
    }
}

struct ha_err *ha_input_spill(struct ha_input *input, const struct ha_input_options *options,
                              int fd)
{
    const char *dir = ha_input_temp_folder(options);
    uint64_t bytes = 0;
    int temp = -1;
    if (isatty(fd)) {
        return ha_err_new(HA_ERR_USAGE, "'%s' is a terminal: a dump must be piped into it",
                          input->shown);
    }
    struct ha_err *err = ha_file_temp(dir, &temp);
    if (err != NULL) {
        return ha_err_wrap(err,
                           "cannot keep '%s' in folder '%s' (--index-dir chooses another folder)",
                           input->shown, dir);
    }
    ha_progress_begin(options->progress, "read pipe", 0);
    err = copy(input, options, fd, temp, &bytes);
    ha_progress_end(options->progress);
    if (err == NULL && bytes == 0) {
        err = ha_err_new(HA_ERR_INPUT, "'%s' is empty", input->shown);
    }
    if (err != NULL) {
        ha_file_close(temp);
        return err;
    }
    input->file_bytes = bytes;
    return ha_input_plain_attach(input, temp, bytes);
}
