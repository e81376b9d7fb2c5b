/* SPDX-License-Identifier: MIT */
#include "ha/base/mutf8.h"

#include "support/ck_ha.h"

#define FFFD "\xef\xbf\xbd"

/* A text with its length, NUL bytes included. */
#define T(s) (s), sizeof(s) - 1

static void mutf8(const char *in, size_t in_len, const char *out, size_t out_len, bool bad)
{
    struct ha_sbuf b = {0};
    bool got_bad = !bad;
    // A copy of the exact size, so that a sanitizer sees a read past the end.
    uint8_t *copy = malloc(in_len + 1);
    memcpy(copy + 1, in, in_len);
    ck_assert(!ha_text_from_mutf8(&b, copy + 1, in_len, 0, &got_bad));
    free(copy);
    ck_assert_uint_eq(b.len, out_len);
    ck_assert_mem_eq(ha_sbuf_text(&b), out, out_len);
    ck_assert_int_eq(got_bad, bad);
    ha_sbuf_deinit(&b);
}

START_TEST(test_mutf8_valid)
{
    mutf8(T(""), T(""), false);
    mutf8(T("java/lang/String"), T("java/lang/String"), false);
    mutf8(T("a\xc0\x80z"), T("a\0z"), false);
    mutf8(T("a\0z"), T("a\0z"), false);
    mutf8(T("\xc3\xa9\xe2\x82\xac"), T("\xc3\xa9\xe2\x82\xac"), false);
    // U+1F600 as two surrogates, and as plain UTF-8
    mutf8(T("x\xed\xa0\xbd\xed\xb8\x80y"), T("x\xf0\x9f\x98\x80y"), false);
    mutf8(T("x\xf0\x9f\x98\x80y"), T("x\xf0\x9f\x98\x80y"), false);
    // the first and the last supplementary code point
    mutf8(T("\xed\xa0\x80\xed\xb0\x80"), T("\xf0\x90\x80\x80"), false);
    mutf8(T("\xed\xaf\xbf\xed\xbf\xbf"), T("\xf4\x8f\xbf\xbf"), false);
    // neighbours of the surrogates
    mutf8(T("\xed\x9f\xbf\xee\x80\x80"), T("\xed\x9f\xbf\xee\x80\x80"), false);
}
END_TEST

START_TEST(test_mutf8_surrogates)
{
    mutf8(T("\xed\xa0\xbd"), T(FFFD), true);                  // high, end
    mutf8(T("\xed\xa0\xbdx"), T(FFFD "x"), true);             // high, letter
    mutf8(T("\xed\xb8\x80\xed\xb8\x80"), T(FFFD FFFD), true); // low, low
    mutf8(T("\xed\xb8\x80x"), T(FFFD "x"), true);             // low alone
    mutf8(T("\xed\xb8\x80\xed\xa0\xbd"), T(FFFD FFFD), true); // low, high
    mutf8(T("\xed\xa0\xbd\xed\xa0\xbd\xed\xb8\x80"), T(FFFD "\xf0\x9f\x98\x80"), true);
    mutf8(T("\xed\xa0\xbd\xed\xb8"), T(FFFD FFFD FFFD), true); // high, cut low
    mutf8(T("\xed\xa0\xbd\xed"), T(FFFD FFFD), true);
    mutf8(T("\xed\xa0"), T(FFFD FFFD), true);
    mutf8(T("\xed"), T(FFFD), true);
}
END_TEST

START_TEST(test_mutf8_invalid)
{
    mutf8(T("\x80"), T(FFFD), true);
    mutf8(T("a\xff\xfe"), T("a" FFFD FFFD), true);
    mutf8(T("\xc0"), T(FFFD), true);
    mutf8(T("\xc0\x81"), T(FFFD FFFD), true); // overlong, but not the NUL of Java
    mutf8(T("\xc1\xbf"), T(FFFD FFFD), true);
    mutf8(T("\xc3"), T(FFFD), true);
    mutf8(T("\xc3x"), T(FFFD "x"), true);
    mutf8(T("\xe2\x82"), T(FFFD), true); // one replacement for one cut sequence
    mutf8(T("\xe2\x82x"), T(FFFD "x"), true);
    mutf8(T("\xe0\x80\x80"), T(FFFD FFFD FFFD), true);
    mutf8(T("\xf0\x9f\x98"), T(FFFD), true);
    mutf8(T("\xf0\x80\x80\x80"), T(FFFD FFFD FFFD FFFD), true);
    mutf8(T("\xf4\x90\x80\x80"), T(FFFD FFFD FFFD FFFD), true);
    mutf8(T("\xf5\x80\x80\x80"), T(FFFD FFFD FFFD FFFD), true);
    mutf8(T("12345678\x80"), T("12345678" FFFD), true);
}
END_TEST

