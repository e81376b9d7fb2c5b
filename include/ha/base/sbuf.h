/* SPDX-License-Identifier: MIT */
/*
 * A growable string. Failure is sticky: after the first allocation that fails, appends do nothing and ha_sbuf_failed() says so, so that
 * a text can be built without a check per piece. Always NUL-terminated; may hold NUL bytes inside.
 */
#ifndef HA_BASE_SBUF_H
#define HA_BASE_SBUF_H

#include "ha/base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ha_sbuf {
    char *data; /* NULL while empty; use ha_sbuf_text() */
    size_t len;
    size_t capacity;
    bool failed;
};

void ha_sbuf_deinit(struct ha_sbuf *b);
void ha_sbuf_clear(struct ha_sbuf *b); /* length 0, memory kept, failure forgotten */

void ha_sbuf_add(struct ha_sbuf *b, const char *s, size_t len);
void ha_sbuf_puts(struct ha_sbuf *b, const char *s);
void ha_sbuf_putc(struct ha_sbuf *b, char c);
void ha_sbuf_fill(struct ha_sbuf *b, char c, size_t count);
void ha_sbuf_printf(struct ha_sbuf *b, const char *fmt, ...) HA_PRINTF(2, 3);

const char *ha_sbuf_text(const struct ha_sbuf *b); /* "" while empty; borrowed */
bool ha_sbuf_failed(const struct ha_sbuf *b);
char *ha_sbuf_take(struct ha_sbuf *b); /* the text, owned by the caller (ha_free); NULL if failed. Leaves b empty */

#endif
