/* SPDX-License-Identifier: MIT */
/* Reading a compressed dump through its table: any window anywhere, and tables that somebody has tampered with. */
#include "ha/input/input.h"

#include "input/gzip_table.h"
#include "support/ck_ha.h"
#include "support/gzip_out.h"
#include "support/rng.h"
#include "support/temp_dir.h"

#define MIB ((size_t)1 << 20)
#define PLAIN_BYTES (30 * MIB)

static struct temp_dir dir;
static char path[TEMP_PATH_BYTES];
static uint8_t *plain;
static struct gzip_out out;
static struct ha_input *inflated;   /* keeps the table */
static struct ha_input_table table; /* its pieces are a copy */

/* A file of many small members, a large one, and many small ones again; and its table. */
static void setup(void)
{
    struct rng rng = rng_seed(3);
    temp_dir_init(&dir);
    temp_path(&dir, "a.hprof.gz", path);
    plain = malloc(PLAIN_BYTES);
    for (size_t i = 0; i < PLAIN_BYTES; i++) {
        plain[i] = (i >> 16 & 1) == 0 ? (uint8_t)(i % 253) : (uint8_t)rng_below(&rng, 32);
    }
    out = (struct gzip_out){.level = 1};
    gzip_out_members(&out, plain, 5 * MIB, 100000);
    gzip_out_member(&out, plain + 5 * MIB, 20 * MIB);
    gzip_out_members(&out, plain + 25 * MIB, 5 * MIB, MIB);
    temp_write(path, out.data, out.len);
    struct ha_input_options options = {.temp_dir = dir.path, .threads = 2};
    ck_ok(ha_input_open(path, &options, &inflated));
    ck_assert(ha_input_table_get(inflated, &table));
    struct gzip_piece *pieces = malloc(table.piece_count * sizeof *pieces);
    memcpy(pieces, table.pieces, table.piece_count * sizeof *pieces);
    table.pieces = pieces;
}

static struct gzip_piece *pieces_of(struct ha_input_table *t)
{
    return (struct gzip_piece *)(uintptr_t)t->pieces;
}

static void teardown(void)
{
    ha_input_close(inflated);
    free(pieces_of(&table));
    free(plain);
    gzip_out_free(&out);
    temp_dir_deinit(&dir);
}

static struct ha_err *open_with(const struct ha_input_table *t, struct ha_input **ret)
{
    struct ha_input_options options = {.temp_dir = "/nonexistent", .table = t};
    return ha_input_open(path, &options, ret);
}

START_TEST(test_pieces)
{
    unsigned kinds[4] = {0};
    setup();
    const struct gzip_piece *pieces = table.pieces;
    for (uint64_t i = 0; i < table.piece_count; i++) {
        kinds[pieces[i].kind & 3]++;
        ck_assert_uint_le(pieces[i].plain_bytes, 9 * MIB);
    }
    // Ten members of 100,000 bytes share a piece; the large member has a restart point every 4 MiB and a bit.
    ck_assert_uint_eq(kinds[GZIP_PIECE_MEMBERS], 6 + 5);
    ck_assert_uint_ge(kinds[GZIP_PIECE_STREAM], 4);
    ck_assert_uint_le(kinds[GZIP_PIECE_STREAM], 5);
    ck_assert_uint_gt(table.window_bytes, 0);
    ck_assert_uint_le(table.window_bytes, 5 * INFLATE_WINDOW_BYTES);
    teardown();
}
END_TEST

