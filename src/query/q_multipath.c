/* SPDX-License-Identifier: MIT */
/*
 * Forwards, breadth first, from all roots in ascending order. `order` is the queue too: what lies behind `next` waits to be expanded. The edge of an
 * object to its class is followed when the first instance of the class is expanded.
 *
 * What decides is how long memory takes, so everything is asked for well before it is looked at:
 *
 *     order[next + 2 × AHEAD]   where the row begins, and the class
 *     order[next + AHEAD]       the row
 *     order[next]               the bit in `closed` of each target; targets wait for each other until there are WAITING_MIN
 */
#include "ha/query/q_multipath.h"

#include "ha/base/mem.h"
#include "query/q_edges.h"

#define AHEAD 16U /* a power of two */
#define WAITING_MAX 1024U
#define WAITING_MIN 128U

/* An object whose row was asked for. */
struct opened {
    struct ha_out row;
    ha_cls cls;
};

struct edge {
    uint32_t from, target;
};

struct search {
    struct ha_query *q;
    struct ha_edge_filter filter;
    uint32_t *order, *from; /* of struct ha_multipath */
    uint64_t count;         /* reached */
    uint64_t next;          /* the place of the object to be expanded */
    uint64_t asked, open;   /* places up to which the beginnings of rows, and rows, were asked for */
    struct opened opened[AHEAD];
    uint64_t *closed;       /* bit per object: reached, or a leaf that is not wanted */
    uint64_t *wanted;       /* bit per object: a target that is not reached yet */
    uint64_t left;          /* targets not reached yet */
    struct ha_idmap *places;
    uint8_t *class_taken;   /* per class: its instances need not lead to the class object (any more) */
    struct edge waiting[WAITING_MAX];
    unsigned waiting_count;
    bool failed; /* out of memory */
};

/* ---- reaching ---- */

static void note_targets(struct search *s, uint64_t first)
{
    for (uint64_t i = first; i < s->count; i++) {
        uint32_t obj = s->order[i];
        if (HA_UNLIKELY((s->wanted[obj >> 6] >> (obj & 63) & 1) != 0)) {
            s->wanted[obj >> 6] &= ~(1ULL << (obj & 63));
            s->left--;
            s->failed = s->failed || !ha_idmap_add(s->places, obj, (uint32_t)i, NULL);
        }
    }
}

/* Enters the targets that wait and were not reached before. Whether one was cannot be foreseen, so there is no jump on it. */
static void reach_waiting(struct search *s)
{
    uint64_t count = s->count;
    for (unsigned i = 0; i < s->waiting_count; i++) {
        uint32_t target = s->waiting[i].target;
        uint64_t *word = &s->closed[target >> 6];
        uint64_t was = *word >> (target & 63) & 1;
        *word |= 1ULL << (target & 63);
        s->order[count] = target;
        s->from[count] = s->waiting[i].from;
        count += 1 - was;
    }
    uint64_t first = s->count;
    s->count = count;
    s->waiting_count = 0;
    note_targets(s, first);
}

static inline void take(struct search *s, uint32_t from, ha_obj target)
{
    __builtin_prefetch(&s->closed[target.i >> 6], 1);
    s->waiting[s->waiting_count++] = (struct edge){from, target.i};
    if (HA_UNLIKELY(s->waiting_count == WAITING_MAX)) {
        reach_waiting(s);
    }
}

static void reach_roots(struct search *s)
{
    const struct ha_heap *heap = s->q->snapshot->heap;
    for (uint64_t i = 0; i < heap->root_count; i++) {
        if (heap->roots[i].obj.i < heap->facts.object_count) {
            take(s, HA_NONE, heap->roots[i].obj);
        }
    }
    reach_waiting(s);
}

/* ---- expanding ---- */

static void look_ahead(struct search *s)
{
    const struct ha_heap *heap = s->q->snapshot->heap;
    const struct ha_graph *graph = s->q->snapshot->graph;
    for (; s->asked < s->count && s->asked < s->next + 2 * AHEAD; s->asked++) {
        ha_obj obj = {s->order[s->asked]};
        ha_graph_prefetch(graph, obj);
        ha_heap_class_prefetch(heap, obj);
    }
    for (; s->open < s->count && s->open < s->next + AHEAD; s->open++) {
        ha_obj obj = {s->order[s->open]};
        struct opened *opened = &s->opened[s->open % AHEAD];
        *opened = (struct opened){ha_graph_out(graph, obj), ha_heap_class_of(heap, obj)};
        ha_out_prefetch(&opened->row);
    }
}

static void take_target(void *ctx, ha_obj target)
{
    struct search *s = ctx;
    take(s, (uint32_t)s->next, target);
}

