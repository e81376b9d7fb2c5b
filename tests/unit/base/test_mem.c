/* SPDX-License-Identifier: MIT */
#include "ha/base/emergency.h"
#include "ha/base/mem.h"

#include "support/ck_ha.h"

START_TEST(test_sizes)
{
    HA_FREE char *empty = ha_alloc(0);
    ck_assert_ptr_nonnull(empty);
    HA_FREE int *none = ha_alloc_array(0, sizeof(int));
    ck_assert_ptr_nonnull(none);
    HA_FREE int *zeros = ha_calloc_array(100, sizeof(int));
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(zeros[i], 0);
    }
    HA_FREE int *no_zeros = ha_calloc_array(0, 0);
    ck_assert_ptr_nonnull(no_zeros);
}
END_TEST

START_TEST(test_overflow)
{
    ck_assert_ptr_null(ha_alloc_array(SIZE_MAX / 2 + 1, 2));
    ck_assert_ptr_null(ha_alloc_array(SIZE_MAX, SIZE_MAX));
    ck_assert_ptr_null(ha_calloc_array(SIZE_MAX / 4 + 1, 4));
    ck_assert_ptr_null(ha_realloc_array(NULL, SIZE_MAX / 8 + 1, 8));
    ck_assert_ptr_null(ha_strndup("x", SIZE_MAX));

    struct ha_big big = {0};
    // 2^61 elements of 8 bytes wrap to 0, those of 9 to a size that could be had.
    ck_err(ha_big_init(&big, 1ULL << 61, 8), HA_ERR_SYSTEM, "out of memory");
    ck_err(ha_big_init(&big, UINT64_MAX / 8 + 2, 8), HA_ERR_SYSTEM, "out of memory");
    ck_assert_ptr_null(big.data);
    // No address space is this large.
    ck_err(ha_big_init(&big, 1ULL << 60, 1), HA_ERR_SYSTEM, "out of memory");
    ck_assert_ptr_null(big.data);
    ck_assert_uint_eq(ha_big_bytes_now(), 0);
}
END_TEST

START_TEST(test_huge)
{
    const size_t sizes[] = {0, 1, 1 << 20, (3 << 19) - 1, 3 << 19, 2 << 20, (2 << 20) + 1, 3 << 20, (8 << 20) + 5};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        HA_FREE unsigned char *block = ha_alloc_huge(sizes[i]);
        ck_assert_ptr_nonnull(block);
        memset(block, 7, sizes[i]);
        ck_assert(sizes[i] < 3 << 19 || (uintptr_t)block % (2 << 20) == 0);
    }
    ck_assert_ptr_null(ha_alloc_huge(SIZE_MAX));
    ck_assert_ptr_null(ha_alloc_huge(SIZE_MAX / 2));
}
END_TEST

START_TEST(test_realloc)
{
    int *a = ha_alloc_array(2, sizeof *a);
    a[0] = 1;
    a[1] = 2;
    int *grown = ha_realloc_array(a, 1000, sizeof *a);
    ck_assert_ptr_nonnull(grown);
    ck_assert_int_eq(grown[0], 1);
    ck_assert_int_eq(grown[1], 2);
    int *none = ha_realloc_array(grown, 0, sizeof *a);
    ck_assert_ptr_nonnull(none);
    ha_free(none);
}
END_TEST

START_TEST(test_strndup)
{
    HA_FREE char *s = ha_strndup("abcdef", 3);
    ck_assert_str_eq(s, "abc");
    HA_FREE char *none = ha_strndup(NULL, 0);
    ck_assert_str_eq(none, "");
}
END_TEST

static char *handed_out(void)
{
    HA_FREE char *s = ha_strndup("kept", 4);
    HA_FREE char *dropped = ha_strndup("dropped", 7);
    (void)dropped;
    return HA_TAKE(s);
}

START_TEST(test_guards)
{
    HA_FREE char *s = handed_out();
    ck_assert_str_eq(s, "kept");
}
END_TEST

START_TEST(test_big)
{
    struct ha_big a = {0};
    struct ha_big b = {0};
    uint64_t bytes = (uint64_t)3 << 20;
    ck_ok(ha_big_init(&a, bytes / 8, 8));
    ck_assert_uint_eq(a.bytes, bytes);
    ck_assert_uint_eq((uintptr_t)a.data % 4096, 0);
    ck_assert_uint_eq(ha_big_bytes_now(), bytes);
    const uint8_t *data = a.data;
    ck_assert(data[0] == 0 && memcmp(data, data + 1, bytes - 1) == 0);
    ck_ok(ha_big_init(&b, 100, 1));
    ck_assert_uint_eq(ha_big_bytes_now(), bytes + 100);
    ha_big_deinit(&a);
    ck_assert_ptr_null(a.data);
    ck_assert_uint_eq(ha_big_bytes_now(), 100);
    ha_big_deinit(&b);
    ha_big_deinit(&b);
    ck_assert_uint_eq(ha_big_bytes_now(), 0);
    ck_assert_uint_eq(ha_big_bytes_peak(), bytes + 100);

    ck_ok(ha_big_init(&a, 0, 8));
    ck_assert_ptr_null(a.data);
    ha_big_deinit(&a);
}
END_TEST

START_TEST(test_big_reserves_only)
{
    // Far more than the machine has: reserved, not held.
    struct ha_big big = {0};
    ck_ok(ha_big_init(&big, 1ULL << 38, 1));
    ((char *)big.data)[(1ULL << 38) - 1] = 1;
    ha_big_deinit(&big);
}
END_TEST

