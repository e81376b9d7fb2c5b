/* SPDX-License-Identifier: MIT */
/*
 * Chunk lists in memory, and in a file from where memory ends.
 *
 *     number      0 … 255                256 … 4351    4352 …
 *     block       16 of 16 chunks each   4096 chunks   4096 chunks …          a small heap takes little; 16 MiB: huge pages
 *
 * A chunk that is filled where it lies has its number from the start, and is the last of its list; one that is filled again and again gets a number
 * for what was in it when that is put away. `staged` holds chunks of consecutive numbers (blocks of the file follow each other there, too) and is
 * written when it is full, when numbers lie in memory again, and by ha_chunks_finish().
 */
#include "ha/base/chunks.h"

#include "ha/base/file.h"

#include <assert.h>
#include <string.h>

#define SMALL_BLOCKS 16U
#define SMALL_CHUNKS 16U
#define BLOCK_CHUNKS 4096U
#define SMALL_END (SMALL_BLOCKS * SMALL_CHUNKS)
#define STAGED_CHUNKS 64U    /* 256 KiB are written at once */
#define REFILLED_CHUNKS 512U /* a huge page */
#define READ_CHUNKS 128U     /* of a list that are read once only; most lists are hardly longer */

static uint32_t block_of(uint32_t number)
{
    return number < SMALL_END ? number / SMALL_CHUNKS : SMALL_BLOCKS + (number - SMALL_END) / BLOCK_CHUNKS;
}

static uint32_t place_in_block(uint32_t number)
{
    return number < SMALL_END ? number % SMALL_CHUNKS : (number - SMALL_END) % BLOCK_CHUNKS;
}

/* Where a chunk lies in memory; NULL: in the file. */
static uint8_t *in_memory(const struct ha_chunks *chunks, uint32_t number)
{
    const struct ha_chunk_block *block = &chunks->blocks.data[block_of(number)];
    return block->memory.data == NULL ? NULL : (uint8_t *)block->memory.data + (size_t)place_in_block(number) * HA_CHUNK_BYTES;
}

static uint64_t offset_of(const struct ha_chunks *chunks, uint32_t number)
{
    return chunks->blocks.data[block_of(number)].offset + (uint64_t)place_in_block(number) * HA_CHUNK_BYTES;
}

void ha_chunks_deinit(struct ha_chunks *chunks)
{
    for (size_t i = 0; i < chunks->blocks.count; i++) {
        ha_big_deinit(&chunks->blocks.data[i].memory);
    }
    for (size_t i = 0; i < chunks->refilled.count; i++) {
        ha_big_deinit(&chunks->refilled.data[i]);
    }
    ha_big_deinit(&chunks->staged);
    ha_vec_deinit(&chunks->blocks);
    ha_vec_deinit(&chunks->refilled);
    ha_vec_deinit(&chunks->next);
    if (chunks->file_bytes > 0) {
        ha_big_file_close(chunks->file, chunks->file_bytes);
    }
    *chunks = (struct ha_chunks){0};
}

static struct ha_err *add_block(struct ha_chunks *chunks)
{
    const uint32_t count = chunks->blocks.count < SMALL_BLOCKS ? SMALL_CHUNKS : BLOCK_CHUNKS;
    const uint64_t bytes = (uint64_t)count * HA_CHUNK_BYTES;
    if (chunks->room > UINT32_MAX - count) {
        return ha_err_new(HA_ERR_LIMIT, "references to be sorted take more than 16 TiB");
    }
    struct ha_chunk_block block = {.offset = chunks->file_bytes};
    if (!ha_vec_reserve(&chunks->blocks, 1)) {
        return ha_err_nomem();
    }
    if (ha_big_file_grow(&chunks->file, chunks->file_bytes, bytes)) {
        chunks->file_bytes += bytes;
        if (chunks->staged.data == NULL) {
            HA_TRY(ha_big_init_raw(&chunks->staged, STAGED_CHUNKS, HA_CHUNK_BYTES));
        }
    } else {
        HA_TRY(ha_big_init_raw(&block.memory, count, HA_CHUNK_BYTES));
    }
    chunks->blocks.data[chunks->blocks.count++] = block;
    chunks->room += count;
    return NULL;
}

static struct ha_err *write_staged(struct ha_chunks *chunks)
{
    const uint32_t count = chunks->staged_count;
    if (count == 0) {
        return NULL;
    }
    HA_TRY(ha_err_wrap(ha_file_write_at(chunks->file, "a temporary file", offset_of(chunks, chunks->staged_first), chunks->staged.data,
                                        (size_t)count * HA_CHUNK_BYTES),
                       "references that are sorted outside of memory"));
    chunks->staged_count = 0;
    return NULL;
}

/* Gives the list the next number, for which there is room. */
static void take_number(struct ha_chunks *chunks, struct ha_chunk_list *list)
{
    const uint32_t number = (uint32_t)chunks->next.count++;
    chunks->next.data[number] = 0;
    if (list->count == list->refilled) { /* the first one */
        list->first = number;
    } else {
        chunks->next.data[list->last] = number;
    }
    list->last = number;
}

