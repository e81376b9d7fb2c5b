/* SPDX-License-Identifier: MIT */
/*
 * Histograms. Instances and sizes by class come ready from the index; without dominators one pass over the class column counts them.
 * Retained sizes of packages and loaders need one pass over the dominator tree (q_tally.h).
 */
#include "ha/query/q_histogram.h"

#include <string.h>

#include "ha/base/mem.h"
#include "ha/query/q_rank.h"
#include "query/q_tally.h"

/* ---- order ---- */

static uint64_t sort_key(const struct ha_histogram_row *row, enum ha_sort_by sort)
{
    switch (sort) {
    case HA_SORT_RETAINED:
        return row->retained_bytes;
    case HA_SORT_SHALLOW:
        return row->shallow_bytes;
    case HA_SORT_INSTANCES:
        return row->instances;
    }
    return 0;
}

static const char *sort_name(const struct ha_histogram_row *row)
{
    const char *name = row->loader_class != NULL ? row->loader_class : row->name;
    return name != NULL ? name : "";
}

int ha_histogram_compare(const void *ctx, const void *a, const void *b)
{
    enum ha_sort_by sort = *(const enum ha_sort_by *)ctx;
    const struct ha_histogram_row *x = a;
    const struct ha_histogram_row *y = b;
    uint64_t kx = sort_key(x, sort);
    uint64_t ky = sort_key(y, sort);
    if (kx != ky) {
        return kx > ky ? -1 : 1;
    }
    int names = strcmp(sort_name(x), sort_name(y));
    if (names != 0) {
        return names;
    }
    if (x->class_object != y->class_object) {
        return x->class_object < y->class_object ? -1 : 1;
    }
    return x->loader_address < y->loader_address ? -1 : x->loader_address > y->loader_address;
}

static int compare_row_pointers(const void *ctx, const void *a, const void *b)
{
    return ha_histogram_compare(ctx, *(const struct ha_histogram_row *const *)a,
                                *(const struct ha_histogram_row *const *)b);
}

/* ---- filter and selection ---- */

/* The rows of all groups while they are being filled. */
struct rows {
    const struct ha_groups *groups;
    struct ha_histogram_row *data; /* owned */
};

static struct ha_err *rows_init(struct ha_query *q, enum ha_group_by by, struct rows *rows)
{
    HA_TRY(ha_groups_get(q, by, &rows->groups));
    rows->data = ha_alloc_array((size_t)rows->groups->count + 1, sizeof *rows->data);
    if (rows->data == NULL) {
        return ha_err_nomem();
    }
    memcpy(rows->data, rows->groups->rows, rows->groups->count * sizeof *rows->data);
    return NULL;
}

static struct ha_err *passes(const struct ha_histogram_row *row, enum ha_group_by by,
                             struct ha_regex *filter, bool *ret)
{
    *ret = true;
    if (filter == NULL) {
        return NULL;
    }
    const char *first = by != HA_BY_LOADER          ? row->name
                        : row->loader_class != NULL ? row->loader_class
                                                    : "<boot>";
    HA_TRY(ha_regex_match(filter, first, strlen(first), ret));
    if (!*ret && by == HA_BY_LOADER && row->name != NULL) {
        return ha_regex_match(filter, row->name, strlen(row->name), ret);
    }
    return NULL;
}

static struct ha_err *offer_rows(const struct rows *rows,
                                 const struct ha_histogram_options *options, struct ha_rank *rank,
                                 struct ha_histogram *histogram)
{
    for (uint32_t g = 0; g < rows->groups->count; g++) {
        const struct ha_histogram_row *row = &rows->data[g];
        if (row->instances == 0 && !(options->with_empty && row->classes > 0)) {
            continue;
        }
        bool pass;
        HA_TRY(passes(row, rows->groups->by, options->filter, &pass));
        if (pass) {
            ha_rank_offer(rank, &row);
            histogram->instances += row->instances;
            histogram->shallow_bytes += row->shallow_bytes;
        }
    }
    return ha_rank_finish(rank);
}

