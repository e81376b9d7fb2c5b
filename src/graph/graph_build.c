/* SPDX-License-Identifier: MIT */
/*
 * Pass 3: every record once more, now that each address has a number.
 *
 *     worker     [batch 0] [batch 2] …        decodes records, looks up every reference, collects rows in a buffer
 *     turn             0        1        2    batches hand over in order: each learns where its rows begin in `targets`, then writes them
 *
 * Rows lie in file order, so the sections are the same with any number of threads. The columns of the objects are written straight into their
 * sections; a batch meets each of its objects alone, so workers never write the same element (bits are set at the end, from the lengths).
 *
 * Cost: one cache miss per reference that leads far away. Memory: 4 bytes per object for the lengths of arrays until they are packed, and the
 * buffers of the workers. A row longer than a buffer is written in pieces while the batch holds the turn.
 */
#include "ha/graph/graph_build.h"

#include "ha/base/pool.h"
#include "ha/heap/heap_gaps.h"
#include "ha/heap/heap_lookup.h"
#include "ha/heap/heap_sections.h"
#include "graph/graph_fillers.h"
#include "graph/graph_lengths.h"
#include "graph/graph_offsets.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FLUSH_TARGETS (4U << 20)  /* targets a worker buffers before it writes */
#define PIECE_BYTES (256U << 10)  /* of an array body at a time */
#define ROW_ROOM (HA_WINDOW_MAX / 4U + 2U) /* the most references that are put at a time: of an instance that fits a window */
#define NAME_SHOWN_MAX 200U       /* bytes of a class name in a message */
#define QUEUED_REFERENCES 256U    /* asked for before the first of them is looked up */
#define QUEUED_ROWS 64U
#define QUEUED_ELEMENTS_MAX 64U   /* longer arrays are looked up at once: their own elements overlap */

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

