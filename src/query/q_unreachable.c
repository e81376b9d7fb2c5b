/* SPDX-License-Identifier: MIT */
/*
 * Numbers come from the totals of the index, the tree from what it keeps of it (q_unreachable_kept.c); an index that does not keep it, or not enough of
 * it, has it made (q_unreachable_tree.c).
 */
#include "query/q_unreachable.h"

#include <string.h>

#include "ha/base/mem.h"

const char *ha_unreachable_kind_name(enum ha_unreachable_kind kind)
{
    static const char *const names[] = {"garbage", "class data", "virtual threads", "fillers"};
    return names[kind];
}

/* ---- by class ---- */

static int compare_rows(const void *ctx, const void *a, const void *b)
{
    const struct ha_unreachable_class *x = a;
    const struct ha_unreachable_class *y = b;
    (void)ctx;
    if (x->shallow_bytes != y->shallow_bytes) {
        return x->shallow_bytes > y->shallow_bytes ? -1 : 1;
    }
    return strcmp(x->name, y->name);
}

struct ha_err *unreachable_rank_take(struct ha_query *q, struct ha_rank *rank, size_t size, void **ret)
{
    HA_TRY(ha_rank_finish(rank));
    *ret = ha_arena_calloc(&q->arena, rank->count + 1, size);
    if (*ret == NULL) {
        return ha_err_nomem();
    }
    if (rank->count > 0) {
        memcpy(*ret, rank->data, rank->count * size);
    }
    return NULL;
}

static struct ha_err *count_classes(struct ha_query *q, const struct ha_fillers *fillers, uint64_t limit, struct ha_unreachable *u)
{
    const struct ha_heap *heap = q->snapshot->heap;
    const struct ha_retained *retained = q->snapshot->retained;
    struct ha_rank rank;
    void *rows;
    ha_rank_init(&rank, sizeof *u->classes, limit, compare_rows, NULL);
    for (uint32_t c = 0; c < heap->facts.class_count; c++) {
        const struct ha_class_total *total = &retained->classes[c];
        struct ha_unreachable_class row = {heap->classes[c].name,
                                           total->all_instances - total->instances,
                                           total->all_shallow_bytes - total->shallow_bytes};
        if (c == fillers->int_array.i) {
            row.instances -= fillers->instances;
            row.shallow_bytes -= fillers->shallow_bytes;
        } else if (c == fillers->cls.i) {
            row.instances += fillers->instances;
            row.shallow_bytes += fillers->shallow_bytes;
        }
        if (row.instances > 0) {
            ha_rank_offer(&rank, &row);
        }
    }
    struct ha_err *err = unreachable_rank_take(q, &rank, sizeof *u->classes, &rows);
    if (err == NULL) {
        u->classes = rows;
        u->class_count = rank.count;
        u->classes_omitted = ha_rank_omitted(&rank);
    }
    ha_rank_deinit(&rank);
    return err;
}

/* ---- which they are ---- */

#define AT_ONCE 64U

static bool any_unreachable(const uint32_t *idom)
{
    uint32_t any = 0;
    for (uint32_t k = 0; k < AT_ONCE; k++) {
        any |= idom[k] == HA_NONE;
    }
    return any != 0;
}

/* Writes down the first `room` of them; returns how many there are. */
static uint32_t walk(const struct ha_query *q, uint32_t *ret, uint64_t room)
{
    const struct ha_column *idoms = &q->snapshot->dom->idoms;
    uint32_t count = 0, unpacked[AT_ONCE];
    for (uint64_t first = 0; first < idoms->count; first += AT_ONCE) {
        const uint32_t at_once = idoms->count - first < AT_ONCE ? (uint32_t)(idoms->count - first) : AT_ONCE;
        const uint32_t *idom = unpacked;
        if (idoms->plain != NULL) {
            idom = idoms->plain + first;
        } else {
            ha_column_read(idoms, first, at_once, unpacked);
        }
        if (at_once == AT_ONCE && !any_unreachable(idom)) {
            continue;
        }
        for (uint32_t k = 0; k < at_once; k++) {
            if (idom[k] == HA_NONE && count++ < room) {
                ret[count - 1] = (uint32_t)first + k;
            }
        }
    }
    return count;
}

struct ha_err *unreachable_list_make(const struct ha_query *q, struct unreachable_list *ret)
{
    uint64_t room = q->snapshot->retained->unreachable_objects; // unless the totals are damaged
    room = room < q->snapshot->heap->facts.object_count ? room : q->snapshot->heap->facts.object_count;
    *ret = (struct unreachable_list){0};
    HA_TRY(ha_big_init_raw(&ret->memory, room + 1, sizeof *ret->objects));
    ret->count = walk(q, ret->memory.data, room);
    if (ret->count > room) {
        ha_big_deinit(&ret->memory);
        HA_TRY(ha_big_init_raw(&ret->memory, (uint64_t)ret->count + 1, sizeof *ret->objects));
        walk(q, ret->memory.data, ret->count);
    }
    ret->objects = ret->memory.data;
    return NULL;
}

void unreachable_list_deinit(struct unreachable_list *list)
{
    ha_big_deinit(&list->memory);
}

/* ---- the answer ---- */

/* Of an index that does not keep it: made now. */
static struct ha_err *make_tops(struct ha_query *q, uint64_t limit, struct ha_unreachable *u)
{
    struct unreachable_list list;
    struct ha_err *err = unreachable_list_make(q, &list);
    if (err == NULL) {
        err = unreachable_tops_find(q, &list, limit, u);
    }
    unreachable_list_deinit(&list);
    return err;
}

static struct ha_err *make_fillers(struct ha_query *q, struct ha_fillers *fillers)
{
    struct unreachable_list list;
    if (!ha_fillers_possible(q, fillers)) {
        return NULL;
    }
    struct ha_err *err = unreachable_list_make(q, &list);
    if (err == NULL) {
        ha_fillers_count(q, list.objects, list.count, fillers);
    }
    unreachable_list_deinit(&list);
    return err;
}

struct ha_err *ha_unreachable_query(struct ha_query *q, bool with_tops, uint64_t limit,
                                    struct ha_unreachable *ret)
{
    const struct ha_retained *retained = q->snapshot->retained;
    struct ha_fillers fillers;
    *ret = (struct ha_unreachable){0};
    if (retained == NULL) {
        return NULL;
    }
    ret->objects = retained->unreachable_objects;
    ret->bytes = retained->unreachable_bytes;
    ha_fillers_query(q, &fillers);
    if (!unreachable_fillers_load(q, &fillers)) {
        HA_TRY(make_fillers(q, &fillers));
    }
    HA_TRY(count_classes(q, &fillers, limit, ret));
    if (!with_tops || ret->objects == 0) {
        return NULL;
    }
    bool found;
    HA_TRY(unreachable_tops_load(q, limit, ret, &found));
    return found ? NULL : make_tops(q, limit, ret);
}
