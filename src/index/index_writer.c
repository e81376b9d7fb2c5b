/* SPDX-License-Identifier: MIT */
/*
 * Writes an index: sections become parts of the file the moment they are made, one after another.
 *
 *     [header page][section, mapped or written][section]…[stream, growing]
 *                                                        ^ end: where the next section begins (rounded up to 4096)
 *
 * Room for a mapped section is reserved on the disk before it is mapped, so that a full disk is an error here and not a signal in the
 * middle of a computation; file systems that cannot reserve get a hole. Whatever lies behind `end` is cut off before it becomes part of
 * another section, so new sections are zero.
 *
 * Sections that are set aside lie in a second file, in the same way, and do not become part of the index.
 */
#include "index_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ha/base/checked.h"
#include "ha/base/emergency.h"
#include "ha/base/file.h"
#include "ha/base/mem.h"

#define FLUSH_BYTES_MIN ((size_t)128 << 10) /* less is not worth a call */

#ifndef SYNC_BYTES_MIN
#define SYNC_BYTES_MIN ((uint64_t)16 << 20) /* less is on the disk soon enough in the end; a test has it smaller */
#endif

#define MAPPED_MIN ((uint64_t)64 << 10) /* less is read instead: to make and take away a mapping costs more */

static struct extent *extent_of(struct ha_index_writer *writer, const struct section *s)
{
    return s->aside ? &writer->aside : &writer->index;
}

/* ---- life ---- */

static struct ha_err *begin(struct ha_index_writer *writer, const char *path, const char *temp_dir)
{
    writer->shown = ha_index_shown(path, temp_dir);
    char **name = path != NULL ? &writer->path : &writer->temp_dir;
    const char *text = path != NULL ? path : temp_dir;
    *name = ha_strndup(text, strlen(text));
    if (writer->shown == NULL || *name == NULL) {
        return ha_err_nomem();
    }
    if (path == NULL) {
        return ha_file_temp(temp_dir, &writer->index.fd);
    }
    HA_TRY(ha_file_new_begin(path, &writer->file));
    writer->index.fd = writer->file.fd;
    return NULL;
}

struct ha_err *ha_index_writer_create(const char *path, const char *temp_dir,
                                      struct ha_index_writer **ret)
{
    struct ha_index_writer *writer = ha_calloc_array(1, sizeof *writer);
    if (writer == NULL) {
        return ha_err_nomem();
    }
    writer->index = (struct extent){.fd = -1, .end = INDEX_ALIGN};
    writer->aside = (struct extent){.fd = -1};
    struct ha_err *err = begin(writer, path, path != NULL ? NULL : ha_index_temp_dir(temp_dir));
    if (err != NULL) {
        ha_index_writer_destroy(writer);
        return err;
    }
    *ret = writer;
    return NULL;
}

static void unmap_section(struct section *s)
{
    if (s->map != NULL && s->map_bytes > 0) {
        ha_file_unmap(s->map, s->map_bytes);
    } else {
        ha_free(s->map);
    }
    s->map = NULL;
}

void index_writer_unmap(struct ha_index_writer *writer)
{
    for (uint32_t i = 0; i < writer->count; i++) {
        unmap_section(&writer->sections[i]);
    }
}

void ha_index_writer_destroy(struct ha_index_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    index_writer_unmap(writer);
    if (writer->index.fd >= 0) {
        if (writer->path != NULL) {
            ha_file_new_abort(&writer->file);
        } else {
            ha_file_close(writer->index.fd);
        }
    }
    ha_file_close(writer->aside.fd);
    ha_hash_destroy(writer->hashing);
    ha_free(writer->path);
    ha_free(writer->temp_dir);
    ha_free(writer->shown);
    ha_free(writer);
}

/* ---- room in the file ---- */

struct ha_err *index_file_extend(const struct ha_index_writer *writer, int fd, uint64_t bytes)
{
    struct ha_file_info info;
    HA_TRY(ha_file_info(fd, index_writer_label(writer), &info));
    if (info.bytes < bytes && ftruncate(fd, (off_t)bytes) != 0) {
        return ha_err_system(errno, "cannot extend index '%s' to %" PRIu64 " bytes", writer->shown,
                             bytes);
    }
    return NULL;
}

