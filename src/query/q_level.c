/* SPDX-License-Identifier: MIT */
#include "query/q_level.h"

#include "ha/base/idmap.h"
#include "ha/base/mem.h"
#include "ha/base/pool.h"
#include "ha/base/vec.h"
#include "ha/query/q_rank.h"
#include "query/q_tree.h"

uint32_t ha_level_group_of(const struct ha_query *q, const struct ha_groups *groups, ha_obj obj)
{
    const struct ha_heap *heap = q->snapshot->heap;
    ha_cls cls = ha_heap_class_of(heap, obj);
    ha_cls stands_for;
    if (groups->by != HA_BY_CLASS && (ha_heap_class(heap, cls)->flags & HA_CLASS_IS_CLASS) != 0 &&
        ha_heap_as_class(heap, obj, &stands_for)) {
        cls = stands_for;
    }
    return groups->of_class[cls.i];
}

/* ---- rows ---- */

struct row_key {
    const struct ha_histogram_row *row; /* names; sizes are in `sum` */
    struct ha_tally_sum sum;
    uint32_t group;
};

static int compare_keys(const void *ctx, const void *a, const void *b)
{
    static const enum ha_sort_by sort = HA_SORT_RETAINED;
    const struct row_key *x = a;
    const struct row_key *y = b;
    (void)ctx;
    if (x->sum.retained_bytes != y->sum.retained_bytes) {
        return x->sum.retained_bytes > y->sum.retained_bytes ? -1 : 1;
    }
    struct ha_histogram_row rx = *x->row;
    struct ha_histogram_row ry = *y->row;
    rx.retained_bytes = ry.retained_bytes = 0;
    return ha_histogram_compare(&sort, &rx, &ry);
}

static struct ha_err *copy_rows(struct ha_query *q, const struct ha_rank *rank,
                                struct ha_histogram *histogram, uint32_t **ret_groups)
{
    histogram->rows = ha_arena_alloc(&q->arena, rank->count + 1, sizeof *histogram->rows);
    uint32_t *numbers = ha_arena_alloc(&q->arena, rank->count + 1, sizeof *numbers);
    if (histogram->rows == NULL || numbers == NULL) {
        return ha_err_nomem();
    }
    const struct row_key *keys = (const void *)rank->data;
    for (uint64_t i = 0; i < rank->count; i++) {
        histogram->rows[i] = *keys[i].row;
        histogram->rows[i].instances = keys[i].sum.instances;
        histogram->rows[i].shallow_bytes = keys[i].sum.shallow_bytes;
        histogram->rows[i].retained_bytes = keys[i].sum.retained_bytes;
        numbers[i] = keys[i].group;
    }
    histogram->count = rank->count;
    histogram->omitted = ha_rank_omitted(rank);
    if (ret_groups != NULL) {
        *ret_groups = numbers;
    }
    return NULL;
}

static struct ha_err *rank_groups(struct ha_query *q, const struct ha_groups *groups,
                                  const struct ha_tally_sum *sums, uint64_t limit,
                                  struct ha_histogram *histogram, uint32_t **ret_groups)
{
    struct ha_rank rank;
    ha_rank_init(&rank, sizeof(struct row_key), limit, compare_keys, NULL);
    for (uint32_t g = 0; g < groups->count; g++) {
        if (sums[g].instances > 0) {
            struct row_key key = {&groups->rows[g], sums[g], g};
            ha_rank_offer(&rank, &key);
            histogram->instances += sums[g].instances;
            histogram->shallow_bytes += sums[g].shallow_bytes;
        }
    }
    struct ha_err *err = ha_rank_finish(&rank);
    if (err == NULL) {
        err = copy_rows(q, &rank, histogram, ret_groups);
    }
    ha_rank_deinit(&rank);
    return err;
}

static void add(struct ha_tally_sum *to, const struct ha_tally_sum *sum)
{
    to->instances += sum->instances;
    to->shallow_bytes += sum->shallow_bytes;
    to->retained_bytes += sum->retained_bytes;
}

