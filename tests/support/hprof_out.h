/* SPDX-License-Identifier: MIT */
/*
 * Writes HPROF bytes as they come, in constant memory: the low-level half of the dump generator. dumpgen.h writes its model with it;
 * benchmarks call it directly for dumps of tens of millions of objects.
 *
 * Calling sequence:
 *
 *     struct hprof_out *o = hprof_out_create_file(path, &(struct hprof_out_options){.id_size = 8});
 *     hprof_out_utf8(o, 1, "java/lang/Object", 16);           top-level records, in any order, before or after a heap
 *     hprof_out_load_class(o, 1, 0x1000, 0, 1);
 *     hprof_out_heap_begin(o);
 *     hprof_out_class(o, &(struct hprof_out_class){.id = 0x1000});
 *     hprof_out_instance_begin(o, 0x2000, 0x1000, 12);        then exactly 12 bytes of values:
 *     hprof_out_id(o, 0); hprof_out_u4(o, 7);
 *     hprof_out_object_array_begin(o, 0x3000, 0x1010, 2);     then exactly 2 ids
 *     hprof_out_id(o, 0x2000); hprof_out_id(o, 0);
 *     hprof_out_root(o, HPROF_ROOT_JNI_GLOBAL, 0x3000, 0, 0);
 *     hprof_out_heap_end(o);                                  closes the last segment, writes HEAP_DUMP_END if the options say so
 *     const char *problem = hprof_out_finish(o);              NULL, or why the file could not be written
 *
 * Framing of heap records, as the producers do it:
 *
 *     HPROF_FRAMING_SEGMENTS   HEAP_DUMP_SEGMENT (0x1c) of at most segment_bytes; a bigger sub-record gets a segment of its own
 *     HPROF_FRAMING_DUMP       one HEAP_DUMP (0x0c) for all; its length wraps at 2^32, as that of old JVMs did
 *     HPROF_FRAMING_EACH       one HEAP_DUMP_SEGMENT per sub-record (serviceability agent)
 *
 * A sub-record whose values are more or fewer than announced stops the program: damaged dumps are made with hprof_out_raw() and
 * hprof_out_patch(), never by accident.
 */
#ifndef HPROF_OUT_H
#define HPROF_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hprof_framing { HPROF_FRAMING_SEGMENTS, HPROF_FRAMING_DUMP, HPROF_FRAMING_EACH };

enum hprof_type {
    HPROF_OBJECT = 2,
    HPROF_BOOLEAN = 4,
    HPROF_CHAR = 5,
    HPROF_FLOAT = 6,
    HPROF_DOUBLE = 7,
    HPROF_BYTE = 8,
    HPROF_SHORT = 9,
    HPROF_INT = 10,
    HPROF_LONG = 11
};

/* The values are the sub-tags. */
enum hprof_root {
    HPROF_ROOT_JNI_GLOBAL = 0x01,   /* a = JNI reference id */
    HPROF_ROOT_JNI_LOCAL = 0x02,    /* a = thread serial, b = frame (UINT32_MAX: none) */
    HPROF_ROOT_JAVA_FRAME = 0x03,   /* as above */
    HPROF_ROOT_NATIVE_STACK = 0x04, /* a = thread serial */
    HPROF_ROOT_STICKY_CLASS = 0x05,
    HPROF_ROOT_THREAD_BLOCK = 0x06, /* a = thread serial */
    HPROF_ROOT_MONITOR_USED = 0x07,
    HPROF_ROOT_THREAD_OBJECT = 0x08,   /* a = thread serial, b = trace serial */
    HPROF_ROOT_INTERNED_STRING = 0x89, /* from here on: Android */
    HPROF_ROOT_FINALIZING = 0x8a,
    HPROF_ROOT_DEBUGGER = 0x8b,
    HPROF_ROOT_REFERENCE_CLEANUP = 0x8c,
    HPROF_ROOT_VM_INTERNAL = 0x8d,
    HPROF_ROOT_JNI_MONITOR = 0x8e, /* a = thread serial, b = frame */
    HPROF_ROOT_UNREACHABLE = 0x90,
    HPROF_ROOT_UNKNOWN = 0xff
};

/* A zeroed struct with id_size set is a HotSpot 17 dump: 1.0.2, segments of at most 1 MiB, HEAP_DUMP_END. */
struct hprof_out_options {
    const char *version; /* "1.0.1", "1.0.2", …; NULL = "1.0.2" */
    unsigned id_size;    /* 4 or 8 (others are written as they are, ids then use 8 bytes) */
    uint64_t time_ms;    /* of the header */
    enum hprof_framing framing;
    uint64_t segment_bytes; /* longest body of a segment; 0 = 1 MiB */
    bool no_end;            /* no HEAP_DUMP_END after a heap */
};

