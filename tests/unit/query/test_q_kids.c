/* SPDX-License-Identifier: MIT */
/*
 * Kids that are gathered by several threads: groups are in the order in which their names are met by who goes through the kids one by one, whichever
 * thread met them. What the groups are made of is for test_q_places.c, against an oracle.
 */
#include "query/q_kids.h"

#include "ha/base/sbuf.h"
#include "unit/query/query_fixture.h"

#define PARENTS 24576U      /* twelve pieces */
#define NAME_PARENTS 512U   /* hold the first kids of a name */
#define NAMES (PARENTS / NAME_PARENTS)
#define TIMES 100U          /* which thread takes which piece is chance */

static unsigned parent_at(unsigned i)
{
    return 0x1000000 + i * 0x40;
}

/* The name of a kid: a new one every so many parents, in between those that were met before. The last name of the alphabet comes first. */
static unsigned name_at(unsigned i)
{
    unsigned newest = i / NAME_PARENTS;
    return NAMES - 1 - (i % 3 == 0 ? newest : i * 7 % (newest + 1));
}

static void make(struct ha_sbuf *text)
{
    ha_sbuf_puts(text, "use jdk17\nclass com.acme.Node @0x20000 fields ref a\n");
    for (unsigned i = 0; i < NAMES; i++) {
        ha_sbuf_printf(text, "class com.acme.Kid%02u @0x%x fields int n\n", i, 0x30000 + i * 0x100);
    }
    ha_sbuf_puts(text, "array @0x40000 java.lang.Object[] [");
    for (unsigned i = 0; i < PARENTS; i++) {
        ha_sbuf_printf(text, "%s@0x%x", i == 0 ? "" : " ", parent_at(i));
    }
    ha_sbuf_puts(text, "]\nroot jni-global @0x40000\n");
    for (unsigned i = 0; i < PARENTS; i++) {
        ha_sbuf_printf(text, "object @0x%x com.acme.Node a=@0x%x\nobject @0x%x com.acme.Kid%02u n=1\n", parent_at(i), parent_at(i) + 0x20,
                       parent_at(i) + 0x20, name_at(i));
    }
}

static void check_order(const struct kids *k)
{
    unsigned expected = 0;
    bool met[NAMES] = {false};
    uint64_t before = 0, count = 0;
    for (unsigned i = 0; i < PARENTS; i++) {
        if (met[name_at(i)]) {
            continue;
        }
        char name[40];
        snprintf(name, sizeof name, "com.acme.Kid%02u", name_at(i));
        met[name_at(i)] = true;
        ck_assert_uint_lt(expected, k->groups.count);
        const struct kid_group *group = &k->groups.data[expected];
        ck_assert_str_eq(k->names.list.data[group->name], name);
        ck_assert_msg(expected == 0 || group->first > before, "%s is met where the name before was", name);
        before = group->first;
        count += group->count;
        expected++;
    }
    ck_assert_uint_eq(k->groups.count, expected);
    ck_assert_uint_eq(count, PARENTS);
}

START_TEST(test_names_are_in_the_order_of_the_kids)
{
    static const unsigned threads[] = {1, 2, 4, 8};
    struct ha_sbuf text = {0};
    struct fixture x;
    make(&text);
    fixture_open(&x, ha_sbuf_text(&text), &(struct ha_snapshot_options){.no_index = true, .threads = 2});
    ha_sbuf_deinit(&text);
    HA_FREE ha_obj *parents = ha_alloc_array(PARENTS, sizeof *parents);
    ck_assert_ptr_nonnull(parents);
    for (unsigned i = 0; i < PARENTS; i++) {
        parents[i] = at(&x, parent_at(i));
    }
    for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
        struct kids k;
        x.snapshot->threads = threads[t];
        ck_ok(kids_init(&k, &x.q, 1));
        for (unsigned i = 0; i < TIMES; i++) {
            ck_ok(kids_gather(&k, parents, PARENTS));
            check_order(&k);
        }
        kids_deinit(&k);
    }
    fixture_deinit(&x);
}
END_TEST

CK_HA_MAIN("q_kids", test_names_are_in_the_order_of_the_kids)
