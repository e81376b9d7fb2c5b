/* SPDX-License-Identifier: MIT */
/*
 * How much of what: a row per class, package or class loader.
 *
 * Retained bytes of a group are MAT's minimum retained size: the sum over those of its objects that have no ancestor of the same group in
 * the dominator tree. A class's group is its instances (the class object apart); a package's the instances of its classes; a loader's the
 * instances of the classes it defined.
 */
#ifndef HA_QUERY_Q_HISTOGRAM_H
#define HA_QUERY_Q_HISTOGRAM_H

#include "ha/base/regex.h"
#include "ha/query/q_query.h"

enum ha_group_by {
    HA_BY_CLASS,
    HA_BY_PACKAGE,
    HA_BY_LOADER
};

enum ha_sort_by {
    HA_SORT_RETAINED,
    HA_SORT_SHALLOW,
    HA_SORT_INSTANCES
};

struct ha_histogram_options {
    enum ha_group_by by;
    enum ha_sort_by sort;
    struct ha_regex *filter;  /* on class name, package, or loader class and label; NULL: all */
    bool keep_unreachable;    /* count unreachable objects too (instances and shallow; retained stays that of the reachable ones) */
    bool with_empty;          /* list groups without instances as well */
    uint64_t limit;           /* rows; 0: all */
};

struct ha_histogram_row {
    const char *name;         /* class name; package, "" for none; label of the loader, NULL when it has none (or is the boot loader) */
    ha_cls cls;               /* by class, else HA_CLS_NONE */
    ha_addr class_object;     /* by class: address of the class; else 0 */
    ha_obj loader;            /* by class and loader; HA_OBJ_NONE: the boot loader */
    ha_addr loader_address;   /* 0: the boot loader */
    const char *loader_class; /* by loader: its class, NULL for the boot loader */
    uint64_t classes;         /* by package and loader: how many classes (reachable ones unless keep_unreachable) */
    uint64_t instances;
    uint64_t shallow_bytes;
    uint64_t retained_bytes;
};

struct ha_histogram {
    enum ha_group_by by;
    enum ha_sort_by sort;
    bool scope_all;    /* unreachable objects are counted */
    bool has_retained; /* false without dominators */
    struct ha_histogram_row *rows;
    uint64_t count;
    uint64_t omitted;  /* rows that the limit cut */
    uint64_t instances, shallow_bytes; /* sums over all rows that passed the filter, cut ones included */
};

struct ha_err *ha_histogram_query(struct ha_query *q, const struct ha_histogram_options *options, struct ha_histogram *ret) HA_WARN_UNUSED;

/* ---- groups of classes, shared with other questions ---- */

/* Which group every class belongs to: groups are numbered from 0 in the order in which their first class comes. */
struct ha_groups {
    enum ha_group_by by;
    uint32_t *of_class; /* per class */
    uint32_t count;
    struct ha_histogram_row *rows; /* per group: names and addresses filled, sizes zero, `classes` counts all classes of the group */
};

/* The groups, made once per query and kept in its arena. */
struct ha_err *ha_groups_get(struct ha_query *q, enum ha_group_by by, const struct ha_groups **ret) HA_WARN_UNUSED;

/* The order of histogram rows: descending by `sort`, ties by name, then address. For ha_rank; ctx points to an enum ha_sort_by. */
int ha_histogram_compare(const void *ctx, const void *a, const void *b);

/* The objects that `top` dominates, itself included, by class: rows by retained (minimum retained within the subtree) and their number; at most limit
   rows. Visits at most the whole subtree, without recursion. Several tops must not dominate each other. */
struct ha_err *ha_histogram_of_subtrees(struct ha_query *q, const ha_obj *tops, uint64_t top_count, enum ha_sort_by sort, uint64_t limit,
                                        struct ha_histogram *ret) HA_WARN_UNUSED;

/* The same from histograms that the index keeps of the big parts of the heap, summed over several parts. */
struct ha_err *ha_histogram_of_parts(struct ha_query *q, const struct ha_part *const *parts, uint64_t part_count, enum ha_sort_by sort,
                                     uint64_t limit, struct ha_histogram *ret) HA_WARN_UNUSED;

#endif
