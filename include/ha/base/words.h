/* SPDX-License-Identifier: MIT */
/*
 * Numbers in words, one spelling for titles, advice and renderers.
 */
#ifndef HA_BASE_WORDS_H
#define HA_BASE_WORDS_H

#include "ha/base/sbuf.h"

#include <stdint.h>

void ha_words_count(struct ha_sbuf *out, uint64_t count);    /* "1,234" */
void ha_words_bytes(struct ha_sbuf *out, uint64_t bytes);    /* "1.2 GiB"; 1024-based */
void ha_words_percent(struct ha_sbuf *out, double percent);  /* "63.4 %" */
void ha_words_time(struct ha_sbuf *out, int64_t ms);         /* "2026-11-21 19:23:11 UTC"; ms since 1970 */

/* A word for a shell's command line: quoted only where it must be. */
void ha_words_shell(struct ha_sbuf *out, const char *word);

#endif
