/* SPDX-License-Identifier: MIT */
/*
 * An array of 32-bit numbers that is written from front to back, and read anywhere once it is complete: in memory, or, where a cold big array would not
 * be (mem.h), through a window that is written to an unnamed file, which is mapped for reading in the end. (A page of a mapped file that is
 * written costs ten times as much as one that is written through a window.)
 *
 *     HA_TRY(ha_spool_init(&spool, n));
 *     for (uint64_t i = 0; i < n; i++) {
 *         if (i % HA_SPOOL_WINDOW == 0) { HA_TRY(ha_spool_next(&spool, i)); }
 *         spool.window[i & spool.mask] = …;
 *     }
 *     HA_TRY(ha_spool_finish(&spool, n, &array));
 *     ha_spool_deinit(&spool);
 */
#ifndef HA_BASE_SPOOL_H
#define HA_BASE_SPOOL_H

#include "ha/base/mem.h"

#define HA_SPOOL_WINDOW ((size_t)1 << 16)

/* A zeroed struct is a valid empty one. */
struct ha_spool {
    uint32_t *window;
    uint64_t mask;    /* of an index: where it lies in the window */
    struct ha_big big; /* the window, or all */
    int file;
    uint64_t file_bytes; /* 0: all is in memory */
};

/* For up to `count` numbers. HA_ERR_SYSTEM: neither memory nor a file is to be had. */
struct ha_err *ha_spool_init(struct ha_spool *spool, uint64_t count) HA_WARN_UNUSED;
void ha_spool_deinit(struct ha_spool *spool);

/* Before the number at `index`, a multiple of HA_SPOOL_WINDOW, is written: all before it has been. HA_ERR_SYSTEM where it cannot be kept. */
struct ha_err *ha_spool_next(struct ha_spool *spool, uint64_t index) HA_WARN_UNUSED;

/* After the first `count` numbers: they become *ret, which must be empty and is the caller's, not to be written to. The spool is empty then. */
struct ha_err *ha_spool_finish(struct ha_spool *spool, uint64_t count, struct ha_big *ret) HA_WARN_UNUSED;

#endif