START_TEST(test_random_windows)
{
    static const size_t lens[] = {1, 9, 300, 70000, MIB, HA_WINDOW_MAX};
    setup();
    for (int mode = HA_WINDOW_STREAM; mode <= HA_WINDOW_RANDOM; mode++) {
        struct ha_input *input = NULL;
        struct ha_window window;
        struct rng rng = rng_seed(11);
        ck_ok(open_with(&table, &input));
        ck_assert_int_eq(ha_input_kind(input), HA_INPUT_GZIP);
        ck_assert_uint_eq(ha_input_bytes(input), PLAIN_BYTES);
        ha_window_init(&window, input, (enum ha_window_mode)mode);
        for (unsigned i = 0; i < 600; i++) {
            size_t len = 1 + (size_t)rng_below(&rng, lens[rng_below(&rng, 6)]);
            size_t off = (size_t)rng_below(&rng, PLAIN_BYTES - len + 1);
            off = i % 7 == 0 ? PLAIN_BYTES - len : off;
            const uint8_t *p = ha_window_at(&window, off, len);
            ck_assert_ptr_nonnull(p);
            ck_assert_msg(memcmp(p, plain + off, len) == 0, "%zu bytes at %zu", len, off);
            ck_assert_uint_ge(ha_window_ready(&window, off), len);
        }
        ck_assert_ptr_null(ha_window_at(&window, PLAIN_BYTES, 1));
        ck_assert_ptr_null(ha_window_at(&window, PLAIN_BYTES - 3, 4));
        ck_assert_ptr_null(ha_window_at(&window, UINT64_MAX, 1));
        ck_assert_ptr_nonnull(ha_window_at(&window, PLAIN_BYTES, 0));
        ck_ok(ha_window_error(&window));
        ck_ok(ha_input_error(input));
        ha_window_deinit(&window);
        ha_input_close(input);
    }
    teardown();
}
END_TEST

/* What is wrong with one entry is found when the file is opened. */
START_TEST(test_tables_that_cannot_be)
{
    struct ha_input *input = NULL;
    setup();
    uint64_t count = table.piece_count, last = count - 1;
    struct gzip_piece *pieces = pieces_of(&table), *intact = malloc(count * sizeof *intact);
    memcpy(intact, pieces, count * sizeof *intact);
#define REFUSED(change)                                                                            \
    do {                                                                                           \
        change;                                                                                    \
        ck_err(open_with(&table, &input), HA_ERR_INPUT, "the compressed data");       \
        memcpy(pieces, intact, count * sizeof *intact);                                            \
    } while (0)
    REFUSED(pieces[0].plain_off = 1);
    REFUSED(pieces[3].plain_off++);
    REFUSED(pieces[3].plain_bytes--);
    REFUSED(pieces[3].plain_bytes = 0);
    REFUSED(pieces[last].plain_bytes = 0);
    REFUSED(pieces[last].plain_bytes = GZIP_PIECE_MAX + 1);
    REFUSED(pieces[last].plain_bytes = UINT32_MAX);
    REFUSED(pieces[last].plain_bytes = GZIP_MEMBER_MAX + 1);
    REFUSED(pieces[last].file_off = UINT64_MAX);
    REFUSED(pieces[last].file_off = out.len);
    REFUSED(pieces[last].file_off++);
    REFUSED(pieces[last].file_bytes = UINT32_MAX);
    REFUSED(pieces[last].kind = 0);
    REFUSED(pieces[last].kind = 4);
    REFUSED(pieces[last].bits = 1);
    REFUSED(pieces[last].window_bytes = 1);
    REFUSED(pieces[0].crc++);
    REFUSED(pieces[0].file_off++);
    uint64_t stream = 0;
    while (pieces[stream].window_bytes == 0) {
        stream++;
    }
    REFUSED(pieces[stream].window_off = table.window_bytes);
    REFUSED(pieces[stream].window_off = UINT64_MAX);
    REFUSED(pieces[stream].window_bytes = UINT32_MAX);
    REFUSED(pieces[stream].bits = 8);
    table.piece_count = 0;
    ck_err(open_with(&table, &input), HA_ERR_INPUT, "is empty");
    table.piece_count = count;
    temp_write(path, plain, 1000);
    ck_err(open_with(&table, &input), HA_ERR_INPUT, "is not compressed");
    ck_assert_ptr_null(input);
    free(intact);
    teardown();
}
END_TEST

