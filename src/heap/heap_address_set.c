/* SPDX-License-Identifier: MIT */
/*
 * The set of addresses while a dump is being scanned, and how it becomes the address map.
 *
 * Pages of the bitmap are made when their first address comes. They are found through regions of 2^29 slots: few in any real heap, kept in a
 * short list that is only appended to; each worker remembers its last page. Bits are collected per worker in one pending word and or-ed
 * into the page when the next address falls elsewhere: dumps ascend, so that is one atomic operation per ten objects.
 *
 *     region list -> [page pointers of the region] -> page (64 lines)
 *
 * Memory: 4 KiB per 16384 slots that hold an object. When pages and regions outgrow the dump (twice its bytes and 16 MiB) while it is scanned, or its
 * objects (96 bytes each and 16 MiB) in the end, the set reports HA_ADDRESSES_SPARSE and the caller starts again with plain arrays of addresses, one
 * per worker, sorted at the end. Neither depends on which worker came first.
 */
#include "ha/heap/heap_addresses.h"

#include "ha/base/vec.h"
#include "ha/heap/heap_sections.h"
#include "heap/heap_addresses_format.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define REGION_PAGE_BITS 15U /* pages of a region: 2^29 slots, 4 GiB of a heap of objects at multiples of 8 */
#define REGIONS_MAX 512U /* the list is gone through */
#define BLOCK_PAGES 512U /* 2 MiB */
#define SMALL_BLOCK_PAGES 8U
#define SMALL_BLOCKS 16U /* then a small dump is none any more */
#define DIRECTORY_FLOOR (4U << 20) /* entries that any dump may have; beyond, only in proportion to its pages */
#define DIRECTORY_ENTRIES_PER_PAGE 256U
#define SPARSE_FLOOR (16U << 20)
#define REGION_BYTES sizeof(struct region)
#define SPARSE_BYTES_PER_OBJECT 96U

struct page {
    struct ha_line lines[HA_PAGE_LINES];
};

struct region {
    uint64_t number;
    uint32_t first, end; /* pages there are lie in [first, end) of the region; under the lock */
    _Atomic(struct page *) pages[1U << REGION_PAGE_BITS];
};

struct worker {
    struct page *page;
    uint64_t page_number; /* of page */
    struct ha_address_pending pending;
    HA_VEC(uint64_t) list; /* sorted form */
    char pad[64];          /* workers do not share cache lines */
};

struct ha_address_set {
    uint32_t shift;
    unsigned worker_count;
    uint64_t dump_bytes;
    struct worker *workers;
    _Atomic(int) trouble;
    pthread_mutex_t lock; /* guards making regions and pages, and all below */
    HA_VEC(struct ha_big) blocks; /* memory of the pages */
    uint32_t block_used, block_pages; /* of the last one */
    _Atomic(struct region *) regions[REGIONS_MAX];
    _Atomic(uint32_t) region_count;
    _Atomic(uint64_t) page_count;
};

struct ha_address_set *ha_address_set_create(uint32_t shift, unsigned workers, uint64_t dump_bytes)
{
    struct ha_address_set *set = ha_calloc_array(1, sizeof *set);
    if (set == NULL) {
        return NULL;
    }
    set->shift = shift;
    set->worker_count = workers;
    set->dump_bytes = dump_bytes;
    set->workers = ha_calloc_array(workers, sizeof *set->workers);
    if (set->workers == NULL) {
        ha_free(set);
        return NULL;
    }
    for (unsigned i = 0; i < workers; i++) {
        set->workers[i].page_number = UINT64_MAX;
        set->workers[i].pending = (struct ha_address_pending){.shift = shift, .word = UINT64_MAX};
    }
    pthread_mutex_init(&set->lock, NULL);
    return set;
}

static void region_free(struct region *region)
{
    struct ha_big big = {.data = region, .bytes = sizeof *region};
    ha_big_deinit(&big);
}

void ha_address_set_destroy(struct ha_address_set *set)
{
    if (set == NULL) {
        return;
    }
    for (uint32_t r = 0; r < atomic_load(&set->region_count); r++) {
        region_free(atomic_load(&set->regions[r]));
    }
    for (unsigned i = 0; i < set->worker_count; i++) {
        ha_vec_deinit(&set->workers[i].list);
    }
    for (size_t i = 0; i < set->blocks.count; i++) {
        ha_big_deinit(&set->blocks.data[i]);
    }
    ha_vec_deinit(&set->blocks);
    pthread_mutex_destroy(&set->lock);
    ha_free(set->workers);
    ha_free(set);
}

