/* SPDX-License-Identifier: MIT */
/* What goes into an index comes out of it: mapped, copied and streamed sections, named and unnamed files, extending, failing. */
#include "ha/index/index.h"

#include <sys/resource.h>

#include "ha/base/pool.h"
#include "support/ck_ha.h"
#include "support/temp_dir.h"

#define ID_A HA_INDEX_ID('A', 'A', 'A', 'A')
#define ID_B HA_INDEX_ID('B', 'B', 'B', 'B')
#define ID_C HA_INDEX_ID('C', 'C', 'C', '2')
#define ID_D HA_INDEX_ID('D', 'D', 'D', 'D')

static const struct ha_fingerprint print = {
    .bytes = 123, .mtime_sec = -5, .mtime_nsec = 999, .heap = 2, .sample = 0xfeed};

static struct temp_dir dir;
static char path[TEMP_PATH_BYTES];

static void setup(void)
{
    temp_dir_init(&dir);
    temp_path(&dir, "a.hpx", path);
}

/* A: 3000 numbers mapped; B: 5 bytes copied; C: none; D: streamed. */
static void fill(struct ha_index_writer *writer)
{
    void *p = NULL;
    ck_ok(ha_index_section_map(writer, ID_A, 4, 3000, &p));
    ck_assert_uint_eq((uintptr_t)p % 64, 0);
    for (uint32_t i = 0; i < 3000; i++) {
        ck_assert_uint_eq(((uint32_t *)p)[i], 0);
        ((uint32_t *)p)[i] = i * 7;
    }
    ck_ok(ha_index_section_put(writer, ID_B, 1, 5, "hello"));
    ck_ok(ha_index_section_map(writer, ID_C, 8, 0, &p));
    ck_assert_ptr_null(p);
    ck_ok(ha_index_stream_open(writer, ID_D, 2));
    ck_ok(ha_index_stream_write_at(writer, 4, "efgh", 4));
    ck_ok(ha_index_stream_write_at(writer, 0, "abcd", 4));
    ck_ok(ha_index_stream_write_at(writer, 8, "too much", 8));
    ck_ok(ha_index_stream_close(writer, 4));
}

static void check_filled(const struct ha_index *index)
{
    struct ha_index_section s = ha_index_find(index, ID_A, 4);
    ck_assert_uint_eq(s.count, 3000);
    ck_assert_uint_eq((uintptr_t)s.data % 64, 0);
    for (uint32_t i = 0; i < 3000; i++) {
        ck_assert_uint_eq(((const uint32_t *)s.data)[i], i * 7);
    }
    s = ha_index_find(index, ID_B, 0);
    ck_assert_uint_eq(s.count, 5);
    ck_assert_mem_eq(s.data, "hello", 5);
    s = ha_index_find(index, ID_C, 8);
    ck_assert_uint_eq(s.count, 0);
    ck_assert_ptr_null(s.data);
    s = ha_index_find(index, ID_D, 2);
    ck_assert_uint_eq(s.count, 4);
    ck_assert_mem_eq(s.data, "abcdefgh", 8);
    ck_assert_uint_eq(ha_index_find(index, ID_A, 8).count, 0);
    ck_assert_ptr_null(ha_index_find(index, HA_INDEX_ID('N', 'O', 'N', 'E'), 0).data);
    ck_assert_int_eq(memcmp(ha_index_fingerprint(index), &print, sizeof print), 0);
    ck_ok(ha_index_verify(index, 1));
    ck_ok(ha_index_verify(index, 4));
}

START_TEST(test_round_trip)
{
    struct ha_index_writer *writer = NULL;
    struct ha_index *index = NULL;
    setup();
    ck_ok(ha_index_writer_create(path, NULL, &writer));
    fill(writer);
    ck_assert_int_eq(access(path, F_OK), -1);
    ck_ok(ha_index_writer_commit(writer, &print, 2, &index));
    ck_assert_str_eq(ha_index_path(index), path);
    check_filled(index);
    ck_assert_uint_eq(ha_index_section_count(index), 4);
    ck_assert_uint_eq(ha_index_section_at(index, 0).id, ID_A);
    ck_assert_uint_eq(ha_index_section_at(index, 3).id, ID_D);
    uint64_t bytes = ha_index_bytes(index);
    ha_index_close(index);
    ck_ok(ha_index_open(path, &index));
    ck_assert_uint_eq(ha_index_bytes(index), bytes);
    ck_assert_uint_eq(ha_index_format(index), HA_INDEX_FORMAT);
    check_filled(index);
    ha_index_close(index);
    ck_assert_int_eq(temp_count(&dir), 1);
    temp_dir_deinit(&dir);
}
END_TEST

