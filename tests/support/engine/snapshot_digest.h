/* SPDX-License-Identifier: MIT */
/*
 * Asks a snapshot for everything that can be asked, and folds the answers into a few numbers.
 *
 * Two uses: snapshots that should say the same (fresh and from the index, with one thread and with eight, records in another order) are
 * compared by their digests; and a snapshot of a damaged dump or index is made to use all its sections, so that a sanitizer sees every
 * access. The objects' digest speaks of addresses, never of object numbers or file offsets, so it does not depend on the order of records.
 */
#ifndef HA_TESTS_SUPPORT_SNAPSHOT_DIGEST_H
#define HA_TESTS_SUPPORT_SNAPSHOT_DIGEST_H

#include "ha/snapshot/snapshot.h"

struct snapshot_digest {
    uint64_t objects; /* classes, sizes, references by name, values, strings, dominators, roots, totals: whatever order the records have */
    uint64_t threads; /* threads, frames and locals in file order */
    uint64_t diag;    /* warnings with their offsets */
};

void snapshot_digest_take(const struct ha_snapshot *snapshot, struct snapshot_digest *ret);

#endif
