/* SPDX-License-Identifier: MIT */
/*
 * Forward rows to inbound lists: which objects have several sources, then a radix sort by target of the references to these, upper bits first.
 *
 *     seen       per 64 objects two words: [somebody refers to it][it needs a list]       most objects have one source, and need none
 *     collect    [bucket 0: chunk → chunk → …] [bucket 1: …] …     a bucket per 65536 targets, sources ascending
 *                word: target & 0xffff | source - source before    4 bytes, for neighbours in a heap refer to neighbours;
 *                                                                  0xffff: the source is the next word
 *     write      bucket by bucket, in parallel: graph_inbound_sort.c
 *     show       bucket by bucket, in parallel: the lists as they have been written
 *
 * GC roots and class objects need a list in any case: who alone refers to them need not dominate them.
 *
 * Memory: a quarter of a byte per object, 4 KiB per bucket, and 4 bytes per reference collected, as far as there is memory (base/chunks.h).
 */
#include "ha/graph/graph_inbound.h"

#include "graph/graph_inbound_sort.h"
#include "graph/graph_rows.h"
#include "ha/base/pool.h"
#include "ha/graph/graph_starts.h"
#include "ha/heap/heap_sections.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define SEEN_AHEAD 32U /* references */

struct ha_inbound {
    const struct ha_build *build;
    const uint8_t *row_start;
    const uint32_t *targets;
    uint64_t target_count;
    uint32_t bucket_count;
    struct ha_inbound_bucket *buckets;
    struct ha_chunks chunks;
    struct ha_big seen_memory;
    uint64_t *seen;
    HA_VEC(struct ha_large_list) large; /* of what is written, by item */
};

static inline void mark_list(struct ha_inbound *inbound, uint32_t obj)
{
    inbound->seen[2 * (size_t)(obj >> 6) + 1] |= 1ULL << (obj & 63);
}

static inline bool needs_list(const struct ha_inbound *inbound, uint32_t obj)
{
    return (inbound->seen[2 * (size_t)(obj >> 6) + 1] >> (obj & 63) & 1) != 0;
}

/* What needs a list whatever refers to it. */
static void mark_always(struct ha_inbound *inbound)
{
    const struct ha_build *build = inbound->build;
    for (size_t r = 0; r < build->final_roots.count; r++) {
        mark_list(inbound, build->final_roots.data[r].obj.i);
    }
    for (size_t c = 0; c < build->classes.count; c++) {
        if (!ha_obj_is_none(build->classes.data[c].object)) {
            mark_list(inbound, build->classes.data[c].object.i);
        }
    }
}

struct ha_err *ha_inbound_create(const struct ha_build *build, struct ha_inbound **ret)
{
    struct ha_index_section targets;
    HA_TRY(ha_index_writer_section(build->writer, HA_SECTION_TARGETS, &targets));
    struct ha_inbound *inbound = ha_calloc_array(1, sizeof *inbound);
    if (inbound == NULL) {
        return ha_err_nomem();
    }
    *inbound = (struct ha_inbound){.build = build, .row_start = build->row_starts.data, .targets = targets.data, .target_count = targets.count};
    inbound->bucket_count = (build->facts.object_count >> HA_INBOUND_BUCKET_BITS) + 1;
    inbound->buckets = ha_calloc_array(inbound->bucket_count, sizeof(struct ha_inbound_bucket));
    struct ha_err *err = inbound->buckets == NULL
                             ? ha_err_nomem()
                             : ha_big_init(&inbound->seen_memory, (uint64_t)inbound->bucket_count * HA_INBOUND_BUCKET_OBJECTS / 64, 2 * sizeof(uint64_t));
    if (err != NULL) {
        ha_inbound_destroy(inbound);
        return err;
    }
    inbound->seen = inbound->seen_memory.data;
    mark_always(inbound);
    *ret = inbound;
    return NULL;
}

