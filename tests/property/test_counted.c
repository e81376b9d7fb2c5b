/* SPDX-License-Identifier: MIT */
/*
 * Counting instead of numbering (heap_count.c) against the full index: heaps that are large enough for what small random ones do not have (samples of
 * frequent classes, pages, many batches), and heaps with something odd, which must be seen and scanned.
 *
 *     test_counted [DUMP…]        real dumps besides
 */
#include "support/ck_ha.h"
#include "support/engine/counted_compare.h"
#include "support/rng.h"
#include "support/temp_dir.h"

static char **dumps;
static int dump_count;

enum expected { COUNTED, SCANNED, EITHER };

static void check_dump(const char *name, const char *dump, enum expected expected)
{
    static const unsigned threads[] = {1, 2, 8};
    for (int model = 0; model < 2; model++) {
        struct ha_snapshot_options options = {.no_index = true, .threads = 2, .size_model = model == 0 ? HA_SIZES_JVM : HA_SIZES_MAT};
        struct ha_snapshot *full, *counted;
        struct comparison comparison;
        ck_ok(ha_snapshot_open(dump, &options, &full));
        for (int i = 0; i < 3; i++) {
            options.heap_only = true;
            options.threads = threads[i];
            ck_ok(ha_snapshot_open(dump, &options, &counted));
            bool was_counted = counted->heap->counts != NULL;
            ck_assert_msg(expected == EITHER || was_counted == (expected == COUNTED), "%s: %s", name, was_counted ? "counted" : "scanned");
            ck_assert_msg(counted_agrees(counted, full, &comparison), "%s, %s, %u threads: %s", name, model == 0 ? "jvm" : "mat", threads[i],
                          comparison.difference);
            ha_snapshot_close(counted);
        }
        ha_snapshot_close(full);
    }
}

static void check_file(const char *name, struct gen_file *file, enum expected expected)
{
    struct temp_dir dir;
    char dump[TEMP_PATH_BYTES];
    temp_dir_init(&dir);
    ck_assert_ptr_null(gen_file_write(file, temp_path(&dir, "test.hprof", dump)));
    check_dump(name, dump, expected);
    temp_dir_deinit(&dir);
}

/* ---- large heaps ---- */

#define REGION_BYTES (1U << 20)
#define OBJECTS 170000U

struct shape {
    const char *name;
    uint64_t alignment;
    unsigned id_size;
    bool turns;   /* regions are written by two threads in turn */
    bool descend; /* … and the later ones first */
    bool holes;   /* garbage between objects */
    bool one_segment;
    enum expected expected;
};

static const struct shape shapes[] = {
    {"as memory is", 8, 8, false, false, false, false, COUNTED},
    {"with holes", 8, 8, false, false, true, false, COUNTED},
    {"in turns", 8, 8, true, false, true, false, COUNTED},
    {"regions in another order", 8, 8, false, true, true, false, COUNTED},
    {"aligned to 16", 16, 8, false, false, true, false, COUNTED},
    {"aligned to 32", 32, 8, true, false, false, false, COUNTED},
    {"aligned to 64", 64, 8, false, false, false, false, SCANNED},
    {"ids of 4 bytes", 8, 4, true, false, true, false, COUNTED},
    {"one HEAP_DUMP", 8, 8, false, false, true, true, EITHER},
};

struct planned {
    uint64_t id;
    unsigned kind; /* 0 to 2: instances of the classes; 3: object arrays; else a primitive type */
    uint32_t length;
};

struct plan {
    struct rng rng;
    const struct shape *shape;
    uint64_t next;
    uint64_t classes[3], array_class;
    struct planned *objects;
};

static uint64_t place(struct plan *p, uint64_t bytes)
{
    uint64_t at = p->next;
    bytes += p->shape->holes && rng_chance(&p->rng, 5) ? rng_below(&p->rng, 2000) : 0;
    bytes += p->shape->holes && rng_below(&p->rng, 5000) == 0 ? 400000 : 0;
    p->next += (bytes + p->shape->alignment - 1) / p->shape->alignment * p->shape->alignment;
    return at;
}

