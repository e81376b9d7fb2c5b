/* SPDX-License-Identifier: MIT */
/*
 * Pass 2: every sub-record of the heap once, in parallel by batches.
 *
 *     record          what is kept
 *     instance        its address (and whether its class makes it a leaf), the count of its class
 *     object array    its address; whether it overlaps its neighbour if references took 8 bytes (MAT's test)
 *     primitive array its address
 *     class dump      its offset: the class table takes them up in file order after the scan
 *     root            as it is
 *
 * What workers find goes into lists of their batch and is merged in the order of the batches, so the outcome does not depend on timing.
 * A batch of one giant segment is split for pass 3 at the record boundaries the scan comes across.
 *
 * Where no sub-record begins, the scan looks for the next one that makes sense (heap_resync.c) and cuts the batch into pieces that leave out
 * what is between, so that the later passes see the same records:
 *
 *     batch    [ header  sub sub sub ?????? sub sub sub | header sub … )
 *     pieces   [ header  sub sub sub)      [sub sub sub)[ header sub … )
 */
#include "heap/heap_scan.h"

#include "ha/base/pool.h"
#include "ha/hprof/hprof_resync.h"
#include "heap/heap_damage.h"
#include "heap/heap_overlap.h"
#include "heap/heap_resync.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SPLIT_BYTES (8U << 20) /* pass 3 works on pieces of about this size */
#define UNKNOWN_CLASSES_MAX (1U << 16)
/* Pieces take memory: so many times a batch is cut for damage, and once more per 64 KiB; then the rest of a segment is lost. */
#define RESYNCS_FLOOR 64U
#define RESYNC_BYTES_SHIFT 16U
#define MISSING_REMEMBERED 8U

void ha_batch_walk_begin(const struct ha_batch *batch, struct ha_window *window, struct ha_batch_walk *ret)
{
    *ret = (struct ha_batch_walk){.window = window, .off = batch->off, .seg_end = batch->off, .end = batch->end,
                                  .raw = batch->raw};
}

bool ha_batch_walk_segment(struct ha_batch_walk *walk)
{
    if (walk->raw) {
        if (walk->seg_end == walk->end) {
            return false;
        }
        walk->seg_end = walk->end;
        return true;
    }
    while (walk->seg_end < walk->end) {
        const uint8_t *p = ha_window_at(walk->window, walk->seg_end, HA_RECORD_HEADER_BYTES);
        if (p == NULL) {
            return false;
        }
        uint64_t body = walk->seg_end + HA_RECORD_HEADER_BYTES;
        uint64_t length = ha_be32(p + 5);
        walk->seg_end = length <= walk->end - body ? body + length : walk->end;
        if (p[0] == HA_RECORD_HEAP_DUMP_SEGMENT || p[0] == HA_RECORD_HEAP_DUMP) {
            walk->off = body;
            return true;
        }
    }
    return false;
}

/* What one batch yields. */
struct found {
    HA_VEC(uint64_t) class_records; /* offset, then the end of its segment: two entries each */
    ha_build_roots roots;
    HA_VEC(struct ha_batch) pieces; /* what to put in place of the batch; none: it stays as it is */
    ha_damages damages;
    uint64_t missing[MISSING_REMEMBERED]; /* class ids that are not in the dump, the last ones */
    unsigned missing_next;
    uint64_t resyncs_left;
    uint64_t overlap_left; /* bytes that pieces may have in common with the one before, in all */
    uint64_t records;
    struct ha_overlap overlap;
    uint64_t bad_arrays, bad_arrays_off;
    HA_VEC(uint64_t) class_instances; /* offsets of instances of java.lang.Class */
};

/* What one worker counts over all its batches; sums do not depend on who did what. */
struct worker {
    struct ha_window window;
    struct ha_resync resync;
    struct ha_address_pending *pending; /* of the set */
    struct ha_idmap_cache class_cache;
    uint64_t *instances; /* per class */
    struct ha_idmap unknown[2]; /* class ids without class (so far), of instances and of object arrays: id -> kind */
    uint32_t unknown_types;     /* element types of primitive arrays without class: bits */
    uint64_t unknown_off;    /* of the first such record */
    bool unknown_overflow;   /* there were more ids than are remembered */
    uint64_t gcd;
    uint64_t last_address; /* of the batch */
    uint64_t descents;
    char pad[64];
};

