/* SPDX-License-Identifier: MIT */
/*
 * Who holds what was found: shortest paths from the roots to a sample of each finding's objects, all in one search; on each the class
 * nearest to the object that is neither the platform's nor a library's, and its field that leads on. What most of the paths say is told.
 * A rule may want paths around objects of some classes: a thread pool is held by its own threads, but those are not to blame. Such findings are
 * searched again, with these classes left out; where nothing is left, the first search stands.
 */
#include <string.h>

#include "ha/query/q_dominators.h"
#include "ha/query/q_multipath.h"
#include "rules/rules_model.h"

#define SAMPLE 24U         /* objects of a finding */
#define PATH_MAX_STEPS 100000U
#define VOTES_MAX SAMPLE

struct vote {
    const char *class_name;
    const char *field;
    ha_obj object;
    bool library;
    uint32_t count;
};

struct ballot {
    struct vote list[VOTES_MAX];
    uint32_t count, paths;
};

static bool is_library(const struct run *run, const char *name)
{
    for (size_t i = 0; i < run->rules->libraries.count; i++) {
        const char *prefix = run->rules->libraries.data[i];
        if (strncmp(name, prefix, strlen(prefix)) == 0) {
            return true;
        }
    }
    return false;
}

static const char *class_at(const struct run *run, ha_obj obj)
{
    const struct ha_heap *heap = run->q.snapshot->heap;
    ha_cls cls;
    if (!ha_heap_as_class(heap, obj, &cls)) {
        cls = ha_heap_class_of(heap, obj);
    }
    return ha_heap_class(heap, cls)->name;
}

static void cast(struct ballot *ballot, const struct vote *vote)
{
    for (uint32_t i = 0; i < ballot->count; i++) {
        struct vote *v = &ballot->list[i];
        bool same_field = v->field == vote->field || (v->field != NULL && vote->field != NULL && strcmp(v->field, vote->field) == 0);
        if (strcmp(v->class_name, vote->class_name) == 0 && same_field) {
            v->count++;
            return;
        }
    }
    if (ballot->count < VOTES_MAX) {
        ballot->list[ballot->count] = *vote;
        ballot->list[ballot->count++].count = 1;
    }
}

/* Whether a class loader defined the class of an object, or the class that the object stands for: what it loads does not hold it. */
static bool defined_by(const struct run *run, ha_obj obj, ha_obj loader)
{
    const struct ha_heap *heap = run->q.snapshot->heap;
    ha_cls cls;
    if (!ha_heap_as_class(heap, obj, &cls)) {
        cls = ha_heap_class_of(heap, obj);
    }
    return ha_obj_equal(ha_heap_class(heap, cls)->loader, loader);
}

/* way: from the target up to the root. */
static struct ha_err *path_vote(struct run *run, const ha_obj *way, size_t count, struct ballot *ballot)
{
    size_t best = 0;
    bool library = false;
    for (size_t i = 1; i < count && (best == 0 || library); i++) {
        const char *name = class_at(run, way[i]);
        bool lib = is_library(run, name);
        if (!ha_class_name_is_platform(name) && (!lib || best == 0) && !defined_by(run, way[i], way[0])) {
            best = i;
            library = lib;
        }
    }
    if (best == 0) {
        return NULL;
    }
    static const struct ha_excludes strong = {.kinds = HA_EXCLUDE_DEFAULT};
    struct ha_step step = {.obj = way[best - 1]};
    HA_TRY(ha_step_label(&run->q, way[best], way[best - 1], &strong, &step));
    cast(ballot, &(struct vote){class_at(run, way[best]), step.field, way[best], library, 1});
    return NULL;
}

static struct ha_err *target_vote(struct run *run, const struct ha_multipath *paths, ha_obj target, struct ballot *ballot)
{
    HA_VEC(ha_obj) objects = {0};
    struct ha_way way;
    struct ha_err *err = NULL;
    bool more = ha_multipath_way(paths, target, &way);
    ballot->paths += more;
    while (more && err == NULL && objects.count < PATH_MAX_STEPS) {
        ha_obj *slot = ha_vec_push(&objects);
        if (slot == NULL) {
            err = ha_err_nomem();
        } else {
            *slot = way.obj;
            more = ha_way_back(&way);
        }
    }
    if (err == NULL && objects.count > 0) {
        err = path_vote(run, objects.data, objects.count, ballot);
    }
    ha_vec_deinit(&objects);
    return err;
}

static void elect(const struct run *run, const struct ballot *ballot, uint32_t of, struct ha_finding *finding)
{
    const struct vote *best = NULL;
    for (uint32_t i = 0; i < ballot->count; i++) {
        const struct vote *v = &ballot->list[i];
        bool better = best == NULL || (best->library && !v->library) || (best->library == v->library && v->count > best->count);
        best = better ? v : best;
    }
    if (best == NULL || of == 0) {
        return;
    }
    finding->held_by.class_name = ha_arena_strndup(run->arena, best->class_name, strlen(best->class_name));
    finding->held_by.field = best->field == NULL ? NULL : ha_arena_strndup(run->arena, best->field, strlen(best->field));
    finding->held_by.object = best->object;
    finding->held_by.library = best->library;
    finding->held_by.share_percent = 100 * (uint64_t)best->count / of;
}

