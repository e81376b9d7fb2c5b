/* SPDX-License-Identifier: MIT */
/*
 * Private: the opened dump, and the two ways to get its bytes.
 *
 *     plain   the file itself                              fd, mapping
 *     gzip    inflated once into an unnamed file, which then is treated as a plain one
 *
 * Invariants of an opened input: fd addresses `bytes` > 0 bytes; map covers all of them, or is NULL where the file system cannot map
 * (then random windows read like stream windows).
 */
#ifndef HA_INPUT_SOURCE_H
#define HA_INPUT_SOURCE_H

#include "ha/input/input.h"

#include <stddef.h>

struct ha_input {
    enum ha_input_kind kind;
    char *path;
    char *shown; /* path with control characters escaped, for messages */
    int fd;      /* holds the addressable bytes: the dump, or its inflated copy */
    uint64_t bytes;
    uint64_t file_bytes;
    void *map;
};

/* Makes the bytes of fd those of the input. Takes ownership of fd, also on failure; what was there before is closed. */
struct ha_err *ha_input_plain_attach(struct ha_input *input, int fd, uint64_t bytes) HA_WARN_UNUSED;
void ha_input_plain_detach(struct ha_input *input);

/* Reads exactly len bytes at off, which lie inside the input. */
struct ha_err *ha_input_plain_read(const struct ha_input *input, uint64_t off, void *buf,
                                   size_t len) HA_WARN_UNUSED;

/* Inflates the gzip file input->fd and attaches the result. */
struct ha_err *ha_input_gzip_attach(struct ha_input *input,
                                    const struct ha_input_options *options) HA_WARN_UNUSED;

#endif
