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
 * Memory: 12 bytes per branch object, and one more where there are big parts.
 */
#include "dom/dom_sweep.h"

#include "ha/heap/heap_sections.h"

#include <string.h>

#define PARTS_MAX 40U               /* at most 19 objects and 19 classes hold more than a twentieth of the heap */
#define PART_CELLS_MAX (8U << 20)   /* parts × classes; beyond that the histograms are left to be worked out when asked for */
#define PREFETCH 32U                /* objects ahead: they lie in the order of their numbers, not of their places */

struct totals {
    struct sweep *s;
    struct ha_big next;  /* per number of the search: size of its subtree, then one past its interval in pre-order */
    struct ha_big place; /* per place in pre-order of the dominator tree: number of the search */
    struct grouping_sums sums[GROUPINGS];
    struct nested nested;

    struct ha_disk_part parts[PARTS_MAX];
    uint32_t part_count;
    uint8_t *part_of_class;  /* per class: part + 1 of its first-level objects that are no parts of their own; 0: none */
    struct ha_disk_part_row *cells; /* part_count × classes */
    struct ha_big part_of;   /* per branch object: part + 1 */
};

/* ---- pre-order of the dominator tree ---- */

static struct ha_err *number_tree(struct totals *t)
{
    const struct sweep *s = t->s;
    const uint32_t *parent = s->order->parent;
    HA_TRY(ha_big_init(&t->next, s->order->count + 1, sizeof(uint32_t)));
    HA_TRY(ha_big_init_raw(&t->place, s->order->count + 1, sizeof(uint32_t)));
    uint32_t *next = t->next.data, *place = t->place.data;
    for (uint64_t p = s->order->count; p > 0; p--) {
        next[p]++;
        if (parent[p] != 0) {
            next[parent[p]] += next[p];
        }
    }
    next[0] = 0;
    for (uint64_t p = 1; p <= s->order->count; p++) {
        uint32_t size = next[p], at = next[parent[p]];
        next[parent[p]] += size;
        place[at] = (uint32_t)p;
        next[p] = at + 1; /* after the last child: one past its interval */
    }
    return NULL;
}

/* ---- big parts ---- */

static uint64_t first_level_bytes(const struct totals *t, uint32_t obj)
{
    const struct sweep *s = t->s;
    if (obj < s->heap->facts.branch_count) {
        return s->retained[obj];
    }
    size_t low = 0, high = s->extra.count / 2;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->extra.data[2 * middle] < obj) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool found = low < s->extra.count / 2 && s->extra.data[2 * low] == obj;
    return found ? s->extra.data[2 * low + 1] : ha_sizes_of(s->sizes, (ha_obj){obj});
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
    for (uint64_t i = 0; i < top.count; i++) {
        ha_obj obj = ha_children_at(&top, i);
        uint64_t bytes = first_level_bytes(t, obj.i);
        if (bytes > limit && t->part_count < PARTS_MAX) {
            t->parts[t->part_count++] = (struct ha_disk_part){.object = obj.i, .cls = ha_heap_class_of(s->heap, obj).i};
        } else {
            rest[ha_heap_class_of(s->heap, obj).i] += bytes;
        }
    }
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
        HA_TRY(ha_big_init(&t->part_of, (uint64_t)s->heap->facts.branch_count + 1, 1));
        t->cells = ha_calloc_array((size_t)t->part_count * classes, sizeof *t->cells);
        return t->cells == NULL ? ha_err_nomem() : NULL;
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

static inline struct ha_disk_part_row *part_cell(const struct totals *t, uint8_t part, uint32_t cls)
{
    return &t->cells[(size_t)(part - 1) * t->s->heap->facts.class_count + cls];
}

/* ---- sums ---- */

static inline void add_first_level(struct totals *t, uint32_t cls, uint64_t bytes)
{
    for (unsigned g = 0; g < GROUPINGS; g++) {
        struct ha_class_total *total = &t->sums[g].totals[t->sums[g].of_class == NULL ? cls : t->sums[g].of_class[cls]];
        total->top_instances++;
        total->top_retained_bytes += bytes;
    }
}

/* Asks for what the object at a place ahead will need, and further ahead for what that will be asked with. */
static inline void prefetch(const struct totals *t, uint64_t i)
{
    const struct sweep *s = t->s;
    const uint32_t *place = t->place.data, *next = t->next.data;
    if (i + PREFETCH < s->order->count) {
        uint32_t p = place[i + PREFETCH];
        __builtin_prefetch(&s->order->object[p]);
        __builtin_prefetch(&s->order->parent[p]);
        __builtin_prefetch(&next[p]);
        uint32_t obj = s->order->object[place[i]];
        __builtin_prefetch(s->heap->class_column + (size_t)s->heap->class_width * obj);
        __builtin_prefetch(&s->retained[obj]);
        __builtin_prefetch(&t->nested.mask[obj], 1);
    }
}

