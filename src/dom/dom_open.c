/* SPDX-License-Identifier: MIT */
/* The dominator tree and retained sizes as the index holds them. */
#include "ha/dom/dom.h"

#include "dom/dom_format.h"
#include "ha/base/mem.h"
#include "ha/heap/heap_sections.h"

static struct ha_err *damaged(const char *what)
{
    return ha_err_new(HA_ERR_INPUT, "%s of the index do not fit its objects", what);
}

struct ha_err *ha_dom_open(const struct ha_index *index, const struct ha_heap *heap, struct ha_dom **ret)
{
    struct ha_column idom, children;
    struct ha_index_section starts = ha_index_find(index, HA_SECTION_CHILD_STARTS, sizeof(uint32_t));
    uint64_t n = heap->facts.object_count;
    if (!ha_column_open(index, HA_SECTION_IDOM, HA_SECTION_IDOM_PACKED, &idom) ||
        !ha_column_open(index, HA_SECTION_CHILDREN, HA_SECTION_CHILDREN_PACKED, &children) || idom.count != n || children.count > n || starts.count != n / HA_CHILD_BLOCK + 2) {
        return damaged("dominator sections");
    }
    struct ha_dom *dom = ha_calloc_array(1, sizeof *dom);
    if (dom == NULL) {
        return ha_err_nomem();
    }
    *dom = (struct ha_dom){.heap = heap, .idoms = idom, .idom = idom.plain, .children = children, .child_start = starts.data, .reachable_count = children.count};
    *ret = dom;
    return NULL;
}

void ha_dom_close(struct ha_dom *dom)
{
    ha_free(dom);
}

