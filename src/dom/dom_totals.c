/* SPDX-License-Identifier: MIT */
/*
 * Sums over the dominator tree that every report needs, made while the tree is in memory so that later questions need no walk over it.
 *
 *   - MAT's minimum retained size of a set (the instances of a class, package or loader): the sum over those without an ancestor of the same set
 *     in the dominator tree. dom_nested.c tells which have one.
 *
 *   - Histograms of the big parts of the heap (dom_parts.c), of which leak suspects are made.
 *
 * Branch objects are summed up by their numbers in the order of the search, in which what they retain, their masks and parts are brought into the
 * order of objects, beside which leaves lie. That and the leaves are done in pieces, each worker with sums of its own.
 *
 * Memory: the arrays of the sweep and of dom_nested.c, whose masks by object are made when the parents of the order have been given back.
 */
#include "dom/dom_sweep.h"

#include "ha/heap/heap_sections.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define WORKERS_BYTES_MAX (64U << 20) /* of the sums of all workers; where they would take more, one does the work */

/* What one worker adds up for a set. */
struct set_sum {
    uint64_t retained, top_instances, top_retained;
};

/* What the instances of a class retain, apart by the groupings in which they are nested: eight sums. */
#define NESTED_KINDS (1U << GROUPINGS)
struct class_sum {
    uint64_t retained[NESTED_KINDS];
};

/* The sums of one worker; those of worker 0 take the others in. */
struct worker {
    struct class_sum *classes;
    struct set_sum *sums[GROUPINGS]; /* what is not in classes */
    struct ha_disk_part_row *cells; /* parts × classes */
};

struct totals {
    struct sweep *s;
    struct ha_grouping packages, loaders;
    struct grouping_sums sums[GROUPINGS];
    struct nested nested;
    struct worker *workers;
    unsigned worker_count;
    struct parts parts;
};

static inline struct ha_disk_part_row *part_cell(const struct totals *t, const struct worker *w, uint32_t part, uint32_t cls)
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
    const size_t cells = (size_t)t->parts.count * t->s->heap->facts.class_count;
    const size_t classes = t->s->heap->facts.class_count;
    const size_t bytes = classes * sizeof(struct class_sum) + set_count(t) * sizeof(struct set_sum) + cells * sizeof(struct ha_disk_part_row);
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
        w->classes = ha_calloc_array(classes + 1, sizeof *w->classes);
        if (w->classes == NULL || w->sums[0] == NULL || w->sums[1] == NULL || w->sums[2] == NULL || w->cells == NULL) {
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
        ha_free(t->workers[i].classes);
    }
    ha_free(t->workers);
}

/* Takes the cells of all workers into those of worker 0. */
static void workers_merge_cells(struct totals *t)
{
    const size_t cells = (size_t)t->parts.count * t->s->heap->facts.class_count;
    for (unsigned i = 1; i < t->worker_count; i++) {
        for (size_t c = 0; c < cells; c++) {
            struct ha_disk_part_row *to = &t->workers[0].cells[c], *from = &t->workers[i].cells[c];
            to->instances += from->instances;
            to->shallow_bytes += from->shallow_bytes;
            to->retained_bytes += from->retained_bytes;
            *from = (struct ha_disk_part_row){0};
        }
    }
}

/* A class counts for its set in a grouping with what is not nested there. */
static void take_class(struct totals *t, const struct class_sum *sum, uint32_t cls)
{
    for (unsigned g = 0; g < GROUPINGS; g++) {
        struct ha_class_total *total = &t->sums[g].totals[group_of(&t->sums[g], cls)];
        for (unsigned kind = 0; kind < NESTED_KINDS; kind++) {
            total->retained_bytes += (kind >> g & 1) != 0 ? 0 : sum->retained[kind];
        }
    }
}

