/* SPDX-License-Identifier: MIT */
#include "ha/query/q_places.h"

#include "support/random_heap.h"
#include "support/rng.h"
#include "unit/query/places_oracle.h"
#include "unit/query/query_fixture.h"

/* Two maps of one holder, a list of nodes that refer to their like, lambdas of two classes, and things that are small. */
static const char heap[] = "use jdk17\n"
                           "class com.acme.Cache @0x20000 fields ref good ref bad\n"
                           "class com.acme.Node @0x21000 fields ref next ref payload\n"
                           "class com.acme.Cache$$Lambda/0x00007f0001 @0x22000 fields ref captured\n"
                           "class com.acme.Cache$$Lambda/0x00007f0002 @0x23000 fields ref captured\n"
                           "object @0x30000 com.acme.Cache good=@0x31000 bad=@0x32000\n"
                           "array @0x31000 java.lang.Object[] [@0x33000 @0x34000]\n"
                           "array @0x32000 java.lang.Object[] [@0x35000 @0x36000]\n"
                           "bytes @0x33000 1000\n"
                           "bytes @0x34000 1000\n"
                           "bytes @0x35000 3000\n"
                           "bytes @0x36000 3000\n"
                           "object @0x40000 com.acme.Node next=@0x41000 payload=@0x43000\n"
                           "object @0x41000 com.acme.Node next=@0x42000\n"
                           "object @0x42000 com.acme.Node payload=@0x44000\n"
                           "bytes @0x43000 500\n"
                           "bytes @0x44000 4000\n"
                           "object @0x50000 com.acme.Cache$$Lambda/0x00007f0001 captured=@0x52000\n"
                           "object @0x51000 com.acme.Cache$$Lambda/0x00007f0002 captured=@0x53000\n"
                           "bytes @0x52000 600\n"
                           "bytes @0x53000 600\n"
                           "root jni-global @0x30000\n"
                           "root jni-global @0x40000\n"
                           "root jni-global @0x50000\n"
                           "root jni-global @0x51000\n";

static const struct ha_place *find(const struct ha_places *places, const char *signature)
{
    for (uint32_t i = 0; i < places->count; i++) {
        if (strcmp(places->list[i].signature, signature) == 0) {
            return &places->list[i];
        }
    }
    return NULL;
}

static void ck_place(const struct ha_places *places, const char *signature, uint64_t objects, uint64_t at_least)
{
    const struct ha_place *place = find(places, signature);
    ck_assert_msg(place != NULL, "no place '%s'", signature);
    ck_assert_uint_eq(place->objects, objects);
    ck_assert_uint_ge(place->retained_bytes, at_least);
    ck_assert_uint_lt(place->retained_bytes, at_least + 400);
}

START_TEST(test_places)
{
    struct fixture x;
    struct ha_places places;
    fixture_init(&x, heap);
    ck_ok(ha_places_query(&x.q, 1000, &places));
    ck_place(&places, "com.acme.Cache", 1, 8000);
    ck_place(&places, "com.acme.Cache > good java.lang.Object[]", 1, 2000);
    ck_place(&places, "com.acme.Cache > bad java.lang.Object[]", 1, 6000);
    ck_place(&places, "com.acme.Cache > good java.lang.Object[] > [] byte[]", 2, 2000);
    ck_place(&places, "com.acme.Cache > bad java.lang.Object[] > [] byte[]", 2, 6000);
    ck_place(&places, "com.acme.Cache$$Lambda", 2, 1200);
    ck_place(&places, "com.acme.Node", 1, 4500);
    ck_place(&places, "com.acme.Node > next com.acme.Node", 2, 4000); // two nodes, one place
    ck_place(&places, "com.acme.Node > next com.acme.Node > payload byte[]", 1, 4000);
    ck_assert_ptr_null(find(&places, "com.acme.Node > payload byte[]")); // 500 bytes
    for (uint32_t i = 0; i < places.count; i++) {
        ck_assert(places.list[i].parent == HA_NONE || places.list[i].parent < i);
        ck_assert_uint_ge(places.list[i].retained_bytes, 1000);
    }
    ck_assert_uint_eq(address_of(&x, find(&places, "com.acme.Cache > bad java.lang.Object[] > [] byte[]")->largest), 0x35000);
    fixture_deinit(&x);
}
END_TEST

