/* SPDX-License-Identifier: MIT */
/* When an index is used, built anew, or not written at all; several heaps in one file; builds that race. */
#include "snapshot/snapshot_fixture.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <utime.h>

#define HEAP                                                                                                                     \
    "use jdk17\nclass Node @0x2000 fields ref a\nobject @0x3000 Node a=@0x3020\nobject @0x3020 Node\nroot jni-global @0x3000\n"

static struct fixture x;
static char notice[400];
static char cache[TEMP_PATH_BYTES];

static void on_notice(void *ctx, const char *line)
{
    (void)ctx;
    snprintf(notice, sizeof notice, "%s", line);
}

static void open_with(struct ha_snapshot_options options)
{
    options.notice = on_notice;
    options.threads = 2;
    notice[0] = '\0';
    fixture_open(&x, &options);
    ck_assert_uint_eq(ha_retained_of(x.s->retained, at(&x, 0x3000)), 2 * ha_sizes_of(x.s->sizes, at(&x, 0x3000)));
}

/* The user's cache folder is ours; root may write everywhere, so folders that cannot be written are files' names. */
static void setup(void)
{
    fixture_write(&x, HEAP);
    temp_path(&x.dir, "cache", cache);
    setenv("XDG_CACHE_HOME", cache, 1);
}

static void teardown(void)
{
    fixture_deinit(&x);
}

static void check_open(bool built, const char *said)
{
    open_with((struct ha_snapshot_options){0});
    ck_assert_int_eq(x.s->built, built);
    ck_assert_msg(said == NULL ? notice[0] == '\0' : strstr(notice, said) != NULL, "notice: '%s'", notice);
    fixture_close(&x);
}

START_TEST(test_index_is_reused)
{
    check_open(true, NULL);
    ck_assert_int_eq(temp_count(&x.dir), 2);
    check_open(false, NULL);
    open_with((struct ha_snapshot_options){.rebuild = true});
    ck_assert(x.s->built);
    ck_assert_str_eq(notice, "");
    fixture_close(&x);
    check_open(false, NULL);
    ck_assert_int_eq(temp_count(&x.dir), 2);
}
END_TEST

START_TEST(test_no_index_leaves_nothing)
{
    open_with((struct ha_snapshot_options){.no_index = true});
    ck_assert(x.s->built);
    ck_assert_int_eq(temp_count(&x.dir), 1);
    fixture_close(&x);
    fixture_open(&x, &(struct ha_snapshot_options){.heap_only = true});
    ck_assert_ptr_null(x.s->dom);
    ck_assert_ptr_null(x.s->graph);
    ck_assert_ptr_nonnull(x.s->sizes);
    fixture_close(&x);
    ck_assert_int_eq(temp_count(&x.dir), 1);
}
END_TEST

START_TEST(test_index_of_another_dump)
{
    check_open(true, NULL);
    struct utimbuf times = {1000, 1000};
    ck_assert_int_eq(utime(x.dump, &times), 0); /* a copy: the same bytes at another time */
    check_open(false, NULL);
    size_t bytes;
    uint8_t *data = temp_read(x.dump, &bytes);
    data[bytes - 1] ^= 1; /* the record header that ends the heap: its length */
    temp_write(x.dump, data, bytes);
    free(data);
    times.modtime = 2000;
    ck_assert_int_eq(utime(x.dump, &times), 0);
    check_open(true, "another");
    check_open(false, NULL);
}
END_TEST

START_TEST(test_damaged_index_is_rebuilt)
{
    char index[TEMP_PATH_BYTES];
    size_t bytes;
    check_open(true, NULL);
    uint8_t *data = temp_read(temp_path(&x.dir, "test.hprof.hpx", index), &bytes);
    temp_write(index, data, bytes / 2);
    check_open(true, "rebuilding");
    data[60] ^= 1;
    temp_write(index, data, bytes);
    check_open(true, "rebuilding");
    check_open(false, NULL);
    free(data);
}
END_TEST

START_TEST(test_index_dir)
{
    char dir[TEMP_PATH_BYTES];
    ck_assert_int_eq(mkdir(temp_path(&x.dir, "indexes", dir), 0700), 0);
    for (int i = 0; i < 2; i++) {
        open_with((struct ha_snapshot_options){.index_dir = dir});
        ck_assert_int_eq(x.s->built, i == 0);
        ck_assert_ptr_nonnull(strstr(ha_index_path(x.s->index), "/indexes/test.hprof-"));
        fixture_close(&x);
    }
}
END_TEST

