/* SPDX-License-Identifier: MIT */
/*
 * Which objects the rules are about, found once for all of them.
 *
 *     names of rules ──▶ per class: is it wanted, by which matches        one pass over the classes
 *     class column   ──▶ per wanted class: its reachable objects         from the lists of the index, or one pass over the objects
 *
 * Of a class with very many instances every so-many-th is taken: rules look at OBJECTS_MAX of a class at most.
 */
#include <string.h>

#include "ha/base/hash.h"
#include "ha/query/q_instances.h"
#include "ha/query/q_rank.h"
#include "rules/rules_model.h"

#define OBJECTS_MAX 100000U

struct name_entry {
    const char *name;
    uint32_t match;
    bool below; /* subclasses too */
    uint32_t next; /* of the same hash; HA_NONE: none */
};

struct class_use {
    uint32_t match;
    uint32_t cls;
};

struct class_objects {
    HA_VEC(ha_obj) list;
    uint64_t stride;
    uint64_t seen;
};

struct matches {
    struct run *run;
    HA_VEC(struct name_entry) names;
    struct ha_idmap by_hash;
    HA_VEC(struct name_entry) prefixes;
    HA_VEC(struct class_use) uses; /* ascending by match, then class */
    uint32_t *first_use;           /* per match, and one more */
    uint32_t match_count;          /* two a rule: objects, held */
    uint32_t *slot_of_class;       /* 0: not wanted */
    HA_VEC(struct class_objects) slots;
};

static const struct match *match_at(const struct matches *m, uint32_t number)
{
    const struct rule *rule = m->run->rules->list.data[number / 2];
    return number % 2 == 0 ? &rule->match : rule->has_held ? &rule->held : NULL;
}

/* ---- names ---- */

static struct ha_err *name_add(struct matches *m, const char *name, uint32_t match, bool below)
{
    uint64_t hash = ha_hash(name, strlen(name));
    uint32_t number = (uint32_t)m->names.count;
    struct name_entry *entry = ha_vec_push(&m->names);
    if (entry == NULL) {
        return ha_err_nomem();
    }
    *entry = (struct name_entry){name, match, below, HA_NONE};
    uint32_t first = HA_NONE;
    if (!ha_idmap_add(&m->by_hash, hash, number, &first)) {
        return ha_err_nomem();
    }
    if (first != HA_IDMAP_NONE) {
        entry->next = m->names.data[first].next;
        m->names.data[first].next = number;
    }
    return NULL;
}

static struct ha_err *names_collect(struct matches *m)
{
    for (uint32_t number = 0; number < m->match_count; number++) {
        const struct match *match = match_at(m, number);
        for (uint32_t i = 0; match != NULL && i < match->count; i++) {
            if (match->kind == MATCH_CLASS || match->kind == MATCH_SUBCLASSES) {
                HA_TRY(name_add(m, match->names[i], number, match->kind == MATCH_SUBCLASSES));
            } else if (match->kind == MATCH_PREFIX) {
                struct name_entry *entry = ha_vec_push(&m->prefixes);
                if (entry == NULL) {
                    return ha_err_nomem();
                }
                *entry = (struct name_entry){match->names[i], number, false, HA_NONE};
            }
        }
    }
    return NULL;
}

/* ---- classes ---- */

static struct ha_err *use_add(struct matches *m, uint32_t match, uint32_t cls)
{
    size_t count = m->uses.count;
    if (count > 0 && m->uses.data[count - 1].match == match && m->uses.data[count - 1].cls == cls) {
        return NULL;
    }
    struct class_use *use = ha_vec_push(&m->uses);
    if (use == NULL) {
        return ha_err_nomem();
    }
    *use = (struct class_use){match, cls};
    return NULL;
}

static uint32_t first_entry(const struct matches *m, const char *name)
{
    return ha_idmap_get(&m->by_hash, ha_hash(name, strlen(name)));
}

/* entries: per class, the first entry of its name. */
static struct ha_err *class_match(struct matches *m, const uint32_t *entries, uint32_t cls)
{
    const struct ha_heap *heap = m->run->q.snapshot->heap;
    ha_cls at = {cls};
    for (unsigned depth = 0; depth < HA_CLASS_DEPTH_MAX && !ha_cls_is_none(at); depth++) {
        const char *name = ha_heap_class(heap, at)->name;
        for (uint32_t i = entries[at.i]; i != HA_NONE; i = m->names.data[i].next) {
            const struct name_entry *entry = &m->names.data[i];
            if ((depth == 0 || entry->below) && strcmp(entry->name, name) == 0) {
                HA_TRY(use_add(m, entry->match, cls));
            }
        }
        at = ha_heap_class(heap, at)->super;
    }
    for (size_t i = 0; i < m->prefixes.count; i++) {
        const struct name_entry *entry = &m->prefixes.data[i];
        if (strncmp(ha_heap_class(heap, (ha_cls){cls})->name, entry->name, strlen(entry->name)) == 0) {
            HA_TRY(use_add(m, entry->match, cls));
        }
    }
    return NULL;
}

static int use_compare(const void *ctx, const void *a, const void *b)
{
    const struct class_use *x = a, *y = b;
    (void)ctx;
    return x->match != y->match ? (x->match < y->match ? -1 : 1) : x->cls < y->cls ? -1 : x->cls > y->cls;
}

