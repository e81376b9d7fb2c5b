/* SPDX-License-Identifier: MIT */
/*
 * The dump generator: bytes of small files written out by hand, messages of the parser, framing, damage, layout of addresses.
 */
#include "support/dumpgen.h"

#include "support/ck_ha.h"

#include <fcntl.h>
#include <stdio.h>

struct dump {
    uint8_t *data;
    size_t bytes;
};

static void parse(struct gen_file *f, const char *text)
{
    struct gen_error error;
    gen_file_init(f);
    ck_assert_msg(gen_parse(f, "t.heap", text, &error), "%s", error.message);
}

static struct dump dump_of(const char *text)
{
    struct gen_file f;
    struct dump d;
    parse(&f, text);
    gen_file_write_memory(&f, &d.data, &d.bytes);
    gen_file_deinit(&f);
    return d;
}

/* Compares with bytes as hex digits; blanks do not count. */
static void check_bytes(struct dump d, const char *hex)
{
    size_t at = 0;
    for (const char *p = hex; *p != '\0'; p++) {
        if (*p == ' ') {
            continue;
        }
        char pair[3] = {p[0], p[1], '\0'};
        ck_assert_msg(at < d.bytes, "the file ends after %zu bytes, expected %s", at, p);
        ck_assert_msg(d.data[at] == strtoul(pair, NULL, 16), "byte %zu is %02x, expected %s", at,
                      d.data[at], p);
        at++;
        p++;
    }
    ck_assert_uint_eq(at, d.bytes);
    free(d.data);
}

#define HEADER_8 "4a4156412050524f46494c4520312e302e3200 00000008 0000000000000000 "
#define HEADER_4 "4a4156412050524f46494c4520312e302e3100 00000004 000000000000000f "

START_TEST(test_exact_bytes_of_a_small_file)
{
    struct dump d = dump_of("hprof 1.0.1 id 4 time 15\n"
                            "framing dump\n"
                            "string-ids 0x80\n"
                            "default-trace 0\n"
                            "class A @0x10 super none fields int n, ref r\n"
                            "object @0x20 A n=-2 r=@0x20\n"
                            "array @0x30 @0x10 [@0x20, null]\n"
                            "bytes @0x40 \"hi\"\n"
                            "root jni-global @0x20 jni 7\n"
                            "root java-frame @0x30 thread 5 frame 1\n");
    check_bytes(
        d, HEADER_4
        "01 00000000 00000005 00000080 41 "                         /* A */
        "01 00000000 00000005 00000088 6e "                         /* n */
        "01 00000000 00000005 00000090 72 "                         /* r */
        "02 00000000 00000010 00000001 00000010 00000000 00000080 " /* LOAD_CLASS */
        "0c 00000000 0000008d "                                     /* HEAP_DUMP */
        "20 00000010 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000008 "
        "0000 0000 0002 00000088 0a 00000090 02 "                   /* CLASS_DUMP */
        "21 00000020 00000000 00000010 00000008 fffffffe 00000020 " /* INSTANCE_DUMP */
        "22 00000030 00000000 00000002 00000010 00000020 00000000 " /* OBJ_ARRAY_DUMP */
        "23 00000040 00000000 00000002 08 6869 "                    /* PRIM_ARRAY_DUMP */
        "01 00000020 00000007 "                                     /* ROOT_JNI_GLOBAL */
        "03 00000030 00000005 00000001 ");                          /* ROOT_JAVA_FRAME */
}
END_TEST

START_TEST(test_default_file_is_hotspots)
{
    check_bytes(dump_of("longs @0x1000 [1]\n"), HEADER_8
                "05 00000000 0000000c 00000001 00000000 00000000 " /* the dummy trace */
                "1c 00000000 0000001a 23 0000000000001000 00000001 00000001 0b 0000000000000001 "
                "2c 00000000 00000000");
}
END_TEST

