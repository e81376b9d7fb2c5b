/* SPDX-License-Identifier: MIT */
/*
 * Memory: checked wrappers around malloc, and big arrays as mappings of their own, unless they turn out small.
 *
 * A big array reserves address space only (MAP_NORESERVE): pages cost memory when they are first touched, so an array may be sized by a
 * bound that is rarely reached; but of a cold one that lies in a file though memory is not limited, pages are made at once. From 2 MiB on,
 * huge pages are asked for; where the kernel has none the request is simply not met. Pages that an array gives back are taken by the next
 * ones (pages.c), unless memory is short: then files may need them more.
 *
 *     total of big arrays    0 ........ limit / 4, aim ........ limit ........
 *     anonymous              all        all but cold ones       none            (and whatever is smaller than HA_BIG_FILE_MIN)
 *     in a file                         cold ones               all
 *
 * A file is as long as its array (that of chunk lists grows by a block) and reserved on the disk, so that a full disk is an error when the array is made and not a signal when it is
 * written. Large blocks of malloc get huge pages, too.
 *
 * The counters and the limit are the only writable state of this file. The counters and the note that an allocation failed are atomic; where an array lies decides nothing but speed.
 */
#include "ha/base/mem.h"

#include "ha/base/checked.h"
#include "ha/base/file.h"
#include "ha/base/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define HUGE_PAGE_BYTES ((size_t)2 << 20)

#define HUGE_BLOCK_MIN (2 * HUGE_PAGE_BYTES) /* holds a whole huge page wherever it lies */
#define HUGE_ALONE_MIN (HUGE_PAGE_BYTES / 4 * 3)     /* worth a huge page of its own */
#define ALIGN ((size_t)64)
#define MAPPED_MIN ((size_t)64 << 10) /* less is left to malloc: to make and take away a mapping costs more than what is done with so little */
#define COLD_PART 4U
#define POPULATE_MAX ((size_t)64 << 20)

static _Atomic uint64_t big_bytes_now;
static _Atomic uint64_t big_bytes_peak;
static _Atomic uint64_t big_file_bytes_now;
static _Atomic uint64_t big_file_bytes_peak;
static _Atomic uint64_t anonymous_peak;
static uint64_t big_limit = UINT64_MAX; /* written only while no other thread makes big arrays */
static uint64_t big_aim = UINT64_MAX;   /* the same, and the next */
static uint64_t big_aim_leaves;
static char *big_folder;                /* the same */
static _Atomic bool failed;

/* A block of malloc, or that there is none. Large ones get huge pages, from the page on in which malloc keeps the size: a mapping of which only a part is
   advised is two to the kernel, and realloc() would have to copy it. */
static void *noted(void *block, size_t bytes)
{
    if (HA_UNLIKELY(block == NULL)) {
        atomic_store_explicit(&failed, true, memory_order_relaxed);
    } else if (HA_UNLIKELY(bytes >= HUGE_BLOCK_MIN)) {
        ha_pages_advise((uintptr_t)block, bytes, MADV_HUGEPAGE);
    }
    return block;
}

bool ha_mem_failed(void)
{
    return atomic_load_explicit(&failed, memory_order_relaxed);
}

void *ha_alloc(size_t size)
{
    return noted(malloc(size == 0 ? 1 : size), size);
}

void *ha_alloc_array(size_t count, size_t size)
{
    size_t bytes;
    return __builtin_mul_overflow(count, size, &bytes) ? NULL : ha_alloc(bytes);
}

void *ha_calloc_array(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        return NULL;
    }
    return noted(calloc(bytes == 0 ? 1 : bytes, 1), bytes);
}

void *ha_alloc_aligned(size_t bytes)
{
    return bytes > SIZE_MAX - ALIGN ? NULL : noted(aligned_alloc(ALIGN, (bytes + ALIGN - 1) & ~(ALIGN - 1)), bytes);
}

void *ha_alloc_huge(size_t bytes)
{
    if (bytes < HUGE_ALONE_MIN || bytes > SIZE_MAX - HUGE_PAGE_BYTES) {
        return ha_alloc(bytes);
    }
    void *block = aligned_alloc(HUGE_PAGE_BYTES, (bytes + HUGE_PAGE_BYTES - 1) & ~(HUGE_PAGE_BYTES - 1));
    if (block == NULL) {
        return noted(NULL, bytes);
    }
    ha_pages_advise((uintptr_t)block, (bytes + HUGE_PAGE_BYTES / 2) & ~(HUGE_PAGE_BYTES - 1), MADV_HUGEPAGE); /* the last one, if half of it is needed */
    return block;
}

void *ha_realloc_array(void *old, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        return NULL;
    }
    // realloc(p, 0) may free p and return NULL, which our callers would take for a failure.
    return noted(realloc(old, bytes == 0 ? 1 : bytes), bytes);
}

