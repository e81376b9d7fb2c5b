/* SPDX-License-Identifier: MIT */
/*
 * Places are made level by level from a queue. A place is expanded by summing what its objects dominate directly, by class (q_kids.h); only the
 * objects of classes whose sum is large are listed, and looked at to see by which reference they are held.
 *
 *     place ──gather──▶ groups by class ──large──▶ lists ──label──▶ runs of one label ──large──▶ new places, queued with their objects
 *
 * Naming a reference reads the dump. Up to KIDS_SAMPLE kids of a class are all named and told apart by their names; of more, KIDS_SAMPLE spread evenly
 * are named, and if these agree, so they are called. Every object is in one place at most, so a level costs no more than the number of objects.
 *
 * Places lie in the order of the queue, those of one place above by the number of their class's name, then of their label. Names and labels are
 * numbered as they are met.
 */
#include "ha/query/q_places.h"

#include <string.h>

#include "ha/base/vec.h"
#include "ha/query/q_names.h"
#include "ha/query/q_paths.h"
#include "ha/query/q_rank.h"
#include "query/q_kids.h"
#include "query/q_place.h"
#include "query/q_tree.h"

#define ARRAY_LOOKED_THROUGH 4096U /* longer arrays are taken to hold what they dominate */
#define DEPTH_MAX 1000U            /* expansions one below the other */
#define NO_LABEL UINT32_MAX

/* A place and those of its objects that are yet to be expanded. */
struct task {
    uint32_t place;
    uint32_t depth;
    struct kid_objects objects;
};

/* Kids that were told apart by their labels. */
struct kid {
    ha_obj obj;
    uint32_t label;
    uint64_t retained_bytes;
};

/* A large group of kids. */
struct large {
    struct kid_group group;
    uint32_t key; /* number of the name */
    struct kid_objects holders;
    size_t kids_first, kids_count; /* none: all have one label */
    uint32_t label;
};

struct places {
    struct ha_query *q;
    uint64_t min_bytes;
    struct kids kids;
    struct texts texts;      /* names and labels */
    uint32_t *name_numbers;  /* per name of kids: its number among texts; HA_NONE: not met yet */
    HA_VEC(struct ha_place) list;
    HA_VEC(struct task) queue;
    HA_VEC(struct large) larges; /* of the place that is being expanded */
    HA_VEC(struct kid) apart;    /* kids of larges */
    uint64_t budget;             /* objects that may yet be queued: each has one place */
    bool cut;
};

static void larges_clear(struct places *p)
{
    for (size_t i = 0; i < p->larges.count; i++) {
        ha_vec_deinit(&p->larges.data[i].holders);
    }
    p->larges.count = 0;
    p->apart.count = 0;
}

static void places_deinit(struct places *p)
{
    for (size_t i = 0; i < p->queue.count; i++) {
        ha_vec_deinit(&p->queue.data[i].objects);
    }
    larges_clear(p);
    ha_vec_deinit(&p->queue);
    ha_vec_deinit(&p->list);
    ha_vec_deinit(&p->larges);
    ha_vec_deinit(&p->apart);
    texts_deinit(&p->texts);
    ha_free(p->name_numbers);
    kids_deinit(&p->kids);
}

/* ---- what a place dominates ---- */

static int compare_larges(const void *ctx, const void *a, const void *b)
{
    const struct large *x = a, *y = b;
    (void)ctx;
    return (x->key > y->key) - (x->key < y->key);
}

