/* SPDX-License-Identifier: MIT */
/*
 * Instances and shallow bytes are in the totals of classes, and so is what one class retains. For more, the topmost members are looked for from the top
 * of the dominator tree: they are often near it, and then a short walk finds them all. When that becomes long, they are looked for from below: each member
 * asks those above it whether one of them is a member too, up to the first who knows.
 *
 *     root ── A ── b ── c ── B      b, c: no members. B asks c, b, A: nested. What was found out is noted at c and b,
 *                       └─── d ── E so that E asks d and c alone: nested
 *
 * No worker asks twice by way of the same object, so that takes no longer than the heap is large, whatever its shape, and mostly a few steps per member.
 * Memory: two bits per object, and 4 bytes per member where the index lists the few there are.
 */
#include "ha/query/q_class_set.h"

#include "ha/base/pool.h"
#include "ha/heap/heap_instances.h"
#include "ha/query/q_instances.h"
#include "query/q_tree.h"

#define SHORT 100000U     /* objects of a short walk */
#define SHORT_DEPTH 1000U /* levels of it */
#define BATCH (1U << 18)  /* objects that a worker takes at a time */
#define CHUNK 4096U       /* objects among which members are found before they are looked at */
#define AHEAD 16U         /* members */
#define WORKERS_MAX 64U
#define LISTED_SHARE 256U /* of all objects: more members are quicker found by all workers */

/* ---- from the top ---- */

struct level {
    struct ha_children objects;
    uint64_t next;
};

/* Sums up the topmost members; false: that would take long. */
static bool walk_short(const struct ha_query *q, const bool *members, struct level *levels, uint64_t *ret_bytes)
{
    const struct ha_heap *heap = q->snapshot->heap;
    uint32_t looked = 0, depth = 1;
    levels[0] = (struct level){ha_dom_top(q->snapshot->dom), 0};
    *ret_bytes = 0;
    while (depth > 0) {
        struct level *level = &levels[depth - 1];
        if (level->next == level->objects.count) {
            depth--;
            continue;
        }
        ha_obj obj = ha_children_at(&level->objects, level->next++);
        if (looked++ == SHORT) {
            return false;
        }
        if (members[ha_heap_class_of(heap, obj).i]) {
            *ret_bytes += ha_query_retained(q, obj);
            continue;
        }
        struct ha_children below = ha_tree_children(q, obj);
        if (below.count > 0 && depth == SHORT_DEPTH) {
            return false;
        }
        if (below.count > 0) {
            levels[depth++] = (struct level){below, 0};
        }
    }
    return true;
}

/* ---- from below ---- */

/* What an object knows, in two bits. */
enum { UNKNOWN, TOPMOST, NESTED, KNOWLEDGE_BITS = 2, PER_WORD = 32 };

struct climb {
    struct ha_query *q;
    struct ha_instances members;
    uint64_t *known; /* KNOWLEDGE_BITS per object */
    uint64_t bytes[WORKERS_MAX]; /* of the topmost members that each worker found */
};

static unsigned known_of(const struct climb *c, uint32_t obj)
{
    return __atomic_load_n(&c->known[obj / PER_WORD], __ATOMIC_RELAXED) >> obj % PER_WORD * KNOWLEDGE_BITS & 3U;
}

static void note(const struct climb *c, uint32_t obj, unsigned knowledge)
{
    __atomic_fetch_or(&c->known[obj / PER_WORD], (uint64_t)knowledge << obj % PER_WORD * KNOWLEDGE_BITS, __ATOMIC_RELAXED);
}

/* Whether what is below `first` has a member above it. */
static struct ha_err *ask(const struct climb *c, uint32_t first, bool *ret_nested)
{
    const struct ha_dom *dom = c->q->snapshot->dom;
    const uint32_t objects = dom->heap->facts.object_count;
    unsigned knowledge = UNKNOWN;
    uint32_t at = first, steps = 0;
    while (knowledge == UNKNOWN) {
        if (at == HA_DOM_ROOT) {
            knowledge = TOPMOST;
        } else if (at >= objects || steps == objects) {
            return ha_tree_damaged();
        } else if (ha_instances_mark_of(&c->members, ha_heap_class_of(dom->heap, (ha_obj){at})) != 0) {
            knowledge = NESTED;
        } else if ((knowledge = known_of(c, at)) == UNKNOWN) {
            at = ha_dom_idom(dom, (ha_obj){at});
            steps++;
        }
    }
    for (uint32_t below = first; below != at; below = ha_dom_idom(dom, (ha_obj){below})) {
        note(c, below, knowledge);
    }
    *ret_nested = knowledge == NESTED;
    return NULL;
}

static void ask_ahead(const struct climb *c, uint32_t member)
{
    const struct ha_dom *dom = c->q->snapshot->dom;
    uint32_t above = ha_dom_idom(dom, (ha_obj){member});
    if (above < dom->heap->facts.object_count) {
        ha_heap_class_prefetch(dom->heap, (ha_obj){above});
        __builtin_prefetch(&c->known[above / PER_WORD]);
    }
}

