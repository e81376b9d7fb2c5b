/* SPDX-License-Identifier: MIT */
/*
 * A bucket of references, sorted by target: count, prefix, fill, all within the cache.
 *
 *     usual       sources of all lists side by side in memory, written at once
 *     large       few objects have most of the references: their lists go through windows to where they belong, the others as usual
 *
 *         in the index   [list][list][ long list      ][list][list][list][ long list         ][list]
 *                         others…     window, window…   others…            window, window…     others
 */
#include "graph/graph_inbound_sort.h"

#include <string.h>

/* Large buckets: few objects that everybody refers to. */
#define LARGE_REFERENCES (1U << 18) /* a MiB of sources */
#define HOT_WINDOW (1U << 12)       /* lists that are more than a 64th of their bucket have one */
#define HOT_FIRST (UINT32_MAX - HA_INBOUND_HOT_MOST) /* no bucket has more sources */

static_assert(LARGE_REFERENCES / HA_INBOUND_HOT_MOST >= HOT_WINDOW, "who has a window fills it");

/* Adds to next[target + 1] the references of a bucket to each of its objects. */
static struct ha_err *count_references(const struct ha_inbound_bucket *bucket, struct ha_chunk_reader *reader, uint32_t *next)
{
    const void *data;
    for (ha_chunk_reader_begin(reader, &bucket->chunks);;) {
        HA_TRY(ha_chunk_reader_next(reader, &data));
        const struct ha_inbound_chunk *chunk = data;
        if (chunk == NULL) {
            return NULL;
        }
        for (uint32_t i = 0; i < chunk->count; i++) {
            const uint32_t word = chunk->words[i];
            next[(word >> 16) + 1]++;
            i += (word & HA_INBOUND_FAR_SOURCE) == HA_INBOUND_FAR_SOURCE;
        }
    }
}

/* Sources first … first + count - 1 of those that are there become number `at` and so on of the index. */
static struct ha_err *write_sources(struct ha_index_writer *writer, uint64_t at, const uint32_t *sources, uint64_t first, uint64_t count)
{
    return count == 0 ? NULL : ha_index_stream_write_at(writer, at * sizeof(uint32_t), sources + first, (size_t)count * sizeof(uint32_t));
}

static HA_NOINLINE struct ha_err *write_window(struct ha_index_writer *writer, struct ha_inbound_hot *hot)
{
    HA_TRY(write_sources(writer, hot->at, hot->window, 0, hot->count));
    hot->at += hot->count;
    hot->count = 0;
    return NULL;
}

/* Puts their sources where next[target] says, which moves on, or through the window of the list. */
static struct ha_err *place_sources(struct ha_index_writer *writer, const struct ha_inbound_bucket *bucket, struct ha_inbound_sorter *sorter, uint32_t *next)
{
    uint32_t *sources = sorter->sources.data, source = 0;
    const void *data;
    for (ha_chunk_reader_begin(&sorter->chunks, &bucket->chunks);;) {
        HA_TRY(ha_chunk_reader_next(&sorter->chunks, &data));
        const struct ha_inbound_chunk *chunk = data;
        if (chunk == NULL) {
            return NULL;
        }
        for (uint32_t i = 0; i < chunk->count; i++) {
            const uint32_t word = chunk->words[i], distance = word & HA_INBOUND_FAR_SOURCE, at = next[word >> 16];
            source = HA_UNLIKELY(distance == HA_INBOUND_FAR_SOURCE) ? chunk->words[++i] : source + distance;
            if (HA_LIKELY(at < HOT_FIRST)) {
                sources[at] = source;
                next[word >> 16] = at + 1;
                continue;
            }
            struct ha_inbound_hot *hot = &sorter->hot[at - HOT_FIRST];
            hot->window[hot->count++] = source;
            if (HA_UNLIKELY(hot->count == HOT_WINDOW)) {
                HA_TRY(write_window(writer, hot));
            }
        }
    }
}

static struct ha_err *make_sources(struct ha_inbound_sorter *sorter, uint64_t count)
{
    if (count * sizeof(uint32_t) > sorter->sources.bytes) {
        ha_big_deinit(&sorter->sources);
        return ha_big_init_cold(&sorter->sources, count, sizeof(uint32_t));
    }
    return NULL;
}

struct ha_err *ha_inbound_find_starts(struct ha_inbound_sorter *sorter, const struct ha_inbound_bucket *bucket, uint32_t count)
{
    if (bucket->references >= HOT_FIRST) {
        return ha_err_new(HA_ERR_LIMIT, "more than 4 G references lead to %u neighbouring objects", HA_INBOUND_BUCKET_OBJECTS);
    }
    memset(sorter->start, 0, ((size_t)count + 2) * sizeof *sorter->start);
    uint32_t *next = sorter->start + 1;
    HA_TRY(count_references(bucket, &sorter->chunks, next));
    for (uint32_t i = 1; i <= count; i++) {
        next[i] += next[i - 1];
    }
    return NULL;
}