/* The groups that are large, in the order of their numbers. */
static struct ha_err *larges_make(struct places *p, const struct task *task)
{
    HA_TRY(kids_gather(&p->kids, task->place == HA_NONE ? NULL : task->objects.data, task->objects.count));
    for (size_t i = 0; i < p->kids.groups.count; i++) {
        const struct kid_group *group = &p->kids.groups.data[i];
        uint32_t *number = &p->name_numbers[group->name];
        if (*number == HA_NONE) {
            HA_TRY(texts_number(&p->texts, p->kids.names.list.data[group->name], number));
        }
        if (group->bytes < p->min_bytes) {
            continue;
        }
        struct large *large = ha_vec_push(&p->larges);
        if (large == NULL) {
            return ha_err_nomem();
        }
        *large = (struct large){.group = *group, .key = *number, .label = NO_LABEL};
    }
    ha_rank_sort(p->larges.data, p->larges.count, sizeof *p->larges.data, compare_larges, NULL);
    return NULL;
}

/* ---- how they are held ---- */

/* Whether an object refers to another one, by whatever but its class. */
static bool refers_to(const struct places *p, ha_obj source, ha_obj target)
{
    struct ha_out out = ha_graph_out(p->q->snapshot->graph, source);
    bool found = false;
    for (ha_obj next; !found && ha_out_next(&out, &next);) {
        found = next.i == target.i;
    }
    return found;
}

/* Elements of an array are told from the graph: the dump would have to be read up to the one in question. */
static bool is_element(const struct places *p, ha_obj array, ha_obj obj)
{
    const struct ha_heap *heap = p->q->snapshot->heap;
    ha_cls stands_for;
    return ha_heap_class(heap, ha_heap_class_of(heap, array))->kind == HA_CLASS_OBJECT_ARRAY && !ha_heap_as_class(heap, obj, &stands_for) && refers_to(p, array, obj);
}

static struct ha_err *kid_label(struct places *p, ha_obj obj, uint32_t *ret)
{
    const struct ha_heap *heap = p->q->snapshot->heap;
    struct ha_step step = {0};
    struct ha_sbuf text = {0};
    ha_obj parent;
    *ret = NO_LABEL;
    if (!ha_dom_of(p->q->snapshot->dom, obj, &parent)) {
        return NULL;
    }
    if (ha_heap_is_array(heap, parent) && (ha_heap_array_length(heap, parent) > ARRAY_LOOKED_THROUGH || is_element(p, parent, obj))) {
        ha_sbuf_puts(&text, "[]");
    } else {
        HA_TRY(ha_step_label(p->q, parent, obj, NULL, &step));
        if (step.field == NULL) {
            return NULL;
        }
        ha_field_stable(step.field, &text);
    }
    return texts_number_of(&p->texts, &text, ret);
}

static struct ha_err *sample_label(struct places *p, struct large *large, const struct kid_list *list)
{
    for (uint32_t i = 0; i < list->sample_count; i++) {
        uint32_t label;
        HA_TRY(kid_label(p, list->sample[i], &label));
        large->label = i == 0 || large->label == label ? label : NO_LABEL;
    }
    return NULL;
}

static int compare_labels(const void *ctx, const void *a, const void *b)
{
    const struct kid *x = a, *y = b;
    (void)ctx;
    if (x->label != y->label) {
        return x->label < y->label ? -1 : 1;
    }
    return (x->obj.i > y->obj.i) - (x->obj.i < y->obj.i);
}

/* Every kid of a group of few by its own label. */
static struct ha_err *kids_part(struct places *p, struct large *large, const struct kid_list *list)
{
    large->kids_first = p->apart.count;
    large->kids_count = list->sample_count;
    if (!ha_vec_reserve(&p->apart, list->sample_count)) {
        return ha_err_nomem();
    }
    for (uint32_t i = 0; i < list->sample_count; i++) {
        struct kid *kid = &p->apart.data[p->apart.count++];
        *kid = (struct kid){.obj = list->sample[i], .retained_bytes = ha_query_retained(p->q, list->sample[i])};
        HA_TRY(kid_label(p, kid->obj, &kid->label));
    }
    ha_rank_sort(p->apart.data + large->kids_first, large->kids_count, sizeof *p->apart.data, compare_labels, NULL);
    return NULL;
}

