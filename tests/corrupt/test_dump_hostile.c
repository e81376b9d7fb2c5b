/* SPDX-License-Identifier: MIT */
/*
 * Small files made to cost much: lengths and counts that promise more than there is, names shared by all classes, ids that collide, chains of
 * super classes times instances, places that look like records and are none. Each is opened in a process of its own
 * whose address space is limited to LIMIT_FLOOR and LIMIT_FACTOR times the file; time and memory are printed, the time is not judged.
 *
 *     test_corrupt_dump_hostile [SCALE [FOLDER]]     SCALE: how many thousand of each thing, 20 by default; FOLDER: write the files there, no more
 */
#include "damage.h"

#include "ha/base/idmap.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#define LIMIT_FLOOR ((uint64_t)1500 << 20)
#define LIMIT_FACTOR 40U

#define OBJECT 0x10000ULL /* class ids; the strings have the same ids and hold the names */
#define CLASS 0x10100ULL
#define FIRST 0x1000000ULL /* ids from here are of the case */

static struct temp_dir dir;
static char path[TEMP_PATH_BYTES];
static uint32_t thousands = 20;

static struct hprof_out *begin(void)
{
    return hprof_out_create_file(path, &(struct hprof_out_options){.id_size = 8});
}

static void name_class(struct hprof_out *o, uint32_t serial, uint64_t id, const char *name)
{
    hprof_out_utf8(o, id, name, strlen(name));
    hprof_out_load_class(o, serial, id, 1, id);
}

static void boot(struct hprof_out *o)
{
    name_class(o, 1, OBJECT, "java/lang/Object");
    name_class(o, 2, CLASS, "java/lang/Class");
}

static void boot_classes(struct hprof_out *o)
{
    hprof_out_heap_begin(o);
    hprof_out_class(o, &(struct hprof_out_class){.id = OBJECT});
    hprof_out_class(o, &(struct hprof_out_class){.id = CLASS, .super = OBJECT});
    hprof_out_root(o, HPROF_ROOT_STICKY_CLASS, OBJECT, 0, 0);
    hprof_out_root(o, HPROF_ROOT_STICKY_CLASS, CLASS, 0, 0);
}

/* ---- the cases ---- */

/* Arrays that claim four billion elements, at the end of each of many segments. */
static void huge_arrays(struct hprof_out *o, uint32_t n)
{
    boot(o);
    boot_classes(o);
    hprof_out_heap_end(o);
    for (uint32_t i = 0; i < n * 1000; i++) {
        uint8_t segment[9 + 25] = {0x1c, 0, 0, 0, 0, 0, 0, 0, 25, i % 2 ? 0x22 : 0x23, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 11};
        segment[9 + 6] = (uint8_t)(i >> 16);
        segment[9 + 7] = (uint8_t)(i >> 8);
        segment[9 + 8] = (uint8_t)i;
        hprof_out_raw(o, segment, sizeof segment);
    }
}

/* Arrays without data (Android) that claim four billion elements. */
static void arrays_without_data(struct hprof_out *o, uint32_t n)
{
    boot(o);
    boot_classes(o);
    for (uint32_t i = 0; i < n * 1000; i++) {
        uint8_t sub[18] = {0xc3, 0, 0, 0, 0, 1, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 11};
        hprof_out_raw(o, sub, sizeof sub);
    }
    hprof_out_heap_end(o);
}

/* A thousand ancestors with 60 fields each (60,000 in all), and instances that have none of the values. They are threads. */
static void deep_hierarchy(struct hprof_out *o, uint32_t n)
{
    struct hprof_out_value fields[60];
    boot(o);
    name_class(o, 3, FIRST, "java/lang/Thread");
    boot_classes(o);
    for (unsigned i = 0; i < 60; i++) {
        fields[i] = (struct hprof_out_value){.name = OBJECT, .type = i % 2 ? HPROF_BYTE : HPROF_OBJECT};
    }
    for (unsigned i = 0; i < 990; i++) {
        hprof_out_class(o, &(struct hprof_out_class){.id = FIRST + 16 * i, .super = i == 0 ? OBJECT : FIRST + 16 * (i - 1), .fields = fields, .field_count = 60});
    }
    for (uint32_t i = 0; i < n * 1000; i++) {
        hprof_out_instance_begin(o, FIRST * 2 + 16 * i, FIRST + 16 * 989, i % 3);
        hprof_out_fill(o, 1, i % 3);
        hprof_out_root(o, HPROF_ROOT_UNKNOWN, FIRST * 2 + 16 * i, 0, 0);
    }
    hprof_out_heap_end(o);
}

