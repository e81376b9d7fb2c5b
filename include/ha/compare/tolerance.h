/* SPDX-License-Identifier: MIT */
/*
 * Amounts as people write them, and how much growth is tolerated.
 *
 *     10%             a tenth more than before
 *     +5MB            five MiB more than before; without `+` the same
 *     10% +5MB        whichever of the two allows more: both must be exceeded
 *
 * Sizes are 1024-based: 64K, 10M, 1.5G, with or without B or iB. Counts are plain numbers.
 */
#ifndef HA_COMPARE_TOLERANCE_H
#define HA_COMPARE_TOLERANCE_H

#include "ha/base/sbuf.h"

#include <stdbool.h>
#include <stdint.h>

enum ha_unit {
    HA_UNIT_BYTES,
    HA_UNIT_COUNT
};

/* An amount, or a share of something. */
struct ha_amount {
    bool is_percent;
    double percent;
    uint64_t value;
};

/* Both may be given; neither: no growth is tolerated. */
struct ha_tolerance {
    bool has_percent, has_value;
    double percent;
    uint64_t value;
};

/* NULL when text is right, else what is wrong with it in a few words ("no size: sizes look like 64K, 10M, 1.5G"). *ret is written on success. */
const char *ha_amount_parse(const char *text, enum ha_unit unit, struct ha_amount *ret);
const char *ha_tolerance_parse(const char *text, enum ha_unit unit, struct ha_tolerance *ret);

/* What is still allowed after `before`; saturates. */
uint64_t ha_tolerance_limit(const struct ha_tolerance *tolerance, uint64_t before);

/* "5.0 MiB", "5" */
void ha_amount_words(uint64_t value, enum ha_unit unit, struct ha_sbuf *out);

/* "+10 %", "+5.0 MiB", "+10 % or +5.0 MiB" */
void ha_tolerance_words(const struct ha_tolerance *tolerance, enum ha_unit unit, struct ha_sbuf *out);

#endif
