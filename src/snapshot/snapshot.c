/* SPDX-License-Identifier: MIT */
/*
 * Opening a dump: find its index and attach to it, or build it first. The index comes before the dump's bytes: with it, a compressed dump
 * need not be inflated.
 *
 *     index found, same dump, opens   -> attach; the dump is read only where values are asked for
 *     index damaged, other format,
 *     other dump, --rebuild, none     -> one line of notice (but for the last two), then build
 */
#include "snapshot/snapshot_internal.h"

#include "ha/base/file.h"
#include "ha/base/mem.h"
#include "ha/base/pool.h"

#include <string.h>

#define HEAPS_LOOKED_FOR 64U /* an index of the last heap is wanted, and how many there are is not known without one */

struct opening {
    const struct ha_snapshot_options *options;
    struct ha_snapshot *snapshot;
    struct ha_fingerprint fingerprint;
    bool passing; /* the dump comes through a pipe: there is nothing that an index could belong to */
};

static void notice(const struct opening *o, const char *line)
{
    if (o->options->notice != NULL) {
        o->options->notice(o->options->notice_ctx, line);
    }
}

static void detach(struct ha_snapshot *s)
{
    ha_retained_close(s->retained);
    ha_sizes_destroy(s->sizes);
    ha_dom_close(s->dom);
    ha_graph_close(s->graph);
    ha_heap_close(s->heap);
    ha_index_close(s->index);
    s->retained = NULL;
    s->sizes = NULL;
    s->dom = NULL;
    s->graph = NULL;
    s->heap = NULL;
    s->index = NULL;
}

/* Away with an index that is of no use, and with the input, which may have been opened with its help. */
static void discard(struct ha_snapshot *s)
{
    detach(s);
    ha_input_close(s->input);
    s->input = NULL;
}

/* Takes the index; opens all layers on it. On failure the index is closed. */
static struct ha_err *attach(const struct opening *o, struct ha_index *index)
{
    struct ha_snapshot *s = o->snapshot;
    s->index = index;
    struct ha_err *err = ha_heap_open(index, s->input, &s->heap);
    if (err == NULL) {
        err = ha_sizes_create(s->heap, o->options->size_model, &s->sizes);
    }
    if (err == NULL && !o->options->heap_only) {
        err = ha_graph_open(index, s->heap, &s->graph);
        if (err == NULL) {
            err = ha_dom_open(index, s->heap, &s->dom);
        }
        if (err == NULL) {
            err = ha_retained_open(index, s->sizes, s->dom, &s->retained);
        }
    }
    if (err != NULL) {
        detach(s);
    }
    return err;
}

/* The list of damage that the index keeps takes the place of the snapshot's. */
static struct ha_err *take_diag(struct ha_snapshot *s)
{
    struct ha_diag *kept = ha_diag_create();
    struct ha_err *err = kept == NULL ? ha_err_nomem() : ha_diag_read(s->index, kept);
    if (err != NULL) {
        ha_diag_destroy(kept);
        return err;
    }
    ha_diag_destroy(s->diag);
    s->diag = kept;
    return NULL;
}

/* Opens the dump and everything else with an index that belongs to it; only_last: nothing is opened if there is a heap behind this one. Takes the
   index. On failure nothing is open. */
static struct ha_err *use_index(const struct opening *o, struct ha_index *index, bool only_last)
{
    struct ha_snapshot *s = o->snapshot;
    struct ha_err *err = ha_snapshot_input_open(s, o->options, index, &s->input);
    if (err != NULL) {
        ha_index_close(index);
        return err;
    }
    err = attach(o, index);
    bool wanted = err == NULL && (!only_last || s->heap->facts.heaps == s->heap->facts.heap);
    if (wanted) {
        err = take_diag(s);
    }
    if (err != NULL || !wanted) {
        discard(s);
    }
    return err;
}

/* Damaged: one line, and it is built anew. Other errors are passed on. */
static struct ha_err *rebuild_notice(const struct opening *o, struct ha_err *err)
{
    if (ha_err_kind(err) != HA_ERR_INPUT) {
        return err;
    }
    struct ha_sbuf b = {0};
    ha_sbuf_printf(&b, "%s: rebuilding", ha_err_message(err));
    HA_FREE char *text = ha_sbuf_take(&b);
    notice(o, text == NULL ? "index is damaged: rebuilding" : text);
    ha_err_free(err);
    return NULL;
}

