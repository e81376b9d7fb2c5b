/* SPDX-License-Identifier: MIT */
/*
 * Packing a column. Blocks are independent of each other, so ranges of them are packed in parallel, some ranges at a time, and the bodies are then
 * appended in order. Heads are kept until the end: 2 bits per number.
 *
 * A block is quick if all its numbers are within a byte of the least one. Otherwise a base is looked for that many numbers are near to: it is tried
 * around a few of the block's own numbers, and again around a few of those that are far from it. Then the same with distances of two bytes, and of
 * three, as long as that may take less room than to keep the others whole. Loops over a block are made for vector instructions: no branches.
 */
#include "ha/index/column.h"

#include "ha/base/mem.h"
#include "ha/base/pool.h"

#define NUMBERS HA_COLUMN_BLOCK
#define SEEDS 4U      /* numbers of a block around which a base is tried */
#define SECOND_MIN 3U /* far numbers from which on a second base takes less room than to keep them whole */

#define RANGE_BLOCKS 512U /* packed by one thread at a time */
#define RANGES 32U        /* … before the bodies are handed over */

/* How a block is packed. */
struct plan {
    uint32_t base[2];
    uint64_t second; /* bit set: from the second base */
    uint64_t whole;  /* bit set: kept whole */
    unsigned width;  /* bytes of a distance */
};

static unsigned plan_bytes(const struct plan *plan)
{
    unsigned whole = ha_column_bits(plan->whole);
    return (plan->second != 0 ? 8U : 0) + (whole != 0 ? 8U : 0) + plan->width * NUMBERS + (whole + whole % 2) * 4;
}

/* ---- bases ---- */

static bool is_near(uint32_t number, uint32_t base, unsigned width)
{
    return (number - base) >> 8 * width == 0; // what is below the base is far above it
}

static unsigned count_near(const uint32_t numbers[NUMBERS], uint32_t base, unsigned width)
{
    unsigned count = 0;
    for (unsigned k = 0; k < NUMBERS; k++) {
        count += is_near(numbers[k], base, width);
    }
    return count;
}

/* A bit per number: it is near. */
static uint64_t set_near(const uint32_t numbers[NUMBERS], uint32_t base, unsigned width)
{
    uint8_t near[NUMBERS];
    uint64_t set = 0;
    for (unsigned k = 0; k < NUMBERS; k++) {
        near[k] = is_near(numbers[k], base, width);
    }
    for (unsigned k = 0; k < NUMBERS; k += 8) { // the lowest bits of eight bytes, gathered in the highest byte
        set |= (ha_le64(near + k) * 0x0102040810204080ULL >> 56) << k;
    }
    return set;
}

/* The best base of those that have one of the seeds in the middle of what is near to them; raised to the least number that is near. */
static uint32_t choose_base(const uint32_t numbers[NUMBERS], const uint32_t seeds[SEEDS], unsigned width)
{
    const uint32_t half = 1U << (8 * width - 1);
    uint32_t best = 0;
    int32_t near[NUMBERS], least = INT32_MAX; // signed: not all processors have an instruction for the least of four unsigned ones
    unsigned most = 0;
    for (unsigned i = 0; i < SEEDS && most < NUMBERS; i++) {
        uint32_t base = seeds[i] < half ? 0 : seeds[i] - half;
        unsigned count = count_near(numbers, base, width);
        if (count > most) {
            most = count;
            best = base;
        }
    }
    for (unsigned k = 0; k < NUMBERS; k++) {
        uint32_t distance = numbers[k] - best;
        near[k] = distance >> 8 * width == 0 ? (int32_t)distance : INT32_MAX;
    }
    for (unsigned k = 0; k < NUMBERS; k++) {
        least = near[k] < least ? near[k] : least;
    }
    return best + (uint32_t)least;
}

/* Some of the numbers whose bits are set, evenly. */
static void take_seeds(const uint32_t numbers[NUMBERS], uint64_t set, uint32_t seeds[SEEDS])
{
    unsigned count = ha_column_bits(set), passed = 0;
    for (unsigned i = 0; i < SEEDS; i++) {
        for (unsigned rank = (2 * i + 1) * count / (2 * SEEDS); passed < rank; passed++) {
            set &= set - 1;
        }
        seeds[i] = numbers[__builtin_ctzll(set)];
    }
}

