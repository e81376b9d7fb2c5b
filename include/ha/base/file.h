/* SPDX-License-Identifier: MIT */
/*
 * Files: open, read at an offset, map, write at an offset, make a temporary one, put one in place atomically. EINTR and short reads and
 * writes are handled here. Paths are shown in error messages with control characters escaped.
 */
#ifndef HA_BASE_FILE_H
#define HA_BASE_FILE_H

#include "ha/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ha_file_info {
    uint64_t bytes;
    int64_t mtime_sec;
    uint32_t mtime_nsec;
    bool regular; /* a plain file (not a pipe, folder or device) */
    bool directory;
};

/* Opens for reading (O_CLOEXEC); *ret_fd is the caller's to close with ha_file_close(). */
struct ha_err *ha_file_open_read(const char *path, int *ret_fd, struct ha_file_info *ret_info) HA_WARN_UNUSED;

/* The same for what is read as a plain file: opening a FIFO does not wait for its writer; the caller looks at ret_info->regular. */
struct ha_err *ha_file_open_plain(const char *path, int *ret_fd, struct ha_file_info *ret_info) HA_WARN_UNUSED;
/* Opens a plain file for reading and writing, under an exclusive flock that goes with the descriptor. *ret_fd is -1 where that cannot be: it may not be
   written, is no plain file, is gone, or another process has the lock. */
struct ha_err *ha_file_open_update(const char *path, int *ret_fd, struct ha_file_info *ret_info) HA_WARN_UNUSED;
void ha_file_close(int fd); /* -1 is fine; keeps errno */
struct ha_err *ha_file_info(int fd, const char *path, struct ha_file_info *ret) HA_WARN_UNUSED;

/* Reads up to len bytes at off; *ret_len is less than len only at the end of the file. path is for messages only. */
struct ha_err *ha_file_read_at(int fd, const char *path, uint64_t off, void *buf, size_t len, size_t *ret_len) HA_WARN_UNUSED;
struct ha_err *ha_file_write_at(int fd, const char *path, uint64_t off, const void *buf, size_t len) HA_WARN_UNUSED;
/* Waits until the disk has the bytes that were written. */
struct ha_err *ha_file_sync(int fd, const char *path) HA_WARN_UNUSED;
/* Has the system begin to write these bytes to the disk, if it can: a later fsync has less to wait for. Decides nothing else, hence no error. */
void ha_file_flush_begin(int fd, uint64_t off, uint64_t len);

/* Whether what lies around a byte of a mapping is to be read with it: not where reads are random and memory is short. Only advice: cannot fail. */
void ha_file_map_random(const void *data, size_t bytes, bool random);

/* Makes the pages that hold these bytes of a writable mapping present and writable at once: for bytes that are all about to be written, since a fault
   for each page costs far more on virtual machines. What cannot be made, and where there is little of it, is left to the faults (and to Linux before 5.14
   everything is): no error. */
void ha_file_map_populate(void *data, size_t bytes);

/* Maps [0, bytes) read-only (shared) or read-write (shared). bytes > 0. Unmap with ha_file_unmap(); path, which names the file when it is cut
   short under the mapping (base/emergency.h), must live until then. */
struct ha_err *ha_file_map(int fd, const char *path, uint64_t bytes, bool writable, void **ret) HA_WARN_UNUSED;
void ha_file_unmap(void *map, uint64_t bytes);

/* A file without a name in folder `dir` (O_TMPFILE; where the file system lacks it, its name is taken away at once), open for read and write. */
struct ha_err *ha_file_temp(const char *dir, int *ret_fd) HA_WARN_UNUSED;

/* A new file to appear at `path` when complete. ha_file_new_begin(): an unnamed file in the folder of `path` where O_TMPFILE works, else
   `path.tmp-<random>` under an exclusive flock. ha_file_new_commit(): fsync, name it `path` (replacing what is there), fsync the folder.
   ha_file_new_abort(): leaves nothing behind; call it after a failed commit too. Both wait for the end of what ha_file_new_sync_begin() began. Stale unlocked
   leftovers of `path` are removed by begin. */
struct ha_file_new {
    int fd;
    char *path;
    char *temp;     /* NULL while unnamed */
    unsigned guard; /* of temp, in base/emergency.h */
    struct ha_file_sync *sync; /* going on, or over and not looked at; NULL: none */
    struct ha_err *sync_err;   /* of one that is over */
};
struct ha_err *ha_file_new_begin(const char *path, struct ha_file_new *ret) HA_WARN_UNUSED;
struct ha_err *ha_file_new_commit(struct ha_file_new *file) HA_WARN_UNUSED; /* closes on success */
void ha_file_new_abort(struct ha_file_new *file);

/* Begins to bring what has been written so far to the disk, beside the caller, so that commit waits for less. Nothing if that is still going on. Its
   errors are returned by commit: the system tells them once. */
void ha_file_new_sync_begin(struct ha_file_new *file);

/* Removes what processes that are gone have left of `path` under temporary names. Nothing depends on it, so failures are not reported. */
void ha_file_sweep(const char *path);

/* The folder part of a path: "." without a slash, "/" for things in the root. NULL without memory; owned by the caller (ha_free). */
char *ha_file_folder(const char *path);

/* The absolute path with links resolved; owned by the caller (ha_free). */
struct ha_err *ha_file_real_path(const char *path, char **ret) HA_WARN_UNUSED;

#endif
