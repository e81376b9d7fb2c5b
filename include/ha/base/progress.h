/* SPDX-License-Identifier: MIT */
/*
 * Phases of a long run: names, percent, time and CPU. Nothing is shown unless the CLI installs a sink; the sink may be called from any
 * thread that steps, one call at a time. Phase times are kept for `-v`.
 *
 *     ha_progress_begin(progress, "scan", total_bytes);
 *     … ha_progress_step(progress, bytes_done_here);       any thread, cheap (one relaxed add; the sink at most ten times a second)
 *     ha_progress_end(progress);
 */
#ifndef HA_BASE_PROGRESS_H
#define HA_BASE_PROGRESS_H

#include "ha/base/compiler.h"

#include <stdbool.h>
#include <stdint.h>

#define HA_PROGRESS_PHASES_MAX 32

struct ha_progress_phase {
    const char *name; /* constant text */
    uint64_t wall_ns;
    uint64_t user_ns;   /* user CPU of the whole process during the phase */
    uint64_t system_ns; /* system CPU */
    uint64_t anonymous_bytes; /* the most resident anonymous memory seen during the phase (ha_mem_anonymous_peak()) */
};

struct ha_progress;
/* phase: constant text; done may equal total; total 0: unknown. finished: the phase just ended. elapsed_ns since ha_progress_create(). */
typedef void (*ha_progress_sink)(void *ctx, const char *phase, uint64_t done, uint64_t total, uint64_t elapsed_ns, bool finished);

struct ha_progress *ha_progress_create(ha_progress_sink sink, void *ctx); /* sink may be NULL; NULL without memory */
void ha_progress_destroy(struct ha_progress *progress);

/* All three accept a NULL progress. */
void ha_progress_begin(struct ha_progress *progress, const char *phase, uint64_t total);
void ha_progress_step(struct ha_progress *progress, uint64_t amount);
void ha_progress_end(struct ha_progress *progress);

/* The phases ended so far, in order; borrowed. Phases beyond HA_PROGRESS_PHASES_MAX are added to the last. */
uint32_t ha_progress_phases(const struct ha_progress *progress, const struct ha_progress_phase **ret);

#endif
