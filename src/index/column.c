/* SPDX-License-Identifier: MIT */
/* Columns as they are read: which form the index holds, and whether the parts of a packed one add up. */
#include "ha/index/column.h"

bool ha_column_attach(const struct ha_index_section *section, struct ha_column *ret)
{
    const struct ha_column_counts *counts = section->data;
    if (section->count < sizeof *counts / 8 + HA_COLUMN_PADDING_WORDS) {
        return false;
    }
    uint64_t words = section->count - sizeof *counts / 8;
    uint64_t blocks = counts->numbers / HA_COLUMN_BLOCK + (counts->numbers % HA_COLUMN_BLOCK != 0);
    if (counts->words < HA_COLUMN_PADDING_WORDS || counts->words > words || blocks != (words - counts->words) / 2 || (words - counts->words) % 2 != 0) {
        return false;
    }
    const struct ha_column_block *heads = (const struct ha_column_block *)(counts + 1);
    *ret = (struct ha_column){.blocks = heads, .bodies = (const uint8_t *)(heads + blocks),
                              .last_place = counts->words - HA_COLUMN_PADDING_WORDS, .count = counts->numbers};
    return true;
}

bool ha_column_open(const struct ha_index *index, uint32_t plain_id, uint32_t packed_id, struct ha_column *ret)
{
    struct ha_index_section packed = ha_index_find(index, packed_id, 8);
    if (packed.count > 0) {
        return ha_column_attach(&packed, ret);
    }
    struct ha_index_section plain = ha_index_find(index, plain_id, sizeof(uint32_t));
    *ret = (struct ha_column){.plain = plain.data, .count = plain.count};
    return true;
}

/* What ha_column_unpack() gives for each number of a block, a few times as fast. */
static void read_block(const struct ha_column *column, uint64_t index, uint32_t out[HA_COLUMN_BLOCK])
{
    const struct ha_column_block *block = &column->blocks[index];
    unsigned width = HA_COLUMN_WIDTH(block->place), flags = HA_COLUMN_FLAGS(block->place);
    bool sound = HA_COLUMN_PLACE(block->place) <= column->last_place && width <= HA_COLUMN_WIDTH_MAX;
    const uint8_t *p = sound ? column->bodies + 8 * HA_COLUMN_PLACE(block->place) : NULL;
    uint64_t second = 0, whole = 0;
    if (sound && (flags & HA_COLUMN_TWO_BASES) != 0) {
        second = ha_le64(p);
        p += 8;
    }
    if (sound && (flags & HA_COLUMN_WHOLE) != 0) {
        whole = ha_le64(p);
        p += 8;
    }
    for (unsigned k = 0; k < HA_COLUMN_BLOCK; k++) {
        out[k] = sound ? block->base[second >> k & 1] : HA_COLUMN_DAMAGED;
    }
    if (!sound) {
        return;
    }
    if (width == 1) {
        for (unsigned k = 0; k < HA_COLUMN_BLOCK; k++) {
            out[k] += p[k];
        }
    } else if (width > 0) {
        const uint32_t mask = (uint32_t)((1ULL << 8 * width) - 1);
        for (unsigned k = 0; k < HA_COLUMN_BLOCK; k++) {
            out[k] += ha_le32(p + (size_t)k * width) & mask;
        }
    }
    p += HA_COLUMN_BLOCK * (size_t)width;
    for (; whole != 0; whole &= whole - 1, p += 4) {
        out[__builtin_ctzll(whole)] = ha_le32(p);
    }
}

void ha_column_read(const struct ha_column *column, uint64_t first, uint64_t count, uint32_t *out)
{
    if (column->plain != NULL) {
        memcpy(out, column->plain + first, (size_t)count * sizeof *out);
        return;
    }
    uint32_t numbers[HA_COLUMN_BLOCK];
    while (count > 0) {
        uint64_t skip = first % HA_COLUMN_BLOCK;
        uint64_t part = count < HA_COLUMN_BLOCK - skip ? count : HA_COLUMN_BLOCK - skip;
        read_block(column, first / HA_COLUMN_BLOCK, numbers);
        memcpy(out, numbers + skip, (size_t)part * sizeof *out);
        first += part;
        count -= part;
        out += part;
    }
}

void ha_column_walk_begin(const struct ha_column *column, struct ha_column_walk *ret)
{
    ret->column = column;
    ret->next = 0;
}

void ha_column_walk_fill(struct ha_column_walk *walk)
{
    uint64_t left = walk->column->count - walk->next;
    ha_column_read(walk->column, walk->next, left < HA_COLUMN_BLOCK ? left : HA_COLUMN_BLOCK, walk->numbers);
}
