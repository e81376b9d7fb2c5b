/* SPDX-License-Identifier: MIT */
#include "ha/query/q_places.h"

#include "unit/query/query_fixture.h"

/* Two maps of one holder, a list of nodes that refer to their like, lambdas of two classes, and things that are small. */
static const char heap[] = "use jdk17\n"
                           "class com.acme.Cache @0x20000 fields ref good ref bad\n"
                           "class com.acme.Node @0x21000 fields ref next ref payload\n"
                           "class com.acme.Cache$$Lambda/0x00007f0001 @0x22000 fields ref captured\n"
                           "class com.acme.Cache$$Lambda/0x00007f0002 @0x23000 fields ref captured\n"
                           "object @0x30000 com.acme.Cache good=@0x31000 bad=@0x32000\n"
                           "array @0x31000 java.lang.Object[] [@0x33000 @0x34000]\n"
                           "array @0x32000 java.lang.Object[] [@0x35000 @0x36000]\n"
                           "bytes @0x33000 1000\n"
                           "bytes @0x34000 1000\n"
                           "bytes @0x35000 3000\n"
                           "bytes @0x36000 3000\n"
                           "object @0x40000 com.acme.Node next=@0x41000 payload=@0x43000\n"
                           "object @0x41000 com.acme.Node next=@0x42000\n"
                           "object @0x42000 com.acme.Node payload=@0x44000\n"
                           "bytes @0x43000 500\n"
                           "bytes @0x44000 4000\n"
                           "object @0x50000 com.acme.Cache$$Lambda/0x00007f0001 captured=@0x52000\n"
                           "object @0x51000 com.acme.Cache$$Lambda/0x00007f0002 captured=@0x53000\n"
                           "bytes @0x52000 600\n"
                           "bytes @0x53000 600\n"
                           "root jni-global @0x30000\n"
                           "root jni-global @0x40000\n"
                           "root jni-global @0x50000\n"
                           "root jni-global @0x51000\n";

static const struct ha_place *find(const struct ha_places *places, const char *signature)
{
    for (uint32_t i = 0; i < places->count; i++) {
        if (strcmp(places->list[i].signature, signature) == 0) {
            return &places->list[i];
        }
    }
    return NULL;
}

static void ck_place(const struct ha_places *places, const char *signature, uint64_t objects, uint64_t at_least)
{
    const struct ha_place *place = find(places, signature);
    ck_assert_msg(place != NULL, "no place '%s'", signature);
    ck_assert_uint_eq(place->objects, objects);
    ck_assert_uint_ge(place->retained_bytes, at_least);
    ck_assert_uint_lt(place->retained_bytes, at_least + 400);
}

START_TEST(test_places)
{
    struct fixture x;
    struct ha_places places;
    fixture_init(&x, heap);
    ck_ok(ha_places_query(&x.q, 1000, &places));
    ck_place(&places, "com.acme.Cache", 1, 8000);
    ck_place(&places, "com.acme.Cache > good java.lang.Object[]", 1, 2000);
    ck_place(&places, "com.acme.Cache > bad java.lang.Object[]", 1, 6000);
    ck_place(&places, "com.acme.Cache > good java.lang.Object[] > [] byte[]", 2, 2000);
    ck_place(&places, "com.acme.Cache > bad java.lang.Object[] > [] byte[]", 2, 6000);
    ck_place(&places, "com.acme.Cache$$Lambda", 2, 1200);
    ck_place(&places, "com.acme.Node", 1, 4500);
    ck_place(&places, "com.acme.Node > next com.acme.Node", 2, 4000); // two nodes, one place
    ck_place(&places, "com.acme.Node > next com.acme.Node > payload byte[]", 1, 4000);
    ck_assert_ptr_null(find(&places, "com.acme.Node > payload byte[]")); // 500 bytes
    for (uint32_t i = 0; i < places.count; i++) {
        ck_assert(places.list[i].parent == HA_NONE || places.list[i].parent < i);
        ck_assert_uint_ge(places.list[i].retained_bytes, 1000);
    }
    ck_assert_uint_eq(address_of(&x, find(&places, "com.acme.Cache > bad java.lang.Object[] > [] byte[]")->largest), 0x35000);
    fixture_deinit(&x);
}
END_TEST

START_TEST(test_many_children_are_named_by_a_sample)
{
    struct fixture x;
    struct ha_places places;
    struct ha_sbuf text = {0};
    ha_sbuf_puts(&text, "use jdk17\nclass com.acme.Owner @0x20000 fields ref a ref b\n");
    for (unsigned i = 0; i < 600; i++) {
        unsigned at = 0x100000 + i * 0x1000;
        ha_sbuf_printf(&text, "object @0x%x com.acme.Owner %c=@0x%x\nbytes @0x%x 100\nroot jni-global @0x%x\n", at,
                       i == 599 ? 'b' : 'a', at + 0x800, at + 0x800, at);
    }
    fixture_init(&x, ha_sbuf_text(&text));
    ck_ok(ha_places_query(&x.q, 1000, &places));
    ck_place(&places, "com.acme.Owner", 600, 600 * (120 + 40));
    const struct ha_place *place = find(&places, "com.acme.Owner > a byte[]"); // the odd one out is not looked at
    ck_assert_ptr_nonnull(place);
    ck_assert_uint_eq(place->objects, 600);
    fixture_deinit(&x);
    ha_sbuf_deinit(&text);
}
END_TEST

CK_HA_MAIN("q_places", test_places, test_many_children_are_named_by_a_sample)
