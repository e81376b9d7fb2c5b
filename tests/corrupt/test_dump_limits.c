/* SPDX-License-Identifier: MIT */
/*
 * The limits of docs/hprof-format.md that a dump of reasonable size can reach: right answers at the limit, and beyond it what the table there says.
 * Those that need a heap of billions are tested where they are counted: tests/unit/heap/test_heap_limits.c.
 */
#include "damage.h"

#include <fcntl.h>

#define OBJECT 0x10000ULL
#define CLASS 0x10100ULL
#define THREAD 0x10200ULL
#define WIDE 0x10300ULL
#define FIELD_NAME 0x10400ULL
#define FRAME 0x10500ULL
#define LONG_NAME 0x20000ULL
#define FIRST 0x1000000ULL
#define MANY 65535U

static struct temp_dir dir;
static char path[TEMP_PATH_BYTES];

static void setup(void)
{
    damage_dir(&dir);
    temp_path(&dir, "limits.hprof", path);
}

static void teardown(void)
{
    temp_dir_deinit(&dir);
}

static void name_class(struct hprof_out *o, uint32_t serial, uint64_t id, const char *name, size_t len)
{
    hprof_out_utf8(o, id, name, len);
    hprof_out_load_class(o, serial, id, 1, id);
}

/* Header and names of the basic classes. */
static struct hprof_out *begin(void)
{
    struct hprof_out *o = hprof_out_create_file(path, &(struct hprof_out_options){.id_size = 8});
    ck_assert_ptr_nonnull(o);
    name_class(o, 1, OBJECT, "java/lang/Object", 16);
    name_class(o, 2, CLASS, "java/lang/Class", 15);
    name_class(o, 3, THREAD, "java/lang/Thread", 16);
    hprof_out_utf8(o, FIELD_NAME, "f", 1);
    return o;
}

static void begin_heap(struct hprof_out *o)
{
    hprof_out_heap_begin(o);
    hprof_out_class(o, &(struct hprof_out_class){.id = OBJECT});
    hprof_out_class(o, &(struct hprof_out_class){.id = CLASS, .super = OBJECT});
    hprof_out_class(o, &(struct hprof_out_class){.id = THREAD, .super = OBJECT});
    hprof_out_root(o, HPROF_ROOT_STICKY_CLASS, OBJECT, 0, 0);
    hprof_out_root(o, HPROF_ROOT_STICKY_CLASS, CLASS, 0, 0);
    hprof_out_root(o, HPROF_ROOT_STICKY_CLASS, THREAD, 0, 0);
}

static struct ha_snapshot *finish(struct hprof_out *o)
{
    struct ha_snapshot *s;
    hprof_out_heap_end(o);
    ck_assert_ptr_null(hprof_out_finish(o));
    ck_ok(ha_snapshot_open(path, &(struct ha_snapshot_options){.no_index = true, .threads = 2}, &s));
    return s;
}

static const struct ha_class *class_at(const struct ha_snapshot *s, uint64_t address)
{
    ha_obj obj;
    ha_cls cls;
    ck_assert(ha_heap_find(s->heap, address, &obj));
    ck_assert(ha_heap_as_class(s->heap, obj, &cls));
    return ha_heap_class(s->heap, cls);
}

/* 65,535 fields, as many static fields, and an instance with all the values: the last of each is read. */
START_TEST(test_fields)
{
    struct hprof_out_value *fields = sup_calloc(MANY, sizeof *fields), *statics = sup_calloc(MANY, sizeof *statics);
    struct hprof_out *o = begin();
    name_class(o, 4, WIDE, "Wide", 4);
    for (uint32_t i = 0; i < MANY; i++) {
        char name[16];
        int len = snprintf(name, sizeof name, "f%" PRIu32, i);
        hprof_out_utf8(o, LONG_NAME + i, name, (size_t)len);
        fields[i] = (struct hprof_out_value){.name = LONG_NAME + i, .type = HPROF_INT};
        statics[i] = (struct hprof_out_value){.name = LONG_NAME + i, .type = HPROF_LONG, .value = i};
    }
    begin_heap(o);
    hprof_out_class(o, &(struct hprof_out_class){.id = WIDE, .super = OBJECT, .fields = fields, .statics = statics, .field_count = MANY, .static_count = MANY});
    hprof_out_instance_begin(o, FIRST, WIDE, 4 * MANY);
    for (uint32_t i = 0; i < MANY; i++) {
        hprof_out_u4(o, i);
    }
    hprof_out_root(o, HPROF_ROOT_JNI_GLOBAL, FIRST, 0, 0);
    struct ha_snapshot *s = finish(o);
    const struct ha_class *wide = class_at(s, WIDE);
    struct ha_window window;
    int64_t value;
    ha_obj obj;
    ck_assert(!ha_diag_any_damage(s->diag));
    ck_assert_uint_eq(wide->fields_count, MANY);
    ck_assert_uint_eq(wide->statics_count, MANY);
    ck_assert_uint_eq(s->heap->statics[wide->statics_first + MANY - 1].value, MANY - 1);
    ck_assert(ha_heap_find(s->heap, FIRST, &obj));
    ha_window_init(&window, s->input, HA_WINDOW_RANDOM);
    ck_assert(ha_heap_read_long(s->heap, &window, obj, "f65534", &value));
    ck_assert_int_eq(value, MANY - 1);
    ha_window_deinit(&window);
    ha_snapshot_close(s);
    sup_free(fields);
    sup_free(statics);
}
END_TEST

