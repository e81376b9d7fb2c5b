/* SPDX-License-Identifier: MIT */
/*
 * From rows of references to the dominator tree:
 *
 *     search  ||  transpose          on two threads where there are two
 *     Semi-NCA                       branch objects
 *     leaves, sinks                  needs the inbound lists
 *     idom, children                 sections
 */
#include "ha/dom/dom_build.h"

#include "dom/dom_search.h"
#include "ha/base/pool.h"
#include "ha/graph/graph_build.h"
#include "ha/heap/heap_sections.h"

#include <string.h>

struct both {
    struct ha_build *build;
    struct ha_search *search;
};

static struct ha_err *search_or_transpose(void *ctx, unsigned worker, uint64_t index)
{
    struct both *both = ctx;
    (void)worker;
    return index == 0 ? ha_search_run(both->search) : ha_graph_transpose(both->build);
}

static struct ha_err *write_idom(struct ha_build *build, struct ha_search *search, uint32_t **ret)
{
    struct ha_index_section blocks, large, sources, column;
    struct ha_starts in;
    void *section;
    const uint32_t n = build->facts.object_count, branch_count = build->facts.branch_count;
    HA_TRY(ha_index_writer_section(build->writer, HA_SECTION_IN_STARTS, &blocks));
    HA_TRY(ha_index_writer_section(build->writer, HA_SECTION_IN_LARGE, &large));
    HA_TRY(ha_index_writer_section(build->writer, HA_SECTION_SOURCES, &sources));
    HA_TRY(ha_index_writer_section(build->writer, HA_SECTION_CLASS_COLUMN, &column));
    HA_TRY(ha_index_section_map(build->writer, HA_SECTION_IDOM, sizeof(uint32_t), n, &section));
    uint32_t *idom = section;
    const uint32_t *pre = search->pre.data, *vertex = search->vertex.data, *idom_number = search->parent.data;
    for (uint32_t obj = 0; obj < branch_count; obj++) {
        uint32_t p = pre[obj];
        idom[obj] = p == 0 ? HA_NONE : idom_number[p] == 0 ? HA_DOM_ROOT : vertex[idom_number[p]];
    }
    if (!ha_starts_open(&blocks, &large, n, sources.count, &in)) {
        return ha_err_new(HA_ERR_BUG, "inbound lists do not fit the objects");
    }
    HA_TRY(ha_dom_leaves(search, &in, sources.data, column.data, column.width, idom));
    *ret = idom;
    return NULL;
}

static struct ha_err *build_tree(struct ha_build *build, struct ha_search *search)
{
    struct both both = {build, search};
    ha_progress_begin(build->progress, "search", 0);
    HA_TRY(ha_search_init(search, build));
    if (build->threads > 1) {
        HA_TRY(ha_parallel_for(2, 2, search_or_transpose, &both));
        ha_progress_end(build->progress);
    } else {
        HA_TRY(ha_search_run(search));
        ha_progress_end(build->progress);
        ha_progress_begin(build->progress, "inbound", 0);
        HA_TRY(ha_graph_transpose(build));
        ha_progress_end(build->progress);
    }
    ha_progress_begin(build->progress, "dominators", 0);
    HA_TRY(ha_graph_write_rows(build));
    HA_TRY(ha_dom_semi_nca(search));
    ha_big_deinit(&search->semi);
    uint32_t *idom = NULL;
    HA_TRY(write_idom(build, search, &idom));
    ha_big_deinit(&search->pre);
    ha_big_deinit(&search->word);
    HA_TRY(ha_dom_write_children(build, idom));
    ha_progress_end(build->progress);
    return NULL;
}

struct ha_err *ha_dom_build(struct ha_build *build, struct ha_dom_order *ret_order)
{
    struct ha_search search;
    struct ha_err *err = build_tree(build, &search);
    if (err == NULL) {
        *ret_order = (struct ha_dom_order){.count = search.count, .object = search.vertex.data, .parent = search.parent.data,
                                           .objects = search.vertex, .parents = search.parent};
        search.vertex = search.parent = (struct ha_big){0};
    }
    ha_search_deinit(&search);
    return err;
}

void ha_dom_order_deinit(struct ha_dom_order *order)
{
    ha_big_deinit(&order->objects);
    ha_big_deinit(&order->parents);
    *order = (struct ha_dom_order){0};
}

/* Breadth first from the top. */
struct ha_err *ha_dom_order_from_tree(const struct ha_dom *dom, struct ha_dom_order *ret)
{
    uint64_t branch_count = dom->heap->facts.branch_count;
    struct ha_dom_order order = {0};
    struct ha_err *err = ha_big_init(&order.objects, branch_count + 2, sizeof(uint32_t));
    if (err == NULL) {
        err = ha_big_init(&order.parents, branch_count + 2, sizeof(uint32_t));
    }
    uint32_t *object = order.objects.data, *parent = order.parents.data;
    struct ha_children children = ha_dom_top(dom);
    for (uint64_t p = 0; err == NULL; p++) {
        for (uint64_t c = 0; c < children.count && err == NULL; c++) {
            uint32_t child = ha_children_at(&children, c).i;
            if (child < branch_count && order.count == branch_count) {
                err = ha_err_new(HA_ERR_INPUT, "dominator tree of the index is damaged");
            } else if (child < branch_count) {
                object[++order.count] = child;
                parent[order.count] = (uint32_t)p;
            }
        }
        if (p >= order.count) {
            break;
        }
        children = ha_dom_children(dom, (ha_obj){object[p + 1]});
    }
    order.object = object;
    order.parent = parent;
    if (err != NULL) {
        ha_dom_order_deinit(&order);
        return err;
    }
    *ret = order;
    return NULL;
}
