/* SPDX-License-Identifier: MIT */
/*
 * Reachability, dominators, retained sizes, paths and class totals.
 *
 * v dominates w if w can no longer be reached once v is taken out. So every v is taken out once, and what is lost is counted: that is its
 * retained size, and v is a dominator of each lost node. The dominators of w lie on one path, so the one with the fewest lost nodes is the
 * nearest: the immediate dominator.
 */
#include "oracle.h"

#include <string.h>

/* Marks what can be reached from the roots without passing through `without` and excluded edges; depths may be NULL. */
static void flood(const struct oracle *o, uint32_t without, unsigned exclude, bool *seen,
                  uint32_t *depths)
{
    uint32_t *queue = sup_calloc(o->count, sizeof *queue);
    uint32_t head = 0;
    uint32_t tail = 0;
    memset(seen, 0, o->count * sizeof *seen);
    for (uint32_t i = 0; i < o->count; i++) {
        if (o->nodes[i].root && i != without) {
            seen[i] = true;
            queue[tail++] = i;
        }
    }
    while (head < tail) {
        uint32_t from = queue[head++];
        for (uint32_t k = o->first[from]; k < o->first[from + 1]; k++) {
            const struct oracle_edge *e = &o->edges.data[k];
            if (e->to == without || seen[e->to] || (e->kind & exclude) != 0) {
                continue;
            }
            seen[e->to] = true;
            queue[tail++] = e->to;
            if (depths != NULL) {
                depths[e->to] = depths[from] + 1;
            }
        }
    }
    sup_free(queue);
}

static void compute_reachability(struct oracle *o)
{
    bool *seen = sup_calloc(o->count, sizeof *seen);
    flood(o, ORACLE_NONE, 0, seen, NULL);
    for (uint32_t i = 0; i < o->count; i++) {
        o->nodes[i].reachable = seen[i];
        o->nodes[i].idom = ORACLE_NONE;
        o->reachable_count += seen[i];
        o->reachable_bytes += seen[i] ? o->nodes[i].shallow : 0;
    }
    sup_free(seen);
}

static void compute_dominators(struct oracle *o)
{
    bool *seen = sup_calloc(o->count, sizeof *seen);
    uint32_t *fewest =
        sup_calloc(o->count, sizeof *fewest); /* lost nodes of the nearest dominator so far */
    for (uint32_t w = 0; w < o->count; w++) {
        if (o->nodes[w].reachable) {
            o->nodes[w].idom = ORACLE_ROOT;
            fewest[w] = ORACLE_NONE;
        }
    }
    for (uint32_t v = 0; v < o->count; v++) {
        if (!o->nodes[v].reachable) {
            continue;
        }
        flood(o, v, 0, seen, NULL);
        uint32_t lost = 0;
        for (uint32_t w = 0; w < o->count; w++) {
            if (o->nodes[w].reachable && !seen[w]) {
                lost++;
                o->nodes[v].retained += o->nodes[w].shallow;
            }
        }
        for (uint32_t w = 0; w < o->count; w++) {
            if (o->nodes[w].reachable && !seen[w] && w != v && lost < fewest[w]) {
                fewest[w] = lost;
                o->nodes[w].idom = v;
            }
        }
    }
    sup_free(fewest);
    sup_free(seen);
}

bool oracle_dominates(const struct oracle *o, uint32_t a, uint32_t b)
{
    while (b != a && b < o->count) {
        b = o->nodes[b].idom;
    }
    return b == a;
}

/* True if no dominator of node i has the same class. */
static bool is_top_of_class(const struct oracle *o, uint32_t i)
{
    for (uint32_t d = o->nodes[i].idom; d < o->count; d = o->nodes[d].idom) {
        if (o->nodes[d].cls == o->nodes[i].cls) {
            return false;
        }
    }
    return true;
}

static void compute_totals(struct oracle *o)
{
    for (uint32_t i = 0; i < o->count; i++) {
        const struct oracle_node *n = &o->nodes[i];
        if (n->cls == ORACLE_NONE) {
            continue; /* class id 0 in a damaged model */
        }
        struct oracle_totals *t = &o->nodes[n->cls].totals;
        t->all_instances++;
        t->all_shallow += n->shallow;
        if (n->reachable) {
            t->instances++;
            t->shallow += n->shallow;
            t->retained += is_top_of_class(o, i) ? n->retained : 0;
        }
    }
}

void oracle_depths(const struct oracle *o, unsigned exclude, uint32_t *ret)
{
    bool *seen = sup_calloc(o->count, sizeof *seen);
    memset(ret, 0, o->count * sizeof *ret);
    flood(o, ORACLE_NONE, exclude, seen, ret);
    for (uint32_t i = 0; i < o->count; i++) {
        if (!seen[i]) {
            ret[i] = ORACLE_NONE;
        }
    }
    sup_free(seen);
}

void oracle_weigh(struct oracle *o)
{
    o->reachable_count = 0;
    o->reachable_bytes = 0;
    for (uint32_t i = 0; i < o->count; i++) {
        o->nodes[i].retained = 0;
        o->nodes[i].totals = (struct oracle_totals){0};
    }
    compute_reachability(o);
    compute_dominators(o);
    compute_totals(o);
}

static struct oracle *create_fast(const struct gen_file *file, size_t heap, unsigned ref_bytes)
{
    struct oracle *o = sup_calloc(1, sizeof *o);
    o->file = file;
    o->heap = file->heaps.data[heap];
    o->id_size = file->options.out.id_size;
    o->ref_bytes = ref_bytes;
    oracle_build_graph(o);
    oracle_compute_sizes(o);
    compute_reachability(o);
    return o;
}

struct oracle *oracle_create_fast(const struct gen_file *file, size_t heap)
{
    return create_fast(file, heap, 0);
}

struct oracle *oracle_create(const struct gen_file *file, size_t heap)
{
    return oracle_create_as(file, heap, 0);
}

struct oracle *oracle_create_as(const struct gen_file *file, size_t heap, unsigned ref_bytes)
{
    struct oracle *o = create_fast(file, heap, ref_bytes);
    compute_dominators(o);
    compute_totals(o);
    return o;
}

void oracle_destroy(struct oracle *o)
{
    if (o == NULL) {
        return;
    }
    sup_free(o->nodes);
    sup_vec_free(&o->edges);
    sup_free(o->first);
    sup_map_free(&o->by_id);
    sup_free(o);
}

uint32_t oracle_find(const struct oracle *o, uint64_t id)
{
    return sup_map_get(&o->by_id, id);
}