/* The text cut at max code points; `cut` says whether the function says so. */
static void limited(const char *in, size_t in_len, size_t max, const char *out, bool cut)
{
    struct ha_sbuf b = {0};
    ck_assert_int_eq(ha_text_from_mutf8(&b, (const uint8_t *)in, in_len, max, NULL), cut);
    ck_assert_str_eq(ha_sbuf_text(&b), out);
    ha_sbuf_deinit(&b);
}

START_TEST(test_limit)
{
    limited(T("abc"), 2, "ab", true);
    limited(T("abc"), 3, "abc", false);
    limited(T("abc"), 4, "abc", false);
    limited(T("\xc3\xa9\xc3\xa9x"), 1, "\xc3\xa9", true);
    limited(T("\xc3\xa9x\xc3\xa9"), 2, "\xc3\xa9x", true);
    limited(T("\xed\xa0\xbd\xed\xb8\x80"), 1, "\xf0\x9f\x98\x80", false);
    limited(T("a\xed\xa0\xbd\xed\xb8\x80"), 1, "a", true);

    struct ha_sbuf b = {0};
    ck_assert(ha_text_from_latin1(&b, (const uint8_t *)"abc\xe9", 4, 3));
    ck_assert(!ha_text_from_latin1(&b, (const uint8_t *)"abc\xe9", 4, 4));
    ck_assert(ha_text_from_utf16(&b, (const uint8_t *)"\0a\0b", 4, true, 1));
    ck_assert(!ha_text_from_utf16(&b, (const uint8_t *)"\0a\0b", 4, true, 2));
    ck_assert(!ha_text_from_utf16(&b, (const uint8_t *)"\xd8\x3d\xde\x00", 4, true, 1));
    ck_assert_str_eq(ha_sbuf_text(&b), "abcabc\xc3\xa9"
                                       "aab\xf0\x9f\x98\x80");
    ha_sbuf_deinit(&b);
}
END_TEST

START_TEST(test_latin1)
{
    uint8_t all[256];
    for (unsigned i = 0; i < 256; i++) {
        all[i] = (uint8_t)i;
    }
    struct ha_sbuf b = {0};
    ck_assert(!ha_text_from_latin1(&b, all, sizeof all, 0));
    ck_assert_uint_eq(b.len, 128 + 2 * 128);
    ck_assert_mem_eq(b.data, all, 128);
    ck_assert_mem_eq(b.data + 128, "\xc2\x80", 2);
    ck_assert_mem_eq(b.data + b.len - 2, "\xc3\xbf", 2);
    ha_sbuf_deinit(&b);
}
END_TEST

static void utf16(const char *in, size_t len, bool big_endian, const char *out)
{
    struct ha_sbuf b = {0};
    uint8_t *copy = malloc(len + 1);
    memcpy(copy + 1, in, len); // odd addresses too
    ck_assert(!ha_text_from_utf16(&b, copy + 1, len, big_endian, 0));
    free(copy);
    ck_assert_str_eq(ha_sbuf_text(&b), out);
    ha_sbuf_deinit(&b);
}

START_TEST(test_utf16)
{
    utf16(T(""), true, "");
    utf16(T("\0a\x20\xac"), true, "a\xe2\x82\xac");
    utf16(T("a\0\xac\x20"), false, "a\xe2\x82\xac");
    utf16(T("\xd8\x3d\xde\x00"), true, "\xf0\x9f\x98\x80");
    utf16(T("\x3d\xd8\x00\xde"), false, "\xf0\x9f\x98\x80");
    utf16(T("\xd8\x3d"), true, FFFD);
    utf16(T("\xd8\x3d\0x"), true, FFFD "x");
    utf16(T("\xde\x00\0x"), true, FFFD "x");
    utf16(T("\xd8\x3d\xd8\x3d\xde\x00"), true, FFFD "\xf0\x9f\x98\x80");
    utf16(T("\xd8\x3d\xde"), true, FFFD FFFD);
    utf16(T("\0ab"), true, "a" FFFD); // an odd byte
}
END_TEST