static void sum_branches(struct totals *t)
{
    const struct sweep *s = t->s;
    const uint32_t *place = t->place.data, *next = t->next.data;
    uint8_t *part_of = t->part_of.data;
    uint8_t part = 0;
    for (uint64_t i = 0; i < s->order->count; i++) {
        prefetch(t, i + PREFETCH);
        uint32_t p = place[i], obj = s->order->object[p], parent = s->order->parent[p];
        uint32_t cls = ha_heap_class_of(s->heap, (ha_obj){obj}).i;
        uint64_t retained = s->retained[obj];
        bool nested = false;
        for (unsigned g = 0; g < GROUPINGS; g++) {
            struct grouping_sums *sums = &t->sums[g];
            uint32_t group = group_of(sums, cls);
            if (i >= sums->last_end[group]) {
                sums->totals[group].retained_bytes += retained;
                sums->last_end[group] = next[p];
            } else if (g == 0) {
                nested = true;
            }
        }
        if (parent == 0) {
            add_first_level(t, cls, retained);
            part = t->part_count == 0 ? 0 : part_of_top(t, obj, cls);
        }
        if (part != 0) {
            part_of[obj] = part;
            part_cell(t, part, cls)->retained_bytes += nested ? 0 : retained;
        }
        nested_hand_down(&t->nested, obj, parent == 0 ? HA_NONE : s->order->object[parent], cls);
        if (HA_UNLIKELY(nested_has_rare(&t->nested, obj))) {
            nested_note_rare(&t->nested, t->sums, obj, (uint32_t)i);
        }
    }
}

/* Counts and shallow bytes of the branch objects in parts, in the order of their numbers: the columns are read from front to back. */
static void count_part_branches(struct totals *t)
{
    const struct sweep *s = t->s;
    const uint8_t *part_of = t->part_of.data;
    struct size_walk sizes = {.sizes = s->sizes};
    for (uint32_t obj = 0; obj < s->heap->facts.branch_count; obj++) {
        uint32_t cls;
        uint64_t shallow = size_walk_next(&sizes, obj, &cls);
        if (part_of[obj] != 0) {
            struct ha_disk_part_row *cell = part_cell(t, part_of[obj], cls);
            cell->instances++;
            cell->shallow_bytes += shallow;
        }
    }
}

/* ---- leaves ---- */

static struct size_walk leaf_sizes(const struct sweep *s)
{
    struct size_walk sizes = {.sizes = s->sizes};
    uint32_t branch_count = s->heap->facts.branch_count;
    for (uint64_t word = 0; word < branch_count / 64; word++) {
        sizes.array += (uint64_t)__builtin_popcountll(ha_le64(s->heap->array_bits + 8 * word));
    }
    for (uint32_t obj = branch_count / 64 * 64; obj < branch_count; obj++) {
        sizes.array += ha_heap_is_array(s->heap, (ha_obj){obj});
    }
    return sizes;
}

static inline void add_leaf(struct totals *t, uint32_t obj, uint32_t cls, uint32_t d, uint64_t shallow, uint64_t bytes)
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
            t->sums[g].totals[group].retained_bytes += bytes;
        }
    }
    uint64_t retained = (nested & 1) != 0 ? 0 : bytes;
    t->sums[0].totals[cls].retained_bytes += retained;
    uint8_t part = 0;
    if (d == HA_DOM_ROOT) {
        add_first_level(t, cls, bytes);
    }
    if (t->part_count > 0 && holder < branch_count) {
        part = ((const uint8_t *)t->part_of.data)[holder];
    } else if (t->part_count > 0) {
        part = below_leaf ? part_of_top(t, d, leaf_class) : part_of_top(t, obj, cls);
    }
    if (part != 0) {
        struct ha_disk_part_row *cell = part_cell(t, part, cls);
        cell->instances++;
        cell->shallow_bytes += shallow;
        cell->retained_bytes += retained;
    }
}

static void sum_leaves(struct totals *t)
{
    const struct sweep *s = t->s;
    struct size_walk sizes = leaf_sizes(s);
    size_t next_extra = 0;
    for (uint32_t obj = s->heap->facts.branch_count; obj < s->heap->facts.object_count; obj++) {
        uint32_t cls;
        uint64_t shallow = size_walk_next(&sizes, obj, &cls), bytes = shallow;
        if (next_extra < s->extra.count && s->extra.data[next_extra] == obj) {
            bytes = s->extra.data[next_extra + 1];
            next_extra += 2;
        }
        uint32_t d = s->dom->idom[obj];
        if (d != HA_NONE) {
            add_leaf(t, obj, cls, d, shallow, bytes);
        }
    }
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
            const struct ha_disk_part_row *cell = &t->cells[(size_t)p * s->heap->facts.class_count + c];
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
    HA_TRY(number_tree(t));
    HA_TRY(nested_init(&t->nested, s, t->sums));
    sum_branches(t);
    ha_big_deinit(&t->next);
    ha_big_deinit(&t->place);
    if (t->part_count > 0) {
        count_part_branches(t);
    }
    sum_leaves(t);
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
    ha_big_deinit(&t.next);
    ha_big_deinit(&t.place);
    nested_deinit(&t.nested);
    ha_big_deinit(&t.part_of);
    for (unsigned g = 0; g < GROUPINGS; g++) {
        ha_free(t.sums[g].last_end);
        if (g > 0) {
            ha_free(t.sums[g].totals);
        }
    }
    ha_free(t.part_of_class);
    ha_free(t.cells);
    return err;
}
