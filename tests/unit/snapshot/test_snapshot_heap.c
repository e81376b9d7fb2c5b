/* SPDX-License-Identifier: MIT */
/* What an opened dump says of classes, values, strings, roots and threads. Here, because it takes all passes to have a heap to ask. */
#include "snapshot/snapshot_fixture.h"

#define BASICS "class java.lang.Object @0x10 super none\nclass java.lang.Class @0x18\nroot sticky @0x10\nroot sticky @0x18\n"

static struct fixture x;

static void check_string(ha_addr address, size_t max, const char *expected, bool expect_cut)
{
    struct ha_sbuf out = {0};
    bool cut = !expect_cut;
    ck_assert(ha_heap_string(x.s->heap, &x.window, at(&x, address), max, &out, &cut));
    ck_assert_str_eq(ha_sbuf_text(&out), expected);
    ck_assert_int_eq(cut, expect_cut);
    ha_sbuf_deinit(&out);
}

START_TEST(test_strings_of_every_jdk)
{
    static const char *const uses[] = {"use jdk6", "use jdk8", "use jdk17", "use jdk25"};
    for (size_t i = 0; i < 4; i++) {
        char text[400];
        snprintf(text, sizeof text,
                 "%s\nstring @0x30000 \"hello\"\nstring @0x31000 \"\"\nstring @0x32000 \"gr\\u00fc\\u00df\"\nstring @0x33000 \"\\u4f60\\u597d ok\"\n", uses[i]);
        fixture_init(&x, text);
        check_string(0x30000, 0, "hello", false);
        check_string(0x30000, 5, "hello", false);
        check_string(0x30000, 2, "he", true);
        check_string(0x31000, 0, "", false);
        check_string(0x32000, 0, "gr\xc3\xbc\xc3\x9f", false);
        check_string(0x33000, 0, "\xe4\xbd\xa0\xe5\xa5\xbd ok", false);
        check_string(0x33000, 1, "\xe4\xbd\xa0", true);
        struct ha_sbuf out = {0};
        ck_assert(!ha_heap_string(x.s->heap, &x.window, class_at(&x, 0x30000)->object, 0, &out, NULL)); /* no string */
        ha_sbuf_deinit(&out);
        fixture_deinit(&x);
    }
}
END_TEST

/* UTF-16 in byte[] has the byte order of the machine, which java.lang.StringUTF16.HI_BYTE_SHIFT tells. */
START_TEST(test_utf16_of_either_order)
{
    for (int big = 0; big < 2; big++) {
        char text[600];
        snprintf(text, sizeof text,
                 BASICS "class java.lang.String @0x20 fields ref value, byte coder\nclass java.lang.StringUTF16 @0x28 statics int HI_BYTE_SHIFT=%d\n"
                        "bytes @0x100 [%s]\nobject @0x140 java.lang.String value=@0x100 coder=1\n",
                 big ? 8 : 0, big ? "0x4f, 0x60, 0x00, 0x21" : "0x60, 0x4f, 0x21, 0x00");
        fixture_init(&x, text);
        check_string(0x140, 0, "\xe4\xbd\xa0!", false);
        fixture_deinit(&x);
    }
}
END_TEST

/* JDK 6 substrings share the array. */
START_TEST(test_string_parts)
{
    fixture_init(&x, BASICS "class java.lang.String @0x20 fields ref value, int offset, int count\nchars @0x100 \"hello world\"\n"
                            "object @0x140 java.lang.String value=@0x100 offset=6 count=5\n"
                            "object @0x180 java.lang.String value=@0x100 offset=6 count=6\n"
                            "object @0x1c0 java.lang.String value=@0x100 offset=-1 count=2\n"
                            "object @0x200 java.lang.String value=@0x7777 offset=0 count=2\n");
    struct ha_sbuf out = {0};
    check_string(0x140, 0, "world", false);
    ck_assert(!ha_heap_string(x.s->heap, &x.window, at(&x, 0x180), 0, &out, NULL));
    ck_assert(!ha_heap_string(x.s->heap, &x.window, at(&x, 0x1c0), 0, &out, NULL));
    ck_assert(!ha_heap_string(x.s->heap, &x.window, at(&x, 0x200), 0, &out, NULL));
    ha_sbuf_deinit(&out);
    fixture_deinit(&x);
}
END_TEST

