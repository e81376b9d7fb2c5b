/* SPDX-License-Identifier: MIT */
/*
 * Rules one by one: measure, compare with limits and baseline, look whether a failure is to be ignored, and say why it failed.
 */
#include <string.h>

#include "gate/gate_why.h"

#define EACH_FAILURES_MAX 50 /* results of one `each` rule: more are counted */

struct judging {
    const struct ha_gate_input *input;
    struct ha_arena *arena;
    struct gate_heap heap;
    struct gate_explainer explainer;
    HA_VEC(struct ha_gate_result) results;
    HA_VEC(const char *) notices;
    bool *ignore_used; /* per ignore entry */
};

static const char *const measure_words[] = {
    [HA_GATE_RETAINED] = "retained bytes", [HA_GATE_SHALLOW] = "shallow bytes", [HA_GATE_INSTANCES] = "instances"};

/* What is measured of one thing: a rule's target, or a class of an `each` rule. */
struct subject {
    const struct ha_gate_rule *rule;
    const char *text;       /* "class com.acme.Foo" */
    const char *class_name; /* of `each`; else NULL */
    struct gate_measured measured;
    bool has_base;          /* the baseline knows it */
    bool base_is_bound;     /* it was too small to be listed: base is what it had at most */
    struct ha_sizes3 base;
};

static uint64_t size_of(const struct ha_sizes3 *sizes, enum ha_gate_measure measure)
{
    switch (measure) {
    case HA_GATE_RETAINED:
        return sizes->retained_bytes;
    case HA_GATE_SHALLOW:
        return sizes->shallow_bytes;
    case HA_GATE_INSTANCES:
        return sizes->instances;
    }
    return 0;
}

static enum ha_unit unit_of(enum ha_gate_measure measure)
{
    return measure == HA_GATE_INSTANCES ? HA_UNIT_COUNT : HA_UNIT_BYTES;
}

/* Texts of the answer; consumes the buffer. NULL without memory. */
static const char *text_take(struct judging *j, struct ha_sbuf *text)
{
    const char *made = ha_sbuf_failed(text) ? NULL : ha_arena_strndup(j->arena, ha_sbuf_text(text), text->len);
    ha_sbuf_deinit(text);
    return made;
}

static const char *words(struct judging *j, uint64_t value, enum ha_unit unit)
{
    struct ha_sbuf text = {0};
    ha_amount_words(value, unit, &text);
    const char *made = text_take(j, &text);
    return made == NULL ? "" : made;
}

static struct ha_err *notice(struct judging *j, const char *text)
{
    const char **slot = ha_vec_push(&j->notices);
    if (slot == NULL || text == NULL) {
        return ha_err_nomem();
    }
    *slot = text;
    return NULL;
}

/* ---- ignoring ---- */

static bool in_force(const struct judging *j, const struct ha_gate_ignore *ignore)
{
    return strcmp(j->input->today, ignore->until) <= 0;
}

static struct ha_err *ignore_covers(const struct ha_gate_ignore *ignore, const struct ha_gate_target *target, const char *class_name, bool *ret)
{
    struct ha_sbuf wanted = {0};
    *ret = ignore->target.kind == target->kind && strcmp(ignore->target.text, target->text) == 0;
    if (*ret || (class_name == NULL && target->kind != HA_GATE_CLASS)) {
        return NULL;
    }
    ha_sbuf_puts(&wanted, class_name != NULL ? class_name : target->text);
    struct ha_err *err = gate_matches_class(&ignore->target, ha_sbuf_text(&wanted), ret);
    ha_sbuf_deinit(&wanted);
    return err;
}

/* The entry by which a failure is ignored; NULL: none. */
static struct ha_err *ignore_find(struct judging *j, const struct ha_gate_target *target, const char *class_name, const struct ha_gate_ignore **ret)
{
    const struct ha_gate_config *config = j->input->config;
    *ret = NULL;
    for (size_t i = 0; i < config->ignores.count && *ret == NULL; i++) {
        const struct ha_gate_ignore *ignore = &config->ignores.data[i];
        bool covers = false;
        HA_TRY(ignore_covers(ignore, target, class_name, &covers));
        if (covers) {
            j->ignore_used[i] = true;
            *ret = in_force(j, ignore) ? ignore : NULL;
        }
    }
    return NULL;
}

/* ---- results ---- */

