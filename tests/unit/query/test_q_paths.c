/* SPDX-License-Identifier: MIT */
#include "ha/query/q_paths.h"

#include "ha/query/q_multipath.h"
#include "unit/query/query_fixture.h"

/*
 *   thread main ──local──▶ @0x30000 Node ──next──▶ @0x30100 ──next──▶ @0x30200
 *   static CACHE of Cache ──▶ @0x31000 Object[] [1] ──▶ @0x30200
 *   @0x32000 WeakReference (global) ──referent──▶ @0x30200, @0x33000
 *   @0x34000 Odd (global): the only reference to class Odd, whose static points to @0x35000
 */
static const char heap[] =
    "use jdk17\n"
    "class com.acme.Main\n"
    "object @0x50000 java.lang.ClassLoader\n"
    "class com.acme.Node @0x20000 fields ref next ref data\n"
    "class com.acme.Cache @0x20100 loader @0x50000 statics ref CACHE=@0x31000\n"
    "class com.acme.Odd @0x20200 loader @0x50000 statics ref KEPT=@0x35000\n"
    "class com.acme.SubNode @0x20300 super com.acme.Node\n"
    "thread @0x40000 \"main\" serial 1\n"
    "frame com.acme.Main.run Main.java 12\n"
    "local @0x30000 frame 0\n"
    "object @0x30000 com.acme.SubNode next=@0x30100\n"
    "object @0x30100 com.acme.Node next=@0x30200\n"
    "object @0x30200 com.acme.Node\n"
    "array @0x31000 java.lang.Object[] [null, @0x30200]\n"
    "object @0x32000 java.lang.ref.WeakReference referent=@0x30200\n"
    "object @0x32100 java.lang.ref.WeakReference referent=@0x33000\n"
    "object @0x33000 com.acme.Node\n"
    "object @0x34000 com.acme.Odd\n"
    "object @0x35000 com.acme.Node\n"
    "root jni-global com.acme.Cache\n"
    "root jni-global @0x32000\n"
    "root jni-global @0x32100\n"
    "root jni-global @0x34000\n";

static void find(struct fixture *x, ha_addr target, struct ha_excludes excludes, uint64_t max,
                 struct ha_paths *ret)
{
    ha_obj obj = at(x, target);
    ck_ok(ha_paths_to_objects(&x->q, &obj, 1, &(struct ha_paths_options){.excludes = &excludes, .max = max}, ret));
}

/* "0x20100 static CACHE 0x31000 [1] 0x30200" */
static void check_path(struct fixture *x, const struct ha_path *path, const char *expected)
{
    struct ha_sbuf text = {0};
    for (uint64_t i = 0; i < path->count; i++) {
        if (i > 0) {
            ha_sbuf_printf(&text, " %s ",
                           path->steps[i].field != NULL ? path->steps[i].field : "?");
        }
        ha_sbuf_printf(&text, "0x%llx", (unsigned long long)address_of(x, path->steps[i].obj));
    }
    ck_assert_str_eq(ha_sbuf_text(&text), expected);
    ha_sbuf_deinit(&text);
}

START_TEST(test_shortest_first)
{
    struct fixture x;
    struct ha_paths paths;
    fixture_init(&x, heap);
    find(&x, 0x30200, (struct ha_excludes){.kinds = HA_EXCLUDE_DEFAULT}, 0, &paths);
    ck_assert_uint_eq(paths.count, 2);
    ck_assert(!paths.more);
    check_path(&x, &paths.list[0], "0x20100 static CACHE 0x31000 [1] 0x30200");
    ck_assert_int_eq(paths.list[0].root.kind, HA_ROOT_JNI_GLOBAL);
    ck_assert_str_eq(paths.list[0].steps[1].class_field, "com.acme.Cache#static CACHE");
    ck_assert_str_eq(paths.list[0].steps[2].class_field, "java.lang.Object[]#[]");
    check_path(&x, &paths.list[1],
               "0x40000 <local> frame 0 com.acme.Main.run 0x30000 next 0x30100 next 0x30200");
    ck_assert_int_eq(paths.list[1].root.kind, HA_ROOT_THREAD);
    ck_assert_uint_eq(address_of(&x, paths.list[1].root.thread), 0x40000);
    find(&x, 0x30200, (struct ha_excludes){.kinds = HA_EXCLUDE_DEFAULT}, 1, &paths);
    ck_assert_uint_eq(paths.count, 1);
    ck_assert(paths.more);
    fixture_deinit(&x);
}
END_TEST