START_TEST(test_values)
{
    fixture_init(&x, BASICS "class Base @0x20 fields int n, ref a\nclass Sub @0x28 super Base fields byte b, short n, boolean z, char c, double d\n"
                            "object @0x100 Sub b=-2 n=-3 z=true c='x' d=1.5 Base#n=-7 a=@0x140\nobject @0x140 Base n=5\n"
                            "ints @0x180 [1, -2, 3]\nlongs @0x1c0 [-1]\n");
    int64_t n;
    ha_obj target;
    struct ha_field_at field;
    struct ha_value value;
    const struct ha_heap *heap = x.s->heap;
    ha_cls sub = ha_heap_class_of(heap, at(&x, 0x100));
    ck_assert(ha_heap_read_long(heap, &x.window, at(&x, 0x100), "n", &n));
    ck_assert_int_eq(n, -3);
    ck_assert(ha_heap_read_long(heap, &x.window, at(&x, 0x100), "b", &n));
    ck_assert_int_eq(n, -2);
    ck_assert(ha_heap_read_long(heap, &x.window, at(&x, 0x100), "c", &n));
    ck_assert_int_eq(n, 'x');
    ck_assert(ha_heap_field_find(heap, sub, "Base", "n", &field));
    ck_assert(ha_heap_read(heap, &x.window, at(&x, 0x100), &field, &value));
    ck_assert_int_eq((int64_t)value.bits, -7);
    ck_assert(ha_heap_read_reference(heap, &x.window, at(&x, 0x100), "a", &target));
    ck_assert_uint_eq(target.i, at(&x, 0x140).i);
    ck_assert(!ha_heap_read_reference(heap, &x.window, at(&x, 0x140), "a", &target)); /* null */
    ck_assert(!ha_heap_read_long(heap, &x.window, at(&x, 0x100), "d", &n));
    ck_assert(!ha_heap_read_long(heap, &x.window, at(&x, 0x100), "none", &n));
    ck_assert(ha_heap_read_element(heap, &x.window, at(&x, 0x180), 1, &value));
    ck_assert_int_eq((int64_t)value.bits, -2);
    ck_assert(!ha_heap_read_element(heap, &x.window, at(&x, 0x180), 3, &value));
    ck_assert(!ha_heap_read_element(heap, &x.window, at(&x, 0x100), 0, &value));
    ck_assert_uint_eq(ha_heap_array_length(heap, at(&x, 0x180)), 3);
    ck_assert_uint_eq(ha_heap_array_length(heap, at(&x, 0x100)), 0);
    fixture_deinit(&x);
}
END_TEST

/* Payloads that do not fit the class: what is there is read, damage is told. */
START_TEST(test_payload_of_the_wrong_size)
{
    fixture_init(&x, BASICS "class Node @0x20 fields ref a, ref b\nobject @0x100 Node bytes id:0x140\n"
                            "object @0x140 Node bytes id:0x180 id:0 u4:7\nobject @0x180 Node\nroot jni-global @0x100\n");
    ha_obj target;
    ck_assert_uint_eq(diag_count(&x, HA_DIAG_BAD_INSTANCE), 2);
    ck_assert(ha_heap_read_reference(x.s->heap, &x.window, at(&x, 0x100), "a", &target));
    ck_assert(!ha_heap_read_reference(x.s->heap, &x.window, at(&x, 0x100), "b", &target));
    ck_assert_uint_eq(idom_at(&x, 0x140), 0x100);
    fixture_deinit(&x);
}
END_TEST

START_TEST(test_class_cycle)
{
    fixture_init(&x, BASICS "class A @0x20 super @0x28 fields ref a\nclass B @0x28 super @0x20 fields ref b\n"
                            "object @0x100 A bytes id:0x140 id:0\nobject @0x140 B bytes id:0 id:0\nroot jni-global @0x100\n");
    ck_assert_uint_ge(diag_count(&x, HA_DIAG_MISSING_CLASS), 1);
    ck_assert_uint_eq(idom_at(&x, 0x140), 0x100);
    fixture_deinit(&x);
}
END_TEST

