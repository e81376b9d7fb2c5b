/* SPDX-License-Identifier: MIT */
/*
 * Windows: the bytes around an offset.
 *
 *     random, mapped    the whole mapping, so that ha_window_at() never gets here
 *     stream, or where mapping does not work    1 MiB from the asked offset, read into the buffer; more if more is asked for at once
 *     leaps     4 KiB read into the buffer, and while what is asked for follows what was read, at most 4 KiB behind it, twice as much as the last
 *               time, to 1 MiB
 *     gzip with a table    the piece that holds the offset; what lies across pieces is put together in the buffer
 *
 * A window on a gzip file keeps the pieces it used last, so that going back and forth between neighbours does not inflate them again.
 */
#include "ha/input/input.h"

#include <string.h>

#include "ha/base/checked.h"
#include "ha/base/mem.h"
#include "input_source.h"

#define STREAM_BYTES ((size_t)1 << 20)
#define LEAP_BYTES ((size_t)4 << 10)
#define CACHE_BYTES                                                                                \
    ((size_t)32 << 20) /* per window: 32 pieces of a HotSpot dump, 8 of a large member */
#define CACHE_SLOTS 64U

/* What a window points to before anything was read: asking for no bytes at all is not a failure. */
static const uint8_t nothing[1];

struct cached {
    uint64_t plain_off; /* of the piece */
    uint32_t plain_bytes;
    uint64_t used; /* when it was last used */
    uint8_t *data;
    size_t capacity;
};

struct ha_window_cache {
    struct cached slots[CACHE_SLOTS];
    unsigned count;
    size_t bytes;
    uint64_t clock;
    struct gzip_scratch scratch;
};

void ha_window_init(struct ha_window *window, struct ha_input *input, enum ha_window_mode mode)
{
    *window = (struct ha_window){.data = nothing, .input = input, .mode = mode};
    if (mode == HA_WINDOW_RANDOM && input->map != NULL) {
        window->data = input->map;
        window->end = input->bytes;
    }
}

static void cache_destroy(struct ha_window_cache *cache)
{
    for (unsigned i = 0; cache != NULL && i < cache->count; i++) {
        ha_free(cache->slots[i].data);
    }
    if (cache != NULL) {
        gzip_scratch_deinit(&cache->scratch);
        ha_free(cache);
    }
}

void ha_window_deinit(struct ha_window *window)
{
    cache_destroy(window->cache);
    ha_free(window->buffer);
    ha_err_free(window->err);
    *window = (struct ha_window){.data = nothing};
}

/* Keeps the first error. The window is left empty, so that what the buffer holds is not taken for bytes of the file. That the system failed is
   noted at the input as well: who looks at a value here and there takes what cannot be read for damage. */
static const uint8_t *window_fail(struct ha_window *window, struct ha_err *err)
{
    if (ha_err_kind(err) == HA_ERR_SYSTEM) {
        int errnum = ha_err_errno(err);
        atomic_store(&window->input->failed_errnum, errnum == 0 ? FAILED_SHORT : errnum);
    }
    if (window->err == NULL) {
        window->err = err;
    } else {
        ha_err_free(err);
    }
    window->data = nothing;
    window->start = window->end = 0;
    return NULL;
}

/* Room for so many bytes of the input at least. A request over 1 MiB is rarely the only one: the buffer then grows once, to the most that can be asked
   for. Of a small input it holds all. */
static bool window_grow(struct ha_window *window, size_t len)
{
    size_t bytes = len > STREAM_BYTES ? HA_WINDOW_MAX : STREAM_BYTES;
    bytes = window->input->bytes < bytes ? (size_t)window->input->bytes : bytes;
    if (window->capacity >= bytes) {
        return true;
    }
    ha_free(window->buffer);
    window->buffer = ha_alloc(bytes);
    window->capacity = window->buffer == NULL ? 0 : bytes;
    return window->buffer != NULL;
}

/* ---- pieces of a gzip file ---- */

static struct cached *cache_find(struct ha_window_cache *cache, uint64_t off)
{
    for (unsigned i = 0; i < cache->count; i++) {
        struct cached *slot = &cache->slots[i];
        if (off >= slot->plain_off && off - slot->plain_off < slot->plain_bytes) {
            return slot;
        }
    }
    return NULL;
}

/* A slot for a piece of so many bytes, empty: a new one while there is room, else the one not used for longest. NULL without memory. */
static struct cached *cache_slot(struct ha_window_cache *cache, size_t bytes)
{
    struct cached *slot = &cache->slots[0];
    if (cache->count < CACHE_SLOTS && (cache->count < 2 || cache->bytes + bytes <= CACHE_BYTES)) {
        slot = &cache->slots[cache->count++];
        *slot = (struct cached){0};
    }
    for (unsigned i = 0; slot->data != NULL && i < cache->count; i++) {
        slot = cache->slots[i].used < slot->used ? &cache->slots[i] : slot;
    }
    slot->plain_bytes = 0;
    slot->used = 0;
    if (slot->capacity < bytes) {
        ha_free(slot->data);
        cache->bytes -= slot->capacity;
        slot->data = ha_alloc(bytes);
        slot->capacity = slot->data == NULL ? 0 : bytes;
        cache->bytes += slot->capacity;
    }
    return slot->data == NULL ? NULL : slot;
}

