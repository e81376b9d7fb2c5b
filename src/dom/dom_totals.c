/* SPDX-License-Identifier: MIT */
/*
 * Sums over the dominator tree that every report needs, made while the tree is in memory so that later questions need no walk over it.
 *
 *   - MAT's minimum retained size of a set (the instances of a class, package or loader): the sum over those without an ancestor of the same set
 *     in the dominator tree. Branch objects are put in pre-order of the dominator tree; in that order a subtree is an interval, so an
 *     object is nested exactly if it lies in the interval of the last top-most one of its set.
 *
 *     Leaves have no place of their own in that order: dom_nested.c tells which sets their ancestors are in.
 *
 *         number   0 1 2 3 4 5 6 7        last_end[set]: one past the interval of the last top-most object of the set
 *                  A B A C|A D D A        A at 2 is nested (below 0 … 3), A at 4 is not
 *
 *   - Histograms of the big parts of the heap: below each object directly under the root that retains more than 5 % of the heap, and below all
 *     other first-level objects of a class where these together do. Leak suspects are made of such parts.
 *
 * Branch objects are summed up by their numbers in the order of the search, which is much like pre-order; then masks and parts are brought into
 * the order of objects, beside which leaves lie. That and the leaves are done in pieces, each worker with sums of its own.
 *
 * Memory: beside the arrays of the sweep 4 bytes per branch object, for a moment 8, and one or two more where there are big parts.
 */
#include "dom/dom_sweep.h"

#include "ha/heap/heap_sections.h"

#include <stdlib.h>
#include <string.h>

#define PARTS_MAX 40U               /* at most 19 objects and 19 classes hold more than a twentieth of the heap */
#define PART_CELLS_MAX (8U << 20)   /* parts × classes; beyond that the histograms are left to be worked out when asked for */
#define PREFETCH 32U                /* numbers ahead: their objects lie anywhere */
#define WORKERS_BYTES_MAX (64U << 20) /* of the sums of all workers; where they would take more, one does the work */

/* What one worker adds up for a set. */
struct set_sum {
    uint64_t retained, top_instances, top_retained;
};

/* The sums of one worker; those of worker 0 take the others in. */
struct worker {
    struct set_sum *sums[GROUPINGS];
    struct ha_disk_part_row *cells; /* part_count × classes */
};

struct totals {
    struct sweep *s;
    struct grouping_sums sums[GROUPINGS];
    struct nested nested;
    struct worker *workers;
    unsigned worker_count;

    struct ha_disk_part parts[PARTS_MAX];
    uint32_t part_count;
    uint8_t *part_of_class;  /* per class: part + 1 of its first-level objects that are no parts of their own; 0: none */
    struct ha_big parts_at;  /* per number of the order: part + 1 */
    struct ha_big part_of;   /* per branch object: the same */
};

/* ---- big parts ---- */

/* The first pair of s->extra that is of this leaf or one behind it. */
static size_t extra_from(const struct sweep *s, uint64_t obj)
{
    size_t low = 0, high = s->extra.count / 2;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->extra.data[2 * middle] < obj) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return 2 * low;
}

static uint64_t leaf_bytes(const struct sweep *s, uint32_t leaf)
{
    size_t i = extra_from(s, leaf);
    bool found = i < s->extra.count && s->extra.data[i] == leaf;
    return found ? s->extra.data[i + 1] : ha_sizes_of(s->sizes, (ha_obj){leaf});
}

static int compare_parts(const void *a, const void *b)
{
    const struct ha_disk_part *x = a, *y = b;
    return (x->object > y->object) - (x->object < y->object);
}

/* A first-level object: a part of its own, or one of the others of its class. */
static void take_first_level(struct totals *t, uint32_t obj, uint64_t bytes, uint64_t *rest)
{
    uint32_t cls = ha_heap_class_of(t->s->heap, (ha_obj){obj}).i;
    if (bytes > t->s->totals.reachable_bytes / HA_PART_SHARE && t->part_count < PARTS_MAX) {
        t->parts[t->part_count++] = (struct ha_disk_part){.object = obj, .cls = cls};
    } else {
        rest[cls] += bytes;
    }
}

