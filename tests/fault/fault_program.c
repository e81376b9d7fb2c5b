/* SPDX-License-Identifier: MIT */
/*
 * hprof-analyze with a layer between it and the system in which things go wrong on request. The linker puts the layer there (--wrap, see
 * meson.build), so that the program itself knows nothing of it.
 *
 *     program ──pread()──> __wrap_pread64() ──> counts it; is it its turn? then it fails, or the program stops here
 *                                           ──> __real_pread64()
 *
 * The environment says what shall happen:
 *
 *     HA_FAULT=KIND:N[+]      the N-th call of this kind (from 1) goes wrong; with '+', every one from then on
 *                             alloc library thread map read write sync open look name        fail as the system would let them
 *                             kill term int stop       raise that signal before the N-th call that reaches the file system
 *     HA_FAULT_WITHOUT=…      words: tmpfile, fallocate, maps, locks    what the file system has not
 *                             short                                     reads and writes do a part of what they are asked, or are interrupted
 *     HA_FAULT_REPORT=FILE    takes lines "NAME NUMBER": calls of each kind, `fired`, and what was not given back: `blocks`, `mappings`, `files`
 */
#include "ha/cli/cli.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum kind { ALLOC, LIBRARY, THREAD, MAP, READ, WRITE, SYNC, OPEN, LOOK, NAME, CALL, KINDS };

static const char *const kind_names[KINDS] = {"alloc", "library", "thread", "map",  "read", "write",
                                              "sync",  "open",    "look",   "name", "call"};

static const struct {
    const char *name;
    int number;
} stops[] = {{"kill", SIGKILL}, {"term", SIGTERM}, {"int", SIGINT}, {"stop", SIGSTOP}};

static struct {
    bool armed;
    enum kind kind;
    int signal; /* for CALL */
    uint64_t turn;
    bool from_then_on;
    bool no_tmpfile, no_fallocate, no_maps, no_locks, is_short;
    _Atomic uint64_t counts[KINDS];
    _Atomic uint64_t fired;
    _Atomic int64_t blocks, mappings;
} layer;

static bool hits(enum kind kind)
{
    uint64_t number = atomic_fetch_add(&layer.counts[kind], 1) + 1;
    bool turn = layer.armed && layer.kind == kind &&
                (number == layer.turn || (layer.from_then_on && number > layer.turn));
    if (turn) {
        atomic_fetch_add(&layer.fired, 1);
    }
    return turn;
}

/* A call that reaches the file system. true: it shall fail. */
static bool fails(enum kind kind, int errnum)
{
    if (hits(CALL)) {
        kill(getpid(), layer.signal); /* not raise(): threads that do the work leave signals to the first one */
    }
    if (!hits(kind)) {
        return false;
    }
    errno = errnum;
    return true;
}

/* Half of what was asked for, at least a byte; every third call is interrupted. true: interrupted. */
static bool shortened(size_t *len)
{
    static _Atomic unsigned calls;
    if (!layer.is_short) {
        return false;
    }
    if (atomic_fetch_add(&calls, 1) % 3 == 0) {
        errno = EINTR;
        return true;
    }
    *len = (*len + 1) / 2;
    return false;
}

/* ---- memory ---- */

#define REAL(type, name, ...)                                                                      \
    type __real_##name(__VA_ARGS__);                                                               \
    type __wrap_##name(__VA_ARGS__);                                                               \
    type __wrap_##name(__VA_ARGS__)

static void *counted(void *block)
{
    atomic_fetch_add(&layer.blocks, block != NULL);
    return block;
}

REAL(void *, malloc, size_t size)
{
    return hits(ALLOC) ? NULL : counted(__real_malloc(size));
}

REAL(void *, calloc, size_t count, size_t size)
{
    return hits(ALLOC) ? NULL : counted(__real_calloc(count, size));
}

REAL(void *, aligned_alloc, size_t alignment, size_t size)
{
    return hits(ALLOC) ? NULL : counted(__real_aligned_alloc(alignment, size));
}

REAL(void *, realloc, void *old, size_t size)
{
    if (hits(ALLOC)) {
        return NULL;
    }
    void *block = __real_realloc(old, size);
    return old == NULL ? counted(block) : block;
}

REAL(void, free, void *block)
{
    atomic_fetch_sub(&layer.blocks, block != NULL);
    __real_free(block);
}

