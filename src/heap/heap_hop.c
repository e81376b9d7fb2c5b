/* SPDX-License-Identifier: MIT */
/*
 * Pass 1: hop over the headers of the top-level records. Names, class loads, frames and traces are noted by offset; the segments of the chosen
 * heap are gathered into batches of some MiB, the units of work of the later passes.
 *
 * A file may hold several heaps (the old hprof agent wrote one per request): each HEAP_DUMP record is a heap of its own, and so is each run of
 * HEAP_DUMP_SEGMENTs up to HEAP_DUMP_END.
 *
 * Where the chain of records breaks, the ways out are tried in this order:
 *
 *     only zeros are left                      the file was never written to its end
 *     unknown tag, a record follows it         skipped
 *     last segment's length + k × 2^32 fits    it had wrapped
 *     records go on somewhere later            bytes are missing in between: the last segment ends where they go on
 *     none of these                            the rest cannot be read
 */
#include "heap/heap_hop.h"

#include "ha/hprof/hprof_resync.h"
#include "heap/heap_damage.h"

#include <inttypes.h>
#include <string.h>

#define BATCH_BYTES (4U << 20)
#define GIANT_BYTES (16U << 20) /* a segment from this size is a batch of its own, split at record boundaries by the scan */

#define CHAIN_LINKS 3U             /* records in a row that make a doubtful place believed */
#define SUB_HEAD_BYTES 26U         /* of the largest head of a sub-record but those of class dumps */

struct hop {
    struct ha_build *build;
    struct ha_window window;
    struct ha_record last; /* zeroed before the first */
    uint64_t chain_from;   /* where the unbroken chain of records began that leads here */
    uint32_t wanted;  /* 0: the last */
    uint32_t heaps;   /* seen so far */
    bool times;       /* records have times */
    bool open;        /* inside a run of segments */
    bool collecting;  /* the current heap is (so far) the chosen one */
    uint64_t bytes;   /* of its segments */
    uint32_t time_us; /* of its first record */
};

static struct ha_err *on_string(struct hop *hop, const struct ha_record *record)
{
    unsigned id_size = hop->build->facts.id_size;
    if (record->end - record->body < id_size) {
        return NULL;
    }
    const uint8_t *p = ha_window_at(&hop->window, record->body, id_size);
    struct ha_build_string *string = p == NULL ? NULL : ha_vec_push(&hop->build->strings);
    if (string == NULL) {
        return p == NULL ? ha_window_error(&hop->window) : ha_err_nomem();
    }
    uint64_t len = record->end - record->body - id_size;
    *string = (struct ha_build_string){ha_sub_id(p, id_size), record->body + id_size, len > UINT32_MAX ? UINT32_MAX : (uint32_t)len};
    return NULL;
}

static struct ha_err *on_load_class(struct hop *hop, const struct ha_record *record)
{
    unsigned id_size = hop->build->facts.id_size;
    if (record->end - record->body < 8 + 2 * id_size) {
        return NULL;
    }
    const uint8_t *p = ha_window_at(&hop->window, record->body, 8 + 2 * id_size);
    struct ha_build_load *load = p == NULL ? NULL : ha_vec_push(&hop->build->loads);
    if (load == NULL) {
        return p == NULL ? ha_window_error(&hop->window) : ha_err_nomem();
    }
    *load = (struct ha_build_load){.serial = ha_be32(p), .class_id = ha_sub_id(p + 4, id_size), .name_id = ha_sub_id(p + 8 + id_size, id_size)};
    if (hop->build->loads.count >= HA_IDMAP_NONE) {
        return ha_err_at(HA_ERR_LIMIT, record->off, "the dump has more than 4 G class load records");
    }
    if (!ha_idmap_add(&hop->build->load_names, load->class_id, (uint32_t)hop->build->loads.count - 1, NULL)) {
        return ha_err_nomem();
    }
    return NULL;
}

