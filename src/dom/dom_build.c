/* SPDX-License-Identifier: MIT */
/*
 * From rows of references to the dominator tree:
 *
 *     search      ||  classes, rows, collecting inbound references,    on two threads where there are two
 *                     checksums of the sections so far
 *     Semi-NCA    ||  inbound lists, on all threads then               dominators of branch objects
 *     leaves, sinks                                                    from the inbound lists
 *     idom, children                                                   sections
 */
#include "ha/dom/dom_build.h"

#include "dom/dom_search.h"
#include "ha/base/file.h"
#include "ha/base/pool.h"
#include "ha/graph/graph_build.h"
#include "ha/heap/heap_sections.h"

#include <stdatomic.h>
#include <string.h>

/* The search is task 0; task 1 writes classes and rows, collects inbound references, and takes checksums while the search goes on. */
struct both {
    struct ha_inbound *inbound;
    struct ha_search *search;
    uint32_t *only;
    _Atomic(bool) searched;
};

static struct ha_err *collect(struct both *both)
{
    HA_TRY(ha_graph_write_classes(both->search->build));
    return ha_inbound_collect(both->inbound, both->only);
}

static struct ha_err *search_or_collect(void *ctx, unsigned worker, uint64_t index)
{
    struct both *both = ctx;
    (void)worker;
    if (index == 0) {
        struct ha_err *err = ha_search_run(both->search);
        atomic_store(&both->searched, true);
        return err;
    }
    HA_TRY(collect(both));
    return ha_index_writer_hash_until(both->search->build->writer, &both->searched);
}

/* Dominators of the branch objects in object numbers, from those in the order of the search, cut into pieces. */
struct naming {
    const struct ha_search *search;
    uint32_t *idom;
};

#define NAMING_PIECE (1U << 18)
#define NAMING_PREFETCH 32U

static struct ha_err *name_piece(void *ctx, unsigned worker, uint64_t index)
{
    const struct naming *naming = ctx;
    const struct ha_search *search = naming->search;
    const uint32_t *vertex = search->vertex.data, *idom_number = search->parent.data;
    uint64_t first = index * NAMING_PIECE + 1, end = first + NAMING_PIECE;
    end = end < (uint64_t)search->count + 1 ? end : (uint64_t)search->count + 1;
    (void)worker;
    for (uint64_t p = first; p < end; p++) {
        __builtin_prefetch(&naming->idom[vertex[p + NAMING_PREFETCH < end ? p + NAMING_PREFETCH : p]], 1);
        naming->idom[vertex[p]] = idom_number[p] == 0 ? HA_DOM_ROOT : vertex[idom_number[p]];
    }
    return NULL;
}

static struct ha_err *name_dominators(const struct ha_search *search, uint32_t *idom)
{
    struct naming naming = {search, idom};
    if (search->count < search->build->facts.branch_count) {
        memset(idom, 0xff, (size_t)search->build->facts.branch_count * sizeof *idom); /* HA_NONE: not reached */
    }
    return ha_parallel_for(search->build->threads, ((uint64_t)search->count + NAMING_PIECE - 1) / NAMING_PIECE, name_piece, &naming);
}

/* Makes room for all dominators; those of leaves that have one source only are there already. */
static struct ha_err *make_idom(const struct ha_search *search, struct ha_big *only, struct ha_big *idom)
{
    const struct ha_heap_facts *facts = &search->build->facts;
    HA_TRY(ha_big_init_raw(idom, (uint64_t)facts->object_count + 1, sizeof(uint32_t)));
    memcpy((uint32_t *)idom->data + facts->branch_count, only->data, (size_t)(facts->object_count - facts->branch_count) * sizeof(uint32_t));
    ha_big_deinit(only);
    return name_dominators(search, idom->data);
}

static struct ha_err *find_leaves(struct ha_build *build, struct ha_search *search, const struct ha_inbound *inbound, uint32_t *idom)
{
    struct ha_leaves *leaves = NULL;
    HA_TRY(ha_dom_leaves_create(search, idom, &leaves));
    struct ha_err *err = ha_inbound_show_leaves(inbound, build->writer, ha_dom_leaves_take, leaves);
    if (err == NULL) {
        err = ha_dom_leaves_finish(leaves);
    }
    ha_dom_leaves_destroy(leaves);
    return err;
}

/* Whether arrays that are read anywhere lie in files for want of memory. Then two tasks side by side would take pages from each other. */
static bool short_of_memory(const struct ha_search *search)
{
    return search->build->row_starts.in_file || search->pre.in_file || search->parent.in_file || search->semi.in_file;
}

