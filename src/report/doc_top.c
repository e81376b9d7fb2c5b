/* SPDX-License-Identifier: MIT */
/*
 * The biggest consumers as a document: objects, classes, loaders, packages, each adding up to the heap.
 */
#include "ha/report/builders.h"

#include "report/parts.h"

struct ranked_ctx {
    struct ha_report *r;
    const struct ha_ranked *list;
};

static struct ha_err *ranked_row(void *ctx, struct ha_doc *doc, struct ha_doc_node *row,
                                 uint64_t index)
{
    const struct ranked_ctx *c = ctx;
    ha_obj obj = c->list[index].obj;
    struct ha_object_record record;
    HA_TRY(ha_object_describe(c->r->query, obj, &c->r->scratch, &record));
    part_object_members(doc, row, &record); // the row is the object record itself
    struct ha_doc_node *shown = ha_doc_people(ha_doc_object(doc, row, "who"));
    part_object_members(doc, shown, &record);
    ha_arena_reset(&c->r->scratch);
    ha_doc_people(
        ha_doc_percent(doc, row, "percent", ha_query_percent(c->r->query, record.retained_bytes)));
    return NULL;
}

void part_ranked_list(struct ha_report *r, struct ha_doc_node *parent, const char *key,
                      const struct ha_ranked_list *ranked)
{
    static const struct ha_doc_column columns[] = {
        {"retained_bytes", "Retained", NULL},
        {"percent", "%", NULL},
        {"shallow_bytes", "Shallow", NULL},
        {"who", "Object", NULL},
    };
    struct ranked_ctx *ctx = ha_doc_alloc(r->doc, sizeof *ctx);
    if (ctx == NULL) {
        return;
    }
    *ctx = (struct ranked_ctx){r, ranked->list};
    struct ha_doc_node *list = ha_doc_list_of(r->doc, parent, key, ranked->count, ranked_row, ctx);
    ha_doc_columns(list, HA_DOC_TABLE, columns, sizeof columns / sizeof *columns);
    list->u.list->omitted = ranked->omitted;
    list->u.list->people_most = 20;
    list->u.list->noun = "objects";
}

void ha_report_top(struct ha_report *r, struct ha_doc_node *parent, const struct ha_top *top,
                   uint64_t most)
{
    struct ha_doc *doc = r->doc;
    struct ha_doc_node *record = ha_doc_title(ha_doc_record(doc, parent, "top"), "");
    struct ha_doc_node *section = ha_doc_section(doc, record, "Biggest objects");
    part_ranked_list(r, section, "objects", &top->objects);
    section->last_child->u.list->people_most = most;
    struct {
        const char *title, *key;
        const struct ha_histogram *histogram;
    } tables[] = {
        {"Biggest classes", "classes", &top->classes},
        {"Biggest class loaders", "loaders", &top->loaders},
        {"Biggest packages", "packages", &top->packages},
    };
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        section = ha_doc_section(doc, record, tables[i].title);
        ha_report_histogram(r, section, tables[i].key, tables[i].histogram);
        if (section->last_child != NULL) {
            section->last_child->u.list->people_most = most;
        }
    }
}