struct hprof_out_value {
    uint64_t name; /* UTF8 id; in a constant pool: the index */
    enum hprof_type type;
    uint64_t value; /* bits; not used in fields */
};

struct hprof_out_class {
    uint64_t id, super, loader, signers, domain;
    uint32_t trace;
    uint32_t instance_size; /* as the record shall say: Σ field sizes of the whole hierarchy */
    const struct hprof_out_value *constants, *statics, *fields;
    uint16_t constant_count, static_count, field_count;
};

struct hprof_out;

/* Writes the header. NULL and errno if the file cannot be made. The strings in options are not kept. */
struct hprof_out *hprof_out_create_file(const char *path, const struct hprof_out_options *options);
struct hprof_out *hprof_out_create_memory(const struct hprof_out_options *options);

/* Ends the file and frees o. NULL, or the reason why it is not complete (a static string). */
const char *hprof_out_finish(struct hprof_out *o);

/* The same for memory; the caller frees *ret_data with free(). */
void hprof_out_finish_memory(struct hprof_out *o, uint8_t **ret_data, size_t *ret_bytes);

/* --- top-level records ----------------------------------------------------------------------------------------- */

void hprof_out_utf8(struct hprof_out *o, uint64_t id, const char *text, size_t bytes);
void hprof_out_load_class(struct hprof_out *o, uint32_t serial, uint64_t class_id, uint32_t trace,
                          uint64_t name);
void hprof_out_frame(struct hprof_out *o, uint64_t id, uint64_t method, uint64_t signature,
                     uint64_t source, uint32_t class_serial, int32_t line);
void hprof_out_trace(struct hprof_out *o, uint32_t serial, uint32_t thread, const uint64_t *frames,
                     uint32_t count);
void hprof_out_record(struct hprof_out *o, uint8_t tag, const void *body, uint32_t bytes);

/* --- heap ------------------------------------------------------------------------------------------------------ */

void hprof_out_heap_begin(struct hprof_out *o);
void hprof_out_heap_end(struct hprof_out *o);

void hprof_out_root(struct hprof_out *o, enum hprof_root kind, uint64_t id, uint64_t a, uint32_t b);
void hprof_out_class(struct hprof_out *o, const struct hprof_out_class *c);
void hprof_out_instance_begin(struct hprof_out *o, uint64_t id, uint64_t class_id, uint32_t bytes);
void hprof_out_object_array_begin(struct hprof_out *o, uint64_t id, uint64_t class_id,
                                  uint32_t count);
void hprof_out_prim_array_begin(struct hprof_out *o, uint64_t id, enum hprof_type type,
                                uint32_t count);

/* Trace serial of the classes, objects and arrays that follow; 1 at first. */
void hprof_out_set_trace(struct hprof_out *o, uint32_t serial);

/* Raw bytes in place of a whole number of sub-records (in a heap) or records. */
void hprof_out_raw(struct hprof_out *o, const void *bytes, size_t count);

/* --- values, big-endian, anywhere a body is open ------------------------------------------------------------------ */

void hprof_out_u1(struct hprof_out *o, uint8_t v);
void hprof_out_u2(struct hprof_out *o, uint16_t v);
void hprof_out_u4(struct hprof_out *o, uint32_t v);
void hprof_out_u8(struct hprof_out *o, uint64_t v);
void hprof_out_id(struct hprof_out *o, uint64_t v);
void hprof_out_value(struct hprof_out *o, enum hprof_type type,
                     uint64_t bits); /* of the type's size */
void hprof_out_bytes(struct hprof_out *o, const void *bytes, size_t count);
void hprof_out_fill(struct hprof_out *o, uint8_t byte, uint64_t count); /* body of a large array */

/* --- position and damage ------------------------------------------------------------------------------------------ */

uint64_t hprof_out_position(const struct hprof_out *o); /* bytes written so far */
uint64_t
hprof_out_segment_position(const struct hprof_out *o); /* of the last heap record's header */
void hprof_out_patch(struct hprof_out *o, uint64_t off, const void *bytes,
                     size_t count); /* overwrites earlier bytes */
void hprof_out_truncate(struct hprof_out *o,
                        uint64_t bytes); /* the file will end there; nothing may follow */

/* Bytes of a value of this type; 0 for no type. */
unsigned hprof_type_bytes(enum hprof_type type, unsigned id_size);

#endif
