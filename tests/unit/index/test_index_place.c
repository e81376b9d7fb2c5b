/* SPDX-License-Identifier: MIT */
/* Where indexes are looked for, made and removed, and which of them belong to a dump. */
#include "ha/index/index.h"

#include "ha/base/file.h"
#include "ha/base/mem.h"
#include "support/ck_ha.h"
#include "support/temp_dir.h"

static struct temp_dir dir;
static char dump[TEMP_PATH_BYTES];
static char index_dir[TEMP_PATH_BYTES];
static char cache[TEMP_PATH_BYTES];

/* A dump in a folder of its own, an index folder and an empty home. */
static void setup(void)
{
    char path[TEMP_PATH_BYTES];
    static uint8_t data[200000];
    temp_dir_init(&dir);
    ck_assert_int_eq(mkdir(temp_path(&dir, "d", path), 0700), 0);
    ck_assert_int_eq(mkdir(temp_path(&dir, "ix", index_dir), 0700), 0);
    unsetenv("XDG_CACHE_HOME");
    setenv("HOME", dir.path, 1);
    temp_path(&dir, ".cache/hprof-analyze", cache);
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)(i * 7 + i / 256);
    }
    temp_write(temp_path(&dir, "d/app.hprof", dump), data, sizeof data);
}

static struct ha_fingerprint take(const char *path, uint32_t heap)
{
    struct ha_fingerprint print = {.heap = heap};
    struct ha_file_info info;
    int fd = -1;
    ck_ok(ha_file_open_read(path, &fd, &info));
    ck_ok(ha_fingerprint_take(fd, path, &print));
    ha_file_close(fd);
    ck_assert_uint_eq(print.heap, heap);
    return print;
}

static void make_index(const char *path, const struct ha_fingerprint *print)
{
    struct ha_index_writer *writer = NULL;
    struct ha_index *index = NULL;
    ck_ok(ha_index_writer_create(path, NULL, &writer));
    ck_ok(ha_index_section_put(writer, HA_INDEX_ID('A', 'A', 'A', 'A'), 1, 5, "hello"));
    ck_ok(ha_index_writer_commit(writer, print, 1, &index));
    ha_index_close(index);
}

/* Looks the index up and expects it at `path` (NULL: none), with a notice that contains `notice` (NULL: none). */
static void expect(const char *in_dir, uint32_t heap, uint32_t heaps, const char *path,
                   const char *notice)
{
    struct ha_fingerprint print = take(dump, heap);
    struct ha_index_place_options options = {.index_dir = in_dir, .heap = heap, .heaps = heaps};
    struct ha_index *index = NULL;
    char *text = NULL;
    ck_ok(ha_index_place_find(dump, &print, &options, &index, &text));
    ck_assert_msg((index == NULL) == (path == NULL), "found: %s, notice: %s",
                  index == NULL ? "none" : ha_index_path(index), text == NULL ? "none" : text);
    if (path != NULL) {
        ck_assert_str_eq(ha_index_path(index), path);
    }
    ck_assert_msg((text == NULL) == (notice == NULL), "notice: %s", text == NULL ? "none" : text);
    if (notice != NULL) {
        ck_assert_msg(strstr(text, notice) != NULL, "notice: %s", text);
    }
    ha_free(text);
    ha_index_close(index);
    ck_ok(ha_index_place_find(dump, &print, &options, &index, NULL));
    ha_index_close(index);
}

// Not inlined: gcc 12 then takes the path for a pointer to the local that receives it.
static HA_NOINLINE char *place(const char *in_dir, uint32_t heap, uint32_t heaps)
{
    struct ha_index_place_options options = {.index_dir = in_dir, .heap = heap, .heaps = heaps};
    char *path = NULL;
    ck_ok(ha_index_place_new(dump, &options, &path));
    return path;
}

static void expect_removed(const char *in_dir, uint32_t count)
{
    uint32_t removed = 99;
    ck_ok(ha_index_place_remove(dump, in_dir, &removed));
    ck_assert_uint_eq(removed, count);
}

START_TEST(test_places_in_order)
{
    setup();
    struct ha_fingerprint print = take(dump, 1);
    expect(NULL, 1, 1, NULL, NULL);
    char *beside = place(NULL, 1, 1);
    ck_assert_int_eq(strncmp(beside, dump, strlen(dump)), 0);
    ck_assert_str_eq(beside + strlen(dump), ".hpx");
    make_index(beside, &print);
    expect(NULL, 1, 1, beside, NULL);
    expect(NULL, 1, 0, beside, NULL);
    expect(index_dir, 1, 1, beside, NULL);
    char *elsewhere = place(index_dir, 1, 1);
    ck_assert_int_eq(strncmp(elsewhere, index_dir, strlen(index_dir)), 0);
    ck_assert_ptr_nonnull(strstr(elsewhere, "/app.hprof-"));
    ck_assert_uint_eq(strlen(elsewhere),
                      strlen(index_dir) + strlen("/app.hprof-0123456789abcdef.hpx"));
    make_index(elsewhere, &print);
    expect(index_dir, 1, 1, elsewhere, NULL);
    expect(NULL, 1, 1, beside, NULL);
    expect_removed(index_dir, 2);
    expect_removed(index_dir, 0);
    expect(index_dir, 1, 1, NULL, NULL);
    ha_free(beside);
    ha_free(elsewhere);
    temp_dir_deinit(&dir);
}
END_TEST

