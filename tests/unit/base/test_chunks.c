/* SPDX-License-Identifier: MIT */
#include "ha/base/chunks.h"

#include "support/ck_ha.h"

#define WORDS (HA_CHUNK_BYTES / sizeof(uint32_t))
#define LISTS 5U

/* A word of a chunk: which list, which chunk of it, which word. */
static uint32_t word_of(uint32_t list, uint32_t chunk, uint32_t word)
{
    return list * 1000003U + chunk * 1009U + word;
}

static void fill(void *memory, uint32_t list, uint32_t chunk)
{
    uint32_t *words = memory;
    for (uint32_t i = 0; i < WORDS; i++) {
        words[i] = word_of(list, chunk, i);
    }
}

/* How many chunks a list of the test has: none, one, and many, of different lengths. */
static uint32_t length_of(uint32_t list, uint32_t most)
{
    return list == 0 ? 0 : list == 1 ? 1 : most - list;
}

static void grow(struct ha_chunks *chunks, struct ha_chunk_list *lists, uint32_t most)
{
    for (uint32_t c = 0; c < most; c++) {
        for (uint32_t l = 0; l < LISTS; l++) {
            if (c == lists[l].count && c < length_of(l, most)) {
                ck_ok(ha_chunks_next(chunks, &lists[l]));
                fill(lists[l].chunk, l, c);
            }
        }
    }
}

static void expect(struct ha_chunk_reader *reader, const struct ha_chunk_list *lists, uint32_t l, uint32_t most)
{
    const void *data;
    uint32_t c = 0;
    ha_chunk_reader_begin(reader, &lists[l]);
    for (;; c++) {
        ck_ok(ha_chunk_reader_next(reader, &data));
        if (data == NULL) {
            break;
        }
        const uint32_t *words = data;
        ck_assert_uint_eq(words[0], word_of(l, c, 0));
        ck_assert_uint_eq(words[WORDS - 1], word_of(l, c, WORDS - 1));
    }
    ck_assert_uint_eq(c, length_of(l, most));
    ck_assert_uint_eq(lists[l].count, c);
}

/* Fills lists of up to `most` chunks, reads each twice with a reader for so many, grows them to `more`, and reads again. */
static void fill_and_read(uint32_t most, uint32_t more, uint32_t for_chunks, bool in_file)
{
    struct ha_chunks chunks = {0};
    struct ha_chunk_list lists[LISTS] = {0};
    for (uint32_t until = most; until <= more; until = until < more ? more : more + 1) {
        grow(&chunks, lists, until);
        ck_ok(ha_chunks_finish(&chunks));
        ck_assert_int_eq(chunks.file_bytes > 0, in_file);
        struct ha_chunk_reader reader;
        ck_ok(ha_chunk_reader_init(&reader, &chunks, for_chunks));
        for (uint32_t l = 0; l < LISTS; l++) {
            expect(&reader, lists, l, until);
            expect(&reader, lists, l, until);
        }
        expect(&reader, lists, 3, until);
        ha_chunk_reader_deinit(&reader);
    }
    ha_chunks_deinit(&chunks);
    ck_assert_uint_eq(ha_big_bytes_now(), 0);
}

START_TEST(test_in_memory)
{
    fill_and_read(40, 41, 40, false);
    fill_and_read(800, 900, 800, false); // more than the small blocks hold
}
END_TEST

START_TEST(test_in_file)
{
    ck_ok(ha_big_limit_set(1 << 20, "/var/tmp"));
    fill_and_read(20, 40, 40, false); // small blocks stay in memory
    fill_and_read(1900, 2100, 1900, true); // more than one block of the file; more than a reader keeps
    fill_and_read(900, 1100, 7, true); // a reader for shorter lists
    fill_and_read(900, 1100, 0, true);
    ck_assert_uint_ge(ha_big_file_bytes_peak(), 2 << 24);
    ck_ok(ha_big_limit_set(UINT64_MAX, NULL));
}
END_TEST

START_TEST(test_no_file)
{
    ck_ok(ha_big_limit_set(100 << 20, "/nonexistent")); // a quarter is for cold ones; then a file would be needed, and there is memory
    fill_and_read(2000, 2100, 2000, false);
    ck_ok(ha_big_limit_set(0, "/nonexistent"));
    struct ha_chunks chunks = {0};
    struct ha_chunk_list list = {0};
    uint32_t filled = 0;
    struct ha_err *err = NULL;
    for (; err == NULL && filled < 10000; filled += err == NULL) {
        err = ha_chunks_next(&chunks, &list);
        if (err == NULL) {
            fill(list.chunk, 2, filled);
        }
    }
    ck_assert_uint_eq(filled, 256);
    ck_err(err, HA_ERR_SYSTEM, "/nonexistent");
    struct ha_chunk_reader reader;
    ck_ok(ha_chunk_reader_init(&reader, &chunks, 1)); // what was filled is not lost
    expect(&reader, (struct ha_chunk_list[]){list, list, list}, 2, 258);
    ha_chunk_reader_deinit(&reader);
    ha_chunks_deinit(&chunks);
    ck_ok(ha_big_limit_set(UINT64_MAX, NULL));
}
END_TEST

CK_HA_MAIN("chunks", test_in_memory, test_in_file, test_no_file)
