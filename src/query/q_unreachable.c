/* SPDX-License-Identifier: MIT */
/*
 * Numbers come from the totals of the index. The dominator tree of the unreachable part is made here, after Cooper, Harvey and Kennedy ("A
 * simple, fast dominance algorithm"): objects in reverse post-order, each hung below the nearest common ancestor of those that refer to it,
 * until nothing changes. Work is bounded: a part that needs more is told by class only.
 *
 *     number   per object of the heap: its place in reverse post-order; 0 for all others, so that pages without unreachable objects stay untouched
 *     order    place -> object; place 0 is the artificial root
 *     idom     place -> place, smaller than its own
 */
#include "ha/query/q_unreachable.h"

#include <string.h>

#include "ha/base/hash.h"
#include "ha/base/idmap.h"
#include "ha/base/mem.h"
#include "ha/base/vec.h"
#include "ha/query/q_fillers.h"
#include "ha/query/q_jvm.h"
#include "ha/query/q_rank.h"

#define STEPS_PER_EDGE 64U /* of all climbs together, before the search is given up */
#define STEPS_LEAST (UINT64_C(1) << 24)

const char *ha_unreachable_kind_name(enum ha_unreachable_kind kind)
{
    static const char *const names[] = {"garbage", "class data", "virtual threads", "fillers"};
    return names[kind];
}

/* ---- by class ---- */

static int compare_rows(const void *ctx, const void *a, const void *b)
{
    const struct ha_unreachable_class *x = a;
    const struct ha_unreachable_class *y = b;
    (void)ctx;
    if (x->shallow_bytes != y->shallow_bytes) {
        return x->shallow_bytes > y->shallow_bytes ? -1 : 1;
    }
    return strcmp(x->name, y->name);
}

static struct ha_err *take_rank(struct ha_query *q, struct ha_rank *rank, size_t size, void **ret)
{
    HA_TRY(ha_rank_finish(rank));
    *ret = ha_arena_calloc(&q->arena, rank->count + 1, size);
    if (*ret == NULL) {
        return ha_err_nomem();
    }
    if (rank->count > 0) {
        memcpy(*ret, rank->data, rank->count * size);
    }
    return NULL;
}

static struct ha_err *count_classes(struct ha_query *q, uint64_t limit, struct ha_unreachable *u)
{
    const struct ha_heap *heap = q->snapshot->heap;
    const struct ha_retained *retained = q->snapshot->retained;
    struct ha_rank rank;
    struct ha_fillers fillers;
    void *rows;
    ha_fillers_query(q, true, &fillers);
    ha_rank_init(&rank, sizeof *u->classes, limit, compare_rows, NULL);
    for (uint32_t c = 0; c < heap->facts.class_count; c++) {
        const struct ha_class_total *total = &retained->classes[c];
        struct ha_unreachable_class row = {heap->classes[c].name,
                                           total->all_instances - total->instances,
                                           total->all_shallow_bytes - total->shallow_bytes};
        if (c == fillers.int_array.i) {
            row.instances -= fillers.instances;
            row.shallow_bytes -= fillers.shallow_bytes;
        } else if (c == fillers.cls.i) {
            row.instances += fillers.instances;
            row.shallow_bytes += fillers.shallow_bytes;
        }
        if (row.instances > 0) {
            ha_rank_offer(&rank, &row);
        }
    }
    struct ha_err *err = take_rank(q, &rank, sizeof *u->classes, &rows);
    if (err == NULL) {
        u->classes = rows;
        u->class_count = rank.count;
        u->classes_omitted = ha_rank_omitted(&rank);
    }
    ha_rank_deinit(&rank);
    return err;
}

/* ---- reverse post-order ---- */

struct frame {
    uint32_t obj;
    struct ha_out out;
};

struct search {
    struct ha_query *q;
    const struct ha_graph *graph;
    uint32_t count;       /* unreachable objects */
    uint32_t next;        /* place for the next object that is done; places go down */
    struct ha_big number; /* uint32_t per object of the heap */
    struct ha_big order;  /* uint32_t per place */
    struct ha_big idom;
    HA_VEC(struct frame) stack;
    uint64_t edges, steps;
    struct ha_idmap names; /* hash of a class's name -> class */
    size_t longest; /* of them, in bytes */
    uint32_t names_read;
    struct ha_fillers fillers;
};

