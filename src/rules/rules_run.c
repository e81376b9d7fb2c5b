/* SPDX-License-Identifier: MIT */
/*
 * From rules to findings:
 *
 *     objects of the rule's classes ──▶ rows ──▶ groups with sums ──▶ which level holds? ──▶ findings ──▶ holders, places, order
 *
 * Rows are looked at one by one and forgotten; only sums and the objects kept stay. Texts are made for what is found alone.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ha/base/hash.h"
#include "ha/query/q_rank.h"
#include "rules/rules_model.h"

#define GROUPS_MAX 20000U      /* of one rule; what comes later is left out */
#define GROUP_OBJECTS_MAX 2000000U

struct running {
    struct run run;
    struct matches *matches;
    const struct rule *rule;
    uint32_t number; /* of the rule */
    double weight;   /* of the rows in hand */
    HA_VEC(struct group *) groups;
    struct ha_idmap by_key;
    HA_VEC(struct group *) found; /* over all rules, with their findings */
    HA_VEC(struct ha_finding) findings;
    uint32_t omitted;
};

const char *ha_certainty_text(enum ha_certainty certainty)
{
    static const char *const texts[] = {"seen", "likely", "certain"};
    return texts[certainty];
}

/* ---- groups ---- */

static struct group *group_new(struct running *r, const char *key, struct value key_value)
{
    struct group *group = ha_calloc_array(1, sizeof *group);
    struct group **slot = group == NULL ? NULL : ha_vec_push(&r->groups);
    if (slot == NULL) {
        ha_free(group);
        r->run.failed = true;
        return NULL;
    }
    *slot = group;
    group->rule = r->rule;
    group->key = key == NULL ? NULL : ha_arena_strndup(r->run.arena, key, strlen(key));
    group->key_value = key_value.kind == VALUE_TEXT || key_value.kind == VALUE_MISSING ? value_text(group->key == NULL ? "" : group->key) : key_value;
    group->cls = ha_heap_class_of(r->run.q.snapshot->heap, r->run.row->obj);
    r->run.failed = r->run.failed || (key != NULL && group->key == NULL);
    return group;
}

static struct group *group_of_row(struct running *r)
{
    struct ha_sbuf text = {0};
    struct value key = value_null();
    uint32_t at;
    if (r->rule->group_by != NULL) {
        key = expr_eval(&r->run, r->rule->group_by);
        if (!value_words(&r->run, key, UNIT_ANY, &text)) {
            return NULL;
        }
    }
    uint64_t id = key.kind == VALUE_OBJECT && value_as_text(&r->run, key) == NULL ? key.u.obj.i + 1ULL : ha_hash(ha_sbuf_text(&text), text.len);
    struct group *group = NULL;
    if (r->groups.count < GROUPS_MAX || ha_idmap_get(&r->by_key, id) != HA_IDMAP_NONE) {
        if (!ha_idmap_add(&r->by_key, id, (uint32_t)r->groups.count, &at)) {
            r->run.failed = true;
        } else {
            group = at != HA_IDMAP_NONE ? r->groups.data[at] : group_new(r, r->rule->group_by == NULL ? NULL : ha_sbuf_text(&text), key);
        }
    }
    ha_sbuf_deinit(&text);
    return group;
}

static void groups_forget(struct running *r)
{
    for (size_t i = 0; i < r->groups.count; i++) {
        group_destroy(r->groups.data[i]);
    }
    ha_vec_deinit(&r->groups);
    ha_idmap_deinit(&r->by_key);
}

/* ---- rows ---- */

static void objects_keep(struct running *r, struct group *group)
{
    const struct rule *rule = r->rule;
    for (uint32_t i = 0; i < (rule->keep_count == 0 ? 1 : rule->keep_count); i++) {
        struct value v = rule->keep_count == 0 ? value_object(r->run.row->obj) : expr_eval(&r->run, rule->keeps[i]);
        if (v.kind != VALUE_OBJECT || group->objects.count >= GROUP_OBJECTS_MAX) {
            continue;
        }
        ha_obj *slot = ha_vec_push(&group->objects);
        if (slot == NULL) {
            r->run.failed = true;
            return;
        }
        *slot = v.u.obj;
    }
    struct value holder = rule->holder == NULL ? value_null() : expr_eval(&r->run, rule->holder);
    ha_obj *slot = holder.kind == VALUE_OBJECT && group->holders.count < GROUP_OBJECTS_MAX ? ha_vec_push(&group->holders) : NULL;
    if (slot != NULL) {
        *slot = holder.u.obj;
    }
}

