/* SPDX-License-Identifier: MIT */
/*
 * A streaming JSON writer with a stack of open brackets. Writing out of order (a value in an object without a key, a bracket closed twice)
 * is our bug and asserts. Output goes to a callback in pieces of some KiB; its failure is sticky and returned by ha_json_end().
 * Strings are UTF-8; invalid bytes are written as U+FFFD, control characters as escapes, so the output is always valid JSON.
 */
#ifndef HA_BASE_JSON_WRITE_H
#define HA_BASE_JSON_WRITE_H

#include "ha/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ha_err *(*ha_write_fn)(void *ctx, const char *data, size_t len);

struct ha_json;
struct ha_json *ha_json_create(ha_write_fn write, void *ctx, bool pretty); /* pretty: two spaces, one member a line; NULL without memory */
void ha_json_destroy(struct ha_json *json);

void ha_json_object_begin(struct ha_json *json);
void ha_json_object_end(struct ha_json *json);
void ha_json_array_begin(struct ha_json *json);
void ha_json_array_end(struct ha_json *json);
void ha_json_key(struct ha_json *json, const char *key);
void ha_json_string(struct ha_json *json, const char *s);
void ha_json_string_n(struct ha_json *json, const char *s, size_t len);
void ha_json_u64(struct ha_json *json, uint64_t v);
void ha_json_i64(struct ha_json *json, int64_t v);
void ha_json_double(struct ha_json *json, double v, int decimals); /* fixed decimals, trailing zeros dropped; NaN and infinities as null */
void ha_json_bool(struct ha_json *json, bool v);
void ha_json_null(struct ha_json *json);

/* Ends the text with a line feed and flushes; asserts that all brackets are closed. Returns the first error of the callback. */
struct ha_err *ha_json_end(struct ha_json *json) HA_WARN_UNUSED;

#endif
