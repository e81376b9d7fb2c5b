/* SPDX-License-Identifier: MIT */
/*
 * The tree is cut level by level with a queue of nodes, never by recursion. Of a long list of children only the largest are selected: one
 * comparison for most of them, in parallel batches, each with its own short list. Where all of them are asked for, they are sorted digit by digit.
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

/* ---- all of a long list ---- */

/* As compare_ranked() has it: sizes descend, names ascend, then addresses. Objects are given in the order of their numbers, which within each of both
   kinds (branch objects, leaves) is that of addresses, so a stable sort by size and name leaves to be done what is of both kinds and one name. */
struct sort_key {
    uint64_t retained_bytes;
    uint32_t name; /* rank of the class name */
    uint32_t obj;
};

#define DIGIT_BITS 11U
#define DIGITS (1U << DIGIT_BITS)

struct sorting {
    const struct ha_query *q;
    struct ha_children children;
    const uint32_t *names; /* per class */
    struct sort_key *keys, *room;
};

static int compare_classes(const void *ctx, const void *a, const void *b)
{
    const struct ha_heap *heap = ctx;
    return strcmp(ha_heap_class(heap, *(const ha_cls *)a)->name, ha_heap_class(heap, *(const ha_cls *)b)->name);
}

/* Ranks of the names of all classes; equal names have one rank. */
static struct ha_err *rank_names(const struct ha_heap *heap, uint32_t *names)
{
    const uint32_t count = heap->facts.class_count;
    HA_FREE ha_cls *order = ha_alloc_array((size_t)count + 1, sizeof *order);
    if (order == NULL) {
        return ha_err_nomem();
    }
    for (uint32_t c = 0; c < count; c++) {
        order[c].i = c;
    }
    ha_rank_sort(order, count, sizeof *order, compare_classes, heap);
    for (uint32_t i = 0, rank = 0; i < count; i++) {
        rank += i > 0 && compare_classes(heap, &order[i - 1], &order[i]) != 0;
        names[order[i].i] = rank;
    }
    return NULL;
}

static struct ha_err *key_batch(void *ctx, unsigned worker, uint64_t index)
{
    const struct sorting *s = ctx;
    const uint64_t first = index * BATCH, end = s->children.count - first < BATCH ? s->children.count : first + BATCH;
    (void)worker;
    for (uint64_t i = first; i < end; i++) {
        ha_obj obj = ha_children_at(&s->children, i);
        s->keys[i] = (struct sort_key){ha_query_retained(s->q, obj), s->names[ha_heap_class_of(s->q->snapshot->heap, obj).i], obj.i};
    }
    return NULL;
}

static inline uint32_t digit_of(const struct sort_key *key, bool name, unsigned shift)
{
    return name ? key->name >> shift & (DIGITS - 1) : ~(uint32_t)(key->retained_bytes >> shift) & (DIGITS - 1);
}

/* Sorts by one digit. */
static void sort_digit(struct sorting *s, bool name, unsigned shift)
{
    const uint64_t count = s->children.count;
    uint64_t starts[DIGITS] = {0}, next = 0;
    for (uint64_t i = 0; i < count; i++) {
        starts[digit_of(&s->keys[i], name, shift)]++;
    }
    for (uint32_t d = 0; d < DIGITS; d++) {
        uint64_t of_digit = starts[d];
        if (of_digit == count) {
            return;
        }
        starts[d] = next;
        next += of_digit;
    }
    for (uint64_t i = 0; i < count; i++) {
        s->room[starts[digit_of(&s->keys[i], name, shift)]++] = s->keys[i];
    }
    struct sort_key *sorted = s->room;
    s->room = s->keys;
    s->keys = sorted;
}

/* Both kinds of one name and size by their addresses. */
static void sort_kinds(const struct ha_heap *heap, const struct ha_ranked_list *ret, const struct sort_key *keys)
{
    const uint32_t branch_count = heap->facts.branch_count;
    for (uint64_t first = 0, end; first < ret->count; first = end) {
        for (end = first + 1; end < ret->count && keys[end].retained_bytes == keys[first].retained_bytes && keys[end].name == keys[first].name; end++) {
        }
        if (keys[first].obj < branch_count && keys[end - 1].obj >= branch_count) {
            ha_rank_sort(ret->list + first, end - first, sizeof *ret->list, compare_ranked, heap);
        }
    }
}

static struct ha_err *sort_all(struct ha_query *q, struct sorting *s, struct ha_ranked_list *ret)
{
    HA_TRY(ha_parallel_for(q->snapshot->threads, (s->children.count + BATCH - 1) / BATCH, key_batch, s));
    uint64_t sizes = 0;
    for (uint64_t i = 0; i < s->children.count; i++) {
        sizes |= s->keys[i].retained_bytes;
    }
    for (unsigned shift = 0; shift < 32 && q->snapshot->heap->facts.class_count >> shift != 0; shift += DIGIT_BITS) {
        sort_digit(s, true, shift);
    }
    for (unsigned shift = 0; shift < 64 && sizes >> shift != 0; shift += DIGIT_BITS) {
        sort_digit(s, false, shift);
    }
    ret->list = ha_arena_alloc(&q->arena, s->children.count, sizeof *ret->list);
    if (ret->list == NULL) {
        return ha_err_nomem();
    }
    for (uint64_t i = 0; i < s->children.count; i++) {
        ret->list[i] = (struct ha_ranked){{s->keys[i].obj}, s->keys[i].retained_bytes};
    }
    ret->count = s->children.count;
    ret->omitted = 0;
    sort_kinds(q->snapshot->heap, ret, s->keys);
    return NULL;
}

/* The children of an object, of which there are many, in order. */
static struct ha_err *rank_all(struct ha_query *q, struct ha_children children, struct ha_ranked_list *ret)
{
    HA_FREE uint32_t *names = ha_alloc_array((size_t)q->snapshot->heap->facts.class_count + 1, sizeof *names);
    HA_FREE struct sort_key *keys = ha_alloc_huge((size_t)children.count * sizeof *keys); /* of objects of the heap: no overflow */
    HA_FREE struct sort_key *room = ha_alloc_huge((size_t)children.count * sizeof *room);
    if (names == NULL || keys == NULL || room == NULL) {
        return ha_err_nomem();
    }
    HA_TRY(rank_names(q->snapshot->heap, names));
    struct sorting s = {.q = q, .children = children, .names = names, .keys = keys, .room = room};
    return sort_all(q, &s, ret);
}

/* ---- either ---- */

struct ha_err *ha_dominators_largest(struct ha_query *q, struct ha_children children,
                                     uint64_t limit, struct ha_ranked_list *ret)
{
    bool found;
    HA_TRY(level_largest_load(q, children, limit, ret, &found));
    if (found) {
        return NULL;
    }
    if (children.count > BATCH && (limit == 0 || limit >= children.count)) {
        return rank_all(q, children, ret);
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
