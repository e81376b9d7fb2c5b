/* SPDX-License-Identifier: MIT */
/* The names of references, in order, as the JSON contract has them; referents; inbound references. */
#include "snapshot/snapshot_fixture.h"

static struct fixture x;
static struct ha_sbuf all;
static ha_obj source;

static bool on_edge(void *ctx, const struct ha_edge *edge)
{
    (void)ctx;
    ha_edge_text(x.s->graph, source, edge, &all);
    ha_sbuf_printf(&all, "=%llx ", (unsigned long long)ha_heap_address(x.s->heap, edge->target));
    return true;
}

static void check_edges(ha_addr address, const char *expected)
{
    ha_sbuf_clear(&all);
    source = at(&x, address);
    ck_assert(ha_graph_edges(x.s->graph, &x.window, source, on_edge, NULL));
    ck_assert_str_eq(ha_sbuf_text(&all), expected);
}

static void check_edges_to(ha_addr address, ha_addr target, const char *expected)
{
    ha_sbuf_clear(&all);
    source = at(&x, address);
    ck_assert(ha_graph_edges_to(x.s->graph, &x.window, source, at(&x, target), on_edge, NULL));
    ck_assert_str_eq(ha_sbuf_text(&all), expected);
}

START_TEST(test_names)
{
    fixture_init(&x, "use jdk17\nclass Base @0x2000 fields ref a\nclass Node @0x2080 super Base loader @0x5000 fields ref b, int n\n"
                     "  statics ref S=@0x3000, int COUNT=7, ref NONE=null\nclass Loader @0x2100 super java.lang.ClassLoader\nobject @0x5000 Loader\n"
                     "object @0x3000 Node a=@0x3020 b=@0x3000\nobject @0x3020 Node a=@0x9999 b=null\n"
                     "array @0x3040 Node[] [null, @0x3000, @0x9999, @0x3000]\n"
                     "thread @0x4000 \"main\" serial 1\nframe Node.run Node.java 3\nlocal @0x3000 frame 0\nroot jni-local @0x3020 thread 1\n");
    char expected[200];
    ha_addr class_class = class_at(&x, 0x2000)->address;
    check_edges(0x3000, "<class>=2080 b=3000 a=3020 ");
    check_edges(0x3020, "<class>=2080 ");
    snprintf(expected, sizeof expected, "<class>=%llx <super>=2000 <loader>=5000 static S=3000 ", (unsigned long long)class_class);
    check_edges(0x2080, expected);
    snprintf(expected, sizeof expected, "<class>=%llx [1]=3000 [3]=3000 ", (unsigned long long)class_at(&x, 0x3040)->address);
    check_edges(0x3040, expected);
    check_edges_to(0x3040, 0x3000, "[1]=3000 [3]=3000 ");
    check_edges_to(0x3040, 0x3020, "");
    check_edges_to(0x3000, 0x3020, "a=3020 ");
    check_edges_to(0x3000, 0x2080, "<class>=2080 ");
    ck_assert_uint_eq(ha_graph_out_count(x.s->graph, at(&x, 0x3040)), 2);
    ck_assert_uint_eq(ha_graph_out_count(x.s->graph, at(&x, 0x3000)), 2);
    ha_sbuf_clear(&all);
    source = at(&x, 0x4000);
    ck_assert(ha_graph_edges(x.s->graph, &x.window, source, on_edge, NULL));
    ck_assert_ptr_nonnull(strstr(ha_sbuf_text(&all), "<local> frame 0 Node.run=3000 <JNI local>=3020 "));
    struct ha_in in = ha_graph_in(x.s->graph, at(&x, 0x3000));
    ck_assert_uint_eq(in.count, 5); /* itself, the array twice, the static field, the thread */
    ck_assert_uint_eq(x.s->heap->facts.dangling_references, 2);
    ha_sbuf_deinit(&all);
    fixture_deinit(&x);
}
END_TEST

