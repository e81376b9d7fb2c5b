/* SPDX-License-Identifier: MIT */
/*
 * Files, and how a new one comes into being.
 *
 *     begin    unnamed file (O_TMPFILE)               or   path.tmp-XXXXXXXXXXXX, locked
 *     write    through fd                                  [beside it: fdatasync of what is there, so that commit waits for less]
 *     commit   fsync, link as path.tmp-XXXXXXXXXXXX        fsync
 *              rename to path                               rename to path
 *
 * `path` itself is only ever the target of a rename() of a complete, synced file: nobody sees it half-written, whenever we or the
 * machine stop. (Who opens a file with ha_file_open_update() must see to that himself.) What a crash can leave is a file path.tmp-…; the lock (flock, gone with its holder) tells a leftover from a file that a
 * living process works on, and the next begin removes leftovers. The lock is taken on unnamed files as well, since they have a temporary
 * name for the moment between link and rename. Temporary names are listed in base/emergency.h while they exist, for signal handlers.
 */
#include "ha/base/file.h"

#include "ha/base/emergency.h"
#include "ha/base/mem.h"
#include "ha/base/pages.h"
#include "ha/base/mutf8.h"
#include "ha/base/pool.h"
#include "ha/base/sbuf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TEMP_MARK ".tmp-"
#define TEMP_FILE "hprof-analyze" /* what unnamed files are called where they need a name for a moment */
#define TEMP_DIGITS 12U
#define NAME_TRIES 64U
#define POPULATE_MIN ((size_t)32 << 10) /* less is not worth a call */

/* "cannot <what> '<path>': <text of errnum>", the path made safe for a terminal. */
static struct ha_err *path_error(int errnum, const char *what, const char *path)
{
    struct ha_sbuf shown = {0};
    ha_text_escape(&shown, path, strlen(path));
    struct ha_err *err = ha_err_system(errnum, "cannot %s '%s'", what, ha_sbuf_text(&shown));
    ha_sbuf_deinit(&shown);
    return err;
}

/* A descriptor, or -1 and errno. */
static int open_existing(const char *path, int flags)
{
    int fd;
    do {
        fd = open(path, O_CLOEXEC | O_NOCTTY | flags);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

static struct ha_err *open_read(const char *path, int flags, int *ret_fd, struct ha_file_info *ret_info)
{
    int fd = open_existing(path, O_RDONLY | flags);
    if (fd < 0) {
        return path_error(errno, "open", path);
    }
    struct ha_err *err = ha_file_info(fd, path, ret_info);
    if (err != NULL) {
        ha_file_close(fd);
        return err;
    }
    *ret_fd = fd;
    return NULL;
}

struct ha_err *ha_file_open_read(const char *path, int *ret_fd, struct ha_file_info *ret_info)
{
    return open_read(path, 0, ret_fd, ret_info);
}

struct ha_err *ha_file_open_plain(const char *path, int *ret_fd, struct ha_file_info *ret_info)
{
    return open_read(path, O_NONBLOCK, ret_fd, ret_info);
}

struct ha_err *ha_file_open_update(const char *path, int *ret_fd, struct ha_file_info *ret_info)
{
    int fd = open_existing(path, O_RDWR | O_NONBLOCK);
    *ret_fd = -1;
    if (fd < 0) {
        return NULL;
    }
    struct ha_err *err = ha_file_info(fd, path, ret_info);
    if (err != NULL || !ret_info->regular || flock(fd, LOCK_EX | LOCK_NB) != 0) {
        ha_file_close(fd);
        return err;
    }
    *ret_fd = fd;
    return NULL;
}

void ha_file_close(int fd)
{
    if (fd >= 0) {
        // On Linux the descriptor is gone even after EINTR; a second close() could hit a stranger's.
        int saved = errno;
        close(fd);
        errno = saved;
    }
}

struct ha_err *ha_file_info(int fd, const char *path, struct ha_file_info *ret)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return path_error(errno, "look at", path);
    }
    *ret = (struct ha_file_info){
        .bytes = (uint64_t)st.st_size,
        .mtime_sec = st.st_mtim.tv_sec,
        .mtime_nsec = (uint32_t)st.st_mtim.tv_nsec,
        .regular = S_ISREG(st.st_mode),
        .directory = S_ISDIR(st.st_mode),
    };
    return NULL;
}

/* Whether off and off + len are file offsets the system can express. */
static bool offsets_fit(uint64_t off, size_t len)
{
    return off <= INT64_MAX && len <= INT64_MAX - off;
}

