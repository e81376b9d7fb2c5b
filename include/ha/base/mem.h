/* SPDX-License-Identifier: MIT */
/*
 * The only caller of malloc and of anonymous mmap. Every array is sized by (count, element size) with an overflow check; NULL means
 * out of memory (or overflow), and the caller returns ha_err_nomem().
 *
 * Big arrays (ha_big) are whole mappings, page aligned, zero-filled when fresh, with huge pages asked for: first touch of a page is what
 * costs on virtual machines. They are counted, so that `-v` can tell the peak of anonymous memory we asked for.
 */
#ifndef HA_BASE_MEM_H
#define HA_BASE_MEM_H

#include "ha/base/compiler.h"
#include "ha/base/err.h"

#include <stddef.h>
#include <stdint.h>

/* Memory of size bytes (at least 1), uninitialised. NULL without memory. Free with ha_free(). */
void *ha_alloc(size_t size);

/* count × size bytes; NULL on overflow or without memory. */
void *ha_alloc_array(size_t count, size_t size);
void *ha_calloc_array(size_t count, size_t size); /* zero-filled */

/* Resizes an array to count × size bytes; NULL leaves the old one as it was. */
void *ha_realloc_array(void *old, size_t count, size_t size);

/* A NUL-terminated copy of len bytes. */
char *ha_strndup(const char *s, size_t len);

void ha_free(void *p);     /* NULL is fine */
void ha_free_at(void *pp); /* for HA_FREE: pp points to a pointer */

/* One big array; a zeroed struct is a valid empty one. */
struct ha_big {
    void *data;   /* page aligned; NULL when empty */
    size_t bytes; /* as asked for */
};

/* Maps `bytes` of zero-filled anonymous memory into big (which must be empty). */
struct ha_err *ha_big_init(struct ha_big *big, uint64_t count, size_t size) HA_WARN_UNUSED;
void ha_big_deinit(struct ha_big *big);

/* Anonymous bytes held by big arrays now, and the most ever at once in this process. */
uint64_t ha_big_bytes_now(void);
uint64_t ha_big_bytes_peak(void);

/* Peak resident set of the process in bytes (VmHWM), and the anonymous part now (RssAnon); 0 where /proc does not tell. */
uint64_t ha_mem_peak_resident(void);
uint64_t ha_mem_anonymous_now(void);

#endif