static void row_take(struct running *r, struct row *row)
{
    const struct rule *rule = r->rule;
    struct run *run = &r->run;
    const struct row *outer = run->row;
    run->row = row;
    for (uint32_t i = 0; i < rule->value_count; i++) {
        row->values[i] = expr_eval(run, rule->values[i].expr);
    }
    struct value keep = rule->keep_if == NULL ? value_bool(true) : expr_eval(run, rule->keep_if);
    struct group *group = keep.kind == VALUE_BOOL && keep.u.truth ? group_of_row(r) : NULL;
    if (group != NULL) {
        group->rows++;
        group->weight += r->weight;
        group->sampled = group->sampled || r->weight > 1;
        group_accumulate(run, group, r->weight);
        objects_keep(r, group);
    }
    run->row = outer;
    if (outer == NULL) {
        ha_arena_reset(&run->scratch);
    }
}

struct each_ctx {
    struct running *r;
    ha_obj owner;
};

static bool each_row(void *ctx, ha_obj obj)
{
    struct each_ctx *c = ctx;
    struct row row = {.obj = obj, .columns = {value_object(c->owner)}};
    row_take(c->r, &row);
    return !c->r->run.failed;
}

static void object_take(struct running *r, ha_obj obj)
{
    struct row row = {.obj = obj};
    if (r->rule->each == NULL) {
        row_take(r, &row);
        return;
    }
    const struct expr *each = r->rule->each;
    static const struct {
        const char *name;
        enum each_kind kind;
    } kinds[] = {{"elements", EACH_ELEMENTS}, {"keys", EACH_KEYS}, {"values", EACH_VALUES}, {"links", EACH_LINKS}};
    struct each_ctx ctx = {r, obj};
    r->run.row = &row;
    struct value list = expr_eval(&r->run, each->args[0]);
    r->run.row = NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && list.kind == VALUE_OBJECT; i++) {
        if (strcmp(kinds[i].name, each->function->name) == 0) {
            const char *link = each->arg_count > 1 ? each->args[1]->constant.u.text : NULL;
            collection_each(&r->run, list.u.obj, kinds[i].kind, link, each_row, &ctx);
        }
    }
}

static bool collected(void *ctx, ha_obj obj, const struct value *columns)
{
    struct running *r = ctx;
    struct row row = {.obj = obj};
    memcpy(row.columns, columns, sizeof row.columns);
    row_take(r, &row);
    return !r->run.failed;
}

struct statics_ctx {
    struct running *r;
    const char *field;
};

static void static_take(void *ctx, ha_cls cls)
{
    struct statics_ctx *c = ctx;
    const struct ha_heap *heap = c->r->run.q.snapshot->heap;
    const struct ha_static *s = ha_heap_static_find(heap, cls, c->field);
    ha_obj obj;
    if (s != NULL && s->type == HA_TYPE_REFERENCE && s->value != 0 && ha_heap_find(heap, s->value, &obj)) {
        object_take(c->r, obj);
    }
}

static struct ha_err *rows_make(struct running *r)
{
    const struct match *match = &r->rule->match;
    struct matched matched;
    r->weight = 1;
    if (match->kind == MATCH_COLLECTOR) {
        return match->collector->collect(&r->run, collected, r);
    }
    for (uint32_t i = 0; match->kind == MATCH_STATIC && i < match->count; i++) {
        struct statics_ctx ctx = {r, match->field[i]};
        ha_heap_classes_named(r->run.q.snapshot->heap, match->names[i], static_take, &ctx);
    }
    for (uint32_t i = 0; matches_at(r->matches, r->number, false, i, &matched); i++) {
        r->weight = matched.scale;
        for (uint64_t k = 0; k < matched.count && !r->run.failed; k++) {
            object_take(r, matched.objects[k]);
        }
    }
    return NULL;
}

