/* SPDX-License-Identifier: MIT */
/*
 * Finding suspects takes two passes over the top of the dominator tree (the largest objects; sums by class) and a third for the members of
 * groups. One search from the roots serves all groups. What takes a search comes from the index if that keeps it (q_suspects_kept.c).
 *
 * The top level's retained sizes add up to the heap, so fewer than heap ÷ threshold objects can exceed the threshold: that bounds the
 * selection of singles.
 */
#include "ha/query/q_suspects.h"

#include <string.h>

#include "ha/base/mem.h"
#include "ha/query/q_rank.h"
#include "query/q_common_path.h"
#include "query/q_level.h"
#include "query/q_suspect.h"

#define SAMPLE_MAX 10000
#define SAMPLE_SEED 0x9e3779b97f4a7c15ULL

struct candidate {
    struct ha_suspect suspect;
    struct ha_suspect_members members;
};

struct finding {
    struct ha_query *q;
    uint64_t threshold;
    HA_VEC(struct candidate) list;
    uint64_t count; /* those to be described */
};

static void finding_deinit(struct finding *f)
{
    for (size_t i = 0; i < f->list.count; i++) {
        ha_vec_deinit(&f->list.data[i].members.all);
        ha_vec_deinit(&f->list.data[i].members.sample);
    }
    ha_vec_deinit(&f->list);
}

static struct candidate *new_candidate(struct finding *f, enum ha_suspect_kind kind, ha_cls cls)
{
    struct candidate *c = ha_vec_push(&f->list);
    if (c != NULL) {
        memset(c, 0, sizeof *c);
        c->suspect.kind = kind;
        c->suspect.cls = cls;
        c->suspect.object = c->suspect.accumulation_point = c->suspect.held_by.object = HA_OBJ_NONE;
        c->suspect.thread.thread = c->suspect.root.thread = HA_OBJ_NONE;
        c->suspect.class_name = ha_heap_class(f->q->snapshot->heap, cls)->name;
    }
    return c;
}

/* ---- who exceeds the threshold ---- */

static struct ha_err *add_single(struct finding *f, const struct ha_ranked *ranked)
{
    const struct ha_heap *heap = f->q->snapshot->heap;
    struct candidate *c = new_candidate(f, HA_SUSPECT_OBJECT, ha_heap_class_of(heap, ranked->obj));
    ha_obj *member = c == NULL ? NULL : ha_vec_push(&c->members.all);
    if (member == NULL) {
        return ha_err_nomem();
    }
    *member = ranked->obj;
    struct ha_suspect *s = &c->suspect;
    uint32_t flags = ha_heap_class(heap, s->cls)->flags;
    ha_cls stands_for;
    s->object = ranked->obj;
    s->instances = 1;
    s->retained_bytes = ranked->retained_bytes;
    s->shallow_bytes = ha_query_shallow(f->q, ranked->obj);
    s->is_thread = (flags & HA_CLASS_IS_THREAD) != 0;
    s->is_loader = (flags & HA_CLASS_IS_LOADER) != 0;
    s->is_class = ha_heap_as_class(heap, ranked->obj, &stands_for);
    if (s->is_class) {
        s->class_name = ha_heap_class(heap, stands_for)->name;
    }
    return NULL;
}

/* Takes a single out of the sums of its class. */
static void subtract(const struct ha_query *q, struct ha_level_sums *sums,
                     const struct ha_suspect *single)
{
    const struct ha_heap *heap = q->snapshot->heap;
    ha_cls cls;
    struct ha_tally_sum *sum = ha_heap_as_class(heap, single->object, &cls)
                                   ? &sums->mirrors[cls.i]
                                   : &sums->instances[single->cls.i];
    sum->instances--;
    sum->retained_bytes -= single->retained_bytes;
    sum->shallow_bytes -= single->shallow_bytes;
}

/*
 * What a group is judged by. Class objects are there because classes are loaded, and as the JVM counts them they are large enough to exceed any
 * threshold in a small heap: only what they keep besides is worth a word. (For MAT they have next to no size, and the rule is MAT's.)
 */
static uint64_t group_weight(const struct finding *f, const struct ha_level_sums *sums, uint32_t cls)
{
    const struct ha_tally_sum *sum = &sums->instances[cls];
    bool own_too = cls != sums->class_class || f->q->snapshot->sizes->model == HA_SIZES_MAT;
    return own_too ? sum->retained_bytes : sum->retained_bytes - sum->shallow_bytes;
}

