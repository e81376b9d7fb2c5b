/* SPDX-License-Identifier: MIT */
/* Compressed dumps: one member and many, and every kind of damage to them. */
#include "ha/input/input.h"

#include <sys/resource.h>
#include <zlib.h>

#include "support/ck_ha.h"
#include "support/temp_dir.h"

#define PLAIN_BYTES ((size_t)3 << 20)

static struct temp_dir dir;
static char path[TEMP_PATH_BYTES];
static uint8_t *plain;  /* PLAIN_BYTES, hardly compressible */
static uint8_t *packed; /* what the file will hold */
static size_t packed_len;
static size_t member_starts[64];
static size_t member_count;

static void pack_member(const uint8_t *data, size_t len)
{
    z_stream z = {0};
    ck_assert_int_eq(deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)data;
    z.avail_in = (uInt)len;
    z.next_out = packed + packed_len;
    z.avail_out = (uInt)(2 * PLAIN_BYTES - packed_len);
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    member_starts[member_count++] = packed_len;
    packed_len += z.total_out;
    deflateEnd(&z);
}

/* Packs the plain bytes in members of `chunk` bytes. */
static void pack(size_t chunk)
{
    packed_len = 0;
    member_count = 0;
    for (size_t off = 0; off < PLAIN_BYTES; off += chunk) {
        pack_member(plain + off, chunk < PLAIN_BYTES - off ? chunk : PLAIN_BYTES - off);
    }
    member_starts[member_count] = packed_len;
}

static void setup(void)
{
    uint64_t x = 88172645463325252U;
    temp_dir_init(&dir);
    temp_path(&dir, "a.hprof.gz", path);
    plain = malloc(PLAIN_BYTES);
    packed = malloc(2 * PLAIN_BYTES);
    for (size_t i = 0; i < PLAIN_BYTES; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        plain[i] = (uint8_t)(x & 63);
    }
}

static void teardown(void)
{
    free(plain);
    free(packed);
    temp_dir_deinit(&dir);
}

static struct ha_err *open_packed(struct ha_diag *diag, struct ha_input **ret)
{
    struct ha_input_options options = {.temp_dir = dir.path, .diag = diag};
    temp_write(path, packed, packed_len);
    return ha_input_open(path, &options, ret);
}

/* Opens, expects the first `len` plain bytes, and nothing left in the folder but the dump. */
static void expect_plain(struct ha_diag *diag, size_t len)
{
    struct ha_input *input = NULL;
    struct ha_window window;
    ck_ok(open_packed(diag, &input));
    ck_assert_int_eq(ha_input_kind(input), HA_INPUT_GZIP);
    ck_assert_uint_eq(ha_input_bytes(input), len);
    ck_assert_uint_eq(ha_input_file_bytes(input), packed_len);
    ha_window_init(&window, input, HA_WINDOW_RANDOM);
    const uint8_t *p = ha_window_at(&window, 0, len);
    ck_assert_ptr_nonnull(p);
    ck_assert_mem_eq(p, plain, len);
    ha_window_deinit(&window);
    ha_window_init(&window, input, HA_WINDOW_STREAM);
    p = ha_window_at(&window, len - 10, 10);
    ck_assert_ptr_nonnull(p);
    ck_assert_mem_eq(p, plain + len - 10, 10);
    ha_window_deinit(&window);
    ha_input_close(input);
    ck_assert_int_eq(temp_count(&dir), 1);
}

START_TEST(test_one_member)
{
    setup();
    pack(PLAIN_BYTES);
    struct ha_diag *diag = ha_diag_create();
    expect_plain(diag, PLAIN_BYTES);
    ck_assert(!ha_diag_any_damage(diag));
    ha_diag_destroy(diag);
    expect_plain(NULL, PLAIN_BYTES);
    teardown();
}
END_TEST

START_TEST(test_many_members)
{
    static const size_t chunks[] = {1 << 20, 65536, (1 << 20) - 1, 524288 + 7};
    setup();
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
        struct ha_diag *diag = ha_diag_create();
        pack(chunks[i]);
        expect_plain(diag, PLAIN_BYTES);
        ck_assert(!ha_diag_any_damage(diag));
        ha_diag_destroy(diag);
    }
    teardown();
}
END_TEST

START_TEST(test_hotspot_comment)
{
    static const char comment[] = "HPROF BLOCKSIZE=1048576";
    setup();
    pack(1 << 20);
    // The first member of a HotSpot dump carries a comment behind its fixed header of ten bytes.
    memmove(packed + 10 + sizeof comment, packed + 10, packed_len - 10);
    memcpy(packed + 10, comment, sizeof comment);
    packed[3] |= 0x10;
    packed_len += sizeof comment;
    expect_plain(NULL, PLAIN_BYTES);
    teardown();
}
END_TEST

