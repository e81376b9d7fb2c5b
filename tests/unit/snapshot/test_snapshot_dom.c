/* SPDX-License-Identifier: MIT */
/*
 * Dominators of large graphs of hard shapes, whose answers are known by construction: they must come in seconds and without deep recursion.
 */
#include "ha/base/bytes.h"
#include "snapshot/snapshot_fixture.h"
#include "support/rng.h"
#include "support/support_mem.h"

#define BASE 0x100000000ULL
#define STEP 0x20U

static struct fixture x;

/* A dump of `count` instances of Node with two references each, asked of `edge`. The first is a root. Written with the low-level writer. */
static void open_graph(uint32_t count, uint64_t (*edge)(uint32_t count, uint32_t i, int field), unsigned threads)
{
    struct gen_file file;
    struct gen_error error;
    memset(&x, 0, sizeof x);
    temp_dir_init(&x.dir);
    gen_file_init(&file);
    ck_assert(gen_parse(&file, "graph",
                        "class java.lang.Object @0x10 super none\nclass java.lang.Class @0x18\nclass Node @0x20 fields ref a, ref b\n"
                        "root sticky @0x10\nroot sticky @0x18\nroot sticky @0x20\nroot jni-global @0x100000000\n",
                        &error));
    for (uint32_t i = 0; i < count; i++) {
        struct gen_object *o = gen_instance_add(&file, BASE + (uint64_t)STEP * i, 0x20);
        o->values[0] = edge(count, i, 0);
        o->values[1] = edge(count, i, 1);
    }
    ck_assert(gen_file_resolve(&file, &error));
    ck_assert_ptr_null(gen_file_write(&file, temp_path(&x.dir, "graph.hprof", x.dump)));
    gen_file_deinit(&file);
    fixture_open(&x, &(struct ha_snapshot_options){.no_index = true, .size_model = HA_SIZES_MAT, .threads = threads});
}

static uint64_t node(uint32_t i)
{
    return BASE + (uint64_t)STEP * i;
}

static uint64_t chain(uint32_t count, uint32_t i, int field)
{
    return field == 0 ? (i + 1 < count ? node(i + 1) : 0) : i > 0 ? node(i - 1) : 0;
}

START_TEST(test_doubly_linked_list)
{
    enum { COUNT = 1000000 };
    open_graph(COUNT, chain, 2);
    uint64_t size = ha_sizes_of(x.s->sizes, at(&x, BASE));
    ck_assert_uint_eq(idom_at(&x, BASE), 1);
    for (uint32_t i = 1; i < COUNT; i += 997) {
        ck_assert_uint_eq(idom_at(&x, node(i)), node(i - 1));
        ck_assert_uint_eq(ha_retained_of(x.s->retained, at(&x, node(i))), size * (COUNT - i));
    }
    ha_cls cls = ha_heap_class_of(x.s->heap, at(&x, BASE));
    ck_assert_uint_eq(x.s->retained->classes[cls.i].retained_bytes, size * COUNT);
    ck_assert(ha_dom_dominates(x.s->dom, at(&x, node(1)), at(&x, node(COUNT - 1))));
    ck_assert(!ha_dom_dominates(x.s->dom, at(&x, node(COUNT - 1)), at(&x, node(1))));
    fixture_deinit(&x);
}
END_TEST

/* A chain in which every node refers to one of ten shared ones at its end: they hang under the node that first reaches two of them. */
static uint64_t shared(uint32_t count, uint32_t i, int field)
{
    uint32_t tail = count - 10;
    if (i >= tail) {
        return 0;
    }
    return field == 0 ? (i + 1 < tail ? node(i + 1) : 0) : node(tail + i % 10);
}

START_TEST(test_shared_leaves)
{
    enum { COUNT = 500000 };
    open_graph(COUNT, shared, 2);
    for (uint32_t k = 0; k < 10; k++) {
        ck_assert_uint_eq(idom_at(&x, node(COUNT - 10 + k)), node(k));
    }
    ck_assert_uint_eq(idom_at(&x, node(COUNT / 2)), node(COUNT / 2 - 1));
    fixture_deinit(&x);
}
END_TEST

static uint64_t ladder(uint32_t count, uint32_t i, int field)
{
    return field == 0 ? (i + 1 < count ? node(i + 1) : 0) : i + 2 < count ? node(i + 2) : 0;
}

/* Every node can be passed by, so all but the first two are dominated by the first. */
START_TEST(test_ladder)
{
    enum { COUNT = 300000 };
    open_graph(COUNT, ladder, 2);
    for (uint32_t i = 1; i < COUNT; i += 101) {
        ck_assert_uint_eq(idom_at(&x, node(i)), BASE);
    }
    struct ha_children children = ha_dom_children(x.s->dom, at(&x, BASE));
    ck_assert_uint_eq(children.count, COUNT - 1);
    fixture_deinit(&x);
}
END_TEST

static uint64_t tree(uint32_t count, uint32_t i, int field)
{
    uint64_t child = 2 * (uint64_t)i + 1 + (uint64_t)field;
    return child < count ? node((uint32_t)child) : 0;
}

/* Children of every node: borders of the blocks of 16 among them. */
START_TEST(test_tree)
{
    enum { COUNT = 5000 };
    open_graph(COUNT, tree, 1);
    for (uint32_t i = 0; i < COUNT; i++) {
        struct ha_children children = ha_dom_children(x.s->dom, at(&x, node(i)));
        uint32_t expected = 2 * i + 2 < COUNT ? 2 : 2 * i + 1 < COUNT ? 1 : 0;
        ck_assert_uint_eq(children.count, expected);
        for (uint32_t k = 0; k < expected; k++) {
            ck_assert_uint_eq(ha_heap_address(x.s->heap, ha_children_at(&children, k)), node(2 * i + 1 + k));
        }
    }
    struct ha_children top = ha_dom_top(x.s->dom);
    ck_assert_uint_eq(top.count, 4); /* three classes and the first node */
    fixture_deinit(&x);
}
END_TEST