/* 600 arrays, of which every other one up to the 511th is looked at; all but one are held by the same field. */
static void check_odd_one(unsigned odd, const char *signature)
{
    struct fixture x;
    struct ha_places places;
    struct ha_sbuf text = {0};
    ha_sbuf_puts(&text, "use jdk17\nclass com.acme.Owner @0x20000 fields ref a ref b\n");
    for (unsigned i = 0; i < 600; i++) {
        unsigned at = 0x100000 + i * 0x1000;
        ha_sbuf_printf(&text, "object @0x%x com.acme.Owner %c=@0x%x\nbytes @0x%x 100\nroot jni-global @0x%x\n", at,
                       i == odd ? 'b' : 'a', at + 0x800, at + 0x800, at);
    }
    fixture_init(&x, ha_sbuf_text(&text));
    ck_ok(ha_places_query(&x.q, 1000, &places));
    ck_place(&places, "com.acme.Owner", 600, 600 * (120 + 40));
    const struct ha_place *place = find(&places, signature);
    ck_assert_msg(place != NULL, "%u: no place '%s'", odd, signature);
    ck_assert_uint_eq(place->objects, 600);
    fixture_deinit(&x);
    ha_sbuf_deinit(&text);
}

START_TEST(test_many_children_are_named_by_a_sample)
{
    check_odd_one(599, "com.acme.Owner > a byte[]");
    check_odd_one(512, "com.acme.Owner > a byte[]");
    check_odd_one(511, "com.acme.Owner > a byte[]");
    check_odd_one(510, "com.acme.Owner > ? byte[]");
    check_odd_one(2, "com.acme.Owner > ? byte[]");
    check_odd_one(1, "com.acme.Owner > a byte[]");
    check_odd_one(0, "com.acme.Owner > ? byte[]");
}
END_TEST

/* ---- against the oracle ---- */

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void ck_like_naive(struct ha_query *q, uint64_t min_bytes, uint64_t seed)
{
    struct ha_places places;
    struct naive naive;
    naive_places(&naive, q, min_bytes);
    ck_ok(ha_places_query(q, min_bytes, &places));
    ck_assert_msg(places.count == naive.count && places.cut == naive.cut, "seed %llu, min %llu: %u places instead of %u", (unsigned long long)seed,
                  (unsigned long long)min_bytes, places.count, naive.count);
    for (uint32_t i = 0; i < places.count; i++) {
        const struct ha_place *a = &places.list[i], *b = &naive.list[i];
        ck_assert_msg(strcmp(a->signature, b->signature) == 0 && strcmp(a->class_name, b->class_name) == 0 && same_text(a->field, b->field) &&
                          a->parent == b->parent && a->objects == b->objects && a->retained_bytes == b->retained_bytes && a->largest.i == b->largest.i,
                      "seed %llu, min %llu: place %u is %s: %llu objects, not %s: %llu", (unsigned long long)seed, (unsigned long long)min_bytes, i,
                      a->signature, (unsigned long long)a->objects, b->signature, (unsigned long long)b->objects);
    }
    naive_deinit(&naive);
}

static void open_file(struct fixture *x, struct gen_file *file, const struct ha_snapshot_options *options)
{
    char path[TEMP_PATH_BYTES];
    memset(x, 0, sizeof *x);
    temp_dir_init(&x->dir);
    ck_assert_ptr_null(gen_file_write(file, temp_path(&x->dir, "test.hprof", path)));
    ck_ok(ha_snapshot_open(path, options, &x->snapshot));
    ha_query_init(&x->q, x->snapshot);
}

