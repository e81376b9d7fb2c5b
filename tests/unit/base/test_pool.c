/* SPDX-License-Identifier: MIT */
#include "ha/base/pool.h"

#include "support/ck_ha.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

enum { COUNT = 5000, THREADS = 8 };

static void sleep_us(long us)
{
    struct timespec t = {.tv_nsec = us * 1000};
    nanosleep(&t, NULL);
}

struct tally {
    _Atomic int runs[COUNT];
    _Atomic uint64_t per_worker[HA_THREADS_MAX];
    _Atomic uint64_t total;
};

static struct ha_err *count_run(void *ctx, unsigned worker, uint64_t index)
{
    struct tally *tally = ctx;
    atomic_fetch_add(&tally->runs[index], 1);
    atomic_fetch_add(&tally->per_worker[worker], 1);
    atomic_fetch_add(&tally->total, 1);
    return NULL;
}

START_TEST(test_every_index_once)
{
    static const unsigned threads[] = {0, 1, 2, 3, 8, 256, 100000};
    for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
        struct tally tally = {0};
        ck_ok(ha_parallel_for(threads[t], COUNT, count_run, &tally));
        for (int i = 0; i < COUNT; i++) {
            ck_assert_int_eq(tally.runs[i], 1);
        }
        unsigned workers = threads[t] == 0 ? 1 : threads[t];
        for (unsigned w = workers; w < HA_THREADS_MAX; w++) {
            ck_assert_uint_eq(tally.per_worker[w], 0);
        }
    }
    struct tally none = {0};
    ck_ok(ha_parallel_for(8, 0, count_run, &none));
    ck_assert_uint_eq(none.total, 0);
}
END_TEST

/* Index 17 fails at once, 11 and 14 late: of all that could fail, 11 is the lowest. */
static struct ha_err *fail_some(void *ctx, unsigned worker, uint64_t index)
{
    _Atomic uint64_t *highest = ctx;
    (void)worker;
    uint64_t seen = atomic_load(highest);
    while (seen < index && !atomic_compare_exchange_weak(highest, &seen, index)) {
    }
    if (index == 11) {
        sleep_us(3000);
        return ha_err_new(HA_ERR_INPUT, "index 11");
    }
    if (index == 14) {
        sleep_us(1000);
        return ha_err_new(HA_ERR_INPUT, "index 14");
    }
    return index == 17 ? ha_err_new(HA_ERR_LIMIT, "index 17") : NULL;
}

START_TEST(test_lowest_error)
{
    for (int round = 0; round < 100; round++) {
        _Atomic uint64_t highest = 0;
        // Nothing new is begun after an error: all of these would take years.
        ck_err(ha_parallel_for(THREADS, 1ULL << 60, fail_some, &highest), HA_ERR_INPUT, "index 11");
    }
    _Atomic uint64_t highest = 0;
    ck_err(ha_parallel_for(1, 1000000, fail_some, &highest), HA_ERR_INPUT, "index 11");
    ck_assert_uint_eq(highest, 11);
}
END_TEST

static struct ha_err *fail_all(void *ctx, unsigned worker, uint64_t index)
{
    (void)ctx;
    (void)worker;
    sched_yield();
    return ha_err_new(HA_ERR_INPUT, "index %d.", (int)index);
}

START_TEST(test_all_fail)
{
    for (int round = 0; round < 200; round++) {
        ck_err(ha_parallel_for(THREADS, 1000, fail_all, NULL), HA_ERR_INPUT, "index 0.");
    }
}
END_TEST

static struct ha_err *check_signals(void *ctx, unsigned worker, uint64_t index)
{
    (void)index;
    sigset_t now;
    pthread_sigmask(SIG_SETMASK, NULL, &now);
    _Atomic int *others = ctx;
    if (worker == 0) {
        return sigismember(&now, SIGINT) ? ha_err_new(HA_ERR_BUG, "the caller is blocked") : NULL;
    }
    atomic_fetch_add(others, 1);
    bool right = sigismember(&now, SIGINT) && sigismember(&now, SIGTERM) &&
                 sigismember(&now, SIGALRM) && !sigismember(&now, SIGSEGV) &&
                 !sigismember(&now, SIGBUS);
    return right ? NULL : ha_err_new(HA_ERR_BUG, "a worker has the wrong signal mask");
}

START_TEST(test_signals)
{
    sigset_t before;
    sigset_t after;
    _Atomic int others = 0;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    ck_ok(ha_parallel_for(THREADS, 200000, check_signals, &others));
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    ck_assert_int_gt(others, 0);
    for (int s = 1; s < 32; s++) {
        ck_assert_int_eq(sigismember(&before, s), sigismember(&after, s));
    }
}
END_TEST

struct line {
    struct ha_turn *turn;
    uint64_t order[COUNT];
    uint64_t passed; /* guarded by the turn */
    uint64_t fail_at;
};

