/* SPDX-License-Identifier: MIT */
/*
 * Backwards, breadth first, level by level:
 *
 *     next     [0][7][7][0]…   4 bytes per object: the object after it on its path + 1, 0: not visited
 *     level    objects to be expanded, level_next those found from them
 *
 * A root that is reached completes a path and is not expanded. Class objects have predecessors that rows do not tell: their instances. All
 * class objects of a level are looked up together (q_instances.h). Beyond `next` (touched only where the search goes) the memory is
 * that of two levels.
 */
#include "ha/query/q_paths.h"

#include <string.h>

#include "ha/base/mem.h"
#include "ha/base/vec.h"
#include "ha/query/q_instances.h"
#include "ha/query/q_rank.h"
#include "query/q_edges.h"

#define ORDERED_MAX 4096U /* objects of a level that is put in order of class names */
/* When there is a path, so many objects more are visited for others at most (whole levels): what lies further away is rarely worth the wait. */
#define FURTHER_MAX (1U << 20)

struct found {
    ha_obj root;
    ha_addr address;
};

typedef HA_VEC(uint32_t) object_list;

struct search {
    struct ha_query *q;
    struct ha_edge_filter filter;
    struct ha_big next_map;
    uint32_t *next;
    object_list level, level_next;
    object_list classes; /* class objects of the level that are reached from their instances */
    HA_VEC(struct found) found; /* all paths so far, in order */
    uint64_t max;               /* 0: all */
    uint64_t visited;           /* since the first path was found */
    bool failed;                /* out of memory */
};

static void search_deinit(struct search *s)
{
    ha_edge_filter_destroy(&s->filter);
    ha_big_deinit(&s->next_map);
    ha_vec_deinit(&s->level);
    ha_vec_deinit(&s->level_next);
    ha_vec_deinit(&s->classes);
    ha_vec_deinit(&s->found);
}

static void push(struct search *s, object_list *list, ha_obj obj)
{
    uint32_t *slot = ha_vec_push(list);
    if (slot == NULL) {
        s->failed = true;
        return;
    }
    *slot = obj.i;
}

/* Notes that obj is reached and what comes after it: a root completes a path, others are expanded on the next level. */
static void reach(struct search *s, ha_obj obj, ha_obj after)
{
    const struct ha_heap *heap = s->q->snapshot->heap;
    if (s->next[obj.i] != 0 || !ha_query_reachable(s->q, obj)) {
        return;
    }
    s->next[obj.i] = after.i + 1;
    s->visited += s->found.count > 0;
    // roots lie directly under the root of the tree
    bool top = ha_dom_idom(s->q->snapshot->dom, obj) == HA_DOM_ROOT;
    if (!top || ha_heap_root_kinds(heap, obj) == 0) {
        push(s, &s->level_next, obj);
        return;
    }
    struct found *slot = ha_vec_push(&s->found);
    if (slot == NULL) {
        s->failed = true;
        return;
    }
    *slot = (struct found){obj, ha_heap_address(heap, obj)};
}

/* ---- order ---- */

/* The name of an object's class; for a class object of the class it stands for. */
static const char *name_of(const struct ha_heap *heap, ha_obj obj)
{
    ha_cls cls = ha_heap_class_of(heap, obj);
    ha_cls stands_for;
    if ((ha_heap_class(heap, cls)->flags & HA_CLASS_IS_CLASS) != 0 &&
        ha_heap_as_class(heap, obj, &stands_for)) {
        cls = stands_for;
    }
    return ha_heap_class(heap, cls)->name;
}

static int compare_found(const void *ctx, const void *a, const void *b)
{
    const struct found *x = a;
    const struct found *y = b;
    int names = strcmp(name_of(ctx, x->root), name_of(ctx, y->root));
    if (names != 0) {
        return names;
    }
    return x->address < y->address ? -1 : x->address > y->address;
}

static int compare_level(const void *ctx, const void *a, const void *b)
{
    ha_obj x = {*(const uint32_t *)a};
    ha_obj y = {*(const uint32_t *)b};
    int names = strcmp(name_of(ctx, x), name_of(ctx, y));
    return names != 0 ? names : x.i < y.i ? -1 : x.i > y.i;
}

