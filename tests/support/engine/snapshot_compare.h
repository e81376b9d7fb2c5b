/* SPDX-License-Identifier: MIT */
/*
 * Compares a snapshot with the naive oracle: objects, classes, references in order, inbound references, roots, sizes, reachability,
 * dominators and their children, retained sizes, class totals.
 */
#ifndef HA_TESTS_SUPPORT_SNAPSHOT_COMPARE_H
#define HA_TESTS_SUPPORT_SNAPSHOT_COMPARE_H

#include "ha/snapshot/snapshot.h"
#include "support/oracle.h"

struct comparison {
    char difference[400]; /* the first one found */
};

/* Whether they agree. */
bool snapshot_agrees(const struct ha_snapshot *snapshot, const struct oracle *oracle, struct comparison *ret);

#endif
