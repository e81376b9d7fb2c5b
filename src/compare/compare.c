/* SPDX-License-Identifier: MIT */
/*
 * Both sides are sorted by what they are matched by, so a comparison is one walk along both.
 */
#include "ha/compare/compare.h"

#include <string.h>

#include "compare/compare_check.h"
#include "ha/query/q_rank.h"

struct ha_err *compare_models_check(const struct ha_summary *a, const struct ha_summary *b)
{
    const char *x = a->dump.size_model, *y = b->dump.size_model;
    if (x != NULL && y != NULL && strcmp(x, y) != 0) {
        return ha_err_new(HA_ERR_INPUT,
                          "'%s' has sizes by the model '%s', '%s' by '%s': make both with the same --size-model",
                          a->path, x, b->path, y);
    }
    return NULL;
}

/* ---- orders ---- */

/* By growth: what grew most first, what shrank most last. */
static int by_growth(uint64_t old_a, uint64_t new_a, uint64_t old_b, uint64_t new_b)
{
    bool up_a = new_a >= old_a, up_b = new_b >= old_b;
    if (up_a != up_b) {
        return up_a ? -1 : 1;
    }
    uint64_t a = up_a ? new_a - old_a : old_a - new_a;
    uint64_t b = up_b ? new_b - old_b : old_b - new_b;
    if (a == b) {
        return 0;
    }
    return (a > b) == up_a ? -1 : 1;
}

static int compare_classes(const void *ctx, const void *a, const void *b)
{
    const struct ha_class_change *x = a, *y = b;
    (void)ctx;
    int order = by_growth(x->old.retained_bytes, x->new.retained_bytes, y->old.retained_bytes, y->new.retained_bytes);
    if (order == 0) {
        order = by_growth(x->old.instances, x->new.instances, y->old.instances, y->new.instances);
    }
    return order != 0 ? order : strcmp(x->name, y->name);
}

static int compare_places(const void *ctx, const void *a, const void *b)
{
    const struct ha_place_change *x = a, *y = b;
    (void)ctx;
    int order = by_growth(x->old_bytes, x->new_bytes, y->old_bytes, y->new_bytes);
    return order != 0 ? order : strcmp(x->signature, y->signature);
}

static int compare_suspects(const void *ctx, const void *a, const void *b)
{
    const struct ha_suspect_change *x = a, *y = b;
    const struct ha_summary_suspect *s = x->new != NULL ? x->new : x->old;
    const struct ha_summary_suspect *t = y->new != NULL ? y->new : y->old;
    (void)ctx;
    if (s->retained_bytes != t->retained_bytes) {
        return s->retained_bytes > t->retained_bytes ? -1 : 1;
    }
    return strcmp(s->id, t->id);
}

/* ---- matching ---- */

static struct ha_err *classes_match(struct ha_compare *c, struct ha_arena *arena)
{
    const struct ha_summary *old = c->old, *new = c->new;
    c->classes = ha_arena_calloc(arena, old->class_count + new->class_count + 1, sizeof *c->classes);
    if (c->classes == NULL) {
        return ha_err_nomem();
    }
    for (uint64_t i = 0, k = 0; i < old->class_count || k < new->class_count;) {
        const struct ha_summary_class *a = i < old->class_count ? &old->classes[i] : NULL;
        const struct ha_summary_class *b = k < new->class_count ? &new->classes[k] : NULL;
        int order = a == NULL ? 1 : b == NULL ? -1 : strcmp(a->name, b->name);
        struct ha_class_change change = {.name = order <= 0 ? a->name : b->name};
        if (order <= 0) {
            change.old = a->sizes;
            i++;
        }
        if (order >= 0) {
            change.new = b->sizes;
            k++;
        }
        if (memcmp(&change.old, &change.new, sizeof change.old) == 0) {
            c->classes_same++;
        } else {
            c->classes[c->class_count++] = change;
        }
    }
    ha_rank_sort(c->classes, c->class_count, sizeof *c->classes, compare_classes, NULL);
    return NULL;
}

