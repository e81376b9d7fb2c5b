/* SPDX-License-Identifier: MIT */
/*
 * Private: the bytes of an index file (docs/index-format.md says the same for readers outside), and an opened one in memory.
 *
 *     0          4096                        each at the next multiple of 4096           table_off        file_bytes
 *     [header]---[section][pad][section][pad]…[section][pad]----------------------------[table]
 *
 * All numbers are little-endian and used in place. Sections lie in the order of the table, each at a later multiple of 4096 than the one before ends;
 * whole pages in between held a table before sections were added (index_append.c), and what lies behind file_bytes was not finished. A section of no
 * elements has offset 0 and takes no room.
 */
#ifndef HA_INDEX_FORMAT_H
#define HA_INDEX_FORMAT_H

#include "ha/base/file.h"
#include "ha/base/hash.h"
#include "ha/index/index.h"

#include <assert.h>
#include <stddef.h>

#define INDEX_ALIGN 4096U
#define INDEX_FILE_BYTES_MAX ((uint64_t)INT64_MAX) /* offsets beyond this do not fit off_t */
#define INDEX_MAGIC "\x89HPX\r\n\x1a\n" /* a transfer in text mode or of 7 bits would change it */
#define INDEX_MAGIC_BYTES 8U

/*
 * OFFSET SIZE MEANING
 *      0    8 magic
 *      8    4 format, HA_INDEX_FORMAT
 *     12    4 flags, 0
 *     16   16 version of the program that wrote it, for people; padded with NUL
 *     32    8 dump: bytes of the file
 *     40    8 dump: time of last modification, seconds
 *     48    4 dump: and nanoseconds
 *     52    4 dump: which heap of the file, from 1
 *     56    8 dump: xxh3 of sampled blocks
 *     64    8 offset of the section table
 *     72    4 number of sections
 *     76    4 bytes of a table entry, 32
 *     80    8 bytes of this file
 *     88    8 xxh3 of the section table
 *     96   24 reserved, 0
 *    120    8 xxh3 of the 120 bytes before
 */
struct ha_index_header {
    uint8_t magic[INDEX_MAGIC_BYTES];
    uint32_t format;
    uint32_t flags;
    char producer[16];
    uint64_t dump_bytes;
    int64_t dump_mtime_sec;
    uint32_t dump_mtime_nsec;
    uint32_t dump_heap;
    uint64_t dump_sample;
    uint64_t table_off;
    uint32_t section_count;
    uint32_t entry_bytes;
    uint64_t file_bytes;
    uint64_t table_hash;
    uint8_t reserved[24];
    uint64_t header_hash;
};

static_assert(sizeof(struct ha_index_header) == 128, "the header is 128 bytes on disk");
static_assert(offsetof(struct ha_index_header, producer) == 16, "header layout");
static_assert(offsetof(struct ha_index_header, dump_bytes) == 32, "header layout");
static_assert(offsetof(struct ha_index_header, dump_heap) == 52, "header layout");
static_assert(offsetof(struct ha_index_header, table_off) == 64, "header layout");
static_assert(offsetof(struct ha_index_header, file_bytes) == 80, "header layout");
static_assert(offsetof(struct ha_index_header, table_hash) == 88, "header layout");
static_assert(offsetof(struct ha_index_header, header_hash) == 120, "header layout");

/*
 * OFFSET SIZE MEANING
 *      0    4 id: four printable ASCII characters
 *      4    4 width: bytes of an element, at least 1
 *      8    8 count: elements
 *     16    8 offset of the first element, a multiple of 4096; 0 when count is 0
 *     24    8 xxh3 of the count × width bytes
 */
struct ha_index_entry {
    uint32_t id;
    uint32_t width;
    uint64_t count;
    uint64_t off;
    uint64_t hash;
};

static_assert(sizeof(struct ha_index_entry) == 32, "a table entry is 32 bytes on disk");
static_assert(offsetof(struct ha_index_entry, count) == 8, "entry layout");
static_assert(offsetof(struct ha_index_entry, off) == 16, "entry layout");
static_assert(offsetof(struct ha_index_entry, hash) == 24, "entry layout");

static inline uint64_t ha_index_header_hash(const struct ha_index_header *header)
{
    return ha_hash(header, offsetof(struct ha_index_header, header_hash));
}

static inline bool ha_index_id_valid(uint32_t id)
{
    for (unsigned shift = 0; shift < 32; shift += 8) {
        uint32_t c = id >> shift & 0xff;
        if (c <= 0x20 || c >= 0x7f) {
            return false;
        }
    }
    return true;
}

/* An id as text; buf holds five bytes. */
static inline const char *ha_index_id_text(uint32_t id, char buf[static 5])
{
    for (unsigned i = 0; i < 4; i++) {
        uint32_t c = id >> 8 * i & 0xff;
        buf[i] = c < 0x20 || c >= 0x7f ? '?' : (char)c;
    }
    buf[4] = '\0';
    return buf;
}

/* An opened index. The table is a checked copy: what is done to the file afterwards cannot move a section out of the mapping. */
struct ha_index {
    void *map; /* of the file what belongs to the index, read-only */
    uint64_t bytes;
    char *path;     /* NULL for an unnamed one */
    char *temp_dir; /* folder of an unnamed one */
    char *shown;    /* what messages call it, control characters escaped */
    struct ha_index_header header;
    struct ha_fingerprint fingerprint;
    struct ha_index_entry entries[HA_INDEX_SECTIONS_MAX];
    struct ha_file_new pending; /* of a sealed one, until it is kept; path NULL otherwise */
    bool view;                                  /* of a writer: sections lie at pieces[], not in map */
    const void *pieces[HA_INDEX_SECTIONS_MAX];
};

/* Checks and opens the index in an open file; fd stays the caller's and is needed no more afterwards. Exactly one of path and temp_dir is not NULL; both
   are copied. */
struct ha_err *ha_index_open_fd(int fd, const char *path, const char *temp_dir, struct ha_index **ret) HA_WARN_UNUSED;

/* What messages call an index: its escaped path, or "(unnamed, in FOLDER)"; NULL without memory. Owned by the caller. */
char *ha_index_shown(const char *path, const char *temp_dir);

/* Where element 0 of an entry lies; NULL when it has none. */
const void *ha_index_entry_data(const struct ha_index *index, const struct ha_index_entry *entry);

/* $TMPDIR or /tmp, when the caller names no folder. */
const char *ha_index_temp_dir(const char *temp_dir);

#endif
