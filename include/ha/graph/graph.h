/* SPDX-License-Identifier: MIT */
/*
 * Who points to whom.
 *
 *     rows       where the row of each branch object begins in `targets`: packed (graph_starts.h), or 5 bytes each, all ones: no references
 *     targets    [4][7][9*] [2][4*]…   in record order, nulls and dangling references dropped, duplicates kept; * = bit 31, end of the row
 *
 * Rows hold the references of fields, elements and static fields, of class objects those to super class and loader too. The edge from every
 * object to its own class is implied by its class and not stored. Rows of java.lang.ref.Reference instances
 * begin with the referent, or HA_EDGE_NULL where it is null. A thread's row ends with the locals of its stack.
 *
 *                (where rows are packed, the section may be too, without the marks: index/column.h)
 *
 *     in         where the sources of each object lie in `sources` (graph_starts.h)
 *     sources    objects that refer to it, ascending, once per reference; a single one that is also the dominator is left out (but of
 *                roots and class objects): `idom` tells
 *
 * Everything read from these sections is checked by the accessors: they come from a file.
 */
#ifndef HA_GRAPH_GRAPH_H
#define HA_GRAPH_GRAPH_H

#include "ha/base/err.h"
#include "ha/graph/graph_starts.h"
#include "ha/heap/heap.h"
#include "ha/index/column.h"

#include <stdbool.h>
#include <stdint.h>

#define HA_EDGE_END 0x80000000U
#define HA_EDGE_NULL 0x7fffffffU
#define HA_ROW_EMPTY 0xffffffffffULL

struct ha_graph {
    const struct ha_heap *heap;
    struct ha_starts rows;    /* packed form; no blocks: see row_start */
    const uint8_t *row_start; /* plain form */
    struct ha_column targets;
    struct ha_starts in;
    struct ha_column sources;
    struct ha_column idom; /* that of dom; without numbers where it does not fit the objects */
};

struct ha_err *ha_graph_open(const struct ha_index *index, const struct ha_heap *heap, struct ha_graph **ret) HA_WARN_UNUSED;
void ha_graph_close(struct ha_graph *graph);

/* Where the row of a branch object lies in targets; length 0 when it has no references. In the plain form the length is only an upper bound. */
struct ha_span ha_graph_row(const struct ha_graph *graph, ha_obj obj);

/* Asks the memory for what ha_graph_row() is going to read: worth it some objects ahead. */
HA_INLINE void ha_graph_prefetch(const struct ha_graph *graph, ha_obj obj)
{
    if (obj.i < graph->heap->facts.branch_count) {
        if (graph->row_start != NULL) {
            __builtin_prefetch(graph->row_start + 5 * (size_t)obj.i);
        } else {
            ha_starts_prefetch(&graph->rows, obj.i);
        }
    }
}

/* Walks the row of an object (no class edge). */
struct ha_out {
    const struct ha_column *targets;
    uint64_t next;
    uint64_t end; /* of the row, or in the plain form of all targets: the last one is marked */
    uint32_t object_count;
};

static inline struct ha_out ha_graph_out(const struct ha_graph *graph, ha_obj obj)
{
    struct ha_out out = {&graph->targets, 0, 0, graph->heap->facts.object_count};
    if (obj.i >= graph->heap->facts.branch_count) {
        return out;
    }
    struct ha_span row = ha_graph_row(graph, obj);
    out.next = row.begin;
    out.end = row.begin + row.length;
    return out;
}

/* Asks the memory for what ha_out_next() is going to read: all of a short row, the begin of a long one. */
HA_INLINE void ha_out_prefetch(const struct ha_out *out)
{
    if (out->next < out->end) {
        ha_column_prefetch_some(out->targets, out->next, out->end - out->next);
    }
}

/* The next target; false at the end. Null referents are skipped. */
static inline bool ha_out_next(struct ha_out *out, ha_obj *ret)
{
    while (out->next < out->end) {
        uint32_t word = ha_column_at(out->targets, out->next);
        uint32_t target = word & ~HA_EDGE_END;
        out->next = (word & HA_EDGE_END) != 0 ? out->end : out->next + 1;
        if (HA_LIKELY(target < out->object_count)) {
            ret->i = target;
            return true;
        }
    }
    return false;
}