static struct ha_gate_result *result_add(struct judging *j, const struct subject *s, enum ha_gate_measure measure)
{
    struct ha_gate_result *r = ha_vec_push(&j->results);
    if (r != NULL) {
        bool counted = s->rule->target.kind < HA_GATE_CLASS && s->rule->target.kind != HA_GATE_HEAP;
        *r = (struct ha_gate_result){
            .rule = s->rule,
            .name = s->rule->name,
            .subject = s->text,
            .measure = counted ? "number" : s->rule->target.kind == HA_GATE_HEAP && measure == HA_GATE_INSTANCES ? "objects" : measure_words[measure],
            .unit = unit_of(measure),
            .actual = size_of(&s->measured.sizes, measure),
            .line = s->rule->line,
            .column = s->rule->column,
        };
    }
    return r;
}

/* The failure's sentence, with what is ignored and why. */
static struct ha_err *failed(struct judging *j, const struct subject *s, struct ha_gate_result *r, const char *message)
{
    const struct ha_gate_ignore *ignore;
    r->verdict = HA_GATE_FAILED;
    r->message = message;
    HA_TRY(ignore_find(j, &s->rule->target, s->class_name, &ignore));
    if (ignore != NULL) {
        r->verdict = HA_GATE_IGNORED;
        r->message = ha_arena_printf(j->arena, "%s; ignored until %s: %s", message, ignore->until, ignore->reason);
        return r->message == NULL ? ha_err_nomem() : NULL;
    }
    struct ha_gate_why why;
    HA_TRY(gate_explain(&j->explainer, &s->rule->target, s->class_name, &s->measured, &why));
    const char *sentence = gate_why_sentence(j->arena, &why, j->input->baseline != NULL);
    r->why = why;
    r->message = sentence == NULL ? message : ha_arena_printf(j->arena, "%s; %s", message, sentence);
    return r->message == NULL ? ha_err_nomem() : NULL;
}

static const char *missing_note(const struct subject *s)
{
    return s->measured.found ? "" : " (the dump has no such thing, which counts as 0)";
}

/* ---- limits ---- */

/* " retained", " instances": what a number is of, in a sentence about it. */
static const char *of_words(const struct subject *s, enum ha_gate_measure measure)
{
    enum ha_gate_subject kind = s->rule->target.kind;
    switch (measure) {
    case HA_GATE_RETAINED:
        return kind == HA_GATE_HEAP ? " reachable" : " retained";
    case HA_GATE_SHALLOW:
        return " shallow";
    case HA_GATE_INSTANCES:
        return kind == HA_GATE_HEAP ? " objects" : kind < HA_GATE_CLASS ? "" : " instances";
    }
    return "";
}

static struct ha_err *max_judge(struct judging *j, const struct subject *s, enum ha_gate_measure measure)
{
    const struct ha_amount *max = &s->rule->max[measure];
    enum ha_unit unit = unit_of(measure);
    struct ha_gate_result *r = result_add(j, s, measure);
    if (r == NULL) {
        return ha_err_nomem();
    }
    uint64_t whole = unit == HA_UNIT_BYTES ? j->heap.summary.heap.shallow_bytes : j->heap.summary.heap.objects;
    r->has_limit = true;
    r->limit = max->is_percent ? (uint64_t)((double)whole * max->percent / 100) : max->value;
    r->limit_is_plain = !max->is_percent;
    r->limit_text = max->is_percent ? ha_arena_printf(j->arena, "%.15g %% of the heap", max->percent) : words(j, max->value, unit);
    r->has_baseline = s->has_base && !s->base_is_bound;
    r->baseline = size_of(&s->base, measure);
    const char *message = ha_arena_printf(j->arena, "%s: %s%s, allowed are %s%s%s", s->text, words(j, r->actual, unit), of_words(s, measure),
                                          words(j, r->limit, unit), max->is_percent ? ha_arena_printf(j->arena, " (%s)", r->limit_text) : "",
                                          missing_note(s));
    if (message == NULL || r->limit_text == NULL) {
        return ha_err_nomem();
    }
    r->message = message;
    return r->actual > r->limit ? failed(j, s, r, message) : NULL;
}

