/* SPDX-License-Identifier: MIT */
/*
 * Kids are looked at in pieces of the parents, by several threads; each has sums and lists of its own per name (q_kids_parts.h). Parents ascend, so
 * their kids lie side by side in the index; what is known of a kid is asked for some hundreds of kids before it is used.
 *
 * Memory: 4 bytes per kid of a name that counts.
 */
#include "query/q_kids_parts.h"

#include <stdlib.h>
#include <string.h>

#include "ha/base/pool.h"
#include "query/q_tree.h"

#define WORKERS_MAX 16U         /* each has sums per name */
#define FEW_PARENTS 2048U       /* as many are cut into pieces by their kids, more by themselves */
#define PIECE_KIDS (1U << 15)
#define BATCH_PARENTS 128U
#define PREFETCH 32U            /* parents */
#define FEW_KIDS 4U             /* of a parent, copied at once */
#define SEARCH UINT32_MAX
#define SIZE_OF_ARRAY UINT32_MAX
#define STARTS_PAY 64U          /* children of the heap per parent looked at: from there on it pays to make the starts of all children */
#define LIST_KEPT (1U << 16)    /* objects; memory of longer lists is given back */

/* ---- one kid ---- */

static uint32_t name_of_mirror(const struct kids *k, ha_obj obj)
{
    ha_cls stands_for;
    return ha_heap_as_class(k->q->snapshot->heap, obj, &stands_for) ? k->of_mirror[stands_for.i] : k->class_name;
}

static uint64_t bytes_of(const struct kids *k, ha_obj obj)
{
    const struct ha_snapshot *snapshot = k->q->snapshot;
    const struct ha_heap *heap = snapshot->heap;
    if (obj.i < heap->facts.branch_count) {
        return ha_retained_of_branch(snapshot->retained, obj);
    }
    ha_cls cls = ha_heap_class_of(heap, obj);
    uint32_t size = k->sizes[cls.i];
    if (HA_UNLIKELY(size == 0 || kid_leaf_holds(snapshot->retained, obj.i))) {
        return ha_query_retained(k->q, obj);
    }
    return size != SIZE_OF_ARRAY ? size : ha_sizes_of_array(snapshot->sizes, ha_heap_class(heap, cls), ha_heap_array_length(heap, obj));
}

/* The first kid of a name that a worker meets. */
HA_NOINLINE
static bool sum_begin(struct kid_worker *w, uint32_t name, uint64_t place)
{
    uint32_t *touched = ha_vec_push(&w->touched);
    if (touched != NULL) {
        *touched = name - 1;
        w->sums[name - 1].first = place;
    }
    return touched != NULL;
}

/* One more kid of a name, at a place in the order of all. */
static inline bool sum_add(struct kid_worker *w, uint32_t name, uint32_t kid, uint64_t bytes, uint64_t place)
{
    struct name_sum *sum = &w->sums[name - 1];
    if (HA_UNLIKELY(sum->count++ == 0) && !sum_begin(w, name, place)) {
        return false;
    }
    sum->bytes += bytes;
    if (HA_UNLIKELY(bytes >= sum->most) && (bytes > sum->most || kid < sum->largest)) {
        sum->most = bytes;
        sum->largest = kid;
    }
    if (w->holders_only && !kid_may_hold(w->k, kid)) {
        return true;
    }
    uint32_t *object = ha_vec_push(&sum->objects);
    if (object == NULL) {
        return false;
    }
    *object = kid;
    return true;
}

/* All kids of a batch, of one name. */
static bool sum_add_all(struct kid_worker *w, uint32_t name, const uint64_t *bytes)
{
    struct name_sum *sum = &w->sums[name - 1];
    const uint32_t count = w->batch_count;
    uint64_t all = 0, most = 0;
    uint32_t least = UINT32_MAX;
    if ((sum->count == 0 && !sum_begin(w, name, w->place)) || !ha_vec_reserve(&sum->objects, count)) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        all += bytes[i];
        most = bytes[i] > most ? bytes[i] : most;
        least = w->batch[i] < least ? w->batch[i] : least;
    }
    bool better = most > sum->most || (most == sum->most && least < sum->largest);
    for (uint32_t i = 0; better && i < count; i++) {
        if (bytes[i] > sum->most || (bytes[i] == sum->most && w->batch[i] < sum->largest)) {
            sum->most = bytes[i];
            sum->largest = w->batch[i];
        }
    }
    sum->count += count;
    sum->bytes += all;
    memcpy(sum->objects.data + sum->objects.count, w->batch, count * sizeof *w->batch);
    sum->objects.count += count;
    return true;
}