/* The piece that holds the byte at off. */
static struct ha_err *piece_get(struct ha_window *window, uint64_t off, struct cached **ret)
{
    struct ha_window_cache *cache = window->cache;
    struct ha_input *input = window->input;
    struct cached *slot = cache_find(cache, off);
    if (slot == NULL) {
        struct gzip_piece piece = gzip_table_find(&input->table, off);
        slot = cache_slot(cache, piece.plain_bytes);
        if (slot == NULL) {
            return ha_err_nomem();
        }
        struct ha_err *err =
            gzip_piece_read(input, &input->table, &piece, &cache->scratch, slot->data);
        if (err != NULL && ha_err_kind(err) == HA_ERR_INPUT) {
            uint64_t none = UINT64_MAX;
            atomic_compare_exchange_strong(&input->failed_off, &none, piece.plain_off);
        }
        HA_TRY(err);
        slot->plain_off = piece.plain_off;
        slot->plain_bytes = piece.plain_bytes;
    }
    slot->used = ++cache->clock;
    *ret = slot;
    return NULL;
}

/* Puts [off, off + len) together in the buffer, which is large enough. */
static struct ha_err *join_pieces(struct ha_window *window, uint64_t off, size_t len)
{
    for (size_t done = 0; done < len;) {
        struct cached *slot = NULL;
        HA_TRY(piece_get(window, off + done, &slot));
        size_t from = (size_t)(off + done - slot->plain_off);
        size_t part = slot->plain_bytes - from < len - done ? slot->plain_bytes - from : len - done;
        memcpy(window->buffer + done, slot->data + from, part);
        done += part;
    }
    return NULL;
}

static const uint8_t *fill_from_pieces(struct ha_window *window, uint64_t off, size_t len)
{
    struct cached *slot = NULL;
    if (window->cache == NULL) {
        window->cache = ha_calloc_array(1, sizeof *window->cache);
    }
    if (window->cache == NULL) {
        return window_fail(window, ha_err_nomem());
    }
    struct ha_err *err = piece_get(window, off, &slot);
    if (err != NULL) {
        return window_fail(window, err);
    }
    if (len <= slot->plain_bytes - (off - slot->plain_off)) {
        window->data = slot->data;
        window->start = slot->plain_off;
        window->end = slot->plain_off + slot->plain_bytes;
        return window->data + (off - window->start);
    }
    if (!window_grow(window, len)) {
        return window_fail(window, ha_err_nomem());
    }
    err = join_pieces(window, off, len);
    if (err != NULL) {
        return window_fail(window, err);
    }
    window->data = window->buffer;
    window->start = off;
    window->end = off + len;
    return window->data;
}

/* ---- */

/* How much is read at once when so much is asked for at off. */
static size_t bytes_to_read(const struct ha_window *window, uint64_t off, size_t len)
{
    size_t want = STREAM_BYTES;
    if (window->mode == HA_WINDOW_LEAPS) {
        uint64_t last = window->end - window->start;
        bool follows = last > 0 && off >= window->start && (off <= window->end || off - window->end <= LEAP_BYTES);
        want = !follows ? LEAP_BYTES : last < STREAM_BYTES / 2 ? 2 * (size_t)last : STREAM_BYTES;
    }
    want = len > want ? len : want;
    return want < window->input->bytes - off ? want : (size_t)(window->input->bytes - off);
}

const uint8_t *ha_window_fill(struct ha_window *window, uint64_t off, size_t len)
{
    const struct ha_input *input = window->input;
    if (!ha_range_fits(off, len, input->bytes)) {
        return NULL;
    }
    if (len == 0) {
        return nothing;
    }
    if (len > HA_WINDOW_MAX) {
        return window_fail(window,
                           ha_err_at(HA_ERR_BUG, off, "window of %zu bytes asked for", len));
    }
    if (input->table.piece_count > 0) {
        return fill_from_pieces(window, off, len);
    }
    if (!window_grow(window, len)) {
        return window_fail(window, ha_err_nomem());
    }
    const size_t want = bytes_to_read(window, off, len);
    struct ha_err *err = ha_input_plain_read(input, off, window->buffer, want);
    if (err != NULL) {
        return window_fail(window, err);
    }
    window->data = window->buffer;
    window->start = off;
    window->end = off + want;
    return window->data;
}

struct ha_err *ha_window_error(struct ha_window *window)
{
    struct ha_err *err = window->err;
    window->err = NULL;
    return err;
}
