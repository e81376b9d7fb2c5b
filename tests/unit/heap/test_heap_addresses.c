/* SPDX-License-Identifier: MIT */
/*
 * The address map in all forms: what goes in is found under ascending numbers, branches before leaves; nothing else is found; numbers lead
 * back to addresses. Unaligned and sparse ids are reported, and the form chosen then holds them.
 */
#include "ha/heap/heap_addresses.h"

#include "support/ck_ha.h"
#include "support/rng.h"

struct fixture {
    struct ha_index_writer *writer;
    struct ha_heap_addresses *map;
};

static struct ha_err *find_section(void *ctx, uint32_t id, struct ha_index_section *ret)
{
    return ha_index_writer_section(ctx, id, ret);
}

/* Enters count addresses (every third a leaf, if leaves) and opens the map; false: trouble, in *ret_trouble. */
static bool build(struct fixture *x, uint32_t shift, const uint64_t *addresses, size_t count, bool leaves, enum ha_address_trouble *ret_trouble)
{
    struct ha_address_set *set = ha_address_set_create(shift, 2, 0);
    ck_assert_ptr_nonnull(set);
    ck_ok(ha_index_writer_create(NULL, NULL, &x->writer));
    for (size_t i = 0; i < count; i++) {
        ck_ok(ha_address_set_add(set, ha_address_set_pending(set, i / 7 % 2), i / 7 % 2, addresses[i], leaves && addresses[i] / 8 % 3 == 0));
    }
    ck_ok(ha_address_set_flush(set, 0));
    ck_ok(ha_address_set_flush(set, 1));
    if (ha_address_set_trouble(set) == HA_ADDRESSES_FINE) {
        ck_ok(ha_address_set_finish(set, x->writer));
    }
    *ret_trouble = ha_address_set_trouble(set);
    ha_address_set_destroy(set);
    if (*ret_trouble == HA_ADDRESSES_FINE) {
        ck_ok(ha_addresses_open(find_section, x->writer, &x->map));
        return true;
    }
    ha_index_writer_destroy(x->writer);
    return false;
}

static void finish(struct fixture *x)
{
    ha_addresses_close(x->map);
    ha_index_writer_destroy(x->writer);
}

static int compare(const void *a, const void *b)
{
    const uint64_t *p = a, *q = b;
    return (*p > *q) - (*p < *q);
}

static void check(const struct ha_heap_addresses *map, uint64_t *addresses, size_t count, bool leaves)
{
    uint32_t branches = 0, leaf_count = 0;
    ha_obj obj;
    qsort(addresses, count, sizeof *addresses, compare);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && addresses[i] == addresses[i - 1]) {
            continue;
        }
        bool leaf = leaves && addresses[i] / 8 % 3 == 0;
        uint32_t expected = leaf ? map->branch_count + leaf_count++ : branches++;
        ck_assert(ha_addresses_find(map, addresses[i], &obj));
        ck_assert_uint_eq(obj.i, expected);
        ck_assert_uint_eq(ha_addresses_of(map, obj), addresses[i]);
        for (unsigned k = 1; k < 8; k++) {
            bool there = bsearch(&(uint64_t){addresses[i] + k}, addresses, count, sizeof *addresses, compare) != NULL;
            ck_assert(ha_addresses_find(map, addresses[i] + k, &obj) == there);
        }
    }
    ck_assert_uint_eq(map->branch_count, branches);
    ck_assert_uint_eq(map->leaf_count, leaf_count);
    ck_assert(!ha_addresses_find(map, UINT64_MAX, &obj));
    ck_assert(!ha_addresses_find(map, 8, &obj));
    ck_assert_uint_eq(ha_addresses_of(map, (ha_obj){branches + leaf_count}), 0);
}

START_TEST(test_aligned)
{
    struct fixture x;
    enum ha_address_trouble trouble;
    uint64_t addresses[3000];
    struct rng rng = rng_seed(1);
    uint64_t at = 0x700000000;
    for (size_t i = 0; i < 3000; i++) {
        addresses[i] = at;
        at += 8 * (1 + rng_below(&rng, i % 100 == 0 ? 100000 : 12)); /* now and then over many pages */
    }
    ck_assert(build(&x, 3, addresses, 3000, true, &trouble));
    check(x.map, addresses, 3000, true);
    finish(&x);
}
END_TEST

/* First and last slots of words, lines, pages and regions. */
START_TEST(test_borders)
{
    struct fixture x;
    enum ha_address_trouble trouble;
    static const uint64_t slots[] = {64, 256, 16384, 1ULL << 33};
    uint64_t addresses[40];
    size_t count = 0;
    for (size_t i = 0; i < 4; i++) {
        for (uint64_t k = 3; k <= 4; k++) {
            addresses[count++] = (slots[i] * k) * 8;
            addresses[count++] = (slots[i] * k - 1) * 8;
            addresses[count++] = (slots[i] * k + 1) * 8;
        }
    }
    addresses[count++] = addresses[0]; /* twice */
    if (!build(&x, 3, addresses, count, true, &trouble)) { /* over four regions: too sparse for the bitmap */
        ck_assert_int_eq(trouble, HA_ADDRESSES_SPARSE);
        ck_assert(build(&x, 64, addresses, count, false, &trouble));
        check(x.map, addresses, count, false);
        finish(&x);
        count = 18;
        ck_assert(build(&x, 3, addresses, count, true, &trouble));
    }
    check(x.map, addresses, count, true);
    finish(&x);
}
END_TEST

START_TEST(test_unaligned)
{
    struct fixture x;
    enum ha_address_trouble trouble;
    uint64_t addresses[1000];
    for (size_t i = 0; i < 1000; i++) {
        addresses[i] = 0x50000001 + i; /* the old agent's dense ids */
    }
    ck_assert(!build(&x, 3, addresses, 1000, false, &trouble));
    ck_assert_int_eq(trouble, HA_ADDRESSES_UNALIGNED);
    ck_assert(build(&x, 0, addresses, 1000, true, &trouble));
    check(x.map, addresses, 1000, true);
    finish(&x);
}
END_TEST

START_TEST(test_sparse)
{
    struct fixture x;
    enum ha_address_trouble trouble;
    static uint64_t addresses[20000];
    struct rng rng = rng_seed(2);
    for (size_t i = 0; i < 20000; i++) {
        addresses[i] = rng_next(&rng) | 1;
        addresses[i] -= addresses[i] == UINT64_MAX;
    }
    ck_assert(!build(&x, 0, addresses, 20000, false, &trouble));
    ck_assert_int_eq(trouble, HA_ADDRESSES_SPARSE);
    ck_assert(build(&x, 64, addresses, 20000, false, &trouble));
    check(x.map, addresses, 20000, false);
    finish(&x);
}
END_TEST

START_TEST(test_empty)
{
    struct fixture x;
    enum ha_address_trouble trouble;
    ha_obj obj;
    for (uint32_t shift = 0; shift <= 64; shift += 64) {
        ck_assert(build(&x, shift, NULL, 0, false, &trouble));
        ck_assert(!ha_addresses_find(x.map, 0x1000, &obj));
        ck_assert_uint_eq(ha_addresses_of(x.map, (ha_obj){0}), 0);
        finish(&x);
    }
}
END_TEST

CK_HA_MAIN("heap_addresses", test_aligned, test_borders, test_unaligned, test_sparse, test_empty)
