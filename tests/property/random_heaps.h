/* SPDX-License-Identifier: MIT */
/* Checks that are made on many random heaps: test_… [HEAPS [FIRST SEED]]. The same seed gives the same heap. */
#ifndef RANDOM_HEAPS_H
#define RANDOM_HEAPS_H

#include "ha/snapshot/snapshot.h"
#include "support/ck_ha.h"
#include "support/random_heap.h"
#include "support/temp_dir.h"

#include <check.h>
#include <stdlib.h>

static uint64_t heap_count, first_seed;

/* Opens each of the heaps, with one to three threads, for `check`. */
static inline void random_heaps_each(void (*check)(const struct ha_snapshot *s, uint64_t seed))
{
    struct temp_dir dir;
    char dump[TEMP_PATH_BYTES];
    temp_dir_init(&dir);
    temp_path(&dir, "random.hprof", dump);
    for (uint64_t seed = first_seed; seed < first_seed + heap_count; seed++) {
        struct gen_file file;
        struct ha_snapshot *s;
        struct random_heap options = {.seed = seed, .features = RANDOM_ALL, .objects = seed % 5 == 0 ? 600 : 0};
        gen_file_init(&file);
        random_heap_make(&file, &options);
        ck_assert_ptr_null(gen_file_write(&file, dump));
        gen_file_deinit(&file);
        ck_ok(ha_snapshot_open(dump, &(struct ha_snapshot_options){.no_index = true, .size_model = HA_SIZES_MAT, .threads = 1 + seed % 3}, &s));
        check(s, seed);
        ha_snapshot_close(s);
    }
    temp_dir_deinit(&dir);
}

/* Runs the tests, with so many heaps from seed 1 on unless the arguments say otherwise. */
static inline int random_heaps_main(int argc, char **argv, const char *name, uint64_t heaps, const TTest *const *tests, size_t count)
{
    heap_count = argc > 1 ? strtoull(argv[1], NULL, 0) : heaps;
    first_seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, 0);
    for (size_t i = 0; i < count; i++) {
        tcase_add_test(tcase, tests[i]);
    }
    suite_add_tcase(suite, tcase);
    return ck_ha_run_suite(suite);
}

#endif
