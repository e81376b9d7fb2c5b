/* SPDX-License-Identifier: MIT */
/*
 * What the heap says about the program: the JVM's version from the system properties.
 *
 *     java.lang.System.props -> Properties.map -> ConcurrentHashMap.table -> Node { key, val, next }       JDK 9 and later
 *     java.lang.System.props -> Hashtable.table -> Entry { key, value, next }                             before
 */
#include "ha/snapshot/snapshot.h"

#include <string.h>

#define NODES_MAX 100000U /* of a property table; real ones have about 60 */

struct lookup {
    const struct ha_heap *heap;
    struct ha_window window;
    const char *key;
    struct ha_sbuf text;
};

static bool has_key(struct lookup *l, ha_obj node)
{
    ha_obj key;
    ha_sbuf_clear(&l->text);
    return ha_heap_read_reference(l->heap, &l->window, node, "key", &key) && ha_heap_string(l->heap, &l->window, key, 200, &l->text, NULL) &&
           strcmp(ha_sbuf_text(&l->text), l->key) == 0;
}

static bool find_in_table(struct lookup *l, ha_obj table, ha_obj *ret_value)
{
    uint32_t nodes = 0;
    for (uint32_t i = 0; i < ha_heap_array_length(l->heap, table) && nodes < NODES_MAX; i++) {
        struct ha_value value;
        ha_obj node;
        if (!ha_heap_read_element(l->heap, &l->window, table, i, &value) || value.type != HA_TYPE_REFERENCE) {
            return false;
        }
        nodes++;
        for (bool more = ha_heap_find(l->heap, value.bits, &node); more && nodes < NODES_MAX; nodes++) {
            if (has_key(l, node)) {
                return ha_heap_read_reference(l->heap, &l->window, node, "val", ret_value) ||
                       ha_heap_read_reference(l->heap, &l->window, node, "value", ret_value);
            }
            more = ha_heap_read_reference(l->heap, &l->window, node, "next", &node);
        }
    }
    return false;
}

static void keep_first(void *ctx, ha_cls cls)
{
    ha_cls *first = ctx;
    if (ha_cls_is_none(*first)) {
        *first = cls;
    }
}

static bool find_property(struct lookup *l, ha_obj *ret)
{
    ha_cls system = HA_CLS_NONE;
    ha_heap_classes_named(l->heap, "java.lang.System", keep_first, &system);
    const struct ha_static *props = ha_cls_is_none(system) ? NULL : ha_heap_static_find(l->heap, system, "props");
    ha_obj properties, map, table;
    if (props == NULL || props->type != HA_TYPE_REFERENCE || !ha_heap_find(l->heap, props->value, &properties)) {
        return false;
    }
    if (!ha_heap_read_reference(l->heap, &l->window, properties, "map", &map)) {
        map = properties;
    }
    return ha_heap_read_reference(l->heap, &l->window, map, "table", &table) && find_in_table(l, table, ret);
}

bool ha_snapshot_jvm_version(const struct ha_snapshot *snapshot, struct ha_sbuf *out)
{
    static const char *const keys[] = {"java.runtime.version", "java.vm.version", "java.version"};
    struct lookup l = {.heap = snapshot->heap};
    bool found = false;
    ha_window_init(&l.window, snapshot->input, HA_WINDOW_RANDOM);
    for (size_t k = 0; k < sizeof keys / sizeof *keys && !found; k++) {
        ha_obj value;
        l.key = keys[k];
        found = find_property(&l, &value) && ha_heap_string(l.heap, &l.window, value, 100, out, NULL);
    }
    ha_sbuf_deinit(&l.text);
    ha_window_deinit(&l.window);
    return found;
}
