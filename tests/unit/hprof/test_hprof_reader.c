/* SPDX-License-Identifier: MIT */
/* The header and what is no header; lengths of top-level records that cannot be right. */
#include "ha/hprof/hprof_reader.h"

#include "hprof/hprof_fixture.h"

#define HEADER "JAVA PROFILE 1.0.2\0\0\0\0\10\0\0\1\213\317\345\150\0"
#define HEADER_BYTES 31U

static struct fixture x;

static void check_header_error(const char *data, size_t len, const char *message)
{
    struct ha_hprof_header header;
    fixture_init(&x, data, len);
    ck_err(ha_hprof_header_read(&x.window, &header), HA_ERR_INPUT, message);
    fixture_deinit(&x);
}

START_TEST(test_header)
{
    struct ha_hprof_header header;
    fixture_init(&x, HEADER, HEADER_BYTES);
    ck_ok(ha_hprof_header_read(&x.window, &header));
    ck_assert_str_eq(header.format, "JAVA PROFILE 1.0.2");
    ck_assert_uint_eq(header.id_size, 8);
    ck_assert_int_eq(header.created_ms, 1700000000000);
    ck_assert_uint_eq(header.first_record, HEADER_BYTES);
    fixture_deinit(&x);
}
END_TEST

START_TEST(test_header_errors)
{
    check_header_error("this is a text, not a dump at all", 33, "begins with");
    check_header_error("JAVA", 4, "begins with");
    check_header_error("JAVA PROFILE 1.0.1 with a version line that does not end", 56, "its version line has no end");
    check_header_error("JAVA PROFILE 1.0.9\0\0\0\0\10\0\0\0\0\0\0\0\0", HEADER_BYTES, "\"JAVA PROFILE 1.0.9\"");
    check_header_error("JAVA PROFILE 1.0\0\0\0\0\10\0\0\0\0\0\0\0\0", 29, "\"JAVA PROFILE 1.0\"");
    check_header_error("JAVA PROFILE 1.0.2\0\0\0\0\5\0\0\0\0\0\0\0\0", HEADER_BYTES, "identifier size 5");
    check_header_error("JAVA PROFILE 1.0.2\0\0\0\0\0\0\0\0\0\0\0\0\0", HEADER_BYTES, "identifier size 0");
    for (size_t len = 19; len < HEADER_BYTES; len++) {
        check_header_error(HEADER, len, "ends inside the HPROF header");
    }
    for (size_t len = 13; len < 19; len++) {
        check_header_error(HEADER, len, "is no binary HPROF");
    }
}
END_TEST

/* A record of the given tag and length after the header, with `rest` bytes in the file. */
static struct ha_record read_record(uint8_t tag, uint32_t length, size_t rest)
{
    uint8_t data[256] = {0};
    struct ha_record record;
    bool end;
    memcpy(data, HEADER, HEADER_BYTES);
    data[HEADER_BYTES] = tag;
    put_be(data + HEADER_BYTES + 1, 77, 4);
    put_be(data + HEADER_BYTES + 5, length, 4);
    fixture_init(&x, data, HEADER_BYTES + 9 + rest);
    ck_ok(ha_record_read(&x.window, HEADER_BYTES, &record, &end));
    ck_assert(!end);
    fixture_deinit(&x);
    return record;
}

START_TEST(test_record_lengths)
{
    struct ha_record r = read_record(HA_RECORD_UTF8, 20, 100);
    ck_assert_uint_eq(r.tag, HA_RECORD_UTF8);
    ck_assert_uint_eq(r.time_us, 77);
    ck_assert_uint_eq(r.length, 20);
    ck_assert_uint_eq(r.body, HEADER_BYTES + 9);
    ck_assert_uint_eq(r.end, HEADER_BYTES + 29);
    ck_assert_int_eq(r.fit, HA_RECORD_FITS);
    r = read_record(HA_RECORD_UTF8, 0, 100);
    ck_assert_uint_eq(r.end, r.body);
    r = read_record(HA_RECORD_HEAP_DUMP_END, 0, 0);
    ck_assert_uint_eq(r.end, r.body);
    r = read_record(HA_RECORD_HEAP_DUMP_SEGMENT, 0, 0); /* nothing follows: an empty segment */
    ck_assert_int_eq(r.fit, HA_RECORD_FITS);
    r = read_record(HA_RECORD_HEAP_DUMP_SEGMENT, 0, 50);
    ck_assert_int_eq(r.fit, HA_RECORD_ZERO_LENGTH);
    ck_assert_uint_eq(r.end, HEADER_BYTES + 59);
    r = read_record(HA_RECORD_HEAP_DUMP, 0xffffffff, 50);
    ck_assert_int_eq(r.fit, HA_RECORD_CLIPPED);
    ck_assert_uint_eq(r.end, HEADER_BYTES + 59);
    ck_assert_uint_eq(r.length, 0xffffffff);
    r = read_record(HA_RECORD_UTF8, 51, 50);
    ck_assert_int_eq(r.fit, HA_RECORD_CLIPPED);
}
END_TEST

START_TEST(test_end_of_file)
{
    struct ha_record record;
    bool end = false;
    fixture_init(&x, HEADER "\1\0\0\0", HEADER_BYTES + 4);
    ck_ok(ha_record_read(&x.window, HEADER_BYTES + 4, &record, &end));
    ck_assert(end);
    end = false;
    ck_ok(ha_record_read(&x.window, HEADER_BYTES, &record, &end));
    ck_assert(end);
    fixture_deinit(&x);
}
END_TEST

/* A HEAP_DUMP of more than 4 GiB: its length is written modulo 2^32. The file is sparse. */
START_TEST(test_wrapped_length)
{
    struct ha_record record;
    uint8_t head[HEADER_BYTES + 9];
    bool end;
    fixture_init(&x, HEADER, HEADER_BYTES);
    fixture_deinit(&x);
    temp_dir_init(&x.dir);
    memcpy(head, HEADER, HEADER_BYTES);
    head[HEADER_BYTES] = HA_RECORD_HEAP_DUMP;
    put_be(head + HEADER_BYTES + 1, 0, 4);
    put_be(head + HEADER_BYTES + 5, 1000, 4);
    temp_write(temp_path(&x.dir, "b.hprof", x.path), head, sizeof head);
    ck_assert_int_eq(truncate(x.path, (off_t)(sizeof head + 0x100000000 + 1000)), 0);
    ck_ok(ha_input_open(x.path, NULL, &x.input));
    ha_window_init(&x.window, x.input, HA_WINDOW_RANDOM);
    ck_ok(ha_record_read(&x.window, HEADER_BYTES, &record, &end));
    ck_assert_int_eq(record.fit, HA_RECORD_WRAPPED);
    ck_assert_uint_eq(record.end, sizeof head + 0x100000000 + 1000);
    fixture_deinit(&x);
}
END_TEST

START_TEST(test_known_tags)
{
    ck_assert(ha_record_tag_known(HA_RECORD_UTF8));
    ck_assert(ha_record_tag_known(HA_RECORD_HEAP_DUMP_END));
    ck_assert(!ha_record_tag_known(0));
    ck_assert(!ha_record_tag_known(0x2d));
    ck_assert(!ha_record_tag_known(0xff));
}
END_TEST

CK_HA_MAIN("hprof_reader", test_header, test_header_errors, test_record_lengths, test_end_of_file, test_wrapped_length, test_known_tags)
