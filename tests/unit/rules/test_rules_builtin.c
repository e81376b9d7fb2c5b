/* SPDX-License-Identifier: MIT */
#include "ha/rules/rules.h"

#include "support/ck_ha.h"
#include "unit/query/query_fixture.h"

static const char heap_text[] = "use jdk17\n"
                                "class io.netty.buffer.PoolChunk\n"
                                "class org.apache.catalina.session.StandardSession\n"
                                "class com.acme.Session super org.apache.catalina.session.StandardSession\n"
                                "class java.lang.ref.Finalizer statics ref queue\n"
                                "class datadog.trace.core.Span\n";

START_TEST(all_are_read_without_a_heap)
{
    struct ha_rules *rules = NULL;
    struct ha_rule_info info;
    ck_ok(ha_rules_builtin(&rules));
    ck_assert_uint_ge(ha_rules_count(rules), 60);
    for (uint32_t i = 0; i < ha_rules_count(rules); i++) {
        ck_assert(ha_rules_at(rules, i, &info));
        ck_assert(info.builtin);
    }
    ck_assert(!ha_rules_at(rules, ha_rules_count(rules), &info));
    ha_rules_destroy(rules);
}
END_TEST

START_TEST(a_heap_chooses_those_about_its_classes)
{
    struct fixture x;
    struct ha_rules *rules = NULL;
    struct ha_rule_info info;
    fixture_init(&x, heap_text);
    ck_ok(ha_rules_builtin_for(x.snapshot->heap, &rules));
    ck_assert(ha_rules_has(rules, "netty-pool-chunk"));     // class
    ck_assert(ha_rules_has(rules, "tomcat-sessions"));      // subclasses-of
    ck_assert(ha_rules_has(rules, "finalizer-queue"));      // static
    ck_assert(ha_rules_has(rules, "finalizable-objects"));  // of the same class
    ck_assert(ha_rules_has(rules, "agent-memory"));         // prefix
    ck_assert(ha_rules_has(rules, "thread-local-values"));  // collector
    ck_assert(!ha_rules_has(rules, "netty-thread-caches")); // of the same file as one that is there
    ck_assert(!ha_rules_has(rules, "hikari-exhausted"));
    ck_assert(ha_rules_at(rules, 0, &info));
    ck_assert(info.builtin);
    ck_assert_str_eq(info.source, "agents.yaml");
    ha_rules_destroy(rules);
    fixture_deinit(&x);
}
END_TEST

CK_HA_MAIN("rules_builtin", all_are_read_without_a_heap, a_heap_chooses_those_about_its_classes)
