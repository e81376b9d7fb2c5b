/* SPDX-License-Identifier: MIT */
#include "ha/report/doc.h"

#include "ha/base/mem.h"
#include "ha/report/words.h"

#include "support/ck_ha.h"

START_TEST(test_members_and_paths)
{
    struct ha_doc *doc = ha_doc_create();
    struct ha_doc_node *root = ha_doc_root(doc);
    struct ha_doc_node *section = ha_doc_section(doc, root, "Heading");
    struct ha_doc_node *object = ha_doc_object(doc, section, "object");
    ha_doc_bytes(doc, object, "shallow_bytes", 24);
    ha_doc_text(doc, root, "nothing", NULL);
    ck_assert_uint_eq(ha_doc_find(root, "object.shallow_bytes")->u.u64,
                      24); // sections are looked through
    ck_assert_int_eq(ha_doc_find(root, "nothing")->kind, HA_DOC_NULL);
    ck_assert_ptr_null(ha_doc_find(root, "object.none"));
    ck_assert_ptr_null(ha_doc_find(root, "none.shallow_bytes"));
    ck_assert_ptr_null(ha_doc_find(root, "obj"));
    ck_ok(ha_doc_error(doc));
    ha_doc_destroy(doc);
}
END_TEST

static struct ha_err *number_row(void *ctx, struct ha_doc *doc, struct ha_doc_node *row,
                                 uint64_t index)
{
    uint64_t *asked = ctx;
    (*asked)++;
    if (index == 7) {
        return ha_err_new(HA_ERR_SYSTEM, "row 7 cannot be read");
    }
    ha_doc_count(doc, row, "i", index);
    ha_doc_text(doc, row, "text", ha_doc_printf(doc, "row %d", (int)index));
    uint64_t *inner = ha_doc_alloc(doc, sizeof *inner);
    ha_doc_list_of(doc, row, "children", 3, number_row, inner);
    return NULL;
}

START_TEST(test_rows_on_demand)
{
    struct ha_doc *doc = ha_doc_create();
    uint64_t asked = 0;
    struct ha_doc_node *list =
        ha_doc_list_of(doc, ha_doc_root(doc), "list", 1000000000, number_row, &asked);
    struct ha_doc_rows rows;
    const struct ha_doc_node *row = NULL;
    ha_doc_rows_begin(doc, list, 5, &rows);
    ck_ok(ha_doc_rows_next(&rows, &row));
    ck_assert_uint_eq(ha_doc_find(row, "i")->u.u64, 5);
    ck_assert_uint_eq(asked, 1);
    // A walk over the children of a row leaves the row as it is.
    struct ha_doc_rows inner;
    const struct ha_doc_node *child = NULL;
    ha_doc_rows_begin(doc, ha_doc_find(row, "children"), 0, &inner);
    for (uint64_t i = 0; i < 3; i++) {
        ck_ok(ha_doc_rows_next(&inner, &child));
        ck_assert_uint_eq(ha_doc_find(child, "i")->u.u64, i);
    }
    ck_ok(ha_doc_rows_next(&inner, &child));
    ck_assert_ptr_null(child);
    ha_doc_rows_end(&inner);
    ck_assert_str_eq(ha_doc_find(row, "text")->u.text, "row 5");
    ck_ok(ha_doc_rows_next(&rows, &row));
    ck_err(ha_doc_rows_next(&rows, &row), HA_ERR_SYSTEM, "row 7");
    ha_doc_rows_end(&rows);
    ha_doc_destroy(doc);
}
END_TEST

START_TEST(test_rows_held)
{
    struct ha_doc *doc = ha_doc_create();
    struct ha_doc_node *list = ha_doc_list(doc, ha_doc_root(doc), "list");
    for (uint64_t i = 0; i < 4; i++) {
        ha_doc_count(doc, list, NULL, i);
    }
    ck_assert_uint_eq(list->u.list->count, 4);
    struct ha_doc_rows rows;
    const struct ha_doc_node *row = NULL;
    ha_doc_rows_begin(doc, list, 3, &rows);
    ck_ok(ha_doc_rows_next(&rows, &row));
    ck_assert_uint_eq(row->u.u64, 3);
    ck_ok(ha_doc_rows_next(&rows, &row));
    ck_assert_ptr_null(row);
    ha_doc_rows_end(&rows);
    ha_doc_destroy(doc);
}
END_TEST

static void words_check(void (*fn)(struct ha_sbuf *, uint64_t), uint64_t v, const char *expected)
{
    struct ha_sbuf text = {0};
    fn(&text, v);
    ck_assert_str_eq(ha_sbuf_text(&text), expected);
    ha_sbuf_deinit(&text);
}

START_TEST(test_words)
{
    words_check(ha_words_count, 0, "0");
    words_check(ha_words_count, 999, "999");
    words_check(ha_words_count, 1000, "1,000");
    words_check(ha_words_count, UINT64_MAX, "18,446,744,073,709,551,615");
    words_check(ha_words_bytes, 0, "0 B");
    words_check(ha_words_bytes, 1023, "1023 B");
    words_check(ha_words_bytes, 1024, "1.0 KiB");
    words_check(ha_words_bytes, 1048575, "1.0 MiB"); // not 1024.0 KiB
    words_check(ha_words_bytes, 1288490189, "1.2 GiB");
    words_check(ha_words_bytes, UINT64_MAX, "16.0 EiB");
}
END_TEST

START_TEST(test_words_shell)
{
    static const struct {
        const char *word, *expected;
    } cases[] = {{"a.hprof", "a.hprof"},       {"", "''"},
                 {"my dump", "'my dump'"},     {"it's", "'it'\\''s'"},
                 {"/tmp/x-1_2", "/tmp/x-1_2"}, {"$x", "'$x'"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ha_sbuf text = {0};
        ha_words_shell(&text, cases[i].word);
        ck_assert_str_eq(ha_sbuf_text(&text), cases[i].expected);
        ha_sbuf_deinit(&text);
    }
}
END_TEST

START_TEST(test_words_time)
{
    struct ha_sbuf text = {0};
    ha_words_time(&text, 1763752991999);
    ck_assert_str_eq(ha_sbuf_text(&text), "2025-11-21 19:23:11 UTC");
    ha_sbuf_clear(&text);
    ha_words_time(&text, INT64_MAX);
    ck_assert(text.len > 0);
    ha_sbuf_deinit(&text);
}
END_TEST

CK_HA_MAIN("doc", test_members_and_paths, test_rows_on_demand, test_rows_held, test_words,
           test_words_shell, test_words_time)