static void plan_one(struct plan *p, struct planned *o)
{
    static const uint8_t types[] = {HPROF_BOOLEAN, HPROF_CHAR, HPROF_FLOAT, HPROF_DOUBLE, HPROF_BYTE, HPROF_SHORT, HPROF_INT, HPROF_LONG};
    uint64_t dice = rng_below(&p->rng, 100), bytes = 24;
    o->length = (uint32_t)rng_below(&p->rng, rng_below(&p->rng, 1000) == 0 ? 3000 : 70);
    o->kind = dice < 60 ? 0 : dice < 62 ? 1 : dice < 64 ? 2 : dice < 74 ? 3 : types[rng_below(&p->rng, sizeof types)];
    if (o->kind >= 3) {
        bytes = 16 + (uint64_t)o->length * (o->kind == 3 ? 4 : hprof_type_bytes((enum hprof_type)o->kind, 4));
    }
    o->id = place(p, bytes);
}

static void add_one(const struct plan *p, struct gen_file *file, const struct planned *o)
{
    if (o->kind < 3) {
        gen_instance_add(file, o->id, p->classes[o->kind]);
    } else if (o->kind == 3) {
        gen_array_add(file, o->id, p->array_class, o->length);
    } else {
        gen_prim_add(file, o->id, (enum hprof_type)o->kind, o->length);
    }
}

/* Class objects lie among their instances. */
static void plan_all(struct plan *p, struct gen_file *file)
{
    static const char *const names[] = {"com.acme.Frequent", "com.acme.Rare", "org.other.Rare"};
    const uint64_t object = gen_class_by_name(gen_heap(file), "java.lang.Object")->id;
    p->array_class = gen_array_class(file, "java.lang.Object[]");
    for (uint32_t i = 0; i < OBJECTS; i++) {
        if (i % (OBJECTS / 3) == 1000) {
            unsigned c = i / (OBJECTS / 3);
            p->classes[c] = place(p, 96);
            gen_class_field(file, gen_class_add(file, p->classes[c], names[c], object, 0), HPROF_INT, "value");
        }
        plan_one(p, &p->objects[i]);
    }
}

static uint64_t region_of(const struct planned *o)
{
    return o->id / REGION_BYTES;
}

static void write_regions(const struct plan *p, struct gen_file *file)
{
    const struct shape *shape = p->shape;
    uint64_t first = region_of(&p->objects[0]), last = region_of(&p->objects[OBJECTS - 1]);
    for (unsigned turn = 0; turn < (shape->turns ? 2 : 1); turn++) {
        for (uint64_t r = first; r <= last; r++) {
            uint64_t region = shape->descend ? last - (r - first) : r;
            for (uint32_t i = 0; i < OBJECTS && (!shape->turns || region % 2 == turn); i++) {
                if (region_of(&p->objects[i]) == region) {
                    add_one(p, file, &p->objects[i]);
                }
            }
        }
    }
}

START_TEST(test_large_heaps)
{
    const struct shape *shape = &shapes[_i];
    struct plan plan = {.rng = rng_seed(77 + (uint64_t)_i), .shape = shape, .next = shape->id_size == 4 ? 0x20000000 : 0x710000000};
    struct gen_file file;
    struct gen_error error;
    gen_file_init(&file);
    file.options.out.id_size = shape->id_size;
    file.options.out.framing = shape->one_segment ? HPROF_FRAMING_DUMP : HPROF_FRAMING_SEGMENTS;
    file.options.out.segment_bytes = 200000;
    file.options.alignment = (unsigned)shape->alignment;
    file.options.base = shape->id_size == 4 ? 0x10000000 : 0x700000000;
    file.options.sequence = GEN_AS_WRITTEN;
    ck_assert_msg(gen_use(&file, "jdk17", &error), "%s", error.message);
    plan.objects = sup_calloc(OBJECTS, sizeof *plan.objects);
    plan_all(&plan, &file);
    write_regions(&plan, &file);
    gen_root_add(&file, HPROF_ROOT_JNI_GLOBAL, plan.objects[OBJECTS / 2].id);
    gen_root_add(&file, HPROF_ROOT_JNI_GLOBAL, plan.objects[OBJECTS - 1].id + 8 * shape->alignment + 400000);
    ck_assert_msg(gen_file_resolve(&file, &error), "%s", error.message);
    check_file(shape->name, &file, shape->expected);
    sup_free(plan.objects);
    gen_file_deinit(&file);
}
END_TEST

