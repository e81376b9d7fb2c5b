/* SPDX-License-Identifier: MIT */
/*
 * Threads for one loop at a time.
 *
 *     next:   0 1 2 3 4 5 …            claimed in ascending order by whoever is free
 *     failed: once set, no new claim   but what was claimed is finished
 *
 * Why the outcome is fixed: when index k fails, all indices below k have been claimed before it and run to their end, so the lowest
 * failing index is always among those that were run, whatever the timing; its error is the one kept.
 *
 * The caller is worker 0; the others are made for the call and joined before it returns. They, and the thread of a task, block all signals but those a
 * fault raises, so that a signal always interrupts the caller's thread. If the system refuses a thread, fewer do the work.
 */
#include "ha/base/pool.h"

#include "ha/base/cgroup.h"
#include "ha/base/mem.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

struct loop {
    ha_parallel_fn fn;
    void *ctx;
    uint64_t count;
    _Atomic uint64_t next;
    _Atomic bool failed;
    pthread_mutex_t lock;
    struct ha_err *err; /* guarded by lock */
    uint64_t err_index; /* guarded by lock */
};

struct worker {
    struct loop *loop;
    unsigned number;
    pthread_t thread;
};

/* Keeps err if it is of a lower index than the one kept so far. */
static void keep_error(struct loop *loop, uint64_t index, struct ha_err *err)
{
    pthread_mutex_lock(&loop->lock);
    if (loop->err == NULL || index < loop->err_index) {
        struct ha_err *worse = loop->err;
        loop->err = err;
        loop->err_index = index;
        err = worse;
    }
    pthread_mutex_unlock(&loop->lock);
    ha_err_free(err);
    atomic_store(&loop->failed, true);
}

static void run_worker(struct loop *loop, unsigned number)
{
    while (!atomic_load_explicit(&loop->failed, memory_order_relaxed)) {
        uint64_t index = atomic_fetch_add_explicit(&loop->next, 1, memory_order_relaxed);
        if (index >= loop->count) {
            return;
        }
        struct ha_err *err = loop->fn(loop->ctx, number, index);
        if (err != NULL) {
            keep_error(loop, index, err);
        }
    }
}

static void *thread_main(void *arg)
{
    struct worker *worker = arg;
    run_worker(worker->loop, worker->number);
    return NULL;
}

/* Starts a thread that leaves signals to the others. false: the system refuses. */
static bool start_thread(pthread_t *ret, void *(*fn)(void *arg), void *arg)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
    sigset_t blocked;
    sigset_t before;
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        sigdelset(&blocked, faults[i]);
    }
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    bool started = pthread_create(ret, NULL, fn, arg) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

/* Starts workers 1 … wanted-1; returns how many there are with worker 0. */
static unsigned start_workers(struct worker *workers, unsigned wanted)
{
    unsigned started = 1;
    while (started < wanted && start_thread(&workers[started].thread, thread_main, &workers[started])) {
        started++;
    }
    return started;
}

static struct ha_err *run_alone(uint64_t count, ha_parallel_fn fn, void *ctx)
{
    for (uint64_t i = 0; i < count; i++) {
        HA_TRY(fn(ctx, 0, i));
    }
    return NULL;
}

struct ha_err *ha_parallel_for(unsigned threads, uint64_t count, ha_parallel_fn fn, void *ctx)
{
    if (threads <= 1 || count <= 1) {
        return run_alone(count, fn, ctx);
    }
    unsigned wanted = threads < HA_THREADS_MAX ? threads : HA_THREADS_MAX;
    if (count < wanted) {
        wanted = (unsigned)count;
    }
    struct loop loop = {.fn = fn, .ctx = ctx, .count = count, .lock = PTHREAD_MUTEX_INITIALIZER};
    struct worker workers[HA_THREADS_MAX];
    for (unsigned i = 0; i < wanted; i++) {
        workers[i] = (struct worker){.loop = &loop, .number = i};
    }
    unsigned started = start_workers(workers, wanted);
    run_worker(&loop, 0);
    for (unsigned i = 1; i < started; i++) {
        pthread_join(workers[i].thread, NULL);
    }
    pthread_mutex_destroy(&loop.lock);
    return loop.err;
}

struct ha_task {
    ha_task_fn fn;
    void *ctx;
    struct ha_err *err; /* of fn; read when the thread is joined */
    pthread_t thread;
    _Atomic bool over;
};

static void *task_main(void *arg)
{
    struct ha_task *task = arg;
    task->err = task->fn(task->ctx);
    atomic_store(&task->over, true);
    return NULL;
}

struct ha_task *ha_task_start(ha_task_fn fn, void *ctx)
{
    struct ha_task *task = ha_calloc_array(1, sizeof *task);
    if (task == NULL) {
        return NULL;
    }
    task->fn = fn;
    task->ctx = ctx;
    if (!start_thread(&task->thread, task_main, task)) {
        ha_free(task);
        return NULL;
    }
    return task;
}

bool ha_task_is_over(const struct ha_task *task)
{
    return atomic_load(&task->over);
}

struct ha_err *ha_task_join(struct ha_task *task)
{
    pthread_join(task->thread, NULL);
    struct ha_err *err = task->err;
    ha_free(task);
    return err;
}

unsigned ha_threads_default(void)
{
    unsigned cpus = 1;
    cpu_set_t set;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        cpus = (unsigned)CPU_COUNT(&set);
    } else if (online > 0) {
        cpus = online < (long)HA_THREADS_MAX ? (unsigned)online : HA_THREADS_MAX;
    }
    unsigned quota = ha_cgroup_cpus(ha_cgroup_root());
    cpus = quota != 0 && quota < cpus ? quota : cpus;
    return cpus == 0 ? 1 : cpus < HA_THREADS_MAX ? cpus : HA_THREADS_MAX;
}

struct ha_turn {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    uint64_t next; /* guarded by lock */
    bool failed;   /* guarded by lock */
};

struct ha_turn *ha_turn_create(void)
{
    struct ha_turn *turn = ha_calloc_array(1, sizeof *turn);
    if (turn == NULL) {
        return NULL;
    }
    if (pthread_mutex_init(&turn->lock, NULL) != 0) {
        ha_free(turn);
        return NULL;
    }
    if (pthread_cond_init(&turn->moved, NULL) != 0) {
        pthread_mutex_destroy(&turn->lock);
        ha_free(turn);
        return NULL;
    }
    return turn;
}

void ha_turn_destroy(struct ha_turn *turn)
{
    if (turn != NULL) {
        pthread_cond_destroy(&turn->moved);
        pthread_mutex_destroy(&turn->lock);
        ha_free(turn);
    }
}

bool ha_turn_wait(struct ha_turn *turn, uint64_t index)
{
    pthread_mutex_lock(&turn->lock);
    assert(turn->next <= index);
    while (turn->next != index && !turn->failed) {
        pthread_cond_wait(&turn->moved, &turn->lock);
    }
    bool passed = !turn->failed;
    pthread_mutex_unlock(&turn->lock);
    return passed;
}

void ha_turn_leave(struct ha_turn *turn, uint64_t index)
{
    pthread_mutex_lock(&turn->lock);
    assert(turn->next == index);
    turn->next++;
    pthread_cond_broadcast(&turn->moved);
    pthread_mutex_unlock(&turn->lock);
}

void ha_turn_fail(struct ha_turn *turn)
{
    pthread_mutex_lock(&turn->lock);
    turn->failed = true;
    pthread_cond_broadcast(&turn->moved);
    pthread_mutex_unlock(&turn->lock);
}
