/* SPDX-License-Identifier: MIT */
/*
 * Retained sizes under one size model: retained(v) = shallow(v) + retained of its children.
 *
 *     by object    shallow sizes; leaves and sinks are added to their dominators, which mostly lie near them in memory
 *     by number    the same, gathered into the order of the search: one sweep backwards adds each to its dominator, which comes earlier
 *     by object    again, as the column of the index (dom_totals.c)
 *
 * What works on each object by itself is cut into pieces for several threads; sums are whole numbers, so who adds up what does not matter.
 * Memory: 4 bytes per branch object, 2 per number (8 more in heaps of 2^32 units), and what dom_nested.c and dom_totals.c say.
 */
#include "ha/dom/dom_build.h"

#include "dom/dom_sweep.h"
#include "ha/base/mem.h"
#include "ha/heap/heap_sections.h"

#include <inttypes.h>
#include <stdlib.h>

#ifndef OWN_LARGE
#define OWN_LARGE UINT32_MAX /* a test has it smaller */
#endif
#ifndef SUM_NARROW
#define SUM_NARROW UINT32_MAX /* the same */
#endif
#ifndef COLUMN_NARROW
#define COLUMN_NARROW UINT32_MAX /* the same */
#endif
#define WORKERS_CELLS_MAX (1U << 22) /* classes × threads that have counters of their own */

static int compare_extra(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (x[0] > y[0]) - (x[0] < y[0]);
}

/* Sinks below leaves: the only way a leaf retains more than itself. */
static struct ha_err *add_below_leaves(struct sweep *s)
{
    for (uint64_t i = 0; i < s->heap->class_object_count; i++) {
        uint32_t obj = s->heap->class_objects[2 * i];
        ha_obj parent;
        if (obj < s->heap->facts.branch_count || obj >= s->heap->facts.object_count || !ha_dom_of(s->dom, (ha_obj){obj}, &parent) ||
            parent.i < s->heap->facts.branch_count) {
            continue;
        }
        if (!ha_vec_reserve(&s->extra, 2)) {
            return ha_err_nomem();
        }
        s->extra.data[s->extra.count++] = parent.i;
        s->extra.data[s->extra.count++] = ha_sizes_of(s->sizes, (ha_obj){obj});
    }
    if (s->extra.count > 2) {
        qsort(s->extra.data, s->extra.count / 2, 2 * sizeof(uint64_t), compare_extra);
    }
    size_t kept = 0;
    for (size_t i = 0; i < s->extra.count; i += 2) {
        if (kept > 0 && s->extra.data[kept - 2] == s->extra.data[i]) {
            s->extra.data[kept - 1] += s->extra.data[i + 1];
        } else {
            s->extra.data[kept] = s->extra.data[i];
            s->extra.data[kept + 1] = s->extra.data[i + 1] + ha_sizes_of(s->sizes, (ha_obj){(uint32_t)s->extra.data[i]});
            kept += 2;
        }
    }
    s->extra.count = kept;
    return NULL;
}

/* ---- by object ---- */

static uint64_t own_bytes(const struct sweep *s, uint32_t obj)
{
    if (HA_LIKELY(s->own[obj] != OWN_LARGE)) {
        return (uint64_t)s->own[obj] * s->sizes->alignment;
    }
    uint32_t at = ha_idmap_get(&s->large_of, obj);
    return at == HA_IDMAP_NONE ? ha_sizes_of(s->sizes, (ha_obj){obj}) : s->large.data[at];
}

static inline uint64_t own_units_of(const struct sweep *s, uint32_t obj)
{
    return HA_LIKELY(s->own[obj] != OWN_LARGE) ? s->own[obj] : sweep_units(s, own_bytes(s, obj));
}

static inline uint32_t own_units(const struct sweep *s, uint64_t bytes)
{
    uint64_t units = sweep_units(s, bytes);
    return HA_LIKELY(units < OWN_LARGE) ? (uint32_t)units : OWN_LARGE;
}

