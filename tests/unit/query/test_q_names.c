/* SPDX-License-Identifier: MIT */
#include "ha/query/q_names.h"

#include "support/ck_ha.h"

static void ck_stable(const char *name, const char *expected)
{
    struct ha_sbuf text = {0};
    ha_name_stable(name, &text);
    ck_assert_str_eq(ha_sbuf_text(&text), expected);
    ha_sbuf_clear(&text);
    ha_name_stable(expected, &text); // once more changes nothing
    ck_assert_str_eq(ha_sbuf_text(&text), expected);
    ha_sbuf_deinit(&text);
}

START_TEST(test_names)
{
    ck_stable("com.acme.Foo$$Lambda/0x00007f1c3c001200", "com.acme.Foo$$Lambda");
    ck_stable("com.acme.Foo$$Lambda$17/0x0000000800c03000", "com.acme.Foo$$Lambda");
    ck_stable("com.acme.Foo$$Lambda$17/1496724653", "com.acme.Foo$$Lambda");
    ck_stable("com.acme.Foo$$Lambda$17", "com.acme.Foo$$Lambda");
    ck_stable("com.acme.Foo$$Lambda/0x00007f1c3c001200[][]", "com.acme.Foo$$Lambda[][]");
    ck_stable("java.lang.invoke.LambdaForm$MH/0x00007f1c3c001200", "java.lang.invoke.LambdaForm$MH");
    ck_stable("jdk.proxy2.$Proxy31", "jdk.proxyN.$ProxyN");
    ck_stable("jdk.proxy12.$Proxy3[]", "jdk.proxyN.$ProxyN[]");
    ck_stable("com.sun.proxy.$Proxy9", "com.sun.proxy.$ProxyN");
    ck_stable("jdk.internal.reflect.GeneratedMethodAccessor7", "jdk.internal.reflect.GeneratedMethodAccessorN");
    ck_stable("sun.reflect.GeneratedConstructorAccessor123", "sun.reflect.GeneratedConstructorAccessorN");
    ck_stable("jdk.internal.reflect.GeneratedSerializationConstructorAccessor1",
              "jdk.internal.reflect.GeneratedSerializationConstructorAccessorN");
    ck_stable("com.acme.Order$$EnhancerBySpringCGLIB$$1f2e3d4c", "com.acme.Order$$EnhancerBySpringCGLIB$$N");
    ck_stable("com.acme.Order$$FastClassByCGLIB$$1f2e_2", "com.acme.Order$$FastClassByCGLIB$$N");
    ck_stable("com.acme.Order$$SpringCGLIB$$0", "com.acme.Order$$SpringCGLIB$$N");
    ck_stable("com.acme.Order$$SpringCGLIB$$FastClass$$1", "com.acme.Order$$SpringCGLIB$$FastClass$$N");
    ck_stable("com.acme.Order$HibernateProxy$k3Jd8sLq", "com.acme.Order$HibernateProxy$N");
    ck_stable("com.acme.Order$ByteBuddy$k3Jd8sLq", "com.acme.Order$ByteBuddy$N");
    ck_stable("com.acme.Order$MockitoMock$1839206329", "com.acme.Order$MockitoMock$N");
    ck_stable("com.acme.Order_$$_jvst1f3_a", "com.acme.Order_$$_jvstN");
}
END_TEST

START_TEST(test_other_names_stay)
{
    static const char *const names[] = {"",
                                        "com.acme.Foo",
                                        "com.acme.Foo$1",
                                        "com.acme.Foo$Bar2[]",
                                        "byte[]",
                                        "[]",
                                        "com.acme.Proxy12",
                                        "com.acme.$ProxyFactory",
                                        "jdk.proxying.Foo",
                                        "jdk.proxy2",
                                        "com.acme.GeneratedMethodAccessor",
                                        "com.acme.GeneratedMethodAccessor7b",
                                        "com.acme.Order$HibernateProxy",
                                        "com.acme.Order$HibernateProxy$",
                                        "com.acme.Order$$Lambda$Inner",
                                        "com.acme.a/b"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], "com.acme.a/b") != 0) {
            ck_stable(names[i], names[i]);
        }
    }
    ck_stable("com.acme.a/zz", "com.acme.a/zz");
}
END_TEST

START_TEST(test_fields)
{
    struct ha_sbuf text = {0};
    ha_field_stable("[17]", &text);
    ha_field_stable(" <local> frame", &text);
    ha_field_stable("<local> frame 3 com.acme.Foo.bar", &text);
    ha_field_stable("static NAME", &text);
    ck_assert_str_eq(ha_sbuf_text(&text), "[] <local> frame<local>static NAME");
    ha_sbuf_deinit(&text);
}
END_TEST

CK_HA_MAIN("q_names", test_names, test_other_names_stay, test_fields)
