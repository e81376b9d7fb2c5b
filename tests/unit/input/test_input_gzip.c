/* SPDX-License-Identifier: MIT */
/*
 * Compressed dumps: every layout, and every kind of damage. Whatever comes out of the inflated copy must come out of the table too
 * (test_gzip_table.c looks closer), with one thread as with four.
 */
#include "ha/input/input.h"

#include <sys/resource.h>
#include <sys/wait.h>

#include "ha/base/diag.h"
#include "support/ck_ha.h"
#include "support/gzip_out.h"
#include "support/rng.h"
#include "support/temp_dir.h"

#define MIB ((size_t)1 << 20)
#define PLAIN_BYTES (11 * MIB)

static struct temp_dir dir;
static char path[TEMP_PATH_BYTES];
static uint8_t *plain; /* PLAIN_BYTES: some of it hardly compressible, some zeros, some repeated */
static struct gzip_out out;
static struct ha_diag *diag;

static void setup(void)
{
    struct rng rng = rng_seed(7);
    temp_dir_init(&dir);
    temp_path(&dir, "a.hprof.gz", path);
    plain = malloc(PLAIN_BYTES);
    for (size_t i = 0; i < PLAIN_BYTES; i++) {
        size_t part = i >> 18 & 3;
        plain[i] = part == 0 ? 0 : part == 1 ? (uint8_t)(i % 251) : (uint8_t)(rng_below(&rng, 64));
    }
    out = (struct gzip_out){.level = 1};
    diag = ha_diag_create();
}

static void teardown(void)
{
    free(plain);
    gzip_out_free(&out);
    ha_diag_destroy(diag);
    temp_dir_deinit(&dir);
}

static struct ha_err *open_out(unsigned threads, struct ha_input **ret)
{
    struct ha_input_options options = {.temp_dir = dir.path, .diag = diag, .threads = threads};
    temp_write(path, out.data, out.len);
    return ha_input_open(path, &options, ret);
}

/* All bytes of an input, in windows of 1 MiB, against what is expected. */
static void check_bytes(struct ha_input *input, const uint8_t *expected, size_t len)
{
    struct ha_window window;
    ck_assert_uint_eq(ha_input_bytes(input), len);
    ha_window_init(&window, input, HA_WINDOW_STREAM);
    for (size_t off = 0; off < len; off += MIB) {
        size_t part = len - off < MIB ? len - off : MIB;
        const uint8_t *p = ha_window_at(&window, off, part);
        ck_ok(ha_window_error(&window));
        ck_assert_ptr_nonnull(p);
        ck_assert_msg(memcmp(p, expected + off, part) == 0, "bytes differ in the MiB at 0x%zx",
                      off);
    }
    ha_window_deinit(&window);
}

/* The same file through the table that was made of it. */
static void check_table(struct ha_input *input, const uint8_t *expected, size_t len)
{
    struct ha_input *again = NULL;
    struct ha_input_table table;
    ck_assert(ha_input_table_get(input, &table));
    struct ha_input_options options = {.temp_dir = "/nonexistent", .table = &table};
    ck_ok(ha_input_open(path, &options, &again));
    ck_assert_uint_eq(ha_input_file_bytes(again), out.len);
    check_bytes(again, expected, len);
    ck_ok(ha_input_error(again));
    ha_input_close(again);
}

/* Opens, expects these plain bytes, and nothing left in the folder but the dump; with one thread and with several. */
static void expect(const uint8_t *expected, size_t len)
{
    struct ha_input *one = NULL, *input = NULL;
    struct ha_input_table a, b;
    ck_ok(open_out(1, &one));
    ha_diag_destroy(diag);
    diag = ha_diag_create();
    ck_ok(open_out(4, &input));
    ck_assert_int_eq(ha_input_kind(input), HA_INPUT_GZIP);
    ck_assert_uint_eq(ha_input_file_bytes(input), out.len);
    check_bytes(input, expected, len);
    ck_assert_int_eq(temp_count(&dir), 1);
    ck_assert(ha_input_table_get(one, &a) && ha_input_table_get(input, &b));
    ck_assert_uint_eq(a.piece_count, b.piece_count);
    ck_assert_uint_eq(a.window_bytes, b.window_bytes);
    ck_assert_mem_eq(a.pieces, b.pieces, a.piece_count * HA_INPUT_PIECE_BYTES);
    ha_input_close(one);
    check_table(input, expected, len);
    ha_input_close(input);
}

static void expect_whole(void)
{
    expect(plain, PLAIN_BYTES);
    ck_assert(!ha_diag_any_damage(diag));
    gzip_out_free(&out);
    out.level = 1;
}

