/* SPDX-License-Identifier: MIT */
/*
 * The text of java.lang.String:
 *
 *     value char[], offset, count      JDK 6, 7 before update 6
 *     value char[]                     7u6 to 8                     char[] lies big-endian in the dump
 *     value byte[], coder              9 and later                  coder 0 Latin-1, 1 UTF-16 in the byte order of the machine
 */
#include "ha/base/mutf8.h"
#include "ha/heap/heap.h"

#define PIECE_BYTES (1U << 20) /* even */

struct text {
    uint64_t off, bytes; /* in the dump */
    bool latin1, big_endian;
};

static bool find_text(const struct ha_heap *heap, struct ha_window *window, ha_obj obj, struct text *ret)
{
    ha_obj array;
    struct ha_body body;
    int64_t coder = 0, offset = 0, count;
    if ((ha_heap_class(heap, ha_heap_class_of(heap, obj))->flags & HA_CLASS_IS_STRING) == 0 ||
        !ha_heap_read_reference(heap, window, obj, "value", &array) || !ha_heap_body(heap, window, array, &body)) {
        return false;
    }
    const struct ha_class *cls = ha_heap_class(heap, ha_heap_class_of(heap, array));
    if (cls->kind != HA_CLASS_PRIMITIVE_ARRAY || (cls->element_type != HA_TYPE_CHAR && cls->element_type != HA_TYPE_BYTE)) {
        return false;
    }
    *ret = (struct text){.off = body.off, .bytes = body.bytes, .big_endian = true};
    if (cls->element_type == HA_TYPE_BYTE) {
        ret->latin1 = !ha_heap_read_long(heap, window, obj, "coder", &coder) || coder == 0;
        ret->big_endian = heap->utf16_big_endian;
        return true;
    }
    if (ha_heap_read_long(heap, window, obj, "count", &count)) {
        ha_heap_read_long(heap, window, obj, "offset", &offset);
        if (offset < 0 || count < 0 || (uint64_t)offset > body.bytes / 2 || (uint64_t)count > body.bytes / 2 - (uint64_t)offset) {
            return false;
        }
        ret->off += 2 * (uint64_t)offset;
        ret->bytes = 2 * (uint64_t)count;
    }
    return true;
}

static bool is_high_surrogate(const uint8_t *p, bool big_endian)
{
    return ((big_endian ? p[0] : p[1]) & 0xfc) == 0xd8;
}

bool ha_heap_string(const struct ha_heap *heap, struct ha_window *window, ha_obj obj, size_t max_chars, struct ha_sbuf *out, bool *ret_cut)
{
    struct text text;
    bool cut = false;
    if (!find_text(heap, window, obj, &text)) {
        return false;
    }
    uint64_t left = text.bytes;
    if (max_chars != 0 && left / 4 > max_chars) {
        left = 4 * (uint64_t)max_chars + 4; /* a character takes at most four bytes */
        cut = true;
    }
    size_t chars_left = max_chars;
    for (uint64_t off = text.off; left > 0 && !ha_sbuf_failed(out);) {
        size_t bytes = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
        const uint8_t *p = ha_window_at(window, off, bytes);
        if (p == NULL) {
            ha_err_free(ha_window_error(window));
            return false;
        }
        if (text.latin1) {
            cut |= ha_text_from_latin1(out, p, bytes, chars_left);
        } else {
            if (bytes == PIECE_BYTES && left > bytes && is_high_surrogate(p + bytes - 2, text.big_endian)) {
                bytes -= 2; /* the pair stays together */
            }
            cut |= ha_text_from_utf16(out, p, bytes, text.big_endian, chars_left);
        }
        off += bytes;
        left -= bytes;
        if (max_chars != 0 && (cut || left > 0)) {
            break; /* one piece holds more than any sensible limit */
        }
    }
    if (ret_cut != NULL) {
        *ret_cut = cut || left > 0;
    }
    return true;
}