REAL(void *, mmap64, void *at, size_t len, int protection, int flags, int fd, off_t off)
{
    bool of_file = (flags & MAP_ANONYMOUS) == 0;
    if (fails(MAP, of_file && layer.no_maps ? ENODEV : ENOMEM) || (of_file && layer.no_maps)) {
        return MAP_FAILED;
    }
    void *map = __real_mmap64(at, len, protection, flags, fd, off);
    atomic_fetch_add(&layer.mappings, map != MAP_FAILED);
    return map;
}

REAL(int, munmap, void *map, size_t len)
{
    atomic_fetch_sub(&layer.mappings, 1);
    return __real_munmap(map, len);
}

/* ---- libraries and threads ---- */

struct z_stream_s;
REAL(int, inflateInit2_, struct z_stream_s *z, int bits, const char *version, int size)
{
    return hits(LIBRARY) ? -4 : __real_inflateInit2_(z, bits, version, size); // Z_MEM_ERROR
}

REAL(void *, libdeflate_alloc_decompressor, void)
{
    return hits(LIBRARY) ? NULL : __real_libdeflate_alloc_decompressor();
}

REAL(void *, libdeflate_alloc_compressor, int level)
{
    return hits(LIBRARY) ? NULL : __real_libdeflate_alloc_compressor(level);
}

REAL(void *, XXH3_createState, void)
{
    return hits(LIBRARY) ? NULL : __real_XXH3_createState();
}

REAL(void *, pcre2_match_data_create_8, uint32_t size, void *context)
{
    return hits(LIBRARY) ? NULL : __real_pcre2_match_data_create_8(size, context);
}

REAL(void *, pcre2_match_context_create_8, void *context)
{
    return hits(LIBRARY) ? NULL : __real_pcre2_match_context_create_8(context);
}

REAL(int, pthread_create, pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *),
     void *arg)
{
    return hits(THREAD) ? EAGAIN : __real_pthread_create(thread, attr, fn, arg);
}

REAL(int, pthread_mutex_init, pthread_mutex_t *mutex, const pthread_mutexattr_t *attr)
{
    return hits(THREAD) ? ENOMEM : __real_pthread_mutex_init(mutex, attr);
}

REAL(int, pthread_cond_init, pthread_cond_t *cond, const pthread_condattr_t *attr)
{
    return hits(THREAD) ? ENOMEM : __real_pthread_cond_init(cond, attr);
}

/* ---- reading and writing ---- */

REAL(ssize_t, pread64, int fd, void *buf, size_t len, off_t off)
{
    return fails(READ, EIO) || shortened(&len) ? -1 : __real_pread64(fd, buf, len, off);
}

REAL(ssize_t, read, int fd, void *buf, size_t len)
{
    return fails(READ, EIO) || shortened(&len) ? -1 : __real_read(fd, buf, len);
}

REAL(ssize_t, pwrite64, int fd, const void *buf, size_t len, off_t off)
{
    return fails(WRITE, ENOSPC) || shortened(&len) ? -1 : __real_pwrite64(fd, buf, len, off);
}

REAL(ssize_t, write, int fd, const void *buf, size_t len)
{
    return fails(WRITE, ENOSPC) || shortened(&len) ? -1 : __real_write(fd, buf, len);
}

REAL(int, ftruncate64, int fd, off_t len)
{
    return fails(WRITE, ENOSPC) ? -1 : __real_ftruncate64(fd, len);
}

REAL(int, fallocate64, int fd, int mode, off_t off, off_t len)
{
    if (fails(WRITE, ENOSPC)) {
        return -1;
    }
    if (layer.no_fallocate) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return __real_fallocate64(fd, mode, off, len);
}

REAL(int, fsync, int fd)
{
    return fails(SYNC, EIO) ? -1 : __real_fsync(fd);
}

REAL(int, fdatasync, int fd)
{
    return fails(SYNC, EIO) ? -1 : __real_fdatasync(fd);
}

/* ---- names ---- */