/* Of several shortest paths the one is taken whose classes come first by name, not the one whose objects lie lower: other runs of the
   program, with other addresses, then tell the same story. Long levels are left as they are, for speed. */
static void order_level(struct search *s)
{
    if (s->level.count > 1 && s->level.count <= ORDERED_MAX) {
        ha_rank_sort(s->level.data, s->level.count, sizeof *s->level.data, compare_level,
                     s->q->snapshot->heap);
    }
}

/* ---- one level ---- */

/* Whether a class object can be reached from its instances, and may. */
static bool from_instances(struct search *s, ha_obj obj)
{
    const struct ha_heap *heap = s->q->snapshot->heap;
    ha_cls cls;
    if ((ha_heap_class(heap, ha_heap_class_of(heap, obj))->flags & HA_CLASS_IS_CLASS) == 0 ||
        !ha_heap_as_class(heap, obj, &cls)) {
        return false;
    }
    return s->q->snapshot->retained->classes[cls.i].instances > 0 &&
           ha_edge_class_allowed(&s->filter, cls);
}

static void expand(struct search *s, ha_obj obj)
{
    struct ha_in in = ha_graph_in(s->q->snapshot->graph, obj);
    ha_obj last = HA_OBJ_NONE;
    for (uint64_t i = 0; i < in.count && !s->failed; i++) {
        ha_obj source = ha_in_at(&in, i);
        if (source.i != last.i && s->next[source.i] == 0 &&
            ha_edge_allowed(&s->filter, source, obj)) {
            reach(s, source, obj);
        }
        last = source;
    }
    if (from_instances(s, obj)) {
        push(s, &s->classes, obj);
    }
}

struct reaching {
    struct search *search;
    const uint32_t *object_of;
};

static struct ha_err *reach_class(void *ctx, ha_obj obj, uint8_t mark)
{
    const struct reaching *r = ctx;
    (void)mark;
    reach(r->search, obj, (ha_obj){r->object_of[ha_heap_class_of(r->search->q->snapshot->heap, obj).i]});
    return r->search->failed ? ha_err_nomem() : NULL;
}

/* The instances of all classes whose class objects are in the level. */
static struct ha_err *expand_classes(struct search *s)
{
    const struct ha_heap *heap = s->q->snapshot->heap;
    struct ha_instances set;
    if (s->classes.count == 0) {
        return NULL;
    }
    HA_FREE uint32_t *object_of = ha_calloc_array((size_t)heap->facts.class_count + 1, sizeof *object_of);
    if (object_of == NULL) {
        return ha_err_nomem();
    }
    HA_TRY(ha_instances_init(&set, s->q));
    for (size_t i = 0; i < s->classes.count; i++) {
        ha_cls cls;
        ha_obj obj = {s->classes.data[i]};
        if (ha_heap_as_class(heap, obj, &cls)) {
            object_of[cls.i] = obj.i;
            set.marks[cls.i] = 1;
        }
    }
    struct ha_err *err = ha_instances_each(&set, reach_class, &(struct reaching){s, object_of});
    ha_instances_deinit(&set);
    s->classes.count = 0;
    return err;
}

static bool enough(const struct search *s)
{
    return s->max != 0 && (s->found.count >= s->max || s->visited > FURTHER_MAX);
}

static struct ha_err *run(struct search *s)
{
    size_t sorted = 0;
    for (;;) {
        if (s->failed) {
            return ha_err_nomem();
        }
        if (s->found.count > sorted) {
            ha_rank_sort(s->found.data + sorted, s->found.count - sorted, sizeof *s->found.data,
                         compare_found, s->q->snapshot->heap);
            sorted = s->found.count;
        }
        if (enough(s) || s->level_next.count == 0) {
            return NULL;
        }
        object_list swap = s->level;
        s->level = s->level_next;
        s->level_next = swap;
        s->level_next.count = 0;
        order_level(s);
        for (size_t i = 0; i < s->level.count && !s->failed; i++) {
            expand(s, (ha_obj){s->level.data[i]});
        }
        if (!enough(s)) {
            HA_TRY(expand_classes(s));
        }
    }
}

