/* SPDX-License-Identifier: MIT */
/*
 * Opens an index: header and table are checked completely, once, and copied; section contents are not looked at, so that opening costs
 * the same for any size.
 *
 *     length -> magic -> format -> checksum of header -> fields -> checksum of table -> entries, one after another
 *
 * A file can be wrong in two ways that the user should be able to tell apart: written by another format (normal after an update), or
 * damaged. Both are HA_ERR_INPUT with a sentence to which ": rebuilding" can be added.
 */
#include "index_format.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ha/base/checked.h"
#include "ha/base/file.h"
#include "ha/base/mem.h"
#include "ha/base/mutf8.h"
#include "ha/base/sbuf.h"

#define HEADER_TRIES 3U

static struct ha_err *damaged(const struct ha_index *index, const char *what)
{
    return ha_err_new(HA_ERR_INPUT, "index '%s' is damaged (%s)", index->shown, what);
}

static bool all_zero(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (p[i] != 0) {
            return false;
        }
    }
    return true;
}

static struct ha_err *check_header(const struct ha_index *index, uint64_t file_bytes)
{
    const struct ha_index_header *h = &index->header;
    if (memcmp(h->magic, INDEX_MAGIC, INDEX_MAGIC_BYTES) != 0) {
        return damaged(index, "it does not begin like an index");
    }
    // Before the checksum: another format may have it elsewhere.
    if (h->format != HA_INDEX_FORMAT) {
        return ha_err_new(HA_ERR_INPUT,
                          "index '%s' was written by another format (%u, this program uses %u)",
                          index->shown, h->format, HA_INDEX_FORMAT);
    }
    if (h->header_hash != ha_index_header_hash(h)) {
        return damaged(index, "header checksum");
    }
    if (h->flags != 0 || h->entry_bytes != sizeof(struct ha_index_entry) ||
        !all_zero(h->reserved, sizeof h->reserved)) {
        return damaged(index, "unknown fields in the header");
    }
    if (file_bytes < h->file_bytes) {
        return damaged(index, "file too short");
    }
    if (h->section_count > HA_INDEX_SECTIONS_MAX) {
        return damaged(index, "too many sections");
    }
    uint64_t table_bytes = h->section_count * (uint64_t)sizeof(struct ha_index_entry);
    if (h->table_off % INDEX_ALIGN != 0 || h->table_off < INDEX_ALIGN ||
        !ha_range_fits(h->table_off, table_bytes, h->file_bytes) ||
        h->table_off + table_bytes != h->file_bytes) {
        return damaged(index, "place of the section table");
    }
    return NULL;
}

/* Moves *at behind the section, which must begin there or at a later page: what lies in between was a table before sections were added. */
static struct ha_err *check_entry(const struct ha_index *index, const struct ha_index_entry *entry,
                                  uint64_t *at)
{
    uint64_t bytes;
    if (!ha_index_id_valid(entry->id)) {
        return damaged(index, "section id");
    }
    if (entry->width == 0 || !ha_mul_u64(entry->count, entry->width, &bytes)) {
        return damaged(index, "section size");
    }
    if (bytes == 0) {
        return entry->off == 0 ? NULL : damaged(index, "section place");
    }
    if (entry->off < *at || entry->off % INDEX_ALIGN != 0) {
        return damaged(index, "section place");
    }
    if (!ha_range_fits(entry->off, bytes, index->header.table_off)) {
        return damaged(index, "section size");
    }
    if (!ha_align_u64(entry->off + bytes, INDEX_ALIGN, at)) {
        return damaged(index, "section size");
    }
    return NULL;
}

static struct ha_err *check_table(const struct ha_index *index)
{
    uint32_t count = index->header.section_count;
    if (ha_hash(index->entries, count * sizeof index->entries[0]) != index->header.table_hash) {
        return damaged(index, "section table checksum");
    }
    uint64_t at = INDEX_ALIGN;
    for (uint32_t i = 0; i < count; i++) {
        HA_TRY(check_entry(index, &index->entries[i], &at));
        for (uint32_t k = 0; k < i; k++) {
            if (index->entries[k].id == index->entries[i].id) {
                return damaged(index, "section id twice");
            }
        }
    }
    if (at > index->header.table_off) {
        return damaged(index, "place of the section table");
    }
    return NULL;
}

static struct ha_err *read_exactly(const struct ha_index *index, int fd, const char *path,
                                   uint64_t off, void *buf, size_t len)
{
    size_t got = 0;
    HA_TRY(ha_file_read_at(fd, path, off, buf, len, &got));
    return got == len ? NULL : damaged(index, "file too short");
}

/* A header that is being replaced (index_append.c) may be read in two halves, then it is read again. The file was made longer before it got a header that says
   so: how long it is, is asked afterwards. */
static struct ha_err *read_header(struct ha_index *index, int fd, const char *path, uint64_t *ret_file_bytes)
{
    struct ha_index_header *h = &index->header;
    for (unsigned i = 0; i < HEADER_TRIES; i++) {
        HA_TRY(read_exactly(index, fd, path, 0, h, sizeof *h));
        if (h->header_hash == ha_index_header_hash(h)) {
            break;
        }
    }
    struct ha_file_info info;
    HA_TRY(ha_file_info(fd, path, &info));
    *ret_file_bytes = info.bytes;
    return NULL;
}

