/* SPDX-License-Identifier: MIT */
/*
 * Known patterns as parts of documents: their lines of evidence, what was seen besides the suspects, and the list of rules.
 */
#include "ha/report/builders.h"

#include <string.h>

#include "ha/report/words.h"
#include "report/parts.h"

#define NOTED_PEOPLE 8 /* findings that are no suspects, in the report for people */

static uint64_t whole(double value)
{
    return value <= 0 ? 0 : value < 1.8e19 ? (uint64_t)(value + 0.5) : UINT64_MAX;
}

static struct ha_doc_node *value_add(struct ha_doc *doc, struct ha_doc_node *parent, const char *key, const struct ha_evidence *e)
{
    if (!e->has_value) {
        return ha_doc_null(doc, parent, key);
    }
    switch (e->quantity) {
    case HA_QUANTITY_BYTES:
        return ha_doc_bytes(doc, parent, key, whole(e->value));
    case HA_QUANTITY_PERCENT:
        return ha_doc_percent(doc, parent, key, e->value);
    case HA_QUANTITY_COUNT:
    case HA_QUANTITY_SECONDS:
        break;
    }
    return e->value < 0 ? ha_doc_integer(doc, parent, key, (int64_t)(e->value > -9e18 ? e->value : -9e18)) : ha_doc_count(doc, parent, key, whole(e->value));
}

void part_evidence_rows(struct ha_doc *doc, struct ha_doc_node *list, const struct ha_finding *finding)
{
    for (uint32_t i = 0; i < finding->evidence_count; i++) {
        struct ha_doc_node *row = ha_doc_record(doc, list, NULL);
        ha_doc_text(doc, row, "text", finding->evidence[i].text);
        value_add(doc, row, "value", &finding->evidence[i]);
    }
}

void part_evidence_line(struct ha_doc *doc, struct ha_doc_node *parent, const struct ha_finding *finding)
{
    struct ha_doc_node *line = finding->evidence_count == 0 ? NULL : ha_doc_line(doc, parent, "Numbers");
    for (uint32_t i = 0; i < finding->evidence_count; i++) {
        const struct ha_evidence *e = &finding->evidence[i];
        ha_doc_say(doc, line, i == 0 ? "" : "; ");
        ha_doc_say(doc, line, e->text);
        if (e->has_value) {
            ha_doc_say(doc, line, " ");
            value_add(doc, line, NULL, e);
            ha_doc_say(doc, line, e->quantity == HA_QUANTITY_SECONDS ? " s" : "");
        }
    }
}

static const char *certainty_words(const struct ha_finding *f)
{
    return ha_certainty_text(f->certainty);
}

void part_pattern_line(struct ha_doc *doc, struct ha_doc_node *parent, const struct ha_finding *f)
{
    struct ha_doc_node *line = ha_doc_line(doc, parent, "Pattern");
    ha_doc_say(doc, line, f->pattern);
    ha_doc_say(doc, ha_doc_say(doc, line, ", "), certainty_words(f));
    ha_doc_say(doc, line, f->agent ? "; a monitoring agent, not the application" : "");
    ha_doc_say(doc, line, f->estimated ? "; estimated from a sample" : "");
}