static struct ha_err *growth_judge(struct judging *j, const struct subject *s, enum ha_gate_measure measure)
{
    const struct ha_tolerance *tolerance = &s->rule->growth[measure];
    enum ha_unit unit = unit_of(measure);
    struct ha_gate_result *r = result_add(j, s, measure);
    struct ha_sbuf text = {0};
    if (r == NULL) {
        return ha_err_nomem();
    }
    ha_tolerance_words(tolerance, unit, &text);
    r->limit_text = text_take(j, &text);
    r->has_baseline = true;
    r->baseline = size_of(&s->base, measure);
    r->has_limit = true;
    r->limit = ha_tolerance_limit(tolerance, r->baseline);
    uint64_t floor = unit == HA_UNIT_BYTES ? s->rule->floor_bytes : s->rule->floor_count;
    const char *was = ha_arena_printf(j->arena, "%s%s in the baseline", s->base_is_bound ? "less than " : "", words(j, r->baseline, unit));
    const char *percent = r->baseline == 0 || r->actual < r->baseline
                              ? ""
                              : ha_arena_printf(j->arena, ", %.1f %% more", 100.0 * (double)(r->actual - r->baseline) / (double)r->baseline);
    const char *message =
        ha_arena_printf(j->arena, "%s: %s%s after %s%s; allowed are %s (%s)%s", s->text, words(j, r->actual, unit), of_words(s, measure), was, percent,
                        words(j, r->limit, unit), r->limit_text, missing_note(s));
    if (message == NULL || r->limit_text == NULL || was == NULL || percent == NULL) {
        return ha_err_nomem();
    }
    r->message = message;
    if (r->actual <= r->limit) {
        return NULL;
    }
    if (r->actual <= floor) {
        r->message = ha_arena_printf(j->arena, "%s; not judged, for it is below the floor of %s", message, words(j, floor, unit));
        return r->message == NULL ? ha_err_nomem() : NULL;
    }
    return failed(j, s, r, message);
}

static struct ha_err *forbid_judge(struct judging *j, const struct subject *s)
{
    struct ha_gate_result *r = result_add(j, s, HA_GATE_INSTANCES);
    if (r == NULL) {
        return ha_err_nomem();
    }
    bool pattern = s->rule->target.kind == HA_GATE_PATTERN;
    const char *reason = s->rule->reason;
    r->has_limit = true;
    r->limit_text = "forbidden";
    bool there = pattern ? s->measured.found : r->actual > 0;
    const char *message = there ? ha_arena_printf(j->arena, "%s is forbidden: %llu %s found%s%s", s->text, (unsigned long long)r->actual,
                                                  r->actual == 1 ? "instance" : "instances", reason == NULL ? "" : "; ", reason == NULL ? "" : reason)
                                : ha_arena_printf(j->arena, "%s: none, as it should be", s->text);
    if (message == NULL) {
        return ha_err_nomem();
    }
    r->message = message;
    return there ? failed(j, s, r, message) : NULL;
}

static struct ha_err *limits_judge(struct judging *j, const struct subject *s)
{
    if (s->rule->forbid) {
        return forbid_judge(j, s);
    }
    for (int m = 0; m < HA_GATE_MEASURES; m++) {
        if (s->rule->has_max[m]) {
            HA_TRY(max_judge(j, s, (enum ha_gate_measure)m));
        }
        if (s->rule->has_growth[m]) {
            HA_TRY(growth_judge(j, s, (enum ha_gate_measure)m));
        }
    }
    return NULL;
}

/* ---- rules ---- */

static bool has_growth(const struct ha_gate_rule *rule)
{
    return rule->has_growth[HA_GATE_RETAINED] || rule->has_growth[HA_GATE_SHALLOW] || rule->has_growth[HA_GATE_INSTANCES];
}

/* "gate.yaml:12:5" or "an option": where a rule comes from. */
static const char *origin(struct judging *j, const struct ha_gate_rule *rule)
{
    const char *file = j->input->config->file;
    return rule->line == 0 || file == NULL ? "given as an option"
                                           : ha_arena_printf(j->arena, "%s:%u:%u", file, rule->line, rule->column);
}

