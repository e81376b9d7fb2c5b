/* SPDX-License-Identifier: MIT */
/*
 * Dominators of the objects that take no part in the search.
 *
 * A leaf refers to nothing that matters, so it can be no ancestor of anything but sinks: its dominator is the nearest common ancestor of the
 * reachable objects that refer to it. Sinks (class objects of boot array classes) are referred to by all their instances too, leaves among
 * them; a leaf stands for its own dominator there, unless it is the only one that refers to the sink.
 */
#include "dom/dom_search.h"

#include "ha/dom/dom.h"

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

static void add_sources(const struct ha_search *search, const uint32_t *sources, struct ha_span span, struct common *common)
{
    const uint32_t *pre = search->pre.data;
    for (uint64_t i = span.begin; i < span.begin + span.length; i++) {
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

struct ha_err *ha_dom_leaves(const struct ha_search *search, const struct ha_starts *in, const uint32_t *sources, const uint8_t *class_column,
                             uint32_t class_width, uint32_t *idom)
{
    const struct ha_build *build = search->build;
    const uint32_t n = build->facts.object_count;
    size_t class_count = build->classes.count;
    HA_FREE struct common *sinks = ha_calloc_array(class_count + 1, sizeof *sinks);
    HA_FREE uint8_t *is_sink = ha_calloc_array(class_count + 1, 1);
    if (sinks == NULL || is_sink == NULL) {
        return ha_err_nomem();
    }
    bool any_sink = false;
    for (size_t c = 0; c < class_count; c++) {
        const struct ha_build_class *cls = &build->classes.data[c];
        /* a sink that is a branch (where no leaves are told apart) took part in the search */
        is_sink[c] = (cls->flags & HA_CLASS_IS_SINK) != 0 && cls->object.i < n && cls->object.i >= build->facts.branch_count &&
                     !ha_search_is_root(search, cls->object.i);
        any_sink |= is_sink[c] != 0;
        if (is_sink[c] != 0) {
            idom[cls->object.i] = HA_NONE;
        }
    }
    struct ha_starts_walk walk;
    ha_starts_walk_begin(in, build->facts.branch_count, &walk);
    for (uint32_t obj = build->facts.branch_count; obj < n; obj++) {
        struct common common = {0};
        struct ha_span span = ha_starts_walk_next(&walk);
        if (ha_search_is_root(search, obj)) {
            idom[obj] = HA_DOM_ROOT;
            continue;
        }
        add_sources(search, sources, span, &common);
        idom[obj] = common_idom(search, &common);
    }
    for (size_t c = 0; any_sink && c < class_count; c++) {
        if (is_sink[c] != 0) {
            add_sources(search, sources, ha_starts_get(in, build->classes.data[c].object.i), &sinks[c]);
        }
    }
    for (uint32_t obj = 0; any_sink && obj < n; obj++) {
        uint32_t cls = class_width == 2 ? ha_le16(class_column + 2 * (size_t)obj) : ha_le32(class_column + 4 * (size_t)obj);
        if (is_sink[cls] != 0 && !(sinks[cls].several && sinks[cls].node == 0)) {
            uint32_t node = node_of(search, idom, obj);
            if (node != HA_NONE) {
                common_add(search, &sinks[cls], obj, node);
            }
        }
    }
    for (size_t c = 0; any_sink && c < class_count; c++) {
        if (is_sink[c] != 0) {
            idom[build->classes.data[c].object.i] = common_idom(search, &sinks[c]);
        }
    }
    return NULL;
}
