/* SPDX-License-Identifier: MIT */
/*
 * The big parts of the heap, of which histograms are made (dom_totals.c): below each object directly under the root that retains more than 1 % of the heap, and
 * below all other first-level objects of a class where these together do, or (as long as there is room) where there are such objects. Leak suspects are
 * made of such parts.
 *
 *     root ┬─ [Cache 30 %]                             a part
 *          ├─ [Session 2 %]                            a part
 *          ├─ (Session 0.1 %) (Session 0.1 %) …        the rest of the class: a part too, so that all sessions are known
 *          └─ (String) (String) …                      together less than 1 %: in no part
 */
#include "dom/dom_sweep.h"

#include <assert.h>
#include <stdlib.h>

#define BIG_MAX (HA_PART_SHARE - 1U) /* no more can each hold more than that share of the heap: they have nothing in common */
#define CELLS_MAX (8U << 20)         /* parts × classes; beyond that the histograms are left to be worked out when asked for */

static_assert(PARTS_MAX <= UINT32_MAX >> NESTED_TAG_SHIFT && BIG_MAX <= PARTS_MAX, "a tag names every part (+ 1), and there is room for all that are big");

static uint64_t leaf_bytes(const struct sweep *s, uint32_t leaf)
{
    size_t i = sweep_extra_from(s, leaf);
    bool found = i < s->extra.count && s->extra.data[i] == leaf;
    return found ? s->extra.data[i + 1] : ha_sizes_of(s->sizes, (ha_obj){leaf});
}

static int compare_parts(const void *a, const void *b)
{
    const struct ha_disk_part *x = a, *y = b;
    return (x->object > y->object) - (x->object < y->object);
}

/* A first-level object: a part of its own, or one of the others of its class. */
static void take_first_level(const struct sweep *s, struct parts *parts, uint32_t obj, uint32_t cls, uint64_t bytes, uint64_t *rest)
{
    if (bytes > s->totals.reachable_bytes / HA_PART_SHARE && parts->count < BIG_MAX) {
        parts->list[parts->count++] = (struct ha_disk_part){.object = obj, .cls = cls};
    } else {
        rest[cls] += bytes;
    }
}

/* Parts of what is left of classes: where that is much, and where it takes it to know all of a class that has objects apart, as long as there is room. */
static void add_rests(struct parts *parts, uint32_t classes, const uint64_t *rest, uint64_t limit)
{
    const uint32_t objects = parts->count;
    const uint32_t most = CELLS_MAX / (classes + 1) < PARTS_MAX ? CELLS_MAX / (classes + 1) : PARTS_MAX;
    uint32_t big = 0;
    for (uint32_t p = 0; p < objects; p++) {
        parts->of_class[parts->list[p].cls] = 1; /* for now: there are objects apart */
    }
    for (uint32_t c = 0; c < classes; c++) {
        big += rest[c] > limit;
    }
    uint32_t room = objects + big < most ? most - objects - big : 0;
    for (uint32_t c = 0; c < classes; c++) {
        const bool small = rest[c] > 0 && rest[c] <= limit && parts->of_class[c] != 0 && room > 0;
        parts->of_class[c] = 0;
        if ((rest[c] > limit || small) && parts->count < PARTS_MAX) {
            parts->list[parts->count++] = (struct ha_disk_part){.object = HA_NONE, .cls = c};
            parts->of_class[c] = (uint8_t)parts->count;
            room -= small;
        }
    }
}

struct ha_err *parts_find(const struct sweep *s, struct parts *parts)
{
    uint32_t classes = s->heap->facts.class_count;
    uint64_t limit = s->totals.reachable_bytes / HA_PART_SHARE;
    struct ha_children top = ha_dom_top(s->dom);
    HA_FREE uint64_t *rest = ha_calloc_array((size_t)classes + 1, sizeof *rest);
    parts->of_class = ha_calloc_array((size_t)classes + 1, 1);
    if (rest == NULL || parts->of_class == NULL) {
        return ha_err_nomem();
    }
    for (uint64_t p = 1; p <= s->order->count; p++) {
        if (HA_UNLIKELY(s->order->parent[p] == 0)) {
            take_first_level(s, parts, s->order->object[p], sweep_class(s, p), sweep_sum(s, p) * s->sizes->alignment, rest);
        }
    }
    for (uint64_t i = top.count; i > 0; i--) { /* leaves have the highest numbers */
        uint32_t obj = ha_children_at(&top, i - 1).i;
        if (obj < s->heap->facts.branch_count) {
            break;
        }
        take_first_level(s, parts, obj, ha_heap_class_of(s->heap, (ha_obj){obj}).i, leaf_bytes(s, obj), rest);
    }
    qsort(parts->list, parts->count, sizeof *parts->list, compare_parts);
    add_rests(parts, classes, rest, limit);
    if ((uint64_t)parts->count * classes > CELLS_MAX) {
        parts->count = 0;
        memset(parts->of_class, 0, classes);
    }
    return NULL;
}

uint8_t parts_of_top(const struct parts *parts, uint32_t obj, uint32_t cls)
{
    uint32_t low = 0, high = parts->count; /* objects ascend, then come the classes */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (parts->list[middle].object < obj) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < parts->count && parts->list[low].object == obj ? (uint8_t)(low + 1) : parts->of_class[cls];
}

void parts_deinit(struct parts *parts)
{
    ha_free(parts->of_class);
    parts->of_class = NULL;
}
