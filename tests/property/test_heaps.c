/* SPDX-License-Identifier: MIT */
/*
 * The engine against the oracle on the heap texts in heaps/: one for each mistake that random heaps brought to light.
 *
 *     test_heaps FILE.heap…
 */
#include "support/ck_ha.h"
#include "support/engine/snapshot_compare.h"
#include "support/temp_dir.h"

static char **files;
static int file_count;

START_TEST(test_heap_texts_agree_with_the_oracle)
{
    struct gen_file file;
    struct gen_error error;
    struct temp_dir dir;
    struct comparison comparison;
    struct ha_snapshot *s;
    char dump[TEMP_PATH_BYTES];
    gen_file_init(&file);
    ck_assert_msg(gen_parse_file(&file, files[_i], &error), "%s", error.message);
    temp_dir_init(&dir);
    ck_assert_ptr_null(gen_file_write(&file, temp_path(&dir, "test.hprof", dump)));
    struct oracle *oracle = oracle_create(&file, file.heaps.count - 1);
    for (unsigned threads = 1; threads <= 2; threads++) {
        ck_ok(ha_snapshot_open(dump, &(struct ha_snapshot_options){.no_index = true, .size_model = HA_SIZES_MAT, .threads = threads}, &s));
        ck_assert_msg(snapshot_agrees(s, oracle, &comparison), "%s: %s", files[_i], comparison.difference);
        ha_snapshot_close(s);
    }
    oracle_destroy(oracle);
    gen_file_deinit(&file);
    temp_dir_deinit(&dir);
}
END_TEST

int main(int argc, char **argv)
{
    files = argv + 1;
    file_count = argc - 1;
    Suite *suite = suite_create("heaps");
    TCase *tcase = tcase_create("heaps");
    tcase_add_loop_test(tcase, test_heap_texts_agree_with_the_oracle, 0, file_count);
    suite_add_tcase(suite, tcase);
    int failed = ck_ha_run_suite(suite);
    return file_count > 0 ? failed : EXIT_FAILURE;
}
