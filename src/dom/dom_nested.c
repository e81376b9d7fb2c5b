/* SPDX-License-Identifier: MIT */
/*
 * Which objects have an ancestor of their own class, package or loader in the dominator tree. Only those that have none count for the retained
 * size of the set.
 *
 * Few sets have nearly all objects. Each of these has a bit, and every branch object hands the bits of itself and of its ancestors down:
 *
 *     Cache     java.util         0 1      ask of a byte[] below the entry (java.lang: bit 2): not nested
 *       Entry   com.acme          1 1      ask of a Key below it           (com.acme:  bit 1): nested
 *
 * Objects of the other sets are rare. Those among the branch objects make a small tree of their own, to which rare leaves are added; there an
 * object is nested exactly if its place lies in the interval of the last top-most one of its set (dom_places.c):
 *
 *         place    0 1 2 3 4 5 6 7        last_end[set]: one past the interval of the last top-most object of the set
 *                  A B A C|A D D A        A at 2 is nested (below 0 … 3), A at 4 is not
 *
 *     bits     0 … 24    sets with most leaves: leaves ask the object above them by its object number, where there is room for 32 bits only
 *             25 … 31    a tag that dom_totals.c hands down in the same way
 *             32 … 59    sets with most branch objects
 *             60 … 63    the kind of the object itself: in which groupings it is nested, and whether it is on the first level
 *
 * The bits of the class of class objects and of its sets are always among the first, for class objects alone may lie below leaves.
 *
 * Memory: 12 bytes per number of the order until they have been gathered, then 8 (the other 4 are used for retained sizes then, where these fit);
 * 4 per branch object for the leaves (and a bit, where leaves are few: masks that nobody asks for are not entered); 8 per rare branch object, and while
 * the small tree is walked 8 more.
 */
#include "dom/dom_sweep.h"

#include <stdlib.h>

#define LOW_BITS NESTED_TAG_SHIFT
#define HIGH_BITS_FIRST 32U
#define BITS NESTED_KIND_SHIFT
#define INHERITED ((1ULL << NESTED_KIND_SHIFT) - 1)
#ifndef ASKED_SHARE
#define ASKED_SHARE 4U /* with fewer leaves than one for so many branch objects, it is worth knowing which masks will be looked at; a test has it always */
#endif
#define LEAVES_LOOKED_AT (1U << 20) /* to learn which sets have leaves: about so many of them, evenly spread */

struct candidate {
    uint64_t objects;
    uint32_t grouping, group;
};

typedef HA_VEC(struct candidate) candidate_list;

/* Most objects first; otherwise in their own order. */
static int compare_candidates(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->objects != y->objects) {
        return x->objects > y->objects ? -1 : 1;
    }
    if (x->grouping != y->grouping) {
        return x->grouping < y->grouping ? -1 : 1;
    }
    return (x->group > y->group) - (x->group < y->group);
}

static uint32_t find_class_class(const struct ha_heap *heap)
{
    for (uint32_t c = 0; c < heap->facts.class_count; c++) {
        if ((heap->classes[c].flags & HA_CLASS_IS_CLASS) != 0) {
            return c;
        }
    }
    return HA_NONE;
}

