/* SPDX-License-Identifier: MIT */
/*
 * Lengths of arrays as the index has them: a bit per object (it is an array), the lengths of the arrays alone, and how many there are before every
 * 512 objects. Made in pieces, twice: bits and counts first, then, when it is known where each block begins, the lengths.
 */
#include "graph/graph_lengths.h"

#include "ha/base/file.h"
#include "ha/base/pool.h"
#include "ha/heap/heap_sections.h"

#define RANK_BLOCK 512U   /* objects per entry of array_ranks */
#define PACK_BLOCKS 1024U /* of a piece */

struct packing {
    const uint32_t *lengths;
    uint64_t n;
    uint8_t *bits;
    uint32_t *ranks;   /* arrays of each block, then before it */
    uint32_t *packed;  /* NULL while counting */
    uint32_t arrays;   /* of all blocks, then */
};

/* Bits and count of a block. */
static void count_block(const struct packing *p, uint64_t block)
{
    uint64_t first = block * RANK_BLOCK, end = first + RANK_BLOCK < p->n ? first + RANK_BLOCK : p->n;
    uint32_t arrays = 0;
    for (uint64_t i = first; i < end; i += 8) {
        uint8_t bits = 0;
        for (uint64_t k = i; k < end && k < i + 8; k++) {
            bits = (uint8_t)(bits | (p->lengths[k] != 0) << (k - i));
        }
        p->bits[i >> 3] = bits;
        arrays += ha_popcount(bits);
    }
    p->ranks[block] = arrays;
}

static void enter_block(const struct packing *p, uint64_t block)
{
    uint64_t first = block * RANK_BLOCK, end = first + RANK_BLOCK < p->n ? first + RANK_BLOCK : p->n;
    uint32_t next = p->ranks[block];
    for (uint64_t i = first; i < end; i += 8) {
        for (uint32_t bits = p->bits[i >> 3]; bits != 0; bits &= bits - 1) {
            p->packed[next++] = p->lengths[i + (uint32_t)__builtin_ctz(bits)] - 1;
        }
    }
}

/* Has the pages ready that hold what a piece writes. */
static void populate_piece(const struct packing *p, uint64_t first, uint64_t end, uint64_t blocks)
{
    if (p->packed == NULL) {
        uint64_t last = end == blocks ? (p->n + 7) / 8 : end * (RANK_BLOCK / 8);
        ha_file_map_populate(p->bits + first * (RANK_BLOCK / 8), last - first * (RANK_BLOCK / 8));
        ha_file_map_populate(p->ranks + first, (end - first) * sizeof *p->ranks);
    } else {
        uint32_t last = end == blocks ? p->arrays : p->ranks[end];
        ha_file_map_populate(p->packed + p->ranks[first], (last - p->ranks[first]) * sizeof *p->packed);
    }
}

static struct ha_err *pack_piece(void *ctx, unsigned worker, uint64_t index)
{
    const struct packing *p = ctx;
    const uint64_t blocks = (p->n + RANK_BLOCK - 1) / RANK_BLOCK, first = index * PACK_BLOCKS;
    const uint64_t end = first + PACK_BLOCKS < blocks ? first + PACK_BLOCKS : blocks;
    (void)worker;
    populate_piece(p, first, end, blocks);
    for (uint64_t b = first; b < end; b++) {
        if (p->packed == NULL) {
            count_block(p, b);
        } else {
            enter_block(p, b);
        }
    }
    return NULL;
}

struct ha_err *ha_graph_pack_lengths(struct ha_build *build, const uint32_t *array_lengths)
{
    struct packing p = {.lengths = array_lengths, .n = build->facts.object_count};
    const uint64_t blocks = (p.n + RANK_BLOCK - 1) / RANK_BLOCK, pieces = (blocks + PACK_BLOCKS - 1) / PACK_BLOCKS;
    const unsigned threads = build->threads;
    void *bits, *ranks, *lengths;
    struct ha_index_writer *writer = build->writer;
    HA_TRY(ha_index_section_map(writer, HA_SECTION_ARRAY_BITS, 1, (p.n + 7) / 8, &bits));
    HA_TRY(ha_index_section_map(writer, HA_SECTION_ARRAY_RANKS, sizeof(uint32_t), blocks, &ranks));
    p.bits = bits;
    p.ranks = ranks;
    HA_TRY(ha_parallel_for(threads, pieces, pack_piece, &p));
    for (uint64_t b = 0; b < blocks; b++) {
        uint32_t count = p.ranks[b];
        p.ranks[b] = p.arrays;
        p.arrays += count;
    }
    HA_TRY(ha_index_section_map(writer, HA_SECTION_ARRAY_LENGTHS, sizeof(uint32_t), p.arrays, &lengths));
    p.packed = lengths;
    return p.arrays == 0 ? NULL : ha_parallel_for(threads, pieces, pack_piece, &p);
}
