/* SPDX-License-Identifier: MIT */
/* See snapshot_digest.h. Sets are folded with +, sequences with a multiplication between their members. */
#include "support/engine/snapshot_digest.h"

#include <string.h>

/* Names longer than this are not folded to their end, so that a damaged index cannot make the walk quadratic. */
#define NAME_BYTES_MAX 4096U

/* References of one object that are followed; damaged rows may run to the end of the section. */
#define ROW_MAX 100000U

static uint64_t mix(uint64_t h, uint64_t value)
{
    h ^= value + 0x9e3779b97f4a7c15ULL + (h << 6) + (h >> 2);
    h *= 0xff51afd7ed558ccdULL;
    return h ^ h >> 32;
}

static uint64_t mix_text(uint64_t h, const char *text)
{
    for (size_t i = 0; text[i] != '\0' && i < NAME_BYTES_MAX; i++) {
        h = mix(h, (uint8_t)text[i]);
    }
    return mix(h, 0x100);
}

struct digest {
    const struct ha_snapshot *s;
    struct ha_window window;
    struct ha_sbuf text;
    uint64_t hash, unordered;
    ha_obj obj; /* whose edges are walked */
    uint32_t edges;
};

static ha_addr address(const struct digest *d, ha_obj obj)
{
    return obj.i < d->s->heap->facts.object_count ? ha_heap_address(d->s->heap, obj) : 1;
}

static uint64_t class_hash(const struct digest *d, ha_cls cls)
{
    return ha_cls_is_none(cls) ? 1 : ha_heap_class(d->s->heap, cls)->address;
}

/* ---- one object ---- */

static bool on_edge(void *ctx, const struct ha_edge *edge)
{
    struct digest *d = ctx;
    ha_sbuf_clear(&d->text);
    ha_edge_text(d->s->graph, d->obj, edge, &d->text);
    /* these come in the order of their records */
    bool unordered = edge->kind == HA_EDGE_LOCAL || edge->kind == HA_EDGE_DEFINES;
    uint64_t h = unordered ? 1 : d->hash;
    h = mix_text(mix(mix(h, edge->kind), address(d, edge->target)), ha_sbuf_text(&d->text));
    d->unordered += unordered ? h : 0;
    d->hash = unordered ? d->hash : h;
    return ++d->edges < ROW_MAX;
}

static uint64_t take_values(struct digest *d, ha_obj obj)
{
    const struct ha_heap *heap = d->s->heap;
    uint64_t h = 7;
    struct ha_value value;
    struct ha_body body;
    if (ha_heap_body(heap, &d->window, obj, &body)) {
        h = mix(mix(h, body.bytes), body.elements);
    }
    uint32_t length = ha_heap_array_length(heap, obj);
    h = mix(h, length);
    for (uint32_t i = 0; ha_heap_is_array(heap, obj) && i < length && i < 200; i++) {
        if (ha_heap_read_element(heap, &d->window, obj, i, &value)) {
            h = mix(mix(h, value.bits), value.type);
        }
    }
    if (length > 0 && ha_heap_read_element(heap, &d->window, obj, length - 1, &value)) {
        h = mix(h, value.bits);
    }
    struct ha_field_walk walk;
    struct ha_field_at at;
    uint32_t fields = 0;
    ha_field_walk_begin(ha_heap_class_of(heap, obj), &walk);
    while (ha_field_walk_next(heap, &walk, &at) && fields++ < 2000) {
        if (ha_heap_read(heap, &d->window, obj, &at, &value)) {
            h = mix_text(mix(mix(h, value.bits), value.type), at.field->name);
        }
    }
    bool cut = false;
    ha_sbuf_clear(&d->text);
    if (ha_heap_string(heap, &d->window, obj, 80, &d->text, &cut)) {
        h = mix_text(mix(h, cut), ha_sbuf_text(&d->text));
    }
    return h;
}

