/* SPDX-License-Identifier: MIT */
/* See snapshot_check.h. The tree is walked once for a number on the way down (begin) and one on the way up (end): a dominates b if
   begin[a] <= begin[b] and end[b] <= end[a]. */
#include "support/engine/snapshot_check.h"
#include "support/support_mem.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct check {
    const struct ha_snapshot *s;
    uint32_t count;
    uint32_t *begin, *end, *stack; /* per object; begin 0: not in the tree */
    uint64_t *next;                /* per object: children walked so far */
    uint64_t *below;               /* per object: bytes retained by the children walked so far */
    uint64_t *in;                  /* per object: references to it seen in rows */
    struct snapshot_contradiction *ret;
};

HA_PRINTF(2, 3)
static bool wrong(struct check *c, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(c->ret->text, sizeof c->ret->text, fmt, args);
    va_end(args);
    return false;
}

/* ---- objects ---- */

static bool check_objects(struct check *c)
{
    const struct ha_heap *heap = c->s->heap;
    struct ha_heap_walk walk;
    ha_obj obj, found;
    ha_addr at, last = 0;
    uint32_t seen = 0;
    ha_heap_walk_begin(heap, &walk);
    while (ha_heap_walk_next(&walk, &obj, &at)) {
        if (obj.i >= c->count || (seen > 0 && at <= last)) {
            return wrong(c, "object %" PRIu32 " at 0x%" PRIx64 " after 0x%" PRIx64, obj.i, at, last);
        }
        if (!ha_heap_find(heap, at, &found) || !ha_obj_equal(found, obj) || ha_heap_address(heap, obj) != at) {
            return wrong(c, "object %" PRIu32 " is not found at its address 0x%" PRIx64, obj.i, at);
        }
        last = at;
        seen++;
    }
    return seen == c->count || wrong(c, "%" PRIu32 " objects of %" PRIu32 " were walked", seen, c->count);
}

/* ---- tree ---- */

static struct ha_children children_of(const struct check *c, uint32_t i)
{
    return i == c->count ? ha_dom_top(c->s->dom) : ha_dom_children(c->s->dom, (ha_obj){i});
}

/* Enters a child; false if it has been in the tree before. */
static bool enter(struct check *c, uint32_t child, uint32_t parent, uint32_t *depth, uint32_t *clock)
{
    ha_obj idom;
    bool under = ha_dom_of(c->s->dom, (ha_obj){child}, &idom);
    if (c->begin[child] != 0 || (under ? idom.i : c->count) != parent) {
        return wrong(c, "object %" PRIu32 " is a child of %" PRIu32 " and has another parent", child, parent);
    }
    c->begin[child] = ++*clock;
    c->stack[++*depth] = child;
    return true;
}

/* Leaves an object whose children are done. */
static bool leave(struct check *c, uint32_t i, uint32_t *depth, uint32_t clock)
{
    c->end[i] = clock;
    --*depth;
    if (i == c->count) {
        return true;
    }
    ha_obj obj = {i};
    uint64_t retained = ha_retained_of(c->s->retained, obj);
    if (retained != ha_sizes_of(c->s->sizes, obj) + c->below[i]) {
        return wrong(c, "object %" PRIu32 " retains %" PRIu64 " bytes, its children %" PRIu64, i, retained, c->below[i]);
    }
    c->below[c->stack[*depth]] += retained;
    return true;
}

static bool check_tree(struct check *c)
{
    uint32_t depth = 0, clock = 1;
    c->stack[0] = c->count;
    c->begin[c->count] = clock;
    for (bool done = false; !done;) {
        uint32_t i = c->stack[depth];
        struct ha_children children = children_of(c, i);
        bool ok;
        if (c->next[i] < children.count) {
            ok = enter(c, ha_children_at(&children, c->next[i]++).i, i, &depth, &clock);
        } else {
            done = i == c->count;
            ok = done || leave(c, i, &depth, clock);
        }
        if (!ok) {
            return false;
        }
    }
    c->end[c->count] = clock;
    if (c->below[c->count] != c->s->retained->reachable_bytes || clock - 1 != c->s->retained->reachable_objects) {
        return wrong(c, "the tree holds %" PRIu32 " objects of %" PRIu64 " bytes, the totals say %" PRIu64 " of %" PRIu64, clock - 1, c->below[c->count],
                     c->s->retained->reachable_objects, c->s->retained->reachable_bytes);
    }
    return true;
}

/* ---- references ---- */

static bool dominates(const struct check *c, uint32_t a, uint32_t b)
{
    return c->begin[a] <= c->begin[b] && c->end[b] <= c->end[a];
}

static bool check_reference(struct check *c, uint32_t source, uint32_t target)
{
    c->in[target]++;
    if (c->begin[source] == 0) {
        return true;
    }
    if (c->begin[target] == 0) {
        return wrong(c, "object %" PRIu32 " is reachable and refers to %" PRIu32 ", which is not", source, target);
    }
    ha_obj idom;
    uint32_t parent = ha_dom_of(c->s->dom, (ha_obj){target}, &idom) ? idom.i : c->count;
    return dominates(c, parent, source) || wrong(c, "object %" PRIu32 " refers to %" PRIu32 ", past its dominator %" PRIu32, source, target, parent);
}