static HA_NOINLINE struct ha_err *add_to_large(struct sweep *s, uint32_t obj, uint64_t bytes)
{
    uint32_t at = ha_idmap_get(&s->large_of, obj);
    if (at != HA_IDMAP_NONE) {
        s->large.data[at] += bytes;
        return NULL;
    }
    bytes += own_bytes(s, obj);
    at = (uint32_t)s->large.count; /* fewer than there are objects */
    uint64_t *slot = ha_vec_push(&s->large);
    if (slot == NULL || !ha_idmap_add(&s->large_of, obj, at, NULL)) {
        return ha_err_nomem();
    }
    *slot = bytes;
    s->own[obj] = OWN_LARGE;
    return NULL;
}

static inline struct ha_err *add_to_own(struct sweep *s, uint32_t obj, uint64_t bytes)
{
    uint64_t units = s->own[obj] + sweep_units(s, bytes);
    if (HA_UNLIKELY(units >= OWN_LARGE)) {
        return add_to_large(s, obj, bytes);
    }
    s->own[obj] = (uint32_t)units;
    return NULL;
}

/* Instances and shallow bytes per class, of one worker. */
struct tally {
    uint64_t reachable, reachable_bytes, unreachable, unreachable_bytes;
};

struct counting {
    struct sweep *s;
    struct nested *nested;
    struct tally *tallies; /* classes × workers, and once more for the leaves */
    struct tally *leaf_tallies;
    unsigned workers;
};

static inline void count_object(const struct sweep *s, struct tally *tallies, uint32_t obj, uint32_t cls, uint64_t shallow)
{
    struct tally *tally = &tallies[cls];
    if (HA_UNLIKELY(s->dom->idom[obj] == HA_NONE)) {
        tally->unreachable++;
        tally->unreachable_bytes += shallow;
    } else {
        tally->reachable++;
        tally->reachable_bytes += shallow;
    }
}

static struct ha_err *count_piece(void *ctx, unsigned worker, uint64_t index)
{
    struct counting *counting = ctx;
    struct sweep *s = counting->s;
    struct tally *tallies = counting->tallies + (size_t)worker * s->heap->facts.class_count;
    uint64_t first, end = sweep_piece(0, s->heap->facts.branch_count, index, &first);
    struct size_walk sizes = size_walk_from(s, (uint32_t)first);
    for (uint64_t obj = first; obj < end; obj++) {
        uint32_t cls;
        uint64_t size = size_walk_next(&sizes, (uint32_t)obj, &cls);
        s->own[obj] = own_units(s, size);
        count_object(s, tallies, (uint32_t)obj, cls, size);
    }
    return NULL;
}

/* Counts leaves and sinks, and adds them to their dominators. */
static struct ha_err *add_leaves(struct counting *counting)
{
    struct sweep *s = counting->s;
    const uint32_t branch_count = s->heap->facts.branch_count, n = s->heap->facts.object_count;
    struct size_walk sizes = size_walk_from(s, branch_count);
    size_t next_extra = 0;
    for (uint32_t obj = branch_count; obj < n; obj++) {
        uint32_t cls;
        uint64_t size = size_walk_next(&sizes, obj, &cls);
        count_object(s, counting->leaf_tallies, obj, cls, size);
        nested_see_leaf(counting->nested, cls, s->dom->idom[obj]);
        if (HA_UNLIKELY(next_extra < s->extra.count && s->extra.data[next_extra] == obj)) {
            size = s->extra.data[next_extra + 1];
            next_extra += 2;
        }
        uint32_t d = s->dom->idom[obj];
        if (d < branch_count) {
            HA_TRY(add_to_own(s, d, size));
        }
    }
    return NULL;
}

static struct ha_err *leaves_or_masks(void *ctx, unsigned worker, uint64_t index)
{
    struct counting *counting = ctx;
    (void)worker;
    return index == 0 ? add_leaves(counting) : nested_hand_down(counting->nested);
}

