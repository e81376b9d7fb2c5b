/* SPDX-License-Identifier: MIT */
/*
 * System properties, environment and arguments of the JVM as tables of names and values.
 */
#include "ha/report/builders.h"

#include "ha/query/q_jvm.h"

static struct ha_err *property_row(void *ctx, struct ha_doc *doc, struct ha_doc_node *row,
                                   uint64_t index)
{
    const struct ha_property *property = &((const struct ha_property_list *)ctx)->list[index];
    ha_doc_text(doc, row, "key", property->key);
    ha_doc_text(doc, row, "value", property->value);
    ha_doc_machine(ha_doc_bool(doc, row, "masked", property->masked));
    return NULL;
}

static struct ha_err *argument_row(void *ctx, struct ha_doc *doc, struct ha_doc_node *row,
                                   uint64_t index)
{
    const struct ha_property *property = &((const struct ha_property_list *)ctx)->list[index];
    ha_doc_text(doc, row, "value", property->value);
    ha_doc_machine(ha_doc_bool(doc, row, "masked", property->masked));
    return NULL;
}

struct table {
    const char *title, *key, *noun, *missing;
    const struct ha_property_list *list;
    bool keyed;
};

static void table_add(struct ha_report *r, struct ha_doc_node *record, const struct table *t,
                      bool hidden)
{
    static const struct ha_doc_column columns[] = {{"key", "Name", NULL}, {"value", "Value", NULL}};
    struct ha_doc *doc = r->doc;
    struct ha_doc_node *section = ha_doc_section(doc, record, hidden ? NULL : t->title);
    if (!t->list->found) {
        ha_doc_machine(ha_doc_null(doc, section, t->key));
        if (!hidden) {
            ha_doc_prose(doc, section, t->missing);
        }
        return;
    }
    struct ha_doc_node *list =
        ha_doc_list_of(doc, section, t->key, t->list->count, t->keyed ? property_row : argument_row,
                       (void *)(uintptr_t)t->list);
    ha_doc_columns(list, HA_DOC_TABLE, t->keyed ? columns : columns + 1, t->keyed ? 2 : 1);
    list->u.list->people_most = HA_DOC_EVERYTHING;
    list->u.list->noun = t->noun;
    if (hidden) {
        ha_doc_machine(list);
    }
}

void ha_report_properties(struct ha_report *r, struct ha_doc_node *parent,
                          const struct ha_properties *properties, bool brief)
{
    struct ha_doc *doc = r->doc;
    struct ha_doc_node *record = ha_doc_title(ha_doc_record(doc, parent, "properties"), "");
    const struct table tables[] = {
        {"Arguments of the JVM", "arguments", "arguments",
         "Not in the heap: nothing in the program asked for them.", &properties->arguments, false},
        {"System properties", "system", "properties", "Not in the heap.", &properties->system,
         true},
        {"Environment", "environment", "variables",
         "Not in the heap: the program never asked for it.", &properties->environment, true},
    };
    uint64_t masked = 0;
    ha_doc_text(doc, record, "jvm_version", properties->jvm_version)->title = "JVM";
    ha_doc_machine(ha_doc_text(doc, record, "arguments_from", properties->arguments_from));
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        table_add(r, record, &tables[i], brief && i > 0);
        for (uint64_t k = 0; k < tables[i].list->count; k++) {
            masked += tables[i].list->list[k].masked;
        }
    }
    if (brief) {
        ha_doc_command(doc, ha_doc_line(doc, record, "More"), NULL,
                       ha_report_command(r, "properties", ""));
    } else if (masked > 0) {
        struct ha_doc_node *line = ha_doc_line(doc, record, "Hidden");
        ha_doc_say_count(doc, line, masked, "value", NULL);
        ha_doc_say(doc, line,
                   masked == 1 ? " that looks like a secret; --show-secrets shows it"
                               : " that look like secrets; --show-secrets shows them");
    }
}
