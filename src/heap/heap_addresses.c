/* SPDX-License-Identifier: MIT */
/* The finished address map: opening it from sections (every count checked against the others), number to address, the sorted form. */
#include "ha/heap/heap_addresses.h"

#include "ha/heap/heap_sections.h"
#include "heap/heap_addresses_format.h"

static struct ha_err *damaged(void)
{
    return ha_err_new(HA_ERR_INPUT, "address map of the index is damaged");
}

static struct ha_err *open_bitmap(ha_section_fn find, void *ctx, struct ha_heap_addresses *map)
{
    struct ha_index_section dir, lines, ranks, pages;
    HA_TRY(find(ctx, HA_SECTION_ADDRESS_DIR, &dir));
    HA_TRY(find(ctx, HA_SECTION_ADDRESS_LINES, &lines));
    HA_TRY(find(ctx, HA_SECTION_ADDRESS_RANKS, &ranks));
    HA_TRY(find(ctx, HA_SECTION_ADDRESS_PAGES, &pages));
    if (dir.width != sizeof(uint32_t) || lines.width != sizeof(struct ha_line) || ranks.width != sizeof(struct ha_line_rank) ||
        pages.width != sizeof(uint64_t) || lines.count != ranks.count || lines.count != pages.count * HA_PAGE_LINES ||
        pages.count >= HA_PAGE_NONE) {
        return damaged();
    }
    map->directory = dir.data;
    map->directory_count = dir.count;
    map->lines = lines.data;
    map->ranks = ranks.data;
    map->page_numbers = pages.data;
    map->page_count = pages.count;
    return NULL;
}

struct ha_err *ha_addresses_open(ha_section_fn find, void *ctx, struct ha_heap_addresses **ret)
{
    struct ha_index_section info_section;
    HA_TRY(find(ctx, HA_SECTION_ADDRESS_INFO, &info_section));
    if (info_section.width != sizeof(struct ha_address_info) || info_section.count != 1) {
        return damaged();
    }
    const struct ha_address_info *info = info_section.data;
    if ((info->shift > 3 && info->shift != HA_SHIFT_SORTED) || info->branch_count > HA_OBJECTS_MAX ||
        info->leaf_count > HA_OBJECTS_MAX - info->branch_count) {
        return damaged();
    }
    struct ha_heap_addresses *map = ha_calloc_array(1, sizeof *map);
    if (map == NULL) {
        return ha_err_nomem();
    }
    map->shift = info->shift;
    map->branch_count = info->branch_count;
    map->leaf_count = info->leaf_count;
    map->first_page = info->first_page;
    struct ha_err *err;
    if (info->shift == HA_SHIFT_SORTED) {
        struct ha_index_section sorted;
        err = find(ctx, HA_SECTION_ADDRESS_SORTED, &sorted);
        if (err == NULL && (sorted.width != sizeof(uint64_t) || sorted.count != info->branch_count || info->leaf_count != 0)) {
            err = damaged();
        }
        if (err == NULL) {
            static const uint64_t none;
            map->sorted = sorted.count == 0 ? &none : sorted.data;
        }
    } else {
        err = open_bitmap(find, ctx, map);
    }
    if (err != NULL) {
        ha_free(map);
        return err;
    }
    *ret = map;
    return NULL;
}

void ha_addresses_close(struct ha_heap_addresses *map)
{
    ha_free(map);
}

bool ha_addresses_find_sorted(const struct ha_heap_addresses *map, ha_addr address, ha_obj *ret)
{
    uint32_t low = 0, high = map->branch_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (map->sorted[middle] < address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    ret->i = low;
    return low < map->branch_count && map->sorted[low] == address;
}

/* The last line with at most `number` objects of the kind before it (ranks ascend). */
static uint64_t line_of(const struct ha_heap_addresses *map, uint32_t number, bool leaf)
{
    uint64_t low = 0, high = map->page_count * HA_PAGE_LINES;
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        uint32_t before = leaf ? map->ranks[middle].leaves : map->ranks[middle].branches;
        if (before <= number) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

ha_addr ha_addresses_of(const struct ha_heap_addresses *map, ha_obj obj)
{
    if (map->sorted != NULL) {
        return obj.i < map->branch_count ? map->sorted[obj.i] : 0;
    }
    bool leaf = obj.i >= map->branch_count;
    uint32_t number = leaf ? obj.i - map->branch_count : obj.i;
    if (map->page_count == 0) {
        return 0;
    }
    uint64_t line_index = line_of(map, number, leaf);
    const struct ha_line *line = &map->lines[line_index];
    const struct ha_line_rank *rank = &map->ranks[line_index];
    uint32_t left = number - (leaf ? rank->leaves : rank->branches);
    for (unsigned word = 0; word < 4; word++) {
        uint64_t bits = leaf ? line->leaf[word] : line->present[word] & ~line->leaf[word];
        uint32_t count = ha_popcount(bits);
        if (left < count) {
            for (; left > 0; left--) {
                bits &= bits - 1;
            }
            uint64_t slot = map->page_numbers[line_index / HA_PAGE_LINES] << HA_PAGE_SLOT_BITS;
            slot += line_index % HA_PAGE_LINES * HA_LINE_SLOTS + word * 64 + (unsigned)__builtin_ctzll(bits);
            return slot << map->shift;
        }
        left -= count;
    }
    return 0; /* only with a damaged index */
}
