/* SPDX-License-Identifier: MIT */
/*
 * Names of references. Rows hold numbers only; the name of an edge is found by reading the source's record again, for the few edges people
 * look at. Arrays are read in pieces.
 */
#include "ha/graph/graph.h"

#include "ha/hprof/hprof_heap.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PIECE_BYTES (256U << 10)

struct walk {
    const struct ha_graph *graph;
    const struct ha_heap *heap;
    struct ha_window *window;
    ha_obj obj;
    bool (*fn)(void *ctx, const struct ha_edge *edge);
    void *ctx;
    ha_obj target;        /* HA_OBJ_NONE: references to any object */
    ha_addr address;      /* of the target */
    bool stopped;
};

static void deliver(struct walk *w, struct ha_edge *edge, ha_obj target)
{
    bool wanted = ha_obj_is_none(w->target) || ha_obj_equal(w->target, target);
    edge->target = target;
    w->stopped = w->stopped || (wanted && !w->fn(w->ctx, edge));
}

static void deliver_address(struct walk *w, struct ha_edge *edge, ha_addr address)
{
    ha_obj target = w->target;
    bool found = ha_obj_is_none(w->target) ? ha_heap_find(w->heap, address, &target) : address == w->address;
    if (!w->stopped && found) {
        deliver(w, edge, target);
    }
}

static void class_edges(struct walk *w, ha_cls cls)
{
    const struct ha_class *c = ha_heap_class(w->heap, cls);
    if (!ha_cls_is_none(c->super) && !ha_obj_is_none(ha_heap_class(w->heap, c->super)->object) && !w->stopped) {
        deliver(w, &(struct ha_edge){.kind = HA_EDGE_SUPER}, ha_heap_class(w->heap, c->super)->object);
    }
    if (!ha_obj_is_none(c->loader) && !w->stopped) {
        deliver(w, &(struct ha_edge){.kind = HA_EDGE_LOADER}, c->loader);
    }
    for (uint32_t i = 0; i < c->statics_count && !w->stopped; i++) {
        const struct ha_static *field = &w->heap->statics[c->statics_first + i];
        if (field->type == HA_TYPE_REFERENCE) {
            deliver_address(w, &(struct ha_edge){.kind = HA_EDGE_STATIC, .declared_in = cls, .name = field->name}, field->value);
        }
    }
}

static bool instance_edges(struct walk *w, const struct ha_body *body)
{
    struct ha_field_walk fields;
    struct ha_field_at at;
    uint32_t id_size = w->heap->facts.id_size;
    ha_field_walk_begin(ha_heap_class_of(w->heap, w->obj), &fields);
    while (!w->stopped && ha_field_walk_next(w->heap, &fields, &at)) {
        if (at.field->type != HA_TYPE_REFERENCE) {
            continue;
        }
        if (at.offset > body->bytes || body->bytes - at.offset < id_size) {
            return false;
        }
        const uint8_t *p = ha_window_at(w->window, body->off + at.offset, id_size);
        if (p == NULL) {
            return false;
        }
        deliver_address(w, &(struct ha_edge){.kind = HA_EDGE_FIELD, .declared_in = at.declared_in, .name = at.field->name}, ha_sub_id(p, id_size));
    }
    return true;
}

/* How many elements at the begin of `bytes` bytes do not refer to the target; 0 if it is not known. */
static uint32_t others(const struct walk *w, uint64_t off, size_t bytes)
{
    const uint32_t id_size = w->heap->facts.id_size, count = (uint32_t)(bytes / id_size);
    const uint8_t *p = ha_obj_is_none(w->target) ? NULL : ha_window_at(w->window, off, bytes);
    uint32_t n = 0;
    while (p != NULL && n < count && ha_sub_id(p + (size_t)n * id_size, id_size) != w->address) {
        n++;
    }
    return n;
}

static bool array_edges(struct walk *w, const struct ha_body *body)
{
    uint32_t id_size = w->heap->facts.id_size;
    uint32_t index = 0;
    for (uint64_t done = 0; done < body->bytes && !w->stopped;) {
        size_t bytes = body->bytes - done < PIECE_BYTES ? (size_t)(body->bytes - done) : PIECE_BYTES;
        for (size_t i = 0; i + id_size <= bytes && !w->stopped; i += id_size, index++) {
            uint32_t passed = others(w, body->off + done + i, bytes - i);
            i += (size_t)passed * id_size;
            index += passed;
            if (i + id_size > bytes) {
                break;
            }
            /* asked for anew after each delivery: the callee may have used the window */
            const uint8_t *p = ha_window_at(w->window, body->off + done + i, id_size);
            if (p == NULL) {
                return false;
            }
            uint64_t address = ha_sub_id(p, id_size);
            if (address != 0) {
                deliver_address(w, &(struct ha_edge){.kind = HA_EDGE_ELEMENT, .index = index}, address);
            }
        }
        done += bytes;
    }
    return true;
}

static void local_edges(struct walk *w)
{
    const struct ha_thread *thread = ha_heap_thread_of(w->heap, w->obj);
    uint64_t begin = thread == NULL ? 0 : (uint64_t)(thread - w->heap->threads);
    for (uint64_t t = begin; thread != NULL && t < w->heap->thread_count && ha_obj_equal(w->heap->threads[t].obj, w->obj); t++) {
        for (uint32_t i = 0; i < w->heap->threads[t].locals_count && !w->stopped; i++) {
            const struct ha_local *local = &w->heap->locals[w->heap->threads[t].locals_first + i];
            deliver(w, &(struct ha_edge){.kind = HA_EDGE_LOCAL, .local = local}, local->obj);
        }
    }
}

