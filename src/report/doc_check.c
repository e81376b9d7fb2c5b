/* SPDX-License-Identifier: MIT */
/*
 * The verdict of the gate: a table of what was judged, and a section for each failure that says why.
 */
#include "ha/report/gate_builders.h"

#include <inttypes.h>

#include "report/parts.h"

#define STEPS_PEOPLE 24

static const char *const verdict_texts[] = {
    [HA_GATE_PASSED] = "passed", [HA_GATE_FAILED] = "failed", [HA_GATE_IGNORED] = "ignored"};

static struct ha_doc_node *number(struct ha_doc *doc, struct ha_doc_node *row, const char *key, bool known, uint64_t value, enum ha_unit unit)
{
    if (!known) {
        return ha_doc_null(doc, row, key);
    }
    struct ha_doc_node *node = ha_doc_count(doc, row, key, value);
    node->kind = unit == HA_UNIT_BYTES ? HA_DOC_BYTES : HA_DOC_COUNT;
    return node;
}

/* ---- for machines ---- */

static void why_member(struct ha_doc *doc, struct ha_doc_node *row, const struct ha_gate_why *why)
{
    if (!why->known) {
        ha_doc_null(doc, row, "why");
        return;
    }
    struct ha_doc_node *record = ha_doc_record(doc, row, "why");
    ha_doc_class(doc, record, "class", why->class_name);
    number(doc, record, "old_retained_bytes", why->has_old, why->old_bytes, HA_UNIT_BYTES);
    number(doc, record, "new_retained_bytes", why->class_name != NULL, why->new_bytes, HA_UNIT_BYTES);
    number(doc, record, "old_objects", why->has_old, why->old_objects, HA_UNIT_COUNT);
    number(doc, record, "new_objects", why->class_name != NULL, why->new_objects, HA_UNIT_COUNT);
    if (why->holder_class == NULL) {
        ha_doc_null(doc, record, "held_by");
    } else {
        struct ha_doc_node *held = ha_doc_record(doc, record, "held_by");
        ha_doc_class(doc, held, "class", why->holder_class);
        ha_doc_text(doc, held, "field", why->holder_field);
    }
    ha_doc_text(doc, record, "thread_local", why->thread_local_field);
    ha_doc_text(doc, record, "details", why->details);
    ha_doc_text(doc, record, "pattern", why->pattern);
    ha_doc_text(doc, record, "advice", why->advice);
    struct ha_doc_node *path = ha_doc_list(doc, record, "path");
    path->u.list->never_cut = true;
    for (uint64_t i = 0; i < why->step_count; i++) {
        struct ha_doc_node *step = ha_doc_record(doc, path, NULL);
        ha_doc_text(doc, step, "step", why->steps[i].text);
        ha_doc_bool(doc, step, "new", why->steps[i].is_new);
    }
}

static void rule_member(struct ha_doc *doc, struct ha_doc_node *list, const struct ha_gate_result *r)
{
    struct ha_doc_node *row = ha_doc_record(doc, list, NULL);
    ha_doc_text(doc, row, "rule", r->name);
    ha_doc_text(doc, row, "subject", r->subject);
    ha_doc_text(doc, row, "measure", r->measure);
    ha_doc_text(doc, row, "unit", r->unit == HA_UNIT_BYTES ? "bytes" : "count");
    number(doc, row, "limit", r->has_limit, r->limit, r->unit);
    ha_doc_text(doc, row, "limit_text", r->limit_text);
    number(doc, row, "actual", true, r->actual, r->unit);
    number(doc, row, "baseline", r->has_baseline, r->baseline, r->unit);
    ha_doc_bool(doc, row, "passed", r->verdict != HA_GATE_FAILED);
    ha_doc_text(doc, row, "verdict", verdict_texts[r->verdict]);
    ha_doc_text(doc, row, "message", r->message);
    number(doc, row, "line", r->line > 0, r->line, HA_UNIT_COUNT);
    number(doc, row, "column", r->line > 0, r->column, HA_UNIT_COUNT);
    why_member(doc, row, &r->why);
}

/* ---- for people ---- */

static void rule_row(struct ha_doc *doc, struct ha_doc_node *table, const struct ha_gate_result *r)
{
    static const char *const shown[] = {[HA_GATE_PASSED] = "ok", [HA_GATE_FAILED] = "FAILED", [HA_GATE_IGNORED] = "ignored"};
    struct ha_doc_node *row = ha_doc_record(doc, table, NULL);
    struct ha_doc_node *verdict = ha_doc_text(doc, row, "verdict", shown[r->verdict]);
    verdict->strong = r->verdict == HA_GATE_FAILED;
    number(doc, row, "actual", true, r->actual, r->unit);
    number(doc, row, "baseline", r->has_baseline, r->baseline, r->unit);
    number(doc, row, "limit", r->has_limit, r->limit, r->unit);
    ha_doc_text(doc, row, "limit_text", r->limit_is_plain ? NULL : r->limit_text); // the number says it already
    ha_doc_text(doc, row, "measure", r->measure);
    ha_doc_text(doc, row, "subject", r->subject);
}

