/* SPDX-License-Identifier: MIT */
#include "ha/rules/rules.h"

#include <string.h>

#include "support/ck_ha.h"
#include "unit/query/query_fixture.h"

static struct ha_rules *parse(const char *text)
{
    struct ha_rules *rules = NULL;
    ck_ok(ha_rules_parse("x.yaml", text, strlen(text), &rules));
    return rules;
}

static void refuse(const char *text, const char *message)
{
    struct ha_rules *rules = NULL;
    ck_err(ha_rules_parse("x.yaml", text, strlen(text), &rules), HA_ERR_USAGE, message);
}

#define RULE(more) "rules:\n- {id: a, about: b, title: t, advice: d, " more "}\n"

START_TEST(mistakes_are_told_with_their_place)
{
    refuse(RULE("class: A"), "x.yaml:2:3: rule 'a', when?");
    refuse(RULE("seen: count > 0"), "which objects?");
    refuse(RULE("class: A, prefix: B, seen: count > 0"), "prefix: the objects are named already");
    refuse(RULE("class: A, seen: count + 1"), "seen: this must be true or false");
    refuse(RULE("class: A, seen: retained > 10"), "bytes and counts do not go together");
    refuse(RULE("class: A, seen: count > 10 parsecs"), "something is left over");
    refuse(RULE("class: A, seen: count > 10parsecs"), "unknown unit 'parsecs'");
    refuse(RULE("class: A, seen: count >"), "it ends too early");
    refuse(RULE("class: A, seen: weight > 0"), "'weight' is no total");
    refuse(RULE("class: A, keep-if: sum(b) > 0, seen: count > 0"), "sum() is for totals");
    refuse(RULE("class: A, totals: {x: sum(sum(b))}, seen: count > 0"), "inside of another sum");
    refuse(RULE("class: A, seen: nothing() > 0"), "there is no function 'nothing'");
    refuse(RULE("class: A, each: this, seen: count > 0"), "this must be a list");
    refuse(RULE("static: A, seen: count > 0"), "'A' is not CLASS#FIELD");
    refuse(RULE("collector: moon, seen: count > 0"), "there is no collector 'moon'");
    refuse(RULE("class: A, seen: count > 0, evidence: ['{x']"), "'{' without its '}'");
    refuse("rules:\n- {id: A b, about: b, title: t, advice: d}\n", "id: small letters");
    refuse(RULE("class: A, seen: count > 0, native: native + bytes(1)"), "native: it is made of itself");
    refuse(RULE("class: A, seen: count > 0, totals: {n: native, m: n}, native: m"), "native: it is made of itself");
    refuse("rules: 1\n", "a list of rules");
    refuse("colour: red\n", "x.yaml:1:1: unknown key 'colour'");
    refuse(RULE("class: A, seen: count > 0") "- {id: a, about: b, title: t, advice: d, class: A, seen: count > 0}\n", "of this id already");
}
END_TEST

START_TEST(depth_and_length_have_an_end)
{
    struct ha_sbuf text = {0};
    ha_sbuf_puts(&text, "rules:\n- {id: a, about: b, title: t, advice: d, class: A, seen: \"");
    ha_sbuf_fill(&text, '(', 50);
    ha_sbuf_puts(&text, "\"}\n");
    refuse(ha_sbuf_text(&text), "nested deeper than 40");
    ha_sbuf_clear(&text);
    ha_sbuf_puts(&text, "rules:\n- {id: a, about: b, title: t, advice: d, class: A, seen: \"0");
    for (int i = 0; i < 500; i++) {
        ha_sbuf_puts(&text, " + 1");
    }
    ha_sbuf_puts(&text, " > 0\"}\n");
    refuse(ha_sbuf_text(&text), "longer than 400 parts");
    ha_sbuf_deinit(&text);
}
END_TEST

