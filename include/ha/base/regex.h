/* SPDX-License-Identifier: MIT */
/*
 * PCRE2 with match, depth and heap limits: unanchored, UTF-8, JIT where it is there. The only door to libpcre2-8 (regex.c).
 */
#ifndef HA_BASE_REGEX_H
#define HA_BASE_REGEX_H

#include "ha/base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct ha_regex;

/* HA_ERR_USAGE with the position when the pattern is wrong. Free with ha_regex_destroy(). */
struct ha_err *ha_regex_create(const char *pattern, struct ha_regex **ret) HA_WARN_UNUSED;
void ha_regex_destroy(struct ha_regex *regex);

/* Whether the pattern occurs in text; HA_ERR_LIMIT when matching ran into a limit. Not thread-safe on one regex. */
struct ha_err *ha_regex_match(struct ha_regex *regex, const char *text, size_t len, bool *ret) HA_WARN_UNUSED;

#endif
