/* SPDX-License-Identifier: MIT */
/*
 * Kids are looked at in pieces of the parents, by several threads; each has sums and lists of its own per name. Parents ascend, so their kids lie side
 * by side in the index; what is known of a kid is asked for some hundreds of kids before it is used.
 *
 * The lists are in no order. A long one is sorted by a bit per object of the heap.
 *
 * Memory: 4 bytes per kid of a name that counts, and the bits.
 */
#include "query/q_kids.h"

#include <stdlib.h>
#include <string.h>

#include "ha/base/pool.h"
#include "ha/query/q_names.h"
#include "query/q_tree.h"

#define WORKERS_MAX 16U /* each has sums per name */
#define KIDS_MIRROR UINT32_MAX
#define FEW_PARENTS 2048U       /* as many are cut into pieces by their kids, more by themselves */
#define PIECE_KIDS (1U << 15)
#define BATCH_PARENTS 128U
#define BATCH_KIDS 256U
#define PREFETCH 32U            /* parents */
#define FEW_KIDS 4U             /* of a parent, copied at once */
#define SEARCH UINT32_MAX
#define SIZE_OF_ARRAY UINT32_MAX
#define STARTS_PAY 64U          /* children of the heap per parent looked at: from there on it pays to make the starts of all children */
#define SORT_BY_HAND 1024U
#define LIST_KEPT (1U << 16)    /* objects; memory of longer lists is given back */

struct name_sum {
    uint64_t count, bytes, most, first;
    uint32_t largest;
    HA_VEC(uint32_t) objects;
};

struct kid_worker {
    struct name_sum *sums; /* per name */
    HA_VEC(uint32_t) touched;
    const struct kids *k;
    bool holders_only; /* lists are of those that may dominate something */
    uint64_t place; /* of the next kid: number of the piece, and kids of it before */
    uint32_t batch_count;
    uint32_t batch[BATCH_KIDS];
};

static struct ha_err *damaged(void)
{
    return ha_err_new(HA_ERR_INPUT, "dominator tree of the index is damaged");
}

/* ---- names ---- */

struct naming {
    struct kids *k;
    struct texts texts; /* of all names */
    HA_VEC(uint64_t) bounds; /* per text: what its objects retain at most */
};

/* Notes the name of a class or of its class object, and what its objects retain without those that contain each other. */
static struct ha_err *name_add(struct naming *n, uint32_t cls, bool mirror, uint64_t bytes)
{
    struct ha_sbuf text = {0};
    uint32_t number;
    ha_sbuf_puts(&text, mirror ? "class " : "");
    ha_name_stable(n->k->q->snapshot->heap->classes[cls].name, &text);
    HA_TRY(texts_number_of(&n->texts, &text, &number));
    if (number == n->bounds.count) {
        uint64_t *slot = ha_vec_push(&n->bounds);
        if (slot == NULL) {
            return ha_err_nomem();
        }
        *slot = 0;
    }
    n->bounds.data[number] += bytes;
    (mirror ? n->k->of_mirror : n->k->of_class)[cls] = number + 1;
    return NULL;
}

static struct ha_err *names_add(struct naming *n)
{
    const struct ha_snapshot *snapshot = n->k->q->snapshot;
    const struct ha_heap *heap = snapshot->heap;
    for (uint32_t c = 0; c < heap->facts.class_count; c++) {
        if (snapshot->retained->classes[c].retained_bytes > 0) {
            HA_TRY(name_add(n, c, false, snapshot->retained->classes[c].retained_bytes));
        }
    }
    for (uint64_t i = 0; i < heap->class_object_count; i++) {
        uint32_t obj = heap->class_objects[2 * i], cls = heap->class_objects[2 * i + 1];
        if (obj < heap->facts.object_count && cls < heap->facts.class_count) {
            HA_TRY(name_add(n, cls, true, ha_query_retained(n->k->q, (ha_obj){obj})));
        }
    }
    return NULL;
}

/* Whether a name counts: references may be called the same, and these have numbers too. */
static bool name_counts(const struct naming *n, uint32_t number, uint64_t min_bytes)
{
    return n->bounds.data[number] >= min_bytes || strpbrk(n->texts.list.data[number], ".[ ") == NULL;
}

