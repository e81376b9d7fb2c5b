/* SPDX-License-Identifier: MIT */
#include "ha/base/file.h"

#include "ha/base/mem.h"

#include "support/ck_ha.h"
#include "support/held_sync.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* Every test works in a folder of its own, removed at the end; paths are relative to it. */
static char folder[64];

static void enter(void)
{
    strcpy(folder, "/tmp/ha-file-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
}

static void leave(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(system(command), 0);
}

/* Stands before the open() of libc: with no_unnamed set, the file system seems to lack O_TMPFILE. */
static bool no_unnamed;

int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = va_arg(args, mode_t);
    va_end(args);
    if (no_unnamed && (flags & O_TMPFILE) == O_TMPFILE) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return openat(AT_FDCWD, path, flags, mode);
}

static unsigned entries(const char *dir)
{
    unsigned count = 0;
    DIR *d = opendir(dir);
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        count += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    }
    closedir(d);
    return count;
}

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

static void holds(const char *path, const char *text)
{
    int fd = -1;
    struct ha_file_info info;
    char buf[256] = "";
    size_t len = 0;
    ck_ok(ha_file_open_read(path, &fd, &info));
    ck_ok(ha_file_read_at(fd, path, 0, buf, sizeof buf - 1, &len));
    ck_assert_str_eq(buf, text);
    ck_assert_uint_eq(info.bytes, strlen(text));
    ha_file_close(fd);
}

START_TEST(test_open)
{
    enter();
    put("a", "0123456789");
    int fd = -1;
    struct ha_file_info info;
    ck_ok(ha_file_open_read("a", &fd, &info));
    ck_assert_uint_eq(info.bytes, 10);
    ck_assert(info.regular && !info.directory);
    ck_assert_int_gt(info.mtime_sec, 1000000000);
    ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);

    char buf[8] = "";
    size_t len = 99;
    ck_ok(ha_file_read_at(fd, "a", 7, buf, 8, &len));
    ck_assert_uint_eq(len, 3);
    ck_assert_mem_eq(buf, "789", 3);
    ck_ok(ha_file_read_at(fd, "a", 1000, buf, 8, &len));
    ck_assert_uint_eq(len, 0);
    ck_ok(ha_file_read_at(fd, "a", 0, buf, 0, &len));
    ck_assert_uint_eq(len, 0);
    ck_err(ha_file_read_at(fd, "a", UINT64_MAX, buf, 8, &len), HA_ERR_SYSTEM, "cannot read 'a'");
    ck_err(ha_file_read_at(fd, "a", INT64_MAX - 3, buf, 8, &len), HA_ERR_SYSTEM, "too large");
    ck_err(ha_file_write_at(fd, "a", 0, buf, 1), HA_ERR_SYSTEM, "cannot write 'a'");
    ha_file_close(fd);
    ha_file_close(-1);

    ck_ok(ha_file_open_read(".", &fd, &info));
    ck_assert(info.directory && !info.regular);
    ck_err(ha_file_read_at(fd, ".", 0, buf, 8, &len), HA_ERR_SYSTEM, "directory");
    ha_file_close(fd);
    ck_ok(ha_file_open_read("/dev/null", &fd, &info));
    ck_assert(!info.directory && !info.regular);
    ha_file_close(fd);
    ck_assert_int_eq(mkfifo("pipe", 0600), 0);
    ck_ok(ha_file_open_plain("pipe", &fd, &info)); // at once, though nobody writes
    ck_assert(!info.regular);
    ha_file_close(fd);
    leave();
}
END_TEST

START_TEST(test_errors_show_paths_safely)
{
    int fd = -1;
    struct ha_file_info info;
    ck_err(ha_file_open_read("/nonexistent/a", &fd, &info), HA_ERR_SYSTEM,
           "cannot open '/nonexistent/a': No such file or directory");
    ck_err(ha_file_open_read("x\x1b[31m\n\xff", &fd, &info), HA_ERR_SYSTEM,
           "cannot open 'x\\x1b[31m\\n\\xff'");
    ck_assert_int_eq(fd, -1);
    errno = EBADMSG;
    ha_file_close(12345);
    ck_assert_int_eq(errno, EBADMSG);
}
END_TEST

