/* SPDX-License-Identifier: MIT */
/*
 * See hprof_out.h. Everything goes through one buffer; a file sink flushes it when full, a memory sink lets it grow.
 *
 *   file:    [ flushed ......... | buffer[0..len) )
 *   heap:    [tag 1][time 4][length 4] sub-records...      the length is patched when the record is closed, in the buffer or by pwrite
 *
 * Invariants: position = flushed + len. While a heap record is open, record_at is the position of its tag. due is the position at which the
 * values announced last must end; it is checked when the next sub-record begins.
 */
#include "hprof_out.h"

#include "support_mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_BYTES ((size_t)1 << 20)
#define RECORD_HEADER_BYTES 9U
#define NO_POSITION UINT64_MAX

struct hprof_out {
    struct hprof_out_options options;
    uint8_t *buffer;
    size_t len, capacity;
    uint64_t flushed;
    int fd;    /* -1: memory */
    int error; /* errno of the first failure */
    bool in_heap;
    bool open; /* a heap record is open */
    uint64_t record_at;
    uint64_t due;
    uint64_t end; /* NO_POSITION, or where the file is cut */
    uint32_t trace;
};

/* --- the sink ---------------------------------------------------------------------------------------------------- */

static void write_at(struct hprof_out *o, const uint8_t *bytes, size_t count, uint64_t off)
{
    while (count > 0 && o->error == 0) {
        ssize_t n = pwrite(o->fd, bytes, count, (off_t)off);
        if (n < 0) {
            o->error = errno == EINTR ? 0 : errno;
            continue;
        }
        bytes += n;
        count -= (size_t)n;
        off += (uint64_t)n;
    }
}

static void make_room(struct hprof_out *o, size_t count)
{
    if (o->fd < 0) {
        while (count > o->capacity - o->len) {
            o->capacity *= 2;
        }
        o->buffer = sup_realloc(o->buffer, o->capacity, 1);
        return;
    }
    write_at(o, o->buffer, o->len, o->flushed);
    o->flushed += o->len;
    o->len = 0;
}

void hprof_out_bytes(struct hprof_out *o, const void *bytes, size_t count)
{
    const uint8_t *p = bytes;
    while (count > 0) {
        if (o->len == o->capacity || (o->fd < 0 && count > o->capacity - o->len)) {
            make_room(o, count);
        }
        size_t n = count < o->capacity - o->len ? count : o->capacity - o->len;
        memcpy(o->buffer + o->len, p, n);
        o->len += n;
        p += n;
        count -= n;
    }
}

void hprof_out_fill(struct hprof_out *o, uint8_t byte, uint64_t count)
{
    uint8_t block[4096];
    memset(block, byte, sizeof block);
    for (; count > sizeof block; count -= sizeof block) {
        hprof_out_bytes(o, block, sizeof block);
    }
    hprof_out_bytes(o, block, (size_t)count);
}

static inline void put_be(struct hprof_out *o, uint64_t v, unsigned width)
{
    if (o->capacity - o->len < 8) {
        make_room(o, 8);
    }
    v = __builtin_bswap64(v << (64 - 8 * width));
    memcpy(o->buffer + o->len, &v, 8);
    o->len += width;
}

void hprof_out_u1(struct hprof_out *o, uint8_t v)
{
    put_be(o, v, 1);
}

void hprof_out_u2(struct hprof_out *o, uint16_t v)
{
    put_be(o, v, 2);
}

void hprof_out_u4(struct hprof_out *o, uint32_t v)
{
    put_be(o, v, 4);
}

void hprof_out_u8(struct hprof_out *o, uint64_t v)
{
    put_be(o, v, 8);
}

static unsigned id_bytes(const struct hprof_out *o)
{
    return o->options.id_size == 4 ? 4 : 8;
}

void hprof_out_id(struct hprof_out *o, uint64_t v)
{
    put_be(o, v, id_bytes(o));
}

unsigned hprof_type_bytes(enum hprof_type type, unsigned id_size)
{
    switch (type) {
    case HPROF_OBJECT:
        return id_size == 4 ? 4 : 8;
    case HPROF_BOOLEAN:
    case HPROF_BYTE:
        return 1;
    case HPROF_CHAR:
    case HPROF_SHORT:
        return 2;
    case HPROF_FLOAT:
    case HPROF_INT:
        return 4;
    case HPROF_DOUBLE:
    case HPROF_LONG:
        return 8;
    }
    return 0;
}

