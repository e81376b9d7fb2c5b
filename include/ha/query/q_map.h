/* SPDX-License-Identifier: MIT */
/*
 * The entries of a Java map or properties table, whatever its class: a table of chained nodes, or of keys and values side by side.
 *
 *     HashMap, LinkedHashMap     table[] -> Node { key, value, next }
 *     ConcurrentHashMap          table[] -> Node { key, val, next }, or TreeBin { first } -> TreeNode { key, val, next }
 *     Hashtable, old Properties  table[] -> Entry { key, value, next }
 *     ImmutableCollections.MapN  table[] = key, value, key, value, null, null, …
 *
 * Wrappers are looked through: Properties.map, Collections.unmodifiableMap().m, HashSet.map.
 */
#ifndef HA_QUERY_Q_MAP_H
#define HA_QUERY_Q_MAP_H

#include "ha/query/q_query.h"

#define HA_MAP_ENTRIES_MAX 100000U /* of one map; property tables have about a hundred */

/* Called for every entry; value may be HA_OBJ_NONE (null). Returns false to stop. */
typedef bool (*ha_map_entry_fn)(void *ctx, ha_obj key, ha_obj value);

/* Walks at most HA_MAP_ENTRIES_MAX entries. false: not a map of a known shape, or unreadable (what was readable was delivered). */
bool ha_map_each(struct ha_query *q, ha_obj map, ha_map_entry_fn fn, void *ctx);

#endif