struct ha_err *ha_file_read_at(int fd, const char *path, uint64_t off, void *buf, size_t len,
                               size_t *ret_len)
{
    if (!offsets_fit(off, len)) {
        return path_error(EOVERFLOW, "read", path);
    }
    size_t done = 0;
    while (done < len) {
        ssize_t got = pread(fd, (char *)buf + done, len - done, (off_t)(off + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return path_error(errno, "read", path);
        }
        if (got == 0) {
            break;
        }
        done += (size_t)got;
    }
    *ret_len = done;
    return NULL;
}

struct ha_err *ha_file_write_at(int fd, const char *path, uint64_t off, const void *buf, size_t len)
{
    if (!offsets_fit(off, len)) {
        return path_error(EOVERFLOW, "write", path);
    }
    size_t done = 0;
    while (done < len) {
        ssize_t put = pwrite(fd, (const char *)buf + done, len - done, (off_t)(off + done));
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return path_error(put < 0 ? errno : ENOSPC, "write", path);
        }
        done += (size_t)put;
    }
    return NULL;
}

struct ha_err *ha_file_sync(int fd, const char *path)
{
    int rc;
    do {
        rc = fdatasync(fd);
    } while (rc != 0 && errno == EINTR);
    return rc == 0 ? NULL : path_error(errno, "write", path);
}

void ha_file_flush_begin(int fd, uint64_t off, uint64_t len)
{
#ifdef SYNC_FILE_RANGE_WRITE
    if (offsets_fit(off, len) && len > 0) {
        int errnum = errno;
        (void)sync_file_range(fd, (off_t)off, (off_t)len, SYNC_FILE_RANGE_WRITE);
        errno = errnum;
    }
#else
    (void)fd;
    (void)off;
    (void)len;
#endif
}

void ha_file_map_random(const void *data, size_t bytes, bool random)
{
    ha_pages_advise((uintptr_t)data, bytes, random ? MADV_RANDOM : MADV_NORMAL);
}

void ha_file_map_populate(void *data, size_t bytes)
{
#ifdef MADV_POPULATE_WRITE
    if (bytes >= POPULATE_MIN) {
        ha_pages_advise((uintptr_t)data, bytes, MADV_POPULATE_WRITE);
    }
#else
    (void)data;
    (void)bytes;
#endif
}

struct ha_err *ha_file_map(int fd, const char *path, uint64_t bytes, bool writable, void **ret)
{
    assert(bytes > 0);
    int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
    void *map = mmap(NULL, (size_t)bytes, protection, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
        return path_error(errno, "map", path);
    }
    ha_emergency_map_add(map, (size_t)bytes, path, writable);
    *ret = map;
    return NULL;
}

void ha_file_unmap(void *map, uint64_t bytes)
{
    if (map != NULL) {
        ha_emergency_map_drop(map);
        munmap(map, (size_t)bytes);
    }
}

/* Opens an unnamed file; -1 with errno 0 where the file system or the kernel cannot. */
static int open_unnamed(const char *dir, mode_t mode)
{
    int fd;
    do {
        fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
        errno = 0;
    }
    return fd;
}

char *ha_file_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return ha_strndup(".", 1);
    }
    return slash == path ? ha_strndup("/", 1) : ha_strndup(path, (size_t)(slash - path));
}

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

/* "path.tmp-XXXXXXXXXXXX" with random digits; NULL without memory. */
static char *temp_name(const char *path)
{
    uint64_t random = 0;
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random) {
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        random = (uint64_t)t.tv_nsec << 20 ^ (uint64_t)getpid();
    }
    struct ha_sbuf name = {0};
    ha_sbuf_printf(&name, "%s" TEMP_MARK "%012" PRIx64, path, random >> 16);
    return ha_sbuf_take(&name);
}

/* Whether a folder entry is a temporary name of the file `base`. */
static bool is_temp_of(const char *entry, const char *base)
{
    size_t base_len = strlen(base);
    size_t mark_len = strlen(TEMP_MARK);
    return strncmp(entry, base, base_len) == 0 &&
           strncmp(entry + base_len, TEMP_MARK, mark_len) == 0 &&
           strlen(entry + base_len + mark_len) == TEMP_DIGITS &&
           strspn(entry + base_len + mark_len, "0123456789abcdef") == TEMP_DIGITS;
}

static void remove_leftovers(const char *folder, const char *path)
{
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        return;
    }
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (!is_temp_of(entry->d_name, base_of(path))) {
            continue;
        }
        int fd = openat(dirfd(dir), entry->d_name,
                        O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
            unlinkat(dirfd(dir), entry->d_name, 0);
        }
        ha_file_close(fd);
    }
    closedir(dir);
}