static uint64_t take_rows(struct digest *d, ha_obj obj)
{
    const struct ha_graph *graph = d->s->graph;
    uint64_t sum = 0;
    ha_obj other;
    struct ha_out out = ha_graph_out(graph, obj);
    for (uint32_t n = 0; n < ROW_MAX && ha_out_next(&out, &other); n++) {
        sum += mix(2, address(d, other));
    }
    struct ha_in in = ha_graph_in(graph, obj);
    for (uint64_t i = 0; i < in.count && i < ROW_MAX; i++) {
        sum += mix(3, address(d, ha_in_at(&in, i)));
    }
    sum += ha_graph_referent(graph, obj, &other) ? mix(4, address(d, other)) : 0;
    d->obj = obj;
    d->hash = 5;
    d->unordered = 0;
    d->edges = 0;
    ha_graph_edges(graph, &d->window, obj, on_edge, d);
    return mix(sum + d->unordered, d->hash);
}

static uint64_t take_tree(const struct digest *d, ha_obj obj)
{
    const struct ha_dom *dom = d->s->dom;
    ha_obj idom;
    uint64_t sum = mix(ha_dom_reachable(dom, obj), ha_dom_of(dom, obj, &idom) ? address(d, idom) : 3);
    struct ha_children children = ha_dom_children(dom, obj);
    for (uint64_t i = 0; i < children.count && i < ROW_MAX; i++) {
        sum += mix(5, address(d, ha_children_at(&children, i)));
    }
    return mix(sum, ha_retained_of(d->s->retained, obj));
}

static uint64_t take_object(struct digest *d, ha_obj obj, ha_addr at)
{
    const struct ha_heap *heap = d->s->heap;
    ha_obj found = HA_OBJ_NONE;
    ha_cls cls = HA_CLS_NONE;
    uint64_t h = mix(11, at);
    h = mix(h, ha_heap_address(heap, obj));
    h = mix(h, ha_heap_find(heap, at, &found) && ha_obj_equal(found, obj));
    h = mix(h, class_hash(d, ha_heap_class_of(heap, obj)));
    h = mix(h, ha_heap_as_class(heap, obj, &cls) ? class_hash(d, cls) : 0);
    h = mix(h, ha_sizes_of(d->s->sizes, obj));
    h = mix(h, ha_heap_root_kinds(heap, obj));
    h = mix(h, take_values(d, obj));
    const struct ha_thread *thread = ha_heap_thread_of(heap, obj);
    h = mix(h, thread == NULL ? 0 : thread->serial);
    if (d->s->graph != NULL) {
        h = mix(h, take_rows(d, obj));
        h = mix(h, take_tree(d, obj));
    }
    return h;
}

/* ---- tables ---- */

static uint64_t take_class(const struct digest *d, uint32_t number)
{
    const struct ha_heap *heap = d->s->heap;
    const struct ha_class *cls = &heap->classes[number];
    uint64_t h = mix_text(mix(13, cls->address), cls->name);
    h = mix(mix(h, class_hash(d, cls->super)), address(d, cls->loader));
    h = mix(mix(h, address(d, cls->object)), cls->kind);
    h = mix(mix(h, cls->element_type), cls->payload_bytes);
    /* what can be a leaf depends on the order of records */
    h = mix(h, cls->flags & ~((uint32_t)HA_CLASS_IS_SINK | HA_CLASS_IS_LEAF));
    for (uint32_t i = 0; i < cls->fields_count; i++) {
        const struct ha_field *field = &heap->fields[cls->fields_first + i];
        h = mix(mix_text(h, field->name), field->type);
    }
    for (uint32_t i = 0; i < cls->statics_count; i++) {
        const struct ha_static *field = &heap->statics[cls->statics_first + i];
        h = mix(mix(mix_text(h, field->name), field->type), field->value);
    }
    struct ha_field_at at;
    h = mix(h, ha_heap_field_find(heap, (ha_cls){number}, NULL, "value", &at) ? at.offset : 1);
    h = mix(h, ha_cls_is_none(cls->super) || ha_heap_class_is_a(heap, (ha_cls){number}, cls->super));
    if (d->s->retained != NULL) {
        const struct ha_class_total *t = &d->s->retained->classes[number];
        const uint64_t totals[] = {t->instances,         t->shallow_bytes, t->retained_bytes,    t->all_instances,
                                   t->all_shallow_bytes, t->top_instances, t->top_retained_bytes};
        for (size_t i = 0; i < sizeof totals / sizeof *totals; i++) {
            h = mix(h, totals[i]);
        }
    }
    return h;
}