static struct region *region_find(struct ha_address_set *set, uint64_t number)
{
    uint32_t count = atomic_load_explicit(&set->region_count, memory_order_acquire);
    for (uint32_t r = 0; r < count; r++) {
        struct region *region = atomic_load_explicit(&set->regions[r], memory_order_relaxed);
        if (region->number == number) {
            return region;
        }
    }
    return NULL;
}

/* Memory of a page, zero-filled; under the lock. Blocks grow with their number. */
static struct page *page_new(struct ha_address_set *set)
{
    if (set->blocks.count == 0 || set->block_used == set->block_pages) {
        uint32_t pages = set->blocks.count < SMALL_BLOCKS ? SMALL_BLOCK_PAGES : BLOCK_PAGES;
        struct ha_big *block = ha_vec_push(&set->blocks);
        if (block == NULL) {
            return NULL;
        }
        *block = (struct ha_big){0};
        struct ha_err *err = ha_big_init(block, pages, sizeof(struct page));
        if (err != NULL) {
            ha_err_free(err);
            set->blocks.count--;
            return NULL;
        }
        set->block_used = 0;
        set->block_pages = pages;
    }
    return (struct page *)set->blocks.data[set->blocks.count - 1].data + set->block_used++;
}

/* Makes the page (and its region) under the lock; NULL without memory or with too many regions (then trouble is set). */
static struct page *page_make(struct ha_address_set *set, uint64_t page_number)
{
    uint64_t number = page_number >> REGION_PAGE_BITS;
    struct region *region = region_find(set, number);
    if (region == NULL) {
        uint32_t count = atomic_load(&set->region_count);
        struct ha_big big = {0};
        if (count == REGIONS_MAX) {
            atomic_store(&set->trouble, HA_ADDRESSES_SPARSE);
            return NULL;
        }
        struct ha_err *err = ha_big_init(&big, 1, sizeof *region);
        if (err != NULL) {
            ha_err_free(err);
            return NULL;
        }
        region = big.data;
        region->number = number;
        region->first = 1U << REGION_PAGE_BITS;
        atomic_store(&set->regions[count], region);
        atomic_store_explicit(&set->region_count, count + 1, memory_order_release);
    }
    uint32_t at = page_number & ((1U << REGION_PAGE_BITS) - 1);
    _Atomic(struct page *) *slot = &region->pages[at];
    struct page *page = atomic_load(slot);
    if (page == NULL) {
        page = page_new(set);
        if (page != NULL) {
            region->first = at < region->first ? at : region->first;
            region->end = at + 1 > region->end ? at + 1 : region->end;
            atomic_store_explicit(slot, page, memory_order_release);
            atomic_fetch_add(&set->page_count, 1);
        }
    }
    return page;
}

static uint64_t bitmap_bytes(const struct ha_address_set *set)
{
    return atomic_load(&set->page_count) * sizeof(struct page) + (uint64_t)atomic_load(&set->region_count) * REGION_BYTES;
}

static bool outgrows_dump(uint64_t bytes, uint64_t dump_bytes)
{
    return bytes > SPARSE_FLOOR && (bytes - SPARSE_FLOOR) / 2 > dump_bytes;
}

static bool outgrows_objects(uint64_t bytes, uint64_t objects)
{
    return bytes > SPARSE_FLOOR && (bytes - SPARSE_FLOOR) / SPARSE_BYTES_PER_OBJECT > objects;
}

static bool outgrows_pages(uint64_t span, uint64_t pages)
{
    return span > DIRECTORY_FLOOR && span / DIRECTORY_ENTRIES_PER_PAGE > pages;
}

/* Stops a try that outgrows the dump. Pages are never given back, so whether this happens does not depend on the order of the addresses. */
static void watch_memory(struct ha_address_set *set)
{
    if (outgrows_dump(bitmap_bytes(set), set->dump_bytes)) {
        atomic_store(&set->trouble, HA_ADDRESSES_SPARSE);
    }
}

