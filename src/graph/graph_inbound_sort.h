/* SPDX-License-Identifier: MIT */
/* The references to one bucket of neighbouring objects, as graph_inbound.c collects them, on their way to lists in the index (graph_inbound_sort.c). */
#ifndef HA_GRAPH_GRAPH_INBOUND_SORT_H
#define HA_GRAPH_GRAPH_INBOUND_SORT_H

#include "ha/base/chunks.h"
#include "ha/graph/graph_starts.h"
#include "ha/index/index.h"

#include <assert.h>

#define HA_INBOUND_BUCKET_BITS 16U
#define HA_INBOUND_BUCKET_OBJECTS (1U << HA_INBOUND_BUCKET_BITS)
#define HA_INBOUND_FAR_SOURCE 0xffffU
#define HA_INBOUND_CHUNK_WORDS 1023U
#define HA_INBOUND_HOT_MOST 64U

struct ha_inbound_chunk {
    uint32_t count; /* of one that is being filled: not known before ha_inbound_write() */
    uint32_t words[HA_INBOUND_CHUNK_WORDS];
};

static_assert(sizeof(struct ha_inbound_chunk) == HA_CHUNK_BYTES, "chunks are those of a list");

struct ha_inbound_bucket {
    uint32_t *at, *full; /* the next word of the last chunk, and where there is no room for a reference any more; NULL: no chunk */
    struct ha_chunk_list chunks;
    uint64_t references;
    uint32_t source;  /* the last one */
    uint64_t written; /* where its lists begin among all that are written */
};

/* A list of a large bucket that is longer than the window it goes through to the index. */
struct ha_inbound_hot {
    uint32_t target; /* in its bucket */
    uint32_t count;  /* sources in the window */
    uint64_t at;     /* where they go */
    uint32_t *window;
};

struct ha_inbound_sorter {
    uint32_t *start;              /* per object of a bucket, and two more */
    uint32_t *place;              /* of a large bucket, per object: where its next source goes, or HOT_FIRST + its place in hot[]; then the windows of
                                     hot[]; NULL before the first */
    struct ha_inbound_hot hot[HA_INBOUND_HOT_MOST];
    uint32_t hot_count;
    struct ha_big sources;        /* of a bucket; made anew for one that has more */
    struct ha_chunk_reader chunks;
    struct ha_starts_maker maker; /* room for the blocks of a bucket; its user fills them, and keeps the large lists of all buckets of this worker here */
};

/* For buckets of up to `most` chunks of a finished store, in a heap of so many objects. */
struct ha_err *ha_inbound_sorter_init(struct ha_inbound_sorter *sorter, const struct ha_chunks *chunks, uint32_t most, uint64_t objects) HA_WARN_UNUSED;
void ha_inbound_sorter_deinit(struct ha_inbound_sorter *sorter);

/* Counts the references to a bucket of `count` objects: start[i + 1] of each object i is where its list begins in the bucket. HA_ERR_LIMIT when they are
   too many. */
struct ha_err *ha_inbound_find_starts(struct ha_inbound_sorter *sorter, const struct ha_inbound_bucket *bucket, uint32_t count) HA_WARN_UNUSED;

/* After that: makes the lists, which come to lie from `base` on among all, and writes them to the stream that is open. start[i] is where the list of object i
   begins in the bucket then, start[count] the end of the last one. */
struct ha_err *ha_inbound_write_sources(struct ha_inbound_sorter *sorter, struct ha_index_writer *writer, const struct ha_inbound_bucket *bucket, uint32_t count,
                                        uint64_t base) HA_WARN_UNUSED;

#endif