/* Looks for a usable index; leaves snapshot->heap NULL when there is none. heaps 0: not known, and an index of another than the last is not wanted. */
static struct ha_err *try_index(const struct opening *o, uint32_t heap, uint32_t heaps)
{
    struct ha_index_place_options place = {.index_dir = o->options->index_dir, .heap = heap, .heaps = heaps};
    struct ha_fingerprint fingerprint = o->fingerprint;
    struct ha_snapshot *s = o->snapshot;
    bool guess = heaps == 0 && o->options->heap == 0;
    fingerprint.heap = heap;
    struct ha_index *index = NULL;
    HA_FREE char *line = NULL;
    HA_TRY(ha_index_place_find(s->path, &fingerprint, &place, &index, &line));
    if (line != NULL && !guess) {
        notice(o, line);
    }
    if (index == NULL) {
        return NULL;
    }
    struct ha_err *err = use_index(o, index, guess);
    return err == NULL ? NULL : rebuild_notice(o, err);
}

/* Looks for the index of the heap that is asked for, before anything is known of the dump. */
static struct ha_err *find_index(const struct opening *o)
{
    uint32_t wanted = o->options->heap;
    if (wanted > 0) {
        return try_index(o, wanted, 0);
    }
    HA_TRY(try_index(o, 1, 1));
    for (uint32_t heap = HEAPS_LOOKED_FOR; heap > 1 && o->snapshot->heap == NULL; heap--) {
        HA_TRY(try_index(o, heap, 0));
    }
    return NULL;
}

static struct ha_err *build_index(const struct opening *o, struct ha_build *build)
{
    const struct ha_snapshot_options *options = o->options;
    struct ha_snapshot *s = o->snapshot;
    HA_FREE char *path = NULL;
    struct ha_fingerprint fingerprint = o->fingerprint;
    fingerprint.heap = build->facts.heap;
    bool named = !options->no_index && !options->heap_only && !o->passing;
    if (named) {
        struct ha_index_place_options place = {.index_dir = options->index_dir, .heap = build->facts.heap, .heaps = build->facts.heaps};
        struct ha_err *err = ha_index_place_new(s->path, &place, &path);
        if (err != NULL) {
            ha_build_destroy(build);
            return err;
        }
        if (path == NULL) {
            notice(o, "no folder for the index can be written; it will be built anew each time (--index-dir names one)");
        }
    }
    struct ha_err *fit = ha_snapshot_memory_fit(build, options, path);
    if (fit != NULL) {
        ha_build_destroy(build);
        return fit;
    }
    struct ha_index *index = NULL;
    struct ha_err *err = ha_snapshot_build(build, options, path, &fingerprint, s->diag, &index);
    if (err != NULL) {
        return err;
    }
    s->built = true;
    return attach(o, index);
}

static struct ha_err *take_fingerprint(struct opening *o)
{
    struct ha_file_info info;
    int fd;
    HA_TRY(ha_file_open_read(o->snapshot->path, &fd, &info));
    struct ha_err *err = info.regular ? ha_fingerprint_take(fd, o->snapshot->path, &o->fingerprint) : NULL;
    ha_file_close(fd);
    return err;
}

static struct ha_err *open_snapshot(struct opening *o)
{
    struct ha_snapshot *s = o->snapshot;
    const struct ha_snapshot_options *options = o->options;
    if (!o->passing) {
        HA_TRY(take_fingerprint(o));
    }
    if (!o->passing && !options->no_index && !options->rebuild && !options->heap_only) {
        HA_TRY(find_index(o));
    }
    if (s->heap == NULL) {
        struct ha_build *build;
        HA_TRY(ha_snapshot_input_open(s, options, NULL, &s->input));
        HA_TRY(ha_build_create(s->input, options->heap, s->diag, options->progress, s->threads, &build));
        HA_TRY(build_index(o, build));
    }
    s->file_bytes = ha_input_file_bytes(s->input);
    return NULL;
}

struct ha_err *ha_snapshot_open(const char *path, const struct ha_snapshot_options *options, struct ha_snapshot **ret)
{
    struct ha_snapshot *s = ha_calloc_array(1, sizeof *s);
    if (s == NULL) {
        return ha_err_nomem();
    }
    struct opening o = {.options = options, .snapshot = s, .passing = ha_input_is_passing(path)};
    s->threads = options->threads == 0 ? ha_threads_default() : options->threads;
    s->threads = s->threads > HA_THREADS_MAX ? HA_THREADS_MAX : s->threads;
    s->path = ha_strndup(path, strlen(path));
    s->diag = ha_diag_create();
    struct ha_err *err = s->path == NULL || s->diag == NULL ? ha_err_nomem() : open_snapshot(&o);
    if (err != NULL) {
        ha_snapshot_close(s);
        return err;
    }
    *ret = s;
    return NULL;
}

void ha_snapshot_close(struct ha_snapshot *snapshot)
{
    if (snapshot == NULL) {
        return;
    }
    detach(snapshot);
    ha_err_free(ha_big_limit_set(UINT64_MAX, NULL));
    ha_input_close(snapshot->input);
    ha_diag_destroy(snapshot->diag);
    ha_free(snapshot->path);
    ha_free(snapshot);
}