/* ---- kids in batches ---- */

/* What is looked at first of every kid. Local copies of these are made, since what is written could be anything to the compiler. */
struct columns {
    const uint8_t *classes, *retained, *array_bits;
    uint32_t class_width, retained_width; /* 0: retained sizes are packed */
    uint32_t class_count, branch_count, object_count;
    uint64_t unit;
};

static struct columns columns_of(const struct kids *k)
{
    const struct ha_heap *heap = k->q->snapshot->heap;
    const struct ha_retained *retained = k->q->snapshot->retained;
    return (struct columns){heap->class_column, retained->column, heap->array_bits, heap->class_width, retained->column == NULL ? 0 : retained->width,
                            heap->facts.class_count, heap->facts.branch_count, heap->facts.object_count, retained->unit};
}

/* Puts kids into range, and asks for what is looked at next. */
static void batch_ahead(const struct columns *columns, uint32_t *batch, uint32_t count)
{
    const struct columns c = *columns;
    const uint8_t *branches = c.retained_width == 0 ? c.array_bits : c.retained;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t kid = batch[i] < c.object_count ? batch[i] : 0;
        batch[i] = kid;
        __builtin_prefetch(c.classes + (size_t)c.class_width * kid);
        __builtin_prefetch(kid < c.branch_count ? branches + (size_t)c.retained_width * kid : c.array_bits + (kid >> 3));
    }
}

/* Whether all have one name. */
static bool batch_names(const struct kids *k, const struct columns *columns, const uint32_t *batch, uint32_t count, uint32_t *names)
{
    const struct columns c = *columns;
    const uint32_t *of_class = k->of_class;
    uint32_t differ = 0, mirrors = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t cls = c.class_width == 2 ? ha_le16(c.classes + 2 * (size_t)batch[i]) : ha_le32(c.classes + 4 * (size_t)batch[i]);
        uint32_t name = of_class[cls < c.class_count ? cls : 0];
        names[i] = name;
        differ |= name ^ names[0];
        mirrors |= name == KIDS_MIRROR;
    }
    for (uint32_t i = 0; mirrors != 0 && i < count; i++) {
        if (names[i] == KIDS_MIRROR) {
            names[i] = name_of_mirror(k, (ha_obj){batch[i]});
        }
    }
    return differ == 0 && mirrors == 0;
}

static void batch_bytes(const struct kids *k, const struct columns *columns, const uint32_t *batch, const uint32_t *names, uint32_t count, uint64_t *bytes)
{
    const struct columns c = *columns;
    for (uint32_t i = 0; i < count; i++) {
        if (HA_LIKELY(c.retained_width == 4 && batch[i] < c.branch_count)) {
            bytes[i] = c.unit * ha_le32(c.retained + 4 * (size_t)batch[i]);
        } else {
            bytes[i] = names[i] == 0 ? 0 : bytes_of(k, (ha_obj){batch[i]});
        }
    }
}

static struct ha_err *batch_finish(const struct kids *k, struct kid_worker *w, const struct columns *c)
{
    const uint32_t count = w->batch_count;
    uint32_t names[KIDS_BATCH + 1];
    uint64_t bytes[KIDS_BATCH + 1];
    bool good = true;
    names[0] = 0;
    batch_ahead(c, w->batch, count);
    bool alike = batch_names(k, c, w->batch, count, names);
    if (!alike || names[0] != 0) {
        batch_bytes(k, c, w->batch, names, count, bytes);
    }
    if (alike && names[0] != 0 && !w->holders_only && count > 0) {
        good = sum_add_all(w, names[0], bytes);
    } else {
        for (uint32_t i = 0; (!alike || names[0] != 0) && i < count && good; i++) {
            good = names[i] == 0 || sum_add(w, names[i], w->batch[i], bytes[i], w->place + i);
        }
    }
    w->place += count;
    w->batch_count = 0;
    return good ? NULL : ha_err_nomem();
}