START_TEST(test_truncated)
{
    setup();
    pack(1 << 20);
    size_t full = packed_len;
    struct ha_diag *diag = ha_diag_create();
    packed_len = full - 4;
    expect_plain(diag, PLAIN_BYTES);
    const struct ha_diag_entry *entry = ha_diag_get(diag, HA_DIAG_TRUNCATED);
    ck_assert_uint_eq(entry->count, 1);
    ck_assert_uint_eq(entry->off, full - 4);
    ck_assert_ptr_nonnull(strstr(entry->message, "3145728 plain bytes"));
    ha_diag_destroy(diag);

    diag = ha_diag_create();
    struct ha_input *input = NULL;
    packed_len = member_starts[1] + 1000;
    ck_ok(open_packed(diag, &input));
    ck_assert_uint_ge(ha_input_bytes(input), 1 << 20);
    ck_assert_uint_lt(ha_input_bytes(input), 2 << 20);
    ck_assert_uint_eq(ha_diag_get(diag, HA_DIAG_TRUNCATED)->count, 1);
    ha_input_close(input);
    ha_diag_destroy(diag);
    packed_len = 12;
    input = NULL;
    ck_err(open_packed(NULL, &input), HA_ERR_INPUT, "nothing can be inflated");
    ck_assert_ptr_null(input);
    ck_assert_int_eq(temp_count(&dir), 1);
    teardown();
}
END_TEST

START_TEST(test_bytes_after_the_last_member)
{
    static const char *const tails[] = {"\0\0\0\0", "x", "garbage", "\x1f"};
    static const size_t lens[] = {4, 1, 7, 1};
    setup();
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        struct ha_diag *diag = ha_diag_create();
        pack(1 << 20);
        memcpy(packed + packed_len, tails[i], lens[i]);
        packed_len += lens[i];
        expect_plain(diag, PLAIN_BYTES);
        ck_assert_uint_eq(ha_diag_get(diag, HA_DIAG_TRUNCATED)->off, member_starts[member_count]);
        ha_diag_destroy(diag);
    }
    teardown();
}
END_TEST

/* A wrong checksum (or plain length) loses nothing, wherever the member ends in the read buffer. */
START_TEST(test_wrong_checksums)
{
    setup();
    pack(100003);
    for (size_t i = 0; i < member_count; i += 3) {
        packed[member_starts[i + 1] - (i % 2 == 0 ? 8 : 4)] ^= 1;
    }
    size_t first = member_starts[1] - 8;
    struct ha_diag *diag = ha_diag_create();
    expect_plain(diag, PLAIN_BYTES);
    const struct ha_diag_entry *entry = ha_diag_get(diag, HA_DIAG_CRC);
    ck_assert_uint_eq(entry->count, (member_count + 2) / 3);
    ck_assert_uint_eq(entry->off, first);
    ck_assert_ptr_nonnull(strstr(entry->message, "3145728 plain bytes"));
    ck_assert_uint_eq(ha_diag_get(diag, HA_DIAG_TRUNCATED)->count, 0);
    ha_diag_destroy(diag);
    teardown();
}
END_TEST

START_TEST(test_damaged_data)
{
    setup();
    pack(1 << 20);
    // A block type that does not exist.
    packed[member_starts[1] + 10] = 0x07;
    struct ha_diag *diag = ha_diag_create();
    expect_plain(diag, 1 << 20);
    const struct ha_diag_entry *entry = ha_diag_get(diag, HA_DIAG_CRC);
    ck_assert_uint_eq(entry->count, 1);
    ck_assert_ptr_nonnull(strstr(entry->message, "invalid block type"));
    ck_assert_ptr_nonnull(strstr(entry->message, "1048576 plain bytes"));
    ha_diag_destroy(diag);
    packed[10] = 0x07;
    struct ha_input *input = NULL;
    ck_err(open_packed(NULL, &input), HA_ERR_INPUT, "invalid block type");
    teardown();
}
END_TEST

START_TEST(test_content_is_refused)
{
    struct ha_input *input = NULL;
    setup();
    packed_len = member_count = 0;
    pack_member((const uint8_t *)"", 0);
    ck_err(open_packed(NULL, &input), HA_ERR_INPUT, "holds nothing");
    packed_len = member_count = 0;
    pack_member((const uint8_t *)"FLR\0\0\2", 6);
    ck_err(open_packed(NULL, &input), HA_ERR_INPUT, "compressed with gzip, a flight recording");
    packed_len = member_count = 0;
    pack_member((const uint8_t *)"\x1f\x8b\x08", 3);
    ck_err(open_packed(NULL, &input), HA_ERR_INPUT, "compressed twice");
    ck_assert_ptr_null(input);
    teardown();
}
END_TEST

START_TEST(test_no_room)
{
    struct ha_input *input = NULL;
    setup();
    pack(1 << 20);
    temp_write(path, packed, packed_len);
    struct ha_input_options options = {.temp_dir = "/nonexistent/folder"};
    ck_err(ha_input_open(path, &options, &input), HA_ERR_SYSTEM, "--index-dir");
    // A limit of the process stands for the full disk: what was written before is named.
    struct rlimit limit = {(rlim_t)2 << 20, RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    options.temp_dir = dir.path;
    struct ha_err *err = ha_input_open(path, &options, &input);
    ck_assert_ptr_nonnull(err);
    ck_assert_int_eq(ha_err_kind(err), HA_ERR_SYSTEM);
    ck_assert_ptr_nonnull(strstr(ha_err_message(err), "2097152 bytes written"));
    ck_assert_ptr_nonnull(strstr(ha_err_message(err), dir.path));
    ck_assert_ptr_nonnull(strstr(ha_err_message(err), "--index-dir"));
    ha_err_free(err);
    limit.rlim_cur = RLIM_INFINITY;
    setrlimit(RLIMIT_FSIZE, &limit);
    teardown();
}
END_TEST

CK_HA_MAIN("input_gzip", test_one_member, test_many_members, test_hotspot_comment, test_truncated,
           test_bytes_after_the_last_member, test_wrong_checksums, test_damaged_data,
           test_content_is_refused, test_no_room)
