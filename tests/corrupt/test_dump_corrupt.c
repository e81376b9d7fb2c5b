/* SPDX-License-Identifier: MIT */
/*
 * Dumps cut off anywhere and with bytes changed: each must end in an answer or in an error about the input, the same with one thread and
 * with several. Worth most in a build with sanitizers.
 */
#include "damage.h"

#include "ha/base/bytes.h"

#define DUMPS 6

static struct temp_dir dir;
static char path[TEMP_PATH_BYTES];
static uint8_t *good;
static size_t good_bytes;

static void setup(void)
{
    damage_dir(&dir);
    temp_path(&dir, "damaged.hprof", path);
}

static void teardown(void)
{
    free(good);
    good = NULL;
    temp_dir_deinit(&dir);
}

/* Opens the bytes; `what` and `n` name them in a failure. */
static void try_bytes(const uint8_t *data, size_t bytes, bool compare, const char *what, uint64_t n)
{
    struct snapshot_digest one, many;
    temp_write(path, data, bytes);
    bool opened = damage_open(path, NULL, 1, &one);
    if (compare) {
        ck_assert_msg(damage_open(path, NULL, 4, &many) == opened, "%s %" PRIu64 ": opens with one thread, not with four, or the reverse", what, n);
        ck_assert_msg(!opened || memcmp(&one, &many, sizeof one) == 0, "%s %" PRIu64 ": differs with four threads", what, n);
    }
}

static void cut(size_t at)
{
    if (at <= good_bytes) {
        try_bytes(good, at, at % 8 == 0, "cut at", at);
    }
}

/* Records without heaps are hopped over; heap records are cut at every byte of their header and around a few sub-records below. */
START_TEST(test_cut_around_every_record)
{
    good = damage_dump((uint64_t)_i + 1, &good_bytes);
    size_t off = strlen((const char *)good) + 13;
    unsigned strings = 0;
    while (off + 9 <= good_bytes) {
        bool is_string = good[off] == 1;
        if (!is_string || ++strings % 20 == 1) {
            cut(off - 1);
            cut(off);
            cut(off + 1);
            cut(off + 8);
            cut(off + 9);
            cut(off + 10);
        }
        uint32_t length = ha_be32(good + off + 5);
        off = length < good_bytes - off - 9 ? off + 9 + length : good_bytes;
    }
    for (size_t at = 0; at < 40; at++) {
        cut(at);
    }
}
END_TEST

START_TEST(test_cut_anywhere)
{
    good = damage_dump((uint64_t)_i + 100, &good_bytes);
    struct rng rng = rng_seed((uint64_t)_i);
    for (unsigned n = 0; n < 60 * damage_factor(); n++) {
        cut(rng_below(&rng, good_bytes));
    }
}
END_TEST

/* One mutation of the kinds that find something: bits, extreme values, big-endian lengths, moved and doubled blocks. */
static size_t mutate(struct rng *rng, uint8_t *data, size_t bytes)
{
    static const uint8_t extremes[] = {0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff, 0x0c, 0x1c, 0x20, 0x21, 0x22, 0x23, 0x2c};
    size_t at = rng_below(rng, bytes);
    size_t len = 1 + rng_below(rng, 64);
    size_t from = rng_below(rng, bytes);
    switch (rng_below(rng, 6)) {
    case 0:
        data[at] ^= (uint8_t)(1U << rng_below(rng, 8));
        break;
    case 1:
        data[at] = extremes[rng_below(rng, sizeof extremes)];
        break;
    case 2:
        for (size_t i = at; i < bytes && i < at + 4; i++) {
            data[i] = rng_chance(rng, 50) ? 0xff : (uint8_t)rng_next(rng);
        }
        break;
    case 3:
        data[at] = (uint8_t)rng_next(rng);
        break;
    case 4:
        len = len < bytes - at ? len : bytes - at;
        len = len < bytes - from ? len : bytes - from;
        memmove(data + at, data + from, len);
        break;
    default: /* a hole */
        len = len < bytes - at ? len : bytes - at;
        memmove(data + at, data + at + len, bytes - at - len);
        return bytes - len;
    }
    return bytes;
}

START_TEST(test_changed_bytes)
{
    good = damage_dump((uint64_t)_i + 200, &good_bytes);
    uint8_t *bad = malloc(good_bytes);
    ck_assert_ptr_nonnull(bad);
    for (unsigned n = 0; n < 120 * damage_factor(); n++) {
        struct rng rng = rng_seed((uint64_t)_i << 32 | n);
        size_t bytes = good_bytes;
        memcpy(bad, good, good_bytes);
        for (uint64_t k = 1 + rng_below(&rng, 6); k > 0 && bytes > 0; k--) {
            bytes = mutate(&rng, bad, bytes);
        }
        try_bytes(bad, bytes, n % 4 == 0, "mutation", n);
    }
    free(bad);
}
END_TEST

/* Mutations of the heap alone: that of strings is much, and tells little. */
START_TEST(test_changed_heap_bytes)
{
    good = damage_dump((uint64_t)_i + 300, &good_bytes);
    size_t off = strlen((const char *)good) + 13;
    while (off + 9 < good_bytes && good[off] != 0x0c && good[off] != 0x1c) {
        off += 9 + ha_be32(good + off + 5);
    }
    ck_assert_uint_lt(off, good_bytes);
    uint8_t *bad = malloc(good_bytes);
    ck_assert_ptr_nonnull(bad);
    for (unsigned n = 0; n < 200 * damage_factor(); n++) {
        struct rng rng = rng_seed((uint64_t)_i << 32 | n);
        size_t bytes = good_bytes - off;
        memcpy(bad, good, good_bytes);
        for (uint64_t k = 1 + rng_below(&rng, 6); k > 0 && bytes > 0; k--) {
            bytes = mutate(&rng, bad + off, bytes);
        }
        try_bytes(bad, off + bytes, n % 4 == 0, "heap mutation", n);
    }
    free(bad);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dump_corrupt");
    TCase *tcase = tcase_create("dump_corrupt");
    tcase_set_timeout(tcase, 600.0 * damage_factor());
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, test_cut_around_every_record, 0, DUMPS);
    tcase_add_loop_test(tcase, test_cut_anywhere, 0, DUMPS);
    tcase_add_loop_test(tcase, test_changed_bytes, 0, DUMPS);
    tcase_add_loop_test(tcase, test_changed_heap_bytes, 0, DUMPS);
    suite_add_tcase(suite, tcase);
    return ck_ha_run_suite(suite);
}
