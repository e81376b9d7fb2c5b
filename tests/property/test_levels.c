/* SPDX-License-Identifier: MIT */
/*
 * The grouped dominator tree on random heaps, with batches of five objects: of its last level only sums are made, by several threads, of the others lists
 * of objects. So each level is asked for twice, as the last one and as the last but one.
 *
 *     depth 2    A ×12 > B ×3        the same as     A ×12 > B ×3 > …     depth 3
 *
 *     test_levels [HEAPS [FIRST SEED]]
 */
#include "ha/query/q_dominators.h"
#include "ha/query/q_histogram.h"
#include "property/random_heaps.h"

#include <inttypes.h>
#include <string.h>

#define DEPTH_MAX 4U

static uint64_t class_objects_below; /* seen on level 2 and below */

static const char *name_of(const struct ha_histogram_row *row)
{
    return row->name != NULL ? row->name : "(none)";
}

static void check_same(const struct ha_dominator_node *a, const struct ha_dominator_node *b, uint32_t levels, uint64_t seed)
{
    for (uint64_t i = 0; levels > 0 && i < a->child_count; i++) {
        const struct ha_histogram_row *x = a->children[i].group, *y = b->children[i].group;
        ck_assert_uint_eq(a->child_count, b->child_count);
        ck_assert_msg(strcmp(name_of(x), name_of(y)) == 0 && x->instances == y->instances && x->shallow_bytes == y->shallow_bytes && x->retained_bytes == y->retained_bytes,
                      "seed %" PRIu64 ": %s: %" PRIu64 " of %" PRIu64 " bytes, and %s: %" PRIu64 " of %" PRIu64 " bytes", seed, name_of(x), x->instances, x->retained_bytes,
                      name_of(y), y->instances, y->retained_bytes);
        check_same(&a->children[i], &b->children[i], levels - 1, seed);
    }
    ck_assert_uint_eq(levels == 0 ? 0 : a->child_count, levels == 0 ? 0 : b->child_count);
}

static uint64_t instances_on(const struct ha_dominator_node *node, uint32_t level)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < node->child_count; i++) {
        sum += level == 1 ? node->children[i].group->instances : instances_on(&node->children[i], level - 1);
    }
    return sum;
}

/* Objects so far below the root. */
static uint64_t objects_on(const struct ha_snapshot *s, uint32_t level)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < s->heap->facts.object_count; i++) {
        ha_obj at = {i};
        uint32_t depth = 1;
        if (!ha_dom_reachable(s->dom, at)) {
            continue;
        }
        while (ha_dom_of(s->dom, at, &at)) {
            depth++;
        }
        ha_cls stands_for;
        count += depth == level;
        class_objects_below += depth == level && level > 1 && ha_heap_as_class(s->heap, (ha_obj){i}, &stands_for);
    }
    return count;
}

static void check_levels(const struct ha_snapshot *s, enum ha_group_by by, uint64_t seed)
{
    struct ha_query q;
    struct ha_dominators trees[DEPTH_MAX + 1];
    ha_query_init(&q, s);
    for (uint32_t depth = 1; depth <= DEPTH_MAX; depth++) {
        const struct ha_dominators_options options = {.object = HA_OBJ_NONE, .depth = depth, .grouped = true, .by = by};
        ck_ok(ha_dominators_query(&q, &options, &trees[depth]));
        ck_assert_uint_eq(instances_on(&trees[depth].root, depth), objects_on(s, depth));
        if (depth > 1) {
            check_same(&trees[depth - 1].root, &trees[depth].root, depth - 1, seed);
        }
    }
    ha_query_deinit(&q);
}

static void check_groupings(const struct ha_snapshot *s, uint64_t seed)
{
    check_levels(s, HA_BY_CLASS, seed);
    check_levels(s, HA_BY_PACKAGE, seed);
    check_levels(s, HA_BY_LOADER, seed);
}

START_TEST(test_random_levels)
{
    random_heaps_each(check_groupings);
    ck_assert(heap_count < 100 || class_objects_below > 0);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const tests[] = {test_random_levels};
    return random_heaps_main(argc, argv, "levels", 150, tests, 1);
}