static void finish_counts(const struct counting *counting)
{
    struct sweep *s = counting->s;
    const uint32_t class_count = s->heap->facts.class_count;
    for (uint32_t c = 0; c < class_count; c++) {
        struct ha_class_total *total = &s->classes[c];
        for (unsigned w = 0; w <= counting->workers; w++) {
            const struct tally *tally = &counting->tallies[(size_t)w * class_count + c];
            total->instances += tally->reachable;
            total->shallow_bytes += tally->reachable_bytes;
            total->all_instances += tally->reachable + tally->unreachable;
            total->all_shallow_bytes += tally->reachable_bytes + tally->unreachable_bytes;
        }
        s->totals.reachable_objects += total->instances;
        s->totals.reachable_bytes += total->shallow_bytes;
        s->totals.unreachable_objects += total->all_instances - total->instances;
        s->totals.unreachable_bytes += total->all_shallow_bytes - total->shallow_bytes;
    }
}

/* Per class: how many branch objects it has. */
static uint64_t *branch_counts(const struct counting *counting)
{
    const uint32_t class_count = counting->s->heap->facts.class_count;
    uint64_t *counts = ha_calloc_array((size_t)class_count + 1, sizeof *counts);
    for (unsigned w = 0; counts != NULL && w < counting->workers; w++) {
        for (uint32_t c = 0; c < class_count; c++) {
            const struct tally *tally = &counting->tallies[(size_t)w * class_count + c];
            counts[c] += tally->reachable + tally->unreachable;
        }
    }
    return counts;
}

/* Counts all objects, and makes masks of sets (dom_nested.c) in the meantime. */
static struct ha_err *count_objects(struct sweep *s, struct totals **ret)
{
    const uint32_t class_count = s->heap->facts.class_count;
    unsigned workers = (uint64_t)class_count * s->threads <= WORKERS_CELLS_MAX ? s->threads : 1;
    HA_FREE struct tally *tallies = ha_calloc_array((size_t)class_count * (workers + 1) + 1, sizeof *tallies);
    if (tallies == NULL) {
        return ha_err_nomem();
    }
    struct counting counting = {.s = s, .tallies = tallies, .leaf_tallies = tallies + (size_t)class_count * workers, .workers = workers};
    HA_TRY(ha_parallel_for(workers, sweep_pieces(0, s->heap->facts.branch_count), count_piece, &counting));
    HA_FREE uint64_t *branches = branch_counts(&counting);
    if (branches == NULL) {
        return ha_err_nomem();
    }
    HA_TRY(ha_big_init_raw(&s->class_big, s->order->count + 1, s->heap->class_width)); /* before what is cold: that is told by what is there */
    s->class_at = s->class_big.data;
    HA_TRY(totals_create(s, branches, ret));
    counting.nested = totals_nested(*ret);
    HA_TRY(ha_parallel_for(s->threads, 2, leaves_or_masks, &counting));
    finish_counts(&counting);
    return NULL;
}

/* ---- by number ---- */

struct gathering {
    struct sweep *s;
    struct nested *nested;
};

/* sum[] may take the place of near_at[], so the latter is read first. */
HA_INLINE struct ha_err *gather_numbers(const struct gathering *gathering, unsigned worker, uint64_t index, unsigned width)
{
    const struct sweep *s = gathering->s;
    const uint32_t *object = s->order->object;
    uint64_t first, end = sweep_piece(1, s->order->count, index, &first);
    for (uint64_t p = first; p < end; p++) {
        __builtin_prefetch(&s->own[object[p + SWEEP_PREFETCH < end ? p + SWEEP_PREFETCH : p]]);
        HA_TRY(nested_gather(gathering->nested, worker, p, object[p]));
        sweep_set_sum_of_width(s->sum, p, width, own_units_of(s, object[p]));
    }
    return NULL;
}

static struct ha_err *gather_piece(void *ctx, unsigned worker, uint64_t index)
{
    const struct gathering *gathering = ctx;
    return gathering->s->sum_width == 4 ? gather_numbers(gathering, worker, index, 4) : gather_numbers(gathering, worker, index, 8);
}

