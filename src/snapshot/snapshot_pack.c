/* SPDX-License-Identifier: MIT */
/*
 * The large columns of an index packed (index/column.h), as a last step of its making: passes that make and read them have them as arrays, which are
 * set aside by the writer; once all are complete, the packed form goes into the index, and the arrays are gone.
 *
 * Two stay plain: references where rows are not in the order of their objects, for then the marks in them tell where a row ends; and retained sizes
 * of 5 bytes, which only heaps have that retain more than 2^32 units.
 */
#include "snapshot/snapshot_internal.h"

#include "ha/base/mem.h"
#include "ha/heap/heap_sections.h"

#define COLUMNS 5U

struct column {
    uint32_t plain, packed;
    uint32_t mask;
};

static void columns_get(enum ha_size_model model, struct column ret[COLUMNS])
{
    ret[0] = (struct column){HA_SECTION_TARGETS, HA_SECTION_TARGETS_PACKED, ~HA_EDGE_END};
    ret[1] = (struct column){HA_SECTION_SOURCES, HA_SECTION_SOURCES_PACKED, UINT32_MAX};
    ret[2] = (struct column){HA_SECTION_IDOM, HA_SECTION_IDOM_PACKED, UINT32_MAX};
    ret[3] = (struct column){HA_SECTION_CHILDREN, HA_SECTION_CHILDREN_PACKED, UINT32_MAX};
    ret[4] = (struct column){HA_SECTION_OF(model, RETAINED), HA_SECTION_OF(model, RETAINED_PACKED), UINT32_MAX};
}

bool ha_snapshot_is_packed(const struct ha_index *index)
{
    return ha_index_find(index, HA_SECTION_IDOM_PACKED, 8).count > 0;
}

struct ha_err *ha_snapshot_pack_begin(struct ha_index_writer *writer, enum ha_size_model model)
{
    struct column columns[COLUMNS];
    uint32_t ids[COLUMNS];
    columns_get(model, columns);
    for (unsigned i = 0; i < COLUMNS; i++) {
        ids[i] = columns[i].plain;
    }
    return ha_index_writer_set_aside(writer, ids, COLUMNS);
}

static struct ha_err *to_stream(void *ctx, uint64_t off, const void *data, size_t len)
{
    return ha_index_stream_write_at(ctx, off, data, len);
}

static struct ha_err *pack_column(struct ha_index_writer *writer, const struct column *column, const struct ha_index_section *plain, unsigned threads)
{
    struct ha_column_packing packing = {.numbers = plain->data, .count = plain->count, .mask = column->mask, .threads = threads};
    uint64_t bytes = 0;
    HA_TRY(ha_index_stream_open(writer, column->packed, 8));
    HA_TRY(ha_column_pack(&packing, to_stream, writer, &bytes));
    return ha_index_stream_close(writer, bytes / 8);
}

struct ha_err *ha_snapshot_pack(struct ha_index_writer *writer, enum ha_size_model model, unsigned threads)
{
    struct column columns[COLUMNS];
    struct ha_index_section rows;
    columns_get(model, columns);
    HA_TRY(ha_index_writer_section(writer, HA_SECTION_ROW_STARTS, &rows));
    for (unsigned i = 0; i < COLUMNS; i++) {
        struct ha_index_section plain;
        HA_TRY(ha_index_writer_section(writer, columns[i].plain, &plain));
        bool stays = (columns[i].plain == HA_SECTION_TARGETS && rows.count > 0) || (plain.count > 0 && plain.width != sizeof(uint32_t));
        HA_TRY(stays ? ha_index_writer_keep(writer, columns[i].plain) : pack_column(writer, &columns[i], &plain, threads));
    }
    return NULL;
}

/* ---- into memory, for an index that is extended ---- */

struct memory {
    uint8_t *data;
    size_t bytes; /* reserved */
};

static struct ha_err *to_memory(void *ctx, uint64_t off, const void *data, size_t len)
{
    struct memory *memory = ctx;
    if (len == 0) {
        return NULL;
    }
    if (off + len > memory->bytes) {
        size_t bytes = (size_t)(off + len) + (size_t)(off + len) / 2;
        uint8_t *longer = ha_realloc_array(memory->data, bytes, 1);
        if (longer == NULL) {
            return ha_err_nomem();
        }
        memory->data = longer;
        memory->bytes = bytes;
    }
    memcpy(memory->data + off, data, len);
    return NULL;
}

struct ha_err *ha_snapshot_pack_retained(enum ha_size_model model, unsigned threads, struct ha_index_section *section)
{
    struct ha_column_packing packing = {.numbers = section->data, .count = section->count, .mask = UINT32_MAX, .threads = threads};
    struct memory memory = {0};
    uint64_t bytes = 0;
    if (section->id != HA_SECTION_OF(model, RETAINED) || (section->count > 0 && section->width != sizeof(uint32_t))) {
        return NULL;
    }
    struct ha_err *err = ha_column_pack(&packing, to_memory, &memory, &bytes);
    if (err != NULL) {
        ha_free(memory.data);
        return err;
    }
    *section = (struct ha_index_section){.id = HA_SECTION_OF(model, RETAINED_PACKED), .width = 8, .count = bytes / 8, .data = memory.data};
    return NULL;
}
