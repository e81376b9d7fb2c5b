/* SPDX-License-Identifier: MIT */
/*
 * Which leaves have an ancestor of their own package or loader in the dominator tree (or of their class, where leaves are class objects).
 *
 * Few sets have nearly all leaves. Each of these has a bit, and every branch object hands the bits of itself and its ancestors down:
 *
 *     Cache     java.util         0 1      ask of a byte[] below the entry (java.lang: bit 2): not nested
 *       Entry   com.acme          1 1      ask of a Key below it           (com.acme:  bit 1): nested
 *
 * The leaves of the other sets are looked at when it comes to the object above them. The bits of the class of class objects and of its sets
 * are always there, for class objects alone may lie below leaves.
 *
 * Memory: 4 bytes per branch object, for a moment 8; one per leaf where there are more sets with leaves than bits.
 */
#include "dom/dom_sweep.h"

#include <stdlib.h>

#define BITS 32U

struct candidate {
    uint64_t leaves;
    uint32_t grouping, group;
};

/* Most leaves first; otherwise in their own order. */
static int compare_candidates(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->leaves != y->leaves) {
        return x->leaves > y->leaves ? -1 : 1;
    }
    if (x->grouping != y->grouping) {
        return x->grouping < y->grouping ? -1 : 1;
    }
    return (x->group > y->group) - (x->group < y->group);
}

typedef HA_VEC(struct candidate) candidate_list;

static uint32_t find_class_class(const struct ha_heap *heap)
{
    for (uint32_t c = 0; c < heap->facts.class_count; c++) {
        if ((heap->classes[c].flags & HA_CLASS_IS_CLASS) != 0) {
            return c;
        }
    }
    return HA_NONE;
}

/* The packages and loaders with leaves, and the sets of class objects before all others. */
static struct ha_err *find_candidates(const struct nested *nested, const struct grouping_sums *sums, const uint64_t *leaves, candidate_list *ret)
{
    const uint32_t class_count = nested->s->heap->facts.class_count, class_class = find_class_class(nested->s->heap);
    for (unsigned g = 0; g < GROUPINGS; g++) {
        HA_FREE uint64_t *of_group = ha_calloc_array((size_t)sums[g].count + 1, sizeof *of_group);
        if (of_group == NULL) {
            return ha_err_nomem();
        }
        for (uint32_t c = 0; c < class_count && g > 0; c++) {
            of_group[group_of(&sums[g], c)] += leaves[c];
        }
        if (class_class != HA_NONE) {
            of_group[group_of(&sums[g], class_class)] = UINT64_MAX;
        }
        for (uint32_t i = 0; i < sums[g].count; i++) {
            struct candidate *candidate = of_group[i] == 0 ? NULL : ha_vec_push(ret);
            if (candidate != NULL) {
                *candidate = (struct candidate){of_group[i], g, i};
            } else if (of_group[i] != 0) {
                return ha_err_nomem();
            }
        }
    }
    if (ret->count > 1) {
        qsort(ret->data, ret->count, sizeof *ret->data, compare_candidates);
    }
    return NULL;
}

/* Gives the first candidates their bits. */
static struct ha_err *give_bits(struct nested *nested, const struct grouping_sums *sums, const candidate_list *candidates)
{
    for (unsigned g = 0; g < GROUPINGS; g++) {
        HA_FREE uint32_t *bit_of = ha_calloc_array((size_t)sums[g].count + 1, sizeof *bit_of);
        if (bit_of == NULL) {
            return ha_err_nomem();
        }
        for (size_t i = 0; i < candidates->count && i < BITS; i++) {
            if (candidates->data[i].grouping == g) {
                bit_of[candidates->data[i].group] = 1U << i;
            }
        }
        for (uint32_t c = 0; c < nested->s->heap->facts.class_count; c++) {
            nested->classes[c].asks[g] = bit_of[group_of(&sums[g], c)];
            nested->classes[c].hands_down |= nested->classes[c].asks[g];
        }
    }
    return NULL;
}