/* HA_GZIP_SEEDS=N: so many times as many. */
static uint64_t seeds(uint64_t count)
{
    const char *more = getenv("HA_GZIP_SEEDS");
    return more == NULL ? count : count * strtoull(more, NULL, 10);
}

static const char *said(enum ha_diag_code code)
{
    const struct ha_diag_entry *entry = ha_diag_get(diag, code);
    ck_assert_uint_gt(entry->count, 0);
    return entry->message;
}

/* ---- layouts ---- */

START_TEST(test_one_member)
{
    static const int levels[] = {0, 1, 6, 9};
    setup();
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        out.level = levels[i];
        gzip_out_member(&out, plain, PLAIN_BYTES);
        expect_whole();
    }
    out.flush = Z_FULL_FLUSH; // as pigz -i does
    out.flush_every = 131072;
    gzip_out_member(&out, plain, PLAIN_BYTES);
    expect_whole();
    gzip_out_member(&out, plain, 1);
    expect(plain, 1);
    teardown();
}
END_TEST

START_TEST(test_many_members)
{
    static const size_t chunks[] = {MIB,  65280,   MIB - 1, MIB / 2 + 7,
                                    5000, 3 * MIB, 4 * MIB, 5 * MIB};
    setup();
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
        gzip_out_members(&out, plain, PLAIN_BYTES, chunks[i]);
        expect_whole();
    }
    teardown();
}
END_TEST

START_TEST(test_members_of_all_sizes)
{
    setup();
    size_t off = 0;
    static const size_t sizes[] = {100, 5 * MIB, 1, MIB, 0, 3, 4 * MIB + 1, 0};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        gzip_out_member(&out, plain + off, sizes[i]);
        off += sizes[i];
    }
    gzip_out_member(&out, plain + off, PLAIN_BYTES - off);
    gzip_out_member(&out, plain, 0);
    expect_whole();
    for (off = 0; off < PLAIN_BYTES; off += MIB) {
        for (int k = 0; k < 300; k++) {
            gzip_out_member(&out, plain, 0);
        }
        gzip_out_member(&out, plain + off, MIB);
    }
    expect_whole();
    teardown();
}
END_TEST

START_TEST(test_headers)
{
    setup();
    for (unsigned bits = 0; bits < 16; bits++) {
        out.extra_len = (bits & 1) != 0 ? 6 : 0;
        out.name = (bits & 2) != 0 ? "app.hprof" : NULL;
        out.comment = (bits & 4) != 0 ? "HPROF BLOCKSIZE=1048576" : NULL;
        out.header_crc = (bits & 8) != 0;
        gzip_out_members(&out, plain, 3 * MIB, bits == 15 ? 3 * MIB : MIB);
        expect(plain, 3 * MIB);
        ck_assert(!ha_diag_any_damage(diag));
        gzip_out_free(&out);
        out.level = 1;
    }
    out.extra_len = 65535;
    char *name = malloc(200001);
    memset(name, 'x', 200000);
    name[200000] = '\0';
    out.name = name;
    gzip_out_members(&out, plain, PLAIN_BYTES, MIB);
    expect_whole();
    free(name);
    teardown();
}
END_TEST

START_TEST(test_hotspot)
{
    setup();
    out.comment = "HPROF BLOCKSIZE=1048576";
    gzip_out_member(&out, plain, MIB);
    out.comment = NULL;
    gzip_out_members(&out, plain + MIB, PLAIN_BYTES - MIB, MIB);
    expect_whole();
    teardown();
}
END_TEST

START_TEST(test_zeros_at_the_end)
{
    setup();
    gzip_out_members(&out, plain, PLAIN_BYTES, MIB);
    memset(gzip_out_room(&out, 2 * MIB), 0, 2 * MIB);
    out.len += 2 * MIB;
    expect_whole();
    teardown();
}
END_TEST

START_TEST(test_many_tiny_members)
{
    struct ha_input *input = NULL;
    struct ha_input_table table;
    setup();
    gzip_out_members(&out, plain, 60000, 3);
    expect(plain, 60000);
    // A checksum wrong every now and then: each member becomes a piece of its own, and a table of those would be no use.
    for (size_t i = 0; i < out.count; i += 2) {
        out.data[out.starts[i + 1] - 8] ^= 1;
    }
    ck_ok(open_out(2, &input));
    check_bytes(input, plain, 60000);
    ck_assert(!ha_input_table_get(input, &table));
    ha_input_close(input);
    teardown();
}
END_TEST

