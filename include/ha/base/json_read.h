/* SPDX-License-Identifier: MIT */
/*
 * JSON from a file that nobody vouches for: read whole, within limits, into a tree that is looked at and freed at once. The only door to
 * jansson (json_read.c).
 *
 *     struct ha_json_doc *doc = NULL;
 *     HA_TRY(ha_json_read_file(path, HA_JSON_BYTES_MAX, &doc));
 *     const struct ha_json_value *classes = ha_json_get(ha_json_root(doc), "classes");
 *     …
 *     ha_json_doc_free(doc);
 *
 * Looking never fails: a value that is not there, or not what it should be, is NULL or false, and NULL may be looked into.
 */
#ifndef HA_BASE_JSON_READ_H
#define HA_BASE_JSON_READ_H

#include "ha/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HA_JSON_BYTES_MAX (256ULL << 20)
#define HA_JSON_VALUES_MAX 8000000U /* values, each of which takes about a hundred bytes */
#define HA_JSON_DEPTH_MAX 200U      /* dominator trees nest two levels per step */

struct ha_json_doc;
struct ha_json_value;

/* Reads and parses a file. HA_ERR_SYSTEM: it cannot be read; HA_ERR_INPUT: no JSON, with line and column; HA_ERR_LIMIT: larger than max_bytes, or past
   a limit above. *ret is the caller's, ha_json_doc_free(). */
struct ha_err *ha_json_read_file(const char *path, uint64_t max_bytes, struct ha_json_doc **ret) HA_WARN_UNUSED;

/* The same from memory; name stands for the file in messages. */
struct ha_err *ha_json_read_text(const char *text, size_t len, const char *name, struct ha_json_doc **ret) HA_WARN_UNUSED;

void ha_json_doc_free(struct ha_json_doc *doc); /* NULL is fine */

const struct ha_json_value *ha_json_root(const struct ha_json_doc *doc);

/* ---- looking; values and texts are borrowed from the document ---- */

const struct ha_json_value *ha_json_get(const struct ha_json_value *object, const char *key); /* NULL: no object, no such key */
const struct ha_json_value *ha_json_at(const struct ha_json_value *array, size_t i);          /* NULL: no array, not so long */
size_t ha_json_count(const struct ha_json_value *value); /* elements of an array, members of an object, else 0 */
bool ha_json_is_object(const struct ha_json_value *value);
bool ha_json_is_array(const struct ha_json_value *value);
bool ha_json_is_null(const struct ha_json_value *value); /* null itself; false for a value that is not there */

/* UTF-8 without NUL bytes; NULL: no string. */
const char *ha_json_text(const struct ha_json_value *value);

/* false: no such number (not there, negative, a fraction, too large). *ret is written only on success. */
bool ha_json_number(const struct ha_json_value *value, uint64_t *ret) HA_WARN_UNUSED;
bool ha_json_truth(const struct ha_json_value *value, bool *ret) HA_WARN_UNUSED;

#endif