static bool check_rows(struct check *c)
{
    const struct ha_graph *graph = c->s->graph;
    ha_obj target;
    uint64_t total = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        struct ha_out out = ha_graph_out(graph, (ha_obj){i});
        for (; ha_out_next(&out, &target); total++) {
            if (!check_reference(c, i, target.i)) {
                return false;
            }
        }
    }
    for (uint32_t i = 0; i < c->count; i++) {
        struct ha_in in = ha_graph_in(graph, (ha_obj){i});
        if (in.count != c->in[i]) {
            return wrong(c, "object %" PRIu32 " has %" PRIu64 " sources, but is %" PRIu64 " times in rows", i, in.count, c->in[i]);
        }
    }
    /* a single source that is the dominator is not stored: it is told by the tree */
    return graph->sources.count <= total || wrong(c, "%" PRIu64 " references in rows, %" PRIu64 " sources", total, graph->sources.count);
}

static bool check_reachable(struct check *c)
{
    const struct ha_heap *heap = c->s->heap;
    for (uint32_t i = 0; i < c->count; i++) {
        if (ha_dom_reachable(c->s->dom, (ha_obj){i}) != (c->begin[i] != 0)) {
            return wrong(c, "object %" PRIu32 " is reachable and not in the tree, or the reverse", i);
        }
        uint32_t class_object = ha_heap_class(heap, ha_heap_class_of(heap, (ha_obj){i}))->object.i;
        if (c->begin[i] != 0 && class_object < c->count && c->begin[class_object] == 0) {
            return wrong(c, "object %" PRIu32 " is reachable, its class %" PRIu32 " is not", i, class_object);
        }
    }
    for (uint64_t r = 0; r < heap->root_count; r++) {
        ha_obj obj = heap->roots[r].obj, idom;
        if (obj.i >= c->count || c->begin[obj.i] == 0 || ha_dom_of(c->s->dom, obj, &idom)) {
            return wrong(c, "root %" PRIu64 " is not directly under the root of the tree", r);
        }
    }
    return true;
}

/* ---- totals ---- */

static bool check_totals(struct check *c)
{
    const struct ha_retained *r = c->s->retained;
    uint64_t objects = 0, bytes = 0, all = 0, all_bytes = 0, top = 0, sum = 0;
    for (uint32_t k = 0; k < c->s->heap->facts.class_count; k++) {
        objects += r->classes[k].instances;
        bytes += r->classes[k].shallow_bytes;
        all += r->classes[k].all_instances;
        all_bytes += r->classes[k].all_shallow_bytes;
        top += r->classes[k].top_retained_bytes;
        if (r->classes[k].retained_bytes > r->reachable_bytes || r->classes[k].retained_bytes < r->classes[k].shallow_bytes) {
            return wrong(c, "class %" PRIu32 " retains %" PRIu64 " of %" PRIu64 " bytes", k, r->classes[k].retained_bytes, r->reachable_bytes);
        }
    }
    for (uint32_t i = 0; i < c->count; i++) {
        sum += ha_sizes_of(c->s->sizes, (ha_obj){i});
    }
    if (objects != r->reachable_objects || bytes != r->reachable_bytes || top != r->reachable_bytes) {
        return wrong(c, "the classes hold %" PRIu64 " reachable objects of %" PRIu64 " bytes, retained on top %" PRIu64, objects, bytes, top);
    }
    bool fits = all == c->count && all_bytes == sum && r->reachable_objects + r->unreachable_objects == all && r->reachable_bytes + r->unreachable_bytes == sum;
    return fits || wrong(c, "%" PRIu64 " objects of %" PRIu64 " bytes in classes, %" PRIu32 " of %" PRIu64 " in the heap", all, all_bytes, c->count, sum);
}

bool snapshot_fits(const struct ha_snapshot *snapshot, struct snapshot_contradiction *ret)
{
    uint32_t count = snapshot->heap->facts.object_count;
    size_t n = (size_t)count + 2; /* the root of the tree has the number `count` */
    struct check c = {.s = snapshot, .count = count, .ret = ret};
    c.begin = sup_calloc(n, sizeof *c.begin);
    c.end = sup_calloc(n, sizeof *c.end);
    c.stack = sup_calloc(n, sizeof *c.stack);
    c.next = sup_calloc(n, sizeof *c.next);
    c.below = sup_calloc(n, sizeof *c.below);
    c.in = sup_calloc(n, sizeof *c.in);
    bool ok = check_objects(&c) && check_tree(&c) && check_rows(&c) && check_reachable(&c) && check_totals(&c);
    free(c.begin);
    free(c.end);
    free(c.stack);
    free(c.next);
    free(c.below);
    free(c.in);
    return ok;
}