/* A name of 65,535 bytes is kept, of a longer one so much. */
START_TEST(test_names)
{
    char *name = sup_calloc(70000, 1);
    memset(name, 'x', 70000);
    for (size_t len = MANY - 1; len <= MANY + 2; len++) {
        struct hprof_out *o = begin();
        name_class(o, 4, WIDE, name, len);
        begin_heap(o);
        hprof_out_class(o, &(struct hprof_out_class){.id = WIDE, .super = OBJECT});
        struct ha_snapshot *s = finish(o);
        ck_assert_uint_eq(strlen(class_at(s, WIDE)->name), len < MANY ? len : MANY);
        ck_assert(!ha_diag_any_damage(s->diag));
        ha_snapshot_close(s);
    }
    sup_free(name);
}
END_TEST

/* HA_CLASS_DEPTH_MAX ancestors are followed; one more is cut, and told. */
START_TEST(test_ancestors)
{
    for (uint32_t ancestors = HA_CLASS_DEPTH_MAX; ancestors <= HA_CLASS_DEPTH_MAX + 1; ancestors++) {
        struct hprof_out_value field = {.name = FIELD_NAME, .type = HPROF_INT};
        struct hprof_out *o = begin();
        begin_heap(o);
        for (uint32_t i = 0; i < ancestors; i++) { /* the first extends Object, the last has `ancestors` above it */
            hprof_out_class(o, &(struct hprof_out_class){.id = FIRST + 16 * i, .super = i == 0 ? OBJECT : FIRST + 16 * (i - 1), .fields = &field, .field_count = 1});
        }
        struct ha_snapshot *s = finish(o);
        const struct ha_class *last = class_at(s, FIRST + 16 * (ancestors - 1));
        bool beyond = ancestors > HA_CLASS_DEPTH_MAX;
        ck_assert_uint_eq(ha_diag_get(s->diag, HA_DIAG_MISSING_CLASS)->count, beyond ? 1 : 0);
        ck_assert_uint_eq(last->payload_bytes, beyond ? 4 : 4 * ancestors);
        ha_snapshot_close(s);
    }
}
END_TEST

/* Lists are walked without recursion, however long; and as many roots, threads and frames as there are. */
#define LONG_LIST 300000U

START_TEST(test_depth_and_roots)
{
    struct hprof_out_value field = {.name = FIELD_NAME, .type = HPROF_OBJECT};
    struct hprof_out *o = begin();
    name_class(o, 4, WIDE, "Node", 4);
    begin_heap(o);
    hprof_out_class(o, &(struct hprof_out_class){.id = WIDE, .super = OBJECT, .fields = &field, .field_count = 1});
    for (uint32_t i = 0; i < LONG_LIST; i++) { /* a list from the first, and as many objects alone that are roots */
        hprof_out_instance_begin(o, FIRST + 32 * i, WIDE, 8);
        hprof_out_id(o, i + 1 < LONG_LIST ? FIRST + 32 * (i + 1) : 0);
        hprof_out_instance_begin(o, FIRST + 32 * i + 16, WIDE, 8);
        hprof_out_id(o, 0);
        hprof_out_root(o, HPROF_ROOT_JNI_GLOBAL, FIRST + 32 * i + 16, i, 0);
    }
    hprof_out_root(o, HPROF_ROOT_JNI_GLOBAL, FIRST, 0, 0);
    struct ha_snapshot *s = finish(o);
    ha_obj first, last, lone;
    ck_assert(ha_heap_find(s->heap, FIRST, &first));
    ck_assert(ha_heap_find(s->heap, FIRST + 32 * (LONG_LIST - 1), &last));
    ck_assert(ha_heap_find(s->heap, FIRST + 16, &lone));
    uint64_t node = ha_sizes_of(s->sizes, lone);
    ck_assert_uint_eq(s->heap->root_count, 3 + LONG_LIST + 1);
    ck_assert_uint_eq(ha_retained_of(s->retained, first), LONG_LIST * node);
    ck_assert_uint_eq(ha_retained_of(s->retained, last), node);
    ck_assert_uint_eq(s->retained->unreachable_objects, 0);
    ck_assert(!ha_diag_any_damage(s->diag));
    ha_snapshot_close(s);
}
END_TEST

