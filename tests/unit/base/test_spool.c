/* SPDX-License-Identifier: MIT */
#include "ha/base/spool.h"

#include "support/ck_ha.h"

static uint32_t number_at(uint64_t i)
{
    return (uint32_t)(i * 2654435761U);
}

/* Makes room for `room` numbers, writes `count` of them, and reads them all. */
static void write_and_read(uint64_t room, uint64_t count, bool in_file)
{
    struct ha_spool spool;
    struct ha_big array = {0};
    ck_ok(ha_spool_init(&spool, room));
    for (uint64_t i = 0; i < count; i++) {
        if (i % HA_SPOOL_WINDOW == 0) {
            ck_ok(ha_spool_next(&spool, i));
        }
        spool.window[i & spool.mask] = number_at(i);
    }
    ck_ok(ha_spool_finish(&spool, count, &array));
    ck_assert_int_eq(array.in_file, in_file);
    ck_assert_uint_eq(array.bytes, room * sizeof(uint32_t));
    ck_assert(!in_file || ha_big_bytes_now() == 0);
    ck_assert_ptr_null(spool.window);
    const uint32_t *numbers = array.data;
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < count; i++) {
        wrong += numbers[i] != number_at(i);
    }
    ck_assert_uint_eq(wrong, 0);
    ha_spool_deinit(&spool);
    ha_big_deinit(&array);
    ck_assert_uint_eq(ha_big_bytes_now(), 0);
}

START_TEST(test_in_memory)
{
    write_and_read(1, 1, false);
    write_and_read(3 * HA_SPOOL_WINDOW, 2 * HA_SPOOL_WINDOW + 7, false);
}
END_TEST

START_TEST(test_in_file)
{
    const uint64_t room = HA_BIG_FILE_MIN / sizeof(uint32_t) + 5;
    ck_ok(ha_big_limit_set(1 << 20, "/var/tmp"));
    write_and_read(room - 100, 100, false); // too small for a file
    write_and_read(room, 0, true);
    write_and_read(room, 1, true);
    write_and_read(room, HA_SPOOL_WINDOW, true);
    write_and_read(room, HA_SPOOL_WINDOW + 1, true);
    write_and_read(room, room, true);
    struct ha_spool spool;
    ck_ok(ha_spool_init(&spool, room)); // given up
    ha_spool_deinit(&spool);
    ck_ok(ha_big_limit_set(100 << 20, "/nonexistent")); // no file can be had, and there is memory
    write_and_read(10 * room, 10, false);
    ck_ok(ha_big_limit_set(0, "/nonexistent"));
    ck_err(ha_spool_init(&spool, room), HA_ERR_SYSTEM, "/nonexistent");
    ck_err(ha_spool_init(&spool, UINT64_MAX / 2), HA_ERR_SYSTEM, "");
    ck_ok(ha_big_limit_set(UINT64_MAX, NULL));
    ck_assert_uint_eq(ha_big_bytes_now(), 0);
}
END_TEST

CK_HA_MAIN("spool", test_in_memory, test_in_file)
