/* SPDX-License-Identifier: MIT */
#include "ha/query/q_top.h"

#include "ha/base/sbuf.h"
#include "support/rng.h"
#include "unit/query/query_fixture.h"

static const char heap[] = "use jdk17\n"
                           "class com.acme.Holder @0x20000 fields ref a ref b ref c\n"
                           "object @0x30000 com.acme.Holder a=@0x40000 b=@0x41000 c=@0x42000\n"
                           "object @0x31000 com.acme.Holder a=@0x43000\n"
                           "bytes @0x40000 100\n"
                           "bytes @0x41000 300\n"
                           "bytes @0x42000 300\n"
                           "object @0x43000 com.acme.Holder a=@0x44000\n"
                           "ints @0x44000 1000\n"
                           "object @0x45000 com.acme.Holder\n"
                           "root jni-global @0x30000\n"
                           "root jni-global @0x31000\n";

static const struct ha_dominator_node *
child_at(struct fixture *x, const struct ha_dominator_node *node, ha_addr address)
{
    for (uint64_t i = 0; i < node->child_count; i++) {
        if (address_of(x, node->children[i].obj) == address) {
            return &node->children[i];
        }
    }
    return NULL;
}

START_TEST(test_levels_and_limits)
{
    struct fixture x;
    struct ha_dominators d;
    fixture_init(&x, heap);
    ck_ok(ha_dominators_query(
        &x.q, &(struct ha_dominators_options){.object = HA_OBJ_NONE, .depth = 2}, &d));
    const struct ha_dominator_node *first = child_at(&x, &d.root, 0x30000);
    ck_assert_ptr_nonnull(first);
    ck_assert_uint_eq(first->child_count, 4); // with the class of byte[], which is no root
    ck_assert_uint_eq(address_of(&x, first->children[0].obj),
                      0x41000); // equal sizes: the lower address first
    ck_assert_uint_eq(address_of(&x, first->children[1].obj), 0x42000);
    const struct ha_dominator_node *second = child_at(&x, &d.root, 0x31000);
    ck_assert_uint_eq(second->children[0].omitted, 1); // below the depth
    ck_assert_uint_eq(second->children[0].child_count, 0);
    uint64_t sum = 0;
    for (uint64_t i = 0; i < d.root.child_count; i++) {
        sum += d.root.children[i].retained_bytes;
    }
    ck_assert_uint_eq(sum, x.snapshot->retained->reachable_bytes);

    ck_ok(ha_dominators_query(
        &x.q, &(struct ha_dominators_options){.object = at(&x, 0x30000), .depth = 1, .limit = 2},
        &d));
    ck_assert_uint_eq(d.root.child_count, 2);
    ck_assert_uint_eq(d.root.omitted, 2);
    ck_err(
        ha_dominators_query(&x.q, &(struct ha_dominators_options){.object = at(&x, 0x45000)}, &d),
        HA_ERR_USAGE, "not reachable");
    fixture_deinit(&x);
}
END_TEST

START_TEST(test_bounded_number_of_nodes)
{
    struct fixture x;
    struct ha_dominators d;
    fixture_init(&x, heap);
    ck_ok(ha_dominators_query(
        &x.q,
        &(struct ha_dominators_options){.object = at(&x, 0x30000), .depth = 9, .max_nodes = 2},
        &d));
    ck_assert_uint_eq(d.root.child_count, 2);
    ck_assert(d.cut);
    fixture_deinit(&x);
}
END_TEST

START_TEST(test_grouped)
{
    struct fixture x;
    struct ha_dominators d;
    struct ha_dominators_options options = {
        .object = HA_OBJ_NONE, .depth = 3, .grouped = true, .by = HA_BY_CLASS};
    fixture_init(&x, heap);
    ck_ok(ha_dominators_query(&x.q, &options, &d));
    const struct ha_dominator_node *holders = NULL;
    for (uint64_t i = 0; i < d.root.child_count; i++) {
        holders = strcmp(d.root.children[i].group->name, "com.acme.Holder") == 0
                      ? &d.root.children[i]
                      : holders;
    }
    ck_assert_ptr_nonnull(holders);
    ck_assert_uint_eq(holders->group->instances, 2);
    ck_assert_uint_eq(holders->child_count, 3); // the third: classes of arrays
    ck_assert_str_eq(holders->children[0].group->name, "com.acme.Holder");
    ck_assert_str_eq(holders->children[0].children[0].group->name, "int[]");
    ck_assert_str_eq(holders->children[1].group->name, "byte[]");
    ck_assert_uint_eq(holders->children[1].group->instances, 3);
    fixture_deinit(&x);
}
END_TEST

