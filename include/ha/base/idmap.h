/* SPDX-License-Identifier: MIT */
/*
 * A map from 64-bit ids to 32-bit numbers, open addressing with linear probing, for look-ups in hot loops (class of every object).
 *
 *     slots: [id|number][id|number]…   power of two, at most half full; number UINT32_MAX marks a free slot
 *
 * uthash does the same for small tables outside hot loops; it costs 56 bytes and two cache misses per entry, this one 16 and one.
 */
#ifndef HA_BASE_IDMAP_H
#define HA_BASE_IDMAP_H

#include "ha/base/mem.h"

#include <stdbool.h>
#include <stdint.h>

#define HA_IDMAP_NONE UINT32_MAX

struct ha_idmap_slot {
    uint64_t id;
    uint32_t number; /* HA_IDMAP_NONE: free */
    uint32_t pad;
};

struct ha_idmap {
    struct ha_idmap_slot *slots; /* a zeroed struct is a valid empty map */
    uint64_t mask;               /* slots - 1 */
    uint64_t seed;               /* drawn when the first id is entered: ids that a file chose do not collide on purpose */
    uint64_t count;
};

/* After the finalizer of MurmurHash3 (Appleby), with a secret before and between the multiplications. */
HA_INLINE uint64_t ha_idmap_mix(uint64_t x, uint64_t seed)
{
    x ^= seed;
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdULL;
    x ^= (x >> 33) + seed;
    x *= 0xc4ceb9fe1a85ec53ULL;
    return x ^ x >> 33;
}

/* The number of id, or HA_IDMAP_NONE. */
HA_INLINE uint32_t ha_idmap_get(const struct ha_idmap *map, uint64_t id)
{
    if (HA_UNLIKELY(map->slots == NULL)) {
        return HA_IDMAP_NONE;
    }
    for (uint64_t i = ha_idmap_mix(id, map->seed) & map->mask;; i = (i + 1) & map->mask) {
        const struct ha_idmap_slot *slot = &map->slots[i];
        if (slot->number == HA_IDMAP_NONE || slot->id == id) {
            return slot->number;
        }
    }
}

/* What was looked up last, for loops that ask for few ids again and again. A zeroed struct is a valid empty one; the map must not change meanwhile. */
#define HA_IDMAP_CACHE_SLOTS 256U
struct ha_idmap_cache {
    struct ha_idmap_slot slots[HA_IDMAP_CACHE_SLOTS]; /* number + 1, 0: empty */
};

/* As ha_idmap_get(). */
HA_INLINE uint32_t ha_idmap_get_cached(const struct ha_idmap *map, struct ha_idmap_cache *cache, uint64_t id)
{
    struct ha_idmap_slot *slot = &cache->slots[(id >> 3 ^ id >> 11) & (HA_IDMAP_CACHE_SLOTS - 1)];
    if (HA_UNLIKELY(slot->id != id || slot->number == 0)) {
        uint32_t number = ha_idmap_get(map, id);
        if (number == HA_IDMAP_NONE) {
            return HA_IDMAP_NONE;
        }
        slot->id = id;
        slot->number = number + 1;
    }
    return slot->number - 1;
}

/* Enters id -> number (not HA_IDMAP_NONE) unless id is there; *ret_old (may be NULL) gets the number that was there or HA_IDMAP_NONE.
   false without memory. */
bool ha_idmap_add(struct ha_idmap *map, uint64_t id, uint32_t number, uint32_t *ret_old) HA_WARN_UNUSED;
void ha_idmap_deinit(struct ha_idmap *map);

#endif