/* First position in [low, high) of the children whose dominator is at least `d` (the artificial root is n). */
static uint64_t lower_bound(const struct ha_dom *dom, uint64_t low, uint64_t high, uint64_t d)
{
    uint64_t n = dom->heap->facts.object_count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        uint32_t child = ha_column_at(&dom->children, middle);
        uint64_t key = child < n ? ha_dom_idom(dom, (ha_obj){child}) : 0;
        key = key == HA_DOM_ROOT ? n : key;
        if (key < d) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct ha_children children_of(const struct ha_dom *dom, uint64_t d)
{
    uint64_t block = d / HA_CHILD_BLOCK;
    uint64_t low = dom->child_start[block], high = dom->child_start[block + 1];
    if (low > high || high > dom->reachable_count) {
        return ha_dom_children_at(dom, 0, 0);
    }
    uint64_t begin = lower_bound(dom, low, high, d);
    uint64_t end = lower_bound(dom, begin, high, d + 1);
    return ha_dom_children_at(dom, begin, begin < end ? end - begin : 0);
}

struct ha_children ha_dom_children(const struct ha_dom *dom, ha_obj obj)
{
    uint64_t n = dom->heap->facts.object_count;
    return children_of(dom, obj.i == HA_DOM_ROOT ? n : obj.i < n ? obj.i : 0);
}

struct ha_children ha_dom_top(const struct ha_dom *dom)
{
    return children_of(dom, dom->heap->facts.object_count);
}

bool ha_dom_dominates(const struct ha_dom *dom, ha_obj a, ha_obj b)
{
    for (uint64_t steps = 0; steps <= dom->heap->facts.object_count; steps++) {
        if (ha_obj_equal(a, b)) {
            return true;
        }
        if (!ha_dom_of(dom, b, &b)) {
            return false;
        }
    }
    return false;
}

/* Totals per package and loader, and the big parts: checked completely, they are few. */
static struct ha_err *open_groups(const struct ha_index *index, const struct ha_heap *heap, struct ha_retained *retained)
{
    const enum ha_size_model model = retained->sizes->model;
    static_assert(sizeof(struct ha_part) == sizeof(struct ha_disk_part), "parts are used in place");
    static_assert(sizeof(struct ha_part_row) == sizeof(struct ha_disk_part_row), "rows are used in place");
    struct ha_index_section packages = ha_index_find(index, HA_SECTION_OF(model, PACKAGES), sizeof(struct ha_class_total));
    struct ha_index_section loaders = ha_index_find(index, HA_SECTION_OF(model, LOADERS), sizeof(struct ha_class_total));
    struct ha_index_section parts = ha_index_find(index, HA_SECTION_OF(model, PARTS), sizeof(struct ha_part));
    struct ha_index_section rows = ha_index_find(index, HA_SECTION_OF(model, PART_ROWS), sizeof(struct ha_part_row));
    const struct ha_part *part = parts.data;
    for (uint64_t i = 0; i < parts.count; i++) {
        if ((part[i].object.i >= heap->facts.object_count && part[i].object.i != HA_NONE) || part[i].cls.i >= heap->facts.class_count ||
            (uint64_t)part[i].rows_first + part[i].rows_count > rows.count) {
            return damaged("big parts");
        }
    }
    const struct ha_part_row *row = rows.data;
    for (uint64_t i = 0; i < rows.count; i++) {
        if (row[i].cls >= heap->facts.class_count) {
            return damaged("big parts");
        }
    }
    retained->packages = packages.data;
    retained->package_count = packages.count;
    retained->loaders = loaders.data;
    retained->loader_count = loaders.count;
    retained->parts = part;
    retained->part_count = parts.count;
    retained->part_rows = row;
    retained->part_row_count = rows.count;
    return NULL;
}

bool ha_retained_is_there(const struct ha_index *index, enum ha_size_model model)
{
    return ha_index_find(index, HA_SECTION_OF(model, TOTALS), sizeof(struct ha_disk_totals)).count == 1;
}

struct ha_err *ha_retained_open(const struct ha_index *index, const struct ha_sizes *sizes, const struct ha_dom *dom, struct ha_retained **ret)
{
    const enum ha_size_model model = sizes->model;
    struct ha_index_section totals = ha_index_find(index, HA_SECTION_OF(model, TOTALS), sizeof(struct ha_disk_totals));
    struct ha_index_section column = ha_index_find(index, HA_SECTION_OF(model, RETAINED), 0);
    struct ha_index_section extra = ha_index_find(index, HA_SECTION_OF(model, EXTRA), 16);
    struct ha_index_section classes = ha_index_find(index, HA_SECTION_OF(model, CLASSES), sizeof(struct ha_class_total));
    const struct ha_heap *heap = dom->heap;
    struct ha_column packed;
    if (!ha_column_open(index, 0, HA_SECTION_OF(model, RETAINED_PACKED), &packed)) {
        return damaged("retained sizes");
    }
    bool plain = packed.blocks == NULL;
    if (totals.count != 1 || classes.count != heap->facts.class_count || (plain ? column.count : packed.count) != heap->facts.branch_count ||
        (plain && heap->facts.branch_count > 0 && column.width != 4 && column.width != 5)) {
        return damaged("retained sizes");
    }
    struct ha_retained *retained = ha_calloc_array(1, sizeof *retained);
    if (retained == NULL) {
        return ha_err_nomem();
    }
    const struct ha_disk_totals *t = totals.data;
    *retained = (struct ha_retained){.sizes = sizes, .dom = dom, .column = plain ? column.data : NULL, .width = column.width, .packed = packed, .unit = t->unit, .extra = extra.data,
                                     .extra_count = extra.count, .classes = classes.data, .reachable_objects = t->reachable_objects,
                                     .reachable_bytes = t->reachable_bytes, .unreachable_objects = t->unreachable_objects,
                                     .unreachable_bytes = t->unreachable_bytes};
    struct ha_err *err = open_groups(index, heap, retained);
    if (err != NULL) {
        ha_free(retained);
        return err;
    }
    *ret = retained;
    return NULL;
}

struct ha_part_rows ha_retained_part(const struct ha_retained *retained, const struct ha_part *part)
{
    return (struct ha_part_rows){retained->part_rows + part->rows_first, part->rows_count};
}

void ha_retained_close(struct ha_retained *retained)
{
    ha_free(retained);
}

bool ha_retained_of_leaf(const struct ha_retained *retained, ha_obj obj, uint64_t *ret)
{
    uint64_t low = 0, high = retained->extra_count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (retained->extra[2 * middle] < obj.i) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == retained->extra_count || retained->extra[2 * low] != obj.i) {
        return false;
    }
    *ret = retained->extra[2 * low + 1];
    return true;
}

uint64_t ha_retained_of(const struct ha_retained *retained, ha_obj obj)
{
    const struct ha_heap *heap = retained->dom->heap;
    uint64_t bytes;
    if (obj.i < heap->facts.branch_count && ha_dom_reachable(retained->dom, obj)) {
        return ha_retained_of_branch(retained, obj);
    }
    return ha_retained_of_leaf(retained, obj, &bytes) ? bytes : ha_sizes_of(retained->sizes, obj);
}
