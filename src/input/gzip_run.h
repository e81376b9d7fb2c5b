/* SPDX-License-Identifier: MIT */
/*
 * Private: one run over a gzip file, from its first byte to its last.
 *
 *     file    [member][member][member] ~damaged~ [member]…
 *                     ^ pos
 *     plain   [..............]                              written to fd, noted in the table
 *                     ^ plain
 *
 * What is before pos and plain is settled. Two ways lead forward: gzip_members.c, many small members at once on all threads, as long as all
 * is well; and gzip_stream.c, one member of any size in any state.
 */
#ifndef HA_GZIP_RUN_H
#define HA_GZIP_RUN_H

#include "gzip_table.h"

#include <stdatomic.h>

#define GZIP_BUFFER_BYTES ((size_t)1 << 20)

/* A range of plain bytes. */
struct gzip_range {
    uint64_t off, end;
};

/* What was wrong, told at the end. */
struct gzip_damage {
    uint64_t places; /* from which deflate data could not be inflated, but members behind could */
    uint64_t first_off;       /* of the first of them, in the file */
    const char *first_reason; /* constant text */
    struct gzip_range first_lost;
    uint64_t lost_bytes; /* plain, where it is known */
    uint64_t unknown;    /* places of which it is not known how many bytes are lost */
    uint64_t crc_count;  /* members whose checksum or length is wrong */
    struct gzip_range crc_first;
    const char *broken;  /* the rest of the file is lost, and why; NULL when it is not */
    uint64_t broken_off; /* in the file */
    const char *cut;     /* why the file ends too early or too late; NULL when it does not */
    uint64_t cut_off;    /* in the file */
};

/* Bytes of the compressed file, read in order and sometimes again. */
struct gzip_reader {
    const struct ha_input *input;
    uint8_t *buffer; /* GZIP_BUFFER_BYTES */
    uint64_t off;
    size_t len;
};

struct gzip_run {
    const struct ha_input *input;
    const struct ha_input_options *options;
    unsigned threads;
    int fd; /* the temporary file */
    const char *dir;
    _Atomic uint64_t written; /* bytes in it, for messages */
    uint64_t pos, plain;
    uint64_t told;        /* of the file, to the progress display */
    uint64_t block_bytes; /* HotSpot's members have so many plain bytes at most; 0: not HotSpot's */
    struct gzip_table table;
    struct gzip_damage damage;
    struct gzip_reader reader;
    struct inflate_stream *stream;
    uint8_t *out;        /* GZIP_BUFFER_BYTES */
    uint32_t tries_left; /* candidates that may turn out to be none */
};

/* Bytes at off: at least `need` (up to GZIP_BUFFER_BYTES) unless the file ends before. Valid until the next call. */
struct ha_err *gzip_reader_at(struct gzip_reader *reader, uint64_t off, size_t need,
                              const uint8_t **ret, size_t *ret_len) HA_WARN_UNUSED;

/* Writes plain bytes to the temporary file; safe from any thread. */
struct ha_err *gzip_write(struct gzip_run *run, uint64_t off, const uint8_t *data,
                          size_t len) HA_WARN_UNUSED;

/* Tells the progress display that the file is read up to off; one call at a time. */
void gzip_tell(struct gzip_run *run, uint64_t off);

/* gzip_members.c: goes forward over whole small members, in parallel, up to the first thing that is something else. */
struct ha_err *gzip_members_run(struct gzip_run *run) HA_WARN_UNUSED;

/* gzip_stream.c: goes forward over one member, or over what is there instead; always gets on. */
struct ha_err *gzip_stream_run(struct gzip_run *run) HA_WARN_UNUSED;

/* gzip_resync.c: the first member at from or behind of which the beginning can be inflated; the file's end when there is none. */
struct ha_err *gzip_find_member(struct gzip_run *run, uint64_t from, uint64_t *ret) HA_WARN_UNUSED;

/* The header at off, whole in memory: *ret_bytes is 0 when there is none, or when the file ends within (*ret_cut). */
struct ha_err *gzip_read_header(struct gzip_run *run, uint64_t off, const uint8_t **ret,
                                size_t *ret_bytes, bool *ret_cut) HA_WARN_UNUSED;

/* gzip_resync.c: settles that the plain bytes from `start` on, of which some may have been written, are `bytes`: the surplus is taken back, what is
   missing reads as zeros. */
struct ha_err *gzip_set_length(struct gzip_run *run, uint64_t start, uint64_t bytes) HA_WARN_UNUSED;

#endif
