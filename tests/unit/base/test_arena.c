/* SPDX-License-Identifier: MIT */
#include "ha/base/arena.h"

#include "support/ck_ha.h"

START_TEST(test_empty)
{
    struct ha_arena arena = {0};
    ha_arena_reset(&arena);
    ha_arena_deinit(&arena);
    ck_assert_uint_eq(arena.total_bytes, 0);
}
END_TEST

START_TEST(test_many_small)
{
    struct ha_arena arena = {0};
    enum { COUNT = 20000 };
    static uint8_t *things[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        size_t size = i % 37;
        things[i] = ha_arena_alloc(&arena, 1, size);
        ck_assert_ptr_nonnull(things[i]);
        ck_assert_uint_eq((uintptr_t)things[i] % 16, 0);
        memset(things[i], (int)(i & 0xff), size);
    }
    // Every thing still holds what was put there: none overlaps another.
    for (unsigned i = 0; i < COUNT; i++) {
        for (size_t k = 0; k < i % 37; k++) {
            if (things[i][k] != (i & 0xff)) {
                ck_abort_msg("thing %u was overwritten", i);
            }
        }
    }
    ha_arena_deinit(&arena);
    ck_assert_ptr_null(arena.head);
    ck_assert_uint_eq(arena.total_bytes, 0);
}
END_TEST

START_TEST(test_large_keeps_the_rest)
{
    struct ha_arena arena = {0};
    char *first = ha_arena_alloc(&arena, 1, 16);
    char *large = ha_arena_alloc(&arena, 3, 1 << 20);
    char *second = ha_arena_alloc(&arena, 1, 16);
    ck_assert_ptr_nonnull(large);
    memset(large, 7, 3 << 20);
    // The block that was begun is still being filled.
    ck_assert_ptr_eq(second, first + 16);
    ha_arena_deinit(&arena);

    large = ha_arena_alloc(&arena, 3, 1 << 20);
    ck_assert_ptr_nonnull(large);
    memset(large, 7, 3 << 20);
    ha_arena_deinit(&arena);
}
END_TEST

START_TEST(test_overflow)
{
    struct ha_arena arena = {0};
    ck_assert_ptr_null(ha_arena_alloc(&arena, SIZE_MAX, 2));
    ck_assert_ptr_null(ha_arena_alloc(&arena, 1, SIZE_MAX));
    ck_assert_ptr_null(ha_arena_alloc(&arena, 1, SIZE_MAX - 15));
    ck_assert_ptr_null(ha_arena_calloc(&arena, SIZE_MAX / 4 + 1, 4));
    ck_assert_ptr_null(ha_arena_strndup(&arena, "x", SIZE_MAX));
    ck_assert_ptr_nonnull(ha_arena_alloc(&arena, 0, 0));
    ck_assert_ptr_null(ha_arena_alloc(&arena, 1, SIZE_MAX - 15));
    ck_assert_uint_lt(arena.total_bytes, 1 << 20);
    ha_arena_deinit(&arena);
}
END_TEST

START_TEST(test_text)
{
    struct ha_arena arena = {0};
    ck_assert_str_eq(ha_arena_strndup(&arena, "abcdef", 3), "abc");
    ck_assert_str_eq(ha_arena_strndup(&arena, NULL, 0), "");
    ck_assert_str_eq(ha_arena_printf(&arena, "%s-%d", "x", 42), "x-42");
    const char *wide = ha_arena_printf(&arena, "%5000d", 1);
    ck_assert_uint_eq(strlen(wide), 5000);
    int *zeros = ha_arena_calloc(&arena, 1000, sizeof(int));
    for (int i = 0; i < 1000; i++) {
        ck_assert_int_eq(zeros[i], 0);
    }
    ha_arena_deinit(&arena);
}
END_TEST

START_TEST(test_reset)
{
    struct ha_arena arena = {0};
    for (int i = 0; i < 1000; i++) {
        memset(ha_arena_alloc(&arena, 1, 1000), 1, 1000);
    }
    uint64_t grown = arena.total_bytes;
    ha_arena_reset(&arena);
    ck_assert_ptr_nonnull(arena.head);
    ck_assert_uint_lt(arena.total_bytes, grown);
    uint64_t kept = arena.total_bytes;
    // The kept block is used again, and zeroed where asked for.
    uint8_t *zeros = ha_arena_calloc(&arena, 1, 1000);
    ck_assert_uint_eq(arena.total_bytes, kept);
    for (int i = 0; i < 1000; i++) {
        ck_assert_uint_eq(zeros[i], 0);
    }
    ha_arena_deinit(&arena);
}
END_TEST

CK_HA_MAIN("arena", test_empty, test_many_small, test_large_keeps_the_rest, test_overflow,
           test_text, test_reset)
