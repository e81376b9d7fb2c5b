/* SPDX-License-Identifier: MIT */
/*
 * Whether the answers of one snapshot fit each other, without anything to compare them with: for damaged dumps, of which nobody knows what
 * they should say.
 *
 *     objects      ascending addresses, each found again under its own; classes, roots and targets in range
 *     references   as many in as out, and each row's targets name the row's object as a source
 *     reachable    closed under references, every root in it; what is not reachable has no dominator
 *     tree         each reachable object under exactly one parent; the parent of a target is the source or dominates it
 *     sizes        retained = own + what is retained by the children; totals of classes, of the heap and of the first level add up
 */
#ifndef HA_TESTS_SUPPORT_SNAPSHOT_CHECK_H
#define HA_TESTS_SUPPORT_SNAPSHOT_CHECK_H

#include "ha/snapshot/snapshot.h"

struct snapshot_contradiction {
    char text[200]; /* the first one found */
};

/* Whether they fit. Takes time in the order of objects and references. */
bool snapshot_fits(const struct ha_snapshot *snapshot, struct snapshot_contradiction *ret);

#endif
