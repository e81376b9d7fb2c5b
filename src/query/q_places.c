/* SPDX-License-Identifier: MIT */
/*
 * Places are made level by level from a queue. A place is expanded by summing what its objects dominate directly, by class; only the
 * objects of classes whose sum is large are looked at one by one, to see by which reference they are held.
 *
 *     place ──children──▶ sums by class ──large──▶ kids ──label──▶ runs of one label ──large──▶ new places, queued with their objects
 *
 * Naming a reference reads the dump. Up to LABELS kids of a class are all named and told apart by their names; of more, LABELS spread evenly
 * are named, and if these agree, so they are called. Every object is in one place at most, so a level costs no more than the number of objects.
 */
#include "ha/query/q_places.h"

#include <string.h>

#include "ha/base/hash.h"
#include "ha/base/idmap.h"
#include "ha/base/vec.h"
#include "ha/query/q_names.h"
#include "ha/query/q_paths.h"
#include "ha/query/q_rank.h"

#define LABELS 256U
#define ARRAY_LOOKED_THROUGH 4096U /* longer arrays are taken to hold what they dominate */
#define DEPTH_MAX 1000U            /* expansions one below the other */
#define NO_LABEL UINT32_MAX

struct objects {
    ha_obj *data;
    size_t count;
    size_t capacity;
};

/* A place and those of its objects that are yet to be expanded. */
struct task {
    uint32_t place;
    uint32_t depth;
    struct objects objects;
};

struct kid {
    ha_obj obj, parent;
    uint32_t key;   /* stable name */
    uint32_t label; /* stable name of the reference */
    uint64_t retained_bytes;
};

struct places {
    struct ha_query *q;
    uint64_t min_bytes;
    HA_VEC(struct ha_place) list;
    HA_VEC(struct task) queue;
    HA_VEC(struct kid) kids;
    HA_VEC(const char *) texts; /* by number */
    struct ha_idmap text_numbers;
    uint32_t *name_of_slot;     /* per slot: number of its stable name + 1; 0: not made yet */
    HA_VEC(uint64_t) sums;      /* per text, which may be the name of several slots: every lambda has a class of its own */
    HA_VEC(uint32_t) touched;   /* sums that are not 0 */
    uint64_t budget;            /* objects that may yet be queued: each has one place */
    bool cut;
};

static void places_deinit(struct places *p)
{
    for (size_t i = 0; i < p->queue.count; i++) {
        ha_vec_deinit(&p->queue.data[i].objects);
    }
    ha_vec_deinit(&p->queue);
    ha_vec_deinit(&p->list);
    ha_vec_deinit(&p->kids);
    ha_vec_deinit(&p->texts);
    ha_vec_deinit(&p->touched);
    ha_idmap_deinit(&p->text_numbers);
    ha_free(p->name_of_slot);
    ha_vec_deinit(&p->sums);
}

/* ---- texts by number ---- */

/* The number of a text; another text with the same hash moves on to the next one. Consumes the buffer. */
static struct ha_err *text_number(struct places *p, struct ha_sbuf *text, uint32_t *ret)
{
    bool failed = ha_sbuf_failed(text);
    const char *copy = failed ? NULL : ha_arena_strndup(&p->q->arena, ha_sbuf_text(text), text->len);
    ha_sbuf_deinit(text);
    for (uint64_t hash = copy == NULL ? 0 : ha_hash(copy, strlen(copy)); copy != NULL; hash++) {
        uint32_t old;
        if (!ha_idmap_add(&p->text_numbers, hash, (uint32_t)p->texts.count, &old)) {
            break;
        }
        if (old == HA_IDMAP_NONE) {
            const char **slot = ha_vec_push(&p->texts);
            uint64_t *sum = ha_vec_push(&p->sums);
            if (slot == NULL || sum == NULL) {
                break;
            }
            *slot = copy;
            *sum = 0;
            *ret = (uint32_t)p->texts.count - 1;
            return NULL;
        }
        if (strcmp(p->texts.data[old], copy) == 0) {
            *ret = old;
            return NULL;
        }
    }
    return ha_err_nomem();
}

/* The number of an object's class; behind the classes, class objects by what they stand for. */
static uint32_t slot_of(const struct places *p, ha_obj obj)
{
    const struct ha_heap *heap = p->q->snapshot->heap;
    ha_cls stands_for;
    return ha_heap_as_class(heap, obj, &stands_for) ? heap->facts.class_count + stands_for.i
                                                    : ha_heap_class_of(heap, obj).i;
}

static struct ha_err *slot_name(struct places *p, uint32_t slot, uint32_t *ret)
{
    const struct ha_heap *heap = p->q->snapshot->heap;
    if (p->name_of_slot[slot] == 0) {
        bool is_class = slot >= heap->facts.class_count;
        ha_cls cls = {is_class ? slot - heap->facts.class_count : slot};
        struct ha_sbuf text = {0};
        ha_sbuf_puts(&text, is_class ? "class " : "");
        ha_name_stable(ha_heap_class(heap, cls)->name, &text);
        uint32_t number;
        HA_TRY(text_number(p, &text, &number));
        p->name_of_slot[slot] = number + 1;
    }
    *ret = p->name_of_slot[slot] - 1;
    return NULL;
}