static struct ha_err *finding_record(struct ha_report *r, struct ha_doc_node *list, const struct ha_finding *f)
{
    struct ha_doc *doc = r->doc;
    struct ha_doc_node *row = ha_doc_record(doc, list, NULL);
    ha_doc_text(doc, row, "pattern", f->pattern);
    ha_doc_text(doc, row, "certainty", certainty_words(f));
    ha_doc_text(doc, row, "title", f->title);
    ha_doc_text(doc, row, "subject", f->subject);
    ha_doc_class(doc, row, "class", f->class_name);
    ha_doc_count(doc, row, "instances", f->instances);
    ha_doc_bytes(doc, row, "shallow_bytes", f->shallow_bytes);
    ha_doc_bytes(doc, row, "retained_bytes", f->retained_bytes);
    ha_doc_bytes(doc, row, "native_bytes", f->native_bytes);
    ha_doc_bytes(doc, row, "bytes", f->bytes);
    ha_doc_bool(doc, row, "agent", f->agent);
    ha_doc_bool(doc, row, "estimated", f->estimated);
    if (f->held_by.class_name == NULL) {
        ha_doc_null(doc, row, "held_by");
    } else {
        struct ha_doc_node *held = ha_doc_record(doc, row, "held_by");
        ha_doc_class(doc, held, "class", f->held_by.class_name);
        ha_doc_text(doc, held, "field", f->held_by.field);
        HA_TRY(ha_report_object(r, held, "object", f->held_by.object, NULL));
    }
    struct ha_doc_node *evidence = ha_doc_list(doc, row, "evidence");
    part_evidence_rows(doc, evidence, f);
    ha_doc_text(doc, row, "advice", f->advice);
    struct ha_doc_node *objects = ha_doc_list(doc, row, "objects");
    for (uint32_t i = 0; i < f->object_count; i++) {
        HA_TRY(ha_report_object(r, objects, NULL, f->objects[i], NULL));
    }
    return NULL;
}

struct ha_err *ha_report_patterns(struct ha_report *r, struct ha_doc_node *parent, const struct ha_problems *problems)
{
    struct ha_doc *doc = r->doc;
    struct ha_doc_node *list = ha_doc_machine(ha_doc_list(doc, parent, "patterns"));
    list->u.list->never_cut = true;
    for (uint32_t i = 0; i < problems->findings->count; i++) {
        HA_TRY(finding_record(r, list, &problems->findings->list[i]));
    }
    struct ha_doc_node *section = problems->noted_count == 0 ? NULL : ha_doc_section(doc, parent, "Also seen");
    for (uint64_t i = 0; i < problems->noted_count && i < NOTED_PEOPLE; i++) {
        const struct ha_finding *f = problems->noted[i];
        struct ha_doc_node *line = ha_doc_say(doc, ha_doc_line(doc, section, NULL), f->title);
        ha_doc_say(doc, line, ha_doc_printf(doc, " [%s]", f->pattern));
    }
    if (problems->noted_count > NOTED_PEOPLE) {
        ha_doc_prose(doc, section, ha_doc_printf(doc, "and %llu more", (unsigned long long)(problems->noted_count - NOTED_PEOPLE)));
    }
    return ha_doc_error(doc);
}

/* ---- the rules themselves ---- */

static void rules_add(struct ha_doc *doc, struct ha_doc_node *list, const struct ha_rules *rules)
{
    struct ha_rule_info info;
    for (uint32_t i = 0; ha_rules_at(rules, i, &info); i++) {
        struct ha_doc_node *row = ha_doc_record(doc, list, NULL);
        ha_doc_text(doc, row, "id", ha_doc_copy(doc, info.id, strlen(info.id)));
        ha_doc_text(doc, row, "about", ha_doc_copy(doc, info.about, strlen(info.about)));
        ha_doc_text(doc, row, "source", ha_doc_copy(doc, info.source, strlen(info.source)));
        ha_doc_bool(doc, row, "agent", info.agent);
    }
}

void ha_report_rules(struct ha_doc *doc, const char *version, const struct ha_rules *builtin, const struct ha_rules *more)
{
    static const struct ha_doc_column columns[] = {{"id", "Pattern", NULL}, {"about", "Looks for", NULL}, {"source", "File", NULL}};
    part_tool(doc, ha_doc_root(doc), "rules", version);
    struct ha_doc_node *list = ha_doc_list(doc, ha_doc_root(doc), "rules");
    ha_doc_columns(list, HA_DOC_TABLE, columns, sizeof columns / sizeof *columns);
    list->u.list->never_cut = true;
    rules_add(doc, list, builtin);
    if (more != NULL) {
        rules_add(doc, list, more);
    }
}
