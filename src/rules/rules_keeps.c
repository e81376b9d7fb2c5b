/* SPDX-License-Identifier: MIT */
/*
 * What the objects of a finding retain together, and under which first-level objects of the dominator tree they lie.
 *
 *     root ─┬─ t1 ── … ── a ── … ── b        a and b are objects of the finding: b lies below a and counts with it
 *           └─ t2 ── … ── c                  retained: a + c; covers: t1 (a), t2 (c)
 *
 * Walks go up the tree and remember what they passed, so that each object above the finding's is passed once; STEPS_MAX bounds all of it (then
 * the numbers are lower bounds).
 */
#include <string.h>

#include "ha/query/q_dominators.h"
#include "ha/query/q_rank.h"
#include "rules/rules_model.h"

#define STEPS_MAX 20000000U
#define ABOVE_IS_MEMBER 1U
#define ABOVE_IS_NONE 0U

struct climb {
    const struct ha_dom *dom;
    struct ha_idmap members; /* the finding's objects */
    struct ha_idmap known;   /* object -> what was found above it (or at it) */
    HA_VEC(uint32_t) way;
    uint64_t steps;
    bool failed;
};

static void climb_deinit(struct climb *c)
{
    ha_idmap_deinit(&c->members);
    ha_idmap_deinit(&c->known);
    ha_vec_deinit(&c->way);
}

static void remember(struct climb *c, uint32_t what)
{
    for (size_t i = 0; i < c->way.count; i++) {
        c->failed = c->failed || !ha_idmap_add(&c->known, c->way.data[i], what, NULL);
    }
    c->way.count = 0;
}

static bool step_up(struct climb *c, ha_obj *at, bool remembered)
{
    if (remembered) {
        uint32_t *slot = ha_vec_push(&c->way);
        if (slot == NULL) {
            c->failed = true;
            return false;
        }
        *slot = at->i;
    }
    c->steps--;
    return ha_dom_of(c->dom, *at, at);
}

/* Whether a member lies above obj. */
static bool lies_below(struct climb *c, ha_obj obj)
{
    uint32_t what = ABOVE_IS_NONE;
    ha_obj at = obj;
    bool first = true;
    while (c->steps > 0 && !c->failed && step_up(c, &at, !first)) {
        first = false;
        uint32_t known = ha_idmap_get(&c->known, at.i);
        if (ha_idmap_get(&c->members, at.i) != HA_IDMAP_NONE) {
            what = ABOVE_IS_MEMBER;
            break;
        }
        if (known != HA_IDMAP_NONE) {
            what = known;
            break;
        }
    }
    remember(c, what);
    return what == ABOVE_IS_MEMBER;
}

static int compare_numbers(const void *ctx, const void *a, const void *b)
{
    const ha_obj *x = a, *y = b;
    (void)ctx;
    return x->i < y->i ? -1 : x->i > y->i;
}

static void objects_order(struct group *group)
{
    size_t kept = 0;
    ha_rank_sort(group->objects.data, group->objects.count, sizeof *group->objects.data, compare_numbers, NULL);
    for (size_t i = 0; i < group->objects.count; i++) {
        if (kept == 0 || group->objects.data[kept - 1].i != group->objects.data[i].i) {
            group->objects.data[kept++] = group->objects.data[i];
        }
    }
    group->objects.count = kept;
}

void group_retain(struct run *run, struct group *group)
{
    const struct ha_snapshot *snapshot = run->q.snapshot;
    struct climb climb = {.dom = snapshot->dom, .steps = run->climbs < STEPS_MAX ? run->climbs : STEPS_MAX};
    uint64_t steps = climb.steps;
    if (group->retained_known) {
        return;
    }
    group->retained_known = true;
    objects_order(group);
    double scale = group->sampled && group->rows > 0 ? group->weight / (double)group->rows : 1;
    double shallow = 0, retained = 0;
    for (size_t i = 0; i < group->objects.count; i++) {
        climb.failed = climb.failed || !ha_idmap_add(&climb.members, group->objects.data[i].i, 1, NULL);
        shallow += (double)ha_query_shallow(&run->q, group->objects.data[i]);
    }
    for (size_t i = 0; i < group->objects.count && (climb.steps > 0 || group->objects.count == 1) && !climb.failed; i++) {
        ha_obj obj = group->objects.data[i];
        bool alone = group->objects.count == 1;
        if (!ha_dom_reachable(snapshot->dom, obj) || (!alone && lies_below(&climb, obj))) {
            continue;
        }
        ha_obj *slot = ha_vec_push(&group->tops);
        climb.failed = climb.failed || slot == NULL;
        if (slot != NULL) {
            *slot = obj;
            retained += (double)ha_query_retained(&run->q, obj);
        }
    }
    run->failed = run->failed || climb.failed;
    run->climbs -= steps - climb.steps;
    double most = (double)snapshot->retained->reachable_bytes;
    group->shallow_bytes = (uint64_t)(shallow * scale < most ? shallow * scale : most);
    group->retained_bytes = (uint64_t)(retained * scale < most ? retained * scale : most);
    climb_deinit(&climb);
}

