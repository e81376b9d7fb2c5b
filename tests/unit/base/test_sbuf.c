/* SPDX-License-Identifier: MIT */
#include "ha/base/sbuf.h"

#include "ha/base/mem.h"

#include "support/ck_ha.h"

START_TEST(test_build)
{
    struct ha_sbuf b = {0};
    ck_assert_str_eq(ha_sbuf_text(&b), "");
    ha_sbuf_puts(&b, "one");
    ha_sbuf_putc(&b, ' ');
    ha_sbuf_add(&b, "two!", 3);
    ha_sbuf_fill(&b, '.', 3);
    ha_sbuf_printf(&b, "%d%s", 3, "x");
    ha_sbuf_add(&b, NULL, 0);
    ha_sbuf_fill(&b, 'y', 0);
    ck_assert_str_eq(ha_sbuf_text(&b), "one two...3x");
    ck_assert_uint_eq(b.len, 12);
    ha_sbuf_clear(&b);
    ck_assert_str_eq(ha_sbuf_text(&b), "");
    ck_assert_uint_eq(b.len, 0);
    ha_sbuf_deinit(&b);
    ha_sbuf_deinit(&b);
}
END_TEST

START_TEST(test_growth)
{
    // Every length around the doublings, by each way of appending; NUL bytes are kept.
    for (size_t n = 0; n < 300; n++) {
        struct ha_sbuf a = {0};
        struct ha_sbuf b = {0};
        ha_sbuf_fill(&a, 'a', n);
        ha_sbuf_printf(&a, "%s", "b");
        for (size_t i = 0; i < n; i++) {
            ha_sbuf_putc(&b, 'a');
        }
        ha_sbuf_add(&b, "b", 1);
        ck_assert_uint_eq(a.len, n + 1);
        ck_assert_str_eq(ha_sbuf_text(&a), ha_sbuf_text(&b));
        ha_sbuf_add(&a, "\0c", 2);
        ck_assert_uint_eq(a.len, n + 3);
        ck_assert_mem_eq(a.data + n, "b\0c", 4);
        ha_sbuf_deinit(&a);
        ha_sbuf_deinit(&b);
    }
}
END_TEST

START_TEST(test_sticky_failure)
{
    struct ha_sbuf b = {0};
    ha_sbuf_puts(&b, "kept");
    ha_sbuf_fill(&b, 'x', SIZE_MAX - 2);
    ck_assert(ha_sbuf_failed(&b));
    ha_sbuf_puts(&b, "dropped");
    ha_sbuf_putc(&b, 'd');
    ha_sbuf_printf(&b, "%d", 1);
    ck_assert_str_eq(ha_sbuf_text(&b), "kept");
    ck_assert_ptr_null(ha_sbuf_take(&b));
    ck_assert(!ha_sbuf_failed(&b));

    ha_sbuf_fill(&b, 'x', SIZE_MAX / 2 + 10);
    ck_assert(ha_sbuf_failed(&b));
    ha_sbuf_clear(&b);
    ha_sbuf_fill(&b, 'x', SIZE_MAX / 4);
    ck_assert(ha_sbuf_failed(&b));
    ck_assert_str_eq(ha_sbuf_text(&b), "");
    ha_sbuf_clear(&b);
    ha_sbuf_puts(&b, "again");
    ck_assert_str_eq(ha_sbuf_text(&b), "again");
    ha_sbuf_deinit(&b);
}
END_TEST

START_TEST(test_take)
{
    struct ha_sbuf b = {0};
    HA_FREE char *empty = ha_sbuf_take(&b);
    ck_assert_str_eq(empty, "");
    ha_sbuf_puts(&b, "text");
    HA_FREE char *text = ha_sbuf_take(&b);
    ck_assert_str_eq(text, "text");
    ck_assert_uint_eq(b.len + b.capacity, 0);
    ck_assert_ptr_null(b.data);
}
END_TEST

CK_HA_MAIN("sbuf", test_build, test_growth, test_sticky_failure, test_take)