static struct ha_err *larges_label(struct places *p, const struct task *task)
{
    for (size_t i = 0; i < p->larges.count; i++) {
        struct large *large = &p->larges.data[i];
        struct kid_list list;
        HA_TRY(kids_list(&p->kids, &large->group, &list));
        large->holders = list.holders;
        if (task->place == HA_NONE) {
            continue;
        }
        HA_TRY(large->group.count > KIDS_SAMPLE ? sample_label(p, large, &list) : kids_part(p, large, &list));
    }
    return NULL;
}

/* ---- new places ---- */

/* Kids of one class and label. */
struct run {
    uint32_t key, label;
    uint64_t count, bytes;
    ha_obj largest;
    struct kid_objects holders; /* owned */
};

static const char *label_text(const struct places *p, uint32_t label)
{
    return label == NO_LABEL ? NULL : p->texts.list.data[label];
}

/* The place of a run, made unless it is the one above once more: a list of like objects. */
static struct ha_err *place_of_run(struct places *p, uint32_t above, const struct run *run, uint32_t *ret)
{
    const char *name = p->texts.list.data[run->key];
    const char *field = label_text(p, run->label);
    struct ha_place place = {.class_name = name, .field = field, .parent = above, .objects = run->count, .retained_bytes = run->bytes, .largest = run->largest};
    struct ha_place *up = above == HA_NONE ? NULL : &p->list.data[above];
    if (up != NULL && strcmp(up->class_name, name) == 0 && up->field != NULL && field != NULL && strcmp(up->field, field) == 0) {
        up->objects += run->count;
        *ret = above;
        return NULL;
    }
    place.signature = place_signature(&p->q->arena, up, field, name);
    struct ha_place *slot = ha_vec_push(&p->list);
    if (slot == NULL || place.signature == NULL) {
        return ha_err_nomem();
    }
    *slot = place;
    *ret = (uint32_t)p->list.count - 1;
    return NULL;
}

/* Queues what may dominate something, if there is any; takes it over. */
static struct ha_err *run_queue(struct places *p, uint32_t place, uint32_t depth, struct run *run)
{
    if (run->count > p->budget) {
        return ha_tree_damaged();
    }
    p->budget -= run->count;
    if (run->holders.count == 0) {
        return NULL;
    }
    struct task *task = ha_vec_push(&p->queue);
    if (task == NULL) {
        return ha_err_nomem();
    }
    *task = (struct task){place, depth, run->holders};
    run->holders = (struct kid_objects){0};
    return NULL;
}

static struct ha_err *run_place(struct places *p, const struct task *task, struct run *run)
{
    bool large = run->bytes >= p->min_bytes, full = p->list.count >= HA_PLACES_MAX;
    p->cut = p->cut || (full && large);
    if (!large || full) {
        return NULL;
    }
    uint32_t place = task->place;
    HA_TRY(place_of_run(p, task->place, run, &place));
    return task->depth < DEPTH_MAX ? run_queue(p, place, task->depth + 1, run) : NULL;
}

static struct ha_err *run_add_kid(const struct places *p, struct run *run, const struct kid *kid)
{
    if (run->count == 0 || kid->retained_bytes > ha_query_retained(p->q, run->largest)) {
        run->largest = kid->obj;
    }
    run->count++;
    run->bytes += kid->retained_bytes;
    ha_obj *holder = ha_vec_push(&run->holders);
    if (holder == NULL) {
        return ha_err_nomem();
    }
    *holder = kid->obj;
    return NULL;
}

/* The runs of a group whose kids have labels of their own. */
static struct ha_err *apart_place(struct places *p, const struct task *task, const struct large *large)
{
    struct ha_err *err = NULL;
    for (size_t i = 0; i < large->kids_count && err == NULL;) {
        const struct kid *kids = &p->apart.data[large->kids_first];
        struct run run = {.key = large->key, .label = kids[i].label};
        for (; i < large->kids_count && kids[i].label == run.label && err == NULL; i++) {
            err = run_add_kid(p, &run, &kids[i]);
        }
        if (err == NULL) {
            err = run_place(p, task, &run);
        }
        ha_vec_deinit(&run.holders);
    }
    return err;
}

