/* SPDX-License-Identifier: MIT */
/*
 * The index: one file of checksummed sections. Knows nothing of what the sections mean.
 *
 *     [header 128 bytes][section]…[section][section table]        all little-endian, sections aligned to 4096
 *
 * Writing: sections are parts of the file from the moment they are made, as writable mappings or streams, so that building an index needs
 * no second copy in memory. The header is written last; a file without it is no index. Reading: the whole file is mapped read-only, header
 * and table are checked once, sections are handed out as (pointer, count); their contents are hostile until their user checks them.
 */
#ifndef HA_INDEX_INDEX_H
#define HA_INDEX_INDEX_H

#include "ha/base/err.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which dump an index belongs to. */
struct ha_fingerprint {
    uint64_t bytes;      /* of the file as it lies on disk */
    int64_t mtime_sec;
    uint32_t mtime_nsec;
    uint32_t heap;       /* which heap of the file, from 1 */
    uint64_t sample;     /* xxh3 of the first 64 KiB, the last 64 KiB and 64 blocks of 4 KiB spread evenly over the file */
};

/* Fills all but `heap` from an open file. */
struct ha_err *ha_fingerprint_take(int fd, const char *path, struct ha_fingerprint *ret) HA_WARN_UNUSED;

/* A section id: four printable characters. */
#define HA_INDEX_ID(a, b, c, d) ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

#define HA_INDEX_FORMAT 3U        /* bumped when header, table or what a section says change; any other number is rebuilt */
#define HA_INDEX_SECTIONS_MAX 256U

struct ha_index_section {
    uint32_t id;
    uint32_t width;   /* bytes of an element, at least 1 */
    uint64_t count;   /* elements */
    const void *data; /* borrowed from the mapping, at least 64-byte aligned; NULL when count is 0 */
};

/* ---- writing ---- */

struct ha_index_writer;

/* An index to appear at `path` when committed, or, with path NULL, an unnamed one in folder `temp_dir` that vanishes when it is closed. */
struct ha_err *ha_index_writer_create(const char *path, const char *temp_dir, struct ha_index_writer **ret) HA_WARN_UNUSED;
void ha_index_writer_destroy(struct ha_index_writer *writer); /* NULL is fine; what was not committed is gone */

/* Makes a section of count × width bytes, zero-filled, mapped read-write; the pointer is valid until commit. count 0 gives NULL. */
struct ha_err *ha_index_section_map(struct ha_index_writer *writer, uint32_t id, uint32_t width, uint64_t count, void **ret) HA_WARN_UNUSED;

/* Copies a complete section. */
struct ha_err *ha_index_section_put(struct ha_index_writer *writer, uint32_t id, uint32_t width, uint64_t count, const void *data) HA_WARN_UNUSED;

/* A section of count × width bytes that is written in parts: costs less than one that is mapped. Every byte is written once, `off` bytes from the section's
   start, by any thread as long as no other section is made (a stream may be open), and before the section is read or the index committed. */
struct ha_err *ha_index_section_open(struct ha_index_writer *writer, uint32_t id, uint32_t width, uint64_t count) HA_WARN_UNUSED;
struct ha_err *ha_index_section_write_at(struct ha_index_writer *writer, uint32_t id, uint64_t off, const void *data, size_t len) HA_WARN_UNUSED;

/* A section whose length is not known yet. One stream at a time, and no other section may be made while it is open. write_at is thread-safe
   (offsets in bytes from the section's start; the caller sees to it that there are no holes); close fixes its length. */
struct ha_err *ha_index_stream_open(struct ha_index_writer *writer, uint32_t id, uint32_t width) HA_WARN_UNUSED;
struct ha_err *ha_index_stream_write_at(struct ha_index_writer *writer, uint64_t off, const void *data, size_t len) HA_WARN_UNUSED;
struct ha_err *ha_index_stream_close(struct ha_index_writer *writer, uint64_t count) HA_WARN_UNUSED;

/* Sections of these ids (copied) that are made from now on are set aside: they lie in an unnamed file beside the index, can be had from the writer and
   its views like all others, and are gone after commit. For what is packed once it is complete. Call at most once, before such a section is made. */
