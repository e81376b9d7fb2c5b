/* SPDX-License-Identifier: MIT */
/* Judging records by their neighbours, and searching for the place where they make sense again. The rules are in the header. */
#include "ha/hprof/hprof_resync.h"

#include "ha/hprof/hprof_heap.h"

#include <string.h>

#define PIECE_BYTES (64U << 10)
#define NAME_BYTES_MAX 65535U /* of a constant in a class file, which all names come from */
#define NAME_LINKS 8          /* records of names in a row that make a find: their headers hold less that is peculiar than those of segments */
#define CLIPPED_SUB_RECORDS 3 /* whole sub-records in a row that make a find of a segment that the end of the file cuts */

static uint32_t trace_frames(struct ha_window *window, const struct ha_record *record)
{
    const uint8_t *p = record->length < 12 ? NULL : ha_window_at(window, record->body, 12);
    return p == NULL ? UINT32_MAX : ha_be32(p + 8);
}

bool ha_record_plausible(struct ha_window *window, const struct ha_record *record, unsigned id_size)
{
    const uint8_t *p;
    if (record->fit != HA_RECORD_FITS) {
        return false;
    }
    switch (record->tag) {
    case HA_RECORD_UTF8:
        return record->length >= id_size && record->length <= NAME_BYTES_MAX + id_size;
    case HA_RECORD_LOAD_CLASS:
        return record->length == 8 + 2 * id_size;
    case HA_RECORD_FRAME:
        return record->length == 8 + 4 * id_size;
    case HA_RECORD_TRACE:
        return record->length >= 12 && record->length == 12 + (uint64_t)trace_frames(window, record) * id_size;
    case HA_RECORD_HEAP_DUMP:
    case HA_RECORD_HEAP_DUMP_SEGMENT:
        p = record->length == 0 ? NULL : ha_window_at(window, record->body, 1);
        return record->length == 0 || (p != NULL && ha_sub_tag_known(p[0]));
    case HA_RECORD_HEAP_DUMP_END:
        return record->length == 0;
    case HA_RECORD_UNLOAD_CLASS:
    case HA_RECORD_END_THREAD:
        return record->length == 4;
    case HA_RECORD_HEAP_SUMMARY:
        return record->length == 24;
    case HA_RECORD_START_THREAD:
        return record->length == 8 + 4 * id_size;
    case HA_RECORD_CONTROL_SETTINGS:
        return record->length == 6;
    case HA_RECORD_ALLOC_SITES:
        return record->length >= 34 && (record->length - 34) % 25 == 0;
    case HA_RECORD_CPU_SAMPLES:
        return record->length >= 8 && (record->length - 8) % 8 == 0;
    default:
        return ha_record_tag_known(record->tag);
    }
}

static bool read_record(struct ha_window *window, uint64_t off, struct ha_record *ret, bool *ret_end)
{
    struct ha_err *err = ha_record_read(window, off, ret, ret_end);
    ha_err_free(err);
    return err == NULL;
}

bool ha_record_chain(struct ha_window *window, uint64_t off, unsigned id_size, unsigned links)
{
    for (unsigned i = 0; i < links && off != ha_input_bytes(window->input); i++) {
        struct ha_record record;
        bool end;
        if (!read_record(window, off, &record, &end) || end || !ha_record_plausible(window, &record, id_size)) {
            return false;
        }
        off = record.end;
    }
    return true;
}

/* ---- candidates ---- */

/* Whether the body holds so many whole sub-records from its start. Class dumps, whose length takes a walk, end the count in their favour. */
static bool holds_sub_records(struct ha_window *window, const struct ha_record *record, unsigned id_size, int count)
{
    uint64_t off = record->body;
    for (int i = 0; i < count; i++) {
        struct ha_sub sub;
        enum ha_sub_result result = ha_sub_read(window, off, record->end, id_size, &sub);
        if (result == HA_SUB_END && i > 0) {
            return true;
        }
        if (result != HA_SUB_OK) {
            return false;
        }
        if (sub.tag == HA_SUB_CLASS) {
            return true;
        }
        off = sub.end;
    }
    return true;
}

/* A segment as our writers make them, possibly cut by the end of the file. */
static bool is_segment(struct ha_window *window, const struct ha_record *record, unsigned id_size)
{
    bool right = record->tag == HA_RECORD_HEAP_DUMP_SEGMENT && record->time_us == 0 && record->length > 0;
    return right && holds_sub_records(window, record, id_size, record->fit == HA_RECORD_FITS ? 1 : CLIPPED_SUB_RECORDS);
}