/* ---- where they lie ---- */

struct sums {
    struct ha_idmap index;
    HA_VEC(struct ha_cover) list;
};

static bool sums_add(struct sums *s, uint32_t id, ha_obj top, ha_cls cls, uint64_t bytes)
{
    uint32_t at;
    if (!ha_idmap_add(&s->index, id, (uint32_t)s->list.count, &at)) {
        return false;
    }
    if (at == HA_IDMAP_NONE) {
        at = (uint32_t)s->list.count;
        struct ha_cover *cover = ha_vec_push(&s->list);
        if (cover == NULL) {
            return false;
        }
        *cover = (struct ha_cover){top, cls, 0};
    }
    s->list.data[at].bytes += bytes;
    return true;
}

/* The first-level object above obj, or obj. */
static ha_obj first_level(struct climb *c, ha_obj obj)
{
    ha_obj at = obj, last = obj;
    while (c->steps > 0 && !c->failed) {
        uint32_t known = ha_idmap_get(&c->known, at.i);
        if (known != HA_IDMAP_NONE) {
            last.i = known;
            break;
        }
        last = at;
        if (!step_up(c, &at, true)) {
            break;
        }
    }
    remember(c, last.i);
    return last;
}

static int compare_covers(const void *ctx, const void *a, const void *b)
{
    const struct ha_cover *x = a, *y = b;
    (void)ctx;
    if (x->bytes != y->bytes) {
        return x->bytes > y->bytes ? -1 : 1;
    }
    return x->top.i != y->top.i ? (x->top.i < y->top.i ? -1 : 1) : x->cls.i < y->cls.i ? -1 : x->cls.i > y->cls.i;
}

#define COVERS_OBJECTS (HA_FINDING_COVERS - HA_FINDING_COVERS / 4) /* the rest is for classes */

static struct ha_err *covers_take(struct run *run, struct sums *objects, struct sums *classes, struct ha_finding *finding)
{
    struct ha_cover *list = ha_arena_calloc(run->arena, HA_FINDING_COVERS, sizeof *list);
    if (list == NULL) {
        return ha_err_nomem();
    }
    ha_rank_sort(objects->list.data, objects->list.count, sizeof *list, compare_covers, NULL);
    ha_rank_sort(classes->list.data, classes->list.count, sizeof *list, compare_covers, NULL);
    uint32_t count = 0;
    for (size_t i = 0; i < objects->list.count && count < COVERS_OBJECTS; i++) {
        list[count++] = objects->list.data[i];
    }
    for (size_t i = 0; i < classes->list.count && count < HA_FINDING_COVERS; i++) {
        list[count++] = classes->list.data[i];
    }
    ha_rank_sort(list, count, sizeof *list, compare_covers, NULL);
    finding->covers = list;
    finding->cover_count = count;
    return NULL;
}

static struct ha_err *covers_find(struct run *run, struct group *group, struct ha_finding *finding)
{
    const struct ha_heap *heap = run->q.snapshot->heap;
    struct climb climb = {.dom = run->q.snapshot->dom, .steps = STEPS_MAX};
    struct sums objects = {0}, classes = {0};
    bool good = true;
    for (size_t i = 0; i < group->tops.count && good; i++) {
        ha_obj top = first_level(&climb, group->tops.data[i]);
        uint64_t bytes = ha_query_retained(&run->q, group->tops.data[i]);
        ha_cls cls = ha_heap_class_of(heap, top);
        good = !climb.failed && sums_add(&objects, top.i, top, cls, bytes) && sums_add(&classes, cls.i, HA_OBJ_NONE, cls, bytes);
    }
    struct ha_err *err = good ? covers_take(run, &objects, &classes, finding) : ha_err_nomem();
    ha_idmap_deinit(&objects.index);
    ha_idmap_deinit(&classes.index);
    ha_vec_deinit(&objects.list);
    ha_vec_deinit(&classes.list);
    climb_deinit(&climb);
    return err;
}

struct ha_err *group_place(struct run *run, struct group *group, struct ha_finding *finding)
{
    struct ha_ranked_list ranked;
    struct ha_children all = ha_children_of_list(run->q.snapshot->heap, group->objects.data, group->objects.count);
    ha_obj *list = ha_arena_calloc(run->arena, HA_FINDING_OBJECTS, sizeof *list);
    if (list == NULL) {
        return ha_err_nomem();
    }
    HA_TRY(ha_dominators_largest(&run->q, all, HA_FINDING_OBJECTS, &ranked));
    for (uint64_t i = 0; i < ranked.count; i++) {
        list[i] = ranked.list[i].obj;
    }
    finding->objects = list;
    finding->object_count = (uint32_t)ranked.count;
    return covers_find(run, group, finding);
}