static struct ha_err *pass_in_order(void *ctx, unsigned worker, uint64_t index)
{
    struct line *line = ctx;
    (void)worker;
    if (index % 7 == 0) {
        sleep_us(50); // arrives late
    }
    if (index == line->fail_at) {
        ha_turn_fail(line->turn);
        return ha_err_new(HA_ERR_INPUT, "failed at %d", (int)index);
    }
    if (!ha_turn_wait(line->turn, index)) {
        return NULL;
    }
    line->order[line->passed++] = index;
    ha_turn_leave(line->turn, index);
    return NULL;
}

START_TEST(test_turn_order)
{
    static struct line line = {.fail_at = UINT64_MAX};
    line.turn = ha_turn_create();
    ck_ok(ha_parallel_for(THREADS, COUNT, pass_in_order, &line));
    ck_assert_uint_eq(line.passed, COUNT);
    for (uint64_t i = 0; i < COUNT; i++) {
        ck_assert_uint_eq(line.order[i], i);
    }
    ha_turn_destroy(line.turn);
    ha_turn_destroy(NULL);
}
END_TEST

START_TEST(test_turn_failure)
{
    for (uint64_t fail_at = 0; fail_at < 300; fail_at += 37) {
        static struct line line;
        line = (struct line){.turn = ha_turn_create(), .fail_at = fail_at};
        ck_err(ha_parallel_for(THREADS, COUNT, pass_in_order, &line), HA_ERR_INPUT, "failed at");
        ck_assert_uint_le(line.passed, fail_at);
        ck_assert(!ha_turn_wait(line.turn, COUNT)); // for good
        ha_turn_destroy(line.turn);
    }
}
END_TEST

struct visitor {
    struct ha_turn *turn;
    uint64_t index;
    _Atomic uint64_t *passed;
};

static void *visit(void *arg)
{
    struct visitor *visitor = arg;
    ck_assert(ha_turn_wait(visitor->turn, visitor->index));
    ck_assert_uint_eq(atomic_fetch_add(visitor->passed, 1), visitor->index);
    ha_turn_leave(visitor->turn, visitor->index);
    return NULL;
}

START_TEST(test_turn_reversed)
{
    // The last one arrives first; none passes before its time.
    enum { VISITORS = 16 };
    struct ha_turn *turn = ha_turn_create();
    _Atomic uint64_t passed = 0;
    struct visitor visitors[VISITORS];
    pthread_t threads[VISITORS];
    for (int i = VISITORS - 1; i >= 0; i--) {
        visitors[i] = (struct visitor){turn, (uint64_t)i, &passed};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, visit, &visitors[i]), 0);
        if (i > 0) {
            sleep_us(500);
            ck_assert_uint_eq(passed, 0);
        }
    }
    for (int i = 0; i < VISITORS; i++) {
        pthread_join(threads[i], NULL);
    }
    ck_assert_uint_eq(passed, VISITORS);
    ha_turn_destroy(turn);
}
END_TEST

static void leave_too_early(void)
{
    ha_turn_leave(ha_turn_create(), 1);
}

START_TEST(test_turn_misuse)
{
    CK_HA_ASSERTS(leave_too_early);
}
END_TEST

struct errand {
    _Atomic bool may_end;
    pthread_t caller;
};

static struct ha_err *run_errand(void *ctx)
{
    struct errand *errand = ctx;
    sigset_t blocked;
    while (!errand->may_end) {
        sched_yield();
    }
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    bool as_workers = sigismember(&blocked, SIGINT) == 1 && sigismember(&blocked, SIGSEGV) == 0;
    return ha_err_new(HA_ERR_INPUT, "%s thread, signals %s", pthread_equal(errand->caller, pthread_self()) ? "the caller's" : "another", as_workers ? "blocked" : "not blocked");
}

START_TEST(test_task)
{
    struct errand errand = {.caller = pthread_self()};
    struct ha_task *task = ha_task_start(run_errand, &errand);
    ck_assert_ptr_nonnull(task);
    ck_assert(!ha_task_is_over(task));
    errand.may_end = true;
    while (!ha_task_is_over(task)) {
        sched_yield();
    }
    ck_err(ha_task_join(task), HA_ERR_INPUT, "another thread, signals blocked");
}
END_TEST

START_TEST(test_threads_default)
{
    unsigned threads = ha_threads_default();
    ck_assert_uint_ge(threads, 1);
    ck_assert_uint_le(threads, HA_THREADS_MAX);
    cpu_set_t all;
    cpu_set_t one;
    ck_assert_int_eq(sched_getaffinity(0, sizeof all, &all), 0);
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE; i++) {
        if (CPU_ISSET(i, &all)) {
            CPU_SET(i, &one);
            break;
        }
    }
    ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
    ck_assert_uint_eq(ha_threads_default(), 1);
    ck_assert_int_eq(sched_setaffinity(0, sizeof all, &all), 0);
}
END_TEST

CK_HA_MAIN("pool", test_every_index_once, test_lowest_error, test_all_fail, test_signals,
           test_turn_order, test_turn_failure, test_turn_reversed, test_turn_misuse,
           test_task, test_threads_default)
