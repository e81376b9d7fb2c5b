/* SPDX-License-Identifier: MIT */
/*
 * Private: the table that makes a gzip file addressable without inflating all of it.
 *
 *     plain bytes   |-- members --|--- stream ---|--- stream ---|- zeros -|-- members --|
 *     gzip file     [mem][mem][mem][header|deflate data . . . . ]  damaged  [mem]
 *
 *     members   one or several whole members; inflated as a whole
 *     stream    a part of the deflate data of one member, from a block on; its window (the 32 KiB before it) is kept, packed
 *     zeros     bytes that are lost, where it is known how many
 *
 * Invariants: pieces are in order and leave no gap in the plain bytes; none is empty. What an entry says is checked whenever it is used,
 * since the table may come from an index.
 */
#ifndef HA_GZIP_TABLE_H
#define HA_GZIP_TABLE_H

#include "ha/base/err.h"
#include "ha/base/vec.h"
#include "ha/input/input.h"

#include "inflate.h"

#include <assert.h>

#define GZIP_MEMBER_MAX (4U << 20)      /* plain bytes of a member that is inflated as a whole */
#define GZIP_MEMBER_FILE_MAX (5U << 20) /* and the bytes it takes in the file */
#define GZIP_JOIN_BYTES                                                                            \
    (1U << 20) /* small members share a piece up to this size, plain or in the file */
#define GZIP_STREAM_BYTES                                                                          \
    (4U                                                                                            \
     << 20) /* a large member gets a restart point at the first block behind so many plain bytes */
#define GZIP_PIECE_MAX                                                                             \
    (16U                                                                                           \
     << 20) /* plain bytes of a piece: a stream piece ends with a block, of 4 MiB at most as zlib writes them */
#define GZIP_PIECE_FILE_MAX (64U << 20)

enum gzip_piece_kind {
    GZIP_PIECE_PENDING, /* while the table is made: not verified yet */
    GZIP_PIECE_MEMBERS,
    GZIP_PIECE_STREAM,
    GZIP_PIECE_ZEROS
};

/* As it lies in the index: docs/index-format.md, section GZPC. */
struct gzip_piece {
    uint64_t
        file_off; /*  0  of the first byte: a member's header, or the byte in which the block begins */
    uint64_t plain_off;    /*  8 */
    uint64_t window_off;   /* 16  in the windows */
    uint32_t file_bytes;   /* 24 */
    uint32_t plain_bytes;  /* 28 */
    uint32_t crc;          /* 32  of the plain bytes, as they were inflated the first time */
    uint32_t window_bytes; /* 36  packed; 0: none */
    uint8_t kind;          /* 40 */
    uint8_t bits;          /* 41  at the end of the first byte that belong to the block; 0: all */
    uint8_t reserved[6];   /* 42 */
};
static_assert(sizeof(struct gzip_piece) == HA_INPUT_PIECE_BYTES, "as documented");

/* A table while it is made. */
struct gzip_table {
    HA_VEC(struct gzip_piece) pieces;
    HA_VEC(uint8_t) windows;
    bool unusable; /* some part of the file cannot be a piece: the table is of no use */
};

void gzip_table_deinit(struct gzip_table *table);
struct ha_err *gzip_table_add(struct gzip_table *table,
                              const struct gzip_piece *piece) HA_WARN_UNUSED;

/* Adds what can be addressed as it stands to `ret`; an empty one if it is of no use. */
void gzip_table_view(const struct gzip_table *table, uint64_t plain_bytes,
                     struct ha_input_table *ret);

/* Checks every entry; *ret_plain_bytes: what they cover. HA_ERR_INPUT. */
struct ha_err *gzip_table_check(const struct ha_input_table *table, uint64_t file_bytes,
                                uint64_t *ret_plain_bytes) HA_WARN_UNUSED;

/* The piece that holds the plain byte at off, which lies within them; a copy. */
struct gzip_piece gzip_table_find(const struct ha_input_table *table, uint64_t off);

/* Members that fill `in` exactly, to `out`, exactly; false when anything, checksums included, does not fit. */
bool gzip_members_inflate(struct inflate_whole *whole, const uint8_t *in, size_t in_len,
                          uint8_t *out, size_t out_len, uint32_t *ret_crc);

/* What reading pieces needs; a zeroed one is valid. */
struct gzip_scratch {
    struct inflate_whole *whole;
    struct inflate_stream *stream;
    uint8_t *in;
    size_t in_capacity;
    uint8_t *window;
};
void gzip_scratch_deinit(struct gzip_scratch *scratch);

/* Inflates a piece to out, of plain_bytes. HA_ERR_INPUT when the file and the table do not fit together. */
struct ha_err *gzip_piece_read(const struct ha_input *input, const struct ha_input_table *table,
                               const struct gzip_piece *piece, struct gzip_scratch *scratch,
                               uint8_t *out) HA_WARN_UNUSED;

#endif
