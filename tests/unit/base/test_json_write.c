/* SPDX-License-Identifier: MIT */
#include "ha/base/json_write.h"

#include "ha/base/sbuf.h"

#include "support/ck_ha.h"

#include <math.h>

/* Collects the output, and fails at the call number fail_at (0: never). */
struct sink {
    struct ha_sbuf text;
    int calls;
    int fail_at;
    size_t longest;
};

static struct ha_err *collect(void *ctx, const char *data, size_t len)
{
    struct sink *sink = ctx;
    if (++sink->calls == sink->fail_at) {
        return ha_err_new(HA_ERR_SYSTEM, "disk full");
    }
    sink->longest = len > sink->longest ? len : sink->longest;
    ha_sbuf_add(&sink->text, data, len);
    return NULL;
}

/* Every kind of value in objects and arrays. */
static void write_all(struct ha_json *json)
{
    ha_json_object_begin(json);
    ha_json_key(json, "list");
    ha_json_array_begin(json);
    ha_json_u64(json, UINT64_MAX);
    ha_json_i64(json, INT64_MIN);
    ha_json_bool(json, true);
    ha_json_bool(json, false);
    ha_json_null(json);
    ha_json_array_begin(json);
    ha_json_array_end(json);
    ha_json_array_end(json);
    ha_json_key(json, "k\"ey");
    ha_json_object_begin(json);
    ha_json_object_end(json);
    ha_json_key(json, "s");
    ha_json_string(json, "text");
    ha_json_object_end(json);
}

static void written(bool pretty, void (*write)(struct ha_json *), const char *expected)
{
    struct sink sink = {0};
    struct ha_json *json = ha_json_create(collect, &sink, pretty);
    write(json);
    ck_ok(ha_json_end(json));
    ha_json_destroy(json);
    ck_assert_str_eq(ha_sbuf_text(&sink.text), expected);
    ha_sbuf_deinit(&sink.text);
}

START_TEST(test_compact)
{
    written(false, write_all,
            "{\"list\":[18446744073709551615,-9223372036854775808,true,false,null,[]],"
            "\"k\\\"ey\":{},\"s\":\"text\"}\n");
}
END_TEST

START_TEST(test_pretty)
{
    written(true, write_all,
            "{\n"
            "  \"list\": [\n"
            "    18446744073709551615,\n"
            "    -9223372036854775808,\n"
            "    true,\n"
            "    false,\n"
            "    null,\n"
            "    []\n"
            "  ],\n"
            "  \"k\\\"ey\": {},\n"
            "  \"s\": \"text\"\n"
            "}\n");
}
END_TEST

static void write_string(struct ha_json *json)
{
    static const char text[] = "\"\\/\b\f\n\r\t\x01\x1f\x7f\0"
                               "\xc3\xa9\xf0\x9f\x98\x80\xff\xed\xa0\xbd\xe2\x82";
    ha_json_string_n(json, text, sizeof text - 1);
}

START_TEST(test_strings)
{
    written(false, write_string,
            "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f\\u0000"
            "\xc3\xa9\xf0\x9f\x98\x80\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
            "\xef\xbf\xbd\"\n");
}
END_TEST

static void write_doubles(struct ha_json *json)
{
    ha_json_array_begin(json);
    ha_json_double(json, 12.5, 3);
    ha_json_double(json, 3.0, 2);
    ha_json_double(json, 100.0, 0);
    ha_json_double(json, -0.0001, 2);
    ha_json_double(json, -0.0, 0);
    ha_json_double(json, 0.1, 17);
    ha_json_double(json, -2.675, 1);
    ha_json_double(json, NAN, 1);
    ha_json_double(json, -INFINITY, 1);
    ha_json_array_end(json);
}

START_TEST(test_doubles)
{
    written(false, write_doubles, "[12.5,3,100,0,0,0.10000000000000001,-2.7,null,null]\n");
}
END_TEST

static void write_huge_double(struct ha_json *json)
{
    ha_json_double(json, -1.7976931348623157e308, 17);
}

START_TEST(test_huge_double)
{
    struct sink sink = {0};
    struct ha_json *json = ha_json_create(collect, &sink, false);
    write_huge_double(json);
    ck_ok(ha_json_end(json));
    ha_json_destroy(json);
    ck_assert_uint_eq(sink.text.len, 311);
    ck_assert(strtod(ha_sbuf_text(&sink.text), NULL) == -1.7976931348623157e308);
    ha_sbuf_deinit(&sink.text);
}
END_TEST

