/* SPDX-License-Identifier: MIT */
/*
 * Private: an index in the making, between index_writer.c (its sections) and index_commit.c (how it comes to its end, and how a finished one becomes a
 * longer one).
 */
#ifndef HA_INDEX_WRITER_H
#define HA_INDEX_WRITER_H

#include "index_format.h"

/* Where sections lie, one behind the other. */
struct extent {
    int fd;       /* -1: not there */
    uint64_t end; /* of the last section, a multiple of 4096 */
};

struct section {
    struct ha_index_entry entry; /* entry.off: in its extent */
    bool hashed;                 /* entry.hash is set */
    bool aside;                  /* in the other extent */
    bool in_parts;               /* made with ha_index_section_open() */
    void *map;   /* of the pages that hold the section; NULL until mapped */
    size_t map_bytes; /* 0: a copy in memory */
    const void *data; /* element 0, inside map */
    void *writable;   /* the same, NULL unless made with ha_index_section_map() */
};

struct ha_index_writer {
    struct ha_file_new file; /* when named; file.fd is index.fd */
    struct extent index;
    struct extent aside; /* sections of these ids */
    uint32_t aside_ids[HA_INDEX_ASIDE_MAX];
    size_t aside_count;
    char *path;     /* NULL when unnamed */
    char *temp_dir; /* NULL when named */
    char *shown;
    uint32_t count;
    bool streaming; /* the last section is open and has no count yet */
    struct ha_hash_state *hashing; /* of a section of which a part is hashed; NULL: none is */
    uint32_t hashing_section;
    uint64_t hashing_bytes; /* of it so far */
    struct section sections[HA_INDEX_SECTIONS_MAX];
};

/* What messages call the file or its folder. */
static inline const char *index_writer_label(const struct ha_index_writer *writer)
{
    return writer->path != NULL ? writer->path : writer->temp_dir;
}

/* Makes a section readable (and writable) in memory: maps its part of the file, or, of a small one that is only read, makes a copy. */
struct ha_err *index_section_map(struct ha_index_writer *writer, struct section *s, bool writable) HA_WARN_UNUSED;

/* Takes all sections out of memory. */
void index_writer_unmap(struct ha_index_writer *writer);

/* Makes a file at least `bytes` long. */
struct ha_err *index_file_extend(const struct ha_index_writer *writer, int fd, uint64_t bytes) HA_WARN_UNUSED;

#endif
