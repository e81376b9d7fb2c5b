/* SPDX-License-Identifier: MIT */
/* Reads the header of a gzip member, and finds what may be one. */
#include "gzip_format.h"

#include "ha/base/bytes.h"

#include <string.h>

#define FLAG_HEADER_CRC 0x02U
#define FLAG_EXTRA 0x04U
#define FLAG_NAME 0x08U
#define FLAG_COMMENT 0x10U
#define FLAGS_RESERVED 0xe0U
#define METHOD_DEFLATE 8U
#define OS_LAST 13U /* the last system RFC 1952 names; 255 is "unknown" */

static bool is_start(const uint8_t *p)
{
    return p[0] == 0x1f && p[1] == 0x8b && p[2] == METHOD_DEFLATE && (p[3] & FLAGS_RESERVED) == 0;
}

bool gzip_is_candidate(const uint8_t *p)
{
    return is_start(p) && (p[8] == 0 || p[8] == 2 || p[8] == 4) && (p[9] <= OS_LAST || p[9] == 255);
}

size_t gzip_find_candidate(const uint8_t *p, size_t len, size_t from)
{
    while (len >= GZIP_HEADER_MIN && from <= len - GZIP_HEADER_MIN) {
        const uint8_t *hit = memchr(p + from, 0x1f, len - GZIP_HEADER_MIN - from + 1);
        if (hit == NULL) {
            break;
        }
        if (gzip_is_candidate(hit)) {
            return (size_t)(hit - p);
        }
        from = (size_t)(hit - p) + 1;
    }
    return len;
}

/* Moves *at behind a text that ends with NUL; false: it does not end. */
static bool skip_text(const uint8_t *p, size_t len, size_t *at)
{
    const uint8_t *end = *at < len ? memchr(p + *at, 0, len - *at) : NULL;
    if (end == NULL) {
        return false;
    }
    *at = (size_t)(end - p) + 1;
    return true;
}

/* Where the comment begins, or would begin; false: the bytes end before. */
static bool find_comment(const uint8_t *p, size_t len, size_t *ret)
{
    size_t at = GZIP_HEADER_MIN;
    if ((p[3] & FLAG_EXTRA) != 0) {
        if (len - at < 2) {
            return false;
        }
        at += 2U + (size_t)ha_le16(p + at);
    }
    if ((p[3] & FLAG_NAME) != 0 && !skip_text(p, len, &at)) {
        return false;
    }
    *ret = at;
    return at <= len;
}

enum gzip_header gzip_header_parse(const uint8_t *p, size_t len, size_t *ret_bytes)
{
    if (len < GZIP_HEADER_MIN) {
        return len >= 2 && (p[0] != 0x1f || p[1] != 0x8b) ? GZIP_HEADER_NONE : GZIP_HEADER_CUT;
    }
    size_t at = 0;
    if (!is_start(p)) {
        return GZIP_HEADER_NONE;
    }
    if (!find_comment(p, len, &at) || ((p[3] & FLAG_COMMENT) != 0 && !skip_text(p, len, &at))) {
        return GZIP_HEADER_CUT;
    }
    at += (p[3] & FLAG_HEADER_CRC) != 0 ? 2 : 0;
    if (at > len) {
        return GZIP_HEADER_CUT;
    }
    *ret_bytes = at;
    return GZIP_HEADER_OK;
}

uint64_t gzip_hotspot_block_bytes(const uint8_t *p, size_t len)
{
    static const char words[] = "HPROF BLOCKSIZE=";
    size_t at = 0, end = 0;
    uint64_t value = 0;
    if ((p[3] & FLAG_COMMENT) == 0 || !find_comment(p, len, &at)) {
        return 0;
    }
    end = at;
    if (!skip_text(p, len, &end) || end - at <= sizeof words || end - at > sizeof words + 9 ||
        memcmp(p + at, words, sizeof words - 1) != 0) {
        return 0;
    }
    for (at += sizeof words - 1; p[at] >= '0' && p[at] <= '9'; at++) {
        value = value * 10 + (uint64_t)(p[at] - '0');
    }
    return p[at] == 0 ? value : 0;
}