/* Numbers those that count, and forgets the others. */
static struct ha_err *names_choose(struct naming *n, uint64_t min_bytes)
{
    struct kids *k = n->k;
    const struct ha_heap *heap = k->q->snapshot->heap;
    HA_FREE uint32_t *chosen = ha_calloc_array(n->bounds.count + 1, sizeof *chosen);
    if (chosen == NULL) {
        return ha_err_nomem();
    }
    for (uint32_t i = 0; i < n->bounds.count; i++) {
        if (name_counts(n, i, min_bytes)) {
            uint32_t number;
            HA_TRY(texts_number(&k->names, n->texts.list.data[i], &number));
            chosen[i + 1] = number + 1;
        }
    }
    for (uint32_t c = 0; c < heap->facts.class_count; c++) {
        bool mirrors = (heap->classes[c].flags & HA_CLASS_IS_CLASS) != 0;
        k->of_mirror[c] = chosen[k->of_mirror[c]];
        k->of_class[c] = chosen[k->of_class[c]];
        if (mirrors) {
            k->class_name = k->of_class[c];
            k->of_class[c] = KIDS_MIRROR;
        }
    }
    return NULL;
}

static struct ha_err *names_make(struct kids *k, uint64_t min_bytes)
{
    struct ha_arena arena = {0};
    struct naming n = {.k = k, .texts.arena = &arena};
    struct ha_err *err = names_add(&n);
    if (err == NULL) {
        err = names_choose(&n, min_bytes);
    }
    texts_deinit(&n.texts);
    ha_vec_deinit(&n.bounds);
    ha_arena_deinit(&arena);
    return err;
}

/* ---- one kid ---- */

static uint32_t name_of_mirror(const struct kids *k, ha_obj obj)
{
    ha_cls stands_for;
    return ha_heap_as_class(k->q->snapshot->heap, obj, &stands_for) ? k->of_mirror[stands_for.i] : k->class_name;
}

/* Whether a leaf dominates something, as few do. */
static bool leaf_holds(const struct ha_retained *retained, uint32_t obj)
{
    uint64_t low = 0, high = retained->extra_count;
    if (high == 0 || obj < retained->extra[0] || obj > retained->extra[2 * (high - 1)]) {
        return false;
    }
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (retained->extra[2 * middle] < obj) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < retained->extra_count && retained->extra[2 * low] == obj;
}