/* An index without a name can be read, and is gone or in place afterwards. */
START_TEST(test_sealed)
{
    setup();
    for (int keep = 0; keep <= 1; keep++) {
        struct ha_index_writer *writer = NULL;
        struct ha_index *index = NULL;
        ck_ok(ha_index_writer_create(path, NULL, &writer));
        fill(writer);
        ck_ok(ha_index_writer_seal(writer, &print, 2, &index));
        ck_assert_int_eq(access(path, F_OK), -1);
        check_filled(index);
        if (keep != 0) {
            ck_ok(ha_index_keep(index));
            ck_ok(ha_index_keep(index)); // the second time there is nothing to do
            check_filled(index);
        }
        ha_index_close(index);
        ck_assert_int_eq(temp_count(&dir), keep);
    }
    struct ha_index *index = NULL;
    ck_ok(ha_index_open(path, &index));
    check_filled(index);
    ck_ok(ha_index_keep(index));
    ha_index_close(index);
    ck_assert_int_eq(temp_count(&dir), 1);
    temp_dir_deinit(&dir);
}
END_TEST

START_TEST(test_threads_do_not_show)
{
    uint8_t *first = NULL;
    size_t first_len = 0;
    setup();
    for (unsigned threads = 1; threads <= 8; threads *= 2) {
        struct ha_index_writer *writer = NULL;
        struct ha_index *index = NULL;
        size_t len;
        ck_ok(ha_index_writer_create(path, NULL, &writer));
        fill(writer);
        ck_ok(ha_index_writer_commit(writer, &print, threads, &index));
        ha_index_close(index);
        uint8_t *data = temp_read(path, &len);
        if (first == NULL) {
            first = data;
            first_len = len;
            continue;
        }
        ck_assert_uint_eq(len, first_len);
        ck_assert_mem_eq(data, first, len);
        free(data);
    }
    free(first);
    temp_dir_deinit(&dir);
}
END_TEST

START_TEST(test_unnamed)
{
    struct ha_index_writer *writer = NULL;
    struct ha_index *index = NULL;
    setup();
    ck_ok(ha_index_writer_create(NULL, dir.path, &writer));
    fill(writer);
    ck_ok(ha_index_writer_commit(writer, &print, 1, &index));
    ck_assert_ptr_null(ha_index_path(index));
    check_filled(index);
    struct ha_index_section added = {
        .id = HA_INDEX_ID('E', 'E', 'E', 'E'), .width = 1, .count = 3, .data = "xyz"};
    ck_ok(ha_index_extend(index, &added, 1, &index));
    ck_assert_ptr_null(ha_index_path(index));
    check_filled(index);
    ck_assert_mem_eq(ha_index_find(index, added.id, 1).data, "xyz", 3);
    ck_assert_int_eq(temp_count(&dir), 0);
    ha_index_close(index);
    ha_index_close(NULL);
    temp_dir_deinit(&dir);
}
END_TEST

START_TEST(test_no_sections)
{
    struct ha_index_writer *writer = NULL;
    struct ha_index *index = NULL;
    setup();
    ck_ok(ha_index_writer_create(path, NULL, &writer));
    ck_ok(ha_index_writer_commit(writer, &print, 1, &index));
    ha_index_close(index);
    ck_ok(ha_index_open(path, &index));
    ck_assert_uint_eq(ha_index_section_count(index), 0);
    ck_ok(ha_index_verify(index, 2));
    ha_index_close(index);
    temp_dir_deinit(&dir);
}
END_TEST

