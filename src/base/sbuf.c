/* SPDX-License-Identifier: MIT */
/*
 * A growable string.
 *
 * Invariants while data is not NULL: len < capacity and data[len] == NUL. After a failed allocation the text so far is kept, but nothing
 * more is appended, so a text is either whole or known to be cut.
 */
#include "ha/base/sbuf.h"

#include "ha/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CAPACITY_MIN 64U

void ha_sbuf_deinit(struct ha_sbuf *b)
{
    ha_free(b->data);
    *b = (struct ha_sbuf){0};
}

void ha_sbuf_clear(struct ha_sbuf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->data != NULL) {
        b->data[0] = '\0';
    }
}

/* Makes room for `more` bytes and the NUL. */
static bool reserve(struct ha_sbuf *b, size_t more)
{
    if (HA_UNLIKELY(b->failed)) {
        return false;
    }
    if (HA_LIKELY(more < b->capacity - b->len)) {
        return true;
    }
    size_t needed;
    if (__builtin_add_overflow(b->len, more, &needed) || needed > SIZE_MAX / 2) {
        b->failed = true;
        return false;
    }
    size_t wanted = b->capacity < CAPACITY_MIN ? CAPACITY_MIN : b->capacity;
    while (wanted <= needed) {
        wanted *= 2;
    }
    char *grown = ha_realloc_array(b->data, wanted, 1);
    if (grown == NULL) {
        b->failed = true;
        return false;
    }
    b->data = grown;
    b->capacity = wanted;
    return true;
}

void ha_sbuf_add(struct ha_sbuf *b, const char *s, size_t len)
{
    if (len == 0 || !reserve(b, len)) {
        return;
    }
    memcpy(b->data + b->len, s, len);
    b->len += len;
    b->data[b->len] = '\0';
}

void ha_sbuf_puts(struct ha_sbuf *b, const char *s)
{
    ha_sbuf_add(b, s, strlen(s));
}

void ha_sbuf_putc(struct ha_sbuf *b, char c)
{
    if (!reserve(b, 1)) {
        return;
    }
    b->data[b->len++] = c;
    b->data[b->len] = '\0';
}

void ha_sbuf_fill(struct ha_sbuf *b, char c, size_t count)
{
    if (count == 0 || !reserve(b, count)) {
        return;
    }
    memset(b->data + b->len, c, count);
    b->len += count;
    b->data[b->len] = '\0';
}

void ha_sbuf_printf(struct ha_sbuf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len < 0) {
        b->failed = true;
        return;
    }
    if (!reserve(b, (size_t)len)) {
        return;
    }
    va_start(args, fmt);
    vsnprintf(b->data + b->len, (size_t)len + 1, fmt, args);
    va_end(args);
    b->len += (size_t)len;
}

const char *ha_sbuf_text(const struct ha_sbuf *b)
{
    return b->data != NULL ? b->data : "";
}

bool ha_sbuf_failed(const struct ha_sbuf *b)
{
    return b->failed;
}

char *ha_sbuf_take(struct ha_sbuf *b)
{
    char *text = NULL;
    if (!b->failed) {
        text = b->data != NULL ? HA_TAKE(b->data) : ha_strndup("", 0);
    }
    ha_sbuf_deinit(b);
    return text;
}