/* Finds the parts; leaves part_count 0 where their histograms would take too much memory. */
static struct ha_err *find_parts(struct totals *t)
{
    const struct sweep *s = t->s;
    uint32_t classes = s->heap->facts.class_count;
    uint64_t limit = s->totals.reachable_bytes / HA_PART_SHARE;
    struct ha_children top = ha_dom_top(s->dom);
    HA_FREE uint64_t *rest = ha_calloc_array((size_t)classes + 1, sizeof *rest);
    t->part_of_class = ha_calloc_array((size_t)classes + 1, 1);
    if (rest == NULL || t->part_of_class == NULL) {
        return ha_err_nomem();
    }
    for (uint64_t i = 0; i < s->order->count; i = s->next[s->place[i]]) {
        take_first_level(t, s->order->object[s->place[i]], s->sum[s->place[i]], rest);
    }
    for (uint64_t i = top.count; i > 0; i--) { /* leaves have the highest numbers */
        uint32_t obj = ha_children_at(&top, i - 1).i;
        if (obj < s->heap->facts.branch_count) {
            break;
        }
        take_first_level(t, obj, leaf_bytes(s, obj), rest);
    }
    qsort(t->parts, t->part_count, sizeof *t->parts, compare_parts);
    for (uint32_t c = 0; c < classes; c++) {
        if (rest[c] > limit && t->part_count < PARTS_MAX) {
            t->parts[t->part_count++] = (struct ha_disk_part){.object = HA_NONE, .cls = c};
            t->part_of_class[c] = (uint8_t)t->part_count;
        }
    }
    if ((uint64_t)t->part_count * classes > PART_CELLS_MAX) {
        t->part_count = 0;
        memset(t->part_of_class, 0, classes);
    }
    if (t->part_count > 0) {
        HA_TRY(ha_big_init_raw(&t->parts_at, s->order->count + 1, 1));
    }
    return NULL;
}

/* The part (+ 1) of an object directly under the root. */
static uint8_t part_of_top(const struct totals *t, uint32_t obj, uint32_t cls)
{
    for (uint32_t p = 0; p < t->part_count && t->parts[p].object != HA_NONE; p++) {
        if (t->parts[p].object == obj) {
            return (uint8_t)(p + 1);
        }
    }
    return t->part_of_class[cls];
}

static inline struct ha_disk_part_row *part_cell(const struct totals *t, const struct worker *w, uint8_t part, uint32_t cls)
{
    return &w->cells[(size_t)(part - 1) * t->s->heap->facts.class_count + cls];
}

/* ---- workers ---- */

static size_t set_count(const struct totals *t)
{
    return (size_t)t->sums[0].count + t->sums[1].count + t->sums[2].count;
}

static struct ha_err *workers_create(struct totals *t)
{
    const size_t cells = (size_t)t->part_count * t->s->heap->facts.class_count;
    const size_t bytes = set_count(t) * sizeof(struct set_sum) + cells * sizeof(struct ha_disk_part_row);
    t->worker_count = bytes <= WORKERS_BYTES_MAX / t->s->threads ? t->s->threads : 1;
    t->workers = ha_calloc_array(t->worker_count, sizeof *t->workers);
    if (t->workers == NULL) {
        return ha_err_nomem();
    }
    for (unsigned i = 0; i < t->worker_count; i++) {
        struct worker *w = &t->workers[i];
        for (unsigned g = 0; g < GROUPINGS; g++) {
            w->sums[g] = ha_calloc_array((size_t)t->sums[g].count + 1, sizeof **w->sums);
        }
        w->cells = ha_calloc_array(cells + 1, sizeof *w->cells);
        if (w->sums[0] == NULL || w->sums[1] == NULL || w->sums[2] == NULL || w->cells == NULL) {
            return ha_err_nomem();
        }
    }
    return NULL;
}

