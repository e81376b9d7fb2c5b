/* SPDX-License-Identifier: MIT */
/*
 * Reads every byte of an index: each section against its checksum, and the padding, which must be zero. Header and table were checked
 * when it was opened. One task per section; the padding goes with the section before it.
 */
#include "index_format.h"

#include "ha/base/pool.h"

static bool zero_between(const struct ha_index *index, uint64_t start, uint64_t end)
{
    const uint8_t *p = index->map;
    for (uint64_t i = start; i < end; i++) {
        if (p[i] != 0) {
            return false;
        }
    }
    return true;
}

static struct ha_err *verify_section(void *ctx, unsigned worker, uint64_t i)
{
    (void)worker;
    const struct ha_index *index = ctx;
    const struct ha_index_entry *e = &index->entries[i];
    uint64_t bytes = e->count * e->width; // cannot overflow: checked when it was opened
    char id[5];
    if (ha_hash(ha_index_entry_data(index, e), (size_t)bytes) != e->hash) {
        return ha_err_at(HA_ERR_INPUT, e->off, "index '%s' is damaged (checksum of section '%s')",
                         index->shown, ha_index_id_text(e->id, id));
    }
    uint64_t end = e->off + bytes;
    uint64_t padding = (INDEX_ALIGN - end % INDEX_ALIGN) % INDEX_ALIGN;
    if (!zero_between(index, end, end + padding)) {
        return ha_err_at(HA_ERR_INPUT, end, "index '%s' is damaged (padding of section '%s')",
                         index->shown, ha_index_id_text(e->id, id));
    }
    return NULL;
}

struct ha_err *ha_index_verify(const struct ha_index *index, unsigned threads)
{
    if (!zero_between(index, sizeof(struct ha_index_header), INDEX_ALIGN)) {
        return ha_err_new(HA_ERR_INPUT, "index '%s' is damaged (padding of the header)",
                          index->shown);
    }
    // The pool's context is not const; verify_section() only reads it.
    void *ctx = (void *)(uintptr_t)index;
    return ha_parallel_for(threads, index->header.section_count, verify_section, ctx);
}
