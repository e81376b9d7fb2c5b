/* SPDX-License-Identifier: MIT */
/*
 * The names that kids are put together by: the stable names of classes, and of class objects ("class NAME"). Several classes may have one name. What the
 * objects of a name retain in all, without those that contain each other, is known from the index; names with less than what counts get no number.
 */
#include <string.h>

#include "ha/query/q_names.h"
#include "query/q_kids_parts.h"

struct naming {
    struct kids *k;
    struct texts texts; /* of all names */
    HA_VEC(uint64_t) bounds; /* per text: what its objects retain at most */
};

/* Notes the name of a class or of its class object, and what its objects retain without those that contain each other. */
static struct ha_err *name_add(struct naming *n, uint32_t cls, bool mirror, uint64_t bytes)
{
    struct ha_sbuf text = {0};
    uint32_t number;
    ha_sbuf_puts(&text, mirror ? "class " : "");
    ha_name_stable(n->k->q->snapshot->heap->classes[cls].name, &text);
    HA_TRY(texts_number_of(&n->texts, &text, &number));
    if (number == n->bounds.count) {
        uint64_t *slot = ha_vec_push(&n->bounds);
        if (slot == NULL) {
            return ha_err_nomem();
        }
        *slot = 0;
    }
    n->bounds.data[number] += bytes;
    (mirror ? n->k->of_mirror : n->k->of_class)[cls] = number + 1;
    return NULL;
}

static struct ha_err *names_add(struct naming *n)
{
    const struct ha_snapshot *snapshot = n->k->q->snapshot;
    const struct ha_heap *heap = snapshot->heap;
    for (uint32_t c = 0; c < heap->facts.class_count; c++) {
        if (snapshot->retained->classes[c].retained_bytes > 0) {
            HA_TRY(name_add(n, c, false, snapshot->retained->classes[c].retained_bytes));
        }
    }
    for (uint64_t i = 0; i < heap->class_object_count; i++) {
        uint32_t obj = heap->class_objects[2 * i], cls = heap->class_objects[2 * i + 1];
        if (obj < heap->facts.object_count && cls < heap->facts.class_count) {
            HA_TRY(name_add(n, cls, true, ha_query_retained(n->k->q, (ha_obj){obj})));
        }
    }
    return NULL;
}

/* Whether a name counts: references may be called the same, and these have numbers too. */
static bool name_counts(const struct naming *n, uint32_t number, uint64_t min_bytes)
{
    return n->bounds.data[number] >= min_bytes || strpbrk(n->texts.list.data[number], ".[ ") == NULL;
}

/* Numbers those that count, and forgets the others. */
static struct ha_err *names_choose(struct naming *n, uint64_t min_bytes)
{
    struct kids *k = n->k;
    const struct ha_heap *heap = k->q->snapshot->heap;
    HA_FREE uint32_t *chosen = ha_calloc_array(n->bounds.count + 1, sizeof *chosen);
    if (chosen == NULL) {
        return ha_err_nomem();
    }
    for (uint32_t i = 0; i < n->bounds.count; i++) {
        if (name_counts(n, i, min_bytes)) {
            uint32_t number;
            HA_TRY(texts_number(&k->names, n->texts.list.data[i], &number));
            chosen[i + 1] = number + 1;
        }
    }
    for (uint32_t c = 0; c < heap->facts.class_count; c++) {
        bool mirrors = (heap->classes[c].flags & HA_CLASS_IS_CLASS) != 0;
        k->of_mirror[c] = chosen[k->of_mirror[c]];
        k->of_class[c] = chosen[k->of_class[c]];
        if (mirrors) {
            k->class_name = k->of_class[c];
            k->of_class[c] = KIDS_MIRROR;
        }
    }
    return NULL;
}

struct ha_err *kids_names_make(struct kids *k, uint64_t min_bytes)
{
    struct ha_arena arena = {0};
    struct naming n = {.k = k, .texts.arena = &arena};
    struct ha_err *err = names_add(&n);
    if (err == NULL) {
        err = names_choose(&n, min_bytes);
    }
    texts_deinit(&n.texts);
    ha_vec_deinit(&n.bounds);
    ha_arena_deinit(&arena);
    return err;
}