/* Objects of `held`, for the only group of the rule. */
static void held_take(struct running *r)
{
    struct matched matched;
    struct row row = {0};
    if (!r->rule->has_held || r->groups.count != 1) {
        return;
    }
    for (uint32_t i = 0; matches_at(r->matches, r->number, true, i, &matched); i++) {
        for (uint64_t k = 0; k < matched.count; k++) {
            row.obj = matched.objects[k];
            r->run.row = &row;
            struct value keep = r->rule->held_if == NULL ? value_bool(true) : expr_eval(&r->run, r->rule->held_if);
            r->run.row = NULL;
            ha_arena_reset(&r->run.scratch);
            ha_obj *slot = keep.kind == VALUE_BOOL && keep.u.truth ? ha_vec_push(&r->groups.data[0]->held) : NULL;
            if (slot != NULL) {
                *slot = row.obj;
            }
        }
    }
}

/* ---- findings ---- */

bool rule_ran_out(struct run *run, const struct rule *rule)
{
    const struct ha_heap *heap = run->q.snapshot->heap;
    const struct ha_thread *thread = run->oom.found ? ha_heap_thread_of(heap, run->oom.thread) : NULL;
    struct ha_sbuf method = {0};
    bool found = false;
    for (uint64_t i = 0; thread != NULL && rule->oom_frame_count > 0 && i < thread->frames_count && !found; i++) {
        uint64_t at = thread->frames_first + i;
        if (at >= heap->frame_count) {
            break;
        }
        ha_sbuf_clear(&method);
        ha_frame_method(&heap->frames[at], &method);
        for (uint32_t k = 0; k < rule->oom_frame_count && !found; k++) {
            found = strncmp(ha_sbuf_text(&method), rule->oom_frames[k], strlen(rule->oom_frames[k])) == 0;
        }
    }
    ha_sbuf_deinit(&method);
    return found;
}

static const char *text_make(struct run *run, const struct text_piece *piece)
{
    struct ha_sbuf out = {0};
    for (; piece != NULL && out.len <= RULE_TEXT_MAX; piece = piece->next) {
        if (piece->literal != NULL) {
            ha_sbuf_puts(&out, piece->literal);
        } else if (!value_words(run, expr_eval(run, piece->expr), piece->expr->unit, &out)) {
            ha_sbuf_putc(&out, '?');
        }
    }
    const char *text = ha_sbuf_failed(&out) ? NULL : ha_arena_strndup(run->arena, ha_sbuf_text(&out), text_length(&out));
    run->failed = run->failed || text == NULL;
    ha_sbuf_deinit(&out);
    return text == NULL ? "" : text;
}

static uint64_t bytes_of(struct run *run, const struct expr *expr, uint64_t otherwise)
{
    struct value v = expr == NULL ? value_missing() : expr_eval(run, expr);
    return v.kind != VALUE_NUMBER || v.u.number < 0 ? otherwise : v.u.number < 1.8e19 ? (uint64_t)v.u.number : UINT64_MAX;
}

static void evidence_make(struct run *run, const struct rule *rule, struct ha_finding *finding)
{
    static const enum ha_quantity quantities[] = {[UNIT_ANY] = HA_QUANTITY_COUNT,
                                                  [UNIT_COUNT] = HA_QUANTITY_COUNT,
                                                  [UNIT_BYTES] = HA_QUANTITY_BYTES,
                                                  [UNIT_SECONDS] = HA_QUANTITY_SECONDS,
                                                  [UNIT_PERCENT] = HA_QUANTITY_PERCENT};
    struct ha_evidence *list = ha_arena_calloc(run->arena, rule->evidence_count + 1, sizeof *list);
    for (uint32_t i = 0; i < rule->evidence_count && list != NULL; i++) {
        const struct evidence_line *line = &rule->evidence[i];
        struct value v = line->value == NULL ? value_null() : expr_eval(run, line->value);
        if (line->value != NULL && v.kind != VALUE_NUMBER && v.kind != VALUE_TEXT && v.kind != VALUE_OBJECT) {
            continue; // the heap does not tell
        }
        struct ha_evidence *e = &list[finding->evidence_count++];
        e->text = text_make(run, line->text);
        e->has_value = v.kind == VALUE_NUMBER;
        if (e->has_value) {
            e->value = v.u.number;
            e->quantity = quantities[line->value->unit];
        } else if (line->value != NULL) {
            struct ha_sbuf words = {0};
            ha_sbuf_printf(&words, "%s: ", e->text);
            value_words(run, v, line->value->unit, &words);
            e->text = ha_arena_strndup(run->arena, ha_sbuf_text(&words), words.len);
            run->failed = run->failed || ha_sbuf_failed(&words) || e->text == NULL;
            ha_sbuf_deinit(&words);
        }
    }
    run->failed = run->failed || list == NULL;
    finding->evidence = list;
}

