/* SPDX-License-Identifier: MIT */
/*
 * The dominator tree of the unreachable part, after Cooper, Harvey and Kennedy ("A simple, fast dominance algorithm"): objects in reverse post-order,
 * each hung below the nearest common ancestor of those that refer to it, until nothing changes.
 * Work is bounded: a part that needs more is told by class only.
 *
 *     number   per object of the heap: its place in reverse post-order; 0 for all others, so that pages without unreachable objects stay untouched
 *     order    place -> object; place 0 is the artificial root. Places are given from the end; what lies before them is the stack of the search
 *     idom     place -> place, smaller than its own. While searching: how many targets the object on the stack has been through, for those so deep
 *              that their rows are not at hand
 *     marks    a bit per place: while searching, it hangs on the root; then, something behind it refers to it
 */
#include "query/q_unreachable.h"

#include <string.h>

#include "ha/base/hash.h"
#include "ha/base/idmap.h"
#include "ha/base/mem.h"
#include "ha/query/q_jvm.h"

#define STEPS_PER_EDGE 64U /* of all climbs together, before the search is given up */
#define STEPS_LEAST (UINT64_C(1) << 24)

struct search {
    struct ha_query *q;
    const struct ha_graph *graph;
    const uint32_t *objects; /* unreachable ones, ascending */
    uint32_t count;
    uint32_t next;        /* place for the next object that is done; places go down */
    struct ha_big number; /* uint32_t per object of the heap */
    struct ha_big order;  /* uint32_t per place */
    struct ha_big idom;
    struct ha_big marks;
    uint64_t edges, steps;
    struct ha_idmap names; /* hash of a class's name -> class */
    size_t longest; /* of them, in bytes */
    uint32_t names_read;
    struct ha_fillers fillers;
    uint8_t *class_kinds;  /* per class, enum class_kind */
};

/* ---- reverse post-order ---- */

#define NEW 0U       /* in `number`: not visited; place 0 is the root's */
#define OPEN HA_NONE /* visited, not done */

static bool is_unreachable(const struct search *s, ha_obj obj)
{
    return !ha_query_reachable(s->q, obj);
}

static void mark_set(struct search *s, uint32_t place)
{
    ((uint8_t *)s->marks.data)[place >> 3] |= (uint8_t)(1U << (place & 7));
}

static bool mark_get(const struct search *s, uint32_t place)
{
    return (((const uint8_t *)s->marks.data)[place >> 3] >> (place & 7) & 1) != 0;
}

/* The row of the object on top of the stack. */
struct row {
    uint64_t first;
    struct ha_out out;
};

static struct row row_open(const struct search *s, uint32_t obj)
{
    struct ha_out out = ha_graph_out(s->graph, (ha_obj){obj});
    return (struct row){out.next, out};
}

#define ROW_DONE UINT32_MAX
#define ROWS_AT_HAND 64U /* of the stack's top; what lies deeper is opened again */

static uint32_t row_tell(const struct row *row)
{
    uint64_t at = row->out.next == row->out.end ? ROW_DONE : row->out.next - row->first;
    return at < ROW_DONE ? (uint32_t)at : ROW_DONE;
}

static void row_seek(struct row *row, uint32_t at)
{
    bool more = at < row->out.end - row->out.next;
    row->out.next = more ? row->out.next + at : row->out.end;
}

/* The stack: objects in `order`, rows of the topmost in a ring, of the others where they are in `idom`. */
struct stack {
    uint32_t *objects, *been_through;
    uint32_t depth;
    struct row rows[ROWS_AT_HAND]; /* row of level d: d % ROWS_AT_HAND */
    uint32_t level[ROWS_AT_HAND];
};

static struct row *stack_push(struct search *s, struct stack *stack, uint32_t obj)
{
    if (stack->depth > 0) {
        stack->been_through[stack->depth] = row_tell(&stack->rows[stack->depth % ROWS_AT_HAND]);
    }
    uint32_t depth = ++stack->depth;
    stack->objects[depth] = obj;
    stack->level[depth % ROWS_AT_HAND] = depth;
    stack->rows[depth % ROWS_AT_HAND] = row_open(s, obj);
    return &stack->rows[depth % ROWS_AT_HAND];
}