static void workers_destroy(struct totals *t)
{
    for (unsigned i = 0; t->workers != NULL && i < t->worker_count; i++) {
        for (unsigned g = 0; g < GROUPINGS; g++) {
            ha_free(t->workers[i].sums[g]);
        }
        ha_free(t->workers[i].cells);
    }
    ha_free(t->workers);
}

/* Takes the sums of all workers into the totals, and their cells into those of worker 0. */
static void workers_merge(struct totals *t)
{
    const size_t cells = (size_t)t->part_count * t->s->heap->facts.class_count;
    for (unsigned i = 0; i < t->worker_count; i++) {
        for (unsigned g = 0; g < GROUPINGS; g++) {
            for (uint32_t set = 0; set < t->sums[g].count; set++) {
                const struct set_sum *sum = &t->workers[i].sums[g][set];
                t->sums[g].totals[set].retained_bytes += sum->retained;
                t->sums[g].totals[set].top_instances += sum->top_instances;
                t->sums[g].totals[set].top_retained_bytes += sum->top_retained;
            }
        }
        for (size_t c = 0; i > 0 && c < cells; c++) {
            struct ha_disk_part_row *to = &t->workers[0].cells[c];
            const struct ha_disk_part_row *from = &t->workers[i].cells[c];
            to->instances += from->instances;
            to->shallow_bytes += from->shallow_bytes;
            to->retained_bytes += from->retained_bytes;
        }
    }
}

static inline void add_first_level(const struct totals *t, const struct worker *w, uint32_t cls, uint64_t bytes)
{
    for (unsigned g = 0; g < GROUPINGS; g++) {
        struct set_sum *sum = &w->sums[g][group_of(&t->sums[g], cls)];
        sum->top_instances++;
        sum->top_retained += bytes;
    }
}

/* ---- branch objects ---- */

static void sum_branches(struct totals *t)
{
    const struct sweep *s = t->s;
    const struct worker *w = &t->workers[0];
    const uint32_t *place = s->place, *next = s->next, *parents = s->order->parent, *object = s->order->object;
    uint8_t *part_at = t->parts_at.data;
    uint8_t part = 0;
    for (uint64_t i = 0; i < s->order->count; i++) {
        uint32_t p = place[i], parent = parents[p], cls = sweep_class(s, p);
        uint64_t retained = s->sum[p];
        bool nested = false;
        for (unsigned g = 0; g < GROUPINGS; g++) {
            struct grouping_sums *sums = &t->sums[g];
            uint32_t group = group_of(sums, cls);
            if (i >= sums->last_end[group]) {
                w->sums[g][group].retained += retained;
                sums->last_end[group] = next[p];
            } else if (g == 0) {
                nested = true;
            }
        }
        if (parent == 0) {
            add_first_level(t, w, cls, retained);
            part = t->part_count == 0 ? 0 : part_of_top(t, object[p], cls);
        }
        if (part_at != NULL) {
            part_at[p] = part;
        }
        if (part != 0) {
            struct ha_disk_part_row *cell = part_cell(t, w, part, cls);
            cell->instances++;
            cell->retained_bytes += nested ? 0 : retained;
        }
        nested_hand_down(&t->nested, p, parent, cls);
        if (HA_UNLIKELY(nested_has_rare(&t->nested, object[p]))) {
            nested_note_rare(&t->nested, t->sums, object[p], (uint32_t)i);
        }
    }
}