START_TEST(test_several_heaps)
{
    char path[TEMP_PATH_BYTES];
    setup();
    struct ha_fingerprint one = take(dump, 1);
    struct ha_fingerprint two = take(dump, 2);
    char *first = place(NULL, 1, 2);
    char *second = place(NULL, 2, 2);
    ck_assert_str_eq(first, temp_path(&dir, "d/app.hprof.1.hpx", path));
    ck_assert_str_eq(second, temp_path(&dir, "d/app.hprof.2.hpx", path));
    make_index(first, &one);
    make_index(second, &two);
    expect(NULL, 1, 2, first, NULL);
    expect(NULL, 1, 0, first, NULL);
    expect(NULL, 2, 2, second, NULL);
    expect(NULL, 2, 0, second, NULL);
    expect(NULL, 1, 1, NULL, NULL);
    expect(NULL, 3, 3, NULL, NULL);
    expect(NULL, 0, 0, second, NULL);
    expect(index_dir, 0, 0, second, NULL);
    make_index(first, &two);
    expect(NULL, 1, 2, NULL, "another version");
    // "app.hprof.2" being a dump itself, the index belongs to that one.
    temp_write(temp_path(&dir, "d/app.hprof.2", path), "x", 1);
    temp_write(temp_path(&dir, "d/app.hprof.hpx", path), "x", 1);
    temp_write(temp_path(&dir, "d/app.hprof.old.hpx", path), "x", 1);
    temp_write(temp_path(&dir, "d/app.hprof.0.hpx", path), "x", 1);
    expect_removed(NULL, 2);
    ck_assert_int_eq(access(second, F_OK), 0);
    ck_assert_int_eq(access(dump, F_OK), 0);
    ha_free(first);
    ha_free(second);
    temp_dir_deinit(&dir);
}
END_TEST

/* Which heap is the last is told by the highest number among names, wherever they are. */
START_TEST(test_last_heap)
{
    char path[TEMP_PATH_BYTES];
    setup();
    expect(index_dir, 0, 0, NULL, NULL);
    struct ha_fingerprint nine = take(dump, 9);
    struct ha_fingerprint twenty = take(dump, 20);
    char *ninth = place(NULL, 9, 20);
    char *twentieth = place(index_dir, 20, 20);
    make_index(ninth, &nine);
    expect(index_dir, 0, 0, ninth, NULL);
    make_index(twentieth, &twenty);
    expect(index_dir, 0, 0, twentieth, NULL);
    expect(NULL, 0, 0, ninth, NULL);
    // Neither a number that no heap has nor the index of a dump "app.hprof.30" is in the way; a broken one is told when there is no other.
    temp_write(temp_path(&dir, "d/app.hprof.30", path), "x", 1);
    make_index(temp_path(&dir, "d/app.hprof.30.hpx", path), &twenty);
    make_index(temp_path(&dir, "d/app.hprof.99999999999999999999.hpx", path), &twenty);
    make_index(temp_path(&dir, "d/app.hprof.x20.hpx", path), &twenty);
    expect(index_dir, 0, 0, twentieth, NULL);
    ck_assert_int_eq(unlink(ninth), 0);
    ck_assert_int_eq(unlink(twentieth), 0);
    expect(index_dir, 0, 0, NULL, NULL);
    temp_write(twentieth, "x", 1);
    expect(index_dir, 0, 0, NULL, "damaged");
    // The index of a dump of one heap comes before them all.
    struct ha_fingerprint one = take(dump, 1);
    char *only = place(NULL, 1, 1);
    make_index(only, &one);
    expect(index_dir, 0, 0, only, NULL);
    ha_free(only);
    ha_free(ninth);
    ha_free(twentieth);
    temp_dir_deinit(&dir);
}
END_TEST

