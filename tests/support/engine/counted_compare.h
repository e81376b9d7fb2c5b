/* SPDX-License-Identifier: MIT */
/*
 * Compares a snapshot opened with heap_only, whose objects may have been counted only, with one that has everything: histograms of all groupings, totals,
 * distances between objects, what the sizes depend on, warnings, the version of the JVM.
 */
#ifndef HA_TESTS_SUPPORT_COUNTED_COMPARE_H
#define HA_TESTS_SUPPORT_COUNTED_COMPARE_H

#include "support/engine/snapshot_compare.h"

/* Whether they agree. */
bool counted_agrees(const struct ha_snapshot *counted, const struct ha_snapshot *full, struct comparison *ret);

#endif