static struct ha_err *copy_rows(struct ha_query *q, const struct ha_rank *rank,
                                struct ha_histogram *histogram)
{
    histogram->rows = ha_arena_alloc(&q->arena, rank->count + 1, sizeof *histogram->rows);
    if (histogram->rows == NULL) {
        return ha_err_nomem();
    }
    for (uint64_t i = 0; i < rank->count; i++) {
        histogram->rows[i] =
            **(const struct ha_histogram_row *const *)(const void *)(rank->data + i * rank->size);
    }
    histogram->count = rank->count;
    histogram->omitted = ha_rank_omitted(rank);
    return NULL;
}

static struct ha_err *select_rows(struct ha_query *q, const struct rows *rows,
                                  const struct ha_histogram_options *options,
                                  struct ha_histogram *histogram)
{
    struct ha_rank rank;
    ha_rank_init(&rank, sizeof(struct ha_histogram_row *), options->limit, compare_row_pointers,
                 &histogram->sort);
    struct ha_err *err = offer_rows(rows, options, &rank, histogram);
    if (err == NULL) {
        err = copy_rows(q, &rank, histogram);
    }
    ha_rank_deinit(&rank);
    return err;
}

/* ---- numbers ---- */

static bool class_is_there(const struct ha_query *q, uint32_t cls, uint64_t instances, bool all)
{
    ha_obj object = q->snapshot->heap->classes[cls].object;
    return all || instances > 0 || (!ha_obj_is_none(object) && ha_query_reachable(q, object));
}

/* From the totals of the index. */
static void add_totals(const struct ha_query *q, struct rows *rows, bool all)
{
    const struct ha_retained *retained = q->snapshot->retained;
    for (uint32_t g = 0; g < rows->groups->count; g++) {
        rows->data[g].classes = 0;
    }
    for (uint32_t c = 0; c < q->snapshot->heap->facts.class_count; c++) {
        const struct ha_class_total *total = &retained->classes[c];
        struct ha_histogram_row *row = &rows->data[rows->groups->of_class[c]];
        uint64_t instances = all ? total->all_instances : total->instances;
        row->classes += class_is_there(q, c, instances, all);
        row->instances += instances;
        row->shallow_bytes += all ? total->all_shallow_bytes : total->shallow_bytes;
        if (rows->groups->by == HA_BY_CLASS) {
            row->retained_bytes = total->retained_bytes;
        }
        if (all) {
            row->retained_bytes += total->all_shallow_bytes -
                                   total->shallow_bytes; // an unreachable object retains itself
        }
    }
}

/* The index keeps the sums of packages and loaders; false where it does not fit the groups. */
static bool add_kept(const struct ha_query *q, struct rows *rows)
{
    const struct ha_retained *retained = q->snapshot->retained;
    bool package = rows->groups->by == HA_BY_PACKAGE;
    const struct ha_class_total *totals = package ? retained->packages : retained->loaders;
    uint64_t count = package ? retained->package_count : retained->loader_count;
    if (totals == NULL || count != rows->groups->count) {
        return false;
    }
    for (uint32_t g = 0; g < rows->groups->count; g++) {
        rows->data[g].retained_bytes += totals[g].retained_bytes;
    }
    return true;
}

static struct ha_err *add_retained(struct ha_query *q, struct rows *rows)
{
    uint32_t count = rows->groups->count;
    struct ha_tally_sum *sums = ha_calloc_array((size_t)count + 1, sizeof *sums);
    if (sums == NULL) {
        return ha_err_nomem();
    }
    struct ha_err *err =
        ha_tally_subtrees(q, rows->groups, ha_dom_top(q->snapshot->dom), false, sums);
    for (uint32_t g = 0; err == NULL && g < count; g++) {
        rows->data[g].retained_bytes += sums[g].retained_bytes;
    }
    ha_free(sums);
    return err;
}

/* From the class column alone. */
static struct ha_err *add_column(const struct ha_query *q, struct rows *rows)
{
    uint32_t classes = q->snapshot->heap->facts.class_count;
    struct ha_tally_sum *sums = ha_calloc_array((size_t)classes + 1, sizeof *sums);
    if (sums == NULL) {
        return ha_err_nomem();
    }
    struct ha_err *err = ha_tally_column(q, sums);
    for (uint32_t c = 0; err == NULL && c < classes; c++) {
        struct ha_histogram_row *row = &rows->data[rows->groups->of_class[c]];
        row->instances += sums[c].instances;
        row->shallow_bytes += sums[c].shallow_bytes;
    }
    ha_free(sums);
    return err;
}