static struct ha_err *page_get(struct ha_address_set *set, uint64_t page_number, struct page **ret)
{
    if (atomic_load_explicit(&set->trouble, memory_order_relaxed) != HA_ADDRESSES_FINE) {
        *ret = NULL; /* all of it will be done again: no more memory for this try */
        return NULL;
    }
    struct region *region = region_find(set, page_number >> REGION_PAGE_BITS);
    struct page *page = NULL;
    if (region != NULL) {
        page = atomic_load_explicit(&region->pages[page_number & ((1U << REGION_PAGE_BITS) - 1)], memory_order_acquire);
    }
    if (page == NULL) {
        pthread_mutex_lock(&set->lock);
        page = page_make(set, page_number);
        watch_memory(set);
        pthread_mutex_unlock(&set->lock);
    }
    *ret = page;
    if (page == NULL && atomic_load(&set->trouble) == HA_ADDRESSES_FINE) {
        return ha_err_nomem();
    }
    return NULL;
}

/* Or-s the pending word of a worker into its page. */
static struct ha_err *put_pending(struct ha_address_set *set, struct worker *w)
{
    struct ha_address_pending *pending = &w->pending;
    if (pending->present == 0) {
        return NULL;
    }
    uint64_t page_number = pending->word >> (HA_PAGE_SLOT_BITS - 6);
    if (page_number != w->page_number || w->page == NULL) {
        HA_TRY(page_get(set, page_number, &w->page));
        w->page_number = page_number;
    }
    if (w->page != NULL) {
        struct ha_line *line = &w->page->lines[pending->word >> 2 & (HA_PAGE_LINES - 1)];
        __atomic_fetch_or(&line->present[pending->word & 3], pending->present, __ATOMIC_RELAXED);
        if (pending->leaf != 0) {
            __atomic_fetch_or(&line->leaf[pending->word & 3], pending->leaf, __ATOMIC_RELAXED);
        }
    }
    pending->present = pending->leaf = 0;
    return NULL;
}

bool ha_addresses_are_dense(uint64_t pages_least, uint64_t pages_most, uint64_t regions_most, uint64_t span, uint64_t objects, uint64_t dump_bytes)
{
    static_assert(HA_REGION_ADDRESS_BITS == HA_PAGE_ADDRESS_BITS + REGION_PAGE_BITS, "regions are counted by their addresses");
    uint64_t bytes = pages_most * sizeof(struct page) + regions_most * REGION_BYTES;
    return regions_most <= REGIONS_MAX && objects <= HA_OBJECTS_MAX && !outgrows_dump(bytes, dump_bytes) && !outgrows_objects(bytes, objects) &&
           !outgrows_pages(span, pages_least);
}

struct ha_address_pending *ha_address_set_pending(struct ha_address_set *set, unsigned worker)
{
    return &set->workers[worker].pending;
}

struct ha_err *ha_address_set_add_far(struct ha_address_set *set, unsigned worker, ha_addr address, bool leaf)
{
    struct worker *w = &set->workers[worker];
    if (HA_UNLIKELY(set->shift == HA_SHIFT_SORTED)) {
        uint64_t *slot = ha_vec_push(&w->list);
        if (slot == NULL) {
            return ha_err_nomem();
        }
        *slot = address;
        return NULL;
    }
    if (HA_UNLIKELY((address & ((1U << set->shift) - 1)) != 0)) {
        atomic_store(&set->trouble, HA_ADDRESSES_UNALIGNED);
        return NULL;
    }
    uint64_t slot = address >> set->shift;
    HA_TRY(put_pending(set, w));
    uint64_t bit = 1ULL << (slot & 63);
    w->pending.word = slot >> 6;
    w->pending.present = bit;
    w->pending.leaf = leaf ? bit : 0;
    return NULL;
}

struct ha_err *ha_address_set_flush(struct ha_address_set *set, unsigned worker)
{
    return set->shift == HA_SHIFT_SORTED ? NULL : put_pending(set, &set->workers[worker]);
}

enum ha_address_trouble ha_address_set_trouble(const struct ha_address_set *set)
{
    return (enum ha_address_trouble)atomic_load(&set->trouble);
}