struct ha_err *ha_level_rows(struct ha_query *q, const struct ha_groups *groups,
                             const struct ha_level_sums *sums, uint64_t limit,
                             struct ha_histogram *ret, uint32_t **ret_groups)
{
    struct ha_histogram histogram = {
        .by = groups->by, .sort = HA_SORT_RETAINED, .has_retained = true};
    struct ha_tally_sum *by_group = ha_calloc_array((size_t)groups->count + 1, sizeof *by_group);
    if (by_group == NULL) {
        return ha_err_nomem();
    }
    for (uint32_t c = 0; c < q->snapshot->heap->facts.class_count; c++) {
        uint32_t mirror =
            groups->by == HA_BY_CLASS && sums->class_class != HA_NONE ? sums->class_class : c;
        add(&by_group[groups->of_class[c]], &sums->instances[c]);
        add(&by_group[groups->of_class[mirror]], &sums->mirrors[c]);
    }
    struct ha_err *err = rank_groups(q, groups, by_group, limit, &histogram, ret_groups);
    ha_free(by_group);
    if (err == NULL) {
        *ret = histogram;
    }
    return err;
}

/* ---- sums ---- */

/* Where an object of a class counts: at its class, or, if it is a class object, at the number of classes + that of the class it stands for. */
static inline uint32_t slot_of(const struct ha_heap *heap, ha_obj obj, ha_cls cls)
{
    ha_cls stands_for;
    bool class_object = HA_UNLIKELY((ha_heap_class(heap, cls)->flags & HA_CLASS_IS_CLASS) != 0) && ha_heap_as_class(heap, obj, &stands_for);
    return class_object ? heap->facts.class_count + stands_for.i : cls.i;
}

/* Adds what objects of a class have at a slot. */
static inline void add_at(const struct ha_heap *heap, struct ha_level_sums *sums, uint32_t slot, ha_cls cls, const struct ha_tally_sum *sum)
{
    const uint32_t class_count = heap->facts.class_count;
    if (HA_LIKELY(slot < class_count)) {
        add(&sums->instances[slot], sum);
        return;
    }
    add(&sums->mirrors[slot - class_count], sum);
    sums->class_class = cls.i < sums->class_class ? cls.i : sums->class_class; // HA_NONE is the largest
}

static inline struct ha_tally_sum sum_of(const struct ha_query *q, ha_obj obj)
{
    return (struct ha_tally_sum){1, ha_query_shallow(q, obj), ha_query_retained(q, obj)};
}

#ifndef BATCH
#define BATCH 65536U /* a test has it smaller */
#endif
#define WORKERS_MAX 16U

struct summing {
    const struct ha_query *q;
    struct ha_children objects;
    struct ha_level_sums workers[WORKERS_MAX];
};

static unsigned workers_for(const struct ha_query *q, struct ha_children objects)
{
    unsigned threads = objects.count <= BATCH || q->snapshot->threads < 1 ? 1 : q->snapshot->threads;
    return threads < WORKERS_MAX ? threads : WORKERS_MAX;
}

static struct ha_err *sum_batch(void *ctx, unsigned worker, uint64_t index)
{
    struct summing *s = ctx;
    const struct ha_heap *heap = s->q->snapshot->heap;
    struct ha_level_sums *sums = &s->workers[worker];
    uint64_t first = index * BATCH;
    uint64_t end = s->objects.count - first < BATCH ? s->objects.count : first + BATCH;
    for (uint64_t i = first; i < end; i++) {
        ha_obj obj = ha_children_at(&s->objects, i);
        const ha_cls cls = ha_heap_class_of(heap, obj);
        const struct ha_tally_sum sum = sum_of(s->q, obj);
        add_at(heap, sums, slot_of(heap, obj, cls), cls, &sum);
    }
    return NULL;
}

static struct ha_err *sums_init(const struct ha_query *q, struct ha_level_sums *sums)
{
    size_t classes = (size_t)q->snapshot->heap->facts.class_count + 1;
    sums->instances = ha_calloc_array(classes, sizeof *sums->instances);
    sums->mirrors = ha_calloc_array(classes, sizeof *sums->mirrors);
    sums->class_class = HA_NONE;
    return sums->instances == NULL || sums->mirrors == NULL ? ha_err_nomem() : NULL;
}

void ha_level_sums_destroy(struct ha_level_sums *sums)
{
    ha_free(sums->instances);
    ha_free(sums->mirrors);
    sums->instances = sums->mirrors = NULL;
}

static void merge(const struct ha_query *q, struct ha_level_sums *to,
                  const struct ha_level_sums *from)
{
    for (uint32_t c = 0; c < q->snapshot->heap->facts.class_count; c++) {
        add(&to->instances[c], &from->instances[c]);
        add(&to->mirrors[c], &from->mirrors[c]);
    }
    to->class_class = from->class_class < to->class_class ? from->class_class : to->class_class;
}

