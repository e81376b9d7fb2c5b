/* SPDX-License-Identifier: MIT */
/*
 * Two tables of fixed size, since a handler can neither wait for a lock nor follow a list that somebody is changing.
 *
 *     temps   FREE -> FILLING -> LIVE -> FREE      the path is copied in while FILLING; handlers look at LIVE ones only
 *     maps    start is 0 while an entry is free, and set last
 *
 * An entry is claimed by compare-and-swap, so that any thread may add. A full table loses nothing but a convenience: the next run removes
 * the leftover, or a message does not name the file.
 */
#include "ha/base/emergency.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define TEMPS 32U /* an answer has at most 16 outputs, and there is one index in the making */
#define MAPS 1024U /* the dump, an index, the 256 sections of an index in the making, and big arrays in files (base/mem.h) */

enum state { STATE_FREE, STATE_FILLING, STATE_LIVE };

static struct {
    _Atomic int state; /* enum state */
    char path[PATH_MAX];
} temps[TEMPS];

static struct {
    _Atomic uintptr_t start; /* 0: free; 1: being filled */
    size_t bytes;
    const char *name;
    bool writable;
} maps[MAPS];

unsigned ha_emergency_temp_add(const char *path)
{
    size_t len = strlen(path);
    for (unsigned i = 0; i < TEMPS && len < sizeof temps[i].path; i++) {
        int expected = STATE_FREE;
        if (atomic_compare_exchange_strong(&temps[i].state, &expected, STATE_FILLING)) {
            memcpy(temps[i].path, path, len + 1);
            atomic_store(&temps[i].state, STATE_LIVE);
            return i + 1;
        }
    }
    return 0;
}

void ha_emergency_temp_drop(unsigned entry)
{
    if (entry != 0) {
        atomic_store(&temps[entry - 1].state, STATE_FREE);
    }
}

void ha_emergency_temps_remove(void)
{
    int saved = errno;
    for (unsigned i = 0; i < TEMPS; i++) {
        if (atomic_load(&temps[i].state) == STATE_LIVE) {
            (void)unlink(temps[i].path);
        }
    }
    errno = saved;
}

void ha_emergency_map_add(const void *start, size_t bytes, const char *name, bool writable)
{
    for (unsigned i = 0; i < MAPS; i++) {
        uintptr_t expected = 0;
        if (atomic_compare_exchange_strong(&maps[i].start, &expected, 1)) {
            maps[i].bytes = bytes;
            maps[i].name = name;
            maps[i].writable = writable;
            atomic_store(&maps[i].start, (uintptr_t)start);
            return;
        }
    }
}

void ha_emergency_map_drop(const void *start)
{
    for (unsigned i = 0; i < MAPS; i++) {
        uintptr_t expected = (uintptr_t)start;
        if (atomic_compare_exchange_strong(&maps[i].start, &expected, 0)) {
            return;
        }
    }
}

const char *ha_emergency_map_name(const void *address, bool *ret_writable)
{
    uintptr_t at = (uintptr_t)address;
    for (unsigned i = 0; i < MAPS; i++) {
        uintptr_t start = atomic_load(&maps[i].start);
        // 1, an entry being filled, is no address that was mapped: it would have to be page-aligned.
        if (start > 1 && at >= start && at - start < maps[i].bytes) {
            *ret_writable = maps[i].writable;
            return maps[i].name;
        }
    }
    return NULL;
}
