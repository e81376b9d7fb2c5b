/* SPDX-License-Identifier: MIT */
#include "ha/base/yaml_read.h"

#include <string.h>

#include "ha/base/sbuf.h"
#include "support/ck_ha.h"

static struct ha_arena arena;

static struct ha_yaml *read_text(const char *text)
{
    struct ha_yaml *root = NULL;
    ck_ok(ha_yaml_read("x.yaml", text, strlen(text), &arena, &root));
    return root;
}

static void refuse(const char *text, const char *message)
{
    struct ha_yaml *root = NULL;
    ck_err(ha_yaml_read("x.yaml", text, strlen(text), &arena, &root), HA_ERR_USAGE, message);
    ck_assert_ptr_null(root);
}

START_TEST(nodes_know_where_they_stand)
{
    struct ha_yaml *root = read_text("# limits\nheap: 1G\nrules:\n  - id: a\n    say: \"1\"\n  - [x, y]\n");
    ck_assert_int_eq(root->kind, HA_YAML_MAP);
    ck_assert_uint_eq(root->count, 2);
    const struct ha_yaml *heap = ha_yaml_get(root, "heap");
    ck_assert_str_eq(heap->text, "1G");
    ck_assert(!heap->quoted);
    ck_assert_uint_eq(heap->line, 2);
    ck_assert_uint_eq(heap->column, 7);
    ck_assert_uint_eq(heap->key_column, 1);
    const struct ha_yaml *rules = ha_yaml_get(root, "rules");
    ck_assert_int_eq(rules->kind, HA_YAML_LIST);
    ck_assert_uint_eq(rules->count, 2);
    const struct ha_yaml *say = ha_yaml_get(rules->first, "say");
    ck_assert_uint_eq(say->line, 5);
    ck_assert(say->quoted);
    ck_assert_str_eq(rules->first->next->first->next->text, "y");
    ck_assert_ptr_null(rules->first->next->next);
    ck_assert_ptr_null(ha_yaml_get(root, "none"));
    ck_assert_ptr_null(ha_yaml_get(heap, "none"));
    ha_arena_deinit(&arena);
}
END_TEST

START_TEST(an_empty_document_is_an_empty_map)
{
    ck_assert_int_eq(read_text("")->kind, HA_YAML_MAP);
    ck_assert_uint_eq(read_text("# nothing\n")->count, 0);
    ha_arena_deinit(&arena);
}
END_TEST

START_TEST(what_hides_or_grows_is_refused)
{
    refuse("a: 1\nb: 2\na: 3\n", "x.yaml:3:1: the key 'a' stands here twice (first in line 1)");
    refuse("a: &x 1\nb: 2\n", "x.yaml:1:4: anchors");
    refuse("a: *x\n", "anchors");
    refuse("a: !!int 1\n", "tags");
    refuse("a: 1\n---\nb: 1\n", "x.yaml:2:1: a second document");
    refuse("[a]: 1\n", "a key must be a word");
    refuse("a: \"x\\0y\"\n", "NUL");
    refuse("a: [1, 2\nb: 3\n", "x.yaml:2:");
    refuse("a: \x80\n", "x.yaml: no YAML");
    ha_arena_deinit(&arena);
}
END_TEST

START_TEST(depth_has_an_end)
{
    char text[2 * HA_YAML_DEPTH_MAX + 3];
    memset(text, '[', HA_YAML_DEPTH_MAX);
    memset(text + HA_YAML_DEPTH_MAX, ']', HA_YAML_DEPTH_MAX);
    text[2 * HA_YAML_DEPTH_MAX] = '\0';
    ck_assert_int_eq(read_text(text)->kind, HA_YAML_LIST);
    memset(text, '[', HA_YAML_DEPTH_MAX + 1);
    refuse(text, "nested deeper than 32");
    ha_arena_deinit(&arena);
}
END_TEST

START_TEST(a_map_has_an_end)
{
    struct ha_sbuf text = {0};
    for (unsigned i = 0; i <= HA_YAML_KEYS_MAX; i++) {
        ha_sbuf_printf(&text, "k%u: 1\n", i);
    }
    refuse(ha_sbuf_text(&text), "x.yaml:1001:1: more than 1000 keys");
    ha_sbuf_deinit(&text);
    ha_arena_deinit(&arena);
}
END_TEST

CK_HA_MAIN("yaml_read", nodes_know_where_they_stand, an_empty_document_is_an_empty_map, what_hides_or_grows_is_refused,
           depth_has_an_end, a_map_has_an_end)
