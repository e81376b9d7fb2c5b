/* SPDX-License-Identifier: MIT */
/*
 * The pipeline, in order:
 *
 *     scan -> references -> search, inbound -> dominators -> names -> retained sizes [-> pack] -> write
 *
 * Everything goes into the writer's sections as it is made; retained sizes are computed from a view of those sections, with the same code that
 * later reads them from the index.
 */
#include "snapshot/snapshot_internal.h"

#include "ha/base/file.h"
#include "ha/base/mem.h"
#include "ha/dom/dom_build.h"
#include "ha/graph/graph_build.h"
#include "ha/heap/heap_instances.h"
#include "ha/heap/heap_sections.h"

#include <inttypes.h>

static struct ha_err *put_section(void *ctx, uint32_t id, uint32_t width, uint64_t count, const void *data)
{
    return ha_index_section_put(ctx, id, width, count, data);
}

static void detach(struct ha_snapshot *s)
{
    ha_retained_close(s->retained);
    ha_sizes_destroy(s->sizes);
    ha_dom_close(s->dom);
    ha_graph_close(s->graph);
    ha_heap_close(s->heap);
    ha_index_close(s->index);
}

/* The layers below the retained sizes, on what has been written so far. */
static struct ha_err *attach(struct ha_build *build, const struct ha_snapshot_options *options, struct ha_snapshot *s)
{
    s->input = build->input;
    s->diag = build->diag;
    s->threads = build->threads;
    HA_TRY(ha_index_writer_view(build->writer, &s->index));
    HA_TRY(ha_heap_open(s->index, s->input, &s->heap));
    HA_TRY(ha_dom_open(s->index, s->heap, &s->dom));
    return ha_sizes_create(s->heap, options->size_model, &s->sizes);
}

#define UNREACHABLE_TOLD 4U /* a quarter of the objects, and a heap of some size: less is normal and told by the overview */
#define UNREACHABLE_FLOOR 1000U

/* Why so much of the dump is held by nothing, as far as the dump shows. */
static void note_unreachable(struct ha_build *build, const struct ha_dom *dom)
{
    uint64_t all = dom->heap->facts.object_count, count = all - dom->reachable_count;
    if (count < UNREACHABLE_FLOOR || count < all / UNREACHABLE_TOLD) {
        return;
    }
    const char *why = "garbage that was not collected before the dump was made; 'jcmd PID GC.heap_dump FILE' without -all collects it first";
    if (ha_diag_any_damage(build->diag)) {
        why = "some may only seem so, because what refers to them was lost with the damaged parts";
    } else if (ha_build_of_serviceability_agent(build)) {
        why = "garbage, and what only local variables hold: jhsdb collects nothing before it dumps, and does not write local variables";
    }
    ha_diag_add(build->diag, HA_DIAG_UNREACHABLE, HA_ERR_NO_OFFSET, count, "no root leads to %" PRIu64 " of %" PRIu64 " objects: %s", count, all, why);
}

/* Sizes of stacks in the heap, which no table of a class tells. */
static struct ha_err *put_chunks(struct ha_build *build)
{
    struct ha_index *view = NULL;
    struct ha_heap *heap = NULL;
    uint32_t *pairs = NULL;
    uint64_t count = 0;
    struct ha_err *err = ha_index_writer_view(build->writer, &view);
    if (err == NULL) {
        err = ha_heap_open(view, build->input, &heap);
    }
    if (err == NULL) {
        err = ha_heap_chunks(heap, &pairs, &count);
    }
    ha_heap_close(heap);
    ha_index_close(view);
    if (err == NULL) {
        err = ha_index_section_put(build->writer, HA_SECTION_CHUNK_SIZES, 2 * sizeof *pairs, count, pairs);
    }
    ha_free(pairs);
    return err;
}

static struct ha_err *retain(struct ha_build *build, const struct ha_snapshot_options *options, struct ha_dom_order *order)
{
    struct ha_snapshot s = {0};
    ha_progress_begin(build->progress, "retained sizes", 0);
    ha_index_writer_sync_begin(build->writer); /* nearly all of the index is there */
    struct ha_err *err = attach(build, options, &s);
    if (err == NULL) {
        note_unreachable(build, s.dom);
        err = ha_retained_build(s.dom, s.sizes, order, build->threads, put_section, build->writer);
    }
    detach(&s);
    ha_progress_end(build->progress);
    return err;
}

/* The objects of classes that have few: class totals tell how many each has. */
static struct ha_err *put_instances(struct ha_build *build, const struct ha_snapshot *s)
{
    const uint32_t classes = s->heap->facts.class_count;
    HA_FREE uint64_t *counts = ha_alloc_array((size_t)classes + 1, sizeof *counts);
    if (counts == NULL) {
        return ha_err_nomem();
    }
    for (uint32_t c = 0; c < classes; c++) {
        counts[c] = s->retained->classes[c].all_instances;
    }
    return ha_heap_instances_build(s->heap, counts, build->writer);
}

static struct ha_err *add_instances(struct ha_build *build, const struct ha_snapshot_options *options)
{
    struct ha_snapshot s = {0};
    struct ha_err *err = attach(build, options, &s);
    if (err == NULL) {
        err = ha_retained_open(s.index, s.sizes, s.dom, &s.retained);
    }
    if (err == NULL) {
        err = put_instances(build, &s);
    }
    detach(&s);
    return err;
}

