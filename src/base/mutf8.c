/* SPDX-License-Identifier: MIT */
/*
 * Java text to UTF-8, and UTF-8 to something a terminal can be trusted with.
 *
 * Modified UTF-8 (JVM specification, 4.4.7) differs from UTF-8 in two points:
 *
 *     U+0000           C0 80              so that a text has no NUL byte
 *     U+10000 and up   ED Ax xx ED Bx xx  the two surrogates, three bytes each, instead of one sequence of four
 *
 * Every decoder is a loop "next code point, write it", with runs of ASCII copied at once: that is nearly all of the text in a heap.
 */
#include "ha/base/mutf8.h"

#include "ha/base/bytes.h"

#include "base/unicode_width.h"
#include "base/utf8.h"

#define ARRAY_COUNT(a) (sizeof(a) / sizeof *(a))

static void put(struct ha_sbuf *out, uint32_t c)
{
    char bytes[4];
    ha_sbuf_add(out, bytes, ha_utf8_write(c, bytes));
}

static const char *as_text(const uint8_t *p)
{
    return (const char *)p;
}

/* The number of bytes below 0x80 that p begins with. */
static size_t ascii_run(const uint8_t *p, size_t len)
{
    size_t n = 0;
    while (len - n >= 8 && (ha_le64(p + n) & 0x8080808080808080ULL) == 0) {
        n += 8;
    }
    while (n < len && p[n] < 0x80) {
        n++;
    }
    return n;
}

static bool is_high(uint32_t c)
{
    return c >= 0xd800 && c <= 0xdbff;
}

static bool is_low(uint32_t c)
{
    return c >= 0xdc00 && c <= 0xdfff;
}

static uint32_t join(uint32_t high, uint32_t low)
{
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

/* The surrogate that the three bytes at p spell, 0 if they spell none. */
static uint32_t surrogate_at(const uint8_t *p, size_t len)
{
    if (len < 3 || p[0] != 0xed || p[1] < 0xa0 || p[1] > 0xbf || (p[2] & 0xc0) != 0x80) {
        return 0;
    }
    return 0xd000U | (p[1] & 0x3fU) << 6 | (p[2] & 0x3fU);
}

/* One code point of modified UTF-8; the same contract as ha_utf8_read(). */
static size_t mutf8_read(const uint8_t *p, size_t len, uint32_t *ret, bool *ret_bad)
{
    if (len >= 2 && p[0] == 0xc0 && p[1] == 0x80) {
        *ret = 0;
        *ret_bad = false;
        return 2;
    }
    uint32_t first = surrogate_at(p, len);
    if (first == 0) {
        return ha_utf8_read(p, len, ret, ret_bad);
    }
    uint32_t second = is_high(first) ? surrogate_at(p + 3, len - 3) : 0;
    if (is_low(second)) {
        *ret = join(first, second);
        *ret_bad = false;
        return 6;
    }
    *ret = HA_UTF8_REPLACEMENT;
    *ret_bad = true;
    return 3;
}

/* How many of `left` bytes (one character each) may be copied when `done` characters are out and max_chars (0: any) is the limit. */
static size_t limit_run(size_t run, size_t done, size_t max_chars)
{
    return max_chars != 0 && run > max_chars - done ? max_chars - done : run;
}

bool ha_text_from_mutf8(struct ha_sbuf *out, const uint8_t *p, size_t len, size_t max_chars,
                        bool *ret_bad)
{
    bool any_bad = false;
    size_t done = 0;
    size_t i = 0;
    while (i < len && (max_chars == 0 || done < max_chars)) {
        size_t run = limit_run(ascii_run(p + i, len - i), done, max_chars);
        if (run > 0) {
            ha_sbuf_add(out, as_text(p + i), run);
            i += run;
            done += run;
            continue;
        }
        uint32_t c;
        bool bad;
        i += mutf8_read(p + i, len - i, &c, &bad);
        put(out, c);
        any_bad |= bad;
        done++;
    }
    if (ret_bad != NULL) {
        *ret_bad = any_bad;
    }
    return i < len;
}

bool ha_text_from_latin1(struct ha_sbuf *out, const uint8_t *p, size_t len, size_t max_chars)
{
    size_t end = limit_run(len, 0, max_chars);
    size_t i = 0;
    while (i < end) {
        size_t run = ascii_run(p + i, end - i);
        if (run > 0) {
            ha_sbuf_add(out, as_text(p + i), run);
            i += run;
        } else {
            put(out, p[i]);
            i++;
        }
    }
    return end < len;
}

static uint32_t utf16_unit(const uint8_t *p, bool big_endian)
{
    return big_endian ? ha_be16(p) : ha_le16(p);
}

bool ha_text_from_utf16(struct ha_sbuf *out, const uint8_t *p, size_t len, bool big_endian,
                        size_t max_chars)
{
    size_t i = 0;
    for (size_t done = 0; i < len && (max_chars == 0 || done < max_chars); done++) {
        if (len - i == 1) {
            put(out, HA_UTF8_REPLACEMENT);
            i++;
            continue;
        }
        uint32_t c = utf16_unit(p + i, big_endian);
        i += 2;
        if (is_high(c) && len - i >= 2 && is_low(utf16_unit(p + i, big_endian))) {
            c = join(c, utf16_unit(p + i, big_endian));
            i += 2;
        } else if (is_high(c) || is_low(c)) {
            c = HA_UTF8_REPLACEMENT;
        }
        put(out, c);
    }
    return i < len;
}

static bool in_ranges(const struct ha_code_range *ranges, size_t count, uint32_t c)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (c > ranges[mid].last) {
            low = mid + 1;
        } else if (c < ranges[mid].first) {
            high = mid;
        } else {
            return true;
        }
    }
    return false;
}

