/* SPDX-License-Identifier: MIT */
/*
 * Threads. The way to run code in parallel (ha_task is for what waits):
 *
 *     HA_TRY(ha_parallel_for(threads, batches, scan_batch, &ctx));
 *
 * Workers claim the indices 0 … count-1 in ascending order, one at a time, so the lowest unfinished index is always being worked on
 * (an ordered hand-over between neighbours, ha_turn, cannot deadlock). With threads <= 1 or count <= 1 everything runs in the caller.
 * fn gets the number of its worker (0 … threads-1) for per-worker state. After an error no new index is claimed; of several errors the
 * one of the lowest index is returned, so the outcome does not depend on timing.
 */
#ifndef HA_BASE_POOL_H
#define HA_BASE_POOL_H

#include "ha/base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define HA_THREADS_MAX 256U

typedef struct ha_err *(*ha_parallel_fn)(void *ctx, unsigned worker, uint64_t index);

struct ha_err *ha_parallel_for(unsigned threads, uint64_t count, ha_parallel_fn fn, void *ctx) HA_WARN_UNUSED;

/* One function beside the caller, on a thread of its own: for what waits rather than computes. ha_task_start(): NULL if the system refuses a thread;
   then nothing runs. ha_task_join() waits, frees the task, and returns the error of fn. */
typedef struct ha_err *(*ha_task_fn)(void *ctx);
struct ha_task;
struct ha_task *ha_task_start(ha_task_fn fn, void *ctx);
bool ha_task_is_over(const struct ha_task *task);
struct ha_err *ha_task_join(struct ha_task *task) HA_WARN_UNUSED;

/* Processors this process may use (affinity and the cgroup's CPU quota respected), 1 … HA_THREADS_MAX. */
unsigned ha_threads_default(void);

/* An ordered hand-over: index k may pass only after 0 … k-1 have left. */
struct ha_turn;
struct ha_turn *ha_turn_create(void); /* NULL without memory */
void ha_turn_destroy(struct ha_turn *turn);

/* Blocks until `index` is the next one. false: some index failed and gave up (ha_turn_fail); the caller must return. */
bool ha_turn_wait(struct ha_turn *turn, uint64_t index);
void ha_turn_leave(struct ha_turn *turn, uint64_t index); /* the next index may pass */
void ha_turn_fail(struct ha_turn *turn);                  /* wakes all waiters for good */

#endif