START_TEST(test_random_heaps)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct gen_file file;
        struct fixture x;
        gen_file_init(&file);
        random_heap_make(&file, &(struct random_heap){.seed = seed, .objects = seed % 10 == 0 ? 600 : 0, .features = RANDOM_ALL});
        open_file(&x, &file, &(struct ha_snapshot_options){.index_packed = seed % 2 == 0, .size_model = seed % 3 == 0 ? HA_SIZES_MAT : HA_SIZES_JVM, .threads = 1 + (unsigned)(seed % 3)});
        gen_file_deinit(&file);
        static const uint64_t least[] = {1, 40, 200, 2000};
        for (size_t i = 0; i < sizeof least / sizeof *least; i++) {
            ck_like_naive(&x.q, least[i], seed);
        }
        fixture_deinit(&x);
    }
}
END_TEST

/* Levels of thousands of objects, held in no order: arrays of nodes, which hold others and leaves by one of two fields; lists and rings of them. */
static void many_make(struct ha_sbuf *text, struct rng *rng, unsigned nodes)
{
    HA_FREE unsigned *order = ha_alloc_array(nodes, sizeof *order);
    ck_assert_ptr_nonnull(order);
    for (unsigned i = 0; i < nodes; i++) {
        unsigned k = (unsigned)rng_below(rng, i + 1);
        order[i] = order[k];
        order[k] = i;
    }
    ha_sbuf_puts(text, "use jdk17\nclass Node @0x20000 fields ref a ref b ref next\nclass value @0x21000 fields ref a ref static\n"
                       "class com.acme.Leaf @0x22000 fields long x\n");
    unsigned half = nodes / 2;
    ha_sbuf_puts(text, "array @0x30000 java.lang.Object[] [");
    for (unsigned i = 0; i < half; i++) {
        ha_sbuf_printf(text, "%s@0x%x", i == 0 ? "" : " ", 0x100000 + order[i] * 0x100);
    }
    ha_sbuf_puts(text, "]\nroot jni-global @0x30000\n");
    for (unsigned i = 0; i < nodes; i++) {
        unsigned at = 0x100000 + order[i] * 0x100;
        const char *field = rng_chance(rng, 60) ? "a" : "b";
        if (i < half) { // the second half hangs below the first one
            ha_sbuf_printf(text, "object @0x%x Node %s=@0x%x%s", at, field, 0x100000 + order[half + i] * 0x100, rng_chance(rng, 30) ? "" : " next=@0x30000");
        } else {
            ha_sbuf_printf(text, "object @0x%x %s a=@0x%x", at, rng_chance(rng, 80) ? "value" : "Node", at + 0x40);
        }
        ha_sbuf_puts(text, "\n");
        if (i >= half && rng_chance(rng, 70)) {
            ha_sbuf_printf(text, "bytes @0x%x %u\n", at + 0x40, (unsigned)rng_below(rng, 60));
        } else if (i >= half) {
            ha_sbuf_printf(text, "object @0x%x com.acme.Leaf x=1\n", at + 0x40);
        }
    }
}

START_TEST(test_long_levels)
{
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct fixture x;
        struct ha_sbuf text = {0};
        struct rng rng = rng_seed(seed);
        many_make(&text, &rng, seed % 2 == 0 ? 1500 : 5200);
        fixture_open(&x, ha_sbuf_text(&text), &(struct ha_snapshot_options){.index_packed = seed > 2, .threads = 1 + (unsigned)(seed % 4)});
        ck_like_naive(&x.q, 1, seed);
        ck_like_naive(&x.q, 3000, seed);
        ck_like_naive(&x.q, 30000, seed);
        fixture_deinit(&x);
        ha_sbuf_deinit(&text);
    }
}
END_TEST

CK_HA_MAIN("q_places", test_places, test_many_children_are_named_by_a_sample, test_random_heaps, test_long_levels)
