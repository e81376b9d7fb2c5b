/* SPDX-License-Identifier: MIT */
/*
 * Sums and counts over the rows of a group, and the names that stand for a group's totals. A row stands for `weight` objects when only some of
 * very many were looked at.
 */
#include <math.h>
#include <string.h>

#include "ha/base/hash.h"
#include "rules/rules_model.h"

void group_destroy(struct group *group)
{
    if (group == NULL) {
        return;
    }
    for (uint32_t i = 0; i < RULE_AGGREGATES_MAX; i++) {
        ha_idmap_deinit(&group->accumulators[i].seen);
        ha_sbuf_deinit(&group->accumulators[i].text);
    }
    ha_vec_deinit(&group->objects);
    ha_vec_deinit(&group->held);
    ha_vec_deinit(&group->holders);
    ha_vec_deinit(&group->tops);
    ha_free(group);
}

/* ---- one row more ---- */

/* Whether the value is none that was seen before; null counts for nothing. */
static bool is_new(struct run *run, struct accumulator *a, struct value v)
{
    uint64_t id = 0;
    uint32_t old;
    const char *text = value_as_text(run, v);
    if (v.kind == VALUE_NULL) {
        return false;
    }
    if (text != NULL) {
        id = ha_hash(text, strlen(text));
    } else if (v.kind == VALUE_OBJECT) {
        id = v.u.obj.i;
    } else if (v.kind == VALUE_NUMBER) {
        memcpy(&id, &v.u.number, sizeof id);
    } else {
        id = v.u.truth ? 1 : 0;
    }
    if (!ha_idmap_add(&a->seen, id, 1, &old)) {
        run->failed = true;
        return false;
    }
    return old == HA_IDMAP_NONE;
}

static void add_once(struct run *run, struct accumulator *a, const struct expr *e, struct value of)
{
    if (is_new(run, a, of)) {
        struct value v = expr_eval(run, e->args[1]);
        a->missing = a->missing || v.kind == VALUE_MISSING;
        a->number += v.kind == VALUE_NUMBER ? v.u.number : 0;
    }
}

static void add_extreme(struct accumulator *a, struct value v, bool most)
{
    if (v.kind == VALUE_NUMBER && (!a->any || most == (v.u.number > a->number))) {
        a->number = v.u.number;
        a->any = true;
    }
}

static void add_at_max(struct run *run, struct accumulator *a, const struct expr *e, struct value by)
{
    if (by.kind != VALUE_NUMBER || (a->any && !(by.u.number > a->number))) {
        return;
    }
    struct value v = expr_eval(run, e->args[1]);
    a->number = by.u.number;
    a->any = true;
    a->value = v;
    if (v.kind == VALUE_TEXT) {
        ha_sbuf_clear(&a->text);
        ha_sbuf_puts(&a->text, v.u.text);
        run->failed = run->failed || ha_sbuf_failed(&a->text);
    }
}

void group_accumulate(struct run *run, struct group *group, double weight)
{
    for (uint32_t i = 0; i < group->rule->aggregate_count; i++) {
        const struct expr *e = group->rule->aggregates[i];
        const char *name = e->function->name;
        struct accumulator *a = &group->accumulators[i];
        struct value v = expr_eval(run, e->args[0]);
        if (v.kind == VALUE_MISSING) {
            a->missing = true;
        } else if (strcmp(name, "sum") == 0) {
            a->number += v.kind == VALUE_NUMBER ? weight * v.u.number : 0;
        } else if (strcmp(name, "count_if") == 0) {
            a->number += v.kind == VALUE_BOOL && v.u.truth ? weight : 0;
        } else if (strcmp(name, "distinct") == 0) {
            a->number += is_new(run, a, v) ? 1 : 0;
        } else if (strcmp(name, "sum_once") == 0) {
            add_once(run, a, e, v);
        } else if (strcmp(name, "at_max") == 0) {
            add_at_max(run, a, e, v);
        } else {
            add_extreme(a, v, strcmp(name, "max") == 0);
        }
    }
}

/* ---- what a group comes to ---- */

struct value total_aggregate(struct run *run, uint32_t slot)
{
    const struct accumulator *a = &run->group->accumulators[slot];
    const char *name = run->group->rule->aggregates[slot]->function->name;
    if (a->missing) {
        return value_missing();
    }
    if (strcmp(name, "at_max") == 0) {
        return !a->any ? value_null() : a->value.kind == VALUE_TEXT ? value_text(ha_sbuf_text(&a->text)) : a->value;
    }
    bool needs_any = strcmp(name, "max") == 0 || strcmp(name, "min") == 0;
    return needs_any && !a->any ? value_null() : isfinite(a->number) ? value_number(a->number) : value_null();
}

struct value total_value(struct run *run, uint32_t number)
{
    struct group *group = run->group;
    if (!group->total_known[number]) {
        group->totals[number] = expr_eval(run, group->rule->totals[number].expr);
        group->total_known[number] = true;
    }
    return group->totals[number];
}

struct value total_builtin(struct run *run, enum builtin builtin)
{
    struct group *group = run->group;
    switch (builtin) {
    case BUILTIN_COUNT:
        return value_number(floor(group->weight + 0.5));
    case BUILTIN_SHALLOW:
        group_retain(run, group);
        return value_number((double)group->shallow_bytes);
    case BUILTIN_RETAINED:
        group_retain(run, group);
        return value_number((double)group->retained_bytes);
    case BUILTIN_NATIVE:
        return group->rule->native == NULL ? value_number(0) : expr_eval(run, group->rule->native);
    case BUILTIN_HEAP:
        return value_number((double)run->q.snapshot->retained->reachable_bytes);
    case BUILTIN_GROUP:
        return group->key_value;
    case BUILTIN_OUT_OF_MEMORY:
        return value_bool(group->out_of_memory);
    case BUILTIN_HELD:
        return value_number((double)group->held.count);
    case BUILTIN_CAUSE:
        return value_text(group_cause(run, group, false));
    case BUILTIN_CAUSE_ADVICE:
        return value_text(group_cause(run, group, true));
    case BUILTIN_STRONG:
        return value_bool(group_strong(run, group));
    }
    return value_missing();
}