/* What the baseline says of a rule's target. */
static struct ha_err *base_find(struct judging *j, struct subject *s)
{
    const struct ha_gate_baseline *baseline = j->input->baseline;
    const struct ha_gate_known *known = baseline == NULL ? NULL : gate_known_subject(baseline, s->text);
    if (known != NULL) {
        s->has_base = true;
        s->base = known->sizes;
        return NULL;
    }
    if (!has_growth(s->rule)) {
        return NULL;
    }
    if (baseline == NULL) {
        return ha_err_new(HA_ERR_USAGE, "the rule '%s' (%s) limits growth, which needs a baseline: give --baseline FILE", s->rule->name,
                          origin(j, s->rule));
    }
    return ha_err_new(HA_ERR_INPUT,
                      "baseline '%s' says nothing of '%s', which the rule '%s' (%s) compares: it was written for other rules; write it anew with "
                      "check --update-baseline",
                      baseline->path, s->text, s->rule->name, origin(j, s->rule));
}

static struct ha_err *missing_judge(struct judging *j, const struct subject *s, bool *ret_done)
{
    const struct ha_gate_rule *rule = s->rule;
    bool suspect = rule->target.kind == HA_GATE_SUSPECT;
    bool known = suspect && j->input->baseline != NULL && gate_known_suspect(j->input->baseline, rule->target.text) != NULL;
    bool fails = rule->if_missing == HA_GATE_MISSING_FAIL || (rule->if_missing == HA_GATE_MISSING_DEFAULT && suspect && !known);
    *ret_done = !s->measured.found && fails;
    if (s->measured.found) {
        return NULL;
    }
    if (!fails) {
        return rule->forbid ? NULL : notice(j, ha_arena_printf(j->arena, "the dump has no %s: it counts as 0", s->text));
    }
    struct ha_gate_result *r = result_add(j, s, HA_GATE_RETAINED);
    const char *message = ha_arena_printf(
        j->arena, suspect ? "%s: nobody knows this id, neither dump nor baseline; if the leak is mended, take the rule out" : "%s: the dump has no such thing",
        s->text);
    if (r == NULL || message == NULL) {
        return ha_err_nomem();
    }
    r->limit_text = "must be there";
    return failed(j, s, r, message);
}

/* The least that a suspect must retain to be looked for. */
static uint64_t suspect_floor(const struct ha_gate_rule *rule)
{
    bool absolute = rule->has_max[HA_GATE_RETAINED] && !rule->max[HA_GATE_RETAINED].is_percent;
    return absolute ? rule->max[HA_GATE_RETAINED].value : 0;
}

static struct ha_err *rule_judge(struct judging *j, const struct ha_gate_rule *rule)
{
    struct subject s = {.rule = rule, .text = gate_target_text(j->arena, &rule->target)};
    bool done = false;
    if (s.text == NULL) {
        return ha_err_nomem();
    }
    if (rule->target.kind == HA_GATE_PATTERN && j->input->pattern_known != NULL &&
        !j->input->pattern_known(j->input->pattern_ctx, rule->target.text)) {
        return ha_err_new(HA_ERR_USAGE, "the rule '%s' (%s) names a pattern that nobody knows: '%s'", rule->name, origin(j, rule), rule->target.text);
    }
    HA_TRY(base_find(j, &s));
    HA_TRY(gate_measure(&j->heap, &rule->target, suspect_floor(rule), &s.measured));
    HA_TRY(missing_judge(j, &s, &done));
    return done ? NULL : limits_judge(j, &s);
}

/* What the baseline says of one class of an `each` rule. */
static struct ha_err *each_base(struct judging *j, struct subject *s)
{
    const struct ha_gate_baseline *baseline = j->input->baseline;
    if (baseline == NULL) {
        return base_find(j, s);
    }
    const struct ha_summary_class *known = gate_known_class(baseline, s->class_name);
    s->has_base = true;
    s->base_is_bound = known == NULL;
    s->base = known != NULL ? known->sizes
                            : (struct ha_sizes3){baseline->classes_min_instances, baseline->classes_min_bytes, baseline->classes_min_bytes};
    return NULL;
}

