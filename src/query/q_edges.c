/* SPDX-License-Identifier: MIT */
#include "query/q_edges.h"

#include <string.h>

#include "ha/base/mem.h"
#include "ha/base/vec.h"

enum {
    FILTER_REFERENT = 1U << 0, /* the first element of the row is excluded */
    FILTER_EVERYTHING = 1U << 1,
    FILTER_FIELDS = 1U << 2, /* some rule names a field */
    FILTER_MIRRORS = 1U << 3 /* of `classes`: instances are class objects, for which the class they stand for counts */
};

/* ---- preparing ---- */

static bool referent_excluded(uint32_t flags, uint32_t kinds)
{
    return ((flags & HA_CLASS_IS_WEAK) != 0 && (kinds & HA_EXCLUDE_WEAK) != 0) ||
           ((flags & HA_CLASS_IS_SOFT) != 0 && (kinds & HA_EXCLUDE_SOFT) != 0) ||
           ((flags & HA_CLASS_IS_PHANTOM) != 0 && (kinds & HA_EXCLUDE_PHANTOM) != 0) ||
           ((flags & HA_CLASS_IS_FINAL) != 0 && (kinds & HA_EXCLUDE_FINALIZER) != 0) ||
           ((flags & HA_CLASS_IS_REFERENCE) != 0 && (kinds & HA_EXCLUDE_REFERENTS) != 0);
}

struct naming {
    struct ha_edge_filter *filter;
    uint64_t bit;
};

static void mark_named(void *ctx, ha_cls cls)
{
    struct naming *naming = ctx;
    naming->filter->applying[cls.i] |= naming->bit;
}

/* Hands the bits down from super classes: up to an ancestor that is done, then back. Each class is entered once, circles end. */
static struct ha_err *inherit(struct ha_edge_filter *filter)
{
    const struct ha_heap *heap = filter->q->snapshot->heap;
    uint32_t count = heap->facts.class_count;
    HA_VEC(uint32_t) chain = {0};
    bool *done = ha_calloc_array((size_t)count + 1, sizeof *done);
    bool failed = done == NULL;
    for (uint32_t i = 0; i < count && !failed; i++) {
        uint32_t at = i;
        chain.count = 0;
        while (at < count && !done[at] && !failed) {
            done[at] = true;
            uint32_t *slot = ha_vec_push(&chain);
            failed = slot == NULL;
            if (!failed) {
                *slot = at;
            }
            at = heap->classes[at].super.i;
        }
        uint64_t bits = at < count ? filter->applying[at] : 0;
        while (chain.count > 0) {
            uint32_t cls = chain.data[--chain.count];
            bits |= filter->applying[cls];
            filter->applying[cls] = bits;
        }
    }
    ha_vec_deinit(&chain);
    ha_free(done);
    return failed ? ha_err_nomem() : NULL;
}

static struct ha_err *add_rules(struct ha_edge_filter *filter, const struct ha_excludes *excludes)
{
    static const struct ha_exclude_rule finalizer[] = {{"java.lang.ref.Finalizer", "unfinalized"},
                                                       {"java.lang.Runtime", "<Unfinalized>"}};
    if (excludes->rule_count > HA_EXCLUDE_RULES_MAX) {
        return ha_err_new(HA_ERR_LIMIT, "more than %d classes and fields to exclude",
                          HA_EXCLUDE_RULES_MAX);
    }
    for (size_t i = 0; i < excludes->rule_count; i++) {
        struct ha_classes classes;
        HA_TRY(ha_query_classes(filter->q, excludes->rules[i].class_name, &classes));
        for (uint32_t c = 0; c < classes.count; c++) {
            filter->applying[classes.list[c].i] |= 1ULL << filter->rule_count;
        }
        filter->rules[filter->rule_count++] = excludes->rules[i];
    }
    if ((filter->kinds & HA_EXCLUDE_FINALIZER) != 0) {
        for (size_t i = 0; i < 2; i++) {
            struct naming naming = {filter, 1ULL << filter->rule_count};
            ha_heap_classes_named(filter->q->snapshot->heap, finalizer[i].class_name, mark_named,
                                  &naming);
            filter->rules[filter->rule_count++] = finalizer[i];
        }
    }
    return inherit(filter);
}

static void set_flags(struct ha_edge_filter *filter)
{
    const struct ha_heap *heap = filter->q->snapshot->heap;
    for (uint32_t i = 0; i < heap->facts.class_count; i++) {
        uint8_t flags = 0;
        for (size_t r = 0; r < filter->rule_count; r++) {
            if ((filter->applying[i] >> r & 1) != 0) {
                flags |= filter->rules[r].field == NULL ? FILTER_EVERYTHING : FILTER_FIELDS;
            }
        }
        filter->mirrors[i] = flags;
        filter->classes[i] =
            flags |
            (referent_excluded(heap->classes[i].flags, filter->kinds) ? FILTER_REFERENT : 0);
        filter->any = filter->any || filter->classes[i] != 0;
        if (filter->rule_count > 0 && (heap->classes[i].flags & HA_CLASS_IS_CLASS) != 0) {
            filter->classes[i] |= FILTER_MIRRORS;
        }
    }
}

