/* SPDX-License-Identifier: MIT */
/*
 * A CLASS_DUMP sub-record:
 *
 *     20  id  u4 stack  id super  id loader  id signers  id domain  id -  id -  u4 instance size
 *     u2 n, n × { u2 index, u1 type, value }     constant pool
 *     u2 n, n × { id name,  u1 type, value }     static fields
 *     u2 n, n × { id name,  u1 type }            instance fields, own only
 */
#ifndef HA_HPROF_HPROF_CLASS_H
#define HA_HPROF_HPROF_CLASS_H

#include "ha/hprof/hprof_heap.h"

/* The longest record the counts allow: 3 × 65535 entries of at most 17 bytes and the fixed part. */
#define HA_CLASS_DUMP_MAX (65535U * (11 + 17 + 9) + 128U)

struct ha_class_dump {
    uint64_t id, super, loader;
    uint64_t off, end;
    uint32_t static_count, field_count;
    const uint8_t *statics; /* in the window: valid until its next call */
    const uint8_t *fields;
};

/* Reads the record at off of a segment that ends at end. HA_SUB_TRUNCATED and HA_SUB_UNKNOWN (a value type that does not exist) as in ha_sub_read(). */
enum ha_sub_result ha_class_dump_read(struct ha_window *window, uint64_t off, uint64_t end, unsigned id_size, struct ha_class_dump *ret);

struct ha_class_dump_entry {
    uint64_t name_id;
    uint64_t value; /* statics only; zero-extended */
    uint8_t type;
};

/* Decodes the entry at p and returns the next one. */
const uint8_t *ha_class_dump_static(const uint8_t *p, unsigned id_size, struct ha_class_dump_entry *ret);
const uint8_t *ha_class_dump_field(const uint8_t *p, unsigned id_size, struct ha_class_dump_entry *ret);

/* Bytes of a value of this type in a record; 0 for types that do not exist. */
unsigned ha_value_bytes(uint8_t type, unsigned id_size);

#endif
