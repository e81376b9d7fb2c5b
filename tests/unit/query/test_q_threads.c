/* SPDX-License-Identifier: MIT */
#include "ha/query/q_threads.h"

#include "unit/query/query_fixture.h"

static const char heap[] =
    "use jdk17\n"
    "class com.acme.Main\n"
    "class java.util.Arrays\nclass java.lang.OutOfMemoryError\nclass jdk.internal.misc.Unsafe\n"
    "class com.acme.Work @0x20000 fields ref data\n"
    "thread @0x40000 \"main\" serial 1 threadStatus=5\n"
    "frame java.lang.OutOfMemoryError.<init> OutOfMemoryError.java 48\n"
    "frame java.util.Arrays.copyOf Arrays.java 3332\n"
    "frame com.acme.Main.run Main.java 12\n"
    "local @0x30000 frame 2\n"
    "local @0x30000 frame 2\n"
    "thread @0x41000 \"worker\" serial 2 threadStatus=657 daemon=1\n"
    "frame jdk.internal.misc.Unsafe.park null -3\n"
    "thread @0x42000 \"sleeper\" serial 3 threadStatus=225\n"
    "object @0x30000 com.acme.Work data=@0x31000\n"
    "bytes @0x31000 4096\n";

START_TEST(test_lists_threads)
{
    struct fixture x;
    struct ha_threads t;
    fixture_init(&x, heap);
    ck_ok(ha_threads_query(&x.q, &(struct ha_threads_options){.with_locals = true}, &t));
    ck_assert_uint_eq(t.count, 3);
    const struct ha_thread_view *main = &t.list[0];
    ck_assert_str_eq(main->name, "main");
    ck_assert_str_eq(main->state, "runnable");
    ck_assert(main->oom && main->is_root && !main->daemon && !main->is_virtual);
    ck_assert_uint_gt(main->retained_bytes, 4096);
    ck_assert_uint_eq(main->frame_count, 3);
    ck_assert_str_eq(main->frames[2].method, "com.acme.Main.run");
    ck_assert_uint_eq(main->frames[2].local_count, 1); // repeats once
    ck_assert_uint_eq(address_of(&x, main->frames[2].locals[0].obj), 0x30000);
    ck_assert_uint_gt(main->max_local_retained_bytes, 4096);
    for (uint64_t i = 1; i < 3; i++) {
        bool worker = strcmp(t.list[i].name, "worker") == 0;
        ck_assert_str_eq(t.list[i].state, worker ? "parked" : "sleeping");
        ck_assert_int_eq(t.list[i].daemon, worker);
        ck_assert(!t.list[i].oom);
    }
    fixture_deinit(&x);
}
END_TEST

START_TEST(test_filters_and_limits)
{
    struct fixture x;
    struct ha_threads t;
    struct ha_regex *regex = NULL;
    ck_ok(ha_regex_create("^w|^s", &regex));
    fixture_init(&x, heap);
    ck_ok(ha_threads_query(&x.q, &(struct ha_threads_options){.name = regex, .limit = 1}, &t));
    ck_assert_uint_eq(t.count, 1);
    ck_assert_uint_eq(t.omitted, 1);
    fixture_deinit(&x);
    ha_regex_destroy(regex);
}
END_TEST

START_TEST(test_out_of_memory)
{
    struct fixture x;
    struct ha_oom oom;
    fixture_init(&x, heap);
    ck_ok(ha_oom_query(&x.q, &oom));
    ck_assert(oom.found);
    ck_assert_uint_eq(address_of(&x, oom.thread), 0x40000);
    ck_assert_str_eq(oom.frame, "java.util.Arrays.copyOf (Arrays.java:3332)");
    ck_assert_str_eq(oom.application_frame, "com.acme.Main.run (Main.java:12)");
    fixture_deinit(&x);
}
END_TEST

/* JDK 19 and later keep the state in a holder. */
START_TEST(test_reads_the_holder)
{
    struct fixture x;
    struct ha_threads t;
    fixture_init(&x, "use jdk25\nthread @0x40000 \"t\" serial 1\n");
    ck_ok(ha_threads_query(&x.q, &(struct ha_threads_options){.limit = 0}, &t));
    ck_assert_uint_eq(t.count, 1);
    ck_assert_str_eq(t.list[0].name, "t");
    fixture_deinit(&x);
}
END_TEST

CK_HA_MAIN("q_threads", test_lists_threads, test_filters_and_limits, test_out_of_memory,
           test_reads_the_holder)
