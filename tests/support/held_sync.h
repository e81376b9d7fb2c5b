/* SPDX-License-Identifier: MIT */
/* Stands before the fdatasync() of libc in the test that includes it: waits until it may go on, and fails when it is called for the
   `sync_that_fails`-th time. */
#ifndef HELD_SYNC_H
#define HELD_SYNC_H

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

static atomic_uint syncs, sync_that_fails;
static atomic_bool sync_waits;

int fdatasync(int fd)
{
    const unsigned number = atomic_fetch_add(&syncs, 1) + 1;
    while (sync_waits) {
        sched_yield();
    }
    errno = EIO;
    return number == sync_that_fails ? -1 : fsync(fd);
}

#endif
