/* SPDX-License-Identifier: MIT */
/*
 * See snapshot_compare.h. Nodes of the oracle and objects of the snapshot are matched by address.
 *
 * Classes that no record names by id (java.lang.Class or those of primitive arrays, when they are missing) are objects for the oracle, as for
 * MAT, and none for us: "phantoms". They hold no bytes, and what they refer to is left out of the comparison.
 */
#include "support/engine/snapshot_compare.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct compare {
    const struct ha_snapshot *s;
    const struct oracle *o;
    struct ha_window window;
    struct comparison *ret;
    uint32_t *node_of; /* per object */
    bool *phantom;     /* per node */
    uint32_t phantoms;
    uint32_t *in;      /* per object: inbound references counted from the rows */
    /* while edges are walked */
    uint32_t node, next_edge;
    uint64_t unordered, expected_unordered; /* sums of addresses */
    bool edges_agree;
};

static bool differ(struct compare *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Notes the first difference; returns false. */
static bool differ(struct compare *c, const char *fmt, ...)
{
    if (c->ret->difference[0] == '\0') {
        va_list args;
        va_start(args, fmt);
        vsnprintf(c->ret->difference, sizeof c->ret->difference, fmt, args);
        va_end(args);
    }
    return false;
}

static bool same(struct compare *c, const char *what, uint64_t id, uint64_t ours, uint64_t theirs)
{
    return ours == theirs || differ(c, "%s of 0x%" PRIx64 ": %" PRIu64 " (0x%" PRIx64 "), the oracle says %" PRIu64 " (0x%" PRIx64 ")", what,
                                    id, ours, ours, theirs, theirs);
}

/* The id of a node that may be none (or a phantom); 1 for the virtual root. */
static uint64_t id_of(const struct compare *c, uint32_t node)
{
    return node == ORACLE_NONE || (node < c->o->count && c->phantom[node]) ? 0 : node == ORACLE_ROOT ? 1 : c->o->nodes[node].id;
}

/* ---- who is there ---- */

static bool find_phantoms(struct compare *c)
{
    ha_obj found;
    for (uint32_t i = 0; i < c->o->count; i++) {
        const struct oracle_node *n = &c->o->nodes[i];
        if (!ha_heap_find(c->s->heap, n->id, &found)) {
            bool named = n->made_up && (strcmp(n->name, "java.lang.Class") == 0 || gen_name_is_array(n->name));
            if (!named) {
                return differ(c, "0x%" PRIx64 " is missing", n->id);
            }
            c->phantom[i] = true;
            c->phantoms++;
        }
    }
    return same(c, "objects", 0, c->s->heap->facts.object_count, c->o->count - c->phantoms);
}

static uint32_t skip_phantoms(const struct compare *c, uint32_t node)
{
    while (node < c->o->count && c->phantom[node]) {
        node++;
    }
    return node;
}

static bool match_objects(struct compare *c)
{
    const struct ha_heap *heap = c->s->heap;
    struct ha_heap_walk walk;
    ha_obj obj, found;
    ha_addr address;
    uint32_t next = skip_phantoms(c, 0);
    ha_heap_walk_begin(heap, &walk);
    while (ha_heap_walk_next(&walk, &obj, &address)) {
        if (next == c->o->count || !same(c, "address", next, address, c->o->nodes[next].id) || !ha_heap_find(heap, address, &found) ||
            !same(c, "number", address, obj.i, found.i) || !same(c, "address of number", obj.i, ha_heap_address(heap, obj), address)) {
            return differ(c, "0x%" PRIx64 " is one object too many, or cannot be found", address);
        }
        c->node_of[obj.i] = next;
        next = skip_phantoms(c, next + 1);
    }
    return same(c, "walked objects", 0, next, c->o->count);
}

static bool compare_class(struct compare *c, ha_obj obj, const struct oracle_node *n)
{
    const struct ha_heap *heap = c->s->heap;
    ha_cls cls;
    if (!same(c, "being a class", n->id, ha_heap_as_class(heap, obj, &cls), n->is_class) || !n->is_class) {
        return c->ret->difference[0] == '\0';
    }
    const struct ha_class *k = ha_heap_class(heap, cls);
    uint64_t super = ha_cls_is_none(k->super) ? 0 : ha_heap_class(heap, k->super)->address;
    uint64_t loader = ha_obj_is_none(k->loader) ? 0 : ha_heap_address(heap, k->loader);
    bool name = n->name[0] == '\0' || strcmp(k->name, n->name) == 0 || (n->def != NULL && n->def->no_load);
    if (!same(c, "super class", n->id, super, id_of(c, n->super)) || !same(c, "loader", n->id, loader, id_of(c, n->loader)) ||
        !same(c, "class object", n->id, k->object.i, obj.i)) {
        return false;
    }
    return name || differ(c, "name of 0x%" PRIx64 ": '%s', the oracle says '%s'", n->id, k->name, n->name);
}

static bool compare_totals(struct compare *c, const struct oracle_node *n)
{
    ha_obj obj;
    ha_cls cls;
    if (!n->is_class || !ha_heap_find(c->s->heap, n->id, &obj) || !ha_heap_as_class(c->s->heap, obj, &cls)) {
        return true;
    }
    const struct ha_class_total *t = &c->s->retained->classes[cls.i];
    uint64_t phantoms = 0, reachable_phantoms = 0;
    for (uint32_t i = 0; c->phantoms > 0 && i < c->o->count; i++) {
        bool counted = c->phantom[i] && &c->o->nodes[c->o->nodes[i].cls] == n;
        phantoms += counted;
        reachable_phantoms += counted && c->o->nodes[i].reachable;
    }
    return same(c, "instances", n->id, t->instances, n->totals.instances - reachable_phantoms) &&
           same(c, "shallow bytes of the class", n->id, t->shallow_bytes, n->totals.shallow) &&
           same(c, "retained bytes of the class", n->id, t->retained_bytes, n->totals.retained) &&
           same(c, "all instances", n->id, t->all_instances, n->totals.all_instances - phantoms) &&
           same(c, "all shallow bytes", n->id, t->all_shallow_bytes, n->totals.all_shallow);
}

/* ---- references ---- */

static void skip_phantom_edges(struct compare *c)
{
    while (c->next_edge < c->o->first[c->node + 1] && c->phantom[c->o->edges.data[c->next_edge].to]) {
        c->next_edge++;
    }
}

static bool on_edge(void *ctx, const struct ha_edge *edge)
{
    struct compare *c = ctx;
    const struct oracle *o = c->o;
    uint64_t target = ha_heap_address(c->s->heap, edge->target);
    skip_phantom_edges(c);
    if (c->next_edge == o->first[c->node + 1]) {
        c->edges_agree = differ(c, "0x%" PRIx64 " has one edge too many, to 0x%" PRIx64, o->nodes[c->node].id, target);
        return false;
    }
    const struct oracle_edge *e = &o->edges.data[c->next_edge++];
    if (edge->kind == HA_EDGE_LOCAL || edge->kind == HA_EDGE_DEFINES) { /* in the order of the records, which the model does not know */
        c->unordered += target;
        c->expected_unordered += o->nodes[e->to].id;
        return true;
    }
    c->edges_agree = same(c, "target of an edge", o->nodes[c->node].id, target, o->nodes[e->to].id) &&
                     (e->field == NULL || (edge->name != NULL && strcmp(edge->name, e->field) == 0) ||
                      differ(c, "an edge of 0x%" PRIx64 " has another name than '%s'", o->nodes[c->node].id, e->field));
    return c->edges_agree;
}

static bool compare_edges(struct compare *c, ha_obj obj, uint32_t node)
{
    c->node = node;
    c->next_edge = c->o->first[node];
    c->unordered = c->expected_unordered = 0;
    c->edges_agree = true;
    bool read = ha_graph_edges(c->s->graph, &c->window, obj, on_edge, c);
    if (!c->edges_agree) {
        return false;
    }
    if (!read) {
        return differ(c, "the record of 0x%" PRIx64 " cannot be read", c->o->nodes[node].id);
    }
    skip_phantom_edges(c);
    return same(c, "sum of the locals", c->o->nodes[node].id, c->unordered, c->expected_unordered) &&
           same(c, "number of edges", c->o->nodes[node].id, c->next_edge - c->o->first[node], c->o->first[node + 1] - c->o->first[node]);
}

static void count_inbound(struct compare *c)
{
    for (uint32_t i = 0; i < c->s->heap->facts.object_count; i++) {
        struct ha_out out = ha_graph_out(c->s->graph, (ha_obj){i});
        ha_obj target;
        while (ha_out_next(&out, &target)) {
            c->in[target.i]++;
        }
    }
}

/* The sources of an object ascend, are as many as the rows say, and each has it in its row. */
static bool compare_inbound(struct compare *c, ha_obj obj, uint64_t id)
{
    struct ha_in in = ha_graph_in(c->s->graph, obj);
    if (!same(c, "inbound references", id, in.count, c->in[obj.i])) {
        return false;
    }
    for (uint64_t i = 0; i < in.count; i++) {
        ha_obj source = ha_in_at(&in, i), target;
        struct ha_out out = ha_graph_out(c->s->graph, source);
        bool found = false;
        while (!found && ha_out_next(&out, &target)) {
            found = ha_obj_equal(target, obj);
        }
        if (!found || (i > 0 && ha_in_at(&in, i - 1).i > source.i)) {
            return differ(c, "source %" PRIu64 " of 0x%" PRIx64 " is wrong", i, id);
        }
    }
    return true;
}

/* ---- the tree ---- */

static bool compare_tree(struct compare *c, ha_obj obj, const struct oracle_node *n)
{
    const struct ha_snapshot *s = c->s;
    ha_obj idom;
    bool has = ha_dom_of(s->dom, obj, &idom);
    uint64_t ours = !ha_dom_reachable(s->dom, obj) ? 0 : has ? ha_heap_address(s->heap, idom) : 1;
    if (!same(c, "dominator", n->id, ours, id_of(c, n->idom)) || !same(c, "reachability", n->id, ours != 0, n->reachable)) {
        return false;
    }
    struct ha_children children = ha_dom_children(s->dom, obj);
    for (uint64_t i = 0; i < children.count; i++) {
        ha_obj child = ha_children_at(&children, i), above;
        if (!ha_dom_of(s->dom, child, &above) || !ha_obj_equal(above, obj) || (i > 0 && ha_children_at(&children, i - 1).i >= child.i)) {
            return differ(c, "child %" PRIu64 " of 0x%" PRIx64 " in the dominator tree is wrong", i, n->id);
        }
    }
    uint64_t expected = 0;
    uint32_t node = c->node_of[obj.i];
    for (uint32_t i = 0; i < c->o->count; i++) {
        expected += c->o->nodes[i].reachable && c->o->nodes[i].idom == node && !c->phantom[i];
    }
    return same(c, "children", n->id, children.count, expected) &&
           (!n->reachable || same(c, "retained size", n->id, ha_retained_of(s->retained, obj), n->retained));
}

static bool compare_object(struct compare *c, ha_obj obj)
{
    const struct ha_snapshot *s = c->s;
    uint32_t node = c->node_of[obj.i];
    const struct oracle_node *n = &c->o->nodes[node];
    uint64_t cls = ha_heap_class(s->heap, ha_heap_class_of(s->heap, obj))->address;
    uint32_t length = n->object == NULL || n->object->kind == GEN_INSTANCE ? 0 : n->object->count;
    return same(c, "class", n->id, cls, id_of(c, n->cls)) && compare_class(c, obj, n) &&
           same(c, "array length", n->id, ha_heap_array_length(s->heap, obj), length) &&
           same(c, "being a root", n->id, ha_heap_root_kinds(s->heap, obj) != 0, n->root) &&
           same(c, "shallow size", n->id, ha_sizes_of(s->sizes, obj), n->shallow) && compare_edges(c, obj, node) &&
           compare_inbound(c, obj, n->id) && compare_tree(c, obj, n) && compare_totals(c, n);
}

static bool compare_sums(struct compare *c)
{
    const struct ha_retained *r = c->s->retained;
    uint64_t all_bytes = 0, roots = 0, reachable_phantoms = 0;
    for (uint32_t i = 0; i < c->o->count; i++) {
        all_bytes += c->o->nodes[i].shallow;
        roots += c->o->nodes[i].root && !c->phantom[i];
        reachable_phantoms += c->o->nodes[i].reachable && c->phantom[i];
    }
    return same(c, "reference size", 0, c->s->sizes->reference_bytes, c->o->ref_bytes) &&
           same(c, "object alignment", 0, c->s->heap->facts.object_alignment, c->o->alignment) &&
           same(c, "reachable objects", 0, r->reachable_objects, c->o->reachable_count - reachable_phantoms) &&
           same(c, "reachable bytes", 0, r->reachable_bytes, c->o->reachable_bytes) &&
           same(c, "all objects", 0, r->unreachable_objects + r->reachable_objects, c->o->count - c->phantoms) &&
           same(c, "unreachable bytes", 0, r->unreachable_bytes, all_bytes - c->o->reachable_bytes) &&
           same(c, "root objects", 0, c->s->heap->root_count, roots);
}

bool snapshot_agrees(const struct ha_snapshot *snapshot, const struct oracle *oracle, struct comparison *ret)
{
    struct compare c = {.s = snapshot, .o = oracle, .ret = ret};
    ret->difference[0] = '\0';
    c.node_of = sup_calloc((size_t)oracle->count + 1, sizeof *c.node_of);
    c.phantom = sup_calloc((size_t)oracle->count + 1, sizeof *c.phantom);
    c.in = sup_calloc((size_t)oracle->count + 1, sizeof *c.in);
    ha_window_init(&c.window, snapshot->input, HA_WINDOW_RANDOM);
    bool agree = find_phantoms(&c) && match_objects(&c);
    if (agree) {
        count_inbound(&c);
    }
    agree = agree && compare_sums(&c);
    for (uint32_t i = 0; agree && i < snapshot->heap->facts.object_count; i++) {
        agree = compare_object(&c, (ha_obj){i});
    }
    ha_window_deinit(&c.window);
    sup_free(c.in);
    sup_free(c.phantom);
    sup_free(c.node_of);
    return agree;
}
