/* SPDX-License-Identifier: MIT */
/*
 * Arithmetic on numbers that come from a file. Each function returns true on success and writes *ret only then.
 */
#ifndef HA_BASE_CHECKED_H
#define HA_BASE_CHECKED_H

#include "ha/base/compiler.h"

#include <stdbool.h>
#include <stdint.h>

HA_INLINE HA_WARN_UNUSED bool ha_add_u64(uint64_t a, uint64_t b, uint64_t *ret)
{
    return !__builtin_add_overflow(a, b, ret);
}

HA_INLINE HA_WARN_UNUSED bool ha_mul_u64(uint64_t a, uint64_t b, uint64_t *ret)
{
    return !__builtin_mul_overflow(a, b, ret);
}

HA_INLINE HA_WARN_UNUSED bool ha_add_u32(uint32_t a, uint32_t b, uint32_t *ret)
{
    return !__builtin_add_overflow(a, b, ret);
}

/* Rounds up to a multiple of `align` (any positive number, not only powers of two). */
HA_INLINE HA_WARN_UNUSED bool ha_align_u64(uint64_t value, uint64_t align, uint64_t *ret)
{
    uint64_t rest = value % align;
    return ha_add_u64(value, rest == 0 ? 0 : align - rest, ret);
}

/* Whether [off, off + len) lies in [0, size), without wrapping. */
HA_INLINE HA_WARN_UNUSED bool ha_range_fits(uint64_t off, uint64_t len, uint64_t size)
{
    return off <= size && len <= size - off;
}

#endif
