/* SPDX-License-Identifier: MIT */
/*
 * Dumps of more than 4 GiB in sparse files: arrays as long as the format allows, lengths that wrapped, objects behind them, and a file that is too
 * long for our offsets.
 *
 *     names | segment: classes | segment or HEAP_DUMP: one array of 4 GiB of zeros | segment: objects that refer to it | end
 */
#include "damage.h"

#include <fcntl.h>

#define OBJECT 0x10000ULL
#define CLASS 0x10100ULL
#define HOLDER 0x10200ULL
#define LONGS 0x10300ULL
#define OBJECTS 0x10400ULL
#define ARRAY 0x1000000ULL
#define FIRST 0x8000000000ULL
#define HOLDERS 1000U
#define LONG_COUNT 536870909U   /* the most that HotSpot writes: 18 + 8 × 536,870,909 = 0xfffffffa */
#define OBJECT_COUNT 536870908U /* 25 + 8 × 536,870,908 = 0xfffffff9 */

static struct temp_dir dir;
static char path[TEMP_PATH_BYTES];

static void setup(void)
{
    temp_dir_init(&dir); /* on a disk, which holds larger files than memory */
    temp_path(&dir, "sparse.hprof", path);
}

static void teardown(void)
{
    temp_dir_deinit(&dir);
}

static void put_be(uint8_t *p, uint64_t value, unsigned bytes)
{
    for (unsigned i = bytes; i-- > 0; value >>= 8) {
        p[i] = (uint8_t)value;
    }
}

static void write_at(int fd, uint64_t off, const void *data, size_t len)
{
    ck_assert_int_eq(pwrite(fd, data, len, (off_t)off), (ssize_t)len);
}

static void name_class(struct hprof_out *o, uint32_t serial, uint64_t id, const char *name)
{
    hprof_out_utf8(o, id, name, strlen(name));
    hprof_out_load_class(o, serial, id, 1, id);
}

/* Header, names, and the classes in a segment of their own. */
static void front(uint8_t **ret, size_t *ret_bytes)
{
    struct hprof_out_value field = {.name = 5, .type = HPROF_OBJECT};
    struct hprof_out *o = hprof_out_create_memory(&(struct hprof_out_options){.id_size = 8, .no_end = true});
    name_class(o, 1, OBJECT, "java/lang/Object");
    name_class(o, 2, CLASS, "java/lang/Class");
    name_class(o, 3, HOLDER, "com/acme/Holder");
    name_class(o, 4, LONGS, "[J");
    name_class(o, 5, OBJECTS, "[Ljava/lang/Object;");
    hprof_out_utf8(o, 5, "held", 4);
    hprof_out_heap_begin(o);
    hprof_out_class(o, &(struct hprof_out_class){.id = OBJECT});
    hprof_out_class(o, &(struct hprof_out_class){.id = CLASS, .super = OBJECT});
    hprof_out_class(o, &(struct hprof_out_class){.id = HOLDER, .super = OBJECT, .fields = &field, .field_count = 1, .instance_size = 8});
    hprof_out_class(o, &(struct hprof_out_class){.id = LONGS, .super = OBJECT});
    hprof_out_class(o, &(struct hprof_out_class){.id = OBJECTS, .super = OBJECT});
    hprof_out_heap_end(o);
    hprof_out_finish_memory(o, ret, ret_bytes);
}

/* HOLDERS objects that hold the array, all roots; `body`: without the record's header. */
static void back(uint8_t **ret, size_t *ret_bytes, size_t *ret_body)
{
    struct hprof_out *o = hprof_out_create_memory(&(struct hprof_out_options){.id_size = 8});
    size_t begin = (size_t)hprof_out_position(o);
    uint8_t *data;
    hprof_out_heap_begin(o);
    for (uint32_t i = 0; i < HOLDERS; i++) {
        hprof_out_instance_begin(o, FIRST + 16 * i, HOLDER, 8);
        hprof_out_id(o, ARRAY);
        hprof_out_root(o, HPROF_ROOT_JNI_GLOBAL, FIRST + 16 * i, 1, 0);
    }
    hprof_out_root(o, HPROF_ROOT_STICKY_CLASS, HOLDER, 0, 0);
    hprof_out_heap_end(o);
    hprof_out_finish_memory(o, &data, ret_bytes);
    *ret_bytes -= begin;
    *ret_body = *ret_bytes - 9 - 9;
    *ret = malloc(*ret_bytes);
    ck_assert_ptr_nonnull(*ret);
    memcpy(*ret, data + begin, *ret_bytes);
    free(data);
}

/* The array's head; *ret_bytes: of the whole sub-record. */
static size_t array_head(uint8_t *p, bool objects, uint64_t *ret_bytes)
{
    p[0] = objects ? 0x22 : 0x23;
    put_be(p + 1, ARRAY, 8);
    put_be(p + 9, 1, 4);
    put_be(p + 13, objects ? OBJECT_COUNT : LONG_COUNT, 4);
    if (objects) {
        put_be(p + 17, OBJECTS, 8);
    } else {
        p[17] = 11;
    }
    *ret_bytes = objects ? 25 + 8 * (uint64_t)OBJECT_COUNT : 18 + 8 * (uint64_t)LONG_COUNT;
    return objects ? 25 : 18;
}

/* What the record with the array is. */
enum shape {
    OWN_SEGMENT,     /* the array alone, as JVMs since 15 write it */
    WRAPPED_DUMP,    /* one HEAP_DUMP for array and objects, its length modulo 2^32 */
    WRAPPED_SEGMENT, /* the same as HEAP_DUMP_SEGMENT, with a record behind it */
    CUT              /* the file ends inside the array */
};

