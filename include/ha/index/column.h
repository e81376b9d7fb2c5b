/* SPDX-License-Identifier: MIT */
/*
 * A column of 4-byte numbers in the index, plain or packed, read in place at any position.
 *
 * Neighbours resemble each other: objects that were made together lie together, and refer to each other. So numbers of a packed column are kept in
 * blocks of 64, each as the distance from a base of its block, in as few bytes as do for most; what is too far from the base is kept whole. Since
 * objects have two ranges of numbers (branch objects, leaf objects), a block may have two bases.
 *
 *     section:   [counts, 16 bytes][head of each block, 16 bytes][bodies of the blocks, in words of 8 bytes][padding, 0]
 *     body:      [which base, a bit each]   if there are two
 *                [kept whole, a bit each]   if some are
 *                [distances, `width` bytes each]
 *                [numbers that are kept whole, 4 bytes each, in order; padded to 8]
 *
 * The padding is as long as a body can be: one comparison of a body's place is enough for all reads of a block to stay in the section. What is
 * wrong in a section makes numbers wrong, and never more; who uses a number checks it anyway.
 */
#ifndef HA_INDEX_COLUMN_H
#define HA_INDEX_COLUMN_H

#include "ha/base/bytes.h"
#include "ha/index/index.h"

#define HA_COLUMN_BLOCK 64U
#define HA_COLUMN_BODY_WORDS 66U    /* of a body at most: two sets of bits, 32 words of distances, as many of whole numbers */
#define HA_COLUMN_PADDING_WORDS 68U /* behind the last body: a distance is read as 4 bytes, whatever its width */
#define HA_COLUMN_WIDTH_MAX 4U
#define HA_COLUMN_DAMAGED UINT32_MAX /* what is read from a block whose head is wrong */

enum {
    HA_COLUMN_TWO_BASES = 1,
    HA_COLUMN_WHOLE = 2 /* some numbers are kept whole */
};

/*
 * OFFSET SIZE MEANING
 *      0    8 numbers in the column
 *      8    8 words of bodies, padding included
 */
struct ha_column_counts {
    uint64_t numbers, words;
};

/*
 * OFFSET SIZE MEANING
 *      0    4 base
 *      4    4 second base, 0 if there is none
 *      8    5 where the body begins, in words behind the heads
 *     13    1 width: bytes of a distance, 0 to 4
 *     14    1 HA_COLUMN_TWO_BASES, HA_COLUMN_WHOLE
 *     15    1 0
 */
struct ha_column_block {
    uint32_t base[2];
    uint64_t place; /* all four fields: see HA_COLUMN_PLACE and what follows */
};

static_assert(sizeof(struct ha_column_counts) == 16, "counts are 16 bytes on disk");
static_assert(sizeof(struct ha_column_block) == 16, "the head of a block is 16 bytes on disk");

#define HA_COLUMN_PLACE(head) ((head) & 0xffffffffffULL)
#define HA_COLUMN_WIDTH(head) ((unsigned)((head) >> 40) & 0xffU)
#define HA_COLUMN_FLAGS(head) ((unsigned)((head) >> 48) & 0xffU)
#define HA_COLUMN_HEAD(place, width, flags) ((uint64_t)(place) | (uint64_t)(width) << 40 | (uint64_t)(flags) << 48)

/* One of the two forms; borrowed from the index. */
struct ha_column {
    const uint32_t *plain;                /* NULL: packed, or without numbers */
    const struct ha_column_block *blocks;
    const uint8_t *bodies;
    uint64_t last_place; /* no body begins behind it */
    uint64_t count;      /* numbers */
};

/* Opens the column that the index holds as section `plain_id` or as section `packed_id` (which counts if both are there); one without numbers if it
   has neither. false: a packed section does not add up. */
bool ha_column_open(const struct ha_index *index, uint32_t plain_id, uint32_t packed_id, struct ha_column *ret) HA_WARN_UNUSED;

/* Bits that are set; without the instruction a call of the compiler's library would cost more. */
static inline unsigned ha_column_bits(uint64_t set)
{
    set -= set >> 1 & 0x5555555555555555ULL;
    set = (set & 0x3333333333333333ULL) + (set >> 2 & 0x3333333333333333ULL);
    return (unsigned)(((set + (set >> 4)) & 0x0f0f0f0f0f0f0f0fULL) * 0x0101010101010101ULL >> 56);
}