/* A loader's edges to its classes, which exist only where no class has loader 0 (MAT's rule). */
static void defined_edges(struct walk *w)
{
    const struct ha_heap *heap = w->heap;
    if ((ha_heap_class(heap, ha_heap_class_of(heap, w->obj))->flags & HA_CLASS_IS_LOADER) == 0) {
        return;
    }
    for (uint32_t c = 0; c < heap->facts.class_count; c++) {
        if (ha_obj_is_none(heap->classes[c].loader) && (heap->classes[c].flags & HA_CLASS_IS_MADE_UP) == 0) {
            return;
        }
    }
    for (uint32_t c = 0; c < heap->facts.class_count && !w->stopped; c++) {
        if (ha_obj_equal(heap->classes[c].loader, w->obj) && !ha_obj_is_none(heap->classes[c].object)) {
            deliver(w, &(struct ha_edge){.kind = HA_EDGE_DEFINES}, heap->classes[c].object);
        }
    }
}

bool ha_graph_edges_to(const struct ha_graph *graph, struct ha_window *window, ha_obj obj, ha_obj target, bool (*fn)(void *ctx, const struct ha_edge *edge), void *ctx)
{
    const struct ha_heap *heap = graph->heap;
    struct walk w = {.graph = graph, .heap = heap, .window = window, .obj = obj, .fn = fn, .ctx = ctx, .target = target};
    w.address = ha_obj_is_none(target) ? 0 : ha_heap_address(heap, target);
    const struct ha_class *cls = ha_heap_class(heap, ha_heap_class_of(heap, obj));
    if (!ha_obj_is_none(cls->object)) {
        deliver(&w, &(struct ha_edge){.kind = HA_EDGE_CLASS}, cls->object);
    }
    bool complete = true;
    ha_cls stands_for;
    if (ha_heap_as_class(heap, obj, &stands_for)) {
        class_edges(&w, stands_for);
    } else if (ha_heap_is_array(heap, obj) ? cls->kind != HA_CLASS_PRIMITIVE_ARRAY : true) {
        struct ha_body body;
        complete = ha_heap_body(heap, window, obj, &body) && (ha_heap_is_array(heap, obj) ? array_edges(&w, &body) : instance_edges(&w, &body));
        ha_err_free(ha_window_error(window));
    }
    local_edges(&w);
    defined_edges(&w);
    return complete;
}

bool ha_graph_edges(const struct ha_graph *graph, struct ha_window *window, ha_obj obj, bool (*fn)(void *ctx, const struct ha_edge *edge), void *ctx)
{
    return ha_graph_edges_to(graph, window, obj, HA_OBJ_NONE, fn, ctx);
}

/* The thread entry of an object that a local belongs to: an object may have several. */
static const struct ha_thread *thread_of_local(const struct ha_heap *heap, ha_obj obj, const struct ha_local *local)
{
    const struct ha_thread *thread = ha_heap_thread_of(heap, obj);
    uint64_t index = (uint64_t)(local - heap->locals);
    for (; thread != NULL && thread < heap->threads + heap->thread_count && ha_obj_equal(thread->obj, obj); thread++) {
        if (index >= thread->locals_first && index - thread->locals_first < thread->locals_count) {
            return thread;
        }
    }
    return NULL;
}

static void local_text(const struct ha_graph *graph, ha_obj source, const struct ha_local *local, struct ha_sbuf *out)
{
    if (local->kind != HA_ROOT_JAVA_LOCAL) {
        ha_sbuf_printf(out, "<%s>", ha_root_kind_text((enum ha_root_kind)local->kind));
        return;
    }
    ha_sbuf_puts(out, "<local>");
    const struct ha_thread *thread = thread_of_local(graph->heap, source, local);
    if (thread != NULL && local->frame < thread->frames_count) {
        const struct ha_frame *frame = &graph->heap->frames[thread->frames_first + local->frame];
        ha_sbuf_printf(out, " frame %" PRIu32 " %s.%s", local->frame, frame->class_name, frame->method);
    }
}

void ha_edge_text(const struct ha_graph *graph, ha_obj source, const struct ha_edge *edge, struct ha_sbuf *out)
{
    switch (edge->kind) {
    case HA_EDGE_FIELD:
        ha_sbuf_puts(out, edge->name);
        break;
    case HA_EDGE_ELEMENT:
        ha_sbuf_printf(out, "[%" PRIu32 "]", edge->index);
        break;
    case HA_EDGE_STATIC:
        ha_sbuf_printf(out, "static %s", edge->name);
        break;
    case HA_EDGE_CLASS:
        ha_sbuf_puts(out, "<class>");
        break;
    case HA_EDGE_SUPER:
        ha_sbuf_puts(out, "<super>");
        break;
    case HA_EDGE_LOADER:
        ha_sbuf_puts(out, "<loader>");
        break;
    case HA_EDGE_LOCAL:
        local_text(graph, source, edge->local, out);
        break;
    case HA_EDGE_DEFINES:
        ha_sbuf_puts(out, "<defines>");
        break;
    }
}