/* From the order of numbers to that of objects: retained sizes, masks, parts. */
static struct ha_err *scatter_piece(void *ctx, unsigned worker, uint64_t index)
{
    struct totals *t = ctx;
    const struct sweep *s = t->s;
    const uint32_t *object = s->order->object, *mask_at = t->nested.mask_at;
    const uint8_t *part_at = t->parts_at.data;
    uint32_t *mask = t->nested.mask;
    uint8_t *part_of = t->part_of.data;
    uint64_t first, end = sweep_piece(1, s->order->count, index, &first);
    (void)worker;
    for (uint64_t p = first; p < end; p++) {
        uint32_t ahead = object[p + PREFETCH < end ? p + PREFETCH : p], obj = object[p];
        __builtin_prefetch(s->column + (size_t)s->totals.width * ahead, 1);
        __builtin_prefetch(&mask[ahead], 1);
        sweep_put_retained(s, obj, s->sum[p]);
        mask[obj] = mask_at[p];
        if (part_of != NULL) {
            part_of[obj] = part_at[p];
        }
    }
    return NULL;
}

static struct ha_err *scatter(struct totals *t)
{
    struct sweep *s = t->s;
    ha_big_deinit(&s->places_big);
    ha_big_deinit(&s->class_big);
    HA_TRY(nested_by_object(&t->nested));
    if (t->part_count > 0) {
        HA_TRY(ha_big_init(&t->part_of, (uint64_t)s->heap->facts.branch_count + 1, 1));
    }
    HA_TRY(ha_parallel_for(s->threads, sweep_pieces(1, s->order->count), scatter_piece, t));
    nested_by_object_end(&t->nested);
    ha_big_deinit(&t->parts_at);
    ha_big_deinit(&s->sum_big);
    return NULL;
}

/* The shallow size of a branch object whose class has no size for all. */
static void add_unusual(const struct totals *t, uint32_t obj)
{
    const struct sweep *s = t->s;
    uint8_t part = obj < s->heap->facts.branch_count ? ((const uint8_t *)t->part_of.data)[obj] : 0;
    uint32_t cls = ha_heap_class_of(s->heap, (ha_obj){obj}).i;
    if (part != 0 && s->class_sizes[cls].bytes == 0 && !ha_heap_is_array(s->heap, (ha_obj){obj})) {
        part_cell(t, &t->workers[0], part, cls)->shallow_bytes += ha_sizes_of(s->sizes, (ha_obj){obj});
    }
}

/* Shallow bytes of the branch objects in parts: instances × bytes, as long as only branch objects are counted in the cells; then what differs. */
static void size_part_branches(struct totals *t)
{
    const struct sweep *s = t->s;
    const uint8_t *part_of = t->part_of.data;
    for (uint32_t p = 0; p < t->part_count; p++) {
        for (uint32_t c = 0; c < s->heap->facts.class_count; c++) {
            struct ha_disk_part_row *cell = part_cell(t, &t->workers[0], (uint8_t)(p + 1), c);
            cell->shallow_bytes = cell->instances * s->class_sizes[c].bytes;
        }
    }
    for (uint64_t i = 0; i < s->heap->class_object_count; i++) {
        add_unusual(t, s->heap->class_objects[2 * i]);
    }
    for (uint64_t i = 0; i < s->heap->chunk_count; i++) {
        add_unusual(t, s->heap->chunks[2 * i]);
    }
    uint64_t rank = 0;
    for (uint32_t obj = 0; obj < s->heap->facts.branch_count;) {
        uint32_t bits = s->heap->array_bits[obj >> 3];
        for (; bits != 0 && obj + (uint32_t)__builtin_ctz(bits) < s->heap->facts.branch_count; bits &= bits - 1) {
            uint32_t array = obj + (uint32_t)__builtin_ctz(bits);
            if (part_of[array] != 0) {
                uint32_t cls = ha_heap_class_of(s->heap, (ha_obj){array}).i;
                const struct class_size *size = &s->class_sizes[cls];
                part_cell(t, &t->workers[0], part_of[array], cls)->shallow_bytes += sweep_array_size(s, size, rank) - size->bytes;
            }
            rank++;
        }
        obj += 8;
    }
}

/* ---- leaves ---- */

