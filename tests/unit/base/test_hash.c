/* SPDX-License-Identifier: MIT */
#include "ha/base/hash.h"

#include "support/ck_ha.h"

START_TEST(test_known)
{
    // Values of the xxHash test vectors for XXH3_64bits, seed 0.
    ck_assert_uint_eq(ha_hash("", 0), 0x2d06800538d394c2);
    ck_assert_uint_eq(ha_hash("abc", 3), 0x78af5f94892f3950);
}
END_TEST

START_TEST(test_pieces)
{
    static uint8_t data[100000];
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)(i * 31 >> 3);
    }
    for (size_t step = 1; step < 70000; step = step * 3 + 1) {
        struct ha_hash_state *state = ha_hash_create();
        ck_assert_ptr_nonnull(state);
        for (size_t i = 0; i < sizeof data; i += step) {
            ha_hash_update(state, data + i, step < sizeof data - i ? step : sizeof data - i);
        }
        ck_assert_uint_eq(ha_hash_digest(state), ha_hash(data, sizeof data));
        ha_hash_destroy(state);
    }
    struct ha_hash_state *empty = ha_hash_create();
    ck_assert_uint_eq(ha_hash_digest(empty), ha_hash("", 0));
    ha_hash_destroy(empty);
    ha_hash_destroy(NULL);
}
END_TEST

CK_HA_MAIN("hash", test_known, test_pieces)