static void expand(struct search *s)
{
    struct opened *opened = &s->opened[s->next % AHEAD];
    ha_cls cls = opened->cls;
    if (HA_UNLIKELY(s->class_taken[cls.i] == 0)) {
        s->class_taken[cls.i] = 1;
        take_target(s, ha_heap_class(s->q->snapshot->heap, cls)->object);
    }
    if (HA_UNLIKELY(!ha_edge_all_allowed(&s->filter, cls))) {
        ha_edge_targets(&s->filter, (ha_obj){s->order[s->next]}, take_target, s);
        return;
    }
    for (ha_obj target; ha_out_next(&opened->row, &target);) {
        take(s, (uint32_t)s->next, target);
    }
}

static struct ha_err *run(struct search *s)
{
    reach_roots(s);
    for (; s->next < s->count && s->left > 0 && !s->failed; s->next++) {
        look_ahead(s);
        expand(s);
        if (s->waiting_count >= WAITING_MIN || s->next + 1 == s->count) {
            reach_waiting(s);
        }
    }
    return s->failed ? ha_err_nomem() : NULL;
}

/* ---- all together ---- */

static void want(struct search *s, const ha_obj *targets, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        uint64_t bit = 1ULL << (targets[i].i & 63);
        s->left += (s->wanted[targets[i].i >> 6] & bit) == 0;
        s->wanted[targets[i].i >> 6] |= bit;
    }
}

/* Leaves are closed unless they are wanted. */
static void close_leaves(struct search *s)
{
    const struct ha_heap_facts *facts = &s->q->snapshot->heap->facts;
    for (uint64_t i = facts->branch_count / 64; i <= facts->object_count / 64; i++) {
        uint64_t branches = i == facts->branch_count / 64 ? (1ULL << (facts->branch_count & 63)) - 1 : 0;
        s->closed[i] = ~(s->wanted[i] | branches);
    }
}

/* Classes whose class object is none, or may not be reached from the instances, are as good as taken. */
static void take_classes(struct search *s)
{
    const struct ha_heap *heap = s->q->snapshot->heap;
    for (uint32_t c = 0; c < heap->facts.class_count; c++) {
        bool leads = heap->classes[c].object.i < heap->facts.object_count && ha_edge_class_allowed(&s->filter, (ha_cls){c});
        s->class_taken[c] = !leads;
    }
}

struct ha_err *ha_multipath_find(struct ha_query *q, const ha_obj *targets, uint64_t target_count,
                                 const struct ha_excludes *excludes, struct ha_multipath *ret)
{
    const struct ha_heap_facts *facts = &q->snapshot->heap->facts;
    const uint64_t words = (uint64_t)facts->object_count / 64 + 1;
    const uint64_t reached_max = (uint64_t)facts->branch_count + target_count + 1; // one place is written in advance
    struct ha_multipath answer = {0};
    struct ha_big closed = {0}, wanted = {0};
    HA_FREE uint8_t *class_taken = ha_calloc_array((size_t)facts->class_count + 1, sizeof *class_taken);
    struct search s = {.q = q, .places = &answer.places, .class_taken = class_taken};
    struct ha_err *err = class_taken == NULL ? ha_err_nomem() : ha_edge_filter_create(q, excludes, &s.filter);
    if (err == NULL) {
        err = ha_big_init_raw(&answer.order, reached_max, sizeof *s.order);
    }
    if (err == NULL) {
        err = ha_big_init_raw(&answer.from, reached_max, sizeof *s.from);
    }
    if (err == NULL) {
        err = ha_big_init(&closed, words, sizeof *s.closed);
    }
    if (err == NULL) {
        err = ha_big_init(&wanted, words, sizeof *s.wanted);
    }
    if (err == NULL) {
        s.order = answer.order.data;
        s.from = answer.from.data;
        s.closed = closed.data;
        s.wanted = wanted.data;
        want(&s, targets, target_count);
        close_leaves(&s);
        take_classes(&s);
        err = run(&s);
    }
    ha_edge_filter_destroy(&s.filter);
    ha_big_deinit(&closed);
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
    ha_big_deinit(&multipath->order);
    ha_big_deinit(&multipath->from);
    ha_idmap_deinit(&multipath->places);
}

/* ---- the answer ---- */

bool ha_multipath_way(const struct ha_multipath *m, ha_obj target, struct ha_way *ret)
{
    uint32_t place = ha_idmap_get(&m->places, target.i);
    *ret = (struct ha_way){m, place, target};
    return place != HA_IDMAP_NONE;
}

bool ha_way_back(struct ha_way *way)
{
    const uint32_t *order = way->multipath->order.data, *from = way->multipath->from.data;
    uint32_t place = from[way->place];
    if (place == HA_NONE) {
        return false;
    }
    way->place = place;
    way->obj.i = order[place];
    return true;
}