static inline void add_leaf(const struct totals *t, const struct worker *w, uint32_t obj, uint32_t cls, uint32_t d, uint64_t shallow, uint64_t bytes)
{
    const struct sweep *s = t->s;
    uint32_t branch_count = s->heap->facts.branch_count;
    bool below_leaf = d >= branch_count && d < s->heap->facts.object_count;
    uint32_t leaf_class = below_leaf ? ha_heap_class_of(s->heap, (ha_obj){d}).i : HA_NONE;
    uint32_t holder = holder_of(s, obj);
    uint8_t nested = nested_of_leaf(&t->nested, obj, cls, holder);
    for (unsigned g = 1; g < GROUPINGS; g++) {
        uint32_t group = group_of(&t->sums[g], cls);
        if ((nested >> g & 1) == 0 && !(below_leaf && group_of(&t->sums[g], leaf_class) == group)) {
            w->sums[g][group].retained += bytes;
        }
    }
    uint64_t retained = (nested & 1) != 0 ? 0 : bytes;
    w->sums[0][cls].retained += retained;
    uint8_t part = 0;
    if (d == HA_DOM_ROOT) {
        add_first_level(t, w, cls, bytes);
    }
    if (t->part_count > 0 && holder < branch_count) {
        part = ((const uint8_t *)t->part_of.data)[holder];
    } else if (t->part_count > 0) {
        part = below_leaf ? part_of_top(t, d, leaf_class) : part_of_top(t, obj, cls);
    }
    if (part != 0) {
        struct ha_disk_part_row *cell = part_cell(t, w, part, cls);
        cell->instances++;
        cell->shallow_bytes += shallow;
        cell->retained_bytes += retained;
    }
}

static struct ha_err *sum_leaves_piece(void *ctx, unsigned worker, uint64_t index)
{
    const struct totals *t = ctx;
    const struct sweep *s = t->s;
    const uint32_t branch_count = s->heap->facts.branch_count;
    uint64_t first, end = sweep_piece(branch_count, s->heap->facts.object_count - branch_count, index, &first);
    struct size_walk sizes = size_walk_from(s, (uint32_t)first);
    size_t next_extra = extra_from(s, first);
    for (uint64_t obj = first; obj < end; obj++) {
        uint32_t cls;
        uint64_t shallow = size_walk_next(&sizes, (uint32_t)obj, &cls), bytes = shallow;
        if (HA_UNLIKELY(next_extra < s->extra.count && s->extra.data[next_extra] == obj)) {
            bytes = s->extra.data[next_extra + 1];
            next_extra += 2;
        }
        uint32_t d = s->dom->idom[obj];
        if (d != HA_NONE) {
            add_leaf(t, &t->workers[worker], (uint32_t)obj, cls, d, shallow, bytes);
        }
    }
    return NULL;
}

/* ---- putting it together ---- */

static struct ha_err *write_parts(struct totals *t)
{
    const struct sweep *s = t->s;
    HA_VEC(struct ha_disk_part_row) rows = {0};
    struct ha_err *err = NULL;
    for (uint32_t p = 0; p < t->part_count && err == NULL; p++) {
        t->parts[p].rows_first = (uint32_t)rows.count;
        for (uint32_t c = 0; c < s->heap->facts.class_count && err == NULL; c++) {
            const struct ha_disk_part_row *cell = part_cell(t, &t->workers[0], (uint8_t)(p + 1), c);
            struct ha_disk_part_row *row = cell->instances == 0 ? NULL : ha_vec_push(&rows);
            if (row != NULL) {
                *row = *cell;
                row->cls = c;
            } else if (cell->instances != 0) {
                err = ha_err_nomem();
            }
        }
        t->parts[p].rows_count = (uint32_t)rows.count - t->parts[p].rows_first;
    }
    if (err == NULL) {
        err = s->put(s->put_ctx, HA_SECTION_OF(s->sizes->model, PARTS), sizeof *t->parts, t->part_count, t->parts);
    }
    if (err == NULL) {
        err = s->put(s->put_ctx, HA_SECTION_OF(s->sizes->model, PART_ROWS), sizeof *rows.data, rows.count, rows.data);
    }
    ha_vec_deinit(&rows);
    return err;
}

