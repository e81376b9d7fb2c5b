/* SPDX-License-Identifier: MIT */
/*
 * Class loaders as a tree by parent, the boot loader on top, and the class names that several of them defined.
 */
#include "ha/report/builders.h"

#include <string.h>

#include "ha/query/q_loaders.h"

struct children_ctx {
    struct ha_report *r;
    struct ha_loader *const *list;
};

static void children_add(struct ha_report *r, struct ha_doc_node *row, const char *key,
                         struct ha_loader *const *list, uint64_t count);

/* "com.acme.PluginLoader 0x7f… "plugins"   STOPPED" */
static struct ha_err *who_say(struct ha_report *r, struct ha_doc_node *row,
                              const struct ha_loader *loader)
{
    struct ha_doc *doc = r->doc;
    struct ha_doc_node *who = ha_doc_line(doc, row, NULL);
    who->key = "who";
    if (loader->class_name == NULL) {
        ha_doc_say(doc, who, "<boot>");
        return NULL;
    }
    ha_doc_class(doc, who, NULL, loader->class_name);
    ha_doc_say(doc, who, " ");
    ha_doc_address(doc, who, NULL, ha_heap_address(r->query->snapshot->heap, loader->obj));
    if (loader->label != NULL) {
        ha_doc_say(doc, who, ha_doc_printf(doc, " %s", loader->label));
    }
    if (loader->state != NULL) {
        struct ha_doc_node *state =
            ha_doc_text(doc, who, NULL, ha_doc_printf(doc, "  %s", loader->state));
        state->strong = loader->stopped;
    }
    return NULL;
}

static struct ha_err *loader_row(void *ctx, struct ha_doc *doc, struct ha_doc_node *row,
                                 uint64_t index)
{
    const struct children_ctx *c = ctx;
    const struct ha_loader *loader = c->list[index];
    if (loader->class_name == NULL) {
        ha_doc_machine(ha_doc_text(doc, row, "loader", "<boot>"));
    } else {
        ha_doc_machine(ha_doc_address(doc, row, "loader",
                                      ha_heap_address(c->r->query->snapshot->heap, loader->obj)));
    }
    ha_doc_machine(ha_doc_text(doc, row, "loader_class", loader->class_name));
    ha_doc_machine(ha_doc_text(doc, row, "label", loader->label));
    ha_doc_machine(ha_doc_text(doc, row, "state", loader->state));
    ha_doc_machine(ha_doc_bool(doc, row, "stopped", loader->stopped));
    ha_doc_count(doc, row, "classes", loader->classes);
    ha_doc_count(doc, row, "duplicates", loader->duplicates);
    ha_doc_count(doc, row, "instances", loader->instances);
    ha_doc_bytes(doc, row, "shallow_bytes", loader->shallow_bytes);
    ha_doc_bytes(doc, row, "instances_retained_bytes", loader->instances_retained_bytes);
    ha_doc_bytes(doc, row, "retained_bytes", loader->retained_bytes);
    HA_TRY(who_say(c->r, row, loader));
    children_add(c->r, row, "children", loader->children, loader->child_count);
    return NULL;
}

static void children_add(struct ha_report *r, struct ha_doc_node *row, const char *key,
                         struct ha_loader *const *loaders, uint64_t count)
{
    static const struct ha_doc_column columns[] = {
        {"retained_bytes", "Loader keeps", NULL}, {"shallow_bytes", "Instances take", NULL},
        {"instances", "Instances", NULL},         {"classes", "Classes", NULL},
        {"duplicates", "Double", NULL},           {"who", "Class loader", NULL},
    };
    struct children_ctx *ctx = ha_doc_alloc(r->doc, sizeof *ctx);
    if (ctx != NULL) {
        *ctx = (struct children_ctx){r, loaders};
    }
    struct ha_doc_node *list =
        ha_doc_list_of(r->doc, row, key, ctx == NULL ? 0 : count, loader_row, ctx);
    ha_doc_columns(list, HA_DOC_TREE, columns, sizeof columns / sizeof *columns);
    list->u.list->people_most = 20;
    list->u.list->noun = "class loaders";
}