#define HA_INDEX_ASIDE_MAX 8U
struct ha_err *ha_index_writer_set_aside(struct ha_index_writer *writer, const uint32_t *ids, size_t count) HA_WARN_UNUSED;

/* Copies a section that was set aside into the index after all, under its id; nothing if there is none. Views made before lose the section. */
struct ha_err *ha_index_writer_keep(struct ha_index_writer *writer, uint32_t id) HA_WARN_UNUSED;

/* Takes the checksum of a few megabytes more of what has been written so far, sooner than commit would: for a thread that has nothing better to do until
   something else is finished. *ret_any: there was something left. Sections made with ha_index_section_map() or _open() may still change, and are left to commit.
   Nobody else may use the writer in the meantime, but for writing to a stream that is open, or to sections made with ha_index_section_open(). */
struct ha_err *ha_index_writer_hash_next(struct ha_index_writer *writer, bool *ret_any) HA_WARN_UNUSED;

/* The same until *done, or until nothing is left. */
struct ha_err *ha_index_writer_hash_until(struct ha_index_writer *writer, const _Atomic(bool) *done) HA_WARN_UNUSED;

/* Begins to bring what has been written so far to the disk, beside the caller, so that the end waits for less. Nothing for a small index, or one without
   a name. Errors are returned when it is put in place. */
void ha_index_writer_sync_begin(struct ha_index_writer *writer);

/* A section made earlier by this writer: the mapping, if it was made with ha_index_section_map(); else for reading, mapped or copied, so it must be
   complete. count 0 if there is none. */
struct ha_err *ha_index_writer_section(struct ha_index_writer *writer, uint32_t id, struct ha_index_section *ret) HA_WARN_UNUSED;

struct ha_index;

/* The sections made so far, readable like an index (ha_index_find() and no other question). Close with ha_index_close() before the writer is
   committed or destroyed; sections made later do not show. */
struct ha_err *ha_index_writer_view(struct ha_index_writer *writer, struct ha_index **ret) HA_WARN_UNUSED;

/* Checksums all sections (on `threads` threads), writes table and header, puts the file in place, and opens it for reading. The writer is
   used up on success; on failure it must still be destroyed. */
struct ha_err *ha_index_writer_commit(struct ha_index_writer *writer, const struct ha_fingerprint *fingerprint, unsigned threads,
                                      struct ha_index **ret) HA_WARN_UNUSED;

/* The same in two steps, for who has something to say before the disk has it all: _seal gives an index that is complete and can be read, but has no
   name yet and vanishes when it is closed; ha_index_keep() waits for the disk and puts it in place. The latter does nothing for all other indexes.
   When it fails (HA_ERR_SYSTEM), the file is gone, and the index can still be read until it is closed. */
struct ha_err *ha_index_writer_seal(struct ha_index_writer *writer, const struct ha_fingerprint *fingerprint, unsigned threads,
                                    struct ha_index **ret) HA_WARN_UNUSED;
struct ha_err *ha_index_keep(struct ha_index *index) HA_WARN_UNUSED;
bool ha_index_is_pending(const struct ha_index *index); /* sealed, and not kept yet */

/* Adds sections to an index that exists: a new file is written (its sections copied but for those that are added anew) and put in its place. Used for
   sections that options add later. _begin gives the writer, into which more may be put (unnamed: of an index without a name, which leaves the other one
   where it is); _end puts it in the place of `index`, which is closed on success; its file waits for ha_index_keep() if that is to be later. On failure
   the writer must be destroyed. */
struct ha_err *ha_index_extend_begin(const struct ha_index *index, const struct ha_index_section *added, size_t added_count, bool unnamed,
                                     struct ha_index_writer **ret) HA_WARN_UNUSED;
struct ha_err *ha_index_extend_end(struct ha_index_writer *writer, struct ha_index *index, bool later, struct ha_index **ret) HA_WARN_UNUSED;

/* Both at once. */
struct ha_err *ha_index_extend(struct ha_index *index, const struct ha_index_section *added, size_t added_count, struct ha_index **ret) HA_WARN_UNUSED;

