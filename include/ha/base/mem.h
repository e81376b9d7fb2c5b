/* SPDX-License-Identifier: MIT */
/*
 * The only caller of malloc and of anonymous mmap. Every array is sized by (count, element size) with an overflow check; NULL means
 * out of memory (or overflow), and the caller returns ha_err_nomem().
 *
 * Big arrays (ha_big) are whole mappings, zero-filled when fresh, with huge pages asked for: first touch of a page is what costs on virtual
 * machines; those that turn out small are blocks of malloc. They are counted, so that `-v` can tell the peak of anonymous memory we asked for.
 *
 * Under a limit (ha_big_limit_set) what would pass it lies in unnamed files instead: the kernel can write those pages out and take them back,
 * which it cannot do with anonymous memory where there is no swap. Nothing else differs. An aim (ha_big_aim_set) does the same to cold arrays
 * alone.
 */
#ifndef HA_BASE_MEM_H
#define HA_BASE_MEM_H

#include "ha/base/compiler.h"
#include "ha/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Memory of size bytes (at least 1), uninitialised. NULL without memory. Free with ha_free(). */
void *ha_alloc(size_t size);

/* count × size bytes; NULL on overflow or without memory. */
void *ha_alloc_array(size_t count, size_t size);
void *ha_calloc_array(size_t count, size_t size); /* zero-filled */

/* So many bytes, aligned to 64; their contents are anything. */
void *ha_alloc_aligned(size_t bytes);

/* So many bytes, uninitialised, all of which are written soon: from 1.5 MiB on in huge pages, where the system has them, whatever malloc does. NULL
   without memory. Free with ha_free(). */
void *ha_alloc_huge(size_t bytes);

/* Resizes an array to count × size bytes; NULL leaves the old one as it was. */
void *ha_realloc_array(void *old, size_t count, size_t size);

/* A NUL-terminated copy of len bytes. */
char *ha_strndup(const char *s, size_t len);

/* Whether one of the above has ever found no memory in this process. Texts that were cut then are not noticed where they are put together;
   so an answer that is ready after that is not to be given. */
bool ha_mem_failed(void);

void ha_free(void *p);     /* NULL is fine */
void ha_free_at(void *pp); /* for HA_FREE: pp points to a pointer */

/* One big array; a zeroed struct is a valid empty one. */
struct ha_big {
    void *data;   /* aligned to 64 bytes; NULL when empty */
    size_t bytes; /* as asked for */
    bool in_file; /* not anonymous */
};

/* Maps count × size zero-filled bytes into big (which must be empty). */
struct ha_err *ha_big_init(struct ha_big *big, uint64_t count, size_t size) HA_WARN_UNUSED;
/* The same with contents that are anything: for arrays that are written before they are read. */
struct ha_err *ha_big_init_raw(struct ha_big *big, uint64_t count, size_t size) HA_WARN_UNUSED;
/* The same for an array that is mostly written and read from front to back, all of it: it goes into a file before others do. */
struct ha_err *ha_big_init_cold(struct ha_big *big, uint64_t count, size_t size) HA_WARN_UNUSED;
void ha_big_deinit(struct ha_big *big);

/* Gives the pages of former big arrays, which wait for the next ones, back to the system. */
void ha_big_trim(void);

/* Arrays smaller than this are anonymous whatever the limit. */
#define HA_BIG_FILE_MIN ((size_t)8 << 20)

/* From now on a big array that would make all of them together take more than `bytes` of anonymous memory (a cold one: a quarter of that) lies
   in a file of `folder` (copied). UINT64_MAX and NULL: no limit. Not while other threads make big arrays. */
struct ha_err *ha_big_limit_set(uint64_t bytes, const char *folder) HA_WARN_UNUSED;
uint64_t ha_big_limit(void); /* UINT64_MAX: none */

/* From now on a cold array that would make all of them together take more than `bytes` lies in a file of that folder though memory is not limited, if
   one can be had, room in it reserved, and `leaves` bytes of the disk stay free. UINT64_MAX: no such aim. As above, not while other threads make
   big arrays. */
void ha_big_aim_set(uint64_t bytes, uint64_t leaves);

/* For what is written and read at offsets instead of a cold array of so many bytes: where that would lie in a file, makes an unnamed one longer by `bytes`,
   reserved on the disk. With end 0 the file is made: *fd is the caller's, to close with ha_big_file_close(); else its length so far is `end`. false: memory
   it is to be, or no file can be had (nothing is open then if end is 0; else it is as it was). */
bool ha_big_file_grow(int *fd, uint64_t end, uint64_t bytes);
void ha_big_file_close(int fd, uint64_t bytes); /* bytes: its length */
/* Makes such a file an array to be read; it is closed. After an error it is as it was. */
struct ha_err *ha_big_file_map(int fd, uint64_t bytes, struct ha_big *ret) HA_WARN_UNUSED;

/* Anonymous bytes held by big arrays now, and the most ever at once in this process. */
uint64_t ha_big_bytes_now(void);
uint64_t ha_big_bytes_peak(void);

/* Bytes in files instead of memory, the most ever at once. */
uint64_t ha_big_file_bytes_peak(void);

/* Peak resident set of the process in bytes (VmHWM), and the anonymous part now (RssAnon); 0 where /proc does not tell. */
uint64_t ha_mem_peak_resident(void);
uint64_t ha_mem_anonymous_now(void);

/* The most anonymous memory seen since the last call with `again`. Looked at now and whenever a big array is about to be given back, which is
   when there is most; what comes and goes between is missed. */
uint64_t ha_mem_anonymous_peak(bool again);

#endif
