/* SPDX-License-Identifier: MIT */
/*
 * Another size model for an index that has one already. The graph and the dominators do not depend on sizes, so only retained sizes, totals and what
 * higher layers keep are worked out, from the tree; their sections go into a copy of the index that takes its place, packed if that is, or, where it
 * cannot be written, into one without a name.
 *
 * Answers that were worked out on the way are added where the index lies.
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

static void added_deinit(struct added *added)
{
    for (size_t i = 0; i < added->count; i++) {
        ha_free(added->data[i]);
    }
}

/* ---- retained sizes ---- */

static struct ha_err *retain(const struct ha_snapshot *snapshot, const struct ha_dom *dom, struct added *added)
{
    struct ha_dom_order order = {0};
    struct ha_err *err = ha_dom_order_from_tree(dom, &order);
    if (err == NULL) {
        err = ha_retained_build(dom, snapshot->sizes, &order, snapshot->threads, keep_section, added);
    }
    ha_dom_order_deinit(&order);
    return err;
}

static struct ha_err *pack(const struct ha_snapshot *snapshot, struct added *added)
{
    for (size_t i = 0; i < added->count; i++) {
        HA_TRY(ha_snapshot_pack_retained(snapshot->sizes->model, snapshot->threads, &added->sections[i]));
        if (added->sections[i].data != added->data[i]) {
            ha_free(added->data[i]);
            added->data[i] = (void *)(uintptr_t)added->sections[i].data;
        }
    }
    return NULL;
}

/* With a packed index: what is worked out needs the dominators as an array. */
static struct ha_err *retain_packed(const struct ha_snapshot *snapshot, struct added *added)
{
    struct ha_dom dom = *snapshot->dom;
    struct ha_big idom = {0};
    HA_TRY(ha_big_init_raw(&idom, dom.idoms.count + 1, sizeof(uint32_t)));
    ha_column_read(&dom.idoms, 0, dom.idoms.count, idom.data);
    dom.idoms.plain = dom.idom = idom.data;
    struct ha_err *err = retain(snapshot, &dom, added);
    ha_big_deinit(&idom);
    return err == NULL ? pack(snapshot, added) : err;
}

/* ---- what higher layers keep ---- */

struct extra {
    const struct ha_index *old;
    struct ha_index_writer *writer;
};

/* A section that the old index has of this model already, for whatever reason, stays: ids are unique. */
static struct ha_err *put_new(void *ctx, uint32_t id, uint32_t width, uint64_t count, const void *data)
{
    const struct extra *extra = ctx;
    return ha_index_has(extra->old, id) ? NULL : ha_index_section_put(extra->writer, id, width, count, data);
}

static struct ha_err *add_extra(const struct ha_snapshot *snapshot, const struct ha_snapshot_options *options, struct ha_index_writer *writer)
{
    struct ha_snapshot s = *snapshot; // all but the sizes lies in the old index
    struct extra extra = {snapshot->index, writer};
    s.index = NULL;
    s.retained = NULL;
    if (options->extra == NULL) {
        return NULL;
    }
    struct ha_err *err = ha_index_writer_view(writer, &s.index);
    if (err == NULL) {
        err = ha_retained_open(s.index, s.sizes, s.dom, &s.retained);
    }
    if (err == NULL) {
        err = options->extra(options->extra_ctx, &s, put_new, &extra);
    }
    ha_retained_close(s.retained);
    ha_index_close(s.index);
    return err;
}

static struct ha_err *write_longer(struct ha_snapshot *snapshot, const struct ha_snapshot_options *options, const struct added *added, bool unnamed,
                                   struct ha_index **ret)
{
    struct ha_index_writer *writer = NULL;
    HA_TRY(ha_index_extend_begin(snapshot->index, added->sections, added->count, unnamed, &writer));
    struct ha_err *err = add_extra(snapshot, options, writer);
    if (err == NULL) {
        err = ha_index_extend_end(writer, snapshot->index, options->keep_later, ret);
    }
    if (err != NULL) {
        ha_index_writer_destroy(writer);
    }
    return err;
}

/* An answer is better than an index: where that cannot be written, the longer one goes with the process. Takes the error. */
static struct ha_err *write_unnamed(struct ha_snapshot *snapshot, const struct ha_snapshot_options *options, const struct added *added,
                                    struct ha_err *err, struct ha_index **ret)
{
    if (options->index_required || ha_index_path(snapshot->index) == NULL || !ha_snapshot_cannot_write(err)) {
        return err;
    }
    ha_snapshot_notice(options, ha_err_message(err), "what the size model needs is not kept (--index-dir names a folder for an index)");
    ha_err_free(err);
    return write_longer(snapshot, options, added, true, ret);
}

struct ha_err *ha_snapshot_extend(struct ha_snapshot *snapshot, const struct ha_snapshot_options *options, struct ha_index **ret)
{
    struct added added = {.count = 0};
    ha_progress_begin(options->progress, "retained sizes", 0);
    struct ha_err *err = snapshot->dom->idom == NULL ? retain_packed(snapshot, &added) : retain(snapshot, snapshot->dom, &added);
    if (err == NULL) {
        err = write_longer(snapshot, options, &added, false, ret);
        err = err == NULL ? NULL : write_unnamed(snapshot, options, &added, err, ret);
    }
    added_deinit(&added);
    ha_progress_end(options->progress);
    return err;
}

/* ---- in place ---- */

struct ha_err *ha_snapshot_append(const struct ha_snapshot *snapshot, ha_snapshot_extra extra, void *extra_ctx, uint64_t *ret_bytes)
{
    struct added added = {.count = 0};
    bool among_them = false;
    *ret_bytes = 0;
    struct ha_err *err = extra(extra_ctx, snapshot, keep_section, &added);
    for (size_t i = 0; i < added.count; i++) { // one that is of no use, but has the id
        among_them = among_them || ha_index_has(snapshot->index, added.sections[i].id);
    }
    if (err == NULL && !among_them) {
        err = ha_index_append(snapshot->index, added.sections, added.count, ret_bytes);
    }
    added_deinit(&added);
    return err;
}
