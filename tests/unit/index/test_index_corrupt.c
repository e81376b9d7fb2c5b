/* SPDX-License-Identifier: MIT */
/*
 * An index file is hostile until checked: every byte of header and table is changed, every field is set to bad values under checksums
 * that fit, the file is cut and extended; each must be refused. Changed section bytes must be found by verify, with the section's name.
 */
#include "index/index_format.h"

#include "support/ck_ha.h"
#include "support/temp_dir.h"

#define SECTIONS 4U

static struct temp_dir dir;
static char path[TEMP_PATH_BYTES];
static uint8_t *good;
static size_t good_len;
static uint8_t *bad;
static size_t bad_len;
static struct ha_index_header *header; /* in bad */
static struct ha_index_entry *table;   /* in bad */

static void setup(void)
{
    static const struct ha_fingerprint print = {.bytes = 1000, .mtime_sec = 5, .heap = 1};
    static const uint8_t data[10000] = {1, 2, 3};
    struct ha_index_writer *writer = NULL;
    struct ha_index *index = NULL;
    temp_dir_init(&dir);
    temp_path(&dir, "a.hpx", path);
    ck_ok(ha_index_writer_create(path, NULL, &writer));
    ck_ok(ha_index_section_put(writer, HA_INDEX_ID('A', 'A', 'A', 'A'), 8, 1000, data));
    ck_ok(ha_index_section_put(writer, HA_INDEX_ID('B', 'B', 'B', 'B'), 1, 4096, data));
    ck_ok(ha_index_section_put(writer, HA_INDEX_ID('C', 'C', 'C', 'C'), 4, 0, NULL));
    ck_ok(ha_index_section_put(writer, HA_INDEX_ID('D', 'D', 'D', 'D'), 5, 1000, data));
    ck_ok(ha_index_writer_commit(writer, &print, 1, &index));
    ha_index_close(index);
    good = temp_read(path, &good_len);
    bad = malloc(good_len + 65536);
    header = (struct ha_index_header *)bad;
}

static void teardown(void)
{
    free(good);
    free(bad);
    temp_dir_deinit(&dir);
}

static void restore(void)
{
    memcpy(bad, good, good_len);
    bad_len = good_len;
    table = (struct ha_index_entry *)(bad + header->table_off);
}

/* Makes both checksums fit what bad now holds. */
static void seal(void)
{
    if (header->table_off <= bad_len && header->section_count <= HA_INDEX_SECTIONS_MAX &&
        header->section_count * sizeof *table <= bad_len - header->table_off) {
        header->table_hash =
            ha_hash(bad + header->table_off, header->section_count * sizeof *table);
    }
    header->header_hash = ha_index_header_hash(header);
}

static void refuse(const char *text)
{
    struct ha_index *index = NULL;
    temp_write(path, bad, bad_len);
    ck_err(ha_index_open(path, &index), HA_ERR_INPUT, text);
    ck_assert_ptr_null(index);
}

START_TEST(test_every_bit_of_header_and_table)
{
    setup();
    restore();
    size_t table_off = header->table_off;
    for (size_t i = 0; i < good_len; i++) {
        if (i == sizeof *header) {
            i = table_off;
        }
        for (unsigned bit = 0; bit < 8; bit++) {
            restore();
            bad[i] ^= (uint8_t)(1U << bit);
            refuse("index '");
        }
    }
    teardown();
}
END_TEST

START_TEST(test_lengths)
{
    setup();
    restore();
    size_t lens[] = {0,
                     1,
                     7,
                     8,
                     64,
                     127,
                     128,
                     129,
                     4095,
                     4096,
                     4097,
                     8192,
                     good_len / 2,
                     good_len - 4096,
                     good_len - 129,
                     good_len - 128,
                     good_len - 32,
                     good_len - 1};
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        restore();
        bad_len = lens[i];
        refuse("file too short");
    }
    restore();
    memset(bad + good_len, 0, 4096);
    for (size_t more = 1; more <= 4096; more += 4095) { // left by a process that was to add something and did not come to its end
        struct ha_index *index = NULL;
        temp_write(path, bad, good_len + more);
        ck_ok(ha_index_open(path, &index));
        ck_assert_uint_eq(ha_index_bytes(index), good_len);
        ck_ok(ha_index_verify(index, 1));
        ha_index_close(index);
    }
    memset(bad, 0, good_len);
    bad_len = good_len;
    refuse("does not begin like an index");
    teardown();
}
END_TEST

START_TEST(test_header_fields)
{
    setup();
    restore();
    header->format = HA_INDEX_FORMAT + 1;
    seal();
    refuse("was written by another format");
    restore();
    header->flags = 1;
    seal();
    refuse("unknown fields");
    restore();
    header->entry_bytes = 40;
    seal();
    refuse("unknown fields");
    restore();
    header->reserved[23] = 1;
    seal();
    refuse("unknown fields");
    static const uint32_t counts[] = {0, 1, SECTIONS - 1, SECTIONS + 1, 256, 257, UINT32_MAX};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        restore();
        header->section_count = counts[i];
        seal();
        refuse("is damaged");
    }
    static const uint64_t places[] = {0, 8, 4096, 4095, 1ULL << 40, UINT64_MAX, UINT64_MAX - 4095};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        restore();
        header->table_off = places[i];
        seal();
        refuse("place of the section table");
        restore();
        header->file_bytes = places[i];
        seal();
        refuse(places[i] > good_len ? "file too short" : "place of the section table");
    }
    teardown();
}
END_TEST

