/* SPDX-License-Identifier: MIT */
/*
 * Private: the opened dump, and the ways to get its bytes.
 *
 *     plain   the file itself                                               fd, mapping
 *     pipe    written to an unnamed file, which then is treated as a plain one
 *     gzip    inflated once into an unnamed file, which then is treated as a plain one; a table of its pieces is made
 *     gzip    with such a table: the pieces asked for are inflated           fd of the compressed file, no mapping
 *
 * Invariants of an opened input: without a table, fd addresses `bytes` > 0 bytes, and map covers all of them or is NULL where the file
 * system cannot map (then random windows read like stream windows); with one, fd addresses file_bytes, the table covers `bytes` > 0.
 */
#ifndef HA_INPUT_SOURCE_H
#define HA_INPUT_SOURCE_H

#include "ha/input/input.h"

#include "gzip_table.h"

#include <stdatomic.h>
#include <stddef.h>

#define FAILED_SHORT (-1) /* for failed_errnum: the file became shorter */

struct ha_input {
    enum ha_input_kind kind;
    char *path;
    char *shown; /* path with control characters escaped, for messages */
    int fd;      /* holds the addressable bytes: the dump, or its copy; with a table, the compressed dump */
    uint64_t bytes;
    uint64_t file_bytes;
    void *map;
    struct ha_input_table table; /* by which the bytes are addressed; borrowed; piece_count 0: none */
    struct gzip_table made;      /* while inflating */
    _Atomic uint64_t failed_off; /* of the first piece that could not be inflated, UINT64_MAX: none */
    _Atomic int failed_errnum;   /* why bytes could not be read; 0: all could */
};

/* Makes the bytes of fd those of the input. Takes ownership of fd, also on failure; what was there before is closed. */
struct ha_err *ha_input_plain_attach(struct ha_input *input, int fd, uint64_t bytes) HA_WARN_UNUSED;
void ha_input_plain_detach(struct ha_input *input);
void ha_input_plain_unmap(struct ha_input *input); /* keeps fd */

/* The error of a file that has not the bytes it had when it was opened. */
struct ha_err *ha_input_shorter(const struct ha_input *input, uint64_t off) HA_WARN_UNUSED;

/* Reads exactly len bytes at off of fd. */
struct ha_err *ha_input_plain_read(const struct ha_input *input, uint64_t off, void *buf,
                                   size_t len) HA_WARN_UNUSED;

/* Inflates the gzip file input->fd and attaches the result. */
struct ha_err *ha_input_gzip_inflate(struct ha_input *input,
                                     const struct ha_input_options *options) HA_WARN_UNUSED;

/* Addresses the gzip file input->fd by a table. HA_ERR_INPUT when it does not fit. */
struct ha_err *ha_input_gzip_attach(struct ha_input *input,
                                    const struct ha_input_table *table) HA_WARN_UNUSED;

/* Writes what a pipe gives to an unnamed file and attaches that. fd stays the caller's. */
struct ha_err *ha_input_spill(struct ha_input *input, const struct ha_input_options *options,
                              int fd) HA_WARN_UNUSED;

/* The folder for temporary files: temp_dir, $TMPDIR, /tmp. */
const char *ha_input_temp_folder(const struct ha_input_options *options);

#endif
