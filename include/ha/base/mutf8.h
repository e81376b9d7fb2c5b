/* SPDX-License-Identifier: MIT */
/*
 * Java text to UTF-8: modified UTF-8 (class-file names), Latin-1 and UTF-16 (java.lang.String). Total functions: what is not valid
 * becomes U+FFFD, an unpaired surrogate too; nothing fails but memory (sticky in the sbuf).
 *
 * max_chars stops after that many code points (0: no limit); each function returns true if the text was cut by it.
 */
#ifndef HA_BASE_MUTF8_H
#define HA_BASE_MUTF8_H

#include "ha/base/sbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Modified UTF-8: C0 80 is NUL, supplementary characters are two 3-byte surrogates; plain UTF-8 is accepted as well.
   *ret_bad (may be NULL) is set to whether anything had to be replaced. */
bool ha_text_from_mutf8(struct ha_sbuf *out, const uint8_t *p, size_t len, size_t max_chars, bool *ret_bad);
bool ha_text_from_latin1(struct ha_sbuf *out, const uint8_t *p, size_t len, size_t max_chars);
bool ha_text_from_utf16(struct ha_sbuf *out, const uint8_t *p, size_t len, bool big_endian, size_t max_chars);

/* Appends UTF-8 text made safe for a terminal: control characters (C0, DEL, C1), bidi and other invisible format characters as \n, \t,
   \r, \xNN or \uNNNN, `\` as `\\`. Invalid UTF-8 becomes \xNN. */
void ha_text_escape(struct ha_sbuf *out, const char *s, size_t len);

/* Columns a text takes on a terminal (code points; wide East Asian characters count two, combining ones none). */
size_t ha_text_width(const char *s, size_t len);

#endif