void hprof_out_value(struct hprof_out *o, enum hprof_type type, uint64_t bits)
{
    unsigned width = hprof_type_bytes(type, o->options.id_size);
    if (width == 0) {
        sup_die("a value of type %d", (int)type);
    }
    put_be(o, bits, width);
}

uint64_t hprof_out_position(const struct hprof_out *o)
{
    return o->flushed + o->len;
}

uint64_t hprof_out_segment_position(const struct hprof_out *o)
{
    return o->record_at;
}

void hprof_out_patch(struct hprof_out *o, uint64_t off, const void *bytes, size_t count)
{
    if (off > hprof_out_position(o) || count > hprof_out_position(o) - off) {
        sup_die("patch of %zu bytes at %llu is outside the file", count, (unsigned long long)off);
    }
    if (off < o->flushed) {
        size_t part = count < o->flushed - off ? count : (size_t)(o->flushed - off);
        write_at(o, bytes, part, off);
        bytes = (const uint8_t *)bytes + part;
        count -= part;
        off += part;
    }
    if (count > 0) {
        memcpy(o->buffer + (off - o->flushed), bytes, count);
    }
}

/* --- life cycle -------------------------------------------------------------------------------------------------- */

static struct hprof_out *create(int fd, const struct hprof_out_options *options)
{
    struct hprof_out *o = sup_calloc(1, sizeof *o);
    o->options = *options;
    o->options.segment_bytes = options->segment_bytes > 0 ? options->segment_bytes : 1 << 20;
    o->capacity = fd < 0 ? 4096 : BUFFER_BYTES;
    o->buffer = sup_calloc(o->capacity, 1);
    o->fd = fd;
    o->record_at = o->due = o->end = NO_POSITION;
    o->trace = 1;
    const char *version = options->version != NULL ? options->version : "1.0.2";
    hprof_out_bytes(o, "JAVA PROFILE ", 13);
    hprof_out_bytes(o, version, strlen(version) + 1);
    o->options.version = NULL;
    hprof_out_u4(o, options->id_size);
    hprof_out_u8(o, options->time_ms);
    return o;
}

struct hprof_out *hprof_out_create_file(const char *path, const struct hprof_out_options *options)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    return fd < 0 ? NULL : create(fd, options);
}

struct hprof_out *hprof_out_create_memory(const struct hprof_out_options *options)
{
    return create(-1, options);
}

void hprof_out_truncate(struct hprof_out *o, uint64_t bytes)
{
    o->end = bytes;
}

const char *hprof_out_finish(struct hprof_out *o)
{
    if (o->in_heap) {
        sup_die("hprof_out_finish() inside a heap");
    }
    make_room(o, 0);
    if (o->error == 0 && o->end < hprof_out_position(o) && ftruncate(o->fd, (off_t)o->end) != 0) {
        o->error = errno;
    }
    if (close(o->fd) != 0 && o->error == 0) {
        o->error = errno;
    }
    const char *problem = o->error != 0 ? strerror(o->error) : NULL;
    sup_free(o->buffer);
    sup_free(o);
    return problem;
}

void hprof_out_finish_memory(struct hprof_out *o, uint8_t **ret_data, size_t *ret_bytes)
{
    if (o->in_heap) {
        sup_die("hprof_out_finish_memory() inside a heap");
    }
    *ret_data = o->buffer;
    *ret_bytes = o->end < o->len ? (size_t)o->end : o->len;
    sup_free(o);
}

/* --- top-level records ------------------------------------------------------------------------------------------- */

static void record_header(struct hprof_out *o, uint8_t tag, uint32_t bytes)
{
    hprof_out_u1(o, tag);
    hprof_out_u4(o, 0);
    hprof_out_u4(o, bytes);
}

void hprof_out_utf8(struct hprof_out *o, uint64_t id, const char *text, size_t bytes)
{
    record_header(o, 0x01, id_bytes(o) + (uint32_t)bytes);
    hprof_out_id(o, id);
    hprof_out_bytes(o, text, bytes);
}

