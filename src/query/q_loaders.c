/* SPDX-License-Identifier: MIT */
/*
 * Loaders are found as instances of java.lang.ClassLoader (some defined nothing, but are parents), their sums come from the totals by loader
 * that the index keeps. Names defined several times are found by sorting the classes by name.
 *
 * A circle of parents, which a damaged dump may have, is cut: a loader is put below its parent only if the way up from there ends.
 */
#include "ha/query/q_loaders.h"

#include <string.h>

#include "ha/base/idmap.h"
#include "ha/base/mem.h"
#include "ha/base/vec.h"
#include "ha/query/q_histogram.h"
#include "ha/query/q_instances.h"
#include "ha/query/q_label.h"
#include "ha/query/q_loader_state.h"
#include "ha/query/q_rank.h"

#define PARENTS_MAX 1000U /* above any loader */

struct building {
    struct ha_query *q;
    HA_VEC(struct ha_loader) list; /* 0: the boot loader */
    uint32_t *parent;              /* per loader: number of its parent */
    struct ha_idmap numbers;       /* object number -> loader */
};

/* ---- the loaders ---- */

static const char *text_of(struct ha_query *q, ha_obj obj, const char *field)
{
    struct ha_sbuf text = {0};
    const char *copy = NULL;
    if (ha_object_field_text(q, obj, field, HA_LABEL_CHARS, &text) && text.len > 0 &&
        !ha_sbuf_failed(&text)) {
        copy = ha_arena_strndup(&q->arena, ha_sbuf_text(&text), text.len);
    }
    ha_sbuf_deinit(&text);
    return copy;
}

static const char *label_of(struct ha_query *q, ha_obj obj)
{
    struct ha_sbuf text = {0};
    const char *copy = text_of(q, obj, "name");
    if (copy == NULL && ha_object_label(q, obj, &text) && !ha_sbuf_failed(&text)) {
        copy = ha_arena_strndup(&q->arena, ha_sbuf_text(&text), text.len);
    }
    ha_sbuf_deinit(&text);
    return copy;
}

static void read_state(struct ha_query *q, struct ha_loader *loader)
{
    struct ha_loader_state state;
    ha_loader_state_read(q, loader->obj, &state);
    bool tells = state.application || (state.text != NULL && strcmp(state.text, "OPEN") != 0);
    loader->state = tells ? state.text : NULL;
    loader->stopped = state.stopped;
}

static struct ha_err *add_loader(void *ctx, ha_obj obj, uint8_t mark)
{
    struct building *b = ctx;
    (void)mark;
    uint32_t number = (uint32_t)b->list.count;
    struct ha_loader *loader = ha_vec_push(&b->list);
    if (loader == NULL || !ha_idmap_add(&b->numbers, obj.i, number, NULL)) {
        return ha_err_nomem();
    }
    *loader = (struct ha_loader){.obj = obj, .retained_bytes = ha_query_retained(b->q, obj)};
    loader->class_name =
        ha_heap_class(b->q->snapshot->heap, ha_heap_class_of(b->q->snapshot->heap, obj))->name;
    loader->label = label_of(b->q, obj);
    read_state(b->q, loader);
    return NULL;
}

static struct ha_err *find_loaders(struct building *b)
{
    struct ha_instances set;
    struct ha_loader *boot = ha_vec_push(&b->list);
    if (boot == NULL) {
        return ha_err_nomem();
    }
    *boot = (struct ha_loader){.obj = HA_OBJ_NONE};
    HA_TRY(ha_instances_init(&set, b->q));
    ha_instances_mark(&set, "java.lang.ClassLoader", true, 1);
    struct ha_err *err = ha_instances_each(&set, add_loader, b);
    ha_instances_deinit(&set);
    return err;
}

static struct ha_loader *loader_of(struct building *b, ha_obj obj)
{
    uint32_t number = ha_obj_is_none(obj) ? 0 : ha_idmap_get(&b->numbers, obj.i);
    return number < b->list.count ? &b->list.data[number] : NULL;
}

