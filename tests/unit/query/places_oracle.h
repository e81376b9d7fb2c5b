/* SPDX-License-Identifier: MIT */
/*
 * Places as their description has them, without any thought of speed: the children of an object are looked for among all objects, names are compared as
 * texts, every kid of every place is named. Retained sizes, dominators and names of references are those of the snapshot.
 */
#ifndef HA_TESTS_UNIT_QUERY_PLACES_ORACLE_H
#define HA_TESTS_UNIT_QUERY_PLACES_ORACLE_H

#include "ha/query/q_names.h"
#include "ha/query/q_paths.h"
#include "ha/query/q_places.h"
#include "support/ck_ha.h"

#include <stdlib.h>

#define NAIVE_SAMPLE 256U
#define NAIVE_LOOKED_THROUGH 4096U
#define NAIVE_DEPTH 1000U

struct naive_kid {
    uint32_t obj, parent, key, label; /* HA_NONE: no label */
};

struct naive_task {
    uint32_t place, depth, count;
    uint32_t *objects;
};

struct naive {
    struct ha_query *q;
    uint64_t min_bytes;
    char **texts;
    uint32_t text_count;
    struct ha_place *list;
    uint32_t count;
    bool cut;
    struct naive_task *queue;
    uint32_t queued;
};

static inline void *naive_grow(void *old, uint32_t count, size_t size)
{
    void *p = realloc(old, ((size_t)count + 1) * size);
    ck_assert_ptr_nonnull(p);
    return p;
}

static inline uint32_t naive_number(struct naive *n, const char *text)
{
    for (uint32_t i = 0; i < n->text_count; i++) {
        if (strcmp(n->texts[i], text) == 0) {
            return i;
        }
    }
    n->texts = naive_grow(n->texts, n->text_count, sizeof *n->texts);
    n->texts[n->text_count] = strdup(text);
    return n->text_count++;
}

static inline uint32_t naive_key(struct naive *n, uint32_t obj)
{
    const struct ha_heap *heap = n->q->snapshot->heap;
    ha_cls cls = ha_heap_class_of(heap, (ha_obj){obj});
    bool mirror = ha_heap_as_class(heap, (ha_obj){obj}, &cls);
    struct ha_sbuf text = {0};
    ha_sbuf_puts(&text, mirror ? "class " : "");
    ha_name_stable(ha_heap_class(heap, cls)->name, &text);
    uint32_t key = naive_number(n, ha_sbuf_text(&text));
    ha_sbuf_deinit(&text);
    return key;
}

static inline uint32_t naive_label(struct naive *n, const struct naive_kid *kid)
{
    const struct ha_heap *heap = n->q->snapshot->heap;
    ha_obj parent = {kid->parent};
    struct ha_step step;
    struct ha_sbuf text = {0};
    if (ha_heap_array_length(heap, parent) > NAIVE_LOOKED_THROUGH) {
        return naive_number(n, "[]");
    }
    ck_ok(ha_step_label(n->q, parent, (ha_obj){kid->obj}, NULL, &step));
    if (step.field == NULL) {
        return HA_NONE;
    }
    ha_field_stable(step.field, &text);
    uint32_t label = naive_number(n, ha_sbuf_text(&text));
    ha_sbuf_deinit(&text);
    return label;
}

/* Kids of the objects of a task, in the order of these, then in their own. */
static inline struct naive_kid *naive_kids(struct naive *n, const struct naive_task *task, uint32_t *ret_count)
{
    const struct ha_dom *dom = n->q->snapshot->dom;
    struct naive_kid *kids = naive_grow(NULL, 0, sizeof *kids);
    *ret_count = 0;
    for (uint32_t i = 0; i < (task->place == HA_NONE ? 1 : task->count); i++) {
        uint32_t parent = task->place == HA_NONE ? HA_DOM_ROOT : task->objects[i];
        for (uint32_t obj = 0; obj < dom->heap->facts.object_count; obj++) {
            if (ha_dom_idom(dom, (ha_obj){obj}) == parent) {
                kids = naive_grow(kids, *ret_count, sizeof *kids);
                kids[(*ret_count)++] = (struct naive_kid){obj, parent, naive_key(n, obj), HA_NONE};
            }
        }
    }
    return kids;
}

static inline uint64_t naive_bytes(const struct naive *n, const struct naive_kid *kids, uint32_t count, uint32_t key)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        bytes += kids[i].key == key ? ha_query_retained(n->q, (ha_obj){kids[i].obj}) : 0;
    }
    return bytes;
}

static int naive_compare(const void *a, const void *b)
{
    const struct naive_kid *x = a, *y = b;
    if (x->key != y->key) {
        return x->key < y->key ? -1 : 1;
    }
    if (x->label != y->label) {
        return x->label < y->label ? -1 : 1;
    }
    return x->obj < y->obj ? -1 : x->obj > y->obj;
}