START_TEST(test_referents)
{
    fixture_init(&x, "use jdk17\nclass Ref @0x2000 super java.lang.ref.WeakReference fields ref mine\nclass Node @0x2080\nobject @0x3000 Node\n"
                     "object @0x3100 Ref referent=@0x3000 mine=@0x3100\nobject @0x3200 Ref mine=@0x3000\nroot jni-global @0x3100\nroot jni-global @0x3200\n");
    ha_obj referent;
    ck_assert(ha_graph_referent(x.s->graph, at(&x, 0x3100), &referent));
    ck_assert_uint_eq(referent.i, at(&x, 0x3000).i);
    ck_assert(!ha_graph_referent(x.s->graph, at(&x, 0x3200), &referent));
    ck_assert(!ha_graph_referent(x.s->graph, at(&x, 0x3000), &referent));
    struct ha_out out = ha_graph_out(x.s->graph, at(&x, 0x3200));
    ck_assert(ha_out_next(&out, &referent)); /* the null referent is skipped */
    ck_assert_uint_eq(referent.i, at(&x, 0x3000).i);
    ck_assert(!ha_out_next(&out, &referent));
    ck_assert_uint_eq(ha_graph_out_count(x.s->graph, at(&x, 0x3200)), 1);
    ck_assert_uint_eq(ha_graph_out_count(x.s->graph, at(&x, 0x3100)), 2);
    fixture_deinit(&x);
}
END_TEST

#define MANY_ARRAYS 10U
#define HOT 16000U
#define WARM 11000U

static ha_addr array_address(uint64_t i)
{
    return 0x10000000 + i * 0x100000;
}

/* The list of an object that each array refers to so many times. */
static void check_from_arrays(ha_addr target, uint32_t times)
{
    struct ha_in in = ha_graph_in(x.s->graph, at(&x, target));
    ck_assert_uint_eq(in.count, (uint64_t)MANY_ARRAYS * times);
    for (uint64_t i = 0; i < in.count; i++) {
        ck_assert_uint_eq(ha_in_at(&in, i).i, at(&x, array_address(i / times)).i);
    }
}

/* Arrays that refer to each of `count` objects once, and to two of them many times more. */
static void many_references(unsigned count, unsigned hot, unsigned warm)
{
    struct ha_sbuf text = {0};
    ha_sbuf_printf(&text, "use jdk17\nclass Node @0x2000\n");
    for (unsigned i = 0; i < count; i++) {
        ha_sbuf_printf(&text, "object @0x%x Node\n", 0x3000 + i * 0x10);
    }
    for (unsigned i = 0; i < MANY_ARRAYS; i++) {
        ha_sbuf_printf(&text, "array @0x%llx java.lang.Object[] [@0x%x*%u, @0x%x*%u", (unsigned long long)array_address(i), 0x3000 + hot * 0x10, HOT,
                       0x3000 + warm * 0x10, WARM);
        for (unsigned k = 0; k < count; k++) {
            ha_sbuf_printf(&text, ", @0x%x", 0x3000 + k * 0x10);
        }
        ha_sbuf_printf(&text, "]\nroot jni-global @0x%llx\n", (unsigned long long)array_address(i));
    }
    fixture_init(&x, ha_sbuf_text(&text));
    for (unsigned k = 0; k < count; k++) {
        check_from_arrays(0x3000 + k * 0x10, 1 + (k == hot ? HOT : 0) + (k == warm ? WARM : 0));
    }
    ha_sbuf_deinit(&text);
    fixture_deinit(&x);
}

/* So many references to few objects that two lists are longer than what they are written through: short ones before, between and behind; none at all. */
START_TEST(test_hot_objects)
{
    many_references(12, 5, 8);
    many_references(2, 0, 1);
}
END_TEST

CK_HA_MAIN("snapshot_edges", test_names, test_referents, test_hot_objects)