/* ---- damage ---- */

/* Cut at every byte of the last member's header and trailer, and at some of its data. */
START_TEST(test_truncated)
{
    setup();
    out.name = "name";
    out.comment = "comment";
    out.extra_len = 3;
    out.header_crc = true;
    gzip_out_member(&out, plain, 5000);
    gzip_out_member(&out, plain + 5000, 4000);
    size_t full = out.len, start = out.starts[1], data = out.datas[1];
    for (size_t len = start + 1; len < full;
         len += len < data + 5 || len + 97 > full - 12 ? 1 : 97) {
        struct ha_input *input = NULL;
        ha_diag_destroy(diag);
        diag = ha_diag_create();
        out.len = len;
        ck_ok(open_out(2, &input));
        size_t bytes = (size_t)ha_input_bytes(input);
        ck_assert_uint_ge(bytes, 5000);
        ck_assert(bytes < 9000 || len > full - 12);
        check_bytes(input, plain, bytes);
        check_table(input, plain, bytes);
        ck_assert_uint_eq(ha_diag_get(diag, HA_DIAG_TRUNCATED)->off, bytes);
        ck_assert_uint_eq(ha_diag_get(diag, HA_DIAG_CRC)->count, 0);
        ck_assert_ptr_nonnull(strstr(said(HA_DIAG_TRUNCATED), "plain bytes were recovered"));
        ha_input_close(input);
    }
    for (size_t len = 2; len <= out.datas[0]; len++) {
        struct ha_input *input = NULL;
        out.len = len;
        ck_err(open_out(2, &input), HA_ERR_INPUT, "nothing can be inflated");
        ck_assert_ptr_null(input);
    }
    ck_assert_int_eq(temp_count(&dir), 1);
    teardown();
}
END_TEST

START_TEST(test_truncated_large_member)
{
    struct ha_input *input = NULL;
    setup();
    gzip_out_member(&out, plain, PLAIN_BYTES);
    out.len -= out.len / 5;
    ck_ok(open_out(2, &input));
    size_t bytes = (size_t)ha_input_bytes(input);
    ck_assert_uint_gt(bytes, 5 * MIB);
    ck_assert_uint_lt(bytes, PLAIN_BYTES);
    check_bytes(input, plain, bytes);
    check_table(input, plain, bytes);
    ha_input_close(input);
    teardown();
}
END_TEST

START_TEST(test_garbage_at_the_end)
{
    static const char *const tails[] = {"x",       "garbage",  "\x1f",
                                        "\0\0\0x", "\x1f\x8b", "\x1f\x8b\x08\0\0\0\0\0\0\3???"};
    static const size_t lens[] = {1, 7, 1, 4, 2, 13};
    setup();
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        gzip_out_members(&out, plain, PLAIN_BYTES, MIB);
        gzip_out_bytes(&out, tails[i], lens[i]);
        expect(plain, PLAIN_BYTES);
        ck_assert(ha_diag_any_damage(diag));
        gzip_out_free(&out);
        out.level = 1;
    }
    teardown();
}
END_TEST

/* Wrong checksums lose nothing, wherever the member is. */
START_TEST(test_wrong_checksums)
{
    setup();
    gzip_out_members(&out, plain, PLAIN_BYTES, 1000003);
    for (size_t i = 2; i < out.count; i += 3) {
        out.data[out.starts[i + 1] - (i % 2 == 0 ? 8 : 4)] ^= 1;
    }
    expect(plain, PLAIN_BYTES);
    const struct ha_diag_entry *entry = ha_diag_get(diag, HA_DIAG_CRC);
    ck_assert_uint_eq(entry->count, out.count / 3);
    ck_assert_uint_eq(entry->off, 2 * 1000003);
    ck_assert_ptr_nonnull(strstr(entry->message, "0x1e8486 to 0x2dc6c9"));
    ck_assert_uint_eq(ha_diag_get(diag, HA_DIAG_TRUNCATED)->count, 0);
    teardown();
}
END_TEST

