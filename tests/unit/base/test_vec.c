/* SPDX-License-Identifier: MIT */
#include "ha/base/vec.h"

#include "support/ck_ha.h"

START_TEST(test_push)
{
    HA_VEC(uint32_t) v = {0};
    for (uint32_t i = 0; i < 10000; i++) {
        uint32_t *element = ha_vec_push(&v);
        ck_assert_ptr_nonnull(element);
        *element = i * 3;
    }
    ck_assert_uint_eq(v.count, 10000);
    for (uint32_t i = 0; i < 10000; i++) {
        ck_assert_uint_eq(v.data[i], i * 3);
    }
    ha_vec_deinit(&v);
    ck_assert_ptr_null(v.data);
    ck_assert_uint_eq(v.count + v.capacity, 0);
    ha_vec_deinit(&v);
}
END_TEST

START_TEST(test_reserve)
{
    HA_VEC(uint64_t) v = {0};
    ck_assert(ha_vec_reserve(&v, 100));
    ck_assert_uint_ge(v.capacity, 100);
    uint64_t *data = v.data;
    for (int i = 0; i < 100; i++) {
        *ha_vec_push(&v) = 1;
    }
    ck_assert_ptr_eq(v.data, data);
    ck_assert(ha_vec_reserve(&v, 0));
    ha_vec_deinit(&v);
}
END_TEST

START_TEST(test_append)
{
    HA_VEC(uint32_t) v = {0}, other = {0};
    ck_assert(ha_vec_append(&v, &other));
    ck_assert_uint_eq(v.count, 0);
    for (uint32_t i = 0; i < 3; i++) {
        *ha_vec_push(&v) = i;
    }
    for (uint32_t i = 3; i < 1000; i++) {
        *ha_vec_push(&other) = i;
    }
    ck_assert(ha_vec_append(&v, &other));
    ck_assert_uint_eq(v.count, 1000);
    ck_assert_uint_eq(other.count, 997);
    for (uint32_t i = 0; i < 1000; i++) {
        ck_assert_uint_eq(v.data[i], i);
    }
    ha_vec_deinit(&v);
    ha_vec_deinit(&other);
}
END_TEST

START_TEST(test_overflow)
{
    HA_VEC(uint64_t) v = {0};
    *ha_vec_push(&v) = 42;
    size_t capacity = v.capacity;
    ck_assert(!ha_vec_reserve(&v, SIZE_MAX));
    ck_assert(!ha_vec_reserve(&v, SIZE_MAX - 1));
    ck_assert(!ha_vec_reserve(&v, SIZE_MAX / 8));
    ck_assert_uint_eq(v.capacity, capacity);
    ck_assert_uint_eq(v.count, 1);
    ck_assert_uint_eq(v.data[0], 42);
    ha_vec_deinit(&v);
}
END_TEST

CK_HA_MAIN("vec", test_push, test_reserve, test_append, test_overflow)