static struct ha_err *on_frame(struct hop *hop, const struct ha_record *record)
{
    unsigned id_size = hop->build->facts.id_size;
    if (record->end - record->body < 8 + 4 * id_size) {
        return NULL;
    }
    const uint8_t *p = ha_window_at(&hop->window, record->body, 8 + 4 * id_size);
    struct ha_build_frame *frame = p == NULL ? NULL : ha_vec_push(&hop->build->frames);
    if (frame == NULL) {
        return p == NULL ? ha_window_error(&hop->window) : ha_err_nomem();
    }
    *frame = (struct ha_build_frame){.id = ha_sub_id(p, id_size), .method_id = ha_sub_id(p + id_size, id_size),
                                     .signature_id = ha_sub_id(p + 2 * id_size, id_size), .file_id = ha_sub_id(p + 3 * id_size, id_size),
                                     .class_serial = ha_be32(p + 4 * id_size), .line = (int32_t)ha_be32(p + 4 * id_size + 4)};
    return NULL;
}

static struct ha_err *on_trace(struct hop *hop, const struct ha_record *record)
{
    unsigned id_size = hop->build->facts.id_size;
    if (record->end - record->body < 12) {
        return NULL;
    }
    const uint8_t *p = ha_window_at(&hop->window, record->body, 12);
    struct ha_build_trace *trace = p == NULL ? NULL : ha_vec_push(&hop->build->traces);
    if (trace == NULL) {
        return p == NULL ? ha_window_error(&hop->window) : ha_err_nomem();
    }
    uint64_t fits = (record->end - record->body - 12) / id_size;
    uint32_t said = ha_be32(p + 8);
    *trace = (struct ha_build_trace){.serial = ha_be32(p), .thread_serial = ha_be32(p + 4), .frame_count = said < fits ? said : (uint32_t)fits,
                                     .frames_off = record->body + 12};
    return NULL;
}

/* ---- heaps and their batches ---- */

static void heap_begin(struct hop *hop, uint32_t time_us)
{
    hop->open = true;
    hop->heaps++;
    hop->collecting = hop->wanted == 0 || hop->wanted == hop->heaps;
    if (hop->collecting) {
        hop->build->batches.count = 0;
        hop->bytes = 0;
        hop->build->segments = 0;
        hop->time_us = time_us;
        hop->build->facts.heap = hop->heaps;
    }
}

/* Small segments share a batch with all that stands between them, as long as the chain of records from the first to the last is unbroken. */
static struct ha_err *add_segment(struct hop *hop, const struct ha_record *record)
{
    if (!hop->collecting || record->end == record->body) {
        return NULL;
    }
    ha_batches *batches = &hop->build->batches;
    hop->bytes += record->end - record->body;
    hop->build->segments++;
    struct ha_batch *last = batches->count > 0 ? &batches->data[batches->count - 1] : NULL;
    bool alone = record->fit != HA_RECORD_FITS || record->end - record->body >= GIANT_BYTES;
    if (!alone && last != NULL && !last->raw && last->off >= hop->chain_from && last->end - last->off < BATCH_BYTES) {
        last->end = record->end;
        return NULL;
    }
    struct ha_batch *batch = ha_vec_push(batches);
    if (batch == NULL) {
        return ha_err_nomem();
    }
    *batch = (struct ha_batch){.off = alone ? record->body : record->off, .end = record->end, .raw = alone,
                               .guessed = record->fit != HA_RECORD_FITS};
    return NULL;
}

static struct ha_err *on_heap(struct hop *hop, const struct ha_record *record)
{
    if (record->fit == HA_RECORD_ZERO_LENGTH) {
        HA_TRY(ha_damage_note(hop->build, HA_DAMAGE_ZERO_LENGTH, record->tag, record->off, record->end, 0, 0));
    } else if (record->fit == HA_RECORD_WRAPPED) {
        HA_TRY(ha_damage_note(hop->build, HA_DAMAGE_WRAPPED, record->tag, record->off, record->end, 0, 0));
    }
    if (record->tag == HA_RECORD_HEAP_DUMP) {
        heap_begin(hop, record->time_us);
        HA_TRY(add_segment(hop, record));
        hop->open = false;
        return NULL;
    }
    if (!hop->open) {
        heap_begin(hop, record->time_us);
    }
    return add_segment(hop, record);
}

