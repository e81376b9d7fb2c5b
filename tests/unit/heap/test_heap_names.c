/* SPDX-License-Identifier: MIT */
/* Class names as dumps write them, and as Java source has them. */
#include "ha/heap/heap_build.h"

#include "support/ck_ha.h"

static const struct {
    const char *raw, *source;
} names[] = {
    {"java/lang/String", "java.lang.String"},
    {"java.lang.String", "java.lang.String"},
    {"com/acme/Foo$Bar", "com.acme.Foo$Bar"},
    {"Main", "Main"},
    {"", ""},
    {"[I", "int[]"},
    {"[[I", "int[][]"},
    {"[Z", "boolean[]"},
    {"[[[J", "long[][][]"},
    {"[Ljava/lang/String;", "java.lang.String[]"},
    {"[[Ljava/lang/Object;", "java.lang.Object[][]"},
    {"[Ljava.lang.String;", "java.lang.String[]"},
    {"Ljava/lang/String;", "java.lang.String"},
    {"int[]", "int[]"},                           /* the agent's */
    {"java.lang.Object[][]", "java.lang.Object[][]"},
    {"[X", "X[]"},                                /* class X of the default package, as broken writers have it */
    {"I", "I"},                                   /* a class named I */
    {"com/acme/Foo$$Lambda+0x00007f1234567890", "com.acme.Foo$$Lambda/0x00007f1234567890"},
    {"com/acme/Foo$$Lambda/0x0000000800c03000", "com.acme.Foo$$Lambda/0x0000000800c03000"},
    {"com/acme/Foo$$Lambda$14/0x0000000800c03000", "com.acme.Foo$$Lambda$14/0x0000000800c03000"},
    {"com.acme.Foo$$Lambda.0x0000000800c03000", "com.acme.Foo$$Lambda/0x0000000800c03000"},
    {"[Lcom/acme/Foo$$Lambda+0x00007f1234567890;", "com.acme.Foo$$Lambda/0x00007f1234567890[]"},
    {"com/acme/Foo+0x", "com.acme.Foo+0x"},       /* no digits: no hidden class */
    {"com/acme/A+b", "com.acme.A+b"},
    {"L", "L"},
    {"L;", ""},
    {"[", "[]"},
    {"a/0xcafe/b", "a.0xcafe.b"},
};

START_TEST(test_names)
{
    struct ha_sbuf out = {0};
    ha_class_name_to_source(names[_i].raw, strlen(names[_i].raw), &out);
    ck_assert_str_eq(ha_sbuf_text(&out), names[_i].source);
    ha_sbuf_deinit(&out);
}
END_TEST

START_TEST(test_dimensions_are_bounded)
{
    char raw[1001];
    struct ha_sbuf out = {0};
    memset(raw, '[', 1000);
    raw[1000] = 'I';
    ha_class_name_to_source(raw, sizeof raw, &out);
    ck_assert_uint_lt(out.len, 3000);
    ha_sbuf_deinit(&out);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("heap_names");
    TCase *tcase = tcase_create("heap_names");
    tcase_add_loop_test(tcase, test_names, 0, sizeof names / sizeof *names);
    tcase_add_test(tcase, test_dimensions_are_bounded);
    suite_add_tcase(suite, tcase);
    return ck_ha_run_suite(suite);
}