/* Reads everything; whatever is given out must be right, and what is not given out must be told. */
static void read_all(const struct ha_input_table *t, uint64_t seed)
{
    struct ha_input *input = NULL;
    struct ha_window window;
    struct ha_err *err = open_with(t, &input);
    if (err != NULL) {
        ck_assert_int_eq(ha_err_kind(err), HA_ERR_INPUT);
        ha_err_free(err);
        return;
    }
    bool failed = false;
    ha_window_init(&window, input, HA_WINDOW_RANDOM);
    for (uint64_t off = 0; off + 1000 <= ha_input_bytes(input) && off + 1000 <= PLAIN_BYTES;
         off += 500000) {
        const uint8_t *p = ha_window_at(&window, off, 1000);
        if (p == NULL) {
            ck_err(ha_window_error(&window), HA_ERR_INPUT, "a.hprof.gz");
            failed = true;
        } else {
            ck_assert_msg(memcmp(p, plain + off, 1000) == 0, "seed %u", (unsigned)seed);
        }
    }
    err = ha_input_error(input);
    ck_assert_msg((err != NULL) == failed, "seed %u: told %d", (unsigned)seed, err != NULL);
    ha_err_free(err);
    ha_window_deinit(&window);
    ha_input_close(input);
}

START_TEST(test_changed_tables)
{
    setup();
    struct gzip_piece *pieces = pieces_of(&table);
    uint8_t *windows = malloc(table.window_bytes);
    const uint8_t *intact_windows = table.windows;
    struct ha_input_table changed = table;
    const char *more = getenv("HA_GZIP_SEEDS"); /* so many times as many */
    uint64_t seeds = more == NULL ? 50 : 50 * strtoull(more, NULL, 10);
    changed.windows = windows;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        struct rng rng = rng_seed(seed);
        memcpy(windows, intact_windows, table.window_bytes);
        struct gzip_piece *hit = &pieces[rng_below(&rng, table.piece_count)], before = *hit;
        if (seed % 5 == 0) {
            windows[rng_below(&rng, table.window_bytes)] ^= (uint8_t)(1 + rng_below(&rng, 255));
        } else {
            ((uint8_t *)hit)[rng_below(&rng, sizeof *hit)] ^= (uint8_t)(1U << rng_below(&rng, 8));
        }
        read_all(&changed, seed);
        *hit = before;
    }
    free(windows);
    teardown();
}
END_TEST

START_TEST(test_file_changes)
{
    struct ha_input *input = NULL;
    struct ha_window window;
    setup();
    ck_ok(open_with(&table, &input));
    ha_window_init(&window, input, HA_WINDOW_RANDOM);
    ck_assert_ptr_nonnull(ha_window_at(&window, 100, 100));
    out.data[out.len - 100] ^= 1;
    out.data[out.starts[out.count / 2] + 5000] ^= 1;
    temp_write(path, out.data, out.len);
    ck_assert_ptr_null(ha_window_at(&window, PLAIN_BYTES - 100, 100));
    ck_err(ha_window_error(&window), HA_ERR_INPUT, "does not fit the compressed data");
    ck_err(ha_input_error(input), HA_ERR_INPUT, "--rebuild");
    ck_assert_int_eq(truncate(path, 5000), 0);
    ck_assert_ptr_null(ha_window_at(&window, PLAIN_BYTES - 5 * MIB, 100));
    ck_err(ha_window_error(&window), HA_ERR_SYSTEM, "became shorter");
    ck_err(ha_input_error(input), HA_ERR_SYSTEM, "became shorter");
    ck_assert_mem_eq(ha_window_at(&window, 100, 100), plain + 100, 100); // still in the cache
    ha_window_deinit(&window);
    ha_input_close(input);
    teardown();
}
END_TEST

CK_HA_MAIN("gzip_table", test_pieces, test_random_windows, test_tables_that_cannot_be,
           test_changed_tables, test_file_changes)
