/* SPDX-License-Identifier: MIT */
/*
 * Another size model for an index that has one already. The graph and the dominators do not depend on sizes, so only retained sizes and totals are
 * worked out, from the tree; their sections go into a copy of the index that takes its place.
 */
#include "snapshot/snapshot_internal.h"

#include "ha/base/mem.h"
#include "ha/dom/dom_build.h"

#include <string.h>

#define ADDED_MAX 16U

struct added {
    struct ha_index_section sections[ADDED_MAX];
    void *data[ADDED_MAX];
    size_t count;
};

static struct ha_err *keep_section(void *ctx, uint32_t id, uint32_t width, uint64_t count, const void *data)
{
    struct added *added = ctx;
    if (added->count == ADDED_MAX) {
        return ha_err_new(HA_ERR_BUG, "a size model has too many sections");
    }
    void *copy = ha_alloc_array(count == 0 ? 1 : (size_t)count, width);
    if (copy == NULL) {
        return ha_err_nomem();
    }
    if (count > 0) {
        memcpy(copy, data, (size_t)count * width);
    }
    added->data[added->count] = copy;
    added->sections[added->count++] = (struct ha_index_section){.id = id, .width = width, .count = count, .data = copy};
    return NULL;
}

struct ha_err *ha_snapshot_extend(struct ha_snapshot *snapshot, const struct ha_snapshot_options *options, struct ha_index **ret)
{
    struct ha_dom_order order = {0};
    struct added added = {.count = 0};
    ha_progress_begin(options->progress, "retained sizes", 0);
    struct ha_err *err = ha_dom_order_from_tree(snapshot->dom, &order);
    if (err == NULL) {
        err = ha_retained_build(snapshot->dom, snapshot->sizes, &order, snapshot->threads, keep_section, &added);
    }
    ha_dom_order_deinit(&order);
    if (err == NULL) {
        err = ha_index_extend(snapshot->index, added.sections, added.count, ret);
    }
    for (size_t i = 0; i < added.count; i++) {
        ha_free(added.data[i]);
    }
    ha_progress_end(options->progress);
    return err;
}