static struct ha_err *add_groups(struct finding *f, struct ha_level_sums *sums)
{
    uint32_t classes = f->q->snapshot->heap->facts.class_count;
    for (size_t i = 0; i < f->list.count; i++) {
        subtract(f->q, sums, &f->list.data[i].suspect);
    }
    for (uint32_t c = 0; c < classes && sums->class_class != HA_NONE; c++) {
        struct ha_tally_sum *all = &sums->instances[sums->class_class];
        all->instances += sums->mirrors[c].instances;
        all->shallow_bytes += sums->mirrors[c].shallow_bytes;
        all->retained_bytes += sums->mirrors[c].retained_bytes;
    }
    for (uint32_t c = 0; c < classes; c++) {
        if (group_weight(f, sums, c) <= f->threshold) {
            continue;
        }
        struct candidate *candidate = new_candidate(f, HA_SUSPECT_GROUP, (ha_cls){c});
        if (candidate == NULL) {
            return ha_err_nomem();
        }
        uint32_t flags = ha_heap_class(f->q->snapshot->heap, (ha_cls){c})->flags;
        candidate->suspect.instances = sums->instances[c].instances;
        candidate->suspect.shallow_bytes = sums->instances[c].shallow_bytes;
        candidate->suspect.retained_bytes = sums->instances[c].retained_bytes;
        candidate->suspect.is_loader = (flags & HA_CLASS_IS_LOADER) != 0;
    }
    return NULL;
}

static int compare_candidates(const void *ctx, const void *a, const void *b)
{
    const struct ha_heap *heap = ctx;
    const struct ha_suspect *x = &((const struct candidate *)a)->suspect;
    const struct ha_suspect *y = &((const struct candidate *)b)->suspect;
    if (x->retained_bytes != y->retained_bytes) {
        return x->retained_bytes > y->retained_bytes ? -1 : 1;
    }
    int names = strcmp(x->class_name, y->class_name);
    if (names != 0) {
        return names;
    }
    ha_addr ax = ha_obj_is_none(x->object) ? ha_heap_class(heap, x->cls)->address
                                           : ha_heap_address(heap, x->object);
    ha_addr ay = ha_obj_is_none(y->object) ? ha_heap_class(heap, y->cls)->address
                                           : ha_heap_address(heap, y->object);
    return ax < ay ? -1 : ax > ay;
}

static struct ha_err *find(struct finding *f, uint64_t limit)
{
    struct ha_query *q = f->q;
    struct ha_children top = ha_dom_top(q->snapshot->dom);
    struct ha_ranked_list largest;
    uint64_t most =
        f->threshold == 0 ? 0 : q->snapshot->retained->reachable_bytes / f->threshold + 1;
    HA_TRY(ha_dominators_largest(q, top, most, &largest));
    for (uint64_t i = 0; i < largest.count && largest.list[i].retained_bytes > f->threshold; i++) {
        HA_TRY(add_single(f, &largest.list[i]));
    }
    struct ha_level_sums sums;
    HA_TRY(ha_level_sums_create(q, top, &sums));
    struct ha_err *err = add_groups(f, &sums);
    ha_level_sums_destroy(&sums);
    if (err != NULL) {
        return err;
    }
    ha_rank_sort(f->list.data, f->list.count, sizeof *f->list.data, compare_candidates,
                 q->snapshot->heap);
    f->count = limit == 0 || limit > f->list.count ? f->list.count : limit;
    return NULL;
}

/* ---- groups ---- */

/* A group whose path takes a search. */
static bool is_sought(const struct candidate *c)
{
    return c->suspect.kind == HA_SUSPECT_GROUP && !c->members.kept.found;
}

static struct ha_err *collect_members(struct finding *f)
{
    const struct ha_heap *heap = f->q->snapshot->heap;
    uint32_t *group_of =
        ha_calloc_array((size_t)heap->facts.class_count + 1, sizeof *group_of); // candidate + 1
    if (group_of == NULL) {
        return ha_err_nomem();
    }
    bool any = false;
    for (size_t i = 0; i < f->count; i++) {
        if (is_sought(&f->list.data[i])) {
            group_of[f->list.data[i].suspect.cls.i] = (uint32_t)i + 1;
            any = true;
        }
    }
    struct ha_children top = ha_dom_top(f->q->snapshot->dom);
    struct ha_err *err = NULL;
    for (uint64_t i = 0; any && i < top.count && err == NULL; i++) {
        ha_obj obj = ha_children_at(&top, i);
        uint32_t group = group_of[ha_heap_class_of(heap, obj).i];
        if (group != 0 && ha_query_retained(f->q, obj) <= f->threshold) {
            ha_obj *slot = ha_vec_push(&f->list.data[group - 1].members.all);
            if (slot == NULL) {
                err = ha_err_nomem();
            } else {
                *slot = obj;
            }
        }
    }
    ha_free(group_of);
    return err;
}