/* The row of what is the top now; NULL: none is left. */
static struct row *stack_pop(const struct search *s, struct stack *stack)
{
    uint32_t depth = --stack->depth;
    struct row *row = &stack->rows[depth % ROWS_AT_HAND];
    if (depth > 0 && stack->level[depth % ROWS_AT_HAND] != depth) {
        stack->level[depth % ROWS_AT_HAND] = depth;
        *row = row_open(s, stack->objects[depth]);
        row_seek(row, stack->been_through[depth]);
    }
    return depth > 0 ? row : NULL;
}

static void finish(struct search *s, uint32_t obj)
{
    ((uint32_t *)s->order.data)[s->next] = obj;
    ((uint32_t *)s->number.data)[obj] = s->next--;
}

/* Everything that `start` leads to, depth first. Those on the stack and those that are done never are more than there are. */
static void visit(struct search *s, uint32_t start)
{
    const uint32_t branches = s->q->snapshot->heap->facts.branch_count;
    uint32_t *number = s->number.data;
    struct stack stack;
    stack.objects = s->order.data;
    stack.been_through = s->idom.data;
    stack.depth = 0;
    struct row *row = stack_push(s, &stack, start);
    number[start] = OPEN;
    while (row != NULL) {
        ha_obj target;
        if (!ha_out_next(&row->out, &target)) {
            uint32_t done = stack.objects[stack.depth];
            row = stack_pop(s, &stack);
            finish(s, done);
        } else if (is_unreachable(s, target)) {
            s->edges++;
            if (number[target.i] == NEW && target.i >= branches) {
                finish(s, target.i);
            } else if (number[target.i] == NEW) {
                number[target.i] = OPEN;
                row = stack_push(s, &stack, target.i);
            }
        }
    }
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
static void put_in_order(struct search *s)
{
    const uint32_t *number = s->number.data;
    for (int circles = 0; circles < 2; circles++) {
        for (uint32_t i = 0; i < s->count && s->next > 0; i++) {
            ha_obj obj = {s->objects[i]};
            if (number[obj.i] == NEW && (circles != 0 || is_start(s, obj))) {
                visit(s, obj.i);
                mark_set(s, number[obj.i]);
            }
        }
    }
    uint32_t *idom = s->idom.data;
    for (uint32_t place = 0; place <= s->count; place++) {
        idom[place] = place == 0 || mark_get(s, place) ? 0 : HA_NONE;
    }
    memset(s->marks.data, 0, s->marks.bytes);
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
        if (from > place) {
            mark_set(s, place);
        }
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

enum sweep_result {
    SWEEP_SAME,
    SWEEP_CHANGED,
    SWEEP_TOO_MUCH
};

#define AHEAD 16U /* places whose inbound lists are being fetched */

/* Hangs all places, or those that something behind them refers to. */
static enum sweep_result sweep(struct search *s, bool all)
{
    const uint32_t *idom = s->idom.data, *order = s->order.data;
    const uint64_t most = STEPS_LEAST + STEPS_PER_EDGE * (s->edges + s->count);
    bool changed = false;
    for (uint32_t place = 1; place <= s->count; place++) {
        if (all && s->count - place > AHEAD) {
            ha_starts_prefetch(&s->graph->in, order[place + AHEAD]);
        }
        if (idom[place] != 0 && (all || mark_get(s, place))) {
            changed = hang(s, place) || changed;
        }
        if (s->steps > most) {
            return SWEEP_TOO_MUCH;
        }
    }
    s->steps += s->count;
    return changed ? SWEEP_CHANGED : SWEEP_SAME;
}

/* When those that something behind them refers to stay where they are, so do all others: they were hung by what is before them. false: too much work. */
static bool find_dominators(struct search *s)
{
    enum sweep_result result = SWEEP_CHANGED;
    while (result == SWEEP_CHANGED) {
        result = sweep(s, true);
        if (result == SWEEP_CHANGED) {
            result = sweep(s, false);
        }
    }
    return result != SWEEP_TOO_MUCH;
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
    if (s->names_read == NAMES_READ_MAX) {
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

/* What the class alone tells of a top. */
enum class_kind {
    CLASS_NOT_SEEN,
    CLASS_PLAIN,
    CLASS_DATA,
    CLASS_VIRTUAL,
    CLASS_STRING,
    CLASS_SOFT_REFERENCE
};

static enum class_kind look_at_class(const struct ha_class *cls, uint32_t version)
{
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
    for (size_t i = 0; i < sizeof class_data / sizeof *class_data; i++) {
        if (begins(cls->name, class_data[i])) {
            return CLASS_DATA;
        }
    }
    for (size_t i = 0; i < sizeof virtual / sizeof *virtual; i++) {
        if (begins(cls->name, virtual[i]) && version >= 19 && version <= 21) {
            return CLASS_VIRTUAL;
        }
    }
    if (strcmp(cls->name, "java.lang.ref.SoftReference") == 0) {
        return CLASS_SOFT_REFERENCE;
    }
    return (cls->flags & HA_CLASS_IS_STRING) != 0 ? CLASS_STRING : CLASS_PLAIN;
}

static enum class_kind class_kind_of(struct search *s, ha_cls cls, uint32_t version)
{
    if (s->class_kinds[cls.i] == CLASS_NOT_SEEN) {
        s->class_kinds[cls.i] = (uint8_t)look_at_class(ha_heap_class(s->q->snapshot->heap, cls), version);
    }
    return (enum class_kind)s->class_kinds[cls.i];
}

/* Class.reflectionData */
static bool is_reflection_data(const struct search *s, ha_obj reference)
{
    const struct ha_heap *heap = s->q->snapshot->heap;
    ha_obj referent;
    return ha_graph_referent(s->graph, reference, &referent) &&
           begins(ha_heap_class(heap, ha_heap_class_of(heap, referent))->name, "java.lang.Class$");
}

static enum ha_unreachable_kind kind_of(struct search *s, ha_obj obj, uint32_t version)
{
    const struct ha_heap *heap = s->q->snapshot->heap;
    const enum class_kind kind = class_kind_of(s, ha_heap_class_of(heap, obj), version);
    ha_cls cls;
    if (ha_fillers_has(s->q, &s->fillers, obj)) {
        return HA_UNREACHABLE_FILLERS;
    }
    if (kind == CLASS_VIRTUAL) {
        return HA_UNREACHABLE_VIRTUAL;
    }
    bool class_data = kind == CLASS_DATA || ha_heap_as_class(heap, obj, &cls) || (kind == CLASS_STRING && is_class_name(s, obj)) ||
                      (kind == CLASS_SOFT_REFERENCE && is_reflection_data(s, obj));
    return class_data ? HA_UNREACHABLE_CLASS_DATA : HA_UNREACHABLE_GARBAGE;
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
    ha_fillers_query(s->q, &s->fillers);
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
    struct ha_err *err = unreachable_rank_take(s->q, &rank, sizeof *u->tops, &tops);
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
    HA_TRY(ha_big_init_raw(&s->order, (uint64_t)s->count + 1, sizeof(uint32_t)));
    HA_TRY(ha_big_init_raw(&s->idom, (uint64_t)s->count + 1, sizeof(uint32_t)));
    HA_TRY(ha_big_init(&s->marks, (uint64_t)s->count / 8 + 1, 1));
    s->class_kinds = ha_calloc_array((size_t)s->q->snapshot->heap->facts.class_count + 1, 1);
    s->next = s->count;
    return s->class_kinds == NULL ? ha_err_nomem() : NULL;
}

static struct ha_err *search_run(struct search *s, uint64_t limit, struct ha_unreachable *u)
{
    struct ha_big sums = {0};
    struct ha_big counts = {0};
    HA_TRY(search_init(s));
    put_in_order(s);
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

struct ha_err *unreachable_tops_find(struct ha_query *q, const struct unreachable_list *list, uint64_t limit, struct ha_unreachable *u)
{
    struct search s = {.q = q, .graph = q->snapshot->graph, .objects = list->objects, .count = list->count};
    struct ha_err *err = search_run(&s, limit, u);
    ha_big_deinit(&s.number);
    ha_big_deinit(&s.order);
    ha_big_deinit(&s.idom);
    ha_big_deinit(&s.marks);
    ha_idmap_deinit(&s.names);
    ha_free(s.class_kinds);
    return err;
}