/* One result for all that passed, and one for each that did not. */
static struct ha_err *each_judge(struct judging *j, const struct ha_gate_rule *rule)
{
    uint64_t matched = 0, failures = 0, left_out = 0;
    for (uint64_t i = 0; i < j->heap.summary.class_count; i++) {
        const struct ha_summary_class *row = &j->heap.summary.classes[i];
        struct subject s = {.rule = rule, .class_name = row->name, .measured = {.sizes = row->sizes, .found = true}};
        bool matches = false;
        HA_TRY(gate_matches_class(&rule->target, row->name, &matches));
        if (!matches) {
            continue;
        }
        size_t first = j->results.count;
        matched++;
        s.text = ha_arena_printf(j->arena, "class %s", row->name);
        HA_TRY(s.text == NULL ? ha_err_nomem() : each_base(j, &s));
        HA_TRY(limits_judge(j, &s));
        size_t kept = first;
        for (size_t k = first; k < j->results.count; k++) {
            bool tell = j->results.data[k].verdict != HA_GATE_PASSED;
            bool room = failures < EACH_FAILURES_MAX;
            failures += tell;
            left_out += tell && !room;
            if (tell && room) {
                j->results.data[kept++] = j->results.data[k];
            }
        }
        j->results.count = kept;
    }
    struct subject all = {.rule = rule, .text = gate_target_text(j->arena, &rule->target), .measured = {.found = true}};
    all.measured.sizes.instances = matched;
    struct ha_gate_result *r = all.text == NULL ? NULL : result_add(j, &all, HA_GATE_INSTANCES);
    if (r == NULL) {
        return ha_err_nomem();
    }
    r->measure = "classes";
    r->limit_text = "each";
    r->message = ha_arena_printf(j->arena, "%s: %llu classes match, %llu of them judged fine%s", all.text, (unsigned long long)matched,
                                 (unsigned long long)(matched - (failures < matched ? failures : matched)),
                                 left_out == 0 ? "" : ha_arena_printf(j->arena, "; %llu more failures are not listed", (unsigned long long)left_out));
    r->verdict = left_out > 0 ? HA_GATE_FAILED : HA_GATE_PASSED;
    if (matched == 0) {
        HA_TRY(notice(j, ha_arena_printf(j->arena, "no class matches %s", all.text)));
    }
    return r->message == NULL ? ha_err_nomem() : NULL;
}

/* ---- suspects that the baseline does not know ---- */

static struct ha_err *new_suspect(struct judging *j, const struct ha_suspect *suspect)
{
    struct ha_gate_target target = {.kind = HA_GATE_SUSPECT, .text = suspect->id};
    const struct ha_gate_ignore *ignore;
    struct ha_gate_result *r = ha_vec_push(&j->results);
    if (r == NULL) {
        return ha_err_nomem();
    }
    *r = (struct ha_gate_result){.name = "new suspects",
                                 .subject = ha_arena_printf(j->arena, "suspect %s", suspect->id),
                                 .measure = measure_words[HA_GATE_RETAINED],
                                 .unit = HA_UNIT_BYTES,
                                 .limit_text = "must be known",
                                 .actual = suspect->retained_bytes,
                                 .verdict = HA_GATE_FAILED};
    HA_TRY(gate_explain_suspect(&j->explainer, suspect, &r->why));
    HA_TRY(ignore_find(j, &target, suspect->class_name, &ignore));
    const char *sentence = gate_why_sentence(j->arena, &r->why, false);
    const char *message = ha_arena_printf(j->arena, "a leak suspect that the baseline does not know: %s of %s; %s", words(j, suspect->retained_bytes, HA_UNIT_BYTES),
                                          suspect->class_name, sentence == NULL ? "" : sentence);
    r->message = ignore == NULL || message == NULL
                     ? message
                     : ha_arena_printf(j->arena, "%s; ignored until %s: %s", message, ignore->until, ignore->reason);
    r->verdict = ignore == NULL ? HA_GATE_FAILED : HA_GATE_IGNORED;
    return r->message == NULL || r->subject == NULL ? ha_err_nomem() : NULL;
}

static struct ha_err *suspects_judge(struct judging *j)
{
    uint64_t unknown = 0;
    if (j->input->baseline == NULL) {
        return ha_err_new(HA_ERR_USAGE, "new_suspects: fail needs a baseline: give --baseline FILE");
    }
    HA_TRY(gate_heap_suspects(&j->heap));
    for (uint64_t i = 0; i < j->heap.suspects.count; i++) {
        const struct ha_suspect *suspect = &j->heap.suspects.list[i];
        if (gate_known_suspect(j->input->baseline, suspect->id) == NULL && suspect->retained_bytes > j->input->config->floor_bytes) {
            HA_TRY(new_suspect(j, suspect));
            unknown++;
        }
    }
    if (unknown > 0) {
        return NULL;
    }
    struct ha_gate_result *r = ha_vec_push(&j->results);
    if (r == NULL) {
        return ha_err_nomem();
    }
    *r = (struct ha_gate_result){.name = "new suspects",
                                 .subject = "suspects",
                                 .measure = "new ones",
                                 .unit = HA_UNIT_COUNT,
                                 .limit_text = "must be known",
                                 .message = "no leak suspect that the baseline does not know"};
    return NULL;
}