/* Members that cannot be inflated at all, two of them in a row, or that have lost their header: they read as zeros, what follows is at its place. */
START_TEST(test_lost_members)
{
    static const char *const reasons[] = {"invalid block type", "no gzip member begins here"};
    static const size_t lost[] = {2, 5, 6};
    setup();
    for (size_t k = 0; k < 4; k++) {
        bool header = k % 2 == 1;
        size_t count = header ? 2 : 3;
        uint8_t *expected = malloc(PLAIN_BYTES);
        memcpy(expected, plain, PLAIN_BYTES);
        out.comment = k < 2 ? "HPROF BLOCKSIZE=1048576" : NULL;
        gzip_out_members(&out, plain, PLAIN_BYTES, MIB);
        for (size_t i = 0; i < count; i++) {
            out.data[out.datas[lost[i]]] = 0x07; // a type of block that does not exist
            if (header) {
                memset(out.data + out.starts[lost[i]], 'x', 40);
            }
            memset(expected + lost[i] * MIB, 0, MIB);
        }
        expect(expected, PLAIN_BYTES);
        const struct ha_diag_entry *entry = ha_diag_get(diag, HA_DIAG_CRC);
        ck_assert_uint_eq(entry->count, 2);
        ck_assert_uint_eq(entry->off, 2 * MIB);
        ck_assert_ptr_nonnull(strstr(entry->message, "first 0x200000 to 0x300000"));
        ck_assert_ptr_nonnull(
            strstr(entry->message, header ? "2097152 plain bytes" : "3145728 plain bytes"));
        ck_assert_ptr_nonnull(strstr(entry->message, reasons[header]));
        free(expected);
        gzip_out_free(&out);
        out.level = 1;
    }
    teardown();
}
END_TEST

START_TEST(test_the_rest_is_lost)
{
    struct ha_input *input = NULL;
    setup();
    gzip_out_member(&out, plain, PLAIN_BYTES);
    struct rng rng = rng_seed(5);
    for (size_t i = 0; i < 100000; i++) {
        out.data[out.len * 2 / 3 + i] = (uint8_t)rng_next(&rng);
    }
    ck_ok(open_out(2, &input));
    size_t bytes = (size_t)ha_input_bytes(input);
    ck_assert_uint_gt(bytes, 4 * MIB);
    ck_assert_uint_lt(bytes, PLAIN_BYTES);
    ck_assert_ptr_nonnull(strstr(said(HA_DIAG_CRC), "the rest of the file is lost"));
    ha_input_close(input);
    out.data[out.datas[0]] = 0x07;
    input = NULL;
    ck_err(open_out(2, &input), HA_ERR_INPUT, "invalid block type");
    teardown();
}
END_TEST

/* A byte changed anywhere: all members but the one that was hit are as they were, and where they were. */
START_TEST(test_changed_bytes)
{
    enum { CHUNK = 50000, BYTES = 20 * CHUNK };
    setup();
    out.comment = "HPROF BLOCKSIZE=50000";
    gzip_out_members(&out, plain + MIB, BYTES, CHUNK);
    for (uint64_t seed = 1; seed <= seeds(120); seed++) {
        struct rng rng = rng_seed(seed);
        size_t at = out.starts[1] + (size_t)rng_below(&rng, out.len - out.starts[1]);
        size_t hit = 1;
        while (out.starts[hit + 1] <= at) {
            hit++;
        }
        uint8_t old = out.data[at];
        out.data[at] ^= (uint8_t)(1 + rng_below(&rng, 255));
        struct ha_input *input = NULL;
        ck_ok(open_out(2, &input));
        struct ha_window window;
        ha_window_init(&window, input, HA_WINDOW_RANDOM);
        size_t bytes = (size_t)ha_input_bytes(input);
        ck_assert_msg(bytes == BYTES || hit == 19, "seed %u: %zu bytes", (unsigned)seed, bytes);
        const uint8_t *p = ha_window_at(&window, 0, bytes);
        ck_assert_ptr_nonnull(p);
        ck_assert_mem_eq(p, plain + MIB, hit * CHUNK);
        if (hit < 19) {
            ck_assert_msg(memcmp(p + (hit + 1) * CHUNK, plain + MIB + (hit + 1) * CHUNK,
                                 BYTES - (hit + 1) * CHUNK) == 0,
                          "seed %u: bytes behind the damage", (unsigned)seed);
        }
        uint8_t *copy = malloc(bytes);
        memcpy(copy, p, bytes);
        ha_window_deinit(&window);
        check_table(input, copy, bytes);
        free(copy);
        ha_input_close(input);
        out.data[at] = old;
    }
    teardown();
}
END_TEST

