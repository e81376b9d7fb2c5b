/* SPDX-License-Identifier: MIT */
/*
 * Dominators of the objects that take no part in the search.
 *
 * A leaf refers to nothing that matters, so it can be no ancestor of anything but sinks: its dominator is the nearest common ancestor of the
 * reachable objects that refer to it. If there is only one, idom[] tells it already (ha_inbound_collect()). Sinks (class objects of boot array
 * classes) are referred to by all their instances too, leaves among them; a leaf stands for its own dominator there, unless it is the only one that
 * refers to the sink.
 */
#include "dom/dom_search.h"

#include "ha/base/vec.h"
#include "ha/dom/dom.h"
#include "ha/heap/heap_sections.h"

#define INSTANCES 32U /* are looked at together */

/* The common ancestor of what has been seen so far. */
struct common {
    uint32_t node;   /* number of the nearest common ancestor of all but the first, if there is more than one */
    uint32_t only;   /* object number of the only one that refers to it */
    bool any, several;
};

static inline void common_add(const struct ha_search *search, struct common *common, uint32_t obj, uint32_t node)
{
    if (!common->any) {
        *common = (struct common){.node = node, .only = obj, .any = true};
    } else if (common->several || obj != common->only) {
        common->several = true;
        common->node = common->node == 0 || node == 0 ? 0 : common->node == node ? node : ha_dom_nca(search, common->node, node);
    }
}

/* The dominator as object number. */
static uint32_t common_idom(const struct ha_search *search, const struct common *common)
{
    if (!common->any) {
        return HA_NONE;
    }
    if (!common->several) {
        return common->only;
    }
    return common->node == 0 ? HA_DOM_ROOT : ((const uint32_t *)search->vertex.data)[common->node];
}

static void add_sources(const struct ha_search *search, const uint32_t *sources, uint32_t count, struct common *common)
{
    const uint32_t *pre = search->pre.data;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t node = pre[sources[i]];
        if (node != 0) {
            common_add(search, common, sources[i], node);
            if (common->several && common->node == 0) {
                return;
            }
        }
    }
}

/* What stands for an object below a sink: itself if it was searched, else its dominator. HA_NONE: unreachable. */
static uint32_t node_of(const struct ha_search *search, const uint32_t *idom, uint32_t obj)
{
    if (obj < search->build->facts.branch_count) {
        uint32_t node = ((const uint32_t *)search->pre.data)[obj];
        return node == 0 ? HA_NONE : node;
    }
    uint32_t d = idom[obj];
    if (d == HA_NONE) {
        return HA_NONE;
    }
    return d == HA_DOM_ROOT ? 0 : ((const uint32_t *)search->pre.data)[d];
}

struct sink {
    uint32_t cls, object;
    uint64_t left; /* instances that have not been looked at; UINT64_MAX: their number is not known */
    struct common common;
};

struct ha_leaves {
    const struct ha_search *search;
    uint32_t *idom;
    HA_VEC(struct sink) sinks;
};

struct ha_err *ha_dom_leaves_create(const struct ha_search *search, uint32_t *idom, struct ha_leaves **ret)
{
    const struct ha_build *build = search->build;
    struct ha_leaves *leaves = ha_calloc_array(1, sizeof *leaves);
    if (leaves == NULL) {
        return ha_err_nomem();
    }
    *leaves = (struct ha_leaves){.search = search, .idom = idom};
    for (size_t r = 0; r < build->final_roots.count; r++) {
        uint32_t root = build->final_roots.data[r].obj.i;
        if (root >= build->facts.branch_count) {
            idom[root] = HA_DOM_ROOT;
        }
    }
    for (size_t c = 0; c < build->classes.count; c++) {
        const struct ha_build_class *cls = &build->classes.data[c];
        uint32_t object = cls->object.i;
        /* a sink that is a branch (where no leaves are told apart) took part in the search */
        if ((cls->flags & HA_CLASS_IS_SINK) == 0 || object >= build->facts.object_count || object < build->facts.branch_count ||
            ha_search_is_root(search, object)) {
            continue;
        }
        struct sink *sink = ha_vec_push(&leaves->sinks);
        if (sink == NULL) {
            ha_dom_leaves_destroy(leaves);
            return ha_err_nomem();
        }
        bool counted = build->bad_arrays == 0 && (cls->flags & HA_CLASS_IS_MADE_UP) == 0; /* by the scan, before it was known what is missing */
        *sink = (struct sink){.cls = (uint32_t)c, .object = object, .left = counted ? cls->instances : UINT64_MAX};
    }
    *ret = leaves;
    return NULL;
}

void ha_dom_leaves_destroy(struct ha_leaves *leaves)
{
    if (leaves != NULL) {
        ha_vec_deinit(&leaves->sinks);
    }
    ha_free(leaves);
}