HA_POPCNT_CLONES static uint64_t count_bits(const struct ha_address_set *set)
{
    uint64_t count = 0;
    for (uint32_t r = 0; r < atomic_load(&set->region_count); r++) {
        const struct region *region = atomic_load(&set->regions[r]);
        for (uint32_t p = region->first; p < region->end; p++) {
            const struct page *page = atomic_load_explicit(&region->pages[p], memory_order_relaxed);
            for (unsigned i = 0; page != NULL && i < HA_PAGE_LINES; i++) {
                for (unsigned w = 0; w < 4; w++) {
                    count += ha_popcount(page->lines[i].present[w]);
                }
            }
        }
    }
    return count;
}

uint64_t ha_address_set_count(const struct ha_address_set *set)
{
    return count_bits(set);
}

/* ---- finishing ---- */

static int compare_u64(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static struct ha_err *finish_sorted(struct ha_address_set *set, struct ha_index_writer *writer)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < set->worker_count; i++) {
        total += set->workers[i].list.count;
    }
    struct ha_big all = {0};
    if (total > 0) {
        HA_TRY(ha_big_init(&all, total, sizeof(uint64_t)));
    }
    uint64_t *ids = all.data;
    uint64_t n = 0;
    for (unsigned i = 0; i < set->worker_count; i++) {
        if (set->workers[i].list.count > 0) {
            memcpy(ids + n, set->workers[i].list.data, set->workers[i].list.count * sizeof *ids);
            n += set->workers[i].list.count;
        }
        ha_vec_deinit(&set->workers[i].list);
    }
    if (n > 0) {
        qsort(ids, n, sizeof *ids, compare_u64);
    }
    uint64_t kept = 0;
    for (uint64_t i = 0; i < n; i++) {
        if (kept == 0 || ids[kept - 1] != ids[i]) {
            ids[kept++] = ids[i];
        }
    }
    struct ha_address_info info = {.shift = HA_SHIFT_SORTED, .branch_count = (uint32_t)kept};
    struct ha_err *err = kept > HA_OBJECTS_MAX ? ha_err_new(HA_ERR_LIMIT, "the dump has more than %u objects", HA_OBJECTS_MAX) : NULL;
    if (err == NULL) {
        err = ha_index_section_put(writer, HA_SECTION_ADDRESS_SORTED, sizeof *ids, kept, ids);
    }
    if (err == NULL) {
        err = ha_index_section_put(writer, HA_SECTION_ADDRESS_INFO, sizeof info, 1, &info);
    }
    ha_big_deinit(&all);
    return err;
}

static int compare_regions(const void *a, const void *b)
{
    struct region *const *x = a, *const *y = b;
    return ((*x)->number > (*y)->number) - ((*x)->number < (*y)->number);
}

/* Copies the pages in address order. */
static struct ha_err *copy_pages(struct ha_address_set *set, struct ha_line *lines, uint64_t *numbers)
{
    uint32_t region_count = atomic_load(&set->region_count);
    HA_FREE struct region **sorted = ha_alloc_array(region_count, sizeof(struct region *));
    if (sorted == NULL) {
        return ha_err_nomem();
    }
    for (uint32_t r = 0; r < region_count; r++) {
        sorted[r] = atomic_load(&set->regions[r]);
    }
    qsort(sorted, region_count, sizeof(struct region *), compare_regions);
    uint64_t next = 0;
    for (uint32_t r = 0; r < region_count; r++) {
        for (uint32_t p = sorted[r]->first; p < sorted[r]->end; p++) {
            struct page *page = atomic_load_explicit(&sorted[r]->pages[p], memory_order_relaxed);
            if (page != NULL) {
                memcpy(lines + next * HA_PAGE_LINES, page, sizeof *page);
                numbers[next++] = sorted[r]->number << REGION_PAGE_BITS | p;
            }
        }
    }
    return NULL;
}

/* Pages from the first to the last one, 0 when there is none; *ret_first: number of the first. */
static uint64_t page_span(const struct ha_address_set *set, uint64_t *ret_first)
{
    uint64_t first = UINT64_MAX, last = 0;
    for (uint32_t r = 0; r < atomic_load(&set->region_count); r++) {
        const struct region *region = atomic_load(&set->regions[r]);
        for (uint32_t p = region->first; p < region->end; p++) {
            if (atomic_load_explicit(&region->pages[p], memory_order_relaxed) != NULL) {
                uint64_t number = region->number << REGION_PAGE_BITS | p;
                first = number < first ? number : first;
                last = number > last ? number : last;
            }
        }
    }
    *ret_first = first == UINT64_MAX ? 0 : first;
    return first == UINT64_MAX ? 0 : last - first + 1;
}

