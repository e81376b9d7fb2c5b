/* SPDX-License-Identifier: MIT */
/*
 * Forward rows to inbound lists: a radix sort by target, the upper bits first.
 *
 *     collect    [bucket 0: chunk → chunk → …] [bucket 1: …] …     a bucket per 65536 targets, sources ascending
 *                word: target & 0xffff | source - source before    4 bytes, for neighbours in a heap refer to neighbours;
 *                                                                  0xffff: the source is the next word
 *     write      bucket by bucket, in parallel: count, prefix, fill, all within the cache; then hand over in order
 *
 * A list of a single source that is also the dominator is not written: the dominator tells. These are most lists.
 *
 * Each part of the collection (a range of sources) has chunks of its own; parts are read in order, so that lists ascend whatever their number.
 * Memory: 4 bytes per reference, and 4 KiB per bucket and part.
 */
#include "ha/graph/graph_inbound.h"

#include "ha/base/pool.h"
#include "ha/graph/graph_starts.h"
#include "ha/heap/heap_sections.h"

#include <stdlib.h>
#include <string.h>

#define BUCKET_BITS 16U
#define BUCKET_OBJECTS (1U << BUCKET_BITS)
#define FAR_SOURCE 0xffffU
#define CHUNK_WORDS 1021U
#define BLOCK_CHUNKS 4096U /* 16 MiB: huge pages, or a file when memory is limited */
#define SMALL_BLOCK 16U    /* for small heaps */

struct chunk {
    struct chunk *next;
    uint32_t count;
    uint32_t words[CHUNK_WORDS];
};

struct bucket {
    struct chunk *first, *last;
    uint64_t references;
    uint32_t source; /* the last one */
};

/* What one part has collected. */
struct part {
    struct bucket *buckets;
    HA_VEC(struct ha_big) blocks; /* memory of the chunks */
    uint32_t block_used, block_chunks; /* of the last block */
};

struct ha_inbound {
    const struct ha_build *build;
    const uint8_t *row_start;
    const uint32_t *targets;
    uint32_t bucket_count;
    unsigned part_count;
    struct part *parts;
};

struct ha_err *ha_inbound_create(const struct ha_build *build, unsigned ranges, struct ha_inbound **ret)
{
    struct ha_index_section targets;
    HA_TRY(ha_index_writer_section(build->writer, HA_SECTION_TARGETS, &targets));
    struct ha_inbound *inbound = ha_calloc_array(1, sizeof *inbound);
    if (inbound == NULL) {
        return ha_err_nomem();
    }
    *inbound = (struct ha_inbound){.build = build, .row_start = build->row_starts.data, .targets = targets.data, .part_count = ranges};
    inbound->bucket_count = (build->facts.object_count >> BUCKET_BITS) + 1;
    inbound->parts = ha_calloc_array(ranges, sizeof *inbound->parts);
    bool complete = inbound->parts != NULL;
    for (unsigned p = 0; complete && p < ranges; p++) {
        inbound->parts[p].buckets = ha_calloc_array(inbound->bucket_count, sizeof(struct bucket));
        complete = inbound->parts[p].buckets != NULL;
    }
    if (!complete) {
        ha_inbound_destroy(inbound);
        return ha_err_nomem();
    }
    *ret = inbound;
    return NULL;
}

void ha_inbound_destroy(struct ha_inbound *inbound)
{
    for (unsigned p = 0; inbound != NULL && inbound->parts != NULL && p < inbound->part_count; p++) {
        struct part *part = &inbound->parts[p];
        for (size_t i = 0; i < part->blocks.count; i++) {
            ha_big_deinit(&part->blocks.data[i]);
        }
        ha_vec_deinit(&part->blocks);
        ha_free(part->buckets);
    }
    if (inbound != NULL) {
        ha_free(inbound->parts);
    }
    ha_free(inbound);
}

/* ---- collecting ---- */

static HA_NOINLINE struct ha_err *add_chunk(struct part *part, struct bucket *bucket)
{
    uint32_t per_block = part->blocks.count < SMALL_BLOCK ? SMALL_BLOCK : BLOCK_CHUNKS;
    if (part->blocks.count == 0 || part->block_used == part->block_chunks) {
        struct ha_big *block = ha_vec_push(&part->blocks);
        if (block == NULL) {
            return ha_err_nomem();
        }
        *block = (struct ha_big){0};
        part->block_used = 0;
        part->block_chunks = per_block;
        HA_TRY(ha_big_init_raw(block, per_block, sizeof(struct chunk)));
    }
    struct chunk *chunk = (struct chunk *)part->blocks.data[part->blocks.count - 1].data + part->block_used++;
    chunk->next = NULL;
    chunk->count = 0;
    if (bucket->last == NULL) {
        bucket->first = chunk;
    } else {
        bucket->last->next = chunk;
    }
    bucket->last = chunk;
    return NULL;
}