static struct ha_err *sums_of_index(const struct ha_query *q, struct ha_children objects, struct ha_level_sums *ret, bool *ret_found)
{
    struct ha_level_sums sums;
    struct ha_err *err = sums_init(q, &sums);
    *ret_found = err == NULL && level_sums_load(q, objects, &sums);
    if (*ret_found) {
        *ret = sums;
    } else {
        ha_level_sums_destroy(&sums);
    }
    return err;
}

struct ha_err *ha_level_sums_create(const struct ha_query *q, struct ha_children objects,
                                    struct ha_level_sums *ret)
{
    bool found;
    struct summing s = {.q = q, .objects = objects};
    HA_TRY(sums_of_index(q, objects, ret, &found));
    if (found) {
        return NULL;
    }
    const unsigned workers = workers_for(q, objects);
    struct ha_err *err = NULL;
    for (unsigned w = 0; err == NULL && w < workers; w++) {
        err = sums_init(q, &s.workers[w]);
    }
    if (err == NULL) {
        err = ha_parallel_for(workers, (objects.count + BATCH - 1) / BATCH, sum_batch, &s);
    }
    for (unsigned w = 1; w < workers; w++) {
        if (err == NULL) {
            merge(q, &s.workers[0], &s.workers[w]);
        }
        ha_level_sums_destroy(&s.workers[w]);
    }
    if (err != NULL) {
        ha_level_sums_destroy(&s.workers[0]);
        return err;
    }
    *ret = s.workers[0];
    return NULL;
}

/* ---- the grouped tree ---- */

typedef HA_VEC(uint32_t) object_list;

/* What the children of a node of the last level but one sum up to at one slot: of the last level, no objects are needed. */
struct below_sum {
    uint32_t node; /* number of the child node that has the dominators */
    uint32_t slot;
    ha_cls cls; /* of the objects */
    struct ha_tally_sum sum;
};
typedef HA_VEC(struct below_sum) below_sums;

/* A node whose children are to be found, from either of: */
struct pending {
    struct ha_dominator_node *node;
    object_list below; /* what the members of its group at its level dominate directly */
    below_sums sums;   /* the sums of these */
    uint32_t level;    /* of its children */
};

struct cutter {
    struct ha_query *q;
    const struct ha_dominators_options *options;
    const struct ha_groups *groups;
    uint32_t *wanted; /* per group: which child node takes its members (number + 1), 0: none */
    HA_VEC(struct pending) queue;
    uint64_t nodes;
    bool cut;
};

/* What one worker hands out. */
struct hand {
    object_list *lists; /* per group that wants them; or */
    below_sums sums;
    struct ha_idmap sum_at; /* node and slot -> element of sums */
    uint64_t last;          /* what was looked up last, and what was found */
    uint32_t last_at;
    uint64_t objects;       /* summed up */
    char apart[64];         /* from what the next worker writes */
};

static struct ha_err *add_children(const struct ha_query *q, struct ha_children kids, object_list *list)
{
    if (list->count + kids.count > q->snapshot->heap->facts.object_count) {
        return ha_tree_damaged();
    }
    if (!ha_vec_reserve(list, kids.count)) {
        return ha_err_nomem();
    }
    for (uint64_t k = 0; k < kids.count; k++) {
        list->data[list->count++] = ha_children_at(&kids, k).i;
    }
    return NULL;
}

static HA_NOINLINE struct ha_err *find_sum(struct hand *hand, uint32_t node, uint32_t slot, ha_cls cls)
{
    const uint64_t key = (uint64_t)node << 32 | slot;
    uint32_t at = (uint32_t)hand->sums.count, old; /* fewer than there are objects */
    if (!ha_idmap_add(&hand->sum_at, key, at, &old)) {
        return ha_err_nomem();
    }
    if (old == HA_IDMAP_NONE) {
        struct below_sum *sum = ha_vec_push(&hand->sums);
        if (sum == NULL) {
            return ha_err_nomem();
        }
        *sum = (struct below_sum){.node = node, .slot = slot, .cls = cls};
    }
    hand->last = key;
    hand->last_at = old == HA_IDMAP_NONE ? at : old;
    return NULL;
}

static struct ha_err *sum_children(const struct ha_query *q, struct ha_children kids, uint32_t node, struct hand *hand)
{
    const struct ha_heap *heap = q->snapshot->heap;
    hand->objects += kids.count;
    if (hand->objects > heap->facts.object_count) {
        return ha_tree_damaged();
    }
    for (uint64_t k = 0; k < kids.count; k++) {
        ha_obj kid = ha_children_at(&kids, k);
        const ha_cls cls = ha_heap_class_of(heap, kid);
        const uint32_t slot = slot_of(heap, kid, cls);
        if (hand->sums.count == 0 || hand->last != ((uint64_t)node << 32 | slot)) {
            HA_TRY(find_sum(hand, node, slot, cls));
        }
        const struct ha_tally_sum sum = sum_of(q, kid);
        add(&hand->sums.data[hand->last_at].sum, &sum);
    }
    return NULL;
}

