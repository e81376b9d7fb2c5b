/* SPDX-License-Identifier: MIT */
/*
 * The first level of the dominator tree as the index keeps it: it may have as many objects as the heap has roots, and every report asks for its largest
 * objects and for its sums by class.
 *
 *     JTOP MTOP   the largest objects, in the order of ha_dominators_largest()
 *     JLVL MLVL   sums by class, class objects apart
 *
 * The sections come from a file: what is wrong makes them as good as absent. Sizes may lie, as those of classes may.
 */
#include "query/q_level.h"

#include "ha/base/mem.h"
#include "ha/heap/heap_sections.h"

#define FEW 32U         /* a shorter level is gone through */
#define KEPT_MOST 4096U /* of the largest objects */

struct disk_top {
    uint32_t object, zero;
    uint64_t retained_bytes;
};
static_assert(sizeof(struct disk_top) == 16, "layout is part of the index format");

struct disk_sum {
    uint32_t cls;
    uint32_t is_class; /* 1: the class object of the class */
    uint64_t objects, shallow_bytes, retained_bytes;
};
static_assert(sizeof(struct disk_sum) == 32, "layout is part of the index format");

/* ---- writing ---- */

static struct ha_err *put_largest(struct ha_query *q, ha_section_put put, void *put_ctx)
{
    struct ha_ranked_list largest;
    HA_TRY(ha_dominators_largest(q, ha_dom_top(q->snapshot->dom), KEPT_MOST, &largest));
    struct disk_top *tops = ha_arena_calloc(&q->arena, largest.count + 1, sizeof *tops);
    if (tops == NULL) {
        return ha_err_nomem();
    }
    for (uint64_t i = 0; i < largest.count; i++) {
        tops[i] = (struct disk_top){largest.list[i].obj.i, 0, largest.list[i].retained_bytes};
    }
    return put(put_ctx, HA_SECTION_OF(q->snapshot->sizes->model, TOP), sizeof *tops, largest.count, tops);
}

static void add_row(struct disk_sum *rows, uint64_t *count, uint32_t cls, bool is_class, const struct ha_tally_sum *sum)
{
    if (sum->instances > 0) {
        rows[(*count)++] = (struct disk_sum){cls, is_class, sum->instances, sum->shallow_bytes, sum->retained_bytes};
    }
}

static struct ha_err *put_sums(struct ha_query *q, ha_section_put put, void *put_ctx)
{
    const uint32_t classes = q->snapshot->heap->facts.class_count;
    struct ha_level_sums sums;
    uint64_t count = 0;
    struct disk_sum *rows = ha_arena_calloc(&q->arena, 2 * (size_t)classes + 1, sizeof *rows);
    if (rows == NULL) {
        return ha_err_nomem();
    }
    HA_TRY(ha_level_sums_create(q, ha_dom_top(q->snapshot->dom), &sums));
    for (uint32_t c = 0; c < classes; c++) {
        add_row(rows, &count, c, false, &sums.instances[c]);
        add_row(rows, &count, c, true, &sums.mirrors[c]);
    }
    ha_level_sums_destroy(&sums);
    return put(put_ctx, HA_SECTION_OF(q->snapshot->sizes->model, LEVEL), sizeof *rows, count, rows);
}

struct ha_err *ha_level_store(const struct ha_snapshot *snapshot, ha_section_put put, void *put_ctx)
{
    struct ha_query q;
    if (ha_dom_top(snapshot->dom).count <= FEW) {
        return NULL;
    }
    ha_query_init(&q, snapshot);
    struct ha_err *err = put_largest(&q, put, put_ctx);
    if (err == NULL) {
        err = put_sums(&q, put, put_ctx);
    }
    ha_query_deinit(&q);
    return err;
}

/* ---- reading ---- */

static bool is_first_level(const struct ha_query *q, struct ha_children objects)
{
    struct ha_children top = ha_dom_top(q->snapshot->dom);
    return objects.count > FEW && objects.objects == top.objects && objects.count == top.count;
}

struct ha_err *level_largest_load(struct ha_query *q, struct ha_children objects, uint64_t limit, struct ha_ranked_list *ret, bool *ret_found)
{
    const struct ha_snapshot *snapshot = q->snapshot;
    *ret_found = false;
    if (!is_first_level(q, objects) || snapshot->retained == NULL) {
        return NULL;
    }
    struct ha_index_section section = ha_index_find(snapshot->index, HA_SECTION_OF(snapshot->sizes->model, TOP), sizeof(struct disk_top));
    const struct disk_top *kept = section.data;
    uint64_t count = limit == 0 || limit > objects.count ? objects.count : limit;
    if (count > section.count || section.count > objects.count) {
        return NULL;
    }
    struct ha_ranked *list = ha_arena_alloc(&q->arena, count + 1, sizeof *list);
    if (list == NULL) {
        return ha_err_nomem();
    }
    for (uint64_t i = 0; i < count; i++) {
        if (kept[i].object >= snapshot->heap->facts.object_count) {
            return NULL;
        }
        list[i] = (struct ha_ranked){{kept[i].object}, kept[i].retained_bytes};
    }
    *ret = (struct ha_ranked_list){.list = list, .count = count, .omitted = objects.count - count};
    *ret_found = true;
    return NULL;
}

/* Adds up the rows; false: they cannot be. */
static bool add_rows(const struct ha_query *q, const struct disk_sum *rows, uint64_t count, uint64_t objects, struct ha_level_sums *sums)
{
    const struct ha_heap *heap = q->snapshot->heap;
    for (uint64_t i = 0; i < count; i++) {
        const struct disk_sum *row = &rows[i];
        if (row->cls >= heap->facts.class_count || row->is_class > 1 || row->objects == 0 || row->objects > objects) {
            return false;
        }
        objects -= row->objects;
        struct ha_tally_sum *sum = row->is_class != 0 ? &sums->mirrors[row->cls] : &sums->instances[row->cls];
        *sum = (struct ha_tally_sum){row->objects, row->shallow_bytes, row->retained_bytes};
        ha_obj object = heap->classes[row->cls].object;
        if (row->is_class != 0 && object.i < heap->facts.object_count) {
            uint32_t cls = ha_heap_class_of(heap, object).i;
            sums->class_class = cls < sums->class_class ? cls : sums->class_class;
        }
    }
    return objects == 0;
}

bool level_sums_load(const struct ha_query *q, struct ha_children objects, struct ha_level_sums *sums)
{
    const struct ha_snapshot *snapshot = q->snapshot;
    if (!is_first_level(q, objects) || snapshot->retained == NULL) {
        return false;
    }
    struct ha_index_section section = ha_index_find(snapshot->index, HA_SECTION_OF(snapshot->sizes->model, LEVEL), sizeof(struct disk_sum));
    return section.count > 0 && add_rows(q, section.data, section.count, objects.count, sums);
}
