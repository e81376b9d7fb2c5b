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
 * The caller is worker 0; the others are made for the call and joined before it returns. They block all signals but those a fault raises,
 * so that a signal always interrupts the caller's thread. If the system refuses a thread, fewer do the work.
 */
#include "ha/base/pool.h"

#include "ha/base/mem.h"
#include "ha/base/sbuf.h"

#include "base/pool_quota.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
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

/* Starts workers 1 … wanted-1; returns how many there are with worker 0. */
static unsigned start_workers(struct worker *workers, unsigned wanted)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
    sigset_t blocked;
    sigset_t before;
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        sigdelset(&blocked, faults[i]);
    }
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    unsigned started = 1;
    while (started < wanted &&
           pthread_create(&workers[started].thread, NULL, thread_main, &workers[started]) == 0) {
        started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
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

/* The text of a small file, NULL if it cannot be read. */
static char *read_small(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return NULL;
    }
    struct ha_sbuf text = {0};
    char piece[1024];
    for (;;) {
        ssize_t got = read(fd, piece, sizeof piece);
        if (got > 0 && text.len < (1U << 20)) {
            ha_sbuf_add(&text, piece, (size_t)got);
        } else if (got >= 0 || errno != EINTR) {
            break;
        }
    }
    close(fd);
    return ha_sbuf_take(&text);
}

/* quota / period rounded up; 0 where either says that there is no limit. */
static unsigned quota_cpus(const char *quota_text, const char *period_text)
{
    long long quota = strtoll(quota_text, NULL, 10);
    long long period = strtoll(period_text, NULL, 10);
    if (quota <= 0 || period <= 0) {
        return 0;
    }
    long long cpus = quota / period + (quota % period != 0);
    return cpus > HA_THREADS_MAX ? HA_THREADS_MAX : (unsigned)cpus;
}

/* The limit that one folder of a cgroup hierarchy sets; 0: none. */
static unsigned folder_cpus(const char *folder, bool v2)
{
    struct ha_sbuf path = {0};
    ha_sbuf_printf(&path, "%s/%s", folder, v2 ? "cpu.max" : "cpu.cfs_quota_us");
    HA_FREE char *quota = read_small(ha_sbuf_text(&path));
    unsigned cpus = 0;
    if (quota != NULL && v2) {
        const char *blank = strchr(quota, ' '); // "max 100000" or "150000 100000"
        cpus = blank == NULL ? 0 : quota_cpus(quota, blank + 1);
    } else if (quota != NULL) {
        ha_sbuf_clear(&path);
        ha_sbuf_printf(&path, "%s/cpu.cfs_period_us", folder);
        HA_FREE char *period = read_small(ha_sbuf_text(&path));
        cpus = period == NULL ? 0 : quota_cpus(quota, period);
    }
    ha_sbuf_deinit(&path);
    return cpus;
}

static unsigned lower_limit(unsigned a, unsigned b)
{
    if (a == 0 || b == 0) {
        return a + b;
    }
    return a < b ? a : b;
}

/*
 * The lowest limit from `group` up to the root of the hierarchy at `root`. In a container the group may be named as the host sees it and not
 * exist here; the root then is the container's own group.
 */
static unsigned hierarchy_cpus(const char *root, const char *group, bool v2)
{
    struct ha_sbuf folder = {0};
    ha_sbuf_puts(&folder, root);
    size_t root_len = folder.len;
    ha_sbuf_puts(&folder, group);
    unsigned cpus = 0;
    while (!ha_sbuf_failed(&folder) && folder.data != NULL) {
        cpus = lower_limit(cpus, folder_cpus(folder.data, v2));
        if (folder.len <= root_len) {
            break;
        }
        do {
            folder.len--;
        } while (folder.len > root_len && folder.data[folder.len] != '/');
        folder.data[folder.len] = '\0';
    }
    ha_sbuf_deinit(&folder);
    return cpus;
}

/* Whether the comma list holds the word "cpu". */
static bool names_cpu(const char *list, size_t len)
{
    for (size_t i = 0; i < len;) {
        const char *comma = memchr(list + i, ',', len - i);
        size_t word = comma == NULL ? len - i : (size_t)(comma - list) - i;
        if (word == 3 && memcmp(list + i, "cpu", 3) == 0) {
            return true;
        }
        i += word + 1;
    }
    return false;
}

/* The limit of one line "number:controllers:group"; controllers are empty in version 2. */
static unsigned line_cpus(char *line, const char *mount)
{
    char *list = strchr(line, ':');
    char *group = list == NULL ? NULL : strchr(list + 1, ':');
    if (group == NULL) {
        return 0;
    }
    size_t list_len = (size_t)(group - list) - 1;
    if (list_len == 0) {
        return hierarchy_cpus(mount, group + 1, true);
    }
    if (!names_cpu(list + 1, list_len)) {
        return 0;
    }
    struct ha_sbuf root = {0};
    ha_sbuf_printf(&root, "%s/cpu", mount);
    unsigned cpus = hierarchy_cpus(ha_sbuf_text(&root), group + 1, false);
    ha_sbuf_deinit(&root);
    return cpus;
}

unsigned ha_cpu_quota(const char *cgroup_file, const char *mount)
{
    HA_FREE char *text = read_small(cgroup_file);
    unsigned cpus = 0;
    for (char *line = text; line != NULL && *line != '\0';) {
        char *end = strchr(line, '\n');
        if (end != NULL) {
            *end = '\0';
        }
        cpus = lower_limit(cpus, line_cpus(line, mount));
        line = end == NULL ? NULL : end + 1;
    }
    return cpus;
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
    cpus = lower_limit(cpus, ha_cpu_quota("/proc/self/cgroup", "/sys/fs/cgroup"));
    if (cpus == 0) {
        return 1;
    }
    return cpus < HA_THREADS_MAX ? cpus : HA_THREADS_MAX;
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
