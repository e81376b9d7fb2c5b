/* SPDX-License-Identifier: MIT */
/*
 * A folder of a test's own, gone at its end, and files in it.
 *
 *     struct temp_dir dir;
 *     temp_dir_init(&dir);
 *     char path[TEMP_PATH_BYTES];
 *     temp_write(temp_path(&dir, "a.hprof", path), "bytes", 5);
 *     temp_dir_deinit(&dir);
 */
#ifndef HA_TESTS_SUPPORT_TEMP_DIR_H
#define HA_TESTS_SUPPORT_TEMP_DIR_H

#include <check.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMP_PATH_BYTES 512

struct temp_dir {
    char path[256];
};

static inline void temp_dir_init(struct temp_dir *dir)
{
    const char *root = getenv("TMPDIR");
    snprintf(dir->path, sizeof dir->path, "%s/ha-test-XXXXXX", root != NULL ? root : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(dir->path));
}

static inline int temp_remove_one(const char *path, const struct stat *st, int type,
                                  struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline void temp_dir_deinit(struct temp_dir *dir)
{
    nftw(dir->path, temp_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* The path of a file in the folder; buf holds TEMP_PATH_BYTES and is returned. */
static inline const char *temp_path(const struct temp_dir *dir, const char *name, char *buf)
{
    int len = snprintf(buf, TEMP_PATH_BYTES, "%s/%s", dir->path, name);
    ck_assert_int_lt(len, TEMP_PATH_BYTES);
    return buf;
}

static inline void temp_write(const char *path, const void *data, size_t len)
{
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(data, 1, len, file), len);
    ck_assert_int_eq(fclose(file), 0);
}

/* A file's bytes, to be freed; *ret_len: how many. */
static inline uint8_t *temp_read(const char *path, size_t *ret_len)
{
    struct stat st;
    ck_assert_int_eq(stat(path, &st), 0);
    uint8_t *data = malloc((size_t)st.st_size + 1);
    FILE *file = fopen(path, "rb");
    ck_assert_ptr_nonnull(file);
    ck_assert_ptr_nonnull(data);
    *ret_len = fread(data, 1, (size_t)st.st_size, file);
    fclose(file);
    return data;
}

/* Files and folders directly in the folder. */
static inline int temp_count(const struct temp_dir *dir)
{
    char command[TEMP_PATH_BYTES];
    int count = -1;
    snprintf(command, sizeof command, "ls -A '%s' | wc -l", dir->path);
    FILE *pipe = popen(command, "r");
    ck_assert_ptr_nonnull(pipe);
    ck_assert_int_eq(fscanf(pipe, "%d", &count), 1);
    pclose(pipe);
    return count;
}

#endif
