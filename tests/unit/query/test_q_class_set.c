/* SPDX-License-Identifier: MIT */
/* What sets of classes have together, against a look at every object and all that is above it. */
#include "ha/query/q_class_set.h"

#include "support/random_heap.h"
#include "support/rng.h"
#include "unit/query/query_fixture.h"

static bool is_nested(const struct fixture *x, const bool *members, ha_obj obj)
{
    while (ha_dom_of(x->snapshot->dom, obj, &obj)) {
        if (members[ha_heap_class_of(x->snapshot->heap, obj).i]) {
            return true;
        }
    }
    return false;
}

static void check_set(struct fixture *x, const bool *members)
{
    struct ha_class_set_sums sums, naive = {0};
    for (uint32_t i = 0; i < x->snapshot->heap->facts.object_count; i++) {
        ha_obj obj = {i};
        if (members[ha_heap_class_of(x->snapshot->heap, obj).i] && ha_query_reachable(&x->q, obj)) {
            naive.instances++;
            naive.shallow_bytes += ha_query_shallow(&x->q, obj);
            naive.retained_bytes += is_nested(x, members, obj) ? 0 : ha_query_retained(&x->q, obj);
        }
    }
    ck_ok(ha_class_set_query(&x->q, members, &sums));
    ck_assert_uint_eq(sums.instances, naive.instances);
    ck_assert_uint_eq(sums.shallow_bytes, naive.shallow_bytes);
    ck_assert_uint_eq(sums.retained_bytes, naive.retained_bytes);
}

static void check_sets(struct fixture *x, struct rng *rng)
{
    const uint32_t classes = x->snapshot->heap->facts.class_count;
    bool *members = ha_calloc_array(classes, sizeof *members);
    ck_assert_ptr_nonnull(members);
    for (unsigned percent = 0; percent <= 100; percent += 20) {
        for (uint32_t c = 0; c < classes; c++) {
            members[c] = rng_chance(rng, percent);
        }
        check_set(x, members);
    }
    for (uint32_t c = 0; c < classes; c++) {
        memset(members, 0, classes * sizeof *members);
        members[c] = true;
        check_set(x, members);
    }
    ha_free(members);
}

START_TEST(test_random_heaps)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct gen_file file;
        struct fixture x = {0};
        struct rng rng = rng_seed(seed);
        char path[TEMP_PATH_BYTES];
        gen_file_init(&file);
        random_heap_make(&file, &(struct random_heap){.seed = seed, .objects = 200, .features = RANDOM_ALL});
        temp_dir_init(&x.dir);
        ck_assert_ptr_null(gen_file_write(&file, temp_path(&x.dir, "test.hprof", path)));
        gen_file_deinit(&file);
        ck_ok(ha_snapshot_open(path, &(struct ha_snapshot_options){.no_index = true, .threads = 2}, &x.snapshot));
        ha_query_init(&x.q, x.snapshot);
        check_sets(&x, &rng);
        fixture_deinit(&x);
    }
}
END_TEST

/* A list longer than a short walk is deep, with members at its end and others on the way. */
START_TEST(test_long_walk)
{
    struct fixture x;
    struct rng rng = rng_seed(7);
    struct ha_sbuf text = {0};
    ha_sbuf_puts(&text, "use jdk17\nclass Node @0x20000 fields ref next ref payload\nclass Other @0x21000 fields ref next ref payload\nclass Item @0x22000 fields long x\n");
    for (unsigned i = 0; i < 3000; i++) {
        unsigned at = 0x100000 + i * 0x100;
        ha_sbuf_printf(&text, "object @0x%x %s payload=@0x%x", at, i % 7 == 6 ? "Other" : "Node", at + 0x80);
        if (i < 2999) {
            ha_sbuf_printf(&text, " next=@0x%x", at + 0x100);
        }
        ha_sbuf_printf(&text, i % 3 == 0 ? "\nbytes @0x%x 10\n" : "\nobject @0x%x Item x=1\n", at + 0x80);
    }
    ha_sbuf_puts(&text, "root jni-global @0x100000\n");
    fixture_init(&x, ha_sbuf_text(&text));
    check_sets(&x, &rng);
    fixture_deinit(&x);
    ha_sbuf_deinit(&text);
}
END_TEST

CK_HA_MAIN("q_class_set", test_random_heaps, test_long_walk)
