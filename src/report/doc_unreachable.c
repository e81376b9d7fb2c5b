/* SPDX-License-Identifier: MIT */
/*
 * What no GC root leads to, as a document: how much, why it is there, the biggest things in it, its classes.
 */
#include "ha/report/builders.h"

#include "ha/query/q_unreachable.h"
#include "report/parts.h"

struct unreachable_ctx {
    struct ha_report *r;
    const struct ha_unreachable *u;
};

static struct ha_err *top_row(void *ctx, struct ha_doc *doc, struct ha_doc_node *row,
                              uint64_t index)
{
    const struct unreachable_ctx *c = ctx;
    const struct ha_unreachable_top *top = &c->u->tops[index];
    ha_doc_bytes(doc, row, "bytes", top->bytes);
    ha_doc_count(doc, row, "objects", top->objects);
    ha_doc_text(doc, row, "kind", ha_unreachable_kind_name(top->kind));
    return ha_report_object(c->r, row, "object", top->obj, NULL);
}

static struct ha_err *class_row(void *ctx, struct ha_doc *doc, struct ha_doc_node *row,
                                uint64_t index)
{
    const struct unreachable_ctx *c = ctx;
    const struct ha_unreachable_class *cls = &c->u->classes[index];
    ha_doc_bytes(doc, row, "shallow_bytes", cls->shallow_bytes);
    ha_doc_count(doc, row, "instances", cls->instances);
    ha_doc_class(doc, row, "class", cls->name);
    return NULL;
}

static void kinds_add(struct ha_report *r, struct ha_doc_node *record,
                      const struct ha_unreachable *u)
{
    static const char *const labels[] = {"Garbage", "Class data", "Virtual threads", "Fillers"};
    static const char *const why[] = {
        ": not collected yet; a collection before the dump would free it",
        (": classes and what their class objects hold: alive in the JVM, which does not write who "
         "holds them"),
        ": held by stacks of parked virtual threads, which this JDK does not write",
        ": dead space that the JVM has formatted as arrays, and int[] that look the same",
    };
    struct ha_doc *doc = r->doc;
    struct ha_doc_node *kinds = ha_doc_machine(ha_doc_list(doc, record, "kinds"));
    kinds->u.list->never_cut = true;
    for (size_t k = 0; u->has_tops && k < HA_UNREACHABLE_KINDS; k++) {
        struct ha_doc_node *row = ha_doc_record(doc, kinds, NULL);
        ha_doc_text(doc, row, "kind", ha_unreachable_kind_name((enum ha_unreachable_kind)k));
        ha_doc_count(doc, row, "objects", u->kinds[k].objects);
        ha_doc_bytes(doc, row, "bytes", u->kinds[k].bytes);
        if (u->kinds[k].objects > 0) {
            struct ha_doc_node *line = ha_doc_line(doc, record, labels[k]);
            ha_doc_bytes(doc, line, NULL, u->kinds[k].bytes);
            ha_doc_say(doc, line, " in ");
            ha_doc_say_count(doc, line, u->kinds[k].objects, "object", NULL);
            ha_doc_say(doc, line, why[k]);
        }
    }
}

static void tops_add(struct unreachable_ctx *ctx, struct ha_doc_node *record, bool brief)
{
    static const struct ha_doc_column columns[] = {{"bytes", "Bytes", NULL},
                                                   {"objects", "Objects", NULL},
                                                   {"kind", "Kind", NULL},
                                                   {"object", "Object", NULL}};
    const struct ha_unreachable *u = ctx->u;
    struct ha_doc *doc = ctx->r->doc;
    struct ha_doc_node *section =
        ha_doc_section(doc, record, brief ? NULL : "The biggest things in it");
    if (!u->has_tops) {
        ha_doc_machine(ha_doc_null(doc, section, "largest"));
        if (!brief) {
            ha_doc_prose(doc, section,
                         "Left out: the references among them are too tangled for a quick search.");
        }
        return;
    }
    struct ha_doc_node *list = ha_doc_list_of(doc, section, "largest", u->top_count, top_row, ctx);
    ha_doc_columns(list, HA_DOC_TABLE, columns, sizeof columns / sizeof *columns);
    list->u.list->omitted = u->tops_omitted;
    list->u.list->people_most = 10;
    list->u.list->noun = "objects";
    if (brief) {
        ha_doc_machine(list);
    }
}

struct ha_err *ha_report_unreachable(struct ha_report *r, struct ha_doc_node *parent,
                                     const struct ha_unreachable *unreachable, bool brief)
{
    static const struct ha_doc_column columns[] = {{"shallow_bytes", "Bytes", NULL},
                                                   {"instances", "Instances", NULL},
                                                   {"class", "Class", NULL}};
    struct ha_doc *doc = r->doc;
    struct unreachable_ctx *ctx = ha_doc_alloc(doc, sizeof *ctx);
    if (ctx == NULL) {
        return ha_err_nomem();
    }
    *ctx = (struct unreachable_ctx){r, unreachable};
    struct ha_doc_node *record = ha_doc_title(ha_doc_record(doc, parent, "unreachable"), "");
    ha_doc_machine(ha_doc_count(doc, record, "objects", unreachable->objects));
    ha_doc_machine(ha_doc_bytes(doc, record, "bytes", unreachable->bytes));
    struct ha_doc_node *line = ha_doc_line(doc, record, "Unreachable");
    if (unreachable->objects == 0) {
        ha_doc_say(doc, line, "nothing: the dump holds live objects only");
    } else {
        ha_doc_bytes(doc, line, NULL, unreachable->bytes);
        ha_doc_say(doc, line, " in ");
        ha_doc_say_count(doc, line, unreachable->objects, "object", NULL);
    }
    kinds_add(r, record, unreachable);
    if (unreachable->objects > 0) {
        tops_add(ctx, record, brief);
    }
    struct ha_doc_node *list = ha_doc_list_of(
        doc, ha_doc_section(doc, record, unreachable->objects == 0 || brief ? NULL : "Its classes"),
        "classes", unreachable->class_count, class_row, ctx);
    ha_doc_columns(list, HA_DOC_TABLE, columns, sizeof columns / sizeof *columns);
    list->u.list->omitted = unreachable->classes_omitted;
    list->u.list->people_most = 20;
    list->u.list->noun = "classes";
    if (brief) {
        ha_doc_machine(list);
        ha_doc_command(doc, ha_doc_line(doc, record, "More"), NULL,
                       ha_report_command(r, "unreachable", ""));
    }
    return ha_doc_error(doc);
}