static struct ha_err *sums_init(struct grouping_sums *sums, uint32_t count, const uint32_t *of_class, struct ha_class_total *totals)
{
    *sums = (struct grouping_sums){.of_class = of_class, .count = count};
    sums->last_end = ha_calloc_array((size_t)count + 1, sizeof(uint32_t));
    sums->totals = totals != NULL ? totals : ha_calloc_array((size_t)count + 1, sizeof *sums->totals);
    return sums->last_end == NULL || sums->totals == NULL ? ha_err_nomem() : NULL;
}

/* Instances and bytes of a group are the sums over its classes. */
static void add_classes(const struct sweep *s, struct grouping_sums *sums)
{
    for (uint32_t c = 0; c < s->heap->facts.class_count; c++) {
        struct ha_class_total *total = &sums->totals[sums->of_class[c]];
        total->instances += s->classes[c].instances;
        total->shallow_bytes += s->classes[c].shallow_bytes;
        total->all_instances += s->classes[c].all_instances;
        total->all_shallow_bytes += s->classes[c].all_shallow_bytes;
    }
}

static struct ha_err *run(struct totals *t, const struct ha_grouping *packages, const struct ha_grouping *loaders)
{
    const struct sweep *s = t->s;
    HA_TRY(sums_init(&t->sums[0], s->heap->facts.class_count, NULL, s->classes));
    HA_TRY(sums_init(&t->sums[1], packages->count, packages->of_class, NULL));
    HA_TRY(sums_init(&t->sums[2], loaders->count, loaders->of_class, NULL));
    HA_TRY(find_parts(t));
    HA_TRY(workers_create(t));
    HA_TRY(nested_init(&t->nested, s, t->sums));
    sum_branches(t);
    HA_TRY(scatter(t));
    if (t->part_count > 0) {
        size_part_branches(t);
    }
    uint32_t leaves = s->heap->facts.object_count - s->heap->facts.branch_count;
    HA_TRY(ha_parallel_for(t->worker_count, sweep_pieces(s->heap->facts.branch_count, leaves), sum_leaves_piece, t));
    workers_merge(t);
    add_classes(s, &t->sums[1]);
    add_classes(s, &t->sums[2]);
    HA_TRY(s->put(s->put_ctx, HA_SECTION_OF(s->sizes->model, PACKAGES), sizeof *s->classes, packages->count, t->sums[1].totals));
    HA_TRY(s->put(s->put_ctx, HA_SECTION_OF(s->sizes->model, LOADERS), sizeof *s->classes, loaders->count, t->sums[2].totals));
    return write_parts(t);
}

struct ha_err *ha_dom_totals(struct sweep *s)
{
    struct totals t = {.s = s};
    struct ha_grouping packages = {0}, loaders = {0};
    struct ha_err *err = ha_heap_group(s->heap, HA_GROUPING_PACKAGE, &packages);
    if (err == NULL) {
        err = ha_heap_group(s->heap, HA_GROUPING_LOADER, &loaders);
    }
    if (err == NULL) {
        err = run(&t, &packages, &loaders);
    }
    ha_grouping_deinit(&packages);
    ha_grouping_deinit(&loaders);
    workers_destroy(&t);
    ha_big_deinit(&t.parts_at);
    nested_deinit(&t.nested);
    ha_big_deinit(&t.part_of);
    for (unsigned g = 0; g < GROUPINGS; g++) {
        ha_free(t.sums[g].last_end);
        if (g > 0) {
            ha_free(t.sums[g].totals);
        }
    }
    ha_free(t.part_of_class);
    return err;
}