struct worker {
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
    struct worker *workers;
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

/* ---- rows ---- */

/* Takes the turn (if not held), learns where the buffer lands, writes it and the starts of its rows. */
static struct ha_err *flush(struct pass *pass, struct worker *w)
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

/* A row that is being made: the targets from `begin` on in the buffer. */
struct row {
    struct worker *w;
    uint32_t obj;
    bool started; /* a part of it is written; then one target is held back, for the last one gets a mark */
    size_t begin;
};

static struct ha_err *row_start_here(struct row *row)
{
    struct pending *start = ha_vec_push(&row->w->starts);
    if (HA_UNLIKELY(start == NULL)) {
        return ha_err_nomem();
    }
    *start = (struct pending){row->obj, (uint32_t)row->begin};
    row->started = true;
    return NULL;
}

static HA_NOINLINE struct ha_err *flush_row(struct pass *pass, struct row *row)
{
    struct worker *w = row->w;
    bool any = w->count > row->begin;
    uint32_t held = any ? w->targets[w->count - 1] : 0;
    if (any && !row->started) {
        HA_TRY(row_start_here(row));
    }
    w->count -= any;
    HA_TRY(flush(pass, w));
    row->begin = 0;
    w->targets[0] = held;
    w->count = any;
    return NULL;
}

/* Room for `more` targets, which must be less than the buffer. */
HA_INLINE struct ha_err *make_room(struct pass *pass, struct row *row, size_t more)
{
    return HA_LIKELY(row->w->capacity - row->w->count > more) ? NULL : flush_row(pass, row);
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
    HA_TRY(make_room(pass, row, 1));
    row_put(row, target, true);
    row->w->references -= target == HA_EDGE_NULL;
    return NULL;
}

static struct ha_err *row_add_extras(struct pass *pass, struct row *row)
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

HA_INLINE struct ha_err *row_end(struct pass *pass, struct row *row)
{
    if (HA_UNLIKELY(pass->has_extras != NULL && (pass->has_extras[row->obj >> 6] >> (row->obj & 63) & 1) != 0)) {
        HA_TRY(row_add_extras(pass, row));
    }
    struct worker *w = row->w;
    if (w->count == row->begin) {
        return NULL; /* as all rows were at the beginning */
    }
    w->targets[w->count - 1] |= HA_EDGE_END;
    return row->started ? NULL : row_start_here(row);
}

HA_INLINE bool find_address(const struct pass *pass, uint64_t address, ha_obj *ret)
{
    return HA_LIKELY(pass->queued > 0) ? ha_lookup_at(&pass->lookup, ha_lookup_locate(&pass->lookup, address), ret)
                                       : ha_addresses_find(pass->build->addresses, address, ret);
}

/* The target of a reference, where there is room for it. Nulls are as frequent as they are unforeseeable: no jump depends on them. */
HA_INLINE void row_put_address(struct pass *pass, struct row *row, uint64_t address, uint64_t stand_in)
{
    ha_obj target;
    bool found = find_address(pass, address != 0 ? address : stand_in, &target);
    row_put(row, target.i, found && address != 0);
    row->w->dangling += !found && address != 0;
}

HA_INLINE struct ha_err *row_add_address(struct pass *pass, struct row *row, uint64_t address)
{
    HA_TRY(make_room(pass, row, 1));
    row_put_address(pass, row, address, 0);
    return NULL;
}

/* ---- the queue ---- */

/* Room for all that waits. */
static struct ha_err *drain_room(struct pass *pass, struct worker *w)
{
    if (w->capacity - w->count <= w->queue.references) {
        HA_TRY(flush(pass, w));
    }
    return ha_vec_reserve(&w->starts, QUEUED_ROWS) ? NULL : ha_err_nomem();
}

/* Looks up what waits, and makes its rows. */
HA_POPCNT_CLONES static struct ha_err *drain(struct pass *pass, struct worker *w)
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
        if (HA_UNLIKELY(pass->has_extras != NULL && (pass->has_extras[row.obj >> 6] >> (row.obj & 63) & 1) != 0)) {
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

/* Room for a row of so many references, at most QUEUED_REFERENCES. */
HA_INLINE struct ha_err *queue_room(struct pass *pass, struct worker *w, uint32_t references)
{
    bool full = w->queue.row_count == QUEUED_ROWS || w->queue.references + references > QUEUED_REFERENCES;
    return HA_LIKELY(!full) ? NULL : drain(pass, w);
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

/* ---- records ---- */

HA_INLINE void put_class(struct pass *pass, ha_obj obj, uint32_t cls)
{
    if (pass->class_width == 2) {
        uint16_t narrow = (uint16_t)cls;
        memcpy(pass->class_column + 2 * (size_t)obj.i, &narrow, sizeof narrow);
    } else {
        memcpy(pass->class_column + 4 * (size_t)obj.i, &cls, sizeof cls);
    }
}

/* The object of a record, if this record is the one that counts. */
HA_INLINE bool take_object(struct pass *pass, struct worker *w, const struct ha_lookup *lookup, uint64_t id, ha_obj *ret)
{
    bool found = HA_LIKELY(pass->queued > 0) ? ha_lookup_find_near(lookup, &w->nearby, id, ret) : ha_addresses_find(pass->build->addresses, id, ret);
    if (HA_UNLIKELY(id == 0 || !found)) {
        return false;
    }
    if (HA_UNLIKELY(pass->seen != NULL)) {
        uint64_t bit = 1ULL << (ret->i & 63);
        if ((pass->seen[ret->i >> 6] & bit) != 0) {
            return false;
        }
        pass->seen[ret->i >> 6] |= bit;
    }
    return true;
}

static uint32_t fallback(const struct pass *pass)
{
    return pass->build->fallback_class != HA_NONE ? pass->build->fallback_class : 0;
}

/* References of an instance whose payload is not as its class says: as many fields as fit. */
static HA_NOINLINE struct ha_err *odd_instance(struct pass *pass, struct row *row, const struct ha_build_class *cls, const struct ha_sub *sub)
{
    const struct ha_build *build = pass->build;
    unsigned id_size = build->facts.id_size;
    bool referent_due = (cls->flags & HA_CLASS_IS_REFERENCE) != 0;
    if (referent_due) {
        HA_TRY(row_add(pass, row, HA_EDGE_NULL)); /* the referent's place; which field it is cannot be told safely here */
    }
    uint64_t offset = 0;
    for (const struct ha_build_class *c = cls;; c = &build->classes.data[c->fields_super.i]) {
        for (uint32_t i = 0; i < c->fields_count; i++) {
            uint8_t type = build->fields.data[c->fields_first + i].type;
            unsigned bytes = ha_value_bytes(type, id_size);
            if (offset + bytes > sub->count) {
                return NULL;
            }
            if (type == HA_TYPE_REFERENCE) {
                const uint8_t *p = ha_window_at(&row->w->window, sub->body + offset, bytes);
                if (p == NULL) {
                    return ha_window_error(&row->w->window);
                }
                HA_TRY(row_add_address(pass, row, ha_sub_id(p, id_size)));
            }
            offset += bytes;
        }
        if (ha_cls_is_none(c->fields_super)) {
            return NULL;
        }
    }
}

HA_INLINE struct ha_err *instance_row(struct pass *pass, struct worker *w, const struct ha_lookup *lookup, ha_obj obj,
                                      const struct ha_build_class *cls, const struct ha_sub *sub, unsigned id_size)
{
    const uint32_t *offsets = cls->reference_offsets;
    const uint8_t *p = NULL;
    if (HA_LIKELY(offsets != NULL && sub->count == cls->payload_bytes && sub->count <= HA_WINDOW_MAX)) {
        p = ha_window_at(&w->window, sub->body, sub->count);
        if (p == NULL) {
            return ha_window_error(&w->window);
        }
    }
    if (HA_LIKELY(p != NULL && (cls->flags & HA_CLASS_IS_REFERENCE) == 0 && cls->reference_fields <= pass->queued)) {
        HA_TRY(queue_room(pass, w, cls->reference_fields));
        for (uint32_t i = 0; i < cls->reference_fields; i++) {
            queue_put(lookup, &w->queue, ha_sub_id(p + offsets[i], id_size));
        }
        queue_end(&w->queue, obj);
        return NULL;
    }
    HA_TRY(drain(pass, w));
    struct row row = {.w = w, .obj = obj.i, .begin = w->count};
    if (cls->reference_fields == 0) {
        return row_end(pass, &row);
    }
    if (HA_UNLIKELY(p == NULL)) {
        HA_TRY(odd_instance(pass, &row, cls, sub));
        return row_end(pass, &row);
    }
    uint32_t i = 0;
    if (HA_UNLIKELY((cls->flags & HA_CLASS_IS_REFERENCE) != 0)) {
        ha_obj referent;
        uint64_t address = ha_sub_id(p + offsets[0], id_size);
        bool found = ha_build_find(pass->build, address, &referent);
        w->dangling += address != 0 && !found;
        HA_TRY(row_add(pass, &row, found ? referent.i : HA_EDGE_NULL));
        i = 1;
    }
    HA_TRY(make_room(pass, &row, cls->reference_fields));
    for (; i < cls->reference_fields; i++) {
        row_put_address(pass, &row, ha_sub_id(p + offsets[i], id_size), sub->id);
    }
    return row_end(pass, &row);
}

HA_INLINE struct ha_err *array_row(struct pass *pass, struct worker *w, const struct ha_lookup *lookup, ha_obj obj, const struct ha_sub *sub,
                                   unsigned id_size)
{
    if (HA_LIKELY(sub->count <= QUEUED_ELEMENTS_MAX && sub->count <= pass->queued)) {
        const uint8_t *p = ha_window_at(&w->window, sub->body, sub->count * id_size);
        if (HA_UNLIKELY(p == NULL)) {
            return ha_window_error(&w->window);
        }
        HA_TRY(queue_room(pass, w, sub->count));
        for (uint32_t i = 0; i < sub->count; i++) {
            queue_put(lookup, &w->queue, ha_sub_id(p + i * id_size, id_size));
        }
        queue_end(&w->queue, obj);
        return NULL;
    }
    HA_TRY(drain(pass, w));
    struct row row = {.w = w, .obj = obj.i, .begin = w->count};
    for (uint64_t off = sub->body; off < sub->end;) {
        uint64_t left = sub->end - off;
        size_t bytes = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
        const uint8_t *p = ha_window_at(&w->window, off, bytes);
        if (p == NULL) {
            return ha_window_error(&w->window);
        }
        HA_TRY(make_room(pass, &row, bytes / id_size));
        for (size_t i = 0; i < bytes; i += id_size) {
            row_put_address(pass, &row, ha_sub_id(p + i, id_size), sub->id);
        }
        off += bytes;
    }
    return row_end(pass, &row);
}

static struct ha_err *class_row(struct pass *pass, struct worker *w, const struct ha_build_class *cls)
{
    const struct ha_build *build = pass->build;
    HA_TRY(drain(pass, w));
    struct row row = {.w = w, .obj = cls->object.i, .begin = w->count};
    if (!ha_cls_is_none(cls->super) && !ha_obj_is_none(build->classes.data[cls->super.i].object)) {
        HA_TRY(row_add(pass, &row, build->classes.data[cls->super.i].object.i));
    }
    ha_obj loader;
    if (ha_build_find(build, cls->loader_id, &loader)) {
        HA_TRY(row_add(pass, &row, loader.i));
    }
    for (uint32_t i = 0; i < cls->statics_count; i++) {
        const struct ha_build_field *field = &build->statics.data[cls->statics_first + i];
        if (field->type == HA_TYPE_REFERENCE) {
            HA_TRY(row_add_address(pass, &row, field->value));
        }
    }
    return row_end(pass, &row);
}

/* A made-up class takes the largest payload of its instances. */
static void note_payload(struct ha_build_class *cls, uint32_t bytes)
{
    uint32_t seen = __atomic_load_n(&cls->payload_bytes, __ATOMIC_RELAXED);
    while (bytes > seen && !__atomic_compare_exchange_n(&cls->payload_bytes, &seen, bytes, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
}

/* An instance whose bytes of values are not those of its class. */
static HA_NOINLINE void note_odd_size(struct pass *pass, struct worker *w, const struct ha_sub *sub, uint32_t number)
{
    struct ha_build_class *cls = &pass->build->classes.data[number];
    if ((cls->flags & HA_CLASS_IS_MADE_UP) != 0) {
        note_payload(cls, sub->count);
        return;
    }
    if (cls->cut && sub->count > cls->payload_bytes) {
        return; /* told as missing class */
    }
    if (w->bad_instances == 0 || sub->off < w->bad_off) {
        w->bad_off = sub->off;
        w->bad_class = number;
        w->bad_bytes = sub->count;
    }
    w->bad_instances++;
}

HA_INLINE struct ha_err *on_instance(struct pass *pass, struct worker *w, const struct ha_lookup *lookup, const struct ha_sub *sub,
                                     unsigned id_size)
{
    struct ha_build *build = pass->build;
    ha_obj obj;
    uint32_t number = ha_idmap_get_cached(&build->class_ids, &w->class_cache, sub->class_id);
    if (HA_UNLIKELY(number == HA_NONE)) {
        number = fallback(pass);
    }
    const struct ha_build_class *cls = &build->classes.data[number];
    bool is_class_object = (cls->flags & HA_CLASS_IS_CLASS) != 0 && ha_build_is_mirror(build, sub->id);
    if (HA_UNLIKELY(is_class_object || !take_object(pass, w, lookup, sub->id, &obj))) {
        ha_offset_runs_close(&w->runs);
        return NULL;
    }
    put_class(pass, obj, number);
    HA_TRY(ha_offsets_add(&pass->offsets, &w->runs, obj, sub->id, sub->off, sub->end));
    if (HA_UNLIKELY(ha_gap_wanted(sub->id, cls->instances))) {
        ha_gap_note_instance(&w->gaps, build->addresses, sub->id, obj, number);
    }
    if (HA_UNLIKELY(sub->count != cls->payload_bytes)) {
        note_odd_size(pass, w, sub, number);
    }
    if (!pass->rows || obj.i >= build->facts.branch_count) {
        return NULL;
    }
    return instance_row(pass, w, lookup, obj, cls, sub, id_size);
}

HA_INLINE struct ha_err *on_array(struct pass *pass, struct worker *w, const struct ha_lookup *lookup, const struct ha_sub *sub,
                                  unsigned id_size)
{
    struct ha_build *build = pass->build;
    ha_obj obj;
    if (HA_UNLIKELY(!take_object(pass, w, lookup, sub->id, &obj))) {
        ha_offset_runs_close(&w->runs);
        return NULL;
    }
    bool objects = sub->tag == HA_SUB_OBJ_ARRAY;
    uint32_t cls = objects ? ha_idmap_get_cached(&build->class_ids, &w->class_cache, sub->class_id) : build->primitive_arrays[sub->type];
    if (objects && cls != HA_NONE && HA_UNLIKELY(ha_build_is_no_array(build, cls))) {
        cls = build->object_array; /* told by the scan */
    }
    put_class(pass, obj, cls == HA_NONE ? fallback(pass) : cls);
    HA_TRY(ha_offsets_add(&pass->offsets, &w->runs, obj, sub->id, sub->off, sub->end));
    if (HA_UNLIKELY(cls != HA_NONE && ha_gap_wanted(sub->id, build->classes.data[cls].instances))) {
        ha_gap_note_array(&w->gaps, build->addresses, sub->id, obj, sub->count, objects ? 0 : ha_type_bytes((enum ha_type)sub->type, 4));
    }
    pass->lengths[obj.i] = (sub->count < UINT32_MAX ? sub->count : UINT32_MAX - 1) + 1;
    if (!pass->rows || obj.i >= build->facts.branch_count) {
        return NULL;
    }
    if (objects) {
        return array_row(pass, w, lookup, obj, sub, id_size);
    }
    HA_TRY(drain(pass, w));
    struct row row = {.w = w, .obj = obj.i, .begin = w->count};
    return row_end(pass, &row);
}

static HA_NOINLINE struct ha_err *on_class(struct pass *pass, struct worker *w, struct ha_batch_walk *walk, struct ha_sub *sub, bool *ret_stop)
{
    struct ha_build *build = pass->build;
    const struct ha_lookup *lookup = &pass->lookup;
    struct ha_class_dump dump;
    *ret_stop = ha_class_dump_read(&w->window, sub->off, walk->seg_end, build->facts.id_size, &dump) != HA_SUB_OK;
    if (*ret_stop) {
        return NULL;
    }
    sub->end = dump.end;
    uint32_t cls = ha_build_class_of(build, sub->id);
    ha_obj obj;
    if (cls == HA_NONE || build->classes.data[cls].record != sub->off || !take_object(pass, w, lookup, sub->id, &obj)) {
        return NULL;
    }
    put_class(pass, obj, build->class_class);
    if (pass->offsets.column != NULL) {
        HA_TRY(ha_offsets_add(&pass->offsets, &w->runs, obj, sub->id, sub->off, sub->end));
    }
    ha_gap_note_class(&w->gaps, build->addresses, sub->id, obj, cls);
    return pass->rows && obj.i < build->facts.branch_count ? class_row(pass, w, &build->classes.data[cls]) : NULL;
}

HA_INLINE struct ha_err *read_records(struct pass *pass, struct worker *w, struct ha_batch_walk *walk, unsigned id_size)
{
    const struct ha_lookup lookup = pass->lookup; /* a copy that no store can change */
    while (ha_batch_walk_segment(walk)) {
        uint64_t off = walk->off;
        ha_offset_runs_close(&w->runs);
        while (off < walk->seg_end) {
            struct ha_sub sub;
            if (HA_UNLIKELY(ha_sub_read(&w->window, off, walk->seg_end, id_size, &sub) != HA_SUB_OK)) {
                break; /* reported by the scan */
            }
            if (HA_LIKELY(sub.tag == HA_SUB_INSTANCE)) {
                HA_TRY(on_instance(pass, w, &lookup, &sub, id_size));
            } else if (sub.tag == HA_SUB_OBJ_ARRAY || sub.tag == HA_SUB_PRIM_ARRAY || sub.tag == HA_SUB_PRIM_ARRAY_NODATA) {
                HA_TRY(on_array(pass, w, &lookup, &sub, id_size));
            } else {
                ha_offset_runs_close(&w->runs);
            }
            if (HA_UNLIKELY(sub.tag == HA_SUB_CLASS)) {
                bool stop;
                HA_TRY(on_class(pass, w, walk, &sub, &stop));
                if (stop) {
                    break;
                }
            }
            off = sub.end;
        }
    }
    return ha_window_error(&w->window);
}

HA_POPCNT_CLONES static struct ha_err *batch(void *ctx, unsigned worker, uint64_t index)
{
    struct pass *pass = ctx;
    struct worker *w = &pass->workers[worker];
    struct ha_batch_walk walk;
    w->index = index;
    w->holding = false;
    ha_batch_walk_begin(&pass->build->batches.data[index], &w->window, &walk);
    struct ha_err *err =
        pass->build->facts.id_size == 8 ? read_records(pass, w, &walk, 8) : read_records(pass, w, &walk, 4);
    if (err == NULL) {
        err = drain(pass, w);
    }
    if (err == NULL) {
        err = flush(pass, w); /* takes the turn in any case */
    }
    if (err == NULL) {
        err = ha_offsets_merge(&pass->offsets, &w->runs);
    }
    if (err != NULL) {
        ha_turn_fail(pass->turn);
        if (w->cancelled) {
            ha_err_free(err);
            return NULL;
        }
        return err;
    }
    ha_turn_leave(pass->turn, index);
    ha_progress_step(pass->build->progress, pass->build->batches.data[index].end - pass->build->batches.data[index].off);
    return NULL;
}

/* Rows of classes that no record describes: they have none, but may be loaders' or threads' extras. */
static struct ha_err *made_up_rows(struct pass *pass)
{
    struct worker *w = &pass->workers[0];
    w->index = pass->build->batches.count;
    w->holding = false;
    for (size_t i = 0; i < pass->build->classes.count; i++) {
        const struct ha_build_class *cls = &pass->build->classes.data[i];
        ha_obj obj = cls->object;
        if (cls->record != UINT64_MAX || ha_obj_is_none(obj) || (pass->seen != NULL && (pass->seen[obj.i >> 6] >> (obj.i & 63) & 1) != 0)) {
            continue;
        }
        put_class(pass, obj, pass->build->class_class);
        ha_offsets_add_none(&pass->offsets, obj);
        if (pass->rows && obj.i < pass->build->facts.branch_count) {
            HA_TRY(class_row(pass, w, cls));
        }
    }
    HA_TRY(flush(pass, w));
    ha_turn_leave(pass->turn, w->index);
    return NULL;
}

/* ---- setting up ---- */

static struct ha_err *map_columns(struct pass *pass)
{
    struct ha_build *build = pass->build;
    uint64_t n = build->facts.object_count;
    pass->class_width = build->classes.count <= 65536 ? 2 : 4;
    HA_TRY(ha_big_init_raw(&build->class_column, n + 1, pass->class_width));
    HA_TRY(ha_offsets_init(&pass->offsets, build));
    if (pass->rows) {
        HA_TRY(ha_big_init_raw(&build->row_starts, (uint64_t)build->facts.branch_count + 1, 5));
        memset(build->row_starts.data, 0xff, 5 * ((size_t)build->facts.branch_count + 1));
    }
    pass->class_column = build->class_column.data;
    pass->row_start = build->row_starts.data;
    return NULL;
}

static struct ha_err *mark_extras(struct pass *pass, struct ha_big *bits)
{
    const struct ha_build *build = pass->build;
    if (build->extras.count == 0) {
        return NULL;
    }
    HA_TRY(ha_big_init(bits, build->facts.branch_count / 64 + 1, sizeof(uint64_t)));
    pass->has_extras = bits->data;
    for (size_t i = 0; i < build->extras.count; i++) {
        uint32_t source = build->extras.data[i].source;
        pass->has_extras[source >> 6] |= 1ULL << (source & 63);
    }
    return NULL;
}

static void workers_free(struct worker *workers, unsigned count)
{
    for (unsigned i = 0; workers != NULL && i < count; i++) {
        ha_window_deinit(&workers[i].window);
        ha_free(workers[i].targets);
        ha_gaps_deinit(&workers[i].gaps);
        ha_vec_deinit(&workers[i].starts);
        ha_vec_deinit(&workers[i].runs.runs);
    }
    ha_free(workers);
}

static struct ha_err *workers_create(struct ha_build *build, struct worker **ret)
{
    struct worker *workers = ha_calloc_array(build->threads, sizeof *workers);
    if (workers == NULL) {
        return ha_err_nomem();
    }
    uint64_t wanted = build->heap_bytes / build->facts.id_size + 1; /* a small dump needs no large buffers */
    size_t capacity = (wanted < FLUSH_TARGETS ? (size_t)wanted : FLUSH_TARGETS) + ROW_ROOM;
    for (unsigned i = 0; i < build->threads; i++) {
        ha_window_init(&workers[i].window, build->input, build->counts != NULL ? HA_WINDOW_RANDOM : HA_WINDOW_STREAM);
        ha_lookup_near_init(&workers[i].nearby);
        workers[i].capacity = capacity;
        workers[i].targets = ha_alloc_array(capacity, sizeof(uint32_t));
        struct ha_err *err = workers[i].targets == NULL ? ha_err_nomem() : ha_gaps_init(&workers[i].gaps, build->classes.count);
        if (err != NULL) {
            workers_free(workers, build->threads);
            return err;
        }
    }
    *ret = workers;
    return NULL;
}

static void tell_bad_instances(struct pass *pass)
{
    struct ha_build *build = pass->build;
    const struct worker *first = NULL;
    uint64_t count = 0;
    for (unsigned i = 0; i < build->threads; i++) {
        const struct worker *w = &pass->workers[i];
        count += w->bad_instances;
        if (w->bad_instances > 0 && (first == NULL || w->bad_off < first->bad_off)) {
            first = w;
        }
    }
    if (first == NULL) {
        return;
    }
    const struct ha_build_class *cls = &build->classes.data[first->bad_class];
    const char *name = strlen(cls->name) > NAME_SHOWN_MAX ? "a class with a long name" : cls->name;
    if (count == 1) {
        ha_diag_add(build->diag, HA_DIAG_BAD_INSTANCE, first->bad_off, count,
                    "an object of %s has %" PRIu32 " bytes of values where its class has %" PRIu32 "; fields that do not fit are taken as null", name,
                    first->bad_bytes, cls->payload_bytes);
    } else {
        ha_diag_add(build->diag, HA_DIAG_BAD_INSTANCE, first->bad_off, count,
                    "%" PRIu64 " objects have more or fewer bytes of values than their classes (the first is of %s and has %" PRIu32 ", not %" PRIu32
                    "); fields that do not fit are taken as null", count, name, first->bad_bytes, cls->payload_bytes);
    }
}

static struct ha_err *run(struct pass *pass)
{
    struct ha_build *build = pass->build;
    HA_TRY(map_columns(pass));
    HA_TRY(ha_index_stream_open(build->writer, HA_SECTION_TARGETS, sizeof(uint32_t)));
    ha_progress_begin(build->progress, "references", build->heap_bytes);
    bool alone = pass->seen != NULL || build->counts != NULL; /* records here and there are too little to hand over */
    HA_TRY(ha_parallel_for(alone ? 1 : build->threads, build->batches.count, batch, pass));
    HA_TRY(made_up_rows(pass));
    HA_TRY(ha_index_stream_close(build->writer, pass->written));
    HA_TRY(ha_offsets_write(&pass->offsets));
    if (!pass->rows) {
        HA_TRY(ha_graph_write_classes(build));
    }
    for (unsigned i = 0; i < build->threads; i++) {
        build->facts.dangling_references += pass->workers[i].dangling;
        build->facts.reference_count += pass->workers[i].references;
    }
    tell_bad_instances(pass);
    for (unsigned i = 1; i < build->threads; i++) {
        ha_gaps_merge(&pass->workers[0].gaps, &pass->workers[i].gaps, build->classes.count);
    }
    const struct ha_gaps *gaps = build->counts != NULL ? &build->counts->gaps : &pass->workers[0].gaps;
    HA_TRY(ha_index_section_put(build->writer, HA_SECTION_GAPS, sizeof(struct ha_gap), build->classes.count, gaps->classes));
    HA_TRY(ha_index_section_put(build->writer, HA_SECTION_GAP_ARRAYS, sizeof(struct ha_gap_arrays), 1, &gaps->arrays));
    struct ha_err *err = ha_graph_pack_lengths(build, pass->lengths);
    ha_progress_end(build->progress);
    return err;
}

struct ha_err *ha_graph_write_classes(struct ha_build *build)
{
    uint32_t width = build->classes.count <= 65536 ? 2 : 4;
    return ha_index_section_put(build->writer, HA_SECTION_CLASS_COLUMN, width, build->facts.object_count, build->class_column.data);
}

struct ha_err *ha_graph_build(struct ha_build *build, bool rows)
{
    struct pass pass = {.build = build, .rows = rows, .turn = ha_turn_create()};
    pass.queued = build->addresses->sorted == NULL ? QUEUED_REFERENCES : 0;
    struct ha_big lengths = {0}, extras = {0}, seen = {0};
    struct ha_err *err = pass.turn == NULL ? ha_err_nomem() : workers_create(build, &pass.workers);
    if (err == NULL) {
        err = ha_big_init(&lengths, (uint64_t)build->facts.object_count + 1, sizeof(uint32_t));
        pass.lengths = lengths.data;
    }
    if (err == NULL && rows) {
        err = mark_extras(&pass, &extras);
    }
    if (err == NULL && build->duplicates) {
        err = ha_big_init(&seen, build->facts.object_count / 64 + 1, sizeof(uint64_t));
        pass.seen = seen.data;
    }
    if (err == NULL && pass.queued > 0) {
        err = ha_lookup_init(&pass.lookup, build->addresses);
    }
    if (err == NULL) {
        err = run(&pass);
    }
    ha_lookup_deinit(&pass.lookup);
    if (err == NULL && rows) {
        err = ha_graph_note_fillers(build, pass.lengths);
    }
    ha_offsets_deinit(&pass.offsets);
    ha_big_deinit(&lengths);
    ha_big_deinit(&extras);
    ha_big_deinit(&seen);
    workers_free(pass.workers, build->threads);
    ha_turn_destroy(pass.turn);
    return err;
}