static struct ha_err *open_checked(struct ha_index *index, int fd)
{
    const char *path = index->path != NULL ? index->path : index->temp_dir;
    const struct ha_index_header *h = &index->header;
    uint64_t file_bytes = 0;
    HA_TRY(read_header(index, fd, path, &file_bytes));
    HA_TRY(check_header(index, file_bytes));
    index->bytes = h->file_bytes;
    HA_TRY(read_exactly(index, fd, path, h->table_off, index->entries,
                        h->section_count * sizeof index->entries[0]));
    HA_TRY(check_table(index));
    index->fingerprint = (struct ha_fingerprint){.bytes = h->dump_bytes,
                                                 .mtime_sec = h->dump_mtime_sec,
                                                 .mtime_nsec = h->dump_mtime_nsec,
                                                 .heap = h->dump_heap,
                                                 .sample = h->dump_sample};
    return ha_file_map(fd, path, index->bytes, false, &index->map);
}

char *ha_index_shown(const char *path, const char *temp_dir)
{
    struct ha_sbuf b = {0};
    if (path == NULL) {
        ha_sbuf_puts(&b, "(unnamed, in ");
    }
    const char *name = path != NULL ? path : temp_dir;
    ha_text_escape(&b, name, strlen(name));
    ha_sbuf_puts(&b, path == NULL ? ")" : "");
    // An sbuf without any text has no buffer to take.
    char *text = ha_sbuf_failed(&b) ? NULL : ha_strndup(ha_sbuf_text(&b), b.len);
    ha_sbuf_deinit(&b);
    return text;
}

const char *ha_index_temp_dir(const char *temp_dir)
{
    if (temp_dir != NULL) {
        return temp_dir;
    }
    const char *dir = getenv("TMPDIR");
    return dir != NULL && dir[0] != '\0' ? dir : "/tmp";
}

struct ha_err *ha_index_open_fd(int fd, const char *path, const char *temp_dir,
                                struct ha_index **ret)
{
    struct ha_index *index = ha_calloc_array(1, sizeof *index);
    if (index == NULL) {
        return ha_err_nomem();
    }
    index->path = path == NULL ? NULL : ha_strndup(path, strlen(path));
    index->temp_dir = temp_dir == NULL ? NULL : ha_strndup(temp_dir, strlen(temp_dir));
    index->shown = ha_index_shown(path, temp_dir);
    bool complete = (index->path != NULL || path == NULL) &&
                    (index->temp_dir != NULL || temp_dir == NULL) && index->shown != NULL;
    struct ha_err *err = complete ? open_checked(index, fd) : ha_err_nomem();
    if (err != NULL) {
        ha_index_close(index);
        return err;
    }
    *ret = index;
    return NULL;
}

struct ha_err *ha_index_open(const char *path, struct ha_index **ret)
{
    // Asked before opening: opening a pipe would wait for its writer.
    struct stat st;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        HA_FREE char *shown = ha_index_shown(path, NULL);
        return shown == NULL
                   ? ha_err_nomem()
                   : ha_err_new(HA_ERR_INPUT, "index '%s' is damaged (not a regular file)", shown);
    }
    int fd = -1;
    struct ha_file_info info;
    HA_TRY(ha_file_open_plain(path, &fd, &info));
    struct ha_err *err = ha_index_open_fd(fd, path, NULL, ret);
    ha_file_close(fd);
    return err;
}

void ha_index_close(struct ha_index *index)
{
    if (index == NULL) {
        return;
    }
    if (index->map != NULL) {
        ha_file_unmap(index->map, index->bytes);
    }
    ha_file_new_abort(&index->pending);
    ha_free(index->path);
    ha_free(index->temp_dir);
    ha_free(index->shown);
    ha_free(index);
}

bool ha_index_is_pending(const struct ha_index *index)
{
    return index->pending.path != NULL;
}

struct ha_err *ha_index_keep(struct ha_index *index)
{
    struct ha_err *err = ha_index_is_pending(index) ? ha_file_new_commit(&index->pending) : NULL;
    if (err != NULL) { // never again: once told that the disk failed, the system may take what is lost for written
        ha_file_new_abort(&index->pending);
    }
    return err;
}

const char *ha_index_path(const struct ha_index *index)
{
    return index->path;
}

uint64_t ha_index_bytes(const struct ha_index *index)
{
    return index->bytes;
}

uint32_t ha_index_format(const struct ha_index *index)
{
    return index->header.format;
}

const struct ha_fingerprint *ha_index_fingerprint(const struct ha_index *index)
{
    return &index->fingerprint;
}

const void *ha_index_entry_data(const struct ha_index *index, const struct ha_index_entry *entry)
{
    if (index->view) {
        return index->pieces[entry - index->entries];
    }
    return entry->count == 0 ? NULL : (const uint8_t *)index->map + entry->off;
}

struct ha_index_section ha_index_section_at(const struct ha_index *index, uint32_t i)
{
    assert(i < index->header.section_count);
    const struct ha_index_entry *e = &index->entries[i];
    return (struct ha_index_section){
        .id = e->id, .width = e->width, .count = e->count, .data = ha_index_entry_data(index, e)};
}

struct ha_index_section ha_index_find(const struct ha_index *index, uint32_t id, uint32_t width)
{
    for (uint32_t i = 0; i < index->header.section_count; i++) {
        const struct ha_index_entry *e = &index->entries[i];
        if (e->id == id && (width == 0 || e->width == width)) {
            return ha_index_section_at(index, i);
        }
    }
    return (struct ha_index_section){.id = id, .width = width};
}

bool ha_index_has(const struct ha_index *index, uint32_t id)
{
    for (uint32_t i = 0; i < index->header.section_count; i++) {
        if (index->entries[i].id == id) {
            return true;
        }
    }
    return false;
}

uint32_t ha_index_section_count(const struct ha_index *index)
{
    return index->header.section_count;
}
