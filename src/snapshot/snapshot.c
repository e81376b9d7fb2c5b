/* SPDX-License-Identifier: MIT */
/*
 * Opening a dump: find its index and attach to it, or build it first.
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

struct opening {
    const struct ha_snapshot_options *options;
    struct ha_snapshot *snapshot;
    struct ha_fingerprint fingerprint;
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

/* Looks for a usable index; leaves snapshot->heap NULL when there is none. */
static struct ha_err *try_index(const struct opening *o, uint32_t heap, uint32_t heaps)
{
    struct ha_index_place_options place = {.index_dir = o->options->index_dir, .heap = heap, .heaps = heaps};
    struct ha_fingerprint fingerprint = o->fingerprint;
    fingerprint.heap = heap;
    struct ha_index *index = NULL;
    HA_FREE char *line = NULL;
    HA_TRY(ha_index_place_find(o->snapshot->path, &fingerprint, &place, &index, &line));
    if (line != NULL) {
        notice(o, line);
    }
    if (index == NULL) {
        return NULL;
    }
    struct ha_err *err = attach(o, index);
    if (err == NULL) {
        err = ha_diag_read(o->snapshot->index, o->snapshot->diag);
        if (err != NULL) {
            detach(o->snapshot);
        }
    }
    if (err != NULL && ha_err_kind(err) == HA_ERR_INPUT) {
        char *text = NULL;
        struct ha_sbuf b = {0};
        ha_sbuf_printf(&b, "%s: rebuilding", ha_err_message(err));
        text = ha_sbuf_take(&b);
        notice(o, text == NULL ? "index is damaged: rebuilding" : text);
        ha_free(text);
        ha_err_free(err);
        return NULL;
    }
    return err;
}

static struct ha_err *build_index(const struct opening *o, struct ha_build *build)
{
    const struct ha_snapshot_options *options = o->options;
    struct ha_snapshot *s = o->snapshot;
    HA_FREE char *path = NULL;
    struct ha_fingerprint fingerprint = o->fingerprint;
    fingerprint.heap = build->facts.heap;
    bool named = !options->no_index && !options->heap_only;
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
    struct ha_index *index = NULL;
    struct ha_err *err = ha_snapshot_build(build, options, path, &fingerprint, s->diag, &index);
    if (err != NULL) {
        return err;
    }
    s->built = true;
    return attach(o, index);
}

static struct ha_err *open_snapshot(struct opening *o)
{
    struct ha_snapshot *s = o->snapshot;
    const struct ha_snapshot_options *options = o->options;
    struct ha_file_info info;
    int fd;
    HA_TRY(ha_file_open_read(s->path, &fd, &info));
    struct ha_err *err = info.regular ? ha_fingerprint_take(fd, s->path, &o->fingerprint) : NULL;
    ha_file_close(fd);
    HA_TRY(err);
    s->file_bytes = info.bytes;
    struct ha_input_options input = {.temp_dir = options->index_dir, .diag = s->diag, .progress = options->progress};
    HA_TRY(ha_input_open(s->path, &input, &s->input));
    bool look = !options->no_index && !options->rebuild && !options->heap_only;
    if (look && options->heap <= 1) {
        HA_TRY(try_index(o, 1, 1));
    }
    if (s->heap != NULL) {
        return NULL;
    }
    struct ha_build *build;
    HA_TRY(ha_build_create(s->input, options->heap, s->diag, options->progress, s->threads, &build));
    if (look && build->facts.heaps > 1) {
        struct ha_diag *seen = s->diag;
        s->diag = ha_diag_create(); /* the index brings its own list */
        err = s->diag == NULL ? ha_err_nomem() : try_index(o, build->facts.heap, build->facts.heaps);
        if (err != NULL || s->heap != NULL) {
            ha_diag_destroy(seen);
            ha_build_destroy(build);
            return err;
        }
        ha_diag_destroy(s->diag);
        s->diag = seen;
    }
    return build_index(o, build);
}

struct ha_err *ha_snapshot_open(const char *path, const struct ha_snapshot_options *options, struct ha_snapshot **ret)
{
    struct ha_snapshot *s = ha_calloc_array(1, sizeof *s);
    if (s == NULL) {
        return ha_err_nomem();
    }
    struct opening o = {.options = options, .snapshot = s};
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
    ha_input_close(snapshot->input);
    ha_diag_destroy(snapshot->diag);
    ha_free(snapshot->path);
    ha_free(snapshot);
}
