/* SPDX-License-Identifier: MIT */
/* Lists of the index against the class column, and lists that lie. */
#include "ha/query/q_instances.h"

#include "ha/base/vec.h"
#include "ha/heap/heap_instances.h"
#include "support/random_heap.h"
#include "support/rng.h"
#include "unit/query/query_fixture.h"

typedef HA_VEC(uint32_t) object_list;

static void random_open(struct fixture *x, uint64_t seed)
{
    struct gen_file file;
    struct random_heap options = {.seed = seed, .objects = 400, .features = RANDOM_ALL};
    char path[TEMP_PATH_BYTES];
    memset(x, 0, sizeof *x);
    temp_dir_init(&x->dir);
    gen_file_init(&file);
    random_heap_make(&file, &options);
    ck_assert_ptr_null(gen_file_write(&file, temp_path(&x->dir, "test.hprof", path)));
    gen_file_deinit(&file);
    ck_ok(ha_snapshot_open(path, &(struct ha_snapshot_options){.no_index = true, .threads = 1}, &x->snapshot));
    ha_query_init(&x->q, x->snapshot);
}

static struct ha_err *collect(void *ctx, ha_obj obj, uint8_t mark)
{
    object_list *list = ctx;
    ck_assert_uint_eq(mark, 7);
    uint32_t *slot = ha_vec_push(list);
    ck_assert_ptr_nonnull(slot);
    *slot = obj.i;
    return NULL;
}

/* Instances of the classes for which pick() says so. */
static void ask(struct fixture *x, uint64_t seed, unsigned percent, bool unreachable_too, object_list *ret)
{
    struct ha_instances set;
    struct rng rng = rng_seed(seed);
    ck_ok(ha_instances_init(&set, &x->q));
    set.unreachable_too = unreachable_too;
    for (uint32_t c = 0; c < x->snapshot->heap->facts.class_count; c++) {
        set.marks[c] = rng_chance(&rng, percent) ? 7 : 0;
    }
    ret->count = 0;
    ck_ok(ha_instances_each(&set, collect, ret));
    ha_instances_deinit(&set);
}

/* What is kept: all objects of the classes with few, and of no others. */
START_TEST(test_lists_are_those_of_the_column)
{
    struct fixture x;
    random_open(&x, (uint64_t)_i + 1);
    const struct ha_heap *heap = x.snapshot->heap;
    uint64_t most = 0, least_left_out = UINT64_MAX, kept_objects = 0;
    for (uint32_t c = 0; c < heap->facts.class_count; c++) {
        uint64_t all = x.snapshot->retained->classes[c].all_instances;
        struct ha_instances_kept kept;
        if (!ha_heap_instances(heap, (ha_cls){c}, &kept)) {
            least_left_out = all < least_left_out ? all : least_left_out;
            continue;
        }
        ck_assert_uint_eq(kept.count, all);
        most = all > most ? all : most;
        kept_objects += all;
        uint32_t next = 0;
        for (uint32_t i = 0; i < heap->facts.object_count; i++) {
            if (ha_heap_class_of(heap, (ha_obj){i}).i == c) {
                ck_assert_uint_eq(kept.objects[next++], i);
            }
        }
        ck_assert_uint_eq(next, kept.count);
    }
    ck_assert_uint_gt(most, 0);
    ck_assert_uint_lt(most, least_left_out);
    ck_assert_uint_le(kept_objects, heap->facts.object_count / HA_INSTANCES_SHARE);
    fixture_deinit(&x);
}
END_TEST

START_TEST(test_same_without_lists)
{
    static const unsigned percents[] = {1, 3, 10, 100};
    struct fixture x;
    object_list with = {0}, without = {0};
    random_open(&x, (uint64_t)_i + 100);
    const void *ranges = x.snapshot->heap->instance_ranges;
    ck_assert_ptr_nonnull(ranges);
    for (unsigned n = 0; n < 64; n++) {
        ask(&x, n, percents[n % 4], n % 8 < 4, &with);
        x.snapshot->heap->instance_ranges = NULL;
        ask(&x, n, percents[n % 4], n % 8 < 4, &without);
        x.snapshot->heap->instance_ranges = ranges;
        ck_assert_uint_eq(with.count, without.count);
        for (size_t i = 0; i < with.count; i++) {
            ck_assert_uint_eq(with.data[i], without.data[i]);
        }
    }
    ha_vec_deinit(&with);
    ha_vec_deinit(&without);
    fixture_deinit(&x);
}
END_TEST