static void escaped(const char *in, size_t len, const char *out)
{
    struct ha_sbuf b = {0};
    ha_text_escape(&b, in, len);
    ck_assert_str_eq(ha_sbuf_text(&b), out);
    ha_sbuf_deinit(&b);
}

START_TEST(test_escape)
{
    escaped(T("plain text"), "plain text");
    escaped(T("\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80"), "\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80");
    escaped(T("a\nb\tc\rd\\e"), "a\\nb\\tc\\rd\\\\e");
    escaped(T("\x1b[31mred\x1b[0m"), "\\x1b[31mred\\x1b[0m");
    escaped(T("\x1b]0;title\x07"), "\\x1b]0;title\\x07");
    escaped(T("\0\x7f\b"), "\\x00\\x7f\\x08");
    escaped(T("\xc2\x9b"
              "31m"),
            "\\u009b31m"); // CSI as one C1 character
    escaped(T("\x9b"
              "31m"),
            "\\x9b31m"); // and as a raw byte
    escaped(T("\xe2\x80\xae"
              "txt.exe"),
            "\\u202etxt.exe");
    escaped(T("\xe2\x81\xa6\xe2\x80\x8b\xef\xbb\xbf\xc2\xad"), "\\u2066\\u200b\\ufeff\\u00ad");
    escaped(T("\xe2\x80\xa8"), "\\u2028");
    escaped(T("\xf3\xa0\x80\x81"), "\\udb40\\udc01"); // a language tag, as Java writes it
    escaped(T("\xe2\x82"), "\\xe2\\x82");
    escaped(T("\xed\xa0\xbd"), "\\xed\\xa0\\xbd");
    escaped(T("\xc0\x80"), "\\xc0\\x80");
}
END_TEST

START_TEST(test_escape_is_safe)
{
    // No two bytes, wherever they stand, let a control character through.
    for (unsigned i = 0; i < 65536; i++) {
        const char in[] = {(char)(i >> 8), (char)i, 'x'};
        struct ha_sbuf b = {0};
        ha_text_escape(&b, in, sizeof in);
        for (size_t k = 0; k < b.len; k++) {
            uint8_t c = (uint8_t)b.data[k];
            bool c1 = c == 0xc2 && (uint8_t)b.data[k + 1] < 0xa0;
            if (c < 0x20 || c == 0x7f || c1) {
                ck_abort_msg("%02x %02x lets a control character through", i >> 8, i & 0xff);
            }
        }
        ha_sbuf_deinit(&b);
    }
}
END_TEST

START_TEST(test_width)
{
    ck_assert_uint_eq(ha_text_width(T("")), 0);
    ck_assert_uint_eq(ha_text_width(T("abc")), 3);
    ck_assert_uint_eq(ha_text_width(T("\xc3\xa9\xe2\x82\xac")), 2);
    ck_assert_uint_eq(ha_text_width(T("\xe4\xb8\xad\xe6\x96\x87")), 4); // two Han characters
    ck_assert_uint_eq(ha_text_width(T("\xed\x95\x9c\xef\xbc\xa1")), 4); // Hangul, full-width A
    ck_assert_uint_eq(ha_text_width(T("\xf0\x9f\x98\x80")), 2);         // an emoji
    ck_assert_uint_eq(ha_text_width(T("e\xcc\x81")), 1);                // combining acute
    ck_assert_uint_eq(ha_text_width(T("\xe2\x94\x80\xe2\x96\x88")), 2); // box, block
    ck_assert_uint_eq(ha_text_width(T("\xff\xfe")), 2);
    ck_assert_uint_eq(ha_text_width(T("\xf0\xaf\xbf\xbd\xf0\xb0\x80\x80")), 4);
}
END_TEST

CK_HA_MAIN("mutf8", test_mutf8_valid, test_mutf8_surrogates, test_mutf8_invalid, test_limit,
           test_latin1, test_utf16, test_escape, test_escape_is_safe, test_width)