static struct ha_err *duplicate_row(void *ctx, struct ha_doc *doc, struct ha_doc_node *row,
                                    uint64_t index)
{
    const struct ha_duplicate_class *d = &((const struct ha_loaders *)ctx)->duplicates[index];
    ha_doc_count(doc, row, "loaders", d->loaders);
    ha_doc_count(doc, row, "instances", d->instances);
    ha_doc_bytes(doc, row, "shallow_bytes", d->shallow_bytes);
    ha_doc_class(doc, row, "class", d->name);
    return NULL;
}

static void gist_say(struct ha_report *r, struct ha_doc_node *record,
                     const struct ha_loaders *loaders)
{
    struct ha_doc *doc = r->doc;
    struct ha_doc_node *line = ha_doc_line(doc, record, "Loaders");
    ha_doc_say_count(doc, line, loaders->count, "class loader", NULL);
    uint64_t names = loaders->duplicate_count + loaders->duplicates_omitted;
    if (names > 0) {
        ha_doc_say(doc, line, "; ");
        ha_doc_say_count(doc, line, names, "class name", NULL);
        ha_doc_say(doc, line, " defined by several of them, most often by ");
        ha_doc_count(doc, line, NULL, loaders->duplicates[0].loaders);
    }
    ha_doc_command(doc, ha_doc_line(doc, record, "More"), NULL,
                   ha_report_command(r, "loaders", ""));
}

void ha_report_loaders(struct ha_report *r, struct ha_doc_node *parent,
                       const struct ha_loaders *loaders, bool brief)
{
    static const struct ha_doc_column columns[] = {{"loaders", "Loaders", NULL},
                                                   {"instances", "Instances", NULL},
                                                   {"shallow_bytes", "Bytes", NULL},
                                                   {"class", "Class", NULL}};
    struct ha_doc *doc = r->doc;
    struct ha_doc_node *record = ha_doc_title(ha_doc_record(doc, parent, "loaders"), "");
    struct ha_loader **root = ha_doc_alloc(doc, sizeof(struct ha_loader *));
    if (root == NULL) {
        return;
    }
    *root = loaders->root;
    ha_doc_machine(ha_doc_count(doc, record, "count", loaders->count));
    ha_doc_machine(ha_doc_count(doc, record, "stopped", loaders->stopped));
    if (loaders->stopped > 0) {
        struct ha_doc_node *line = ha_doc_line(doc, record, "Stopped");
        ha_doc_strong(ha_doc_say_count(doc, line, loaders->stopped, "web application", NULL));
        ha_doc_say(doc, line,
                   loaders->stopped == 1 ? " was stopped and is still in the heap"
                                         : " were stopped and are still in the heap");
        ha_doc_say(doc, line, ": the pattern stopped-application of 'suspects' says what holds it");
    }
    if (brief) {
        gist_say(r, record, loaders);
    }
    children_add(r, ha_doc_section(doc, record, brief ? NULL : "Class loaders by parent"), "tree",
                 root, 1);
    if (brief) {
        ha_doc_machine(record->last_child->last_child);
    }
    struct ha_doc_node *section =
        ha_doc_section(doc, record, brief ? NULL : "Classes that several loaders defined");
    struct ha_doc_node *list = ha_doc_list_of(doc, section, "duplicates", loaders->duplicate_count,
                                              duplicate_row, (void *)(uintptr_t)loaders);
    ha_doc_columns(list, HA_DOC_TABLE, columns, sizeof columns / sizeof *columns);
    list->u.list->omitted = loaders->duplicates_omitted;
    list->u.list->people_most = 10;
    list->u.list->noun = "classes";
    list->u.list->empty = "none";
    if (brief) {
        ha_doc_machine(list);
    }
}