/* ---- what was found ---- */

static struct ha_err *make_path(struct search *s, ha_obj root, struct ha_path *path)
{
    uint64_t count = 1;
    for (uint32_t at = root.i; s->next[at] != at + 1; at = s->next[at] - 1) {
        count++;
    }
    path->steps = ha_arena_calloc(&s->q->arena, count, sizeof *path->steps);
    if (path->steps == NULL) {
        return ha_err_nomem();
    }
    path->count = count;
    path->steps[0].obj = root;
    for (uint64_t i = 1; i < count; i++) {
        ha_obj source = path->steps[i - 1].obj;
        HA_TRY(ha_edge_label(s->q, &s->filter, source, (ha_obj){s->next[source.i] - 1},
                             &path->steps[i]));
    }
    path->target = path->steps[count - 1].obj;
    ha_root_describe(s->q, root, &path->root);
    return NULL;
}

static struct ha_err *make_paths(struct search *s, struct ha_paths *ret)
{
    struct ha_paths paths = {.count = s->found.count};
    paths.more = s->max != 0 && (s->found.count > s->max || s->level_next.count > 0);
    if (s->max != 0 && paths.count > s->max) {
        paths.count = s->max;
    }
    paths.list = ha_arena_calloc(&s->q->arena, paths.count + 1, sizeof *paths.list);
    if (paths.list == NULL) {
        return ha_err_nomem();
    }
    for (uint64_t i = 0; i < paths.count; i++) {
        HA_TRY(make_path(s, s->found.data[i].root, &paths.list[i]));
    }
    *ret = paths;
    return NULL;
}

/* ---- beginning ---- */

static struct ha_err *search_init(struct search *s, struct ha_query *q,
                                  const struct ha_paths_options *options)
{
    memset(s, 0, sizeof *s);
    s->q = q;
    s->max = options->max;
    HA_TRY(ha_edge_filter_create(q, options->excludes, &s->filter));
    HA_TRY(ha_big_init(&s->next_map, (uint64_t)q->snapshot->heap->facts.object_count + 1,
                       sizeof *s->next));
    s->next = s->next_map.data;
    return NULL;
}

static struct ha_err *finish(struct search *s, struct ha_err *err, struct ha_paths *ret)
{
    if (err == NULL) {
        err = run(s);
    }
    if (err == NULL) {
        err = make_paths(s, ret);
    }
    search_deinit(s);
    return err;
}

struct ha_err *ha_paths_to_objects(struct ha_query *q, const ha_obj *targets, uint64_t target_count,
                                   const struct ha_paths_options *options, struct ha_paths *ret)
{
    struct search s;
    struct ha_err *err = search_init(&s, q, options);
    for (uint64_t i = 0; err == NULL && i < target_count; i++) {
        reach(&s, targets[i], targets[i]); // the end of a path points to itself
    }
    return finish(&s, err, ret);
}

static struct ha_err *reach_instance(void *ctx, ha_obj obj, uint8_t mark)
{
    struct search *s = ctx;
    (void)mark;
    reach(s, obj, obj);
    return s->failed ? ha_err_nomem() : NULL;
}

static struct ha_err *reach_instances(struct search *s, const struct ha_classes *classes)
{
    struct ha_instances set;
    HA_TRY(ha_instances_init(&set, s->q));
    for (uint32_t i = 0; i < classes->count; i++) {
        set.marks[classes->list[i].i] = 1;
    }
    struct ha_err *err = ha_instances_each(&set, reach_instance, s);
    ha_instances_deinit(&set);
    return err;
}

struct ha_err *ha_paths_to_class(struct ha_query *q, const char *class_name,
                                 const struct ha_paths_options *options, struct ha_paths *ret)
{
    struct ha_classes classes;
    HA_TRY(ha_query_classes(q, class_name, &classes));
    struct search s;
    struct ha_err *err = search_init(&s, q, options);
    if (err == NULL) {
        err = reach_instances(&s, &classes);
    }
    return finish(&s, err, ret);
}