static struct plan plan_width(const uint32_t numbers[NUMBERS], unsigned width)
{
    const uint32_t first[SEEDS] = {numbers[8], numbers[24], numbers[40], numbers[56]};
    uint32_t seeds[SEEDS];
    struct plan plan = {.width = width};
    plan.base[0] = choose_base(numbers, first, width);
    plan.whole = ~set_near(numbers, plan.base[0], width);
    if (ha_column_bits(plan.whole) >= SECOND_MIN) {
        take_seeds(numbers, plan.whole, seeds);
        plan.base[1] = choose_base(numbers, seeds, width);
        plan.second = plan.whole & set_near(numbers, plan.base[1], width);
        plan.whole &= ~plan.second;
    }
    return plan;
}

static struct plan plan_block(const uint32_t numbers[NUMBERS])
{
    int32_t least = INT32_MAX, greatest = INT32_MIN;
    for (unsigned k = 0; k < NUMBERS; k++) {
        int32_t number = (int32_t)(numbers[k] ^ 0x80000000U); // in the same order
        least = number < least ? number : least;
        greatest = number > greatest ? number : greatest;
    }
    const uint32_t low = (uint32_t)least ^ 0x80000000U, high = (uint32_t)greatest ^ 0x80000000U;
    struct plan best = {.base = {low, 0}, .width = low == high ? 0 : 1};
    if (is_near(high, low, 1)) {
        return best;
    }
    best.width = HA_COLUMN_WIDTH_MAX;
    for (unsigned width = 1; width < HA_COLUMN_WIDTH_MAX && width * NUMBERS < plan_bytes(&best); width++) {
        struct plan plan = plan_width(numbers, width);
        best = plan_bytes(&plan) < plan_bytes(&best) ? plan : best;
    }
    return best;
}

/* ---- a block ---- */

static void put_distances(const uint32_t numbers[NUMBERS], const struct plan *plan, uint8_t *out)
{
    const unsigned bits = 8 * plan->width;
    uint32_t distances[NUMBERS];
    for (unsigned k = 0; k < NUMBERS; k++) {
        distances[k] = numbers[k] - plan->base[0];
    }
    if ((plan->second | plan->whole) != 0) { // then the width is less than 4
        uint32_t base = plan->second != 0 ? plan->base[1] : plan->base[0];
        for (unsigned k = 0; k < NUMBERS; k++) {
            uint32_t distance = numbers[k] - base;
            distance = distance >> bits == 0 ? distance : 0;
            distances[k] = distances[k] >> bits == 0 ? distances[k] : distance;
        }
    }
    switch (plan->width) {
    case 1:
        for (unsigned k = 0; k < NUMBERS; k++) {
            out[k] = (uint8_t)distances[k];
        }
        break;
    case 2:
        for (unsigned k = 0; k < NUMBERS; k++) {
            uint16_t distance = (uint16_t)distances[k];
            memcpy(out + 2 * k, &distance, 2);
        }
        break;
    case 3:
        for (unsigned k = 0; k < NUMBERS; k++) {
            memcpy(out + 3 * k, &distances[k], 3);
        }
        break;
    case HA_COLUMN_WIDTH_MAX:
        memcpy(out, distances, sizeof distances);
        break;
    }
}

/* Packs a block; returns the words of its body, which is at `place`. */
static unsigned pack_block(const uint32_t numbers[NUMBERS], uint64_t place, struct ha_column_block *head, uint64_t *out)
{
    const struct plan plan = plan_block(numbers);
    unsigned words = 0;
    if (plan.second != 0) {
        out[words++] = plan.second;
    }
    if (plan.whole != 0) {
        out[words++] = plan.whole;
    }
    put_distances(numbers, &plan, (uint8_t *)(out + words));
    words += plan.width * NUMBERS / 8;
    unsigned whole = 0;
    uint32_t *numbers_whole = (uint32_t *)(out + words);
    for (uint64_t set = plan.whole; set != 0; set &= set - 1) {
        numbers_whole[whole++] = numbers[__builtin_ctzll(set)];
    }
    if (whole % 2 != 0) {
        numbers_whole[whole++] = 0;
    }
    *head = (struct ha_column_block){.base = {plan.base[0], plan.second == 0 ? 0 : plan.base[1]},
                                     .place = HA_COLUMN_HEAD(place, plan.width, (plan.second != 0 ? HA_COLUMN_TWO_BASES : 0) | (plan.whole != 0 ? HA_COLUMN_WHOLE : 0))};
    return words + whole / 2;
}

/* ---- a column ---- */