static mode_t mode_of(int flags, va_list args)
{
    return (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(args, mode_t) : 0;
}

static bool cannot_be_unnamed(int flags)
{
    errno = EOPNOTSUPP;
    return (flags & __O_TMPFILE) != 0 && layer.no_tmpfile;
}

REAL(int, open64, const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = mode_of(flags, args);
    va_end(args);
    return fails(OPEN, EMFILE) || cannot_be_unnamed(flags) ? -1
                                                           : __real_open64(path, flags, mode);
}

REAL(int, openat64, int dir, const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = mode_of(flags, args);
    va_end(args);
    return fails(OPEN, EMFILE) ? -1 : __real_openat64(dir, path, flags, mode);
}

REAL(DIR *, opendir, const char *path)
{
    return fails(OPEN, EMFILE) ? NULL : __real_opendir(path);
}

REAL(int, fstat64, int fd, struct stat *st)
{
    return fails(LOOK, EIO) ? -1 : __real_fstat64(fd, st);
}

REAL(int, stat64, const char *path, struct stat *st)
{
    return fails(LOOK, EIO) ? -1 : __real_stat64(path, st);
}

REAL(int, fstatat64, int dir, const char *path, struct stat *st, int flags)
{
    return fails(LOOK, EIO) ? -1 : __real_fstatat64(dir, path, st, flags);
}

REAL(char *, realpath, const char *path, char *buf)
{
    return fails(LOOK, EIO) ? NULL : __real_realpath(path, buf);
}

REAL(int, rename, const char *from, const char *to)
{
    return fails(NAME, EACCES) ? -1 : __real_rename(from, to);
}

REAL(int, linkat, int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    return fails(NAME, EACCES) ? -1 : __real_linkat(from_dir, from, to_dir, to, flags);
}

REAL(int, unlink, const char *path)
{
    return fails(NAME, EACCES) ? -1 : __real_unlink(path);
}

REAL(int, unlinkat, int dir, const char *path, int flags)
{
    return fails(NAME, EACCES) ? -1 : __real_unlinkat(dir, path, flags);
}

REAL(int, mkdir, const char *path, mode_t mode)
{
    return fails(NAME, EACCES) ? -1 : __real_mkdir(path, mode);
}

REAL(int, flock, int fd, int operation)
{
    if (layer.no_locks) {
        errno = ENOLCK;
        return -1;
    }
    return fails(NAME, ENOLCK) ? -1 : __real_flock(fd, operation);
}

/* ---- the program ---- */

static void complain(const char *text)
{
    fprintf(stderr, "fault_program: HA_FAULT=%s is not understood\n", text);
    exit(99);
}

static void arm(const char *text)
{
    const char *colon = strchr(text, ':');
    char *end = NULL;
    size_t len = colon == NULL ? 0 : (size_t)(colon - text);
    for (size_t i = 0; i < KINDS; i++) {
        if (strlen(kind_names[i]) == len && strncmp(kind_names[i], text, len) == 0) {
            layer.kind = (enum kind)i;
            layer.armed = true;
        }
    }
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        if (strlen(stops[i].name) == len && strncmp(stops[i].name, text, len) == 0) {
            layer.kind = CALL;
            layer.signal = stops[i].number;
            layer.armed = true;
        }
    }
    layer.turn = layer.armed ? strtoull(colon + 1, &end, 10) : 0;
    layer.from_then_on = layer.turn > 0 && strcmp(end, "+") == 0;
    if (layer.turn == 0 || (*end != '\0' && !layer.from_then_on) ||
        (layer.kind == CALL && layer.signal == 0)) {
        complain(text);
    }
}

static int open_files(void)
{
    int count = 0;
    DIR *dir = __real_opendir("/proc/self/fd");
    while (dir != NULL && readdir(dir) != NULL) {
        count++;
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return count;
}

static void report(const char *path, int files)
{
    char text[1024];
    int len = 0;
    for (int i = 0; i < KINDS; i++) {
        len += snprintf(text + len, sizeof text - (size_t)len, "%s %llu\n", kind_names[i],
                        (unsigned long long)layer.counts[i]);
    }
    len += snprintf(text + len, sizeof text - (size_t)len,
                    "fired %llu\nblocks %lld\nmappings %lld\nfiles %d\n",
                    (unsigned long long)layer.fired, (long long)layer.blocks,
                    (long long)layer.mappings, files);
    int fd = __real_open64(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0 || __real_write(fd, text, (size_t)len) != len || close(fd) != 0) {
        complain(path);
    }
}

int main(int argc, char **argv)
{
    const char *fault = getenv("HA_FAULT");
    const char *without = getenv("HA_FAULT_WITHOUT");
    const char *report_path = getenv("HA_FAULT_REPORT");
    if (without != NULL) {
        layer.no_tmpfile = strstr(without, "tmpfile") != NULL;
        layer.no_fallocate = strstr(without, "fallocate") != NULL;
        layer.no_maps = strstr(without, "maps") != NULL;
        layer.no_locks = strstr(without, "locks") != NULL;
        layer.is_short = strstr(without, "short") != NULL;
    }
    if (fault != NULL && *fault != '\0') {
        arm(fault);
    }
    int files = open_files();
    int code = ha_cli_main(argc, argv);
    layer.armed = false;
    fflush(stderr);
    if (report_path != NULL) {
        report(report_path, open_files() - files);
    }
    return code;
}