/* Gives a number to what is in a chunk that is then filled again. */
static struct ha_err *put_away(struct ha_chunks *chunks, struct ha_chunk_list *list)
{
    const uint32_t number = (uint32_t)chunks->next.count;
    uint8_t *to = in_memory(chunks, number);
    if (to == NULL && (chunks->staged_count == STAGED_CHUNKS || chunks->staged_first + chunks->staged_count != number)) {
        HA_TRY(write_staged(chunks));
        chunks->staged_first = number;
    }
    if (to == NULL) {
        to = (uint8_t *)chunks->staged.data + (size_t)chunks->staged_count++ * HA_CHUNK_BYTES;
    }
    memcpy(to, list->chunk, HA_CHUNK_BYTES);
    take_number(chunks, list);
    return NULL;
}

/* A chunk in memory without a number. */
static struct ha_err *get_refilled(struct ha_chunks *chunks, struct ha_chunk_list *list)
{
    if (chunks->refilled_left == 0) {
        struct ha_big *memory = ha_vec_push(&chunks->refilled);
        if (memory == NULL) {
            return ha_err_nomem();
        }
        *memory = (struct ha_big){0};
        HA_TRY(ha_big_init_raw(memory, REFILLED_CHUNKS, HA_CHUNK_BYTES));
        chunks->refilled_left = REFILLED_CHUNKS;
    }
    list->chunk = (uint8_t *)chunks->refilled.data[chunks->refilled.count - 1].data + (size_t)--chunks->refilled_left * HA_CHUNK_BYTES;
    list->refilled = true;
    return NULL;
}

struct ha_err *ha_chunks_next(struct ha_chunks *chunks, struct ha_chunk_list *list)
{
    if (!ha_vec_reserve(&chunks->next, 1)) {
        return ha_err_nomem();
    }
    if (chunks->next.count == chunks->room) {
        HA_TRY(add_block(chunks));
    }
    uint8_t *here = in_memory(chunks, (uint32_t)chunks->next.count);
    if (list->refilled) {
        HA_TRY(put_away(chunks, list));
    } else if (here == NULL) {
        HA_TRY(get_refilled(chunks, list));
    } else {
        list->chunk = here;
        take_number(chunks, list);
    }
    list->count++;
    return NULL;
}

struct ha_err *ha_chunks_finish(struct ha_chunks *chunks)
{
    return write_staged(chunks);
}

struct ha_err *ha_chunk_reader_init(struct ha_chunk_reader *reader, const struct ha_chunks *chunks, uint32_t most)
{
    assert(chunks->staged_count == 0);
    *reader = (struct ha_chunk_reader){.chunks = chunks, .room = most < READ_CHUNKS ? most + 1 : READ_CHUNKS};
    if (chunks->file_bytes > 0) {
        reader->memory = ha_alloc_array(reader->room, HA_CHUNK_BYTES);
        return reader->memory == NULL ? ha_err_nomem() : NULL;
    }
    return NULL;
}

void ha_chunk_reader_deinit(struct ha_chunk_reader *reader)
{
    ha_free(reader->memory);
    reader->memory = NULL;
}

void ha_chunk_reader_begin(struct ha_chunk_reader *reader, const struct ha_chunk_list *list)
{
    if (list != reader->list) {
        reader->list = list;
        reader->kept = 0;
    }
    reader->at = reader->read = 0;
    reader->number = list->first;
}

/* A chunk of the file: still there from last time, or read behind what is, or in place of the last. */
static struct ha_err *read_chunk(struct ha_chunk_reader *reader, uint32_t number, const void **ret)
{
    const uint32_t index = reader->read++, place = index < reader->room ? index : reader->room - 1;
    uint8_t *to = reader->memory + (size_t)place * HA_CHUNK_BYTES;
    *ret = to;
    if (index < reader->kept) {
        return NULL;
    }
    size_t got;
    HA_TRY(ha_file_read_at(reader->chunks->file, "a temporary file", offset_of(reader->chunks, number), to, HA_CHUNK_BYTES, &got));
    if (got != HA_CHUNK_BYTES) {
        return ha_err_new(HA_ERR_SYSTEM, "a temporary file is shorter than what was written to it");
    }
    reader->kept = index + 1 < reader->room ? index + 1 : reader->room - 1; /* the last place is for all that come after */
    return NULL;
}

struct ha_err *ha_chunk_reader_next(struct ha_chunk_reader *reader, const void **ret)
{
    const struct ha_chunk_list *list = reader->list;
    if (reader->at == list->count) {
        *ret = NULL;
        return NULL;
    }
    if (++reader->at == list->count) {
        *ret = list->chunk;
        return NULL;
    }
    const uint32_t number = reader->number;
    reader->number = reader->chunks->next.data[number];
    *ret = in_memory(reader->chunks, number);
    return *ret != NULL ? NULL : read_chunk(reader, number, ret);
}
