/* SPDX-License-Identifier: MIT */
/*
 * An error is one block of memory: the struct and, right behind it, its whole text.
 *
 *     [kind|errnum|off|text]["context: " "message" " (at 0x1f40)" NUL]
 *
 * The offset is written into the text at once, so that putting a context before it is a plain concatenation. The out-of-memory error is
 * static and never written to; wrapping it tries to make a successor and falls back to the error itself.
 */
#include "ha/base/err.h"

#include "ha/base/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct ha_err {
    enum ha_err_kind kind;
    int errnum;
    uint64_t off;
    const char *text;
};

static struct ha_err nomem = {HA_ERR_SYSTEM, ENOMEM, HA_ERR_NO_OFFSET, "out of memory"};

/* Makes an error of "<fmt…><tail>"; NULL without memory. */
HA_PRINTF(5, 0)
static struct ha_err *make(enum ha_err_kind kind, int errnum, uint64_t off, const char *tail,
                           const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int head_len = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (head_len < 0) {
        return NULL;
    }
    size_t tail_len = strlen(tail);
    size_t bytes = (size_t)head_len + tail_len + 1;
    struct ha_err *err = ha_alloc(sizeof *err + bytes);
    if (err == NULL) {
        return NULL;
    }
    char *text = (char *)(err + 1);
    vsnprintf(text, bytes, fmt, args);
    memcpy(text + head_len, tail, tail_len + 1);
    *err = (struct ha_err){kind, errnum, off, text};
    return err;
}

struct ha_err *ha_err_new(enum ha_err_kind kind, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct ha_err *err = make(kind, 0, HA_ERR_NO_OFFSET, "", fmt, args);
    va_end(args);
    return err != NULL ? err : &nomem;
}

struct ha_err *ha_err_at(enum ha_err_kind kind, uint64_t off, const char *fmt, ...)
{
    char tail[32] = "";
    if (off != HA_ERR_NO_OFFSET) {
        snprintf(tail, sizeof tail, " (at 0x%" PRIx64 ")", off);
    }
    va_list args;
    va_start(args, fmt);
    struct ha_err *err = make(kind, 0, off, tail, fmt, args);
    va_end(args);
    return err != NULL ? err : &nomem;
}

struct ha_err *ha_err_system(int errnum, const char *fmt, ...)
{
    // The GNU strerror_r() may return a text of its own instead of filling the buffer.
    char buffer[128];
    char tail[136];
    snprintf(tail, sizeof tail, ": %s", strerror_r(errnum, buffer, sizeof buffer));
    va_list args;
    va_start(args, fmt);
    struct ha_err *err = make(HA_ERR_SYSTEM, errnum, HA_ERR_NO_OFFSET, tail, fmt, args);
    va_end(args);
    return err != NULL ? err : &nomem;
}

struct ha_err *ha_err_nomem(void)
{
    return &nomem;
}

HA_PRINTF(2, 0)
static struct ha_err *wrap(const struct ha_err *err, const char *fmt, va_list args)
{
    size_t bytes = strlen(err->text) + 3;
    HA_FREE char *tail = ha_alloc(bytes);
    if (tail == NULL) {
        return NULL;
    }
    snprintf(tail, bytes, ": %s", err->text);
    return make(err->kind, err->errnum, err->off, tail, fmt, args);
}

struct ha_err *ha_err_wrap(struct ha_err *err, const char *fmt, ...)
{
    if (err == NULL) {
        return NULL;
    }
    va_list args;
    va_start(args, fmt);
    struct ha_err *outer = wrap(err, fmt, args);
    va_end(args);
    if (outer == NULL) {
        return err;
    }
    ha_err_free(err);
    return outer;
}

void ha_err_free(struct ha_err *err)
{
    if (err != &nomem) {
        ha_free(err);
    }
}

enum ha_err_kind ha_err_kind(const struct ha_err *err)
{
    return err->kind;
}

int ha_err_errno(const struct ha_err *err)
{
    return err->errnum;
}

uint64_t ha_err_offset(const struct ha_err *err)
{
    return err->off;
}

const char *ha_err_message(const struct ha_err *err)
{
    return err->text;
}