/* How many targets that is; where rows are packed, without a walk. */
uint64_t ha_graph_out_count(const struct ha_graph *graph, ha_obj obj);

/* The referent of a Reference instance; false for null and for other objects. */
bool ha_graph_referent(const struct ha_graph *graph, ha_obj obj, ha_obj *ret);

/* Sources of an object: objects with a reference to it in their row (threads for their locals included; not instances for their class).
   Returns how many and where. A source index out of range never occurs in what is returned through ha_in_at(). */
struct ha_in {
    const struct ha_column *sources; /* NULL: the only one is `single` */
    uint64_t first, count;
    uint32_t object_count, single;
};
struct ha_in ha_graph_in(const struct ha_graph *graph, ha_obj obj);

/* Asks the memory for what ha_graph_in() is going to read, and for what ha_in_at() is: all of a short list, the begin of a long one. */
HA_INLINE void ha_graph_in_prefetch(const struct ha_graph *graph, ha_obj obj)
{
    ha_starts_prefetch(&graph->in, obj.i);
    if (graph->idom.count > 0) {
        ha_column_prefetch(&graph->idom, obj.i);
    }
}

HA_INLINE void ha_in_prefetch(const struct ha_in *in)
{
    if (in->sources != NULL && in->count > 0) {
        ha_column_prefetch_some(in->sources, in->first, in->count);
    }
}

static inline ha_obj ha_in_at(const struct ha_in *in, uint64_t i)
{
    uint32_t source = in->sources == NULL ? in->single : ha_column_at(in->sources, in->first + i);
    return (ha_obj){HA_LIKELY(source < in->object_count) ? source : 0};
}

/* ---- names of edges, read from the dump on demand (graph_label.c) ---- */

enum ha_edge_kind {
    HA_EDGE_FIELD,   /* instance field: declared_in, name */
    HA_EDGE_ELEMENT, /* array element: index */
    HA_EDGE_STATIC,  /* static field of a class object: name */
    HA_EDGE_CLASS,   /* object to its class */
    HA_EDGE_SUPER,
    HA_EDGE_LOADER,
    HA_EDGE_LOCAL,   /* thread to a local: kind, frame */
    HA_EDGE_DEFINES  /* a loader to a class it defined, where the dump leaves no other trace (no class with loader 0) */
};

struct ha_edge {
    enum ha_edge_kind kind;
    ha_obj target;
    ha_cls declared_in;      /* HA_EDGE_FIELD, HA_EDGE_STATIC */
    const char *name;        /* HA_EDGE_FIELD, HA_EDGE_STATIC */
    uint32_t index;          /* HA_EDGE_ELEMENT */
    const struct ha_local *local; /* HA_EDGE_LOCAL */
};

/* Walks all references of an object that lead to an object of the heap, with their names: <class>, then for class objects <super>, <loader> and statics,
   for instances the fields in record order, for arrays the elements in ascending order, for threads their locals. fn returns false to stop.
   false: the record could not be read (what was readable was delivered). */
bool ha_graph_edges(const struct ha_graph *graph, struct ha_window *window, ha_obj obj, bool (*fn)(void *ctx, const struct ha_edge *edge), void *ctx);

/* The same for the references to one target alone: elements of arrays are compared, not looked up. */
bool ha_graph_edges_to(const struct ha_graph *graph, struct ha_window *window, ha_obj obj, ha_obj target, bool (*fn)(void *ctx, const struct ha_edge *edge), void *ctx);

/* The text of an edge as the JSON contract has it: a field name, `[17]`, `static NAME`, `<class>`, `<super>`, `<loader>`, `<local> frame 3 com.acme.Foo.bar`, `<JNI local>`. */
void ha_edge_text(const struct ha_graph *graph, ha_obj source, const struct ha_edge *edge, struct ha_sbuf *out);

#endif