/* What was collected; its buckets are empty then. */
static void chunks_free(struct ha_inbound *inbound)
{
    ha_chunks_deinit(&inbound->chunks);
    for (uint32_t b = 0; inbound->buckets != NULL && b < inbound->bucket_count; b++) {
        inbound->buckets[b].chunks = (struct ha_chunk_list){0};
        inbound->buckets[b].at = inbound->buckets[b].full = NULL;
    }
}

void ha_inbound_destroy(struct ha_inbound *inbound)
{
    if (inbound == NULL) {
        return;
    }
    chunks_free(inbound);
    ha_vec_deinit(&inbound->large);
    ha_big_deinit(&inbound->seen_memory);
    ha_free(inbound->buckets);
    ha_free(inbound);
}

/* ---- collecting ---- */

static void close_chunk(const struct ha_inbound_bucket *bucket)
{
    struct ha_inbound_chunk *chunk = bucket->chunks.chunk;
    if (chunk != NULL) {
        chunk->count = (uint32_t)(bucket->at - chunk->words);
    }
}

static HA_NOINLINE struct ha_err *add_chunk(struct ha_inbound *inbound, struct ha_inbound_bucket *bucket)
{
    close_chunk(bucket);
    HA_TRY(ha_chunks_next(&inbound->chunks, &bucket->chunks));
    struct ha_inbound_chunk *chunk = bucket->chunks.chunk;
    bucket->at = chunk->words;
    bucket->full = chunk->words + HA_INBOUND_CHUNK_WORDS - 1;
    return NULL;
}

static inline struct ha_err *add_reference(struct ha_inbound *inbound, uint32_t target, uint32_t source)
{
    struct ha_inbound_bucket *bucket = &inbound->buckets[target >> HA_INBOUND_BUCKET_BITS];
    if (HA_UNLIKELY(bucket->at >= bucket->full)) { /* or no chunk is there */
        HA_TRY(add_chunk(inbound, bucket));
    }
    uint32_t distance = source - bucket->source;
    bool far = distance >= HA_INBOUND_FAR_SOURCE;
    *bucket->at++ = target << 16 | (far ? HA_INBOUND_FAR_SOURCE : distance);
    if (HA_UNLIKELY(far)) {
        *bucket->at++ = source;
    }
    bucket->source = source;
    bucket->references++;
    return NULL;
}

/* Asks for what seen[] says of a target that lies behind this one. */
HA_INLINE void ask_for_seen(const struct ha_inbound *inbound, uint64_t place)
{
    const uint64_t ahead = place + SEEN_AHEAD < inbound->target_count ? place + SEEN_AHEAD : place;
    const uint32_t target = inbound->targets[ahead] & ~HA_EDGE_END;
    __builtin_prefetch(&inbound->seen[2 * (size_t)((target < inbound->build->facts.object_count ? target : 0) >> 6)]);
}

/* Which objects are referred to, and which more than once. */
static void see_targets(struct ha_inbound *inbound)
{
    const uint32_t *targets = inbound->targets;
    const uint32_t n = inbound->build->facts.object_count;
    uint64_t *seen = inbound->seen;
    for (uint64_t i = 0; i < inbound->target_count; i++) {
        uint32_t target = targets[i] & ~HA_EDGE_END;
        ask_for_seen(inbound, i);
        if (HA_LIKELY(target < n)) { /* no null referent */
            uint64_t *pair = &seen[2 * (size_t)(target >> 6)], bit = 1ULL << (target & 63);
            pair[1] |= pair[0] & bit;
            pair[0] |= bit;
        }
    }
}

/* Goes through all rows. */
static struct ha_err *collect(struct ha_inbound *inbound, uint32_t *only, struct ha_row_packer *packer)
{
    const uint32_t n = inbound->build->facts.object_count, sources = inbound->build->facts.branch_count;
    for (uint32_t source = 0; source < sources; source++) {
        uint64_t begin = ha_le40(inbound->row_start + 5 * (size_t)source), i = begin;
        for (bool last = i == HA_ROW_EMPTY; !last; i++) {
            uint32_t word = inbound->targets[i];
            uint32_t target = word & ~HA_EDGE_END;
            last = (word & HA_EDGE_END) != 0;
            ask_for_seen(inbound, i);
            if (HA_UNLIKELY(target >= n)) {
                continue;
            }
            if (needs_list(inbound, target)) {
                HA_TRY(add_reference(inbound, target, source));
            } else if (target >= sources) {
                only[target - sources] = source;
            }
        }
        HA_TRY(ha_row_packer_put(packer, source, begin, i - begin));
    }
    return NULL;
}

