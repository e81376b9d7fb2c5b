/* SPDX-License-Identifier: MIT */
/*
 * Opening a dump: find its index and attach to it, or build it first. The index comes before the dump's bytes: with it, a compressed dump
 * need not be inflated.
 *
 *     index found, same dump, opens   -> attach; the dump is read only where values are asked for
 *     index damaged, other format,
 *     other dump, --rebuild, none     -> one line of notice (but for the last two), then build
 *     cannot be written after all     -> one line of notice, then build once more, into an unnamed file elsewhere
 */
#include "snapshot/snapshot_internal.h"

#include "ha/base/file.h"
#include "ha/base/mem.h"
#include "ha/base/pool.h"

#include <errno.h>
#include <string.h>

#define BYTES_PER_THREAD ((uint64_t)8 << 20)

struct opening {
    const struct ha_snapshot_options *options;
    struct ha_snapshot *snapshot;
    struct ha_fingerprint fingerprint;
    bool passing; /* the dump comes through a pipe: there is nothing that an index could belong to */
    bool writing; /* the dump can be read, and its index is in the making … */
    bool named;   /* … under a name, for others to find it by */
};

static void notice(const struct opening *o, const char *line)
{
    if (o->options->notice != NULL) {
        o->options->notice(o->options->notice_ctx, line);
    }
}

void ha_snapshot_notice(const struct ha_snapshot_options *options, const char *why, const char *what)
{
    struct ha_sbuf b = {0};
    ha_sbuf_printf(&b, "%s: %s", why, what);
    if (options->notice != NULL) {
        options->notice(options->notice_ctx, ha_sbuf_failed(&b) ? what : ha_sbuf_text(&b));
    }
    ha_sbuf_deinit(&b);
}

/* Closes what stands on the index. */
static void detach_layers(struct ha_snapshot *s)
{
    ha_retained_close(s->retained);
    ha_sizes_destroy(s->sizes);
    ha_dom_close(s->dom);
    ha_graph_close(s->graph);
    ha_heap_close(s->heap);
    s->retained = NULL;
    s->sizes = NULL;
    s->dom = NULL;
    s->graph = NULL;
    s->heap = NULL;
}

static void detach(struct ha_snapshot *s)
{
    detach_layers(s);
    ha_index_close(s->index);
    s->index = NULL;
}

/* Away with an index that is of no use, and with the input, which may have been opened with its help. */
static void discard(struct ha_snapshot *s)
{
    detach(s);
    ha_input_close(s->input);
    s->input = NULL;
}

/* Retained sizes under the asked model, for an index that lacks them: nothing is read from the dump. All layers are opened anew on the longer
   index, and so is the input: the table of a compressed dump lies in the index. */
