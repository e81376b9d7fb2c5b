/* SPDX-License-Identifier: MIT */
#include "ha/query/q_object.h"

#include "unit/query/query_fixture.h"

static const char heap[] =
    "use jdk17\nuse collections\n"
    "class java.lang.Double super java.lang.Number fields double value\n"
    "class com.acme.Base @0x20000 fields int n ref name\n"
    "class com.acme.Foo @0x20100 super com.acme.Base fields char c double d ref other boolean b\n"
    "  statics ref ONE=@0x30000 int COUNT=-7 ref NONE=null\n"
    "object @0x30000 com.acme.Foo n=-5 c='x' d=1.5 b=true name=\"hello\" other=@0x99990\n"
    "array @0x31000 java.lang.Object[] [@0x30000, null, @0x30000]\n"
    "ints @0x32000 [10, 20, 30, 40]\n"
    "object @0x33000 java.lang.Integer value=42\n"
    "object @0x34000 java.lang.Double value=0.1\n"
    "string @0x35000 "
    "\"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234\"\n"
    "thread @0x36000 \"main\" serial 1\n"
    "frame com.acme.Main.run Main.java 12\n"
    "local @0x31000 frame 0\n"
    "root jni-global @0x31000\n"
    "root jni-global @0x32000\n";

static void check_label(struct fixture *x, ha_addr address, const char *expected)
{
    struct ha_object_record record;
    ck_ok(ha_object_describe(&x->q, at(x, address), &x->q.arena, &record));
    ck_assert_ptr_nonnull(record.label);
    ck_assert_str_eq(record.label, expected);
    ck_assert_uint_eq(record.address, address);
}

START_TEST(test_labels)
{
    struct fixture x;
    fixture_init(&x, heap);
    check_label(&x, 0x31000, "length 3");
    check_label(&x, 0x33000, "42");
    check_label(&x, 0x34000, "0.1");
    check_label(
        &x, 0x35000,
        "\"01234567890123456789012345678901234567890123456789012345678901234567890123456789\"…");
    check_label(&x, 0x36000, "\"main\"");
    check_label(&x, 0x20100, "com.acme.Foo");
    struct ha_object_record record;
    ck_ok(ha_object_describe(&x.q, at(&x, 0x30000), &x.q.arena, &record));
    ck_assert_ptr_null(record.label);
    ck_assert_ptr_null(record.is_class);
    ck_assert_str_eq(record.class_name, "com.acme.Foo");
    ck_ok(ha_object_describe(&x.q, at(&x, 0x20100), &x.q.arena, &record));
    ck_assert_str_eq(record.is_class, "com.acme.Foo");
    ck_assert_str_eq(record.class_name, "java.lang.Class");
    fixture_deinit(&x);
}
END_TEST

static const struct ha_object_field *field(const struct ha_object_field *list, uint64_t count,
                                           const char *name)
{
    for (uint64_t i = 0; i < count; i++) {
        if (strcmp(list[i].name, name) == 0) {
            return &list[i];
        }
    }
    ck_abort_msg("no field %s", name);
    return NULL;
}

static void check_value(const struct ha_object_field *f, const char *expected)
{
    struct ha_sbuf text = {0};
    ck_assert(f->readable);
    ha_value_text(&f->value, &text);
    ck_assert_str_eq(ha_sbuf_text(&text), expected);
    ha_sbuf_deinit(&text);
}

START_TEST(test_fields_of_an_instance)
{
    struct fixture x;
    struct ha_object_view v;
    fixture_init(&x, heap);
    ck_ok(ha_object_query(&x.q, at(&x, 0x30000), &(struct ha_object_options){0}, &v));
    ck_assert_uint_eq(v.field_count, 6);
    ck_assert_str_eq(v.fields[0].declared_in, "com.acme.Foo");
    ck_assert_str_eq(field(v.fields, v.field_count, "n")->declared_in, "com.acme.Base");
    check_value(field(v.fields, v.field_count, "n"), "-5");
    check_value(field(v.fields, v.field_count, "c"), "'x'");
    check_value(field(v.fields, v.field_count, "d"), "1.5");
    check_value(field(v.fields, v.field_count, "b"), "true");
    check_value(field(v.fields, v.field_count, "other"), "0x99990");
    ck_assert(ha_obj_is_none(field(v.fields, v.field_count, "other")->target));
    ck_assert(!ha_obj_is_none(field(v.fields, v.field_count, "name")->target));
    ck_assert_uint_eq(v.inbound_count, 3); // twice from the array, once from the static
    ck_assert_uint_eq(address_of(&x, v.dominator), 0);
    ck_assert(v.reachable);
    ck_assert_uint_eq(v.root_count, 0);
    fixture_deinit(&x);
}
END_TEST

START_TEST(test_elements_are_paged)
{
    struct fixture x;
    struct ha_object_view v;
    fixture_init(&x, heap);
    ck_ok(ha_object_query(&x.q, at(&x, 0x32000),
                          &(struct ha_object_options){.first_element = 1, .limit = 2}, &v));
    ck_assert(v.is_array);
    ck_assert_uint_eq(v.array_length, 4);
    ck_assert_uint_eq(v.field_count, 2);
    ck_assert_uint_eq(v.fields_omitted, 2);
    ck_assert_str_eq(v.fields[0].name, "[1]");
    check_value(&v.fields[0], "20");
    ck_ok(ha_object_query(&x.q, at(&x, 0x31000), &(struct ha_object_options){.limit = 1}, &v));
    ck_assert_uint_eq(v.outbound_count, 1);
    ck_assert_str_eq(v.outbound[0].field, "<class>");
    ck_assert_uint_eq(v.outbound_omitted, 2);
    ck_assert_uint_eq(v.root_count, 2); // a JNI global, and a local of main
    ck_assert_int_eq(v.roots[0].kind, HA_ROOT_JNI_GLOBAL);
    ck_assert_int_eq(v.roots[1].kind, HA_ROOT_JAVA_LOCAL);
    ck_assert_uint_eq(address_of(&x, v.roots[1].thread), 0x36000);
    fixture_deinit(&x);
}
END_TEST

START_TEST(test_statics_of_a_class)
{
    struct fixture x;
    struct ha_object_view v;
    fixture_init(&x, heap);
    ck_ok(ha_object_query(&x.q, at(&x, 0x20100), &(struct ha_object_options){0}, &v));
    ck_assert_uint_eq(v.static_count, 3);
    check_value(field(v.statics, v.static_count, "COUNT"), "-7");
    ck_assert_uint_eq(address_of(&x, field(v.statics, v.static_count, "ONE")->target), 0x30000);
    ck_assert_uint_eq(field(v.statics, v.static_count, "NONE")->value.bits, 0);
    ck_assert(!ha_cls_is_none(v.stands_for));
    fixture_deinit(&x);
}
END_TEST

CK_HA_MAIN("q_object", test_labels, test_fields_of_an_instance, test_elements_are_paged,
           test_statics_of_a_class)