START_TEST(test_resident)
{
    uint64_t before = ha_mem_anonymous_now();
    struct ha_big big = {0};
    ck_ok(ha_big_init(&big, 32 << 20, 1));
    memset(big.data, 1, big.bytes);
    uint64_t during = ha_mem_anonymous_now();
    ha_big_deinit(&big);
    ck_assert_uint_ge(during, before + (24 << 20));
    ck_assert_uint_ge(ha_mem_peak_resident(), 32 << 20);
    ck_assert_uint_lt(ha_mem_peak_resident(), 1ULL << 40);
}
END_TEST

START_TEST(test_big_limit)
{
    struct ha_big hot = {0}, cold = {0}, more = {0}, small = {0};
    uint64_t size = HA_BIG_FILE_MIN;
    ck_ok(ha_big_limit_set(2 * size, "/var/tmp"));
    ck_ok(ha_big_init_cold(&cold, size, 1));
    ck_assert(cold.in_file);
    ck_ok(ha_big_init(&hot, size, 1));
    ck_assert(!hot.in_file);
    ck_ok(ha_big_init(&more, size + 1, 1));
    ck_assert(more.in_file);
    ck_ok(ha_big_init_cold(&small, size - 1, 1));
    ck_assert(!small.in_file);
    ck_assert_uint_eq(ha_big_bytes_now(), 2 * size - 1);
    ck_assert_uint_ge(ha_big_file_bytes_peak(), 2 * size + 1);
    const uint8_t *zeros = more.data;
    ck_assert(zeros[0] == 0 && memcmp(zeros, zeros + 1, size) == 0);
    memset(more.data, 7, more.bytes);
    ha_big_deinit(&more);
    ha_big_deinit(&cold);
    ha_big_deinit(&small);
    ck_ok(ha_big_init(&more, size, 1)); // what was in files did not count
    ck_assert(!more.in_file);
    ha_big_deinit(&more);
    ha_big_deinit(&hot);
    ck_assert_uint_eq(ha_big_bytes_now(), 0);

    ck_ok(ha_big_limit_set(0, "/nonexistent"));
    ck_err(ha_big_init(&hot, size, 1), HA_ERR_SYSTEM, "memory is limited");
    ck_assert_ptr_null(hot.data);
    ck_ok(ha_big_limit_set(UINT64_MAX, NULL));
    ck_ok(ha_big_init_cold(&hot, size, 1));
    ck_assert(!hot.in_file);
    ha_big_deinit(&hot);
}
END_TEST

START_TEST(test_big_aim)
{
    struct ha_big hot = {0}, cold = {0};
    uint64_t size = HA_BIG_FILE_MIN;
    ck_ok(ha_big_limit_set(100 * size, "/var/tmp"));
    ha_big_aim_set(2 * size, 1 << 20);
    ck_ok(ha_big_init_cold(&cold, 2 * size, 1));
    ck_assert(!cold.in_file);
    ha_big_deinit(&cold);
    ck_ok(ha_big_init(&hot, 3 * size, 1)); // an aim is for cold ones alone
    ck_assert(!hot.in_file);
    ck_ok(ha_big_init_cold(&cold, size, 1));
    ck_assert(cold.in_file);
    bool writable;
    const uint8_t *at = cold.data;
    ck_assert_ptr_nonnull(ha_emergency_map_name(at, &writable));
    ha_big_deinit(&cold);
    ck_assert_ptr_null(ha_emergency_map_name(at, &writable)); // what comes to lie there is not taken for it
    ha_big_aim_set(2 * size, UINT64_MAX / 2);
    ck_ok(ha_big_init_cold(&cold, size, 1)); // the disk would not have that much left
    ck_assert(!cold.in_file);
    ha_big_deinit(&cold);
    ha_big_aim_set(2 * size, 1 << 20);

    ck_ok(ha_big_limit_set(100 * size, "/nonexistent")); // no file can be had, and there is memory
    ck_ok(ha_big_init_cold(&cold, size, 1));
    ck_assert(!cold.in_file);
    ha_big_deinit(&cold);
    ck_ok(ha_big_limit_set(UINT64_MAX, NULL));
    ck_ok(ha_big_init_cold(&cold, size, 1));
    ck_assert(!cold.in_file);
    ha_big_deinit(&cold);
    ha_big_deinit(&hot);
    ha_big_aim_set(UINT64_MAX, 0);
}
END_TEST

START_TEST(test_anonymous_peak)
{
    struct ha_big big = {0};
    uint64_t before = ha_mem_anonymous_now();
    (void)ha_mem_anonymous_peak(true);
    ck_ok(ha_big_init(&big, 64 << 20, 1));
    memset(big.data, 1, big.bytes);
    ha_big_deinit(&big); // noticed when it went
    ck_assert_uint_ge(ha_mem_anonymous_now(), before + (48 << 20)); // its pages wait for others
    ha_big_trim();
    ck_assert_uint_ge(ha_mem_anonymous_peak(true), before + (48 << 20));
    ck_assert_uint_lt(ha_mem_anonymous_peak(false), before + (32 << 20));
}
END_TEST

CK_HA_MAIN("mem", test_big_limit, test_big_aim, test_anonymous_peak, test_sizes, test_overflow, test_huge, test_realloc, test_strndup, test_guards, test_big,
           test_big_reserves_only, test_resident)
