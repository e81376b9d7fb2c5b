/* SPDX-License-Identifier: MIT */
/*
 * Backwards, breadth first, level by level:
 *
 *     entries   [1][7][9]|[2][8]|[4]…   objects to be expanded, in the order in which they were reached; levels follow each other
 *       after   [-][-][-]|[0][2]|[3]…   the place of the object after it on its path; HA_NONE: a target
 *     closed    a bit per object: reached
 *     roots     a bit per object: a root
 *
 * A root that is reached completes a path and is not expanded. Class objects have predecessors that rows do not tell: their instances. All
 * class objects of a level are looked up together (q_instances.h).
 *
 * What decides is how long memory takes, so everything is asked for well before it is looked at:
 *
 *     entries[place + 2 × AHEAD]   where the list of sources lies
 *     entries[place + AHEAD]       the list
 *     entries[place]               class and dominator of each source; sources wait for each other until there are WAITING_MIN
 *
 * Most of the time goes into the last level, which only roots can still be found in: from where it is known to be the last, only objects that
 * roots refer to are expanded, and of the instances of classes only roots are looked at.
 */
#include "ha/query/q_paths.h"

#include <string.h>

#include "ha/base/mem.h"
#include "ha/base/vec.h"
#include "ha/query/q_instances.h"
#include "ha/query/q_rank.h"
#include "query/q_edges.h"

#define ORDERED_MAX 4096U /* objects of a level that is put in order of class names */

#define AHEAD 16U /* a power of two */
#define WAITING_MAX 512U
#define WAITING_MIN 64U
#define ROOT_SHARE 8U /* roots are looked at for each instance that this may spare */
#define NEAR_SHARE 8U /* references of roots are looked at for each object that this may spare */

struct entry {
    uint32_t obj;
    uint32_t after; /* place, or HA_NONE */
};

struct found {
    ha_obj root;
    uint32_t after;
    ha_addr address;
};

/* A reference to the object at place `after`. */
struct reference {
    uint32_t source;
    uint32_t after;
};

struct search {
    struct ha_query *q;
    struct ha_edge_filter filter;
    struct ha_big maps, entry_map;
    uint64_t *closed, *roots;
    struct entry *entries;
    size_t count; /* of entries */
    size_t level, level_end; /* places: the level being expanded; behind it lies the next one */
    size_t asked, open;      /* places up to which the places of lists, and lists, were asked for */
    struct ha_in opened[AHEAD];
    struct reference waiting[WAITING_MAX];
    unsigned waiting_count;
    HA_VEC(uint32_t) classes;   /* places of class objects of the level that are reached from their instances */
    HA_VEC(struct found) found; /* all paths so far, in order */
    uint64_t max, further;      /* of the options */
    uint64_t visited;           /* since the first path was found */
    bool cut;                   /* there are more objects in the next level than are entered */
    bool failed;                /* out of memory */
};

static void search_deinit(struct search *s)
{
    ha_edge_filter_destroy(&s->filter);
    ha_big_deinit(&s->maps);
    ha_big_deinit(&s->entry_map);
    ha_vec_deinit(&s->classes);
    ha_vec_deinit(&s->found);
}

/* ---- reaching ---- */

static bool has_bit(const uint64_t *map, ha_obj obj)
{
    return (map[obj.i >> 6] >> (obj.i & 63) & 1) != 0;
}

static void set_bit(uint64_t *map, ha_obj obj)
{
    map[obj.i >> 6] |= 1ULL << (obj.i & 63);
}

/* Notes that obj, which is reachable, is reached and what comes after it: a root completes a path, others are expanded on the next level. */
static void reach(struct search *s, ha_obj obj, uint32_t after)
{
    if (has_bit(s->closed, obj)) {
        return;
    }
    set_bit(s->closed, obj);
    s->visited += s->found.count > 0;
    if (HA_LIKELY(!has_bit(s->roots, obj))) {
        s->entries[s->count++] = (struct entry){obj.i, after};
        return;
    }
    struct found *slot = ha_vec_push(&s->found);
    if (slot == NULL) {
        s->failed = true;
        return;
    }
    *slot = (struct found){obj, after, ha_heap_address(s->q->snapshot->heap, obj)};
}