static struct ha_err *reserve(const struct ha_index_writer *writer, int fd, uint64_t off, uint64_t bytes)
{
    int rc;
    do {
        rc = fallocate(fd, 0, (off_t)off, (off_t)bytes);
    } while (rc != 0 && errno == EINTR);
    if (rc == 0) {
        return NULL;
    }
    if (errno == EOPNOTSUPP || errno == ENOSYS) {
        return index_file_extend(writer, fd, off + bytes);
    }
    return ha_err_system(errno, "cannot reserve %" PRIu64 " bytes for index '%s'", bytes,
                         writer->shown);
}

/* A copy of what has been written, for less than a mapping is worth. */
static struct ha_err *copy_section(struct ha_index_writer *writer, struct section *s, size_t bytes)
{
    size_t got = 0;
    void *copy = ha_alloc_aligned(bytes);
    if (copy == NULL) {
        return ha_err_nomem();
    }
    struct ha_err *err = ha_file_read_at(extent_of(writer, s)->fd, index_writer_label(writer), s->entry.off, copy, bytes, &got);
    if (err == NULL && got < bytes) {
        err = ha_err_new(HA_ERR_INPUT, "index '%s' was cut while it was made", writer->shown);
    }
    if (err != NULL) {
        ha_free(copy);
        return err;
    }
    s->map = copy;
    s->map_bytes = 0;
    s->data = copy;
    s->writable = NULL;
    return NULL;
}

/* Page size may be larger than our alignment. */
struct ha_err *index_section_map(struct ha_index_writer *writer, struct section *s, bool writable)
{
    uint64_t bytes = s->entry.count * s->entry.width;
    uint64_t slack = s->entry.off % (uint64_t)sysconf(_SC_PAGESIZE);
    if (bytes > SIZE_MAX - slack) {
        return ha_err_nomem();
    }
    if (!writable && bytes < MAPPED_MIN) {
        return copy_section(writer, s, (size_t)bytes);
    }
    size_t len = (size_t)(bytes + slack);
    void *map = mmap(NULL, len, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED,
                     extent_of(writer, s)->fd, (off_t)(s->entry.off - slack));
    if (map == MAP_FAILED) {
        return ha_err_system(errno, "cannot map %" PRIu64 " bytes of index '%s'", bytes,
                             writer->shown);
    }
    ha_emergency_map_add(map, len, index_writer_label(writer), writable);
    s->map = map;
    s->map_bytes = len;
    s->data = (uint8_t *)map + slack;
    s->writable = writable ? (uint8_t *)map + slack : NULL;
    return NULL;
}

/* ---- sections ---- */

static struct section *find_section(struct ha_index_writer *writer, uint32_t id)
{
    for (uint32_t i = 0; i < writer->count; i++) {
        if (writer->sections[i].entry.id == id) {
            return &writer->sections[i];
        }
    }
    return NULL;
}

static bool is_aside(const struct ha_index_writer *writer, uint32_t id)
{
    for (size_t i = 0; i < writer->aside_count; i++) {
        if (writer->aside_ids[i] == id) {
            return true;
        }
    }
    return false;
}

/* Adds an empty section of this id; width and id come from the program, so that what is wrong with them is our bug. */
static struct ha_err *add_section(struct ha_index_writer *writer, uint32_t id, uint32_t width,
                                  struct section **ret)
{
    char text[5];
    if (writer->streaming || width == 0 || !ha_index_id_valid(id) ||
        find_section(writer, id) != NULL) {
        return ha_err_new(HA_ERR_BUG, "index section '%s' cannot be made%s",
                          ha_index_id_text(id, text),
                          writer->streaming ? " while a stream is open" : "");
    }
    if (writer->count == HA_INDEX_SECTIONS_MAX) {
        return ha_err_new(HA_ERR_LIMIT, "index '%s' would have more than %u sections",
                          writer->shown, HA_INDEX_SECTIONS_MAX);
    }
    struct section *s = &writer->sections[writer->count++];
    *s = (struct section){.entry = {.id = id, .width = width}, .aside = is_aside(writer, id)};
    *ret = s;
    return NULL;
}

