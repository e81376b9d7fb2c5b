/* SPDX-License-Identifier: MIT */
#include "ha/query/q_histogram.h"

#include "unit/query/query_fixture.h"

/* A loader with two classes; a list whose nodes dominate each other; an island. */
static const char heap[] =
    "use jdk17\n"
    "object @0x50000 java.lang.ClassLoader\n"
    "class com.acme.Node @0x20000 loader @0x50000 fields ref next ref data\n"
    "class com.acme.util.Item @0x20100 loader @0x50000 fields long a long b\n"
    "object @0x30000 com.acme.Node next=@0x30100\n"
    "object @0x30100 com.acme.Node next=@0x30200 data=@0x30300\n"
    "object @0x30200 com.acme.Node\n"
    "object @0x30300 com.acme.util.Item\n"
    "object @0x30400 com.acme.Node data=@0x30500\n"
    "object @0x30500 com.acme.util.Item\n"
    "root jni-global @0x20000\n"
    "root jni-global @0x20100\n"
    "root jni-global @0x30000\n";

static const struct ha_histogram_row *find(const struct ha_histogram *h, const char *name)
{
    for (uint64_t i = 0; i < h->count; i++) {
        if (h->rows[i].name != NULL && strcmp(h->rows[i].name, name) == 0) {
            return &h->rows[i];
        }
    }
    return NULL;
}

static void check_row(const struct ha_histogram_row *row, uint64_t instances, uint64_t shallow,
                      uint64_t retained)
{
    ck_assert_ptr_nonnull(row);
    ck_assert_uint_eq(row->instances, instances);
    ck_assert_uint_eq(row->shallow_bytes, shallow);
    ck_assert_uint_eq(row->retained_bytes, retained);
}

static void query(struct fixture *x, struct ha_histogram_options options, struct ha_histogram *ret)
{
    ck_ok(ha_histogram_query(&x->q, &options, ret));
}

START_TEST(test_by_class)
{
    struct fixture x;
    struct ha_histogram h;
    fixture_init(&x, heap);
    query(&x, (struct ha_histogram_options){.by = HA_BY_CLASS}, &h);
    check_row(find(&h, "com.acme.Node"), 3, 3 * 32, 3 * 32 + 32);
    check_row(find(&h, "com.acme.util.Item"), 1, 32, 32);
    ck_assert_uint_eq(find(&h, "com.acme.Node")->class_object, 0x20000);
    ck_assert_uint_eq(find(&h, "com.acme.Node")->loader_address, 0x50000);
    for (uint64_t i = 1; i < h.count; i++) {
        ck_assert_uint_ge(h.rows[i - 1].retained_bytes, h.rows[i].retained_bytes);
    }
    uint64_t bytes = h.shallow_bytes;
    ck_assert_uint_eq(bytes, x.snapshot->retained->reachable_bytes);
    query(&x,
          (struct ha_histogram_options){.by = HA_BY_CLASS, .limit = 2, .sort = HA_SORT_INSTANCES},
          &h);
    ck_assert_uint_eq(h.count, 2);
    ck_assert_uint_eq(h.shallow_bytes, bytes);
    fixture_deinit(&x);
}
END_TEST

START_TEST(test_groups_retain_less_than_their_classes_together)
{
    struct fixture x;
    struct ha_histogram h;
    fixture_init(&x, heap);
    query(&x, (struct ha_histogram_options){.by = HA_BY_PACKAGE}, &h);
    check_row(find(&h, "com.acme"), 3, 96, 128);
    check_row(find(&h, "com.acme.util"), 1, 32, 32);
    ck_assert_uint_eq(find(&h, "com.acme")->classes, 1);
    query(&x, (struct ha_histogram_options){.by = HA_BY_LOADER}, &h);
    const struct ha_histogram_row *loader = NULL;
    for (uint64_t i = 0; i < h.count; i++) {
        loader = h.rows[i].loader_address == 0x50000 ? &h.rows[i] : loader;
    }
    check_row(loader, 4, 128, 128);
    ck_assert_uint_eq(loader->classes, 2);
    ck_assert_str_eq(loader->loader_class, "java.lang.ClassLoader");
    fixture_deinit(&x);
}
END_TEST

START_TEST(test_filter_and_unreachable)
{
    struct fixture x;
    struct ha_histogram h;
    struct ha_regex *regex = NULL;
    ck_ok(ha_regex_create("acme\\.", &regex));
    fixture_init(&x, heap);
    query(&x,
          (struct ha_histogram_options){
              .filter = regex, .keep_unreachable = true, .sort = HA_SORT_SHALLOW},
          &h);
    ck_assert_uint_eq(h.count, 2);
    ck_assert(h.scope_all);
    check_row(&h.rows[0], 4, 128, 128 + 32);
    check_row(&h.rows[1], 2, 64, 64);
    fixture_deinit(&x);
    ha_regex_destroy(regex);
}
END_TEST

/* Without dominators the class column gives what --keep-unreachable gives. */
START_TEST(test_heap_only)
{
    struct fixture x;
    struct fixture y;
    struct ha_histogram all;
    struct ha_histogram column;
    fixture_init(&x, heap);
    fixture_open(
        &y, heap,
        &(struct ha_snapshot_options){
            .no_index = true, .heap_only = true, .size_model = HA_SIZES_MAT, .threads = 2});
    query(&x, (struct ha_histogram_options){.sort = HA_SORT_SHALLOW, .keep_unreachable = true},
          &all);
    query(&y, (struct ha_histogram_options){.sort = HA_SORT_SHALLOW}, &column);
    ck_assert(column.scope_all);
    ck_assert(!column.has_retained);
    ck_assert_uint_eq(column.count, all.count);
    for (uint64_t i = 0; i < all.count; i++) {
        ck_assert_str_eq(column.rows[i].name, all.rows[i].name);
        check_row(&column.rows[i], all.rows[i].instances, all.rows[i].shallow_bytes, 0);
    }
    fixture_deinit(&x);
    fixture_deinit(&y);
}
END_TEST

START_TEST(test_subtrees)
{
    struct fixture x;
    struct ha_histogram h;
    fixture_init(&x, heap);
    ha_obj top = at(&x, 0x30100);
    ck_ok(ha_histogram_of_subtrees(&x.q, &top, 1, HA_SORT_SHALLOW, 0, &h));
    ck_assert_uint_eq(h.count, 2);
    check_row(&h.rows[0], 2, 64, 96);
    check_row(&h.rows[1], 1, 32, 32);
    fixture_deinit(&x);
}
END_TEST

CK_HA_MAIN("q_histogram", test_by_class, test_groups_retain_less_than_their_classes_together,
           test_filter_and_unreachable, test_heap_only, test_subtrees)
