/* SPDX-License-Identifier: MIT */
/* The inline headers bytes.h and checked.h. */
#include "ha/base/bytes.h"
#include "ha/base/checked.h"

#include "support/ck_ha.h"

START_TEST(test_loads)
{
    const uint8_t p[] = {0xff, 0x01, 0x02, 0x03, 0x04, 0x85, 0x06, 0x07, 0x88};
    ck_assert_uint_eq(ha_be16(p + 1), 0x0102);
    ck_assert_uint_eq(ha_be32(p + 1), 0x01020304);
    ck_assert_uint_eq(ha_be64(p + 1), 0x0102030485060788);
    ck_assert_uint_eq(ha_le16(p + 1), 0x0201);
    ck_assert_uint_eq(ha_le32(p + 1), 0x04030201);
    ck_assert_uint_eq(ha_le64(p + 1), 0x8807068504030201);
    ck_assert_uint_eq(ha_le40(p + 1), 0x8504030201);
}
END_TEST

START_TEST(test_stores)
{
    uint8_t p[8];
    ha_put_be16(p, 0x0102);
    ck_assert_mem_eq(p, "\x01\x02", 2);
    ha_put_be32(p, 0x01020384);
    ck_assert_mem_eq(p, "\x01\x02\x03\x84", 4);
    ha_put_be64(p, 0x0102030405060788);
    ck_assert_mem_eq(p, "\x01\x02\x03\x04\x05\x06\x07\x88", 8);
    memset(p, 0xee, sizeof p);
    ha_put_le40(p, 0x8504030201);
    ck_assert_mem_eq(p, "\x01\x02\x03\x04\x85\xee\xee\xee", 8);
}
END_TEST

START_TEST(test_checked)
{
    uint64_t v = 0;
    ck_assert(ha_add_u64(UINT64_MAX - 1, 1, &v) && v == UINT64_MAX);
    ck_assert(!ha_add_u64(UINT64_MAX, 1, &v));
    ck_assert(ha_mul_u64(1ULL << 32, (1ULL << 32) - 1, &v) && v == 0xffffffff00000000);
    ck_assert(!ha_mul_u64(1ULL << 32, 1ULL << 32, &v));
    uint32_t w = 0;
    ck_assert(ha_add_u32(UINT32_MAX - 1, 1, &w) && w == UINT32_MAX);
    ck_assert(!ha_add_u32(UINT32_MAX, 1, &w));
}
END_TEST

START_TEST(test_align)
{
    uint64_t v = 0;
    ck_assert(ha_align_u64(0, 8, &v) && v == 0);
    ck_assert(ha_align_u64(1, 8, &v) && v == 8);
    ck_assert(ha_align_u64(8, 8, &v) && v == 8);
    ck_assert(ha_align_u64(7, 5, &v) && v == 10);
    ck_assert(ha_align_u64(UINT64_MAX - 7, 8, &v) && v == UINT64_MAX - 7);
    ck_assert(!ha_align_u64(UINT64_MAX - 6, 8, &v));
}
END_TEST

START_TEST(test_range)
{
    ck_assert(ha_range_fits(0, 0, 0));
    ck_assert(ha_range_fits(10, 0, 10));
    ck_assert(ha_range_fits(2, 8, 10));
    ck_assert(!ha_range_fits(3, 8, 10));
    ck_assert(!ha_range_fits(11, 0, 10));
    ck_assert(!ha_range_fits(2, UINT64_MAX, 10));
    ck_assert(!ha_range_fits(UINT64_MAX, 2, 10));
}
END_TEST

CK_HA_MAIN("bytes", test_loads, test_stores, test_checked, test_align, test_range)