/* Gives the section its place at the end of its file; *ret_bytes: its length. On failure it stays empty. */
static struct ha_err *place_section(struct ha_index_writer *writer, struct section *s,
                                    uint64_t count, uint64_t *ret_bytes)
{
    struct extent *extent = extent_of(writer, s);
    uint64_t bytes = 0;
    uint64_t end;
    if (!ha_mul_u64(count, s->entry.width, &bytes) || !ha_add_u64(extent->end, bytes, &end) ||
        !ha_align_u64(end, INDEX_ALIGN, &end) || end > INDEX_FILE_BYTES_MAX - INDEX_ALIGN) {
        return ha_err_new(HA_ERR_LIMIT,
                          "index '%s' would be too large: %" PRIu64 " elements of %u bytes",
                          writer->shown, count, s->entry.width);
    }
    s->entry.count = count;
    s->entry.off = count == 0 ? 0 : extent->end;
    extent->end = end;
    *ret_bytes = bytes;
    return NULL;
}

struct ha_err *ha_index_section_map(struct ha_index_writer *writer, uint32_t id, uint32_t width,
                                    uint64_t count, void **ret)
{
    struct section *s;
    uint64_t bytes = 0;
    HA_TRY(add_section(writer, id, width, &s));
    HA_TRY(place_section(writer, s, count, &bytes));
    if (count > 0) {
        HA_TRY(reserve(writer, extent_of(writer, s)->fd, s->entry.off, bytes));
        HA_TRY(index_section_map(writer, s, true));
    }
    *ret = s->writable;
    return NULL;
}

/* A named index is synced in the end; what is written long before that may as well be on the disk by then. Pages that are written in part wait for
   the rest. */
static struct ha_err *write_bytes(struct ha_index_writer *writer, const struct section *s,
                                  uint64_t off, const void *data, size_t len)
{
    HA_TRY(ha_file_write_at(extent_of(writer, s)->fd, index_writer_label(writer), off, data, len));
    if (writer->path != NULL && !s->aside && len >= FLUSH_BYTES_MIN) {
        uint64_t first = (off + INDEX_ALIGN - 1) / INDEX_ALIGN * INDEX_ALIGN, end = (off + len) / INDEX_ALIGN * INDEX_ALIGN;
        ha_file_flush_begin(writer->index.fd, first, end - first);
    }
    return NULL;
}

struct ha_err *ha_index_section_put(struct ha_index_writer *writer, uint32_t id, uint32_t width,
                                    uint64_t count, const void *data)
{
    struct section *s;
    uint64_t bytes = 0;
    HA_TRY(add_section(writer, id, width, &s));
    HA_TRY(place_section(writer, s, count, &bytes));
    return count == 0 ? NULL : write_bytes(writer, s, s->entry.off, data, (size_t)bytes);
}

struct ha_err *ha_index_section_open(struct ha_index_writer *writer, uint32_t id, uint32_t width, uint64_t count)
{
    struct section *s;
    uint64_t bytes;
    HA_TRY(add_section(writer, id, width, &s));
    s->in_parts = true;
    return place_section(writer, s, count, &bytes);
}

struct ha_err *ha_index_section_write_at(struct ha_index_writer *writer, uint32_t id, uint64_t off, const void *data, size_t len)
{
    const struct section *s = find_section(writer, id);
    const uint64_t bytes = s == NULL ? 0 : s->entry.count * s->entry.width;
    if (s == NULL || !s->in_parts || off > bytes || len > bytes - off) {
        return ha_err_new(HA_ERR_BUG, "index '%s': such a part of a section was not made", writer->shown);
    }
    return len == 0 ? NULL : write_bytes(writer, s, s->entry.off + off, data, len);
}

struct ha_err *ha_index_stream_open(struct ha_index_writer *writer, uint32_t id, uint32_t width)
{
    struct section *s;
    HA_TRY(add_section(writer, id, width, &s));
    writer->streaming = true;
    return NULL;
}

struct ha_err *ha_index_stream_write_at(struct ha_index_writer *writer, uint64_t off,
                                        const void *data, size_t len)
{
    uint64_t end;
    if (!writer->streaming) {
        return ha_err_new(HA_ERR_BUG, "no stream of index '%s' is open", writer->shown);
    }
    const struct section *s = &writer->sections[writer->count - 1];
    if (!ha_add_u64(extent_of(writer, s)->end, off, &off) || !ha_add_u64(off, len, &end) ||
        end > INDEX_FILE_BYTES_MAX) {
        return ha_err_new(HA_ERR_LIMIT, "index '%s' would be too large", writer->shown);
    }
    return write_bytes(writer, s, off, data, len);
}

