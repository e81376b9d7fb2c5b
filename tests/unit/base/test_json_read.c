/* SPDX-License-Identifier: MIT */
#include "ha/base/json_read.h"

#include "ha/base/mem.h"

#include "support/ck_ha.h"
#include "support/temp_dir.h"

static struct ha_err *read_text(const char *text, struct ha_json_doc **ret)
{
    return ha_json_read_text(text, strlen(text), "test.json", ret);
}

START_TEST(test_looks)
{
    struct ha_json_doc *doc = NULL;
    uint64_t number = 7;
    bool truth = false;
    ck_ok(read_text("{\"a\": [1, \"x]{\\\"\", null, true, -1, 1.5], \"n\": 9223372036854775807}", &doc));
    const struct ha_json_value *root = ha_json_root(doc);
    const struct ha_json_value *a = ha_json_get(root, "a");
    ck_assert(ha_json_is_object(root) && ha_json_is_array(a));
    ck_assert_uint_eq(ha_json_count(root), 2);
    ck_assert_uint_eq(ha_json_count(a), 6);
    ck_assert(ha_json_number(ha_json_at(a, 0), &number) && number == 1);
    ck_assert_str_eq(ha_json_text(ha_json_at(a, 1)), "x]{\"");
    ck_assert(ha_json_is_null(ha_json_at(a, 2)));
    ck_assert(ha_json_truth(ha_json_at(a, 3), &truth) && truth);
    ck_assert(!ha_json_number(ha_json_at(a, 4), &number) && !ha_json_number(ha_json_at(a, 5), &number));
    ck_assert(ha_json_number(ha_json_get(root, "n"), &number) && number == INT64_MAX);
    ha_json_doc_free(doc);
}
END_TEST

START_TEST(test_what_is_not_there)
{
    struct ha_json_doc *doc = NULL;
    uint64_t number = 7;
    bool truth = true;
    ck_ok(read_text("{\"a\": \"text\"}", &doc));
    const struct ha_json_value *none = ha_json_get(ha_json_root(doc), "b");
    ck_assert_ptr_null(none);
    ck_assert_ptr_null(ha_json_get(none, "c"));
    ck_assert_ptr_null(ha_json_at(none, 0));
    ck_assert_ptr_null(ha_json_at(ha_json_root(doc), 0));
    ck_assert_ptr_null(ha_json_get(ha_json_get(ha_json_root(doc), "a"), "c"));
    ck_assert_ptr_null(ha_json_text(none));
    ck_assert_uint_eq(ha_json_count(none), 0);
    ck_assert(!ha_json_is_null(none) && !ha_json_is_object(none) && !ha_json_is_array(none));
    ck_assert(!ha_json_number(none, &number) && number == 7);
    ck_assert(!ha_json_truth(none, &truth) && truth);
    ha_json_doc_free(doc);
    ha_json_doc_free(NULL);
}
END_TEST

START_TEST(test_refuses)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "line 1, column 0"},
        {"{\"a\": 1", "line 1"},
        {"{\"a\": 1,\n \"a\": 2}", "duplicate"},
        {"{\"a\": 99999999999999999999}", "too big"},
        {"{\"a\": \"\xff\"}", "unable to decode byte 0xff"},
        {"[1] x", "end of file expected"},
        {"{\"a\": \"\\u0000\"}", "line 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ha_json_doc *doc = NULL;
        ck_err(read_text(cases[i].text, &doc), HA_ERR_INPUT, cases[i].says);
        ck_assert_ptr_null(doc);
    }
}
END_TEST

/* count times `piece`, between two ends. */
static char *many(const char *begin, const char *piece, size_t count, const char *end, size_t *ret_len)
{
    size_t size = strlen(begin) + strlen(piece) * count + strlen(end);
    char *text = ha_alloc(size + 1);
    ck_assert_ptr_nonnull(text);
    size_t at = strlen(begin);
    memcpy(text, begin, at);
    for (size_t i = 0; i < count; i++, at += strlen(piece)) {
        memcpy(text + at, piece, strlen(piece));
    }
    memcpy(text + at, end, strlen(end) + 1);
    *ret_len = size;
    return text;
}

START_TEST(test_limits)
{
    struct ha_json_doc *doc = NULL;
    size_t len;
    char *deep = many("", "[", HA_JSON_DEPTH_MAX + 1, "", &len);
    ck_err(ha_json_read_text(deep, len, "deep", &doc), HA_ERR_LIMIT, "nests deeper than 200");
    ha_free(deep);
    deep = many("", "[", HA_JSON_DEPTH_MAX, "", &len);
    ck_err(ha_json_read_text(deep, len, "deep", &doc), HA_ERR_INPUT, "no JSON");
    ha_free(deep);
    char *wide = many("[", "1,", HA_JSON_VALUES_MAX, "1]", &len);
    ck_err(ha_json_read_text(wide, len, "wide", &doc), HA_ERR_LIMIT, "more than 8000000 values");
    ha_free(wide);
    char *words = many("[\"", "a,[{", 3000000, "\"]", &len); // in a string they are text
    ck_ok(ha_json_read_text(words, len, "words", &doc));
    ha_json_doc_free(doc);
    ha_free(words);
}
END_TEST

START_TEST(test_files)
{
    struct temp_dir dir;
    char path[TEMP_PATH_BYTES];
    struct ha_json_doc *doc = NULL;
    temp_dir_init(&dir);
    temp_path(&dir, "a.json", path);
    ck_err(ha_json_read_file(path, 100, &doc), HA_ERR_SYSTEM, "cannot open");
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs("{\"a\": [1, 2]}", file);
    fclose(file);
    ck_ok(ha_json_read_file(path, 100, &doc));
    ck_assert_uint_eq(ha_json_count(ha_json_get(ha_json_root(doc), "a")), 2);
    ha_json_doc_free(doc);
    ck_err(ha_json_read_file(path, 12, &doc), HA_ERR_LIMIT, "larger than 12 bytes");
    ck_err(ha_json_read_file("/dev/zero", 12, &doc), HA_ERR_INPUT, "no plain file");
    temp_dir_deinit(&dir);
}
END_TEST

CK_HA_MAIN("json_read", test_looks, test_what_is_not_there, test_refuses, test_limits, test_files)
