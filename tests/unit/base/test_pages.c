/* SPDX-License-Identifier: MIT */
#include "ha/base/pages.h"

#include "support/ck_ha.h"

#include <stdint.h>
#include <string.h>

#define MIB ((size_t)1 << 20)

static bool all_zero(const uint8_t *p, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (p[i] != 0) {
            return false;
        }
    }
    return true;
}

/* Sizes that make an array of several former ones, of a part of one, and of one and fresh pages. */
START_TEST(test_kept_pages)
{
    static const size_t sizes[] = {3 * MIB, 8 * MIB + 1, 4096, 2 * MIB, 21 * MIB, 5 * MIB, 64 * MIB, 1};
    enum { COUNT = sizeof sizes / sizeof *sizes };
    for (int round = 0; round < 4; round++) {
        uint8_t *data[COUNT];
        for (int i = 0; i < COUNT; i++) {
            size_t bytes = sizes[(i + round) % COUNT];
            data[i] = ha_pages_take(bytes, true);
            ck_assert_ptr_nonnull(data[i]);
            ck_assert(all_zero(data[i], bytes));
            memset(data[i], 0x5a + i, bytes);
        }
        for (int i = 0; i < COUNT; i++) {
            size_t bytes = sizes[(i + round) % COUNT];
            ck_assert_uint_eq(data[i][0], (unsigned)(0x5a + i));
            ck_assert_uint_eq(data[i][bytes - 1], (unsigned)(0x5a + i));
            ha_pages_give(data[i], bytes, (i + round) % 3 != 0);
        }
    }
    uint8_t *raw = ha_pages_take(30 * MIB, false); /* contents are anything, all of it can be written */
    memset(raw, 1, 30 * MIB);
    ha_pages_give(raw, 30 * MIB, true);
    ha_pages_release();
    ha_pages_release();
    uint8_t *fresh = ha_pages_take(30 * MIB, false);
    ck_assert(all_zero(fresh, 30 * MIB)); /* nothing was kept */
    ha_pages_give(fresh, 30 * MIB, false);
}
END_TEST

START_TEST(test_too_much)
{
    ck_assert_ptr_null(ha_pages_take(SIZE_MAX, false));
    ck_assert_ptr_null(ha_pages_take(SIZE_MAX - 3 * MIB, true));
    ck_assert_ptr_null(ha_pages_take((size_t)1 << 60, true));
}
END_TEST

CK_HA_MAIN("pages", test_kept_pages, test_too_much)
