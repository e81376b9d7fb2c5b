/* SPDX-License-Identifier: MIT */
/* Making the look-up form of the address map. */
#include "ha/heap/heap_lookup.h"

struct ha_err *ha_lookup_init(struct ha_lookup *ret, const struct ha_heap_addresses *map)
{
    const uint64_t pages = map->page_count, lines = pages * HA_PAGE_LINES;
    assert(map->sorted == NULL);
    *ret = (struct ha_lookup){.shift = map->shift, .first_page = map->first_page, .directory_count = map->directory_count};
    HA_TRY(ha_big_init_raw(&ret->directory_memory, map->directory_count + 1, sizeof(uint32_t)));
    HA_TRY(ha_big_init_raw(&ret->words_memory, (lines + HA_PAGE_LINES) * 4, sizeof(struct ha_lookup_word)));
    uint32_t *directory = ret->directory_memory.data;
    struct ha_lookup_word *words = ret->words_memory.data;
    for (uint64_t p = 0; p < map->directory_count; p++) {
        directory[p] = map->directory[p] < pages ? map->directory[p] : (uint32_t)pages;
    }
    directory[map->directory_count] = (uint32_t)pages;
    for (uint64_t i = 0; i < lines; i++) {
        const struct ha_line *line = &map->lines[i];
        const struct ha_line_rank *rank = &map->ranks[i];
        for (unsigned w = 0; w < 4; w++) {
            words[4 * i + w] = (struct ha_lookup_word){.present = line->present[w],
                                                       .leaf = line->leaf[w],
                                                       .branches = rank->branches + rank->branch_sub[w],
                                                       .leaves = map->branch_count + rank->leaves + rank->leaf_sub[w]};
        }
    }
    for (uint64_t w = 4 * lines; w < 4 * (lines + HA_PAGE_LINES); w++) {
        words[w] = (struct ha_lookup_word){0};
    }
    ret->directory = directory;
    ret->words = words;
    return NULL;
}

void ha_lookup_deinit(struct ha_lookup *lookup)
{
    ha_big_deinit(&lookup->directory_memory);
    ha_big_deinit(&lookup->words_memory);
    *lookup = (struct ha_lookup){0};
}