struct packer {
    const struct ha_column_packing *packing;
    struct ha_column_block *heads;
    uint64_t block_count;
    uint64_t *bodies;        /* of up to RANGES ranges, with room for RANGE_BLOCKS blocks each */
    uint64_t words[RANGES];  /* of each range */
    uint64_t first;          /* range of this round */
};

/* The last block repeats its last number. */
static void load(const struct ha_column_packing *packing, uint64_t first, uint32_t numbers[NUMBERS])
{
    uint64_t count = packing->count - first;
    if (count >= NUMBERS) {
        memcpy(numbers, packing->numbers + first, NUMBERS * sizeof *numbers);
    } else {
        memcpy(numbers, packing->numbers + first, (size_t)count * sizeof *numbers);
        for (uint64_t k = count; k < NUMBERS; k++) {
            numbers[k] = numbers[count - 1];
        }
    }
    for (unsigned k = 0; k < NUMBERS; k++) {
        numbers[k] &= packing->mask;
    }
}

static struct ha_err *pack_range(void *ctx, unsigned worker, uint64_t index)
{
    struct packer *p = ctx;
    (void)worker;
    uint64_t *out = p->bodies + index * RANGE_BLOCKS * HA_COLUMN_BODY_WORDS;
    uint64_t first = (p->first + index) * RANGE_BLOCKS, words = 0;
    for (uint64_t b = first; b < p->block_count && b < first + RANGE_BLOCKS; b++) {
        uint32_t numbers[NUMBERS];
        load(p->packing, b * NUMBERS, numbers);
        words += pack_block(numbers, words, &p->heads[b], out + words);
    }
    p->words[index] = words;
    return NULL;
}

static struct ha_err *pack_ranges(struct packer *p, ha_column_sink sink, void *ctx, uint64_t *ret_words)
{
    uint64_t ranges = (p->block_count + RANGE_BLOCKS - 1) / RANGE_BLOCKS, place = 0;
    uint64_t bodies_off = sizeof(struct ha_column_counts) + p->block_count * sizeof *p->heads;
    for (p->first = 0; p->first < ranges; p->first += RANGES) {
        uint64_t count = ranges - p->first < RANGES ? ranges - p->first : RANGES;
        HA_TRY(ha_parallel_for(p->packing->threads, count, pack_range, p));
        for (uint64_t r = 0; r < count; r++) {
            uint64_t b = (p->first + r) * RANGE_BLOCKS;
            for (uint64_t end = b + RANGE_BLOCKS; b < end && b < p->block_count; b++) {
                p->heads[b].place += place;
            }
            HA_TRY(sink(ctx, bodies_off + 8 * place, p->bodies + r * RANGE_BLOCKS * HA_COLUMN_BODY_WORDS, 8 * (size_t)p->words[r]));
            place += p->words[r];
        }
    }
    *ret_words = place;
    return NULL;
}

struct ha_err *ha_column_pack(const struct ha_column_packing *packing, ha_column_sink sink, void *ctx, uint64_t *ret_bytes)
{
    static const uint64_t padding[HA_COLUMN_PADDING_WORDS];
    struct packer p = {.packing = packing, .block_count = packing->count / HA_COLUMN_BLOCK + (packing->count % HA_COLUMN_BLOCK != 0)};
    uint64_t heads_bytes = p.block_count * sizeof *p.heads, words = 0;
    struct ha_big heads = {0}, bodies = {0};
    struct ha_err *err = ha_big_init_raw(&heads, p.block_count + 1, sizeof *p.heads);
    if (err == NULL) {
        const uint64_t most = (uint64_t)RANGES * RANGE_BLOCKS;
        err = ha_big_init_raw(&bodies, (p.block_count < most ? p.block_count : most) + 1, HA_COLUMN_BODY_WORDS * sizeof(uint64_t));
    }
    p.heads = heads.data;
    p.bodies = bodies.data;
    if (err == NULL) {
        err = pack_ranges(&p, sink, ctx, &words);
    }
    struct ha_column_counts counts = {packing->count, words + HA_COLUMN_PADDING_WORDS};
    if (err == NULL) {
        err = sink(ctx, sizeof counts + heads_bytes + 8 * words, padding, sizeof padding);
    }
    if (err == NULL) {
        err = sink(ctx, sizeof counts, p.heads, (size_t)heads_bytes);
    }
    if (err == NULL) {
        err = sink(ctx, 0, &counts, sizeof counts);
    }
    ha_big_deinit(&bodies);
    ha_big_deinit(&heads);
    *ret_bytes = sizeof counts + heads_bytes + 8 * counts.words;
    return err;
}
