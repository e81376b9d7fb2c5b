/* SPDX-License-Identifier: MIT */
#include "ha/base/idmap.h"

#include "support/ck_ha.h"

START_TEST(test_empty)
{
    struct ha_idmap map = {0};
    ck_assert_uint_eq(ha_idmap_get(&map, 0), HA_IDMAP_NONE);
    ha_idmap_deinit(&map);
}
END_TEST

START_TEST(test_add)
{
    struct ha_idmap map = {0};
    uint32_t old = 0;
    ck_assert(ha_idmap_add(&map, 0, 5, &old));
    ck_assert_uint_eq(old, HA_IDMAP_NONE);
    ck_assert(ha_idmap_add(&map, UINT64_MAX, 0, NULL));
    ck_assert(ha_idmap_add(&map, 0, 9, &old));
    ck_assert_uint_eq(old, 5);
    ck_assert_uint_eq(ha_idmap_get(&map, 0), 5);
    ck_assert_uint_eq(ha_idmap_get(&map, UINT64_MAX), 0);
    ck_assert_uint_eq(ha_idmap_get(&map, 1), HA_IDMAP_NONE);
    ck_assert_uint_eq(map.count, 2);
    ha_idmap_deinit(&map);
    ck_assert_uint_eq(ha_idmap_get(&map, 0), HA_IDMAP_NONE);
}
END_TEST

/* Ids like addresses: aligned, close together; some far away. */
static uint64_t nth_id(uint32_t i)
{
    return i % 3 == 0 ? (uint64_t)i << 40 : 0x7f0000000000 + (uint64_t)i * 8;
}

START_TEST(test_many)
{
    struct ha_idmap map = {0};
    const uint32_t count = 100000;
    for (uint32_t i = 0; i < count; i++) {
        ck_assert(ha_idmap_add(&map, nth_id(i), i, NULL));
        ck_assert(map.count <= (map.mask + 1) / 2);
    }
    ck_assert_uint_eq(map.count, count);
    for (uint32_t i = 0; i < count; i++) {
        if (ha_idmap_get(&map, nth_id(i)) != i || ha_idmap_get(&map, nth_id(i) + 4) != UINT32_MAX) {
            ck_abort_msg("wrong number for id %u", i);
        }
    }
    ha_idmap_deinit(&map);
}
END_TEST

static void add_none(void)
{
    struct ha_idmap map = {0};
    (void)!ha_idmap_add(&map, 1, HA_IDMAP_NONE, NULL);
}

START_TEST(test_reserved_number)
{
    CK_HA_ASSERTS(add_none);
}
END_TEST

CK_HA_MAIN("idmap", test_empty, test_add, test_many, test_reserved_number)