/* Chains of 990 classes without fields over classes that have instances; and a subclass of 65,535 fields for each of many. */
static void many_wide_classes(struct hprof_out *o, uint32_t n)
{
    struct hprof_out_value *fields = sup_calloc(65535, sizeof *fields);
    boot(o);
    boot_classes(o);
    for (unsigned i = 0; i < 65535; i++) {
        fields[i] = (struct hprof_out_value){.name = OBJECT, .type = i == 65534 ? HPROF_OBJECT : HPROF_BYTE};
    }
    hprof_out_class(o, &(struct hprof_out_class){.id = FIRST, .super = OBJECT, .fields = fields, .field_count = 65535});
    for (uint32_t i = 1; i <= 990; i++) {
        hprof_out_class(o, &(struct hprof_out_class){.id = FIRST + 16 * i, .super = FIRST + 16 * (i - 1)});
    }
    for (uint32_t i = 1000; i < n * 1000; i++) {
        hprof_out_class(o, &(struct hprof_out_class){.id = FIRST + 16 * i, .super = FIRST + 16 * 980});
        hprof_out_instance_begin(o, FIRST * 4 + 16 * i, FIRST + 16 * i, 0);
        hprof_out_root(o, HPROF_ROOT_UNKNOWN, FIRST * 4 + 16 * i, 0, 0);
    }
    hprof_out_heap_end(o);
    sup_free(fields);
}

/* One name of 64 KiB with escapes for a terminal for all classes; static fields called the same. */
static void long_name(struct hprof_out *o, uint32_t n)
{
    static char name[65535];
    for (size_t i = 0; i < sizeof name; i++) {
        name[i] = "\x1b]0;\x07\xc0\xff/a"[i % 9];
    }
    boot(o);
    hprof_out_utf8(o, 77, name, sizeof name);
    for (uint32_t i = 0; i < n * 1000; i++) {
        hprof_out_load_class(o, 3 + i, FIRST + 16 * i, 1, 77);
    }
    boot_classes(o);
    struct hprof_out_value field = {.name = 77, .type = HPROF_INT, .value = 1};
    for (uint32_t i = 0; i < n * 1000; i++) {
        hprof_out_class(o, &(struct hprof_out_class){.id = FIRST + 16 * i, .super = OBJECT, .statics = &field, .static_count = 1, .fields = &field, .field_count = 1});
    }
    hprof_out_heap_end(o);
}

/* A string record that claims four GiB, and names, frames and traces that claim more than the file holds. */
static void huge_records(struct hprof_out *o, uint32_t n)
{
    boot(o);
    for (uint32_t i = 0; i < n * 100; i++) {
        uint8_t trace[12] = {0, 0, 0, (uint8_t)i, 0, 0, 0, (uint8_t)i, 0xff, 0xff, 0xff, 0xff};
        hprof_out_record(o, 0x05, trace, sizeof trace);
    }
    boot_classes(o);
    hprof_out_heap_end(o);
    uint8_t utf8[9 + 8] = {0x01, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 99};
    hprof_out_raw(o, utf8, sizeof utf8);
}

/* Threads, each with a trace, a frame and a local; and frames and traces that belong to none. */
static void many_threads(struct hprof_out *o, uint32_t n)
{
    boot(o);
    name_class(o, 3, FIRST, "java/lang/Thread");
    for (uint32_t i = 0; i < n * 1000; i++) {
        uint64_t frame = i + 1;
        hprof_out_frame(o, frame, OBJECT, CLASS, FIRST, 1, -1);
        hprof_out_trace(o, i + 1, i + 1, &frame, 1);
        hprof_out_trace(o, i + 1, 7, &frame, 1);
    }
    boot_classes(o);
    hprof_out_class(o, &(struct hprof_out_class){.id = FIRST, .super = OBJECT});
    for (uint32_t i = 0; i < n * 1000; i++) {
        hprof_out_instance_begin(o, 2 * FIRST + 16 * i, FIRST, 0);
        hprof_out_root(o, HPROF_ROOT_THREAD_OBJECT, 2 * FIRST + 16 * i, i + 1, i + 1);
        hprof_out_root(o, HPROF_ROOT_JAVA_FRAME, 2 * FIRST + 16 * (i / 2), i + 1, 0);
    }
    hprof_out_heap_end(o);
}