/* Adds sections to an index where it lies, without copying it: behind its end, with a new table behind them, and then the header is replaced. Processes
   that have it open go on with what they have; `index` itself does not show the new sections. *ret_bytes: how long the file is now; 0: nothing was added,
   because it has no name, may not be written, has been replaced or added to since it was opened, another process is adding to it, or it has no room for
   more sections. None of the ids may be there already. HA_ERR_SYSTEM: the disk, or no memory; HA_ERR_LIMIT: it would be too
   large; the index is as it was. */
struct ha_err *ha_index_append(const struct ha_index *index, const struct ha_index_section *added, size_t added_count, uint64_t *ret_bytes) HA_WARN_UNUSED;

/* ---- reading ---- */

/* Opens and checks header and table (magic, format, bounds, alignment, overlap, overflow, checksum of both). Cost does not depend on size.
   HA_ERR_INPUT says what is wrong; the caller rebuilds. */
struct ha_err *ha_index_open(const char *path, struct ha_index **ret) HA_WARN_UNUSED;
void ha_index_close(struct ha_index *index); /* NULL is fine */

const char *ha_index_path(const struct ha_index *index); /* NULL for an unnamed one */
uint64_t ha_index_bytes(const struct ha_index *index);
uint32_t ha_index_format(const struct ha_index *index);
const struct ha_fingerprint *ha_index_fingerprint(const struct ha_index *index);

/* The section with this id; count 0 and data NULL if there is none or if its width is not `width` (0: any). */
struct ha_index_section ha_index_find(const struct ha_index *index, uint32_t id, uint32_t width);

/* Whether there is a section with this id, of whatever width, with elements or without. */
bool ha_index_has(const struct ha_index *index, uint32_t id);

/* All sections in file order. */
uint32_t ha_index_section_count(const struct ha_index *index);
struct ha_index_section ha_index_section_at(const struct ha_index *index, uint32_t i);

/* Checks every byte against the checksums. NULL: all is well; HA_ERR_INPUT names the section. */
struct ha_err *ha_index_verify(const struct ha_index *index, unsigned threads) HA_WARN_UNUSED;

/* ---- where the index of a dump lives ---- */

struct ha_index_place_options {
    const char *index_dir; /* --index-dir, or NULL */
    uint32_t heap;         /* which heap of the file, from 1; 0 (ha_index_place_find() only): the last one that has an index */
    uint32_t heaps;        /* how many the file has; 0: not known yet (then all names that fit are looked up for the given heap) */
    bool must_read;        /* an index that the system does not let us read is an error, not a notice */
};

/* Finds an index of this dump: in --index-dir, beside the dump (`DUMP.hpx`, `DUMP.N.hpx` for heap N when the file has several), in the user's
   cache folder ($XDG_CACHE_HOME/hprof-analyze or ~/.cache/hprof-analyze; there and in --index-dir the name is `DUMP-<xxh3 of the real path>.hpx`).
   It belongs to the dump if size, sample and heap agree; the heap comes from the options. With heap 0 the folders are read (one that cannot be read
   is an error with must_read only), and there may be a heap behind the one found. *ret is NULL when there is none;
   *ret_notice (may be NULL; owned by the caller) gets one line when an index was found that cannot be used, saying why; ": rebuilding" can be added. */
struct ha_err *ha_index_place_find(const char *dump_path, const struct ha_fingerprint *fingerprint, const struct ha_index_place_options *options,
                                   struct ha_index **ret, char **ret_notice) HA_WARN_UNUSED;

/* The path a new index should be written to: the first of the places above that can be written (folders of the cache are made). NULL in *ret if
   none can. Owned by the caller. */
struct ha_err *ha_index_place_new(const char *dump_path, const struct ha_index_place_options *options, char **ret) HA_WARN_UNUSED;

/* Removes every index file of this dump, for all its heaps (the lookup of ha_index_place_find without the match of the fingerprint); *ret_count: how many. */
struct ha_err *ha_index_place_remove(const char *dump_path, const char *index_dir, uint32_t *ret_count) HA_WARN_UNUSED;

#endif