START_TEST(test_deep_hierarchy)
{
    struct gen_file file;
    struct gen_error error;
    char name[32];
    gen_file_init(&file);
    ck_assert(gen_parse(&file, "deep", BASICS, &error));
    uint64_t super = 0x10;
    for (unsigned i = 0; i < 2500; i++) {
        snprintf(name, sizeof name, "C%u", i);
        struct gen_class *c = gen_class_add(&file, 0x10000 + 0x20 * i, gen_name(&file, name, strlen(name)), super, 0);
        gen_class_field(&file, c, HPROF_OBJECT, "a");
        super = c->id;
    }
    temp_dir_init(&x.dir);
    gen_root_add(&file, HPROF_ROOT_JNI_GLOBAL, super);
    ck_assert(gen_file_resolve(&file, &error));
    ck_assert_ptr_null(gen_file_write(&file, temp_path(&x.dir, "deep.hprof", x.dump)));
    gen_file_deinit(&file);
    fixture_open(&x, &(struct ha_snapshot_options){.no_index = true, .size_model = HA_SIZES_MAT});
    struct ha_field_walk walk;
    struct ha_field_at field;
    ha_cls deepest;
    unsigned fields = 0;
    ck_assert(ha_heap_as_class(x.s->heap, at(&x, super), &deepest));
    for (ha_field_walk_begin(deepest, &walk); ha_field_walk_next(x.s->heap, &walk, &field);) {
        fields++;
    }
    ck_assert_uint_le(fields, HA_CLASS_DEPTH_MAX + 1);
    ck_assert_uint_eq(diag_count(&x, HA_DIAG_MISSING_CLASS), 2); /* 2500 = 1000 + 1000 + 500: cut twice */
    ck_assert_uint_eq(idom_at(&x, super), 1);
    fixture_deinit(&x);
}
END_TEST

START_TEST(test_missing_classes_and_repeated_ids)
{
    fixture_init(&x, BASICS "class Gone @0x20 fields ref a nodump noload\nclass Node @0x28 fields ref a\n"
                            "object @0x100 Gone a=@0x140\nobject @0x140 Node a=@0x180\nobject @0x180 Node\nobject @0x1c0 Node\n"
                            "raw after @0x140 21 id:0x140 u4:1 id:0x28 u4:8 id:0x1c0\nroot jni-global @0x140\nroot jni-global @0x100\n");
    ck_assert_uint_eq(diag_count(&x, HA_DIAG_MISSING_CLASS), 1);
    ck_assert_uint_eq(diag_count(&x, HA_DIAG_DUPLICATE_ID), 1);
    ck_assert_ptr_nonnull(strstr(class_at(&x, 0x100)->name, "unknown-class"));
    ck_assert_uint_eq(class_at(&x, 0x100)->flags & HA_CLASS_IS_MADE_UP, HA_CLASS_IS_MADE_UP);
    ck_assert_uint_eq(idom_at(&x, 0x180), 0x140); /* the first record counts */
    ck_assert_uint_eq(idom_at(&x, 0x1c0), 0);
    fixture_deinit(&x);
}
END_TEST

START_TEST(test_threads)
{
    fixture_init(&x, "use jdk17\nclass Main @0x2000\nclass Node @0x2080 fields ref a\nthread @0x4000 \"main\" serial 1\nframe Main.call Main.java 12\n"
                     "frame Main.main Main.java -3\nlocal @0x3000 frame 0\nlocal @0x3020 frame 1\nroot jni-local @0x3040 thread 1\n"
                     "root monitor @0x3020\nroot java-frame @0x3060 thread 77 frame 0\n"
                     "object @0x3000 Node\nobject @0x3020 Node\nobject @0x3040 Node\nobject @0x3060 Node\n");
    const struct ha_heap *heap = x.s->heap;
    const struct ha_thread *thread = ha_heap_thread_of(heap, at(&x, 0x4000));
    ck_assert_ptr_nonnull(thread);
    ck_assert_uint_eq(thread->serial, 1);
    ck_assert_uint_eq(thread->frames_count, 2);
    ck_assert_str_eq(heap->frames[thread->frames_first].method, "call");
    ck_assert_str_eq(heap->frames[thread->frames_first].class_name, "Main");
    ck_assert_int_eq(heap->frames[thread->frames_first].line, 12);
    ck_assert_int_eq(heap->frames[thread->frames_first + 1].line, -3);
    ck_assert_uint_eq(thread->locals_count, 3);
    ck_assert_uint_eq(heap->locals[thread->locals_first].frame, 0);
    ck_assert_uint_eq(heap->locals[thread->locals_first + 2].kind, HA_ROOT_JNI_LOCAL);
    ck_assert_uint_eq(idom_at(&x, 0x3000), 0x4000);
    ck_assert_uint_eq(idom_at(&x, 0x3040), 0x4000);
    ck_assert_uint_eq(idom_at(&x, 0x3020), 1); /* a monitor besides */
    ck_assert_uint_eq(ha_heap_root_kinds(heap, at(&x, 0x3020)), 1U << HA_ROOT_BUSY_MONITOR);
    ck_assert_uint_eq(ha_heap_root_kinds(heap, at(&x, 0x3000)), 0);
    ck_assert_uint_eq(ha_heap_root_kinds(heap, at(&x, 0x3060)), 1U << HA_ROOT_JAVA_LOCAL); /* of a thread that is not known */
    ck_assert_uint_eq(ha_heap_root_kinds(heap, at(&x, 0x4000)), 1U << HA_ROOT_THREAD);
    ck_assert_ptr_null(ha_heap_thread_of(heap, at(&x, 0x3000)));
    fixture_deinit(&x);
}
END_TEST