/* Marks the branch objects above leaves of rare classes. */
static struct ha_err *mark_rare(struct nested *nested, const uint64_t *leaves)
{
    const struct sweep *s = nested->s;
    const uint32_t branch_count = s->heap->facts.branch_count, n = s->heap->facts.object_count;
    bool any = false;
    for (uint32_t c = 0; c < s->heap->facts.class_count; c++) {
        nested->rare[c] = leaves[c] > 0 && (nested->classes[c].asks[1] == 0 || nested->classes[c].asks[2] == 0);
        any = any || nested->rare[c];
    }
    if (!any) {
        return NULL;
    }
    HA_TRY(ha_big_init(&nested->rare_holders, (uint64_t)branch_count / 64 + 1, sizeof *nested->has_rare));
    HA_TRY(ha_big_init(&nested->rare_leaves, (uint64_t)(n - branch_count) + 1, 1));
    nested->has_rare = nested->rare_holders.data;
    nested->rare_bits = nested->rare_leaves.data;
    for (uint32_t obj = branch_count; obj < n; obj++) {
        uint32_t d = s->dom->idom[obj];
        if (nested->rare[ha_heap_class_of(s->heap, (ha_obj){obj}).i] && d < branch_count) {
            nested->has_rare[d >> 6] |= 1ULL << (d & 63);
        }
    }
    return NULL;
}

struct ha_err *nested_init(struct nested *nested, const struct sweep *s, const struct grouping_sums *sums)
{
    const uint32_t class_count = s->heap->facts.class_count;
    nested->s = s;
    nested->classes = ha_calloc_array((size_t)class_count + 1, sizeof *nested->classes);
    nested->rare = ha_calloc_array((size_t)class_count + 1, sizeof *nested->rare);
    HA_TRY(ha_big_init_raw(&nested->masks_at, s->order->count + 1, sizeof(uint32_t)));
    nested->mask_at = nested->masks_at.data;
    if (nested->classes == NULL || nested->rare == NULL) {
        return ha_err_nomem();
    }
    candidate_list candidates = {0};
    struct ha_err *err = find_candidates(nested, sums, s->leaf_counts, &candidates);
    if (err == NULL) {
        err = give_bits(nested, sums, &candidates);
    }
    ha_vec_deinit(&candidates);
    return err == NULL ? mark_rare(nested, s->leaf_counts) : err;
}

void nested_deinit(struct nested *nested)
{
    ha_free(nested->classes);
    ha_free(nested->rare);
    ha_big_deinit(&nested->rare_holders);
    ha_big_deinit(&nested->rare_leaves);
    ha_big_deinit(&nested->masks_at);
    ha_big_deinit(&nested->masks);
    *nested = (struct nested){0};
}

struct ha_err *nested_by_object(struct nested *nested)
{
    const struct sweep *s = nested->s;
    uint64_t count = s->heap->facts.branch_count;
    /* zero where no object will be entered, as far as the tree is one */
    HA_TRY(s->order->count < count ? ha_big_init(&nested->masks, count + 1, sizeof(uint32_t)) : ha_big_init_raw(&nested->masks, count + 1, sizeof(uint32_t)));
    nested->mask = nested->masks.data;
    return NULL;
}

void nested_by_object_end(struct nested *nested)
{
    ha_big_deinit(&nested->masks_at);
    nested->mask_at = NULL;
}

void nested_note_rare(struct nested *nested, const struct grouping_sums *sums, uint32_t obj, uint32_t place)
{
    const struct ha_heap *heap = nested->s->heap;
    struct ha_children children = ha_dom_children(nested->s->dom, (ha_obj){obj});
    for (uint64_t i = children.count; i > 0; i--) { /* leaves have the highest numbers */
        uint32_t leaf = ha_children_at(&children, i - 1).i;
        if (leaf < heap->facts.branch_count) {
            break;
        }
        uint32_t cls = ha_heap_class_of(heap, (ha_obj){leaf}).i;
        if (!nested->rare[cls]) {
            continue;
        }
        uint8_t bits = 0;
        for (unsigned g = 1; g < GROUPINGS; g++) {
            bits = (uint8_t)(bits | (place < sums[g].last_end[group_of(&sums[g], cls)]) << g);
        }
        nested->rare_bits[leaf - heap->facts.branch_count] = bits;
    }
}