static inline struct ha_err *add_reference(struct part *part, uint32_t target, uint32_t source)
{
    struct bucket *bucket = &part->buckets[target >> BUCKET_BITS];
    if (HA_UNLIKELY(bucket->last == NULL || bucket->last->count > CHUNK_WORDS - 2)) {
        HA_TRY(add_chunk(part, bucket));
    }
    struct chunk *chunk = bucket->last;
    uint32_t distance = source - bucket->source;
    bool far = distance >= FAR_SOURCE;
    chunk->words[chunk->count++] = target << 16 | (far ? FAR_SOURCE : distance);
    if (HA_UNLIKELY(far)) {
        chunk->words[chunk->count++] = source;
    }
    bucket->source = source;
    bucket->references++;
    return NULL;
}

struct ha_err *ha_inbound_collect(struct ha_inbound *inbound, unsigned range)
{
    struct part *part = &inbound->parts[range];
    const uint32_t n = inbound->build->facts.object_count;
    const uint64_t sources = inbound->build->facts.branch_count;
    uint32_t end = (uint32_t)(sources * (range + 1) / inbound->part_count);
    for (uint32_t source = (uint32_t)(sources * range / inbound->part_count); source < end; source++) {
        uint64_t i = ha_le40(inbound->row_start + 5 * (size_t)source);
        for (bool last = i == HA_ROW_EMPTY; !last; i++) {
            uint32_t word = inbound->targets[i];
            uint32_t target = word & ~HA_EDGE_END;
            last = (word & HA_EDGE_END) != 0;
            if (HA_LIKELY(target < n)) { /* no null referent */
                HA_TRY(add_reference(part, target, source));
            }
        }
    }
    return NULL;
}

/* ---- writing ---- */

struct sorter {
    uint32_t start[BUCKET_OBJECTS + 2];
    HA_VEC(uint32_t) sources;
    struct ha_starts_maker maker; /* keeps the large lists of all buckets of this worker */
};

struct writing {
    struct ha_inbound *inbound;
    struct ha_index_writer *writer;
    const uint32_t *idom;
    ha_inbound_fn fn;
    void *ctx;
    struct sorter *sorters; /* per worker */
    struct ha_big blocks;   /* of the starts */
    struct ha_turn *turn;
    uint64_t written; /* sources of the buckets that left; belongs to who holds the turn */
};

/* Steps through what was collected for a bucket. */
struct reading {
    const struct chunk *chunk;
    uint32_t next;
    uint32_t source;
};

static inline bool read_reference(struct reading *r, uint32_t *ret_target)
{
    while (r->chunk != NULL && r->next == r->chunk->count) {
        r->chunk = r->chunk->next;
        r->next = 0;
    }
    if (r->chunk == NULL) {
        return false;
    }
    uint32_t word = r->chunk->words[r->next++];
    uint32_t distance = word & FAR_SOURCE;
    r->source = HA_UNLIKELY(distance == FAR_SOURCE) ? r->chunk->words[r->next++] : r->source + distance;
    *ret_target = word >> 16;
    return true;
}

/* Makes the lists of a bucket. */
static struct ha_err *sort_bucket(const struct ha_inbound *inbound, uint32_t index, struct sorter *sorter)
{
    uint64_t total = 0;
    for (unsigned p = 0; p < inbound->part_count; p++) {
        total += inbound->parts[p].buckets[index].references;
    }
    if (total > UINT32_MAX) {
        return ha_err_new(HA_ERR_LIMIT, "more than 4 G references lead to %u neighbouring objects", BUCKET_OBJECTS);
    }
    if (!ha_vec_reserve(&sorter->sources, total + 1 - sorter->sources.count)) {
        return ha_err_nomem();
    }
    memset(sorter->start, 0, sizeof sorter->start);
    uint32_t *next = sorter->start + 1; /* next[i]: where the list of i goes on; its begin once all are filled is start[i] */
    uint32_t target;
    for (unsigned p = 0; p < inbound->part_count; p++) {
        for (struct reading r = {.chunk = inbound->parts[p].buckets[index].first}; read_reference(&r, &target);) {
            next[target + 1]++;
        }
    }
    for (uint32_t i = 1; i <= BUCKET_OBJECTS; i++) {
        next[i] += next[i - 1];
    }
    uint32_t *sources = sorter->sources.data;
    for (unsigned p = 0; p < inbound->part_count; p++) {
        for (struct reading r = {.chunk = inbound->parts[p].buckets[index].first}; read_reference(&r, &target);) {
            sources[next[target]++] = r.source;
        }
    }
    return NULL;
}

static inline bool told_by_dominator(const struct ha_inbound_lists *lists, const uint32_t *idom, uint32_t i)
{
    uint32_t begin = lists->start[i];
    return lists->start[i + 1] == begin + 1 && lists->sources[begin] == idom[lists->first + i];
}

/* Drops the sources that dominators tell, and marks their lists. Returns how many sources are left. */
static uint32_t drop_told(const struct ha_inbound_lists *lists, const uint32_t *idom, uint32_t *sources, uint8_t *told)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < lists->count; i++) {
        if (told_by_dominator(lists, idom, i)) {
            told[i >> 3] = (uint8_t)(told[i >> 3] | 1U << (i & 7));
            continue;
        }
        for (uint32_t k = lists->start[i]; k < lists->start[i + 1]; k++) {
            sources[kept++] = sources[k];
        }
    }
    return kept;
}