/* The same, and the sums of all workers into the totals. */
static void workers_merge(struct totals *t)
{
    workers_merge_cells(t);
    for (unsigned i = 0; i < t->worker_count; i++) {
        for (uint32_t c = 0; c < t->s->heap->facts.class_count; c++) {
            take_class(t, &t->workers[i].classes[c], c);
        }
        for (unsigned g = 0; g < GROUPINGS; g++) {
            for (uint32_t set = 0; set < t->sums[g].count; set++) {
                const struct set_sum *sum = &t->workers[i].sums[g][set];
                t->sums[g].totals[set].retained_bytes += sum->retained;
                t->sums[g].totals[set].top_instances += sum->top_instances;
                t->sums[g].totals[set].top_retained_bytes += sum->top_retained;
            }
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

/* Hands the parts (+ 1) of first-level objects down, in the tags of the masks. */
static void hand_parts_down(struct totals *t)
{
    const struct sweep *s = t->s;
    const uint32_t *parent = s->order->parent;
    uint64_t *mask_at = t->nested.mask_at;
    for (uint64_t p = 1; p <= s->order->count; p++) {
        uint32_t tag = HA_LIKELY(parent[p] != 0) ? (uint32_t)mask_at[parent[p]] & NESTED_TAG_BITS
                                                 : (uint32_t)parts_of_top(&t->parts, s->order->object[p], sweep_class(s, p)) << NESTED_TAG_SHIFT;
        mask_at[p] |= tag;
    }
}

/* The part (+ 1) of a branch object once masks are there by object; 0: none. Its mask must have been asked for, as those of rare objects and of what leaves
   lie below are; of all others that are looked at for the sake of parts, ask_for_parts() does it. */
static inline uint32_t part_of(const struct totals *t, uint32_t obj)
{
    return t->nested.mask[obj] >> NESTED_TAG_SHIFT;
}

/* Sums, and from the order of numbers to that of objects: retained sizes, masks, parts. What does not change is copied: stores could change it. */
HA_INLINE void sum_numbers(const struct totals *t, unsigned worker, uint64_t index, unsigned sum_width, bool all_asked)
{
    const struct worker w = t->workers[worker];
    const struct sweep s = *t->s;
    const struct nested nested = t->nested;
    const uint32_t *object = s.order->object;
    const size_t class_count = s.heap->facts.class_count;
    const uint64_t alignment = s.sizes->alignment;
    uint64_t first, end = sweep_piece(1, s.order->count, index, &first);
    for (uint64_t p = first; p < end; p++) {
        uint32_t ahead = object[p + SWEEP_PREFETCH < end ? p + SWEEP_PREFETCH : p], obj = object[p];
        uint32_t cls = sweep_class(&s, p);
        uint64_t units = sweep_sum_of_width(s.sum, p, sum_width), retained = units * alignment;
        unsigned kind = nested_kind(&nested, p);
        __builtin_prefetch(s.column + (size_t)s.totals.width * ahead, 1);
        if (all_asked) {
            __builtin_prefetch(&nested.mask[ahead], 1);
        }
        if (HA_UNLIKELY((kind & NESTED_FIRST_LEVEL) != 0)) {
            kind &= ~NESTED_FIRST_LEVEL;
            add_first_level(t, &w, cls, retained);
        }
        w.classes[cls].retained[kind] += retained;
        sweep_put_retained(&s, obj, units);
        uint32_t mask = (uint32_t)nested.mask_at[p], part = mask >> NESTED_TAG_SHIFT;
        if (all_asked || HA_UNLIKELY((nested.asked[obj >> 6] >> (obj & 63) & 1) != 0)) {
            nested.mask[obj] = mask;
        }
        if (part != 0) {
            struct ha_disk_part_row *cell = &w.cells[(part - 1U) * class_count + cls];
            cell->instances++;
            cell->retained_bytes += (kind & 1) != 0 ? 0 : retained;
        }
    }
}

static struct ha_err *sum_piece(void *ctx, unsigned worker, uint64_t index)
{
    const struct totals *t = ctx;
    if (t->s->sum_width != 4) {
        sum_numbers(t, worker, index, 8, t->nested.asked == NULL);
    } else if (t->nested.asked == NULL) {
        sum_numbers(t, worker, index, 4, true);
    } else {
        sum_numbers(t, worker, index, 4, false);
    }
    return NULL;
}

/* Calls fn for what may have a shallow size of its own, arrays apart: class objects and stacks in the heap. */
static void unusual_each(const struct totals *t, void (*fn)(const struct totals *t, uint32_t obj))
{
    const struct ha_heap *heap = t->s->heap;
    for (uint64_t i = 0; i < heap->class_object_count; i++) {
        fn(t, heap->class_objects[2 * i]);
    }
    for (uint64_t i = 0; i < heap->chunk_count; i++) {
        fn(t, heap->chunks[2 * i]);
    }
}

static void ask_unusual(const struct totals *t, uint32_t obj)
{
    if (obj < t->s->heap->facts.branch_count) {
        nested_ask(&t->nested, obj);
    }
}

/* For size_part_arrays() and add_unusual(). */
static void ask_for_parts(const struct totals *t)
{
    const struct ha_heap *heap = t->s->heap;
    for (uint64_t i = 0; i < ((uint64_t)heap->facts.branch_count + 7) / 8; i++) { /* leaves among the last eight do not matter */
        t->nested.asked[i / 8] |= (uint64_t)heap->array_bits[i] << i % 8 * 8;
    }
    unusual_each(t, ask_unusual);
}

static struct ha_err *sum_branches(struct totals *t)
{
    struct sweep *s = t->s;
    if (t->parts.count > 0) {
        hand_parts_down(t);
    }
    ha_big_deinit(&s->order->parents);
    s->order->parent = NULL;
    HA_TRY(nested_by_object_begin(&t->nested));
    if (t->parts.count > 0 && t->nested.asked != NULL) {
        ask_for_parts(t);
    }
    HA_TRY(ha_parallel_for(t->worker_count, sweep_pieces(1, s->order->count), sum_piece, t));
    nested_by_object_end(&t->nested);
    ha_big_deinit(&s->sum_big);
    ha_big_deinit(&s->class_big);
    return NULL;
}

/* What is not nested in a set that has no bit. */
static void add_rare(void *ctx, uint32_t obj, uint32_t cls, unsigned grouping, uint32_t group, uint64_t bytes)
{
    const struct totals *t = ctx;
    const struct sweep *s = t->s;
    const struct worker *w = &t->workers[0];
    const bool branch = obj < s->heap->facts.branch_count;
    uint64_t retained = branch ? sweep_retained(s, obj) : bytes;
    uint32_t part = branch ? part_of(t, obj) : 0;
    w->sums[grouping][group].retained += retained;
    if (grouping == 0 && part != 0) {
        part_cell(t, w, part, cls)->retained_bytes += retained;
    }
}

/* The shallow size of a branch object whose class has no size for all. */
static void add_unusual(const struct totals *t, uint32_t obj)
{
    const struct sweep *s = t->s;
    uint32_t part = obj < s->heap->facts.branch_count ? part_of(t, obj) : 0;
    uint32_t cls = ha_heap_class_of(s->heap, (ha_obj){obj}).i;
    if (part != 0 && s->class_sizes[cls].bytes == 0 && !ha_heap_is_array(s->heap, (ha_obj){obj})) {
        part_cell(t, &t->workers[0], part, cls)->shallow_bytes += ha_sizes_of(s->sizes, (ha_obj){obj});
    }
}

/* Shallow bytes of the branch objects in parts: instances × bytes, as long as only branch objects are counted in the cells; then what differs, but
   for arrays. */
static void size_part_branches(struct totals *t)
{
    const struct sweep *s = t->s;
    for (uint32_t p = 0; p < t->parts.count; p++) {
        for (uint32_t c = 0; c < s->heap->facts.class_count; c++) {
            struct ha_disk_part_row *cell = part_cell(t, &t->workers[0], p + 1, c);
            cell->shallow_bytes = cell->instances * s->class_sizes[c].bytes;
        }
    }
    unusual_each(t, add_unusual);
}

/* Arrays in parts. */
static void size_part_arrays(const struct totals *t, unsigned worker, uint64_t index)
{
    const struct sweep *s = t->s;
    uint64_t first, end = sweep_piece(0, s->heap->facts.branch_count, index, &first);
    uint64_t rank = ha_heap_arrays_before(s->heap, (ha_obj){(uint32_t)first});
    for (uint64_t obj = first; obj < end; obj += 8) {
        for (uint32_t bits = s->heap->array_bits[obj >> 3]; bits != 0 && obj + (uint32_t)__builtin_ctz(bits) < end; bits &= bits - 1, rank++) {
            uint32_t array = (uint32_t)obj + (uint32_t)__builtin_ctz(bits), part = part_of(t, array);
            if (part != 0) {
                uint32_t cls = ha_heap_class_of(s->heap, (ha_obj){array}).i;
                const struct class_size *size = &s->class_sizes[cls];
                part_cell(t, &t->workers[worker], part, cls)->shallow_bytes += sweep_array_size(s, size, rank) - size->bytes;
            }
        }
    }
}

/* ---- leaves ---- */

struct leaf {
    uint32_t object, cls, dominator;
    uint64_t shallow, bytes; /* its own, and what it retains */
};

static inline void add_to_part(const struct worker *w, size_t class_count, uint32_t part, const struct leaf *leaf, bool nested)
{
    struct ha_disk_part_row *cell = &w->cells[(part - 1U) * class_count + leaf->cls];
    cell->instances++;
    cell->shallow_bytes += leaf->shallow;
    cell->retained_bytes += nested ? 0 : leaf->bytes;
}

/* A leaf on the first level, or below another. */
static HA_NOINLINE struct ha_err *add_odd_leaf(struct totals *t, unsigned worker, const struct leaf *leaf)
{
    const struct sweep *s = t->s;
    const struct worker *w = &t->workers[worker];
    const uint32_t branch_count = s->heap->facts.branch_count, d = leaf->dominator, cls = leaf->cls;
    bool below_leaf = d < s->heap->facts.object_count;
    uint32_t leaf_class = below_leaf ? ha_heap_class_of(s->heap, (ha_obj){d}).i : HA_NONE;
    uint32_t holder = holder_of(s, leaf->object);
    uint8_t nested;
    uint32_t part = 0;
    HA_TRY(nested_of_leaf(&t->nested, worker, leaf->object, cls, holder, leaf->bytes, &nested));
    for (unsigned g = 1; g < GROUPINGS; g++) {
        bool same = below_leaf && group_of(&t->sums[g], leaf_class) == group_of(&t->sums[g], cls);
        nested = (uint8_t)(nested | same << g);
    }
    w->classes[cls].retained[nested] += leaf->bytes;
    if (d == HA_DOM_ROOT) {
        add_first_level(t, w, cls, leaf->bytes);
    }
    if (t->parts.count > 0 && holder < branch_count) {
        part = part_of(t, holder);
    } else if (t->parts.count > 0) {
        part = below_leaf ? parts_of_top(&t->parts, d, leaf_class) : parts_of_top(&t->parts, leaf->object, cls);
    }
    if (part != 0) {
        add_to_part(w, s->heap->facts.class_count, part, leaf, (nested & 1) != 0);
    }
    return NULL;
}

static struct ha_err *sum_leaves(struct totals *t, unsigned worker, uint64_t index)
{
    const struct worker w = t->workers[worker];
    const struct sweep s = *t->s;
    const struct nested nested = t->nested;
    const uint32_t branch_count = s.heap->facts.branch_count, *idom = s.dom->idom;
    const size_t class_count = s.heap->facts.class_count;
    uint64_t first, end = sweep_piece(branch_count, s.heap->facts.object_count - branch_count, index, &first);
    struct size_walk sizes = size_walk_from(&s, (uint32_t)first);
    size_t next_extra = sweep_extra_from(&s, first);
    for (uint64_t obj = first; obj < end; obj++) {
        struct leaf leaf = {.object = (uint32_t)obj, .dominator = idom[obj]};
        leaf.bytes = leaf.shallow = size_walk_next(&sizes, (uint32_t)obj, &leaf.cls);
        if (HA_UNLIKELY(next_extra < s.extra.count && s.extra.data[next_extra] == obj)) {
            leaf.bytes = s.extra.data[next_extra + 1];
            next_extra += 2;
        }
        const struct nested_class *c = &nested.classes[leaf.cls];
        if (HA_UNLIKELY(leaf.dominator >= branch_count || c->rare_leaf)) {
            HA_TRY(leaf.dominator == HA_NONE ? NULL : add_odd_leaf(t, worker, &leaf));
            continue;
        }
        uint32_t mask = nested.mask[leaf.dominator], part = mask >> NESTED_TAG_SHIFT;
        uint8_t kind = nested_of_common_leaf(c, mask);
        w.classes[leaf.cls].retained[kind] += leaf.bytes;
        if (part != 0) {
            add_to_part(&w, class_count, part, &leaf, (kind & 1) != 0);
        }
    }
    return NULL;
}

/* Pieces of branch objects where these are in parts, then of leaves. */
static struct ha_err *leaves_piece(void *ctx, unsigned worker, uint64_t index)
{
    struct totals *t = ctx;
    const uint64_t branch_pieces = t->parts.count == 0 ? 0 : sweep_pieces(0, t->s->heap->facts.branch_count);
    if (index < branch_pieces) {
        size_part_arrays(t, worker, index);
        return NULL;
    }
    return sum_leaves(t, worker, index - branch_pieces);
}

static struct ha_err *sum_all_leaves(struct totals *t)
{
    const struct ha_heap_facts *facts = &t->s->heap->facts;
    uint64_t pieces = sweep_pieces(facts->branch_count, facts->object_count - facts->branch_count);
    if (t->parts.count > 0) {
        workers_merge_cells(t);
        size_part_branches(t);
        pieces += sweep_pieces(0, facts->branch_count);
    }
    return ha_parallel_for(t->worker_count, pieces, leaves_piece, t);
}

/* ---- putting it together ---- */

static struct ha_err *write_parts(struct totals *t)
{
    const struct sweep *s = t->s;
    HA_VEC(struct ha_disk_part_row) rows = {0};
    struct ha_err *err = NULL;
    for (uint32_t p = 0; p < t->parts.count && err == NULL; p++) {
        t->parts.list[p].rows_first = (uint32_t)rows.count;
        for (uint32_t c = 0; c < s->heap->facts.class_count && err == NULL; c++) {
            const struct ha_disk_part_row *cell = part_cell(t, &t->workers[0], p + 1, c);
            struct ha_disk_part_row *row = cell->instances == 0 ? NULL : ha_vec_push(&rows);
            if (row != NULL) {
                *row = *cell;
                row->cls = c;
            } else if (cell->instances != 0) {
                err = ha_err_nomem();
            }
        }
        t->parts.list[p].rows_count = (uint32_t)rows.count - t->parts.list[p].rows_first;
    }
    if (err == NULL) {
        err = s->put(s->put_ctx, HA_SECTION_OF(s->sizes->model, PARTS), sizeof *t->parts.list, t->parts.count, t->parts.list);
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

struct ha_err *totals_create(struct sweep *s, const uint64_t *branches, struct totals **ret)
{
    struct totals *t = *ret = ha_calloc_array(1, sizeof *t);
    if (t == NULL) {
        return ha_err_nomem();
    }
    t->s = s;
    HA_TRY(ha_heap_group(s->heap, HA_GROUPING_PACKAGE, &t->packages));
    HA_TRY(ha_heap_group(s->heap, HA_GROUPING_LOADER, &t->loaders));
    HA_TRY(sums_init(&t->sums[0], s->heap->facts.class_count, NULL, s->classes));
    HA_TRY(sums_init(&t->sums[1], t->packages.count, t->packages.of_class, NULL));
    HA_TRY(sums_init(&t->sums[2], t->loaders.count, t->loaders.of_class, NULL));
    return nested_init(&t->nested, s, t->sums, branches);
}

void totals_destroy(struct totals *t)
{
    if (t == NULL) {
        return;
    }
    ha_grouping_deinit(&t->packages);
    ha_grouping_deinit(&t->loaders);
    workers_destroy(t);
    nested_deinit(&t->nested);
    for (unsigned g = 0; g < GROUPINGS; g++) {
        ha_free(t->sums[g].last_end);
        if (g > 0) {
            ha_free(t->sums[g].totals);
        }
    }
    parts_deinit(&t->parts);
    ha_free(t);
}

struct nested *totals_nested(struct totals *t)
{
    return &t->nested;
}

/* What is left to be summed up, and in the meantime the column of retained sizes is written. */
static struct ha_err *sum_or_write(void *ctx, unsigned worker, uint64_t index)
{
    struct totals *t = ctx;
    const struct sweep *s = t->s;
    (void)worker;
    if (index == 1) {
        return s->put(s->put_ctx, HA_SECTION_OF(s->sizes->model, RETAINED), s->totals.width, s->heap->facts.branch_count, s->column);
    }
    HA_TRY(sum_all_leaves(t));
    return nested_rare_each(&t->nested, t->sums, add_rare, t);
}

struct ha_err *totals_run(struct totals *t)
{
    const struct sweep *s = t->s;
    HA_TRY(parts_find(t->s, &t->parts));
    HA_TRY(workers_create(t));
    HA_TRY(sum_branches(t));
    HA_TRY(ha_parallel_for(s->threads, 2, sum_or_write, t));
    workers_merge(t);
    add_classes(s, &t->sums[1]);
    add_classes(s, &t->sums[2]);
    HA_TRY(s->put(s->put_ctx, HA_SECTION_OF(s->sizes->model, PACKAGES), sizeof *s->classes, t->packages.count, t->sums[1].totals));
    HA_TRY(s->put(s->put_ctx, HA_SECTION_OF(s->sizes->model, LOADERS), sizeof *s->classes, t->loaders.count, t->sums[2].totals));
    return write_parts(t);
}