/* Roots in tens of thousands at the end of a segment, of each of the last objects in it. */
START_TEST(test_many_roots)
{
    struct gen_file file;
    struct gen_error error;
    gen_file_init(&file);
    file.options.out.segment_bytes = 8U << 20;
    file.options.sequence = GEN_AS_WRITTEN;
    ck_assert_msg(gen_use(&file, "jdk17", &error), "%s", error.message);
    gen_class_add(&file, 0x710000000, "com.acme.Foo", gen_class_by_name(gen_heap(&file), "java.lang.Object")->id, 0);
    for (uint64_t i = 0; i < 3000; i++) {
        gen_instance_add(&file, 0x710001000 + 16 * i, 0x710000000);
    }
    for (uint64_t i = 0; i < 40000; i++) {
        gen_root_add(&file, HPROF_ROOT_JNI_GLOBAL, 0x710001000 + 16 * (2999 - i % 700));
    }
    ck_assert_msg(gen_file_resolve(&file, &error), "%s", error.message);
    check_file("many roots", &file, COUNTED);
    gen_file_deinit(&file);
}
END_TEST

/* ---- odd heaps ---- */

#define USUAL                                                                                                                       \
    "use jdk17\n"                                                                                                                   \
    "class com.acme.Loader @0x720000 super java.lang.ClassLoader\n"                                                                 \
    "object @0x721000 com.acme.Loader name=\"the loader\"\n"                                                                        \
    "class com.acme.Foo @0x722000 loader @0x721000 fields int n, ref next\n"                                                        \
    "class com.acme.Foo[] @0x722100 loader @0x721000\n"                                                                             \
    "object @0x723000 com.acme.Foo next=@0x723020\n"                                                                                \
    "object @0x723020 com.acme.Foo\n"                                                                                               \
    "array @0x723040 com.acme.Foo[] [@0x723000, null]\n"                                                                            \
    "ints @0x723060 [1, 2, 3]\n"                                                                                                    \
    "string @0x723080 \"text\"\n"

/* A string behind the heap, or the last records are too near to the end of the file for the short loop. */
#define MORE_BEHIND "raw end 01 u4:0 u4:48 id:0x77 \"0123456789012345678901234567890123456789\"\n"

