/* SPDX-License-Identifier: MIT */
/* Sub-records: every tag with ids of 4 and 8 bytes, cut at every byte; bodies that reach past the segment. */
#include "ha/hprof/hprof_heap.h"

#include "hprof/hprof_fixture.h"

static struct fixture x;

static size_t make(uint8_t *data, uint8_t tag, unsigned id_size, uint32_t count, uint8_t type)
{
    size_t len = 1;
    data[0] = tag;
    if (tag == HA_SUB_HEAP_INFO) {
        len += put_be(data + len, 3, 4);
        return len + put_be(data + len, 0x77, id_size);
    }
    len += put_be(data + len, 0x1234, id_size);
    unsigned root_bytes = ha_sub_root_bytes(tag, id_size);
    if (root_bytes != 0) {
        for (unsigned left = root_bytes - id_size, i = 5; left > 0; left -= 4, i++) {
            len += put_be(data + len, i, 4);
        }
        return len;
    }
    len += put_be(data + len, 9, 4);
    if (tag == HA_SUB_INSTANCE) {
        len += put_be(data + len, 0x5678, id_size);
        len += put_be(data + len, count, 4);
        memset(data + len, 1, count);
        return len + count;
    }
    len += put_be(data + len, count, 4);
    if (tag == HA_SUB_OBJ_ARRAY) {
        len += put_be(data + len, 0x5678, id_size);
        memset(data + len, 1, (size_t)count * id_size);
        return len + (size_t)count * id_size;
    }
    data[len++] = type;
    size_t body = tag == HA_SUB_PRIM_ARRAY ? (size_t)count * ha_primitive_bytes(type) : 0;
    memset(data + len, 1, body);
    return len + body;
}

static enum ha_sub_result read_sub(const uint8_t *data, size_t bytes, unsigned id_size, struct ha_sub *ret)
{
    memset(ret, 0, sizeof *ret);
    fixture_init(&x, data, bytes);
    enum ha_sub_result result = ha_sub_read(&x.window, 0, bytes, id_size, ret);
    fixture_deinit(&x);
    return result;
}

static const uint8_t tags[] = {0xff, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x21, 0x22, 0x23,
                               0x89, 0x8a, 0x8b, 0x8c, 0x8d, 0x8e, 0x90, 0xc3, 0xfe};

START_TEST(test_every_tag)
{
    uint8_t data[200];
    struct ha_sub sub;
    for (size_t t = 0; t < sizeof tags; t++) {
        for (unsigned id_size = 4; id_size <= 8; id_size += 4) {
            size_t len = make(data, tags[t], id_size, 3, 9);
            ck_assert_int_eq(read_sub(data, len, id_size, &sub), HA_SUB_OK);
            ck_assert_uint_eq(sub.tag, tags[t]);
            ck_assert_uint_eq(sub.end, len);
            ck_assert_uint_eq(sub.id, tags[t] == HA_SUB_HEAP_INFO ? 0x77 : 0x1234);
            for (size_t cut = 1; cut < len; cut++) {
                ck_assert_int_eq(read_sub(data, cut, id_size, &sub), HA_SUB_TRUNCATED);
            }
            memset(data + len, 0xee, 60); /* more follows */
            ck_assert_int_eq(read_sub(data, len + 60, id_size, &sub), HA_SUB_OK);
            ck_assert_uint_eq(sub.end, len);
        }
    }
}
END_TEST

START_TEST(test_fields)
{
    uint8_t data[200];
    struct ha_sub sub;
    ck_assert_int_eq(read_sub(data, make(data, HA_SUB_INSTANCE, 8, 5, 0), 8, &sub), HA_SUB_OK);
    ck_assert_uint_eq(sub.class_id, 0x5678);
    ck_assert_uint_eq(sub.count, 5);
    ck_assert_uint_eq(sub.body, 25);
    ck_assert_int_eq(read_sub(data, make(data, HA_SUB_OBJ_ARRAY, 4, 5, 0), 4, &sub), HA_SUB_OK);
    ck_assert_uint_eq(sub.class_id, 0x5678);
    ck_assert_uint_eq(sub.end - sub.body, 20);
    ck_assert_int_eq(read_sub(data, make(data, HA_SUB_PRIM_ARRAY, 8, 5, 11), 8, &sub), HA_SUB_OK);
    ck_assert_uint_eq(sub.type, 11);
    ck_assert_uint_eq(sub.end - sub.body, 40);
    ck_assert_int_eq(read_sub(data, make(data, HA_SUB_ROOT_JAVA_FRAME, 8, 0, 0), 8, &sub), HA_SUB_OK);
    ck_assert_uint_eq(sub.serial, 5);
    ck_assert_uint_eq(sub.number, 6);
    ck_assert_int_eq(read_sub(data, make(data, HA_SUB_ROOT_NATIVE_STACK, 4, 0, 0), 4, &sub), HA_SUB_OK);
    ck_assert_uint_eq(sub.serial, 5);
    ck_assert_uint_eq(sub.number, UINT32_MAX);
    ck_assert_int_eq(read_sub(data, make(data, HA_SUB_ROOT_JNI_GLOBAL, 8, 0, 0), 8, &sub), HA_SUB_OK);
    ck_assert_uint_eq(sub.serial, 0);
}
END_TEST

START_TEST(test_what_the_format_does_not_have)
{
    uint8_t data[200];
    struct ha_sub sub;
    for (unsigned type = 0; type < 256; type++) {
        make(data, HA_SUB_PRIM_ARRAY, 8, 2, 4);
        data[17] = (uint8_t)type;
        ck_assert_int_eq(read_sub(data, 100, 8, &sub), type >= 4 && type <= 11 ? HA_SUB_OK : HA_SUB_UNKNOWN);
    }
    for (unsigned tag = 0; tag < 256; tag++) {
        if (memchr(tags, (int)tag, sizeof tags) == NULL && tag != HA_SUB_CLASS) {
            memset(data, 0, sizeof data);
            data[0] = (uint8_t)tag;
            ck_assert_int_eq(read_sub(data, 100, 8, &sub), HA_SUB_UNKNOWN);
        }
    }
    /* counts that would wrap 32 bits when multiplied */
    make(data, HA_SUB_OBJ_ARRAY, 8, 0, 0);
    put_be(data + 13, 0x20000001, 4);
    ck_assert_int_eq(read_sub(data, 100, 8, &sub), HA_SUB_TRUNCATED);
    make(data, HA_SUB_PRIM_ARRAY, 8, 0, 11);
    put_be(data + 13, 0xffffffff, 4);
    ck_assert_int_eq(read_sub(data, 100, 8, &sub), HA_SUB_TRUNCATED);
}
END_TEST

START_TEST(test_end)
{
    uint8_t data[100] = {0};
    struct ha_sub sub;
    fixture_init(&x, data, sizeof data);
    ck_assert_int_eq(ha_sub_read(&x.window, 100, 100, 8, &sub), HA_SUB_END);
    ck_assert_int_eq(ha_sub_read(&x.window, 50, 50, 8, &sub), HA_SUB_END);
    fixture_deinit(&x);
}
END_TEST

CK_HA_MAIN("hprof_heap", test_every_tag, test_fields, test_what_the_format_does_not_have, test_end)
