/* SPDX-License-Identifier: MIT */
/* The words of a path: what kind of root it begins with, and how each step refers to the next. */
#include "ha/query/q_paths.h"
#include "query/q_edges.h"

void ha_root_describe(const struct ha_query *q, ha_obj obj, struct ha_root_info *ret)
{
    struct ha_root_info info = {.kinds = ha_heap_root_kinds(q->snapshot->heap, obj),
                                .kind = HA_ROOT_UNKNOWN,
                                .thread = HA_OBJ_NONE};
    for (uint32_t kind = 0; kind < HA_ROOT_KIND_COUNT; kind++) {
        if ((info.kinds >> kind & 1) != 0) {
            info.kind = (enum ha_root_kind)kind;
            break;
        }
    }
    if ((info.kinds >> HA_ROOT_THREAD & 1) != 0) {
        info.kind = HA_ROOT_THREAD;
        info.thread = obj;
    }
    *ret = info;
}

struct label_search {
    const struct ha_edge_filter *filter; /* NULL: any edge */
    ha_obj source;
    struct ha_edge edge;
    bool found;
};

static bool visit_edge(void *ctx, const struct ha_edge *edge)
{
    struct label_search *search = ctx;
    if (search->filter == NULL || ha_edge_named_allowed(search->filter, search->source, edge)) {
        search->edge = *edge;
        search->found = true;
    }
    return !search->found;
}

/* CLASS#FIELD without what differs from run to run. */
static const char *stable_text(struct ha_query *q, ha_obj source, const struct ha_edge *edge,
                               const char *text)
{
    const struct ha_heap *heap = q->snapshot->heap;
    ha_cls cls;
    if (!ha_heap_as_class(heap, source, &cls)) {
        cls = ha_heap_class_of(heap, source);
    }
    const char *name = ha_heap_class(heap, cls)->name;
    const char *field = edge->kind == HA_EDGE_ELEMENT ? "[]"
                        : edge->kind == HA_EDGE_LOCAL ? "<local>"
                                                      : text;
    return ha_arena_printf(&q->arena, "%.*s#%s", (int)ha_class_name_length(name), name, field);
}

struct ha_err *ha_edge_label(struct ha_query *q, const struct ha_edge_filter *filter, ha_obj source,
                             ha_obj target, struct ha_step *step)
{
    struct label_search search = {.filter = filter, .source = source};
    ha_graph_edges_to(q->snapshot->graph, &q->window, source, target, visit_edge, &search);
    *step = (struct ha_step){.obj = target};
    if (!search.found) {
        return NULL;
    }
    struct ha_sbuf text = {0};
    ha_edge_text(q->snapshot->graph, source, &search.edge, &text);
    step->edge = search.edge;
    step->field =
        ha_sbuf_failed(&text) ? NULL : ha_arena_strndup(&q->arena, ha_sbuf_text(&text), text.len);
    step->class_field = stable_text(q, source, &search.edge, ha_sbuf_text(&text));
    ha_sbuf_deinit(&text);
    return step->field == NULL || step->class_field == NULL ? ha_err_nomem() : NULL;
}

struct ha_err *ha_step_label(struct ha_query *q, ha_obj source, ha_obj target,
                             const struct ha_excludes *excludes, struct ha_step *step)
{
    if (excludes == NULL) {
        return ha_edge_label(q, NULL, source, target, step);
    }
    struct ha_edge_filter filter;
    HA_TRY(ha_edge_filter_create(q, excludes, &filter));
    struct ha_err *err = ha_edge_label(q, &filter, source, target, step);
    ha_edge_filter_destroy(&filter);
    return err;
}
