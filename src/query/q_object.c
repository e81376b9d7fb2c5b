/* SPDX-License-Identifier: MIT */
#include "ha/query/q_object.h"

#include <string.h>

#include "ha/base/vec.h"

static uint64_t bounded(uint64_t limit, uint64_t max)
{
    return limit == 0 || limit > max ? max : limit;
}

/* ---- fields, elements, statics ---- */

static void resolve(const struct ha_heap *heap, struct ha_object_field *field)
{
    field->target = HA_OBJ_NONE;
    if (field->type == HA_TYPE_REFERENCE && field->value.bits != 0 &&
        !ha_heap_find(heap, field->value.bits, &field->target)) {
        field->target = HA_OBJ_NONE;
    }
}

static struct ha_err *add_fields(struct ha_query *q, struct ha_object_view *view)
{
    const struct ha_heap *heap = q->snapshot->heap;
    HA_VEC(struct ha_object_field) fields = {0};
    struct ha_field_walk walk;
    struct ha_field_at at;
    bool failed = false;
    ha_field_walk_begin(ha_heap_class_of(heap, view->record.obj), &walk);
    while (!failed && ha_field_walk_next(heap, &walk, &at)) {
        struct ha_object_field *field = ha_vec_push(&fields);
        failed = field == NULL;
        if (!failed) {
            *field = (struct ha_object_field){.name = at.field->name,
                                              .type = (enum ha_type)at.field->type};
            field->declared_in = ha_heap_class(heap, at.declared_in)->name;
            field->readable = ha_heap_read(heap, &q->window, view->record.obj, &at, &field->value);
            resolve(heap, field);
        }
    }
    view->fields = ha_arena_alloc(&q->arena, fields.count + 1, sizeof *view->fields);
    failed = failed || view->fields == NULL;
    if (!failed && fields.count > 0) {
        memcpy(view->fields, fields.data, fields.count * sizeof *view->fields);
    }
    view->field_count = fields.count;
    ha_vec_deinit(&fields);
    return failed ? ha_err_nomem() : NULL;
}

static struct ha_err *add_elements(struct ha_query *q, const struct ha_object_options *options,
                                   struct ha_object_view *view)
{
    const struct ha_heap *heap = q->snapshot->heap;
    const struct ha_class *cls = ha_heap_class(heap, ha_heap_class_of(heap, view->record.obj));
    view->is_array = true;
    view->array_length = ha_heap_array_length(heap, view->record.obj);
    uint64_t first =
        options->first_element < view->array_length ? options->first_element : view->array_length;
    uint64_t most = bounded(options->limit, HA_OBJECT_ELEMENTS_MAX);
    uint64_t count = view->array_length - first < most ? view->array_length - first : most;
    view->fields = ha_arena_calloc(&q->arena, count + 1, sizeof *view->fields);
    if (view->fields == NULL) {
        return ha_err_nomem();
    }
    for (uint64_t i = 0; i < count; i++) {
        struct ha_object_field *field = &view->fields[i];
        field->name = ha_arena_printf(&q->arena, "[%llu]", (unsigned long long)(first + i));
        field->type = (enum ha_type)cls->element_type;
        field->readable = ha_heap_read_element(heap, &q->window, view->record.obj,
                                               (uint32_t)(first + i), &field->value);
        if (field->name == NULL) {
            return ha_err_nomem();
        }
        resolve(heap, field);
        if (!field->readable) { // nothing behind it is either
            count = i + 1;
        }
    }
    view->field_count = count;
    view->fields_omitted = view->array_length - count;
    return NULL;
}