static struct ha_err *put_starts(const struct ha_inbound_lists *lists, const uint8_t *told, uint64_t base, struct ha_starts_maker *maker)
{
    uint64_t at = base;
    maker->items = lists->first;
    maker->any = false;
    for (uint32_t i = 0; i < lists->count; i++) {
        uint32_t length = lists->start[i + 1] - lists->start[i];
        if ((told[i >> 3] >> (i & 7) & 1) != 0) {
            ha_starts_put_single(maker);
            continue;
        }
        HA_TRY(ha_starts_put(maker, at, length));
        at += length;
    }
    return NULL;
}

static struct ha_err *write_bucket(void *ctx, unsigned worker, uint64_t index)
{
    struct writing *w = ctx;
    struct sorter *sorter = &w->sorters[worker];
    const uint64_t n = w->inbound->build->facts.object_count;
    uint64_t first = index << BUCKET_BITS;
    uint8_t told[BUCKET_OBJECTS / 8] = {0};
    struct ha_inbound_lists lists = {.first = (uint32_t)first, .count = (uint32_t)(n - first < BUCKET_OBJECTS ? n - first : BUCKET_OBJECTS),
                                     .start = sorter->start};
    struct ha_err *err = sort_bucket(w->inbound, (uint32_t)index, sorter);
    uint32_t kept = 0;
    if (err == NULL) {
        lists.sources = sorter->sources.data;
        w->fn(w->ctx, &lists);
        kept = drop_told(&lists, w->idom, sorter->sources.data, told);
    }
    if (err != NULL || !ha_turn_wait(w->turn, index)) {
        ha_turn_fail(w->turn);
        return err; /* of another bucket, if it is NULL */
    }
    uint64_t base = w->written;
    w->written += kept;
    ha_turn_leave(w->turn, index);
    HA_TRY(put_starts(&lists, told, base, &sorter->maker));
    return kept == 0 ? NULL : ha_index_stream_write_at(w->writer, base * sizeof(uint32_t), sorter->sources.data, (size_t)kept * sizeof(uint32_t));
}

static int compare_large(const void *a, const void *b)
{
    const struct ha_large_list *x = a, *y = b;
    return (x->item > y->item) - (x->item < y->item);
}

/* The large lists of all workers, by item. */
static struct ha_err *put_large(struct writing *w, unsigned workers)
{
    HA_VEC(struct ha_large_list) all = {0};
    struct ha_err *err = NULL;
    for (unsigned i = 0; i < workers && err == NULL; i++) {
        for (size_t k = 0; k < w->sorters[i].maker.large.count && err == NULL; k++) {
            struct ha_large_list *slot = ha_vec_push(&all);
            if (slot == NULL) {
                err = ha_err_nomem();
            } else {
                *slot = w->sorters[i].maker.large.data[k];
            }
        }
    }
    if (all.count > 1) {
        qsort(all.data, all.count, sizeof *all.data, compare_large);
    }
    if (err == NULL) {
        err = ha_index_section_put(w->writer, HA_SECTION_IN_LARGE, sizeof *all.data, all.count, all.data);
    }
    ha_vec_deinit(&all);
    return err;
}

static struct ha_err *run(struct writing *w, unsigned threads)
{
    const struct ha_inbound *inbound = w->inbound;
    uint64_t n = inbound->build->facts.object_count;
    w->turn = ha_turn_create();
    w->sorters = ha_calloc_array(threads, sizeof *w->sorters);
    if (w->turn == NULL || w->sorters == NULL) {
        return ha_err_nomem();
    }
    HA_TRY(ha_big_init(&w->blocks, ha_starts_blocks(n) + 1, HA_STARTS_BYTES));
    for (unsigned i = 0; i < threads; i++) {
        w->sorters[i].maker.blocks = w->blocks.data;
    }
    HA_TRY(ha_index_stream_open(w->writer, HA_SECTION_SOURCES, sizeof(uint32_t)));
    HA_TRY(ha_parallel_for(threads, (n + BUCKET_OBJECTS - 1) >> BUCKET_BITS, write_bucket, w));
    HA_TRY(ha_index_stream_close(w->writer, w->written));
    HA_TRY(ha_index_section_put(w->writer, HA_SECTION_IN_STARTS, HA_STARTS_BYTES, ha_starts_blocks(n), w->blocks.data));
    return put_large(w, threads);
}

struct ha_err *ha_inbound_write(struct ha_inbound *inbound, struct ha_index_writer *writer, const uint32_t *idom, ha_inbound_fn fn, void *ctx)
{
    unsigned threads = inbound->build->threads;
    struct writing w = {.inbound = inbound, .writer = writer, .idom = idom, .fn = fn, .ctx = ctx};
    struct ha_err *err = run(&w, threads);
    for (unsigned i = 0; w.sorters != NULL && i < threads; i++) {
        ha_vec_deinit(&w.sorters[i].sources);
        ha_vec_deinit(&w.sorters[i].maker.large);
    }
    ha_free(w.sorters);
    ha_big_deinit(&w.blocks);
    ha_turn_destroy(w.turn);
    return err;
}
