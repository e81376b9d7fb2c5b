/* SPDX-License-Identifier: MIT */
/*
 * What counting leaves for those who look up objects by address afterwards: samples of records, each of which may have to be walked for every object that
 * is looked up. That counted heaps are those of the full index is for tests/property/test_counted.c.
 */
#include "heap/heap_count.h"

#include "support/ck_ha.h"
#include "support/dumpgen.h"
#include "support/temp_dir.h"

#define SAMPLE_BYTES 16384U /* of heap_count.c: where a sample ends, with the record that reaches there */
#define RECORD_BYTES 100U   /* no record of these heaps is longer */

struct fixture {
    struct temp_dir dir;
    struct ha_input *input;
    struct ha_diag *diag;
    struct ha_build *build;
    struct ha_counted counted;
    bool regular;
};

static void add_classes(struct ha_build *build)
{
    struct ha_window window;
    ha_window_init(&window, build->input, HA_WINDOW_STREAM);
    for (size_t b = 0; b < build->batches.count; b++) {
        struct ha_batch_walk walk;
        ha_batch_walk_begin(&build->batches.data[b], &window, &walk);
        while (ha_batch_walk_segment(&walk)) {
            struct ha_sub sub;
            for (uint64_t off = walk.off; ha_sub_read(&window, off, walk.seg_end, build->facts.id_size, &sub) == HA_SUB_OK; off = sub.end) {
                struct ha_class_dump dump;
                if (sub.tag == HA_SUB_CLASS) {
                    ck_assert_int_eq(ha_class_dump_read(&window, off, walk.seg_end, build->facts.id_size, &dump), HA_SUB_OK);
                    ck_ok(ha_build_class_add(build, &dump));
                    sub.end = dump.end;
                }
            }
        }
    }
    ha_window_deinit(&window);
    ck_ok(ha_build_classes_finish(build, false));
}

static void count(struct fixture *x, struct gen_file *file)
{
    struct gen_error error;
    char path[TEMP_PATH_BYTES];
    memset(x, 0, sizeof *x);
    ck_assert_msg(gen_file_resolve(file, &error), "%s", error.message);
    temp_dir_init(&x->dir);
    ck_assert_ptr_null(gen_file_write(file, temp_path(&x->dir, "test.hprof", path)));
    x->diag = ha_diag_create();
    ck_assert_ptr_nonnull(x->diag);
    ck_ok(ha_input_open(path, &(struct ha_input_options){0}, &x->input));
    ck_ok(ha_build_create(x->input, 0, x->diag, NULL, 1, &x->build));
    add_classes(x->build);
    ck_ok(ha_count_run(x->build, &x->counted, &x->regular));
}

static void fixture_deinit(struct fixture *x)
{
    ha_counted_deinit(&x->counted);
    ha_build_destroy(x->build);
    ha_input_close(x->input);
    ha_diag_destroy(x->diag);
    temp_dir_deinit(&x->dir);
}

/* A heap whose last segment ends with roots, as those of JDK 21 and before do. */
static void make(struct gen_file *file, uint32_t objects, uint32_t roots)
{
    struct gen_error error;
    gen_file_init(file);
    file->options.out.id_size = 8;
    file->options.out.segment_bytes = 8U << 20; /* one for all */
    file->options.sequence = GEN_AS_WRITTEN;
    ck_assert_msg(gen_use(file, "jdk17", &error), "%s", error.message);
    const uint64_t object = gen_class_by_name(gen_heap(file), "java.lang.Object")->id;
    gen_class_add(file, 0x710000000, "com.acme.Foo", object, 0);
    for (uint32_t i = 0; i < objects; i++) {
        gen_instance_add(file, 0x710001000 + 16 * (uint64_t)i, 0x710000000);
    }
    for (uint32_t i = 0; i < roots; i++) {
        gen_root_add(file, HPROF_ROOT_JNI_GLOBAL, 0x710001000 + 16 * (uint64_t)(objects - 1 - i % objects));
    }
}

/* A look-up walks over one sample: whatever stands behind the last object of a segment, it is not to be walked over for each object. */
static void check_samples(uint32_t objects, uint32_t roots)
{
    struct gen_file file;
    struct fixture x;
    uint64_t before = 0, records = 0;
    make(&file, objects, roots);
    count(&x, &file);
    ck_assert(x.regular);
    ck_assert_uint_ge(ha_build_root_count(&x.counted.roots), roots);
    ck_assert_uint_ge(x.counted.counts->objects, objects);
    for (size_t i = 0; i < x.counted.samples.count; i++) {
        const struct ha_sample *sample = &x.counted.samples.data[i];
        ck_assert_uint_gt(sample->address, before);
        ck_assert_uint_lt(sample->off, sample->end);
        ck_assert_msg(sample->end - sample->off <= SAMPLE_BYTES + RECORD_BYTES, "%u objects, %u roots: a sample of %llu bytes", objects, roots,
                      (unsigned long long)(sample->end - sample->off));
        before = sample->address;
        records += sample->end - sample->off;
    }
    ck_assert_uint_ge(records, (uint64_t)objects * 25); // each object is in one of them
    ck_assert_uint_lt(records, (uint64_t)objects * 25 + 20000);
    fixture_deinit(&x);
    gen_file_deinit(&file);
}

START_TEST(test_roots_behind_the_last_object_are_in_no_sample)
{
    check_samples(1, 40000);
    check_samples(500, 40000);
    check_samples(3000, 40000);
    check_samples(3000, 0);
}
END_TEST

CK_HA_MAIN("heap_count", test_roots_behind_the_last_object_are_in_no_sample)
