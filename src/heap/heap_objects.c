/* SPDX-License-Identifier: MIT */
/* Questions about objects, classes, roots and threads that the tables answer without the dump. */
#include "ha/heap/heap.h"

#include "ha/heap/heap_addresses.h"

#include <string.h>

#define RANK_BLOCK 512U

bool ha_heap_find(const struct ha_heap *heap, ha_addr address, ha_obj *ret)
{
    return address != 0 && ha_addresses_find(heap->addresses, address, ret);
}

ha_addr ha_heap_address(const struct ha_heap *heap, ha_obj obj)
{
    return ha_addresses_of(heap->addresses, obj);
}

bool ha_heap_as_class(const struct ha_heap *heap, ha_obj obj, ha_cls *ret)
{
    uint64_t low = 0, high = heap->class_object_count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (heap->class_objects[2 * middle] < obj.i) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == heap->class_object_count || heap->class_objects[2 * low] != obj.i) {
        return false;
    }
    ret->i = heap->class_objects[2 * low + 1];
    return true;
}

/* Arrays among the first `left` objects of a block; eight bytes at a time while there are so many. */
HA_POPCNT_CLONES
static uint64_t arrays_in_block(const uint8_t *bits, const uint8_t *end, uint32_t left)
{
    uint64_t rank = 0;
    for (; left >= 64; left -= 64, bits += 8) {
        rank += ha_popcount(ha_le64(bits));
    }
    if (HA_LIKELY(end - bits >= 8)) {
        return rank + ha_popcount(ha_le64(bits) & ((1ULL << left) - 1));
    }
    for (; left >= 8; left -= 8, bits++) {
        rank += ha_popcount(*bits);
    }
    return left == 0 ? rank : rank + ha_popcount(*bits & ((1U << left) - 1));
}

uint64_t ha_heap_arrays_before(const struct ha_heap *heap, ha_obj obj)
{
    if (obj.i >= heap->facts.object_count) {
        return heap->array_count;
    }
    const uint32_t begin = obj.i / RANK_BLOCK * RANK_BLOCK;
    const uint8_t *end = heap->array_bits + ((uint64_t)heap->facts.object_count + 7) / 8;
    return heap->array_ranks[obj.i / RANK_BLOCK] + arrays_in_block(heap->array_bits + begin / 8, end, obj.i - begin);
}

uint32_t ha_heap_array_length(const struct ha_heap *heap, ha_obj obj)
{
    if (!ha_heap_is_array(heap, obj)) {
        return 0;
    }
    uint64_t rank = ha_heap_arrays_before(heap, obj);
    return rank < heap->array_count ? heap->array_lengths[rank] : 0;
}

uint32_t ha_heap_classes_named(const struct ha_heap *heap, const char *name, void (*fn)(void *ctx, ha_cls cls), void *ctx)
{
    uint32_t count = 0;
    for (uint32_t c = 0; c < heap->facts.class_count; c++) {
        if (strcmp(heap->classes[c].name, name) == 0) {
            count++;
            fn(ctx, (ha_cls){c});
        }
    }
    return count;
}

bool ha_heap_class_is_a(const struct ha_heap *heap, ha_cls cls, ha_cls ancestor)
{
    for (uint32_t depth = 0; depth <= HA_CLASS_DEPTH_MAX && !ha_cls_is_none(cls); depth++) {
        if (cls.i == ancestor.i) {
            return true;
        }
        cls = heap->classes[cls.i].super;
    }
    return false;
}

uint32_t ha_heap_root_kinds(const struct ha_heap *heap, ha_obj obj)
{
    uint64_t low = 0, high = heap->root_count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (heap->roots[middle].obj.i < obj.i) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < heap->root_count && heap->roots[low].obj.i == obj.i ? heap->roots[low].kinds : 0;
}

const char *ha_root_kind_text(enum ha_root_kind kind)
{
    switch (kind) {
    case HA_ROOT_SYSTEM_CLASS:
        return "system class";
    case HA_ROOT_JNI_GLOBAL:
        return "JNI global";
    case HA_ROOT_JNI_LOCAL:
        return "JNI local";
    case HA_ROOT_JAVA_LOCAL:
        return "Java local";
    case HA_ROOT_NATIVE_STACK:
        return "native stack";
    case HA_ROOT_THREAD_BLOCK:
        return "thread block";
    case HA_ROOT_BUSY_MONITOR:
        return "busy monitor";
    case HA_ROOT_THREAD:
        return "thread";
    case HA_ROOT_UNKNOWN:
        return "unknown";
    case HA_ROOT_INTERNED_STRING:
        return "interned string";
    case HA_ROOT_FINALIZING:
        return "finalizing";
    case HA_ROOT_DEBUGGER:
        return "debugger";
    case HA_ROOT_REFERENCE_CLEANUP:
        return "reference cleanup";
    case HA_ROOT_VM_INTERNAL:
        return "VM internal";
    case HA_ROOT_JNI_MONITOR:
        return "JNI monitor";
    }
    return "unknown";
}

const struct ha_thread *ha_heap_thread_of(const struct ha_heap *heap, ha_obj obj)
{
    if ((ha_heap_root_kinds(heap, obj) & 1U << HA_ROOT_THREAD) == 0) {
        return NULL;
    }
    uint64_t low = 0, high = heap->thread_count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (heap->threads[middle].obj.i < obj.i) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < heap->thread_count && heap->threads[low].obj.i == obj.i ? &heap->threads[low] : NULL;
}

/* ---- ascending addresses ---- */

void ha_heap_walk_begin(const struct ha_heap *heap, struct ha_heap_walk *ret)
{
    *ret = (struct ha_heap_walk){.heap = heap};
}

bool ha_heap_walk_next(struct ha_heap_walk *walk, ha_obj *ret_obj, ha_addr *ret_address)
{
    const struct ha_heap_addresses *map = walk->heap->addresses;
    if (map->sorted != NULL) {
        if (walk->position >= map->branch_count) {
            return false;
        }
        *ret_address = map->sorted[walk->position];
        ret_obj->i = (uint32_t)walk->position++;
        return true;
    }
    uint64_t words = map->page_count * HA_PAGE_LINES * 4;
    /* position: word << 6 | bit; bits of a word below `bit` have been delivered */
    for (uint64_t word = walk->position >> 6; word < words; word++) {
        const struct ha_line *line = &map->lines[word >> 2];
        unsigned done = word == walk->position >> 6 ? (unsigned)(walk->position & 63) : 0;
        uint64_t bits = line->present[word & 3] >> done << done;
        if (bits == 0) {
            continue;
        }
        unsigned bit = (unsigned)__builtin_ctzll(bits);
        bool leaf = (line->leaf[word & 3] >> bit & 1) != 0;
        uint64_t number = leaf ? map->branch_count + walk->leaf_next++ : walk->branch_next++;
        uint64_t slot = (map->page_numbers[word / (4 * HA_PAGE_LINES)] << HA_PAGE_SLOT_BITS) + (word & (4 * HA_PAGE_LINES - 1)) * 64 + bit;
        walk->position = (word << 6 | bit) + 1;
        if (number >= walk->heap->facts.object_count) {
            return false; /* a damaged index */
        }
        *ret_address = slot << map->shift;
        ret_obj->i = (uint32_t)number;
        return true;
    }
    walk->position = words << 6;
    return false;
}