/* Advice on the rows: the search reads them anywhere, collecting from front to back. */
static void rows_are_random(const struct ha_search *search, bool random)
{
    const struct ha_big *starts = &search->build->row_starts;
    if (starts->in_file) {
        ha_file_map_random(starts->data, starts->bytes, random);
    }
    ha_file_map_random(search->targets, search->target_count * sizeof *search->targets, random);
}

/* Where memory is short, one after the other: collecting packs the starts of rows, and the search makes do with these. */
static struct ha_err *search_and_collect(struct ha_search *search, struct both *both)
{
    const struct ha_build *build = search->build;
    if (!short_of_memory(search)) {
        return ha_parallel_for(build->threads, 2, search_or_collect, both);
    }
    if (search->pre.in_file) {
        ha_file_map_random(search->pre.data, search->pre.bytes, true);
    }
    HA_TRY(collect(both));
    HA_TRY(ha_search_use_packed(search));
    rows_are_random(search, true);
    HA_TRY(ha_search_run(search));
    rows_are_random(search, false);
    return NULL;
}

static struct ha_err *search_tree(struct ha_build *build, struct ha_search *search, struct ha_inbound *inbound, uint32_t *only)
{
    struct both both = {.inbound = inbound, .search = search, .only = only};
    ha_progress_begin(build->progress, "search", 0);
    HA_TRY(ha_search_init(search, build));
    HA_TRY(search_and_collect(search, &both));
    if (search->count < build->facts.branch_count) {
        HA_TRY(ha_inbound_collect_unreached(inbound, search->pre.data, only));
    }
    struct ha_index_section column; /* read in order from here on: the index will do */
    HA_TRY(ha_index_writer_section(build->writer, HA_SECTION_CLASS_COLUMN, &column));
    search->class_column = column.data;
    ha_big_deinit(&build->class_column);
    ha_big_deinit(&build->row_starts);
    ha_progress_end(build->progress);
    return NULL;
}

static struct ha_err *dominate(void *search)
{
    return ha_dom_semi_nca(search);
}

static struct ha_err *write_tree(struct ha_build *build, struct ha_search *search, struct ha_inbound *inbound, struct ha_big *only, struct ha_big *idom)
{
    ha_progress_begin(build->progress, "dominators", 0);
    HA_TRY(ha_big_init_raw(&search->word, (uint64_t)search->count + 1, sizeof(uint64_t))); /* before the lists take what memory there is */
    const bool alone = short_of_memory(search);
    if (alone) {
        HA_TRY(ha_dom_semi_nca(search));
    }
    HA_TRY(ha_inbound_write(inbound, build->writer, build->threads, alone ? NULL : dominate, search));
    HA_TRY(make_idom(search, only, idom));
    HA_TRY(find_leaves(build, search, inbound, idom->data));
    ha_big_deinit(&search->pre);
    ha_big_deinit(&search->word);
    return NULL;
}

static struct ha_err *build_tree(struct ha_build *build, struct ha_search *search)
{
    struct ha_inbound *inbound = NULL;
    struct ha_big only = {0}, idom = {0};
    struct ha_err *err = ha_big_init_raw(&only, (uint64_t)(build->facts.object_count - build->facts.branch_count) + 1, sizeof(uint32_t));
    if (err == NULL) {
        err = ha_inbound_create(build, &inbound);
    }
    if (err == NULL) {
        err = search_tree(build, search, inbound, only.data);
    }
    if (err == NULL) {
        err = write_tree(build, search, inbound, &only, &idom);
    }
    ha_inbound_destroy(inbound);
    if (err == NULL) {
        err = ha_dom_write(build, idom.data);
        ha_progress_end(build->progress);
    }
    ha_big_deinit(&only);
    ha_big_deinit(&idom);
    return err;
}

struct ha_err *ha_dom_build(struct ha_build *build, struct ha_dom_order *ret_order)
{
    struct ha_search search = {0};
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
    uint64_t branch_count = dom->heap->facts.branch_count, n = dom->heap->facts.object_count;
    struct ha_dom_order order = {0};
    struct ha_err *err = ha_big_init(&order.objects, branch_count + 2, sizeof(uint32_t));
    if (err == NULL) {
        err = ha_big_init(&order.parents, branch_count + 2, sizeof(uint32_t));
    }
    uint32_t *object = order.objects.data, *parent = order.parents.data;
    struct ha_children children = ha_dom_top(dom);
    for (uint64_t p = 0; err == NULL; p++) {
        const uint32_t above = p == 0 ? HA_DOM_ROOT : object[p];
        uint64_t next = 0; /* children ascend, so that none comes twice */
        for (uint64_t c = 0; c < children.count && err == NULL; c++) {
            uint32_t child = ha_children_at(&children, c).i;
            bool fits = child >= next && child < n && ha_dom_idom(dom, (ha_obj){child}) == above;
            next = (uint64_t)child + 1;
            if (!fits) {
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
