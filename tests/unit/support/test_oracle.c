/* SPDX-License-Identifier: MIT */
/*
 * The oracle on heaps whose answers can be seen by eye, and random heaps: their files are well-formed, and the same seed gives the same file.
 */
#include "support/oracle.h"
#include "support/random_heap.h"

#include "support/ck_ha.h"

struct fixture {
    struct gen_file f;
    struct oracle *o;
};

#define BASICS "class java.lang.Object @0x10 super none\nclass java.lang.Class @0x18\n"
#define NODE                                                                                       \
    BASICS "class Node @0x20 fields ref a, ref b\nroot sticky @0x18\nroot sticky @0x10\nroot "     \
           "sticky @0x20\n"

static void setup(struct fixture *x, const char *text)
{
    struct gen_error error;
    gen_file_init(&x->f);
    ck_assert_msg(gen_parse(&x->f, "t.heap", text, &error), "%s", error.message);
    x->o = oracle_create(&x->f, 0);
}

static void teardown(struct fixture *x)
{
    oracle_destroy(x->o);
    gen_file_deinit(&x->f);
}

static const struct oracle_node *node(const struct fixture *x, uint64_t id)
{
    uint32_t at = oracle_find(x->o, id);
    ck_assert_uint_ne(at, ORACLE_NONE);
    return &x->o->nodes[at];
}

/* The id of the immediate dominator; 1 for the virtual root, 0 for none. */
static uint64_t idom(const struct fixture *x, uint64_t id)
{
    uint32_t d = node(x, id)->idom;
    return d == ORACLE_NONE ? 0 : d == ORACLE_ROOT ? 1 : x->o->nodes[d].id;
}

START_TEST(test_diamond)
{
    struct fixture x;
    setup(&x, NODE "object @0x100 Node a=@0x120 b=@0x140\nobject @0x120 Node a=@0x160\nobject "
                   "@0x140 Node a=@0x160\n"
                   "object @0x160 Node a=@0x180 b=@0x9999\nobject @0x180 Node a=@0x160\nobject "
                   "@0x1a0 Node a=@0x100\n"
                   "root jni-global @0x100\n");
    ck_assert_uint_eq(idom(&x, 0x100), 1);
    ck_assert_uint_eq(idom(&x, 0x120), 0x100);
    ck_assert_uint_eq(idom(&x, 0x140), 0x100);
    ck_assert_uint_eq(idom(&x, 0x160), 0x100);
    ck_assert_uint_eq(idom(&x, 0x180), 0x160);
    ck_assert_uint_eq(idom(&x, 0x1a0), 0);
    ck_assert_uint_eq(node(&x, 0x100)->shallow, 32);
    ck_assert_uint_eq(node(&x, 0x100)->retained, 160);
    ck_assert_uint_eq(node(&x, 0x160)->retained, 64);
    ck_assert(!node(&x, 0x1a0)->reachable);
    ck_assert_uint_eq(x.o->reachable_count, 8);
    const struct oracle_totals *t = &node(&x, 0x20)->totals;
    ck_assert_uint_eq(t->instances, 5);
    ck_assert_uint_eq(t->all_instances, 6);
    ck_assert_uint_eq(t->shallow, 160);
    ck_assert_uint_eq(t->retained, 160);
    ck_assert(oracle_dominates(x.o, oracle_find(x.o, 0x100), oracle_find(x.o, 0x180)));
    ck_assert(!oracle_dominates(x.o, oracle_find(x.o, 0x120), oracle_find(x.o, 0x160)));
    teardown(&x);
}
END_TEST

START_TEST(test_locals_belong_to_their_thread)
{
    struct fixture x;
    setup(
        &x, NODE
        "object @0x100 Node\nobject @0x120 Node\nobject @0x140 Node\nobject @0x160 Node\nobject "
        "@0x180 Node\n"
        "root thread @0x100 serial 1 trace 2\nroot java-frame @0x120 thread 1 frame 0\n"
        "root jni-local @0x140 thread 7\n" /* no such thread: a plain root */
        "root thread @0x0 serial 3 trace 0\nroot native-stack @0x160 thread 3\n" /* id 0: a plain root */
        "root thread @0x888 serial 4 trace 0\nroot thread-block @0x180 thread 4\n"); /* lost */
    ck_assert_uint_eq(idom(&x, 0x100), 1);
    ck_assert_uint_eq(idom(&x, 0x120), 0x100);
    ck_assert(!node(&x, 0x120)->root);
    ck_assert_uint_eq(idom(&x, 0x140), 1);
    ck_assert_uint_eq(idom(&x, 0x160), 1);
    ck_assert_uint_eq(idom(&x, 0x180), 0);
    teardown(&x);
}
END_TEST