/* splitmix64 (Steele, Lea, Flood) */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

/* All members if they are few, else SAMPLE_MAX of them, the same in every run: each is taken with the chance that fills the rest. */
static struct ha_err *draw_sample(struct ha_suspect_members *members)
{
    uint64_t count = members->all.count < SAMPLE_MAX ? members->all.count : SAMPLE_MAX;
    if (!ha_vec_reserve(&members->sample, count + 1)) {
        return ha_err_nomem();
    }
    uint64_t state = SAMPLE_SEED;
    for (uint64_t i = 0; i < members->all.count && members->sample.count < count; i++) {
        uint64_t wanted = count - members->sample.count;
        uint64_t left = members->all.count - i;
        if (wanted == left || next_random(&state) % left < wanted) {
            members->sample.data[members->sample.count++] = members->all.data[i];
        }
    }
    return NULL;
}

/* MAT leaves out referents and finalizers when it looks for a group's paths. */
static struct ha_excludes group_excludes(bool strong)
{
    return (struct ha_excludes){.kinds = strong ? HA_EXCLUDE_REFERENTS | HA_EXCLUDE_FINALIZER : 0};
}

static struct ha_err *trace_group(struct finding *f, struct candidate *c,
                                  const struct ha_multipath *multipath, bool strong)
{
    struct ha_common_path common;
    struct ha_excludes excludes = group_excludes(strong);
    HA_TRY(ha_common_path_find(f->q, multipath, c->members.sample.data, c->members.sample.count,
                               &common));
    c->suspect.sampled = c->members.sample.count;
    c->suspect.path_excluded = strong;
    c->suspect.accumulation_point = common.accumulation_point;
    if (!ha_obj_is_none(common.accumulation_point)) {
        c->suspect.accumulation_retained_bytes = ha_query_retained(f->q, common.accumulation_point);
    }
    if (common.paths == 0 && strong) {
        struct ha_multipath any;
        struct ha_excludes none = group_excludes(false);
        HA_TRY(
            ha_multipath_find(f->q, c->members.sample.data, c->members.sample.count, &none, &any));
        struct ha_err *err = trace_group(f, c, &any, false);
        ha_multipath_deinit(&any);
        return err;
    }
    return ha_suspect_set_path(f->q, &c->suspect, common.objects, common.count, &excludes);
}

/* One search for all groups: the way to an object does not depend on the other targets. */
static struct ha_err *trace_groups(struct finding *f)
{
    HA_VEC(ha_obj) targets = {0};
    struct ha_err *err = NULL;
    for (size_t i = 0; i < f->count && err == NULL; i++) {
        struct ha_suspect_members *members = &f->list.data[i].members;
        if (is_sought(&f->list.data[i])) {
            err = draw_sample(members);
            if (err == NULL && !ha_vec_reserve(&targets, members->sample.count)) {
                err = ha_err_nomem();
            }
            for (size_t k = 0; err == NULL && k < members->sample.count; k++) {
                targets.data[targets.count++] = members->sample.data[k];
            }
        }
    }
    struct ha_multipath multipath = {0};
    struct ha_excludes excludes = group_excludes(true);
    if (err == NULL && targets.count > 0) {
        err = ha_multipath_find(f->q, targets.data, targets.count, &excludes, &multipath);
        for (size_t i = 0; i < f->count && err == NULL; i++) {
            if (is_sought(&f->list.data[i])) {
                err = trace_group(f, &f->list.data[i], &multipath, true);
            }
        }
        ha_multipath_deinit(&multipath);
    }
    ha_vec_deinit(&targets);
    return err;
}

/* ---- from the index ---- */

/* Whether a group is made of the same objects under two thresholds: no object of its class is a suspect of its own under one of them alone. */
static struct ha_err *is_same_group(const struct finding *f, ha_cls cls, uint64_t other, bool *ret)
{
    const struct ha_snapshot *snapshot = f->q->snapshot;
    const uint64_t low = other < f->threshold ? other : f->threshold, high = other < f->threshold ? f->threshold : other;
    struct ha_ranked_list largest;
    *ret = low == high;
    if (low == high || low == 0) {
        return NULL;
    }
    HA_TRY(ha_dominators_largest(f->q, ha_dom_top(snapshot->dom), snapshot->retained->reachable_bytes / low + 1, &largest));
    *ret = true;
    for (uint64_t i = 0; i < largest.count && largest.list[i].retained_bytes > low; i++) {
        if (largest.list[i].retained_bytes <= high && ha_heap_class_of(snapshot->heap, largest.list[i].obj).i == cls.i) {
            *ret = false;
        }
    }
    return NULL;
}