static void check_temp_and_map(void)
{
    enter();
    int fd = -1;
    ck_ok(ha_file_temp(".", &fd));
    ck_assert_uint_eq(entries("."), 0);
    ck_ok(ha_file_write_at(fd, "temp", 5000, "end", 3));
    ck_ok(ha_file_write_at(fd, "temp", 0, "begin", 5));
    struct ha_file_info info;
    ck_ok(ha_file_info(fd, "temp", &info));
    ck_assert_uint_eq(info.bytes, 5003);
    void *map = NULL;
    ck_ok(ha_file_map(fd, "temp", 5003, true, &map));
    ck_assert_mem_eq(map, "begin\0", 6);
    ck_assert_mem_eq((char *)map + 5000, "end", 3);
    ((char *)map)[0] = 'B';
    char buf[5];
    size_t len;
    ck_ok(ha_file_read_at(fd, "temp", 0, buf, 5, &len));
    ck_assert_mem_eq(buf, "Begin", 5);
    ha_file_unmap(map, 5003);
    ha_file_unmap(NULL, 0);
    ck_err(ha_file_map(-1, "temp", 10, false, &map), HA_ERR_SYSTEM, "cannot map 'temp'");
    ha_file_close(fd);
    ck_err(ha_file_temp("/nonexistent", &fd), HA_ERR_SYSTEM, "'/nonexistent'");
    leave();
}

/* Linux has it since 5.14. */
static bool has_populate(void)
{
#ifdef MADV_POPULATE_WRITE
    return madvise(NULL, 0, MADV_POPULATE_WRITE) == 0;
#else
    return false;
#endif
}

START_TEST(test_populate)
{
    enum { BYTES = 200000 };
    int fd = -1;
    void *map = NULL;
    unsigned char resident[BYTES / 4096 + 1] = {0};
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = (BYTES + page - 1) / page;
    enter();
    ck_ok(ha_file_temp(".", &fd));
    ck_ok(ha_file_write_at(fd, "temp", 0, "begin", 5));
    ck_ok(ha_file_write_at(fd, "temp", BYTES - 3, "end", 3));
    ck_ok(ha_file_map(fd, "temp", BYTES, true, &map));
    errno = EDOM;
    ha_file_map_populate(map, 0);
    ha_file_map_populate((char *)map + 5, 10);
    ha_file_map_populate((char *)map + 5, BYTES - 10);
    ck_assert_int_eq(errno, EDOM);
    ck_assert_int_eq(mincore(map, BYTES, resident), 0);
    for (size_t i = 0; i < pages && has_populate(); i++) {
        ck_assert_msg((resident[i] & 1) != 0, "page %zu", i);
    }
    for (size_t i = 5; i < BYTES - 3; i++) {
        ck_assert_int_eq(((char *)map)[i], 0);
    }
    ck_assert_mem_eq(map, "begin", 5);
    ck_assert_mem_eq((char *)map + BYTES - 3, "end", 3);
    ha_file_unmap(map, BYTES);
    ha_file_close(fd);
    leave();
}
END_TEST

START_TEST(test_temp_and_map)
{
    check_temp_and_map();
    no_unnamed = true;
    check_temp_and_map();
    no_unnamed = false;
}
END_TEST

static void check_new_commit(void)
{
    enter();
    struct ha_file_new file;
    ck_ok(ha_file_new_begin("out", &file));
    ck_ok(ha_file_write_at(file.fd, "out", 0, "new", 3));
    ck_assert_int_ne(access("out", F_OK), 0); // nothing to see before the commit
    ck_ok(ha_file_new_commit(&file));
    ck_assert_int_eq(file.fd, -1);
    ck_assert_ptr_null(file.path);
    holds("out", "new");
    struct stat st;
    ck_assert_int_eq(stat("out", &st), 0);
    mode_t mask = umask(0);
    umask(mask);
    ck_assert_uint_eq(st.st_mode & 0777, 0666 & ~mask);
    ha_file_new_abort(&file); // after a commit: nothing

    // Replacing: the old one stays until the commit, and for those who have it open.
    int old = open("out", O_RDONLY);
    ck_ok(ha_file_new_begin("./out", &file));
    ck_ok(ha_file_write_at(file.fd, "out", 0, "newer", 5));
    holds("out", "new");
    ck_ok(ha_file_new_commit(&file));
    holds("out", "newer");
    char buf[8] = "";
    ck_assert_int_eq(read(old, buf, 8), 3);
    close(old);
    ck_assert_uint_eq(entries("."), 1);
    leave();
}

START_TEST(test_new_commit)
{
    check_new_commit();
    no_unnamed = true;
    check_new_commit();
    no_unnamed = false;
}
END_TEST

static void check_new_abort(void)
{
    enter();
    struct ha_file_new file;
    ck_ok(ha_file_new_begin("out", &file));
    ck_ok(ha_file_write_at(file.fd, "out", 0, "half", 4));
    ha_file_new_abort(&file);
    ck_assert_uint_eq(entries("."), 0);
    ha_file_new_abort(&file);

    put("out", "old");
    ck_ok(ha_file_new_begin("out", &file));
    ck_ok(ha_file_write_at(file.fd, "out", 0, "half", 4));
    ha_file_new_abort(&file);
    holds("out", "old");
    ck_assert_uint_eq(entries("."), 1);
    leave();
}