/* ---- ignore entries ---- */

static struct ha_err *ignores_judge(struct judging *j)
{
    const struct ha_gate_config *config = j->input->config;
    for (size_t i = 0; i < config->ignores.count; i++) {
        const struct ha_gate_ignore *ignore = &config->ignores.data[i];
        const char *text = gate_target_text(j->arena, &ignore->target);
        if (text == NULL) {
            return ha_err_nomem();
        }
        if (in_force(j, ignore)) {
            HA_TRY(j->ignore_used[i] ? NULL : notice(j, ha_arena_printf(j->arena, "ignore %s ignores nothing (%s:%u:%u)", text, config->file, ignore->line, ignore->column)));
            continue;
        }
        struct ha_gate_result *r = ha_vec_push(&j->results);
        if (r == NULL) {
            return ha_err_nomem();
        }
        *r = (struct ha_gate_result){
            .name = ha_arena_printf(j->arena, "ignore %s", text),
            .subject = text,
            .measure = "day",
            .unit = HA_UNIT_COUNT,
            .limit_text = ignore->until,
            .verdict = HA_GATE_FAILED,
            .message = ha_arena_printf(j->arena, "the ignore entry for %s expired on %s (reason: %s): mend it, take the entry out or give it another day", text,
                                       ignore->until, ignore->reason),
            .line = ignore->line,
            .column = ignore->column};
        if (r->name == NULL || r->message == NULL) {
            return ha_err_nomem();
        }
    }
    return NULL;
}

/* ---- all together ---- */

static struct ha_err *judge(struct judging *j)
{
    const struct ha_gate_config *config = j->input->config;
    if (config->rules.count == 0 && !config->new_suspects_fail) {
        return ha_err_new(HA_ERR_USAGE, "there is nothing to check: give limits in %s or as options",
                          config->file == NULL ? "hprof-gate.yaml" : config->file);
    }
    j->ignore_used = ha_arena_calloc(j->arena, config->ignores.count + 1, sizeof *j->ignore_used);
    if (j->ignore_used == NULL) {
        return ha_err_nomem();
    }
    HA_TRY(gate_heap_init(j->input, &j->heap));
    if (j->input->baseline != NULL) {
        HA_TRY(gate_baseline_check(j->input->baseline, &j->heap));
    }
    for (size_t i = 0; i < config->rules.count; i++) {
        const struct ha_gate_rule *rule = &config->rules.data[i];
        HA_TRY(rule->each ? each_judge(j, rule) : rule_judge(j, rule));
    }
    HA_TRY(config->new_suspects_fail ? suspects_judge(j) : NULL);
    return ignores_judge(j);
}

static struct ha_err *outcome_make(struct judging *j, struct ha_gate_outcome *ret)
{
    *ret = (struct ha_gate_outcome){
        .results = ha_arena_calloc(j->arena, j->results.count + 1, sizeof *ret->results),
        .result_count = j->results.count,
        .notices = ha_arena_calloc(j->arena, j->notices.count + 1, sizeof *ret->notices),
        .notice_count = j->notices.count,
    };
    if (ret->results == NULL || ret->notices == NULL) {
        return ha_err_nomem();
    }
    for (size_t i = 0; i < j->results.count; i++) {
        ret->results[i] = j->results.data[i];
        ret->failed_count += ret->results[i].verdict == HA_GATE_FAILED;
        ret->ignored_count += ret->results[i].verdict == HA_GATE_IGNORED;
    }
    for (size_t i = 0; i < j->notices.count; i++) {
        ret->notices[i] = j->notices.data[i];
    }
    ret->passed = ret->failed_count == 0;
    return NULL;
}

struct ha_err *ha_gate_run(const struct ha_gate_input *input, struct ha_gate_outcome *ret)
{
    struct judging j = {.input = input, .arena = &input->q->arena};
    j.explainer.heap = &j.heap;
    struct ha_err *err = judge(&j);
    if (err == NULL) {
        err = outcome_make(&j, ret);
    }
    ha_vec_deinit(&j.results);
    ha_vec_deinit(&j.notices);
    gate_heap_deinit(&j.heap);
    return err;
}
