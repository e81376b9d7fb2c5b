/* SPDX-License-Identifier: MIT */
/*
 * The end of an index in the making: checksums (taken beside other work as soon as a section is complete, the rest at commit; a section copied from
 * another index keeps the one it had: copying must not make damage look sound), table, header, then base/file.c puts the file in place. Until then the
 * first page is zero and the file is no index.
 *
 *     sections -> hash_next … -> commit: hash the rest, [table], [header] -> in place
 *                                seal:   the same                         -> readable, without a name -> ha_index_keep(): in place
 *
 * An index that gets longer is copied: the sections that it has, then those that are added.
 */
#include "index_writer.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

#include "ha/base/mem.h"
#include "ha/base/pool.h"

#ifndef HA_INDEX_PRODUCER
#define HA_INDEX_PRODUCER "unknown"
#endif

#define HASH_PART ((uint64_t)8 << 20) /* some milliseconds */

/* ---- checksums ---- */

static struct ha_err *hash_section(void *ctx, unsigned worker, uint64_t i)
{
    (void)worker;
    struct section *s = &((struct ha_index_writer *)ctx)->sections[i];
    if (!s->hashed && !s->aside) {
        s->entry.hash = ha_hash(s->data, (size_t)(s->entry.count * s->entry.width));
        s->hashed = true;
    }
    return NULL;
}

/* The next part of a section, of the one that was begun if there is one. */
static struct ha_err *hash_part(struct ha_index_writer *writer, uint32_t i)
{
    if (writer->hashing == NULL) {
        writer->hashing = ha_hash_create();
        writer->hashing_section = i;
        writer->hashing_bytes = 0;
    }
    if (writer->hashing == NULL) {
        return ha_err_nomem();
    }
    struct section *s = &writer->sections[writer->hashing_section];
    const uint64_t left = s->entry.count * s->entry.width - writer->hashing_bytes, now = left < HASH_PART ? left : HASH_PART;
    ha_hash_update(writer->hashing, (const uint8_t *)s->data + writer->hashing_bytes, (size_t)now);
    writer->hashing_bytes += now;
    if (now == left) {
        s->entry.hash = ha_hash_digest(writer->hashing);
        s->hashed = true;
        ha_hash_destroy(writer->hashing);
        writer->hashing = NULL;
    }
    return NULL;
}

struct ha_err *ha_index_writer_hash_next(struct ha_index_writer *writer, bool *ret_any)
{
    *ret_any = false;
    for (uint32_t i = 0; i < writer->count; i++) {
        struct section *s = &writer->sections[i]; /* empty if it is a stream that is open */
        if (s->hashed || s->aside || s->in_parts || s->writable != NULL || s->entry.count == 0) {
            continue;
        }
        if (s->map == NULL) {
            HA_TRY(index_section_map(writer, s, false));
        }
        *ret_any = true;
        return hash_part(writer, i);
    }
    return NULL;
}

struct ha_err *ha_index_writer_hash_until(struct ha_index_writer *writer, const _Atomic(bool) *done)
{
    for (bool any = true; any && !atomic_load(done);) {
        HA_TRY(ha_index_writer_hash_next(writer, &any));
    }
    return NULL;
}

static struct ha_err *hash_sections(struct ha_index_writer *writer, unsigned threads)
{
    // The last section may end before its last page does.
    HA_TRY(index_file_extend(writer, writer->index.fd, writer->index.end));
    for (uint32_t i = 0; i < writer->count; i++) {
        struct section *s = &writer->sections[i];
        if (s->map == NULL && s->entry.count > 0 && !s->hashed && !s->aside) {
            HA_TRY(index_section_map(writer, s, false));
        }
    }
    return ha_parallel_for(threads, writer->count, hash_section, writer);
}

/* ---- commit ---- */

/* Writes the table at the end and the header at the front. */
static struct ha_err *write_frame(const struct ha_index_writer *writer, const struct ha_fingerprint *fp)
{
    struct ha_index_entry table[HA_INDEX_SECTIONS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < writer->count; i++) {
        if (!writer->sections[i].aside) {
            table[count++] = writer->sections[i].entry;
        }
    }
    size_t table_bytes = count * sizeof table[0];
    struct ha_index_header h = {.magic = INDEX_MAGIC,
                                .format = HA_INDEX_FORMAT,
                                .dump_bytes = fp->bytes,
                                .dump_mtime_sec = fp->mtime_sec,
                                .dump_mtime_nsec = fp->mtime_nsec,
                                .dump_heap = fp->heap,
                                .dump_sample = fp->sample,
                                .table_off = writer->index.end,
                                .section_count = count,
                                .entry_bytes = sizeof table[0],
                                .file_bytes = writer->index.end + table_bytes,
                                .table_hash = ha_hash(table, table_bytes)};
    (void)snprintf(h.producer, sizeof h.producer, "%s", HA_INDEX_PRODUCER);
    h.header_hash = ha_index_header_hash(&h);
    HA_TRY(ha_file_write_at(writer->index.fd, index_writer_label(writer), writer->index.end, table, table_bytes));
    return ha_file_write_at(writer->index.fd, index_writer_label(writer), 0, &h, sizeof h);
}