#define NEW 0U       /* in `number`: not visited; place 0 is the root's */
#define OPEN HA_NONE /* visited, not done */

static bool is_unreachable(const struct search *s, ha_obj obj)
{
    return !ha_query_reachable(s->q, obj);
}

static struct ha_err *push(struct search *s, uint32_t obj)
{
    struct frame *frame = ha_vec_push(&s->stack);
    if (frame == NULL) {
        return ha_err_nomem();
    }
    ((uint32_t *)s->number.data)[obj] = OPEN;
    *frame = (struct frame){obj, ha_graph_out(s->graph, (ha_obj){obj})};
    return NULL;
}

/* Everything that `start` leads to, depth first. */
static struct ha_err *visit(struct search *s, uint32_t start)
{
    uint32_t *number = s->number.data;
    uint32_t *order = s->order.data;
    HA_TRY(push(s, start));
    while (s->stack.count > 0) {
        struct frame *top = &s->stack.data[s->stack.count - 1];
        ha_obj target;
        if (!ha_out_next(&top->out, &target)) {
            order[s->next] = top->obj;
            number[top->obj] = s->next--;
            s->stack.count--;
        } else if (is_unreachable(s, target)) {
            s->edges++;
            if (number[target.i] == NEW) {
                HA_TRY(push(s, target.i));
            }
        }
    }
    return NULL;
}

/* Whether nothing else in the unreachable part refers to it. */
static bool is_start(const struct search *s, ha_obj obj)
{
    struct ha_in in = ha_graph_in(s->graph, obj);
    for (uint64_t i = 0; i < in.count; i++) {
        ha_obj source = ha_in_at(&in, i);
        if (source.i != obj.i && is_unreachable(s, source)) {
            return false;
        }
    }
    return true;
}

/* Starts first in ascending order, then what only circles lead to. Objects are visited downwards so that places stay ascending. */
static struct ha_err *put_in_order(struct search *s)
{
    const uint32_t *number = s->number.data;
    uint32_t *idom = s->idom.data;
    for (int circles = 0; circles < 2; circles++) {
        struct ha_column_walk walk;
        uint32_t dominator;
        ha_column_walk_begin(&s->q->snapshot->dom->idoms, &walk);
        for (uint32_t i = 0; s->next > 0 && ha_column_walk_next(&walk, &dominator); i++) {
            if (dominator == HA_NONE && number[i] == NEW &&
                (circles != 0 || is_start(s, (ha_obj){i}))) {
                HA_TRY(visit(s, i));
                idom[number[i]] = 0; // a start hangs on the root
            }
        }
    }
    return NULL;
}

/* ---- dominators ---- */

static uint32_t common(struct search *s, uint32_t a, uint32_t b)
{
    const uint32_t *idom = s->idom.data;
    while (a != b) {
        s->steps++;
        if (a > b) {
            a = idom[a];
        } else {
            b = idom[b];
        }
    }
    return a;
}

/* Hangs a place below what all its referrers share; true if that changed. */
static bool hang(struct search *s, uint32_t place)
{
    const uint32_t *number = s->number.data;
    const uint32_t *order = s->order.data;
    uint32_t *idom = s->idom.data;
    struct ha_in in = ha_graph_in(s->graph, (ha_obj){order[place]});
    uint32_t best = HA_NONE;
    for (uint64_t i = 0; i < in.count && best != 0; i++) {
        uint32_t from = number[ha_in_at(&in, i).i];
        if (from != NEW && from != place && idom[from] != HA_NONE) {
            best = best == HA_NONE ? from : common(s, best, from);
        }
    }
    if (best >= place) {
        best = 0; // only rows of a damaged index lead here from behind alone, or from nowhere
    }
    if (best == idom[place]) {
        return false;
    }
    idom[place] = best;
    return true;
}

/* false: too much work. */
static bool find_dominators(struct search *s)
{
    const uint32_t *idom = s->idom.data;
    uint64_t most = STEPS_LEAST + STEPS_PER_EDGE * (s->edges + s->count);
    bool changed = true;
    while (changed) {
        changed = false;
        for (uint32_t place = 1; place <= s->count; place++) {
            changed = (idom[place] != 0 && hang(s, place)) || changed;
            if (s->steps > most) {
                return false;
            }
        }
        s->steps += s->count;
    }
    return true;
}