static const char heap_text[] = "use jdk17\nuse collections\n"
                                "class com.acme.Base fields int size\n"
                                "class com.acme.Item super com.acme.Base fields ref next, ref name, int old\n"
                                "string @red \"red\"\nstring @blue \"blue\"\n"
                                "object @i0 com.acme.Item size=1 name=@red next=@i1\n"
                                "object @i1 com.acme.Item size=10 name=@blue next=@i2\n"
                                "object @i2 com.acme.Item size=100 name=@red next=@i0\n"
                                "root jni-global @i0\n";

static struct fixture x;
static struct ha_arena arena;
static struct ha_findings findings;

static void run(const char *text)
{
    struct ha_rules *rules = parse(text);
    ha_arena_reset(&arena);
    ck_ok(ha_rules_run(rules, x.snapshot, &arena, &findings));
    ha_rules_destroy(rules);
}

START_TEST(rows_totals_groups)
{
    fixture_init(&x, heap_text);
    run(RULE("class: com.acme.Item, totals: {s: sum(size), m: max(size), n: \"at_max(size, name)\", d: distinct(name)}, seen: s == 111 and m == 100 and n == 'red' and d == 2"));
    ck_assert_uint_eq(findings.count, 1);
    ck_assert_uint_eq(findings.list[0].instances, 3);
    run(RULE("subclasses-of: com.acme.Base, group-by: name, totals: {s: sum(size)}, seen: s >= 10"));
    ck_assert_uint_eq(findings.count, 2);
    ck_assert_str_eq(findings.list[0].subject, "red"); // retains more: all three hang below the first
    run(RULE("class: com.acme.Base, seen: count >= 0"));
    ck_assert_uint_eq(findings.count, 0); // exact
    run(RULE("prefix: com.acme., keep-if: size > 5, seen: count == 2, likely: count > 5"));
    ck_assert_uint_eq(findings.count, 1);
    ck_assert_int_eq(findings.list[0].certainty, HA_SEEN);
    ha_arena_deinit(&arena);
    fixture_deinit(&x);
}
END_TEST

START_TEST(what_is_missing_silences)
{
    fixture_init(&x, heap_text);
    run(RULE("class: com.acme.Item, keep-if: weight > 0 or size > 0, seen: count > 0"));
    ck_assert_uint_eq(findings.count, 1); // one side decides
    run(RULE("class: com.acme.Item, keep-if: weight > 0, seen: count > 0"));
    ck_assert_uint_eq(findings.count, 0);
    run(RULE("class: com.acme.Item, totals: {s: sum(weight)}, seen: s >= 0 or s < 0"));
    ck_assert_uint_eq(findings.count, 0);
    run(RULE("class: com.acme.Item, totals: {s: sum(weight ?? 1)}, seen: s == 3"));
    ck_assert_uint_eq(findings.count, 1);
    run(RULE("class: com.acme.Item, totals: {s: sum(weight|size)}, seen: s == 111"));
    ck_assert_uint_eq(findings.count, 1);
    run(RULE("class: com.acme.Gone, seen: count >= 0"));
    ck_assert_uint_eq(findings.count, 0);
    ha_arena_deinit(&arena);
    fixture_deinit(&x);
}
END_TEST

START_TEST(circles_end)
{
    fixture_init(&x, heap_text);
    run(RULE("class: com.acme.Item, keep-if: size == 1, totals: {n: \"max(chain(this, 'next'))\"}, seen: n >= 1000000"));
    ck_assert_uint_eq(findings.count, 1);
    ha_arena_deinit(&arena);
    fixture_deinit(&x);
}
END_TEST