/* Many changed bytes, of any file: whatever comes out, the table gives the same. */
START_TEST(test_much_damage)
{
    static const size_t chunks[] = {MIB, 30000, PLAIN_BYTES, 5 * MIB};
    setup();
    for (size_t k = 0; k < 4; k++) {
        gzip_out_free(&out);
        out.level = 1;
        gzip_out_members(&out, plain, PLAIN_BYTES, chunks[k]);
        uint8_t *intact = malloc(out.len);
        memcpy(intact, out.data, out.len);
        for (uint64_t seed = 1; seed <= seeds(6); seed++) {
            struct rng rng = rng_seed(seed);
            struct ha_input *input = NULL;
            memcpy(out.data, intact, out.len);
            for (int i = 0; i < 8; i++) {
                out.data[rng_below(&rng, out.len)] ^= (uint8_t)(1 + rng_below(&rng, 255));
            }
            struct ha_err *err = open_out(2, &input);
            if (err != NULL) {
                ck_assert_int_eq(ha_err_kind(err), HA_ERR_INPUT);
                ha_err_free(err);
                continue;
            }
            struct ha_window window;
            ha_window_init(&window, input, HA_WINDOW_RANDOM);
            size_t bytes = (size_t)ha_input_bytes(input);
            uint8_t *copy = malloc(bytes);
            for (size_t off = 0; off < bytes; off += MIB) {
                size_t part = bytes - off < MIB ? bytes - off : MIB;
                memcpy(copy + off, ha_window_at(&window, off, part), part);
            }
            ha_window_deinit(&window);
            check_table(input, copy, bytes);
            free(copy);
            ha_input_close(input);
        }
        free(intact);
    }
    teardown();
}
END_TEST

/* ---- others ---- */

START_TEST(test_content_is_refused)
{
    struct ha_input *input = NULL;
    setup();
    gzip_out_member(&out, plain, 0);
    ck_err(open_out(0, &input), HA_ERR_INPUT, "holds nothing");
    out.len = out.count = 0;
    gzip_out_member(&out, (const uint8_t *)"FLR\0\0\2", 6);
    ck_err(open_out(0, &input), HA_ERR_INPUT, "compressed with gzip, a flight recording");
    out.len = out.count = 0;
    gzip_out_member(&out, (const uint8_t *)"\x1f\x8b\x08", 3);
    ck_err(open_out(0, &input), HA_ERR_INPUT, "compressed twice");
    out.data[3] = 0xff;
    ck_err(open_out(0, &input), HA_ERR_INPUT, "its header is damaged");
    ck_assert_ptr_null(input);
    teardown();
}
END_TEST

START_TEST(test_no_room)
{
    struct ha_input *input = NULL;
    setup();
    gzip_out_members(&out, plain, PLAIN_BYTES, MIB);
    temp_write(path, out.data, out.len);
    struct ha_input_options options = {.temp_dir = "/nonexistent/folder"};
    ck_err(ha_input_open(path, &options, &input), HA_ERR_SYSTEM, "--index-dir");
    // A limit of the process stands for the full disk: what was written before is named.
    struct rlimit limit = {(rlim_t)2 << 20, RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    options.temp_dir = dir.path;
    struct ha_err *err = ha_input_open(path, &options, &input);
    limit.rlim_cur = RLIM_INFINITY;
    setrlimit(RLIMIT_FSIZE, &limit);
    ck_assert_ptr_nonnull(err);
    ck_assert_int_eq(ha_err_kind(err), HA_ERR_SYSTEM);
    ck_assert_ptr_nonnull(strstr(ha_err_message(err), "2097152 bytes written"));
    ck_assert_ptr_nonnull(strstr(ha_err_message(err), dir.path));
    ck_assert_ptr_nonnull(strstr(ha_err_message(err), "--index-dir"));
    ha_err_free(err);
    ck_assert_int_eq(temp_count(&dir), 1);
    teardown();
}
END_TEST

/* Killed at any moment, a run leaves nothing behind. */
START_TEST(test_killed)
{
    setup();
    gzip_out_members(&out, plain, PLAIN_BYTES, MIB);
    temp_write(path, out.data, out.len);
    for (unsigned i = 0; i < 20; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            struct ha_input_options options = {.temp_dir = dir.path, .threads = 2};
            struct ha_input *input = NULL;
            ha_err_free(ha_input_open(path, &options, &input));
            pause();
        }
        usleep(2500 * i);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        ck_assert_int_eq(temp_count(&dir), 1);
    }
    teardown();
}
END_TEST

CK_HA_MAIN("input_gzip", test_one_member, test_many_members, test_members_of_all_sizes,
           test_headers, test_hotspot, test_zeros_at_the_end, test_many_tiny_members,
           test_truncated, test_truncated_large_member, test_garbage_at_the_end,
           test_wrong_checksums, test_lost_members, test_the_rest_is_lost, test_changed_bytes,
           test_much_damage, test_content_is_refused, test_no_room, test_killed)