START_TEST(test_which_dump)
{
    static const struct timespec other_time[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    setup();
    struct ha_fingerprint print = take(dump, 1);
    char *path = place(NULL, 1, 1);
    make_index(path, &print);
    // A copy has another time and the same bytes.
    ck_assert_int_eq(utimensat(AT_FDCWD, dump, other_time, 0), 0);
    expect(NULL, 1, 1, path, NULL);
    size_t len;
    uint8_t *data = temp_read(dump, &len);
    data[len - 1] ^= 1;
    temp_write(dump, data, len);
    ck_assert_int_eq(utimensat(AT_FDCWD, dump, other_time, 0), 0);
    expect(NULL, 1, 1, NULL, "another version of this dump");
    temp_write(dump, data, len - 1);
    expect(NULL, 1, 1, NULL, "another version of this dump");
    free(data);
    ha_free(path);
    temp_dir_deinit(&dir);
}
END_TEST

START_TEST(test_notices)
{
    setup();
    struct ha_fingerprint print = take(dump, 1);
    char *path = place(NULL, 1, 1);
    size_t len;
    make_index(path, &print);
    uint8_t *data = temp_read(path, &len);
    data[len - 1] ^= 1;
    temp_write(path, data, len);
    expect(NULL, 1, 1, NULL, "is damaged (section table checksum)");
    data[8] = 77;
    temp_write(path, data, len);
    expect(NULL, 1, 1, NULL, "was written by another format");
    // A good one in a later place: nothing is rebuilt, so nothing is said.
    char *earlier = place(index_dir, 1, 1);
    ck_assert_int_eq(rename(path, earlier), 0);
    ha_free(earlier);
    make_index(path, &print);
    expect(index_dir, 1, 1, path, NULL);
    free(data);
    ha_free(path);
    temp_dir_deinit(&dir);
}
END_TEST

START_TEST(test_cache)
{
    char path[TEMP_PATH_BYTES];
    setup();
    // Folders that are none stand for folders that cannot be written: the tests may run as root.
    struct ha_fingerprint print = take(dump, 1);
    struct ha_index_place_options options = {.index_dir = "/proc/none", .heap = 1, .heaps = 1};
    char *chosen = NULL;
    ck_ok(ha_index_place_new("/proc/self/status", &options, &chosen));
    ck_assert_ptr_nonnull(chosen);
    ck_assert_int_eq(strncmp(chosen, cache, strlen(cache)), 0);
    struct stat st;
    ck_assert_int_eq(stat(cache, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0700);
    ha_free(chosen);
    char *hashed = place(index_dir, 1, 1);
    snprintf(path, sizeof path, "%s%s", cache, strrchr(hashed, '/'));
    make_index(path, &print);
    expect(NULL, 1, 1, path, NULL);
    setenv("XDG_CACHE_HOME", "relative", 1);
    expect(NULL, 1, 1, path, NULL);
    setenv("XDG_CACHE_HOME", index_dir, 1);
    expect(NULL, 1, 1, NULL, NULL);
    unsetenv("XDG_CACHE_HOME");
    // Also when the dump is already gone.
    ck_assert_int_eq(unlink(dump), 0);
    expect_removed(NULL, 1);
    unsetenv("HOME");
    ck_ok(ha_index_place_new("/proc/self/status", &options, &chosen));
    ck_assert_ptr_null(chosen);
    ha_free(hashed);
    temp_dir_deinit(&dir);
}
END_TEST

START_TEST(test_relative_and_long_names)
{
    char path[TEMP_PATH_BYTES];
    char name[256];
    setup();
    ck_assert_int_eq(chdir(temp_path(&dir, "d", path)), 0);
    char *kept = strdup(dump);
    snprintf(dump, sizeof dump, "app.hprof");
    char *relative = place(NULL, 1, 1);
    ck_assert_str_eq(relative, "app.hprof.hpx");
    ha_free(relative);
    // A name that leaves no room for the suffix still fits in the index folder.
    memset(name, 'n', 253);
    name[253] = '\0';
    snprintf(dump, sizeof dump, "%s", name);
    temp_write(dump, "x", 1);
    char *shortened = place(index_dir, 1, 1);
    ck_assert_uint_eq(strlen(strrchr(shortened, '/') + 1), 200 + 17 + 4);
    struct ha_fingerprint print = take(dump, 1);
    make_index(shortened, &print);
    expect(index_dir, 1, 1, shortened, NULL);
    expect(NULL, 1, 1, NULL, NULL);
    ha_free(shortened);
    free(kept);
    ck_assert_int_eq(chdir("/"), 0);
    temp_dir_deinit(&dir);
}
END_TEST

START_TEST(test_fingerprint)
{
    static const size_t lens[] = {1, 63, 4096, 65535, 65536, 65537, 200000};
    char path[TEMP_PATH_BYTES];
    setup();
    size_t len;
    uint8_t *data = temp_read(dump, &len);
    temp_path(&dir, "f", path);
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        temp_write(path, data, lens[i]);
        struct ha_fingerprint a = take(path, 3);
        struct ha_fingerprint b = take(path, 3);
        ck_assert_uint_eq(a.bytes, lens[i]);
        ck_assert_uint_eq(a.sample, b.sample);
        data[lens[i] / 2] ^= 1;
        temp_write(path, data, lens[i]);
        ck_assert_uint_ne(take(path, 3).sample, a.sample);
        data[lens[i] / 2] ^= 1;
    }
    free(data);
    temp_dir_deinit(&dir);
}
END_TEST

CK_HA_MAIN("index_place", test_places_in_order, test_several_heaps, test_last_heap, test_which_dump, test_notices,
           test_cache, test_relative_and_long_names, test_fingerprint)