/* ---- the first level ---- */

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

#define NAMES_READ_MAX 200000U /* texts that are compared with class names */

/* Whether a String is the name of a class: Class.name keeps it. */
static bool is_class_name(struct search *s, ha_obj obj)
{
    const struct ha_heap *heap = s->q->snapshot->heap;
    struct ha_sbuf text = {0};
    bool found = false;
    bool cut = false;
    if ((ha_heap_class(heap, ha_heap_class_of(heap, obj))->flags & HA_CLASS_IS_STRING) == 0 ||
        s->names_read == NAMES_READ_MAX) {
        return false;
    }
    s->names_read++;
    if (ha_heap_string(heap, &s->q->window, obj, s->longest, &text, &cut) && !cut) {
        char *mark = text.data == NULL ? NULL : strstr(text.data, "+0x");
        if (mark != NULL) {
            *mark = '/';
        }
        found = ha_idmap_get(&s->names, ha_hash(ha_sbuf_text(&text), text.len)) != HA_IDMAP_NONE;
    }
    ha_sbuf_deinit(&text);
    return found;
}

static struct ha_err *collect_names(struct search *s)
{
    const struct ha_heap *heap = s->q->snapshot->heap;
    for (uint32_t c = 0; c < heap->facts.class_count; c++) {
        const char *name = heap->classes[c].name;
        size_t len = strlen(name);
        s->longest = len > s->longest ? len : s->longest;
        if (!ha_idmap_add(&s->names, ha_hash(name, len), c, NULL)) {
            return ha_err_nomem();
        }
    }
    return NULL;
}

static enum ha_unreachable_kind kind_of(struct search *s, ha_obj obj, uint32_t version)
{
    struct ha_query *q = s->q;
    static const char *const class_data[] = {"java.lang.Class$",
                                             "java.lang.ClassValue$",
                                             "java.lang.reflect.",
                                             "jdk.internal.reflect.",
                                             "sun.reflect.",
                                             "java.lang.Module",
                                             "java.lang.invoke.",
                                             "java.lang.PublicMethods",
                                             "java.security.ProtectionDomain"};
    static const char *const virtual[] = {"java.lang.VirtualThread", "jdk.internal.vm.StackChunk",
                                          "jdk.internal.vm.Continuation"};
    const struct ha_heap *heap = q->snapshot->heap;
    const char *name = ha_heap_class(heap, ha_heap_class_of(heap, obj))->name;
    if (ha_fillers_has(q, &s->fillers, obj)) {
        return HA_UNREACHABLE_FILLERS;
    }
    for (size_t i = 0; i < sizeof class_data / sizeof *class_data; i++) {
        if (begins(name, class_data[i])) {
            return HA_UNREACHABLE_CLASS_DATA;
        }
    }
    for (size_t i = 0; i < sizeof virtual / sizeof *virtual; i++) {
        if (begins(name, virtual[i]) && version >= 19 && version <= 21) {
            return HA_UNREACHABLE_VIRTUAL;
        }
    }
    ha_obj referent;
    ha_cls cls;
    if (ha_heap_as_class(heap, obj, &cls) || is_class_name(s, obj)) {
        return HA_UNREACHABLE_CLASS_DATA;
    }
    if (strcmp(name, "java.lang.ref.SoftReference") == 0 &&
        ha_graph_referent(q->snapshot->graph, obj, &referent) &&
        begins(ha_heap_class(heap, ha_heap_class_of(heap, referent))->name, "java.lang.Class$")) {
        return HA_UNREACHABLE_CLASS_DATA; // Class.reflectionData
    }
    return HA_UNREACHABLE_GARBAGE;
}

static int compare_tops(const void *ctx, const void *a, const void *b)
{
    const struct ha_unreachable_top *x = a;
    const struct ha_unreachable_top *y = b;
    (void)ctx;
    if (x->bytes != y->bytes) {
        return x->bytes > y->bytes ? -1 : 1;
    }
    return (x->obj.i > y->obj.i) - (x->obj.i < y->obj.i);
}

