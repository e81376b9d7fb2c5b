/* SPDX-License-Identifier: MIT */
/*
 * Where the records and sub-records of an undamaged dump begin: all places at which a cut is most likely to confuse a reader. Written without
 * the parser, which must not share a mistake with what tests it.
 */
#ifndef HA_TESTS_CORRUPT_HPROF_PLACES_H
#define HA_TESTS_CORRUPT_HPROF_PLACES_H

#include "support/support_mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct hprof_places {
    SUP_VEC(size_t) at; /* ascending; the end of the file is the last */
    const uint8_t *data;
    size_t bytes, id_size;
    unsigned heaps;     /* HEAP_DUMP_END records, or HEAP_DUMPs */
    bool has_end;       /* the last record is HEAP_DUMP_END: what is cut off cannot go unnoticed */
};

static inline uint64_t places_be(const uint8_t *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++) {
        v = v << 8 | p[i];
    }
    return v;
}

static inline size_t places_value(const struct hprof_places *d, uint8_t type)
{
    static const uint8_t bytes[12] = {0, 0, 0, 0, 1, 2, 4, 8, 1, 2, 4, 8};
    return type == 2 ? d->id_size : type < 12 ? bytes[type] : 0;
}

static inline size_t places_class(const struct hprof_places *d, size_t off)
{
    size_t at = off + 1 + 7 * d->id_size + 8;
    uint64_t n = places_be(d->data + at, 2);
    at += 2;
    for (; n > 0; n--) {
        at += 3 + places_value(d, d->data[at + 2]);
    }
    n = places_be(d->data + at, 2);
    at += 2;
    for (; n > 0; n--) {
        at += d->id_size + 1 + places_value(d, d->data[at + d->id_size]);
    }
    n = places_be(d->data + at, 2);
    return at + 2 + n * (d->id_size + 1) - off;
}

/* Bytes of the sub-record at off; 0: of no known kind. */
static inline size_t places_sub(const struct hprof_places *d, size_t off)
{
    size_t id = d->id_size;
    const uint8_t *p = d->data + off;
    switch (p[0]) {
    case 0x20:
        return places_class(d, off);
    case 0x21:
        return 1 + id + 4 + id + 4 + places_be(p + 1 + id + 4 + id, 4);
    case 0x22:
        return 1 + id + 8 + id + id * places_be(p + 1 + id + 4, 4);
    case 0x23:
        return 1 + id + 9 + places_value(d, p[1 + id + 8]) * places_be(p + 1 + id + 4, 4);
    case 0xc3:
        return 1 + id + 9;
    case 0x01:
        return 1 + 2 * id;
    case 0x02:
    case 0x03:
    case 0x08:
    case 0x8e:
        return 1 + id + 8;
    case 0x04:
    case 0x06:
        return 1 + id + 4;
    case 0xfe:
        return 1 + 4 + id;
    case 0xff:
    case 0x05:
    case 0x07:
    case 0x89:
    case 0x8a:
    case 0x8b:
    case 0x8c:
    case 0x8d:
    case 0x90:
        return 1 + id;
    default:
        return 0;
    }
}

/* false: the dump is not as expected (the text it was made of damages it). Free with sup_vec_free(&places.at). */
static inline bool hprof_places_find(const uint8_t *data, size_t bytes, struct hprof_places *ret)
{
    *ret = (struct hprof_places){.data = data, .bytes = bytes};
    size_t off = strlen((const char *)data) + 1 + 12;
    ret->id_size = (size_t)places_be(data + off - 12, 4);
    while (bytes - off >= 9) {
        uint8_t tag = data[off];
        size_t end = off + 9 + (size_t)places_be(data + off + 5, 4);
        if (end > bytes) {
            return false;
        }
        *sup_push(&ret->at) = off;
        ret->heaps += tag == 0x2c || tag == 0x0c;
        ret->has_end = tag == 0x2c;
        off += 9;
        while ((tag == 0x0c || tag == 0x1c) && off < end) {
            size_t sub = places_sub(ret, off);
            if (sub == 0 || sub > end - off) {
                return false;
            }
            *sup_push(&ret->at) = off;
            off += sub;
        }
        off = end;
    }
    *sup_push(&ret->at) = off;
    return off == bytes;
}

#endif