static struct ha_err *add_model(const struct opening *o)
{
    struct ha_snapshot *s = o->snapshot;
    struct ha_index *longer = NULL;
    HA_TRY(ha_snapshot_extend(s, o->options, &longer));
    detach_layers(s);
    s->index = longer;
    ha_input_close(s->input);
    s->input = NULL;
    HA_TRY(ha_snapshot_input_open(s, o->options, longer, &s->input));
    HA_TRY(ha_heap_open(longer, s->input, &s->heap));
    HA_TRY(ha_sizes_create(s->heap, o->options->size_model, &s->sizes));
    HA_TRY(ha_graph_open(longer, s->heap, &s->graph));
    return ha_dom_open(longer, s->heap, &s->dom);
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
        if (err == NULL && !ha_retained_is_there(index, o->options->size_model)) {
            err = add_model(o);
            index = s->index;
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

/* Unless asked for a number: a thread costs as much as it saves with so few bytes of the dump. */
static void fit_threads(const struct opening *o)
{
    struct ha_snapshot *s = o->snapshot;
    uint64_t useful = 1 + ha_input_bytes(s->input) / BYTES_PER_THREAD;
    if (o->options->threads == 0 && useful < s->threads) {
        s->threads = (unsigned)useful;
    }
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
    fit_threads(o);
    err = attach(o, index);
    bool wanted = err == NULL && (!only_last || s->heap->facts.heaps == s->heap->facts.heap);
    if (o->options->index_packed && o->options->index_required) {
        wanted = wanted && ha_snapshot_is_packed(s->index);
    }
    if (wanted) {
        err = take_diag(s);
    }
    if (err != NULL || !wanted) {
        discard(s);
    }
    return err;
}

static void rebuild_notice(const struct opening *o, const char *why)
{
    ha_snapshot_notice(o->options, why, "rebuilding");
}

/* Looks for a usable index of the heap that is asked for, before anything is known of the dump; leaves snapshot->heap NULL when there is none. */
static struct ha_err *find_index(const struct opening *o)
{
    struct ha_index_place_options place = {.index_dir = o->options->index_dir, .heap = o->options->heap};
    struct ha_snapshot *s = o->snapshot;
    struct ha_index *index = NULL;
    HA_FREE char *line = NULL;
    HA_TRY(ha_index_place_find(s->path, &o->fingerprint, &place, &index, &line));
    if (line != NULL) {
        rebuild_notice(o, line);
    }
    if (index == NULL) {
        return NULL;
    }
    struct ha_err *err = use_index(o, index, o->options->heap == 0);
    if (err == NULL || ha_err_kind(err) != HA_ERR_INPUT) {
        return err;
    }
    rebuild_notice(o, ha_err_message(err)); // damaged: built anew
    ha_err_free(err);
    return NULL;
}

/* Where the index shall be kept; NULL in *ret when it cannot be. */
static struct ha_err *choose_path(const struct opening *o, const struct ha_build *build, char **ret)
{
    const struct ha_snapshot_options *options = o->options;
    struct ha_index_place_options place = {.index_dir = options->index_dir, .heap = build->facts.heap, .heaps = build->facts.heaps};
    HA_TRY(ha_index_place_new(o->snapshot->path, &place, ret));
    if (*ret == NULL && options->index_required) {
        return ha_err_system(EACCES, "no folder for the index of '%s' can be written (--index-dir names one)", o->snapshot->path);
    }
    if (*ret == NULL) {
        notice(o, "no folder for the index can be written; it will be built anew each time (--index-dir names one)");
    }
    return NULL;
}

/* Scans the dump and attaches to the index made of it; keep: under a name, if there is a place for it. */
static struct ha_err *build_index(struct opening *o, bool keep)
{
    const struct ha_snapshot_options *options = o->options;
    struct ha_snapshot *s = o->snapshot;
    struct ha_build *build = NULL;
    struct ha_index *index = NULL;
    HA_FREE char *path = NULL;
    HA_TRY(ha_snapshot_input_open(s, options, NULL, &s->input));
    fit_threads(o);
    HA_TRY(ha_build_create(s->input, options->heap, s->diag, options->progress, s->threads, &build));
    struct ha_fingerprint fingerprint = o->fingerprint;
    fingerprint.heap = build->facts.heap;
    struct ha_err *err = keep ? choose_path(o, build, &path) : NULL;
    if (err == NULL) {
        err = ha_snapshot_memory_fit(build, options, path);
    }
    if (err != NULL) {
        ha_build_destroy(build);
        return err;
    }
    o->writing = true;
    o->named = path != NULL;
    HA_TRY(ha_snapshot_build(build, options, path, &fingerprint, s->diag, &index));
    s->built = true;
    return attach(o, index);
}

bool ha_snapshot_cannot_write(const struct ha_err *err)
{
    static const int reasons[] = {ENOSPC, EDQUOT, EFBIG, EROFS, EACCES, EPERM, ENOENT, ENOTDIR, EISDIR, EINVAL, ESTALE};
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        if (ha_err_kind(err) == HA_ERR_SYSTEM && ha_err_errno(err) == reasons[i]) {
            return true;
        }
    }
    return false;
}

static bool cannot_write(const struct opening *o, const struct ha_err *err)
{
    return o->writing && ha_snapshot_cannot_write(err);
}

/* An answer is better than an index: it is built once more, in the folder for temporary files. Takes the error. */
static struct ha_err *build_unnamed(struct opening *o, struct ha_err *err)
{
    struct ha_snapshot *s = o->snapshot;
    const struct ha_snapshot_options *wanted = o->options;
    struct ha_snapshot_options elsewhere = *wanted;
    struct ha_diag *diag = ha_diag_create();
    if (diag == NULL) {
        return err;
    }
    ha_snapshot_notice(wanted, ha_err_message(err), "going on without keeping an index (--index-dir names a folder for it)");
    ha_err_free(err);
    discard(s);
    ha_diag_destroy(s->diag);
    s->diag = diag;
    elsewhere.index_dir = NULL;
    o->options = &elsewhere;
    o->writing = false;
    err = build_index(o, false);
    o->options = wanted;
    return err;
}

static struct ha_err *build_somewhere(struct opening *o)
{
    bool keep = !o->options->no_index && !o->options->heap_only && !o->passing;
    struct ha_err *err = build_index(o, keep);
    if (err != NULL && o->named && cannot_write(o, err)) {
        if (o->options->index_required) {
            return ha_err_wrap(err, "the index cannot be kept (--index-dir names another folder)");
        }
        err = build_unnamed(o, err);
    }
    if (err != NULL && cannot_write(o, err)) {
        return ha_err_wrap(err, "no room for what is found out about the dump (TMPDIR names another folder)");
    }
    return err;
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
        HA_TRY(build_somewhere(o));
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

bool ha_snapshot_is_pending(const struct ha_snapshot *snapshot)
{
    return snapshot->index != NULL && ha_index_is_pending(snapshot->index);
}

struct ha_err *ha_snapshot_keep(const struct ha_snapshot *snapshot)
{
    return snapshot->index == NULL ? NULL : ha_index_keep(snapshot->index);
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
