/* SPDX-License-Identifier: MIT */
/*
 * Pass 1: hop over the headers of the top-level records. Names, class loads, frames and traces are noted by offset; the segments of the chosen
 * heap are gathered into batches of some MiB, the units of work of the later passes.
 *
 * A file may hold several heaps (the old hprof agent wrote one per request): each HEAP_DUMP record is a heap of its own, and so is each run of
 * HEAP_DUMP_SEGMENTs up to HEAP_DUMP_END.
 */
#include "heap/heap_hop.h"

#include <inttypes.h>
#include <string.h>

#define BATCH_BYTES (4U << 20)
#define GIANT_BYTES (16U << 20) /* a segment from this size is a batch of its own, split at record boundaries by the scan */

struct hop {
    struct ha_build *build;
    struct ha_window window;
    uint32_t wanted;  /* 0: the last */
    uint32_t heaps;   /* seen so far */
    bool open;        /* inside a run of segments */
    bool collecting;  /* the current heap is (so far) the chosen one */
    bool done;        /* the wanted one is complete */
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
        hop->time_us = time_us;
        hop->build->facts.heap = hop->heaps;
    }
}

static struct ha_err *add_segment(struct hop *hop, const struct ha_record *record)
{
    if (!hop->collecting || record->end == record->body) {
        return NULL;
    }
    ha_batches *batches = &hop->build->batches;
    hop->bytes += record->end - record->body;
    struct ha_batch *last = batches->count > 0 ? &batches->data[batches->count - 1] : NULL;
    bool alone = record->damaged || record->end - record->body >= GIANT_BYTES;
    if (!alone && last != NULL && !last->raw && last->end == record->off && last->end - last->off < BATCH_BYTES) {
        last->end = record->end;
        return NULL;
    }
    struct ha_batch *batch = ha_vec_push(batches);
    if (batch == NULL) {
        return ha_err_nomem();
    }
    *batch = (struct ha_batch){alone ? record->body : record->off, record->end, alone};
    return NULL;
}

static struct ha_err *on_heap(struct hop *hop, const struct ha_record *record)
{
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

/* An unknown tag is skipped by its length if a known record follows; else the rest of the file cannot be read. */
static bool skip_unknown(struct hop *hop, const struct ha_record *record)
{
    uint64_t size = ha_input_bytes(hop->build->input);
    const uint8_t *next = record->end < size ? ha_window_at(&hop->window, record->end, 1) : NULL;
    bool plausible = !record->damaged && (record->end == size || (next != NULL && ha_record_tag_known(next[0])));
    if (plausible) {
        ha_diag_add(hop->build->diag, HA_DIAG_UNKNOWN_RECORD, record->off, 1, "a record with the unknown tag 0x%02x was skipped", record->tag);
    } else {
        ha_diag_add(hop->build->diag, HA_DIAG_GAP, record->off, 1, "no record begins here (tag 0x%02x); the last %" PRIu64 " bytes cannot be read, sizes are lower bounds",
                    record->tag, size - record->off);
    }
    return plausible;
}

static struct ha_err *hop_records(struct hop *hop, uint64_t off)
{
    for (;;) {
        struct ha_record record;
        bool end;
        HA_TRY(ha_record_read(&hop->window, off, hop->build->diag, &record, &end));
        if (end) {
            return NULL;
        }
        switch (record.tag) {
        case HA_RECORD_UTF8:
            HA_TRY(on_string(hop, &record));
            break;
        case HA_RECORD_LOAD_CLASS:
            HA_TRY(on_load_class(hop, &record));
            break;
        case HA_RECORD_FRAME:
            HA_TRY(on_frame(hop, &record));
            break;
        case HA_RECORD_TRACE:
            HA_TRY(on_trace(hop, &record));
            break;
        case HA_RECORD_HEAP_DUMP:
        case HA_RECORD_HEAP_DUMP_SEGMENT:
            HA_TRY(on_heap(hop, &record));
            break;
        case HA_RECORD_HEAP_DUMP_END:
            hop->open = false;
            break;
        default:
            if (!ha_record_tag_known(record.tag) && !skip_unknown(hop, &record)) {
                return NULL;
            }
            break;
        }
        off = record.end;
    }
}

struct ha_err *ha_hop(struct ha_build *build, uint32_t wanted, uint64_t first_record)
{
    struct hop hop = {.build = build, .wanted = wanted};
    ha_window_init(&hop.window, build->input, HA_WINDOW_RANDOM);
    struct ha_err *err = hop_records(&hop, first_record);
    ha_window_deinit(&hop.window);
    HA_TRY(err);
    build->facts.heaps = hop.heaps;
    build->heap_bytes = hop.bytes;
    build->facts.created_ms += hop.time_us / 1000;
    if (hop.heaps == 0) {
        return ha_err_new(HA_ERR_INPUT, "the file holds no heap: it has no HEAP_DUMP record (the JVM was stopped before it wrote one)");
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