char *ha_strndup(const char *s, size_t len)
{
    size_t bytes;
    if (__builtin_add_overflow(len, 1, &bytes)) {
        return NULL;
    }
    char *copy = ha_alloc(bytes);
    if (copy == NULL) {
        return NULL;
    }
    if (len > 0) {
        memcpy(copy, s, len);
    }
    copy[len] = '\0';
    return copy;
}

void ha_free(void *p)
{
    free(p);
}

void ha_free_at(void *pp)
{
    void *p;
    memcpy(&p, pp, sizeof p);
    free(p);
}

static void raise_to(_Atomic uint64_t *peak, uint64_t now)
{
    uint64_t seen = atomic_load_explicit(peak, memory_order_relaxed);
    while (seen < now && !atomic_compare_exchange_weak_explicit(peak, &seen, now, memory_order_relaxed, memory_order_relaxed)) {
    }
}

static void count(_Atomic uint64_t *now, _Atomic uint64_t *peak, uint64_t bytes)
{
    raise_to(peak, atomic_fetch_add_explicit(now, bytes, memory_order_relaxed) + bytes);
}

struct ha_err *ha_big_limit_set(uint64_t bytes, const char *folder)
{
    char *copy = folder == NULL ? NULL : ha_strndup(folder, strlen(folder));
    if (folder != NULL && copy == NULL) {
        return ha_err_nomem();
    }
    ha_free(big_folder);
    big_folder = copy;
    big_limit = folder == NULL ? UINT64_MAX : bytes;
    return NULL;
}

uint64_t ha_big_limit(void)
{
    return big_limit;
}

void ha_big_aim_set(uint64_t bytes, uint64_t leaves)
{
    big_aim = bytes;
    big_aim_leaves = leaves;
}

/* Reserves bytes behind the end of a file on the disk; file systems that cannot do that get a hole, if holes will do. */
static bool reserve(int fd, uint64_t end, uint64_t bytes, bool holes)
{
    int rc;
    do {
        rc = fallocate(fd, 0, (off_t)end, (off_t)bytes);
    } while (rc != 0 && errno == EINTR);
    return rc == 0 || (holes && (errno == EOPNOTSUPP || errno == ENOSYS) && ftruncate(fd, (off_t)(end + bytes)) == 0);
}

/* Whether the disk keeps free what an aim shall leave. */
static bool leaves_room(int fd)
{
    struct statvfs fs;
    return fstatvfs(fd, &fs) == 0 && (uint64_t)fs.f_bavail >= big_aim_leaves / (fs.f_frsize == 0 ? 1 : fs.f_frsize);
}

/* must: there is no memory for it. Otherwise only where that harms nobody. */
static struct ha_err *file_grow(int fd, uint64_t end, uint64_t bytes, bool must)
{
    const bool possible = end <= INT64_MAX && bytes <= INT64_MAX - end, reserved = possible && reserve(fd, end, bytes, must);
    if (reserved && (must || leaves_room(fd))) {
        return NULL;
    }
    const int errnum = reserved ? ENOSPC : possible ? errno : EFBIG;
    if (possible) {
        (void)!ftruncate(fd, (off_t)end); /* gives back what was reserved */
    }
    return ha_err_system(errnum, "memory is limited, and '%s' has no room for %" PRIu64 " bytes", big_folder, bytes);
}

static struct ha_err *map_file(struct ha_big *big, size_t bytes, bool must)
{
    int fd;
    void *data = NULL;
    HA_TRY(ha_err_wrap(ha_file_temp(big_folder, &fd), "memory is limited"));
    struct ha_err *err = file_grow(fd, 0, bytes, must);
    if (err == NULL) {
        err = ha_file_map(fd, big_folder, bytes, true, &data);
    }
    ha_file_close(fd);
    if (err == NULL) {
        if (!must && bytes <= POPULATE_MAX) { /* more, or where memory is short, could be written out before it is used */
            ha_file_map_populate(data, bytes);
        }
        count(&big_file_bytes_now, &big_file_bytes_peak, bytes);
        *big = (struct ha_big){data, bytes, true};
    }
    return err;
}

static struct ha_err *map_anonymous(struct ha_big *big, size_t bytes, bool zero)
{
    void *data = bytes < MAPPED_MIN ? ha_alloc_aligned(bytes) : ha_pages_take(bytes, zero);
    if (data == NULL) {
        return ha_err_nomem();
    }
    if (zero && bytes < MAPPED_MIN) {
        memset(data, 0, bytes);
    }
    count(&big_bytes_now, &big_bytes_peak, bytes);
    *big = (struct ha_big){data, bytes, false};
    return NULL;
}

/* Whether so many bytes more stay within a limit. */
static bool fits(uint64_t bytes, uint64_t limit)
{
    uint64_t now = ha_big_bytes_now();
    return bytes < HA_BIG_FILE_MIN || (now <= limit && bytes <= limit - now);
}

static struct ha_err *init(struct ha_big *big, uint64_t elements, size_t size, uint64_t limit, bool zero, bool must)
{
    assert(big->data == NULL);
    uint64_t bytes;
    if (!ha_mul_u64(elements, size, &bytes) || bytes > SIZE_MAX) {
        return ha_err_nomem();
    }
    *big = (struct ha_big){0};
    if (bytes == 0) {
        return NULL;
    }
    return fits(bytes, limit) ? map_anonymous(big, (size_t)bytes, zero) : map_file(big, (size_t)bytes, must);
}

