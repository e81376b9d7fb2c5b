/* SPDX-License-Identifier: MIT */
/*
 * Forwards, breadth first, level by level, from all roots in ascending order. The edge of an object to its class is followed when the first
 * instance of the class is expanded; class objects that are roots have no parent anyway.
 */
#include "ha/query/q_multipath.h"

#include <string.h>

#include "ha/base/vec.h"
#include "query/q_edges.h"

typedef HA_VEC(uint32_t) object_list;

struct search {
    struct ha_query *q;
    struct ha_edge_filter filter;
    uint32_t *parents;
    uint8_t *wanted; /* bit per object: a target that is not reached yet */
    uint64_t left;   /* targets not reached yet */
    object_list level, level_next;
    uint32_t source; /* whose targets are being reached */
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

static void reach_target(void *ctx, ha_obj target)
{
    struct search *s = ctx;
    reach(s, target, s->source + 2);
}

static void expand(struct search *s, ha_obj obj)
{
    const struct ha_heap *heap = s->q->snapshot->heap;
    s->source = obj.i;
    ha_cls cls = ha_heap_class_of(heap, obj);
    ha_obj object = ha_heap_class(heap, cls)->object;
    if (object.i < heap->facts.object_count && ha_edge_class_allowed(&s->filter, cls)) {
        reach(s, object, obj.i + 2);
    }
    ha_edge_targets(&s->filter, obj, reach_target, s);
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
        for (size_t i = 0; i < s->level.count && s->left > 0 && !s->failed; i++) {
            expand(s, (ha_obj){s->level.data[i]});
        }
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