/* 400 rows, each over an array of 100,000: more steps than a run may make, and what is not counted to its end must not be told. */
START_TEST(walks_of_many_rows_end)
{
    static const char *const walks[] = {"filled(data)", "elements_shallow(data)", "if(referred_by(target, 'com.acme.None'), 1, 1)"};
    struct ha_sbuf text = {0};
    ha_sbuf_puts(&text, "use jdk17\nclass com.acme.Row fields ref data ref target\nobject @item java.lang.Object\n"
                        "array @data java.lang.Object[] [@item*100000]\n");
    for (int i = 0; i < 400; i++) {
        ha_sbuf_printf(&text, "object @row%d com.acme.Row data=@data target=@item\nroot jni-global @row%d\n", i, i);
    }
    fixture_init(&x, ha_sbuf_text(&text));
    for (size_t i = 0; i < 2; i++) {
        ha_sbuf_clear(&text);
        ha_sbuf_printf(&text, RULE("class: com.acme.Row, totals: {n: \"sum(%s)\"}, seen: has(n)"), walks[i]);
        run(ha_sbuf_text(&text));
        ck_assert_uint_eq(findings.count, 0);
    }
    ha_sbuf_clear(&text);
    ha_sbuf_printf(&text, RULE("class: com.acme.Row, totals: {n: \"sum(%s)\"}, seen: n == 400"), walks[2]);
    run(ha_sbuf_text(&text)); // of very many referrers some are looked at
    ck_assert_uint_eq(findings.count, 1);
    ha_arena_deinit(&arena);
    fixture_deinit(&x);
    ha_sbuf_deinit(&text);
}
END_TEST

START_TEST(numbers_are_finite)
{
    struct ha_sbuf text = {0};
    ha_sbuf_puts(&text, "rules:\n- {id: a, about: b, title: t, advice: d, class: com.acme.Item, totals: {p: \"percent(");
    ha_sbuf_fill(&text, '9', 308);
    ha_sbuf_puts(&text, ", 1)\"}, seen: has(p) and p == null}\n");
    fixture_init(&x, heap_text);
    run(ha_sbuf_text(&text));
    ck_assert_uint_eq(findings.count, 1);
    ha_arena_deinit(&arena);
    fixture_deinit(&x);
    ha_sbuf_clear(&text);
    ha_sbuf_puts(&text, "rules:\n- {id: a, about: b, title: t, advice: d, class: A, seen: count < ");
    ha_sbuf_fill(&text, '9', 309);
    ha_sbuf_puts(&text, "}\n");
    refuse(ha_sbuf_text(&text), "too large a number");
    ha_sbuf_deinit(&text);
}
END_TEST

START_TEST(texts_of_texts_end)
{
    struct ha_sbuf text = {0};
    ha_sbuf_puts(&text, "rules:\n- {id: a, about: b, advice: d, class: com.acme.Item, values: {a0: \"text('ää')\"");
    for (int i = 1; i < 30; i++) {
        ha_sbuf_printf(&text, ", a%d: \"text(a%d, a%d, a%d, a%d)\"", i, i - 1, i - 1, i - 1, i - 1);
    }
    ha_sbuf_puts(&text, "}, totals: {t: 'at_max(size, a29)'}, seen: count > 0, title: 'x{t}{t}{t}'}\n");
    fixture_init(&x, heap_text);
    run(ha_sbuf_text(&text));
    ck_assert_uint_eq(findings.count, 1);
    ck_assert_uint_eq(strlen(findings.list[0].title), 19999); // behind a whole character
    ha_arena_deinit(&arena);
    fixture_deinit(&x);
    ha_sbuf_deinit(&text);
}
END_TEST

START_TEST(bytes_count_once)
{
    fixture_init(&x, heap_text);
    run(RULE("class: com.acme.Item, seen: count > 0"));
    ck_assert_uint_eq(findings.count, 1);
    const struct ha_finding *f = &findings.list[0];
    ha_obj first = f->objects[0];
    ck_assert_uint_eq(f->retained_bytes, ha_query_retained(&x.q, first)); // the others lie below it
    ck_assert_uint_eq(f->cover_count, 2);                                  // the object, and its class
    ha_arena_deinit(&arena);
    fixture_deinit(&x);
}
END_TEST

CK_HA_MAIN("rules_file", mistakes_are_told_with_their_place, depth_and_length_have_an_end, rows_totals_groups, what_is_missing_silences,
           circles_end, walks_of_many_rows_end, numbers_are_finite, texts_of_texts_end, bytes_count_once)