static uint64_t take_threads(const struct digest *d)
{
    const struct ha_heap *heap = d->s->heap;
    uint64_t h = 17;
    for (uint64_t t = 0; t < heap->thread_count; t++) {
        const struct ha_thread *thread = &heap->threads[t];
        h = mix(mix(h, address(d, thread->obj)), thread->serial);
        for (uint32_t i = 0; i < thread->frames_count; i++) {
            const struct ha_frame *frame = &heap->frames[thread->frames_first + i];
            h = mix_text(mix_text(h, frame->class_name), frame->method);
            h = mix(mix_text(mix_text(h, frame->signature), frame->file), (uint32_t)frame->line);
        }
        for (uint32_t i = 0; i < thread->locals_count; i++) {
            const struct ha_local *local = &heap->locals[thread->locals_first + i];
            h = mix(mix(mix(h, address(d, local->obj)), local->kind), local->frame);
        }
    }
    return h;
}

static uint64_t take_diag(const struct digest *d)
{
    uint64_t h = 19;
    for (int code = 0; code < HA_DIAG_COUNT; code++) {
        const struct ha_diag_entry *entry = ha_diag_get(d->s->diag, (enum ha_diag_code)code);
        if (entry->count > 0) {
            h = mix(mix(mix(h, (uint64_t)code), entry->count), entry->off);
            h = mix_text(h, entry->message != NULL ? entry->message : "");
        }
    }
    return h;
}

static uint64_t take_facts(struct digest *d)
{
    const struct ha_heap *heap = d->s->heap;
    uint64_t h = mix_text(23, heap->facts.format);
    h = mix(mix(h, heap->facts.object_count), heap->facts.object_alignment);
    h = mix(mix(h, heap->facts.compressed_references), heap->facts.dangling_references);
    h = mix(h, heap->root_count);
    if (d->s->retained != NULL) {
        const struct ha_retained *r = d->s->retained;
        h = mix(mix(mix(mix(h, r->reachable_objects), r->reachable_bytes), r->unreachable_objects), r->unreachable_bytes);
        struct ha_children top = ha_dom_top(d->s->dom);
        uint64_t sum = 0;
        for (uint64_t i = 0; i < top.count; i++) {
            sum += mix(29, address(d, ha_children_at(&top, i)));
        }
        h = mix(h, sum);
    }
    ha_sbuf_clear(&d->text);
    return ha_snapshot_jvm_version(d->s, &d->text) ? mix_text(h, ha_sbuf_text(&d->text)) : h;
}

void snapshot_digest_take(const struct ha_snapshot *snapshot, struct snapshot_digest *ret)
{
    struct digest d = {.s = snapshot};
    struct ha_heap_walk walk;
    ha_obj obj;
    ha_addr at;
    ha_window_init(&d.window, snapshot->input, HA_WINDOW_RANDOM);
    uint64_t sum = take_facts(&d);
    ha_heap_walk_begin(snapshot->heap, &walk);
    while (ha_heap_walk_next(&walk, &obj, &at)) {
        sum += take_object(&d, obj, at);
    }
    for (uint32_t c = 0; c < snapshot->heap->facts.class_count; c++) {
        sum += take_class(&d, c);
    }
    for (uint64_t r = 0; r < snapshot->heap->root_count; r++) {
        sum += mix(mix(31, address(&d, snapshot->heap->roots[r].obj)), snapshot->heap->roots[r].kinds);
    }
    *ret = (struct snapshot_digest){.objects = sum, .threads = take_threads(&d), .diag = take_diag(&d)};
    ha_sbuf_deinit(&d.text);
    ha_window_deinit(&d.window);
}
