/* SPDX-License-Identifier: MIT */
#include "query/q_tally.h"

#include "ha/base/mem.h"
#include "ha/base/pool.h"

#define WORKERS_MAX 16U           /* each has counters per group */
#define COLUMN_BATCH (512U * 512) /* objects; whole blocks of the array ranks */
#define TOP_BATCHES 1024U

struct worker {
    uint32_t *open; /* per group */
    struct ha_tally_sum *sums;
};

struct tally {
    const struct ha_query *q;
    const struct ha_groups *groups; /* NULL: groups are the classes */
    struct ha_children tops;
    uint64_t batch;
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
        if (siblings->objects[middle] < obj.i) {
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
    struct ha_children kids = ha_dom_children(dom, top);
    uint64_t next = 0;
    ha_obj at = top;
    uint32_t group = group_of(t, top);
    count(t, w, top, group);
    w->open[group]++;
    for (;;) {
        if (next < kids.count) {
            ha_obj kid = ha_children_at(&kids, next++);
            if (dom->idom[kid.i] != at.i || budget-- == 0) {
                return ha_err_new(HA_ERR_INPUT, "dominator tree of the index is damaged");
            }
            group = group_of(t, kid);
            count(t, w, kid, group);
            struct ha_children below = ha_dom_children(dom, kid);
            if (below.count > 0) {
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
        at.i = dom->idom[child.i];
        kids = ha_dom_children(dom, at);
        next = place_of(&kids, child) + 1;
    }
}

static struct ha_err *tally_tops(void *ctx, unsigned worker, uint64_t index)
{
    struct tally *t = ctx;
    uint64_t first = index * t->batch;
    uint64_t end = t->tops.count - first < t->batch ? t->tops.count : first + t->batch;
    for (uint64_t i = first; i < end; i++) {
        HA_TRY(walk_subtree(t, &t->workers[worker], ha_children_at(&t->tops, i)));
    }
    return NULL;
}

struct ha_err *ha_tally_subtrees(const struct ha_query *q, const struct ha_groups *groups,
                                 struct ha_children tops, bool with_sizes,
                                 struct ha_tally_sum *sums)
{
    struct tally t = {.q = q,
                      .groups = groups,
                      .tops = tops,
                      .with_sizes = with_sizes,
                      .group_count = groups->count};
    t.batch = tops.count / TOP_BATCHES + 1;
    struct ha_err *err = workers_init(&t, tops.count < 2 ? 1 : q->snapshot->threads);
    if (err == NULL) {
        err = ha_parallel_for(t.worker_count, (tops.count + t.batch - 1) / t.batch, tally_tops, &t);
    }
    if (err == NULL) {
        workers_merge(&t, sums);
    }
    workers_deinit(&t);
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
        }
    }
    return NULL;
}

/* What arrays alone do not tell: instances have the size of their class, class objects one of their own. */
static void add_instance_sizes(const struct ha_query *q, struct ha_tally_sum *sums)
{
    const struct ha_heap *heap = q->snapshot->heap;
    const struct ha_sizes *sizes = q->snapshot->sizes;
    for (uint32_t c = 0; c < heap->facts.class_count; c++) {
        if (heap->classes[c].kind == HA_CLASS_INSTANCE) {
            sums[c].shallow_bytes += sums[c].instances * sizes->class_sizes[c];
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

struct ha_err *ha_tally_column(const struct ha_query *q, struct ha_tally_sum *sums)
{
    const struct ha_heap *heap = q->snapshot->heap;
    struct tally t = {.q = q, .group_count = heap->facts.class_count};
    struct ha_err *err = workers_init(&t, q->snapshot->threads);
    if (err == NULL) {
        uint64_t batches = ((uint64_t)heap->facts.object_count + COLUMN_BATCH - 1) / COLUMN_BATCH;
        err = ha_parallel_for(t.worker_count, batches, tally_batch, &t);
    }
    if (err == NULL) {
        workers_merge(&t, sums);
        add_instance_sizes(q, sums);
    }
    workers_deinit(&t);
    return err;
}
