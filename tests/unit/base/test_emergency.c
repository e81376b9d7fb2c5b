/* SPDX-License-Identifier: MIT */
#include "ha/base/emergency.h"

#include "support/ck_ha.h"
#include "support/temp_dir.h"

#include <stdlib.h>

START_TEST(test_maps)
{
    static char big[4096], small[16];
    bool writable = true;
    ck_assert_ptr_null(ha_emergency_map_name(big, &writable));
    ha_emergency_map_add(big, sizeof big, "big", false);
    ha_emergency_map_add(small, sizeof small, "small", true);
    ck_assert_str_eq(ha_emergency_map_name(big, &writable), "big");
    ck_assert(!writable);
    ck_assert_str_eq(ha_emergency_map_name(big + 4095, &writable), "big");
    ck_assert_str_eq(ha_emergency_map_name(small + 3, &writable), "small");
    ck_assert(writable);
    ck_assert_ptr_null(ha_emergency_map_name(NULL, &writable));
    ck_assert_ptr_null(ha_emergency_map_name((void *)1, &writable));
    ha_emergency_map_drop(big);
    ck_assert_ptr_null(ha_emergency_map_name(big + 1, &writable));
    ck_assert_str_eq(ha_emergency_map_name(small, &writable), "small");
    ha_emergency_map_drop(small);
    ha_emergency_map_drop(small);
}
END_TEST

/* More than there is room for: nothing happens, and what is dropped can be used again. */
START_TEST(test_full_tables)
{
    static char many[2000];
    bool writable;
    unsigned entries[100];
    for (size_t i = 0; i < sizeof many; i++) {
        ha_emergency_map_add(many + i, 1, "one of many", false);
    }
    ck_assert_ptr_nonnull(ha_emergency_map_name(many, &writable));
    ck_assert_ptr_null(ha_emergency_map_name(many + sizeof many - 1, &writable));
    for (size_t i = 0; i < sizeof many; i++) {
        ha_emergency_map_drop(many + i);
        ck_assert_ptr_null(ha_emergency_map_name(many + i, &writable));
    }
    for (size_t i = 0; i < 100; i++) {
        entries[i] = ha_emergency_temp_add("/nonexistent/a");
    }
    ck_assert_uint_ne(entries[0], 0);
    ck_assert_uint_eq(entries[99], 0);
    for (size_t i = 0; i < 100; i++) {
        ha_emergency_temp_drop(entries[i]);
    }
    ck_assert_uint_ne(ha_emergency_temp_add("/nonexistent/a"), 0);
}
END_TEST

START_TEST(test_temps)
{
    struct temp_dir dir;
    char one[TEMP_PATH_BYTES], two[TEMP_PATH_BYTES], longer[10000];
    temp_dir_init(&dir);
    temp_write(temp_path(&dir, "one", one), "1", 1);
    temp_write(temp_path(&dir, "two", two), "2", 1);
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    ck_assert_uint_eq(ha_emergency_temp_add(longer), 0);
    unsigned first = ha_emergency_temp_add(one);
    unsigned second = ha_emergency_temp_add(two);
    ck_assert_uint_ne(first, second);
    ha_emergency_temp_drop(first);
    ha_emergency_temp_drop(0);
    ha_emergency_temps_remove();
    ck_assert_int_eq(access(one, F_OK), 0);
    ck_assert_int_ne(access(two, F_OK), 0);
    temp_dir_deinit(&dir);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("emergency");
    TCase *tests = tcase_create("emergency");
    tcase_add_test(tests, test_maps);
    tcase_add_test(tests, test_full_tables);
    tcase_add_test(tests, test_temps);
    suite_add_tcase(suite, tests);
    return ck_ha_run_suite(suite);
}