static void reach_waiting(struct search *s)
{
    for (unsigned i = 0; i < s->waiting_count && !s->failed; i++) {
        ha_obj source = {s->waiting[i].source};
        uint32_t after = s->waiting[i].after;
        if (!has_bit(s->closed, source) && ha_query_reachable(s->q, source) &&
            ha_edge_allowed(&s->filter, source, (ha_obj){s->entries[after].obj})) {
            reach(s, source, after);
        }
    }
    s->waiting_count = 0;
}

static void take(struct search *s, ha_obj source, uint32_t after)
{
    ha_heap_class_prefetch(s->q->snapshot->heap, source);
    ha_dom_idom_prefetch(s->q->snapshot->dom, source);
    s->waiting[s->waiting_count++] = (struct reference){source.i, after};
    if (HA_UNLIKELY(s->waiting_count == WAITING_MAX)) {
        reach_waiting(s);
    }
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
    ha_obj x = {((const struct entry *)a)->obj};
    ha_obj y = {((const struct entry *)b)->obj};
    int names = strcmp(name_of(ctx, x), name_of(ctx, y));
    return names != 0 ? names : x.i < y.i ? -1 : x.i > y.i;
}

/* Of several shortest paths the one is taken whose classes come first by name, not the one whose objects lie lower: other runs of the
   program, with other addresses, then tell the same story. Long levels are left as they are, for speed. */
