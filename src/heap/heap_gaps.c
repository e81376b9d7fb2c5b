/* SPDX-License-Identifier: MIT */
/* Distances between neighbouring objects, per class. All sums and minima: the outcome does not depend on which worker met which object. */
#include "ha/heap/heap_gaps.h"

#define CLOSE_ELEMENTS_MIN 8U /* object arrays from this length on tell 4-byte from 8-byte references */
#define HEADER_LEAST 8U       /* bytes before the first element of any array, at least */
#define HEADER_MOST 32U

const struct ha_gap_arrays ha_gap_arrays_none = {.narrow = HA_GAP_NONE, .wide = HA_GAP_NONE, .references4 = HA_GAP_NONE, .references8 = HA_GAP_NONE};

struct ha_err *ha_gaps_init(struct ha_gaps *gaps, size_t class_count)
{
    *gaps = (struct ha_gaps){.arrays = ha_gap_arrays_none};
    gaps->classes = ha_alloc_array(class_count + 1, sizeof *gaps->classes);
    if (gaps->classes == NULL) {
        return ha_err_nomem();
    }
    for (size_t c = 0; c < class_count; c++) {
        gaps->classes[c] = (struct ha_gap){.smallest = HA_GAP_NONE, .object = HA_GAP_NONE};
    }
    return NULL;
}

void ha_gaps_deinit(struct ha_gaps *gaps)
{
    ha_free(gaps->classes);
    gaps->classes = NULL;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t sum(uint32_t a, uint32_t b)
{
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

void ha_gap_merge(struct ha_gap *to, const struct ha_gap *from)
{
    if (from->smallest < to->smallest) {
        to->smallest = from->smallest;
        to->same = from->same;
    } else if (from->smallest == to->smallest) {
        to->same = sum(to->same, from->same);
    }
    to->count = sum(to->count, from->count);
    to->object = smaller(to->object, from->object);
}

void ha_gap_arrays_merge(struct ha_gap_arrays *to, const struct ha_gap_arrays *from)
{
    to->narrow = smaller(to->narrow, from->narrow);
    to->wide = smaller(to->wide, from->wide);
    to->references4 = smaller(to->references4, from->references4);
    to->references8 = smaller(to->references8, from->references8);
    to->close_arrays = sum(to->close_arrays, from->close_arrays);
    to->far_arrays = sum(to->far_arrays, from->far_arrays);
    to->overlaps = sum(to->overlaps, from->overlaps);
    to->unaligned = sum(to->unaligned, from->unaligned);
    to->arrays = sum(to->arrays, from->arrays);
}

void ha_gaps_merge(struct ha_gaps *gaps, const struct ha_gaps *other, size_t class_count)
{
    for (size_t c = 0; c < class_count; c++) {
        ha_gap_merge(&gaps->classes[c], &other->classes[c]);
    }
    ha_gap_arrays_merge(&gaps->arrays, &other->arrays);
}

/* The next words of the line, the next lines of the page, the first of the page behind it. */
uint64_t ha_gap_after_far(const struct ha_heap_addresses *map, ha_addr address, ha_obj obj)
{
    if (map->sorted != NULL) {
        return (uint64_t)obj.i + 1 < map->branch_count ? map->sorted[obj.i + 1] - map->sorted[obj.i] : 0;
    }
    uint64_t slot = address >> map->shift;
    uint64_t page = map->directory[(slot >> HA_PAGE_SLOT_BITS) - map->first_page];
    const uint64_t page_words = HA_PAGE_LINES * 4;
    uint64_t word = slot >> 6 & (page_words - 1), end = page_words;
    if (page + 1 < map->page_count && map->page_numbers[page + 1] == map->page_numbers[page] + 1) {
        end += page_words;
    }
    for (uint64_t next = word + 1; next < end; next++) {
        const struct ha_line *line = &map->lines[page * HA_PAGE_LINES + next / 4];
        uint64_t bits = line->present[next & 3];
        if (bits != 0) {
            uint64_t slots = (next - word) * 64 + (uint64_t)__builtin_ctzll(bits) - (slot & 63);
            return slots << map->shift;
        }
    }
    return 0;
}

static uint32_t gap_after(struct ha_gaps *gaps, const struct ha_heap_addresses *map, ha_addr address, ha_obj obj)
{
    uint64_t gap = ha_gap_after(map, address, obj);
    gaps->arrays.unaligned += (address & 7) != 0 && gaps->arrays.unaligned < UINT32_MAX;
    return gap == 0 || gap >= HA_GAP_NONE ? HA_GAP_NONE : (uint32_t)gap;
}

/* Inline here, where pass 3 comes by for each object. */
HA_INLINE void add(struct ha_gap *seen, uint32_t gap)
{
    seen->count++;
    if (gap < seen->smallest) {
        seen->smallest = gap;
        seen->same = 1;
    } else {
        seen->same += gap == seen->smallest && gap != HA_GAP_NONE;
    }
}

void ha_gap_add(struct ha_gap *seen, uint32_t gap)
{
    add(seen, gap);
}

void ha_gap_note_instance(struct ha_gaps *gaps, const struct ha_heap_addresses *map, ha_addr address, ha_obj obj, uint32_t cls)
{
    add(&gaps->classes[cls], gap_after(gaps, map, address, obj));
}

void ha_gap_note_class(struct ha_gaps *gaps, const struct ha_heap_addresses *map, ha_addr address, ha_obj obj, uint32_t cls)
{
    gaps->classes[cls].object = gap_after(gaps, map, address, obj);
}

static void note_rest(uint32_t *least, uint64_t gap, uint64_t elements)
{
    if (gap >= elements && gap - elements < *least) {
        *least = (uint32_t)(gap - elements);
    }
}

HA_INLINE void add_array(struct ha_gap_arrays *seen, uint32_t gap, uint32_t length, unsigned element_bytes)
{
    if (gap == HA_GAP_NONE) {
        return;
    }
    seen->arrays += seen->arrays < UINT32_MAX;
    uint64_t elements = (uint64_t)length * (element_bytes == 0 ? 4 : element_bytes);
    seen->overlaps += gap < elements + HEADER_LEAST && seen->overlaps < UINT32_MAX;
    if (element_bytes != 0) {
        note_rest(element_bytes == 8 ? &seen->wide : &seen->narrow, gap, elements);
        return;
    }
    note_rest(&seen->references4, gap, elements);
    note_rest(&seen->references8, gap, 2 * elements);
    if (length >= CLOSE_ELEMENTS_MIN) {
        bool close = gap < 2 * elements + HEADER_LEAST;
        seen->close_arrays += close && seen->close_arrays < UINT32_MAX;
        seen->far_arrays += !close && gap <= 2 * elements + HEADER_MOST && seen->far_arrays < UINT32_MAX;
    }
}

void ha_gap_arrays_add(struct ha_gap_arrays *seen, uint32_t gap, uint32_t length, unsigned element_bytes)
{
    add_array(seen, gap, length, element_bytes);
}

void ha_gap_note_array(struct ha_gaps *gaps, const struct ha_heap_addresses *map, ha_addr address, ha_obj obj, uint32_t length, unsigned element_bytes)
{
    add_array(&gaps->arrays, gap_after(gaps, map, address, obj), length, element_bytes);
}