void hprof_out_load_class(struct hprof_out *o, uint32_t serial, uint64_t class_id, uint32_t trace,
                          uint64_t name)
{
    record_header(o, 0x02, 8 + 2 * id_bytes(o));
    hprof_out_u4(o, serial);
    hprof_out_id(o, class_id);
    hprof_out_u4(o, trace);
    hprof_out_id(o, name);
}

void hprof_out_frame(struct hprof_out *o, uint64_t id, uint64_t method, uint64_t signature,
                     uint64_t source, uint32_t class_serial, int32_t line)
{
    record_header(o, 0x04, 8 + 4 * id_bytes(o));
    hprof_out_id(o, id);
    hprof_out_id(o, method);
    hprof_out_id(o, signature);
    hprof_out_id(o, source);
    hprof_out_u4(o, class_serial);
    hprof_out_u4(o, (uint32_t)line);
}

void hprof_out_trace(struct hprof_out *o, uint32_t serial, uint32_t thread, const uint64_t *frames,
                     uint32_t count)
{
    record_header(o, 0x05, 12 + count * id_bytes(o));
    hprof_out_u4(o, serial);
    hprof_out_u4(o, thread);
    hprof_out_u4(o, count);
    for (uint32_t i = 0; i < count; i++) {
        hprof_out_id(o, frames[i]);
    }
}

void hprof_out_record(struct hprof_out *o, uint8_t tag, const void *body, uint32_t bytes)
{
    record_header(o, tag, bytes);
    hprof_out_bytes(o, body, bytes);
}

/* --- heap -------------------------------------------------------------------------------------------------------- */

static void check_due(const struct hprof_out *o)
{
    if (o->due != NO_POSITION && o->due != hprof_out_position(o)) {
        sup_die("sub-record ends at %llu, announced to end at %llu",
                (unsigned long long)hprof_out_position(o), (unsigned long long)o->due);
    }
}

static void close_segment(struct hprof_out *o)
{
    if (!o->open) {
        return;
    }
    uint32_t length = (uint32_t)(hprof_out_position(o) - o->record_at - RECORD_HEADER_BYTES);
    uint32_t big_endian = __builtin_bswap32(length);
    hprof_out_patch(o, o->record_at + 5, &big_endian, 4);
    o->open = false;
}

/* Announces a sub-record of `bytes` bytes, its tag included; begins a heap record where the framing asks for one. */
static void begin_sub(struct hprof_out *o, uint64_t bytes)
{
    if (!o->in_heap) {
        sup_die("a heap sub-record outside hprof_out_heap_begin() and _end()");
    }
    check_due(o);
    bool dump = o->options.framing == HPROF_FRAMING_DUMP;
    if (o->open && !dump) {
        uint64_t used = hprof_out_position(o) - o->record_at - RECORD_HEADER_BYTES;
        if (o->options.framing == HPROF_FRAMING_EACH || used + bytes > o->options.segment_bytes) {
            close_segment(o);
        }
    }
    if (!o->open) {
        o->record_at = hprof_out_position(o);
        record_header(o, dump ? 0x0c : 0x1c, 0);
        o->open = true;
    }
    o->due = hprof_out_position(o) + bytes;
}

void hprof_out_heap_begin(struct hprof_out *o)
{
    o->in_heap = true;
    o->open = false;
    o->due = NO_POSITION;
}

void hprof_out_heap_end(struct hprof_out *o)
{
    check_due(o);
    close_segment(o);
    o->in_heap = false;
    if (!o->options.no_end) {
        record_header(o, 0x2c, 0);
    }
}

void hprof_out_raw(struct hprof_out *o, const void *bytes, size_t count)
{
    if (o->in_heap) {
        begin_sub(o, count);
    }
    hprof_out_bytes(o, bytes, count);
}