START_TEST(test_names_are_slashed_or_dotted)
{
    static const char text[] =
        "hprof 1.0.1 id 4 time 15\nframing dump\nstring-ids 8\ndefault-trace 0\n"
        "class a.B[][] @1 super none nodump\nclass int[] @2 super none nodump\n";
    char dotted[256];
    snprintf(dotted, sizeof dotted, "%snames dotted\n", text);
    check_bytes(dump_of(text),
                HEADER_4 "01 00000000 0000000b 00000008 5b5b4c612f423b " /* [[La/B; */
                         "01 00000000 00000006 00000010 5b49 "           /* [I */
                         "02 00000000 00000010 00000001 00000001 00000000 00000008 "
                         "02 00000000 00000010 00000002 00000002 00000000 00000010 ");
    check_bytes(dump_of(dotted),
                HEADER_4 "01 00000000 0000000b 00000008 612e425b5d5b5d " /* a.B[][] */
                         "01 00000000 00000009 00000010 696e745b5d "     /* int[] */
                         "02 00000000 00000010 00000001 00000001 00000000 00000008 "
                         "02 00000000 00000010 00000002 00000002 00000000 00000010 ");
}
END_TEST

START_TEST(test_threads_and_traces)
{
    struct dump d = dump_of(
        "hprof 1.0.1 id 4 time 15\nframing dump\nstring-ids 8\ndefault-trace 0\n"
        "class java.lang.Thread @0x10 super none\n"
        "thread @0x20 serial 3\nframe \"java.lang.Thread.run\" null 7 sig \"()I\"\nlocal @0x20\n");
    check_bytes(
        d, HEADER_4
        "01 00000000 00000014 00000008 6a6176612f6c616e672f546872656164 "
        "02 00000000 00000010 00000001 00000010 00000000 00000008 "
        "01 00000000 00000007 00000010 72756e "
        "01 00000000 00000007 00000018 282949 "
        "04 00000000 00000018 00000001 00000010 00000018 00000000 00000001 00000007 "
        "05 00000000 00000010 00000004 00000003 00000001 00000001 "
        "0c 00000000 00000056 "
        "20 00000010 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 "
        "0000 0000 0000 21 00000020 00000000 00000010 00000000 "
        "08 00000020 00000003 00000004 03 00000020 00000003 00000000 ");
}
END_TEST

/* --- framing and order ------------------------------------------------------------------------------------------- */

#define TWO_ARRAYS "hprof 1.0.1 id 4 time 15\ndefault-trace 0\nbytes @0x20 [1]\nbytes @0x10 [2]\n"
#define ARRAY_10 "23 00000010 00000000 00000001 08 02 "
#define ARRAY_20 "23 00000020 00000000 00000001 08 01 "
#define END "2c 00000000 00000000 "

START_TEST(test_framing)
{
    check_bytes(dump_of(TWO_ARRAYS), HEADER_4 "1c 00000000 0000001e " ARRAY_10 ARRAY_20 END);
    check_bytes(dump_of(TWO_ARRAYS "framing dump\n"),
                HEADER_4 "0c 00000000 0000001e " ARRAY_10 ARRAY_20);
    check_bytes(dump_of(TWO_ARRAYS "framing each\nend no\n"),
                HEADER_4 "1c 00000000 0000000f " ARRAY_10 "1c 00000000 0000000f " ARRAY_20);
    check_bytes(dump_of(TWO_ARRAYS "framing segments 30\n"),
                HEADER_4 "1c 00000000 0000001e " ARRAY_10 ARRAY_20 END);
    check_bytes(dump_of(TWO_ARRAYS "framing segments 29\n"),
                HEADER_4 "1c 00000000 0000000f " ARRAY_10 "1c 00000000 0000000f " ARRAY_20 END);
}
END_TEST

