/* SPDX-License-Identifier: MIT */
#include "ha/query/q_suspects.h"

#include "ha/base/sbuf.h"
#include "unit/query/query_fixture.h"

/* A cache in a static field; items that two registries share, so that they stand at the top together. */
#define HEAP(offset)                                                                               \
    "use jdk17\nclass com.acme.Main\n"                                                             \
    "class com.acme.Cache @0x20000 statics ref MAP=@0x3" offset "00\n"                             \
    "class com.acme.Entry @0x20100 fields ref next ref data\n"                                     \
    "class com.acme.Item @0x20200 fields ref data\n"                                               \
    "object @0x3" offset "00 com.acme.Entry next=@0x3" offset "80 data=@0x40000\n"                 \
    "object @0x3" offset "80 com.acme.Entry data=@0x41000\n"                                       \
    "bytes @0x40000 1000\n"                                                                        \
    "bytes @0x41000 200000\n"                                                                      \
    "array @0x50000 java.lang.Object[] [@0x60000, @0x61000, @0x62000]\n"                           \
    "array @0x51000 java.lang.Object[] [@0x60000, @0x61000, @0x62000]\n"                           \
    "object @0x60000 com.acme.Item data=@0x70000\n"                                                \
    "object @0x61000 com.acme.Item data=@0x80000\n"                                                \
    "object @0x62000 com.acme.Item data=@0x90000\n"                                                \
    "bytes @0x70000 20000\n"                                                                       \
    "bytes @0x80000 20000\n"                                                                       \
    "bytes @0x90000 20000\n"                                                                       \
    "thread @0xa0000 \"main\" serial 1\n"                                                          \
    "frame com.acme.Main.run Main.java 12\n"                                                       \
    "local @0x50000 frame 0\n"                                                                     \
    "thread @0xa1000 \"other\" serial 2\n"                                                         \
    "frame com.acme.Main.run Main.java 12\n"                                                       \
    "local @0x51000 frame 0\n"

START_TEST(test_single_and_group)
{
    struct fixture x;
    struct ha_suspects s;
    fixture_init(&x, HEAP("00"));
    ck_ok(ha_suspects_query(&x.q, &(struct ha_suspects_options){0}, &s));
    ck_assert_uint_eq(s.count, 2);
    const struct ha_suspect *cache = &s.list[0];
    ck_assert_int_eq(cache->kind, HA_SUSPECT_OBJECT);
    ck_assert_str_eq(cache->class_name, "com.acme.Cache");
    ck_assert(cache->is_class);
    ck_assert_uint_eq(address_of(&x, cache->accumulation_point), 0x41000);
    ck_assert_uint_eq(cache->path_count, 4);
    ck_assert_str_eq(cache->path[1].field, "static MAP");
    ck_assert_str_eq(cache->held_by.class_name, "com.acme.Cache");
    ck_assert_str_eq(cache->held_by.field, "static MAP");
    ck_assert_int_eq(cache->root.kind, HA_ROOT_SYSTEM_CLASS);
    ck_assert_uint_gt(cache->retained_bytes, 200000);
    ck_assert_uint_eq(cache->retained_classes.count, 3); // with the cache's own class object
    ck_assert_str_eq(cache->retained_classes.rows[0].name, "byte[]");
    const struct ha_suspect *items = &s.list[1];
    ck_assert_int_eq(items->kind, HA_SUSPECT_GROUP);
    ck_assert_uint_eq(items->instances, 3);
    ck_assert_str_eq(items->class_name, "com.acme.Item");
    ck_assert_uint_eq(address_of(&x, items->accumulation_point), 0x50000);
    ck_assert_uint_eq(items->path_count, 2);
    ck_assert_uint_eq(address_of(&x, items->thread.thread), 0xa0000);
    ck_assert_str_eq(items->thread.frame, "com.acme.Main.run (Main.java:12)");
    ck_assert_uint_eq(items->largest.count, 3);
    fixture_deinit(&x);
}
END_TEST