static struct ha_err *run_add(const struct kids *k, struct kid_worker *w, const struct columns *c, const struct ha_children *run)
{
    for (uint64_t i = 0; i < run->count;) {
        uint64_t left = run->count - i, room = KIDS_BATCH - w->batch_count, count = left < room ? left : room;
        if (run->objects != NULL) {
            memcpy(w->batch + w->batch_count, run->objects + i, count * sizeof *w->batch);
        } else {
            ha_column_read(run->packed, run->first + i, count, w->batch + w->batch_count);
        }
        i += count;
        w->batch_count += (uint32_t)count;
        if (w->batch_count == KIDS_BATCH) {
            HA_TRY(batch_finish(k, w, c));
        }
    }
    return NULL;
}

/* Where the kids of some parents are. */
struct spots {
    uint32_t first[BATCH_PARENTS], count[BATCH_PARENTS]; /* SEARCH: by ha_dom_children() */
};

static void spots_find(const struct kids *k, const ha_obj *parents, size_t count, size_t more, struct spots *ret)
{
    const struct ha_dom *dom = k->q->snapshot->dom;
    const uint32_t branch_count = dom->heap->facts.branch_count, *child_start = dom->child_start, *children = dom->children.plain;
    const uint8_t *starts = k->q->child_starts.data;
    for (size_t i = 0; i < count; i++) {
        uint32_t ahead = parents[i + (more < PREFETCH ? 0 : PREFETCH)].i, first, spot;
        ahead = ahead < branch_count ? ahead : 0;
        __builtin_prefetch(starts + ahead);
        __builtin_prefetch(&child_start[ahead / HA_CHILD_BLOCK]);
        bool found = parents[i].i < branch_count && ha_tree_find(starts, child_start, parents[i], &first, &spot);
        ret->first[i] = found ? first : 0;
        ret->count[i] = found ? spot : SEARCH;
        __builtin_prefetch(children == NULL ? (const uint32_t *)child_start : &children[ret->first[i]]);
    }
}

static void spots_search(struct spots *spots, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        spots->count[i] = SEARCH;
    }
}

/* A few kids at once, as most parents have; more, or what is not simple, in the usual way. */
static struct ha_err *spots_add(const struct kids *k, struct kid_worker *w, const struct columns *c, const ha_obj *parents, size_t count,
                                const struct spots *spots)
{
    const struct ha_dom *dom = k->q->snapshot->dom;
    const uint32_t *children = dom->children.plain;
    const uint64_t safe = children == NULL || dom->reachable_count < FEW_KIDS ? 0 : dom->reachable_count - FEW_KIDS;
    for (size_t i = 0; i < count; i++) {
        if (HA_LIKELY(spots->count[i] <= FEW_KIDS && spots->first[i] < safe && w->batch_count <= KIDS_BATCH - FEW_KIDS)) {
            memcpy(w->batch + w->batch_count, children + spots->first[i], FEW_KIDS * sizeof *children);
            w->batch_count += spots->count[i];
            continue;
        }
        struct ha_children run = spots->count[i] == SEARCH ? ha_dom_children(dom, parents[i]) : ha_dom_children_at(dom, spots->first[i], spots->count[i]);
        HA_TRY(run_add(k, w, c, &run));
    }
    return NULL;
}

static struct ha_err *parents_add(const struct kids *k, struct kid_worker *w, const struct columns *c, size_t first, size_t end)
{
    struct spots spots;
    while (first < end) {
        size_t count = end - first < BATCH_PARENTS ? end - first : BATCH_PARENTS;
        if (k->q->child_starts.data != NULL) {
            spots_find(k, k->parents + first, count, end - first - count, &spots);
        } else {
            spots_search(&spots, count);
        }
        HA_TRY(spots_add(k, w, c, k->parents + first, count, &spots));
        first += count;
    }
    return NULL;
}

