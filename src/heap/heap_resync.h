/* SPDX-License-Identifier: MIT */
/* Finding sub-records again behind damage: heap_resync.c, used by the scan. */
#ifndef HA_HEAP_RESYNC_H
#define HA_HEAP_RESYNC_H

#include "ha/heap/heap_build.h"

/* One per worker. */
struct ha_resync {
    const struct ha_build *build;
    uint64_t class_bytes;            /* of class dumps that may still be walked in this batch */
    struct ha_window bytes, records; /* where candidates are looked for, and what follows them */
};

void ha_resync_init(struct ha_resync *resync, const struct ha_build *build);
/* To be called for every batch: what may be tried depends on its size alone, so the outcome does not depend on which worker takes it. */
void ha_resync_begin(struct ha_resync *resync, uint64_t batch_bytes);
void ha_resync_deinit(struct ha_resync *resync); /* zeroed is fine */

/* The first place in [from, until) where sub-records go on, in a segment that ends at `end`, by the classes known so far. false: nowhere. */
bool ha_resync(struct ha_resync *resync, uint64_t from, uint64_t until, uint64_t end, uint64_t *ret);

#endif
