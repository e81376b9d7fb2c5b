/* SPDX-License-Identifier: MIT */
/*
 * The tree is cut level by level with a queue of nodes, never by recursion. Of a long list of children only the largest are selected: one
 * comparison for most of them, in parallel batches, each with its own short list.
 */
#include "ha/query/q_dominators.h"

#include <string.h>

#include "ha/base/mem.h"
#include "ha/base/pool.h"
#include "ha/base/vec.h"
#include "ha/query/q_rank.h"
#include "query/q_level.h"

/* ---- the largest of a list ---- */

static int compare_ranked(const void *ctx, const void *a, const void *b)
{
    const struct ha_heap *heap = ctx;
    const struct ha_ranked *x = a;
    const struct ha_ranked *y = b;
    if (x->retained_bytes != y->retained_bytes) {
        return x->retained_bytes > y->retained_bytes ? -1 : 1;
    }
    const struct ha_class *cx = ha_heap_class(heap, ha_heap_class_of(heap, x->obj));
    const struct ha_class *cy = ha_heap_class(heap, ha_heap_class_of(heap, y->obj));
    int names = cx == cy ? 0 : strcmp(cx->name, cy->name);
    if (names != 0) {
        return names;
    }
    return ha_heap_compare_addresses(heap, x->obj, y->obj);
}

#define BATCH 65536U
#define RANKS_MAX 16U

struct selection {
    const struct ha_query *q;
    struct ha_children children;
    struct ha_rank ranks[RANKS_MAX]; /* one per worker */
};

static struct ha_err *offer_batch(void *ctx, unsigned worker, uint64_t index)
{
    struct selection *s = ctx;
    uint64_t first = index * BATCH;
    uint64_t end = s->children.count - first < BATCH ? s->children.count : first + BATCH;
    for (uint64_t i = first; i < end; i++) {
        struct ha_ranked r = {.obj = ha_children_at(&s->children, i)};
        r.retained_bytes = ha_query_retained(s->q, r.obj);
        ha_rank_offer(&s->ranks[worker], &r);
    }
    return s->ranks[worker].failed ? ha_err_nomem() : NULL;
}

static struct ha_err *merge_ranks(struct selection *s, unsigned workers, struct ha_query *q,
                                  struct ha_ranked_list *ret)
{
    struct ha_rank *all = &s->ranks[0];
    for (unsigned w = 1; w < workers; w++) {
        for (uint64_t i = 0; i < s->ranks[w].count; i++) {
            ha_rank_offer(all, s->ranks[w].data + i * sizeof(struct ha_ranked));
        }
    }
    HA_TRY(ha_rank_finish(all));
    ret->list = ha_arena_alloc(&q->arena, all->count + 1, sizeof *ret->list);
    if (ret->list == NULL) {
        return ha_err_nomem();
    }
    if (all->count > 0) {
        memcpy(ret->list, all->data, all->count * sizeof *ret->list);
    }
    ret->count = all->count;
    ret->omitted = s->children.count - all->count;
    return NULL;
}

struct ha_err *ha_dominators_largest(struct ha_query *q, struct ha_children children,
                                     uint64_t limit, struct ha_ranked_list *ret)
{
    bool found;
    HA_TRY(level_largest_load(q, children, limit, ret, &found));
    if (found) {
        return NULL;
    }
    struct selection s = {.q = q, .children = children};
    unsigned workers = children.count <= BATCH ? 1 : q->snapshot->threads;
    workers = workers < 1 ? 1 : workers < RANKS_MAX ? workers : RANKS_MAX;
    for (unsigned w = 0; w < workers; w++) {
        ha_rank_init(&s.ranks[w], sizeof(struct ha_ranked), limit, compare_ranked,
                     q->snapshot->heap);
    }
    struct ha_err *err =
        ha_parallel_for(workers, (children.count + BATCH - 1) / BATCH, offer_batch, &s);
    if (err == NULL) {
        err = merge_ranks(&s, workers, q, ret);
    }
    for (unsigned w = 0; w < workers; w++) {
        ha_rank_deinit(&s.ranks[w]);
    }
    return err;
}