struct scan {
    struct ha_build *build;
    struct ha_address_set *set;
    struct found *found; /* per batch */
    struct worker *workers;
    bool leaves; /* whether leaf classes are told apart */
};

static inline void note_address(struct worker *w, uint64_t address)
{
    if (HA_UNLIKELY(w->gcd > 8 || w->gcd == 0)) {
        w->gcd = ha_build_gcd(w->gcd, address);
    }
}

/* The same for objects, whose order decides how their records are found again. */
static inline void note_object(struct worker *w, uint64_t address)
{
    note_address(w, address);
    w->descents += address < w->last_address;
    w->last_address = address;
}

static struct ha_err *note_unknown_class(struct worker *w, uint64_t class_id, uint8_t kind, uint64_t off)
{
    struct ha_idmap *unknown = &w->unknown[kind == HA_CLASS_OBJECT_ARRAY];
    w->unknown_off = off < w->unknown_off ? off : w->unknown_off;
    if (ha_idmap_get(unknown, class_id) != HA_IDMAP_NONE) {
        return NULL;
    }
    if (unknown->count >= UNKNOWN_CLASSES_MAX) {
        w->unknown_overflow = true;
        return NULL;
    }
    return ha_idmap_add(unknown, class_id, kind, NULL) ? NULL : ha_err_nomem();
}

/* Whether others begin inside an object that is odd in itself: then it is the begin of one record and the end of another. */
static HA_NOINLINE bool others_inside(struct worker *w, const struct ha_sub *sub, uint64_t seg_end)
{
    uint64_t inside;
    return w->resync.build->classes.count > 0 && ha_resync(&w->resync, sub->off + 1, sub->end, seg_end, &inside);
}

/* The same for an object of an unknown class. */
static HA_NOINLINE bool hides_records(struct worker *w, struct found *found, const struct ha_sub *sub, uint64_t seg_end)
{
    for (unsigned i = 0; i < MISSING_REMEMBERED; i++) {
        if (found->missing[i] == sub->class_id) {
            return false; /* its class is just missing: chance does not name it twice */
        }
    }
    if (others_inside(w, sub, seg_end)) {
        return true;
    }
    found->missing[found->missing_next++ % MISSING_REMEMBERED] = sub->class_id;
    return false;
}

static HA_NOINLINE struct ha_err *note_class_instance(struct found *found, uint64_t off)
{
    uint64_t *slot = ha_vec_push(&found->class_instances);
    if (slot == NULL) {
        return ha_err_nomem();
    }
    *slot = off;
    return NULL;
}

/* An object with the id 0, which is null's: it is left out, or reading was astray. */
static HA_NOINLINE struct ha_err *on_null(struct worker *w, struct found *found, const struct ha_sub *sub, uint64_t seg_end, enum ha_sub_result *result)
{
    if (others_inside(w, sub, seg_end)) {
        *result = HA_SUB_UNKNOWN;
        return NULL;
    }
    struct ha_damage *damage = ha_vec_push(&found->damages);
    if (damage == NULL) {
        return ha_err_nomem();
    }
    uint64_t bytes = sub->end - sub->off;
    *damage = (struct ha_damage){.off = sub->off, .end = sub->end, .skipped = bytes, .unread = bytes, .kind = HA_DAMAGE_BAD_SUB, .tag = sub->tag, .resumed = true};
    return NULL;
}

static inline struct ha_err *on_instance(struct scan *scan, struct worker *w, unsigned worker, struct found *found, const struct ha_sub *sub,
                                         uint64_t seg_end, enum ha_sub_result *result)
{
    if (HA_UNLIKELY(sub->id == 0)) {
        return on_null(w, found, sub, seg_end, result);
    }
    uint32_t number = ha_idmap_get_cached(&scan->build->class_ids, &w->class_cache, sub->class_id);
    bool leaf = false;
    if (HA_LIKELY(number != HA_NONE)) {
        const struct ha_build_class *cls = &scan->build->classes.data[number];
        uint32_t flags = cls->flags;
        if (HA_UNLIKELY(sub->count != cls->payload_bytes) && !cls->cut && (flags & HA_CLASS_IS_MADE_UP) == 0 && others_inside(w, sub, seg_end)) {
            *result = HA_SUB_UNKNOWN;
            return NULL;
        }
        w->instances[number]++;
        leaf = scan->leaves && (flags & HA_CLASS_IS_LEAF) != 0;
        if (HA_UNLIKELY((flags & HA_CLASS_IS_CLASS) != 0)) {
            HA_TRY(note_class_instance(found, sub->off));
        }
    } else {
        if (hides_records(w, found, sub, seg_end)) {
            *result = HA_SUB_UNKNOWN;
            return NULL;
        }
        HA_TRY(note_unknown_class(w, sub->class_id, HA_CLASS_INSTANCE, sub->off));
    }
    note_object(w, sub->id);
    return ha_address_set_add(scan->set, w->pending, worker, sub->id, leaf);
}

