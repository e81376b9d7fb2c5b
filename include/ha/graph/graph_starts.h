/* SPDX-License-Identifier: MIT */
/*
 * Where the lists of consecutive items begin in one long array, packed: most lists are short, so a start per 16 items and a byte per length
 * do, 1.3 bytes per item instead of 5.
 *
 *     block of 16 items:  [start of the first, 5 bytes][length][length]…[length]        255: see `large`; 254: single, not in the array
 *     large:              ascending by item: lists of 254 and more, and lists that do not follow the one before in their block
 *
 * Blocks come from a file: what does not add up yields an empty list.
 */
#ifndef HA_GRAPH_GRAPH_STARTS_H
#define HA_GRAPH_GRAPH_STARTS_H

#include "ha/base/bytes.h"
#include "ha/base/vec.h"
#include "ha/index/index.h"

#define HA_STARTS_ITEMS 16U
#define HA_STARTS_BYTES 21U
#define HA_STARTS_LARGE 255U
#define HA_STARTS_SINGLE 254U /* one element, which is found elsewhere */

#define HA_STARTS_FOLLOWS UINT64_MAX

struct ha_large_list {
    uint64_t begin; /* HA_STARTS_FOLLOWS: behind the list before it in its block */
    uint64_t length;
    uint32_t item;
    uint32_t zero;
};

/* Where its length stands among the blocks. */
static inline size_t ha_starts_length_place(uint64_t item)
{
    return (size_t)item / HA_STARTS_ITEMS * HA_STARTS_BYTES + 5 + item % HA_STARTS_ITEMS;
}

/* The first of ascending large lists that is of this item or one behind it; count: there is none. */
uint64_t ha_large_from(const struct ha_large_list *large, uint64_t count, uint64_t item);

struct ha_starts {
    const uint8_t *blocks;
    uint64_t item_count;
    const struct ha_large_list *large;
    uint64_t large_count;
    uint64_t limit; /* elements in the long array */
};

/* Where the list of an item lies; length 0 for wrong ones. */
struct ha_span {
    uint64_t begin, length;
};
struct ha_span ha_starts_get(const struct ha_starts *starts, uint32_t item);

/* Asks the memory for the block of an item. */
HA_INLINE void ha_starts_prefetch(const struct ha_starts *starts, uint32_t item)
{
    __builtin_prefetch(starts->blocks + (size_t)item / HA_STARTS_ITEMS * HA_STARTS_BYTES);
}

/* Whether the list of an item is a single element that is not in the array (ha_starts_get() is empty then). */
static inline bool ha_starts_is_single(const struct ha_starts *starts, uint32_t item)
{
    return item < starts->item_count && starts->blocks[ha_starts_length_place(item)] == HA_STARTS_SINGLE;
}

/* ---- making them: ha_starts_begin() for every block in order, ha_starts_put() for its other items in order, into zero-filled memory of
   ha_starts_blocks() × HA_STARTS_BYTES bytes ---- */

struct ha_starts_maker {
    uint8_t *blocks;
    uint64_t first; /* item of the first of them, a multiple of HA_STARTS_ITEMS */
    uint64_t at; /* where the next list of this block begins if it follows; meaningless while the block has none */
    bool any;    /* the block has a list */
    HA_VEC(struct ha_large_list) large;
};

static inline uint64_t ha_starts_blocks(uint64_t items)
{
    return (items + HA_STARTS_ITEMS - 1) / HA_STARTS_ITEMS;
}

/* Begins the block of an item, which is its first. Bit i of singles: item i of the block is single. */
void ha_starts_begin(struct ha_starts_maker *maker, uint64_t first, uint32_t singles);

/* As ha_starts_put(), which sees to the usual case itself. */
struct ha_err *ha_starts_put_any(struct ha_starts_maker *maker, uint64_t item, uint64_t begin, uint64_t length) HA_WARN_UNUSED;

/* The list of an item that is not single. begin does not matter for empty lists. */
HA_INLINE struct ha_err *ha_starts_put(struct ha_starts_maker *maker, uint64_t item, uint64_t begin, uint64_t length)
{
    bool usual = maker->any && begin == maker->at && length - 1 < HA_STARTS_SINGLE - 1; /* and not empty */
    if (HA_UNLIKELY(!usual)) {
        return ha_starts_put_any(maker, item, begin, length);
    }
    maker->blocks[ha_starts_length_place(item - maker->first)] = (uint8_t)length;
    maker->at += length;
    return NULL;
}

/* Opens the two sections; false if they do not fit `items`. */
bool ha_starts_open(const struct ha_index_section *blocks, const struct ha_index_section *large, uint64_t items, uint64_t limit, struct ha_starts *ret);

#endif