struct ha_err *ha_inbound_collect(struct ha_inbound *inbound, uint32_t *only)
{
    const struct ha_build *build = inbound->build;
    struct ha_row_packer packer;
    see_targets(inbound);
    memset(only, 0xff, (size_t)(build->facts.object_count - build->facts.branch_count) * sizeof *only); /* HA_NONE */
    struct ha_err *err = ha_row_packer_init(build, &packer);
    if (err == NULL) {
        err = collect(inbound, only, &packer);
    }
    if (err == NULL) {
        err = ha_row_packer_write(build, &packer);
    }
    ha_row_packer_deinit(&packer);
    return err;
}

struct ha_err *ha_inbound_collect_unreached(struct ha_inbound *inbound, const uint32_t *reached, uint32_t *only)
{
    const uint32_t n = inbound->build->facts.object_count, sources = inbound->build->facts.branch_count;
    for (uint32_t source = 0; source < sources; source++) {
        uint64_t i = reached[source] != 0 ? HA_ROW_EMPTY : ha_le40(inbound->row_start + 5 * (size_t)source);
        for (bool last = i == HA_ROW_EMPTY; !last; i++) {
            uint32_t word = inbound->targets[i];
            uint32_t target = word & ~HA_EDGE_END;
            last = (word & HA_EDGE_END) != 0;
            if (target < n && !needs_list(inbound, target)) {
                mark_list(inbound, target);
                HA_TRY(add_reference(inbound, target, source));
                if (target >= sources) {
                    only[target - sources] = HA_NONE;
                }
            }
        }
    }
    return NULL;
}

/* ---- writing ---- */

struct writing {
    struct ha_inbound *inbound;
    struct ha_index_writer *writer;
    struct ha_inbound_sorter *sorters; /* per worker */
    struct ha_turn *turn;
    uint64_t written; /* sources of the buckets that left; belongs to who holds the turn */
    uint64_t buckets;
    ha_beside_fn beside;
    void *beside_ctx;
    _Atomic(bool) beside_done;
};

static uint32_t bucket_objects(const struct ha_inbound *inbound, uint64_t index)
{
    const uint64_t left = inbound->build->facts.object_count - (index << HA_INBOUND_BUCKET_BITS);
    return (uint32_t)(left < HA_INBOUND_BUCKET_OBJECTS ? left : HA_INBOUND_BUCKET_OBJECTS);
}

/* Writes where the lists of a bucket begin. Lists of one source that dominators tell are not made, but for roots and class objects. */
static struct ha_err *put_starts(const struct writing *w, uint32_t first, uint32_t count, uint64_t base, const uint32_t *start,
                                 struct ha_starts_maker *maker)
{
    const uint64_t *seen = w->inbound->seen + 2 * (size_t)(first / 64);
    const size_t bytes = ha_starts_blocks(count) * HA_STARTS_BYTES;
    memset(maker->blocks, 0, bytes);
    maker->first = first;
    for (uint32_t i = 0; i < count; i += HA_STARTS_ITEMS) {
        const uint32_t here = count - i < HA_STARTS_ITEMS ? count - i : HA_STARTS_ITEMS, all = (1U << here) - 1;
        uint32_t told = (uint32_t)((seen[2 * (i / 64)] & ~seen[2 * (i / 64) + 1]) >> (i & 63)) & all;
        ha_starts_begin(maker, first + i, told);
        for (uint32_t rest = all & ~told; rest != 0; rest &= rest - 1) {
            uint32_t item = i + (uint32_t)__builtin_ctz(rest);
            HA_TRY(ha_starts_put(maker, first + item, base + start[item], start[item + 1] - start[item]));
        }
    }
    return ha_index_section_write_at(w->writer, HA_SECTION_IN_STARTS, (uint64_t)first / HA_STARTS_ITEMS * HA_STARTS_BYTES, maker->blocks, bytes);
}