static inline struct ha_err *on_object_array(struct scan *scan, struct worker *w, unsigned worker, struct found *found, const struct ha_sub *sub,
                                             uint64_t seg_end, enum ha_sub_result *result)
{
    if (HA_UNLIKELY(sub->id == 0)) {
        return on_null(w, found, sub, seg_end, result);
    }
    uint32_t cls = ha_idmap_get_cached(&scan->build->class_ids, &w->class_cache, sub->class_id);
    if (HA_LIKELY(cls != HA_NONE)) {
        w->instances[cls]++;
        if (HA_UNLIKELY(ha_build_is_no_array(scan->build, cls))) {
            found->bad_arrays_off = found->bad_arrays == 0 ? sub->off : found->bad_arrays_off;
            found->bad_arrays++;
        }
    } else {
        if (hides_records(w, found, sub, seg_end)) {
            *result = HA_SUB_UNKNOWN;
            return NULL;
        }
        HA_TRY(note_unknown_class(w, sub->class_id, HA_CLASS_OBJECT_ARRAY, sub->off));
    }
    ha_overlap_note(&found->overlap, sub->id, sub->count);
    note_object(w, sub->id);
    return ha_address_set_add(scan->set, w->pending, worker, sub->id, false);
}

static inline struct ha_err *on_primitive_array(struct scan *scan, struct worker *w, unsigned worker, struct found *found, const struct ha_sub *sub,
                                                uint64_t seg_end, enum ha_sub_result *result)
{
    if (HA_UNLIKELY(sub->id == 0)) {
        return on_null(w, found, sub, seg_end, result);
    }
    uint32_t cls = scan->build->primitive_arrays[sub->type];
    bool leaf = scan->leaves;
    if (HA_LIKELY(cls != HA_NONE)) {
        w->instances[cls]++;
        leaf = leaf && (scan->build->classes.data[cls].flags & HA_CLASS_IS_LEAF) != 0;
    } else {
        w->unknown_types |= 1U << sub->type;
        w->unknown_off = sub->off < w->unknown_off ? sub->off : w->unknown_off;
    }
    note_object(w, sub->id);
    return ha_address_set_add(scan->set, w->pending, worker, sub->id, leaf);
}

/* Records other than instances and arrays. sub->end is set here for class dumps. */
static HA_NOINLINE struct ha_err *on_other(struct scan *scan, struct worker *w, struct found *found, struct ha_batch_walk *walk, struct ha_sub *sub,
                                           enum ha_sub_result *result)
{
    if (sub->tag == HA_SUB_CLASS) {
        struct ha_class_dump dump;
        *result = ha_class_dump_read(&w->window, sub->off, walk->seg_end, scan->build->facts.id_size, &dump);
        if (*result != HA_SUB_OK) {
            return NULL;
        }
        sub->end = dump.end;
        note_address(w, sub->id);
        if (!ha_vec_reserve(&found->class_records, 2)) {
            return ha_err_nomem();
        }
        found->class_records.data[found->class_records.count++] = sub->off;
        found->class_records.data[found->class_records.count++] = walk->seg_end;
        return NULL;
    }
    return ha_sub_root_bytes(sub->tag, scan->build->facts.id_size) != 0 ? ha_build_roots_add(&found->roots, sub) : NULL;
}

/* ---- where no sub-record begins ---- */

/* The part of a batch that is being read. */
struct piece {
    uint64_t from;
    bool raw;
};

static struct ha_err *cut_piece(struct found *found, struct piece *piece, uint64_t end, uint64_t next, bool next_raw, bool guessed)
{
    if (end > piece->from) {
        struct ha_batch *cut = ha_vec_push(&found->pieces);
        if (cut == NULL) {
            return ha_err_nomem();
        }
        *cut = (struct ha_batch){.off = piece->from, .end = end, .raw = piece->raw, .guessed = guessed && piece->raw};
    }
    *piece = (struct piece){next, next_raw};
    return NULL;
}