START_TEST(test_new_abort)
{
    check_new_abort();
    no_unnamed = true;
    check_new_abort();
    no_unnamed = false;
}
END_TEST

static void check_new_failed_commit(void)
{
    enter();
    struct ha_file_new file;
    ck_ok(ha_file_new_begin("out", &file));
    ck_assert_int_eq(mkdir("out", 0700), 0); // in the way of the rename
    ck_assert_int_eq(mkdir("out/sub", 0700), 0);
    ck_err(ha_file_new_commit(&file), HA_ERR_SYSTEM, "cannot create");
    ha_file_new_abort(&file);
    ck_assert_uint_eq(entries("."), 1);
    leave();
}

START_TEST(test_new_failed_commit)
{
    check_new_failed_commit();
    no_unnamed = true;
    check_new_failed_commit();
    no_unnamed = false;
}
END_TEST

START_TEST(test_sync_beside)
{
    enter();
    struct ha_file_new file;
    ck_ok(ha_file_new_begin("out", &file));
    sync_waits = true;
    ck_ok(ha_file_write_at(file.fd, "out", 0, "new", 3));
    ha_file_new_sync_begin(&file);
    while (syncs == 0) {
        sched_yield();
    }
    ck_ok(ha_file_write_at(file.fd, "out", 3, "er", 2)); /* nobody waits */
    ha_file_new_sync_begin(&file);
    ck_assert_uint_eq(syncs, 1); /* still going on */
    sync_waits = false;
    while (syncs == 1) {
        ha_file_new_sync_begin(&file);
    }
    ck_ok(ha_file_new_commit(&file));
    holds("out", "newer");
    ck_assert_uint_eq(entries("."), 1);
    ha_file_new_abort(&file);
    leave();
}
END_TEST

/* The system tells an error of the disk once, so it must not be lost. */
START_TEST(test_sync_fails)
{
    enter();
    struct ha_file_new file;
    for (unsigned later = 0; later <= 1; later++) {
        sync_that_fails = syncs + 1;
        ck_ok(ha_file_new_begin("out", &file));
        ha_file_new_sync_begin(&file);
        while (syncs < sync_that_fails + later) {
            ha_file_new_sync_begin(&file);
        }
        ck_err(ha_file_new_commit(&file), HA_ERR_SYSTEM, "cannot write");
        ha_file_new_abort(&file);
    }
    sync_that_fails = syncs + 1;
    ck_ok(ha_file_new_begin("out", &file));
    ha_file_new_sync_begin(&file);
    ha_file_new_abort(&file);
    ck_assert_uint_eq(entries("."), 0);
    leave();
}
END_TEST

START_TEST(test_new_refuses)
{
    enter();
    struct ha_file_new file = {.fd = -7};
    ck_err(ha_file_new_begin("none/out", &file), HA_ERR_SYSTEM, "cannot create 'none/out'");
    ck_err(ha_file_new_begin(".", &file), HA_ERR_SYSTEM, "directory");
    ck_assert_int_eq(mkfifo("fifo", 0600), 0);
    ck_err(ha_file_new_begin("fifo", &file), HA_ERR_SYSTEM, "cannot replace 'fifo'");
    ck_err(ha_file_new_begin("/dev/null", &file), HA_ERR_SYSTEM, "cannot replace '/dev/null'");
    ck_assert_int_eq(file.fd, -7);
    ck_assert_uint_eq(entries("."), 1);
    leave();
}
END_TEST

static void check_new_through_link(void)
{
    enter();
    ck_assert_int_eq(mkdir("real", 0700), 0);
    put("real/file", "old");
    ck_assert_int_eq(symlink("real/file", "link"), 0);
    struct ha_file_new file;
    ck_ok(ha_file_new_begin("link", &file));
    ck_ok(ha_file_write_at(file.fd, "link", 0, "new", 3));
    ck_ok(ha_file_new_commit(&file));
    struct stat st;
    ck_assert_int_eq(lstat("link", &st), 0);
    ck_assert(S_ISLNK(st.st_mode));
    holds("real/file", "new");
    ck_assert_uint_eq(entries("real"), 1);
    leave();
}

START_TEST(test_new_through_link)
{
    check_new_through_link();
    no_unnamed = true;
    check_new_through_link();
    no_unnamed = false;
}
END_TEST

