/* SPDX-License-Identifier: MIT */
/*
 * Writes the dominator tree, and of its children a counting sort of all reachable objects by their dominator.
 *
 *     of object 0: [branch objects][leaves]  of object 1: [branch objects][leaves] … of leaves: [sinks] … of the root: [branch objects][leaves]
 *
 * Branch objects and leaves are counted and entered apart, by a thread each. Objects below leaves (sinks, a few class objects) are sorted by hand.
 * Memory: 8 bytes per branch object and 4 per object while it runs.
 */
#include "dom/dom_search.h"

#include "dom/dom_format.h"
#include "ha/base/pool.h"
#include "ha/dom/dom.h"
#include "ha/heap/heap_sections.h"

#include <stdlib.h>

struct below_leaf {
    uint32_t dominator, object;
};

struct sorting {
    struct ha_build *build;
    const uint32_t *idom;
    uint32_t branch_count, n;
    uint32_t *next[2];  /* per branch object, and one for the root: children among branch objects and among leaves; then where the next one goes */
    uint32_t *children;
    HA_VEC(struct below_leaf) below;
};

/* The counter of a dominator; HA_NONE for those that are leaves, and for what has none. */
static inline uint32_t slot_of(const struct sorting *s, uint32_t d)
{
    return d < s->branch_count ? d : d == HA_DOM_ROOT ? s->branch_count : HA_NONE;
}

/* Kinds are 0, branch objects, and 1, leaves. The dominators are written in the meantime. */
#define WRITE_IDOM 2U
static struct ha_err *count_kind(void *ctx, unsigned worker, uint64_t kind)
{
    struct sorting *s = ctx;
    (void)worker;
    if (kind == WRITE_IDOM) {
        return ha_index_section_put(s->build->writer, HA_SECTION_IDOM, sizeof(uint32_t), s->n, s->idom);
    }
    uint32_t *next = s->next[kind];
    for (uint32_t obj = kind == 0 ? 0 : s->branch_count, end = kind == 0 ? s->branch_count : s->n; obj < end; obj++) {
        uint32_t d = s->idom[obj], slot = slot_of(s, d);
        if (HA_LIKELY(slot != HA_NONE)) {
            next[slot]++;
        } else if (d != HA_NONE) { /* only leaves lie below leaves, so only one thread comes here */
            struct below_leaf *below = ha_vec_push(&s->below);
            if (below == NULL) {
                return ha_err_nomem();
            }
            *below = (struct below_leaf){d, obj};
        }
    }
    return NULL;
}

static struct ha_err *enter_kind(void *ctx, unsigned worker, uint64_t kind)
{
    struct sorting *s = ctx;
    uint32_t *next = s->next[kind];
    (void)worker;
    for (uint32_t obj = kind == 0 ? 0 : s->branch_count, end = kind == 0 ? s->branch_count : s->n; obj < end; obj++) {
        uint32_t slot = slot_of(s, s->idom[obj]);
        if (HA_LIKELY(slot != HA_NONE)) {
            s->children[next[slot]++] = obj;
        }
    }
    return NULL;
}

static int compare_below(const void *a, const void *b)
{
    const struct below_leaf *x = a, *y = b;
    if (x->dominator != y->dominator) {
        return x->dominator < y->dominator ? -1 : 1;
    }
    return (x->object > y->object) - (x->object < y->object);
}

/* Turns counts into begins, notes those of the blocks, and enters what lies below leaves, once there is room (children not NULL). Returns how many
   children there are in all. */
static uint32_t place(struct sorting *s, uint32_t *starts)
{
    uint32_t sum = 0;
    for (uint32_t d = 0; d < s->branch_count; d++) {
        if (d % HA_CHILD_BLOCK == 0) {
            starts[d / HA_CHILD_BLOCK] = sum;
        }
        uint32_t branches = s->next[0][d], leaves = s->next[1][d];
        s->next[0][d] = sum;
        s->next[1][d] = sum + branches;
        sum += branches + leaves;
    }
    uint64_t block = (s->branch_count + HA_CHILD_BLOCK - 1) / HA_CHILD_BLOCK, last = s->n / HA_CHILD_BLOCK;
    for (size_t i = 0; i < s->below.count; i++) {
        for (; block * HA_CHILD_BLOCK <= s->below.data[i].dominator; block++) {
            starts[block] = sum;
        }
        s->below.data[i].dominator = sum++; /* its place */
    }
    for (; block <= last; block++) {
        starts[block] = sum;
    }
    uint32_t branches = s->next[0][s->branch_count], leaves = s->next[1][s->branch_count];
    s->next[0][s->branch_count] = sum;
    s->next[1][s->branch_count] = sum + branches;
    starts[last + 1] = sum + branches + leaves;
    return sum + branches + leaves;
}

static struct ha_err *sort(struct ha_build *build, struct sorting *s, uint64_t blocks, uint32_t *starts, struct ha_big *children)
{
    HA_TRY(ha_parallel_for(build->threads, 3, count_kind, s));
    if (s->below.count > 1) {
        qsort(s->below.data, s->below.count, sizeof *s->below.data, compare_below);
    }
    uint32_t sum = place(s, starts);
    HA_TRY(ha_big_init_raw(children, (uint64_t)sum + 1, sizeof(uint32_t)));
    s->children = children->data;
    for (size_t i = 0; i < s->below.count; i++) {
        s->children[s->below.data[i].dominator] = s->below.data[i].object;
    }
    HA_TRY(ha_parallel_for(build->threads, 2, enter_kind, s));
    HA_TRY(ha_index_section_put(build->writer, HA_SECTION_CHILDREN, sizeof(uint32_t), sum, s->children));
    return ha_index_section_put(build->writer, HA_SECTION_CHILD_STARTS, sizeof(uint32_t), blocks, starts);
}

struct ha_err *ha_dom_write(struct ha_build *build, const uint32_t *idom)
{
    struct sorting s = {.build = build, .idom = idom, .branch_count = build->facts.branch_count, .n = build->facts.object_count};
    struct ha_big counters = {0}, starts = {0}, children = {0};
    const uint64_t slots = (uint64_t)s.branch_count + 1, blocks = (uint64_t)s.n / HA_CHILD_BLOCK + 2;
    HA_TRY(ha_big_init(&counters, 2 * slots, sizeof(uint32_t)));
    s.next[0] = counters.data;
    s.next[1] = s.next[0] + slots;
    struct ha_err *err = ha_big_init_raw(&starts, blocks, sizeof(uint32_t));
    if (err == NULL) {
        err = sort(build, &s, blocks, starts.data, &children);
    }
    ha_vec_deinit(&s.below);
    ha_big_deinit(&children);
    ha_big_deinit(&starts);
    ha_big_deinit(&counters);
    return err;
}