struct stop {
    uint64_t last; /* the record before, or off */
    uint64_t off;
    enum ha_sub_result result;
};

/* Whether a top-level record stands at off: no tag of one is that of a sub-record. */
static bool heap_record_at(struct scan *scan, uint64_t off, uint64_t end)
{
    struct ha_window window;
    ha_window_init(&window, scan->build->input, HA_WINDOW_RANDOM);
    const uint8_t *p = end - off < HA_RECORD_HEADER_BYTES ? NULL : ha_window_at(&window, off, HA_RECORD_HEADER_BYTES);
    bool tag_fits = p != NULL && (ha_record_is_heap(p[0]) || p[0] == HA_RECORD_HEAP_DUMP_END);
    bool yes = tag_fits && ha_record_chain(&window, off, scan->build->facts.id_size, 2);
    ha_window_deinit(&window);
    return yes;
}

/* Bytes that a sub-record announces beyond the end of its segment. */
static uint64_t bytes_beyond(struct scan *scan, struct ha_window *window, uint64_t off, uint64_t seg_end)
{
    struct ha_sub sub;
    uint64_t far = seg_end + ((uint64_t)UINT32_MAX << 4); /* more than any sub-record takes */
    bool read = ha_sub_read(window, off, far, scan->build->facts.id_size, &sub) == HA_SUB_OK;
    return read && sub.end > seg_end ? sub.end - seg_end : 0;
}

static struct ha_err *note_stop(struct scan *scan, struct found *found, const struct stop *stop, uint64_t seg_end, uint64_t next)
{
    struct ha_build *build = scan->build;
    struct ha_window window;
    ha_window_init(&window, build->input, HA_WINDOW_RANDOM);
    const uint8_t *p = ha_window_at(&window, stop->off, 1);
    uint8_t tag = p == NULL ? 0 : p[0];
    uint64_t beyond = stop->result == HA_SUB_TRUNCATED && next == seg_end ? bytes_beyond(scan, &window, stop->off, seg_end) : 0;
    ha_window_deinit(&window);
    struct ha_damage *damage = ha_vec_push(&found->damages);
    if (damage == NULL) {
        return ha_err_nomem();
    }
    uint64_t unread = next > stop->off ? next - stop->off : 0;
    *damage = (struct ha_damage){.off = stop->off, .end = seg_end, .skipped = unread, .unread = unread, .beyond = beyond, .tag = tag, .resumed = next < seg_end};
    uint64_t size = ha_input_bytes(build->input);
    if (tag == 0 && next == seg_end && ha_range_is_zero(build->input, stop->off, size)) {
        damage->kind = HA_DAMAGE_ZEROS;
        damage->skipped = size - stop->off;
        damage->end = size;
    } else if (stop->result == HA_SUB_UNKNOWN) {
        damage->kind = tag == 0 || ha_sub_tag_known(tag) ? HA_DAMAGE_BAD_SUB : HA_DAMAGE_UNKNOWN_SUB;
    } else {
        damage->kind = HA_DAMAGE_LONG_SUB;
    }
    return NULL;
}

/* Where to go on in the segment: *ret_next, its end for nowhere. The record before may reach over the damage and hide the place. */
static HA_NOINLINE struct ha_err *on_stop(struct scan *scan, struct worker *w, struct found *found, const struct ha_batch *batch,
                                          const struct ha_batch_walk *walk, const struct stop *stop, struct piece *piece, uint64_t *ret_next)
{
    uint64_t next = walk->seg_end;
    if (batch->guessed && heap_record_at(scan, stop->off, walk->seg_end)) {
        *ret_next = stop->off + HA_RECORD_HEADER_BYTES;
        return cut_piece(found, piece, stop->off, *ret_next, true, true);
    }
    if (found->resyncs_left > 0) {
        uint64_t from = found->overlap_left >= stop->off - stop->last ? stop->last + 1 : stop->off + 1;
        if (ha_resync(&w->resync, from, walk->seg_end, walk->seg_end, &next)) {
            found->resyncs_left--;
            found->overlap_left -= next < stop->off ? stop->off - next : 0;
            HA_TRY(cut_piece(found, piece, stop->off, next, true, batch->guessed));
        } else {
            next = walk->seg_end;
        }
    }
    *ret_next = next;
    return note_stop(scan, found, stop, walk->seg_end, next);
}

