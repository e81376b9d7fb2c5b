/* SPDX-License-Identifier: MIT */
#include "query/q_tally.h"

#include "ha/base/mem.h"
#include "ha/base/pool.h"
#include "ha/base/vec.h"
#include "ha/heap/heap_counts.h"
#include "query/q_tree.h"

#define WORKERS_MAX 16U           /* each has counters per group */
#define COLUMN_BATCH (512U * 512) /* objects; whole blocks of the array ranks */
#define PIECES 128U               /* about as many pieces a forest is cut into */
#define RUN_MAX (1U << 20)        /* siblings of a piece */
#define CUTS_MAX 4096U            /* objects that are cut further, one level each */
#define LARGE_SHARE                                                                                \
    5 /* percent of the heap from which on it pays to make the starts of all children */

struct worker {
    uint32_t *open; /* per group */
    struct ha_tally_sum *sums;
};

/* A run of siblings, below `parent` (HA_NONE: they are tops themselves) in the subtree of `top`. */
struct piece {
    struct ha_children objects;
    ha_obj parent, top;
};

struct tally {
    const struct ha_query *q;
    const struct ha_groups *groups; /* NULL: groups are the classes */
    HA_VEC(struct piece) pieces;
    HA_VEC(struct piece) heavy; /* to be cut: parent is the object */
    uint64_t piece_bytes;
    bool with_sizes;
    uint32_t group_count;
    struct worker workers[WORKERS_MAX];
    unsigned worker_count;
};

static void workers_deinit(struct tally *t)
{
    for (unsigned i = 0; i < t->worker_count; i++) {
        ha_free(t->workers[i].open);
        ha_free(t->workers[i].sums);
    }
}

static struct ha_err *workers_init(struct tally *t, unsigned threads)
{
    threads = threads < 1 ? 1 : threads;
    t->worker_count = threads < WORKERS_MAX ? threads : WORKERS_MAX;
    for (unsigned i = 0; i < t->worker_count; i++) {
        t->workers[i].open = ha_calloc_array((size_t)t->group_count + 1, sizeof(uint32_t));
        t->workers[i].sums =
            ha_calloc_array((size_t)t->group_count + 1, sizeof(struct ha_tally_sum));
        if (t->workers[i].open == NULL || t->workers[i].sums == NULL) {
            return ha_err_nomem();
        }
    }
    return NULL;
}

static void workers_merge(const struct tally *t, struct ha_tally_sum *sums)
{
    for (unsigned w = 0; w < t->worker_count; w++) {
        for (uint32_t g = 0; g < t->group_count; g++) {
            sums[g].instances += t->workers[w].sums[g].instances;
            sums[g].shallow_bytes += t->workers[w].sums[g].shallow_bytes;
            sums[g].retained_bytes += t->workers[w].sums[g].retained_bytes;
        }
    }
}

/* ---- subtrees ---- */

static uint32_t group_of(const struct tally *t, ha_obj obj)
{
    return t->groups->of_class[ha_heap_class_of(t->q->snapshot->heap, obj).i];
}

static void count(const struct tally *t, struct worker *w, ha_obj obj, uint32_t group)
{
    struct ha_tally_sum *sum = &w->sums[group];
    if (w->open[group] == 0) {
        sum->retained_bytes += ha_query_retained(t->q, obj);
    }
    if (t->with_sizes) {
        sum->instances++;
        sum->shallow_bytes += ha_query_shallow(t->q, obj);
    }
}

