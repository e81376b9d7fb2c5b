/* SPDX-License-Identifier: MIT */
/*
 * Lengths of arrays as the index has them: a bit per object (it is an array), the lengths of the arrays alone, and how many there are before every
 * 512 objects. Made in pieces, twice: bits and counts first, then, when it is known where each block begins, the lengths. Each worker has a window
 * through which they go into the index.
 */
#include "graph/graph_lengths.h"

#include "ha/base/pool.h"
#include "ha/heap/heap_sections.h"

#include <assert.h>

#define RANK_BLOCK 512U   /* objects per entry of array_ranks */
#define PACK_BLOCKS 1024U /* of a piece */
#define PACK_OBJECTS ((uint64_t)RANK_BLOCK * PACK_BLOCKS)
#define WINDOW_LENGTHS (1U << 14)

static_assert(WINDOW_LENGTHS * sizeof(uint32_t) >= PACK_OBJECTS / 8, "the bits of a piece fit into the window");

struct packing {
    const uint32_t *lengths;
    uint64_t n;
    struct ha_index_writer *writer;
    uint32_t *ranks;   /* arrays of each block, then before it */
    uint32_t *windows; /* per worker */
};

static uint64_t piece_end(const struct packing *p, uint64_t index)
{
    return (index + 1) * PACK_OBJECTS < p->n ? (index + 1) * PACK_OBJECTS : p->n;
}

/* Bits and counts of the blocks of a piece. */
static struct ha_err *count_piece(void *ctx, unsigned worker, uint64_t index)
{
    const struct packing *p = ctx;
    const uint64_t first = index * PACK_OBJECTS, end = piece_end(p, index);
    uint8_t *window = (uint8_t *)(p->windows + (size_t)worker * WINDOW_LENGTHS);
    for (uint64_t i = first; i < end; i += 8) {
        uint32_t bits = 0, arrays = 0;
        for (uint64_t k = i; k < end && k < i + 8; k++) {
            const uint32_t is_array = p->lengths[k] != 0;
            bits |= is_array << (k - i);
            arrays += is_array;
        }
        window[(i - first) >> 3] = (uint8_t)bits;
        p->ranks[i / RANK_BLOCK] += arrays;
    }
    return ha_index_section_write_at(p->writer, HA_SECTION_ARRAY_BITS, first / 8, window, (size_t)(end - first + 7) / 8);
}

static struct ha_err *write_lengths(const struct packing *p, uint64_t first, const uint32_t *window, uint32_t count)
{
    return ha_index_section_write_at(p->writer, HA_SECTION_ARRAY_LENGTHS, first * sizeof *window, window, count * sizeof *window);
}

/* Lengths of the arrays of a piece. */
static struct ha_err *pack_piece(void *ctx, unsigned worker, uint64_t index)
{
    const struct packing *p = ctx;
    const uint64_t first = index * PACK_OBJECTS, end = piece_end(p, index);
    uint32_t *window = p->windows + (size_t)worker * WINDOW_LENGTHS, count = 0;
    uint64_t at = p->ranks[first / RANK_BLOCK];
    for (uint64_t i = first; i < end; i++) {
        if (p->lengths[i] == 0) {
            continue;
        }
        window[count++] = p->lengths[i] - 1;
        if (count == WINDOW_LENGTHS) {
            HA_TRY(write_lengths(p, at, window, count));
            at += count;
            count = 0;
        }
    }
    return write_lengths(p, at, window, count);
}

/* Turns counts into ranks; returns how many arrays there are. */
static uint32_t rank_blocks(const struct packing *p, uint64_t blocks)
{
    uint32_t arrays = 0;
    for (uint64_t b = 0; b < blocks; b++) {
        uint32_t count = p->ranks[b];
        p->ranks[b] = arrays;
        arrays += count;
    }
    return arrays;
}

struct ha_err *ha_graph_pack_lengths(struct ha_build *build, const uint32_t *array_lengths)
{
    struct ha_index_writer *writer = build->writer;
    const unsigned threads = build->threads;
    const uint64_t n = build->facts.object_count, blocks = (n + RANK_BLOCK - 1) / RANK_BLOCK, pieces = (blocks + PACK_BLOCKS - 1) / PACK_BLOCKS;
    HA_FREE uint32_t *ranks = ha_calloc_array((size_t)blocks + 1, sizeof *ranks);
    HA_FREE uint32_t *windows = ha_alloc_array((size_t)threads * WINDOW_LENGTHS, sizeof *windows);
    if (ranks == NULL || windows == NULL) {
        return ha_err_nomem();
    }
    struct packing p = {.lengths = array_lengths, .n = n, .writer = writer, .ranks = ranks, .windows = windows};
    HA_TRY(ha_index_section_open(writer, HA_SECTION_ARRAY_BITS, 1, (n + 7) / 8));
    HA_TRY(ha_parallel_for(threads, pieces, count_piece, &p));
    const uint32_t arrays = rank_blocks(&p, blocks);
    HA_TRY(ha_index_section_put(writer, HA_SECTION_ARRAY_RANKS, sizeof *ranks, blocks, ranks));
    HA_TRY(ha_index_section_open(writer, HA_SECTION_ARRAY_LENGTHS, sizeof(uint32_t), arrays));
    return ha_parallel_for(threads, pieces, pack_piece, &p);
}