static struct ha_err *add_statics(struct ha_query *q, ha_cls cls, struct ha_object_view *view)
{
    const struct ha_heap *heap = q->snapshot->heap;
    const struct ha_class *c = ha_heap_class(heap, cls);
    view->stands_for = cls;
    view->statics = ha_arena_calloc(&q->arena, (size_t)c->statics_count + 1, sizeof *view->statics);
    if (view->statics == NULL) {
        return ha_err_nomem();
    }
    for (uint32_t i = 0;
         i < c->statics_count && (uint64_t)c->statics_first + i < heap->static_count; i++) {
        const struct ha_static *s = &heap->statics[c->statics_first + i];
        struct ha_object_field *field = &view->statics[view->static_count++];
        field->name = s->name;
        field->type = (enum ha_type)s->type;
        field->declared_in = c->name;
        field->readable = true;
        field->value = (struct ha_value){field->type, s->value};
        uint32_t bytes = ha_type_bytes(field->type, heap->facts.id_size);
        if (field->type == HA_TYPE_BYTE || field->type == HA_TYPE_SHORT ||
            field->type == HA_TYPE_INT) {
            unsigned shift = 64 - 8 * bytes; // values of the table are zero-extended
            field->value.bits = (uint64_t)((int64_t)(s->value << shift) >> shift);
        }
        resolve(heap, field);
    }
    return NULL;
}

/* ---- references ---- */

struct steps {
    struct ha_query *q;
    HA_VEC(struct ha_step) list;
    uint64_t limit, omitted;
    ha_obj source;
    bool inbound;
    bool any;      /* inbound: the source had such an edge */
    bool few;      /* no more are wanted than the limit: `omitted` is not counted */
    bool failed;
};

static void add_step(struct steps *s, ha_obj obj, const struct ha_edge *edge)
{
    if (s->list.count >= s->limit) {
        s->omitted++;
        return;
    }
    struct ha_step *step = ha_vec_push(&s->list);
    if (step == NULL) {
        s->failed = true;
        return;
    }
    *step = (struct ha_step){.obj = obj};
    if (edge != NULL) {
        struct ha_sbuf text = {0};
        ha_edge_text(s->q->snapshot->graph, s->source, edge, &text);
        step->edge = *edge;
        step->field = ha_sbuf_failed(&text)
                          ? NULL
                          : ha_arena_strndup(&s->q->arena, ha_sbuf_text(&text), text.len);
        s->failed = step->field == NULL;
        ha_sbuf_deinit(&text);
    }
}

static bool visit(void *ctx, const struct ha_edge *edge)
{
    struct steps *s = ctx;
    s->any = true;
    add_step(s, s->inbound ? s->source : edge->target, edge);
    return !s->failed && !(s->few && s->omitted > 0);
}

static struct ha_err *take(struct steps *s, struct ha_step **ret, uint64_t *ret_count,
                           uint64_t *ret_omitted)
{
    struct ha_step *copy =
        s->failed ? NULL : ha_arena_alloc(&s->q->arena, s->list.count + 1, sizeof *copy);
    if (copy != NULL && s->list.count > 0) {
        memcpy(copy, s->list.data, s->list.count * sizeof *copy);
    }
    *ret = copy;
    *ret_count = s->list.count;
    *ret_omitted = s->omitted;
    ha_vec_deinit(&s->list);
    return copy == NULL ? ha_err_nomem() : NULL;
}

static struct ha_err *add_outbound(struct ha_query *q, uint64_t limit, struct ha_object_view *view)
{
    const struct ha_graph *graph = q->snapshot->graph;
    struct steps s = {.q = q, .limit = limit, .source = view->record.obj, .few = view->is_array};
    ha_graph_edges(graph, &q->window, s.source, visit, &s);
    if (s.few && s.omitted > 0) {
        bool has_class = !ha_obj_is_none(ha_heap_class(graph->heap, ha_heap_class_of(graph->heap, s.source))->object);
        const uint64_t all = ha_graph_out_count(graph, s.source) + has_class;
        s.omitted = all > s.list.count ? all - s.list.count : s.omitted; // a damaged index may tell less than the dump has
    }
    return take(&s, &view->outbound, &view->outbound_count, &view->outbound_omitted);
}