START_TEST(test_leftovers)
{
    enter();
    put("out.tmp-0123456789ab", "left over");
    put("out.tmp-ba9876543210", "in work");
    put("out.tmp-notours", "another's");
    put("out.tmp-0123456789abc", "another's");
    put("out.tmp-0123456789ab.gz", "another's");
    put("other.tmp-0123456789ab", "of another file");
    int held = open("out.tmp-ba9876543210", O_RDWR);
    ck_assert_int_eq(flock(held, LOCK_EX), 0);
    struct ha_file_new file;
    ck_ok(ha_file_new_begin("out", &file));
    ck_assert_int_ne(access("out.tmp-0123456789ab", F_OK), 0);
    ck_assert_int_eq(access("out.tmp-ba9876543210", F_OK), 0);
    ck_assert_uint_eq(entries("."), 5);
    ck_ok(ha_file_new_commit(&file));
    ck_assert_uint_eq(entries("."), 6);
    close(held);
    leave();
}
END_TEST

static void check_two_writers(void)
{
    enter();
    struct ha_file_new one;
    struct ha_file_new two;
    ck_ok(ha_file_new_begin("out", &one));
    ck_ok(ha_file_new_begin("out", &two));
    ck_ok(ha_file_write_at(one.fd, "out", 0, "one", 3));
    ck_ok(ha_file_write_at(two.fd, "out", 0, "two", 3));
    ck_ok(ha_file_new_commit(&two));
    holds("out", "two");
    ck_ok(ha_file_new_commit(&one));
    holds("out", "one");
    ck_assert_uint_eq(entries("."), 1);
    leave();
}

START_TEST(test_two_writers)
{
    check_two_writers();
    no_unnamed = true;
    check_two_writers();
    no_unnamed = false;
}
END_TEST

static void check_killed_writer(void)
{
    // A process killed while writing leaves nothing that a reader could take for the file.
    enter();
    put("out", "old");
    pid_t pid = fork();
    if (pid == 0) {
        struct ha_file_new file;
        ck_ok(ha_file_new_begin("out", &file));
        ck_ok(ha_file_write_at(file.fd, "out", 0, "half", 4));
        raise(SIGKILL);
    }
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSIGNALED(status));
    holds("out", "old");
    struct ha_file_new file;
    ck_ok(ha_file_new_begin("out", &file));
    ha_file_new_abort(&file);
    ck_assert_uint_eq(entries("."), 1);
    leave();
}

START_TEST(test_killed_writer)
{
    check_killed_writer();
    no_unnamed = true;
    check_killed_writer();
    no_unnamed = false;
}
END_TEST

START_TEST(test_unnamed_is_locked)
{
    // Between the link and the rename of a commit it has a temporary name that others must not take for a leftover.
    enter();
    struct ha_file_new file;
    ck_ok(ha_file_new_begin("out", &file));
    if (file.temp == NULL) {
        char path[40];
        snprintf(path, sizeof path, "/proc/self/fd/%d", file.fd);
        int other = open(path, O_RDWR);
        ck_assert_int_ge(other, 0);
        ck_assert_int_ne(flock(other, LOCK_EX | LOCK_NB), 0);
        close(other);
    }
    ha_file_new_abort(&file);
    leave();
}
END_TEST

START_TEST(test_named)
{
    // Without O_TMPFILE the file has a name from the beginning, held by a lock.
    enter();
    no_unnamed = true;
    struct ha_file_new file;
    ck_ok(ha_file_new_begin("out", &file));
    no_unnamed = false;
    ck_assert_ptr_nonnull(file.temp);
    ck_assert_int_eq(access(file.temp, F_OK), 0);
    int other = open(file.temp, O_RDWR);
    ck_assert_int_ne(flock(other, LOCK_EX | LOCK_NB), 0);
    close(other);
    ck_ok(ha_file_new_commit(&file));
    holds("out", "");
    ck_assert_uint_eq(entries("."), 1);
    leave();
}
END_TEST

START_TEST(test_disk_full)
{
    enter();
    int fd = open("/dev/full", O_WRONLY);
    ck_err(ha_file_write_at(fd, "full", 0, "x", 1), HA_ERR_SYSTEM,
           "cannot write 'full': No space left on device");
    close(fd);
    leave();
}
END_TEST

START_TEST(test_real_path)
{
    enter();
    put("a", "");
    ck_assert_int_eq(symlink("a", "b"), 0);
    HA_FREE char *path = NULL;
    ck_ok(ha_file_real_path("./b", &path));
    char expected[128];
    snprintf(expected, sizeof expected, "%s/a", folder);
    ck_assert_str_eq(path, expected);
    char *none = NULL;
    ck_err(ha_file_real_path("none", &none), HA_ERR_SYSTEM, "cannot find 'none'");
    ck_assert_ptr_null(none);
    leave();
}
END_TEST

CK_HA_MAIN("file", test_open, test_errors_show_paths_safely, test_populate, test_temp_and_map, test_new_commit,
           test_new_abort, test_new_failed_commit, test_sync_beside, test_sync_fails, test_new_refuses, test_new_through_link,
           test_leftovers, test_two_writers, test_killed_writer, test_unnamed_is_locked, test_named,
           test_disk_full, test_real_path)
