/* SPDX-License-Identifier: MIT */
#include "ha/compare/place_words.h"

#include "support/ck_ha.h"

static void ck_place(const char *signature, const char *words, const char *holder)
{
    struct ha_sbuf out = {0};
    struct ha_sbuf field = {0};
    ha_place_words(signature, &out);
    ck_assert_str_eq(ha_sbuf_text(&out), words);
    ha_sbuf_clear(&out);
    bool found = ha_place_holder(signature, &out, &field);
    ck_assert_int_eq(found, holder != NULL);
    if (found) {
        ha_sbuf_putc(&out, '#');
        ha_sbuf_add(&out, ha_sbuf_text(&field), field.len);
        ck_assert_str_eq(ha_sbuf_text(&out), holder);
    }
    ha_sbuf_deinit(&out);
    ha_sbuf_deinit(&field);
}

START_TEST(test_words)
{
    ck_place("class com.acme.Service", "class com.acme.Service", NULL);
    ck_place("class com.acme.Service > static map java.util.HashMap", "com.acme.Service.map > java.util.HashMap", "com.acme.Service#map");
    ck_place("L > ? class com.acme.S > static map java.util.HashMap > table N[] > [] java.util.HashMap$Node",
             "com.acme.S.map > … > java.util.HashMap$Node", "com.acme.S#map");
    ck_place("java.lang.Thread > threadLocals java.lang.T > table java.lang.E[] > [] java.lang.E", "java.lang.Thread > … > java.lang.E", NULL);
    ck_place("java.lang.Thread > <local> com.acme.Job > queue java.util.ArrayList", "com.acme.Job.queue > java.util.ArrayList", "com.acme.Job#queue");
    ck_place("com.acme.Job > ? java.util.ArrayList", "com.acme.Job > ? java.util.ArrayList", NULL);
    ck_place("com.acme.Loader > static x class com.acme.Other > static y byte[]", "com.acme.Other.y > byte[]", "com.acme.Other#y");
    ck_place("", "", NULL);
}
END_TEST

CK_HA_MAIN("place_words", test_words)
