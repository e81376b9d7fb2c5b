/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a dump, addressable by offset, whatever holds them: a plain file is read in place; a gzip file is inflated once into an
 * unnamed temporary file, or, with the table made then, read in place, piece by piece; a pipe is written to an unnamed temporary file
 * first. Knows nothing of HPROF.
 *
 * Bytes are read through a window, one per worker: a pointer from ha_window_at() is valid until the next call on the same window.
 *
 *     file   [...................................................]
 *     window             [start ............ end)                    slides forward (stream, leaps) or covers the whole mapping (random)
 */
#ifndef HA_INPUT_INPUT_H
#define HA_INPUT_INPUT_H

#include "ha/base/diag.h"
#include "ha/base/err.h"
#include "ha/base/progress.h"

#include <stdbool.h>
#include <stdint.h>

struct ha_input;

/* What the first bytes say the file is. */
enum ha_input_kind {
    HA_INPUT_PLAIN,
    HA_INPUT_GZIP
};

/* What makes a compressed dump addressable without inflating all of it. For others than this folder these are two arrays to be kept. */
struct ha_input_table {
    const void *pieces; /* piece_count × HA_INPUT_PIECE_BYTES, 8-byte aligned */
    uint64_t piece_count;
    const void *windows;
    uint64_t window_bytes;
};
#define HA_INPUT_PIECE_BYTES 48U

struct ha_input_options {
    const char *temp_dir;          /* folder for the copy of a compressed dump or a pipe; NULL: $TMPDIR or /tmp */
    unsigned threads;              /* for inflating; 0: ha_threads_default() */
    const struct ha_input_table *table; /* of this compressed dump, or NULL; its arrays are borrowed until the input is closed, and are checked */
    struct ha_diag *diag;          /* takes truncation and CRC damage of the container; may be NULL */
    struct ha_progress *progress;  /* may be NULL */
};

/* Opens the dump at path ("-": standard input) and makes its bytes addressable. An empty file, a folder, a device, or a missing file is an error.
   HA_ERR_INPUT also when options->table does not fit the file. Close with ha_input_close(). */
struct ha_err *ha_input_open(const char *path, const struct ha_input_options *options, struct ha_input **ret) HA_WARN_UNUSED;
void ha_input_close(struct ha_input *input); /* NULL is fine */

/* Whether path names something that is gone when it was read: standard input, a pipe, somebody's descriptor. No index can be kept for it. */
bool ha_input_is_passing(const char *path);
/* The name to show for a path: "<stdin>" for "-", else path itself. */
const char *ha_input_name(const char *path);

enum ha_input_kind ha_input_kind(const struct ha_input *input);
const char *ha_input_path(const struct ha_input *input); /* as ha_input_name() shows it */
uint64_t ha_input_bytes(const struct ha_input *input);      /* bytes that can be addressed (inflated size) */
uint64_t ha_input_file_bytes(const struct ha_input *input); /* bytes of the file as it lies on disk */

/* The table of a compressed dump that was inflated when it was opened, borrowed from the input; false: there is none. */
bool ha_input_table_get(const struct ha_input *input, struct ha_input_table *ret);

/* Whether any window failed: HA_ERR_SYSTEM when bytes could not be read, else HA_ERR_INPUT for the first piece that could not be inflated; NULL when none did. */
struct ha_err *ha_input_error(const struct ha_input *input) HA_WARN_UNUSED;

/* How a window will be used. */
enum ha_window_mode {
    HA_WINDOW_STREAM, /* mostly forward: pread into a reused buffer (cheaper than faulting a mapping in) */
    HA_WINDOW_LEAPS,  /* forward, a little here and a little far on: as stream, but little is read where it does not go on */
    HA_WINDOW_RANDOM  /* here and there: the mapping itself, or, of a compressed dump with a table, the pieces used last */
};

struct ha_window {
    const uint8_t *data; /* bytes of [start, end) */
    uint64_t start;
    uint64_t end;
    struct ha_input *input;
    enum ha_window_mode mode;
    uint8_t *buffer; /* what is read lies there, or is put together; NULL until first used */
    size_t capacity;
    struct ha_window_cache *cache; /* pieces of a compressed dump; NULL until first used */
    struct ha_err *err; /* first read error, kept until taken with ha_window_error() */
};

/* The most bytes one ha_window_at() may ask for; longer bodies are read in pieces. */
#define HA_WINDOW_MAX (4U << 20)

void ha_window_init(struct ha_window *window, struct ha_input *input, enum ha_window_mode mode);
void ha_window_deinit(struct ha_window *window);

/* Slow path of ha_window_at(). */
const uint8_t *ha_window_fill(struct ha_window *window, uint64_t off, size_t len);

/* len (at most HA_WINDOW_MAX) bytes at off; NULL when they reach past the end of the input or cannot be read (then ha_window_error() tells). */
static inline const uint8_t *ha_window_at(struct ha_window *window, uint64_t off, size_t len)
{
    if (HA_LIKELY(off >= window->start && off <= window->end && len <= window->end - off)) {
        return window->data + (off - window->start);
    }
    return ha_window_fill(window, off, len);
}

/* Bytes from off that are in the window without reading (0 when off is outside). */
static inline uint64_t ha_window_ready(const struct ha_window *window, uint64_t off)
{
    return off >= window->start && off < window->end ? window->end - off : 0;
}

/* Takes the first read error of this window (owned by the caller), NULL when there was none. */
struct ha_err *ha_window_error(struct ha_window *window);

#endif
