/* SPDX-License-Identifier: MIT */
/*
 * Classes put into groups: each its own, by package, or by defining loader.
 */
#include "ha/query/q_histogram.h"
#include "ha/query/q_label.h"

static struct ha_err *package_row(struct ha_query *q, const char *name,
                                  struct ha_histogram_row *row)
{
    row->name = ha_arena_strndup(&q->arena, name, ha_class_package_length(name));
    return row->name == NULL ? ha_err_nomem() : NULL;
}

static struct ha_err *loader_row(struct ha_query *q, ha_obj loader, struct ha_histogram_row *row)
{
    row->loader = loader;
    if (loader.i >= q->snapshot->heap->facts.object_count) {
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

static struct ha_err *fill_grouped(struct ha_query *q, const struct ha_grouping *grouping,
                                   struct ha_groups *groups)
{
    const struct ha_heap *heap = q->snapshot->heap;
    groups->count = grouping->count;
    for (uint32_t c = 0; c < heap->facts.class_count; c++) {
        groups->of_class[c] = grouping->of_class[c];
        groups->rows[grouping->of_class[c]].classes++;
    }
    for (uint32_t g = 0; g < grouping->count; g++) {
        const struct ha_class *first = &heap->classes[grouping->first_class[g]];
        HA_TRY(groups->by == HA_BY_PACKAGE ? package_row(q, first->name, &groups->rows[g])
                                           : loader_row(q, first->loader, &groups->rows[g]));
    }
    return NULL;
}

static struct ha_err *fill(struct ha_query *q, struct ha_groups *groups)
{
    const struct ha_heap *heap = q->snapshot->heap;
    if (groups->by != HA_BY_CLASS) {
        struct ha_grouping grouping;
        HA_TRY(ha_heap_group(heap,
                             groups->by == HA_BY_PACKAGE ? HA_GROUPING_PACKAGE : HA_GROUPING_LOADER,
                             &grouping));
        struct ha_err *err = fill_grouped(q, &grouping, groups);
        ha_grouping_deinit(&grouping);
        return err;
    }
    groups->count = heap->facts.class_count;
    for (uint32_t i = 0; i < heap->facts.class_count; i++) {
        class_row(heap, i, &groups->rows[i]);
        groups->of_class[i] = i;
        groups->rows[i].classes = 1;
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
        HA_TRY(fill(q, groups));
        q->groups[by] = groups;
    }
    *ret = q->groups[by];
    return NULL;
}
