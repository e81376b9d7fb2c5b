/* SPDX-License-Identifier: MIT */
/* What a packed column gives back: numbers of all shapes, alone, in spans and in a walk; with any number of threads; and from damaged sections. */
#include "ha/index/column.h"

#include <inttypes.h>

#include "support/ck_ha.h"
#include "support/rng.h"
#include "support/temp_dir.h"

#define PLAIN HA_INDEX_ID('P', 'L', 'A', 'N')
#define PACKED HA_INDEX_ID('P', 'A', 'C', 'K')

/* A packed section, in memory that ends where it ends. */
struct packed {
    uint8_t *data;
    uint64_t bytes, reserved;
};

static struct ha_err *take(void *ctx, uint64_t off, const void *data, size_t len)
{
    struct packed *packed = ctx;
    if (off + len > packed->reserved) {
        packed->reserved = 2 * (off + len);
        packed->data = realloc(packed->data, packed->reserved);
        ck_assert_ptr_nonnull(packed->data);
    }
    if (len > 0) {
        memcpy(packed->data + off, data, len);
    }
    return NULL;
}

static struct packed pack(const uint32_t *numbers, uint64_t count, uint32_t mask, unsigned threads)
{
    struct packed packed = {0};
    ck_ok(ha_column_pack(&(struct ha_column_packing){numbers, count, mask, threads}, take, &packed, &packed.bytes));
    ck_assert_uint_eq(packed.bytes % 8, 0);
    packed.data = realloc(packed.data, packed.bytes);
    ck_assert_ptr_nonnull(packed.data);
    return packed;
}

static bool attach(const struct packed *packed, struct ha_column *ret)
{
    return ha_column_attach(&(struct ha_index_section){PACKED, 8, packed->bytes / 8, packed->data}, ret);
}

/* Forms of blocks that have been met. */
static unsigned widths[HA_COLUMN_WIDTH_MAX + 1], two_bases, with_whole, with_both;

static void note_forms(const struct ha_column *column)
{
    for (uint64_t b = 0; b * HA_COLUMN_BLOCK < column->count; b++) {
        uint64_t head = column->blocks[b].place;
        ck_assert_uint_le(HA_COLUMN_WIDTH(head), HA_COLUMN_WIDTH_MAX);
        ck_assert_uint_lt(HA_COLUMN_FLAGS(head), 4);
        ck_assert_uint_eq(head >> 56, 0);
        widths[HA_COLUMN_WIDTH(head)]++;
        two_bases += (HA_COLUMN_FLAGS(head) & HA_COLUMN_TWO_BASES) != 0;
        with_whole += (HA_COLUMN_FLAGS(head) & HA_COLUMN_WHOLE) != 0;
        with_both += HA_COLUMN_FLAGS(head) == 3;
    }
}

/* Packs and compares; no block may take more than its numbers as they are. */
static void check_round_trip(const uint32_t *numbers, uint64_t count, uint64_t seed)
{
    struct packed packed = pack(numbers, count, UINT32_MAX, 1);
    struct ha_column column;
    struct ha_column_walk walk;
    struct rng rng = rng_seed(seed);
    uint32_t number, span[300];
    uint64_t blocks = (count + HA_COLUMN_BLOCK - 1) / HA_COLUMN_BLOCK;
    ck_assert(attach(&packed, &column));
    ck_assert_uint_eq(column.count, count);
    ck_assert_ptr_null(column.plain);
    ck_assert_uint_le(packed.bytes, 16 + blocks * (16 + 256) + 8 * HA_COLUMN_PADDING_WORDS);
    note_forms(&column);
    ha_column_walk_begin(&column, &walk);
    for (uint64_t i = 0; i < count; i++) {
        bool right = ha_column_at(&column, i) == numbers[i] && ha_column_walk_next(&walk, &number) && number == numbers[i];
        if (!right) { // a check of its own for each number takes most of the time
            ck_abort_msg("seed %" PRIu64 ": number %" PRIu64 " of %" PRIu64, seed, i, count);
        }
    }
    ck_assert(!ha_column_walk_next(&walk, &number));
    for (unsigned n = 0; n < 20 && count > 0; n++) {
        uint64_t first = rng_below(&rng, count), length = rng_below(&rng, count - first < 300 ? count - first + 1 : 300);
        ha_column_read(&column, first, length, span);
        ck_assert_mem_eq(span, numbers + first, length * sizeof *span);
    }
    free(packed.data);
}