/* ---- what a place dominates ---- */

static struct ha_err *sum_add(struct places *p, ha_obj obj)
{
    uint32_t name;
    HA_TRY(slot_name(p, slot_of(p, obj), &name));
    if (p->sums.data[name] == 0) {
        uint32_t *touched = ha_vec_push(&p->touched);
        if (touched == NULL) {
            return ha_err_nomem();
        }
        *touched = name;
    }
    p->sums.data[name] += ha_query_retained(p->q, obj);
    return NULL;
}

static struct ha_children children_of(const struct places *p, const struct task *task, size_t i)
{
    const struct ha_dom *dom = p->q->snapshot->dom;
    return task->place == HA_NONE ? ha_dom_top(dom) : ha_dom_children(dom, task->objects.data[i]);
}

static struct ha_err *sums_make(struct places *p, const struct task *task, size_t parents)
{
    for (size_t i = 0; i < parents; i++) {
        struct ha_children children = children_of(p, task, i);
        for (uint64_t k = 0; k < children.count; k++) {
            HA_TRY(sum_add(p, ha_children_at(&children, k)));
        }
    }
    return NULL;
}

static struct ha_err *kids_collect(struct places *p, const struct task *task, size_t parents)
{
    p->kids.count = 0;
    for (size_t i = 0; i < parents; i++) {
        struct ha_children children = children_of(p, task, i);
        for (uint64_t k = 0; k < children.count; k++) {
            ha_obj obj = ha_children_at(&children, k);
            uint32_t name;
            HA_TRY(slot_name(p, slot_of(p, obj), &name));
            if (p->sums.data[name] < p->min_bytes) {
                continue;
            }
            struct kid *kid = ha_vec_push(&p->kids);
            if (kid == NULL) {
                return ha_err_nomem();
            }
            *kid = (struct kid){.obj = obj,
                                .parent = task->place == HA_NONE ? HA_OBJ_NONE : task->objects.data[i],
                                .key = name,
                                .label = NO_LABEL,
                                .retained_bytes = ha_query_retained(p->q, obj)};
        }
    }
    for (size_t i = 0; i < p->touched.count; i++) {
        p->sums.data[p->touched.data[i]] = 0;
    }
    p->touched.count = 0;
    return NULL;
}

/* ---- how they are held ---- */

static struct ha_err *kid_label(struct places *p, struct kid *kid)
{
    const struct ha_heap *heap = p->q->snapshot->heap;
    struct ha_step step = {0};
    struct ha_sbuf text = {0};
    if (ha_heap_is_array(heap, kid->parent) && ha_heap_array_length(heap, kid->parent) > ARRAY_LOOKED_THROUGH) {
        ha_sbuf_puts(&text, "[]");
    } else {
        HA_TRY(ha_step_label(p->q, kid->parent, kid->obj, NULL, &step));
        if (step.field == NULL) {
            kid->label = NO_LABEL;
            return NULL;
        }
        ha_field_stable(step.field, &text);
    }
    return text_number(p, &text, &kid->label);
}

/* Labels of kids that lie side by side and have one name. */
static struct ha_err *run_label(struct places *p, struct kid *kids, size_t count)
{
    bool sampled = count > LABELS;
    bool agree = true;
    size_t looked = sampled ? LABELS : count;
    for (size_t i = 0; i < looked; i++) {
        struct kid *kid = &kids[sampled ? count / LABELS * i : i];
        HA_TRY(kid_label(p, kid));
        agree = agree && kid->label == kids[0].label;
    }
    for (size_t i = 0; sampled && i < count; i++) {
        kids[i].label = agree ? kids[0].label : NO_LABEL;
    }
    return NULL;
}

static int compare_keys(const void *ctx, const void *a, const void *b)
{
    const struct kid *x = a, *y = b;
    (void)ctx;
    if (x->key != y->key) {
        return x->key < y->key ? -1 : 1;
    }
    return x->obj.i < y->obj.i ? -1 : x->obj.i > y->obj.i;
}

static int compare_labels(const void *ctx, const void *a, const void *b)
{
    const struct kid *x = a, *y = b;
    if (x->key == y->key && x->label != y->label) {
        return x->label < y->label ? -1 : 1;
    }
    return compare_keys(ctx, a, b);
}

static size_t run_end(const struct places *p, size_t from, bool by_label)
{
    const struct kid *kids = p->kids.data;
    size_t to = from + 1;
    while (to < p->kids.count && kids[to].key == kids[from].key &&
           (!by_label || kids[to].label == kids[from].label)) {
        to++;
    }
    return to;
}

static struct ha_err *kids_label(struct places *p, const struct task *task)
{
    ha_rank_sort(p->kids.data, p->kids.count, sizeof *p->kids.data, compare_keys, NULL);
    for (size_t from = 0; task->place != HA_NONE && from < p->kids.count;) {
        size_t to = run_end(p, from, false);
        HA_TRY(run_label(p, &p->kids.data[from], to - from));
        from = to;
    }
    ha_rank_sort(p->kids.data, p->kids.count, sizeof *p->kids.data, compare_labels, NULL);
    return NULL;
}

