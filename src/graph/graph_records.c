/* SPDX-License-Identifier: MIT */
/*
 * Records of pass 3: the columns of the objects, and which references make their rows.
 *
 *     instance        fields by the offsets of its class; others than the class has: as many as fit
 *     object array    elements; short ones wait in the queue like those of instances
 *     class dump      super class, loader, static fields
 *
 * A batch meets each of its objects alone, so workers never write the same element of a column.
 */
#include "graph/graph_pass.h"

#include <string.h>

#define PIECE_BYTES (256U << 10)  /* of an array body at a time */
#define QUEUED_ELEMENTS_MAX 64U   /* longer arrays are looked up at once: their own elements overlap */

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
HA_INLINE bool take_object(struct pass *pass, struct pass_worker *w, const struct ha_lookup *lookup, uint64_t id, ha_obj *ret)
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

HA_INLINE struct ha_err *instance_row(struct pass *pass, struct pass_worker *w, const struct ha_lookup *lookup, ha_obj obj,
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
    HA_TRY(queue_drain(pass, w));
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
    HA_TRY(row_make_room(pass, &row, cls->reference_fields));
    for (; i < cls->reference_fields; i++) {
        row_put_address(pass, &row, ha_sub_id(p + offsets[i], id_size), sub->id);
    }
    return row_end(pass, &row);
}

HA_INLINE struct ha_err *array_row(struct pass *pass, struct pass_worker *w, const struct ha_lookup *lookup, ha_obj obj, const struct ha_sub *sub,
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
    HA_TRY(queue_drain(pass, w));
    struct row row = {.w = w, .obj = obj.i, .begin = w->count};
    for (uint64_t off = sub->body; off < sub->end;) {
        uint64_t left = sub->end - off;
        size_t bytes = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
        const uint8_t *p = ha_window_at(&w->window, off, bytes);
        if (p == NULL) {
            return ha_window_error(&w->window);
        }
        HA_TRY(row_make_room(pass, &row, bytes / id_size));
        for (size_t i = 0; i < bytes; i += id_size) {
            row_put_address(pass, &row, ha_sub_id(p + i, id_size), sub->id);
        }
        off += bytes;
    }
    return row_end(pass, &row);
}

static struct ha_err *class_row(struct pass *pass, struct pass_worker *w, const struct ha_build_class *cls)
{
    const struct ha_build *build = pass->build;
    HA_TRY(queue_drain(pass, w));
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
static HA_NOINLINE void note_odd_size(struct pass *pass, struct pass_worker *w, const struct ha_sub *sub, uint32_t number)
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

HA_INLINE struct ha_err *on_instance(struct pass *pass, struct pass_worker *w, const struct ha_lookup *lookup, const struct ha_sub *sub,
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

HA_INLINE struct ha_err *on_array(struct pass *pass, struct pass_worker *w, const struct ha_lookup *lookup, const struct ha_sub *sub,
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
    HA_TRY(queue_drain(pass, w));
    struct row row = {.w = w, .obj = obj.i, .begin = w->count};
    return row_end(pass, &row);
}

static HA_NOINLINE struct ha_err *on_class(struct pass *pass, struct pass_worker *w, struct ha_batch_walk *walk, struct ha_sub *sub, bool *ret_stop)
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

HA_INLINE struct ha_err *read_records(struct pass *pass, struct pass_worker *w, struct ha_batch_walk *walk, unsigned id_size)
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
    struct pass_worker *w = &pass->workers[worker];
    struct ha_batch_walk walk;
    w->index = index;
    w->holding = false;
    ha_batch_walk_begin(&pass->build->batches.data[index], &w->window, &walk);
    struct ha_err *err =
        pass->build->facts.id_size == 8 ? read_records(pass, w, &walk, 8) : read_records(pass, w, &walk, 4);
    if (err == NULL) {
        err = queue_drain(pass, w);
    }
    if (err == NULL) {
        err = rows_flush(pass, w); /* takes the turn in any case */
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
    struct pass_worker *w = &pass->workers[0];
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
    HA_TRY(rows_flush(pass, w));
    ha_turn_leave(pass->turn, w->index);
    return NULL;
}

struct ha_err *pass_read(struct pass *pass)
{
    const struct ha_build *build = pass->build;
    bool alone = pass->seen != NULL || build->counts != NULL; /* records here and there are too little to hand over */
    HA_TRY(ha_parallel_for(alone ? 1 : build->threads, build->batches.count, batch, pass));
    return made_up_rows(pass);
}