/* What takes a search, if it is kept of this suspect. */
static struct ha_err *find_kept_of(const struct finding *f, struct candidate *c)
{
    struct suspect_kept *kept = &c->members.kept;
    const bool group = c->suspect.kind == HA_SUSPECT_GROUP;
    if (group && !ha_suspect_has_parts(f->q, &c->suspect, f->threshold)) {
        return NULL;
    }
    for (unsigned n = 0; n < SUSPECTS_SECTIONS && !kept->found; n++) {
        HA_TRY(suspect_kept_find(f->q, &c->suspect, n, kept));
        if (kept->found && group) {
            HA_TRY(is_same_group(f, c->suspect.cls, kept->threshold, &kept->found));
        }
    }
    return NULL;
}

/* *ret_missing: whether it is not kept of some that it could be of. Under thresholds below the share of a big part nothing is: members of groups must be known
   anyway, and there may be any number of objects. */
static struct ha_err *find_kept(struct finding *f, bool *ret_missing)
{
    const bool low = f->threshold < f->q->snapshot->retained->reachable_bytes / HA_PART_SHARE;
    *ret_missing = false;
    for (size_t i = 0; i < f->count; i++) {
        struct candidate *c = &f->list.data[i];
        HA_TRY(find_kept_of(f, c));
        if (!low && !c->members.kept.found) {
            *ret_missing = *ret_missing || c->suspect.kind == HA_SUSPECT_OBJECT || ha_suspect_has_parts(f->q, &c->suspect, f->threshold);
        }
    }
    return NULL;
}

static struct ha_err *set_kept(struct finding *f, struct candidate *c)
{
    const struct suspect_kept *kept = &c->members.kept;
    const bool group = c->suspect.kind == HA_SUSPECT_GROUP;
    const struct ha_excludes excludes =
        group ? group_excludes(kept->path_excluded) : (struct ha_excludes){.kinds = kept->path_excluded ? HA_EXCLUDE_DEFAULT : 0};
    c->suspect.sampled = kept->sampled;
    c->suspect.path_excluded = kept->path_excluded;
    c->suspect.accumulation_point = kept->accumulation_point;
    c->suspect.accumulation_retained_bytes =
        ha_obj_is_none(kept->accumulation_point) ? 0 : ha_query_retained(f->q, kept->accumulation_point);
    return ha_suspect_set_path(f->q, &c->suspect, kept->path, kept->path_count, &excludes);
}

/* ---- all together ---- */

static struct ha_err *describe(struct finding *f, const struct ha_suspects_options *options,
                               struct ha_suspects *ret)
{
    bool missing;
    HA_TRY(find_kept(f, &missing));
    HA_TRY(collect_members(f));
    HA_TRY(trace_groups(f));
    ret->list = ha_arena_calloc(&f->q->arena, f->count + 1, sizeof *ret->list);
    if (ret->list == NULL) {
        return ha_err_nomem();
    }
    ret->threshold_bytes = f->threshold;
    ret->count = f->count;
    ret->omitted = f->list.count - f->count;
    for (size_t i = 0; i < f->count; i++) {
        struct candidate *c = &f->list.data[i];
        c->suspect.retained_percent = ha_query_percent(f->q, c->suspect.retained_bytes);
        if (c->members.kept.found) {
            HA_TRY(set_kept(f, c));
        } else if (c->suspect.kind == HA_SUSPECT_OBJECT) {
            HA_TRY(ha_suspect_trace_object(f->q, &c->suspect));
        }
        HA_TRY(
            ha_suspect_finish(f->q, &c->suspect, &c->members, f->threshold, options->class_limit));
        ret->list[i] = c->suspect;
    }
    if (missing) {
        suspects_note(f->q, ret);
    }
    return NULL;
}

static uint64_t threshold_of(const struct ha_query *q, const struct ha_suspects_options *options)
{
    if (options->threshold_bytes != 0) {
        return options->threshold_bytes;
    }
    double percent =
        options->threshold_percent > 0 ? options->threshold_percent : HA_SUSPECTS_PERCENT;
    double bytes = (double)q->snapshot->retained->reachable_bytes * percent / 100.0;
    return bytes < 1e18 ? (uint64_t)bytes : UINT64_MAX;
}

struct ha_err *ha_suspects_query(struct ha_query *q, const struct ha_suspects_options *options,
                                 struct ha_suspects *ret)
{
    struct finding f = {.q = q, .threshold = threshold_of(q, options)};
    struct ha_err *err = find(&f, options->limit);
    if (err == NULL) {
        err = describe(&f, options, ret);
    }
    finding_deinit(&f);
    return err;
}
