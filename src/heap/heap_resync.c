/* SPDX-License-Identifier: MIT */
/*
 * Sub-records have no mark of their own: one begins where the last one ended. Behind damage a place is taken for the begin of one if what stands
 * there, and what follows it, makes sense to someone who knows the classes:
 *
 *     evidence   sub-record
 *        2       instance of a known class with the number of bytes that its fields take; object array of a known array class; class dump
 *        1       primitive array (type, fitting length) with the same trace serial as its neighbour
 *        0       root
 *     none       anything else: this is no such place
 *
 * EVIDENCE_ENOUGH in a row are believed; less when the row ends exactly at the end of the segment.
 *
 * Cost: one look at every byte, and some sub-records for each that could be a tag. Class dumps, whose length takes a walk, are tried on a budget.
 */
#include "heap/heap_resync.h"

#include <string.h>

#define PIECE_BYTES (64U << 10)
#define EVIDENCE_ENOUGH 5U
#define EVIDENCE_AT_END 3U
#define ROW_MAX 12U         /* sub-records looked at in a row */
#define CLASS_BYTES_FLOOR (8U << 20) /* of class dumps that any batch may have walked; beyond, only in proportion to its size */
#define CLASS_CONSTANTS_MAX 4096U

struct attempt {
    const struct ha_build *build;
    struct ha_window *window;
    uint64_t end;
    uint64_t *class_bytes; /* that may still be walked */
};

struct row {
    uint64_t off;
    unsigned evidence;
    uint32_t trace; /* serial in the last sub-record that has one */
    bool has_trace;
};

/* Cheap signs that a class dump begins at off; the reserved ids are 0 in all writers. */
static bool resembles_class(struct attempt *r, uint64_t off, unsigned id_size)
{
    size_t fixed = 9 + 7 * (size_t)id_size + 2;
    const uint8_t *p = r->end - off < fixed ? NULL : ha_window_at(r->window, off, fixed);
    if (p == NULL || ha_sub_id(p + 1, id_size) == 0) {
        return false;
    }
    uint64_t super = ha_sub_id(p + 5 + id_size, id_size);
    bool reserved_zero = ha_sub_id(p + 5 + 5 * id_size, id_size) == 0 && ha_sub_id(p + 5 + 6 * id_size, id_size) == 0;
    bool super_known = super == 0 || ha_build_class_of(r->build, super) != HA_NONE || r->build->classes.count == 0;
    return reserved_zero && super_known && ha_be16(p + fixed - 2) <= CLASS_CONSTANTS_MAX;
}

static bool class_goes_on(struct attempt *r, struct row *row, unsigned id_size)
{
    struct ha_class_dump dump;
    uint64_t most = r->end - row->off < HA_CLASS_DUMP_MAX ? r->end - row->off : HA_CLASS_DUMP_MAX;
    if (*r->class_bytes < most || !resembles_class(r, row->off, id_size)) {
        return false;
    }
    bool is_class = ha_class_dump_read(r->window, row->off, r->end, id_size, &dump) == HA_SUB_OK;
    *r->class_bytes -= is_class ? dump.end - row->off : most; /* how far a walk in vain went is not told */
    if (!is_class) {
        return false;
    }
    row->off = dump.end;
    row->evidence += 2;
    return true;
}

static bool same_trace(struct attempt *r, struct row *row, const struct ha_sub *sub, unsigned id_size)
{
    const uint8_t *p = ha_window_at(r->window, sub->off + 1 + id_size, 4);
    uint32_t trace = p == NULL ? 0 : ha_be32(p);
    bool same = p != NULL && (!row->has_trace || row->trace == trace);
    row->trace = trace;
    row->has_trace = true;
    return same;
}

/* Evidence that the record is one; -1: it is none. */
static int judge(struct attempt *r, struct row *row, const struct ha_sub *sub, unsigned id_size)
{
    const struct ha_build *build = r->build;
    uint32_t cls;
    if (sub->tag == HA_SUB_INSTANCE) {
        cls = sub->id == 0 ? HA_NONE : ha_build_class_of(build, sub->class_id);
        bool fits = cls != HA_NONE && build->classes.data[cls].kind == HA_CLASS_INSTANCE && build->classes.data[cls].payload_bytes == sub->count;
        return fits ? (same_trace(r, row, sub, id_size), 2) : -1;
    }
    if (sub->tag == HA_SUB_OBJ_ARRAY) {
        cls = sub->id == 0 ? HA_NONE : ha_build_class_of(build, sub->class_id);
        bool fits = cls != HA_NONE && build->classes.data[cls].kind == HA_CLASS_OBJECT_ARRAY;
        return fits ? (same_trace(r, row, sub, id_size), 2) : -1;
    }
    if (sub->tag == HA_SUB_PRIM_ARRAY) {
        return sub->id != 0 && same_trace(r, row, sub, id_size) ? 1 : -1;
    }
    return ha_sub_root_bytes(sub->tag, id_size) != 0 && row->evidence > 0 ? 0 : -1;
}

static bool goes_on(struct attempt *r, uint64_t off, unsigned id_size)
{
    struct row row = {.off = off};
    for (unsigned i = 0; i < ROW_MAX && row.evidence < EVIDENCE_ENOUGH; i++) {
        struct ha_sub sub;
        enum ha_sub_result result = ha_sub_read(r->window, row.off, r->end, id_size, &sub);
        if (result == HA_SUB_END) {
            return row.evidence >= EVIDENCE_AT_END;
        }
        if (result != HA_SUB_OK) {
            return false;
        }
        if (sub.tag == HA_SUB_CLASS) {
            if (!class_goes_on(r, &row, id_size)) {
                return false;
            }
            continue;
        }
        int evidence = judge(r, &row, &sub, id_size);
        if (evidence < 0) {
            return false;
        }
        row.evidence += (unsigned)evidence;
        row.off = sub.end;
    }
    return row.evidence >= EVIDENCE_ENOUGH;
}

void ha_resync_init(struct ha_resync *resync, const struct ha_build *build)
{
    resync->build = build;
    ha_window_init(&resync->bytes, build->input, HA_WINDOW_RANDOM);
    ha_window_init(&resync->records, build->input, HA_WINDOW_RANDOM);
}

void ha_resync_begin(struct ha_resync *resync, uint64_t batch_bytes)
{
    resync->class_bytes = CLASS_BYTES_FLOOR + 4 * batch_bytes;
}

void ha_resync_deinit(struct ha_resync *resync)
{
    ha_window_deinit(&resync->bytes);
    ha_window_deinit(&resync->records);
}

bool ha_resync(struct ha_resync *resync, uint64_t from, uint64_t until, uint64_t end, uint64_t *ret)
{
    struct attempt r = {.build = resync->build, .window = &resync->records, .end = end, .class_bytes = &resync->class_bytes};
    for (uint64_t off = from; off < until;) {
        size_t len = until - off < PIECE_BYTES ? (size_t)(until - off) : PIECE_BYTES;
        const uint8_t *p = ha_window_at(&resync->bytes, off, len);
        for (size_t i = 0; p != NULL && i < len; i++) {
            if (p[i] >= HA_SUB_CLASS && p[i] <= HA_SUB_PRIM_ARRAY && goes_on(&r, off + i, r.build->facts.id_size)) {
                *ret = off + i;
                return true;
            }
        }
        off += len;
    }
    return false;
}
