/* SPDX-License-Identifier: MIT */
/*
 * Addresses to object numbers and back.
 *
 * The usual form is a two-level bitmap over address >> shift (shift 3 for JVM heaps, 0 where ids are unaligned):
 *
 *     directory  page of every 16384 slots, none where nothing lives
 *     line       256 slots: 4 words "an object begins here", 4 words "and it is a leaf"; one cache line
 *     rank       per line: branch and leaf objects before it, and within it before each word
 *
 *     number of a branch = objects that are no leaves before it; of a leaf = branch_count + leaves before it
 *
 * Where that would waste memory (ids all over the address space) a sorted array of addresses takes its place, and no object is a leaf.
 */
#ifndef HA_HEAP_HEAP_ADDRESSES_H
#define HA_HEAP_HEAP_ADDRESSES_H

#include "ha/base/mem.h"
#include "ha/heap/heap_ids.h"
#include "ha/index/index.h"

#include <string.h>

#define HA_LINE_SLOTS 256U
#define HA_PAGE_LINES 64U
#define HA_PAGE_SLOT_BITS 14U
#define HA_PAGE_NONE UINT32_MAX

struct ha_line {
    uint64_t present[4];
    uint64_t leaf[4];
};

struct ha_line_rank {
    uint32_t branches; /* before this line */
    uint32_t leaves;
    uint8_t branch_sub[4]; /* in this line before word 0, 1, 2, 3 */
    uint8_t leaf_sub[4];
};

struct ha_heap_addresses {
    uint32_t shift;
    uint32_t branch_count, leaf_count;
    /* bitmap form */
    uint64_t first_page; /* page number of directory[0] */
    uint64_t directory_count;
    const uint32_t *directory; /* index of the page's first line / HA_PAGE_LINES */
    const struct ha_line *lines;
    const struct ha_line_rank *ranks;
    const uint64_t *page_numbers; /* per page, ascending */
    uint64_t page_count;
    /* sorted form */
    const uint64_t *sorted; /* NULL in the bitmap form */
};

HA_INLINE uint32_t ha_popcount(uint64_t x)
{
    return (uint32_t)__builtin_popcountll(x);
}

/* Slow path of the look-up: the sorted form. */
bool ha_addresses_find_sorted(const struct ha_heap_addresses *map, ha_addr address, ha_obj *ret);

/* The line of an address in the bitmap form; false if there is none. */
HA_INLINE bool ha_addresses_line(const struct ha_heap_addresses *map, ha_addr address, uint64_t *ret)
{
    uint64_t slot = address >> map->shift;
    uint64_t page = (slot >> HA_PAGE_SLOT_BITS) - map->first_page;
    if (map->sorted != NULL || page >= map->directory_count) {
        return false;
    }
    uint32_t index = map->directory[page];
    *ret = (uint64_t)index * HA_PAGE_LINES + (slot >> 8 & (HA_PAGE_LINES - 1));
    return index < map->page_count;
}

/* The number of the object at an address; false if there is none. Leaf or not is chosen without a jump: nobody could predict it. */
HA_INLINE bool ha_addresses_find(const struct ha_heap_addresses *map, ha_addr address, ha_obj *ret)
{
    uint64_t line_index;
    if (HA_UNLIKELY(map->sorted != NULL)) {
        return ha_addresses_find_sorted(map, address, ret);
    }
    if (HA_UNLIKELY(!ha_addresses_line(map, address, &line_index) || (address & ((1U << map->shift) - 1)) != 0)) {
        return false;
    }
    const struct ha_line *line = &map->lines[line_index];
    const struct ha_line_rank *rank = &map->ranks[line_index];
    uint64_t slot = address >> map->shift;
    unsigned word = (unsigned)(slot >> 6) & 3;
    uint64_t bit = 1ULL << (slot & 63);
    uint64_t present = line->present[word], leaves = line->leaf[word];
    bool leaf = (leaves & bit) != 0;
    uint64_t same = leaf ? leaves : present & ~leaves; /* those of its kind */
    uint32_t before = (leaf ? rank->leaves : rank->branches) + (leaf ? rank->leaf_sub : rank->branch_sub)[word] + ha_popcount(same & (bit - 1));
    ret->i = (leaf ? map->branch_count : 0) + before;
    return HA_LIKELY((present & bit) != 0 && before < (leaf ? map->leaf_count : map->branch_count));
}