static bool heap_goes_on(struct ha_window *window, uint64_t off, unsigned id_size)
{
    struct ha_record record, next;
    bool end;
    if (!read_record(window, off, &record, &end) || end || !is_segment(window, &record, id_size)) {
        return false;
    }
    if (record.fit == HA_RECORD_CLIPPED || record.end == ha_input_bytes(window->input)) {
        return true;
    }
    if (!read_record(window, record.end, &next, &end) || end) {
        return false;
    }
    return next.time_us == 0 && ((next.tag == HA_RECORD_HEAP_DUMP_END && next.length == 0) || is_segment(window, &next, id_size));
}

static bool names_go_on(struct ha_window *window, uint64_t off, unsigned id_size)
{
    for (int link = 0; link < NAME_LINKS; link++) {
        struct ha_record record;
        bool end;
        if (!read_record(window, off, &record, &end) || end || record.time_us != 0 || !ha_record_plausible(window, &record, id_size)) {
            return false;
        }
        if (ha_record_is_heap(record.tag)) {
            return link > 0 && heap_goes_on(window, off, id_size);
        }
        off = record.end;
    }
    return true;
}

static bool is_name_tag(uint8_t tag)
{
    return tag == HA_RECORD_UTF8 || tag == HA_RECORD_LOAD_CLASS || tag == HA_RECORD_FRAME || tag == HA_RECORD_TRACE;
}

static bool goes_on(struct ha_window *window, uint64_t off, uint8_t tag, unsigned id_size, bool names)
{
    if (tag == HA_RECORD_HEAP_DUMP_SEGMENT) {
        return heap_goes_on(window, off, id_size);
    }
    return names && is_name_tag(tag) && names_go_on(window, off, id_size);
}

/* The first byte of p[0, len) that may be the tag of a header whose time is 0 (the four bytes behind are there); len: none. */
static size_t next_candidate(const uint8_t *p, size_t len, bool names)
{
    static const uint8_t time_zero[4];
    for (size_t i = 0; i < len; i++) {
        if (!names) {
            const uint8_t *tag = memchr(p + i, HA_RECORD_HEAP_DUMP_SEGMENT, len - i);
            if (tag == NULL) {
                return len;
            }
            i = (size_t)(tag - p);
        }
        if ((p[i] == HA_RECORD_HEAP_DUMP_SEGMENT || is_name_tag(p[i])) && memcmp(p + i + 1, time_zero, sizeof time_zero) == 0) {
            return i;
        }
    }
    return len;
}

/* Two windows: the second one jumps ahead to look at what a candidate leads to. */
static bool search(struct ha_window *window, struct ha_window *ahead, uint64_t from, unsigned id_size, bool names, uint64_t *ret)
{
    uint64_t size = ha_input_bytes(window->input);
    for (uint64_t off = from; off < size && size - off > HA_RECORD_HEADER_BYTES;) {
        uint64_t places = size - off - HA_RECORD_HEADER_BYTES; /* where a header fits */
        size_t len = places < PIECE_BYTES ? (size_t)places : PIECE_BYTES;
        const uint8_t *p = ha_window_at(window, off, len + 4);
        if (p == NULL) {
            return false;
        }
        size_t at = next_candidate(p, len, names);
        if (at < len && goes_on(ahead, off + at, p[at], id_size, names)) {
            *ret = off + at;
            return true;
        }
        off += at < len ? at + 1 : len;
    }
    return false;
}

bool ha_record_search(struct ha_input *input, uint64_t from, unsigned id_size, bool names, uint64_t *ret)
{
    struct ha_window window, ahead;
    ha_window_init(&window, input, HA_WINDOW_RANDOM);
    ha_window_init(&ahead, input, HA_WINDOW_RANDOM);
    bool found = search(&window, &ahead, from, id_size, names, ret);
    ha_window_deinit(&window);
    ha_window_deinit(&ahead);
    return found;
}

bool ha_range_is_zero(struct ha_input *input, uint64_t from, uint64_t end)
{
    struct ha_window window;
    bool zero = true;
    ha_window_init(&window, input, HA_WINDOW_RANDOM);
    for (uint64_t off = from; off < end && zero;) {
        size_t len = end - off < PIECE_BYTES ? (size_t)(end - off) : PIECE_BYTES;
        const uint8_t *p = ha_window_at(&window, off, len);
        zero = p != NULL && p[0] == 0 && memcmp(p, p + 1, len - 1) == 0;
        off += len;
    }
    ha_window_deinit(&window);
    return zero;
}