/* Makes the lists of a bucket that come to lie from `base` on among all, and writes them. start[i] is where the list of object i begins in the bucket then. */
static struct ha_err *write_usual(struct ha_index_writer *writer, const struct ha_inbound_bucket *bucket, uint64_t base, struct ha_inbound_sorter *sorter)
{
    HA_TRY(make_sources(sorter, bucket->references));
    HA_TRY(place_sources(writer, bucket, sorter, sorter->start + 1)); /* moves the begins on to the ends: the begins of the next ones */
    return write_sources(writer, base, sorter->sources.data, 0, bucket->references);
}

/* Of a large bucket: which lists go through windows, and where the others go. */
static struct ha_err *find_places(const struct ha_inbound_bucket *bucket, uint32_t count, uint64_t base, struct ha_inbound_sorter *sorter)
{
    if (sorter->place == NULL) {
        sorter->place = ha_alloc_array(HA_INBOUND_BUCKET_OBJECTS + (size_t)HA_INBOUND_HOT_MOST * HOT_WINDOW, sizeof *sorter->place);
        if (sorter->place == NULL) {
            return ha_err_nomem();
        }
    }
    uint32_t *windows = sorter->place + HA_INBOUND_BUCKET_OBJECTS;
    const uint64_t least = bucket->references / HA_INBOUND_HOT_MOST + 1;
    uint32_t others = 0;
    sorter->hot_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t length = sorter->start[i + 1] - sorter->start[i], k = sorter->hot_count;
        if (length < least) {
            sorter->place[i] = others;
            others += length;
        } else {
            sorter->hot[k] = (struct ha_inbound_hot){.target = i, .at = base + sorter->start[i], .window = windows + (size_t)k * HOT_WINDOW};
            sorter->place[i] = HOT_FIRST + k;
            sorter->hot_count++;
        }
    }
    return make_sources(sorter, others);
}

/* The same for a large bucket. */
static struct ha_err *write_large(struct ha_index_writer *writer, const struct ha_inbound_bucket *bucket, uint32_t count, uint64_t base, struct ha_inbound_sorter *sorter)
{
    memmove(sorter->start, sorter->start + 1, ((size_t)count + 1) * sizeof *sorter->start);
    HA_TRY(find_places(bucket, count, base, sorter));
    HA_TRY(place_sources(writer, bucket, sorter, sorter->place));
    const uint32_t *others = sorter->sources.data;
    uint32_t from = 0, done = 0; /* what lies between lists with windows: its begin in the bucket, and sources before it that were written */
    for (uint32_t k = 0; k <= sorter->hot_count; k++) {
        const bool last = k == sorter->hot_count;
        const uint32_t until = last ? (uint32_t)bucket->references : sorter->start[sorter->hot[k].target];
        HA_TRY(write_sources(writer, base + from, others, done, until - from));
        done += until - from;
        if (!last) {
            HA_TRY(write_window(writer, &sorter->hot[k]));
            from = sorter->start[sorter->hot[k].target + 1];
        }
    }
    return NULL;
}

struct ha_err *ha_inbound_write_sources(struct ha_inbound_sorter *sorter, struct ha_index_writer *writer, const struct ha_inbound_bucket *bucket, uint32_t count,
                                        uint64_t base)
{
    return bucket->references < LARGE_REFERENCES ? write_usual(writer, bucket, base, sorter) : write_large(writer, bucket, count, base, sorter);
}

struct ha_err *ha_inbound_sorter_init(struct ha_inbound_sorter *sorter, const struct ha_chunks *chunks, uint32_t most, uint64_t objects)
{
    const size_t most_objects = objects < HA_INBOUND_BUCKET_OBJECTS ? (size_t)objects : HA_INBOUND_BUCKET_OBJECTS;
    sorter->start = ha_alloc_array(most_objects + 2, sizeof *sorter->start);
    sorter->maker.blocks = ha_alloc_array((size_t)ha_starts_blocks(most_objects) + 1, HA_STARTS_BYTES);
    return sorter->start == NULL || sorter->maker.blocks == NULL ? ha_err_nomem() : ha_chunk_reader_init(&sorter->chunks, chunks, most);
}

void ha_inbound_sorter_deinit(struct ha_inbound_sorter *sorter)
{
    ha_free(sorter->start);
    ha_free(sorter->place);
    ha_chunk_reader_deinit(&sorter->chunks);
    ha_big_deinit(&sorter->sources);
    ha_free(sorter->maker.blocks);
    ha_vec_deinit(&sorter->maker.large);
}