START_TEST(test_sections_while_writing)
{
    struct ha_index_writer *writer = NULL;
    struct ha_index *index = NULL;
    struct ha_index_section s;
    void *p = NULL;
    setup();
    ck_ok(ha_index_writer_create(path, NULL, &writer));
    fill(writer);
    ck_ok(ha_index_writer_section(writer, ID_A, &s));
    ck_assert_uint_eq(s.count, 3000);
    ((uint32_t *)(uintptr_t)s.data)[1] = 7;
    ck_ok(ha_index_writer_section(writer, ID_D, &s));
    ck_assert_uint_eq(s.count, 4);
    ck_assert_mem_eq(s.data, "abcdefgh", 8);
    ck_ok(ha_index_writer_section(writer, ID_C, &s));
    ck_assert_uint_eq(s.count, 0);
    ck_ok(ha_index_writer_section(writer, HA_INDEX_ID('N', 'O', 'N', 'E'), &s));
    ck_assert_uint_eq(s.count, 0);
    // What the stream wrote beyond its end is not in the next section.
    ck_ok(ha_index_section_map(writer, HA_INDEX_ID('E', 'E', 'E', 'E'), 1, 100000, &p));
    for (size_t i = 0; i < 100000; i++) {
        ck_assert_uint_eq(((uint8_t *)p)[i], 0);
    }
    ck_ok(ha_index_writer_commit(writer, &print, 1, &index));
    check_filled(index);
    ha_index_close(index);
    temp_dir_deinit(&dir);
}
END_TEST

struct pieces {
    struct ha_index_writer *writer;
};

static struct ha_err *write_piece(void *ctx, unsigned worker, uint64_t index)
{
    (void)worker;
    struct pieces *pieces = ctx;
    uint32_t piece[1024];
    for (uint32_t i = 0; i < 1024; i++) {
        piece[i] = (uint32_t)index * 1024 + i;
    }
    return ha_index_stream_write_at(pieces->writer, index * sizeof piece, piece, sizeof piece);
}

START_TEST(test_stream_of_many_threads)
{
    struct ha_index *index = NULL;
    struct pieces pieces = {0};
    setup();
    ck_ok(ha_index_writer_create(path, NULL, &pieces.writer));
    ck_ok(ha_index_stream_open(pieces.writer, ID_A, 4));
    ck_ok(ha_parallel_for(4, 300, write_piece, &pieces));
    ck_ok(ha_index_stream_close(pieces.writer, UINT64_C(300) * 1024));
    ck_ok(ha_index_writer_commit(pieces.writer, &print, 2, &index));
    struct ha_index_section s = ha_index_find(index, ID_A, 4);
    ck_assert_uint_eq(s.count, 300 * 1024);
    for (uint32_t i = 0; i < s.count; i++) {
        ck_assert_uint_eq(((const uint32_t *)s.data)[i], i);
    }
    ck_ok(ha_index_verify(index, 2));
    ha_index_close(index);
    temp_dir_deinit(&dir);
}
END_TEST

static struct ha_err *write_part(void *ctx, unsigned worker, uint64_t index)
{
    const struct pieces *pieces = ctx;
    uint32_t part[1000];
    (void)worker;
    for (uint32_t i = 0; i < 1000; i++) {
        part[i] = (uint32_t)index * 1000 + i;
    }
    if (index == 300) { /* beside the others */
        bool any = true;
        while (any) {
            HA_TRY(ha_index_writer_hash_next(pieces->writer, &any));
        }
        return NULL;
    }
    return ha_index_section_write_at(pieces->writer, ID_A, index * sizeof part, part, sizeof part);
}

START_TEST(test_section_in_parts)
{
    struct ha_index *index = NULL;
    struct pieces pieces = {0};
    struct ha_index_section s;
    setup();
    ck_ok(ha_index_writer_create(path, NULL, &pieces.writer));
    ck_ok(ha_index_section_open(pieces.writer, ID_C, 8, 0));
    ck_ok(ha_index_section_open(pieces.writer, ID_A, 4, 300 * 1000));
    ck_ok(ha_index_section_put(pieces.writer, ID_B, 1, 1, "b")); /* behind it */
    ck_ok(write_part(&pieces, 0, 300)); /* what is not there yet */
    ck_ok(ha_index_stream_open(pieces.writer, ID_D, 1)); /* beside a stream */
    ck_ok(ha_parallel_for(4, 301, write_part, &pieces));
    ck_ok(ha_index_stream_write_at(pieces.writer, 0, "d", 1));
    ck_ok(ha_index_stream_close(pieces.writer, 1));
    ck_err(ha_index_section_write_at(pieces.writer, ID_A, 300 * 4000 - 1, "aa", 2), HA_ERR_BUG, "part");
    ck_err(ha_index_section_write_at(pieces.writer, ID_A, UINT64_MAX, "aa", 2), HA_ERR_BUG, "part");
    ck_err(ha_index_section_write_at(pieces.writer, ID_B, 0, "a", 1), HA_ERR_BUG, "part");
    ck_err(ha_index_section_write_at(pieces.writer, HA_INDEX_ID('E', 'E', 'E', 'E'), 0, "a", 1), HA_ERR_BUG, "part");
    ck_ok(ha_index_section_write_at(pieces.writer, ID_C, 0, "", 0));
    ck_ok(ha_index_writer_section(pieces.writer, ID_A, &s));
    ck_assert_uint_eq(((const uint32_t *)s.data)[299999], 299999);
    ck_ok(ha_index_writer_commit(pieces.writer, &print, 2, &index));
    ck_ok(ha_index_verify(index, 2));
    s = ha_index_find(index, ID_A, 4);
    ck_assert_uint_eq(s.count, 300 * 1000);
    for (uint32_t i = 0; i < s.count; i++) {
        ck_assert_uint_eq(((const uint32_t *)s.data)[i], i);
    }
    ck_assert_mem_eq(ha_index_find(index, ID_B, 1).data, "b", 1);
    ha_index_close(index);
    temp_dir_deinit(&dir);
}
END_TEST