static void why_section(struct ha_doc *doc, struct ha_doc_node *parent, const struct ha_gate_result *r)
{
    static const struct ha_doc_column columns[] = {{"step", NULL, "-> "}, {"note", NULL, NULL}};
    struct ha_doc_node *section = ha_doc_section(doc, parent, ha_doc_printf(doc, "%s: %s", r->verdict == HA_GATE_FAILED ? "Failed" : "Ignored", r->name));
    ha_doc_prose(doc, section, r->message);
    if (r->why.step_count > 0) {
        struct ha_doc_node *path = ha_doc_list(doc, section, NULL);
        ha_doc_columns(path, HA_DOC_STEPS, columns, sizeof columns / sizeof *columns);
        path->u.list->never_cut = true;
        path->u.list->people_most = STEPS_PEOPLE;
        path->u.list->noun = "steps";
        for (uint64_t i = 0; i < r->why.step_count; i++) {
            struct ha_doc_node *step = ha_doc_record(doc, path, NULL);
            ha_doc_text(doc, step, "step", r->why.steps[i].text);
            ha_doc_text(doc, step, "note", r->why.steps[i].is_new ? "new" : NULL);
        }
    }
    if (r->why.pattern != NULL) {
        ha_doc_say(doc, ha_doc_line(doc, section, "Pattern"), r->why.pattern);
    }
    if (r->why.advice != NULL) {
        ha_doc_say(doc, ha_doc_line(doc, section, "Advice"), r->why.advice);
    }
}

static void people_part(struct ha_doc *doc, struct ha_doc_node *parent, const struct ha_gate_outcome *outcome)
{
    static const struct ha_doc_column columns[] = {
        {"verdict", "Verdict", NULL}, {"actual", "Actual", NULL},   {"baseline", "Baseline", NULL}, {"limit", "Limit", NULL},
        {"limit_text", "", NULL},     {"measure", "Of", NULL}, {"subject", "Subject", NULL}};
    for (uint64_t i = 0; i < outcome->notice_count; i++) {
        ha_doc_say(doc, ha_doc_line(doc, parent, "Note"), outcome->notices[i]);
    }
    if (outcome->result_count == 0) {
        return; // nothing was judged
    }
    struct ha_doc_node *line = ha_doc_line(doc, parent, "Verdict");
    ha_doc_strong(ha_doc_text(doc, line, NULL, outcome->passed ? "passed" : "FAILED"));
    ha_doc_say(doc, line, ": ");
    ha_doc_count(doc, line, NULL, outcome->passed ? outcome->result_count : outcome->failed_count);
    ha_doc_say(doc, line, outcome->passed ? " judged" : " of ");
    if (!outcome->passed) {
        ha_doc_count(doc, line, NULL, outcome->result_count);
    }
    if (outcome->ignored_count > 0) {
        ha_doc_say(doc, line, ", ");
        ha_doc_count(doc, line, NULL, outcome->ignored_count);
        ha_doc_say(doc, line, " ignored");
    }
    struct ha_doc_node *table = ha_doc_list(doc, ha_doc_section(doc, parent, "Rules"), NULL);
    ha_doc_columns(table, HA_DOC_TABLE, columns, sizeof columns / sizeof *columns);
    table->u.list->never_cut = true;
    for (uint64_t i = 0; i < outcome->result_count; i++) {
        rule_row(doc, table, &outcome->results[i]);
    }
    for (uint64_t i = 0; i < outcome->result_count; i++) {
        if (outcome->results[i].verdict != HA_GATE_PASSED) {
            why_section(doc, parent, &outcome->results[i]);
        }
    }
}

void ha_report_check(struct ha_report *r, struct ha_doc_node *parent, const struct ha_gate_outcome *outcome, const char *config, const char *baseline)
{
    struct ha_doc *doc = r->doc;
    ha_report_overview(r, parent);
    struct ha_doc_node *machine = ha_doc_machine(ha_doc_record(doc, parent, "check"));
    ha_doc_bool(doc, machine, "passed", outcome->passed);
    ha_doc_count(doc, machine, "failed", outcome->failed_count);
    ha_doc_count(doc, machine, "ignored", outcome->ignored_count);
    ha_doc_text(doc, machine, "config", config);
    ha_doc_text(doc, machine, "baseline", baseline);
    struct ha_doc_node *rules = ha_doc_list(doc, machine, "rules");
    rules->u.list->never_cut = true;
    for (uint64_t i = 0; i < outcome->result_count; i++) {
        rule_member(doc, rules, &outcome->results[i]);
    }
    struct ha_doc_node *notices = ha_doc_list(doc, machine, "notices");
    notices->u.list->never_cut = true;
    for (uint64_t i = 0; i < outcome->notice_count; i++) {
        ha_doc_text(doc, notices, NULL, outcome->notices[i]);
    }
    people_part(doc, parent, outcome);
}