/* Counts, is given its place in order, then fills and writes. */
static struct ha_err *write_bucket(struct writing *w, unsigned worker, uint64_t index)
{
    struct ha_inbound_sorter *sorter = &w->sorters[worker];
    struct ha_inbound_bucket *bucket = &w->inbound->buckets[index];
    const uint32_t count = bucket_objects(w->inbound, index);
    struct ha_err *err = ha_inbound_find_starts(sorter, bucket, count);
    if (err != NULL || !ha_turn_wait(w->turn, index)) {
        ha_turn_fail(w->turn);
        return err; /* of another bucket, if it is NULL */
    }
    const uint64_t base = w->written;
    w->written += bucket->references;
    bucket->written = base;
    ha_turn_leave(w->turn, index);
    HA_TRY(ha_inbound_write_sources(sorter, w->writer, bucket, count, base));
    return put_starts(w, (uint32_t)(index << HA_INBOUND_BUCKET_BITS), count, base, sorter->start, &sorter->maker);
}

static struct ha_err *do_beside(struct writing *w)
{
    struct ha_err *err = w->beside == NULL ? NULL : w->beside(w->beside_ctx);
    atomic_store(&w->beside_done, true);
    return err;
}

/* Task 0 is what is done beside, then come the buckets, then checksums. */
static struct ha_err *write_task(void *ctx, unsigned worker, uint64_t index)
{
    struct writing *w = ctx;
    if (index == 0) {
        return do_beside(w);
    }
    return index <= w->buckets ? write_bucket(w, worker, index - 1) : ha_index_writer_hash_until(w->writer, &w->beside_done);
}

static int compare_large(const void *a, const void *b)
{
    const struct ha_large_list *x = a, *y = b;
    return (x->item > y->item) - (x->item < y->item);
}

/* The large lists of all workers, by item. */
static struct ha_err *put_large(struct writing *w, unsigned workers)
{
    struct ha_inbound *inbound = w->inbound;
    for (unsigned i = 0; i < workers; i++) {
        for (size_t k = 0; k < w->sorters[i].maker.large.count; k++) {
            struct ha_large_list *slot = ha_vec_push(&inbound->large);
            if (slot == NULL) {
                return ha_err_nomem();
            }
            *slot = w->sorters[i].maker.large.data[k];
        }
    }
    if (inbound->large.count > 1) {
        qsort(inbound->large.data, inbound->large.count, sizeof *inbound->large.data, compare_large);
    }
    return ha_index_section_put(w->writer, HA_SECTION_IN_LARGE, sizeof *inbound->large.data, inbound->large.count, inbound->large.data);
}

static uint64_t bucket_count(const struct ha_inbound *inbound)
{
    return ((uint64_t)inbound->build->facts.object_count + HA_INBOUND_BUCKET_OBJECTS - 1) >> HA_INBOUND_BUCKET_BITS;
}

static struct ha_err *write_all(struct writing *w, unsigned threads)
{
    struct ha_inbound *inbound = w->inbound;
    uint64_t n = inbound->build->facts.object_count;
    uint32_t most = 0;
    HA_TRY(ha_chunks_finish(&inbound->chunks));
    for (uint32_t b = 0; b < inbound->bucket_count; b++) {
        close_chunk(&inbound->buckets[b]);
        most = inbound->buckets[b].chunks.count > most ? inbound->buckets[b].chunks.count : most;
    }
    w->turn = ha_turn_create();
    w->sorters = ha_calloc_array(threads, sizeof *w->sorters);
    if (w->turn == NULL || w->sorters == NULL) {
        return ha_err_nomem();
    }
    HA_TRY(ha_index_section_open(w->writer, HA_SECTION_IN_STARTS, HA_STARTS_BYTES, ha_starts_blocks(n)));
    for (unsigned i = 0; i < threads; i++) {
        HA_TRY(ha_inbound_sorter_init(&w->sorters[i], &inbound->chunks, most, n));
    }
    HA_TRY(ha_index_stream_open(w->writer, HA_SECTION_SOURCES, sizeof(uint32_t)));
    HA_TRY(ha_parallel_for(threads, w->buckets + 2, write_task, w));
    HA_TRY(ha_index_stream_close(w->writer, w->written));
    return put_large(w, threads);
}

