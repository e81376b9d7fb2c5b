/* SPDX-License-Identifier: MIT */
/* Deflate data that is in memory as a whole. The only file that includes libdeflate. */
#include "inflate.h"

#include "ha/base/mem.h"

#include <libdeflate.h>

#define PACK_LEVEL 6

struct inflate_whole {
    struct libdeflate_decompressor *decompressor;
};

struct inflate_whole *inflate_whole_create(void)
{
    struct inflate_whole *whole = ha_calloc_array(1, sizeof *whole);
    if (whole == NULL) {
        return NULL;
    }
    whole->decompressor = libdeflate_alloc_decompressor();
    if (whole->decompressor == NULL) {
        ha_free(whole);
        return NULL;
    }
    return whole;
}

void inflate_whole_destroy(struct inflate_whole *whole)
{
    if (whole != NULL) {
        libdeflate_free_decompressor(whole->decompressor);
        ha_free(whole);
    }
}

enum inflate_result inflate_whole_run(struct inflate_whole *whole, const uint8_t *in, size_t in_len,
                                      uint8_t *out, size_t out_len, size_t *ret_used,
                                      size_t *ret_made)
{
    switch (libdeflate_deflate_decompress_ex(whole->decompressor, in, in_len, out, out_len,
                                             ret_used, ret_made)) {
    case LIBDEFLATE_SUCCESS:
        return INFLATE_END;
    case LIBDEFLATE_INSUFFICIENT_SPACE:
        return INFLATE_FULL;
    case LIBDEFLATE_BAD_DATA:
    case LIBDEFLATE_SHORT_OUTPUT:
        return INFLATE_DAMAGED;
    }
    return INFLATE_DAMAGED;
}

uint32_t inflate_crc(uint32_t crc, const uint8_t *data, size_t len)
{
    return libdeflate_crc32(crc, data, len);
}

size_t inflate_window_pack(const uint8_t *window, size_t len, uint8_t *out, size_t out_len)
{
    struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(PACK_LEVEL);
    if (compressor == NULL) {
        return 0;
    }
    size_t packed = libdeflate_deflate_compress(compressor, window, len, out, out_len);
    libdeflate_free_compressor(compressor);
    return packed;
}