static uint64_t star(uint32_t count, uint32_t i, int field)
{
    return field == 1 ? node(0) : i == 0 ? node(count - 1) : node(i - 1 > 0 ? i - 1 : 0);
}

/* All refer to the first; the chain runs from the last to it. */
START_TEST(test_star)
{
    enum { COUNT = 300000 };
    open_graph(COUNT, star, 2);
    ck_assert_uint_eq(idom_at(&x, node(COUNT - 1)), BASE);
    ck_assert_uint_eq(idom_at(&x, node(1)), node(2));
    struct ha_in in = ha_graph_in(x.s->graph, at(&x, BASE));
    ck_assert_uint_eq(in.count, COUNT + 1); /* node 1 twice: its next is the first too */
    fixture_deinit(&x);
}
END_TEST

/* Regions whose nodes refer to any of the same, entered through their first; now and then a node refers to any of all. Searched depth first, such
   a graph has long paths, and nodes that are referred to from far behind them. */
#define REGION 40000U

static uint64_t tangle(uint32_t count, uint32_t i, int field)
{
    struct rng rng = rng_seed(2 * (uint64_t)i + (uint64_t)field + 1);
    const uint32_t region = i / REGION * REGION;
    if (i == region && field == 0) {
        return region + REGION < count ? node(region + REGION) : 0;
    }
    return node(i % 971 == 0 ? (uint32_t)rng_below(&rng, count) : region + (uint32_t)rng_below(&rng, REGION));
}

#define TANGLE (6 * REGION)
#define OUTSIDE TANGLE /* no node */

/* Post-order numbers of a depth-first search from the first node; 0: not reached. Returns how many there are; order[]: nodes by number. */
static uint32_t number_tangle(const uint32_t (*edges)[2], uint32_t *number, uint32_t *order)
{
    uint32_t *stack = sup_calloc(TANGLE, sizeof *stack), count = 0, depth = 0;
    uint8_t *taken = sup_calloc(TANGLE, 1); /* edges, and one for having been seen */
    stack[depth++] = 0;
    taken[0] = 1;
    while (depth > 0) {
        const uint32_t i = stack[depth - 1];
        if (taken[i] == 3) {
            number[i] = ++count;
            order[count] = i;
            depth--;
            continue;
        }
        const uint32_t to = edges[i][taken[i]++ - 1];
        if (to != OUTSIDE && taken[to] == 0) {
            taken[to] = 1;
            stack[depth++] = to;
        }
    }
    sup_free(stack);
    sup_free(taken);
    return count;
}

/* Cooper, Harvey, Kennedy: A Simple, Fast Dominance Algorithm (2001), for the edges instead of the predecessors. Returns idoms by node. */
static uint32_t *naive_idoms(const uint32_t (*edges)[2])
{
    uint32_t *number = sup_calloc(TANGLE + 1, sizeof *number), *order = sup_calloc(TANGLE + 1, sizeof *order);
    uint32_t *idom = sup_calloc(TANGLE + 1, sizeof *idom);
    const uint32_t count = number_tangle(edges, number, order);
    idom[0] = 0;
    for (uint32_t i = 1; i < TANGLE; i++) {
        idom[i] = OUTSIDE; /* none yet */
    }
    for (bool changed = true; changed;) {
        changed = false;
        for (uint32_t p = count; p > 0; p--) {
            for (int field = 0; field < 2; field++) {
                const uint32_t to = edges[order[p]][field];
                if (to == OUTSIDE || to == 0) {
                    continue;
                }
                uint32_t a = order[p], b = idom[to] == OUTSIDE ? a : idom[to];
                while (a != b) {
                    while (number[a] < number[b]) {
                        a = idom[a];
                    }
                    while (number[b] < number[a]) {
                        b = idom[b];
                    }
                }
                changed = changed || idom[to] != a;
                idom[to] = a;
            }
        }
    }
    idom[0] = OUTSIDE;
    sup_free(number);
    sup_free(order);
    return idom;
}

START_TEST(test_tangle)
{
    uint32_t (*edges)[2] = sup_calloc(TANGLE, sizeof *edges);
    for (uint32_t i = 0; i < TANGLE; i++) {
        for (int field = 0; field < 2; field++) {
            const uint64_t to = tangle(TANGLE, i, field);
            edges[i][field] = to == 0 ? OUTSIDE : (uint32_t)((to - BASE) / STEP);
        }
    }
    uint32_t *idom = naive_idoms((const uint32_t (*)[2])edges), reached = 0, inner = 0;
    open_graph(TANGLE, tangle, 2);
    for (uint32_t i = 0; i < TANGLE; i++) {
        const bool below = idom[i] != OUTSIDE;
        ck_assert_uint_eq(idom_at(&x, node(i)), i == 0 ? 1 : below ? node(idom[i]) : 0);
        inner += below && idom[i] % REGION != 0;
        reached += below;
    }
    ck_assert_uint_gt(reached, TANGLE / 2);
    ck_assert_uint_gt(inner, TANGLE / 10); /* the graph has a tree worth the name */
    sup_free(idom);
    sup_free(edges);
    fixture_deinit(&x);
}
END_TEST

CK_HA_MAIN("snapshot_dom", test_doubly_linked_list, test_shared_leaves, test_ladder, test_tree, test_star, test_tangle)