static void finding_fill(struct running *r, struct group *group, enum ha_certainty certainty, struct ha_finding *f)
{
    const struct rule *rule = r->rule;
    struct run *run = &r->run;
    group_retain(run, group);
    *f = (struct ha_finding){
        .pattern = ha_arena_strndup(run->arena, rule->id, strlen(rule->id)),
        .certainty = certainty,
        .subject = group->key,
        .class_name = ha_heap_class(run->q.snapshot->heap, group->cls)->name,
        .instances = (uint64_t)floor(group->weight + 0.5),
        .shallow_bytes = group->shallow_bytes,
        .retained_bytes = group->retained_bytes,
        .agent = rule->agent,
        .user_rule = !rule->builtin,
        .estimated = group->sampled,
        .held_by = {.object = HA_OBJ_NONE},
        .thread = {.thread = HA_OBJ_NONE},
    };
    f->native_bytes = bytes_of(run, rule->native, 0);
    uint64_t both = f->native_bytes <= UINT64_MAX - f->retained_bytes ? f->native_bytes + f->retained_bytes : UINT64_MAX;
    f->bytes = bytes_of(run, rule->bytes, both);
    f->title = text_make(run, rule->title);
    f->advice = text_make(run, rule->advice);
    evidence_make(run, rule, f);
    if (group->out_of_memory) {
        const char *frame = run->oom.application_frame != NULL ? run->oom.application_frame : run->oom.frame;
        f->thread.thread = run->oom.thread;
        f->thread.frame = frame == NULL ? NULL : ha_arena_strndup(run->arena, frame, strlen(frame));
    }
    run->failed = run->failed || f->pattern == NULL;
}

/* The highest level whose condition holds; false: none. */
static bool level_of(struct running *r, enum ha_certainty *ret)
{
    for (int level = HA_CERTAINTY_COUNT - 1; level >= 0; level--) {
        struct value v = r->rule->levels[level] == NULL ? value_missing() : expr_eval(&r->run, r->rule->levels[level]);
        if (v.kind == VALUE_BOOL && v.u.truth) {
            *ret = (enum ha_certainty)level;
            return true;
        }
    }
    return false;
}

struct placed {
    struct ha_finding finding;
    size_t group;
};

static int compare_findings(const struct ha_finding *x, const struct ha_finding *y)
{
    if (x->bytes != y->bytes) {
        return x->bytes > y->bytes ? -1 : 1;
    }
    int order = strcmp(x->pattern, y->pattern);
    return order != 0 ? order : x->subject != NULL && y->subject != NULL ? strcmp(x->subject, y->subject) : 0;
}

static int compare_placed(const void *ctx, const void *a, const void *b)
{
    const struct placed *x = *(const struct placed *const *)a, *y = *(const struct placed *const *)b;
    (void)ctx;
    int order = compare_findings(&x->finding, &y->finding);
    return order != 0 ? order : x->group < y->group ? -1 : x->group > y->group;
}