START_TEST(test_top_adds_up_to_the_heap)
{
    struct fixture x;
    struct ha_top top;
    fixture_init(&x, heap);
    ck_ok(ha_top_query(&x.q, 0, &top));
    const struct ha_histogram *tables[] = {&top.classes, &top.loaders, &top.packages};
    for (size_t t = 0; t < 3; t++) {
        uint64_t sum = 0;
        for (uint64_t i = 0; i < tables[t]->count; i++) {
            sum += tables[t]->rows[i].retained_bytes;
        }
        ck_assert_uint_eq(sum, x.snapshot->retained->reachable_bytes);
    }
    ck_assert_uint_eq(address_of(&x, top.objects.list[0].obj), 0x31000);
    ck_ok(ha_top_query(&x.q, 1, &top));
    ck_assert_uint_eq(top.objects.count, 1);
    ck_assert_uint_gt(top.objects.omitted, 1);
    fixture_deinit(&x);
}
END_TEST

#define MANY 70000U /* first-level objects: more than are ranked one by one */

/* Objects of one size and name, of two classes one of which has leaves and the other has none, and arrays of many lengths. */
static char *many_objects(void)
{
    struct ha_sbuf text = {0};
    ha_sbuf_puts(&text, "use jdk17\nclass com.acme.Loader super java.lang.ClassLoader\nobject @0x10000 com.acme.Loader\nroot jni-global @0x10000\n"
                        "class com.acme.Same @0x20000 loader @0x10000 fields ref other\nclass com.acme.Same @0x21000 fields long number\n"
                        "root sticky @0x20000\nroot sticky @0x21000\n");
    struct rng rng = rng_seed(7);
    for (uint32_t i = 0; i < MANY; i++) {
        const unsigned address = 0x100000 + i * 0x1000;
        switch (rng_below(&rng, 4)) {
        case 0:
            ha_sbuf_printf(&text, "object @0x%x @0x20000\n", address);
            break;
        case 1:
            ha_sbuf_printf(&text, "object @0x%x @0x21000\n", address);
            break;
        default:
            ha_sbuf_printf(&text, "bytes @0x%x %u\n", address, (unsigned)rng_below(&rng, 3000));
        }
        ha_sbuf_printf(&text, "root jni-global @0x%x\n", address);
    }
    ck_assert(!ha_sbuf_failed(&text));
    return text.data;
}

START_TEST(test_all_of_many)
{
    struct fixture x;
    struct ha_ranked_list all;
    HA_FREE char *text = many_objects();
    fixture_init(&x, text);
    const struct ha_heap *h = x.snapshot->heap;
    struct ha_children top = ha_dom_top(x.snapshot->dom);
    ck_ok(ha_dominators_largest(&x.q, top, 0, &all));
    ck_assert_uint_ge(all.count, MANY);
    ck_assert_uint_eq(all.count, top.count);
    ck_assert_uint_eq(all.omitted, 0);
    uint64_t mixed = 0;
    for (uint64_t i = 1; i < all.count; i++) {
        const struct ha_ranked *a = &all.list[i - 1], *b = &all.list[i];
        int names = strcmp(ha_heap_class(h, ha_heap_class_of(h, a->obj))->name, ha_heap_class(h, ha_heap_class_of(h, b->obj))->name);
        ck_assert_uint_eq(b->retained_bytes, ha_query_retained(&x.q, b->obj));
        ck_assert(a->retained_bytes > b->retained_bytes ||
                  (a->retained_bytes == b->retained_bytes &&
                   (names < 0 || (names == 0 && ha_heap_address(h, a->obj) < ha_heap_address(h, b->obj)))));
        mixed += names == 0 && (a->obj.i < h->facts.branch_count) != (b->obj.i < h->facts.branch_count);
    }
    ck_assert_uint_gt(mixed, MANY / 16);
    struct ha_ranked_list few;
    ck_ok(ha_dominators_largest(&x.q, top, 100, &few));
    for (uint64_t i = 0; i < 100; i++) {
        ck_assert_uint_eq(few.list[i].obj.i, all.list[i].obj.i);
    }
    fixture_deinit(&x);
}
END_TEST

CK_HA_MAIN("q_dominators", test_levels_and_limits, test_bounded_number_of_nodes, test_grouped,
           test_top_adds_up_to_the_heap, test_all_of_many)