static void uses_order(struct matches *m)
{
    size_t kept = 0, i = 0;
    ha_rank_sort(m->uses.data, m->uses.count, sizeof *m->uses.data, use_compare, NULL);
    for (i = 0; i < m->uses.count; i++) {
        if (kept == 0 || use_compare(NULL, &m->uses.data[kept - 1], &m->uses.data[i]) != 0) {
            m->uses.data[kept++] = m->uses.data[i];
        }
    }
    m->uses.count = kept;
    i = 0;
    for (uint32_t number = 0; number <= m->match_count; number++) {
        while (i < kept && m->uses.data[i].match < number) {
            i++;
        }
        m->first_use[number] = (uint32_t)i;
    }
}

static struct ha_err *classes_match(struct matches *m)
{
    const struct ha_heap *heap = m->run->q.snapshot->heap;
    uint32_t classes = heap->facts.class_count;
    HA_FREE uint32_t *entries = ha_calloc_array((size_t)classes + 1, sizeof *entries);
    m->first_use = ha_calloc_array((size_t)m->match_count + 1, sizeof *m->first_use);
    if (entries == NULL || m->first_use == NULL) {
        return ha_err_nomem();
    }
    for (uint32_t c = 0; c < classes; c++) {
        entries[c] = first_entry(m, ha_heap_class(heap, (ha_cls){c})->name);
    }
    const struct ha_class_total *totals = m->run->q.snapshot->retained->classes;
    for (uint32_t c = 0; c < classes; c++) {
        if (totals[c].instances > 0) {
            HA_TRY(class_match(m, entries, c));
        }
    }
    uses_order(m);
    return NULL;
}

/* ---- objects ---- */

static struct ha_err *slots_make(struct matches *m)
{
    const struct ha_snapshot *snapshot = m->run->q.snapshot;
    m->slot_of_class = ha_calloc_array((size_t)snapshot->heap->facts.class_count + 1, sizeof *m->slot_of_class);
    if (m->slot_of_class == NULL || !ha_vec_reserve(&m->slots, 1)) {
        return ha_err_nomem();
    }
    m->slots.data[m->slots.count++] = (struct class_objects){.stride = 1};
    for (size_t i = 0; i < m->uses.count; i++) {
        uint32_t cls = m->uses.data[i].cls;
        uint64_t instances = snapshot->retained->classes[cls].instances;
        struct class_objects *slot = m->slot_of_class[cls] != 0 ? NULL : ha_vec_push(&m->slots);
        if (m->slot_of_class[cls] != 0) {
            continue;
        }
        if (slot == NULL) {
            return ha_err_nomem();
        }
        m->slot_of_class[cls] = (uint32_t)(m->slots.count - 1);
        *slot = (struct class_objects){.stride = (instances + OBJECTS_MAX - 1) / OBJECTS_MAX};
    }
    return NULL;
}

/* Takes an object of a wanted class, or passes over it where they are sampled. */
static struct ha_err *object_take(void *ctx, ha_obj obj, uint8_t mark)
{
    struct matches *m = ctx;
    struct class_objects *objects = &m->slots.data[m->slot_of_class[ha_heap_class_of(m->run->q.snapshot->heap, obj).i]];
    (void)mark;
    if (objects->seen++ % objects->stride == 0) {
        ha_obj *place = ha_vec_push(&objects->list);
        if (place == NULL) {
            return ha_err_nomem();
        }
        *place = obj;
    }
    return NULL;
}

/* One pass over the heap at most: only where there are wanted classes with so many objects that the index keeps no list of them. */
static struct ha_err *objects_collect(struct matches *m)
{
    const uint32_t classes = m->run->q.snapshot->heap->facts.class_count;
    struct ha_instances set;
    HA_TRY(ha_instances_init(&set, &m->run->q));
    for (uint32_t c = 0; c < classes; c++) {
        set.marks[c] = m->slot_of_class[c] != 0;
    }
    struct ha_err *err = ha_instances_each(&set, object_take, m);
    ha_instances_deinit(&set);
    return err;
}

struct ha_err *matches_find(struct run *run, struct matches **ret)
{
    struct matches *m = ha_calloc_array(1, sizeof *m);
    if (m == NULL) {
        return ha_err_nomem();
    }
    m->run = run;
    m->match_count = 2 * (uint32_t)run->rules->list.count;
    struct ha_err *err = names_collect(m);
    if (err == NULL) {
        err = classes_match(m);
    }
    if (err == NULL) {
        err = slots_make(m);
    }
    if (err == NULL) {
        err = objects_collect(m);
    }
    if (err != NULL) {
        matches_destroy(m);
        return err;
    }
    *ret = m;
    return NULL;
}

void matches_destroy(struct matches *m)
{
    if (m == NULL) {
        return;
    }
    for (size_t i = 0; i < m->slots.count; i++) {
        ha_vec_deinit(&m->slots.data[i].list);
    }
    ha_vec_deinit(&m->slots);
    ha_vec_deinit(&m->uses);
    ha_vec_deinit(&m->names);
    ha_vec_deinit(&m->prefixes);
    ha_idmap_deinit(&m->by_hash);
    ha_free(m->first_use);
    ha_free(m->slot_of_class);
    ha_free(m);
}

bool matches_at(const struct matches *m, uint32_t rule, bool held, uint32_t i, struct matched *ret)
{
    uint32_t number = 2 * rule + (held ? 1 : 0);
    uint32_t at = m->first_use[number] + i;
    if (at >= m->first_use[number + 1]) {
        return false;
    }
    const struct class_objects *objects = &m->slots.data[m->slot_of_class[m->uses.data[at].cls]];
    double taken = (double)objects->list.count;
    *ret = (struct matched){objects->list.data, objects->list.count, taken > 0 ? (double)objects->seen / taken : 1};
    return true;
}
