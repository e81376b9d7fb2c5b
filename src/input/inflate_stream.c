/* SPDX-License-Identifier: MIT */
/* Deflate data as a stream, entered at any block. The only file that includes zlib. */
#include "inflate.h"

#include "ha/base/mem.h"

#include <assert.h>
#include <limits.h>

#define ZLIB_CONST
#include <zlib.h>

#define RAW (-15) /* zlib's window bits: no header, 32 KiB */
#define BETWEEN_BLOCKS 128
#define IN_LAST_BLOCK 64
#define UNUSED_BITS 7

struct inflate_stream {
    z_stream z;
};

struct inflate_stream *inflate_stream_create(void)
{
    struct inflate_stream *stream = ha_calloc_array(1, sizeof *stream);
    if (stream != NULL && inflateInit2(&stream->z, RAW) != Z_OK) {
        ha_free(stream);
        return NULL;
    }
    return stream;
}

void inflate_stream_destroy(struct inflate_stream *stream)
{
    if (stream != NULL) {
        (void)inflateEnd(&stream->z);
        ha_free(stream);
    }
}

bool inflate_stream_begin(struct inflate_stream *stream, const uint8_t *window, size_t window_len,
                          unsigned bits, uint8_t first)
{
    z_stream *z = &stream->z;
    assert(bits < 8 && window_len <= INFLATE_WINDOW_BYTES);
    z->next_in = NULL;
    z->avail_in = 0;
    if (inflateReset(z) != Z_OK) {
        return false;
    }
    if (bits > 0 && inflatePrime(z, (int)bits, first >> (8 - bits)) != Z_OK) {
        return false;
    }
    return window_len == 0 || inflateSetDictionary(z, window, (uInt)window_len) == Z_OK;
}

enum inflate_result inflate_stream_step(struct inflate_stream *stream, const uint8_t **in,
                                        size_t *in_len, uint8_t **out, size_t *out_len,
                                        bool at_blocks)
{
    z_stream *z = &stream->z;
    assert(*in_len <= INT_MAX && *out_len <= INT_MAX);
    z->next_in = *in;
    z->avail_in = (uInt)*in_len;
    z->next_out = *out;
    z->avail_out = (uInt)*out_len;
    int rc = inflate(z, at_blocks ? Z_BLOCK : Z_NO_FLUSH);
    *in = z->next_in;
    *in_len = z->avail_in;
    *out = z->next_out;
    *out_len = z->avail_out;
    if (rc == Z_STREAM_END) {
        return INFLATE_END;
    }
    if (rc == Z_MEM_ERROR) {
        return INFLATE_NOMEM;
    }
    if (rc != Z_OK && rc != Z_BUF_ERROR) {
        return INFLATE_DAMAGED;
    }
    bool between = (z->data_type & BETWEEN_BLOCKS) != 0 && (z->data_type & IN_LAST_BLOCK) == 0;
    return at_blocks && between ? INFLATE_BLOCK : INFLATE_MORE;
}

unsigned inflate_stream_bits(const struct inflate_stream *stream)
{
    return (unsigned)stream->z.data_type & UNUSED_BITS;
}

size_t inflate_stream_window(struct inflate_stream *stream, uint8_t window[INFLATE_WINDOW_BYTES])
{
    uInt len = 0;
    return inflateGetDictionary(&stream->z, window, &len) == Z_OK ? len : 0;
}

const char *inflate_stream_reason(const struct inflate_stream *stream)
{
    return stream->z.msg != NULL ? stream->z.msg : "unknown reason";
}