START_TEST(test_order)
{
    check_bytes(dump_of(TWO_ARRAYS "objects written\n"),
                HEADER_4 "1c 00000000 0000001e " ARRAY_20 ARRAY_10 END);
    check_bytes(dump_of(TWO_ARRAYS "root monitor @0x20\norder roots classes objects\n"),
                HEADER_4 "1c 00000000 00000023 07 00000020 " ARRAY_10 ARRAY_20 END);
    struct dump a = dump_of(TWO_ARRAYS "order shuffled 5\n");
    struct dump b = dump_of(TWO_ARRAYS "order shuffled 5\n");
    ck_assert_uint_eq(a.bytes, b.bytes);
    ck_assert_mem_eq(a.data, b.data, a.bytes);
    free(a.data);
    free(b.data);
}
END_TEST

START_TEST(test_several_heaps)
{
    check_bytes(dump_of(TWO_ARRAYS "heap\nbytes @0x10 [2]\nheap copy\n"),
                HEADER_4 "1c 00000000 0000001e " ARRAY_10 ARRAY_20 END
                         "1c 00000000 0000000f " ARRAY_10 END "1c 00000000 0000000f " ARRAY_10 END);
}
END_TEST

START_TEST(test_raw_bytes)
{
    check_bytes(
        dump_of(TWO_ARRAYS
                "raw header 01 \"x\"\nraw heap u2:258 id:-1\nraw after @0x10 ff\nraw end 0a0B\n"),
        HEADER_4 "01 78 1c 00000000 00000025 0102 ffffffff " ARRAY_10 "ff " ARRAY_20 END "0a0b");
    check_bytes(dump_of(TWO_ARRAYS "raw before @0x20 u1:9\nraw heap-end u4:1\nraw records 77\n"),
                HEADER_4 "77 1c 00000000 00000023 " ARRAY_10 "09 " ARRAY_20 "00000001 " END);
}
END_TEST

START_TEST(test_truncate_poke_and_length)
{
    check_bytes(dump_of(TWO_ARRAYS "truncate 31\n"), HEADER_4);
    check_bytes(dump_of(TWO_ARRAYS "truncate -9\nheap-length 0\npoke -1 ff\npoke 0 \"K\"\n"),
                "4b4156412050524f46494c4520312e302e3100 00000004 000000000000000f "
                "1c 00000000 00000000 " ARRAY_10 ARRAY_20);
    check_bytes(dump_of(TWO_ARRAYS "poke -1 ff\n"),
                HEADER_4 "1c 00000000 0000001e " ARRAY_10 ARRAY_20 "2c 00000000 000000ff");
}
END_TEST

/* --- text -------------------------------------------------------------------------------------------------------- */

START_TEST(test_messages_name_the_line)
{
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"klass A\n", "t.heap:1: unknown directive 'klass'"},
        {"\n\n# c\nobject @0x10 Foo\n", "t.heap:4: unknown class 'Foo'"},
        {"class A\nobject A x=1\n", "t.heap:2: the class has no field 'x'"},
        {"class A fields int x\nobject A x 1\n", "t.heap:2: expected '=' after 'x'"},
        {"class A fields byte x\nobject A\n  x=300\n", "t.heap:3: 300 does not fit in byte"},
        {"class A fields ref x\nobject A x=7\n",
         "t.heap:2: expected an address like @0x1000 or @name, got '7'"},
        {"class A fields ref x\nobject A x=\"t\"\n",
         "t.heap:2: a string value needs java.lang.String ('use jdk17')"},
        {"string \"t\"\n", "t.heap:1: a string needs java.lang.String ('use jdk17')"},
        {"class A fields ref x\n\nobject A x=@who\n", "t.heap:3: '@who' is used but not defined"},
        {"array @0x1 A[] [null]\n", "t.heap:1: unknown element class of 'A[]'"},
        {"ints [1, 2\n", "t.heap:1: expected a number, got 'end of line'"},
        {"use jdk1\n",
         "t.heap:1: unknown 'jdk1': there are jdk6 jdk8 jdk17 jdk25 agent minimal collections"},
        {"bytes \"ab\n",
         "t.heap:1: expected a number, got 'a string that does not end or has an unknown escape'"},
        {"root somehow @0x1\n", "t.heap:1: unknown kind of root 'somehow'"},
        {"frame \"a.b\"\n", "t.heap:1: a frame before any thread or trace"},
        {"order classes roots\n",
         "t.heap:1: expected classes, objects and roots in some order, or shuffled SEED"},
        {"raw heap 0\n", "t.heap:1: expected pairs of hex digits, got '0'"},
        {"end yes please\n", "t.heap:1: unexpected 'please' after end"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct gen_file f;
        struct gen_error error;
        gen_file_init(&f);
        ck_assert_msg(!gen_parse(&f, "t.heap", cases[i].text, &error), "no message, expected: %s",
                      cases[i].message);
        ck_assert_msg(strstr(error.message, cases[i].message) != NULL, "'%s', expected: %s",
                      error.message, cases[i].message);
        gen_file_deinit(&f);
    }
}
END_TEST