HA_POPCNT_CLONES static struct ha_err *rank_lines(const struct ha_line *lines, struct ha_line_rank *ranks, uint64_t count, struct ha_address_info *info)
{
    uint64_t branches = 0, leaves = 0;
    for (uint64_t i = 0; i < count; i++) {
        ranks[i] = (struct ha_line_rank){.branches = (uint32_t)branches, .leaves = (uint32_t)leaves};
        uint32_t branch_sub = 0, leaf_sub = 0;
        for (unsigned w = 0; w < 4; w++) {
            ranks[i].branch_sub[w] = (uint8_t)branch_sub;
            ranks[i].leaf_sub[w] = (uint8_t)leaf_sub;
            branch_sub += ha_popcount(lines[i].present[w] & ~lines[i].leaf[w]);
            leaf_sub += ha_popcount(lines[i].leaf[w]);
        }
        branches += branch_sub;
        leaves += leaf_sub;
        if (branches + leaves > HA_OBJECTS_MAX) {
            return ha_err_new(HA_ERR_LIMIT, "the dump has more than %u objects, the most that can be numbered", HA_OBJECTS_MAX);
        }
    }
    info->branch_count = (uint32_t)branches;
    info->leaf_count = (uint32_t)leaves;
    return NULL;
}

/* Writes the sections of the bitmap form, its lines and ranks by way of the given arrays. */
static struct ha_err *finish_bitmap(struct ha_address_set *set, struct ha_index_writer *writer, struct ha_line *lines, struct ha_line_rank *ranks,
                                    uint64_t span, struct ha_address_info *info)
{
    uint64_t pages = atomic_load(&set->page_count);
    void *numbers, *directory;
    HA_TRY(ha_index_section_map(writer, HA_SECTION_ADDRESS_PAGES, sizeof(uint64_t), pages, &numbers));
    if (pages > 0) {
        HA_TRY(copy_pages(set, lines, numbers));
        HA_TRY(rank_lines(lines, ranks, pages * HA_PAGE_LINES, info));
    }
    HA_TRY(ha_index_section_put(writer, HA_SECTION_ADDRESS_LINES, sizeof *lines, pages * HA_PAGE_LINES, lines));
    HA_TRY(ha_index_section_put(writer, HA_SECTION_ADDRESS_RANKS, sizeof *ranks, pages * HA_PAGE_LINES, ranks));
    HA_TRY(ha_index_section_map(writer, HA_SECTION_ADDRESS_DIR, sizeof(uint32_t), span, &directory));
    if (span > 0) {
        memset(directory, 0xff, span * sizeof(uint32_t));
        for (uint64_t p = 0; p < pages; p++) {
            ((uint32_t *)directory)[((const uint64_t *)numbers)[p] - info->first_page] = (uint32_t)p;
        }
    }
    return ha_index_section_put(writer, HA_SECTION_ADDRESS_INFO, sizeof *info, 1, info);
}

struct ha_err *ha_address_set_finish(struct ha_address_set *set, struct ha_index_writer *writer)
{
    if (set->shift == HA_SHIFT_SORTED) {
        return finish_sorted(set, writer);
    }
    uint64_t objects = ha_address_set_count(set);
    if (outgrows_objects(bitmap_bytes(set), objects)) {
        atomic_store(&set->trouble, HA_ADDRESSES_SPARSE);
        return NULL;
    }
    uint64_t pages = atomic_load(&set->page_count);
    struct ha_address_info info = {.shift = set->shift};
    uint64_t span = page_span(set, &info.first_page);
    if (outgrows_pages(span, pages)) {
        atomic_store(&set->trouble, HA_ADDRESSES_SPARSE);
        return NULL;
    }
    struct ha_big lines = {0}, ranks = {0};
    struct ha_err *err = ha_big_init_raw(&lines, pages * HA_PAGE_LINES, sizeof(struct ha_line));
    if (err == NULL) {
        err = ha_big_init_raw(&ranks, pages * HA_PAGE_LINES, sizeof(struct ha_line_rank));
    }
    if (err == NULL) {
        err = finish_bitmap(set, writer, lines.data, ranks.data, span, &info);
    }
    ha_big_deinit(&lines);
    ha_big_deinit(&ranks);
    return err;
}