/* Lengths are found by rank: blocks of 512 objects, words of 64, rests of 8. */
START_TEST(test_array_lengths)
{
    struct gen_file file;
    struct gen_error error;
    gen_file_init(&file);
    ck_assert(gen_parse(&file, "lengths", "use jdk17\nclass Node @0x2000 fields ref a\n", &error));
    for (unsigned i = 0; i < 3000; i++) {
        uint64_t id = 0x100000 + 0x1000 * (uint64_t)i;
        if (i % 7 == 0 || i % 64 == 63) {
            gen_instance_add(&file, id, 0x2000);
        } else if (i % 2 == 0) {
            gen_array_add(&file, id, gen_array_class(&file, "java.lang.Object[]"), i % 100);
        } else {
            gen_prim_add(&file, id, HPROF_BYTE, i);
        }
    }
    temp_dir_init(&x.dir);
    ck_assert(gen_file_resolve(&file, &error));
    ck_assert_ptr_null(gen_file_write(&file, temp_path(&x.dir, "lengths.hprof", x.dump)));
    gen_file_deinit(&file);
    fixture_open(&x, &(struct ha_snapshot_options){.no_index = true, .size_model = HA_SIZES_MAT});
    for (unsigned i = 0; i < 3000; i++) {
        unsigned expected = i % 7 == 0 || i % 64 == 63 ? 0 : i % 2 == 0 ? i % 100 : i;
        ck_assert_uint_eq(ha_heap_array_length(x.s->heap, at(&x, 0x100000 + 0x1000 * (uint64_t)i)), expected);
    }
    fixture_deinit(&x);
}
END_TEST

/* Records are found through samples where the dump ascends (strays where a segment begins within a line), by their offsets where it does not. */
static void check_records(unsigned count, const char *text, bool sampled, bool strays)
{
    struct gen_file file;
    struct gen_error error;
    gen_file_init(&file);
    ck_assert(gen_parse(&file, "records", text, &error));
    for (unsigned i = 0; i < count; i++) {
        uint64_t id = 0x100000 + 24 * (uint64_t)i;
        gen_prim_add(&file, id, HPROF_BYTE, (uint32_t)(id % 5));
    }
    temp_dir_init(&x.dir);
    ck_assert(gen_file_resolve(&file, &error));
    ck_assert_ptr_null(gen_file_write(&file, temp_path(&x.dir, "records.hprof", x.dump)));
    gen_file_deinit(&file);
    fixture_open(&x, &(struct ha_snapshot_options){.no_index = true});
    ck_assert((x.s->heap->offset_column == NULL) == sampled);
    ck_assert((x.s->heap->stray_count > 0) == strays);
    for (unsigned i = 0; i < count; i++) {
        uint64_t id = 0x100000 + 24 * (uint64_t)i;
        struct ha_body body;
        ck_assert(ha_heap_body(x.s->heap, &x.window, at(&x, id), &body));
        ck_assert_uint_eq(body.elements, id % 5);
    }
    fixture_deinit(&x);
}

START_TEST(test_records)
{
    check_records(5000, "use jdk17\n", true, false);
    check_records(5000, "use jdk17\nframing segments 4096\n", true, true);
    check_records(5000, "use jdk17\norder shuffled 3\n", false, false);
}
END_TEST

CK_HA_MAIN("snapshot_heap", test_records, test_strings_of_every_jdk, test_utf16_of_either_order, test_string_parts, test_values, test_payload_of_the_wrong_size,
           test_class_cycle, test_deep_hierarchy, test_missing_classes_and_repeated_ids, test_threads, test_array_lengths)