START_TEST(test_values_and_continuation_lines)
{
    struct gen_file f;
    parse(&f, "  class A super none   # a comment\n"
              "    fields boolean z, char c,\n"
              "\n"
              "    # a comment between\n"
              "    float f, double d ref r\n"
              "\tstatics int N = 0x10, long L=-1\n"
              "object @0x100 A z=true c='\\u00e9'\n"
              "  f=1.5 d=-2 r=@A\n"
              "chars @0x200 \"a\\n\\\"\\u20ac\"\n");
    const struct gen_heap *h = gen_heap(&f);
    const struct gen_object *o = gen_object_by_id(h, 0x100);
    ck_assert_uint_eq(o->count, 5);
    ck_assert_uint_eq(o->values[0], 1);
    ck_assert_uint_eq(o->values[1], 0xe9);
    ck_assert_uint_eq(o->values[2], 0x3fc00000);
    ck_assert_uint_eq(o->values[3], 0xc000000000000000);
    ck_assert_uint_eq(o->values[4], h->classes.data[0].id);
    ck_assert_uint_eq(h->classes.data[0].statics.data[0].value, 16);
    ck_assert_uint_eq(h->classes.data[0].statics.data[1].value, UINT64_MAX);
    ck_assert_mem_eq(gen_object_by_id(h, 0x200)->data, "\0a\0\n\0\"\x20\xac", 8);
    gen_file_deinit(&f);
}
END_TEST

START_TEST(test_fields_of_super_classes_follow)
{
    struct gen_file f;
    parse(&f, "class A super none fields int x, int y\nclass B super A fields int x\n"
              "object @0x100 B x=1 A#x=2 y=3\n");
    const struct gen_object *o = gen_object_by_id(gen_heap(&f), 0x100);
    ck_assert_uint_eq(o->count, 3);
    ck_assert_uint_eq(o->values[0], 1);
    ck_assert_uint_eq(o->values[1], 2);
    ck_assert_uint_eq(o->values[2], 3);
    gen_file_deinit(&f);
}
END_TEST

START_TEST(test_named_objects_lie_as_in_a_jvm)
{
    struct gen_file f;
    parse(&f, "base 0x1000\nclass A @0x10 super none fields int n, ref r\n"
              "object @a A r=@c\narray @b A[] [@a, @c, @c]\nlongs @c [1]\nobject @d A\n");
    const struct gen_heap *h = gen_heap(&f);
    ck_assert_uint_eq(h->objects.data[0].id, 0x1070); /* behind the class A[] */
    ck_assert_uint_eq(h->objects.data[1].id, 0x1088); /* 12 + 4 + 4 */
    ck_assert_uint_eq(h->objects.data[2].id, 0x10a8); /* 16 + 3 * 4 */
    ck_assert_uint_eq(h->objects.data[3].id, 0x10c0); /* 16 + 8 */
    ck_assert_uint_eq(h->objects.data[0].values[1], 0x10a8);
    ck_assert_ptr_eq(gen_object_by_id(h, 0x10c0), &h->objects.data[3]);
    gen_file_deinit(&f);
}
END_TEST