struct ha_err *ha_inbound_write(struct ha_inbound *inbound, struct ha_index_writer *writer, unsigned threads, ha_beside_fn beside, void *ctx)
{
    struct writing w = {.inbound = inbound, .writer = writer, .buckets = bucket_count(inbound), .beside = beside, .beside_ctx = ctx};
    struct ha_err *err = write_all(&w, threads);
    for (unsigned i = 0; w.sorters != NULL && i < threads; i++) {
        ha_inbound_sorter_deinit(&w.sorters[i]);
    }
    ha_free(w.sorters);
    ha_turn_destroy(w.turn);
    chunks_free(inbound);
    return err;
}

/* ---- showing ---- */

struct showing {
    const struct ha_inbound *inbound;
    const uint8_t *blocks;
    const uint32_t *sources;
    uint64_t first; /* bucket */
    ha_inbound_fn fn;
    void *ctx;
    uint32_t *starts; /* per worker: HA_INBOUND_BUCKET_OBJECTS + 1 */
};

static struct ha_err *show_bucket(void *ctx, unsigned worker, uint64_t index)
{
    const struct showing *s = ctx;
    const uint64_t bucket = s->first + index, first = bucket << HA_INBOUND_BUCKET_BITS;
    uint32_t *start = s->starts + (size_t)worker * (HA_INBOUND_BUCKET_OBJECTS + 1), at = 0;
    struct ha_inbound_lists lists = {.first = (uint32_t)first, .count = bucket_objects(s->inbound, bucket), .start = start};
    uint64_t large = ha_large_from(s->inbound->large.data, s->inbound->large.count, first);
    for (uint32_t i = 0; i < lists.count; i++) {
        uint8_t length = s->blocks[ha_starts_length_place(first + i)];
        start[i] = at; /* all lists of a bucket follow each other */
        at += HA_LIKELY(length < HA_STARTS_SINGLE) ? length : length == HA_STARTS_LARGE ? (uint32_t)s->inbound->large.data[large++].length : 0;
    }
    start[lists.count] = at;
    lists.sources = s->sources + s->inbound->buckets[bucket].written;
    s->fn(s->ctx, &lists);
    return NULL;
}

struct ha_err *ha_inbound_show_leaves(const struct ha_inbound *inbound, struct ha_index_writer *writer, ha_inbound_fn fn, void *ctx)
{
    const unsigned threads = inbound->build->threads;
    struct ha_index_section blocks, sources;
    HA_TRY(ha_index_writer_section(writer, HA_SECTION_IN_STARTS, &blocks));
    HA_TRY(ha_index_writer_section(writer, HA_SECTION_SOURCES, &sources));
    if (sources.count == 0) {
        return NULL;
    }
    HA_FREE uint32_t *starts = ha_alloc_array((size_t)threads * (HA_INBOUND_BUCKET_OBJECTS + 1), sizeof *starts);
    if (starts == NULL) {
        return ha_err_nomem();
    }
    struct showing showing = {.inbound = inbound, .blocks = blocks.data, .sources = sources.data, .first = inbound->build->facts.branch_count >> HA_INBOUND_BUCKET_BITS,
                              .fn = fn, .ctx = ctx, .starts = starts};
    return ha_parallel_for(threads, bucket_count(inbound) - showing.first, show_bucket, &showing);
}