void ha_file_sweep(const char *path)
{
    HA_FREE char *folder = ha_file_folder(path);
    if (folder != NULL) {
        remove_leftovers(folder, path);
    }
}

/* Locks a file just made. false: another process takes it for a leftover and is removing it. */
static bool lock_own(int fd)
{
    // A file system without locks never lets a leftover be locked either, so nothing is removed there.
    bool taken = flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    struct stat st;
    return !taken && fstat(fd, &st) == 0 && st.st_nlink > 0;
}

/* Makes and locks a file path.tmp-…; ret gets fd, temp and guard. */
static struct ha_err *open_named(const char *path, mode_t mode, struct ha_file_new *ret)
{
    for (unsigned i = 0; i < NAME_TRIES; i++) {
        HA_FREE char *temp = temp_name(path);
        if (temp == NULL) {
            return ha_err_nomem();
        }
        unsigned guard = ha_emergency_temp_add(temp);
        int fd = open(temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        int errnum = errno;
        if (fd >= 0 && lock_own(fd)) {
            ret->fd = fd;
            ret->temp = HA_TAKE(temp);
            ret->guard = guard;
            return NULL;
        }
        if (fd >= 0) {
            (void)unlink(temp); // if it was not taken for a leftover, it would become one
        }
        ha_emergency_temp_drop(guard);
        if (fd < 0 && errnum != EEXIST && errnum != EINTR) {
            return path_error(errnum, "create", path);
        }
        ha_file_close(fd);
    }
    return path_error(EEXIST, "find a temporary name for", path);
}

/* Where there are no unnamed files, one gets a name that is taken away at once; what a run that was stopped in between has left goes as well. */
static struct ha_err *open_nameless(const char *dir, int *ret_fd)
{
    struct ha_sbuf path = {0};
    struct ha_file_new file;
    ha_sbuf_printf(&path, "%s/" TEMP_FILE, dir);
    struct ha_err *err = ha_sbuf_failed(&path) ? ha_err_nomem() : NULL;
    if (err == NULL) {
        remove_leftovers(dir, path.data);
        err = open_named(path.data, 0600, &file);
    }
    ha_sbuf_deinit(&path);
    if (err != NULL && ha_err_errno(err) != ENOMEM) {
        int errnum = ha_err_errno(err);
        ha_err_free(err);
        return path_error(errnum, "make a temporary file in", dir);
    }
    HA_TRY(err);
    int errnum = unlink(file.temp) == 0 ? 0 : errno;
    ha_emergency_temp_drop(file.guard);
    ha_free(file.temp);
    if (errnum != 0) {
        ha_file_close(file.fd);
        return path_error(errnum, "make a temporary file in", dir);
    }
    *ret_fd = file.fd;
    return NULL;
}

struct ha_err *ha_file_temp(const char *dir, int *ret_fd)
{
    int fd = open_unnamed(dir, 0600);
    if (fd < 0 && errno == 0) {
        return open_nameless(dir, ret_fd);
    }
    if (fd < 0) {
        return path_error(errno, "make a temporary file in", dir);
    }
    *ret_fd = fd;
    return NULL;
}

/* The path to write to: links are followed, so that a link stays one. What is there must be a plain file, never a device or a pipe. */
static struct ha_err *resolve_target(const char *path, char **ret)
{
    struct stat st;
    if (stat(path, &st) == 0) {
        if (!S_ISREG(st.st_mode)) {
            return path_error(S_ISDIR(st.st_mode) ? EISDIR : EINVAL, "replace", path);
        }
        return ha_file_real_path(path, ret);
    }
    *ret = ha_strndup(path, strlen(path));
    return *ret == NULL ? ha_err_nomem() : NULL;
}

struct ha_err *ha_file_new_begin(const char *path, struct ha_file_new *ret)
{
    HA_FREE char *target = NULL;
    HA_TRY(resolve_target(path, &target));
    HA_FREE char *folder = ha_file_folder(target);
    if (folder == NULL) {
        return ha_err_nomem();
    }
    remove_leftovers(folder, target);
    struct ha_file_new file = {.fd = -1};
    errno = 0;
    // Without /proc an unnamed file could not be given a name later.
    if (access("/proc/self/fd", X_OK) == 0) {
        file.fd = open_unnamed(folder, 0666);
    } else {
        errno = 0;
    }
    if (file.fd >= 0) {
        (void)flock(file.fd, LOCK_EX | LOCK_NB);
    } else if (errno != 0) {
        return path_error(errno, "create", path);
    } else {
        HA_TRY(open_named(target, 0666, &file));
    }
    file.path = HA_TAKE(target);
    *ret = file;
    return NULL;
}

/* Gives an unnamed file a temporary name: a link cannot replace a file, only a rename can. */
static struct ha_err *link_temp(struct ha_file_new *file)
{
    char source[40];
    snprintf(source, sizeof source, "/proc/self/fd/%d", file->fd);
    for (unsigned i = 0; i < NAME_TRIES; i++) {
        HA_FREE char *temp = temp_name(file->path);
        if (temp == NULL) {
            return ha_err_nomem();
        }
        unsigned guard = ha_emergency_temp_add(temp);
        if (linkat(AT_FDCWD, source, AT_FDCWD, temp, AT_SYMLINK_FOLLOW) == 0) {
            file->temp = HA_TAKE(temp);
            file->guard = guard;
            return NULL;
        }
        int errnum = errno;
        ha_emergency_temp_drop(guard);
        if (errnum != EEXIST) {
            return path_error(errnum, "create", file->path);
        }
    }
    return path_error(EEXIST, "find a temporary name for", file->path);
}

/* Makes the new name durable. A failure is no error: the file is complete, at worst a power cut undoes the rename as a whole. */
static void sync_folder(const char *path)
{
    HA_FREE char *folder = ha_file_folder(path);
    int fd = folder == NULL ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        ha_file_close(fd);
    }
}