/* Folders that cannot be written: not even for root, if they are not there as folders. */
START_TEST(test_read_only_folder_uses_the_cache)
{
    if (geteuid() == 0) { /* as another user, who may write to the cache folder alone */
        ck_assert_int_eq(mkdir(cache, 0777), 0);
        ck_assert_int_eq(chmod(cache, 0777), 0);
        ck_assert_int_eq(chmod(x.dir.path, 0755), 0);
        ck_assert_int_eq(chmod(x.dump, 0644), 0);
        ck_assert_int_eq(setgid(65534), 0);
        ck_assert_int_eq(setuid(65534), 0);
    } else {
        ck_assert_int_eq(mkdir(cache, 0700), 0);
        ck_assert_int_eq(chmod(x.dir.path, 0500), 0);
    }
    for (int i = 0; i < 2; i++) {
        open_with((struct ha_snapshot_options){0});
        ck_assert_int_eq(x.s->built, i == 0);
        ck_assert_ptr_nonnull(strstr(ha_index_path(x.s->index), "/cache/hprof-analyze/test.hprof-"));
        fixture_close(&x);
    }
    chmod(x.dir.path, 0700);
}
END_TEST

START_TEST(test_racing_builds)
{
    pid_t pids[4];
    for (int i = 0; i < 4; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            struct ha_snapshot *s;
            struct ha_err *err = ha_snapshot_open(x.dump, &(struct ha_snapshot_options){.rebuild = true, .threads = 2}, &s);
            bool ok = err == NULL && s->retained->reachable_objects > 2;
            _exit(ok ? 0 : 1);
        }
    }
    for (int i = 0; i < 4; i++) {
        int status;
        ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    ck_assert_int_eq(temp_count(&x.dir), 2);
    check_open(false, NULL);
}
END_TEST

START_TEST(test_several_heaps)
{
    struct ha_snapshot *s;
    fixture_deinit(&x);
    fixture_write(&x, HEAP "heap copy\nobject @0x3040 Node\nroot jni-global @0x3040\nheap copy\nobject @0x3060 Node\n");
    for (int again = 0; again < 2; again++) {
        for (uint32_t heap = 0; heap <= 3; heap++) {
            ha_obj obj;
            bool built = again == 0 && heap != 3; /* heap 0 is the last, 3 */
            open_with((struct ha_snapshot_options){.heap = heap});
            ck_assert_msg(x.s->built == built, "heap %u, pass %d", (unsigned)heap, again);
            ck_assert_uint_eq(x.s->heap->facts.heap, heap == 0 ? 3 : heap);
            ck_assert_uint_eq(x.s->heap->facts.heaps, 3);
            ck_assert_uint_eq(diag_count(&x, HA_DIAG_SEVERAL_HEAPS), 3);
            ck_assert(ha_heap_find(x.s->heap, 0x3040, &obj) == (heap != 1));
            ck_assert(ha_heap_find(x.s->heap, 0x3060, &obj) == (heap == 3 || heap == 0));
            fixture_close(&x);
        }
    }
    ck_err(ha_snapshot_open(x.dump, &(struct ha_snapshot_options){.heap = 4}, &s), HA_ERR_USAGE, "there is no heap 4");
}
END_TEST

START_TEST(test_errors)
{
    struct ha_snapshot *s;
    char path[TEMP_PATH_BYTES];
    temp_write(temp_path(&x.dir, "empty", path), "", 0);
    ck_err(ha_snapshot_open(path, &(struct ha_snapshot_options){0}, &s), HA_ERR_INPUT, "empty");
    ck_err(ha_snapshot_open("/nonexistent/a.hprof", &(struct ha_snapshot_options){0}, &s), HA_ERR_SYSTEM, "/nonexistent/a.hprof");
    temp_write(temp_path(&x.dir, "head", path), "JAVA PROFILE 1.0.2\0\0\0\0\10\0\0\0\0\0\0\0\0", 31);
    ck_err(ha_snapshot_open(path, &(struct ha_snapshot_options){0}, &s), HA_ERR_INPUT, "holds no heap");
    ck_assert_int_eq(temp_count(&x.dir), 3); /* the dump and these two */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("snapshot");
    TCase *tcase = tcase_create("snapshot");
    static const TTest *tests[10];
    size_t count = 0;
    tests[count++] = test_index_is_reused;
    tests[count++] = test_no_index_leaves_nothing;
    tests[count++] = test_index_of_another_dump;
    tests[count++] = test_damaged_index_is_rebuilt;
    tests[count++] = test_index_dir;
    tests[count++] = test_read_only_folder_uses_the_cache;
    tests[count++] = test_racing_builds;
    tests[count++] = test_several_heaps;
    tests[count++] = test_errors;
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    for (size_t i = 0; i < count; i++) {
        tcase_add_test(tcase, tests[i]);
    }
    suite_add_tcase(suite, tcase);
    return ck_ha_run_suite(suite);
}
