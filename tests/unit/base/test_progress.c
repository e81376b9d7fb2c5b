/* SPDX-License-Identifier: MIT */
#include "ha/base/progress.h"

#include "ha/base/pool.h"

#include "support/ck_ha.h"

#include <stdatomic.h>
#include <time.h>

struct seen {
    int calls;
    int finished;
    char phase[32];
    uint64_t done;
    uint64_t total;
    uint64_t elapsed_ns;
    _Atomic int inside;
};

static void watch(void *ctx, const char *phase, uint64_t done, uint64_t total, uint64_t elapsed_ns,
                  bool finished)
{
    struct seen *seen = ctx;
    ck_assert_int_eq(atomic_fetch_add(&seen->inside, 1), 0);
    ck_assert_uint_ge(elapsed_ns, seen->elapsed_ns);
    seen->calls++;
    seen->finished += finished;
    strncpy(seen->phase, phase, sizeof seen->phase - 1);
    seen->done = done;
    seen->total = total;
    seen->elapsed_ns = elapsed_ns;
    atomic_fetch_sub(&seen->inside, 1);
}

static void sleep_ms(long ms)
{
    struct timespec t = {.tv_nsec = ms * 1000000};
    nanosleep(&t, NULL);
}

START_TEST(test_null)
{
    const struct ha_progress_phase *phases;
    ha_progress_begin(NULL, "x", 1);
    ha_progress_step(NULL, 1);
    ha_progress_end(NULL);
    ck_assert_uint_eq(ha_progress_phases(NULL, &phases), 0);
    ha_progress_destroy(NULL);
}
END_TEST

START_TEST(test_sink)
{
    struct seen seen = {0};
    struct ha_progress *progress = ha_progress_create(watch, &seen);
    ha_progress_step(progress, 5); // outside of a phase: nothing to show
    ck_assert_int_eq(seen.calls, 0);
    ha_progress_begin(progress, "scan", 1000);
    ck_assert_int_eq(seen.calls, 1);
    ck_assert_uint_eq(seen.done, 0);
    for (int i = 0; i < 900; i++) {
        ha_progress_step(progress, 1);
    }
    sleep_ms(110);
    ha_progress_step(progress, 1);
    ck_assert_uint_eq(seen.done, 901);
    ck_assert_uint_eq(seen.total, 1000);
    ha_progress_step(progress, 500);
    ha_progress_end(progress);
    ck_assert_uint_eq(seen.done, 1000); // never more than the total
    ck_assert_int_eq(seen.finished, 1);
    ck_assert_str_eq(seen.phase, "scan");
    int calls = seen.calls;
    ha_progress_end(progress);
    ck_assert_int_eq(seen.calls, calls);
    ha_progress_destroy(progress);
}
END_TEST

static struct ha_err *step(void *ctx, unsigned worker, uint64_t index)
{
    (void)worker;
    (void)index;
    ha_progress_step(ctx, 1);
    return NULL;
}

START_TEST(test_threads_and_throttle)
{
    struct seen seen = {0};
    struct ha_progress *progress = ha_progress_create(watch, &seen);
    ha_progress_begin(progress, "edges", 0);
    ck_ok(ha_parallel_for(8, 1000000, step, progress));
    ha_progress_end(progress);
    ck_assert_uint_eq(seen.done, 1000000);
    ck_assert_uint_eq(seen.total, 0);
    // First and last call, and ten a second in between.
    ck_assert_uint_le((uint64_t)seen.calls, 2 + seen.elapsed_ns / 100000000);
    ha_progress_destroy(progress);
}
END_TEST

START_TEST(test_phases)
{
    struct ha_progress *progress = ha_progress_create(NULL, NULL);
    const struct ha_progress_phase *phases = NULL;
    ck_assert_uint_eq(ha_progress_phases(progress, &phases), 0);
    ha_progress_begin(progress, "sleep", 0);
    sleep_ms(30);
    ha_progress_end(progress);
    ha_progress_begin(progress, "work", 0);
    struct timespec t;
    do {
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    } while (t.tv_sec == 0 && t.tv_nsec < 60000000);
    // Left open by an error: the next phase ends it.
    ha_progress_begin(progress, "rest", 0);
    ck_assert_uint_eq(ha_progress_phases(progress, &phases), 2);
    ck_assert_str_eq(phases[0].name, "sleep");
    ck_assert_uint_ge(phases[0].wall_ns, 30000000);
    ck_assert_uint_lt(phases[0].user_ns, 30000000);
    ck_assert_str_eq(phases[1].name, "work");
    ck_assert_uint_gt(phases[1].user_ns + phases[1].system_ns, 10000000);
    ck_assert_uint_gt(phases[1].anonymous_bytes, 0);
    ha_progress_destroy(progress);
}
END_TEST

START_TEST(test_too_many_phases)
{
    struct ha_progress *progress = ha_progress_create(NULL, NULL);
    const struct ha_progress_phase *phases = NULL;
    for (int i = 0; i < HA_PROGRESS_PHASES_MAX + 2; i++) {
        ha_progress_begin(progress, i < HA_PROGRESS_PHASES_MAX ? "x" : "beyond", 0);
        sleep_ms(i < HA_PROGRESS_PHASES_MAX ? 0 : 10);
        ha_progress_end(progress);
    }
    ck_assert_uint_eq(ha_progress_phases(progress, &phases), HA_PROGRESS_PHASES_MAX);
    ck_assert_str_eq(phases[HA_PROGRESS_PHASES_MAX - 1].name, "x");
    ck_assert_uint_ge(phases[HA_PROGRESS_PHASES_MAX - 1].wall_ns, 20000000);
    ha_progress_destroy(progress);
}
END_TEST

CK_HA_MAIN("progress", test_null, test_sink, test_threads_and_throttle, test_phases,
           test_too_many_phases)