/* One thread object with as many serials, and all locals on the first. */
static void one_thread_many_serials(struct hprof_out *o, uint32_t n)
{
    boot(o);
    name_class(o, 3, FIRST, "java/lang/Thread");
    uint64_t frames[100] = {1, 2, 3};
    hprof_out_trace(o, 1, 1, frames, 100);
    boot_classes(o);
    hprof_out_class(o, &(struct hprof_out_class){.id = FIRST, .super = OBJECT});
    hprof_out_instance_begin(o, 2 * FIRST, FIRST, 0);
    for (uint32_t i = 0; i < n * 1000; i++) {
        hprof_out_root(o, HPROF_ROOT_THREAD_OBJECT, 2 * FIRST, i + 1, 1);
        hprof_out_root(o, HPROF_ROOT_JNI_LOCAL, CLASS, 1, i);
    }
    hprof_out_heap_end(o);
}

static uint64_t unmix(uint64_t mixed)
{
    mixed ^= mixed >> 33;
    mixed *= 0x4f74430c22a54005ULL;
    return mixed ^ mixed >> 33;
}

/* Class ids that share a slot in a table hashed with the finalizer of MurmurHash3. */
static void colliding_ids(struct hprof_out *o, uint32_t n)
{
    boot(o);
    for (uint32_t i = 1; i < n * 1000; i++) {
        hprof_out_load_class(o, 3 + i, unmix((uint64_t)i << 32), 1, OBJECT);
    }
    boot_classes(o);
    for (uint32_t i = 1; i < n * 1000; i++) {
        hprof_out_class(o, &(struct hprof_out_class){.id = unmix((uint64_t)i << 32), .super = OBJECT});
    }
    hprof_out_heap_end(o);
}

/* Ids all over the 64 bits, and others that take turns between thousands of places. */
static void sparse_ids(struct hprof_out *o, uint32_t n)
{
    boot(o);
    boot_classes(o);
    for (uint64_t i = 1; i < (uint64_t)n * 1000; i++) {
        hprof_out_instance_begin(o, i % 2 ? i * 0x9e3779b97f4a7c10ULL : (i % 4096) << 50 | i << 3, OBJECT, 0);
        hprof_out_root(o, HPROF_ROOT_UNKNOWN, i, 0, 0);
    }
    hprof_out_heap_end(o);
}

/* Segments whose sub-records do not exist, each with a body full of what looks like the begin of class dumps and objects. */
static void false_begins(struct hprof_out *o, uint32_t n)
{
    uint8_t body[1200];
    boot(o);
    boot_classes(o);
    hprof_out_heap_end(o);
    for (size_t i = 0; i < sizeof body; i++) {
        body[i] = i == 0 ? 0x3f : i % 75 == 1 ? 0x20 : i % 75 == 9 ? 1 : 0;
    }
    for (uint32_t i = 0; i < n * 10; i++) {
        uint8_t head[9] = {0x1c, 0, 0, 0, 0, 0, 0, sizeof body >> 8, sizeof body & 0xff};
        hprof_out_raw(o, head, sizeof head);
        hprof_out_raw(o, body, sizeof body);
    }
}

/* The same in one segment of all. */
static void false_begins_in_a_giant(struct hprof_out *o, uint32_t n)
{
    boot(o);
    boot_classes(o);
    hprof_out_heap_end(o);
    uint32_t bytes = n * 1000 * 75;
    uint8_t head[9] = {0x1c, 0, 0, 0, 0, (uint8_t)(bytes >> 24), (uint8_t)(bytes >> 16), (uint8_t)(bytes >> 8), (uint8_t)bytes};
    uint8_t begin_of_class[75] = {0x20, 0, 0, 0, 0, 0, 0, 0, 1};
    hprof_out_raw(o, head, sizeof head);
    for (uint32_t i = 0; i < n * 1000; i++) {
        begin_of_class[65] = 0;
        begin_of_class[66] = 0;
        begin_of_class[67] = 0xff; /* static fields: as many as there can be, all of no type */
        begin_of_class[68] = 0xff;
        begin_of_class[74] = i % 2 ? 0 : 4;
        hprof_out_raw(o, begin_of_class, sizeof begin_of_class);
    }
}

/* Segments that overlap: each leads astray, and the next begins right behind its header. */
static void nested_segments(struct hprof_out *o, uint32_t n)
{
    boot(o);
    boot_classes(o);
    hprof_out_heap_end(o);
    for (uint32_t i = 0; i < n * 1000; i++) {
        uint8_t segment[9 + 9] = {0x1c, 0, 0, 0, 0, 0, (uint8_t)(i % 7), 0, 10, 0xff, 0, 0, 0, 0, 0, 1, 0, 0};
        hprof_out_raw(o, segment, sizeof segment);
    }
}