static struct ha_err *gather_piece(void *ctx, unsigned worker, uint64_t index)
{
    const struct kids *k = ctx;
    struct kid_worker *w = &k->workers[worker];
    w->place = index << 32;
    w->k = k;
    w->holders_only = k->below_root;
    const struct columns c = columns_of(k);
    if (k->runs.count > 0) {
        HA_TRY(run_add(k, w, &c, &k->runs.data[index]));
    } else {
        size_t first = (size_t)index * FEW_PARENTS;
        HA_TRY(parents_add(k, w, &c, first, k->parent_count - first < FEW_PARENTS ? k->parent_count : first + FEW_PARENTS));
    }
    return batch_finish(k, w, &c);
}

/* Cuts the kids of one parent. */
static struct ha_err *run_cut(struct kids *k, struct ha_children run)
{
    while (run.count > 0) {
        struct ha_children *slot = ha_vec_push(&k->runs);
        if (slot == NULL) {
            return ha_err_nomem();
        }
        *slot = run;
        slot->count = run.count < PIECE_KIDS ? run.count : PIECE_KIDS;
        run = ha_children_from(&run, slot->count);
    }
    return NULL;
}

static struct ha_err *runs_cut(struct kids *k)
{
    uint64_t all = 0;
    k->runs.count = 0;
    if (k->below_root) {
        return run_cut(k, ha_dom_top(k->q->snapshot->dom));
    }
    for (size_t i = 0; i < k->parent_count && k->parent_count <= FEW_PARENTS; i++) {
        struct ha_children run = ha_tree_children(k->q, k->parents[i]);
        all += run.count;
        HA_TRY(run_cut(k, run));
    }
    k->runs.count = all <= PIECE_KIDS ? 0 : k->runs.count;
    return NULL;
}

/* ---- groups ---- */

static struct ha_err *worker_merge(struct kids *k, struct kid_worker *w)
{
    for (size_t i = 0; i < w->touched.count; i++) {
        uint32_t name = w->touched.data[i];
        const struct name_sum *sum = &w->sums[name];
        if (k->group_of[name] == 0) {
            struct kid_group *group = ha_vec_push(&k->groups);
            if (group == NULL) {
                return ha_err_nomem();
            }
            *group = (struct kid_group){.name = name, .largest = HA_OBJ_NONE, .first = UINT64_MAX};
            k->group_of[name] = (uint32_t)k->groups.count;
        }
        struct kid_group *group = &k->groups.data[k->group_of[name] - 1];
        group->count += sum->count;
        group->bytes += sum->bytes;
        group->first = sum->first < group->first ? sum->first : group->first;
        if (sum->most > group->most || (sum->most == group->most && sum->largest < group->largest.i)) {
            group->most = sum->most;
            group->largest.i = sum->largest;
        }
    }
    return NULL;
}