/* What objects dominate, handed to the groups of these: the objects, or of the last level their sums. */
struct handing {
    const struct cutter *cutter;
    struct ha_children objects;
    struct hand *hands; /* per worker */
    bool last_level;
};

static struct ha_err *hand_batch(void *ctx, unsigned worker, uint64_t index)
{
    const struct handing *h = ctx;
    const struct ha_query *q = h->cutter->q;
    struct hand *hand = &h->hands[worker];
    uint64_t first = index * BATCH;
    uint64_t end = h->objects.count - first < BATCH ? h->objects.count : first + BATCH;
    for (uint64_t i = first; i < end; i++) {
        ha_obj obj = ha_children_at(&h->objects, i);
        if (!ha_dom_may_have_children(q->snapshot->dom, obj)) {
            continue;
        }
        uint32_t wanted = h->cutter->wanted[ha_level_group_of(q, h->cutter->groups, obj)];
        if (wanted != 0) {
            struct ha_children kids = ha_dom_children(q->snapshot->dom, obj);
            HA_TRY(h->last_level ? sum_children(q, kids, wanted - 1, hand) : add_children(q, kids, &hand->lists[wanted - 1]));
        }
    }
    return NULL;
}

static struct ha_err *take_list(const struct cutter *c, object_list *list, object_list *below)
{
    if (below->count == 0) {
        ha_vec_deinit(below);
        *below = *list;
        *list = (object_list){0};
        return NULL;
    }
    if (list->count > c->q->snapshot->heap->facts.object_count - below->count) {
        return ha_tree_damaged();
    }
    bool there = ha_vec_append(below, list);
    ha_vec_deinit(list);
    return there ? NULL : ha_err_nomem();
}

/* What a worker handed out goes to the pending nodes. */
static struct ha_err *take_hand(const struct cutter *c, struct hand *hand, struct pending *pending, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        HA_TRY(take_list(c, &hand->lists[i], &pending[i].below));
    }
    for (size_t i = 0; i < hand->sums.count; i++) {
        struct below_sum *slot = ha_vec_push(&pending[hand->sums.data[i].node].sums);
        if (slot == NULL) {
            return ha_err_nomem();
        }
        *slot = hand->sums.data[i];
    }
    return NULL;
}

/* Hands the children of each object, which come to lie on `level`, to the pending node of its group. pending: the node with wanted == 1, and those behind
   it. In which order they come depends on the workers; only their sums are looked at. */
static struct ha_err *hand_out(struct cutter *c, struct ha_children objects, uint32_t level, struct pending *pending, size_t count)
{
    const unsigned workers = workers_for(c->q, objects);
    struct hand hands[WORKERS_MAX] = {0};
    HA_FREE object_list *lists = ha_calloc_array(workers * count + 1, sizeof *lists);
    if (lists == NULL) {
        return ha_err_nomem();
    }
    for (unsigned w = 0; w < workers; w++) {
        hands[w].lists = lists + w * count;
    }
    struct handing handing = {c, objects, hands, level >= c->options->depth};
    struct ha_err *err = ha_parallel_for(workers, (objects.count + BATCH - 1) / BATCH, hand_batch, &handing);
    uint64_t summed = 0;
    for (unsigned w = 0; w < workers; w++) {
        summed += hands[w].objects;
        if (err == NULL && summed > c->q->snapshot->heap->facts.object_count) {
            err = ha_tree_damaged();
        }
        if (err == NULL) {
            err = take_hand(c, &hands[w], pending, count);
        }
        ha_vec_deinit(&hands[w].sums);
        ha_idmap_deinit(&hands[w].sum_at);
    }
    for (size_t i = 0; i < workers * count; i++) {
        ha_vec_deinit(&lists[i]);
    }
    return err;
}

static struct ha_err *make_children(struct cutter *c, struct ha_dominator_node *parent,
                                    const struct ha_histogram *level)
{
    parent->children = ha_arena_calloc(&c->q->arena, level->count + 1, sizeof *parent->children);
    if (parent->children == NULL) {
        return ha_err_nomem();
    }
    parent->child_count = level->count;
    parent->omitted = level->omitted;
    c->nodes += level->count;
    for (uint64_t i = 0; i < level->count; i++) {
        parent->children[i].obj = HA_OBJ_NONE;
        parent->children[i].group = &level->rows[i];
        parent->children[i].retained_bytes = level->rows[i].retained_bytes;
    }
    return NULL;
}