static struct ha_err *add_extra(struct ha_build *build, const struct ha_snapshot_options *options)
{
    struct ha_snapshot s = {0};
    struct ha_err *err = attach(build, options, &s);
    if (err == NULL) {
        err = ha_graph_open(s.index, s.heap, &s.graph);
    }
    if (err == NULL) {
        err = ha_retained_open(s.index, s.sizes, s.dom, &s.retained);
    }
    if (err == NULL) {
        err = options->extra(options->extra_ctx, &s, put_section, build->writer);
    }
    detach(&s);
    return err;
}

/* What questions would otherwise look for in the whole heap. */
static struct ha_err *add_answers(struct ha_build *build, const struct ha_snapshot_options *options)
{
    ha_progress_begin(build->progress, "patterns", 0);
    ha_index_writer_sync_begin(build->writer);
    struct ha_err *err = add_instances(build, options);
    if (err == NULL && options->extra != NULL) {
        err = add_extra(build, options);
    }
    ha_progress_end(build->progress);
    return err;
}

/* Half a percent of dangling references and more is worth a word; below it is normal (docs/hprof-format.md). */
static void note_dangling(struct ha_build *build)
{
    uint64_t dangling = build->facts.dangling_references, kept = build->facts.reference_count;
    if (dangling > 0 && dangling >= (dangling + kept) / 200) {
        ha_diag_add(build->diag, HA_DIAG_DANGLING, HA_ERR_NO_OFFSET, dangling,
                    dangling == 1 ? "%" PRIu64 " reference leads to objects that are not in the dump; it is taken as null"
                                  : "%" PRIu64 " references lead to objects that are not in the dump; they are taken as null",
                    dangling);
    }
}

static struct ha_err *run_passes(struct ha_build *build, const struct ha_snapshot_options *options, bool pack)
{
    struct ha_dom_order order = {0};
    if (pack) {
        HA_TRY(ha_snapshot_pack_begin(build->writer, options->size_model));
    }
    HA_TRY(ha_build_scan(build, build->writer, options->heap_only));
    ha_snapshot_memory_aim(build);
    HA_TRY(ha_graph_build(build, !options->heap_only));
    note_dangling(build);
    if (!options->heap_only) {
        HA_TRY(ha_dom_build(build, &order));
    }
    struct ha_err *err = ha_build_finish(build);
    if (err == NULL) {
        err = put_chunks(build);
    }
    if (err == NULL && !options->heap_only) {
        err = retain(build, options, &order);
    }
    ha_dom_order_deinit(&order);
    ha_big_trim(); /* what looks for answers needs less, but in smaller pieces */
    if (err == NULL && !options->heap_only) {
        err = add_answers(build, options);
    }
    if (err == NULL && pack) {
        ha_progress_begin(build->progress, "pack", 0);
        err = ha_snapshot_pack(build->writer, options->size_model, build->threads);
        ha_progress_end(build->progress);
    }
    // Not all that look into the dump tell bytes that could not be read from bytes that are wrong, or notice that a text was cut.
    if (err == NULL && ha_mem_failed()) {
        err = ha_err_nomem();
    }
    return err != NULL ? err : ha_input_error(build->input);
}

/* A dump that is still being written, or was written over: what has been read may be of two states. Such an index shall fit no dump. */
static void spoil_if_changed(const struct ha_snapshot_options *options, const char *dump, struct ha_fingerprint *fingerprint)
{
    struct ha_file_info info;
    int fd;
    struct ha_err *err = ha_file_open_read(dump, &fd, &info);
    if (err != NULL) { // gone, or out of reach: what was opened is still what it was
        ha_err_free(err);
        return;
    }
    ha_file_close(fd);
    if (info.bytes == fingerprint->bytes && info.mtime_sec == fingerprint->mtime_sec && info.mtime_nsec == fingerprint->mtime_nsec) {
        return;
    }
    fingerprint->sample = ~fingerprint->sample;
    if (options->notice != NULL) {
        options->notice(options->notice_ctx, "the dump was changed while it was read: this answer may be wrong, and the next run reads it again");
    }
}

struct ha_err *ha_snapshot_build(struct ha_build *build, const struct ha_snapshot_options *options, const char *path,
                                 const struct ha_fingerprint *fingerprint, struct ha_diag *diag, struct ha_index **ret)
{
    struct ha_index_writer *writer = NULL;
    struct ha_err *err = ha_index_writer_create(path, options->index_dir, &writer);
    if (err == NULL) {
        build->writer = writer;
        err = run_passes(build, options, options->index_packed && path != NULL && !options->heap_only);
    }
    if (err == NULL) {
        err = ha_diag_write(diag, writer);
    }
    if (err == NULL) {
        err = ha_snapshot_input_write(build->input, writer);
    }
    struct ha_progress *progress = build->progress;
    unsigned threads = build->threads;
    struct ha_fingerprint kept = *fingerprint;
    if (err == NULL && path != NULL) {
        spoil_if_changed(options, ha_input_path(build->input), &kept);
    }
    ha_build_destroy(build);
    ha_big_aim_set(UINT64_MAX, 0);
    ha_big_trim();
    if (err == NULL) {
        ha_progress_begin(progress, "write index", 0);
        err = options->keep_later ? ha_index_writer_seal(writer, &kept, threads, ret) : ha_index_writer_commit(writer, &kept, threads, ret);
        ha_progress_end(progress);
    }
    if (err != NULL) {
        ha_index_writer_destroy(writer);
    }
    return err;
}
