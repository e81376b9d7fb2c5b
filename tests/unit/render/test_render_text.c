/* SPDX-License-Identifier: MIT */
#include "render/text.h"

#include "page.h"

static const struct ha_doc_column columns[] = {{"bytes", "Bytes", NULL}, {"class", "Class", NULL}};

static struct ha_err *class_row(void *ctx, struct ha_doc *doc, struct ha_doc_node *row,
                                uint64_t index)
{
    const char *const *names = ctx;
    ha_doc_bytes(doc, row, "bytes", index * 1500);
    ha_doc_class(doc, row, "class", names[index]);
    return NULL;
}

static struct ha_doc_node *class_list(struct ha_doc *doc, const char **names, uint64_t count)
{
    struct ha_doc_node *list =
        ha_doc_list_of(doc, ha_doc_root(doc), "classes", count, class_row, names);
    ha_doc_columns(list, HA_DOC_TABLE, columns, 2);
    list->u.list->noun = "classes";
    return list;
}

START_TEST(test_table)
{
    const char *names[] = {"byte[]", "com.acme.web.session.store.Session", "java.lang.String"};
    struct ha_doc *doc = ha_doc_create();
    struct ha_doc_node *list = class_list(doc, names, 3);
    page_check(doc, "text",
               (struct ha_render_options){.width = 80, .limit = HA_RENDER_LIMIT_DEFAULT},
               "  Bytes  Class\n"
               "    0 B  byte[]\n"
               "1.5 KiB  com.acme.web.session.store.Session\n"
               "2.9 KiB  java.lang.String\n");
    // Packages give way only when the line would not fit.
    page_check(doc, "text",
               (struct ha_render_options){.width = 35, .limit = HA_RENDER_LIMIT_DEFAULT},
               "  Bytes  Class\n"
               "    0 B  byte[]\n"
               "1.5 KiB  com.\xe2\x80\xa6.store.Session\n"
               "2.9 KiB  java.lang.String\n");
    list->u.list->people_worth = 2;
    page_check(doc, "text", (struct ha_render_options){.width = 80, .limit = 1},
               "Bytes  Class\n"
               "  0 B  byte[]\n"
               "\xe2\x80\xa6 1 more classes (-n 0 shows all)\n");
    ha_doc_destroy(doc);
}
END_TEST

START_TEST(test_lines_and_sections)
{
    struct ha_doc *doc = ha_doc_create();
    struct ha_doc_node *root = ha_doc_root(doc);
    struct ha_doc_node *line = ha_doc_line(doc, root, "Heap");
    ha_doc_bytes(doc, line, NULL, 1 << 20);
    ha_doc_say(doc, ha_doc_say_count(doc, ha_doc_say(doc, line, " in "), 1, "object", NULL),
               " and ");
    ha_doc_say_count(doc, line, 2000, "class", "classes");
    ha_doc_say(doc, ha_doc_line(doc, root, "Ran out"), "thread \"main\"");
    ha_doc_machine(ha_doc_count(doc, root, "hidden", 1));
    struct ha_doc_node *section = ha_doc_section(doc, root, "Suspects");
    struct ha_doc_node *list = ha_doc_list(doc, section, "suspects");
    list->u.list->style = HA_DOC_NUMBERED;
    for (int i = 0; i < 2; i++) {
        struct ha_doc_node *row = ha_doc_record(doc, list, NULL);
        ha_doc_prose(doc, row, "first line");
        ha_doc_prose(doc, row, "second line");
    }
    page_check(doc, "text",
               (struct ha_render_options){.width = 80, .limit = HA_RENDER_LIMIT_DEFAULT},
               "Heap      1.0 MiB in 1 object and 2,000 classes\n"
               "Ran out   thread \"main\"\n"
               "\n"
               "Suspects\n"
               "1. first line\n"
               "   second line\n"
               "\n"
               "2. first line\n"
               "   second line\n");
    ha_doc_destroy(doc);
}
END_TEST