START_TEST(test_table_fields)
{
    static const uint64_t values[] = {1,
                                      2,
                                      4095,
                                      4096,
                                      8192,
                                      12288,
                                      1ULL << 31,
                                      1ULL << 32,
                                      1ULL << 62,
                                      1ULL << 63,
                                      UINT64_MAX / 8,
                                      UINT64_MAX / 5 + 1,
                                      UINT64_MAX,
                                      UINT64_MAX - 4095,
                                      UINT64_MAX - 8191};
    setup();
    for (uint32_t i = 0; i < SECTIONS; i++) {
        for (size_t k = 0; k < sizeof values / sizeof *values; k++) {
            restore();
            if (table[i].off != values[k]) {
                table[i].off = values[k];
                seal();
                refuse("is damaged (section ");
            }
            restore();
            // Fewer elements are believed, and more as long as they end in the same page.
            if ((table[i].count * table[i].width + 4095) / 4096 <
                (values[k] > 1000000 ? UINT64_MAX : (values[k] * table[i].width + 4095) / 4096)) {
                table[i].count = values[k];
                seal();
                refuse("is damaged");
            }
        }
        restore();
        table[i].width = 0;
        seal();
        refuse("section size");
        if (table[i].count > 0) {
            restore();
            table[i].width = UINT32_MAX;
            seal();
            refuse("section size");
            restore();
            table[i].count = 0;
            seal();
            refuse("section place");
        }
        restore();
        table[i].id = 0x00414141;
        seal();
        refuse("section id");
        restore();
        table[i].id = table[(i + 1) % SECTIONS].id;
        seal();
        refuse("section id twice");
    }
    restore();
    struct ha_index_entry first = table[0];
    table[0] = table[1];
    table[1] = first;
    seal();
    refuse("section place");
    teardown();
}
END_TEST

/* Any byte of header and table set to anything, under checksums that fit: opened or refused, and what is opened lies in the file. */
START_TEST(test_random_pokes)
{
    uint64_t x = 0x9e3779b97f4a7c15U;
    setup();
    for (int round = 0; round < 4000; round++) {
        restore();
        size_t table_off = header->table_off;
        for (int pokes = 0; pokes < 1 + round % 3; pokes++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            size_t at = x % (112 + SECTIONS * sizeof *table);
            at = at < 112 ? at : table_off + at - 112;
            bad[at] = (uint8_t)(x >> 32);
        }
        seal();
        temp_write(path, bad, bad_len);
        struct ha_index *index = NULL;
        struct ha_err *err = ha_index_open(path, &index);
        if (err != NULL) {
            ck_assert_int_eq(ha_err_kind(err), HA_ERR_INPUT);
            ha_err_free(err);
            continue;
        }
        ha_err_free(ha_index_verify(index, 1));
        ha_index_close(index);
    }
    teardown();
}
END_TEST

START_TEST(test_verify_names_the_section)
{
    struct ha_index *index = NULL;
    setup();
    ck_ok(ha_index_open(path, &index));
    ck_ok(ha_index_verify(index, 2));
    ha_index_close(index);
    for (uint32_t i = 0; i < SECTIONS; i++) {
        restore();
        size_t bytes = (size_t)(table[i].count * table[i].width);
        size_t places[] = {0, bytes / 2, bytes - 1};
        char text[32];
        snprintf(text, sizeof text, "section '%c%c%c%c'", 'A' + (int)i, 'A' + (int)i, 'A' + (int)i,
                 'A' + (int)i);
        for (size_t k = 0; k < 3 && bytes > 0; k++) {
            restore();
            bad[table[i].off + places[k]] ^= 0x10;
            temp_write(path, bad, bad_len);
            ck_ok(ha_index_open(path, &index));
            ck_err(ha_index_verify(index, 2), HA_ERR_INPUT, text);
            ha_index_close(index);
        }
    }
    restore();
    bad[4096 + 8000] = 1;
    temp_write(path, bad, bad_len);
    ck_ok(ha_index_open(path, &index));
    ck_err(ha_index_verify(index, 1), HA_ERR_INPUT, "padding of section 'AAAA'");
    ha_index_close(index);
    restore();
    bad[4000] = 1;
    temp_write(path, bad, bad_len);
    ck_ok(ha_index_open(path, &index));
    ck_err(ha_index_verify(index, 1), HA_ERR_INPUT, "padding of the header");
    ha_index_close(index);
    teardown();
}
END_TEST

START_TEST(test_not_a_file)
{
    struct ha_index *index = NULL;
    temp_dir_init(&dir);
    ck_err(ha_index_open(temp_path(&dir, "none", path), &index), HA_ERR_SYSTEM, "No such file");
    ck_err(ha_index_open(dir.path, &index), HA_ERR_INPUT, "not a regular file");
    ck_assert_int_eq(mkfifo(temp_path(&dir, "pipe", path), 0600), 0);
    ck_err(ha_index_open(path, &index), HA_ERR_INPUT, "not a regular file");
    temp_dir_deinit(&dir);
}
END_TEST

CK_HA_MAIN("index_corrupt", test_every_bit_of_header_and_table, test_lengths, test_header_fields,
           test_table_fields, test_random_pokes, test_verify_names_the_section, test_not_a_file)