static void order_level(struct search *s)
{
    size_t count = s->level_end - s->level;
    if (count > 1 && count <= ORDERED_MAX) {
        ha_rank_sort(s->entries + s->level, count, sizeof *s->entries, compare_level, s->q->snapshot->heap);
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

static void look_ahead(struct search *s, size_t place)
{
    const struct ha_graph *graph = s->q->snapshot->graph;
    for (; s->asked < s->level_end && s->asked < place + 2 * AHEAD; s->asked++) {
        ha_obj obj = {s->entries[s->asked].obj};
        ha_graph_in_prefetch(graph, obj);
        ha_heap_class_prefetch(s->q->snapshot->heap, obj);
    }
    for (; s->open < s->level_end && s->open < place + AHEAD; s->open++) {
        struct ha_in *in = &s->opened[s->open % AHEAD];
        *in = ha_graph_in(graph, (ha_obj){s->entries[s->open].obj});
        ha_in_prefetch(in);
    }
}

static void expand(struct search *s, size_t place, const struct ha_in *in)
{
    ha_obj last = HA_OBJ_NONE;
    for (uint64_t i = 0; i < in->count && !s->failed; i++) {
        ha_obj source = ha_in_at(in, i);
        if (source.i != last.i && !has_bit(s->closed, source)) {
            take(s, source, (uint32_t)place);
        }
        last = source;
    }
    if (from_instances(s, (ha_obj){s->entries[place].obj})) {
        uint32_t *slot = ha_vec_push(&s->classes);
        s->failed = s->failed || slot == NULL;
        if (slot != NULL) {
            *slot = (uint32_t)place;
        }
    }
}

static bool enough(const struct search *s)
{
    return s->max != 0 && (s->found.count >= s->max || s->visited > s->further);
}

/* Sets the bit of every object that a root refers to; false: there are more references than `most`. */
static bool mark_near_roots(const struct search *s, uint64_t most, uint64_t *near)
{
    const struct ha_heap *heap = s->q->snapshot->heap;
    for (uint64_t i = 0; i < heap->root_count; i++) {
        if (heap->roots[i].obj.i >= heap->facts.object_count) {
            continue;
        }
        struct ha_out out = ha_graph_out(s->q->snapshot->graph, heap->roots[i].obj);
        for (ha_obj target; ha_out_next(&out, &target); most--) {
            if (most == 0) {
                return false;
            }
            set_bit(near, target);
        }
    }
    return true;
}

/* What is left of the last level, from a place on. *ret_done false: roots refer to too much for that, and all is as it was. */
static struct ha_err *expand_near_roots(struct search *s, size_t place, bool *ret_done)
{
    struct ha_big map = {0};
    HA_TRY(ha_big_init(&map, (uint64_t)s->q->snapshot->heap->facts.object_count / 64 + 1, sizeof(uint64_t)));
    uint64_t *near = map.data;
    *ret_done = mark_near_roots(s, NEAR_SHARE * (uint64_t)(s->level_end - place), near);
    for (; *ret_done && place < s->level_end && !s->failed; place++) {
        ha_obj obj = {s->entries[place].obj};
        if (has_bit(near, obj)) {
            struct ha_in in = ha_graph_in(s->q->snapshot->graph, obj);
            expand(s, place, &in);
        }
    }
    ha_big_deinit(&map);
    return NULL;
}

static bool is_last_level(const struct search *s)
{
    return s->max != 0 && s->visited > s->further && s->count > s->level_end;
}

static struct ha_err *expand_level(struct search *s)
{
    bool tried = false, done = false;
    s->asked = s->open = s->level;
    for (size_t place = s->level; place < s->level_end && !done && !s->failed; place++) {
        look_ahead(s, place);
        expand(s, place, &s->opened[place % AHEAD]);
        if (s->waiting_count >= WAITING_MIN) {
            reach_waiting(s);
            if (!tried && is_last_level(s)) {
                tried = true;
                HA_TRY(expand_near_roots(s, place + 1, &done));
            }
        }
    }
    reach_waiting(s);
    return NULL;
}

/* ---- instances ---- */

struct reaching {
    struct search *search;
    const uint32_t *place_of; /* of the class object, per class; NULL: instances are targets */
};

static struct ha_err *reach_instance(void *ctx, ha_obj obj, uint8_t mark)
{
    const struct reaching *r = ctx;
    (void)mark;
    uint32_t after = r->place_of == NULL ? HA_NONE : r->place_of[ha_heap_class_of(r->search->q->snapshot->heap, obj).i];
    reach(r->search, obj, after);
    return r->search->failed ? ha_err_nomem() : NULL;
}

/* The roots among the instances that are not reached yet. */
struct new_roots {
    uint64_t count;
    uint32_t first; /* object */
};

/* Finds them, and reaches them if `reach_them` is not NULL. */
static struct new_roots roots_among(struct search *s, const struct ha_instances *set, struct reaching *reach_them)
{
    const struct ha_heap *heap = s->q->snapshot->heap;
    struct new_roots new = {0, HA_NONE};
    for (uint64_t i = 0; i < heap->root_count; i++) {
        ha_obj obj = heap->roots[i].obj;
        bool is_new = obj.i < heap->facts.object_count && has_bit(s->roots, obj) && !has_bit(s->closed, obj) &&
                      ha_instances_mark_of(set, ha_heap_class_of(heap, obj)) != 0;
        if (!is_new) {
            continue;
        }
        new.count++;
        new.first = obj.i < new.first ? obj.i : new.first;
        if (reach_them != NULL) {
            (void)reach_instance(reach_them, obj, 0);
        }
    }
    return new;
}

/* Reaches the instances of marked classes, `all` of them; where this is the last level for certain, only the roots among them. */
static struct ha_err *reach_instances(struct search *s, struct ha_instances *set, uint64_t all, const uint32_t *place_of)
{
    struct reaching r = {s, place_of};
    // instances that are not reached yet, at least
    const uint64_t reached = s->count + s->found.count, fresh = all > reached ? all - reached : 0;
    if (s->max == 0 || fresh < s->q->snapshot->heap->root_count / ROOT_SHARE) {
        return ha_instances_each(set, reach_instance, &r);
    }
    const struct new_roots roots = roots_among(s, set, NULL);
    const uint64_t before = s->found.count > 0 ? 0 : roots.first;
    const uint64_t visited = s->visited + (fresh > before ? fresh - before : 0); // of them, those after the first path
    bool last = fresh > roots.count && (s->found.count + roots.count >= s->max || visited > s->further + 1);
    if (!last) {
        return ha_instances_each(set, reach_instance, &r);
    }
    (void)roots_among(s, set, &r);
    s->visited = visited;
    s->cut = true;
    return s->failed ? ha_err_nomem() : NULL;
}

/* The instances of all classes whose class objects are in the level. */
static struct ha_err *expand_classes(struct search *s)
{
    const struct ha_heap *heap = s->q->snapshot->heap;
    struct ha_instances set;
    if (s->classes.count == 0) {
        return NULL;
    }
    HA_FREE uint32_t *place_of = ha_calloc_array((size_t)heap->facts.class_count + 1, sizeof *place_of);
    if (place_of == NULL) {
        return ha_err_nomem();
    }
    HA_TRY(ha_instances_init(&set, s->q));
    uint64_t all = 0;
    for (size_t i = 0; i < s->classes.count; i++) {
        uint32_t place = s->classes.data[i];
        ha_cls cls;
        if (ha_heap_as_class(heap, (ha_obj){s->entries[place].obj}, &cls)) {
            all += set.marks[cls.i] == 0 ? s->q->snapshot->retained->classes[cls.i].instances : 0;
            place_of[cls.i] = place;
            set.marks[cls.i] = 1;
        }
    }
    struct ha_err *err = reach_instances(s, &set, all, place_of);
    ha_instances_deinit(&set);
    s->classes.count = 0;
    return err;
}

/* ---- all levels ---- */

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
        if (enough(s) || s->count == s->level_end) {
            return NULL;
        }
        s->level = s->level_end;
        s->level_end = s->count;
        order_level(s);
        HA_TRY(expand_level(s));
        if (!enough(s)) {
            HA_TRY(expand_classes(s));
        }
    }
}

