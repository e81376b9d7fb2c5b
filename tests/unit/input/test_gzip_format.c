/* SPDX-License-Identifier: MIT */
/* Headers of gzip members: parsed whole, cut at every byte, and found in other bytes. */
#include "input/gzip_format.h"

#include "support/ck_ha.h"
#include "support/gzip_out.h"

START_TEST(test_headers)
{
    for (unsigned bits = 0; bits < 16; bits++) {
        struct gzip_out out = {.level = 1,
                               .extra_len = bits & 1 ? 300 : 0,
                               .name = bits & 2 ? "n" : NULL,
                               .comment = bits & 4 ? "" : NULL,
                               .header_crc = (bits & 8) != 0};
        gzip_out_member(&out, (const uint8_t *)"abc", 3);
        for (size_t len = 2; len <= out.len; len++) {
            size_t bytes = 99999;
            enum gzip_header result = gzip_header_parse(out.data, len, &bytes);
            if (len < out.datas[0]) {
                ck_assert_int_eq(result, GZIP_HEADER_CUT);
            } else {
                ck_assert_int_eq(result, GZIP_HEADER_OK);
                ck_assert_uint_eq(bytes, out.datas[0]);
            }
        }
        ck_assert(gzip_is_candidate(out.data));
        gzip_out_free(&out);
    }
}
END_TEST

START_TEST(test_no_headers)
{
    static const uint8_t good[12] = {0x1f, 0x8b, 8, 0, 1, 2, 3, 4, 4, 3, 3, 0};
    static const struct {
        size_t at;
        uint8_t value;
    } rows[] = {{0, 0x1e}, {1, 0}, {2, 7}, {3, 0x20}, {3, 0x80}};
    size_t bytes = 0;
    ck_assert_int_eq(gzip_header_parse(good, sizeof good, &bytes), GZIP_HEADER_OK);
    ck_assert_uint_eq(bytes, 10);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t bad[12];
        memcpy(bad, good, sizeof bad);
        bad[rows[i].at] = rows[i].value;
        ck_assert_int_eq(gzip_header_parse(bad, sizeof bad, &bytes), GZIP_HEADER_NONE);
        ck_assert(!gzip_is_candidate(bad));
    }
    ck_assert_int_eq(gzip_header_parse((const uint8_t *)"xy", 2, &bytes), GZIP_HEADER_NONE);
}
END_TEST

START_TEST(test_candidates)
{
    uint8_t data[200];
    memset(data, 0x1f, sizeof data);
    ck_assert_uint_eq(gzip_find_candidate(data, sizeof data, 0), sizeof data);
    ck_assert_uint_eq(gzip_find_candidate(data, 5, 0), 5);
    static const uint8_t header[10] = {0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 255};
    memcpy(data + 190, header, sizeof header);
    ck_assert_uint_eq(gzip_find_candidate(data, sizeof data, 0), 190);
    ck_assert_uint_eq(gzip_find_candidate(data, sizeof data, 190), 190);
    ck_assert_uint_eq(gzip_find_candidate(data, sizeof data, 191), sizeof data);
    ck_assert_uint_eq(gzip_find_candidate(data, sizeof data - 1, 0), sizeof data - 1);
    memcpy(data, header, sizeof header);
    ck_assert_uint_eq(gzip_find_candidate(data, sizeof data, 0), 0);
    ck_assert_uint_eq(gzip_find_candidate(data, sizeof data, 1), 190);
}
END_TEST

START_TEST(test_block_bytes)
{
    static const struct {
        const char *comment;
        uint64_t bytes;
    } rows[] = {{"HPROF BLOCKSIZE=1048576", 1048576},
                {"HPROF BLOCKSIZE=5", 5},
                {"HPROF BLOCKSIZE=", 0},
                {"HPROF BLOCKSIZE=12x", 0},
                {"HPROF BLOCKSIZE=99999999999", 0},
                {"hprof blocksize=1", 0},
                {"", 0},
                {NULL, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct gzip_out out = {.level = 1,
                               .name = i % 2 == 0 ? "x" : NULL,
                               .extra_len = i % 3,
                               .comment = rows[i].comment};
        gzip_out_member(&out, (const uint8_t *)"", 0);
        ck_assert_uint_eq(gzip_hotspot_block_bytes(out.data, out.datas[0]), rows[i].bytes);
        gzip_out_free(&out);
    }
}
END_TEST

CK_HA_MAIN("gzip_format", test_headers, test_no_headers, test_candidates, test_block_bytes)
