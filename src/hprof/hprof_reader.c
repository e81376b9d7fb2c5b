/* SPDX-License-Identifier: MIT */
/* Header and top-level records of an HPROF file. The rules for odd lengths are those that JVMs of the past made necessary (docs/hprof-format.md). */
#include "ha/hprof/hprof_reader.h"

#include "ha/base/bytes.h"
#include "ha/hprof/hprof_heap.h"

#include <inttypes.h>
#include <string.h>

#define HEAD_BYTES 256U /* the header takes 31; texts say on their first lines what they are */

/* The versions whose records we read; "1.0" (JDK 1.2 beta) types its class dumps in another way. */
static bool version_known(const char *format)
{
    return strcmp(format, "JAVA PROFILE 1.0.1") == 0 || strcmp(format, "JAVA PROFILE 1.0.2") == 0 ||
           strcmp(format, "JAVA PROFILE 1.0.3") == 0;
}

/* A part FILE.pN that the JVM (22 and later) did not put together: it begins with a segment. */
static bool is_unmerged_part(const uint8_t *p, size_t len)
{
    static const uint8_t segment[5] = {HA_RECORD_HEAP_DUMP_SEGMENT};
    return len > 9 && memcmp(p, segment, sizeof segment) == 0 && ha_sub_tag_known(p[9]);
}

static bool contains(const uint8_t *p, size_t len, const char *text)
{
    return memmem(p, len, text, strlen(text)) != NULL;
}

/* Messages are escaped where they are shown: the bytes go in as they are. */
static struct ha_err *not_hprof(const char *path, const uint8_t *p, size_t len)
{
    if (is_unmerged_part(p, len)) {
        return ha_err_new(HA_ERR_INPUT, "'%s' is a part of a parallel dump that was not put together (a segment without header); with BASE for the file "
                          "that begins with \"JAVA PROFILE\": cat BASE BASE.p0 BASE.p1 ... > WHOLE.hprof", path);
    }
    if (contains(p, len, "#instances") && contains(p, len, "#bytes")) {
        return ha_err_new(HA_ERR_INPUT, "'%s' is a class histogram (of jmap -histo or jcmd GC.class_histogram), no heap dump: it counts objects but does "
                          "not say what keeps them; make a dump with: jcmd PID GC.heap_dump FILE.hprof", path);
    }
    if (contains(p, len, "Full thread dump")) {
        return ha_err_new(HA_ERR_INPUT, "'%s' is a thread dump (of jstack or jcmd Thread.print), no heap dump; make one with: "
                          "jcmd PID GC.heap_dump FILE.hprof", path);
    }
    int shown = (int)strnlen((const char *)p, len < 16 ? len : 16);
    return ha_err_new(HA_ERR_INPUT, "'%s' is no HPROF heap dump: it begins with \"%.*s\", not with \"JAVA PROFILE 1.0.\"; "
                      "make one with: jcmd PID GC.heap_dump FILE.hprof", path, shown, (const char *)p);
}