START_TEST(test_boot_classes_are_roots_without_sticky_roots)
{
    struct fixture x;
    setup(&x, BASICS
          "class A @0x20 statics ref S=@0x100\nclass B @0x28 loader @0x140 statics ref S=@0x120\n"
          "class A[] @0x30\nclass C @0x38 loader @0x7777\n"
          "object @0x100 A\nobject @0x120 A\nobject @0x140 A\n");
    ck_assert(node(&x, 0x10)->root && node(&x, 0x20)->root && node(&x, 0x38)->root);
    ck_assert(!node(&x, 0x28)->root && !node(&x, 0x30)->root);
    ck_assert_uint_eq(idom(&x, 0x100), 0x20);
    ck_assert_uint_eq(idom(&x, 0x120), 0);
    ck_assert_uint_eq(node(&x, 0x20)->shallow, 8);
    ck_assert_uint_eq(node(&x, 0x20)->retained, 24);
    teardown(&x);
}
END_TEST

START_TEST(test_loaders_hold_classes_if_all_have_one)
{
    struct fixture x;
    setup(&x, "class java.lang.Object @0x10 super none loader @0x100\nclass java.lang.Class @0x18 "
              "loader @0x100\n"
              "class A @0x20 loader @0x100\nclass B @0x28 loader @0x100\nobject @0x100 A\nroot "
              "unknown @0x100\n");
    ck_assert_uint_eq(idom(&x, 0x28), 0x100);
    teardown(&x);
    setup(&x, "class java.lang.Object @0x10 super none\nclass java.lang.Class @0x18 loader @0x100\n"
              "class A @0x20 loader @0x100\nclass B @0x28 loader @0x100\nobject @0x100 A\nroot "
              "unknown @0x100\n");
    ck_assert_uint_eq(idom(&x, 0x28), 0);
    teardown(&x);
}
END_TEST

START_TEST(test_paths_without_referents)
{
    struct fixture x;
    setup(&x, "use jdk17\nclass Holder fields ref r, ref s\n"
              "object @0x100 Holder r=@0x200 s=@0x300\n"
              "object @0x200 java.lang.ref.WeakReference referent=@0x400\nobject @0x400 Holder\n"
              "object @0x300 Holder r=@0x500\nobject @0x500 Holder r=@0x400 s=@0x600\n"
              "object @0x600 java.lang.ref.SoftReference referent=@0x700\nobject @0x700 "
              "Holder\nroot jni-global @0x100\n");
    uint32_t *depths = calloc(x.o->count, sizeof *depths);
    oracle_depths(x.o, 0, depths);
    ck_assert_uint_eq(depths[oracle_find(x.o, 0x100)], 0);
    ck_assert_uint_eq(depths[oracle_find(x.o, 0x400)], 2);
    ck_assert_uint_eq(depths[oracle_find(x.o, 0x700)], 4);
    oracle_depths(x.o, ORACLE_WEAK, depths);
    ck_assert_uint_eq(depths[oracle_find(x.o, 0x400)], 3);
    ck_assert_uint_eq(depths[oracle_find(x.o, 0x700)], 4);
    oracle_depths(x.o, ORACLE_ALL_REFERENCES, depths);
    ck_assert_uint_eq(depths[oracle_find(x.o, 0x700)], ORACLE_NONE);
    free(depths);
    teardown(&x);
}
END_TEST

START_TEST(test_sizes)
{
    struct fixture x;
    setup(
        &x, BASICS
        "class A @0x20 fields byte x\nclass B @0x28 super A fields long y, ref r\nclass A[] @0x30\n"
        "object @0x100 A\nobject @0x120 B\narray @0x148 A[] [null*3]\nbytes @0x180 [1*5]\nbytes "
        "@0x1a0 0\n");
    ck_assert_uint_eq(x.o->ref_bytes, 8);
    ck_assert_uint_eq(x.o->alignment, 8);
    ck_assert_uint_eq(node(&x, 0x100)->shallow, 24); /* 16 + 1 */
    ck_assert_uint_eq(node(&x, 0x120)->shallow, 40); /* 24 + 16 */
    ck_assert_uint_eq(node(&x, 0x148)->shallow, 48); /* 20 + 24 */
    ck_assert_uint_eq(node(&x, 0x180)->shallow, 32); /* 24 + 5 */
    ck_assert_uint_eq(node(&x, 0x1a0)->shallow, 24);
    teardown(&x);
    setup(
        &x, BASICS
        "class A @0x20 fields byte x\nclass B @0x40 super A fields long y, ref r\nclass A[] @0x60\n"
        "object @0x100 A\nobject @0x120 B\narray @0x140 A[] [null*3]\narray @0x160 A[] 0\nbytes "
        "@0x180 [1*5]\n");
    ck_assert_uint_eq(x.o->ref_bytes, 4);            /* 0x140 + 16 + 3 * 8 > 0x160 */
    ck_assert_uint_eq(node(&x, 0x100)->shallow, 16); /* 12 + 1 */
    ck_assert_uint_eq(node(&x, 0x120)->shallow, 32); /* 16 + 12 */
    ck_assert_uint_eq(node(&x, 0x140)->shallow, 32); /* 16 + 12 */
    ck_assert_uint_eq(node(&x, 0x180)->shallow, 24); /* 16 + 5 */
    teardown(&x);
}
END_TEST

