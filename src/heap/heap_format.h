/* SPDX-License-Identifier: MIT */
/* Elements of the table sections as they lie in the index; all little-endian, described in docs/index-format.md. */
#ifndef HA_HEAP_FORMAT_H
#define HA_HEAP_FORMAT_H

#include <assert.h>
#include <stdint.h>

/* OFFSET SIZE MEANING (section CLAS)
 *      0    8  class id of the dump
 *      8    4  name, offset in TEXT
 *     12    4  class object, all ones: none
 *     16    4  super class, all ones: none
 *     20    4  loader object, all ones: the boot loader
 *     24    4  flags HA_CLASS_IS_…
 *     28    8  first own field in CFLD, number of them
 *     36    8  first static field in CSTA, number of them
 *     44    4  payload bytes
 *     48    4  reference fields
 *     52    2  kind, element type
 *     54    2  zero */
struct ha_disk_class {
    uint64_t address;
    uint32_t name;
    uint32_t object;
    uint32_t super;
    uint32_t loader;
    uint32_t flags;
    uint32_t fields_first, fields_count;
    uint32_t statics_first, statics_count;
    uint32_t payload_bytes, reference_fields;
    uint8_t kind, element_type;
    uint16_t zero;
};
static_assert(sizeof(struct ha_disk_class) == 56, "layout is part of the index format");

/* Section CFLD: name in TEXT, type. */
struct ha_disk_field {
    uint32_t name;
    uint32_t type;
};
static_assert(sizeof(struct ha_disk_field) == 8, "layout is part of the index format");

/* Section CSTA: value bits, name in TEXT, type. */
struct ha_disk_static {
    uint64_t value;
    uint32_t name;
    uint32_t type;
};
static_assert(sizeof(struct ha_disk_static) == 16, "layout is part of the index format");

/* Section TFRM: class, method, signature and file as offsets in TEXT, line. */
struct ha_disk_frame {
    uint32_t class_name, method, signature, file;
    int32_t line;
};
static_assert(sizeof(struct ha_disk_frame) == 20, "layout is part of the index format");

/* Section THRD: object, serial, first and number of frames in TFRM and of locals in TLOC. Same layout as struct ha_thread. */
struct ha_disk_thread {
    uint32_t object, serial;
    uint32_t frames_first, frames_count;
    uint32_t locals_first, locals_count;
};
static_assert(sizeof(struct ha_disk_thread) == 24, "layout is part of the index format");

/* Section OINR: where the objects of a class begin in OINS, and how many they are; all ones: not kept. */
struct ha_disk_instances {
    uint32_t first, count;
};
static_assert(sizeof(struct ha_disk_instances) == 8, "layout is part of the index format");

#endif