static struct ha_err *hash_or_write_piece(void *ctx, unsigned worker, uint64_t index)
{
    const struct pieces *pieces = ctx;
    if (index != 0) {
        return write_piece(ctx, worker, index - 1);
    }
    for (bool any = true; any;) {
        HA_TRY(ha_index_writer_hash_next(pieces->writer, &any));
    }
    return NULL;
}

START_TEST(test_hash_while_writing)
{
    enum { BYTES = 20 << 20 };
    const uint32_t ids[] = {ID_C};
    struct ha_index *index = NULL;
    struct pieces pieces = {0};
    void *mapped = NULL;
    uint32_t calls = 0;
    bool any = true;
    setup();
    uint8_t *bytes = malloc(BYTES);
    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < BYTES; i++) {
        bytes[i] = (uint8_t)(i * 7 + (i >> 12));
    }
    ck_ok(ha_index_writer_create(path, NULL, &pieces.writer));
    ck_ok(ha_index_writer_set_aside(pieces.writer, ids, 1));
    ck_ok(ha_index_section_map(pieces.writer, ID_B, 1, 1000, &mapped));
    ck_ok(ha_index_section_put(pieces.writer, ID_C, 1, 1000, bytes));
    ck_ok(ha_index_section_put(pieces.writer, ID_D, 1, BYTES, bytes));
    while (any) {
        ck_ok(ha_index_writer_hash_next(pieces.writer, &any));
        calls += any;
    }
    ck_assert_uint_gt(calls, 1); /* who waits for something else looks for it in between */
    ck_assert_uint_le(calls, BYTES >> 20);
    ck_ok(ha_index_section_put(pieces.writer, HA_INDEX_ID('E', 'E', 'E', 'E'), 1, BYTES - 1, bytes + 1));
    ck_ok(ha_index_stream_open(pieces.writer, ID_A, 4));
    ck_ok(ha_parallel_for(4, 301, hash_or_write_piece, &pieces));
    ck_ok(ha_index_stream_close(pieces.writer, UINT64_C(300) * 1024));
    ck_ok(ha_index_section_put(pieces.writer, HA_INDEX_ID('F', 'F', 'F', 'F'), 1, BYTES - 2, bytes + 2));
    ck_ok(ha_index_writer_hash_next(pieces.writer, &any)); /* the stream, which ended */
    ck_assert(any);
    ck_ok(ha_index_writer_hash_next(pieces.writer, &any)); /* a part of the last one */
    ck_assert(any);
    memset(mapped, 5, 1000);
    ck_ok(ha_index_writer_commit(pieces.writer, &print, 2, &index));
    ck_ok(ha_index_verify(index, 2));
    ck_assert_uint_eq(ha_index_section_count(index), 5);
    struct ha_index_section s = ha_index_find(index, ID_D, 1);
    ck_assert_uint_eq(s.count, BYTES);
    ck_assert_mem_eq(s.data, bytes, BYTES);
    ha_index_close(index);
    ck_ok(ha_index_writer_create(path, NULL, &pieces.writer));
    ck_ok(ha_index_section_put(pieces.writer, ID_D, 1, BYTES, bytes));
    ck_ok(ha_index_writer_hash_next(pieces.writer, &any));
    ha_index_writer_destroy(pieces.writer);
    free(bytes);
    temp_dir_deinit(&dir);
}
END_TEST