struct ha_err *ha_big_init(struct ha_big *big, uint64_t elements, size_t size)
{
    return init(big, elements, size, big_limit, true, true);
}

struct ha_err *ha_big_init_raw(struct ha_big *big, uint64_t elements, size_t size)
{
    return init(big, elements, size, big_limit, false, true);
}

/* How much anonymous memory there may be for a cold array to take more of it. */
static uint64_t cold_limit(void)
{
    const uint64_t part = big_limit / COLD_PART;
    return part < big_aim ? part : big_aim;
}

/* Whether cold arrays go to files because memory is limited, and not for an aim. */
static bool cold_must(void)
{
    return big_limit / COLD_PART <= big_aim;
}

struct ha_err *ha_big_init_cold(struct ha_big *big, uint64_t elements, size_t size)
{
    if (big_folder == NULL) {
        return ha_big_init_raw(big, elements, size);
    }
    struct ha_err *err = init(big, elements, size, cold_limit(), false, cold_must());
    if (err == NULL || ha_err_kind(err) != HA_ERR_SYSTEM) {
        return err;
    }
    ha_err_free(err); /* no file: then memory, if there is room */
    return ha_big_init_raw(big, elements, size);
}

bool ha_big_file_grow(int *fd, uint64_t end, uint64_t bytes)
{
    if (big_folder == NULL || fits(bytes, cold_limit())) {
        return false;
    }
    struct ha_err *err = end == 0 ? ha_file_temp(big_folder, fd) : NULL;
    if (err == NULL) {
        err = file_grow(*fd, end, bytes, cold_must());
        if (err == NULL) {
            count(&big_file_bytes_now, &big_file_bytes_peak, bytes);
            return true;
        }
        if (end == 0) {
            ha_file_close(*fd);
        }
    }
    ha_err_free(err);
    return false;
}

struct ha_err *ha_big_file_map(int fd, uint64_t bytes, struct ha_big *ret)
{
    void *data;
    if (bytes > SIZE_MAX) {
        return ha_err_nomem();
    }
    HA_TRY(ha_file_map(fd, big_folder, (size_t)bytes, false, &data));
    ha_file_close(fd);
    *ret = (struct ha_big){data, (size_t)bytes, true};
    return NULL;
}

void ha_big_file_close(int fd, uint64_t bytes)
{
    ha_file_close(fd);
    atomic_fetch_sub_explicit(&big_file_bytes_now, bytes, memory_order_relaxed);
}

void ha_big_deinit(struct ha_big *big)
{
    if (big->data != NULL) {
        if (big->bytes >= HUGE_PAGE_BYTES) {
            (void)ha_mem_anonymous_peak(false);
        }
        if (big->in_file) {
            ha_file_unmap(big->data, big->bytes);
        } else if (big->bytes < MAPPED_MIN) {
            free(big->data);
        } else {
            ha_pages_give(big->data, big->bytes, ha_big_bytes_peak() <= big_limit / 2);
        }
        atomic_fetch_sub_explicit(big->in_file ? &big_file_bytes_now : &big_bytes_now, big->bytes, memory_order_relaxed);
    }
    *big = (struct ha_big){0};
}

void ha_big_trim(void)
{
    ha_pages_release();
}

uint64_t ha_big_bytes_now(void)
{
    return atomic_load_explicit(&big_bytes_now, memory_order_relaxed);
}

uint64_t ha_big_bytes_peak(void)
{
    return atomic_load_explicit(&big_bytes_peak, memory_order_relaxed);
}

uint64_t ha_big_file_bytes_peak(void)
{
    return atomic_load_explicit(&big_file_bytes_peak, memory_order_relaxed);
}

/* The bytes of a line "<key>:   123 kB" of /proc/self/status, 0 when there is none. */
static uint64_t status_bytes(const char *key)
{
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    char text[8192];
    size_t len = 0;
    while (len < sizeof text - 1) {
        ssize_t got = read(fd, text + len, sizeof text - 1 - len);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            break;
        }
        len += (size_t)got;
    }
    close(fd);
    text[len] = '\0';
    const char *line = strstr(text, key);
    return line == NULL ? 0 : strtoull(line + strlen(key), NULL, 10) * 1024;
}

uint64_t ha_mem_peak_resident(void)
{
    return status_bytes("\nVmHWM:");
}

uint64_t ha_mem_anonymous_now(void)
{
    return status_bytes("\nRssAnon:");
}

uint64_t ha_mem_anonymous_peak(bool again)
{
    uint64_t now = ha_mem_anonymous_now();
    raise_to(&anonymous_peak, now);
    return again ? atomic_exchange_explicit(&anonymous_peak, now, memory_order_relaxed)
                 : atomic_load_explicit(&anonymous_peak, memory_order_relaxed);
}
