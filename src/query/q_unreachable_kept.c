/* SPDX-License-Identifier: MIT */
/*
 * The unreachable part as the index keeps it, so that questions about it need no search: docs/index-format.md has the bytes.
 *
 *     JUNR MUNR   sums by kind, counts of fillers, how many tops there are
 *     JUNT MUNT   the largest tops, largest first
 *
 * The sections come from a file: what is wrong makes them as good as absent. Sums may lie, as those of classes may.
 */
#include "query/q_unreachable.h"

#include <string.h>

#include "ha/heap/heap_sections.h"

#define BYTES_BITS 56U /* of a top; above them is its kind */

/* Section JUNR, MUNR. */
struct disk_sums {
    uint64_t objects; /* of the part */
    uint64_t filler_instances, filler_bytes;
    uint64_t tops;
    uint32_t has_tops, zero;
    struct {
        uint64_t objects, bytes;
    } kinds[HA_UNREACHABLE_KINDS];
};
static_assert(sizeof(struct disk_sums) == 104, "layout is part of the index format");

/* Section JUNT, MUNT. */
struct disk_top {
    uint32_t object, objects;
    uint64_t kind_and_bytes;
};
static_assert(sizeof(struct disk_top) == 16, "layout is part of the index format");

/* ---- writing ---- */

static struct ha_err *put_tops(struct ha_query *q, const struct ha_unreachable *u, ha_section_put put, void *put_ctx)
{
    struct disk_top *tops = ha_arena_calloc(&q->arena, (size_t)u->top_count + 1, sizeof *tops);
    if (tops == NULL) {
        return ha_err_nomem();
    }
    for (uint64_t i = 0; i < u->top_count; i++) {
        const struct ha_unreachable_top *top = &u->tops[i];
        tops[i] = (struct disk_top){top->obj.i, (uint32_t)top->objects, (uint64_t)top->kind << BYTES_BITS | top->bytes};
    }
    return put(put_ctx, HA_SECTION_OF(q->snapshot->sizes->model, UNREACHABLE_TOPS), sizeof *tops, u->top_count, tops);
}

static struct ha_err *store(struct ha_query *q, const struct unreachable_list *list, ha_section_put put, void *put_ctx)
{
    struct ha_unreachable u = {0};
    struct ha_fillers fillers;
    ha_fillers_query(q, &fillers);
    ha_fillers_count(q, list->objects, list->count, &fillers);
    HA_TRY(unreachable_tops_find(q, list, HA_UNREACHABLE_KEPT, &u));
    struct disk_sums sums = {.objects = q->snapshot->retained->unreachable_objects, .filler_instances = fillers.instances,
                             .filler_bytes = fillers.shallow_bytes, .tops = u.top_count + u.tops_omitted, .has_tops = u.has_tops};
    for (size_t k = 0; k < HA_UNREACHABLE_KINDS; k++) {
        sums.kinds[k].objects = u.kinds[k].objects;
        sums.kinds[k].bytes = u.kinds[k].bytes;
    }
    HA_TRY(put_tops(q, &u, put, put_ctx));
    return put(put_ctx, HA_SECTION_OF(q->snapshot->sizes->model, UNREACHABLE), sizeof sums, 1, &sums);
}

struct ha_err *ha_unreachable_store(const struct ha_snapshot *snapshot, ha_section_put put, void *put_ctx)
{
    struct ha_query q;
    struct unreachable_list list;
    if (snapshot->retained->unreachable_objects == 0) {
        return NULL;
    }
    ha_query_init(&q, snapshot);
    struct ha_err *err = unreachable_list_make(&q, &list);
    if (err == NULL) {
        err = store(&q, &list, put, put_ctx);
    }
    unreachable_list_deinit(&list);
    ha_query_deinit(&q);
    return err;
}

/* ---- reading ---- */

static const struct disk_sums *find_sums(const struct ha_query *q)
{
    const struct ha_snapshot *snapshot = q->snapshot;
    struct ha_index_section section = ha_index_find(snapshot->index, HA_SECTION_OF(snapshot->sizes->model, UNREACHABLE), sizeof(struct disk_sums));
    const struct disk_sums *sums = section.data;
    return section.count == 1 && sums->objects == snapshot->retained->unreachable_objects && sums->has_tops <= 1 ? sums : NULL;
}

bool unreachable_fillers_load(const struct ha_query *q, struct ha_fillers *fillers)
{
    const struct disk_sums *sums = find_sums(q);
    if (sums == NULL || !ha_fillers_possible(q, fillers)) {
        return sums != NULL;
    }
    const struct ha_class_total *total = &q->snapshot->retained->classes[fillers->int_array.i];
    if (sums->filler_instances > total->all_instances - total->instances || sums->filler_bytes > total->all_shallow_bytes - total->shallow_bytes) {
        return false;
    }
    fillers->instances = sums->filler_instances;
    fillers->shallow_bytes = sums->filler_bytes;
    return true;
}

struct ha_err *unreachable_tops_load(struct ha_query *q, uint64_t limit, struct ha_unreachable *u, bool *ret_found)
{
    const struct ha_snapshot *snapshot = q->snapshot;
    const struct disk_sums *sums = find_sums(q);
    struct ha_index_section section = ha_index_find(snapshot->index, HA_SECTION_OF(snapshot->sizes->model, UNREACHABLE_TOPS), sizeof(struct disk_top));
    const struct disk_top *kept = section.data;
    uint64_t wanted = sums == NULL ? 0 : limit == 0 || limit > sums->tops ? sums->tops : limit;
    *ret_found = false;
    if (sums == NULL || wanted > section.count || section.count > sums->tops) {
        return NULL;
    }
    struct ha_unreachable_top *tops = ha_arena_alloc(&q->arena, (size_t)wanted + 1, sizeof *tops);
    if (tops == NULL) {
        return ha_err_nomem();
    }
    for (uint64_t i = 0; i < wanted; i++) {
        uint64_t kind = kept[i].kind_and_bytes >> BYTES_BITS;
        if (kept[i].object >= snapshot->heap->facts.object_count || kind >= HA_UNREACHABLE_KINDS) {
            return NULL;
        }
        tops[i] = (struct ha_unreachable_top){{kept[i].object}, (enum ha_unreachable_kind)kind,
                                              kept[i].kind_and_bytes & ((UINT64_C(1) << BYTES_BITS) - 1), kept[i].objects};
    }
    for (size_t k = 0; k < HA_UNREACHABLE_KINDS; k++) {
        u->kinds[k].objects = sums->kinds[k].objects;
        u->kinds[k].bytes = sums->kinds[k].bytes;
    }
    u->has_tops = sums->has_tops != 0;
    u->tops = tops;
    u->top_count = wanted;
    u->tops_omitted = sums->tops - wanted;
    *ret_found = true;
    return NULL;
}
