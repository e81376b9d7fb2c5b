/* SPDX-License-Identifier: MIT */
/*
 * Limits that only dumps of many gigabytes reach, at the places that count: the counters are set to what such a dump would make them.
 * With an argument the most objects there can be are really entered (a minute, a gigabyte).
 */
#include "ha/heap/heap_addresses.h"
#include "ha/heap/heap_build.h"

#include "support/ck_ha.h"

static struct ha_build build;

static void setup(void)
{
    memset(&build, 0, sizeof build);
}

START_TEST(test_classes)
{
    struct ha_class_dump dump = {.id = 8, .off = 100};
    build.classes.count = HA_CLASSES_MAX; /* without memory behind them: nothing may be touched */
    ck_err(ha_build_class_add(&build, &dump), HA_ERR_LIMIT, "more than 16777214 classes");
    ck_err(ha_build_class_make_up(&build, 8, "a", HA_CLASS_INSTANCE), HA_ERR_LIMIT, "more than 16777214 classes");
    ck_assert_uint_eq(build.classes.count, HA_CLASSES_MAX);
}
END_TEST

START_TEST(test_names)
{
    uint32_t off;
    build.text.count = UINT32_MAX - 3;
    ck_err(ha_build_text(&build, "name", 4, &off), HA_ERR_LIMIT, "more than 4 GiB");
    build.text.count = 0;
    ck_ok(ha_build_text(&build, "name", 4, &off));
    ck_assert_uint_eq(off, 0);
    ck_assert_uint_eq(build.text.count, 5);
    ha_vec_deinit(&build.text);
}
END_TEST

/* As many objects as can be numbered, then one more. */
START_TEST(test_objects)
{
    for (uint64_t more = 0; more <= 1; more++) {
        struct ha_index_writer *writer;
        struct ha_address_set *set = ha_address_set_create(3, 1, 0);
        ck_assert_ptr_nonnull(set);
        ck_ok(ha_index_writer_create(NULL, NULL, &writer));
        for (uint64_t i = 0; i < HA_OBJECTS_MAX + more; i++) {
            ck_ok(ha_address_set_add(set, ha_address_set_pending(set, 0), 0, 0x100000000 + 8 * i, false));
        }
        ck_ok(ha_address_set_flush(set, 0));
        ck_assert_int_eq(ha_address_set_trouble(set), HA_ADDRESSES_FINE);
        struct ha_err *err = ha_address_set_finish(set, writer);
        if (more == 0) {
            ck_ok(err);
        } else {
            ck_err(err, HA_ERR_LIMIT, "more than 2147483646 objects");
        }
        ha_address_set_destroy(set);
        ha_index_writer_destroy(writer);
    }
}
END_TEST

int main(int argc, char **argv)
{
    (void)argv;
    Suite *suite = suite_create("heap_limits");
    TCase *tcase = tcase_create("heap_limits");
    tcase_set_timeout(tcase, 1200);
    tcase_add_checked_fixture(tcase, setup, NULL);
    if (argc > 1) {
        tcase_add_test(tcase, test_objects);
    } else {
        tcase_add_test(tcase, test_classes);
        tcase_add_test(tcase, test_names);
    }
    suite_add_tcase(suite, tcase);
    return ck_ha_run_suite(suite);
}