/* later: the file waits for ha_index_keep(). */
static struct ha_err *finish(struct ha_index_writer *writer, const struct ha_fingerprint *fingerprint, unsigned threads, bool later,
                             struct ha_index **ret)
{
    struct ha_index *index = NULL;
    if (writer->streaming) {
        return ha_err_new(HA_ERR_BUG, "index '%s' cannot be committed while a stream is open",
                          writer->shown);
    }
    HA_TRY(hash_sections(writer, threads));
    index_writer_unmap(writer);
    HA_TRY(write_frame(writer, fingerprint));
    // Opened before it is put in place: afterwards another process may already have replaced it.
    HA_TRY(ha_index_open_fd(writer->index.fd, writer->path, writer->temp_dir, &index));
    struct ha_err *err = writer->path == NULL || later ? NULL : ha_file_new_commit(&writer->file);
    if (err != NULL) {
        ha_index_close(index);
        return err;
    }
    if (writer->path != NULL) {
        index->pending = writer->file; /* nothing, once it is in place */
        writer->index.fd = -1;
    }
    ha_index_writer_destroy(writer);
    *ret = index;
    return NULL;
}

struct ha_err *ha_index_writer_commit(struct ha_index_writer *writer, const struct ha_fingerprint *fingerprint, unsigned threads,
                                      struct ha_index **ret)
{
    return finish(writer, fingerprint, threads, false, ret);
}

struct ha_err *ha_index_writer_seal(struct ha_index_writer *writer, const struct ha_fingerprint *fingerprint, unsigned threads,
                                    struct ha_index **ret)
{
    return finish(writer, fingerprint, threads, true, ret);
}

/* ---- extending ---- */

static bool is_added(const struct ha_index_section *added, size_t added_count, uint32_t id)
{
    for (size_t i = 0; i < added_count; i++) {
        if (added[i].id == id) {
            return true;
        }
    }
    return false;
}

static struct ha_err *copy_sections(struct ha_index_writer *writer, const struct ha_index *index,
                                    const struct ha_index_section *added, size_t added_count)
{
    for (uint32_t i = 0; i < index->header.section_count; i++) {
        const struct ha_index_entry *e = &index->entries[i];
        if (is_added(added, added_count, e->id)) {
            continue;
        }
        HA_TRY(
            ha_index_section_put(writer, e->id, e->width, e->count, ha_index_entry_data(index, e)));
        struct section *s = &writer->sections[writer->count - 1];
        s->entry.hash = e->hash;
        s->hashed = true;
    }
    for (size_t i = 0; i < added_count; i++) {
        HA_TRY(ha_index_section_put(writer, added[i].id, added[i].width, added[i].count,
                                    added[i].data));
    }
    return NULL;
}

struct ha_err *ha_index_extend_begin(const struct ha_index *index, const struct ha_index_section *added, size_t added_count, bool unnamed,
                                     struct ha_index_writer **ret)
{
    struct ha_index_writer *writer = NULL;
    HA_TRY(ha_index_writer_create(unnamed ? NULL : index->path, index->temp_dir, &writer));
    struct ha_err *err = copy_sections(writer, index, added, added_count);
    if (err != NULL) {
        ha_index_writer_destroy(writer);
        return err;
    }
    *ret = writer;
    return NULL;
}

struct ha_err *ha_index_extend_end(struct ha_index_writer *writer, struct ha_index *index, bool later, struct ha_index **ret)
{
    struct ha_index *extended = NULL;
    HA_TRY(finish(writer, &index->fingerprint, ha_threads_default(), later, &extended));
    ha_index_close(index);
    *ret = extended;
    return NULL;
}

struct ha_err *ha_index_extend(struct ha_index *index, const struct ha_index_section *added,
                               size_t added_count, struct ha_index **ret)
{
    struct ha_index_writer *writer = NULL;
    HA_TRY(ha_index_extend_begin(index, added, added_count, false, &writer));
    struct ha_err *err = ha_index_extend_end(writer, index, false, ret);
    if (err != NULL) {
        ha_index_writer_destroy(writer);
    }
    return err;
}