/* ---- new places ---- */

static const char *label_text(const struct places *p, uint32_t label)
{
    return label == NO_LABEL ? NULL : p->texts.data[label];
}

/* The place of a run of kids, made unless it is the one above once more: a list of like objects. */
static struct ha_err *place_of_run(struct places *p, uint32_t above, const struct kid *kids, size_t count, uint32_t *ret)
{
    const char *name = p->texts.data[kids[0].key];
    const char *field = label_text(p, kids[0].label);
    struct ha_place place = {.class_name = name, .field = field, .parent = above, .objects = count, .largest = kids[0].obj};
    for (size_t i = 0, best = 0; i < count; i++) {
        place.retained_bytes += kids[i].retained_bytes;
        best = kids[i].retained_bytes > kids[best].retained_bytes ? i : best;
        place.largest = kids[best].obj;
    }
    const char *shown = field == NULL ? "?" : field;
    if (above == HA_NONE) {
        place.signature = name;
    } else {
        struct ha_place *up = &p->list.data[above];
        if (strcmp(up->class_name, name) == 0 && up->field != NULL && field != NULL && strcmp(up->field, field) == 0) {
            up->objects += count;
            *ret = above;
            return NULL;
        }
        place.signature = ha_arena_printf(&p->q->arena, "%s > %s %s", up->signature, shown, name);
    }
    struct ha_place *slot = ha_vec_push(&p->list);
    if (slot == NULL || place.signature == NULL) {
        return ha_err_nomem();
    }
    *slot = place;
    *ret = (uint32_t)p->list.count - 1;
    return NULL;
}

static struct ha_err *run_queue(struct places *p, uint32_t place, uint32_t depth, const struct kid *kids, size_t count)
{
    if (count > p->budget) {
        return ha_err_new(HA_ERR_INPUT, "dominator tree of the index is damaged");
    }
    p->budget -= count;
    struct task *task = ha_vec_push(&p->queue);
    if (task == NULL) {
        return ha_err_nomem();
    }
    *task = (struct task){.place = place, .depth = depth};
    if (!ha_vec_reserve(&task->objects, count)) {
        return ha_err_nomem();
    }
    for (size_t i = 0; i < count; i++) {
        task->objects.data[task->objects.count++] = kids[i].obj;
    }
    return NULL;
}

static struct ha_err *kids_place(struct places *p, uint32_t above, uint32_t depth)
{
    for (size_t from = 0; from < p->kids.count;) {
        size_t to = run_end(p, from, true);
        const struct kid *kids = &p->kids.data[from];
        uint64_t bytes = 0;
        for (size_t i = from; i < to; i++) {
            bytes += p->kids.data[i].retained_bytes;
        }
        bool full = p->list.count >= HA_PLACES_MAX;
        p->cut = p->cut || (full && bytes >= p->min_bytes);
        if (bytes >= p->min_bytes && !full) {
            uint32_t place = above;
            HA_TRY(place_of_run(p, above, kids, to - from, &place));
            if (depth < DEPTH_MAX) {
                HA_TRY(run_queue(p, place, depth + 1, kids, to - from));
            }
        }
        from = to;
    }
    return NULL;
}

static struct ha_err *expand(struct places *p, struct task *task)
{
    size_t parents = task->place == HA_NONE ? 1 : task->objects.count;
    HA_TRY(sums_make(p, task, parents));
    HA_TRY(kids_collect(p, task, parents));
    HA_TRY(kids_label(p, task));
    return kids_place(p, task->place, task->depth);
}

static struct ha_err *run(struct places *p)
{
    size_t slots = 2 * ((size_t)p->q->snapshot->heap->facts.class_count + 1);
    p->name_of_slot = ha_calloc_array(slots, sizeof *p->name_of_slot);
    if (p->name_of_slot == NULL) {
        return ha_err_nomem();
    }
    struct task top = {.place = HA_NONE};
    HA_TRY(expand(p, &top));
    for (size_t i = 0; i < p->queue.count; i++) {
        struct task task = p->queue.data[i]; // the queue may move while it grows
        p->queue.data[i].objects = (struct objects){0};
        struct ha_err *err = expand(p, &task);
        ha_vec_deinit(&task.objects);
        HA_TRY(err);
    }
    return NULL;
}

struct ha_err *ha_places_query(struct ha_query *q, uint64_t min_bytes, struct ha_places *ret)
{
    struct places p = {.q = q,
                       .min_bytes = min_bytes == 0 ? 1 : min_bytes,
                       .budget = q->snapshot->heap->facts.object_count};
    struct ha_err *err = run(&p);
    struct ha_place *list = err == NULL ? ha_arena_calloc(&q->arena, p.list.count + 1, sizeof *list) : NULL;
    if (err == NULL && list == NULL) {
        err = ha_err_nomem();
    }
    if (err == NULL) {
        memcpy(list, p.list.data, p.list.count * sizeof *list);
        *ret = (struct ha_places){list, (uint32_t)p.list.count, p.cut, p.min_bytes};
    }
    places_deinit(&p);
    return err;
}