/* The sub-records from *off to the end of the segment, or to where none begins. */
HA_INLINE struct ha_err *scan_run(struct scan *scan, struct worker *w, unsigned worker, struct found *found, struct ha_batch_walk *walk,
                                  struct piece *piece, uint64_t from, unsigned id_size, struct stop *ret)
{
    uint64_t off = from, last = from;
    uint64_t split = walk->raw ? piece->from + SPLIT_BYTES : UINT64_MAX;
    enum ha_sub_result result = HA_SUB_END;
    while (off < walk->seg_end) {
        struct ha_sub sub;
        result = ha_sub_read(&w->window, off, walk->seg_end, id_size, &sub);
        if (HA_UNLIKELY(result != HA_SUB_OK)) {
            break;
        }
        if (HA_LIKELY(sub.tag == HA_SUB_INSTANCE)) {
            HA_TRY(on_instance(scan, w, worker, found, &sub, walk->seg_end, &result));
        } else if (sub.tag == HA_SUB_PRIM_ARRAY || sub.tag == HA_SUB_PRIM_ARRAY_NODATA) {
            HA_TRY(on_primitive_array(scan, w, worker, found, &sub, walk->seg_end, &result));
        } else if (sub.tag == HA_SUB_OBJ_ARRAY) {
            HA_TRY(on_object_array(scan, w, worker, found, &sub, walk->seg_end, &result));
        } else {
            HA_TRY(on_other(scan, w, found, walk, &sub, &result));
        }
        if (HA_UNLIKELY(result != HA_SUB_OK)) {
            break;
        }
        bool object = (sub.tag >= HA_SUB_CLASS && sub.tag <= HA_SUB_PRIM_ARRAY) || sub.tag == HA_SUB_PRIM_ARRAY_NODATA;
        found->records += object && sub.id != 0;
        last = off;
        off = sub.end;
        if (HA_UNLIKELY(off >= split) && off < walk->seg_end) {
            HA_TRY(cut_piece(found, piece, off, off, true, false));
            split = off + SPLIT_BYTES;
        }
    }
    *ret = (struct stop){last, off, result};
    return off < walk->seg_end ? ha_window_error(&w->window) : NULL;
}

/* The loop of the scan, compiled once per identifier size. */
HA_INLINE struct ha_err *scan_records(struct scan *scan, struct worker *w, unsigned worker, struct found *found, const struct ha_batch *batch,
                                      unsigned id_size)
{
    struct ha_batch_walk walk;
    struct piece piece = {batch->off, batch->raw};
    ha_batch_walk_begin(batch, &w->window, &walk);
    while (ha_batch_walk_segment(&walk)) {
        for (uint64_t off = walk.off; off < walk.seg_end;) {
            struct stop stop;
            HA_TRY(scan_run(scan, w, worker, found, &walk, &piece, off, id_size, &stop));
            off = stop.off;
            if (HA_UNLIKELY(off < walk.seg_end)) {
                HA_TRY(on_stop(scan, w, found, batch, &walk, &stop, &piece, &off));
            }
        }
        if (HA_UNLIKELY(piece.raw && !walk.raw)) {
            HA_TRY(cut_piece(found, &piece, walk.seg_end, walk.seg_end, false, false));
        }
    }
    return found->pieces.count > 0 ? cut_piece(found, &piece, batch->end, batch->end, false, batch->guessed) : NULL;
}

static struct ha_err *scan_batch(void *ctx, unsigned worker, uint64_t index)
{
    struct scan *scan = ctx;
    if (ha_address_set_trouble(scan->set) != HA_ADDRESSES_FINE) {
        return NULL; /* all of it will be done again */
    }
    struct worker *w = &scan->workers[worker];
    const struct ha_batch *batch = &scan->build->batches.data[index];
    struct found *found = &scan->found[index];
    w->last_address = 0;
    found->overlap_left = batch->end - batch->off;
    ha_resync_begin(&w->resync, batch->end - batch->off);
    found->resyncs_left = RESYNCS_FLOOR + (found->overlap_left >> RESYNC_BYTES_SHIFT);
    if (scan->build->facts.id_size == 8) {
        HA_TRY(scan_records(scan, w, worker, found, batch, 8));
    } else {
        HA_TRY(scan_records(scan, w, worker, found, batch, 4));
    }
    ha_progress_step(scan->build->progress, batch->end - batch->off);
    return ha_address_set_flush(scan->set, worker);
}

/* ---- merging ---- */

