/* SPDX-License-Identifier: MIT */
#include "cli/typo.h"

#include "support/ck_ha.h"

START_TEST(test_distance)
{
    ck_assert_uint_eq(typo_distance("", ""), 0);
    ck_assert_uint_eq(typo_distance("abc", ""), 3);
    ck_assert_uint_eq(typo_distance("", "abc"), 3);
    ck_assert_uint_eq(typo_distance("kitten", "sitting"), 3);
    ck_assert_uint_eq(typo_distance("paht", "path"), 1); // a swap is one
    ck_assert_uint_eq(typo_distance("histogram", "histogram"), 0);
    char longest[200];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    ck_assert_uint_eq(typo_distance(longest, "x"), sizeof longest - 1);
}
END_TEST

static const char *nearest(const char *word)
{
    static const char *const words[] = {"report", "histogram", "paths", "object", "top"};
    struct typo typo;
    typo_begin(&typo, word);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        typo_offer(&typo, words[i]);
    }
    return typo.best;
}

START_TEST(test_nearest)
{
    ck_assert_str_eq(nearest("histgram"), "histogram");
    ck_assert_str_eq(nearest("hist"), "histogram");
    ck_assert_str_eq(nearest("path"), "paths");
    ck_assert_str_eq(nearest("objcet"), "object");
    ck_assert_ptr_null(nearest("zzz"));
    ck_assert_ptr_null(nearest("x"));
}
END_TEST

CK_HA_MAIN("typo", test_distance, test_nearest)
