/* SPDX-License-Identifier: MIT */
/*
 * Where the record of each object lies, as pass 3 finds it out. In a dump that ascends by address (Serial, Parallel, G1) neighbours in memory are
 * neighbours in the file: then it is enough to know where the records of each line of the address map (256 slots) begin, 0.1 bytes per object
 * instead of 5. Objects that are not found from there are kept as strays. Dumps in another order keep an offset per object.
 *
 *     file      … [a][b][c] [d][e] | [f] …      | a segment begins: whoever goes through the records must not cross it
 *     lines        -- 7 --   - 8 -   8
 *     samples   7: a   8: d      strays: f
 */
#ifndef HA_GRAPH_OFFSETS_H
#define HA_GRAPH_OFFSETS_H

#include "ha/base/vec.h"
#include "ha/heap/heap_addresses.h"
#include "ha/heap/heap_build.h"

/* Records of objects that follow each other in the file and lie in the same line of addresses. */
struct ha_offset_run {
    uint64_t line; /* address >> (shift + 8) while it is collected */
    uint64_t off;  /* of the first record */
    uint64_t end;  /* of the last */
};

/* Of one worker, for the batch it works on. */
struct ha_offset_runs {
    HA_VEC(struct ha_offset_run) runs;
    bool open; /* the last run may go on; then these are of it, and its end in `runs` is not up to date */
    uint64_t line, end;
};

struct ha_offsets {
    struct ha_build *build;
    uint8_t *column;       /* 5 bytes per object; NULL: samples */
    struct ha_big samples; /* 5 bytes per line */
    HA_VEC(struct ha_offset_run) conflicts; /* runs of lines that have a sample already */
    HA_VEC(uint64_t) strays;                /* pairs (object, offset) */
};

struct ha_err *ha_offsets_init(struct ha_offsets *offsets, struct ha_build *build) HA_WARN_UNUSED;
void ha_offsets_deinit(struct ha_offsets *offsets);

/* Ends the last run. */
HA_INLINE void ha_offset_runs_close(struct ha_offset_runs *runs)
{
    if (runs->open) {
        runs->runs.data[runs->runs.count - 1].end = runs->end;
        runs->open = false;
    }
}

/* Enters the record of an object, in file order within a batch. */
HA_INLINE struct ha_err *ha_offsets_add(struct ha_offsets *offsets, struct ha_offset_runs *runs, ha_obj obj, uint64_t address, uint64_t off, uint64_t end)
{
    if (offsets->column != NULL) {
        ha_put_le40(offsets->column + 5 * (size_t)obj.i, off);
        return NULL;
    }
    uint64_t line = address >> (offsets->build->addresses->shift + 8);
    if (HA_LIKELY(runs->open && runs->line == line)) {
        runs->end = end;
        return NULL;
    }
    ha_offset_runs_close(runs);
    struct ha_offset_run *next = ha_vec_push(&runs->runs);
    if (next == NULL) {
        return ha_err_nomem();
    }
    *next = (struct ha_offset_run){line, off, end};
    runs->open = true;
    runs->line = line;
    runs->end = end;
    return NULL;
}

/* An object without record. */
void ha_offsets_add_none(struct ha_offsets *offsets, ha_obj obj);

/* Takes the runs of a batch; in the order of the batches. */
struct ha_err *ha_offsets_merge(struct ha_offsets *offsets, struct ha_offset_runs *runs) HA_WARN_UNUSED;

/* Writes the sections. */
struct ha_err *ha_offsets_write(struct ha_offsets *offsets) HA_WARN_UNUSED;

#endif