START_TEST(test_threshold)
{
    struct fixture x;
    struct ha_suspects s;
    struct ha_suspects all;
    fixture_init(&x, HEAP("00"));
    ck_ok(ha_suspects_query(&x.q, &(struct ha_suspects_options){.threshold_bytes = 1}, &all));
    uint64_t largest = all.list[0].retained_bytes;
    ck_ok(
        ha_suspects_query(&x.q, &(struct ha_suspects_options){.threshold_bytes = largest - 1}, &s));
    ck_assert_uint_eq(s.count, 1);
    ck_assert_int_eq(s.list[0].kind, HA_SUSPECT_OBJECT);
    ck_ok(ha_suspects_query(&x.q, &(struct ha_suspects_options){.threshold_bytes = largest},
                            &s)); // strictly more
    ck_assert(s.count == 0 || s.list[0].kind == HA_SUSPECT_GROUP);
    ck_ok(ha_suspects_query(&x.q, &(struct ha_suspects_options){.limit = 1}, &s));
    ck_assert_uint_eq(s.count, 1);
    ck_assert_uint_eq(s.omitted, 1);
    ck_ok(
        ha_suspects_query(&x.q, &(struct ha_suspects_options){.threshold_bytes = UINT64_MAX}, &s));
    ck_assert_uint_eq(s.count, 0);
    fixture_deinit(&x);
}
END_TEST

/* The id names the place, not the run: other addresses, the same id. */
START_TEST(test_ids_are_stable)
{
    struct fixture x;
    struct fixture y;
    struct ha_suspects a;
    struct ha_suspects b;
    fixture_init(&x, HEAP("00"));
    fixture_init(&y, HEAP("a0"));
    ck_ok(ha_suspects_query(&x.q, &(struct ha_suspects_options){0}, &a));
    ck_ok(ha_suspects_query(&y.q, &(struct ha_suspects_options){0}, &b));
    ck_assert_uint_eq(a.count, b.count);
    for (uint64_t i = 0; i < a.count; i++) {
        ck_assert_str_eq(a.list[i].id, b.list[i].id);
        ck_assert_uint_eq(strlen(a.list[i].id), HA_SUSPECT_ID_BYTES - 1);
    }
    ck_assert_str_ne(a.list[0].id, a.list[1].id);
    fixture_deinit(&x);
    fixture_deinit(&y);
}
END_TEST

/* For MAT a class object without static fields has no size. A group whose other members are parts of their own lacks no byte without it, but an object. */
START_TEST(test_group_with_objects_of_no_size)
{
    struct ha_sbuf text = {0};
    struct fixture x;
    struct ha_suspects s;
    ha_sbuf_puts(&text, "use minimal\n");
    for (unsigned i = 0; i < 12; i++) {
        ha_sbuf_printf(&text, "class com.acme.Large%u statics ref DATA=@data%u\nroot sticky com.acme.Large%u\n", i, i, i);
    }
    for (unsigned i = 0; i < 5; i++) {
        ha_sbuf_printf(&text, "class com.acme.Empty%u\nroot sticky com.acme.Empty%u\n", i, i);
    }
    for (unsigned i = 0; i < 12; i++) {
        ha_sbuf_printf(&text, "bytes @data%u 100000\n", i);
    }
    ck_assert(!ha_sbuf_failed(&text));
    fixture_init(&x, ha_sbuf_text(&text));
    ck_ok(ha_suspects_query(&x.q, &(struct ha_suspects_options){.threshold_percent = 20}, &s));
    ck_assert_uint_eq(s.count, 1);
    ck_assert_str_eq(s.list[0].class_name, "java.lang.Class");
    ck_assert_uint_ge(s.list[0].instances, 17);
    const struct ha_histogram *classes = &s.list[0].retained_classes;
    uint64_t found = 0;
    for (uint64_t i = 0; i < classes->count; i++) {
        found += strcmp(classes->rows[i].name, "java.lang.Class") == 0 ? classes->rows[i].instances : 0;
    }
    ck_assert_uint_eq(found, s.list[0].instances);
    fixture_deinit(&x);
    ha_sbuf_deinit(&text);
}
END_TEST

CK_HA_MAIN("q_suspects", test_single_and_group, test_threshold, test_ids_are_stable, test_group_with_objects_of_no_size)
