/* SPDX-License-Identifier: MIT */
/*
 * YAML as a tree of nodes that know where they stand, for files that people write (rules, gate specifications). The only door to libyaml
 * (yaml_read.c).
 *
 *     limits:            map ── entry "limits": map ── entry "heap": scalar "1G"      every node has line and column, from 1
 *       heap: 1G
 *
 * One document; scalars are texts (whoever reads them decides what they mean). Refused, because they make small files large or hide what
 * they say: anchors and aliases, tags, a second document, keys that are no scalars, the same key twice, more than the limits below.
 */
#ifndef HA_BASE_YAML_READ_H
#define HA_BASE_YAML_READ_H

#include "ha/base/arena.h"
#include "ha/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HA_YAML_BYTES_MAX (4U << 20)
#define HA_YAML_DEPTH_MAX 32U
#define HA_YAML_NODES_MAX 200000U
#define HA_YAML_KEYS_MAX 1000U /* of one map: duplicates are looked for among them */

enum ha_yaml_kind {
    HA_YAML_SCALAR,
    HA_YAML_LIST,
    HA_YAML_MAP
};

struct ha_yaml {
    enum ha_yaml_kind kind;
    bool quoted;         /* scalar in quotes, or a block: "" and "null" are texts then */
    const char *key;     /* of an entry of a map; else NULL */
    uint32_t key_line, key_column;
    uint32_t line, column;
    const char *text;    /* scalar: UTF-8 without NUL bytes, never NULL; else NULL */
    size_t text_bytes;
    struct ha_yaml *first; /* items or entries, in file order */
    struct ha_yaml *next;
    uint32_t count;
};

/* Reads a text of `bytes` bytes; `name` stands in messages ("NAME:LINE:COLUMN: …", HA_ERR_USAGE). The tree lives in `arena`. An empty document
   gives an empty map. */
struct ha_err *ha_yaml_read(const char *name, const char *text, size_t bytes, struct ha_arena *arena, struct ha_yaml **ret) HA_WARN_UNUSED;

/* The same from a file. HA_ERR_SYSTEM: it cannot be read. */
struct ha_err *ha_yaml_read_file(const char *path, struct ha_arena *arena, struct ha_yaml **ret) HA_WARN_UNUSED;

/* The entry of a map; NULL: there is none, or node is no map. */
const struct ha_yaml *ha_yaml_get(const struct ha_yaml *map, const char *key);

/* HA_ERR_USAGE "NAME:LINE:COLUMN: …" about a node. */
struct ha_err *ha_yaml_error(const char *name, const struct ha_yaml *node, const char *fmt, ...) HA_PRINTF(3, 4) HA_WARN_UNUSED;

#endif
