/* SPDX-License-Identifier: MIT */
/*
 * The bitmap form of the address map once more, laid out for a pass that looks up every reference of a dump: all that one look-up reads lies together,
 * in memory with huge pages, and an address that cannot be one of an object leads to an empty page instead of a jump.
 *
 *     directory   per page of slots its number; the empty page where there is none, and once more behind the last
 *     words       per 64 slots: [present 8][leaf 8][number of its first branch 4][of its first leaf 4]
 *
 * A look-up has two steps, so that the misses of many can overlap: ha_lookup_locate() asks for the word, ha_lookup_at() reads it.
 * Memory: 24 bytes per 64 slots; read-only while it is used, by any number of threads.
 */
#ifndef HA_HEAP_HEAP_LOOKUP_H
#define HA_HEAP_HEAP_LOOKUP_H

#include "ha/heap/heap_addresses.h"

#define HA_LOOKUP_WORD_BITS 6U

struct ha_lookup_word {
    uint64_t present, leaf;
    uint32_t branches, leaves; /* numbers of the first branch object and the first leaf in it */
};

struct ha_lookup {
    uint32_t shift;
    uint64_t first_page, directory_count;
    const uint32_t *directory;
    const struct ha_lookup_word *words;
    struct ha_big directory_memory, words_memory;
};

/* Makes it from a map in the bitmap form (sorted == NULL), which must be sound, as one just made is. *ret is deinited by the caller, whatever
   comes of it. */
struct ha_err *ha_lookup_init(struct ha_lookup *ret, const struct ha_heap_addresses *map) HA_WARN_UNUSED;
void ha_lookup_deinit(struct ha_lookup *lookup);

/* The place of an address, which may be anything. */
HA_INLINE uint64_t ha_lookup_locate(const struct ha_lookup *lookup, ha_addr address)
{
    uint64_t slot = address >> lookup->shift;
    uint64_t page = (slot >> HA_PAGE_SLOT_BITS) - lookup->first_page;
    bool odd = (address & ((1U << lookup->shift) - 1)) != 0;
    page = page < lookup->directory_count && !odd ? page : lookup->directory_count;
    uint64_t place = (uint64_t)lookup->directory[page] << HA_PAGE_SLOT_BITS | (slot & ((1U << HA_PAGE_SLOT_BITS) - 1));
    __builtin_prefetch(&lookup->words[place >> HA_LOOKUP_WORD_BITS]);
    return place;
}

/* The number of the object at a place within a word; false if there is none. Leaf or not is chosen without a jump: nobody could predict it. */
HA_INLINE bool ha_lookup_in_word(const struct ha_lookup_word *word, uint64_t place, ha_obj *ret)
{
    uint64_t bit = 1ULL << (place & 63);
    bool leaf = (word->leaf & bit) != 0;
    uint64_t same = leaf ? word->leaf : word->present & ~word->leaf; /* those of its kind */
    ret->i = (leaf ? word->leaves : word->branches) + ha_popcount(same & (bit - 1));
    return (word->present & bit) != 0;
}

HA_INLINE bool ha_lookup_at(const struct ha_lookup *lookup, uint64_t place, ha_obj *ret)
{
    return ha_lookup_in_word(&lookup->words[place >> HA_LOOKUP_WORD_BITS], place, ret);
}

/* The word that was read last, for addresses that mostly follow each other. A zeroed one is not to be used: see ha_lookup_near_init(). */
struct ha_lookup_near {
    uint64_t number; /* of the word: address >> shift >> HA_LOOKUP_WORD_BITS */
    struct ha_lookup_word word;
};

HA_INLINE void ha_lookup_near_init(struct ha_lookup_near *nearby)
{
    *nearby = (struct ha_lookup_near){.number = UINT64_MAX};
}

/* As locate and at. */
HA_INLINE bool ha_lookup_find_near(const struct ha_lookup *lookup, struct ha_lookup_near *nearby, ha_addr address, ha_obj *ret)
{
    uint64_t slot = address >> lookup->shift;
    if (HA_UNLIKELY((address & ((1U << lookup->shift) - 1)) != 0)) {
        return false;
    }
    if (HA_UNLIKELY(slot >> HA_LOOKUP_WORD_BITS != nearby->number)) {
        nearby->number = slot >> HA_LOOKUP_WORD_BITS;
        nearby->word = lookup->words[ha_lookup_locate(lookup, address) >> HA_LOOKUP_WORD_BITS];
    }
    return ha_lookup_in_word(&nearby->word, slot, ret);
}

#endif
