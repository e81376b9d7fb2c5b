/* SPDX-License-Identifier: MIT */
/*
 * Forwards, breadth first, level by level, from all roots in ascending order. The edge of an object to its class is followed when the first
 * instance of the class is expanded; class objects that are roots have no parent anyway.
 *
 * Edges wait for each other, so that the parents of all their targets are asked for before the first is looked at.
 */
#include "ha/query/q_multipath.h"

#include <string.h>

#include "ha/base/vec.h"
#include "query/q_edges.h"

#define WAITING_MAX 512U
#define WAITING_MIN 128U /* as many are enough to wait for each other */
#define AHEAD 8U         /* objects of the level whose rows are asked for */

typedef HA_VEC(uint32_t) object_list;

struct edge {
    uint32_t source, target;
};

struct search {
    struct ha_query *q;
    struct ha_edge_filter filter;
    uint32_t *parents;
    uint8_t *wanted; /* bit per object: a target that is not reached yet */
    uint64_t left;   /* targets not reached yet */
    object_list level, level_next;
    uint32_t source; /* whose targets are being taken */
    struct edge waiting[WAITING_MAX];
    unsigned waiting_count;
    bool failed;
};

static void reach(struct search *s, ha_obj obj, uint32_t parent)
{
    if (s->parents[obj.i] != 0) {
        return;
    }
    s->parents[obj.i] = parent;
    uint32_t *slot = ha_vec_push(&s->level_next);
    if (slot == NULL) {
        s->failed = true;
        return;
    }
    *slot = obj.i;
    uint8_t bit = (uint8_t)(1U << (obj.i & 7));
    if ((s->wanted[obj.i >> 3] & bit) != 0) {
        s->wanted[obj.i >> 3] &= (uint8_t)~bit;
        s->left--;
    }
}

static void reach_waiting(struct search *s)
{
    for (unsigned i = 0; i < s->waiting_count && !s->failed; i++) {
        reach(s, (ha_obj){s->waiting[i].target}, s->waiting[i].source + 2);
    }
    s->waiting_count = 0;
}

static void take_target(void *ctx, ha_obj target)
{
    struct search *s = ctx;
    __builtin_prefetch(&s->parents[target.i]);
    s->waiting[s->waiting_count++] = (struct edge){s->source, target.i};
    if (s->waiting_count == WAITING_MAX) {
        reach_waiting(s);
    }
}

static void expand(struct search *s, ha_obj obj)
{
    const struct ha_heap *heap = s->q->snapshot->heap;
    s->source = obj.i;
    ha_cls cls = ha_heap_class_of(heap, obj);
    ha_obj object = ha_heap_class(heap, cls)->object;
    if (object.i < heap->facts.object_count && ha_edge_class_allowed(&s->filter, cls)) {
        take_target(s, object);
    }
    ha_edge_targets(&s->filter, obj, take_target, s);
}

/* Reaches all that the objects of a level refer to. */
static void expand_level(struct search *s)
{
    const size_t count = s->level.count;
    for (size_t i = 0; i < count && s->left > 0 && !s->failed; i++) {
        ha_graph_prefetch(s->q->snapshot->graph, (ha_obj){s->level.data[i + AHEAD < count ? i + AHEAD : i]});
        expand(s, (ha_obj){s->level.data[i]});
        if (s->waiting_count >= WAITING_MIN) {
            reach_waiting(s);
        }
    }
    reach_waiting(s);
}

static struct ha_err *run(struct search *s)
{
    const struct ha_heap *heap = s->q->snapshot->heap;
    for (uint64_t i = 0; i < heap->root_count && !s->failed; i++) {
        if (heap->roots[i].obj.i < heap->facts.object_count) {
            reach(s, heap->roots[i].obj, 1);
        }
    }
    while (s->left > 0 && s->level_next.count > 0 && !s->failed) {
        object_list swap = s->level;
        s->level = s->level_next;
        s->level_next = swap;
        s->level_next.count = 0;
        expand_level(s);
    }
    return s->failed ? ha_err_nomem() : NULL;
}

static void want(struct search *s, const ha_obj *targets, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        uint8_t bit = (uint8_t)(1U << (targets[i].i & 7));
        s->left += (s->wanted[targets[i].i >> 3] & bit) == 0;
        s->wanted[targets[i].i >> 3] |= bit;
    }
}

struct ha_err *ha_multipath_find(struct ha_query *q, const ha_obj *targets, uint64_t target_count,
                                 const struct ha_excludes *excludes, struct ha_multipath *ret)
{
    uint64_t objects = q->snapshot->heap->facts.object_count;
    struct ha_multipath answer = {.object_count = (uint32_t)objects};
    struct ha_big wanted = {0};
    struct search s = {.q = q};
    struct ha_err *err = ha_edge_filter_create(q, excludes, &s.filter);
    if (err == NULL) {
        err = ha_big_init(&answer.parents, objects + 1, sizeof(uint32_t));
    }
    if (err == NULL) {
        err = ha_big_init(&wanted, objects / 8 + 1, 1);
    }
    if (err == NULL) {
        s.parents = answer.parents.data;
        s.wanted = wanted.data;
        want(&s, targets, target_count);
        uint64_t all = s.left;
        err = run(&s);
        answer.reached = all - s.left;
    }
    ha_edge_filter_destroy(&s.filter);
    ha_vec_deinit(&s.level);
    ha_vec_deinit(&s.level_next);
    ha_big_deinit(&wanted);
    if (err != NULL) {
        ha_multipath_deinit(&answer);
        return err;
    }
    *ret = answer;
    return NULL;
}

void ha_multipath_deinit(struct ha_multipath *multipath)
{
    ha_big_deinit(&multipath->parents);
}