struct ha_err *ha_hprof_header_read(struct ha_window *window, struct ha_hprof_header *ret)
{
    const char *path = ha_input_path(window->input);
    uint64_t size = ha_input_bytes(window->input);
    size_t have = size < HEAD_BYTES ? (size_t)size : HEAD_BYTES;
    const uint8_t *p = have == 0 ? NULL : ha_window_at(window, 0, have);
    if (p == NULL) {
        struct ha_err *err = ha_window_error(window);
        return err != NULL ? err : ha_err_new(HA_ERR_INPUT, "'%s' is empty: no HPROF heap dump", path);
    }
    if (have < 13 || memcmp(p, "JAVA PROFILE ", 13) != 0) {
        return not_hprof(path, p, have);
    }
    const uint8_t *nul = memchr(p, 0, have < 24 ? have : 24);
    if (nul == NULL) {
        return ha_err_new(HA_ERR_INPUT, "'%s' is no binary HPROF heap dump (text output of the hprof agent?): its version line has no end; "
                          "use format=b, or make a dump with: jcmd PID GC.heap_dump FILE.hprof", path);
    }
    size_t len = (size_t)(nul - p);
    memset(ret->format, 0, sizeof ret->format);
    memcpy(ret->format, p, len);
    if (!version_known(ret->format)) {
        return ha_err_new(HA_ERR_INPUT, "'%s' has HPROF version \"%s\"; 1.0.1, 1.0.2 and 1.0.3 can be read", path, ret->format);
    }
    if (have < len + 1 + 12) {
        return ha_err_at(HA_ERR_INPUT, have, "'%s' ends inside the HPROF header: the dump holds no data", path);
    }
    ret->id_size = ha_be32(p + len + 1);
    ret->created_ms = (int64_t)ha_be64(p + len + 5);
    ret->first_record = len + 1 + 12;
    if (ret->id_size != 4 && ret->id_size != 8) {
        return ha_err_at(HA_ERR_INPUT, len + 1, "'%s': identifier size %" PRIu32 " is neither 4 nor 8: the header is damaged beyond use",
                         path, ret->id_size);
    }
    return NULL;
}

bool ha_record_tag_known(uint8_t tag)
{
    switch (tag) {
    case HA_RECORD_UTF8:
    case HA_RECORD_LOAD_CLASS:
    case HA_RECORD_UNLOAD_CLASS:
    case HA_RECORD_FRAME:
    case HA_RECORD_TRACE:
    case HA_RECORD_ALLOC_SITES:
    case HA_RECORD_HEAP_SUMMARY:
    case HA_RECORD_START_THREAD:
    case HA_RECORD_END_THREAD:
    case HA_RECORD_HEAP_DUMP:
    case HA_RECORD_CPU_SAMPLES:
    case HA_RECORD_CONTROL_SETTINGS:
    case 0x10: /* LOCKSTATS of very old agents */
    case 0x11:
    case HA_RECORD_HEAP_DUMP_SEGMENT:
    case HA_RECORD_HEAP_DUMP_END:
        return true;
    default:
        return false;
    }
}

bool ha_record_is_heap(uint8_t tag)
{
    return tag == HA_RECORD_HEAP_DUMP || tag == HA_RECORD_HEAP_DUMP_SEGMENT;
}

/* The end of a heap record whose length field cannot be right, or of any record that reaches past the end of the file. */
static void mend_length(struct ha_record *record, uint64_t size)
{
    uint64_t left = size - record->body;
    if (ha_record_is_heap(record->tag) && record->length == 0 && left > 0) {
        record->fit = HA_RECORD_ZERO_LENGTH;
        record->end = size;
    } else if (record->tag == HA_RECORD_HEAP_DUMP && left > UINT32_MAX && ((left - record->length) & UINT32_MAX) == 0) {
        record->fit = HA_RECORD_WRAPPED;
        record->end = size;
    } else if (record->length > left) {
        record->fit = HA_RECORD_CLIPPED;
        record->end = size;
    }
}

struct ha_err *ha_record_read(struct ha_window *window, uint64_t off, struct ha_record *ret, bool *ret_end)
{
    uint64_t size = ha_input_bytes(window->input);
    *ret_end = off >= size || size - off < HA_RECORD_HEADER_BYTES;
    if (*ret_end) {
        return NULL;
    }
    const uint8_t *p = ha_window_at(window, off, HA_RECORD_HEADER_BYTES);
    if (p == NULL) {
        struct ha_err *err = ha_window_error(window);
        return err != NULL ? err : ha_err_at(HA_ERR_BUG, off, "record header out of reach");
    }
    *ret = (struct ha_record){.tag = p[0], .fit = HA_RECORD_FITS, .time_us = ha_be32(p + 1), .length = ha_be32(p + 5), .off = off,
                              .body = off + HA_RECORD_HEADER_BYTES};
    ret->end = ret->body + ret->length;
    mend_length(ret, size);
    return NULL;
}