/* The rule itself says who the holders are. */
static void elect_named(const struct run *run, const struct group *group, struct ha_finding *finding)
{
    struct ballot ballot = {0};
    for (size_t i = 0; i < group->holders.count; i++) {
        cast(&ballot, &(struct vote){class_at(run, group->holders.data[i]), NULL, group->holders.data[i], false, 1});
    }
    elect(run, &ballot, (uint32_t)group->holders.count, finding);
}

struct sample {
    ha_obj list[SAMPLE];
    uint32_t count;
};

static struct ha_err *sample_take(struct run *run, const struct group *group, struct sample *ret)
{
    struct ha_ranked_list ranked;
    const ha_obj *from = group->rule->has_held && group->held.count > 0 ? group->held.data : group->objects.data;
    uint64_t count = group->rule->has_held && group->held.count > 0 ? group->held.count : group->objects.count;
    struct ha_children all = ha_children_of_list(run->q.snapshot->heap, from, count);
    HA_TRY(ha_dominators_largest(&run->q, all, SAMPLE, &ranked));
    ret->count = 0;
    for (uint64_t i = 0; i < ranked.count; i++) {
        ret->list[ret->count++] = ranked.list[i].obj;
    }
    return NULL;
}

static struct ha_err *votes_count(struct run *run, const struct ha_multipath *paths, const struct sample *sample, struct ha_finding *finding)
{
    struct ballot ballot = {0};
    for (uint32_t i = 0; i < sample->count; i++) {
        HA_TRY(target_vote(run, paths, sample->list[i], &ballot));
    }
    elect(run, &ballot, ballot.paths, finding);
    return NULL;
}

struct search {
    struct run *run;
    struct group *const *groups;
    struct ha_finding *findings;
    struct sample *samples;
    uint32_t count;
};

static struct ha_err *samples_take(struct search *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->groups[i]->rule->holder != NULL) {
            elect_named(s->run, s->groups[i], &s->findings[i]);
        } else {
            HA_TRY(sample_take(s->run, s->groups[i], &s->samples[i]));
        }
    }
    return NULL;
}

static bool same_way(const struct rule *a, const struct rule *b)
{
    bool same = a->around_count == b->around_count;
    for (uint32_t i = 0; i < a->around_count && same; i++) {
        same = strcmp(a->around[i], b->around[i]) == 0;
    }
    return same;
}

/* Votes for all findings (around NULL), or for those whose rules go around the same classes as that rule. */
static struct ha_err *paths_search(struct search *s, const struct rule *around, const struct ha_excludes *excludes)
{
    HA_VEC(ha_obj) targets = {0};
    struct ha_multipath paths = {0};
    struct ha_err *err = ha_vec_reserve(&targets, (size_t)s->count * SAMPLE + 1) ? NULL : ha_err_nomem();
    for (uint32_t i = 0; i < s->count && err == NULL; i++) {
        for (uint32_t k = 0; k < s->samples[i].count && (around == NULL || same_way(around, s->groups[i]->rule)); k++) {
            targets.data[targets.count++] = s->samples[i].list[k];
        }
    }
    if (err == NULL && targets.count > 0) {
        err = ha_multipath_find(&s->run->q, targets.data, targets.count, excludes, &paths);
        for (uint32_t i = 0; i < s->count && err == NULL; i++) {
            if (s->samples[i].count > 0 && (around == NULL || same_way(around, s->groups[i]->rule))) {
                err = votes_count(s->run, &paths, &s->samples[i], &s->findings[i]);
            }
        }
    }
    ha_multipath_deinit(&paths);
    ha_vec_deinit(&targets);
    return err;
}

static struct ha_err *around_search(struct search *s, const struct rule *rule)
{
    struct ha_exclude_rule rules[AROUND_MAX] = {{NULL, NULL}};
    struct ha_excludes excludes = {.kinds = HA_EXCLUDE_DEFAULT, .rules = rules};
    for (uint32_t i = 0; i < rule->around_count; i++) {
        struct ha_classes classes;
        struct ha_err *err = ha_query_classes(&s->run->q, rule->around[i], &classes);
        if (err == NULL) {
            rules[excludes.rule_count++].class_name = rule->around[i];
        } else if (ha_err_kind(err) == HA_ERR_USAGE) {
            ha_err_free(err); // no such class in this heap
        } else {
            return err;
        }
    }
    return excludes.rule_count == 0 ? NULL : paths_search(s, rule, &excludes);
}

static struct ha_err *search(struct search *s)
{
    static const struct ha_excludes strong = {.kinds = HA_EXCLUDE_DEFAULT};
    HA_TRY(samples_take(s));
    HA_TRY(paths_search(s, NULL, &strong));
    for (uint32_t i = 0; i < s->count; i++) {
        const struct rule *rule = s->groups[i]->rule;
        bool done = rule->around_count == 0;
        for (uint32_t k = 0; k < i && !done; k++) {
            done = same_way(s->groups[k]->rule, rule);
        }
        if (!done) {
            HA_TRY(around_search(s, rule));
        }
    }
    return NULL;
}

struct ha_err *holders_find(struct run *run, struct group *const *groups, struct ha_finding *findings, uint32_t count)
{
    struct sample *samples = ha_calloc_array((size_t)count + 1, sizeof *samples);
    if (samples == NULL) {
        return ha_err_nomem();
    }
    struct ha_err *err = search(&(struct search){run, groups, findings, samples, count});
    ha_free(samples);
    return err;
}