/* Sources come once per reference; each is read once and gives all its references to the object. */
static struct ha_err *add_inbound(struct ha_query *q, uint64_t limit, struct ha_object_view *view)
{
    struct steps s = {.q = q, .limit = limit, .inbound = true};
    struct ha_in in = ha_graph_in(q->snapshot->graph, view->record.obj);
    s.source = HA_OBJ_NONE;
    for (uint64_t i = 0; i < in.count && !s.failed; i++) {
        ha_obj source = ha_in_at(&in, i);
        if (view->reachable && !ha_query_reachable(q, source)) {
            continue;
        }
        if (s.list.count >= limit) {
            s.omitted++;
        } else if (source.i != s.source.i) {
            s.source = source;
            s.any = false;
            ha_graph_edges_to(q->snapshot->graph, &q->window, source, view->record.obj, visit, &s);
            if (!s.any) {
                add_step(&s, source, NULL);
            }
        }
    }
    return take(&s, &view->inbound, &view->inbound_count, &view->inbound_omitted);
}

/* ---- roots ---- */

static bool holds(const struct ha_heap *heap, const struct ha_thread *thread, ha_obj obj,
                  uint32_t *ret_kind)
{
    for (uint32_t i = 0;
         i < thread->locals_count && (uint64_t)thread->locals_first + i < heap->local_count; i++) {
        const struct ha_local *local = &heap->locals[thread->locals_first + i];
        if (local->obj.i == obj.i) {
            *ret_kind = local->kind;
            return true;
        }
    }
    return false;
}

static struct ha_err *add_roots(struct ha_query *q, struct ha_object_view *view)
{
    const struct ha_heap *heap = q->snapshot->heap;
    HA_VEC(struct ha_root_info) roots = {0};
    struct ha_root_info whole;
    bool failed = false;
    ha_root_describe(q, view->record.obj, &whole);
    for (uint32_t kind = 0; kind < HA_ROOT_KIND_COUNT && !failed; kind++) {
        if ((whole.kinds >> kind & 1) != 0) {
            struct ha_root_info *root = ha_vec_push(&roots);
            failed = root == NULL;
            if (!failed) {
                ha_obj thread = kind == HA_ROOT_THREAD ? view->record.obj : HA_OBJ_NONE;
                *root = (struct ha_root_info){whole.kinds, (enum ha_root_kind)kind, thread};
            }
        }
    }
    for (uint64_t i = 0; i < heap->thread_count && !failed; i++) {
        uint32_t kind;
        if (holds(heap, &heap->threads[i], view->record.obj, &kind)) {
            struct ha_root_info *root = ha_vec_push(&roots);
            failed = root == NULL;
            if (!failed) {
                *root = (struct ha_root_info){whole.kinds, (enum ha_root_kind)kind,
                                              heap->threads[i].obj};
            }
        }
    }
    view->roots = failed ? NULL : ha_arena_alloc(&q->arena, roots.count + 1, sizeof *view->roots);
    failed = view->roots == NULL;
    if (!failed && roots.count > 0) {
        memcpy(view->roots, roots.data, roots.count * sizeof *view->roots);
    }
    view->root_count = roots.count;
    ha_vec_deinit(&roots);
    return failed ? ha_err_nomem() : NULL;
}

struct ha_err *ha_object_query(struct ha_query *q, ha_obj obj,
                               const struct ha_object_options *options, struct ha_object_view *ret)
{
    const struct ha_heap *heap = q->snapshot->heap;
    struct ha_object_view view = {.stands_for = HA_CLS_NONE,
                                  .reachable = ha_query_reachable(q, obj),
                                  .dominator = HA_OBJ_NONE};
    HA_TRY(ha_object_describe(q, obj, &q->arena, &view.record));
    ha_cls stands_for;
    if (ha_heap_as_class(heap, obj, &stands_for)) {
        HA_TRY(add_statics(q, stands_for, &view));
    } else if (ha_heap_class(heap, ha_heap_class_of(heap, obj))->kind != HA_CLASS_INSTANCE) {
        HA_TRY(add_elements(q, options, &view));
    } else {
        HA_TRY(add_fields(q, &view));
    }
    uint64_t steps = bounded(options->limit, HA_OBJECT_STEPS_MAX);
    HA_TRY(add_outbound(q, steps, &view));
    HA_TRY(add_inbound(q, steps, &view));
    HA_TRY(add_roots(q, &view));
    if (q->snapshot->dom != NULL && !ha_dom_of(q->snapshot->dom, obj, &view.dominator)) {
        view.dominator = HA_OBJ_NONE;
    }
    *ret = view;
    return NULL;
}