/* Adds what hangs below each place to the place above, then offers the first level. */
static struct ha_err *rank_tops(struct search *s, uint64_t *sums, uint32_t *counts, uint64_t limit,
                                struct ha_unreachable *u)
{
    const uint32_t *idom = s->idom.data;
    const uint32_t *order = s->order.data;
    struct ha_jvm jvm;
    struct ha_rank rank;
    void *tops;
    HA_TRY(ha_jvm_query(s->q, 0, &jvm));
    HA_TRY(collect_names(s));
    ha_fillers_query(s->q, false, &s->fillers);
    ha_rank_init(&rank, sizeof *u->tops, limit, compare_tops, NULL);
    for (uint32_t place = s->count; place >= 1; place--) {
        ha_obj obj = {order[place]};
        sums[place] += ha_query_shallow(s->q, obj);
        counts[place]++;
        if (idom[place] != 0) {
            sums[idom[place]] += sums[place];
            counts[idom[place]] += counts[place];
            continue;
        }
        const struct ha_unreachable_top top = {obj, kind_of(s, obj, jvm.feature_version),
                                               sums[place], counts[place]};
        u->kinds[top.kind].objects += top.objects;
        u->kinds[top.kind].bytes += top.bytes;
        ha_rank_offer(&rank, &top);
    }
    struct ha_err *err = take_rank(s->q, &rank, sizeof *u->tops, &tops);
    if (err == NULL) {
        u->tops = tops;
        u->top_count = rank.count;
        u->tops_omitted = ha_rank_omitted(&rank);
        u->has_tops = true;
    }
    ha_rank_deinit(&rank);
    return err;
}

static struct ha_err *search_init(struct search *s)
{
    uint64_t objects = s->q->snapshot->heap->facts.object_count;
    HA_TRY(ha_big_init(&s->number, objects + 1, sizeof(uint32_t)));
    HA_TRY(ha_big_init(&s->order, (uint64_t)s->count + 1, sizeof(uint32_t)));
    HA_TRY(ha_big_init(&s->idom, (uint64_t)s->count + 1, sizeof(uint32_t)));
    memset(s->idom.data, 0xff, s->idom.bytes);
    *(uint32_t *)s->idom.data = 0;
    s->next = s->count;
    return NULL;
}

static struct ha_err *find_tops(struct search *s, uint64_t limit, struct ha_unreachable *u)
{
    struct ha_big sums = {0};
    struct ha_big counts = {0};
    HA_TRY(search_init(s));
    HA_TRY(put_in_order(s));
    if (!find_dominators(s)) {
        return NULL;
    }
    struct ha_err *err = ha_big_init(&sums, (uint64_t)s->count + 1, sizeof(uint64_t));
    err = err != NULL ? err : ha_big_init(&counts, (uint64_t)s->count + 1, sizeof(uint32_t));
    err = err != NULL ? err : rank_tops(s, sums.data, counts.data, limit, u);
    ha_big_deinit(&sums);
    ha_big_deinit(&counts);
    return err;
}

static uint32_t count_unreachable(const struct ha_query *q)
{
    uint32_t count = 0, dominator;
    struct ha_column_walk walk;
    ha_column_walk_begin(&q->snapshot->dom->idoms, &walk);
    while (ha_column_walk_next(&walk, &dominator)) {
        count += dominator == HA_NONE;
    }
    return count;
}

struct ha_err *ha_unreachable_query(struct ha_query *q, bool with_tops, uint64_t limit,
                                    struct ha_unreachable *ret)
{
    const struct ha_retained *retained = q->snapshot->retained;
    *ret = (struct ha_unreachable){0};
    if (retained == NULL) {
        return NULL;
    }
    ret->objects = retained->unreachable_objects;
    ret->bytes = retained->unreachable_bytes;
    HA_TRY(count_classes(q, limit, ret));
    if (!with_tops || ret->objects == 0) {
        return NULL;
    }
    struct search s = {.q = q, .graph = q->snapshot->graph, .count = count_unreachable(q)};
    struct ha_err *err = find_tops(&s, limit, ret);
    ha_big_deinit(&s.number);
    ha_big_deinit(&s.order);
    ha_big_deinit(&s.idom);
    ha_vec_deinit(&s.stack);
    ha_idmap_deinit(&s.names);
    return err;
}