/* Gives labels to kids of one key. */
static inline void naive_label_group(struct naive *n, struct naive_kid *kids, uint32_t count)
{
    bool agree = true;
    for (uint32_t i = 0; i < (count < NAIVE_SAMPLE ? count : NAIVE_SAMPLE); i++) {
        struct naive_kid *kid = &kids[count > NAIVE_SAMPLE ? count / NAIVE_SAMPLE * i : i];
        kid->label = naive_label(n, kid);
        agree = agree && kid->label == kids[0].label;
    }
    for (uint32_t i = 0; count > NAIVE_SAMPLE && i < count; i++) {
        kids[i].label = agree ? kids[0].label : HA_NONE;
    }
}

static inline void naive_queue(struct naive *n, uint32_t place, uint32_t depth, const struct naive_kid *kids, uint32_t count)
{
    n->queue = naive_grow(n->queue, n->queued, sizeof *n->queue);
    struct naive_task *task = &n->queue[n->queued++];
    *task = (struct naive_task){place, depth, count, naive_grow(NULL, count, sizeof(uint32_t))};
    for (uint32_t i = 0; i < count; i++) {
        task->objects[i] = kids[i].obj;
    }
}

/* A run of kids of one key and label. */
static inline void naive_place(struct naive *n, const struct naive_task *task, const struct naive_kid *kids, uint32_t count)
{
    struct ha_place place = {.class_name = n->texts[kids[0].key], .field = kids[0].label == HA_NONE ? NULL : n->texts[kids[0].label],
                             .parent = task->place, .objects = count, .largest = {kids[0].obj}};
    for (uint32_t i = 0; i < count; i++) {
        place.retained_bytes += ha_query_retained(n->q, (ha_obj){kids[i].obj});
        if (ha_query_retained(n->q, (ha_obj){kids[i].obj}) > ha_query_retained(n->q, place.largest)) {
            place.largest.i = kids[i].obj;
        }
    }
    bool large = place.retained_bytes >= n->min_bytes;
    n->cut = n->cut || (large && n->count == HA_PLACES_MAX);
    if (!large || n->count == HA_PLACES_MAX) {
        return;
    }
    struct ha_place *up = task->place == HA_NONE ? NULL : &n->list[task->place];
    uint32_t number = n->count;
    if (up != NULL && up->field != NULL && place.field != NULL && strcmp(up->field, place.field) == 0 && strcmp(up->class_name, place.class_name) == 0) {
        up->objects += count;
        number = task->place;
    } else {
        place.signature = up == NULL ? place.class_name
                                     : ha_arena_printf(&n->q->arena, "%s > %s %s", up->signature, place.field == NULL ? "?" : place.field, place.class_name);
        n->list = naive_grow(n->list, n->count, sizeof *n->list);
        n->list[n->count++] = place;
    }
    if (task->depth < NAIVE_DEPTH) {
        naive_queue(n, number, task->depth + 1, kids, count);
    }
}

static inline void naive_expand(struct naive *n, const struct naive_task *task)
{
    uint32_t count, kept = 0;
    struct naive_kid *kids = naive_kids(n, task, &count);
    uint64_t *bytes = calloc((size_t)n->text_count + 1, sizeof *bytes);
    for (uint32_t key = 0; key < n->text_count; key++) {
        bytes[key] = naive_bytes(n, kids, count, key);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (bytes[kids[i].key] >= n->min_bytes) {
            kids[kept++] = kids[i];
        }
    }
    free(bytes);
    qsort(kids, kept, sizeof *kids, naive_compare);
    for (uint32_t i = 0, end; task->place != HA_NONE && i < kept; i = end) {
        for (end = i; end < kept && kids[end].key == kids[i].key; end++) {
        }
        naive_label_group(n, &kids[i], end - i);
    }
    qsort(kids, kept, sizeof *kids, naive_compare);
    for (uint32_t i = 0, end; i < kept; i = end) {
        for (end = i; end < kept && kids[end].key == kids[i].key && kids[end].label == kids[i].label; end++) {
        }
        naive_place(n, task, &kids[i], end - i);
    }
    free(kids);
}

static inline void naive_places(struct naive *n, struct ha_query *q, uint64_t min_bytes)
{
    *n = (struct naive){.q = q, .min_bytes = min_bytes};
    naive_expand(n, &(struct naive_task){.place = HA_NONE});
    for (uint32_t i = 0; i < n->queued; i++) {
        struct naive_task task = n->queue[i];
        naive_expand(n, &task);
    }
}

static inline void naive_deinit(struct naive *n)
{
    for (uint32_t i = 0; i < n->text_count; i++) {
        free(n->texts[i]);
    }
    for (uint32_t i = 0; i < n->queued; i++) {
        free(n->queue[i].objects);
    }
    free(n->texts);
    free(n->queue);
    free(n->list);
}

#endif
