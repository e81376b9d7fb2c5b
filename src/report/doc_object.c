/* SPDX-License-Identifier: MIT */
/*
 * One object as a document: what it is, its fields or elements, who refers to it, what keeps it alive.
 */
#include "ha/report/builders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ha/base/mem.h"
#include "report/parts.h"

struct fields_ctx {
    struct ha_report *r;
    const struct ha_object_field *fields;
};

struct references_ctx {
    struct ha_report *r;
    const struct ha_step *steps;
};

/* ---- values ---- */

/* The double with the digits that a float is written with: 0.1f is 0.1, not 0.10000000149. */
static double real_of_float(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    char text[32];
    for (int precision = 1; precision <= 9; precision++) {
        snprintf(text, sizeof text, "%.*g", precision, (double)f);
        if (strtof(text, NULL) == f) {
            break;
        }
    }
    return strtod(text, NULL);
}

static void value_add(struct ha_doc *doc, struct ha_doc_node *row, const struct ha_value *value)
{
    double real;
    switch (value->type) {
    case HA_TYPE_BOOLEAN:
        ha_doc_bool(doc, row, "value", value->bits != 0);
        break;
    case HA_TYPE_CHAR:
        ha_doc_char(doc, row, "value", (uint16_t)value->bits);
        break;
    case HA_TYPE_FLOAT:
        ha_doc_real(doc, row, "value", real_of_float((uint32_t)value->bits));
        break;
    case HA_TYPE_DOUBLE:
        memcpy(&real, &value->bits, sizeof real);
        ha_doc_real(doc, row, "value", real);
        break;
    case HA_TYPE_REFERENCE:
    case HA_TYPE_BYTE:
    case HA_TYPE_SHORT:
    case HA_TYPE_INT:
    case HA_TYPE_LONG:
        ha_doc_integer(doc, row, "value", (int64_t)value->bits);
        break;
    }
}

/* ---- fields ---- */

static struct ha_err *shown_add(struct ha_report *r, struct ha_doc_node *row,
                                const struct ha_object_field *field)
{
    struct ha_doc *doc = r->doc;
    struct ha_doc_node *shown = ha_doc_line(doc, row, NULL);
    shown->key = "shown";
    if (!field->readable) {
        ha_doc_say(doc, shown, "(not in the dump)");
    } else if (field->type == HA_TYPE_CHAR) {
        ha_doc_char(doc, shown, NULL, (uint16_t)field->value.bits);
    } else if (field->type != HA_TYPE_REFERENCE) {
        struct ha_sbuf text = {0};
        ha_value_text(&field->value, &text);
        ha_doc_say(doc, shown, ha_doc_copy(doc, ha_sbuf_text(&text), text.len));
        ha_sbuf_deinit(&text);
    } else if (!ha_obj_is_none(field->target)) {
        HA_TRY(ha_report_object(r, shown, NULL, field->target, NULL));
    } else if (field->value.bits == 0) {
        ha_doc_say(doc, shown, "null");
    } else {
        ha_doc_address(doc, shown, NULL, field->value.bits);
        ha_doc_say(doc, shown, " (no object of this heap)");
    }
    return NULL;
}

static struct ha_err *field_row(void *ctx, struct ha_doc *doc, struct ha_doc_node *row,
                                uint64_t index)
{
    const struct fields_ctx *c = ctx;
    const struct ha_object_field *field = &c->fields[index];
    ha_doc_text(doc, row, "name", field->name);
    ha_doc_text(doc, row, "type", ha_type_name(field->type));
    ha_doc_class(doc, row, "declared_in", field->declared_in);
    if (field->type == HA_TYPE_REFERENCE) {
        HA_TRY(ha_report_object(c->r, row, "object", field->target, NULL));
        if (ha_obj_is_none(field->target) && field->readable && field->value.bits != 0) {
            ha_doc_address(doc, row, "dangling", field->value.bits);
        }
    } else if (field->readable) {
        value_add(doc, row, &field->value);
    } else {
        ha_doc_null(doc, row, "value");
    }
    return shown_add(c->r, row, field);
}

static void fields_add(struct ha_report *r, struct ha_doc_node *parent, const char *key,
                       const struct ha_object_field *fields, uint64_t count, uint64_t omitted,
                       bool elements)
{
    static const struct ha_doc_column of_fields[] = {
        {"name", "Field", NULL},
        {"type", "Type", NULL},
        {"shown", "Value", NULL},
        {"declared_in", "Declared in", NULL},
    };
    static const struct ha_doc_column of_elements[] = {
        {"name", "Index", NULL},
        {"shown", "Value", NULL},
    };
    struct fields_ctx *ctx = ha_doc_alloc(r->doc, sizeof *ctx);
    if (ctx == NULL) {
        return;
    }
    *ctx = (struct fields_ctx){r, fields};
    struct ha_doc_node *list = ha_doc_list_of(r->doc, parent, key, count, field_row, ctx);
    if (elements) {
        ha_doc_columns(list, HA_DOC_TABLE, of_elements, sizeof of_elements / sizeof *of_elements);
    } else {
        ha_doc_columns(list, HA_DOC_TABLE, of_fields, sizeof of_fields / sizeof *of_fields);
    }
    list->u.list->never_cut = !elements;
    list->u.list->people_most = elements ? 20 : HA_DOC_EVERYTHING;
    list->u.list->omitted = omitted;
    list->u.list->noun = elements ? "elements" : "fields";
}