/* Opens a packed section with width 8; false: it does not add up. */
bool ha_column_attach(const struct ha_index_section *section, struct ha_column *ret) HA_WARN_UNUSED;

/* Number i < count of a packed column. */
static inline uint32_t ha_column_unpack(const struct ha_column *column, uint64_t i)
{
    const struct ha_column_block *block = &column->blocks[i / HA_COLUMN_BLOCK];
    uint64_t head = block->place;
    unsigned k = i % HA_COLUMN_BLOCK, width = HA_COLUMN_WIDTH(head), flags = HA_COLUMN_FLAGS(head);
    if (HA_UNLIKELY(HA_COLUMN_PLACE(head) > column->last_place || width > HA_COLUMN_WIDTH_MAX)) {
        return HA_COLUMN_DAMAGED;
    }
    const uint8_t *p = column->bodies + 8 * HA_COLUMN_PLACE(head);
    uint32_t base = block->base[0];
    if ((flags & HA_COLUMN_TWO_BASES) != 0) {
        base = block->base[ha_le64(p) >> k & 1];
        p += 8;
    }
    if ((flags & HA_COLUMN_WHOLE) != 0) {
        uint64_t whole = ha_le64(p);
        p += 8;
        if ((whole >> k & 1) != 0) {
            return ha_le32(p + HA_COLUMN_BLOCK * (size_t)width + 4 * (size_t)ha_column_bits(whole & ((1ULL << k) - 1)));
        }
    }
    return base + (ha_le32(p + (size_t)k * width) & (uint32_t)((1ULL << 8 * width) - 1));
}

/* Number i < count. */
static inline uint32_t ha_column_at(const struct ha_column *column, uint64_t i)
{
    return HA_LIKELY(column->plain != NULL) ? column->plain[i] : ha_column_unpack(column, i);
}

/* Asks the memory for number i < count, or, in a packed column, for the head of its block. */
HA_INLINE void ha_column_prefetch(const struct ha_column *column, uint64_t i)
{
    __builtin_prefetch(column->plain != NULL ? (const void *)&column->plain[i] : &column->blocks[i / HA_COLUMN_BLOCK]);
}

/* The same for numbers first … first + count - 1, count > 0: for all of them if they are few, else for the first few. */
HA_INLINE void ha_column_prefetch_some(const struct ha_column *column, uint64_t first, uint64_t count)
{
    ha_column_prefetch(column, first);
    ha_column_prefetch(column, first + (count > 16 ? 16 : count) - 1);
}

/* Writes numbers first … first + count - 1, which the column has, to out. */
void ha_column_read(const struct ha_column *column, uint64_t first, uint64_t count, uint32_t *out);

/* All numbers from the first on, for passes over the whole column. */
struct ha_column_walk {
    const struct ha_column *column;
    uint64_t next;
    uint32_t numbers[HA_COLUMN_BLOCK]; /* of the block of `next` */
};
void ha_column_walk_begin(const struct ha_column *column, struct ha_column_walk *ret);
void ha_column_walk_fill(struct ha_column_walk *walk); /* for ha_column_walk_next() only */
static inline bool ha_column_walk_next(struct ha_column_walk *walk, uint32_t *ret)
{
    if (walk->next >= walk->column->count) {
        return false;
    }
    if (walk->next % HA_COLUMN_BLOCK == 0) {
        ha_column_walk_fill(walk);
    }
    *ret = walk->numbers[walk->next++ % HA_COLUMN_BLOCK];
    return true;
}

/* ---- packing (column_pack.c) ---- */

/* Takes the bytes of a packed section, from front to back, but for counts and heads, which come last. */
typedef struct ha_err *(*ha_column_sink)(void *ctx, uint64_t off, const void *data, size_t len);

struct ha_column_packing {
    const uint32_t *numbers;
    uint64_t count;
    uint32_t mask; /* bits of a number that are kept */
    unsigned threads;
};

/* Packs a column; the same bytes with any number of threads. *ret_bytes: how many, a multiple of 8. */
struct ha_err *ha_column_pack(const struct ha_column_packing *packing, ha_column_sink sink, void *ctx, uint64_t *ret_bytes) HA_WARN_UNUSED;

#endif
