/* SPDX-License-Identifier: MIT */
/*
 * Forward rows to inbound lists: a counting sort by target.
 *
 *     count    degree of every object                       sources of object i end up in [start(i), start(i + 1))
 *     prefix   where each list begins
 *     fill     rows in ascending order of their source: each list comes out ascending
 *
 * In parallel each worker takes a range of targets and reads all rows; who writes where does not depend on the number of workers.
 * Memory: 5 bytes per object while it runs.
 */
#include "ha/graph/graph_build.h"

#include "ha/base/pool.h"
#include "ha/graph/graph_starts.h"
#include "ha/heap/heap_sections.h"

#include <string.h>

struct transpose {
    const struct ha_build *build;
    const uint8_t *row_start;
    const uint32_t *targets;
    uint64_t target_count;
    uint8_t *next; /* 5 bytes per object: degree, then where its next source goes */
    uint32_t *sources;
    uint32_t ranges;
};

/* Adds one to the counter of an object; returns what it was. */
static inline uint64_t add_one(struct transpose *t, uint32_t obj)
{
    uint8_t *p = t->next + 5 * (size_t)obj;
    uint64_t old = ha_le40(p);
    ha_put_le40(p, old + 1);
    return old;
}

/* First object of range r of `ranges` equal ones. */
static uint32_t range_begin(const struct transpose *t, uint64_t r)
{
    return (uint32_t)((uint64_t)t->build->facts.object_count * r / t->ranges);
}

static struct ha_err *count_range(void *ctx, unsigned worker, uint64_t index)
{
    struct transpose *t = ctx;
    (void)worker;
    uint32_t begin = range_begin(t, index), end = range_begin(t, index + 1);
    uint32_t span = end - begin;
    for (uint64_t i = 0; i < t->target_count; i++) {
        uint32_t target = (t->targets[i] & ~HA_EDGE_END) - begin;
        if (target < span) {
            add_one(t, begin + target);
        }
    }
    return NULL;
}

static struct ha_err *fill_range(void *ctx, unsigned worker, uint64_t index)
{
    struct transpose *t = ctx;
    (void)worker;
    uint32_t begin = range_begin(t, index), end = range_begin(t, index + 1);
    uint32_t span = end - begin;
    for (uint32_t source = 0; source < t->build->facts.branch_count; source++) {
        uint64_t i = ha_le40(t->row_start + 5 * (size_t)source);
        if (i == HA_ROW_EMPTY) {
            continue;
        }
        for (bool last = false; !last; i++) {
            uint32_t word = t->targets[i];
            uint32_t target = (word & ~HA_EDGE_END) - begin;
            last = (word & HA_EDGE_END) != 0;
            if (target < span) {
                t->sources[add_one(t, begin + target)] = source;
            }
        }
    }
    return NULL;
}

/* Degrees to starts; the packed starts go to the sections. */
static struct ha_err *prefix(struct transpose *t, struct ha_index_writer *writer, uint64_t *ret_total)
{
    uint32_t n = t->build->facts.object_count;
    struct ha_starts_maker maker = {0};
    void *blocks;
    HA_TRY(ha_index_section_map(writer, HA_SECTION_IN_STARTS, HA_STARTS_BYTES, ha_starts_blocks(n), &blocks));
    maker.blocks = blocks;
    struct ha_err *err = NULL;
    uint64_t total = 0;
    for (uint32_t i = 0; i < n && err == NULL; i++) {
        uint8_t *next = t->next + 5 * (size_t)i;
        uint64_t degree = ha_le40(next);
        ha_put_le40(next, total);
        err = ha_starts_put(&maker, total, degree);
        total += degree;
    }
    if (err == NULL) {
        err = ha_index_section_put(writer, HA_SECTION_IN_LARGE, sizeof *maker.large.data, maker.large.count, maker.large.data);
    }
    *ret_total = total;
    ha_vec_deinit(&maker.large);
    return err;
}

struct ha_err *ha_graph_transpose(struct ha_build *build)
{
    struct ha_index_section targets;
    void *sources;
    HA_TRY(ha_index_writer_section(build->writer, HA_SECTION_TARGETS, &targets));
    struct transpose t = {.build = build, .row_start = build->row_starts.data, .targets = targets.data, .target_count = targets.count, .ranges = build->threads};
    struct ha_big next = {0};
    HA_TRY(ha_big_init(&next, (uint64_t)build->facts.object_count + 1, 5));
    t.next = next.data;
    struct ha_err *err = ha_parallel_for(build->threads, t.ranges, count_range, &t);
    uint64_t total = 0;
    if (err == NULL) {
        err = prefix(&t, build->writer, &total);
    }
    if (err == NULL) {
        err = ha_index_section_map(build->writer, HA_SECTION_SOURCES, sizeof(uint32_t), total, &sources);
        t.sources = sources;
    }
    if (err == NULL) {
        err = ha_parallel_for(build->threads, t.ranges, fill_range, &t);
    }
    ha_big_deinit(&next);
    return err;
}