struct ha_err *ha_index_stream_close(struct ha_index_writer *writer, uint64_t count)
{
    if (!writer->streaming) {
        return ha_err_new(HA_ERR_BUG, "no stream of index '%s' is open", writer->shown);
    }
    struct section *s = &writer->sections[writer->count - 1];
    struct ha_file_info info;
    const struct extent *extent = extent_of(writer, s);
    uint64_t start = extent->end;
    uint64_t bytes = 0;
    HA_TRY(place_section(writer, s, count, &bytes));
    writer->streaming = false;
    HA_TRY(ha_file_info(extent->fd, index_writer_label(writer), &info));
    if (count > 0 && info.bytes < start + bytes) {
        return ha_err_new(HA_ERR_BUG,
                          "index '%s': a stream of %" PRIu64
                          " bytes was closed before they were written",
                          writer->shown, bytes);
    }
    // What was written beyond must not show up in the next section.
    if (info.bytes > start + bytes && ftruncate(extent->fd, (off_t)(start + bytes)) != 0) {
        return ha_err_system(errno, "cannot truncate index '%s'", writer->shown);
    }
    return NULL;
}

/* ---- aside ---- */

struct ha_err *ha_index_writer_set_aside(struct ha_index_writer *writer, const uint32_t *ids,
                                         size_t count)
{
    if (writer->aside.fd >= 0 || count > HA_INDEX_ASIDE_MAX) {
        return ha_err_new(HA_ERR_BUG, "index '%s': sections cannot be set aside", writer->shown);
    }
    HA_FREE char *folder = writer->path == NULL ? NULL : ha_file_folder(writer->file.path);
    if (writer->path != NULL && folder == NULL) {
        return ha_err_nomem();
    }
    HA_TRY(ha_file_temp(folder != NULL ? folder : writer->temp_dir, &writer->aside.fd));
    for (size_t i = 0; i < count; i++) {
        writer->aside_ids[i] = ids[i];
    }
    writer->aside_count = count;
    return NULL;
}

struct ha_err *ha_index_writer_keep(struct ha_index_writer *writer, uint32_t id)
{
    struct section *s = find_section(writer, id);
    uint64_t bytes = 0;
    if (s == NULL || !s->aside) {
        return NULL;
    }
    if (s->entry.count > 0 && s->map == NULL) {
        HA_TRY(index_section_map(writer, s, false));
    }
    // Sections stand in the order in which they lie in the file.
    struct section old = *s;
    struct section *last = &writer->sections[writer->count - 1];
    memmove(s, s + 1, (size_t)(last - s) * sizeof *s);
    s = last;
    *s = (struct section){.entry = {.id = id, .width = old.entry.width}};
    struct ha_err *err = place_section(writer, s, old.entry.count, &bytes);
    if (err == NULL && bytes > 0) {
        err = ha_file_write_at(writer->index.fd, index_writer_label(writer), s->entry.off, old.data,
                               (size_t)bytes);
    }
    unmap_section(&old);
    return err;
}

void ha_index_writer_sync_begin(struct ha_index_writer *writer)
{
    if (writer->path != NULL && writer->index.end >= SYNC_BYTES_MIN) {
        ha_file_new_sync_begin(&writer->file);
    }
}

/* ---- sections made so far ---- */

struct ha_err *ha_index_writer_section(struct ha_index_writer *writer, uint32_t id,
                                       struct ha_index_section *ret)
{
    struct section *s = find_section(writer, id);
    if (s == NULL || s->entry.count == 0) {
        *ret = (struct ha_index_section){.id = id, .width = s == NULL ? 1 : s->entry.width};
        return NULL;
    }
    if (s->map == NULL) {
        HA_TRY(index_section_map(writer, s, false));
    }
    *ret = (struct ha_index_section){
        .id = id, .width = s->entry.width, .count = s->entry.count, .data = s->data};
    return NULL;
}

struct ha_err *ha_index_writer_view(struct ha_index_writer *writer, struct ha_index **ret)
{
    struct ha_index *index = ha_calloc_array(1, sizeof *index);
    if (index == NULL) {
        return ha_err_nomem();
    }
    index->view = true;
    for (uint32_t i = 0; i < writer->count; i++) {
        struct ha_index_section section;
        struct ha_err *err = ha_index_writer_section(writer, writer->sections[i].entry.id, &section);
        if (err != NULL) {
            ha_index_close(index);
            return err;
        }
        index->entries[i] = writer->sections[i].entry;
        index->pieces[i] = section.data;
    }
    index->header.section_count = writer->count;
    *ret = index;
    return NULL;
}