static struct ha_err *on_record(struct hop *hop, const struct ha_record *record)
{
    hop->last = *record;
    switch (record->tag) {
    case HA_RECORD_UTF8:
        return on_string(hop, record);
    case HA_RECORD_LOAD_CLASS:
        return on_load_class(hop, record);
    case HA_RECORD_FRAME:
        return on_frame(hop, record);
    case HA_RECORD_TRACE:
        return on_trace(hop, record);
    case HA_RECORD_HEAP_DUMP:
    case HA_RECORD_HEAP_DUMP_SEGMENT:
        return on_heap(hop, record);
    case HA_RECORD_HEAP_DUMP_END:
        hop->open = false;
        return NULL;
    default:
        return NULL;
    }
}

/* ---- where the chain breaks ---- */

/* Whether a heap record of length 0 is followed by what may follow an empty one (none of these tags is one of a sub-record). */
static bool heap_or_end_follows(struct hop *hop, const struct ha_record *record)
{
    const uint8_t *p = ha_window_at(&hop->window, record->body, 1);
    bool tag_fits = p != NULL && (ha_record_is_heap(p[0]) || p[0] == HA_RECORD_HEAP_DUMP_END);
    return tag_fits && ha_record_chain(&hop->window, record->body, hop->build->facts.id_size, CHAIN_LINKS);
}

/* Gives the last heap record another end: a smaller one (the next record begins inside it) or a larger one (its length had wrapped). */
static struct ha_err *move_last_end(struct hop *hop, uint64_t end)
{
    ha_batches *batches = &hop->build->batches;
    struct ha_batch *batch = batches->count > 0 ? &batches->data[batches->count - 1] : NULL;
    if (!hop->collecting || batch == NULL || batch->end != hop->last.end) {
        return NULL; /* of a heap that was not asked for, or empty */
    }
    hop->bytes += end - hop->last.end; /* modulo 2^64 where it shrinks */
    if (end < batch->end || batch->raw) {
        batch->end = end;
        return NULL;
    }
    batch->end = hop->last.off;
    if (batch->end == batch->off) {
        batches->count--;
    }
    batch = ha_vec_push(batches);
    if (batch == NULL) {
        return ha_err_nomem();
    }
    *batch = (struct ha_batch){.off = hop->last.body, .end = end, .raw = true, .guessed = true};
    return NULL;
}

/* The end that the last heap record has if its length wrapped modulo 2^32: one that lands on a record. false: none does. */
static bool unwrap(struct hop *hop, uint64_t *ret_end)
{
    uint64_t size = ha_input_bytes(hop->build->input);
    if (hop->last.tag != HA_RECORD_HEAP_DUMP_SEGMENT) {
        return false;
    }
    for (uint64_t end = hop->last.end; size - end > UINT32_MAX;) {
        end += (uint64_t)1 << 32;
        if (end == size || ha_record_chain(&hop->window, end, hop->build->facts.id_size, CHAIN_LINKS)) {
            *ret_end = end;
            return true;
        }
    }
    return false;
}

/* Whether looking for the next segment is worth a pass over the rest of the file. A giant segment that the end of the file cuts is the work of a
   JVM that writes nothing but giants (8 to 14): what is missing is missing at the end, and reading on sub-record by sub-record finds out. */
static bool worth_a_search(struct hop *hop, const struct ha_record *record)
{
    struct ha_sub sub;
    if (record->fit != HA_RECORD_CLIPPED || !ha_record_is_heap(record->tag) || record->length < GIANT_BYTES) {
        return true;
    }
    uint64_t announced = record->body + record->length;
    bool read = ha_sub_read(&hop->window, record->body, announced, hop->build->facts.id_size, &sub) == HA_SUB_OK;
    return read && sub.end == announced; /* one array in a segment of its own: JDK 15 and later */
}

static void drop_cut_string(struct hop *hop, uint64_t end)
{
    if (hop->last.tag == HA_RECORD_UTF8 && end < hop->last.end && hop->build->strings.count > 0) {
        hop->build->strings.count--;
    }
}