START_TEST(test_extend)
{
    struct ha_index_writer *writer = NULL;
    struct ha_index *index = NULL;
    setup();
    ck_ok(ha_index_writer_create(path, NULL, &writer));
    fill(writer);
    ck_ok(ha_index_section_put(writer, HA_INDEX_ID('O', 'L', 'D', '1'), 1, 3, "old"));
    ck_ok(ha_index_writer_commit(writer, &print, 1, &index));
    const struct ha_index_section added[] = {
        {.id = HA_INDEX_ID('N', 'E', 'W', '1'), .width = 2, .count = 2, .data = "new1"},
        {.id = HA_INDEX_ID('O', 'L', 'D', '1'), .width = 1, .count = 5, .data = "newer"},
    };
    ck_ok(ha_index_extend(index, added, 2, &index));
    check_filled(index);
    ck_assert_uint_eq(ha_index_section_count(index), 6);
    ha_index_close(index);
    ck_ok(ha_index_open(path, &index));
    check_filled(index);
    ck_assert_mem_eq(ha_index_find(index, added[0].id, 2).data, "new1", 4);
    ck_assert_uint_eq(ha_index_find(index, added[1].id, 1).count, 5);
    ha_index_close(index);
    ck_assert_int_eq(temp_count(&dir), 1);
    temp_dir_deinit(&dir);
}
END_TEST

/* Copying damaged sections must not give them a checksum that fits. */
START_TEST(test_extend_keeps_damage_visible)
{
    struct ha_index_writer *writer = NULL;
    struct ha_index *index = NULL;
    size_t len;
    setup();
    ck_ok(ha_index_writer_create(path, NULL, &writer));
    fill(writer);
    ck_ok(ha_index_writer_commit(writer, &print, 1, &index));
    ha_index_close(index);
    uint8_t *data = temp_read(path, &len);
    data[4096 + 50] ^= 1;
    temp_write(path, data, len);
    free(data);
    ck_ok(ha_index_open(path, &index));
    struct ha_index_section added = {
        .id = HA_INDEX_ID('N', 'E', 'W', '1'), .width = 1, .count = 1, .data = "n"};
    ck_ok(ha_index_extend(index, &added, 1, &index));
    ck_err(ha_index_verify(index, 1), HA_ERR_INPUT, "section 'AAAA'");
    ha_index_close(index);
    temp_dir_deinit(&dir);
}
END_TEST

/* A and D set aside, as they are made; A is kept after all. */
START_TEST(test_set_aside)
{
    const uint32_t ids[] = {ID_A, ID_D, ID_C};
    struct ha_index_writer *writer = NULL;
    struct ha_index *index = NULL;
    struct ha_index_section s;
    for (int named = 0; named < 2; named++) {
        setup();
        ck_ok(ha_index_writer_create(named ? path : NULL, named ? NULL : dir.path, &writer));
        ck_ok(ha_index_writer_set_aside(writer, ids, 3));
        fill(writer);
        ck_ok(ha_index_writer_section(writer, ID_D, &s));
        ck_assert_mem_eq(s.data, "abcdefgh", 8);
        ck_ok(ha_index_writer_view(writer, &index));
        ck_assert_uint_eq(ha_index_find(index, ID_A, 4).count, 3000);
        ha_index_close(index);
        ck_ok(ha_index_writer_keep(writer, ID_A));
        ck_ok(ha_index_writer_keep(writer, ID_B));
        ck_ok(ha_index_writer_keep(writer, ID_C));
        ck_ok(ha_index_writer_keep(writer, HA_INDEX_ID('N', 'O', 'N', 'E')));
        ck_ok(ha_index_writer_section(writer, ID_A, &s));
        ck_assert_uint_eq(s.count, 3000);
        ck_err(ha_index_section_put(writer, ID_D, 1, 1, "a"), HA_ERR_BUG, "'DDDD'");
        ck_err(ha_index_writer_set_aside(writer, ids, 1), HA_ERR_BUG, "set aside");
        ck_ok(ha_index_writer_commit(writer, &print, 2, &index));
        ck_assert_uint_eq(ha_index_section_count(index), 3);
        ck_assert_uint_eq(ha_index_section_at(index, 0).id, ID_B);
        ck_assert_uint_eq(ha_index_section_at(index, 1).id, ID_A);
        ck_assert_uint_eq(ha_index_bytes(index), 4096 + 4096 + 12288 + 3 * 32);
        s = ha_index_find(index, ID_A, 4);
        for (uint32_t i = 0; i < 3000; i++) {
            ck_assert_uint_eq(((const uint32_t *)s.data)[i], i * 7);
        }
        ck_ok(ha_index_verify(index, 1));
        ha_index_close(index);
        ck_assert_int_eq(temp_count(&dir), named);
        temp_dir_deinit(&dir);
    }
}
END_TEST