static struct ha_err *add_sums(struct building *b)
{
    const struct ha_histogram_options options = {
        .by = HA_BY_LOADER, .sort = HA_SORT_SHALLOW, .with_empty = true};
    struct ha_histogram histogram;
    HA_TRY(ha_histogram_query(b->q, &options, &histogram));
    for (uint64_t i = 0; i < histogram.count; i++) {
        const struct ha_histogram_row *row = &histogram.rows[i];
        struct ha_loader *loader = loader_of(b, row->loader);
        if (loader != NULL) {
            loader->classes = row->classes;
            loader->instances = row->instances;
            loader->shallow_bytes = row->shallow_bytes;
            loader->instances_retained_bytes = row->retained_bytes;
        }
    }
    return NULL;
}

/* ---- names defined several times ---- */

static int compare_classes(const void *ctx, const void *a, const void *b)
{
    const struct ha_heap *heap = ctx;
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    int order = strcmp(heap->classes[x].name, heap->classes[y].name);
    return order != 0 ? order : (x > y) - (x < y);
}

static int compare_duplicates(const void *ctx, const void *a, const void *b)
{
    const struct ha_duplicate_class *x = a;
    const struct ha_duplicate_class *y = b;
    (void)ctx;
    if (x->loaders != y->loaders) {
        return x->loaders > y->loaders ? -1 : 1;
    }
    if (x->shallow_bytes != y->shallow_bytes) {
        return x->shallow_bytes > y->shallow_bytes ? -1 : 1;
    }
    return strcmp(x->name, y->name);
}

/* Classes list[0] … list[count - 1] have the same name. */
static void add_duplicate(struct building *b, const uint32_t *list, uint64_t count,
                          struct ha_rank *rank)
{
    const struct ha_snapshot *snapshot = b->q->snapshot;
    struct ha_duplicate_class row = {.name = snapshot->heap->classes[list[0]].name,
                                     .loaders = count};
    for (uint64_t i = 0; i < count; i++) {
        struct ha_loader *loader = loader_of(b, snapshot->heap->classes[list[i]].loader);
        if (loader != NULL) {
            loader->duplicates++;
        }
        if (snapshot->retained != NULL) {
            row.instances += snapshot->retained->classes[list[i]].instances;
            row.shallow_bytes += snapshot->retained->classes[list[i]].shallow_bytes;
        }
    }
    ha_rank_offer(rank, &row);
}

static struct ha_err *rank_duplicates(struct building *b, const uint32_t *sorted, uint64_t count,
                                      uint64_t limit, struct ha_loaders *ret)
{
    const struct ha_heap *heap = b->q->snapshot->heap;
    struct ha_rank rank;
    ha_rank_init(&rank, sizeof(struct ha_duplicate_class), limit, compare_duplicates, NULL);
    for (uint64_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && strcmp(heap->classes[sorted[i]].name,
                                                heap->classes[sorted[end]].name) == 0;
             end++) {
        }
        if (end - i > 1) {
            add_duplicate(b, sorted + i, end - i, &rank);
        }
    }
    struct ha_err *err = ha_rank_finish(&rank);
    if (err == NULL) {
        ret->duplicates = ha_arena_calloc(&b->q->arena, rank.count + 1, sizeof *ret->duplicates);
        if (ret->duplicates == NULL) {
            err = ha_err_nomem();
        } else if (rank.count > 0) {
            memcpy(ret->duplicates, rank.data, rank.count * sizeof *ret->duplicates);
        }
        ret->duplicate_count = rank.count;
        ret->duplicates_omitted = ha_rank_omitted(&rank);
    }
    ha_rank_deinit(&rank);
    return err;
}

static struct ha_err *find_duplicates(struct building *b, uint64_t limit, struct ha_loaders *ret)
{
    const struct ha_heap *heap = b->q->snapshot->heap;
    uint32_t *list = ha_alloc_array((size_t)heap->facts.class_count + 1, sizeof *list);
    uint64_t count = 0;
    if (list == NULL) {
        return ha_err_nomem();
    }
    for (uint32_t c = 0; c < heap->facts.class_count; c++) {
        const struct ha_class *cls = &heap->classes[c];
        if (cls->kind == HA_CLASS_INSTANCE && !ha_obj_is_none(cls->object) &&
            ha_query_reachable(b->q, cls->object)) {
            list[count++] = c;
        }
    }
    ha_rank_sort(list, count, sizeof *list, compare_classes, heap);
    struct ha_err *err = rank_duplicates(b, list, count, limit, ret);
    ha_free(list);
    return err;
}

