/* SPDX-License-Identifier: MIT */
/* Offsets of records: samples and strays, or a column. */
#include "graph/graph_offsets.h"

#include "ha/heap/heap_sections.h"

#include <stdlib.h>
#include <string.h>

#define RECORDS_PER_DESCENT 128U /* a dump with more descents does not ascend */
#define NO_OFFSET 0xffffffffffULL

/* Also needs ids that name one record each, and addresses that lie in lines. */
static bool ascends(const struct ha_build *build)
{
    return build->addresses->sorted == NULL && !build->duplicates && build->mirrors.count == 0 && build->descents <= build->records / RECORDS_PER_DESCENT;
}

struct ha_err *ha_offsets_init(struct ha_offsets *offsets, struct ha_build *build)
{
    *offsets = (struct ha_offsets){.build = build};
    if (ascends(build)) {
        HA_TRY(ha_big_init_raw(&offsets->samples, build->addresses->page_count * HA_PAGE_LINES, 5));
        if (offsets->samples.data != NULL) {
            memset(offsets->samples.data, 0xff, offsets->samples.bytes);
        }
        return NULL;
    }
    void *column;
    HA_TRY(ha_index_section_map(build->writer, HA_SECTION_OFFSETS, 5, build->facts.object_count, &column));
    offsets->column = column;
    return NULL;
}

void ha_offsets_deinit(struct ha_offsets *offsets)
{
    ha_big_deinit(&offsets->samples);
    ha_vec_deinit(&offsets->conflicts);
    ha_vec_deinit(&offsets->strays);
}

void ha_offsets_add_none(struct ha_offsets *offsets, ha_obj obj)
{
    if (offsets->column != NULL) {
        ha_put_le40(offsets->column + 5 * (size_t)obj.i, NO_OFFSET);
    }
}

struct ha_err *ha_offsets_merge(struct ha_offsets *offsets, struct ha_offset_runs *runs)
{
    const struct ha_heap_addresses *map = offsets->build->addresses;
    ha_offset_runs_close(runs);
    for (size_t i = 0; i < runs->runs.count; i++) {
        struct ha_offset_run *run = &runs->runs.data[i];
        uint64_t line;
        if (!ha_addresses_line(map, run->line << (map->shift + 8), &line)) {
            return ha_err_new(HA_ERR_BUG, "an object lies outside the address map");
        }
        uint8_t *sample = (uint8_t *)offsets->samples.data + 5 * (size_t)line;
        if (HA_LIKELY(ha_le40(sample) == NO_OFFSET)) {
            ha_put_le40(sample, run->off);
            continue;
        }
        struct ha_offset_run *conflict = ha_vec_push(&offsets->conflicts);
        if (conflict == NULL) {
            return ha_err_nomem();
        }
        *conflict = *run;
    }
    runs->runs.count = 0;
    return NULL;
}

/* Goes through the records of a run again. */
static struct ha_err *add_strays(struct ha_offsets *offsets, struct ha_window *window, const struct ha_offset_run *run)
{
    struct ha_build *build = offsets->build;
    for (uint64_t off = run->off; off < run->end;) {
        struct ha_sub sub;
        ha_obj obj;
        if (ha_sub_read(window, off, run->end, build->facts.id_size, &sub) != HA_SUB_OK) {
            return ha_window_error(window);
        }
        if (ha_build_find(build, sub.id, &obj)) {
            if (!ha_vec_reserve(&offsets->strays, 2)) {
                return ha_err_nomem();
            }
            offsets->strays.data[offsets->strays.count++] = obj.i;
            offsets->strays.data[offsets->strays.count++] = off;
        }
        off = sub.end;
    }
    return NULL;
}

static int compare_strays(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (x[0] > y[0]) - (x[0] < y[0]);
}

struct ha_err *ha_offsets_write(struct ha_offsets *offsets)
{
    struct ha_build *build = offsets->build;
    if (offsets->column != NULL) {
        return NULL;
    }
    struct ha_window window;
    struct ha_err *err = NULL;
    ha_window_init(&window, build->input, HA_WINDOW_LEAPS); /* a few records here and there */
    for (size_t i = 0; i < offsets->conflicts.count && err == NULL; i++) {
        err = add_strays(offsets, &window, &offsets->conflicts.data[i]);
    }
    ha_window_deinit(&window);
    HA_TRY(err);
    if (offsets->strays.count > 2) {
        qsort(offsets->strays.data, offsets->strays.count / 2, 2 * sizeof(uint64_t), compare_strays);
    }
    HA_TRY(ha_index_section_put(build->writer, HA_SECTION_SAMPLES, 5, build->addresses->page_count * HA_PAGE_LINES, offsets->samples.data));
    return ha_index_section_put(build->writer, HA_SECTION_STRAYS, 2 * sizeof(uint64_t), offsets->strays.count / 2, offsets->strays.data);
}