START_TEST(test_misuse)
{
    struct ha_index_writer *writer = NULL;
    struct ha_index *index = NULL;
    void *p = NULL;
    setup();
    ck_ok(ha_index_writer_create(path, NULL, &writer));
    ck_ok(ha_index_section_put(writer, ID_A, 1, 1, "a"));
    ck_err(ha_index_section_put(writer, ID_A, 1, 1, "a"), HA_ERR_BUG, "'AAAA'");
    ck_err(ha_index_section_put(writer, ID_B, 0, 1, "a"), HA_ERR_BUG, "'BBBB'");
    ck_err(ha_index_section_put(writer, 7, 1, 1, "a"), HA_ERR_BUG, "section");
    ck_err(ha_index_stream_write_at(writer, 0, "a", 1), HA_ERR_BUG, "no stream");
    ck_err(ha_index_stream_close(writer, 0), HA_ERR_BUG, "no stream");
    ck_err(ha_index_section_map(writer, ID_B, 8, UINT64_MAX / 4, &p), HA_ERR_LIMIT, "too large");
    ck_ok(ha_index_stream_open(writer, ID_C, 4));
    ck_err(ha_index_section_put(writer, ID_D, 1, 1, "a"), HA_ERR_BUG, "stream is open");
    ck_err(ha_index_writer_commit(writer, &print, 1, &index), HA_ERR_BUG, "stream is open");
    ck_err(ha_index_stream_write_at(writer, UINT64_MAX - 5000, "a", 1), HA_ERR_LIMIT, "too large");
    ck_err(ha_index_stream_close(writer, 3), HA_ERR_BUG, "before they were written");
    ha_index_writer_destroy(writer);
    ha_index_writer_destroy(NULL);
    ck_assert_int_eq(temp_count(&dir), 0);
    temp_dir_deinit(&dir);
}
END_TEST

START_TEST(test_section_limit)
{
    struct ha_index_writer *writer = NULL;
    struct ha_index *index = NULL;
    setup();
    ck_ok(ha_index_writer_create(path, NULL, &writer));
    for (uint32_t i = 0; i < HA_INDEX_SECTIONS_MAX; i++) {
        uint32_t id = HA_INDEX_ID('S', '!' + i / 64, '!' + i % 64, '_');
        ck_ok(ha_index_section_put(writer, id, 4, i % 3 == 0 ? 0 : 1, &i));
    }
    ck_err(ha_index_section_put(writer, ID_A, 1, 1, "a"), HA_ERR_LIMIT, "more than 256");
    ck_ok(ha_index_writer_commit(writer, &print, 2, &index));
    ck_assert_uint_eq(ha_index_section_count(index), HA_INDEX_SECTIONS_MAX);
    ck_ok(ha_index_verify(index, 2));
    ha_index_close(index);
    temp_dir_deinit(&dir);
}
END_TEST

START_TEST(test_disk_full)
{
    struct ha_index_writer *writer = NULL;
    void *p = NULL;
    setup();
    // A limit of the process stands for the full disk.
    struct rlimit limit = {(rlim_t)1 << 20, RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_ok(ha_index_writer_create(path, NULL, &writer));
    ck_err(ha_index_section_map(writer, ID_A, 8, 1 << 20, &p), HA_ERR_SYSTEM, "cannot reserve");
    ck_assert_ptr_null(p);
    ha_index_writer_destroy(writer);
    ck_err(ha_index_writer_create("/nonexistent/a.hpx", NULL, &writer), HA_ERR_SYSTEM, "");
    ck_err(ha_index_writer_create(NULL, "/nonexistent", &writer), HA_ERR_SYSTEM, "");
    limit.rlim_cur = RLIM_INFINITY;
    setrlimit(RLIMIT_FSIZE, &limit);
    ck_assert_int_eq(temp_count(&dir), 0);
    temp_dir_deinit(&dir);
}
END_TEST

CK_HA_MAIN("index_writer", test_round_trip, test_sealed, test_threads_do_not_show, test_unnamed,
           test_no_sections, test_sections_while_writing, test_stream_of_many_threads, test_section_in_parts, test_hash_while_writing, test_extend,
           test_extend_keeps_damage_visible, test_set_aside, test_misuse, test_section_limit, test_disk_full)