bool ha_dominators_largest_child(const struct ha_query *q, ha_obj parent, ha_obj *ret)
{
    struct ha_children children = ha_dom_children(q->snapshot->dom, parent);
    struct ha_ranked best = {HA_OBJ_NONE, 0};
    for (uint64_t i = 0; i < children.count; i++) {
        struct ha_ranked r = {.obj = ha_children_at(&children, i)};
        r.retained_bytes = ha_query_retained(q, r.obj);
        if (ha_obj_is_none(best.obj) || compare_ranked(q->snapshot->heap, &r, &best) < 0) {
            best = r;
        }
    }
    *ret = best.obj;
    return !ha_obj_is_none(best.obj);
}

/* ---- a tree of objects ---- */

struct queued {
    struct ha_dominator_node *node;
    uint32_t level; /* of the node's children, from 1 */
};

struct cut {
    struct ha_query *q;
    const struct ha_dominators_options *options;
    HA_VEC(struct queued) queue;
    uint64_t nodes;
    bool cut;
};

static struct ha_children children_of(const struct ha_query *q, ha_obj obj)
{
    return ha_obj_is_none(obj) ? ha_dom_top(q->snapshot->dom)
                               : ha_dom_children(q->snapshot->dom, obj);
}

/* The limit for one more list of children, so that max_nodes holds; false: no more nodes. */
static bool room(struct cut *c, uint64_t *ret_limit)
{
    uint64_t max = c->options->max_nodes;
    *ret_limit = c->options->limit;
    if (max == 0) {
        return true;
    }
    uint64_t left = max - c->nodes;
    if (*ret_limit == 0 || *ret_limit > left) {
        *ret_limit = left;
    }
    return left > 0;
}

static struct ha_err *expand(struct cut *c, struct queued item)
{
    struct ha_children children = children_of(c->q, item.node->obj);
    uint64_t limit;
    bool fits = room(c, &limit);
    if (!fits || children.count == 0) {
        item.node->omitted = children.count;
        c->cut = c->cut || children.count > 0;
        return NULL;
    }
    struct ha_ranked_list largest;
    HA_TRY(ha_dominators_largest(c->q, children, limit, &largest));
    item.node->children =
        ha_arena_calloc(&c->q->arena, largest.count + 1, sizeof *item.node->children);
    if (item.node->children == NULL || !ha_vec_reserve(&c->queue, largest.count)) {
        return ha_err_nomem();
    }
    item.node->child_count = largest.count;
    item.node->omitted = largest.omitted;
    c->nodes += largest.count;
    c->cut = c->cut || (largest.omitted > 0 && limit != c->options->limit);
    for (uint64_t i = 0; i < largest.count; i++) {
        struct ha_dominator_node *node = &item.node->children[i];
        node->obj = largest.list[i].obj;
        node->retained_bytes = largest.list[i].retained_bytes;
        if (item.level < c->options->depth) {
            c->queue.data[c->queue.count++] = (struct queued){node, item.level + 1};
        } else {
            node->omitted = ha_dom_children(c->q->snapshot->dom, node->obj).count;
        }
    }
    return NULL;
}

static struct ha_err *cut_objects(struct cut *c, struct ha_dominators *answer)
{
    struct ha_err *err = expand(c, (struct queued){&answer->root, 1});
    for (size_t i = 0; err == NULL && i < c->queue.count; i++) {
        err = expand(c, c->queue.data[i]);
    }
    return err;
}

struct ha_err *ha_dominators_query(struct ha_query *q, const struct ha_dominators_options *options,
                                   struct ha_dominators *ret)
{
    struct ha_dominators answer = {.grouped = options->grouped, .by = options->by};
    answer.root.obj = options->object;
    if (!ha_obj_is_none(options->object)) {
        if (!ha_query_reachable(q, options->object)) {
            return ha_err_new(
                HA_ERR_USAGE,
                "object at 0x%llx is not reachable, so it has no place in the dominator tree",
                (unsigned long long)ha_heap_address(q->snapshot->heap, options->object));
        }
        answer.root.retained_bytes = ha_query_retained(q, options->object);
    } else {
        answer.root.retained_bytes = q->snapshot->retained->reachable_bytes;
    }
    struct ha_err *err;
    if (options->grouped) {
        err = ha_level_cut(q, options, children_of(q, options->object), &answer);
    } else {
        struct cut c = {.q = q, .options = options};
        err = cut_objects(&c, &answer);
        answer.cut = c.cut;
        ha_vec_deinit(&c.queue);
    }
    if (err == NULL) {
        *ret = answer;
    }
    return err;
}
