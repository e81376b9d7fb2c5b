/* SPDX-License-Identifier: MIT */
/*
 * The file as a chain of top-level records, exactly as written. All integers big-endian, nothing aligned.
 *
 *     "JAVA PROFILE 1.0.2\0"  u4 id size  u8 ms since 1970   then records:   u1 tag  u4 µs  u4 length  body
 *
 * Nothing is judged here but what a record alone can tell: whether it reaches past the end of the file (it is clipped), has no length, or has
 * one that wrapped modulo 2^32. Whether a record belongs where it stands, and where the next one is when it does not: hprof_resync.h.
 */
#ifndef HA_HPROF_HPROF_READER_H
#define HA_HPROF_HPROF_READER_H

#include "ha/input/input.h"

#include <stdbool.h>
#include <stdint.h>

enum ha_record_tag {
    HA_RECORD_UTF8 = 0x01,
    HA_RECORD_LOAD_CLASS = 0x02,
    HA_RECORD_UNLOAD_CLASS = 0x03,
    HA_RECORD_FRAME = 0x04,
    HA_RECORD_TRACE = 0x05,
    HA_RECORD_ALLOC_SITES = 0x06,
    HA_RECORD_HEAP_SUMMARY = 0x07,
    HA_RECORD_START_THREAD = 0x0a,
    HA_RECORD_END_THREAD = 0x0b,
    HA_RECORD_HEAP_DUMP = 0x0c,
    HA_RECORD_CPU_SAMPLES = 0x0d,
    HA_RECORD_CONTROL_SETTINGS = 0x0e,
    HA_RECORD_HEAP_DUMP_SEGMENT = 0x1c,
    HA_RECORD_HEAP_DUMP_END = 0x2c
};

#define HA_RECORD_HEADER_BYTES 9U

struct ha_hprof_header {
    char format[24];       /* "JAVA PROFILE 1.0.2" */
    uint32_t id_size;      /* 4 or 8 */
    int64_t created_ms;    /* since 1970 */
    uint64_t first_record; /* offset */
};

/* Reads and checks the header. HA_ERR_INPUT names what the file is instead. */
struct ha_err *ha_hprof_header_read(struct ha_window *window, struct ha_hprof_header *ret) HA_WARN_UNUSED;

/* What [body, end) of a record is worth. */
enum ha_record_fit {
    HA_RECORD_FITS,        /* as announced */
    HA_RECORD_CLIPPED,     /* the file ends before the record does */
    HA_RECORD_ZERO_LENGTH, /* a heap record without length and with data behind it: taken to reach to the end of the file */
    HA_RECORD_WRAPPED      /* a HEAP_DUMP of more than 4 GiB whose length is right modulo 2^32: reaches to the end of the file */
};

struct ha_record {
    uint8_t tag;
    uint8_t fit;     /* enum ha_record_fit */
    uint32_t time_us;
    uint32_t length; /* as announced */
    uint64_t off;    /* of the tag */
    uint64_t body;
    uint64_t end;    /* of the body; the next record begins here */
};

/* Reads the record header at `off`. *ret_end: there is none, the file ends here (off is its size) or within the header. */
struct ha_err *ha_record_read(struct ha_window *window, uint64_t off, struct ha_record *ret, bool *ret_end) HA_WARN_UNUSED;

/* Whether tag is one of the top-level tags this format knows. */
bool ha_record_tag_known(uint8_t tag);
bool ha_record_is_heap(uint8_t tag); /* HEAP_DUMP or HEAP_DUMP_SEGMENT */

#endif
