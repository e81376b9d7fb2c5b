/* SPDX-License-Identifier: MIT */
/*
 * Pass 3 in parts: graph_build.c sets it up, graph_records.c decodes records, graph_row.c writes the rows of references that come of them.
 *
 *     record ──▶ row_add()      row_end() ──▶ buffer ──rows_flush(), in the order of the batches──▶ section TGTS
 *           └──▶ queue_put()  queue_end() ──▶ queue ──queue_drain(), many look-ups at once──▶ buffer
 *
 * Rows lie in the buffer in the order of their records: whoever makes a row that does not wait empties the queue before.
 */
#ifndef HA_GRAPH_GRAPH_PASS_H
#define HA_GRAPH_GRAPH_PASS_H

#include "ha/base/pool.h"
#include "ha/graph/graph.h"
#include "ha/heap/heap_build.h"
#include "ha/heap/heap_gaps.h"
#include "ha/heap/heap_lookup.h"
#include "graph/graph_offsets.h"

#define QUEUED_REFERENCES 256U    /* asked for before the first of them is looked up */
#define QUEUED_ROWS 64U

/* A row in the buffer. */
struct pending {
    uint32_t obj;
    uint32_t at; /* in the buffer */
};

/* Rows whose references wait for the lines of the address map that tell their numbers: misses overlap across records. */
struct queue {
    uint64_t places[QUEUED_REFERENCES]; /* ha_lookup_locate() */
    struct {
        uint32_t obj, end; /* its references end there */
    } rows[QUEUED_ROWS];
    uint32_t references, row_count;
};

struct pass_worker {
    struct ha_window window;
    struct ha_gaps gaps;
    struct queue queue;
    struct ha_idmap_cache class_cache;
    struct ha_lookup_near nearby;
    uint32_t *targets;
    size_t count, capacity;
    HA_VEC(struct pending) starts;
    struct ha_offset_runs runs;
    uint64_t dangling, references;
    uint64_t bad_instances;      /* with other bytes of values than their class */
    uint64_t bad_off;            /* of the first of them, and what it is */
    uint32_t bad_class, bad_bytes;
    bool holding;   /* the turn */
    bool cancelled; /* another batch failed: its error is the one to report */
    uint64_t index; /* of the batch */
    char pad[64];
};

struct pass {
    struct ha_build *build;
    struct pass_worker *workers;
    uint8_t *class_column;
    uint32_t class_width;
    struct ha_offsets offsets;
    uint8_t *row_start;
    uint32_t *lengths; /* per object: 0 no array, else length + 1 */
    uint64_t *has_extras; /* bit per branch object */
    uint64_t *seen;    /* bit per object, only where ids are not unique */
    struct ha_turn *turn;
    uint64_t written;  /* targets written by batches that left; belongs to who holds the turn */
    struct ha_lookup lookup;
    uint32_t queued; /* rows of at most so many references are queued: QUEUED_REFERENCES, or 0 where addresses have no lines */
    bool rows;
};

/* Reads all records: columns, rows, gaps. */
struct ha_err *pass_read(struct pass *pass) HA_WARN_UNUSED;

/* ---- rows ---- */

/* Takes the turn (if not held), learns where the buffer lands, writes it and the starts of its rows. */
struct ha_err *rows_flush(struct pass *pass, struct pass_worker *w) HA_WARN_UNUSED;

/* A row that is being made: the targets from `begin` on in the buffer. */
struct row {
    struct pass_worker *w;
    uint32_t obj;
    bool started; /* a part of it is written; then one target is held back, for the last one gets a mark */
    size_t begin;
};

/* Notes that it begins, when its first target is there. */
struct ha_err *row_start_here(struct row *row) HA_WARN_UNUSED;

/* Writes what there is of a row. */
HA_NOINLINE struct ha_err *row_flush(struct pass *pass, struct row *row) HA_WARN_UNUSED;

/* The references that no record of the object holds. */
struct ha_err *row_add_extras(struct pass *pass, struct row *row) HA_WARN_UNUSED;

/* Room for `more` targets, which must be less than the buffer. */
HA_INLINE struct ha_err *row_make_room(struct pass *pass, struct row *row, size_t more)
{
    return HA_LIKELY(row->w->capacity - row->w->count > more) ? NULL : row_flush(pass, row);
}

/* The same when there is room. */
HA_INLINE void row_put(struct row *row, uint32_t target, bool counts)
{
    row->w->targets[row->w->count] = target;
    row->w->count += counts;
    row->w->references += counts;
}

HA_INLINE struct ha_err *row_add(struct pass *pass, struct row *row, uint32_t target)
{
    HA_TRY(row_make_room(pass, row, 1));
    row_put(row, target, true);
    row->w->references -= target == HA_EDGE_NULL;
    return NULL;
}

HA_INLINE bool row_has_extras(const struct pass *pass, uint32_t obj)
{
    return HA_UNLIKELY(pass->has_extras != NULL && (pass->has_extras[obj >> 6] >> (obj & 63) & 1) != 0);
}

HA_INLINE struct ha_err *row_end(struct pass *pass, struct row *row)
{
    if (row_has_extras(pass, row->obj)) {
        HA_TRY(row_add_extras(pass, row));
    }
    struct pass_worker *w = row->w;
    if (w->count == row->begin) {
        return NULL; /* as all rows were at the beginning */
    }
    w->targets[w->count - 1] |= HA_EDGE_END;
    return row->started ? NULL : row_start_here(row);
}

HA_INLINE bool pass_find(const struct pass *pass, uint64_t address, ha_obj *ret)
{
    return HA_LIKELY(pass->queued > 0) ? ha_lookup_at(&pass->lookup, ha_lookup_locate(&pass->lookup, address), ret)
                                       : ha_addresses_find(pass->build->addresses, address, ret);
}

/* The target of a reference, where there is room for it. Nulls are as frequent as they are unforeseeable: no jump depends on them. */
HA_INLINE void row_put_address(struct pass *pass, struct row *row, uint64_t address, uint64_t stand_in)
{
    ha_obj target;
    bool found = pass_find(pass, address != 0 ? address : stand_in, &target);
    row_put(row, target.i, found && address != 0);
    row->w->dangling += !found && address != 0;
}

HA_INLINE struct ha_err *row_add_address(struct pass *pass, struct row *row, uint64_t address)
{
    HA_TRY(row_make_room(pass, row, 1));
    row_put_address(pass, row, address, 0);
    return NULL;
}

/* ---- the queue ---- */

/* Looks up what waits, and makes its rows. */
struct ha_err *queue_drain(struct pass *pass, struct pass_worker *w) HA_WARN_UNUSED;

/* Room for a row of so many references, at most QUEUED_REFERENCES. */
HA_INLINE struct ha_err *queue_room(struct pass *pass, struct pass_worker *w, uint32_t references)
{
    bool full = w->queue.row_count == QUEUED_ROWS || w->queue.references + references > QUEUED_REFERENCES;
    return HA_LIKELY(!full) ? NULL : queue_drain(pass, w);
}

HA_INLINE void queue_put(const struct ha_lookup *lookup, struct queue *queue, uint64_t address)
{
    queue->places[queue->references] = ha_lookup_locate(lookup, address);
    queue->references += address != 0;
}

HA_INLINE void queue_end(struct queue *queue, ha_obj obj)
{
    queue->rows[queue->row_count].obj = obj.i;
    queue->rows[queue->row_count++].end = queue->references;
}

#endif
