/* SPDX-License-Identifier: MIT */
/*
 * Pass 3: every record once more, now that each address has a number.
 *
 * What the parts share is set up here, and what they found is put together: graph_pass.h has the picture, graph_records.c reads the records, graph_row.c
 * writes the rows. Rows lie in file order, so the sections are the same with any number of threads. The columns of the objects are written straight into
 * their sections (bits are set at the end, from the lengths).
 *
 * Cost: one cache miss per reference that leads far away. Memory: 4 bytes per object for the lengths of arrays until they are packed, and the
 * buffers of the workers.
 */
#include "ha/graph/graph_build.h"

#include "ha/heap/heap_sections.h"
#include "graph/graph_fillers.h"
#include "graph/graph_lengths.h"
#include "graph/graph_pass.h"

#include <inttypes.h>
#include <string.h>

#define FLUSH_TARGETS (4U << 20)  /* targets a worker buffers before it writes */
#define ROW_ROOM_LEAST 4096U
#define ROW_ROOM (HA_WINDOW_MAX / 4U + 2U) /* the most references that are put at a time: of an instance that fits a window */
#define NAME_SHOWN_MAX 200U       /* bytes of a class name in a message */

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

static void workers_free(struct pass_worker *workers, unsigned count)
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

static struct ha_err *workers_create(struct ha_build *build, struct pass_worker **ret)
{
    struct pass_worker *workers = ha_calloc_array(build->threads, sizeof *workers);
    if (workers == NULL) {
        return ha_err_nomem();
    }
    /* a small dump needs no large buffers */
    uint64_t wanted = build->heap_bytes / build->facts.id_size + 1, room = ha_input_bytes(build->input) / build->facts.id_size + ROW_ROOM_LEAST;
    size_t capacity = (wanted < FLUSH_TARGETS ? (size_t)wanted : FLUSH_TARGETS) + (room < ROW_ROOM ? (size_t)room : ROW_ROOM);
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
    const struct pass_worker *first = NULL;
    uint64_t count = 0;
    for (unsigned i = 0; i < build->threads; i++) {
        const struct pass_worker *w = &pass->workers[i];
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
    HA_TRY(pass_read(pass));
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