static const struct {
    const char *name, *text;
    enum expected expected;
} oddities[] = {
    {"nothing odd", USUAL, COUNTED},
    {"threads and roots", USUAL "thread @0x724000 \"main\" serial 1\nframe com.acme.Foo.bar\nlocal @0x723000 frame 0\nroot monitor @0x723060\n"
                                "root jni-global @0x9990000\n",
     COUNTED},
    {"a property of the JVM",
     "use collections\nuse jdk17\n"
     "object @props java.util.HashMap table=@table\narray @table java.util.HashMap$Node[] [null, @a]\n"
     "object @a java.util.HashMap$Node key=\"os.name\" value=\"Linux\" next=@b\nobject @b java.util.HashMap$Node key=\"java.version\" value=\"17.0.1\"\n"
     "class java.lang.System statics ref props=@props\n",
     EITHER},
    {"roots first", USUAL "order roots classes objects\n", SCANNED},
    {"roots between", USUAL "order classes roots objects\n", COUNTED},
    {"classes last", USUAL "order objects roots classes\n", SCANNED},
    {"shuffled", USUAL "order shuffled 3\n", SCANNED},
    {"objects shuffled", USUAL "objects shuffled 3\n", EITHER},
    {"an object twice", USUAL "raw heap-end 21 id:0x723000 u4:1 id:0x722000 u4:12 u4:0 u8:0\n", SCANNED},
    {"an object twice in a row", USUAL "raw after @0x723000 21 id:0x723000 u4:1 id:0x722000 u4:12 u4:0 u8:0\n", SCANNED},
    {"an object with the id of a class", USUAL "raw heap-end 21 id:0x722000 u4:1 id:0x722000 u4:12 u4:0 u8:0\n", SCANNED},
    {"an object with the id of a class, in its place", USUAL "raw before @0x723000 21 id:0x722000 u4:1 id:0x722000 u4:12 u4:0 u8:0\n", SCANNED},
    {"a class twice", USUAL "raw heap-end 20 id:0x722000 u4:1 id:0 id:0x721000 id:0 id:0 id:0 id:0 u4:0 u2:0 u2:0 u2:0\n", SCANNED},
    {"an object with the id 0", USUAL "raw heap-end 21 id:0 u4:1 id:0x722000 u4:12 u4:0 u8:0\n", SCANNED},
    {"an object of no class", USUAL "raw heap-end 21 id:0x725000 u4:1 id:0x999000 u4:12 u4:0 u8:0\n", SCANNED},
    {"an object with too few bytes", USUAL "raw heap-end 21 id:0x725000 u4:1 id:0x722000 u4:4 u4:0\n", SCANNED},
    {"an object of an array class", USUAL "array @0x725100 com.acme.Foo[] 0\nobject @0x725000 com.acme.Foo[] bytes 00\n", EITHER},
    {"an instance longer than its segment", USUAL "objects written\nobject @0x7230a0 com.acme.Foo\nraw heap-end 21 id:0x7230c0 u4:1 id:0x722000 u4:12 u4:0\n" MORE_BEHIND, SCANNED},
    {"an array longer than its segment", USUAL "objects written\nobject @0x7230a0 com.acme.Foo\nraw heap-end 22 id:0x7230c0 u4:1 u4:100 id:0x722100\n" MORE_BEHIND, SCANNED},
    {"bytes longer than their segment", USUAL "objects written\nobject @0x7230a0 com.acme.Foo\nraw heap-end 23 id:0x7230c0 u4:1 u4:100 u1:8\n" MORE_BEHIND, SCANNED},
    {"neighbours in the next page and the one behind",
     USUAL "class com.acme.A\nclass com.acme.B\nclass com.acme.C\nobject @0x740000 com.acme.A\nobject @0x77f000 com.acme.B\nobject @0x7a0000 com.acme.C\n"
           "class com.acme.D @0x7e0000\nclass com.acme.E @0x820000\nclass com.acme.F @0x83f000\nobject @0x860000 com.acme.A\n",
     COUNTED},
    {"object arrays that follow each other from one batch to the next",
     USUAL "objects written\narray @0x5000000 com.acme.Foo[] 9\nbytes @0x1000000 9000000\nobject @0x5000010 com.acme.Foo\n"
           "array @0x5000020 com.acme.Foo[] 1\nobject @0x5000040 com.acme.Foo\n",
     COUNTED},
    {"an array of a class that is none", USUAL "raw heap-end 22 id:0x725000 u4:1 u4:1 id:0x722000 id:0\n", SCANNED},
    {"an array of a class without a name", USUAL "class com.acme.Bar[] @0x722200 noload\narray @0x7230a0 com.acme.Bar[] [null, null, null]\n", SCANNED},
    {"an unaligned object", USUAL "object @0x725004 com.acme.Foo\n", SCANNED},
    {"far apart", USUAL "object @0x7000000000000000 com.acme.Foo\n", EITHER},
    {"unknown bytes", USUAL "raw after @0x723000 77 77 77\n", SCANNED},
    {"cut off", USUAL "truncate -40\n", SCANNED},
    {"without end", USUAL "end no\n", SCANNED},
    {"one segment each", USUAL "framing each\n", EITHER},
    {"tiny segments", USUAL "framing segments 30\n", COUNTED},
    {"a thread that is an array", USUAL "root thread @0x723060 serial 7\nlocal @0x723000 thread 7\n", SCANNED},
    {"a thread that is a class", USUAL "root thread @int[] serial 7\nlocal @0x723000 thread 7\n", SCANNED},
    {"the old agent", "use agent\nuse jdk6\nclass A fields int n\nobject A n=1\nobject A n=2\nints [1, 2]\n", SCANNED},
    {"two heaps", USUAL "heap copy\nobject @0x726000 com.acme.Foo\n", EITHER},
    {"nothing but Object", "use minimal\n", EITHER},
};

START_TEST(test_odd_heaps)
{
    struct gen_file file;
    struct gen_error error;
    gen_file_init(&file);
    ck_assert_msg(gen_parse(&file, oddities[_i].name, oddities[_i].text, &error), "%s", error.message);
    check_file(oddities[_i].name, &file, oddities[_i].expected);
    gen_file_deinit(&file);
}
END_TEST

START_TEST(test_real_dumps)
{
    check_dump(dumps[_i], dumps[_i], EITHER);
}
END_TEST

int main(int argc, char **argv)
{
    dumps = argv + 1;
    dump_count = argc - 1;
    Suite *suite = suite_create("counted");
    TCase *tcase = tcase_create("counted");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, test_odd_heaps, 0, (int)(sizeof oddities / sizeof *oddities));
    tcase_add_loop_test(tcase, test_large_heaps, 0, (int)(sizeof shapes / sizeof *shapes));
    tcase_add_test(tcase, test_many_roots);
    tcase_add_loop_test(tcase, test_real_dumps, 0, dump_count);
    suite_add_tcase(suite, tcase);
    return ck_ha_run_suite(suite);
}