/* ---- to the disk, beside the caller ---- */

struct ha_file_sync {
    int fd;
    const char *path;
    struct ha_task *task;
};

static struct ha_err *sync_beside(void *ctx)
{
    const struct ha_file_sync *sync = ctx;
    return ha_file_sync(sync->fd, sync->path);
}

static void sync_end(struct ha_file_new *file)
{
    struct ha_file_sync *sync = file->sync;
    if (sync == NULL) {
        return;
    }
    struct ha_err *err = ha_task_join(sync->task);
    ha_free(sync);
    file->sync = NULL;
    if (file->sync_err == NULL) {
        file->sync_err = err;
    } else {
        ha_err_free(err);
    }
}

void ha_file_new_sync_begin(struct ha_file_new *file)
{
    if (file->sync != NULL && !ha_task_is_over(file->sync->task)) {
        return;
    }
    sync_end(file);
    struct ha_file_sync *sync = ha_calloc_array(1, sizeof *sync);
    if (sync == NULL) {
        return;
    }
    *sync = (struct ha_file_sync){.fd = file->fd, .path = file->path};
    sync->task = ha_task_start(sync_beside, sync);
    if (sync->task == NULL) { /* then commit does it all */
        ha_free(sync);
        return;
    }
    file->sync = sync;
}

struct ha_err *ha_file_new_commit(struct ha_file_new *file)
{
    sync_end(file);
    HA_TRY(HA_TAKE(file->sync_err));
    int rc;
    do {
        rc = fsync(file->fd);
    } while (rc != 0 && errno == EINTR);
    if (rc != 0) {
        return path_error(errno, "write", file->path);
    }
    if (file->temp == NULL) {
        HA_TRY(link_temp(file));
    }
    if (rename(file->temp, file->path) != 0) {
        return path_error(errno, "create", file->path);
    }
    sync_folder(file->path);
    ha_emergency_temp_drop(file->guard);
    ha_free(file->temp);
    file->temp = NULL;
    (void)flock(file->fd, LOCK_UN); // a mapping would keep it
    ha_file_new_abort(file);
    return NULL;
}

void ha_file_new_abort(struct ha_file_new *file)
{
    if (file->path == NULL) {
        return;
    }
    sync_end(file);
    ha_err_free(file->sync_err);
    if (file->temp != NULL) {
        unlink(file->temp);
        ha_emergency_temp_drop(file->guard);
    }
    ha_file_close(file->fd);
    ha_free(file->temp);
    ha_free(file->path);
    *file = (struct ha_file_new){.fd = -1};
}

struct ha_err *ha_file_real_path(const char *path, char **ret)
{
    char resolved[PATH_MAX];
    if (realpath(path, resolved) == NULL) {
        return path_error(errno, "find", path);
    }
    char *copy = ha_strndup(resolved, strlen(resolved));
    if (copy == NULL) {
        return ha_err_nomem();
    }
    *ret = copy;
    return NULL;
}