/* Adds each to its dominator, which has a smaller number. Returns the largest sum. */
HA_INLINE uint64_t add_to_dominators(uint8_t *sum, const uint32_t *parent, uint64_t count, unsigned width)
{
    uint64_t most = 0;
    for (uint64_t p = count; p > 0; p--) {
        uint64_t units = sweep_sum_of_width(sum, p, width);
        most = units > most ? units : most;
        sweep_set_sum_of_width(sum, parent[p], width, sweep_sum_of_width(sum, parent[p], width) + units);
    }
    return most;
}

/* Where all of the heap is less than 2^32 units, sums are narrow, and take the place of near_at[]. */
static struct ha_err *make_sums(struct sweep *s, struct nested *nested)
{
    const uint64_t bytes = s->totals.reachable_bytes + s->totals.unreachable_bytes;
    s->sum_width = sweep_units(s, bytes) < SUM_NARROW ? 4 : 8;
    if (s->sum_width == 4) {
        s->sum_big = nested->nears_at;
        nested->nears_at = (struct ha_big){0};
    } else {
        HA_TRY(ha_big_init_raw(&s->sum_big, s->order->count + 1, sizeof(uint64_t)));
    }
    s->sum = s->sum_big.data;
    return NULL;
}

static struct ha_err *sum_up(struct sweep *s, struct nested *nested)
{
    const uint64_t count = s->order->count;
    const uint32_t *parent = s->order->parent;
    struct gathering gathering = {s, nested};
    HA_TRY(make_sums(s, nested));
    HA_TRY(ha_parallel_for(s->threads, sweep_pieces(1, count), gather_piece, &gathering));
    HA_TRY(nested_gathered(nested));
    sweep_set_sum_of_width(s->sum, 0, s->sum_width, 0);
    s->most = s->sizes->alignment * (s->sum_width == 4 ? add_to_dominators(s->sum, parent, count, 4) : add_to_dominators(s->sum, parent, count, 8));
    return NULL;
}

/* ---- output ---- */

/* Objects that are not in the order retain themselves; the others come later. The column may be own[]. */
static struct ha_err *unreachable_piece(void *ctx, unsigned worker, uint64_t index)
{
    struct sweep *s = ctx;
    uint64_t first, end = sweep_piece(0, s->heap->facts.branch_count, index, &first);
    (void)worker;
    for (uint64_t obj = first; obj < end; obj++) {
        sweep_put_retained(s, (uint32_t)obj, own_units_of(s, (uint32_t)obj));
    }
    return NULL;
}

/* Room for the column, and in it the objects that are not in the order. A column of 4 bytes takes the place of own[], which is in units as well. */
static struct ha_err *begin_column(struct sweep *s)
{
    const uint32_t branch_count = s->heap->facts.branch_count, unit = s->sizes->alignment; /* of every size, hence of every sum */
    const bool some_unreachable = s->order->count < branch_count;
    const bool some_large = some_unreachable && s->totals.unreachable_bytes / unit > COLUMN_NARROW; /* perhaps: then each is looked at */
    for (uint32_t obj = 0; some_large && obj < branch_count; obj++) {
        uint64_t bytes = own_bytes(s, obj);
        s->most = bytes > s->most ? bytes : s->most;
    }
    if (s->most / unit >> 40 != 0) {
        return ha_err_new(HA_ERR_LIMIT, "an object retains more than 2^40 times %" PRIu32 " bytes, more than the index can hold", unit);
    }
    s->totals.width = s->most / unit <= COLUMN_NARROW ? 4 : 5;
    s->totals.unit = unit;
    if (s->totals.width == sizeof *s->own) {
        s->column = s->own_big.data;
    } else {
        HA_TRY(ha_big_init_raw(&s->column_big, (uint64_t)branch_count + 1, s->totals.width));
        s->column = s->column_big.data;
    }
    if (some_unreachable) {
        HA_TRY(ha_parallel_for(s->threads, sweep_pieces(0, branch_count), unreachable_piece, s));
    }
    if (s->column != s->own_big.data) {
        ha_big_deinit(&s->own_big);
    }
    return NULL;
}