static struct ha_err *merge_batches(struct ha_build *build, struct scan *scan, uint64_t count)
{
    struct ha_window window;
    ha_window_init(&window, build->input, HA_WINDOW_RANDOM);
    struct ha_err *err = NULL;
    struct ha_overlap overlap = {0};
    build->records = 0;
    build->bad_arrays = 0;
    ha_build_root_lists_deinit(&build->roots);
    ha_batches batches = {0};
    for (uint64_t b = 0; b < count && err == NULL; b++) {
        struct found *found = &scan->found[b];
        build->records += found->records;
        build->bad_arrays_off = build->bad_arrays == 0 ? found->bad_arrays_off : build->bad_arrays_off;
        build->bad_arrays += found->bad_arrays;
        ha_overlap_append(&overlap, &found->overlap);
        err = ha_build_roots_move(&build->roots, &found->roots);
        if (err != NULL) {
            break;
        }
        if (!ha_vec_append(&build->damages, &found->damages) ||
            !ha_vec_append(&batches, &found->pieces) || !ha_vec_reserve(&batches, 1)) {
            err = ha_err_nomem();
            break;
        }
        if (found->pieces.count == 0) {
            batches.data[batches.count++] = build->batches.data[b];
        }
        for (size_t i = 0; i < found->class_records.count && err == NULL; i += 2) {
            struct ha_class_dump dump;
            if (ha_class_dump_read(&window, found->class_records.data[i], found->class_records.data[i + 1], build->facts.id_size, &dump) ==
                HA_SUB_OK) {
                err = ha_build_class_add(build, &dump);
            }
        }
    }
    build->overlap |= overlap.found;
    ha_window_deinit(&window);
    if (err != NULL) {
        ha_vec_deinit(&batches);
        return err;
    }
    ha_vec_deinit(&build->batches);
    memcpy(&build->batches, &batches, sizeof batches);
    return NULL;
}

static int compare_slots(const void *a, const void *b)
{
    const struct ha_idmap_slot *x = a, *y = b;
    if (x->id != y->id) {
        return x->id < y->id ? -1 : 1;
    }
    return (x->number > y->number) - (x->number < y->number);
}

static struct ha_err *add_unknown(const struct ha_idmap *unknown, struct ha_scan_result *ret)
{
    for (uint64_t s = 0; unknown->slots != NULL && s <= unknown->mask; s++) {
        if (unknown->slots[s].number != HA_IDMAP_NONE) {
            struct ha_idmap_slot *slot = ha_vec_push(&ret->unknown);
            if (slot == NULL) {
                return ha_err_nomem();
            }
            *slot = unknown->slots[s];
        }
    }
    return NULL;
}

/* All class ids that objects named and the class table did not have when the scan began, ascending, without repeats. */
static struct ha_err *collect_unknown(struct ha_build *build, const struct scan *scan, struct ha_scan_result *ret)
{
    for (unsigned i = 0; i < build->threads; i++) {
        const struct worker *w = &scan->workers[i];
        ret->unknown_overflow |= w->unknown_overflow;
        ret->unknown_off = w->unknown_off < ret->unknown_off ? w->unknown_off : ret->unknown_off;
        ret->unknown_types |= w->unknown_types;
        HA_TRY(add_unknown(&w->unknown[0], ret));
        HA_TRY(add_unknown(&w->unknown[1], ret));
    }
    size_t kept = 0;
    if (ret->unknown.count > 1) {
        qsort(ret->unknown.data, ret->unknown.count, sizeof *ret->unknown.data, compare_slots);
    }
    for (size_t i = 0; i < ret->unknown.count; i++) {
        if (kept == 0 || ret->unknown.data[kept - 1].id != ret->unknown.data[i].id) {
            ret->unknown.data[kept++] = ret->unknown.data[i];
        }
    }
    ret->unknown_overflow = ret->unknown_overflow || kept > UNKNOWN_CLASSES_MAX;
    ret->unknown.count = ret->unknown_overflow ? 0 : kept; /* which ones a worker remembered is chance: then none counts */
    return NULL;
}

