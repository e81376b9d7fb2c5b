/* SPDX-License-Identifier: MIT */
/*
 * Memory: checked wrappers around malloc, and big arrays as mappings of their own.
 *
 * A big array reserves address space only (MAP_NORESERVE): pages cost memory when they are first touched, so an array may be sized by a
 * bound that is rarely reached. From 2 MiB on, huge pages are asked for; where the kernel has none the request is simply not met.
 *
 * The two counters of big bytes are the only writable state of this file; both are atomic and only ever informative.
 */
#include "ha/base/mem.h"

#include "ha/base/checked.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HUGE_PAGE_BYTES ((size_t)2 << 20)

static _Atomic uint64_t big_bytes_now;
static _Atomic uint64_t big_bytes_peak;

void *ha_alloc(size_t size)
{
    return malloc(size == 0 ? 1 : size);
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
    return calloc(bytes == 0 ? 1 : bytes, 1);
}

void *ha_realloc_array(void *old, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        return NULL;
    }
    // realloc(p, 0) may free p and return NULL, which our callers would take for a failure.
    return realloc(old, bytes == 0 ? 1 : bytes);
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

static void count_big(uint64_t bytes)
{
    uint64_t now = atomic_fetch_add_explicit(&big_bytes_now, bytes, memory_order_relaxed) + bytes;
    uint64_t peak = atomic_load_explicit(&big_bytes_peak, memory_order_relaxed);
    while (peak < now &&
           !atomic_compare_exchange_weak_explicit(&big_bytes_peak, &peak, now, memory_order_relaxed,
                                                  memory_order_relaxed)) {
    }
}

struct ha_err *ha_big_init(struct ha_big *big, uint64_t count, size_t size)
{
    assert(big->data == NULL);
    uint64_t bytes;
    if (!ha_mul_u64(count, size, &bytes) || bytes > SIZE_MAX) {
        return ha_err_nomem();
    }
    if (bytes == 0) {
        *big = (struct ha_big){NULL, 0};
        return NULL;
    }
    void *data = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (data == MAP_FAILED) {
        return ha_err_nomem();
    }
    if (bytes >= HUGE_PAGE_BYTES) {
        (void)madvise(data, (size_t)bytes, MADV_HUGEPAGE);
    }
    count_big(bytes);
    *big = (struct ha_big){data, (size_t)bytes};
    return NULL;
}

void ha_big_deinit(struct ha_big *big)
{
    if (big->data != NULL) {
        munmap(big->data, big->bytes);
        atomic_fetch_sub_explicit(&big_bytes_now, big->bytes, memory_order_relaxed);
    }
    *big = (struct ha_big){NULL, 0};
}

uint64_t ha_big_bytes_now(void)
{
    return atomic_load_explicit(&big_bytes_now, memory_order_relaxed);
}

uint64_t ha_big_bytes_peak(void)
{
    return atomic_load_explicit(&big_bytes_peak, memory_order_relaxed);
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