/* Code points that show nothing but change how the rest is shown or compared: format characters, separators, fillers, selectors, tags. */
static const struct ha_code_range invisible[] = {
    {0x0080, 0x009f},   {0x00ad, 0x00ad},   {0x034f, 0x034f},   {0x061c, 0x061c}, {0x115f, 0x1160},
    {0x17b4, 0x17b5},   {0x180b, 0x180f},   {0x200b, 0x200f},   {0x2028, 0x202e}, {0x2060, 0x206f},
    {0x3164, 0x3164},   {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0}, {0xfff0, 0xfffb},
    {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
};

static void escape_code_point(struct ha_sbuf *out, uint32_t c)
{
    if (c == '\\') {
        ha_sbuf_puts(out, "\\\\");
    } else if (c == '\n') {
        ha_sbuf_puts(out, "\\n");
    } else if (c == '\t') {
        ha_sbuf_puts(out, "\\t");
    } else if (c == '\r') {
        ha_sbuf_puts(out, "\\r");
    } else if (c < 0x20 || c == 0x7f) {
        ha_sbuf_printf(out, "\\x%02x", c);
    } else if (c < 0x80 || !in_ranges(invisible, ARRAY_COUNT(invisible), c)) {
        put(out, c);
    } else if (c < 0x10000) {
        ha_sbuf_printf(out, "\\u%04x", c);
    } else {
        ha_sbuf_printf(out, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10), 0xdc00 + (c & 0x3ff));
    }
}

void ha_text_escape(struct ha_sbuf *out, const char *s, size_t len)
{
    const uint8_t *p = (const uint8_t *)s;
    for (size_t i = 0; i < len;) {
        uint32_t c;
        bool bad;
        size_t n = ha_utf8_read(p + i, len - i, &c, &bad);
        if (!bad) {
            escape_code_point(out, c);
        }
        for (size_t k = 0; bad && k < n; k++) {
            ha_sbuf_printf(out, "\\x%02x", p[i + k]);
        }
        i += n;
    }
}

size_t ha_text_width(const char *s, size_t len)
{
    const uint8_t *p = (const uint8_t *)s;
    size_t width = 0;
    for (size_t i = 0; i < len;) {
        uint32_t c;
        bool bad;
        i += ha_utf8_read(p + i, len - i, &c, &bad);
        if (c < 0x300 || !in_ranges(ha_zero_width, ARRAY_COUNT(ha_zero_width), c)) {
            width += in_ranges(ha_double_width, ARRAY_COUNT(ha_double_width), c) ? 2 : 1;
        }
    }
    return width;
}