/* ---- references ---- */

static void references_add(struct ha_report *r, struct ha_doc_node *parent, const char *key,
                           const struct ha_step *steps, uint64_t count, uint64_t omitted)
{
    static const struct ha_doc_column columns[] = {
        {"how", "Through", NULL},
        {"object", "Object", NULL},
        {"object.retained_bytes", "Retained", NULL},
    };
    struct ha_doc_node *list = ha_report_steps(r, parent, key, steps, count);
    ha_doc_columns(list, HA_DOC_TABLE, columns, sizeof columns / sizeof *columns);
    list->u.list->omitted = omitted;
    list->u.list->never_cut = false;
    list->u.list->people_most = 20;
    list->u.list->noun = "references";
}

static bool any_local(const struct ha_object_view *view)
{
    for (uint64_t i = 0; i < view->outbound_count; i++) {
        if (view->outbound[i].field != NULL && view->outbound[i].edge.kind == HA_EDGE_LOCAL) {
            return true;
        }
    }
    return false;
}

static struct ha_err *roots_add(struct ha_report *r, struct ha_doc_node *parent,
                                const struct ha_object_view *view)
{
    struct ha_doc *doc = r->doc;
    struct ha_doc_node *roots = ha_doc_machine(ha_doc_list(doc, parent, "roots"));
    roots->u.list->never_cut = true;
    for (uint64_t i = 0; i < view->root_count; i++) {
        HA_TRY(ha_report_root(r, roots, NULL, &view->roots[i]));
        struct ha_doc_node *line = ha_doc_line(doc, parent, i == 0 ? "GC root" : "");
        ha_doc_say(doc, line, ha_root_kind_text(view->roots[i].kind));
        if (!ha_obj_is_none(view->roots[i].thread) &&
            !ha_obj_equal(view->roots[i].thread, view->record.obj)) {
            ha_doc_say(doc, line, " of thread ");
            HA_TRY(ha_report_object(r, line, NULL, view->roots[i].thread, NULL));
        }
    }
    return NULL;
}

static struct ha_err *facts_add(struct ha_report *r, struct ha_doc_node *parent,
                                const struct ha_object_view *view)
{
    struct ha_doc *doc = r->doc;
    struct ha_doc_node *line = ha_doc_line(doc, parent, "Object");
    struct ha_doc_node *object = NULL;
    HA_TRY(ha_report_object(r, line, NULL, view->record.obj, &object));
    ha_doc_strong(object);
    line = ha_doc_line(doc, parent, "Size");
    ha_doc_bytes(doc, line, NULL, view->record.shallow_bytes);
    ha_doc_say(doc, line, " itself");
    if (view->reachable) {
        ha_doc_say(doc, line, ", ");
        ha_doc_bytes(doc, line, NULL, view->record.retained_bytes);
        ha_doc_say(doc, line, " retained (");
        ha_doc_percent(doc, line, NULL, ha_query_percent(r->query, view->record.retained_bytes));
        ha_doc_say(doc, line, " of the heap)");
    }
    line = ha_doc_line(doc, parent, "Kept by");
    if (!view->reachable) {
        ha_doc_say(doc, line, "nothing: no GC root leads to it");
    } else if (ha_obj_is_none(view->dominator)) {
        ha_doc_say(doc, line,
                   view->root_count > 0
                       ? "the JVM: it is a GC root"
                       : "no single object: several ways lead to it from GC roots");
    } else {
        HA_TRY(ha_report_object(r, line, NULL, view->dominator, NULL));
    }
    return roots_add(r, parent, view);
}

struct ha_err *ha_report_object_view(struct ha_report *r, struct ha_doc_node *parent,
                                     const struct ha_object_view *view)
{
    struct ha_doc *doc = r->doc;
    struct ha_doc_node *node = NULL;
    HA_TRY(ha_report_object(r, parent, "object", view->record.obj, &node));
    ha_doc_machine(node);
    HA_TRY(facts_add(r, parent, view));
    ha_doc_machine(ha_doc_bool(doc, parent, "reachable", view->reachable));
    HA_TRY(ha_report_object(r, parent, "dominator", view->dominator, &node));
    ha_doc_machine(node);
    if (view->is_array) {
        ha_doc_machine(ha_doc_count(doc, parent, "length", view->array_length));
    }
    struct ha_doc_node *section = ha_doc_section(doc, parent,
                                                 view->field_count == 0 ? NULL
                                                 : view->is_array       ? "Elements"
                                                                        : "Fields");
    fields_add(r, section, "fields", view->fields, view->field_count, view->fields_omitted,
               view->is_array);
    if (!ha_cls_is_none(view->stands_for)) {
        section = ha_doc_section(doc, parent, view->static_count == 0 ? NULL : "Static fields");
        fields_add(r, section, "statics", view->statics, view->static_count, 0, false);
    }
    section = ha_doc_section(doc, parent, "Referenced by");
    references_add(r, section, "inbound", view->inbound, view->inbound_count,
                   view->inbound_omitted);
    section->last_child->u.list->empty = "no object";
    // Fields and elements have shown people the way out already, but for the locals of a thread.
    section = ha_doc_section(doc, parent, any_local(view) ? "Refers to" : NULL);
    references_add(r, section, "outbound", view->outbound, view->outbound_count,
                   view->outbound_omitted);
    if (!any_local(view)) {
        ha_doc_machine(section->last_child);
    }
    return ha_doc_error(doc);
}