static struct ha_err *larges_place(struct places *p, const struct task *task)
{
    for (size_t i = 0; i < p->larges.count; i++) {
        struct large *large = &p->larges.data[i];
        if (large->kids_count > 0) {
            HA_TRY(apart_place(p, task, large));
            continue;
        }
        const struct kid_group *group = &large->group;
        struct run run = {large->key, large->label, group->count, group->bytes, group->largest, large->holders};
        large->holders = (struct kid_objects){0};
        struct ha_err *err = run_place(p, task, &run);
        ha_vec_deinit(&run.holders);
        HA_TRY(err);
    }
    return NULL;
}

static struct ha_err *expand(struct places *p, const struct task *task)
{
    struct ha_err *err = larges_make(p, task);
    if (err == NULL) {
        err = larges_label(p, task);
    }
    if (err == NULL) {
        err = larges_place(p, task);
    }
    larges_clear(p);
    return err;
}

static struct ha_err *run(struct places *p)
{
    HA_TRY(kids_init(&p->kids, p->q, p->min_bytes));
    p->name_numbers = ha_alloc_array(p->kids.names.list.count + 1, sizeof *p->name_numbers);
    if (p->name_numbers == NULL) {
        return ha_err_nomem();
    }
    for (size_t i = 0; i < p->kids.names.list.count; i++) {
        p->name_numbers[i] = HA_NONE;
    }
    struct task top = {.place = HA_NONE};
    HA_TRY(expand(p, &top));
    /* once there is no room for more, all that can still be found is that some are missing */
    for (size_t i = 0; i < p->queue.count && !p->cut; i++) {
        struct task task = p->queue.data[i]; // the queue may move while it grows
        p->queue.data[i].objects = (struct kid_objects){0};
        struct ha_err *err = expand(p, &task);
        ha_vec_deinit(&task.objects);
        HA_TRY(err);
    }
    return NULL;
}

static struct ha_err *work_out(struct ha_query *q, uint64_t min_bytes, struct ha_places *ret)
{
    struct places p = {.q = q, .min_bytes = min_bytes, .texts.arena = &q->arena, .budget = q->snapshot->heap->facts.object_count};
    struct ha_err *err = run(&p);
    struct ha_place *list = err == NULL ? ha_arena_calloc(&q->arena, p.list.count + 1, sizeof *list) : NULL;
    if (err == NULL && list == NULL) {
        err = ha_err_nomem();
    }
    if (err == NULL) {
        if (p.list.count > 0) {
            memcpy(list, p.list.data, p.list.count * sizeof *list);
        }
        *ret = (struct ha_places){.list = list, .count = (uint32_t)p.list.count, .cut = p.cut, .min_bytes = p.min_bytes};
    }
    places_deinit(&p);
    return err;
}

/* Those of the usual size: asked for more than once, and kept. */
static struct ha_err *usual(struct ha_query *q, struct ha_places *ret)
{
    const uint64_t share = q->snapshot->retained->reachable_bytes / HA_PLACES_SHARE, min_bytes = share == 0 ? 1 : share;
    bool found = true;
    if (q->places != NULL) {
        *ret = *q->places;
        return NULL;
    }
    HA_TRY(places_load(q, min_bytes, ret, &found));
    if (!found) {
        HA_TRY(work_out(q, min_bytes, ret));
    }
    struct ha_places *copy = ha_arena_alloc(&q->arena, 1, sizeof *copy);
    if (copy == NULL) {
        return ha_err_nomem();
    }
    *copy = *ret;
    q->places = copy;
    return NULL;
}

struct ha_err *ha_places_query(struct ha_query *q, uint64_t min_bytes, struct ha_places *ret)
{
    return min_bytes == 0 ? usual(q, ret) : work_out(q, min_bytes, ret);
}
