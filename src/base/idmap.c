/* SPDX-License-Identifier: MIT */
/*
 * Entering into the map and growing it; looking up is inline in the header.
 *
 * Invariants: the number of slots is a power of two; count <= slots / 2, so a probe always meets a free slot.
 */
#include "ha/base/idmap.h"

#include <string.h>
#include <sys/random.h>

#define SLOTS_MIN 16U

/* The slot that holds id, or the free one where it belongs. */
static struct ha_idmap_slot *find(const struct ha_idmap *map, uint64_t id)
{
    uint64_t i = ha_idmap_mix(id, map->seed) & map->mask;
    while (map->slots[i].number != HA_IDMAP_NONE && map->slots[i].id != id) {
        i = (i + 1) & map->mask;
    }
    return &map->slots[i];
}

/* Nothing that is kept depends on it: maps are looked up, not walked in order. */
static uint64_t new_seed(void)
{
    uint64_t seed;
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != (ssize_t)sizeof seed) {
        seed = (uint64_t)(uintptr_t)&seed; // where the stack lies is a secret too, if a smaller one
    }
    return seed;
}

/* Doubles the slots. */
static bool grow(struct ha_idmap *map)
{
    uint64_t old_slots = map->slots == NULL ? 0 : map->mask + 1;
    uint64_t new_slots = old_slots == 0 ? SLOTS_MIN : old_slots * 2;
    struct ha_idmap grown = {
        .slots = ha_alloc_array(new_slots, sizeof *map->slots),
        .mask = new_slots - 1,
        .seed = map->slots == NULL ? new_seed() : map->seed,
        .count = map->count,
    };
    if (grown.slots == NULL) {
        return false;
    }
    memset(grown.slots, 0xff, new_slots * sizeof *grown.slots);
    for (uint64_t i = 0; i < old_slots; i++) {
        if (map->slots[i].number != HA_IDMAP_NONE) {
            *find(&grown, map->slots[i].id) = map->slots[i];
        }
    }
    ha_free(map->slots);
    *map = grown;
    return true;
}

bool ha_idmap_add(struct ha_idmap *map, uint64_t id, uint32_t number, uint32_t *ret_old)
{
    assert(number != HA_IDMAP_NONE);
    if ((map->slots == NULL || map->count > map->mask / 2) && !grow(map)) {
        return false;
    }
    struct ha_idmap_slot *slot = find(map, id);
    if (ret_old != NULL) {
        *ret_old = slot->number;
    }
    if (slot->number == HA_IDMAP_NONE) {
        *slot = (struct ha_idmap_slot){.id = id, .number = number};
        map->count++;
    }
    return true;
}

void ha_idmap_deinit(struct ha_idmap *map)
{
    ha_free(map->slots);
    *map = (struct ha_idmap){0};
}