/* The place of obj among ascending siblings. */
static uint64_t place_of(const struct ha_children *siblings, ha_obj obj)
{
    uint64_t low = 0;
    uint64_t high = siblings->count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (ha_children_at(siblings, middle).i < obj.i) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct ha_err *walk_subtree(const struct tally *t, struct worker *w, ha_obj top)
{
    const struct ha_dom *dom = t->q->snapshot->dom;
    uint64_t budget = dom->heap->facts.object_count; // a damaged index may hold a circle
    struct ha_children kids = ha_tree_children(t->q, top);
    uint64_t next = 0;
    ha_obj at = top;
    uint32_t group = group_of(t, top);
    count(t, w, top, group);
    w->open[group]++;
    for (;;) {
        if (next < kids.count) {
            ha_obj kid = ha_children_at(&kids, next++);
            if (budget-- == 0) {
                return ha_tree_damaged();
            }
            group = group_of(t, kid);
            count(t, w, kid, group);
            struct ha_children below = ha_tree_children(t->q, kid);
            if (below.count > 0) {
                if (ha_dom_idom(dom, kid) != at.i) {
                    return ha_tree_damaged();
                }
                w->open[group]++;
                at = kid;
                kids = below;
                next = 0;
            }
            continue;
        }
        w->open[group_of(t, at)]--;
        if (at.i == top.i) {
            return NULL;
        }
        ha_obj child = at;
        at.i = ha_dom_idom(dom, child);
        kids = ha_tree_children(t->q, at);
        next = place_of(&kids, child) + 1;
    }
}

/* ---- pieces ---- */

/* Opens (or closes again) what lies between a piece and the top of its subtree. */
static void open_above(const struct tally *t, struct worker *w, const struct piece *piece,
                       uint32_t by)
{
    const struct ha_dom *dom = t->q->snapshot->dom;
    for (ha_obj at = piece->parent; at.i < dom->heap->facts.object_count; at.i = ha_dom_idom(dom, at)) {
        w->open[group_of(t, at)] += by;
        if (at.i == piece->top.i) {
            return;
        }
    }
}

static struct ha_err *tally_piece(void *ctx, unsigned worker, uint64_t index)
{
    struct tally *t = ctx;
    const struct piece *piece = &t->pieces.data[index];
    struct worker *w = &t->workers[worker];
    open_above(t, w, piece, 1);
    for (uint64_t i = 0; i < piece->objects.count; i++) {
        HA_TRY(walk_subtree(t, w, ha_children_at(&piece->objects, i)));
    }
    open_above(t, w, piece, UINT32_MAX);
    return NULL;
}

static struct ha_err *add_piece(struct tally *t, struct piece piece)
{
    if (piece.objects.count == 0) {
        return NULL;
    }
    struct piece *slot = ha_vec_push(&t->pieces);
    if (slot == NULL) {
        return ha_err_nomem();
    }
    *slot = piece;
    return NULL;
}

/* Cuts siblings into runs of about PIECE_SHARE of all; what is larger alone is kept to be cut itself, as long as CUTS_MAX allows. */
static struct ha_err *cut_siblings(struct tally *t, struct piece all)
{
    struct piece run = all;
    uint64_t bytes = 0;
    run.objects.count = 0;
    for (uint64_t i = 0; i < all.objects.count; i++) {
        ha_obj obj = ha_children_at(&all.objects, i);
        uint64_t retained = ha_query_retained(t->q, obj);
        bool heavy = retained > t->piece_bytes && t->heavy.count < CUTS_MAX;
        if (heavy) {
            struct piece *slot = ha_vec_push(&t->heavy);
            if (slot == NULL) {
                return ha_err_nomem();
            }
            *slot = (struct piece){.parent = obj, .top = ha_obj_is_none(all.top) ? obj : all.top};
        } else {
            run.objects.count++;
            bytes += retained;
        }
        if (heavy || bytes >= t->piece_bytes || run.objects.count >= RUN_MAX) {
            HA_TRY(add_piece(t, run));
            run.objects = ha_children_from(&all.objects, i + 1);
            run.objects.count = 0;
            bytes = 0;
        }
    }
    return add_piece(t, run);
}

/* Counts an object that was too large for a piece and cuts what is below. */
static struct ha_err *cut_heavy(struct tally *t, struct piece heavy)
{
    const struct ha_dom *dom = t->q->snapshot->dom;
    struct worker *w = &t->workers[0];
    ha_obj obj = heavy.parent;
    struct piece above = {.parent = {heavy.parent.i == heavy.top.i ? HA_NONE : ha_dom_idom(dom, obj)},
                          .top = heavy.top};
    open_above(t, w, &above, 1);
    count(t, w, obj, group_of(t, obj));
    open_above(t, w, &above, UINT32_MAX);
    heavy.objects = ha_tree_children(t->q, obj);
    for (uint64_t i = 0; i < heavy.objects.count; i++) {
        if (ha_dom_idom(dom, ha_children_at(&heavy.objects, i)) != obj.i) {
            return ha_tree_damaged();
        }
    }
    return cut_siblings(t, heavy);
}

static struct ha_err *cut(struct tally *t, struct ha_children tops)
{
    HA_TRY(cut_siblings(t, (struct piece){tops, HA_OBJ_NONE, HA_OBJ_NONE}));
    for (size_t i = 0; i < t->heavy.count; i++) {
        HA_TRY(cut_heavy(t, t->heavy.data[i]));
    }
    return NULL;
}

static uint64_t retained_sum(const struct ha_query *q, struct ha_children tops)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < tops.count; i++) {
        sum += ha_query_retained(q, ha_children_at(&tops, i));
    }
    return sum;
}