START_TEST(test_excludes)
{
    struct fixture x;
    struct ha_paths paths;
    fixture_init(&x, heap);
    find(&x, 0x30200, (struct ha_excludes){0}, 0, &paths);
    ck_assert_uint_eq(paths.count, 3);
    check_path(&x, &paths.list[0], "0x32000 referent 0x30200");
    find(&x, 0x33000, (struct ha_excludes){.kinds = HA_EXCLUDE_WEAK}, 0, &paths);
    ck_assert_uint_eq(paths.count, 0);
    find(&x, 0x33000, (struct ha_excludes){.kinds = HA_EXCLUDE_SOFT}, 0, &paths);
    ck_assert_uint_eq(paths.count, 1);

    struct ha_exclude_rule rule = {"com.acme.Cache", "CACHE"};
    find(&x, 0x30200, (struct ha_excludes){HA_EXCLUDE_WEAK, &rule, 1}, 0, &paths);
    ck_assert_uint_eq(paths.count, 1);
    rule = (struct ha_exclude_rule){"java.lang.Object[]", NULL};
    find(&x, 0x30200, (struct ha_excludes){HA_EXCLUDE_WEAK, &rule, 1}, 0, &paths);
    ck_assert_uint_eq(paths.count, 1);
    rule = (struct ha_exclude_rule){"com.acme.Node", "next"}; // subclasses included
    find(&x, 0x30100, (struct ha_excludes){HA_EXCLUDE_WEAK, &rule, 1}, 0, &paths);
    ck_assert_uint_eq(paths.count, 0);
    rule = (struct ha_exclude_rule){"com.acme.Node", "data"};
    find(&x, 0x30100, (struct ha_excludes){HA_EXCLUDE_WEAK, &rule, 1}, 0, &paths);
    ck_assert_uint_eq(paths.count, 1);
    rule = (struct ha_exclude_rule){"com.acme.None", "data"};
    ha_obj obj = at(&x, 0x30100);
    struct ha_excludes excludes = {0, &rule, 1};
    ck_err(ha_paths_to_objects(&x.q, &obj, 1, &(struct ha_paths_options){.excludes = &excludes, .max = 0}, &paths),
           HA_ERR_USAGE, "no class 'com.acme.None'");
    fixture_deinit(&x);
}
END_TEST

START_TEST(test_through_a_class_that_only_an_instance_keeps)
{
    struct fixture x;
    struct ha_paths paths;
    fixture_init(&x, heap);
    find(&x, 0x35000, (struct ha_excludes){.kinds = HA_EXCLUDE_DEFAULT}, 0, &paths);
    ck_assert_uint_eq(paths.count, 1);
    check_path(&x, &paths.list[0], "0x34000 <class> 0x20200 static KEPT 0x35000");
    find(&x, 0x34000, (struct ha_excludes){0}, 0, &paths);
    check_path(&x, &paths.list[0], "0x34000"); // a root is its own path
    fixture_deinit(&x);
}
END_TEST

START_TEST(test_of_a_class)
{
    struct fixture x;
    struct ha_paths paths;
    fixture_init(&x, heap);
    ck_ok(ha_paths_to_class(&x.q, "com.acme.SubNode", &(struct ha_paths_options){.max = 0}, &paths));
    ck_assert_uint_eq(paths.count, 1);
    ck_assert_uint_eq(address_of(&x, paths.list[0].target), 0x30000);
    ck_err(ha_paths_to_class(&x.q, "com.acme.Nod", &(struct ha_paths_options){.max = 0}, &paths),
           HA_ERR_USAGE, "com.acme.Nod");
    fixture_deinit(&x);
}
END_TEST

START_TEST(test_to_many_at_once)
{
    struct fixture x;
    struct ha_multipath m;
    struct ha_excludes excludes = {.kinds = HA_EXCLUDE_REFERENTS};
    fixture_init(&x, heap);
    ha_obj targets[] = {at(&x, 0x30200), at(&x, 0x35000), at(&x, 0x33000)};
    ck_ok(ha_multipath_find(&x.q, targets, 3, &excludes, &m));
    ck_assert_uint_eq(m.places.count, 2);
    struct ha_way way;
    ck_assert(!ha_multipath_way(&m, targets[2], &way));
    ck_assert(ha_multipath_way(&m, targets[0], &way));
    ck_assert_uint_eq(address_of(&x, way.obj), 0x30200);
    ck_assert(ha_way_back(&way));
    ck_assert_uint_eq(address_of(&x, way.obj), 0x31000);
    ck_assert(ha_way_back(&way));
    ck_assert_uint_eq(address_of(&x, way.obj), 0x20100);
    ck_assert(!ha_way_back(&way));
    ck_assert(ha_multipath_way(&m, targets[1], &way));
    ck_assert(ha_way_back(&way));
    ck_assert_uint_eq(address_of(&x, way.obj), 0x20200);
    ha_multipath_deinit(&m);
    fixture_deinit(&x);
}
END_TEST

