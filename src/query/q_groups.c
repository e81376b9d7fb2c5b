/* SPDX-License-Identifier: MIT */
/*
 * Classes put into groups: each its own, by package, or by defining loader.
 */
#include <string.h>

#include "ha/base/hash.h"
#include "ha/base/idmap.h"
#include "ha/query/q_histogram.h"
#include "ha/query/q_label.h"

/* The group of a package: the map finds it by hash; a different package with the same hash moves on to the next number. */
static struct ha_err *package_group(struct ha_query *q, struct ha_idmap *map,
                                    struct ha_groups *groups, const char *name, uint32_t *ret)
{
    size_t len = ha_class_package_length(name);
    for (uint64_t hash = ha_hash(name, len);; hash++) {
        uint32_t old;
        if (!ha_idmap_add(map, hash, groups->count, &old)) {
            return ha_err_nomem();
        }
        if (old == HA_IDMAP_NONE) {
            struct ha_histogram_row *row = &groups->rows[groups->count];
            row->name = ha_arena_strndup(&q->arena, name, len);
            *ret = groups->count++;
            return row->name == NULL ? ha_err_nomem() : NULL;
        }
        const char *package = groups->rows[old].name;
        if (strlen(package) == len && memcmp(package, name, len) == 0) {
            *ret = old;
            return NULL;
        }
    }
}

static struct ha_err *loader_group(struct ha_query *q, struct ha_idmap *map,
                                   struct ha_groups *groups, ha_obj loader, uint32_t *ret)
{
    const struct ha_heap *heap = q->snapshot->heap;
    uint32_t old;
    if (!ha_idmap_add(map, loader.i, groups->count, &old)) {
        return ha_err_nomem();
    }
    if (old != HA_IDMAP_NONE) {
        *ret = old;
        return NULL;
    }
    struct ha_histogram_row *row = &groups->rows[groups->count];
    *ret = groups->count++;
    row->loader = loader;
    if (loader.i >= heap->facts.object_count) {
        row->loader = HA_OBJ_NONE;
        return NULL;
    }
    struct ha_object_record record;
    HA_TRY(ha_object_describe(q, loader, &q->arena, &record));
    row->name = record.label;
    row->loader_address = record.address;
    row->loader_class = record.class_name;
    return NULL;
}

static void class_row(const struct ha_heap *heap, uint32_t i, struct ha_histogram_row *row)
{
    const struct ha_class *cls = &heap->classes[i];
    row->name = cls->name;
    row->cls.i = i;
    row->class_object = cls->address;
    row->loader = cls->loader;
    row->loader_address =
        cls->loader.i < heap->facts.object_count ? ha_heap_address(heap, cls->loader) : 0;
}

static struct ha_err *fill(struct ha_query *q, struct ha_idmap *map, struct ha_groups *groups)
{
    const struct ha_heap *heap = q->snapshot->heap;
    for (uint32_t i = 0; i < heap->facts.class_count; i++) {
        uint32_t group = i;
        switch (groups->by) {
        case HA_BY_CLASS:
            class_row(heap, i, &groups->rows[i]);
            groups->count = i + 1;
            break;
        case HA_BY_PACKAGE:
            HA_TRY(package_group(q, map, groups, heap->classes[i].name, &group));
            break;
        case HA_BY_LOADER:
            HA_TRY(loader_group(q, map, groups, heap->classes[i].loader, &group));
            break;
        }
        groups->of_class[i] = group;
        groups->rows[group].classes++;
    }
    return NULL;
}

static struct ha_groups *allocate(struct ha_query *q, enum ha_group_by by)
{
    uint32_t classes = q->snapshot->heap->facts.class_count;
    struct ha_groups *groups = ha_arena_calloc(&q->arena, 1, sizeof *groups);
    if (groups == NULL) {
        return NULL;
    }
    groups->by = by;
    groups->of_class = ha_arena_calloc(&q->arena, (size_t)classes + 1, sizeof *groups->of_class);
    groups->rows = ha_arena_calloc(&q->arena, (size_t)classes + 1, sizeof *groups->rows);
    if (groups->of_class == NULL || groups->rows == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < classes; i++) {
        groups->rows[i].cls = HA_CLS_NONE;
        groups->rows[i].loader = HA_OBJ_NONE;
    }
    return groups;
}

struct ha_err *ha_groups_get(struct ha_query *q, enum ha_group_by by, const struct ha_groups **ret)
{
    if (q->groups[by] == NULL) {
        struct ha_groups *groups = allocate(q, by);
        if (groups == NULL) {
            return ha_err_nomem();
        }
        struct ha_idmap map = {0};
        struct ha_err *err = fill(q, &map, groups);
        ha_idmap_deinit(&map);
        if (err != NULL) {
            return err;
        }
        q->groups[by] = groups;
    }
    *ret = q->groups[by];
    return NULL;
}
