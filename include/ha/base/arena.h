/* SPDX-License-Identifier: MIT */
/*
 * A bump arena: many small things that live and die together. Nothing is freed alone; ha_arena_deinit() frees all. Memory of a reset or
 * freed arena is poisoned under AddressSanitizer, and so is the unused rest of every block.
 */
#ifndef HA_BASE_ARENA_H
#define HA_BASE_ARENA_H

#include "ha/base/compiler.h"

#include <stddef.h>
#include <stdint.h>

struct ha_arena_block;

struct ha_arena {
    struct ha_arena_block *head; /* newest block; a zeroed struct is a valid empty arena */
    size_t used;                 /* bytes used in head */
    uint64_t total_bytes;        /* bytes of all blocks */
};

/* `count` × `size` bytes, aligned for any type, uninitialised; NULL without memory or on overflow. Lives until reset or deinit. */
void *ha_arena_alloc(struct ha_arena *arena, size_t count, size_t size);
void *ha_arena_calloc(struct ha_arena *arena, size_t count, size_t size);

/* A NUL-terminated copy of len bytes / of a printed text; NULL without memory. */
char *ha_arena_strndup(struct ha_arena *arena, const char *s, size_t len);
char *ha_arena_printf(struct ha_arena *arena, const char *fmt, ...) HA_PRINTF(2, 3);

void ha_arena_reset(struct ha_arena *arena); /* keeps one block for reuse */
void ha_arena_deinit(struct ha_arena *arena);

#endif