START_TEST(test_deep_and_long)
{
    struct sink sink = {0};
    struct ha_json *json = ha_json_create(collect, &sink, false);
    for (int i = 0; i < 100000; i++) {
        ha_json_array_begin(json);
    }
    for (int i = 0; i < 100000; i++) {
        ha_json_array_end(json);
    }
    ck_ok(ha_json_end(json));
    ha_json_destroy(json);
    ck_assert_uint_eq(sink.text.len, 200001);
    ck_assert_uint_le(sink.longest, 64 << 10);
    ck_assert_int_ge(sink.calls, 4);
    ck_assert_int_eq(sink.text.data[99999], '[');
    ck_assert_int_eq(sink.text.data[100000], ']');
    ha_sbuf_deinit(&sink.text);
}
END_TEST

START_TEST(test_sticky_failure)
{
    struct sink sink = {.fail_at = 2};
    struct ha_json *json = ha_json_create(collect, &sink, false);
    ha_json_array_begin(json);
    for (int i = 0; i < 50000; i++) {
        ha_json_string(json, "some text");
    }
    ha_json_array_end(json);
    ck_err(ha_json_end(json), HA_ERR_SYSTEM, "disk full");
    ck_assert_int_eq(sink.calls, 2);
    ha_json_destroy(json);
    ha_sbuf_deinit(&sink.text);

    // Not even the rest of one long string is offered to a callback that has failed.
    static char large[1 << 20];
    memset(large, 'a', sizeof large - 1);
    sink = (struct sink){.fail_at = 2};
    json = ha_json_create(collect, &sink, false);
    ha_json_string(json, large);
    ck_err(ha_json_end(json), HA_ERR_SYSTEM, "disk full");
    ck_assert_int_eq(sink.calls, 2);
    ha_json_destroy(json);
    ha_sbuf_deinit(&sink.text);

    // The error belongs to the writer until it is taken.
    sink = (struct sink){.fail_at = 1};
    json = ha_json_create(collect, &sink, false);
    ha_json_array_begin(json);
    for (int i = 0; i < 50000; i++) {
        ha_json_null(json);
    }
    ha_json_destroy(json);
    ha_json_destroy(NULL);
}
END_TEST

static struct ha_json *fresh(void)
{
    static struct sink sink;
    return ha_json_create(collect, &sink, false);
}

static void value_without_key(void)
{
    struct ha_json *json = fresh();
    ha_json_object_begin(json);
    ha_json_null(json);
}

static void key_in_array(void)
{
    struct ha_json *json = fresh();
    ha_json_array_begin(json);
    ha_json_key(json, "k");
}

static void key_without_value(void)
{
    struct ha_json *json = fresh();
    ha_json_object_begin(json);
    ha_json_key(json, "k");
    ha_json_object_end(json);
}

static void two_keys(void)
{
    struct ha_json *json = fresh();
    ha_json_object_begin(json);
    ha_json_key(json, "k");
    ha_json_key(json, "l");
}

static void wrong_bracket(void)
{
    struct ha_json *json = fresh();
    ha_json_object_begin(json);
    ha_json_array_end(json);
}

static void closed_twice(void)
{
    struct ha_json *json = fresh();
    ha_json_object_begin(json);
    ha_json_object_end(json);
    ha_json_object_end(json);
}

static void not_closed(void)
{
    struct ha_json *json = fresh();
    ha_json_object_begin(json);
    ha_err_free(ha_json_end(json));
}

static void two_values(void)
{
    struct ha_json *json = fresh();
    ha_json_null(json);
    ha_json_null(json);
}

static void nothing(void)
{
    ha_err_free(ha_json_end(fresh()));
}

START_TEST(test_misuse)
{
    CK_HA_ASSERTS(value_without_key);
    CK_HA_ASSERTS(key_in_array);
    CK_HA_ASSERTS(key_without_value);
    CK_HA_ASSERTS(two_keys);
    CK_HA_ASSERTS(wrong_bracket);
    CK_HA_ASSERTS(closed_twice);
    CK_HA_ASSERTS(not_closed);
    CK_HA_ASSERTS(two_values);
    CK_HA_ASSERTS(nothing);
}
END_TEST

CK_HA_MAIN("json_write", test_compact, test_pretty, test_strings, test_doubles, test_huge_double,
           test_deep_and_long, test_sticky_failure, test_misuse)
