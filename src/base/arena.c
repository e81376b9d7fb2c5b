/* SPDX-License-Identifier: MIT */
/*
 * A chain of blocks; small things are cut from the newest one.
 *
 *     head -> [prev|bytes| thing thing thing ....free....] -> [prev|bytes| full ] -> NULL
 *                        0                 used      bytes
 *
 * Blocks grow with the arena (4 KiB up to 1 MiB), so a small arena stays small and a large one needs few blocks. A thing larger than a
 * quarter of the next block gets a block of its own, put behind the head, so that the free rest of the head is not lost.
 *
 * Invariants: used <= head->bytes; `used` is a multiple of ALIGN or equals head->bytes; total_bytes is the sum over all blocks.
 */
#include "ha/base/arena.h"

#include "ha/base/mem.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HA_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define HA_ASAN 1
#endif
#ifdef HA_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(p, len) __asan_poison_memory_region((p), (len))
#define UNPOISON(p, len) __asan_unpoison_memory_region((p), (len))
#else
#define POISON(p, len) ((void)(p), (void)(len))
#define UNPOISON(p, len) ((void)(p), (void)(len))
#endif

#define ALIGN 16U
#define BLOCK_MIN_BYTES ((size_t)4 << 10)
#define BLOCK_MAX_BYTES ((size_t)1 << 20)

struct ha_arena_block {
    struct ha_arena_block *prev;
    size_t bytes; /* of data, a multiple of ALIGN */
    _Alignas(ALIGN) uint8_t data[];
};

static_assert(_Alignof(max_align_t) <= ALIGN, "blocks are aligned for any type");

/* A new block for `bytes` of data, poisoned and not yet in the chain; NULL without memory. */
static struct ha_arena_block *block_create(struct ha_arena *arena, size_t bytes)
{
    size_t whole;
    if (__builtin_add_overflow(bytes, sizeof(struct ha_arena_block), &whole)) {
        return NULL;
    }
    struct ha_arena_block *block = ha_alloc_huge(whole);
    if (block == NULL) {
        return NULL;
    }
    *block = (struct ha_arena_block){.bytes = bytes};
    POISON(block->data, bytes);
    arena->total_bytes += bytes;
    return block;
}

static void block_destroy(struct ha_arena *arena, struct ha_arena_block *block)
{
    arena->total_bytes -= block->bytes;
    UNPOISON(block->data, block->bytes);
    ha_free(block);
}

static size_t next_block_bytes(const struct ha_arena *arena)
{
    if (arena->total_bytes <= BLOCK_MIN_BYTES) {
        return BLOCK_MIN_BYTES;
    }
    if (arena->total_bytes >= BLOCK_MAX_BYTES) {
        return BLOCK_MAX_BYTES;
    }
    return (size_t)arena->total_bytes / ALIGN * ALIGN;
}

/* Room for `bytes` (a multiple of ALIGN) where the head has not enough. */
static void *alloc_slow(struct ha_arena *arena, size_t bytes)
{
    size_t block_bytes = next_block_bytes(arena);
    bool own = arena->head != NULL && bytes > block_bytes / 4;
    if (own || bytes > block_bytes) {
        block_bytes = bytes;
    }
    struct ha_arena_block *block = block_create(arena, block_bytes);
    if (block == NULL) {
        return NULL;
    }
    if (own) {
        block->prev = arena->head->prev;
        arena->head->prev = block;
    } else {
        block->prev = arena->head;
        arena->head = block;
        arena->used = bytes;
    }
    return block->data;
}

void *ha_arena_alloc(struct ha_arena *arena, size_t count, size_t size)
{
    size_t exact;
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &exact) ||
        __builtin_add_overflow(exact == 0 ? 1 : exact, ALIGN - 1, &bytes)) {
        return NULL;
    }
    bytes = bytes / ALIGN * ALIGN;
    void *p;
    if (arena->head != NULL && bytes <= arena->head->bytes - arena->used) {
        p = arena->head->data + arena->used;
        arena->used += bytes;
    } else {
        p = alloc_slow(arena, bytes);
        if (p == NULL) {
            return NULL;
        }
    }
    UNPOISON(p, exact);
    return p;
}

void *ha_arena_calloc(struct ha_arena *arena, size_t count, size_t size)
{
    void *p = ha_arena_alloc(arena, count, size);
    if (p != NULL) {
        memset(p, 0, count * size);
    }
    return p;
}

char *ha_arena_strndup(struct ha_arena *arena, const char *s, size_t len)
{
    size_t bytes;
    if (__builtin_add_overflow(len, 1, &bytes)) {
        return NULL;
    }
    char *copy = ha_arena_alloc(arena, bytes, 1);
    if (copy == NULL) {
        return NULL;
    }
    if (len > 0) {
        memcpy(copy, s, len);
    }
    copy[len] = '\0';
    return copy;
}

char *ha_arena_printf(struct ha_arena *arena, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len < 0) {
        return NULL;
    }
    char *text = ha_arena_alloc(arena, (size_t)len + 1, 1);
    if (text == NULL) {
        return NULL;
    }
    va_start(args, fmt);
    vsnprintf(text, (size_t)len + 1, fmt, args);
    va_end(args);
    return text;
}

void ha_arena_reset(struct ha_arena *arena)
{
    struct ha_arena_block *kept = arena->head;
    if (kept == NULL) {
        return;
    }
    for (struct ha_arena_block *block = kept->prev; block != NULL;) {
        struct ha_arena_block *prev = block->prev;
        block_destroy(arena, block);
        block = prev;
    }
    kept->prev = NULL;
    arena->used = 0;
    POISON(kept->data, kept->bytes);
}

void ha_arena_deinit(struct ha_arena *arena)
{
    for (struct ha_arena_block *block = arena->head; block != NULL;) {
        struct ha_arena_block *prev = block->prev;
        block_destroy(arena, block);
        block = prev;
    }
    *arena = (struct ha_arena){0};
}