/* Goes on at `found`, which may lie within the last record. If that is a heap record, it gets all up to there: what makes sense of it will be read. */
static struct ha_err *bridge(struct hop *hop, const struct ha_record *record, uint64_t found)
{
    bool heap = ha_record_is_heap(hop->last.tag);
    uint64_t begin = hop->last.off != 0 ? hop->last.off : record->off;
    uint64_t lost = found < record->off ? record->off - found : 0;
    uint64_t skipped = found > record->off && !heap ? found - record->off : 0;
    HA_TRY(ha_damage_note(hop->build, HA_DAMAGE_GAP, record->tag, begin, found, lost, skipped));
    drop_cut_string(hop, found);
    if (heap) {
        HA_TRY(move_last_end(hop, found));
    }
    hop->chain_from = found;
    return NULL;
}

/* Whether a heap record that has no length, or a false one, begins with a sub-record all the same. */
static bool begins_right(struct hop *hop, const struct ha_record *record)
{
    struct ha_sub sub;
    uint64_t end = record->fit == HA_RECORD_CLIPPED ? record->body + record->length : record->end;
    if (record->end - record->body < SUB_HEAD_BYTES) {
        const uint8_t *p = record->end == record->body ? NULL : ha_window_at(&hop->window, record->body, 1);
        return p == NULL || ha_sub_tag_known(p[0]);
    }
    return ha_sub_read(&hop->window, record->body, end, hop->build->facts.id_size, &sub) == HA_SUB_OK;
}

/* A heap record that looks right but for its length. */
static bool is_clipped_heap(struct hop *hop, const struct ha_record *record)
{
    bool time_fits = record->time_us == 0 || hop->last.time_us != 0;
    return record->fit == HA_RECORD_CLIPPED && ha_record_is_heap(record->tag) && time_fits && begins_right(hop, record);
}

/* The file ends inside this segment, unless others begin inside it: then bytes of it are missing. *ret_next: where to go on. */
static struct ha_err *on_clipped_heap(struct hop *hop, const struct ha_record *record, uint64_t *ret_next)
{
    struct ha_record cut = *record;
    uint64_t announced = record->body + record->length;
    *ret_next = record->end;
    if (!worth_a_search(hop, record) ||
        !ha_record_search(hop->build->input, record->body + 1, hop->build->facts.id_size, false, ret_next)) {
        HA_TRY(ha_damage_note(hop->build, HA_DAMAGE_CLIPPED_HEAP, record->tag, record->off, record->end, announced - record->end, 0));
        return on_record(hop, &cut);
    }
    cut.end = *ret_next;
    cut.fit = HA_RECORD_FITS;
    HA_TRY(ha_damage_note(hop->build, HA_DAMAGE_GAP, record->tag, record->off, cut.end, announced - cut.end, 0));
    HA_TRY(on_record(hop, &cut));
    hop->chain_from = cut.end;
    return NULL;
}

/* No record goes on, here or later. Behind a heap record there may be more of its kind. */
static struct ha_err *give_up(struct hop *hop, const struct ha_record *record)
{
    uint64_t size = ha_input_bytes(hop->build->input);
    bool heap = ha_record_is_heap(hop->last.tag);
    if (!heap && record->fit == HA_RECORD_CLIPPED && ha_record_tag_known(record->tag)) {
        uint64_t lost = record->body + record->length - size;
        return ha_damage_note(hop->build, HA_DAMAGE_CLIPPED_RECORD, record->tag, record->off, size, lost, size - record->off);
    }
    HA_TRY(ha_damage_note(hop->build, HA_DAMAGE_TAIL, record->tag, record->off, size, 0, heap ? 0 : size - record->off));
    return heap ? move_last_end(hop, size) : NULL;
}

