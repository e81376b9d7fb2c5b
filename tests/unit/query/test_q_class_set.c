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

/* ---- more than one batch ---- */

#define CHAIN 280000U /* with what it holds, several batches of objects */

/* A chain with members of rare classes on the way, each node holding an item or bytes of its own. */
static char *long_chain(void)
{
    struct ha_sbuf text = {0};
    ha_sbuf_puts(&text, "use jdk17\nclass Node @0x20000 fields ref next ref payload\nclass RareA @0x21000 fields ref next ref payload\n"
                        "class RareB @0x22000 fields ref next ref payload\nclass Item @0x23000 fields long x\n");
    for (unsigned i = 0; i < CHAIN; i++) {
        const unsigned at = 0x100000 + i * 0x80;
        ha_sbuf_printf(&text, "object @0x%x %s payload=@0x%x", at, i % 1000 == 990 ? "RareA" : i % 3000 == 2500 ? "RareB" : "Node", at + 0x40);
        if (i < CHAIN - 1) {
            ha_sbuf_printf(&text, " next=@0x%x", at + 0x80);
        }
        ha_sbuf_printf(&text, i % 3 == 0 ? "\nbytes @0x%x 10\n" : "\nobject @0x%x Item x=1\n", at + 0x40);
    }
    ha_sbuf_puts(&text, "root jni-global @0x100000\n");
    ck_assert(!ha_sbuf_failed(&text));
    return text.data;
}

/* From the top down, in a queue. */
static uint64_t topmost_bytes(const struct fixture *x, const bool *members)
{
    const struct ha_dom *dom = x->snapshot->dom;
    ha_obj *queue = ha_alloc_array(dom->heap->facts.object_count + 1, sizeof *queue);
    uint64_t count = 0, bytes = 0;
    ck_assert_ptr_nonnull(queue);
    struct ha_children kids = ha_dom_top(dom);
    for (uint64_t next = 0;; next++) {
        for (uint64_t k = 0; k < kids.count; k++) {
            ha_obj kid = ha_children_at(&kids, k);
            if (members[ha_heap_class_of(dom->heap, kid).i]) {
                bytes += ha_query_retained(&x->q, kid);
            } else {
                queue[count++] = kid;
            }
        }
        if (next == count) {
            break;
        }
        kids = ha_dom_children(dom, queue[next]);
    }
    ha_free(queue);
    return bytes;
}

static void set_of(const struct fixture *x, const char *first, const char *second, bool *members)
{
    for (uint32_t c = 0; c < x->snapshot->heap->facts.class_count; c++) {
        const char *name = ha_heap_class(x->snapshot->heap, (ha_cls){c})->name;
        members[c] = strcmp(name, first) == 0 || strcmp(name, second) == 0;
    }
}

START_TEST(test_many_batches)
{
    static const char *const sets[][2] = {{"RareA", "RareB"}, {"RareB", "Item"}, {"Item", "byte[]"}, {"RareA", "byte[]"}, {"Node", "Item"}};
    HA_FREE char *text = long_chain();
    for (unsigned threads = 1; threads <= 4; threads += 3) {
        struct fixture x;
        fixture_open(&x, text, &(struct ha_snapshot_options){.no_index = true, .threads = threads});
        bool *members = ha_calloc_array(x.snapshot->heap->facts.class_count, sizeof *members);
        ck_assert_ptr_nonnull(members);
        for (size_t s = 0; s < sizeof sets / sizeof *sets; s++) {
            struct ha_class_set_sums sums;
            set_of(&x, sets[s][0], sets[s][1], members);
            ck_ok(ha_class_set_query(&x.q, members, &sums));
            ck_assert_uint_gt(sums.retained_bytes, 0);
            ck_assert_uint_eq(sums.retained_bytes, topmost_bytes(&x, members));
        }
        ha_free(members);
        fixture_deinit(&x);
    }
}
END_TEST

/* A tree with a circle in it, or with what is no object above one: an error, not an endless way up. */
START_TEST(test_damage)
{
    struct fixture x;
    struct ha_class_set_sums sums;
    HA_FREE char *text = long_chain();
    fixture_init(&x, text);
    struct ha_dom *dom = x.snapshot->dom;
    const uint32_t objects = dom->heap->facts.object_count, deep = at(&x, 0x100000 + 5000 * 0x80).i, deeper = at(&x, 0x100000 + 5100 * 0x80).i;
    uint32_t *idom = ha_alloc_array(objects, sizeof *idom);
    bool *members = ha_calloc_array(dom->heap->facts.class_count, sizeof *members);
    ck_assert(idom != NULL && members != NULL);
    memcpy(idom, dom->idoms.plain, objects * sizeof *idom);
    dom->idoms.plain = dom->idom = idom;
    set_of(&x, "Item", "byte[]", members);
    ck_ok(ha_class_set_query(&x.q, members, &sums));
    idom[deep] = deeper;
    ck_err(ha_class_set_query(&x.q, members, &sums), HA_ERR_INPUT, "damaged");
    idom[deep] = objects;
    ck_err(ha_class_set_query(&x.q, members, &sums), HA_ERR_INPUT, "damaged");
    idom[deep] = HA_NONE;
    ck_err(ha_class_set_query(&x.q, members, &sums), HA_ERR_INPUT, "damaged");
    ha_free(members);
    fixture_deinit(&x);
    ha_free(idom);
}
END_TEST

CK_HA_MAIN("q_class_set", test_random_heaps, test_long_walk, test_many_batches, test_damage)