static struct ha_err *add_numbers(struct ha_query *q, const struct ha_histogram_options *options,
                                  struct rows *rows)
{
    if (q->snapshot->retained == NULL) {
        return add_column(q, rows);
    }
    add_totals(q, rows, options->keep_unreachable);
    return options->by == HA_BY_CLASS || add_kept(q, rows) ? NULL : add_retained(q, rows);
}

struct ha_err *ha_histogram_query(struct ha_query *q, const struct ha_histogram_options *options,
                                  struct ha_histogram *ret)
{
    struct ha_histogram histogram = {
        .by = options->by, .sort = options->sort, .has_retained = q->snapshot->retained != NULL};
    histogram.scope_all = options->keep_unreachable || !histogram.has_retained;
    if (!histogram.has_retained && histogram.sort == HA_SORT_RETAINED) {
        histogram.sort = HA_SORT_SHALLOW;
    }
    struct rows rows = {0};
    struct ha_err *err = rows_init(q, options->by, &rows);
    if (err == NULL) {
        err = add_numbers(q, options, &rows);
    }
    if (err == NULL) {
        err = select_rows(q, &rows, options, &histogram);
    }
    ha_free(rows.data);
    if (err == NULL) {
        *ret = histogram;
    }
    return err;
}

static struct ha_err *finish_rows(struct ha_query *q, struct rows *rows, enum ha_sort_by sort,
                                  uint64_t limit, struct ha_err *err, struct ha_histogram *ret)
{
    struct ha_histogram histogram = {.by = HA_BY_CLASS, .sort = sort, .has_retained = true};
    if (err == NULL) {
        err = select_rows(q, rows, &(struct ha_histogram_options){.limit = limit}, &histogram);
    }
    ha_free(rows->data);
    if (err == NULL) {
        *ret = histogram;
    }
    return err;
}

static struct ha_err *add_subtrees(struct ha_query *q, struct ha_children tops, struct rows *rows)
{
    struct ha_tally_sum *sums = ha_calloc_array((size_t)rows->groups->count + 1, sizeof *sums);
    if (sums == NULL) {
        return ha_err_nomem();
    }
    struct ha_err *err = ha_tally_subtrees(q, rows->groups, tops, true, sums);
    for (uint32_t g = 0; g < rows->groups->count; g++) {
        rows->data[g].instances = sums[g].instances;
        rows->data[g].shallow_bytes = sums[g].shallow_bytes;
        rows->data[g].retained_bytes = sums[g].retained_bytes;
    }
    ha_free(sums);
    return err;
}

struct ha_err *ha_histogram_of_subtrees(struct ha_query *q, const ha_obj *tops, uint64_t top_count,
                                        enum ha_sort_by sort, uint64_t limit,
                                        struct ha_histogram *ret)
{
    static_assert(sizeof(ha_obj) == sizeof(uint32_t), "lists of objects are lists of numbers");
    struct ha_children list = ha_children_of_list(q->snapshot->heap, tops, top_count);
    struct rows rows = {0};
    struct ha_err *err = rows_init(q, HA_BY_CLASS, &rows);
    if (err == NULL) {
        err = add_subtrees(q, list, &rows);
    }
    return finish_rows(q, &rows, sort, limit, err, ret);
}

struct ha_err *ha_histogram_of_parts(struct ha_query *q, const struct ha_part *const *parts,
                                     uint64_t part_count, enum ha_sort_by sort, uint64_t limit,
                                     struct ha_histogram *ret)
{
    struct rows rows = {0};
    struct ha_err *err = rows_init(q, HA_BY_CLASS, &rows);
    for (uint64_t p = 0; err == NULL && p < part_count; p++) {
        struct ha_part_rows part = ha_retained_part(q->snapshot->retained, parts[p]);
        for (uint64_t i = 0; i < part.count; i++) {
            struct ha_histogram_row *row = &rows.data[part.rows[i].cls];
            row->instances += part.rows[i].instances;
            row->shallow_bytes += part.rows[i].shallow_bytes;
            row->retained_bytes += part.rows[i].retained_bytes;
        }
    }
    return finish_rows(q, &rows, sort, limit, err, ret);
}
