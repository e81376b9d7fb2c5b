/* SPDX-License-Identifier: MIT */
/*
 * One opened dump: the index found or built, and everything that can be asked of it. Read-only after ha_snapshot_open(), hence shareable
 * between threads (each with its own window).
 */
#ifndef HA_SNAPSHOT_SNAPSHOT_H
#define HA_SNAPSHOT_SNAPSHOT_H

#include "ha/base/arena.h"
#include "ha/base/diag.h"
#include "ha/base/progress.h"
#include "ha/dom/dom.h"
#include "ha/graph/graph.h"
#include "ha/heap/heap.h"
#include "ha/index/index.h"
#include "ha/input/input.h"

struct ha_snapshot;

/* Writes one more section into an index that is being made. */
typedef struct ha_err *(*ha_section_put)(void *ctx, uint32_t id, uint32_t width, uint64_t count, const void *data);

/* What a higher layer wants to keep in the index: called once for each size model, when its sizes have been worked out, with a
   snapshot that is valid during the call. What it keeps has ids of its own for each model (HA_SECTION_OF()). */
typedef struct ha_err *(*ha_snapshot_extra)(void *ctx, const struct ha_snapshot *snapshot, ha_section_put put, void *put_ctx);

struct ha_snapshot_options {
    const char *index_dir;        /* --index-dir, or NULL */
    bool no_index;                /* use and leave no index file */
    bool rebuild;                 /* do not use the one that is there */
    bool index_packed;            /* an index that is made and kept is packed: smaller, same answers. One that is there is used in either form, but
                                     for index_required */
    bool index_required;          /* HA_ERR_SYSTEM if the index cannot be kept; else it is built in a temporary file then, with a notice */
    bool keep_later;              /* an index that is made has no name before ha_snapshot_keep(), which has to wait for the disk */
    bool heap_only;               /* classes, objects and sizes only: graph, dom and retained stay NULL; implies no_index. For shallow histograms */
    uint32_t heap;                /* which heap of the file, from 1; 0: the last */
    enum ha_size_model size_model;
    unsigned threads;             /* 0: ha_threads_default(), fewer for a small dump */
    uint64_t memory_limit;        /* bytes of memory that building may take; 0: what the control groups and the machine allow */
    struct ha_progress *progress; /* may be NULL */
    void (*notice)(void *ctx, const char *line); /* one-line notices ("index … is of another version of this dump: rebuilding"); may be NULL */
    void *notice_ctx;
    ha_snapshot_extra extra;      /* may be NULL; not called with heap_only */
    void *extra_ctx;
};

struct ha_snapshot {
    struct ha_input *input;
    struct ha_index *index;
    struct ha_heap *heap;
    struct ha_graph *graph;
    struct ha_dom *dom;
    struct ha_sizes *sizes;
    struct ha_retained *retained;
    struct ha_diag *diag; /* damage and notes, from this run or from the index */
    char *path;           /* of the dump, as given */
    uint64_t file_bytes;  /* of the dump as it lies on disk */
    unsigned threads;
    bool built;           /* this run built the index; not: added a size model to it */
};

struct ha_err *ha_snapshot_open(const char *path, const struct ha_snapshot_options *options, struct ha_snapshot **ret) HA_WARN_UNUSED;
void ha_snapshot_close(struct ha_snapshot *snapshot); /* NULL is fine */

/* With keep_later: puts the index that this run made in place; nothing to do otherwise. HA_ERR_SYSTEM: it cannot be kept; the snapshot can still be
   asked, and the next run will build it again. */
struct ha_err *ha_snapshot_keep(const struct ha_snapshot *snapshot) HA_WARN_UNUSED;
bool ha_snapshot_is_pending(const struct ha_snapshot *snapshot); /* whether there is anything to do */

/* Bytes of memory that a run may take: the least of memory_limit, what the control groups leave, and what the machine has; UINT64_MAX: not known. */
uint64_t ha_snapshot_memory(const struct ha_snapshot_options *options);

/* Adds to the index, where it lies, what `extra` puts (ha_index_append()): for answers that were worked out on the way. *ret_bytes: how long the index is
   now; 0: nothing was added, or the index cannot be added to. HA_ERR_SYSTEM: the disk; the index is as it was. */
struct ha_err *ha_snapshot_append(const struct ha_snapshot *snapshot, ha_snapshot_extra extra, void *extra_ctx, uint64_t *ret_bytes) HA_WARN_UNUSED;

/* ---- facts about the program (snapshot_info.c) ---- */

/* The JVM's version from the heap itself (system property java.runtime.version, java.vm.version or java.version in java.lang.System.props);
   appended to out. false: not to be found. */
bool ha_snapshot_jvm_version(const struct ha_snapshot *snapshot, struct ha_sbuf *out);

#endif
