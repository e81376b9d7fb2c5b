/* SPDX-License-Identifier: MIT */
#include "ha/query/q_rank.h"

#include "support/ck_ha.h"

struct item {
    uint32_t key, name;
};

static int compare(const void *ctx, const void *a, const void *b)
{
    const struct item *x = a;
    const struct item *y = b;
    (void)ctx;
    if (x->key != y->key) {
        return x->key > y->key ? -1 : 1;
    }
    return x->name < y->name ? -1 : x->name > y->name;
}

static uint32_t step(uint32_t *state)
{
    *state = *state * 1664525U + 1013904223U;
    return *state >> 8;
}

/* Whatever the order of the candidates, the answer is the beginning of the sorted list. */
START_TEST(test_keeps_the_first_in_order)
{
    enum { COUNT = 1000 };
    struct item all[COUNT];
    uint32_t state = 7;
    for (uint32_t i = 0; i < COUNT; i++) {
        all[i] = (struct item){step(&state) % 50, i};
    }
    struct item sorted[COUNT];
    memcpy(sorted, all, sizeof all);
    ha_rank_sort(sorted, COUNT, sizeof *sorted, compare, NULL);
    for (uint64_t limit = 0; limit <= COUNT + 1; limit = limit < 3 ? limit + 1 : limit * 3) {
        struct ha_rank rank;
        ha_rank_init(&rank, sizeof(struct item), limit, compare, NULL);
        for (uint32_t i = 0; i < COUNT; i++) {
            ha_rank_offer(&rank, &all[i * 7 % COUNT]);
        }
        ck_ok(ha_rank_finish(&rank));
        uint64_t expected = limit == 0 || limit > COUNT ? COUNT : limit;
        ck_assert_uint_eq(rank.count, expected);
        ck_assert_uint_eq(ha_rank_omitted(&rank), COUNT - expected);
        ck_assert_mem_eq(rank.data, sorted, expected * sizeof *sorted);
        ha_rank_deinit(&rank);
    }
}
END_TEST

START_TEST(test_nothing_offered)
{
    struct ha_rank rank;
    ha_rank_init(&rank, sizeof(struct item), 5, compare, NULL);
    ck_ok(ha_rank_finish(&rank));
    ck_assert_uint_eq(rank.count, 0);
    ck_assert_uint_eq(ha_rank_omitted(&rank), 0);
    ha_rank_deinit(&rank);
}
END_TEST

CK_HA_MAIN("q_rank", test_keeps_the_first_in_order, test_nothing_offered)
