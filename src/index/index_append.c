/* SPDX-License-Identifier: MIT */
/*
 * Adds sections to an index that is in place. What others read of it stays as it is until the header is replaced, in one write:
 *
 *     before   [header]…[section][table]                                  header: table_off, file_bytes
 *     then     [header]…[section][table]-----[new][new][longer table]     behind file_bytes: nobody looks there
 *     after    [header]…[section] . . . -----[new][new][longer table]     the former table belongs to nothing
 *
 * What is added is on the disk before the header is written, so a crash leaves the index as it was, with some bytes behind its end; the next one who adds
 * something cuts them off. Only who holds the flock of the file writes to it, and only if the header is still the one that was read when it was opened.
 */
#include "index_format.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ha/base/checked.h"

struct append {
    const struct ha_index *index;
    int fd;
    bool pending; /* nobody else knows of the file, and ha_index_keep() waits for the disk */
    struct ha_index_header header;
    struct ha_index_entry table[HA_INDEX_SECTIONS_MAX];
};

static struct ha_err *cut_behind(const struct append *a)
{
    if (ftruncate(a->fd, (off_t)a->index->header.file_bytes) != 0) {
        return ha_err_system(errno, "cannot truncate index '%s'", a->index->shown);
    }
    return NULL;
}

/* Writes behind what is there, at the next multiple of INDEX_ALIGN; *ret_off: where. */
static struct ha_err *write_behind(struct append *a, const void *data, uint64_t bytes, uint64_t *ret_off)
{
    uint64_t off, end;
    if (!ha_align_u64(a->header.file_bytes, INDEX_ALIGN, &off) || !ha_add_u64(off, bytes, &end) || end > INDEX_FILE_BYTES_MAX || bytes > SIZE_MAX) {
        return ha_err_new(HA_ERR_LIMIT, "index '%s' would be too large", a->index->shown);
    }
    a->header.file_bytes = end;
    *ret_off = off;
    return ha_file_write_at(a->fd, a->index->path, off, data, (size_t)bytes);
}

static struct ha_err *section_write(struct append *a, const struct ha_index_section *section)
{
    struct ha_index_entry *entry = &a->table[a->header.section_count];
    uint64_t bytes;
    for (uint32_t i = 0; i < a->header.section_count; i++) {
        if (a->table[i].id == section->id) {
            return ha_err_new(HA_ERR_BUG, "index '%s' has such a section already", a->index->shown);
        }
    }
    if (!ha_mul_u64(section->count, section->width, &bytes)) {
        return ha_err_new(HA_ERR_LIMIT, "index '%s' would be too large", a->index->shown);
    }
    *entry = (struct ha_index_entry){.id = section->id, .width = section->width, .count = section->count, .hash = ha_hash(section->data, (size_t)bytes)};
    a->header.section_count++;
    return bytes == 0 ? NULL : write_behind(a, section->data, bytes, &entry->off);
}

static struct ha_err *write_all(struct append *a, const struct ha_index_section *added, size_t added_count)
{
    HA_TRY(cut_behind(a));
    for (size_t i = 0; i < added_count; i++) {
        HA_TRY(section_write(a, &added[i]));
    }
    size_t table_bytes = a->header.section_count * sizeof a->table[0];
    HA_TRY(write_behind(a, a->table, table_bytes, &a->header.table_off));
    a->header.table_hash = ha_hash(a->table, table_bytes);
    a->header.header_hash = ha_index_header_hash(&a->header);
    return a->pending ? NULL : ha_file_sync(a->fd, a->index->path);
}

static struct ha_err *append_locked(struct append *a, const struct ha_index_section *added, size_t added_count, uint64_t file_bytes, uint64_t *ret_bytes)
{
    struct ha_index_header there;
    size_t len = 0;
    HA_TRY(ha_file_read_at(a->fd, a->index->path, 0, &there, sizeof there, &len));
    if (len < sizeof there || memcmp(&there, &a->index->header, sizeof there) != 0 || file_bytes < there.file_bytes ||
        added_count > HA_INDEX_SECTIONS_MAX - there.section_count) {
        return NULL;
    }
    a->header = there;
    memcpy(a->table, a->index->entries, there.section_count * sizeof a->table[0]);
    struct ha_err *err = write_all(a, added, added_count);
    if (err != NULL) {
        ha_err_free(cut_behind(a));
        return err;
    }
    HA_TRY(ha_file_write_at(a->fd, a->index->path, 0, &a->header, sizeof a->header));
    *ret_bytes = a->header.file_bytes;
    return NULL;
}

struct ha_err *ha_index_append(const struct ha_index *index, const struct ha_index_section *added, size_t added_count, uint64_t *ret_bytes)
{
    struct append a = {.index = index, .fd = -1, .pending = ha_index_is_pending(index)};
    struct ha_file_info info;
    *ret_bytes = 0;
    if (index->view || index->path == NULL || added_count == 0) {
        return NULL;
    }
    if (a.pending) {
        a.fd = index->pending.fd;
        HA_TRY(ha_file_info(a.fd, index->path, &info));
    } else {
        HA_TRY(ha_file_open_update(index->path, &a.fd, &info));
    }
    if (a.fd < 0) {
        return NULL;
    }
    struct ha_err *err = append_locked(&a, added, added_count, info.bytes, ret_bytes);
    if (!a.pending) {
        ha_file_close(a.fd);
    }
    return err;
}