/* Sums of a level: those that were handed out, or of the objects. */
static struct ha_err *level_sums(const struct cutter *c, struct ha_children objects, const struct pending *from, struct ha_level_sums *ret)
{
    if (from == NULL || from->sums.count == 0) {
        return ha_level_sums_create(c->q, objects, ret);
    }
    struct ha_err *err = sums_init(c->q, ret);
    for (size_t i = 0; err == NULL && i < from->sums.count; i++) {
        const struct below_sum *sum = &from->sums.data[i];
        add_at(c->q->snapshot->heap, ret, sum->slot, sum->cls, &sum->sum);
    }
    if (err != NULL) {
        ha_level_sums_destroy(ret);
    }
    return err;
}

static struct ha_err *level_of(struct cutter *c, struct ha_children objects, const struct pending *from, uint64_t limit, struct ha_histogram *rows,
                               uint32_t **ret_groups)
{
    struct ha_level_sums sums;
    HA_TRY(level_sums(c, objects, from, &sums));
    struct ha_err *err = ha_level_rows(c->q, c->groups, &sums, limit, rows, ret_groups);
    ha_level_sums_destroy(&sums);
    return err;
}

/* Groups `objects`, or what was handed to `from` (may be NULL), into the children of a node and queues those that go deeper. */
static struct ha_err *expand(struct cutter *c, struct ha_dominator_node *parent, struct ha_children objects, const struct pending *from, uint32_t level)
{
    uint64_t limit = c->options->limit;
    if (c->options->max_nodes != 0) {
        uint64_t left = c->options->max_nodes - c->nodes;
        if (left == 0) {
            c->cut = c->cut || objects.count > 0 || (from != NULL && from->sums.count > 0);
            return NULL;
        }
        limit = limit == 0 || limit > left ? left : limit;
    }
    struct ha_histogram rows;
    uint32_t *numbers;
    HA_TRY(level_of(c, objects, from, limit, &rows, &numbers));
    HA_TRY(make_children(c, parent, &rows));
    c->cut = c->cut || (rows.omitted > 0 && limit != c->options->limit);
    if (level >= c->options->depth) {
        return NULL;
    }
    size_t first = c->queue.count;
    if (!ha_vec_reserve(&c->queue, rows.count)) {
        return ha_err_nomem();
    }
    for (uint64_t i = 0; i < rows.count; i++) {
        c->queue.data[c->queue.count++] = (struct pending){.node = &parent->children[i], .level = level + 1};
        c->wanted[numbers[i]] = (uint32_t)i + 1;
    }
    struct ha_err *err = hand_out(c, objects, level + 1, c->queue.data + first, rows.count);
    for (uint64_t i = 0; i < rows.count; i++) {
        c->wanted[numbers[i]] = 0;
    }
    return err;
}

static void pending_deinit(struct pending *pending)
{
    ha_vec_deinit(&pending->below);
    ha_vec_deinit(&pending->sums);
}

static struct ha_err *expand_pending(struct cutter *c, size_t i)
{
    struct pending from = c->queue.data[i];
    c->queue.data[i] = (struct pending){0};
    struct ha_children list = ha_children_of_list(c->q->snapshot->heap, from.below.data, from.below.count);
    struct ha_err *err = expand(c, from.node, list, &from, from.level);
    pending_deinit(&from);
    return err;
}

struct ha_err *ha_level_cut(struct ha_query *q, const struct ha_dominators_options *options,
                            struct ha_children first, struct ha_dominators *answer)
{
    struct cutter c = {.q = q, .options = options};
    HA_TRY(ha_groups_get(q, options->by, &c.groups));
    c.wanted = ha_calloc_array((size_t)c.groups->count + 1, sizeof *c.wanted);
    struct ha_err *err = c.wanted == NULL ? ha_err_nomem() : expand(&c, &answer->root, first, NULL, 1);
    for (size_t i = 0; err == NULL && i < c.queue.count; i++) {
        err = expand_pending(&c, i);
    }
    for (size_t i = 0; i < c.queue.count; i++) {
        pending_deinit(&c.queue.data[i]);
    }
    ha_vec_deinit(&c.queue);
    ha_free(c.wanted);
    answer->cut = c.cut;
    return err;
}