static int compare_first(const void *a, const void *b)
{
    const struct kid_group *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

static struct ha_err *groups_make(struct kids *k)
{
    struct ha_err *err = NULL;
    k->groups.count = 0;
    for (unsigned i = 0; i < k->worker_count && err == NULL; i++) {
        err = worker_merge(k, &k->workers[i]);
    }
    for (size_t i = 0; i < k->groups.count; i++) {
        k->group_of[k->groups.data[i].name] = 0;
    }
    if (err == NULL && k->groups.count > 1) {
        qsort(k->groups.data, k->groups.count, sizeof *k->groups.data, compare_first);
    }
    return err;
}

static void worker_reset(struct kid_worker *w)
{
    for (size_t i = 0; i < w->touched.count; i++) {
        struct name_sum *sum = &w->sums[w->touched.data[i]];
        if (sum->objects.capacity > LIST_KEPT) {
            ha_vec_deinit(&sum->objects);
        }
        sum->objects.count = 0;
        sum->count = sum->bytes = sum->most = 0;
        sum->largest = HA_NONE;
    }
    w->touched.count = 0;
    w->batch_count = 0;
}

struct ha_err *kids_gather(struct kids *k, const ha_obj *parents, size_t count)
{
    k->parents = parents;
    k->parent_count = count;
    k->below_root = parents == NULL;
    k->looked += count;
    if (k->looked > k->q->snapshot->dom->reachable_count / STARTS_PAY) {
        HA_TRY(ha_tree_prepare(k->q));
    }
    for (unsigned i = 0; i < k->worker_count; i++) {
        worker_reset(&k->workers[i]);
    }
    HA_TRY(runs_cut(k));
    uint64_t pieces = k->runs.count > 0 ? k->runs.count : (count + FEW_PARENTS - 1) / FEW_PARENTS;
    HA_TRY(ha_parallel_for(k->worker_count, pieces, gather_piece, k));
    return groups_make(k);
}

/* ---- beginning and end ---- */

static void sizes_make(struct kids *k)
{
    const struct ha_heap *heap = k->q->snapshot->heap;
    const struct ha_sizes *sizes = k->q->snapshot->sizes;
    for (uint32_t c = 0; c < heap->facts.class_count; c++) {
        const struct ha_class *cls = &heap->classes[c];
        bool own = (cls->flags & HA_CLASS_IS_CLASS) != 0 || c == sizes->chunk_class.i;
        k->sizes[c] = own ? 0 : cls->kind == HA_CLASS_INSTANCE ? sizes->class_sizes[c] : SIZE_OF_ARRAY;
    }
}

static struct ha_err *workers_init(struct kids *k, unsigned threads)
{
    unsigned count = threads < 1 ? 1 : threads < WORKERS_MAX ? threads : WORKERS_MAX;
    k->workers = ha_calloc_array(count, sizeof *k->workers);
    k->group_of = ha_calloc_array(k->names.list.count + 1, sizeof *k->group_of);
    if (k->workers == NULL || k->group_of == NULL) {
        return ha_err_nomem();
    }
    k->worker_count = count;
    for (unsigned i = 0; i < count; i++) {
        k->workers[i].sums = ha_calloc_array(k->names.list.count + 1, sizeof *k->workers[i].sums);
        if (k->workers[i].sums == NULL) {
            return ha_err_nomem();
        }
        for (size_t n = 0; n < k->names.list.count; n++) {
            k->workers[i].sums[n].largest = HA_NONE;
        }
    }
    return NULL;
}

struct ha_err *kids_init(struct kids *k, struct ha_query *q, uint64_t min_bytes)
{
    size_t classes = (size_t)q->snapshot->heap->facts.class_count + 1;
    *k = (struct kids){.q = q, .names.arena = &q->arena};
    k->of_class = ha_calloc_array(classes, sizeof *k->of_class);
    k->of_mirror = ha_calloc_array(classes, sizeof *k->of_mirror);
    k->sizes = ha_calloc_array(classes, sizeof *k->sizes);
    if (k->of_class == NULL || k->of_mirror == NULL || k->sizes == NULL) {
        return ha_err_nomem();
    }
    sizes_make(k);
    HA_TRY(kids_names_make(k, min_bytes));
    return workers_init(k, q->snapshot->threads);
}

void kids_deinit(struct kids *k)
{
    for (unsigned i = 0; i < k->worker_count; i++) {
        for (size_t n = 0; k->workers[i].sums != NULL && n < k->names.list.count; n++) {
            ha_vec_deinit(&k->workers[i].sums[n].objects);
        }
        ha_free(k->workers[i].sums);
        ha_vec_deinit(&k->workers[i].touched);
    }
    ha_free(k->workers);
    ha_free(k->group_of);
    ha_free(k->of_class);
    ha_free(k->of_mirror);
    ha_free(k->sizes);
    ha_vec_deinit(&k->groups);
    ha_vec_deinit(&k->runs);
    ha_big_deinit(&k->bits);
    texts_deinit(&k->names);
}