static bool may_hold(const struct kids *k, uint32_t obj)
{
    return obj < k->q->snapshot->heap->facts.branch_count || leaf_holds(k->q->snapshot->retained, obj);
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
    if (HA_UNLIKELY(size == 0 || leaf_holds(snapshot->retained, obj.i))) {
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
    if (w->holders_only && !may_hold(w->k, kid)) {
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
    uint32_t names[BATCH_KIDS + 1];
    uint64_t bytes[BATCH_KIDS + 1];
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
        uint64_t left = run->count - i, room = BATCH_KIDS - w->batch_count, count = left < room ? left : room;
        if (run->objects != NULL) {
            memcpy(w->batch + w->batch_count, run->objects + i, count * sizeof *w->batch);
        } else {
            ha_column_read(run->packed, run->first + i, count, w->batch + w->batch_count);
        }
        i += count;
        w->batch_count += (uint32_t)count;
        if (w->batch_count == BATCH_KIDS) {
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
        if (HA_LIKELY(spots->count[i] <= FEW_KIDS && spots->first[i] < safe && w->batch_count <= BATCH_KIDS - FEW_KIDS)) {
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

/* ---- lists ---- */

/* The place of the next kid that belongs to the sample, among all that are listed. */
struct sampling {
    struct kid_list *list;
    uint64_t next, step, rank;
};

/* A kid that has `rank` before it. */
static inline void sample_add(struct sampling *s, uint64_t rank, uint32_t kid)
{
    if (rank == s->next && s->list->sample_count < KIDS_SAMPLE) {
        s->list->sample[s->list->sample_count++].i = kid;
        s->next += s->step;
    }
}

static int compare_numbers(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static struct ha_err *sort_few(const struct kids *k, uint32_t name, struct sampling *s)
{
    struct kid_objects *holders = &s->list->holders;
    uint32_t numbers[SORT_BY_HAND];
    size_t count = 0;
    for (unsigned i = 0; i < k->worker_count; i++) {
        const struct name_sum *sum = &k->workers[i].sums[name];
        if (sum->objects.count > 0) {
            memcpy(numbers + count, sum->objects.data, sum->objects.count * sizeof *numbers);
            count += sum->objects.count;
        }
    }
    qsort(numbers, count, sizeof *numbers, compare_numbers);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && numbers[i] == numbers[i - 1]) {
            return damaged();
        }
        sample_add(s, i, numbers[i]);
        if (may_hold(k, numbers[i])) {
            holders->data[holders->count++].i = numbers[i];
        }
    }
    return NULL;
}

struct bit_range {
    uint64_t *words;
    uint64_t first, end; /* words */
};

static struct bit_range bits_set(const struct kids *k, uint32_t name)
{
    struct bit_range range = {k->bits.data, UINT64_MAX, 0};
    uint32_t least = UINT32_MAX, most = 0;
    for (unsigned i = 0; i < k->worker_count; i++) {
        const struct name_sum *sum = &k->workers[i].sums[name];
        for (size_t j = 0; j < sum->objects.count; j++) {
            uint32_t kid = sum->objects.data[j];
            range.words[kid >> 6] |= 1ULL << (kid & 63);
            least = kid < least ? kid : least;
            most = kid > most ? kid : most;
        }
    }
    range.first = least >> 6;
    range.end = (most >> 6) + 1;
    return range;
}

/* Samples of the objects of a word, the first of which has `rank` before it. */
static void sample_word(struct sampling *s, uint64_t at, uint64_t word, uint64_t rank)
{
    for (; word != 0; word &= word - 1) {
        sample_add(s, rank++, (uint32_t)(at << 6) + (uint32_t)__builtin_ctzll(word));
    }
}

/* Those objects of a word that may dominate something. */
static size_t word_take(const struct kids *k, uint64_t at, uint64_t word, ha_obj *out)
{
    size_t count = 0;
    for (; word != 0; word &= word - 1) {
        uint32_t kid = (uint32_t)(at << 6) + (uint32_t)__builtin_ctzll(word);
        if (may_hold(k, kid)) {
            out[count++].i = kid;
        }
    }
    return count;
}

/* Takes the bits in order, and clears them. */
HA_POPCNT_CLONES
static void bits_take(const struct kids *k, struct bit_range range, struct sampling *s)
{
    const uint64_t branch_words = k->q->snapshot->heap->facts.branch_count / 64;
    const bool some_leaves_hold = k->q->snapshot->retained->extra_count > 0;
    ha_obj *out = s->list->holders.data;
    for (uint64_t at = range.first; at < range.end; at++) {
        uint64_t word = range.words[at], held = (uint64_t)__builtin_popcountll(word);
        if (word == 0) {
            continue;
        }
        range.words[at] = 0;
        if (HA_UNLIKELY(s->next < s->rank + held) && s->list->sample_count < KIDS_SAMPLE) {
            sample_word(s, at, word, s->rank);
        }
        s->rank += held;
        if (at < branch_words) {
            for (const uint32_t first = (uint32_t)(at << 6); word != 0; word &= word - 1) {
                (out++)->i = first + (uint32_t)__builtin_ctzll(word);
            }
        } else if (at == branch_words || some_leaves_hold) {
            out += word_take(k, at, word, out);
        }
    }
    s->list->holders.count = (size_t)(out - s->list->holders.data);
}

static struct ha_err *sort_many(struct kids *k, uint32_t name, uint64_t count, struct sampling *s)
{
    if (k->bits.data == NULL) {
        HA_TRY(ha_big_init(&k->bits, (uint64_t)k->q->snapshot->heap->facts.object_count / 64 + 1, sizeof(uint64_t)));
    }
    bits_take(k, bits_set(k, name), s);
    return s->rank == count ? NULL : damaged();
}

struct ha_err *kids_list(struct kids *k, const struct kid_group *group, struct kid_list *ret)
{
    uint64_t count = 0;
    struct sampling s = {.list = ret, .step = group->count > KIDS_SAMPLE ? group->count / KIDS_SAMPLE : 1};
    ret->holders = (struct kid_objects){0};
    ret->sample_count = 0;
    for (unsigned i = 0; i < k->worker_count; i++) {
        count += k->workers[i].sums[group->name].objects.count;
    }
    if (k->below_root) {
        s.next = UINT64_MAX;
    }
    if (!ha_vec_reserve(&ret->holders, (size_t)count + 1)) {
        return ha_err_nomem();
    }
    struct ha_err *err = count <= SORT_BY_HAND ? sort_few(k, group->name, &s) : sort_many(k, group->name, count, &s);
    if (err != NULL) {
        ha_vec_deinit(&ret->holders);
    }
    return err;
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
    HA_TRY(names_make(k, min_bytes));
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