void ha_dom_leaves_take(void *ctx, const struct ha_inbound_lists *lists)
{
    struct ha_leaves *leaves = ctx;
    const struct ha_search *search = leaves->search;
    const uint32_t branch_count = search->build->facts.branch_count;
    for (uint32_t i = lists->first < branch_count ? branch_count - lists->first : 0; i < lists->count; i++) {
        uint32_t obj = lists->first + i;
        struct common common = {0};
        if (lists->start[i] == lists->start[i + 1] || ha_search_is_root(search, obj)) {
            continue;
        }
        add_sources(search, lists->sources + lists->start[i], lists->start[i + 1] - lists->start[i], &common);
        leaves->idom[obj] = common_idom(search, &common);
    }
    for (size_t s = 0; s < leaves->sinks.count; s++) {
        struct sink *sink = &leaves->sinks.data[s];
        uint32_t i = sink->object - lists->first;
        if (sink->object >= lists->first && i < lists->count) {
            add_sources(search, lists->sources + lists->start[i], lists->start[i + 1] - lists->start[i], &sink->common);
            leaves->idom[sink->object] = HA_NONE; /* until its instances are known */
        }
    }
}

/* Whether more instances can change the dominator of a sink. */
static bool is_open(const struct sink *sink)
{
    return sink->left > 0 && !(sink->common.several && sink->common.node == 0);
}

/* Instances that are about to be looked at: what that takes is asked for while there are others. */
struct instances {
    uint32_t count;
    uint32_t obj[INSTANCES];
    uint32_t node[INSTANCES];
    struct sink *sink[INSTANCES];
};

/* What is known once they have been looked at. Returns how many sinks that closed. */
static size_t look_at(const struct ha_leaves *leaves, struct instances *instances)
{
    size_t closed = 0;
    for (uint32_t i = 0; i < instances->count; i++) {
        ha_dom_nca_ask(leaves->search, instances->node[i]);
    }
    for (uint32_t i = 0; i < instances->count; i++) {
        struct sink *sink = instances->sink[i];
        if (is_open(sink)) {
            if (instances->node[i] != HA_NONE) {
                common_add(leaves->search, &sink->common, instances->obj[i], instances->node[i]);
            }
            sink->left -= sink->left != UINT64_MAX;
            closed += !is_open(sink);
        }
    }
    instances->count = 0;
    return closed;
}

/* Another object to be looked at, if it is an instance of a sink. Returns how many sinks were closed. */
static inline size_t add_instance(const struct ha_leaves *leaves, struct sink *const *sink_of, uint32_t obj, struct instances *instances)
{
    struct sink *sink = sink_of[ha_search_class_of(leaves->search, obj)];
    if (HA_LIKELY(sink == NULL) || !is_open(sink)) {
        return 0;
    }
    const uint32_t at = instances->count++;
    instances->obj[at] = obj;
    instances->node[at] = node_of(leaves->search, leaves->idom, obj);
    instances->sink[at] = sink;
    __builtin_prefetch(&((const uint64_t *)leaves->search->word.data)[instances->node[at] == HA_NONE ? 0 : instances->node[at]]);
    return instances->count == INSTANCES ? look_at(leaves, instances) : 0;
}

/* Instances of the classes that are sinks, until nothing can change any more: arrays, and if there are others (in odd dumps only), all objects. */
static struct ha_err *add_instances(struct ha_leaves *leaves, struct sink *const *sink_of, size_t open)
{
    const struct ha_build *build = leaves->search->build;
    const uint32_t n = build->facts.object_count;
    struct ha_index_section arrays;
    struct instances instances = {0};
    HA_TRY(ha_index_writer_section(build->writer, HA_SECTION_ARRAY_BITS, &arrays));
    for (uint64_t byte = 0; open > 0 && byte < arrays.count; byte++) {
        for (uint32_t bits = ((const uint8_t *)arrays.data)[byte]; bits != 0; bits &= bits - 1) {
            open -= add_instance(leaves, sink_of, (uint32_t)byte * 8 + (uint32_t)__builtin_ctz(bits), &instances);
        }
    }
    open -= look_at(leaves, &instances);
    for (size_t s = 0; s < leaves->sinks.count; s++) {
        struct sink *sink = &leaves->sinks.data[s];
        sink->left = is_open(sink) ? UINT64_MAX : 0; /* arrays come once more, which changes nothing but the count */
    }
    for (uint32_t obj = 0; open > 0 && obj < n; obj++) {
        open -= add_instance(leaves, sink_of, obj, &instances);
    }
    (void)look_at(leaves, &instances);
    return NULL;
}

struct ha_err *ha_dom_leaves_finish(struct ha_leaves *leaves)
{
    const struct ha_search *search = leaves->search;
    HA_FREE struct sink **sink_of = ha_calloc_array(search->build->classes.count + 1, sizeof(struct sink *));
    if (sink_of == NULL) {
        return ha_err_nomem();
    }
    size_t open = 0;
    for (size_t s = 0; s < leaves->sinks.count; s++) {
        struct sink *sink = &leaves->sinks.data[s];
        sink_of[sink->cls] = sink;
        open += is_open(sink);
    }
    HA_TRY(add_instances(leaves, sink_of, open));
    for (size_t s = 0; s < leaves->sinks.count; s++) {
        leaves->idom[leaves->sinks.data[s].object] = common_idom(search, &leaves->sinks.data[s].common);
    }
    return NULL;
}
