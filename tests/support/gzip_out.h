/* SPDX-License-Identifier: MIT */
/*
 * Gzip files for tests, member by member, with every kind of header.
 *
 *     struct gzip_out out = {.level = 1};
 *     out.comment = "HPROF BLOCKSIZE=1048576";
 *     gzip_out_member(&out, data, len);
 *     out.data, out.len; out.starts[0 … count]     where each member begins; the last one: the end
 *     gzip_out_free(&out);
 */
#ifndef HA_TESTS_SUPPORT_GZIP_OUT_H
#define HA_TESTS_SUPPORT_GZIP_OUT_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

struct gzip_out {
    int level;
    int flush;          /* 0, or Z_SYNC_FLUSH, Z_FULL_FLUSH: so often … */
    size_t flush_every; /* … */
    const char *name, *comment;
    size_t extra_len; /* bytes of FEXTRA; 0: none */
    bool header_crc;

    uint8_t *data;
    size_t len, capacity;
    size_t *starts; /* count + 1 */
    size_t *datas;  /* where the deflate data of each begins */
    size_t count;
};

static inline uint8_t *gzip_out_room(struct gzip_out *out, size_t more)
{
    if (out->capacity - out->len < more) {
        out->capacity = 2 * out->capacity + more;
        out->data = realloc(out->data, out->capacity);
        ck_assert_ptr_nonnull(out->data);
    }
    return out->data + out->len;
}

static inline void gzip_out_bytes(struct gzip_out *out, const void *data, size_t len)
{
    uint8_t *room = gzip_out_room(out, len + 1);
    if (len > 0) {
        memcpy(room, data, len);
    }
    out->len += len;
}

static inline void gzip_out_header(struct gzip_out *out)
{
    int flags = (out->header_crc ? 2 : 0) | (out->extra_len > 0 ? 4 : 0) |
                (out->name != NULL ? 8 : 0) | (out->comment != NULL ? 16 : 0);
    const uint8_t fixed[10] = {0x1f, 0x8b, 8, (uint8_t)flags,          0,
                               0,    0,    0, out->level == 1 ? 4 : 0, 3};
    gzip_out_bytes(out, fixed, sizeof fixed);
    if (out->extra_len > 0) {
        const uint8_t len[2] = {(uint8_t)out->extra_len, (uint8_t)(out->extra_len >> 8)};
        gzip_out_bytes(out, len, 2);
        for (size_t i = 0; i < out->extra_len; i++) {
            gzip_out_bytes(out, "\x1f", 1);
        }
    }
    if (out->name != NULL) {
        gzip_out_bytes(out, out->name, strlen(out->name) + 1);
    }
    if (out->comment != NULL) {
        gzip_out_bytes(out, out->comment, strlen(out->comment) + 1);
    }
    if (out->header_crc) {
        gzip_out_bytes(out, "??", 2); // nobody looks at it
    }
}

static inline void gzip_out_deflate(struct gzip_out *out, const uint8_t *data, size_t len)
{
    z_stream z = {0};
    ck_assert_int_eq(deflateInit2(&z, out->level, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    int rc = Z_OK;
    for (size_t done = 0; rc != Z_STREAM_END;) {
        size_t part =
            out->flush_every > 0 && out->flush_every < len - done ? out->flush_every : len - done;
        z.next_in = (Bytef *)(uintptr_t)(data + done);
        z.avail_in = (uInt)part;
        done += part;
        do {
            z.next_out = gzip_out_room(out, part + (part >> 3) + 1024);
            z.avail_out = (uInt)(out->capacity - out->len);
            uInt room = z.avail_out;
            rc = deflate(&z, done == len ? Z_FINISH : out->flush);
            out->len += room - z.avail_out;
        } while (z.avail_out == 0);
        ck_assert(rc == Z_OK || rc == Z_STREAM_END || rc == Z_BUF_ERROR);
    }
    deflateEnd(&z);
}

static inline void gzip_out_member(struct gzip_out *out, const uint8_t *data, size_t len)
{
    out->starts = realloc(out->starts, (out->count + 2) * sizeof *out->starts);
    out->datas = realloc(out->datas, (out->count + 1) * sizeof *out->datas);
    out->starts[out->count] = out->len;
    gzip_out_header(out);
    out->datas[out->count++] = out->len;
    gzip_out_deflate(out, data, len);
    uint32_t trailer[2] = {(uint32_t)crc32_z(0, data, len), (uint32_t)len};
    gzip_out_bytes(out, trailer, sizeof trailer);
    out->starts[out->count] = out->len;
}

/* Members of `chunk` bytes each. */
static inline void gzip_out_members(struct gzip_out *out, const uint8_t *data, size_t len,
                                    size_t chunk)
{
    for (size_t off = 0; off < len; off += chunk) {
        gzip_out_member(out, data + off, chunk < len - off ? chunk : len - off);
    }
}

static inline void gzip_out_free(struct gzip_out *out)
{
    free(out->data);
    free(out->starts);
    free(out->datas);
    *out = (struct gzip_out){0};
}

#endif
