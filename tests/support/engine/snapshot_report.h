/* SPDX-License-Identifier: MIT */
/*
 * The whole report about a snapshot, rendered into nothing: every query and every finding, whatever the dump or the index says. For damaged
 * ones, in builds with sanitizers; snapshot_digest.h is the same for what lies below the queries.
 */
#ifndef HA_TESTS_SUPPORT_SNAPSHOT_REPORT_H
#define HA_TESTS_SUPPORT_SNAPSHOT_REPORT_H

#include "ha/snapshot/snapshot.h"

/* Adds up the bytes of the report as JSON and as text to *ret_bytes. Any error but one of memory or of the input is a bug. */
struct ha_err *snapshot_report(const struct ha_snapshot *snapshot, uint64_t *ret_bytes) HA_WARN_UNUSED;

/* A ha_snapshot_extra: what the command line keeps in an index. */
struct ha_err *snapshot_report_keep(void *ctx, const struct ha_snapshot *snapshot, ha_section_put put, void *put_ctx) HA_WARN_UNUSED;

#endif
