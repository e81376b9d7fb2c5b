/* SPDX-License-Identifier: MIT */
#include "ha/query/q_query.h"

#include "unit/query/query_fixture.h"

START_TEST(test_parts_of_class_names)
{
    ck_assert_uint_eq(ha_class_name_length("com.acme.Foo$$Lambda/0x00007f"),
                      strlen("com.acme.Foo$$Lambda"));
    ck_assert_uint_eq(ha_class_name_length("byte[]"), 6);
    ck_assert_uint_eq(ha_class_package_length("com.acme.Foo$Bar[]"), strlen("com.acme"));
    ck_assert_uint_eq(ha_class_package_length("com.acme.Foo$$Lambda/0x00.7f"), strlen("com.acme"));
    ck_assert_uint_eq(ha_class_package_length("Main"), 0);
    ck_assert_uint_eq(ha_class_package_length("int[]"), 0);
    ck_assert_uint_eq(ha_class_package_length(""), 0);
}
END_TEST

START_TEST(test_platform_names)
{
    static const char *const yes[] = {
        "java.lang.String",  "javax.swing.JTree", "jdk.internal.misc.VM",
        "sun.misc.Launcher", "com.sun.jmx.Foo",   "byte[]",
        "int[][]",           "java.lang.Object[]"};
    static const char *const no[] = {"com.acme.Foo", "javafoo.Bar", "Main",
                                     "org.java.X",   "bytes.Foo",   ""};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        ck_assert_msg(ha_class_name_is_platform(yes[i]), "%s", yes[i]);
    }
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
        ck_assert_msg(!ha_class_name_is_platform(no[i]), "%s", no[i]);
    }
}
END_TEST

static const char heap[] = "use jdk17\n"
                           "class com.acme.Foo @0x20000 fields ref next\n"
                           "class com.acme.Foo @0x20100 loader @0x50000 fields ref next\n"
                           "object @0x30000 com.acme.Foo\n"
                           "object @0x50000 java.lang.ClassLoader\n"
                           "object @0x60000 com.acme.Foo\n"
                           "root jni-global @0x30000\n"
                           "root jni-global @0x50000\n"
                           "root jni-global @0x20100\n";

START_TEST(test_looks_up_and_refuses)
{
    struct fixture x;
    struct ha_classes classes;
    ha_obj obj;
    fixture_init(&x, heap);
    ck_ok(ha_query_classes(&x.q, "com.acme.Foo", &classes));
    ck_assert_uint_eq(classes.count, 2);
    ck_ok(ha_query_classes(&x.q, "com/acme/Foo", &classes));
    ck_err(ha_query_classes(&x.q, "com.acme.foo", &classes), HA_ERR_USAGE,
           "did you mean 'com.acme.Foo'?");
    ck_err(ha_query_classes(&x.q, "Foo", &classes), HA_ERR_USAGE, "did you mean 'com.acme.Foo'?");
    ck_err(ha_query_classes(&x.q, "com.acme.Bar", &classes), HA_ERR_USAGE,
           "no class 'com.acme.Bar' in this heap");
    ck_ok(ha_query_object_at(&x.q, 0x30000, &obj));
    ck_err(ha_query_object_at(&x.q, 0x30001, &obj), HA_ERR_USAGE, "no object at 0x30001");
    fixture_deinit(&x);
}
END_TEST

START_TEST(test_counts_the_heap)
{
    struct fixture x;
    struct ha_overview o;
    fixture_init(&x, heap);
    ck_ok(ha_query_overview(&x.q, &o));
    ck_assert_uint_ge(o.unreachable_objects, 1); // classes of arrays that the heap has none of, too
    ck_assert_uint_eq(o.unreachable_bytes, ha_query_shallow(&x.q, at(&x, 0x60000)));
    ck_assert_uint_eq(o.class_loaders, 2);
    ck_assert_uint_eq(o.objects + o.unreachable_objects, x.snapshot->heap->facts.object_count);
    fixture_deinit(&x);
}
END_TEST

CK_HA_MAIN("q_query", test_parts_of_class_names, test_platform_names, test_looks_up_and_refuses,
           test_counts_the_heap)