/* Instances that are class objects stand for records that are there already: they are no objects of their own. */
static struct ha_err *collect_mirrors(struct ha_build *build, const struct scan *scan, uint64_t count)
{
    struct ha_window window;
    struct ha_err *err = NULL;
    ha_window_init(&window, build->input, HA_WINDOW_RANDOM);
    build->mirrors.count = 0;
    for (uint64_t b = 0; b < count && err == NULL; b++) {
        for (size_t i = 0; i < scan->found[b].class_instances.count && err == NULL; i++) {
            uint64_t off = scan->found[b].class_instances.data[i];
            struct ha_sub sub;
            if (ha_sub_read(&window, off, ha_input_bytes(build->input), build->facts.id_size, &sub) != HA_SUB_OK || !ha_build_is_mirror(build, sub.id)) {
                continue;
            }
            uint64_t *slot = ha_vec_push(&build->mirrors);
            err = slot == NULL ? ha_err_nomem() : NULL;
            if (slot != NULL) {
                *slot = off;
                build->records--;
            }
        }
    }
    if (err == NULL) {
        err = ha_window_error(&window);
    }
    ha_window_deinit(&window);
    return err;
}

static void found_free(struct found *found, uint64_t count)
{
    for (uint64_t b = 0; found != NULL && b < count; b++) {
        ha_vec_deinit(&found[b].class_records);
        ha_build_roots_deinit(&found[b].roots);
        ha_vec_deinit(&found[b].pieces);
        ha_vec_deinit(&found[b].damages);
        ha_vec_deinit(&found[b].class_instances);
    }
    ha_free(found);
}

static void workers_free(struct worker *workers, unsigned count)
{
    for (unsigned i = 0; workers != NULL && i < count; i++) {
        ha_window_deinit(&workers[i].window);
        ha_resync_deinit(&workers[i].resync);
        ha_idmap_deinit(&workers[i].unknown[0]);
        ha_idmap_deinit(&workers[i].unknown[1]);
        ha_free(workers[i].instances);
    }
    ha_free(workers);
}

static struct ha_err *workers_create(struct ha_build *build, struct ha_address_set *set, struct worker **ret)
{
    struct worker *workers = ha_calloc_array(build->threads, sizeof *workers);
    if (workers == NULL) {
        return ha_err_nomem();
    }
    for (unsigned i = 0; i < build->threads; i++) {
        ha_window_init(&workers[i].window, build->input, HA_WINDOW_STREAM);
        ha_resync_init(&workers[i].resync, build);
        workers[i].pending = ha_address_set_pending(set, i);
        workers[i].unknown_off = HA_ERR_NO_OFFSET;
        workers[i].instances = ha_calloc_array(build->classes.count + 1, sizeof(uint64_t));
        if (workers[i].instances == NULL) {
            workers_free(workers, build->threads);
            return ha_err_nomem();
        }
    }
    *ret = workers;
    return NULL;
}

struct ha_err *ha_scan_run(struct ha_build *build, struct ha_address_set *set, bool leaves, struct ha_scan_result *ret)
{
    uint64_t count = build->batches.count;
    size_t front_classes = build->classes.count;
    struct scan scan = {.build = build, .set = set, .leaves = leaves};
    HA_TRY(workers_create(build, set, &scan.workers));
    scan.found = ha_calloc_array(count + 1, sizeof *scan.found);
    struct ha_err *err = scan.found == NULL ? ha_err_nomem() : NULL;
    if (err == NULL) {
        ha_progress_begin(build->progress, "scan", build->heap_bytes);
        err = ha_parallel_for(build->threads, count, scan_batch, &scan);
        ha_progress_end(build->progress);
    }
    if (err == NULL && ha_address_set_trouble(set) == HA_ADDRESSES_FINE) {
        build->address_gcd = build->descents = 0;
        for (unsigned i = 0; i < build->threads; i++) {
            build->address_gcd = ha_build_gcd(build->address_gcd, scan.workers[i].gcd);
            build->descents += scan.workers[i].descents;
        }
        for (size_t c = 0; c < front_classes; c++) {
            build->classes.data[c].instances = 0;
            for (unsigned i = 0; i < build->threads; i++) {
                build->classes.data[c].instances += scan.workers[i].instances[c];
            }
        }
        err = merge_batches(build, &scan, count);
        for (size_t c = front_classes; c < build->classes.count; c++) {
            build->classes.data[c].instances = UINT64_MAX; /* not counted: assume some */
        }
        if (err == NULL) {
            err = collect_unknown(build, &scan, ret);
        }
        if (err == NULL) {
            err = collect_mirrors(build, &scan, count);
        }
    }
    found_free(scan.found, count);
    workers_free(scan.workers, build->threads);
    return err;
}