/* The largest of the rule's groups that have a level become findings. */
static struct ha_err *groups_judge(struct running *r)
{
    struct ha_rank rank;
    ha_rank_init(&rank, sizeof(struct placed *), HA_FINDINGS_RULE_MAX, compare_placed, NULL);
    for (size_t i = 0; i < r->groups.count; i++) {
        struct group *group = r->groups.data[i];
        enum ha_certainty certainty;
        r->run.group = group;
        group->out_of_memory = r->run.oom.found && rule_ran_out(&r->run, r->rule);
        if (level_of(r, &certainty)) {
            struct placed *placed = ha_arena_calloc(r->run.arena, 1, sizeof *placed);
            r->run.failed = r->run.failed || placed == NULL;
            if (placed != NULL) {
                placed->group = i;
                finding_fill(r, group, certainty, &placed->finding);
                ha_rank_offer(&rank, &placed);
            }
        }
        r->run.group = NULL;
        ha_arena_reset(&r->run.scratch);
    }
    struct ha_err *err = ha_rank_finish(&rank);
    struct placed *const *kept = (struct placed *const *)(const void *)rank.data;
    for (uint64_t i = 0; i < rank.count && err == NULL && r->found.count < HA_FINDINGS_MAX; i++) {
        struct ha_finding *finding = ha_vec_push(&r->findings);
        struct group **group = ha_vec_push(&r->found);
        if (finding == NULL || group == NULL) {
            err = ha_err_nomem();
            break;
        }
        *finding = kept[i]->finding;
        *group = r->groups.data[kept[i]->group];
        r->groups.data[kept[i]->group] = NULL;
    }
    r->omitted += (uint32_t)ha_rank_omitted(&rank);
    ha_rank_deinit(&rank);
    return err;
}

static struct ha_err *rule_run(struct running *r)
{
    struct ha_err *err = rows_make(r);
    if (err == NULL) {
        held_take(r);
        err = groups_judge(r);
    }
    groups_forget(r);
    if (err == NULL && r->run.failed) {
        err = ha_err_nomem();
    }
    return err;
}

/* ---- all rules ---- */

static int compare_list(const void *ctx, const void *a, const void *b)
{
    (void)ctx;
    return compare_findings(a, b);
}

static struct ha_err *answer_make(struct running *r, struct ha_findings *ret)
{
    HA_TRY(holders_find(&r->run, r->found.data, r->findings.data, (uint32_t)r->findings.count));
    for (size_t i = 0; i < r->findings.count; i++) {
        HA_TRY(group_place(&r->run, r->found.data[i], &r->findings.data[i]));
    }
    if (r->run.failed) {
        return ha_err_nomem();
    }
    ret->list = ha_arena_calloc(r->run.arena, r->findings.count + 1, sizeof *ret->list);
    if (ret->list == NULL) {
        return ha_err_nomem();
    }
    if (r->findings.count > 0) {
        memcpy(ret->list, r->findings.data, r->findings.count * sizeof *ret->list);
    }
    ha_rank_sort(ret->list, r->findings.count, sizeof *ret->list, compare_list, NULL);
    ret->count = (uint32_t)r->findings.count;
    ret->omitted = r->omitted;
    return ha_query_error(&r->run.q);
}

static struct ha_err *rules_all(struct running *r, struct ha_findings *ret)
{
    HA_TRY(ha_oom_query(&r->run.q, &r->run.oom));
    HA_TRY(matches_find(&r->run, &r->matches));
    for (uint32_t i = 0; i < r->run.rules->list.count; i++) {
        r->rule = r->run.rules->list.data[i];
        r->number = i;
        HA_TRY(rule_run(r));
    }
    return answer_make(r, ret);
}

struct ha_err *ha_rules_run(const struct ha_rules *rules, const struct ha_snapshot *snapshot, struct ha_arena *arena, struct ha_findings *ret)
{
    struct running r = {.run = {.rules = rules, .arena = arena, .steps = RUN_STEPS_MAX, .climbs = RUN_CLIMBS_MAX}};
    if (snapshot->dom == NULL || snapshot->retained == NULL) {
        return ha_err_new(HA_ERR_BUG, "rules need the dominator tree");
    }
    ha_query_init(&r.run.q, snapshot);
    struct ha_err *err = rules_all(&r, ret);
    groups_forget(&r);
    for (size_t i = 0; i < r.found.count; i++) {
        group_destroy(r.found.data[i]);
    }
    ha_vec_deinit(&r.found);
    ha_vec_deinit(&r.findings);
    matches_destroy(r.matches);
    ha_arena_deinit(&r.run.scratch);
    ha_query_deinit(&r.run.q);
    return err;
}
