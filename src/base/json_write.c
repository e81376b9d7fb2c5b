/* SPDX-License-Identifier: MIT */
/*
 * A stack of open brackets and a buffer of 64 KiB.
 *
 * Every value passes value_begin(), which writes what must stand before it (comma, line feed, indentation) and checks that a value may
 * stand there at all. The first failure, of the callback or of memory, is kept: from then on every call does nothing, since the output
 * is lost anyway.
 */
#include "ha/base/json_write.h"

#include "ha/base/mem.h"
#include "ha/base/vec.h"

#include "base/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define BUFFER_BYTES ((size_t)64 << 10)
#define DECIMALS_MAX 17

struct bracket {
    char close;     /* '}' or ']' */
    bool any;       /* something was written between the brackets */
    bool key_waits; /* in an object: a key was written, its value not yet */
};

struct ha_json {
    ha_write_fn write;
    void *ctx;
    bool pretty;
    bool done; /* the one value of the top level is there */
    struct ha_err *err;
    HA_VEC(struct bracket) open;
    size_t used;
    char buffer[BUFFER_BYTES];
};

struct ha_json *ha_json_create(ha_write_fn write, void *ctx, bool pretty)
{
    struct ha_json *json = ha_alloc(sizeof *json);
    if (json == NULL) {
        return NULL;
    }
    memset(json, 0, offsetof(struct ha_json, buffer));
    json->write = write;
    json->ctx = ctx;
    json->pretty = pretty;
    return json;
}

void ha_json_destroy(struct ha_json *json)
{
    if (json != NULL) {
        ha_err_free(json->err);
        ha_vec_deinit(&json->open);
        ha_free(json);
    }
}

static void flush(struct ha_json *json)
{
    if (json->err == NULL && json->used > 0) {
        json->err = json->write(json->ctx, json->buffer, json->used);
    }
    json->used = 0;
}

static void out(struct ha_json *json, const char *s, size_t len)
{
    while (len > 0) {
        if (json->used == BUFFER_BYTES) {
            flush(json);
        }
        size_t room = BUFFER_BYTES - json->used;
        size_t piece = len < room ? len : room;
        memcpy(json->buffer + json->used, s, piece);
        json->used += piece;
        s += piece;
        len -= piece;
    }
}

static void out_char(struct ha_json *json, char c)
{
    out(json, &c, 1);
}

static struct bracket *innermost(struct ha_json *json)
{
    return json->open.count == 0 ? NULL : &json->open.data[json->open.count - 1];
}

static void new_line(struct ha_json *json)
{
    if (json->pretty) {
        out_char(json, '\n');
        for (size_t i = 0; i < json->open.count; i++) {
            out(json, "  ", 2);
        }
    }
}

/* What stands before a member of the innermost bracket. */
static void member_begin(struct ha_json *json, struct bracket *bracket)
{
    if (bracket->any) {
        out_char(json, ',');
    }
    bracket->any = true;
    new_line(json);
}

/* false: the output has failed, write nothing. */
static bool value_begin(struct ha_json *json)
{
    if (json->err != NULL) {
        return false;
    }
    struct bracket *bracket = innermost(json);
    if (bracket == NULL) {
        assert(!json->done);
        json->done = true;
    } else if (bracket->close == '}') {
        assert(bracket->key_waits);
        bracket->key_waits = false;
    } else {
        member_begin(json, bracket);
    }
    return true;
}

static void bracket_begin(struct ha_json *json, char open, char close)
{
    if (!value_begin(json)) {
        return;
    }
    struct bracket *bracket = ha_vec_push(&json->open);
    if (bracket == NULL) {
        json->err = ha_err_nomem();
        return;
    }
    *bracket = (struct bracket){.close = close};
    out_char(json, open);
}

static void bracket_end(struct ha_json *json, char close)
{
    if (json->err != NULL) {
        return;
    }
    struct bracket *bracket = innermost(json);
    assert(bracket != NULL && bracket->close == close && !bracket->key_waits);
    json->open.count--;
    if (bracket->any) {
        new_line(json);
    }
    out_char(json, close);
}

void ha_json_object_begin(struct ha_json *json)
{
    bracket_begin(json, '{', '}');
}

void ha_json_object_end(struct ha_json *json)
{
    bracket_end(json, '}');
}

