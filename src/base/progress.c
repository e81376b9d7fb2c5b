/* SPDX-License-Identifier: MIT */
/*
 * Phases, counted by an atomic sum and shown through a sink.
 *
 * A step is one relaxed add; with a sink also a look at the clock. The thread that finds the sink due takes the lock if it is free and
 * calls the sink; the others go on with their work, so nobody waits for a terminal.
 */
#include "ha/base/progress.h"

#include "ha/base/mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <time.h>

#define SINK_INTERVAL_NS 100000000U
#define NS_PER_SEC 1000000000U

struct ha_progress {
    ha_progress_sink sink;
    void *ctx;
    uint64_t created_ns;
    pthread_mutex_t lock;
    _Atomic uint64_t done;
    _Atomic uint64_t sink_due_ns;

    /* guarded by lock */
    const char *phase; /* NULL between phases */
    uint64_t total;
    struct ha_progress_phase begun; /* clocks at the beginning of the phase */
    uint32_t phase_count;
    struct ha_progress_phase phases[HA_PROGRESS_PHASES_MAX];
};

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_SEC + (uint64_t)t.tv_nsec;
}

static uint64_t timeval_ns(struct timeval t)
{
    return (uint64_t)t.tv_sec * NS_PER_SEC + (uint64_t)t.tv_usec * 1000;
}

/* The clocks as they stand now. */
static struct ha_progress_phase clocks(const char *phase)
{
    struct rusage usage = {0};
    getrusage(RUSAGE_SELF, &usage);
    return (struct ha_progress_phase){
        .name = phase,
        .wall_ns = now_ns(),
        .user_ns = timeval_ns(usage.ru_utime),
        .system_ns = timeval_ns(usage.ru_stime),
    };
}

struct ha_progress *ha_progress_create(ha_progress_sink sink, void *ctx)
{
    struct ha_progress *progress = ha_calloc_array(1, sizeof *progress);
    if (progress == NULL) {
        return NULL;
    }
    if (pthread_mutex_init(&progress->lock, NULL) != 0) {
        ha_free(progress);
        return NULL;
    }
    progress->sink = sink;
    progress->ctx = ctx;
    progress->created_ns = now_ns();
    return progress;
}

void ha_progress_destroy(struct ha_progress *progress)
{
    if (progress != NULL) {
        pthread_mutex_destroy(&progress->lock);
        ha_free(progress);
    }
}

/* Calls the sink; the lock is held. */
static void show(struct ha_progress *progress, uint64_t now, bool finished)
{
    if (progress->sink == NULL) {
        return;
    }
    uint64_t done = atomic_load_explicit(&progress->done, memory_order_relaxed);
    if (progress->total != 0 && done > progress->total) {
        done = progress->total;
    }
    atomic_store_explicit(&progress->sink_due_ns, now + SINK_INTERVAL_NS, memory_order_relaxed);
    progress->sink(progress->ctx, progress->phase, done, progress->total,
                   now - progress->created_ns, finished);
}

static void keep_phase(struct ha_progress *progress, const struct ha_progress_phase *phase)
{
    if (progress->phase_count < HA_PROGRESS_PHASES_MAX) {
        progress->phases[progress->phase_count++] = *phase;
        return;
    }
    struct ha_progress_phase *last = &progress->phases[HA_PROGRESS_PHASES_MAX - 1];
    last->wall_ns += phase->wall_ns;
    last->user_ns += phase->user_ns;
    last->system_ns += phase->system_ns;
    last->anonymous_bytes = phase->anonymous_bytes > last->anonymous_bytes ? phase->anonymous_bytes : last->anonymous_bytes;
}

/* Ends the phase, if there is one; the lock is held. */
static void end_phase(struct ha_progress *progress)
{
    if (progress->phase == NULL) {
        return;
    }
    struct ha_progress_phase phase = clocks(progress->phase);
    show(progress, phase.wall_ns, true);
    phase.wall_ns -= progress->begun.wall_ns;
    phase.user_ns -= progress->begun.user_ns;
    phase.system_ns -= progress->begun.system_ns;
    phase.anonymous_bytes = ha_mem_anonymous_peak(false);
    keep_phase(progress, &phase);
    progress->phase = NULL;
}

void ha_progress_begin(struct ha_progress *progress, const char *phase, uint64_t total)
{
    if (progress == NULL) {
        return;
    }
    pthread_mutex_lock(&progress->lock);
    // A phase that an error left open ends where the next one begins.
    end_phase(progress);
    progress->phase = phase;
    progress->total = total;
    (void)ha_mem_anonymous_peak(true);
    progress->begun = clocks(phase);
    atomic_store_explicit(&progress->done, 0, memory_order_relaxed);
    show(progress, progress->begun.wall_ns, false);
    pthread_mutex_unlock(&progress->lock);
}

void ha_progress_step(struct ha_progress *progress, uint64_t amount)
{
    if (progress == NULL) {
        return;
    }
    atomic_fetch_add_explicit(&progress->done, amount, memory_order_relaxed);
    if (progress->sink == NULL) {
        return;
    }
    uint64_t now = now_ns();
    if (now < atomic_load_explicit(&progress->sink_due_ns, memory_order_relaxed) ||
        pthread_mutex_trylock(&progress->lock) != 0) {
        return;
    }
    bool due = now >= atomic_load_explicit(&progress->sink_due_ns, memory_order_relaxed);
    if (due && progress->phase != NULL) {
        show(progress, now, false);
    }
    pthread_mutex_unlock(&progress->lock);
}

void ha_progress_end(struct ha_progress *progress)
{
    if (progress == NULL) {
        return;
    }
    pthread_mutex_lock(&progress->lock);
    end_phase(progress);
    pthread_mutex_unlock(&progress->lock);
}

uint32_t ha_progress_phases(const struct ha_progress *progress,
                            const struct ha_progress_phase **ret)
{
    *ret = progress == NULL ? NULL : progress->phases;
    return progress == NULL ? 0 : progress->phase_count;
}