/* Tables of sizes per class. */
static struct ha_err *fill_class_sizes(struct sweep *s)
{
    const struct ha_sizes *sizes = s->sizes;
    const uint32_t count = s->heap->facts.class_count;
    s->align_mask = (sizes->alignment & (sizes->alignment - 1)) == 0 ? sizes->alignment - 1 : 0;
    s->align_shift = (unsigned)__builtin_ctz(sizes->alignment);
    s->class_sizes = ha_calloc_array((size_t)count + 1, sizeof *s->class_sizes);
    if (s->class_sizes == NULL) {
        return ha_err_nomem();
    }
    for (uint32_t c = 0; c < count; c++) {
        const struct ha_class *cls = &s->heap->classes[c];
        struct class_size *size = &s->class_sizes[c];
        bool usual = (cls->flags & HA_CLASS_IS_CLASS) == 0 && c != sizes->chunk_class.i;
        size->bytes = usual ? sizes->class_sizes[c] : 0;
        if (cls->kind == HA_CLASS_PRIMITIVE_ARRAY) {
            size->element_bytes = ha_type_bytes((enum ha_type)cls->element_type, 4);
            size->base = size->element_bytes == 8 ? sizes->wide_array_base : sizes->narrow_array_base;
        } else {
            size->element_bytes = sizes->reference_bytes;
            size->base = sizes->object_array_base;
        }
    }
    return NULL;
}

static struct ha_err *add_up(struct sweep *s, struct totals **ret_totals)
{
    HA_TRY(fill_class_sizes(s));
    HA_TRY(add_below_leaves(s));
    HA_TRY(count_objects(s, ret_totals));
    HA_TRY(sum_up(s, totals_nested(*ret_totals)));
    HA_TRY(begin_column(s));
    return totals_run(*ret_totals);
}

static struct ha_err *run(struct sweep *s)
{
    struct totals *totals = NULL;
    struct ha_err *err = add_up(s, &totals);
    totals_destroy(totals);
    HA_TRY(err);
    HA_TRY(s->put(s->put_ctx, HA_SECTION_OF(s->sizes->model, CLASSES), sizeof *s->classes, s->heap->facts.class_count, s->classes));
    HA_TRY(s->put(s->put_ctx, HA_SECTION_OF(s->sizes->model, EXTRA), 16, s->extra.count / 2, s->extra.data));
    return s->put(s->put_ctx, HA_SECTION_OF(s->sizes->model, TOTALS), sizeof s->totals, 1, &s->totals);
}

struct ha_err *ha_retained_build(const struct ha_dom *dom, const struct ha_sizes *sizes, struct ha_dom_order *order,
                                 unsigned threads, ha_put_section_fn put, void *ctx)
{
    struct sweep s = {.dom = dom, .heap = dom->heap, .sizes = sizes, .order = order, .threads = threads, .put = put, .put_ctx = ctx};
    struct ha_err *err = ha_big_init_raw(&s.own_big, (uint64_t)dom->heap->facts.branch_count + 1, sizeof(uint32_t));
    s.own = s.own_big.data;
    if (err == NULL) {
        s.classes = ha_calloc_array((size_t)dom->heap->facts.class_count + 1, sizeof *s.classes);
        err = s.classes == NULL ? ha_err_nomem() : run(&s);
    }
    ha_free(s.classes);
    ha_free(s.class_sizes);
    ha_vec_deinit(&s.extra);
    ha_vec_deinit(&s.large);
    ha_idmap_deinit(&s.large_of);
    ha_big_deinit(&s.own_big);
    ha_big_deinit(&s.sum_big);
    ha_big_deinit(&s.class_big);
    ha_big_deinit(&s.column_big);
    return err;
}