/* Numbers as columns have them: around up to two places that move, at some distance, with strangers among them. */
static void make_numbers(struct rng *rng, uint32_t *numbers, uint64_t count)
{
    uint32_t at[2] = {(uint32_t)rng_next(rng), (uint32_t)rng_next(rng)};
    uint64_t spread = 1ULL << rng_below(rng, 33);
    unsigned second = (unsigned)rng_below(rng, 3) * 30, strangers = rng_chance(rng, 50) ? (unsigned)rng_below(rng, 40) : 0;
    uint32_t step = (uint32_t)rng_below(rng, 3);
    for (uint64_t i = 0; i < count; i++) {
        unsigned which = rng_chance(rng, second);
        numbers[i] = rng_chance(rng, strangers) ? (uint32_t)rng_next(rng) : at[which] + (uint32_t)rng_below(rng, spread);
        numbers[i] = rng_chance(rng, 1) ? UINT32_MAX - (uint32_t)rng_below(rng, 2) : numbers[i];
        at[which] += step;
    }
}

START_TEST(test_random_numbers)
{
    static uint32_t numbers[3000];
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        struct rng rng = rng_seed(seed);
        uint64_t count = rng_chance(&rng, 50) ? rng_below(&rng, 130) : rng_below(&rng, 3000);
        make_numbers(&rng, numbers, count);
        check_round_trip(numbers, count, seed);
    }
    for (unsigned w = 0; w <= HA_COLUMN_WIDTH_MAX; w++) {
        ck_assert_msg(widths[w] > 0, "no block has width %u", w);
    }
    ck_assert_uint_gt(two_bases, 0);
    ck_assert_uint_gt(with_whole, 0);
    ck_assert_uint_gt(with_both, 0);
}
END_TEST

/* Differences that just fit a width, and do not, at either end of the range of numbers. */
START_TEST(test_limits_of_widths)
{
    uint32_t numbers[HA_COLUMN_BLOCK];
    for (unsigned bits = 0; bits <= 32; bits++) {
        for (int extra = -1; extra <= 1; extra++) {
            uint64_t far = (1ULL << bits) + (uint64_t)(int64_t)extra;
            for (int from_end = 0; from_end < 2 && far <= UINT32_MAX; from_end++) {
                for (unsigned outliers = 0; outliers <= HA_COLUMN_BLOCK; outliers += 7) {
                    for (unsigned k = 0; k < HA_COLUMN_BLOCK; k++) {
                        uint32_t number = k < outliers ? (uint32_t)far - k % 2 : k % 2;
                        numbers[k] = from_end ? UINT32_MAX - number : number;
                    }
                    check_round_trip(numbers, HA_COLUMN_BLOCK, bits);
                }
            }
        }
    }
}
END_TEST

START_TEST(test_lengths)
{
    static uint32_t numbers[200];
    struct rng rng = rng_seed(7);
    make_numbers(&rng, numbers, 200);
    for (uint64_t count = 0; count <= 200; count++) {
        check_round_trip(numbers, count, count);
    }
}
END_TEST

/* Neighbours in little room. */
START_TEST(test_size)
{
    static uint32_t numbers[64000];
    for (uint32_t i = 0; i < 64000; i++) {
        numbers[i] = i % 3 == 0 ? 30000000 + i / 3 : i + 1; // as rows: an object of the one range now and then
    }
    struct packed packed = pack(numbers, 64000, UINT32_MAX, 1);
    ck_assert_uint_lt(packed.bytes, 64000 * 10 / 8 * 13 / 10); // a byte, a bit for the base, the head's two bits and something
    free(packed.data);
    memset(numbers, 0x55, sizeof numbers);
    packed = pack(numbers, 64000, UINT32_MAX, 1);
    ck_assert_uint_eq(packed.bytes, 16 + 1000 * 16 + 8 * HA_COLUMN_PADDING_WORDS);
    free(packed.data);
}
END_TEST

