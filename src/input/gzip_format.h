/* SPDX-License-Identifier: MIT */
/*
 * Private: the frame of a gzip member (RFC 1952).
 *
 *     1f 8b 08 FLG MTIME(4) XFL OS  [XLEN extra] [name NUL] [comment NUL] [CRC16]   deflate data   CRC32 ISIZE
 *              |                     FEXTRA 4     FNAME 8     FCOMMENT 16  FHCRC 2                 8 bytes, little-endian
 */
#ifndef HA_GZIP_FORMAT_H
#define HA_GZIP_FORMAT_H

#include "ha/base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GZIP_HEADER_MIN 10U
#define GZIP_TRAILER_BYTES 8U
#define GZIP_MEMBER_MIN (GZIP_HEADER_MIN + 2U + GZIP_TRAILER_BYTES) /* of an empty one */
#define GZIP_RATIO_MAX 1032U /* what a byte of deflate data can inflate to at most */

enum gzip_header {
    GZIP_HEADER_OK,
    GZIP_HEADER_CUT, /* goes on behind the bytes given */
    GZIP_HEADER_NONE
};

/* Whether the first ten bytes look like those of a member written by anybody: by chance once in 2^37. */
bool gzip_is_candidate(const uint8_t *p);

/* The first candidate in [from, len), of which the first ten bytes must lie inside; len when there is none. */
size_t gzip_find_candidate(const uint8_t *p, size_t len, size_t from);

/* *ret_bytes: length of the header. A checksum of the header is skipped, not checked: the data has its own. */
enum gzip_header gzip_header_parse(const uint8_t *p, size_t len, size_t *ret_bytes);

/* The size of the pieces that HotSpot says it has cut its dump into ("HPROF BLOCKSIZE=1048576" as comment); 0: it does not. p holds a whole header. */
uint64_t gzip_hotspot_block_bytes(const uint8_t *p, size_t len);

#endif