void hprof_out_root(struct hprof_out *o, enum hprof_root kind, uint64_t id, uint64_t a, uint32_t b)
{
    bool jni_global = kind == HPROF_ROOT_JNI_GLOBAL;
    bool two = kind == HPROF_ROOT_JNI_LOCAL || kind == HPROF_ROOT_JAVA_FRAME ||
               kind == HPROF_ROOT_THREAD_OBJECT || kind == HPROF_ROOT_JNI_MONITOR;
    bool one = kind == HPROF_ROOT_NATIVE_STACK || kind == HPROF_ROOT_THREAD_BLOCK;
    unsigned extra = jni_global ? id_bytes(o) : two ? 8 : one ? 4 : 0;
    begin_sub(o, 1 + id_bytes(o) + extra);
    hprof_out_u1(o, (uint8_t)kind);
    hprof_out_id(o, id);
    if (jni_global) {
        hprof_out_id(o, a);
    }
    if (one || two) {
        hprof_out_u4(o, (uint32_t)a);
    }
    if (two) {
        hprof_out_u4(o, b);
    }
}

static uint64_t values_bytes(const struct hprof_out *o, const struct hprof_out_value *v,
                             size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += hprof_type_bytes(v[i].type, o->options.id_size);
    }
    return sum;
}

void hprof_out_class(struct hprof_out *o, const struct hprof_out_class *c)
{
    unsigned id = id_bytes(o);
    begin_sub(o, 1 + 7 * id + 8 + 6 + 3U * c->constant_count +
                     values_bytes(o, c->constants, c->constant_count) +
                     (id + 1U) * c->static_count + values_bytes(o, c->statics, c->static_count) +
                     (id + 1U) * c->field_count);
    hprof_out_u1(o, 0x20);
    hprof_out_id(o, c->id);
    hprof_out_u4(o, c->trace != 0 ? c->trace : o->trace);
    hprof_out_id(o, c->super);
    hprof_out_id(o, c->loader);
    hprof_out_id(o, c->signers);
    hprof_out_id(o, c->domain);
    hprof_out_id(o, 0);
    hprof_out_id(o, 0);
    hprof_out_u4(o, c->instance_size);
    hprof_out_u2(o, c->constant_count);
    for (size_t i = 0; i < c->constant_count; i++) {
        hprof_out_u2(o, (uint16_t)c->constants[i].name);
        hprof_out_u1(o, (uint8_t)c->constants[i].type);
        hprof_out_value(o, c->constants[i].type, c->constants[i].value);
    }
    hprof_out_u2(o, c->static_count);
    for (size_t i = 0; i < c->static_count; i++) {
        hprof_out_id(o, c->statics[i].name);
        hprof_out_u1(o, (uint8_t)c->statics[i].type);
        hprof_out_value(o, c->statics[i].type, c->statics[i].value);
    }
    hprof_out_u2(o, c->field_count);
    for (size_t i = 0; i < c->field_count; i++) {
        hprof_out_id(o, c->fields[i].name);
        hprof_out_u1(o, (uint8_t)c->fields[i].type);
    }
}

void hprof_out_set_trace(struct hprof_out *o, uint32_t serial)
{
    o->trace = serial;
}

void hprof_out_instance_begin(struct hprof_out *o, uint64_t id, uint64_t class_id, uint32_t bytes)
{
    begin_sub(o, 1 + 2 * id_bytes(o) + 8 + (uint64_t)bytes);
    hprof_out_u1(o, 0x21);
    hprof_out_id(o, id);
    hprof_out_u4(o, o->trace);
    hprof_out_id(o, class_id);
    hprof_out_u4(o, bytes);
}

void hprof_out_object_array_begin(struct hprof_out *o, uint64_t id, uint64_t class_id,
                                  uint32_t count)
{
    begin_sub(o, 1 + 2 * id_bytes(o) + 8 + (uint64_t)count * id_bytes(o));
    hprof_out_u1(o, 0x22);
    hprof_out_id(o, id);
    hprof_out_u4(o, o->trace);
    hprof_out_u4(o, count);
    hprof_out_id(o, class_id);
}

void hprof_out_prim_array_begin(struct hprof_out *o, uint64_t id, enum hprof_type type,
                                uint32_t count)
{
    begin_sub(o,
              1 + id_bytes(o) + 9 + (uint64_t)count * hprof_type_bytes(type, o->options.id_size));
    hprof_out_u1(o, 0x23);
    hprof_out_id(o, id);
    hprof_out_u4(o, o->trace);
    hprof_out_u4(o, count);
    hprof_out_u1(o, (uint8_t)type);
}
