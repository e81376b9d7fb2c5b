/* SPDX-License-Identifier: MIT */
/*
 * The file as a chain of top-level records, exactly as written. All integers big-endian, nothing aligned.
 *
 *     "JAVA PROFILE 1.0.2\0"  u4 id size  u8 ms since 1970   then records:   u1 tag  u4 µs  u4 length  body
 *
 * What can be survived is a diagnostic: a record that reaches past the end is clipped, a heap record of length 0 or with a length
 * that wrapped modulo 2^32 is taken to reach to the end of the file.
 */
#ifndef HA_HPROF_HPROF_READER_H
#define HA_HPROF_HPROF_READER_H

#include "ha/base/diag.h"
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

struct ha_record {
    uint8_t tag;
    bool damaged;    /* the length was guessed or clipped: [body, end) is all there is of it */
    uint32_t time_us;
    uint64_t off;    /* of the tag */
    uint64_t body;
    uint64_t end;    /* of the body; the next record begins here */
};

/* Reads the record header at `off`. *ret_end: the file ends here (cleanly, or with a diagnostic in diag, which may be NULL). */
struct ha_err *ha_record_read(struct ha_window *window, uint64_t off, struct ha_diag *diag, struct ha_record *ret, bool *ret_end) HA_WARN_UNUSED;

/* Whether tag is one of the top-level tags this format knows. */
bool ha_record_tag_known(uint8_t tag);

#endif
