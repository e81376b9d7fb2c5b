/* SPDX-License-Identifier: MIT */
#include "ha/compare/tolerance.h"

#include "support/ck_ha.h"

static void ck_limit(const char *text, enum ha_unit unit, uint64_t before, uint64_t limit, const char *words)
{
    struct ha_tolerance tolerance;
    struct ha_sbuf out = {0};
    const char *wrong = ha_tolerance_parse(text, unit, &tolerance);
    ck_assert_msg(wrong == NULL, "%s: %s", text, wrong);
    ck_assert_uint_eq(ha_tolerance_limit(&tolerance, before), limit);
    ha_tolerance_words(&tolerance, unit, &out);
    ck_assert_str_eq(ha_sbuf_text(&out), words);
    ha_sbuf_deinit(&out);
}

START_TEST(test_limits)
{
    ck_limit("10%", HA_UNIT_BYTES, 1000, 1100, "+10 %");
    ck_limit("0%", HA_UNIT_BYTES, 1000, 1000, "+0 %");
    ck_limit("0", HA_UNIT_COUNT, 1000, 1000, "+0");
    ck_limit("+5MB", HA_UNIT_BYTES, 1000, 1000 + (5 << 20), "+5.0 MiB");
    ck_limit("5MiB", HA_UNIT_BYTES, 0, 5 << 20, "+5.0 MiB");
    ck_limit("1.5k", HA_UNIT_BYTES, 0, 1536, "+1.5 KiB");
    ck_limit("10% +5K", HA_UNIT_BYTES, 1000, 1000 + 5120, "+10 % or +5.0 KiB");
    ck_limit("10%+5K", HA_UNIT_BYTES, 1000000, 1100000, "+10 % or +5.0 KiB");
    ck_limit("5K, 10%", HA_UNIT_BYTES, 1000000, 1100000, "+10 % or +5.0 KiB");
    ck_limit("2.5 %", HA_UNIT_COUNT, 1000, 1025, "+2.5 %");
    ck_limit("+3", HA_UNIT_COUNT, 7, 10, "+3");
    ck_limit("100%", HA_UNIT_BYTES, UINT64_MAX - 5, UINT64_MAX, "+100 %");
    ck_limit("700B", HA_UNIT_BYTES, 1, 701, "+700 B");
}
END_TEST

START_TEST(test_wrong)
{
    static const char *const texts[] = {"", " ", "ten", "10%%", "10%5%", "+5MB +5MB", "5MX", "5KiBx", "-5", "1e9", ".", "5 K B", "10% +", ",",
                                        "99999999999999999999G", "1000001%", "5K %"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct ha_tolerance tolerance;
        ck_assert_msg(ha_tolerance_parse(texts[i], HA_UNIT_BYTES, &tolerance) != NULL, "'%s'", texts[i]);
    }
    struct ha_amount amount;
    ck_assert_str_eq(ha_amount_parse("5K", HA_UNIT_COUNT, &amount), "no count: counts are plain numbers");
    ck_assert_str_eq(ha_amount_parse("5.5", HA_UNIT_COUNT, &amount), "no count: counts are plain numbers");
    ck_assert_str_eq(ha_amount_parse("5.5x", HA_UNIT_BYTES, &amount), "no size: sizes look like 64K, 10M or 1.5G");
    ck_assert_ptr_null(ha_amount_parse("20%", HA_UNIT_BYTES, &amount));
    ck_assert(amount.is_percent && amount.percent > 19.9 && amount.percent < 20.1);
}
END_TEST

CK_HA_MAIN("tolerance", test_limits, test_wrong)
