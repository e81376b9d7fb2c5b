/* SPDX-License-Identifier: MIT */
/*
 * Sub-records of HEAP_DUMP and HEAP_DUMP_SEGMENT, decoded one at a time; inline, for this is the innermost loop of every pass.
 *
 *     INSTANCE    21  id  u4 stack  id class  u4 bytes  values          OBJ_ARRAY   22  id  u4 stack  u4 count  id class  ids
 *     PRIM_ARRAY  23  id  u4 stack  u4 count  u1 type   values          CLASS_DUMP  20  see hprof_class.h
 *     roots       tag id and up to two u4
 *
 * One bounds check per sub-record: the fixed part is fetched once, then the announced body is compared with the end of the segment.
 */
#ifndef HA_HPROF_HPROF_HEAP_H
#define HA_HPROF_HPROF_HEAP_H

#include "ha/base/bytes.h"
#include "ha/input/input.h"

#include <stdbool.h>
#include <stdint.h>

enum ha_sub_tag {
    HA_SUB_ROOT_UNKNOWN = 0xff,
    HA_SUB_ROOT_JNI_GLOBAL = 0x01,
    HA_SUB_ROOT_JNI_LOCAL = 0x02,
    HA_SUB_ROOT_JAVA_FRAME = 0x03,
    HA_SUB_ROOT_NATIVE_STACK = 0x04,
    HA_SUB_ROOT_STICKY_CLASS = 0x05,
    HA_SUB_ROOT_THREAD_BLOCK = 0x06,
    HA_SUB_ROOT_MONITOR_USED = 0x07,
    HA_SUB_ROOT_THREAD_OBJ = 0x08,
    HA_SUB_CLASS = 0x20,
    HA_SUB_INSTANCE = 0x21,
    HA_SUB_OBJ_ARRAY = 0x22,
    HA_SUB_PRIM_ARRAY = 0x23,
    HA_SUB_ROOT_INTERNED_STRING = 0x89, /* Android from here */
    HA_SUB_ROOT_FINALIZING = 0x8a,
    HA_SUB_ROOT_DEBUGGER = 0x8b,
    HA_SUB_ROOT_REFERENCE_CLEANUP = 0x8c,
    HA_SUB_ROOT_VM_INTERNAL = 0x8d,
    HA_SUB_ROOT_JNI_MONITOR = 0x8e,
    HA_SUB_ROOT_UNREACHABLE = 0x90,
    HA_SUB_PRIM_ARRAY_NODATA = 0xc3,
    HA_SUB_HEAP_INFO = 0xfe
};

enum ha_sub_result {
    HA_SUB_OK,
    HA_SUB_END,       /* off == end */
    HA_SUB_TRUNCATED, /* the record reaches past `end` (or could not be read: see ha_window_error) */
    HA_SUB_UNKNOWN    /* a tag or an element type that the format does not have */
};

struct ha_sub {
    uint8_t tag;
    uint8_t type;       /* element type of a primitive array */
    uint32_t count;     /* elements of an array, bytes of values of an instance */
    uint32_t serial;    /* thread serial of a root */
    uint32_t number;    /* frame number of a local, trace serial of a thread object */
    uint64_t id;
    uint64_t class_id;  /* of instances and object arrays */
    uint64_t off;       /* of the tag */
    uint64_t body;      /* first byte of values or elements */
    uint64_t end;       /* of the record; for HA_SUB_CLASS only a lower bound: see ha_class_dump_read() */
};

HA_INLINE uint64_t ha_sub_id(const uint8_t *p, unsigned id_size)
{
    return id_size == 8 ? ha_be64(p) : ha_be32(p);
}

/* Bytes of an element of a primitive array; 0 for types that are none. */
HA_INLINE unsigned ha_primitive_bytes(unsigned type)
{
    /*                                 -  -  -  -  Z  C  F  D  B  S  I  J */
    static const uint8_t bytes[12] = {0, 0, 0, 0, 1, 2, 4, 8, 1, 2, 4, 8};
    return type < 12 ? bytes[type] : 0;
}

/* Whether the format has sub-records of this tag. */
bool ha_sub_tag_known(uint8_t tag);

/* Bytes after the tag of a root record, 0 for tags that are no roots. */
unsigned ha_sub_root_bytes(uint8_t tag, unsigned id_size);

/* Decodes everything that is not an instance or array (called rarely). */
enum ha_sub_result ha_sub_read_other(const uint8_t *p, uint64_t off, uint64_t end, unsigned id_size, struct ha_sub *ret);

/* Decodes the sub-record at off, in a segment that ends at `end`. id_size must be 4 or 8 (a constant where speed matters). */
HA_INLINE enum ha_sub_result ha_sub_read(struct ha_window *window, uint64_t off, uint64_t end, unsigned id_size, struct ha_sub *ret)
{
    enum { FIXED = 26 };
    uint8_t tail[FIXED];
    const uint8_t *p;
    if (HA_LIKELY(end - off >= FIXED)) {
        p = ha_window_at(window, off, FIXED);
        if (HA_UNLIKELY(p == NULL)) {
            return HA_SUB_TRUNCATED;
        }
    } else {
        if (off >= end) {
            return HA_SUB_END;
        }
        const uint8_t *rest = ha_window_at(window, off, (size_t)(end - off));
        if (rest == NULL) {
            return HA_SUB_TRUNCATED;
        }
        memset(tail, 0, sizeof tail);
        memcpy(tail, rest, (size_t)(end - off));
        p = tail;
    }
    ret->tag = p[0];
    ret->off = off;
    uint64_t bytes;
    if (p[0] == HA_SUB_INSTANCE) {
        ret->id = ha_sub_id(p + 1, id_size);
        ret->class_id = ha_sub_id(p + 5 + id_size, id_size);
        ret->count = ha_be32(p + 5 + 2 * id_size);
        ret->body = off + 9 + 2 * id_size;
        bytes = ret->count;
    } else if (p[0] == HA_SUB_OBJ_ARRAY) {
        ret->id = ha_sub_id(p + 1, id_size);
        ret->count = ha_be32(p + 5 + id_size);
        ret->class_id = ha_sub_id(p + 9 + id_size, id_size);
        ret->body = off + 9 + 2 * id_size;
        bytes = (uint64_t)ret->count * id_size;
    } else if (p[0] == HA_SUB_PRIM_ARRAY) {
        ret->id = ha_sub_id(p + 1, id_size);
        ret->count = ha_be32(p + 5 + id_size);
        ret->type = p[9 + id_size];
        ret->body = off + 10 + id_size;
        bytes = (uint64_t)ret->count * ha_primitive_bytes(ret->type);
        if (HA_UNLIKELY(ha_primitive_bytes(ret->type) == 0)) {
            return ret->body > end ? HA_SUB_TRUNCATED : HA_SUB_UNKNOWN;
        }
    } else {
        return ha_sub_read_other(p, off, end, id_size, ret);
    }
    if (HA_UNLIKELY(ret->body > end || bytes > end - ret->body)) {
        return HA_SUB_TRUNCATED;
    }
    ret->end = ret->body + bytes;
    return HA_SUB_OK;
}

#endif
