/* SPDX-License-Identifier: MIT */
/*
 * Kept pages lie in spans, each a multiple of 2 MiB at a multiple of 2 MiB, so that huge pages are moved as they are:
 *
 *     given back    [===A===] [==B==]            spans, the last one is taken first
 *     taken         [==B==|A==|. . .]            moved from spans until they are used up, then fresh (. touched later);
 *                                                the end of the last span as it is, if that is enough
 *
 * A moved array may consist of several mappings. Linux before 6.17 moves only one at a time; then it is done huge page by huge page, none of
 * which crosses mappings.
 *
 * The spans are the writable state of this file, guarded by `lock`. They never decide what is computed.
 */
#include "ha/base/pages.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HUGE_PAGE_BYTES ((size_t)2 << 20)
#define SPANS_MAX 64U

struct span {
    uint8_t *at;
    size_t bytes;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct span spans[SPANS_MAX];
static unsigned span_count;

static size_t round_up(size_t bytes)
{
    return (bytes + HUGE_PAGE_BYTES - 1) & ~(HUGE_PAGE_BYTES - 1);
}

static void *map(size_t bytes)
{
    void *data = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return data == MAP_FAILED ? NULL : data;
}

/* `bytes` (a multiple of a huge page) at a multiple of a huge page; Linux since 6.7 puts such mappings there by itself. */
static uint8_t *map_aligned(size_t bytes)
{
    uint8_t *data = map(bytes);
    if (data != NULL && ((uintptr_t)data & (HUGE_PAGE_BYTES - 1)) == 0) {
        (void)madvise(data, bytes, MADV_HUGEPAGE);
        return data;
    }
    if (data != NULL) {
        munmap(data, bytes);
        data = map(bytes + HUGE_PAGE_BYTES);
    }
    if (data == NULL) {
        return NULL;
    }
    size_t before = (HUGE_PAGE_BYTES - ((uintptr_t)data & (HUGE_PAGE_BYTES - 1))) & (HUGE_PAGE_BYTES - 1);
    if (before > 0) {
        munmap(data, before);
    }
    if (before < HUGE_PAGE_BYTES) {
        munmap(data + before + bytes, HUGE_PAGE_BYTES - before);
    }
    (void)madvise(data + before, bytes, MADV_HUGEPAGE);
    return data + before;
}

static bool move_once(uint8_t *to, uint8_t *from, size_t bytes)
{
    return mremap(from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to) == (void *)to;
}

/* Moves pages over fresh ones. What cannot be moved is given back: then the fresh ones stay. */
static void move(uint8_t *to, uint8_t *from, size_t bytes)
{
    if (move_once(to, from, bytes)) {
        return;
    }
    for (size_t done = 0; done < bytes; done += HUGE_PAGE_BYTES) {
        if (!move_once(to + done, from + done, HUGE_PAGE_BYTES)) {
            (void)mmap(to + done, HUGE_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
            munmap(from + done, HUGE_PAGE_BYTES);
        }
    }
}

/* Takes up to `bytes` from the last span; an empty span when there is none, or when nothing is asked for. */
static struct span pop_span(size_t bytes)
{
    struct span taken = {0};
    if (bytes == 0) {
        return taken;
    }
    pthread_mutex_lock(&lock);
    if (span_count > 0) {
        struct span *last = &spans[span_count - 1];
        taken.bytes = last->bytes < bytes ? last->bytes : bytes;
        last->bytes -= taken.bytes;
        taken.at = last->at + last->bytes;
        span_count -= last->bytes == 0;
    }
    pthread_mutex_unlock(&lock);
    return taken;
}

void *ha_pages_take(size_t bytes, bool zero)
{
    if (bytes < HUGE_PAGE_BYTES) {
        return map(bytes);
    }
    if (bytes > SIZE_MAX - 2 * HUGE_PAGE_BYTES) {
        return NULL;
    }
    size_t rounded = round_up(bytes);
    struct span span = pop_span(rounded);
    uint8_t *data = span.bytes == rounded ? span.at : map_aligned(rounded);
    if (data == NULL) {
        if (span.bytes > 0) {
            munmap(span.at, span.bytes);
        }
        return NULL;
    }
    size_t filled = span.bytes;
    if (data != span.at) {
        for (filled = 0; span.bytes > 0; span = pop_span(rounded - filled)) {
            move(data + filled, span.at, span.bytes);
            filled += span.bytes;
        }
    }
    if (zero && filled > 0) {
        memset(data, 0, filled);
    }
    return data;
}

void ha_pages_give(void *data, size_t bytes, bool keep)
{
    if (bytes < HUGE_PAGE_BYTES) {
        munmap(data, bytes);
        return;
    }
    size_t rounded = round_up(bytes);
    pthread_mutex_lock(&lock);
    bool kept = keep && span_count < SPANS_MAX;
    if (kept) {
        spans[span_count++] = (struct span){data, rounded};
    }
    pthread_mutex_unlock(&lock);
    if (!kept) {
        munmap(data, rounded);
    }
}

void ha_pages_release(void)
{
    for (;;) {
        struct span span = pop_span(SIZE_MAX);
        if (span.bytes == 0) {
            return;
        }
        munmap(span.at, span.bytes);
    }
}

void ha_pages_advise(uintptr_t address, size_t bytes, int advice)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), begin = address & ~(page - 1);
    int errnum = errno;
    if (bytes > 0) {
        (void)madvise((void *)begin, (size_t)(address + bytes - begin), advice);
    }
    errno = errnum;
}