void ha_json_array_begin(struct ha_json *json)
{
    bracket_begin(json, '[', ']');
}

void ha_json_array_end(struct ha_json *json)
{
    bracket_end(json, ']');
}

static void out_control(struct ha_json *json, uint32_t c)
{
    static const char letters[32] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    if (c < sizeof letters && letters[c] != '\0') {
        out_char(json, '\\');
        out_char(json, letters[c]);
        return;
    }
    char text[8];
    snprintf(text, sizeof text, "\\u%04x", c);
    out(json, text, 6);
}

/* C0 and C1, and the separators that end a line in JavaScript: JSON may be printed on a terminal and pasted into a script. */
static bool is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029;
}

/* The number of bytes that p begins with and that stand for themselves in a JSON string. */
static size_t plain_run(const uint8_t *p, size_t len)
{
    size_t n = 0;
    while (n < len && p[n] >= 0x20 && p[n] < 0x7f && p[n] != '"' && p[n] != '\\') {
        n++;
    }
    return n;
}

static void out_quoted(struct ha_json *json, const char *s, size_t len)
{
    const uint8_t *p = (const uint8_t *)s;
    out_char(json, '"');
    for (size_t i = 0; i < len;) {
        size_t n = plain_run(p + i, len - i);
        if (n > 0) {
            out(json, s + i, n);
        } else if (p[i] == '"' || p[i] == '\\') {
            out_char(json, '\\');
            out_char(json, s[i]);
            n = 1;
        } else {
            uint32_t c;
            bool bad;
            char bytes[4];
            n = ha_utf8_read(p + i, len - i, &c, &bad);
            if (is_control(c)) {
                out_control(json, c);
            } else {
                out(json, bytes, ha_utf8_write(c, bytes));
            }
        }
        i += n;
    }
    out_char(json, '"');
}

void ha_json_key(struct ha_json *json, const char *key)
{
    if (json->err != NULL) {
        return;
    }
    struct bracket *bracket = innermost(json);
    assert(bracket != NULL && bracket->close == '}' && !bracket->key_waits);
    member_begin(json, bracket);
    bracket->key_waits = true;
    out_quoted(json, key, strlen(key));
    out(json, ": ", json->pretty ? 2 : 1);
}

void ha_json_string(struct ha_json *json, const char *s)
{
    ha_json_string_n(json, s, strlen(s));
}

void ha_json_string_n(struct ha_json *json, const char *s, size_t len)
{
    if (value_begin(json)) {
        out_quoted(json, s, len);
    }
}

static void value(struct ha_json *json, const char *text)
{
    if (value_begin(json)) {
        out(json, text, strlen(text));
    }
}

void ha_json_u64(struct ha_json *json, uint64_t v)
{
    char text[24];
    size_t at = sizeof text;
    text[--at] = '\0';
    do { /* most of a long answer are numbers: snprintf() takes a seventh of its time */
        text[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v != 0);
    value(json, text + at);
}

void ha_json_i64(struct ha_json *json, int64_t v)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, v);
    value(json, text);
}

void ha_json_double(struct ha_json *json, double v, int decimals)
{
    assert(decimals >= 0 && decimals <= DECIMALS_MAX);
    if (!isfinite(v)) {
        ha_json_null(json);
        return;
    }
    char text[352]; /* the largest double has 309 digits before the point */
    size_t len = (size_t)snprintf(text, sizeof text, "%.*f", decimals, v);
    char *point = decimals == 0 ? NULL : &text[len - (size_t)decimals - 1];
    if (point != NULL) {
        *point = '.'; // whatever the locale says
        while (text[len - 1] == '0') {
            text[--len] = '\0';
        }
        if (&text[len - 1] == point) {
            *point = '\0';
        }
    }
    value(json, strcmp(text, "-0") == 0 ? "0" : text);
}

void ha_json_bool(struct ha_json *json, bool v)
{
    value(json, v ? "true" : "false");
}

void ha_json_null(struct ha_json *json)
{
    value(json, "null");
}

struct ha_err *ha_json_end(struct ha_json *json)
{
    if (json->err == NULL) {
        assert(json->open.count == 0 && json->done);
        out_char(json, '\n');
        flush(json);
    }
    return HA_TAKE(json->err);
}