/* Objects of classes that are missing, a different one each time, with bodies that look like more of them. */
static void missing_classes(struct hprof_out *o, uint32_t n)
{
    boot(o);
    boot_classes(o);
    for (uint32_t i = 0; i < n * 1000; i++) {
        hprof_out_instance_begin(o, FIRST + 16 * i, FIRST * 16 + 16 * i, 100);
        hprof_out_fill(o, 0x21, 100);
    }
    hprof_out_heap_end(o);
}

/* Tiny segments with another record between each two of them. */
static void scattered_segments(struct hprof_out *o, uint32_t n)
{
    boot(o);
    boot_classes(o);
    hprof_out_heap_end(o);
    for (uint32_t i = 0; i < n * 1000; i++) {
        uint8_t records[9 + 9 + 9 + 4] = {0x1c, 0, 0, 0, 0, 0, 0, 0, 9, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 0x03, 0, 0, 0, 0, 0, 0, 0, 4};
        hprof_out_raw(o, records, sizeof records);
    }
}

static const struct {
    const char *name;
    void (*make)(struct hprof_out *o, uint32_t n);
} cases[] = {
    {"huge arrays", huge_arrays},
    {"arrays without data", arrays_without_data},
    {"deep hierarchy", deep_hierarchy},
    {"many wide classes", many_wide_classes},
    {"long name", long_name},
    {"huge records", huge_records},
    {"many threads", many_threads},
    {"one thread, many serials", one_thread_many_serials},
    {"colliding ids", colliding_ids},
    {"sparse ids", sparse_ids},
    {"false begins", false_begins},
    {"false begins in a giant", false_begins_in_a_giant},
    {"nested segments", nested_segments},
    {"missing classes", missing_classes},
    {"scattered segments", scattered_segments},
};

/* ---- trying them ---- */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LIMITED false /* the shadow takes the whole address space */
#else
#define LIMITED true
#endif

static void limit_memory(uint64_t file_bytes)
{
    rlim_t bytes = (rlim_t)(LIMIT_FLOOR + LIMIT_FACTOR * file_bytes);
    struct rlimit limit = {bytes, bytes};
    ck_assert_int_eq(LIMITED ? setrlimit(RLIMIT_AS, &limit) : 0, 0);
}

static bool open_and_close(const char *dump)
{
    struct ha_snapshot_options options = {.no_index = true, .threads = 2};
    struct ha_snapshot *s;
    struct ha_err *err = ha_snapshot_open(dump, &options, &s);
    if (err == NULL) {
        ha_snapshot_close(s);
        return true;
    }
    ck_assert_msg(ha_err_kind(err) == HA_ERR_INPUT || ha_err_kind(err) == HA_ERR_LIMIT, "%s", ha_err_message(err));
    ha_err_free(err);
    return false;
}

START_TEST(test_hostile)
{
    struct stat st;
    struct timespec begun, done;
    struct rusage usage;
    struct hprof_out *o = begin();
    ck_assert_ptr_nonnull(o);
    cases[_i].make(o, thousands);
    ck_assert_ptr_null(hprof_out_finish(o));
    ck_assert_int_eq(stat(path, &st), 0);
    limit_memory((uint64_t)st.st_size);
    clock_gettime(CLOCK_MONOTONIC, &begun);
    bool opened = open_and_close(path);
    clock_gettime(CLOCK_MONOTONIC, &done);
    getrusage(RUSAGE_SELF, &usage);
    fprintf(stderr, "# %-26s %9lld bytes  %6.2f s  %5ld MiB  %s\n", cases[_i].name, (long long)st.st_size,
            (double)(done.tv_sec - begun.tv_sec) + (double)(done.tv_nsec - begun.tv_nsec) / 1e9, usage.ru_maxrss / 1024, opened ? "answered" : "refused");
}
END_TEST

static void setup(void)
{
    damage_dir(&dir);
    temp_path(&dir, "hostile.hprof", path);
}

static void teardown(void)
{
    temp_dir_deinit(&dir);
}

int main(int argc, char **argv)
{
    thousands = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 0) : thousands;
    for (size_t i = 0; argc > 2 && i < sizeof cases / sizeof *cases; i++) {
        snprintf(path, sizeof path, "%s/%s.hprof", argv[2], cases[i].name);
        struct hprof_out *o = begin();
        cases[i].make(o, thousands);
        hprof_out_finish(o);
    }
    if (argc > 2) {
        return EXIT_SUCCESS;
    }
    Suite *suite = suite_create("dump_hostile");
    TCase *tcase = tcase_create("dump_hostile");
    tcase_set_timeout(tcase, 600);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, test_hostile, 0, sizeof cases / sizeof *cases);
    suite_add_tcase(suite, tcase);
    return ck_ha_run_suite(suite);
}