static void make(enum shape shape, bool objects)
{
    uint8_t *head, *tail, record[9 + 25] = {0};
    size_t head_bytes, tail_bytes, body_bytes;
    uint64_t array_bytes;
    front(&head, &head_bytes);
    back(&tail, &tail_bytes, &body_bytes);
    size_t fixed = array_head(record + 9, objects, &array_bytes);
    bool whole = shape == WRAPPED_DUMP || shape == WRAPPED_SEGMENT;
    record[0] = shape == WRAPPED_DUMP ? 0x0c : 0x1c;
    put_be(record + 5, (array_bytes + (whole ? body_bytes : 0)) & 0xffffffff, 4);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_ge(fd, 0);
    uint64_t end = head_bytes + 9 + array_bytes;
    write_at(fd, 0, head, head_bytes);
    write_at(fd, head_bytes, record, 9 + fixed);
    if (shape == CUT) {
        ck_assert_int_eq(ftruncate(fd, (off_t)(end - 1000000)), 0);
    } else if (whole) {
        write_at(fd, end, tail + 9, tail_bytes - 9 - (shape == WRAPPED_DUMP ? 9 : 0));
    } else {
        write_at(fd, end, tail, tail_bytes);
    }
    close(fd);
    free(head);
    free(tail);
}

static struct ha_snapshot *open_dump(void)
{
    struct ha_snapshot *s;
    ck_ok(ha_snapshot_open(path, &(struct ha_snapshot_options){.no_index = true, .threads = 2}, &s));
    return s;
}

/* The array and the objects that hold it are there, and can be read. */
static void check(struct ha_snapshot *s, bool objects)
{
    struct ha_window window;
    struct ha_value value;
    ha_obj array, holder, held;
    uint32_t length = objects ? OBJECT_COUNT : LONG_COUNT;
    ck_assert_uint_eq(s->heap->facts.object_count, 5 + 1 + HOLDERS);
    ck_assert(ha_heap_find(s->heap, ARRAY, &array));
    ck_assert_uint_eq(ha_heap_array_length(s->heap, array), length);
    ck_assert_uint_gt(ha_sizes_of(s->sizes, array), 4 * (uint64_t)length);
    /* the class object of long[], which nothing else refers to, goes with its only instance */
    ha_obj mirror = ha_heap_class(s->heap, ha_heap_class_of(s->heap, array))->object, above;
    bool goes = !ha_obj_is_none(mirror) && ha_dom_of(s->dom, mirror, &above) && ha_obj_equal(above, array);
    ck_assert_uint_eq(ha_retained_of(s->retained, array), ha_sizes_of(s->sizes, array) + (goes ? ha_sizes_of(s->sizes, mirror) : 0));
    ha_window_init(&window, s->input, HA_WINDOW_RANDOM);
    ck_assert(ha_heap_read_element(s->heap, &window, array, length - 1, &value));
    ck_assert_uint_eq(value.bits, 0);
    ck_assert(!ha_heap_read_element(s->heap, &window, array, length, &value));
    ck_assert(ha_heap_find(s->heap, FIRST + 16 * (HOLDERS - 1), &holder));
    ck_assert(ha_heap_read_reference(s->heap, &window, holder, "held", &held));
    ck_assert_uint_eq(held.i, array.i);
    ha_window_deinit(&window);
}

START_TEST(test_own_segment)
{
    for (int objects = 0; objects < 2; objects++) {
        make(OWN_SEGMENT, objects);
        struct ha_snapshot *s = open_dump();
        check(s, objects);
        ck_assert(!ha_diag_any_damage(s->diag));
        ha_snapshot_close(s);
    }
}
END_TEST

START_TEST(test_wrapped)
{
    for (enum shape shape = WRAPPED_DUMP; shape <= WRAPPED_SEGMENT; shape++) {
        make(shape, false);
        struct ha_snapshot *s = open_dump();
        if (shape == WRAPPED_SEGMENT) {
            check(s, false); /* the HEAP_DUMP is another heap than the segment of the classes */
        }
        ck_assert_uint_eq(ha_diag_get(s->diag, HA_DIAG_WRAPPED_LENGTH)->count, 1);
        ck_assert_uint_eq(ha_diag_get(s->diag, HA_DIAG_GAP)->count, 0);
        ck_assert_uint_eq(ha_diag_get(s->diag, HA_DIAG_TRUNCATED)->count, 0);
        ha_snapshot_close(s);
    }
}
END_TEST

START_TEST(test_cut)
{
    make(CUT, false);
    struct ha_snapshot *s = open_dump();
    ha_obj array;
    ck_assert(!ha_heap_find(s->heap, ARRAY, &array));
    const struct ha_diag_entry *entry = ha_diag_get(s->diag, HA_DIAG_TRUNCATED);
    ck_assert_uint_eq(entry->count, 1);
    ck_assert_msg(strstr(entry->message, "976.6 KiB of its 4.0 GiB are missing") != NULL, "%s", entry->message);
    ha_snapshot_close(s);
}
END_TEST

START_TEST(test_too_long)
{
    struct ha_snapshot *s;
    make(OWN_SEGMENT, false);
    if (truncate(path, (off_t)1 << 40) != 0) {
        return; /* not on this file system */
    }
    ck_err(ha_snapshot_open(path, &(struct ha_snapshot_options){.no_index = true}, &s), HA_ERR_LIMIT, "1 TiB");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dump_sparse");
    TCase *tcase = tcase_create("dump_sparse");
    tcase_set_timeout(tcase, 600);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_own_segment);
    tcase_add_test(tcase, test_wrapped);
    tcase_add_test(tcase, test_cut);
    tcase_add_test(tcase, test_too_long);
    suite_add_tcase(suite, tcase);
    return ck_ha_run_suite(suite);
}