/* Adds what a member retains if it is topmost. */
static inline struct ha_err *member_add(const struct climb *c, ha_obj member, uint64_t *bytes)
{
    const uint32_t above = ha_dom_idom(c->q->snapshot->dom, member);
    bool nested = true; /* what is not reachable does not count */
    if (above != HA_NONE) {
        HA_TRY(ask(c, above, &nested));
    }
    *bytes += nested ? 0 : ha_query_retained(c->q, member);
    return NULL;
}

static struct ha_err *climb_batch(void *ctx, unsigned worker, uint64_t index)
{
    struct climb *c = ctx;
    const uint64_t first = index * BATCH, all = c->q->snapshot->heap->facts.object_count, end = all - first < BATCH ? all : first + BATCH;
    uint32_t members[CHUNK];
    uint64_t bytes = 0; /* of its own: workers' sums lie side by side */
    for (uint64_t from = first; from < end; from += CHUNK) {
        uint32_t count = ha_instances_among(&c->members, (uint32_t)from, (uint32_t)(end - from < CHUNK ? end - from : CHUNK), members);
        for (uint32_t i = 0; i < count; i++) {
            ask_ahead(c, members[i + AHEAD < count ? i + AHEAD : i]);
            HA_TRY(member_add(c, (ha_obj){members[i]}, &bytes));
        }
    }
    c->bytes[worker] += bytes;
    return NULL;
}

/* Whether the index lists the instances of all members, which it does for classes that have few, and these are few together. */
static bool are_listed(const struct climb *c)
{
    const struct ha_heap *heap = c->q->snapshot->heap;
    uint64_t left = heap->facts.object_count / LISTED_SHARE;
    bool all = true;
    for (uint32_t i = 0; i < heap->facts.class_count && all; i++) {
        struct ha_instances_kept kept = {0};
        all = c->members.marks[i] == 0 || (ha_heap_instances(heap, (ha_cls){i}, &kept) && kept.count <= left);
        left -= all ? kept.count : 0;
    }
    return all;
}

static struct ha_err *add_listed(void *ctx, ha_obj obj, uint8_t mark)
{
    struct climb *c = ctx;
    (void)mark;
    return member_add(c, obj, &c->bytes[0]);
}

static struct ha_err *climb_all(struct climb *c, unsigned workers)
{
    const uint64_t objects = c->q->snapshot->heap->facts.object_count;
    struct ha_big known = {0};
    HA_TRY(ha_big_init(&known, objects / PER_WORD + 1, sizeof *c->known));
    c->known = known.data;
    struct ha_err *err =
        are_listed(c) ? ha_instances_each(&c->members, add_listed, c) : ha_parallel_for(workers, (objects + BATCH - 1) / BATCH, climb_batch, c);
    ha_big_deinit(&known);
    return err;
}

static struct ha_err *walk_up(struct ha_query *q, const bool *members, uint64_t *ret_bytes)
{
    const unsigned threads = q->snapshot->threads < 1 ? 1 : q->snapshot->threads, workers = threads < WORKERS_MAX ? threads : WORKERS_MAX;
    struct climb c = {.q = q};
    HA_TRY(ha_instances_init(&c.members, q));
    for (uint32_t i = 0; i < q->snapshot->heap->facts.class_count; i++) {
        c.members.marks[i] = members[i];
    }
    struct ha_err *err = climb_all(&c, workers);
    *ret_bytes = 0;
    for (unsigned w = 0; w < workers; w++) {
        *ret_bytes += c.bytes[w];
    }
    ha_instances_deinit(&c.members);
    return err;
}

/* ---- either ---- */

static struct ha_err *retained_together(struct ha_query *q, const bool *members, uint64_t *ret_bytes)
{
    HA_FREE struct level *levels = ha_alloc_array(SHORT_DEPTH, sizeof *levels);
    if (levels == NULL) {
        return ha_err_nomem();
    }
    return walk_short(q, members, levels, ret_bytes) ? NULL : walk_up(q, members, ret_bytes);
}

struct ha_err *ha_class_set_query(struct ha_query *q, const bool *members, struct ha_class_set_sums *ret)
{
    const struct ha_class_total *totals = q->snapshot->retained->classes;
    uint32_t populated = 0;
    *ret = (struct ha_class_set_sums){0};
    for (uint32_t i = 0; i < q->snapshot->heap->facts.class_count; i++) {
        if (members[i]) {
            ret->classes++;
            populated += totals[i].instances > 0;
            ret->instances += totals[i].instances;
            ret->shallow_bytes += totals[i].shallow_bytes;
            ret->retained_bytes += totals[i].retained_bytes;
        }
    }
    return populated < 2 ? NULL : retained_together(q, members, &ret->retained_bytes);
}