/* The sets of groupings from `first` on that have objects, most of them first; those of `always` (HA_NONE: none) before all others. */
static struct ha_err *find_candidates(const struct ha_heap *heap, const struct grouping_sums *sums, unsigned first, const uint64_t *of_class,
                                      uint32_t always, candidate_list *ret)
{
    for (unsigned g = 0; g < GROUPINGS; g++) {
        HA_FREE uint64_t *of_group = ha_calloc_array((size_t)sums[g].count + 1, sizeof *of_group);
        if (of_group == NULL) {
            return ha_err_nomem();
        }
        for (uint32_t c = 0; c < heap->facts.class_count && g >= first; c++) {
            of_group[group_of(&sums[g], c)] += of_class[c];
        }
        if (always != HA_NONE) {
            of_group[group_of(&sums[g], always)] = UINT64_MAX;
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

/* Bits of the sets by grouping; sets that have one keep it. */
struct bits {
    uint64_t *of_group[GROUPINGS];
};

static void give_bits(struct bits *bits, const candidate_list *candidates, unsigned *next, unsigned end)
{
    for (size_t i = 0; i < candidates->count && *next < end; i++) {
        uint64_t *bit = &bits->of_group[candidates->data[i].grouping][candidates->data[i].group];
        if (*bit == 0) {
            *bit = 1ULL << (*next)++;
        }
    }
}

/* About how many leaves the classes have. Which sets get bits decides how much work there is, not what comes out. */
static void sample_leaves(const struct ha_heap *heap, uint64_t *of_class)
{
    const uint32_t leaves = heap->facts.object_count - heap->facts.branch_count, step = leaves / LEAVES_LOOKED_AT + 1;
    for (uint32_t i = 0; i < leaves; i += step) {
        of_class[ha_heap_class_of(heap, (ha_obj){heap->facts.branch_count + i}).i]++;
    }
}

static struct ha_err *choose_bits(const struct nested *nested, const struct grouping_sums *sums, const uint64_t *branches, struct bits *bits)
{
    const struct ha_heap *heap = nested->s->heap;
    HA_FREE uint64_t *leaves = ha_calloc_array((size_t)heap->facts.class_count + 1, sizeof *leaves);
    candidate_list candidates = {0};
    unsigned next = 0;
    if (leaves == NULL) {
        return ha_err_nomem();
    }
    sample_leaves(heap, leaves);
    struct ha_err *err = find_candidates(heap, sums, 1, leaves, find_class_class(heap), &candidates);
    if (err == NULL) {
        give_bits(bits, &candidates, &next, LOW_BITS);
        candidates.count = 0;
        next = HIGH_BITS_FIRST;
        err = find_candidates(heap, sums, 0, branches, HA_NONE, &candidates);
    }
    if (err == NULL) {
        give_bits(bits, &candidates, &next, BITS);
    }
    ha_vec_deinit(&candidates);
    return err;
}

/* What each class has to do with the sets that have bits. */
static void describe_classes(struct nested *nested, const struct grouping_sums *sums, const struct bits *bits)
{
    for (uint32_t c = 0; c < nested->s->heap->facts.class_count; c++) {
        struct nested_class *cls = &nested->classes[c];
        for (unsigned g = 0; g < GROUPINGS; g++) {
            cls->asks[g] = bits->of_group[g][group_of(&sums[g], c)];
            cls->hands_down |= cls->asks[g];
            cls->later = (uint8_t)(cls->later | (cls->asks[g] == 0) << g);
            cls->rare_branch = cls->later != 0;
            cls->rare_leaf = cls->rare_leaf || (g > 0 && (uint32_t)cls->asks[g] == 0); /* no bit, or a high one */
        }
    }
}

static struct ha_err *make_room(struct nested *nested, const uint64_t *branches)
{
    const struct sweep *s = nested->s;
    uint64_t rare = 0;
    for (uint32_t c = 0; c < s->heap->facts.class_count; c++) {
        rare += nested->classes[c].rare_branch ? branches[c] : 0;
    }
    HA_TRY(ha_big_init_raw(&nested->masks_at, s->order->count + 1, sizeof(uint64_t)));
    HA_TRY(ha_big_init_raw(&nested->nears_at, s->order->count + 1, sizeof(uint32_t)));
    HA_TRY(ha_big_init_cold(&nested->rare_memory, rare + 1, sizeof *nested->rare));
    HA_TRY(ha_big_init(&nested->holder_memory, (uint64_t)s->heap->facts.branch_count / 64 + 1, sizeof(uint64_t)));
    const uint64_t leaves = s->heap->facts.object_count - s->heap->facts.branch_count;
    if (leaves * ASKED_SHARE < s->heap->facts.branch_count) {
        HA_TRY(ha_big_init(&nested->asked_memory, (uint64_t)s->heap->facts.branch_count / 64 + 1, sizeof(uint64_t)));
        nested->asked = nested->asked_memory.data;
    }
    nested->mask_at = nested->masks_at.data;
    nested->near_at = nested->nears_at.data;
    nested->rare = nested->rare_memory.data;
    nested->rare_room = rare;
    nested->holds_rare = nested->holder_memory.data;
    nested->workers = ha_calloc_array(s->threads, sizeof *nested->workers);
    return nested->workers == NULL ? ha_err_nomem() : NULL;
}

struct ha_err *nested_init(struct nested *nested, const struct sweep *s, const struct grouping_sums *sums, const uint64_t *branches)
{
    struct bits bits = {0};
    nested->s = s;
    nested->classes = ha_calloc_array((size_t)s->heap->facts.class_count + 1, sizeof *nested->classes);
    struct ha_err *err = nested->classes == NULL ? ha_err_nomem() : NULL;
    for (unsigned g = 0; g < GROUPINGS && err == NULL; g++) {
        bits.of_group[g] = ha_calloc_array((size_t)sums[g].count + 1, sizeof **bits.of_group);
        err = bits.of_group[g] == NULL ? ha_err_nomem() : NULL;
    }
    if (err == NULL) {
        err = choose_bits(nested, sums, branches, &bits);
    }
    if (err == NULL) {
        describe_classes(nested, sums, &bits);
        err = make_room(nested, branches);
    }
    for (unsigned g = 0; g < GROUPINGS; g++) {
        ha_free(bits.of_group[g]);
    }
    return err;
}

void nested_deinit(struct nested *nested)
{
    for (unsigned w = 0; nested->workers != NULL && w < nested->s->threads; w++) {
        ha_vec_deinit(&nested->workers[w].holders);
        ha_vec_deinit(&nested->workers[w].leaves);
    }
    ha_free(nested->workers);
    ha_free(nested->classes);
    ha_big_deinit(&nested->masks_at);
    ha_big_deinit(&nested->nears_at);
    ha_big_deinit(&nested->masks);
    ha_big_deinit(&nested->rare_memory);
    ha_big_deinit(&nested->holder_memory);
    ha_big_deinit(&nested->asked_memory);
    ha_vec_deinit(&nested->holders);
    *nested = (struct nested){0};
}

/* ---- branch objects ---- */

struct ha_err *nested_hand_down(struct nested *nested)
{
    const struct sweep s = *nested->s;
    const struct ha_heap heap = *s.heap;
    const struct nested_class *classes = nested->classes;
    const uint32_t *parent = s.order->parent, *object = s.order->object;
    const uint64_t count = s.order->count;
    uint64_t *mask_at = nested->mask_at;
    uint32_t *near_at = nested->near_at;
    mask_at[0] = 0;
    near_at[0] = 0;
    for (uint64_t p = 1; p <= count; p++) {
        __builtin_prefetch(heap.class_column + (size_t)heap.class_width * object[p + SWEEP_PREFETCH <= count ? p + SWEEP_PREFETCH : p]);
        uint32_t above = parent[p], obj = object[p], cls = ha_heap_class_of(&heap, (ha_obj){obj}).i, near = near_at[above];
        const struct nested_class *c = &classes[cls];
        uint64_t kind = nested_of_branch(c, mask_at[above]) | (above == 0 ? NESTED_FIRST_LEVEL : 0);
        sweep_put_class(&s, p, cls);
        mask_at[p] = (mask_at[above] & INHERITED) | c->hands_down | kind << NESTED_KIND_SHIFT;
        if (c->rare_branch) {
            if (nested->rare_count == nested->rare_room) {
                return ha_err_new(HA_ERR_INPUT, "dominator tree of the index is damaged"); /* an object is in the order twice */
            }
            nested->rare[nested->rare_count++] = (struct nested_rare){obj, near};
            near = (uint32_t)nested->rare_count;
        }
        near_at[p] = near;
    }
    return NULL;
}

struct ha_err *nested_note_holder(struct nested *nested, unsigned worker, uint64_t number, uint32_t obj)
{
    struct nested_holder *holder = ha_vec_push(&nested->workers[worker].holders);
    if (holder == NULL) {
        return ha_err_nomem();
    }
    *holder = (struct nested_holder){obj, nested->near_at[number], nested->mask_at[number]};
    return NULL;
}

static int compare_holders(const void *a, const void *b)
{
    const struct nested_holder *x = a, *y = b;
    return (x->object > y->object) - (x->object < y->object);
}

struct ha_err *nested_gathered(struct nested *nested)
{
    const struct sweep *s = nested->s;
    ha_big_deinit(&nested->nears_at);
    ha_big_deinit(&nested->holder_memory);
    nested->near_at = NULL;
    nested->holds_rare = NULL;
    for (unsigned w = 0; w < s->threads; w++) {
        struct nested_worker *worker = &nested->workers[w];
        if (!ha_vec_reserve(&nested->holders, worker->holders.count)) {
            return ha_err_nomem();
        }
        for (size_t i = 0; i < worker->holders.count; i++) {
            nested->holders.data[nested->holders.count++] = worker->holders.data[i];
        }
        ha_vec_deinit(&worker->holders);
    }
    if (nested->holders.count > 1) {
        qsort(nested->holders.data, nested->holders.count, sizeof *nested->holders.data, compare_holders);
    }
    return NULL;
}

struct ha_err *nested_by_object_begin(struct nested *nested)
{
    const struct sweep *s = nested->s;
    /* zero where no object will be entered, as far as the tree is one */
    const uint64_t count = s->heap->facts.branch_count;
    HA_TRY(s->order->count < count ? ha_big_init(&nested->masks, count + 1, sizeof(uint32_t)) : ha_big_init_raw(&nested->masks, count + 1, sizeof(uint32_t)));
    nested->mask = nested->masks.data;
    for (uint64_t i = 0; nested->asked != NULL && i < nested->rare_count; i++) {
        nested_ask(nested, nested->rare[i].object);
    }
    return NULL;
}

void nested_by_object_end(struct nested *nested)
{
    ha_big_deinit(&nested->masks_at);
    ha_big_deinit(&nested->asked_memory);
    nested->mask_at = NULL;
    nested->asked = NULL;
}

/* ---- rare objects ---- */

static const struct nested_holder *find_holder(const struct nested *nested, uint32_t obj)
{
    size_t low = 0, high = nested->holders.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (nested->holders.data[middle].object < obj) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < nested->holders.count && nested->holders.data[low].object == obj ? &nested->holders.data[low] : NULL;
}

struct ha_err *nested_rare_leaf(struct nested *nested, unsigned worker, uint32_t obj, uint32_t cls, uint32_t holder, uint64_t bytes, uint8_t *ret)
{
    const struct nested_class *c = &nested->classes[cls];
    const struct nested_holder *above = find_holder(nested, holder);
    uint8_t nested_in = 0, later = 0;
    for (unsigned g = 1; above != NULL && g < GROUPINGS; g++) {
        nested_in = (uint8_t)(nested_in | ((above->mask & c->asks[g]) != 0) << g);
        later = (uint8_t)(later | (c->asks[g] == 0 && above->near != 0) << g);
    }
    *ret = nested_in | later;
    if (later != 0) {
        struct nested_leaf *leaf = ha_vec_push(&nested->workers[worker].leaves);
        if (leaf == NULL) {
            return ha_err_nomem();
        }
        *leaf = (struct nested_leaf){bytes, {obj, above->near}};
    }
    return NULL;
}

/* The nodes of the small tree: the rare branch objects, then the rare leaves below them. */
struct small_tree {
    struct ha_big memory;
    uint32_t *parent;
    uint64_t count;
    HA_VEC(struct nested_leaf) leaves;
    struct places places;
};

static struct ha_err *small_tree_make(const struct nested *nested, struct small_tree *tree)
{
    for (unsigned w = 0; w < nested->s->threads; w++) {
        if (!ha_vec_reserve(&tree->leaves, nested->workers[w].leaves.count)) {
            return ha_err_nomem();
        }
        for (size_t i = 0; i < nested->workers[w].leaves.count; i++) {
            tree->leaves.data[tree->leaves.count++] = nested->workers[w].leaves.data[i];
        }
    }
    tree->count = nested->rare_count + tree->leaves.count; /* fewer than there are objects */
    HA_TRY(ha_big_init_raw(&tree->memory, tree->count + 1, sizeof(uint32_t)));
    tree->parent = tree->memory.data;
    for (uint64_t i = 1; i <= tree->count; i++) {
        tree->parent[i] = i <= nested->rare_count ? nested->rare[i - 1].above : tree->leaves.data[i - 1 - nested->rare_count].node.above;
    }
    return ha_dom_places(tree->parent, tree->count, &tree->places);
}

/* Asks for a rare branch object, and for what is looked at of one that comes sooner; leaves are left out. */
HA_INLINE void small_tree_ahead(const struct nested *nested, const struct small_tree *tree, uint64_t place)
{
    const struct sweep *s = nested->s;
    const uint64_t last = tree->count - 1, far = place + 2 * SWEEP_PREFETCH, near = place + SWEEP_PREFETCH;
    uint32_t node = tree->places.at_place[far < last ? far : last], next = tree->places.at_place[near < last ? near : last];
    __builtin_prefetch(&nested->rare[node <= nested->rare_count ? node - 1 : 0]);
    if (next <= nested->rare_count) {
        uint32_t obj = nested->rare[next - 1].object;
        __builtin_prefetch(s->heap->class_column + (size_t)s->heap->class_width * obj);
        __builtin_prefetch(s->column + (size_t)s->totals.width * obj);
        __builtin_prefetch(&nested->mask[obj]);
        __builtin_prefetch(&tree->places.next[next]);
    }
}

/* Goes through the small tree in pre-order. */
static void small_tree_walk(const struct nested *nested, const struct small_tree *tree, struct grouping_sums *sums, nested_rare_fn fn, void *ctx)
{
    const struct ha_heap *heap = nested->s->heap;
    for (uint64_t place = 0; place < tree->count; place++) {
        small_tree_ahead(nested, tree, place);
        uint32_t node = tree->places.at_place[place];
        bool leaf = node > nested->rare_count;
        const struct nested_leaf *as_leaf = leaf ? &tree->leaves.data[node - 1 - nested->rare_count] : NULL;
        uint32_t obj = leaf ? as_leaf->node.object : nested->rare[node - 1].object, cls = ha_heap_class_of(heap, (ha_obj){obj}).i;
        uint64_t bytes = leaf ? as_leaf->bytes : 0;
        for (unsigned g = leaf ? 1 : 0; g < GROUPINGS; g++) {
            uint32_t group = group_of(&sums[g], cls);
            if (nested->classes[cls].asks[g] != 0 || place < sums[g].last_end[group]) {
                continue;
            }
            fn(ctx, obj, cls, g, group, bytes);
            if (!leaf) {
                sums[g].last_end[group] = tree->places.next[node];
            }
        }
    }
}

struct ha_err *nested_rare_each(struct nested *nested, struct grouping_sums *sums, nested_rare_fn fn, void *ctx)
{
    struct small_tree tree = {0};
    struct ha_err *err = small_tree_make(nested, &tree);
    if (err == NULL) {
        small_tree_walk(nested, &tree, sums, fn, ctx);
    }
    ha_big_deinit(&tree.memory);
    ha_big_deinit(&tree.places.memory);
    ha_vec_deinit(&tree.leaves);
    return err;
}