static struct ha_err *places_match(struct ha_compare *c, struct ha_arena *arena)
{
    const struct ha_summary *old = c->old, *new = c->new;
    c->has_places = old->has_places && new->has_places;
    c->places = ha_arena_calloc(arena, old->place_count + new->place_count + 1, sizeof *c->places);
    if (c->places == NULL) {
        return ha_err_nomem();
    }
    for (uint64_t i = 0, k = 0; c->has_places && (i < old->place_count || k < new->place_count);) {
        const struct ha_summary_place *a = i < old->place_count ? &old->places[i] : NULL;
        const struct ha_summary_place *b = k < new->place_count ? &new->places[k] : NULL;
        int order = a == NULL ? 1 : b == NULL ? -1 : strcmp(a->signature, b->signature);
        const struct ha_summary_place *named = order <= 0 ? a : b;
        struct ha_place_change change = {
            .signature = named->signature, .class_name = named->class_name, .in_old = order <= 0, .in_new = order >= 0};
        if (change.in_old) {
            change.old_bytes = a->retained_bytes;
            change.old_objects = a->objects;
            i++;
        }
        if (change.in_new) {
            change.new_bytes = b->retained_bytes;
            change.new_objects = b->objects;
            k++;
        }
        if (change.old_bytes != change.new_bytes || change.old_objects != change.new_objects) {
            c->places[c->place_count++] = change;
        }
    }
    ha_rank_sort(c->places, c->place_count, sizeof *c->places, compare_places, NULL);
    return NULL;
}

static const struct ha_summary_suspect *suspect_find(const struct ha_summary *s, const char *id)
{
    for (uint64_t i = 0; i < s->suspect_count; i++) {
        if (strcmp(s->suspects[i].id, id) == 0) {
            return &s->suspects[i];
        }
    }
    return NULL;
}

static void suspect_add(struct ha_suspect_changes *list, const struct ha_summary_suspect *old, const struct ha_summary_suspect *new)
{
    list->list[list->count++] = (struct ha_suspect_change){old, new};
}

/* A heap has few suspects (each retains a tenth of it), but a saved report may say anything. */
#define SUSPECTS_MAX 10000U

static struct ha_err *suspects_match(struct ha_compare *c, struct ha_arena *arena)
{
    const struct ha_summary *old = c->old, *new = c->new;
    struct ha_suspect_changes *lists[] = {&c->suspects_new, &c->suspects_grown, &c->suspects_resolved,
                                          &c->suspects_persisted};
    if (old->suspect_count > SUSPECTS_MAX || new->suspect_count > SUSPECTS_MAX) {
        return ha_err_new(HA_ERR_LIMIT, "more than %u suspects cannot be compared", SUSPECTS_MAX);
    }
    c->has_suspects = old->has_suspects && new->has_suspects;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        lists[i]->list = ha_arena_calloc(arena, old->suspect_count + new->suspect_count + 1, sizeof *lists[i]->list);
        if (lists[i]->list == NULL) {
            return ha_err_nomem();
        }
    }
    for (uint64_t i = 0; c->has_suspects && i < new->suspect_count; i++) {
        const struct ha_summary_suspect *s = &new->suspects[i];
        const struct ha_summary_suspect *before = suspect_find(old, s->id);
        suspect_add(before == NULL                                ? &c->suspects_new
                    : s->retained_bytes > before->retained_bytes ? &c->suspects_grown
                                                                 : &c->suspects_persisted,
                    before, s);
    }
    for (uint64_t i = 0; c->has_suspects && i < old->suspect_count; i++) {
        if (suspect_find(new, old->suspects[i].id) == NULL) {
            suspect_add(&c->suspects_resolved, &old->suspects[i], NULL);
        }
    }
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        ha_rank_sort(lists[i]->list, lists[i]->count, sizeof *lists[i]->list, compare_suspects, NULL);
    }
    return NULL;
}

struct ha_err *ha_compare(const struct ha_summary *old, const struct ha_summary *new, struct ha_arena *arena, struct ha_compare *ret)
{
    *ret = (struct ha_compare){.old = old, .new = new};
    HA_TRY(compare_models_check(old, new));
    HA_TRY(classes_match(ret, arena));
    HA_TRY(places_match(ret, arena));
    return suspects_match(ret, arena);
}
