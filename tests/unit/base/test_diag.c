/* SPDX-License-Identifier: MIT */
#include "ha/base/diag.h"

#include "ha/base/pool.h"

#include "support/ck_ha.h"

START_TEST(test_codes)
{
    ck_assert_str_eq(ha_diag_code_text(HA_DIAG_SEVERAL_HEAPS), "several-heaps");
    ck_assert_str_eq(ha_diag_code_text(HA_DIAG_BAD_STRING), "bad-string");
    ck_assert_int_eq(HA_DIAG_BAD_STRING, HA_DIAG_COUNT - 1);
    ck_assert(!ha_diag_is_damage(HA_DIAG_UNREACHABLE));
    ck_assert(ha_diag_is_damage(HA_DIAG_TRUNCATED));
}
END_TEST

START_TEST(test_add)
{
    struct ha_diag *diag = ha_diag_create();
    const struct ha_diag_entry *entry = ha_diag_get(diag, HA_DIAG_GAP);
    ck_assert_uint_eq(entry->count, 0);
    ck_assert_int_eq(entry->code, HA_DIAG_GAP);

    ha_diag_add(diag, HA_DIAG_GAP, 5, 0, "nothing");
    ck_assert_uint_eq(entry->count, 0);
    ha_diag_add(diag, HA_DIAG_DANGLING, HA_ERR_NO_OFFSET, 3, "no offset %d", 1);
    ck_assert(!ha_diag_any_damage(diag));
    ck_assert_str_eq(ha_diag_get(diag, HA_DIAG_DANGLING)->message, "no offset 1");

    ha_diag_add(diag, HA_DIAG_GAP, 500, 2, "at %d", 500);
    ck_assert(ha_diag_any_damage(diag));
    ha_diag_add(diag, HA_DIAG_GAP, 100, 1, "at %d", 100);
    ha_diag_add(diag, HA_DIAG_GAP, 300, 1, "at %d", 300);
    ck_assert_uint_eq(entry->count, 4);
    ck_assert_uint_eq(entry->off, 100);
    ck_assert_str_eq(entry->message, "at 100");

    ha_diag_add(diag, HA_DIAG_GAP, 400, UINT64_MAX, "many");
    ck_assert(entry->count == UINT64_MAX);
    ha_diag_destroy(diag);
    ha_diag_destroy(NULL);
}
END_TEST

START_TEST(test_say)
{
    struct ha_diag *diag = ha_diag_create();
    const struct ha_diag_entry *entry = ha_diag_get(diag, HA_DIAG_CRC);
    ha_diag_say(diag, HA_DIAG_CRC, "never");
    ck_assert_uint_eq(entry->count, 0);
    ck_assert_ptr_null(entry->message);
    ha_diag_add(diag, HA_DIAG_CRC, 10, 1, "first");
    ha_diag_say(diag, HA_DIAG_CRC, "%d blocks in all", 7);
    ha_diag_add(diag, HA_DIAG_CRC, 5, 1, "lower");
    ck_assert_str_eq(entry->message, "7 blocks in all");
    ck_assert_uint_eq(entry->off, 5);
    ck_assert_uint_eq(entry->count, 2);
    ha_diag_destroy(diag);
}
END_TEST

START_TEST(test_any_order)
{
    // All orders of four reports, two of them at the same offset.
    static const struct {
        uint64_t off;
        const char *text;
    } reports[] = {{7, "b"}, {7, "a"}, {9, "0"}, {HA_ERR_NO_OFFSET, "1"}};
    for (unsigned order = 0; order < 256; order++) {
        struct ha_diag *diag = ha_diag_create();
        unsigned seen = 0;
        for (unsigned i = 0; i < 4; i++) {
            unsigned k = order >> (2 * i) & 3;
            seen |= 1U << k;
            ha_diag_add(diag, HA_DIAG_GAP, reports[k].off, 1, "%s", reports[k].text);
        }
        if (seen == 15) {
            ck_assert_str_eq(ha_diag_get(diag, HA_DIAG_GAP)->message, "a");
            ck_assert_uint_eq(ha_diag_get(diag, HA_DIAG_GAP)->off, 7);
        }
        ha_diag_destroy(diag);
    }
}
END_TEST

static struct ha_err *report(void *ctx, unsigned worker, uint64_t index)
{
    (void)worker;
    uint64_t off = (index * 7919) % 5000 + 1;
    ha_diag_add(ctx, HA_DIAG_GAP, off, 2, "at %d by %d", (int)off, (int)index);
    return NULL;
}

START_TEST(test_threads)
{
    for (int round = 0; round < 5; round++) {
        struct ha_diag *diag = ha_diag_create();
        ck_ok(ha_parallel_for(8, 10000, report, diag));
        const struct ha_diag_entry *entry = ha_diag_get(diag, HA_DIAG_GAP);
        ck_assert_uint_eq(entry->count, 20000);
        ck_assert_uint_eq(entry->off, 1);
        ck_assert_str_eq(entry->message, "at 1 by 0");
        ha_diag_destroy(diag);
    }
}
END_TEST

CK_HA_MAIN("diag", test_codes, test_add, test_say, test_any_order, test_threads)
