/* SPDX-License-Identifier: MIT */
#include "ha/base/err.h"

#include "support/ck_ha.h"

#include <errno.h>

START_TEST(test_new)
{
    struct ha_err *err = ha_err_new(HA_ERR_USAGE, "no class '%s'", "a.B");
    ck_assert_int_eq(ha_err_kind(err), HA_ERR_USAGE);
    ck_assert_str_eq(ha_err_message(err), "no class 'a.B'");
    ck_assert_int_eq(ha_err_errno(err), 0);
    ck_assert(ha_err_offset(err) == HA_ERR_NO_OFFSET);
    ha_err_free(err);
    ha_err_free(NULL);
}
END_TEST

START_TEST(test_offset)
{
    struct ha_err *err = ha_err_at(HA_ERR_INPUT, 0x1f40, "segment ends early");
    ck_assert_str_eq(ha_err_message(err), "segment ends early (at 0x1f40)");
    ck_assert_uint_eq(ha_err_offset(err), 0x1f40);
    ha_err_free(err);

    err = ha_err_at(HA_ERR_INPUT, HA_ERR_NO_OFFSET, "nowhere");
    ck_assert_str_eq(ha_err_message(err), "nowhere");
    ha_err_free(err);

    err = ha_err_at(HA_ERR_INPUT, 0, "start");
    ck_assert_str_eq(ha_err_message(err), "start (at 0x0)");
    ha_err_free(err);
}
END_TEST

START_TEST(test_system)
{
    struct ha_err *err = ha_err_system(ENOENT, "cannot open '%s'", "x");
    ck_assert_int_eq(ha_err_kind(err), HA_ERR_SYSTEM);
    ck_assert_int_eq(ha_err_errno(err), ENOENT);
    ck_assert_str_eq(ha_err_message(err), "cannot open 'x': No such file or directory");
    ha_err_free(err);
}
END_TEST

START_TEST(test_wrap)
{
    struct ha_err *err = ha_err_at(HA_ERR_LIMIT, 16, "too long");
    err = ha_err_wrap(err, "class %d", 7);
    err = ha_err_wrap(err, "index of '%s'", "a.hprof");
    ck_assert_str_eq(ha_err_message(err), "index of 'a.hprof': class 7: too long (at 0x10)");
    ck_assert_int_eq(ha_err_kind(err), HA_ERR_LIMIT);
    ck_assert_uint_eq(ha_err_offset(err), 16);
    ha_err_free(err);
    ck_assert_ptr_null(ha_err_wrap(NULL, "nothing"));

    err = ha_err_wrap(ha_err_system(EIO, "read"), "100%%");
    ck_assert_int_eq(ha_err_errno(err), EIO);
    ck_assert_str_eq(ha_err_message(err), "100%: read: Input/output error");
    ha_err_free(err);
}
END_TEST

START_TEST(test_nomem)
{
    struct ha_err *err = ha_err_nomem();
    ck_assert_int_eq(ha_err_kind(err), HA_ERR_SYSTEM);
    ck_assert_int_eq(ha_err_errno(err), ENOMEM);
    ha_err_free(err);
    ha_err_free(err);
    ck_assert_ptr_eq(err, ha_err_nomem());

    struct ha_err *wrapped = ha_err_wrap(ha_err_nomem(), "scan");
    ck_assert_str_eq(ha_err_message(wrapped), "scan: out of memory");
    ck_assert_str_eq(ha_err_message(err), "out of memory");
    ck_assert_int_eq(ha_err_errno(wrapped), ENOMEM);
    ha_err_free(wrapped);
}
END_TEST

static struct ha_err *tries(struct ha_err *err, int *reached)
{
    HA_TRY(err);
    *reached = 1;
    return NULL;
}

START_TEST(test_try)
{
    int reached = 0;
    ck_ok(tries(NULL, &reached));
    ck_assert_int_eq(reached, 1);
    reached = 0;
    ck_err(tries(ha_err_new(HA_ERR_BUG, "x"), &reached), HA_ERR_BUG, "x");
    ck_assert_int_eq(reached, 0);
}
END_TEST

START_TEST(test_long_message)
{
    char big[9000];
    memset(big, 'a', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    struct ha_err *err = ha_err_wrap(ha_err_at(HA_ERR_INPUT, 1, "%s", big), "%s", big);
    ck_assert_uint_eq(strlen(ha_err_message(err)), 2 * (sizeof big - 1) + 2 + strlen(" (at 0x1)"));
    ha_err_free(err);
}
END_TEST

CK_HA_MAIN("err", test_new, test_offset, test_system, test_wrap, test_nomem, test_try,
           test_long_message)