/* Lists and ranges of any numbers: objects of the classes, ascending, each once. */
START_TEST(test_lists_that_lie)
{
    struct fixture x;
    object_list found = {0};
    random_open(&x, (uint64_t)_i + 200);
    struct ha_heap *heap = x.snapshot->heap;
    struct rng rng = rng_seed((uint64_t)_i);
    uint64_t count = heap->instance_count;
    uint32_t *lists = malloc((count + 1) * sizeof *lists);
    uint32_t *ranges = malloc(2 * (size_t)heap->facts.class_count * sizeof *ranges);
    ck_assert(lists != NULL && ranges != NULL && count > 0);
    heap->instances = lists;
    heap->instance_ranges = ranges;
    for (unsigned n = 0; n < 200; n++) {
        for (uint64_t i = 0; i < count; i++) {
            lists[i] = rng_chance(&rng, 5) ? (uint32_t)rng_next(&rng) : (uint32_t)rng_below(&rng, heap->facts.object_count);
        }
        for (uint32_t c = 0; c < 2 * heap->facts.class_count; c++) {
            ranges[c] = rng_chance(&rng, 3) ? (uint32_t)rng_next(&rng) : (uint32_t)rng_below(&rng, c % 2 == 0 ? count : 4);
        }
        ask(&x, n, 5, true, &found);
        for (size_t i = 1; i < found.count; i++) {
            ck_assert_uint_lt(found.data[i - 1], found.data[i]);
        }
        ck_assert(found.count == 0 || found.data[found.count - 1] < heap->facts.object_count);
    }
    free(lists);
    free(ranges);
    ha_vec_deinit(&found);
    fixture_deinit(&x);
}
END_TEST

/* The same object again and again. */
START_TEST(test_lists_that_repeat)
{
    static const uint32_t range[] = {0, 3};
    struct fixture x;
    object_list found = {0};
    random_open(&x, (uint64_t)_i + 300);
    struct ha_heap *heap = x.snapshot->heap;
    uint32_t *ranges = calloc(2 * (size_t)heap->facts.class_count, sizeof *ranges);
    ck_assert_ptr_nonnull(ranges);
    heap->instance_ranges = ranges;
    heap->instance_count = 3;
    for (uint32_t i = 0; i < heap->facts.object_count; i++) {
        const uint32_t list[] = {i, i, i};
        struct ha_instances set;
        uint32_t cls = ha_heap_class_of(heap, (ha_obj){i}).i;
        heap->instances = list;
        memcpy(ranges + 2 * (size_t)cls, range, sizeof range);
        ck_ok(ha_instances_init(&set, &x.q));
        set.unreachable_too = true;
        set.marks[cls] = 7;
        found.count = 0;
        ck_ok(ha_instances_each(&set, collect, &found));
        ck_assert_uint_eq(found.count, 1);
        ck_assert_uint_eq(found.data[0], i);
        ha_instances_deinit(&set);
        memset(ranges + 2 * (size_t)cls, 0, sizeof range);
    }
    free(ranges);
    ha_vec_deinit(&found);
    fixture_deinit(&x);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("q_instances");
    TCase *tcase = tcase_create("q_instances");
    tcase_add_loop_test(tcase, test_lists_are_those_of_the_column, 0, 5);
    tcase_add_loop_test(tcase, test_same_without_lists, 0, 5);
    tcase_add_loop_test(tcase, test_lists_that_lie, 0, 5);
    tcase_add_loop_test(tcase, test_lists_that_repeat, 0, 2);
    suite_add_tcase(suite, tcase);
    return ck_ha_run_suite(suite);
}