/* ---- the tree ---- */

static void find_parent(struct building *b, uint32_t i)
{
    const struct ha_heap *heap = b->q->snapshot->heap;
    ha_obj parent;
    struct ha_loader *above = NULL;
    if (i > 0 &&
        ha_heap_read_reference(heap, &b->q->window, b->list.data[i].obj, "parent", &parent)) {
        above = loader_of(b, parent);
    }
    b->parent[i] = above == NULL ? 0 : (uint32_t)(above - b->list.data);
}

/* Cuts circles and ways that are too long. */
static void check_ways(struct building *b)
{
    for (uint32_t i = 1; i < b->list.count; i++) {
        uint32_t at = i;
        uint32_t steps = 0;
        for (; at != 0 && steps <= PARENTS_MAX; steps++) {
            at = b->parent[at];
        }
        if (at != 0) {
            b->parent[i] = 0;
        }
    }
}

static int compare_loaders(const void *ctx, const void *a, const void *b)
{
    const struct ha_loader *x = *(struct ha_loader *const *)a;
    const struct ha_loader *y = *(struct ha_loader *const *)b;
    (void)ctx;
    if (x->retained_bytes != y->retained_bytes) {
        return x->retained_bytes > y->retained_bytes ? -1 : 1;
    }
    int order = strcmp(x->class_name, y->class_name);
    return order != 0 ? order : (x->obj.i > y->obj.i) - (x->obj.i < y->obj.i);
}

static struct ha_err *link_children(struct building *b, struct ha_loader *list)
{
    uint64_t count = b->list.count;
    struct ha_loader **slots = ha_arena_calloc(&b->q->arena, count + 1, sizeof *slots);
    if (slots == NULL) {
        return ha_err_nomem();
    }
    for (uint64_t i = 1; i < count; i++) {
        list[b->parent[i]].child_count++;
    }
    for (uint64_t i = 0; i < count; i++) {
        list[i].children = slots;
        slots += list[i].child_count;
        list[i].child_count = 0;
    }
    for (uint64_t i = 1; i < count; i++) {
        struct ha_loader *above = &list[b->parent[i]];
        above->children[above->child_count++] = &list[i];
    }
    for (uint64_t i = 0; i < count; i++) {
        ha_rank_sort(list[i].children, list[i].child_count, sizeof *list[i].children,
                     compare_loaders, NULL);
    }
    return NULL;
}

static struct ha_err *build_tree(struct building *b, struct ha_loaders *ret)
{
    uint64_t count = b->list.count;
    struct ha_loader *list = ha_arena_calloc(&b->q->arena, count, sizeof *list);
    b->parent = ha_calloc_array(count, sizeof *b->parent);
    if (list == NULL || b->parent == NULL) {
        return ha_err_nomem();
    }
    for (uint32_t i = 0; i < count; i++) {
        find_parent(b, i);
    }
    check_ways(b);
    memcpy(list, b->list.data, count * sizeof *list);
    for (uint64_t i = 0; i < count; i++) {
        ret->stopped += list[i].stopped;
    }
    ret->root = list;
    ret->count = count;
    return link_children(b, list);
}

struct ha_err *ha_loaders_query(struct ha_query *q, uint64_t limit, struct ha_loaders *ret)
{
    struct building b = {.q = q};
    *ret = (struct ha_loaders){0};
    struct ha_err *err = find_loaders(&b);
    err = err != NULL ? err : add_sums(&b);
    err = err != NULL ? err : find_duplicates(&b, limit, ret);
    err = err != NULL ? err : build_tree(&b, ret);
    ha_free(b.parent);
    ha_idmap_deinit(&b.numbers);
    ha_vec_deinit(&b.list);
    return err;
}