struct ha_err *ha_edge_filter_create(struct ha_query *q, const struct ha_excludes *excludes,
                                     struct ha_edge_filter *ret)
{
    static const struct ha_excludes defaults = {.kinds = HA_EXCLUDE_DEFAULT};
    excludes = excludes != NULL ? excludes : &defaults;
    size_t classes = (size_t)q->snapshot->heap->facts.class_count + 1;
    memset(ret, 0, sizeof *ret);
    ret->q = q;
    ret->kinds = excludes->kinds;
    ret->classes = ha_calloc_array(classes, sizeof *ret->classes);
    ret->mirrors = ha_calloc_array(classes, sizeof *ret->mirrors);
    ret->applying = ha_calloc_array(classes, sizeof *ret->applying);
    struct ha_err *err = NULL;
    if (ret->classes == NULL || ret->mirrors == NULL || ret->applying == NULL) {
        err = ha_err_nomem();
    } else {
        err = add_rules(ret, excludes);
    }
    if (err != NULL) {
        ha_edge_filter_destroy(ret);
        return err;
    }
    set_flags(ret);
    return NULL;
}

void ha_edge_filter_destroy(struct ha_edge_filter *filter)
{
    ha_free(filter->classes);
    ha_free(filter->mirrors);
    ha_free(filter->applying);
    filter->classes = filter->mirrors = NULL;
    filter->applying = NULL;
}

/* ---- asking ---- */

/* The class whose rules hold for an object, and the flags: its own class, or for class objects the class it stands for. */
static uint8_t flags_of(const struct ha_edge_filter *filter, ha_obj source, ha_cls *ret)
{
    const struct ha_heap *heap = filter->q->snapshot->heap;
    ha_cls cls = ha_heap_class_of(heap, source);
    ha_cls stands_for;
    uint8_t flags = filter->classes[cls.i];
    if ((flags & FILTER_MIRRORS) != 0 && ha_heap_as_class(heap, source, &stands_for)) {
        *ret = stands_for;
        return filter->mirrors[stands_for.i];
    }
    *ret = cls;
    return flags & ~FILTER_MIRRORS;
}

bool ha_edge_class_allowed(const struct ha_edge_filter *filter, ha_cls cls)
{
    return (filter->classes[cls.i] & FILTER_EVERYTHING) == 0;
}

bool ha_edge_named_allowed(const struct ha_edge_filter *filter, ha_obj source,
                           const struct ha_edge *edge)
{
    ha_cls cls;
    uint8_t flags = flags_of(filter, source, &cls);
    if ((flags & FILTER_EVERYTHING) != 0) {
        return false;
    }
    if (edge->kind != HA_EDGE_FIELD && edge->kind != HA_EDGE_STATIC) {
        return true;
    }
    if ((flags & FILTER_REFERENT) != 0 && edge->kind == HA_EDGE_FIELD &&
        strcmp(edge->name, "referent") == 0) {
        return false;
    }
    for (size_t r = 0; (flags & FILTER_FIELDS) != 0 && r < filter->rule_count; r++) {
        const char *field = filter->rules[r].field;
        if ((filter->applying[cls.i] >> r & 1) != 0 && field != NULL &&
            strcmp(field, edge->name) == 0) {
            return false;
        }
    }
    return true;
}

struct named_search {
    struct ha_edge_filter *filter;
    ha_obj source, target;
    bool found;
    ha_edge_target_fn fn; /* NULL: look for target */
    void *ctx;
};

static bool visit_named(void *ctx, const struct ha_edge *edge)
{
    struct named_search *search = ctx;
    if (edge->kind == HA_EDGE_CLASS ||
        !ha_edge_named_allowed(search->filter, search->source, edge)) {
        return true;
    }
    if (search->fn != NULL) {
        search->fn(search->ctx, edge->target);
        return true;
    }
    search->found = search->found || edge->target.i == search->target.i;
    return !search->found;
}

bool ha_edge_allowed(struct ha_edge_filter *filter, ha_obj source, ha_obj target)
{
    if (!filter->any) {
        return true;
    }
    ha_cls cls;
    uint8_t flags = flags_of(filter, source, &cls);
    if (HA_LIKELY(flags == 0)) {
        return true;
    }
    if ((flags & FILTER_EVERYTHING) != 0) {
        return false;
    }
    const struct ha_graph *graph = filter->q->snapshot->graph;
    if ((flags & FILTER_FIELDS) != 0) {
        struct named_search search = {.filter = filter, .source = source, .target = target};
        ha_graph_edges(graph, &filter->q->window, source, visit_named, &search);
        return search.found;
    }
    ha_obj referent;
    if (!ha_graph_referent(graph, source, &referent) || referent.i != target.i) {
        return true;
    }
    uint32_t times = 0; // a second reference to the same object is enough
    struct ha_out out = ha_graph_out(graph, source);
    for (ha_obj next; ha_out_next(&out, &next);) {
        times += next.i == target.i;
    }
    return times > 1;
}

void ha_edge_targets(struct ha_edge_filter *filter, ha_obj source, ha_edge_target_fn fn, void *ctx)
{
    const struct ha_graph *graph = filter->q->snapshot->graph;
    ha_cls cls;
    uint8_t flags = filter->any ? flags_of(filter, source, &cls) : 0;
    if ((flags & FILTER_EVERYTHING) != 0) {
        return;
    }
    if ((flags & FILTER_FIELDS) != 0) {
        struct named_search search = {.filter = filter, .source = source, .fn = fn, .ctx = ctx};
        ha_graph_edges(graph, &filter->q->window, source, visit_named, &search);
        return;
    }
    ha_obj referent;
    bool skip_first = (flags & FILTER_REFERENT) != 0 && ha_graph_referent(graph, source, &referent);
    struct ha_out out = ha_graph_out(graph, source);
    for (ha_obj next; ha_out_next(&out, &next);) {
        if (!skip_first) {
            fn(ctx, next);
        }
        skip_first = false;
    }
}
