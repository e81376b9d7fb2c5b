/* SPDX-License-Identifier: MIT */
/*
 * Instances and shallow bytes are in the totals of classes, and so is what one class retains. For more, the topmost members are looked for from the top
 * of the dominator tree: they are often near it, and then a short walk finds them all. Only when it has become long the whole tree is prepared for walking.
 */
#include "ha/query/q_class_set.h"

#include "query/q_tally.h"
#include "query/q_tree.h"

#define SHORT 100000U     /* objects of a short walk */
#define SHORT_DEPTH 1000U /* levels of it */

enum { OUTSIDE, INSIDE, GROUPS };

struct level {
    struct ha_children objects;
    uint64_t next;
};

/* Sums up the topmost members; false: that would take long. */
static bool walk_short(const struct ha_query *q, const bool *members, struct level *levels, uint64_t *ret_bytes)
{
    const struct ha_heap *heap = q->snapshot->heap;
    uint32_t looked = 0, depth = 1;
    levels[0] = (struct level){ha_dom_top(q->snapshot->dom), 0};
    *ret_bytes = 0;
    while (depth > 0) {
        struct level *level = &levels[depth - 1];
        if (level->next == level->objects.count) {
            depth--;
            continue;
        }
        ha_obj obj = ha_children_at(&level->objects, level->next++);
        if (looked++ == SHORT) {
            return false;
        }
        if (members[ha_heap_class_of(heap, obj).i]) {
            *ret_bytes += ha_query_retained(q, obj);
            continue;
        }
        struct ha_children below = ha_tree_children(q, obj);
        if (below.count > 0 && depth == SHORT_DEPTH) {
            return false;
        }
        if (below.count > 0) {
            levels[depth++] = (struct level){below, 0};
        }
    }
    return true;
}

static struct ha_err *walk_long(struct ha_query *q, const bool *members, uint64_t *ret_bytes)
{
    uint32_t count = q->snapshot->heap->facts.class_count;
    HA_FREE uint32_t *of_class = ha_alloc_array((size_t)count + 1, sizeof *of_class);
    if (of_class == NULL) {
        return ha_err_nomem();
    }
    for (uint32_t i = 0; i < count; i++) {
        of_class[i] = members[i] ? INSIDE : OUTSIDE;
    }
    return ha_tally_topmost(q, &(struct ha_groups){.count = GROUPS, .of_class = of_class}, INSIDE, ret_bytes);
}

static struct ha_err *retained_together(struct ha_query *q, const bool *members, uint64_t *ret_bytes)
{
    HA_FREE struct level *levels = ha_alloc_array(SHORT_DEPTH, sizeof *levels);
    if (levels == NULL) {
        return ha_err_nomem();
    }
    return walk_short(q, members, levels, ret_bytes) ? NULL : walk_long(q, members, ret_bytes);
}

struct ha_err *ha_class_set_query(struct ha_query *q, const bool *members, struct ha_class_set_sums *ret)
{
    const struct ha_class_total *totals = q->snapshot->retained->classes;
    uint32_t populated = 0;
    *ret = (struct ha_class_set_sums){0};
    for (uint32_t i = 0; i < q->snapshot->heap->facts.class_count; i++) {
        if (members[i]) {
            ret->classes++;
            populated += totals[i].instances > 0;
            ret->instances += totals[i].instances;
            ret->shallow_bytes += totals[i].shallow_bytes;
            ret->retained_bytes += totals[i].retained_bytes;
        }
    }
    return populated < 2 ? NULL : retained_together(q, members, &ret->retained_bytes);
}
