/* SPDX-License-Identifier: MIT */
/*
 * Unaligned loads and stores by memcpy: big-endian for HPROF, little-endian for our index (the host is little-endian, compiler.h).
 */
#ifndef HA_BASE_BYTES_H
#define HA_BASE_BYTES_H

#include "ha/base/compiler.h"

#include <stdint.h>
#include <string.h>

HA_INLINE uint16_t ha_be16(const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap16(v);
}

HA_INLINE uint32_t ha_be32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap32(v);
}

HA_INLINE uint64_t ha_be64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap64(v);
}

HA_INLINE uint16_t ha_le16(const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

HA_INLINE uint32_t ha_le32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

HA_INLINE uint64_t ha_le64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Five bytes, little-endian: file offsets and edge numbers below 2^40. */
HA_INLINE uint64_t ha_le40(const uint8_t *p)
{
    return (uint64_t)ha_le32(p) | (uint64_t)p[4] << 32;
}

HA_INLINE void ha_put_le40(uint8_t *p, uint64_t v)
{
    uint32_t low = (uint32_t)v;
    memcpy(p, &low, sizeof low);
    p[4] = (uint8_t)(v >> 32);
}

HA_INLINE void ha_put_le64(uint8_t *p, uint64_t v)
{
    memcpy(p, &v, sizeof v);
}

HA_INLINE void ha_put_be16(uint8_t *p, uint16_t v)
{
    v = __builtin_bswap16(v);
    memcpy(p, &v, sizeof v);
}

HA_INLINE void ha_put_be32(uint8_t *p, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(p, &v, sizeof v);
}

HA_INLINE void ha_put_be64(uint8_t *p, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(p, &v, sizeof v);
}

#endif