/* More than one round of ranges; all bytes the same; bits outside the mask are left out. */
START_TEST(test_threads_do_not_show)
{
    const uint64_t count = 64 * 512 * 34 + 100;
    uint32_t *numbers = malloc(count * sizeof *numbers);
    struct rng rng = rng_seed(3);
    struct packed first = {0};
    struct ha_column column;
    ck_assert_ptr_nonnull(numbers);
    make_numbers(&rng, numbers, count);
    for (unsigned threads = 1; threads <= 8; threads *= 2) {
        struct packed packed = pack(numbers, count, 0x7fffffff, threads);
        if (threads == 1) {
            first = packed;
            continue;
        }
        ck_assert_uint_eq(packed.bytes, first.bytes);
        ck_assert_mem_eq(packed.data, first.data, first.bytes);
        free(packed.data);
    }
    ck_assert(attach(&first, &column));
    for (uint64_t i = 0; i < count; i++) {
        if (ha_column_at(&column, i) != (numbers[i] & 0x7fffffff)) {
            ck_abort_msg("number %" PRIu64, i);
        }
    }
    free(first.data);
    free(numbers);
}
END_TEST

static struct ha_err *refuse(void *ctx, uint64_t off, const void *data, size_t len)
{
    (void)ctx, (void)off, (void)data, (void)len;
    return ha_err_new(HA_ERR_SYSTEM, "no room");
}

START_TEST(test_sink_that_fails)
{
    uint32_t numbers[5] = {0};
    uint64_t bytes;
    ck_err(ha_column_pack(&(struct ha_column_packing){numbers, 5, UINT32_MAX, 2}, refuse, NULL, &bytes), HA_ERR_SYSTEM, "no room");
}
END_TEST

/* Whatever a section holds, all ways to read agree, and nothing outside of it is read (with a sanitizer). */
START_TEST(test_damaged_blocks)
{
    static uint32_t numbers[700], all[700];
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        struct rng rng = rng_seed(seed);
        uint64_t count = 1 + rng_below(&rng, 700);
        make_numbers(&rng, numbers, count);
        struct packed packed = pack(numbers, count, UINT32_MAX, 1);
        struct ha_column column;
        uint64_t heads = (count + HA_COLUMN_BLOCK - 1) / HA_COLUMN_BLOCK * 16;
        for (uint64_t n = 1 + rng_below(&rng, 30); n > 0; n--) {
            uint64_t in = rng_chance(&rng, 80) ? 16 + rng_below(&rng, heads) : 16 + rng_below(&rng, packed.bytes - 16);
            packed.data[in] = rng_chance(&rng, 30) ? 0xff : rng_chance(&rng, 30) ? (uint8_t)rng_below(&rng, 5) : (uint8_t)rng_next(&rng);
        }
        ck_assert(attach(&packed, &column));
        ha_column_read(&column, 0, count, all);
        for (uint64_t i = 0; i < count; i++) {
            if (ha_column_at(&column, i) != all[i]) {
                ck_abort_msg("seed %" PRIu64 ": number %" PRIu64, seed, i);
            }
        }
        free(packed.data);
    }
}
END_TEST