ha_addr ha_addresses_of(const struct ha_heap_addresses *map, ha_obj obj);

/* ---- building ---- */

/* Thrown-together set of addresses while the dump is scanned by several workers. */
struct ha_address_set;

enum ha_address_trouble {
    HA_ADDRESSES_FINE,
    HA_ADDRESSES_UNALIGNED, /* start again with shift 0 */
    HA_ADDRESSES_SPARSE     /* start again with the sorted form */
};

/* shift 64: the sorted form. dump_bytes bounds the memory of the bitmap form. NULL without memory. */
struct ha_address_set *ha_address_set_create(uint32_t shift, unsigned workers, uint64_t dump_bytes);
void ha_address_set_destroy(struct ha_address_set *set);

/* The addresses that a worker entered last, which lie in one word of the bitmap. */
struct ha_address_pending {
    uint32_t shift;         /* of the set */
    uint64_t word;          /* index of the word: address >> shift >> 6 */
    uint64_t present, leaf; /* bits in it */
};

/* What a worker enters addresses with. Belongs to the set. */
struct ha_address_pending *ha_address_set_pending(struct ha_address_set *set, unsigned worker);

/* The path of ha_address_set_add() that is not taken mostly. */
struct ha_err *ha_address_set_add_far(struct ha_address_set *set, unsigned worker, ha_addr address, bool leaf) HA_WARN_UNUSED;

/* Enters an address (not 0); pending: that of the worker. Thread-safe for different workers; repeated entries are fine (kinds are or-ed). */
HA_INLINE HA_WARN_UNUSED struct ha_err *ha_address_set_add(struct ha_address_set *set, struct ha_address_pending *pending, unsigned worker,
                                                           ha_addr address, bool leaf)
{
    bool near = pending->shift < 64 && address >> pending->shift >> 6 == pending->word && (address & ((1U << pending->shift) - 1)) == 0;
    if (HA_LIKELY(near)) {
        uint64_t bit = 1ULL << (address >> pending->shift & 63);
        pending->present |= bit;
        pending->leaf |= leaf ? bit : 0;
        return NULL;
    }
    return ha_address_set_add_far(set, worker, address, leaf);
}
struct ha_err *ha_address_set_flush(struct ha_address_set *set, unsigned worker) HA_WARN_UNUSED; /* at the end of each batch */
enum ha_address_trouble ha_address_set_trouble(const struct ha_address_set *set);

/* Distinct addresses entered so far; 0 in the sorted form (not known before ha_address_set_finish()). */
uint64_t ha_address_set_count(const struct ha_address_set *set);

/* Whether a set with shift 3 of that many pages, regions and objects ends in the bitmap form; `most` and `least` where the number is not known exactly. false:
   no, or it cannot be told. span: pages from the first to the last. */
bool ha_addresses_are_dense(uint64_t pages_least, uint64_t pages_most, uint64_t regions_most, uint64_t span, uint64_t objects, uint64_t dump_bytes);
#define HA_PAGE_ADDRESS_BITS (HA_PAGE_SLOT_BITS + 3U)    /* of a page with shift 3 */
#define HA_REGION_ADDRESS_BITS (HA_PAGE_ADDRESS_BITS + 15U) /* and of a region */

/* Numbers the objects and writes the sections of the map. HA_ERR_LIMIT beyond HA_OBJECTS_MAX. */
struct ha_err *ha_address_set_finish(struct ha_address_set *set, struct ha_index_writer *writer) HA_WARN_UNUSED;

/* Attaches to the sections, of an index or of a writer. Borrowed. */
typedef struct ha_err *(*ha_section_fn)(void *ctx, uint32_t id, struct ha_index_section *ret);
struct ha_err *ha_addresses_open(ha_section_fn find, void *ctx, struct ha_heap_addresses **ret) HA_WARN_UNUSED;
void ha_addresses_close(struct ha_heap_addresses *map);

#endif