struct ha_err *ha_tally_subtrees(struct ha_query *q, const struct ha_groups *groups,
                                 struct ha_children tops, bool with_sizes,
                                 struct ha_tally_sum *sums)
{
    struct tally t = {.q = q, .groups = groups, .with_sizes = with_sizes, .group_count = groups->count};
    uint64_t bytes = retained_sum(q, tops);
    t.piece_bytes = bytes / PIECES + 1;
    struct ha_err *err = bytes / LARGE_SHARE < q->snapshot->retained->reachable_bytes / 100
                             ? NULL
                             : ha_tree_prepare(q);
    if (err == NULL) {
        err = workers_init(&t, q->snapshot->threads);
    }
    if (err == NULL) {
        err = cut(&t, tops);
    }
    if (err == NULL) {
        err = ha_parallel_for(t.worker_count, t.pieces.count, tally_piece, &t);
    }
    if (err == NULL) {
        workers_merge(&t, sums);
    }
    workers_deinit(&t);
    ha_vec_deinit(&t.pieces);
    ha_vec_deinit(&t.heavy);
    return err;
}

/* ---- the column ---- */

static struct ha_err *tally_batch(void *ctx, unsigned worker, uint64_t index)
{
    struct tally *t = ctx;
    const struct ha_heap *heap = t->q->snapshot->heap;
    struct ha_tally_sum *sums = t->workers[worker].sums;
    uint64_t first = index * COLUMN_BATCH;
    uint64_t count_all = heap->facts.object_count;
    uint64_t end = count_all - first < COLUMN_BATCH ? count_all : first + COLUMN_BATCH;
    uint64_t rank = heap->array_count == 0 ? 0 : heap->array_ranks[first / 512];
    for (uint64_t i = first; i < end; i++) {
        ha_obj obj = {(uint32_t)i};
        ha_cls cls = ha_heap_class_of(heap, obj);
        sums[cls.i].instances++;
        if (ha_heap_is_array(heap, obj)) {
            uint32_t length = HA_LIKELY(rank < heap->array_count) ? heap->array_lengths[rank] : 0;
            sums[cls.i].shallow_bytes +=
                ha_sizes_of_array(t->q->snapshot->sizes, ha_heap_class(heap, cls), length);
            rank++;
        } else {
            sums[cls.i].shallow_bytes += t->q->snapshot->sizes->class_sizes[cls.i];
        }
    }
    return NULL;
}

/* Stacks and class objects have sizes of their own, not that of their class. */
static void add_own_sizes(const struct ha_query *q, struct ha_tally_sum *sums)
{
    const struct ha_heap *heap = q->snapshot->heap;
    const struct ha_sizes *sizes = q->snapshot->sizes;
    for (uint64_t i = 0; i < heap->chunk_count; i++) {
        ha_obj obj = {heap->chunks[2 * i]};
        if (obj.i < heap->facts.object_count && ha_heap_class_of(heap, obj).i == sizes->chunk_class.i) {
            sums[sizes->chunk_class.i].shallow_bytes += ha_query_shallow(q, obj) - sizes->class_sizes[sizes->chunk_class.i];
        }
    }
    for (uint64_t i = 0; i < heap->class_object_count; i++) {
        ha_obj obj = {heap->class_objects[2 * i]};
        if (obj.i < heap->facts.object_count) {
            ha_cls cls = ha_heap_class_of(heap, obj);
            sums[cls.i].shallow_bytes += ha_query_shallow(q, obj) - sizes->class_sizes[cls.i];
        }
    }
}

/* What was counted in place of the column. */
static void take_counts(const struct ha_query *q, struct ha_tally_sum *sums)
{
    const struct ha_heap *heap = q->snapshot->heap;
    for (uint32_t c = 0; c < heap->facts.class_count; c++) {
        sums[c].instances = heap->counts[c];
        if (heap->classes[c].kind == HA_CLASS_INSTANCE) {
            sums[c].shallow_bytes = heap->counts[c] * q->snapshot->sizes->class_sizes[c];
        }
    }
    for (uint64_t i = 0; i < heap->array_count_count; i++) {
        const struct ha_array_count *count = &heap->array_counts[i];
        sums[count->cls].shallow_bytes += ha_sizes_of_arrays(q->snapshot->sizes, count);
    }
}

struct ha_err *ha_tally_column(const struct ha_query *q, struct ha_tally_sum *sums)
{
    const struct ha_heap *heap = q->snapshot->heap;
    if (heap->counts != NULL) {
        take_counts(q, sums);
        add_own_sizes(q, sums);
        return NULL;
    }
    struct tally t = {.q = q, .group_count = heap->facts.class_count};
    struct ha_err *err = workers_init(&t, q->snapshot->threads);
    if (err == NULL) {
        uint64_t batches = ((uint64_t)heap->facts.object_count + COLUMN_BATCH - 1) / COLUMN_BATCH;
        err = ha_parallel_for(t.worker_count, batches, tally_batch, &t);
    }
    if (err == NULL) {
        workers_merge(&t, sums);
        add_own_sizes(q, sums);
    }
    workers_deinit(&t);
    return err;
}