START_TEST(test_wrapping)
{
    struct ha_doc *doc = ha_doc_create();
    ha_doc_say(doc, ha_doc_line(doc, ha_doc_root(doc), "Advice"),
               "one two three four five six seven eight nine ten eleven");
    page_check(doc, "text", (struct ha_render_options){.width = 30},
               "Advice   one two three four\n"
               "         five six seven eight\n"
               "         nine ten eleven\n");
    ha_doc_destroy(doc);
}
END_TEST

START_TEST(test_hostile_text)
{
    // What comes from a heap never reaches the terminal as a control sequence, with colour or without.
    struct ha_doc *doc = ha_doc_create();
    struct ha_doc_node *object = ha_doc_object(doc, ha_doc_line(doc, ha_doc_root(doc), NULL), NULL);
    ha_doc_address(doc, object, "address", 0xabc);
    ha_doc_class(doc, object, "class", "a\033[2Jb");
    ha_doc_text(doc, object, "label", "\"\r\n\"");
    page_check(doc, "text", (struct ha_render_options){.width = 80},
               "a\\x1b[2Jb 0xabc \"\\r\\n\"\n");
    page_check(doc, "text", (struct ha_render_options){.width = 80, .color = true},
               "\033[36ma\\x1b[2Jb\033[0m \033[2m0xabc\033[0m \"\\r\\n\"\n");
    ha_doc_destroy(doc);
}
END_TEST

static struct ha_err *step_row(void *ctx, struct ha_doc *doc, struct ha_doc_node *row,
                               uint64_t index)
{
    (void)ctx;
    ha_doc_text(doc, row, "how", ha_doc_printf(doc, ".next%d", (int)index));
    ha_doc_class(doc, row, "class", "Node");
    return NULL;
}

START_TEST(test_steps_are_cut_in_the_middle)
{
    static const struct ha_doc_column step_columns[] = {{"how", NULL, NULL},
                                                        {"class", NULL, "-> "}};
    struct ha_doc *doc = ha_doc_create();
    struct ha_doc_node *list = ha_doc_list_of(doc, ha_doc_root(doc), "steps", 1000, step_row, NULL);
    ha_doc_columns(list, HA_DOC_STEPS, step_columns, 2);
    list->title = "";
    list->u.list->people_first = 1;
    list->u.list->people_most = 3;
    list->u.list->never_cut = true;
    list->u.list->noun = "steps";
    page_check(doc, "text", (struct ha_render_options){.width = 80, .limit = 1},
               "  .next1    -> Node\n"
               "  .next2    -> Node\n"
               "            \xe2\x80\xa6 996 more steps\n"
               "  .next999  -> Node\n");
    ha_doc_destroy(doc);
}
END_TEST

static void shorten_check(const char *name, size_t width, const char *expected)
{
    struct ha_sbuf text = {0};
    text_class_shorten(name, strlen(name), width, &text);
    ck_assert_str_eq(ha_sbuf_text(&text), expected);
    ha_sbuf_deinit(&text);
}

START_TEST(test_class_shorten)
{
    shorten_check("com.acme.web.Session", 20, "com.acme.web.Session");
    shorten_check("com.acme.web.Session", 19, "com.\xe2\x80\xa6.web.Session");
    shorten_check("com.acme.web.Session", 16, "com.\xe2\x80\xa6.Session");
    shorten_check("com.acme.web.Session", 10, "\xe2\x80\xa6.Session");
    shorten_check("com.acme.web.Session", 1, "\xe2\x80\xa6.Session"); // the simple name stays whole
    shorten_check("acme.Session", 3, "acme.Session");
    shorten_check("byte[]", 3, "byte[]");
    shorten_check("", 3, "");
}
END_TEST

CK_HA_MAIN("render_text", test_table, test_lines_and_sections, test_wrapping, test_hostile_text,
           test_steps_are_cut_in_the_middle, test_class_shorten)
