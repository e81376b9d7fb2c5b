/* SPDX-License-Identifier: MIT */
#include "ha/base/regex.h"

#include "support/ck_ha.h"

static bool matches(const char *pattern, const char *text, size_t len)
{
    struct ha_regex *regex = NULL;
    bool found = false;
    ck_ok(ha_regex_create(pattern, &regex));
    ck_ok(ha_regex_match(regex, text, len, &found));
    ha_regex_destroy(regex);
    return found;
}

START_TEST(test_match)
{
    ck_assert(matches("acme", "com.acme.Foo", 12)); // unanchored
    ck_assert(!matches("^acme", "com.acme.Foo", 12));
    ck_assert(matches("", "", 0));
    ck_assert(matches("^$", NULL, 0));
    ck_assert(matches("a.b", "a\0b", 3));
    ck_assert(!matches("Foo", "com.acme.Foo", 11)); // the length counts, not the NUL
    ck_assert(matches("^.$", "\xc3\xa9", 2));       // one character, two bytes
}
END_TEST

START_TEST(test_invalid_utf8)
{
    ck_assert(matches("Foo",
                      "\xff\xfe"
                      "Foo\xc3",
                      6));
    ck_assert(!matches("a.b",
                       "a\xff"
                       "b",
                       3));
    ck_assert(!matches("^.$", "\xed\xa0\xbd", 3));
    ck_assert(matches("$", "\xff", 1));
}
END_TEST

START_TEST(test_bad_pattern)
{
    struct ha_regex *regex = NULL;
    ck_err(ha_regex_create("a(b", &regex), HA_ERR_USAGE, "at character 4");
    ck_err(ha_regex_create("\xc3\xa9(b", &regex), HA_ERR_USAGE, "at character 4");
    ck_err(ha_regex_create("[", &regex), HA_ERR_USAGE, "bad regular expression");
    ck_err(ha_regex_create("\xff", &regex), HA_ERR_USAGE, "bad regular expression");
    ck_err(ha_regex_create("a\\Cb", &regex), HA_ERR_USAGE, "bad regular expression");
    ck_assert_ptr_null(regex);

    char *longest = malloc(70001);
    memset(longest, 'a', 70000);
    longest[70000] = '\0';
    ck_err(ha_regex_create(longest, &regex), HA_ERR_USAGE, "bad regular expression");
    memset(longest, '(', 70000);
    ck_err(ha_regex_create(longest + 10000, &regex), HA_ERR_USAGE, "bad regular expression");
    free(longest);
    ha_regex_destroy(NULL);
}
END_TEST

/* The patterns end in a limit, with JIT and without, in bounded time, and the regex goes on working. */
static void runs_into_limit(const char *pattern, const char *text)
{
    struct ha_regex *regex = NULL;
    bool found = false;
    ck_ok(ha_regex_create(pattern, &regex));
    ck_err(ha_regex_match(regex, text, strlen(text), &found), HA_ERR_LIMIT, "too many steps");
    ck_ok(ha_regex_match(regex, "b", 1, &found));
    ck_assert(!found);
    ha_regex_destroy(regex);
}

START_TEST(test_limits)
{
    const char *a = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!";
    runs_into_limit("^(a+)+$", a);
    runs_into_limit("(*NO_JIT)^(a+)+$", a);
    runs_into_limit("^(a|a)*$", a);
}
END_TEST

START_TEST(test_deep)
{
    // One group per character: deep, but within the stack of compiled code or a limit, never a crash.
    size_t len = 3 << 20;
    char *text = malloc(len);
    memset(text, 'a', len);
    struct ha_regex *regex = NULL;
    bool found = false;
    ck_ok(ha_regex_create("(?:(a)|b)*c", &regex));
    ck_err(ha_regex_match(regex, text, len, &found), HA_ERR_LIMIT, "too many steps");
    ha_regex_destroy(regex);
    free(text);
}
END_TEST

CK_HA_MAIN("regex", test_match, test_invalid_utf8, test_bad_pattern, test_limits, test_deep)
