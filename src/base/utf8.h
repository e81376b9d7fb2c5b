/* SPDX-License-Identifier: MIT */
/*
 * One code point of UTF-8, read strictly (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF), and written.
 */
#ifndef HA_SRC_BASE_UTF8_H
#define HA_SRC_BASE_UTF8_H

#include "ha/base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HA_UTF8_REPLACEMENT 0xfffdU

/* How a sequence begins: its length and the allowed range of the second byte; length 0 for a byte that begins nothing. */
struct ha_utf8_lead {
    uint8_t len;
    uint8_t second_min;
    uint8_t second_max;
};

HA_INLINE struct ha_utf8_lead ha_utf8_lead(uint8_t b)
{
    if (b < 0x80) {
        return (struct ha_utf8_lead){1, 0, 0};
    }
    if (b < 0xc2 || b > 0xf4) {
        return (struct ha_utf8_lead){0, 0, 0};
    }
    if (b < 0xe0) {
        return (struct ha_utf8_lead){2, 0x80, 0xbf};
    }
    if (b < 0xf0) {
        return (struct ha_utf8_lead){3, b == 0xe0 ? 0xa0 : 0x80, b == 0xed ? 0x9f : 0xbf};
    }
    return (struct ha_utf8_lead){4, b == 0xf0 ? 0x90 : 0x80, b == 0xf4 ? 0x8f : 0xbf};
}

/*
 * Reads one code point from p[0 … len), len > 0, into *ret. Returns the bytes it takes. When they are no code point, *ret_bad is set, *ret is
 * U+FFFD and the bytes are the longest beginning of a valid sequence (at least one), as Unicode recommends for replacement.
 */
HA_INLINE size_t ha_utf8_read(const uint8_t *p, size_t len, uint32_t *ret, bool *ret_bad)
{
    struct ha_utf8_lead lead = ha_utf8_lead(p[0]);
    *ret_bad = false;
    if (lead.len == 1) {
        *ret = p[0];
        return 1;
    }
    size_t n = 1;
    if (lead.len > 1) {
        uint32_t c = p[0] & (0x7fU >> lead.len);
        uint8_t min = lead.second_min;
        uint8_t max = lead.second_max;
        while (n < lead.len && n < len && p[n] >= min && p[n] <= max) {
            c = c << 6 | (p[n] & 0x3fU);
            min = 0x80;
            max = 0xbf;
            n++;
        }
        if (n == lead.len) {
            *ret = c;
            return n;
        }
    }
    *ret = HA_UTF8_REPLACEMENT;
    *ret_bad = true;
    return n;
}

/* Writes the code point c (no surrogate, at most U+10FFFF) to out; returns the bytes, 1 to 4. */
HA_INLINE size_t ha_utf8_write(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

#endif
