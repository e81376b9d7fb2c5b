/* SPDX-License-Identifier: MIT */
#include "ha/query/q_map.h"

#include <string.h>

#define WRAPPERS_MAX 4 /* unmodifiableMap(StringEnvironment(HashMap)) has two */

struct walk {
    struct ha_query *q;
    ha_map_entry_fn fn;
    void *ctx;
    uint32_t left; /* entries */
    bool stopped;
};

static bool field(const struct walk *w, ha_obj obj, const char *name, ha_obj *ret)
{
    return ha_heap_read_reference(w->q->snapshot->heap, &w->q->window, obj, name, ret);
}

/* The table of a map, behind its wrappers. */
static bool find_table(const struct walk *w, ha_obj map, ha_obj *ret_owner, ha_obj *ret)
{
    for (int depth = 0; depth < WRAPPERS_MAX; depth++) {
        ha_obj inner;
        if (field(w, map, "table", ret)) {
            *ret_owner = map;
            return ha_heap_is_array(w->q->snapshot->heap, *ret);
        }
        if (!field(w, map, "map", &inner) && !field(w, map, "m", &inner)) {
            return false;
        }
        map = inner;
    }
    return false;
}

static bool element(const struct walk *w, ha_obj table, uint32_t i, ha_obj *ret)
{
    struct ha_value value;
    const struct ha_heap *heap = w->q->snapshot->heap;
    return ha_heap_read_element(heap, &w->q->window, table, i, &value) &&
           value.type == HA_TYPE_REFERENCE && ha_heap_find(heap, value.bits, ret);
}

static void deliver(struct walk *w, ha_obj key, ha_obj value)
{
    w->stopped = w->left == 0 || !w->fn(w->ctx, key, value);
    w->left -= w->left > 0;
}

static void walk_chain(struct walk *w, ha_obj node)
{
    ha_obj first;
    if (field(w, node, "first", &first)) {
        node = first; // a TreeBin has its nodes in a list as well
    }
    for (bool more = true; more && !w->stopped; more = field(w, node, "next", &node)) {
        ha_obj key;
        ha_obj value = HA_OBJ_NONE;
        if (!field(w, node, "val", &value) && !field(w, node, "value", &value)) {
            value = HA_OBJ_NONE;
        }
        if (field(w, node, "key", &key)) {
            deliver(w, key, value);
        } else if (w->left-- <= 1) {
            w->stopped = true;
        }
    }
}

bool ha_map_each(struct ha_query *q, ha_obj map, ha_map_entry_fn fn, void *ctx)
{
    const struct ha_heap *heap = q->snapshot->heap;
    struct walk w = {.q = q, .fn = fn, .ctx = ctx, .left = HA_MAP_ENTRIES_MAX};
    ha_obj owner, table;
    if (!find_table(&w, map, &owner, &table)) {
        return false;
    }
    const char *name = ha_heap_class(heap, ha_heap_class_of(heap, owner))->name;
    bool side_by_side = strcmp(name, "java.util.ImmutableCollections$MapN") == 0;
    uint32_t length = ha_heap_array_length(heap, table);
    for (uint64_t i = 0; i < length && !w.stopped; i += side_by_side ? 2 : 1) {
        ha_obj first, value;
        if (!element(&w, table, (uint32_t)i, &first)) {
            continue;
        }
        if (!side_by_side) {
            walk_chain(&w, first);
        } else {
            deliver(&w, first,
                    i + 1 < length && element(&w, table, (uint32_t)i + 1, &value) ? value : HA_OBJ_NONE);
        }
    }
    return true;
}
