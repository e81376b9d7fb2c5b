/* SPDX-License-Identifier: MIT */
#include "ha/render/render.h"

#include "page.h"

#include <math.h>

START_TEST(test_values)
{
    struct ha_doc *doc = ha_doc_create();
    struct ha_doc_node *root = ha_doc_root(doc);
    ha_doc_null(doc, root, "null");
    ha_doc_bool(doc, root, "bool", true);
    ha_doc_bytes(doc, root, "bytes", UINT64_MAX);
    ha_doc_integer(doc, root, "integer", -3);
    ha_doc_percent(doc, root, "percent", 63.418);
    ha_doc_address(doc, root, "address", 0xFF0);
    ha_doc_time(doc, root, "time", 1763752991042);
    ha_doc_real(doc, root, "real", 0.1);
    ha_doc_real(doc, root, "large", 1e20);
    ha_doc_real(doc, root, "small", 1e-300);
    ha_doc_real(doc, root, "nan", NAN);
    ha_doc_line(doc, root, "line");
    ha_doc_people(ha_doc_count(doc, root, "people", 1));
    ha_doc_text(doc, ha_doc_section(doc, root, "Section"), "inside", "\n");
    page_check(doc, "json", (struct ha_render_options){.limit = HA_RENDER_LIMIT_DEFAULT},
               "{\n"
               "  \"null\": null,\n"
               "  \"bool\": true,\n"
               "  \"bytes\": 18446744073709551615,\n"
               "  \"integer\": -3,\n"
               "  \"percent\": 63.42,\n"
               "  \"address\": \"0xff0\",\n"
               "  \"time\": \"2025-11-21T19:23:11.042Z\",\n"
               "  \"real\": 0.1,\n"
               "  \"large\": 100000000000000000000,\n"
               "  \"small\": \"1e-300\",\n"
               "  \"nan\": \"NaN\",\n"
               "  \"inside\": \"\\n\"\n"
               "}\n");
    ha_doc_destroy(doc);
}
END_TEST

static void list_add(struct ha_doc *doc, const char *key, uint64_t count, uint64_t omitted)
{
    struct ha_doc_node *list = ha_doc_list(doc, ha_doc_root(doc), key);
    for (uint64_t i = 0; i < count; i++) {
        ha_doc_count(doc, list, NULL, i);
    }
    list->u.list->omitted = omitted;
    list->u.list->people_most = 1; // for people only
    list->u.list->people_worth = 1;
}

START_TEST(test_one_list_cut)
{
    struct ha_doc *doc = ha_doc_create();
    list_add(doc, "a", 3, 0);
    page_check(doc, "json", (struct ha_render_options){.limit = HA_RENDER_LIMIT_DEFAULT},
               "{\n  \"a\": [\n    0,\n    1,\n    2\n  ]\n}\n");
    page_check(doc, "json", (struct ha_render_options){.limit = 1},
               "{\n  \"a\": [\n    0\n  ],\n  \"omitted\": 2\n}\n");
    ha_doc_destroy(doc);
}
END_TEST

START_TEST(test_two_lists_cut)
{
    struct ha_doc *doc = ha_doc_create();
    list_add(doc, "a", 2, 5);
    list_add(doc, "b", 3, 0);
    page_check(doc, "json", (struct ha_render_options){.limit = 1},
               "{\n  \"a\": [\n    0\n  ],\n  \"b\": [\n    0\n  ],\n  \"a_omitted\": 6,\n  "
               "\"b_omitted\": 2,\n  \"omitted\": 8\n}\n");
    ha_doc_destroy(doc);
}
END_TEST

static struct ha_err *fails(void *ctx, const char *data, size_t len)
{
    (void)ctx;
    (void)data;
    (void)len;
    return ha_err_new(HA_ERR_SYSTEM, "disk full");
}

START_TEST(test_write_error)
{
    struct ha_doc *doc = ha_doc_create();
    list_add(doc, "a", 2, 5);
    for (size_t i = 0; ha_renderer_at(i) != NULL; i++) {
        if (ha_renderer_at(i)->command != NULL) {
            continue; /* refuses documents that are not its command's */
        }
        ck_err(ha_renderer_at(i)->render(doc, &(struct ha_render_options){.width = 80, .limit = 0},
                                         fails, NULL),
               HA_ERR_SYSTEM, "disk full");
    }
    ha_doc_destroy(doc);
}
END_TEST

START_TEST(test_choice)
{
    ck_assert_str_eq(ha_renderer_by_path("/a.b/x.JSON")->name, "json");
    ck_assert_str_eq(ha_renderer_by_path("x.txt")->name, "text");
    ck_assert_ptr_null(ha_renderer_by_path("/a.json/x"));
    ck_assert_ptr_null(ha_renderer_by_path("x."));
    ck_assert_ptr_null(ha_renderer_by_name("jso"));
}
END_TEST

CK_HA_MAIN("render_json", test_values, test_one_list_cut, test_two_lists_cut, test_write_error,
           test_choice)