START_TEST(test_threads_and_frames)
{
    enum { THREADS = 50000, FRAMES = 200000 };
    uint64_t *frames = sup_calloc(FRAMES, sizeof *frames);
    struct hprof_out *o = begin();
    hprof_out_utf8(o, FRAME, "run", 3);
    hprof_out_frame(o, FRAME, FRAME, FRAME, FRAME, 3, 7);
    for (uint32_t i = 0; i < FRAMES; i++) {
        frames[i] = FRAME;
    }
    hprof_out_trace(o, 1, 1, frames, FRAMES); /* of the first thread */
    for (uint32_t t = 2; t <= THREADS; t++) {
        hprof_out_trace(o, t, t, frames, 1);
    }
    begin_heap(o);
    for (uint32_t t = 1; t <= THREADS; t++) {
        hprof_out_instance_begin(o, FIRST + 16 * t, THREAD, 0);
        hprof_out_root(o, HPROF_ROOT_THREAD_OBJECT, FIRST + 16 * t, t, t);
        hprof_out_root(o, HPROF_ROOT_JAVA_FRAME, FIRST + 16 * ((t + 1) % THREADS + 1), t, t == 1 ? FRAMES - 1 : 0);
    }
    struct ha_snapshot *s = finish(o);
    ck_assert_uint_eq(s->heap->thread_count, THREADS);
    ck_assert_uint_eq(s->heap->frame_count, FRAMES + THREADS - 1);
    ck_assert_uint_eq(s->heap->local_count, THREADS);
    ck_assert_uint_eq(s->heap->threads[0].frames_count, FRAMES);
    ck_assert_uint_eq(s->heap->locals[s->heap->threads[0].locals_first].frame, FRAMES - 1);
    ck_assert(!ha_diag_any_damage(s->diag));
    ha_snapshot_close(s);
    sup_free(frames);
}
END_TEST

/* ---- as many bytes as can be addressed, in a sparse file ---- */

#define BYTES_MAX (((uint64_t)1 << 40) - 1)

static void put_record(int fd, uint64_t off, uint8_t tag, uint32_t length)
{
    const uint8_t header[9] = {tag, 0, 0, 0, 0, (uint8_t)(length >> 24), (uint8_t)(length >> 16), (uint8_t)(length >> 8), (uint8_t)length};
    ck_assert_int_eq(pwrite(fd, header, sizeof header, (off_t)off), sizeof header);
}

/* Header, names, records to be skipped (monitors) up to the last bytes, and there the heap. false: not on this file system. */
static bool make_longest(uint64_t bytes)
{
    uint8_t *data;
    size_t all;
    struct hprof_out *o = hprof_out_create_memory(&(struct hprof_out_options){.id_size = 8});
    name_class(o, 1, OBJECT, "java/lang/Object", 16);
    name_class(o, 2, CLASS, "java/lang/Class", 15);
    name_class(o, 3, THREAD, "java/lang/Thread", 16);
    size_t names = (size_t)hprof_out_position(o);
    begin_heap(o);
    hprof_out_instance_begin(o, FIRST, OBJECT, 0);
    hprof_out_root(o, HPROF_ROOT_JNI_GLOBAL, FIRST, 0, 0);
    hprof_out_heap_end(o);
    hprof_out_finish_memory(o, &data, &all);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    bool possible = ftruncate(fd, (off_t)bytes) == 0;
    if (possible) {
        uint64_t heap = bytes - (all - names), off = names;
        ck_assert_int_eq(pwrite(fd, data, names, 0), (ssize_t)names);
        ck_assert_int_eq(pwrite(fd, data + names, all - names, (off_t)heap), (ssize_t)(all - names));
        while (off < heap) {
            uint64_t body = heap - off - 9;
            uint32_t length = body <= UINT32_MAX ? (uint32_t)body : UINT32_MAX - 9; /* so that a header always fits behind it */
            put_record(fd, off, 0x10, length);
            off += 9 + (uint64_t)length;
        }
    }
    close(fd);
    free(data);
    return possible;
}

START_TEST(test_bytes)
{
    struct ha_snapshot *s;
    ha_obj obj;
    if (!make_longest(BYTES_MAX)) {
        fprintf(stderr, "# no files of 1 TiB here: %s is not tested\n", path);
        return;
    }
    ck_ok(ha_snapshot_open(path, &(struct ha_snapshot_options){.no_index = true, .threads = 2}, &s));
    ck_assert(!ha_diag_any_damage(s->diag));
    ck_assert_uint_eq(s->heap->facts.object_count, 4);
    ck_assert(ha_heap_find(s->heap, FIRST, &obj));
    struct ha_window window;
    struct ha_body body;
    ha_window_init(&window, s->input, HA_WINDOW_RANDOM);
    ck_assert(ha_heap_body(s->heap, &window, obj, &body));
    ck_assert_uint_gt(body.off, BYTES_MAX - 100);
    ha_window_deinit(&window);
    ha_snapshot_close(s);
    ck_assert(make_longest(BYTES_MAX + 1));
    ck_err(ha_snapshot_open(path, &(struct ha_snapshot_options){.no_index = true}, &s), HA_ERR_LIMIT, "below 1 TiB");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dump_limits");
    TCase *tcase = tcase_create("dump_limits");
    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_fields);
    tcase_add_test(tcase, test_names);
    tcase_add_test(tcase, test_ancestors);
    tcase_add_test(tcase, test_depth_and_roots);
    tcase_add_test(tcase, test_threads_and_frames);
    tcase_add_test(tcase, test_bytes);
    suite_add_tcase(suite, tcase);
    return ck_ha_run_suite(suite);
}
