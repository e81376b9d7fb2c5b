/* SPDX-License-Identifier: MIT */
/*
 * Private: raw deflate data, in two ways.
 *
 *     whole    all of a member is in memory, and room for what it holds: libdeflate, twice as fast     inflate_whole.c
 *     stream   in pieces of any size, resumable at a block of the deflate data: zlib                   inflate_stream.c
 */
#ifndef HA_INFLATE_H
#define HA_INFLATE_H

#include "ha/base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INFLATE_WINDOW_BYTES 32768U /* how far back deflate data refers */

enum inflate_result {
    INFLATE_END,     /* the last block has ended */
    INFLATE_MORE,    /* needs more bytes, or more room */
    INFLATE_BLOCK,   /* stands between two blocks */
    INFLATE_FULL,    /* (whole) there is not enough room */
    INFLATE_DAMAGED, /* no deflate data, or (whole) it ends too early */
    INFLATE_NOMEM
};

/* ---- whole ---- */

struct inflate_whole;
struct inflate_whole *inflate_whole_create(void); /* NULL without memory */
void inflate_whole_destroy(struct inflate_whole *whole);

/* INFLATE_END: *ret_used bytes of `in` made *ret_made bytes in `out`. */
enum inflate_result inflate_whole_run(struct inflate_whole *whole, const uint8_t *in, size_t in_len,
                                      uint8_t *out, size_t out_len, size_t *ret_used,
                                      size_t *ret_made);

/* The CRC of gzip; begins with 0. */
uint32_t inflate_crc(uint32_t crc, const uint8_t *data, size_t len);

/* Packs a window (at most INFLATE_WINDOW_BYTES) as raw deflate data into `out`; 0: not enough room, or no memory. */
size_t inflate_window_pack(const uint8_t *window, size_t len, uint8_t *out, size_t out_len);

/* ---- stream ---- */

struct inflate_stream;
struct inflate_stream *inflate_stream_create(void); /* NULL without memory */
void inflate_stream_destroy(struct inflate_stream *stream);

/* Begins at the first block, or, with the bytes before (at most INFLATE_WINDOW_BYTES), at a later one; the last `bits` bits of byte `first`
   belong to it. false: no memory. */
bool inflate_stream_begin(struct inflate_stream *stream, const uint8_t *window, size_t window_len,
                          unsigned bits, uint8_t first) HA_WARN_UNUSED;

/* Goes on as far as bytes and room go, moving both pointers; with at_blocks it stops between blocks. */
enum inflate_result inflate_stream_step(struct inflate_stream *stream, const uint8_t **in,
                                        size_t *in_len, uint8_t **out, size_t *out_len,
                                        bool at_blocks);

/* Between blocks: how many bits at the end of the last byte are not used yet; and the bytes that what follows may refer to (returns how many). */
unsigned inflate_stream_bits(const struct inflate_stream *stream);
size_t inflate_stream_window(struct inflate_stream *stream, uint8_t window[INFLATE_WINDOW_BYTES]);

/* Why it is INFLATE_DAMAGED; constant text. */
const char *inflate_stream_reason(const struct inflate_stream *stream);

#endif
