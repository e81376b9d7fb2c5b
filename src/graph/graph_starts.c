/* SPDX-License-Identifier: MIT */
/* Packed list starts. */
#include "ha/graph/graph_starts.h"

#include <assert.h>

static_assert(HA_STARTS_ITEMS == 16, "singles are written in two words");

uint64_t ha_large_from(const struct ha_large_list *large, uint64_t count, uint64_t item)
{
    uint64_t low = 0, high = count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (large[middle].item < item) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* A list and whether it follows the one before. */
struct list {
    uint64_t begin, length; /* begin: HA_STARTS_FOLLOWS as in struct ha_large_list */
};

static struct list list_of(const struct ha_starts *starts, uint64_t item)
{
    uint8_t length = starts->blocks[ha_starts_length_place(item)];
    if (HA_LIKELY(length != HA_STARTS_LARGE)) {
        return (struct list){HA_STARTS_FOLLOWS, length == HA_STARTS_SINGLE ? 0 : length};
    }
    uint64_t at = ha_large_from(starts->large, starts->large_count, item);
    bool found = at < starts->large_count && starts->large[at].item == item;
    return found ? (struct list){starts->large[at].begin, starts->large[at].length} : (struct list){HA_STARTS_FOLLOWS, 0};
}

static struct ha_span checked(const struct ha_starts *starts, uint64_t begin, uint64_t length)
{
    if (begin > starts->limit || length > starts->limit - begin) {
        return (struct ha_span){0, 0};
    }
    return (struct ha_span){begin, length};
}

struct ha_span ha_starts_get(const struct ha_starts *starts, uint32_t item)
{
    if (item >= starts->item_count) {
        return (struct ha_span){0, 0};
    }
    struct list wanted = list_of(starts, item);
    if (wanted.begin != HA_STARTS_FOLLOWS) {
        return checked(starts, wanted.begin, wanted.length);
    }
    uint64_t first = item / HA_STARTS_ITEMS * HA_STARTS_ITEMS;
    uint64_t begin = ha_le40(starts->blocks + first / HA_STARTS_ITEMS * HA_STARTS_BYTES);
    for (uint64_t i = first; i < item; i++) {
        struct list list = list_of(starts, i);
        begin += list.begin == HA_STARTS_FOLLOWS ? list.length : 0;
    }
    return checked(starts, begin, wanted.length);
}

/* Eight bits to eight bytes, HA_STARTS_SINGLE for those that are set. */
static inline uint64_t singles_of(uint32_t bits)
{
    const uint64_t each = 0x0101010101010101ULL;
    uint64_t apart = (bits & 0xff) * each & 0x8040201008040201ULL; /* bit i in byte i */
    return ((apart + 0x7f * each) >> 7 & each) * HA_STARTS_SINGLE;
}

void ha_starts_begin(struct ha_starts_maker *maker, uint64_t first, uint32_t singles)
{
    uint8_t *lengths = maker->blocks + ha_starts_length_place(first - maker->first);
    ha_put_le64(lengths, singles_of(singles));
    ha_put_le64(lengths + 8, singles_of(singles >> 8));
    maker->any = false;
}

struct ha_err *ha_starts_put_any(struct ha_starts_maker *maker, uint64_t item, uint64_t begin, uint64_t length)
{
    if (length == 0) {
        return NULL;
    }
    uint8_t *of_item = maker->blocks + ha_starts_length_place(item - maker->first);
    if (!maker->any) {
        maker->any = true;
        maker->at = begin;
        ha_put_le40(of_item - item % HA_STARTS_ITEMS - 5, begin);
    }
    bool follows = begin == maker->at;
    if (follows) {
        maker->at += length;
    }
    if (follows && length < HA_STARTS_SINGLE) {
        *of_item = (uint8_t)length;
        return NULL;
    }
    *of_item = HA_STARTS_LARGE;
    struct ha_large_list *large = ha_vec_push(&maker->large);
    if (large == NULL) {
        return ha_err_nomem();
    }
    *large = (struct ha_large_list){follows ? HA_STARTS_FOLLOWS : begin, length, (uint32_t)item, 0};
    return NULL;
}

bool ha_starts_open(const struct ha_index_section *blocks, const struct ha_index_section *large, uint64_t items, uint64_t limit, struct ha_starts *ret)
{
    if (blocks->count != ha_starts_blocks(items) || (items > 0 && blocks->width != HA_STARTS_BYTES) ||
        (large->count > 0 && large->width != sizeof(struct ha_large_list))) {
        return false;
    }
    *ret = (struct ha_starts){.blocks = blocks->data, .item_count = items, .large = large->data, .large_count = large->count, .limit = limit};
    return true;
}