START_TEST(test_strings_of_each_jdk)
{
    struct gen_file f;
    parse(&f, "use jdk17\nstring @0x100 \"\\u20ac\"\nstring @0x200 \"ab\"\n");
    const struct gen_heap *h = gen_heap(&f);
    const struct gen_object *s = gen_object_by_id(h, 0x100);
    ck_assert_uint_eq(s->values[2], 1);
    ck_assert_mem_eq(gen_object_by_id(h, s->values[3])->data, "\xac\x20", 2);
    s = gen_object_by_id(h, 0x200);
    ck_assert_uint_eq(s->values[2], 0);
    ck_assert_uint_eq(gen_object_by_id(h, s->values[3])->data_bytes, 2);
    gen_file_deinit(&f);

    parse(&f, "use jdk6\nstring @0x100 \"ab\"\n");
    s = gen_object_by_id(gen_heap(&f), 0x100);
    ck_assert_uint_eq(s->values[1], 2);
    ck_assert_mem_eq(gen_object_by_id(gen_heap(&f), s->values[3])->data, "\0a\0b", 4);
    gen_file_deinit(&f);
}
END_TEST

/* --- the low-level writer ---------------------------------------------------------------------------------------- */

static void write_big(struct hprof_out *o)
{
    hprof_out_heap_begin(o);
    for (uint32_t i = 0; i < 400; i++) {
        hprof_out_prim_array_begin(o, 0x1000 + i, HPROF_BYTE, 10000);
        hprof_out_fill(o, (uint8_t)i, 10000);
    }
    hprof_out_heap_end(o);
}

START_TEST(test_file_and_memory_agree)
{
    char path[] = "/tmp/test_dumpgen_XXXXXX";
    close(mkstemp(path));
    for (int framing = HPROF_FRAMING_SEGMENTS; framing <= HPROF_FRAMING_EACH; framing++) {
        struct hprof_out_options options = {.id_size = 8, .framing = (enum hprof_framing)framing};
        struct hprof_out *o = hprof_out_create_memory(&options);
        write_big(o);
        uint8_t *data;
        size_t bytes;
        hprof_out_finish_memory(o, &data, &bytes);
        ck_assert_uint_gt(bytes, 4000000);

        o = hprof_out_create_file(path, &options);
        ck_assert_ptr_nonnull(o);
        write_big(o);
        ck_assert_ptr_null(hprof_out_finish(o));
        uint8_t *read_back = malloc(bytes + 1);
        int fd = open(path, O_RDONLY);
        size_t got = 0;
        for (ssize_t n; (n = read(fd, read_back + got, bytes + 1 - got)) > 0;) {
            got += (size_t)n;
        }
        close(fd);
        ck_assert_uint_eq(got, bytes);
        ck_assert_mem_eq(read_back, data, bytes);
        free(read_back);
        free(data);
    }
    unlink(path);
}
END_TEST

static void write_too_little(void)
{
    struct hprof_out *o = hprof_out_create_memory(&(struct hprof_out_options){.id_size = 8});
    hprof_out_heap_begin(o);
    hprof_out_instance_begin(o, 1, 2, 8);
    hprof_out_u4(o, 0);
    hprof_out_heap_end(o);
}

START_TEST(test_wrong_number_of_bytes_stops)
{
    CK_HA_ASSERTS(write_too_little);
}
END_TEST

CK_HA_MAIN("dumpgen", test_exact_bytes_of_a_small_file, test_default_file_is_hotspots,
           test_names_are_slashed_or_dotted, test_threads_and_traces, test_framing, test_order,
           test_several_heaps, test_raw_bytes, test_truncate_poke_and_length,
           test_messages_name_the_line, test_values_and_continuation_lines,
           test_fields_of_super_classes_follow, test_named_objects_lie_as_in_a_jvm,
           test_strings_of_each_jdk, test_file_and_memory_agree, test_wrong_number_of_bytes_stops)
