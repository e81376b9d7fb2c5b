/* SPDX-License-Identifier: MIT */
/* The reference graph as the index holds it: opening its sections, inbound lists, referents. */
#include "ha/graph/graph.h"

#include "ha/base/mem.h"
#include "ha/heap/heap_sections.h"

static struct ha_err *damaged(void)
{
    return ha_err_new(HA_ERR_INPUT, "reference sections of the index do not fit its objects");
}

struct ha_err *ha_graph_open(const struct ha_index *index, const struct ha_heap *heap, struct ha_graph **ret)
{
    struct ha_index_section rows = ha_index_find(index, HA_SECTION_ROW_STARTS, 5);
    struct ha_index_section packed = ha_index_find(index, HA_SECTION_ROWS_PACKED, 0);
    struct ha_index_section packed_large = ha_index_find(index, HA_SECTION_ROWS_LARGE, 0);
    struct ha_index_section blocks = ha_index_find(index, HA_SECTION_IN_STARTS, 0);
    struct ha_index_section large = ha_index_find(index, HA_SECTION_IN_LARGE, 0);
    struct ha_column targets, sources, idom;
    struct ha_starts in, out = {0};
    uint32_t branch_count = heap->facts.branch_count;
    bool plain = rows.count == branch_count && packed.count == 0;
    if (!ha_column_open(index, HA_SECTION_TARGETS, HA_SECTION_TARGETS_PACKED, &targets) || (rows.count > 0 && targets.blocks != NULL) ||
        !ha_column_open(index, HA_SECTION_SOURCES, HA_SECTION_SOURCES_PACKED, &sources) ||
        !ha_column_open(index, HA_SECTION_IDOM, HA_SECTION_IDOM_PACKED, &idom)) {
        return damaged();
    }
    if ((!plain && !ha_starts_open(&packed, &packed_large, branch_count, targets.count, &out)) ||
        !ha_starts_open(&blocks, &large, heap->facts.object_count, sources.count, &in)) {
        return damaged();
    }
    struct ha_graph *graph = ha_calloc_array(1, sizeof *graph);
    if (graph == NULL) {
        return ha_err_nomem();
    }
    *graph = (struct ha_graph){.heap = heap, .rows = out, .row_start = plain ? rows.data : NULL, .targets = targets,
                               .in = in, .sources = sources, .idom = idom.count == heap->facts.object_count ? idom : (struct ha_column){0}};
    *ret = graph;
    return NULL;
}

void ha_graph_close(struct ha_graph *graph)
{
    ha_free(graph);
}

struct ha_span ha_graph_row(const struct ha_graph *graph, ha_obj obj)
{
    if (graph->row_start == NULL) {
        return ha_starts_get(&graph->rows, obj.i);
    }
    uint64_t begin = ha_le40(graph->row_start + 5 * (size_t)obj.i);
    return begin < graph->targets.count ? (struct ha_span){begin, graph->targets.count - begin} : (struct ha_span){0, 0};
}

static bool is_reference(const struct ha_graph *graph, ha_obj obj)
{
    const struct ha_class *cls = ha_heap_class(graph->heap, ha_heap_class_of(graph->heap, obj));
    return (cls->flags & HA_CLASS_IS_REFERENCE) != 0 && obj.i < graph->heap->facts.branch_count && !ha_heap_is_array(graph->heap, obj);
}

uint64_t ha_graph_out_count(const struct ha_graph *graph, ha_obj obj)
{
    struct ha_out out = ha_graph_out(graph, obj);
    ha_obj referent, target;
    if (graph->row_start == NULL) {
        bool first_is_null = is_reference(graph, obj) && !ha_graph_referent(graph, obj, &referent);
        return out.end - out.next - (first_is_null && out.end > out.next);
    }
    uint64_t count = 0;
    while (ha_out_next(&out, &target)) {
        count++;
    }
    return count;
}

bool ha_graph_referent(const struct ha_graph *graph, ha_obj obj, ha_obj *ret)
{
    if (!is_reference(graph, obj)) {
        return false;
    }
    struct ha_span row = ha_graph_row(graph, obj);
    if (row.length == 0) {
        return false;
    }
    ret->i = ha_column_at(&graph->targets, row.begin) & ~HA_EDGE_END;
    return ret->i < graph->heap->facts.object_count;
}

struct ha_in ha_graph_in(const struct ha_graph *graph, ha_obj obj)
{
    const uint32_t n = graph->heap->facts.object_count;
    if (ha_starts_is_single(&graph->in, obj.i)) {
        uint32_t source = graph->idom.count > 0 ? ha_column_at(&graph->idom, obj.i) : HA_NONE;
        return (struct ha_in){.count = source < n, .object_count = n, .single = source};
    }
    struct ha_span span = ha_starts_get(&graph->in, obj.i);
    return (struct ha_in){.sources = &graph->sources, .first = span.begin, .count = span.length, .object_count = n};
}