START_TEST(test_missing_classes_are_made_up)
{
    struct fixture x;
    setup(
        &x,
        "class java.lang.Object @0x10 super none\nclass B @0x20 super @0x28 fields ref r size 14\n"
        "object @0x108 @0x30 bytes 0102030405\nobject @0x120 B bytes 0000000000000108 "
        "000000000000\n"
        "ints @0x140 [1]\nroot unknown @0x120\nroot unknown @0x140\n");
    ck_assert(node(&x, 0x28)->made_up && node(&x, 0x30)->made_up);
    ck_assert(node(&x, 0x28)->root); /* no sticky root, no loader */
    ck_assert_str_eq(node(&x, 8)->name, "java.lang.Class");
    ck_assert_str_eq(node(&x, 0x38)->name,
                     "int[]"); /* 0x18 is for java.lang.ClassLoader, the others are taken */
    ck_assert_uint_eq(node(&x, 0x108)->shallow, 24); /* 16 + 5 */
    ck_assert_uint_eq(node(&x, 0x120)->shallow, 32); /* 16 + 6 → 24, + 8 */
    ck_assert_uint_eq(idom(&x, 0x108), 0x120);
    teardown(&x);
}
END_TEST

/* Walks the top-level records to the end of the file. */
static void check_records(const uint8_t *data, size_t bytes, uint64_t seed)
{
    size_t at = 31;
    while (at < bytes) {
        ck_assert_msg(bytes - at >= 9, "seed %llu", (unsigned long long)seed);
        size_t length = (size_t)data[at + 5] << 24 | (size_t)data[at + 6] << 16 |
                        (size_t)data[at + 7] << 8 | data[at + 8];
        ck_assert_msg(length <= bytes - at - 9, "seed %llu", (unsigned long long)seed);
        at += 9 + length;
    }
}

START_TEST(test_random_heaps)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        uint8_t *data[2];
        size_t bytes[2];
        for (int i = 0; i < 2; i++) {
            struct gen_file f;
            gen_file_init(&f);
            random_heap_make(&f, &(struct random_heap){.seed = seed, .features = RANDOM_ALL});
            gen_file_write_memory(&f, &data[i], &bytes[i]);
            gen_file_deinit(&f);
        }
        check_records(data[0], bytes[0], seed);
        ck_assert_msg(bytes[0] == bytes[1] && memcmp(data[0], data[1], bytes[0]) == 0, "seed %llu",
                      (unsigned long long)seed);
        free(data[0]);
        free(data[1]);
    }
}
END_TEST

/* Retained sizes of the first level add up to the whole; children never retain more than their dominator. */
START_TEST(test_random_oracles_are_consistent)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct gen_file f;
        gen_file_init(&f);
        random_heap_make(
            &f, &(struct random_heap){.seed = seed, .objects = 60, .features = RANDOM_ALL});
        struct oracle *o = oracle_create(&f, 0);
        uint64_t sum = 0;
        for (uint32_t i = 0; i < o->count; i++) {
            const struct oracle_node *n = &o->nodes[i];
            sum += n->reachable && n->idom == ORACLE_ROOT ? n->retained : 0;
            if (n->reachable && n->idom != ORACLE_ROOT) {
                uint64_t rest = o->nodes[n->idom].retained - o->nodes[n->idom].shallow;
                ck_assert_msg(n->retained <= rest, "seed %llu", (unsigned long long)seed);
            }
            ck_assert_msg(!n->root || n->idom == ORACLE_ROOT, "seed %llu",
                          (unsigned long long)seed);
        }
        ck_assert_msg(sum == o->reachable_bytes, "seed %llu", (unsigned long long)seed);
        oracle_destroy(o);
        gen_file_deinit(&f);
    }
}
END_TEST

CK_HA_MAIN("oracle", test_diamond, test_locals_belong_to_their_thread,
           test_boot_classes_are_roots_without_sticky_roots,
           test_loaders_hold_classes_if_all_have_one, test_paths_without_referents, test_sizes,
           test_missing_classes_are_made_up, test_random_heaps, test_random_oracles_are_consistent)
