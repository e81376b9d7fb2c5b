/* SPDX-License-Identifier: MIT */
/*
 * Chunk lists: many lists that grow by chunks of 4 KiB from one store, each filled by its user through a pointer and read from front to back.
 *
 *     store    | block in memory | block in memory | block in a file | …        blocks of 16 MiB, small ones first
 *     list     chunk 3 → chunk 7 → chunk 4100 → the one being filled            numbers of chunks in the store
 *
 * While memory is to be had (as for a cold big array: mem.h) chunks are filled where they lie. Then each list has one in memory that is filled again
 * and again, and what was in it is written to an unnamed file, many chunks at once: a page of a mapped file costs ten times as much, on
 * virtual machines without nested page tables more.
 *
 *     struct ha_chunks chunks = {0};
 *     struct ha_chunk_list list = {0};
 *     HA_TRY(ha_chunks_next(&chunks, &list));              fill list.chunk; again when it is full
 *     HA_TRY(ha_chunks_finish(&chunks));                   from then on lists may be read, by several threads
 *     ha_chunks_deinit(&chunks);                           all lists are gone
 *
 * One thread fills the lists of a store.
 */
#ifndef HA_BASE_CHUNKS_H
#define HA_BASE_CHUNKS_H

#include "ha/base/mem.h"
#include "ha/base/vec.h"

#define HA_CHUNK_BYTES 4096U

/* A zeroed struct is a valid empty one. */
struct ha_chunk_list {
    void *chunk;          /* being filled, aligned to 64 bytes, uninitialised when it is new; NULL: the list is empty */
    uint32_t first, last; /* numbers of those that have one, if any: all but a chunk that is filled again and again */
    bool refilled;        /* the one being filled is such a chunk */
    uint32_t count;       /* chunks, with the one being filled */
};

/* A block of chunks; data is NULL for one in the file. */
struct ha_chunk_block {
    struct ha_big memory;
    uint64_t offset; /* in the file */
};

/* A zeroed struct is a valid empty one. */
struct ha_chunks {
    HA_VEC(struct ha_chunk_block) blocks;
    HA_VEC(uint32_t) next;               /* per chunk that has a number: the next of its list, if any */
    uint32_t room;                       /* for so many chunks there are blocks */
    HA_VEC(struct ha_big) refilled;      /* memory of the chunks without numbers */
    uint32_t refilled_left;              /* of the last of these */
    struct ha_big staged;                /* to be written next */
    uint32_t staged_first, staged_count; /* their numbers */
    int file;                            /* if file_bytes > 0 */
    uint64_t file_bytes;                 /* 0: all chunks lie in memory */
};

void ha_chunks_deinit(struct ha_chunks *chunks);

/* The chunk of the list, if there is one, is full: list->chunk becomes the next one (and may be the same memory). After an error the list holds what it
   held. HA_ERR_SYSTEM: no memory and no room in a file; HA_ERR_LIMIT: more than 16 TiB. */
struct ha_err *ha_chunks_next(struct ha_chunks *chunks, struct ha_chunk_list *list) HA_WARN_UNUSED;

/* Writes what waits to be written. Lists may grow after that, and then must be finished again. */
struct ha_err *ha_chunks_finish(struct ha_chunks *chunks) HA_WARN_UNUSED;

/* Goes through the chunks of one list after the other, each as often as is liked, and keeps what it read from the file as far as its memory reaches. */
struct ha_chunk_reader {
    const struct ha_chunks *chunks;
    const struct ha_chunk_list *list;
    uint8_t *memory;     /* for `room` chunks; NULL where none lie in the file */
    uint32_t room;
    uint32_t kept;       /* so many chunks are there, the first ones of the list that lie in the file */
    uint32_t at, number; /* chunks that were given, and the next one */
    uint32_t read;       /* chunks of the file among those */
};

/* For lists of up to `most` chunks of a finished store; longer ones will do, too. Each thread has its own, and a new one when the store has grown.
   HA_ERR_SYSTEM without memory. */
struct ha_err *ha_chunk_reader_init(struct ha_chunk_reader *reader, const struct ha_chunks *chunks, uint32_t most) HA_WARN_UNUSED;
void ha_chunk_reader_deinit(struct ha_chunk_reader *reader);

/* Goes to the first chunk of a list, which does not grow from then on. */
void ha_chunk_reader_begin(struct ha_chunk_reader *reader, const struct ha_chunk_list *list);

/* *ret: the next chunk, valid until the next call; NULL at the end. HA_ERR_SYSTEM where the file cannot be read. */
struct ha_err *ha_chunk_reader_next(struct ha_chunk_reader *reader, const void **ret) HA_WARN_UNUSED;

#endif
