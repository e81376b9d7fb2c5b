/* SPDX-License-Identifier: MIT */
/*
 * Rows of references on their way from records to the section of targets: graph_pass.h has the picture.
 *
 *     worker     [batch 0] [batch 2] …        rows in a buffer
 *     turn             0        1        2    batches hand over in order: each learns where its rows begin in `targets`, then writes them
 *
 * A row longer than a buffer is written in pieces while the batch holds the turn.
 */
#include "graph/graph_pass.h"

struct ha_err *rows_flush(struct pass *pass, struct pass_worker *w)
{
    if (!w->holding) {
        if (!ha_turn_wait(pass->turn, w->index)) {
            w->cancelled = true;
            return ha_err_new(HA_ERR_BUG, "another batch failed");
        }
        w->holding = true;
    }
    uint64_t base = pass->written;
    pass->written += w->count;
    for (size_t i = 0; i < w->starts.count; i++) {
        ha_put_le40(pass->row_start + 5 * (size_t)w->starts.data[i].obj, base + w->starts.data[i].at);
    }
    struct ha_err *err = NULL;
    if (w->count > 0) {
        err = ha_index_stream_write_at(pass->build->writer, base * sizeof(uint32_t), w->targets, w->count * sizeof(uint32_t));
    }
    w->count = 0;
    w->starts.count = 0;
    return err;
}

struct ha_err *row_start_here(struct row *row)
{
    struct pending *start = ha_vec_push(&row->w->starts);
    if (HA_UNLIKELY(start == NULL)) {
        return ha_err_nomem();
    }
    *start = (struct pending){row->obj, (uint32_t)row->begin};
    row->started = true;
    return NULL;
}

struct ha_err *row_flush(struct pass *pass, struct row *row)
{
    struct pass_worker *w = row->w;
    bool any = w->count > row->begin;
    uint32_t held = any ? w->targets[w->count - 1] : 0;
    if (any && !row->started) {
        HA_TRY(row_start_here(row));
    }
    w->count -= any;
    HA_TRY(rows_flush(pass, w));
    row->begin = 0;
    w->targets[0] = held;
    w->count = any;
    return NULL;
}

struct ha_err *row_add_extras(struct pass *pass, struct row *row)
{
    const struct ha_build *build = pass->build;
    size_t low = 0, high = build->extras.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (build->extras.data[middle].source < row->obj) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < build->extras.count && build->extras.data[low].source == row->obj; low++) {
        HA_TRY(row_add(pass, row, build->extras.data[low].target));
    }
    return NULL;
}

/* Room for all that waits. */
static struct ha_err *drain_room(struct pass *pass, struct pass_worker *w)
{
    if (w->capacity - w->count <= w->queue.references) {
        HA_TRY(rows_flush(pass, w));
    }
    return ha_vec_reserve(&w->starts, QUEUED_ROWS) ? NULL : ha_err_nomem();
}

HA_POPCNT_CLONES struct ha_err *queue_drain(struct pass *pass, struct pass_worker *w)
{
    struct queue *queue = &w->queue;
    const struct ha_lookup lookup = pass->lookup;
    uint32_t next = 0, found_count = 0;
    HA_TRY(drain_room(pass, w));
    for (uint32_t r = 0; r < queue->row_count; r++) {
        struct row row = {.w = w, .obj = queue->rows[r].obj, .begin = w->count};
        uint32_t *target = w->targets + w->count;
        for (const uint32_t end = queue->rows[r].end; next < end; next++) {
            ha_obj obj = {0};
            bool found = ha_lookup_at(&lookup, queue->places[next], &obj);
            *target = obj.i;
            target += found;
        }
        w->count = (size_t)(target - w->targets);
        found_count += (uint32_t)(w->count - row.begin);
        if (row_has_extras(pass, row.obj)) {
            HA_TRY(row_end(pass, &row));
            HA_TRY(drain_room(pass, w));
        } else if (w->count > row.begin) {
            target[-1] |= HA_EDGE_END;
            w->starts.data[w->starts.count++] = (struct pending){row.obj, (uint32_t)row.begin};
        }
    }
    w->references += found_count;
    w->dangling += queue->references - found_count;
    queue->references = queue->row_count = 0;
    return NULL;
}
