/* SPDX-License-Identifier: MIT */
/*
 * Pages that were touched once are worth keeping: on virtual machines the first touch of a fresh page costs more than all that is done with it.
 * What one big array gives back, the next one takes: its pages are moved there (mremap), whatever their sizes are.
 *
 * Only mem.c takes and gives pages; others use ha_big.
 */
#ifndef HA_BASE_PAGES_H
#define HA_BASE_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Anonymous memory of `bytes` bytes (not 0), page aligned; NULL without memory. zero: filled with zeros; else its contents are anything.
   Thread-safe, like all of these. */
void *ha_pages_take(size_t bytes, bool zero);

/* Takes back what ha_pages_take() gave, with the same size. keep: for others to take; else it goes back to the system at once. */
void ha_pages_give(void *data, size_t bytes, bool keep);

/* Gives everything that is kept back to the system. */
void ha_pages_release(void);

/* madvise() for all pages that hold so many bytes at an address. Whether it is taken decides nothing but speed: no error, and errno stays. */
void ha_pages_advise(uintptr_t address, size_t bytes, int advice);

#endif