/* A body at the very end of its section, as long as can be: all bits set, so that every number is kept whole behind distances of 4 bytes. */
START_TEST(test_last_place)
{
    static uint32_t numbers[HA_COLUMN_BLOCK];
    struct packed packed = pack(numbers, HA_COLUMN_BLOCK, UINT32_MAX, 1);
    struct ha_column column;
    ck_assert(attach(&packed, &column));
    ck_assert_uint_eq(column.last_place, 0);
    memset(packed.data + 32, 0xff, packed.bytes - 32);
    struct ha_column_block *block = (struct ha_column_block *)(packed.data + 16);
    block->place = HA_COLUMN_HEAD(0, 4, HA_COLUMN_TWO_BASES | HA_COLUMN_WHOLE);
    ck_assert_uint_eq(ha_column_at(&column, 63), UINT32_MAX);
    block->place = HA_COLUMN_HEAD(1, 4, 0);
    ck_assert_uint_eq(ha_column_at(&column, 63), HA_COLUMN_DAMAGED);
    block->place = HA_COLUMN_HEAD(0, 5, 0);
    ck_assert_uint_eq(ha_column_at(&column, 63), HA_COLUMN_DAMAGED);
    block->place = HA_COLUMN_HEAD(0xffffffffffULL, 0, 0);
    ck_assert_uint_eq(ha_column_at(&column, 0), HA_COLUMN_DAMAGED);
    free(packed.data);
}
END_TEST

START_TEST(test_counts_that_do_not_add_up)
{
    static uint32_t numbers[100];
    struct packed packed = pack(numbers, 100, UINT32_MAX, 1);
    struct ha_column_counts *counts = (struct ha_column_counts *)packed.data, good = *counts;
    const uint64_t wrong[] = {0, 1, 64, 129, 192, UINT64_MAX, UINT64_MAX - 63, 1ULL << 63};
    struct ha_column column;
    ck_assert(attach(&packed, &column));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        counts->numbers = wrong[i];
        ck_assert(!attach(&packed, &column) || wrong[i] / 64 == 1);
        *counts = good;
        counts->words = wrong[i];
        ck_assert(!attach(&packed, &column));
        *counts = good;
    }
    for (uint64_t bytes = 8; bytes < packed.bytes; bytes += 8) {
        struct packed cut = {packed.data, bytes, 0};
        ck_assert(!attach(&cut, &column));
    }
    free(packed.data);
}
END_TEST

/* Either form in an index; the packed one counts if both are there; neither: no numbers. */
START_TEST(test_open)
{
    struct temp_dir dir;
    struct ha_index_writer *writer = NULL;
    struct ha_index *view = NULL;
    struct ha_column column;
    const uint32_t plain[3] = {5, 6, 7}, other[3] = {8, 9, 10};
    struct packed packed = pack(other, 3, UINT32_MAX, 1);
    uint32_t out[2];
    temp_dir_init(&dir);
    ck_ok(ha_index_writer_create(NULL, dir.path, &writer));
    ck_ok(ha_index_section_put(writer, PLAIN, 4, 3, plain));
    ck_ok(ha_index_section_put(writer, PACKED, 8, packed.bytes / 8, packed.data));
    ck_ok(ha_index_section_put(writer, PACKED + 1, 8, packed.bytes / 8 - 1, packed.data));
    ck_ok(ha_index_writer_view(writer, &view));
    ck_assert(ha_column_open(view, PLAIN, 0, &column));
    ck_assert_uint_eq(ha_column_at(&column, 2), 7);
    ha_column_read(&column, 1, 2, out);
    ck_assert_mem_eq(out, plain + 1, sizeof out);
    ck_assert(ha_column_open(view, PLAIN, PACKED, &column));
    ck_assert_uint_eq(ha_column_at(&column, 2), 10);
    ck_assert(ha_column_open(view, 0, 0, &column));
    ck_assert_uint_eq(column.count, 0);
    ck_assert(!ha_column_open(view, PLAIN, PACKED + 1, &column));
    ha_index_close(view);
    ha_index_writer_destroy(writer);
    free(packed.data);
    temp_dir_deinit(&dir);
}
END_TEST

CK_HA_MAIN("column", test_random_numbers, test_limits_of_widths, test_lengths, test_size, test_threads_do_not_show, test_sink_that_fails,
           test_damaged_blocks, test_last_place, test_counts_that_do_not_add_up, test_open)
