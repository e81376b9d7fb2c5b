/* SPDX-License-Identifier: MIT */
/* CLASS_DUMP records: every part, long tables that outgrow the window, cut records, types that do not exist. */
#include "ha/hprof/hprof_class.h"

#include "hprof/hprof_fixture.h"

static struct fixture x;
static uint8_t *data;
static size_t len;

static void begin(unsigned id_size)
{
    data = malloc(HA_CLASS_DUMP_MAX + 100);
    ck_assert_ptr_nonnull(data);
    data[0] = HA_SUB_CLASS;
    len = 1;
    len += put_be(data + len, 0x1000, id_size);
    len += put_be(data + len, 7, 4);
    len += put_be(data + len, 0x2000, id_size); /* super */
    len += put_be(data + len, 0x3000, id_size); /* loader */
    for (int i = 0; i < 4; i++) {
        len += put_be(data + len, 0, id_size);
    }
    len += put_be(data + len, 24, 4);
}

/* n entries of a constant pool, or of statics when name_bytes is the size of an id. */
static void put_values(unsigned n, unsigned name_bytes, uint8_t type, unsigned value_bytes)
{
    len += put_be(data + len, n, 2);
    for (unsigned i = 0; i < n; i++) {
        len += put_be(data + len, i + 1, name_bytes);
        data[len++] = type;
        len += put_be(data + len, 0x0102030405060708ULL + i, value_bytes);
    }
}

static void put_fields(unsigned n, unsigned id_size, uint8_t type)
{
    len += put_be(data + len, n, 2);
    for (unsigned i = 0; i < n; i++) {
        len += put_be(data + len, i + 1, id_size);
        data[len++] = type;
    }
}

static enum ha_sub_result read_class(size_t bytes, unsigned id_size, struct ha_class_dump *ret)
{
    enum ha_sub_result result;
    fixture_init(&x, data, bytes);
    result = ha_class_dump_read(&x.window, 0, bytes, id_size, ret);
    return result; /* the fixture stays: ret points into its window */
}

START_TEST(test_parts)
{
    struct ha_class_dump dump;
    struct ha_class_dump_entry entry;
    for (unsigned id_size = 4; id_size <= 8; id_size += 4) {
        begin(id_size);
        put_values(2, 2, 10, 4);
        put_values(3, id_size, 2, id_size);
        put_fields(2, id_size, 11);
        size_t end = len;
        ck_assert_int_eq(read_class(end + 10, id_size, &dump), HA_SUB_OK);
        ck_assert_uint_eq(dump.id, 0x1000);
        ck_assert_uint_eq(dump.super, 0x2000);
        ck_assert_uint_eq(dump.loader, 0x3000);
        ck_assert_uint_eq(dump.end, end);
        ck_assert_uint_eq(dump.static_count, 3);
        ck_assert_uint_eq(dump.field_count, 2);
        const uint8_t *p = ha_class_dump_static(dump.statics, id_size, &entry);
        p = ha_class_dump_static(p, id_size, &entry);
        ck_assert_uint_eq(entry.name_id, 2);
        ck_assert_uint_eq(entry.type, 2);
        ck_assert_uint_eq(entry.value, id_size == 4 ? 0x05060709U : 0x0102030405060709ULL);
        p = ha_class_dump_field(dump.fields, id_size, &entry);
        ha_class_dump_field(p, id_size, &entry);
        ck_assert_uint_eq(entry.name_id, 2);
        ck_assert_uint_eq(entry.type, 11);
        fixture_deinit(&x);
        for (size_t cut = 1; cut < end; cut++) {
            ck_assert_int_eq(read_class(cut, id_size, &dump), HA_SUB_TRUNCATED);
            fixture_deinit(&x);
        }
        free(data);
    }
}
END_TEST

START_TEST(test_long_tables)
{
    struct ha_class_dump dump;
    begin(8);
    put_values(65535, 2, 11, 8);
    put_values(65535, 8, 9, 2);
    put_fields(65535, 8, 2);
    ck_assert_int_eq(read_class(len, 8, &dump), HA_SUB_OK);
    ck_assert_uint_eq(dump.end, len);
    ck_assert_uint_eq(dump.field_count, 65535);
    struct ha_class_dump_entry entry;
    const uint8_t *p = dump.fields;
    for (unsigned i = 0; i < dump.field_count; i++) {
        p = ha_class_dump_field(p, 8, &entry);
    }
    ck_assert_uint_eq(entry.name_id, 65535);
    fixture_deinit(&x);
    ck_assert_int_eq(read_class(len - 1, 8, &dump), HA_SUB_TRUNCATED);
    fixture_deinit(&x);
    free(data);
}
END_TEST

/* In the constant pool, the statics, the fields. */
START_TEST(test_bad_types)
{
    static const uint8_t bad[] = {0, 3, 12, 0xff};
    struct ha_class_dump dump;
    for (size_t i = 0; i < sizeof bad; i++) {
        for (int part = 0; part < 3; part++) {
            begin(8);
            put_values(1, 2, part == 0 ? bad[i] : 4, 1);
            put_values(1, 8, part == 1 ? bad[i] : 4, 1);
            put_fields(1, 8, part == 2 ? bad[i] : 4);
            ck_assert_int_eq(read_class(len, 8, &dump), HA_SUB_UNKNOWN);
            fixture_deinit(&x);
            free(data);
        }
    }
}
END_TEST

START_TEST(test_value_bytes)
{
    static const unsigned bytes[] = {0, 8, 8, 0, 1, 2, 4, 8, 1, 2, 4, 8, 0};
    for (uint8_t type = 0; type < sizeof bytes / sizeof *bytes; type++) {
        ck_assert_uint_eq(ha_value_bytes(type, 8), bytes[type]);
    }
    ck_assert_uint_eq(ha_value_bytes(2, 4), 4);
    ck_assert_uint_eq(ha_value_bytes(0xff, 4), 0);
}
END_TEST

CK_HA_MAIN("hprof_class", test_parts, test_long_tables, test_bad_types, test_value_bytes)