/* A record that is not what it should be. *ret_next: where to go on, the size of the file for nowhere. */
static struct ha_err *on_break(struct hop *hop, const struct ha_record *record, uint64_t *ret_next)
{
    struct ha_build *build = hop->build;
    uint64_t size = ha_input_bytes(build->input);
    unsigned id_size = build->facts.id_size;
    *ret_next = size;
    if (is_clipped_heap(hop, record)) {
        return on_clipped_heap(hop, record, ret_next);
    }
    if (record->tag == 0 && ha_range_is_zero(build->input, record->off, size)) {
        return ha_damage_note(build, HA_DAMAGE_ZEROS, 0, record->off, size, 0, size - record->off);
    }
    /* zeros are no tag, a time among zeros is chance, and the tag of a sub-record tells that the heap goes on here */
    bool astray = record->tag == 0 || (record->time_us != 0 && !hop->times) || (!ha_record_tag_known(record->tag) && ha_sub_tag_known(record->tag) && ha_record_is_heap(hop->last.tag));
    if (record->fit == HA_RECORD_FITS && !astray && ha_record_chain(&hop->window, record->end, id_size, CHAIN_LINKS)) {
        *ret_next = record->end;
        if (ha_record_tag_known(record->tag)) {
            return on_record(hop, record); /* odd, but it does not lead astray */
        }
        return ha_damage_note(build, HA_DAMAGE_UNKNOWN_RECORD, record->tag, record->off, record->end, 0, record->end - record->off);
    }
    if (unwrap(hop, ret_next)) {
        HA_TRY(ha_damage_note(build, HA_DAMAGE_WRAPPED, hop->last.tag, hop->last.off, *ret_next, 0, 0));
        return move_last_end(hop, *ret_next);
    }
    uint64_t from = hop->last.off != 0 ? hop->last.body + 1 : record->off + 1;
    if (ha_record_search(build->input, from, id_size, hop->heaps == 0, ret_next)) {
        return bridge(hop, record, *ret_next);
    }
    *ret_next = size;
    return give_up(hop, record);
}

/* Whether the record is what it should be. JVMs write time 0 throughout, agents real times: a time among zeros is chance. */
static bool believable(struct hop *hop, const struct ha_record *record)
{
    hop->times = hop->times || (record->time_us != 0 && hop->heaps == 0);
    return (record->time_us == 0 || hop->times) && ha_record_plausible(&hop->window, record, hop->build->facts.id_size);
}

static struct ha_err *hop_records(struct hop *hop, uint64_t off)
{
    uint64_t size = ha_input_bytes(hop->build->input);
    for (;;) {
        struct ha_record record;
        bool end;
        HA_TRY(ha_record_read(&hop->window, off, &record, &end));
        if (end) {
            break;
        }
        bool guessed = (record.fit == HA_RECORD_ZERO_LENGTH && begins_right(hop, &record)) || record.fit == HA_RECORD_WRAPPED;
        if (record.fit == HA_RECORD_ZERO_LENGTH && heap_or_end_follows(hop, &record)) {
            off = record.body; /* an empty segment, which is legal */
        } else if (guessed || believable(hop, &record)) {
            HA_TRY(on_record(hop, &record));
            off = record.end;
        } else {
            HA_TRY(on_break(hop, &record, &off));
            HA_TRY(ha_window_error(&hop->window));
        }
    }
    if (off < size) {
        return ha_damage_note(hop->build, HA_DAMAGE_CUT_HEADER, 0, off, size, 0, 0);
    }
    hop->build->end_missing = hop->open && hop->collecting && hop->last.tag == HA_RECORD_HEAP_DUMP_SEGMENT && hop->last.fit == HA_RECORD_FITS &&
                              hop->last.end == size;
    return NULL;
}

struct ha_err *ha_hop(struct ha_build *build, uint32_t wanted, uint64_t first_record)
{
    struct hop hop = {.build = build, .wanted = wanted};
    ha_window_init(&hop.window, build->input, HA_WINDOW_LEAPS);
    struct ha_err *err = hop_records(&hop, first_record);
    ha_window_deinit(&hop.window);
    HA_TRY(err);
    build->facts.heaps = hop.heaps;
    build->heap_bytes = hop.bytes;
    build->facts.created_ms += hop.time_us / 1000;
    if (hop.heaps == 0) {
        HA_TRY(ha_input_error(build->input)); /* who looked for where records go on took it for damage */
        return ha_damage_no_heap(build);
    }
    if (wanted > hop.heaps) {
        return ha_err_new(HA_ERR_USAGE, "the file has %" PRIu32 " heap%s, there is no heap %" PRIu32, hop.heaps, hop.heaps == 1 ? "" : "s", wanted);
    }
    if (hop.heaps > 1) {
        ha_diag_add(build->diag, HA_DIAG_SEVERAL_HEAPS, HA_ERR_NO_OFFSET, hop.heaps,
                    "the file holds %" PRIu32 " heaps; this is heap %" PRIu32 " (--heap N chooses another)", hop.heaps, build->facts.heap);
    }
    return NULL;
}