/* ---- the last level ---- */

#define WIDTH 300U
#define LEVELS 4U

static uint64_t node_at(unsigned level, unsigned i)
{
    return 0x100000 + 0x10000 * level + 0x20 * i;
}

/*
 * LEVELS levels of WIDTH nodes: each refers to the one below it, those of the first to @0x30000. One in 70, and all of the last level, are roots.
 * The class of the first level keeps @0x31000.
 */
static void wide_heap(struct ha_sbuf *text)
{
    ha_sbuf_puts(text, "use jdk17\n"
                       "object @0x50000 java.lang.ClassLoader\n"
                       "class com.acme.Node @0x20000 fields ref next ref data\n"
                       "class com.acme.First @0x20100 super com.acme.Node loader @0x50000 statics ref KEPT=@0x31000\n"
                       "object @0x30000 com.acme.Node\n"
                       "object @0x31000 com.acme.Node\n");
    for (unsigned level = 1; level <= LEVELS; level++) {
        for (unsigned i = 0; i < WIDTH; i++) {
            bool root = level == LEVELS || i % 70 == level;
            ha_sbuf_printf(text, "object @0x%llx %s next=@0x%llx\n", (unsigned long long)node_at(level, i),
                           level == 1 ? "com.acme.First" : "com.acme.Node",
                           level == 1 ? 0x30000ULL : (unsigned long long)node_at(level - 1, i));
            if (root) {
                ha_sbuf_printf(text, "root jni-global @0x%llx\n", (unsigned long long)node_at(level, i));
            }
        }
    }
}

static bool same_path(const struct ha_path *a, const struct ha_path *b)
{
    bool same = a->count == b->count;
    for (uint64_t i = 0; same && i < a->count; i++) {
        same = ha_obj_equal(a->steps[i].obj, b->steps[i].obj);
    }
    return same;
}

/* Whether `some` are the first of `all`, up to the end of a level or to the limit. */
static void check_first_of(const struct ha_paths *some, const struct ha_paths *all, uint64_t max)
{
    ck_assert_uint_le(some->count, all->count);
    for (uint64_t i = 0; i < some->count; i++) {
        ck_assert(same_path(&some->list[i], &all->list[i]));
    }
    if (some->count < all->count) {
        ck_assert(some->more);
        ck_assert(some->count == max || some->list[some->count - 1].count < all->list[some->count].count);
    }
}

START_TEST(test_the_last_level)
{
    static const uint64_t further[] = {1, 5, 70, 200, 310, 400, 500, 700, 5000};
    static const uint64_t max[] = {1, 3, 7, 10000};
    static const ha_addr targets[] = {0x30000, 0x31000};
    struct fixture x;
    struct ha_sbuf text = {0};
    wide_heap(&text);
    fixture_init(&x, ha_sbuf_text(&text));
    for (unsigned t = 0; t < 3; t++) {
        struct ha_paths all;
        if (t < 2) {
            find(&x, targets[t], (struct ha_excludes){0}, 0, &all);
        } else {
            ck_ok(ha_paths_to_class(&x.q, "com.acme.First", &(struct ha_paths_options){.max = 0}, &all));
        }
        ck_assert_uint_gt(all.count, WIDTH - 20);
        for (unsigned i = 0; i < sizeof further / sizeof *further * 4; i++) {
            struct ha_excludes none = {0};
            struct ha_paths_options options = {&none, max[i % 4], further[i / 4]};
            struct ha_paths some;
            if (t < 2) {
                ha_obj target = at(&x, targets[t]);
                ck_ok(ha_paths_to_objects(&x.q, &target, 1, &options, &some));
            } else {
                ck_ok(ha_paths_to_class(&x.q, "com.acme.First", &options, &some));
            }
            check_first_of(&some, &all, options.max);
        }
    }
    ha_sbuf_deinit(&text);
    fixture_deinit(&x);
}
END_TEST

CK_HA_MAIN("q_paths", test_shortest_first, test_excludes,
           test_through_a_class_that_only_an_instance_keeps, test_of_a_class, test_to_many_at_once, test_the_last_level)