/* ---- what was found ---- */

static struct ha_err *make_path(struct search *s, const struct found *found, struct ha_path *path)
{
    uint64_t count = 1;
    for (uint32_t place = found->after; place != HA_NONE; place = s->entries[place].after) {
        count++;
    }
    path->steps = ha_arena_calloc(&s->q->arena, count, sizeof *path->steps);
    if (path->steps == NULL) {
        return ha_err_nomem();
    }
    path->count = count;
    path->steps[0].obj = found->root;
    uint32_t place = found->after;
    for (uint64_t i = 1; i < count; i++) {
        const struct entry *entry = &s->entries[place];
        HA_TRY(ha_edge_label(s->q, &s->filter, path->steps[i - 1].obj, (ha_obj){entry->obj}, &path->steps[i]));
        place = entry->after;
    }
    path->target = path->steps[count - 1].obj;
    ha_root_describe(s->q, found->root, &path->root);
    return NULL;
}

static struct ha_err *make_paths(struct search *s, struct ha_paths *ret)
{
    struct ha_paths paths = {.count = s->found.count};
    paths.more = s->max != 0 && (s->found.count > s->max || s->cut || s->count > s->level_end);
    if (s->max != 0 && paths.count > s->max) {
        paths.count = s->max;
    }
    paths.list = ha_arena_calloc(&s->q->arena, paths.count + 1, sizeof *paths.list);
    if (paths.list == NULL) {
        return ha_err_nomem();
    }
    for (uint64_t i = 0; i < paths.count; i++) {
        HA_TRY(make_path(s, &s->found.data[i], &paths.list[i]));
    }
    *ret = paths;
    return NULL;
}

/* ---- beginning ---- */

static void mark_roots(struct search *s)
{
    const struct ha_heap *heap = s->q->snapshot->heap;
    for (uint64_t i = 0; i < heap->root_count; i++) {
        ha_obj obj = heap->roots[i].obj;
        if (obj.i < heap->facts.object_count && heap->roots[i].kinds != 0) {
            set_bit(s->roots, obj);
        }
    }
}

static struct ha_err *search_init(struct search *s, struct ha_query *q,
                                  const struct ha_paths_options *options)
{
    memset(s, 0, sizeof *s);
    s->q = q;
    s->max = options->max;
    s->further = options->further != 0 ? options->further : HA_PATHS_FURTHER;
    HA_TRY(ha_edge_filter_create(q, options->excludes, &s->filter));
    const uint64_t words = (uint64_t)q->snapshot->heap->facts.object_count / 64 + 1;
    HA_TRY(ha_big_init(&s->maps, 2 * words, sizeof *s->closed));
    s->closed = s->maps.data;
    s->roots = s->closed + words;
    HA_TRY(ha_big_init_raw(&s->entry_map, (uint64_t)q->snapshot->heap->facts.object_count + 1, sizeof *s->entries));
    s->entries = s->entry_map.data;
    mark_roots(s);
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
        if (ha_query_reachable(q, targets[i])) {
            reach(&s, targets[i], HA_NONE);
        }
    }
    return finish(&s, err, ret);
}

static struct ha_err *reach_classes(struct search *s, const struct ha_classes *classes)
{
    struct ha_instances set;
    HA_TRY(ha_instances_init(&set, s->q));
    for (uint32_t i = 0; i < classes->count; i++) {
        set.marks[classes->list[i].i] = 1;
    }
    struct ha_err *err = reach_instances(s, &set, ha_instances_count(&set, false), NULL);
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
        err = reach_classes(&s, &classes);
    }
    return finish(&s, err, ret);
}
