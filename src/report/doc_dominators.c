/* SPDX-License-Identifier: MIT */
/*
 * The dominator tree as a document: rows with children, of objects or of groups.
 */
#include "ha/report/builders.h"

#include "report/parts.h"

#define CHILDREN_PEOPLE 3 /* of a node, unless -n says how many */

struct tree_ctx {
    struct ha_report *r;
    const struct ha_dominators *dominators;
    const struct ha_dominator_node *parent;
};

static struct ha_doc_node *children_add(struct ha_report *r, struct ha_doc_node *row,
                                        const char *key, const struct ha_dominators *dominators,
                                        const struct ha_dominator_node *parent);

static struct ha_err *tree_row(void *ctx, struct ha_doc *doc, struct ha_doc_node *row,
                               uint64_t index)
{
    const struct tree_ctx *c = ctx;
    const struct ha_dominator_node *node = &c->parent->children[index];
    if (node->group != NULL) {
        part_histogram_row(c->r, row, c->dominators->by, true, node->group);
    } else {
        struct ha_doc_node *object = NULL;
        HA_TRY(ha_report_object(c->r, row, "object", node->obj, &object));
    }
    double percent = ha_query_percent(c->r->query, node->retained_bytes);
    ha_doc_percent(doc, row, "retained_percent", percent);
    children_add(c->r, row, "children", c->dominators, node);
    return NULL;
}

static void columns_set(struct ha_doc_node *list, const struct ha_dominators *dominators)
{
    static const struct ha_doc_column of_objects[] = {
        {"object.retained_bytes", "Retained", NULL},
        {"retained_percent", "%", NULL},
        {"object.shallow_bytes", "Shallow", NULL},
        {"object", "Object", NULL},
    };
    static const struct ha_doc_column of_classes[] = {
        {"retained_bytes", "Retained", NULL},
        {"retained_percent", "%", NULL},
        {"shallow_bytes", "Shallow", NULL},
        {"instances", "Instances", NULL},
        {"class", "Class", NULL},
    };
    static const struct ha_doc_column of_packages[] = {
        {"retained_bytes", "Retained", NULL},
        {"retained_percent", "%", NULL},
        {"shallow_bytes", "Shallow", NULL},
        {"instances", "Instances", NULL},
        {"who", "Package", NULL},
    };
    static const struct ha_doc_column of_loaders[] = {
        {"retained_bytes", "Retained", NULL}, {"retained_percent", "%", NULL},
        {"shallow_bytes", "Shallow", NULL},   {"instances", "Instances", NULL},
        {"who", "Class loader", NULL},
    };
    if (!dominators->grouped) {
        ha_doc_columns(list, HA_DOC_TREE, of_objects, sizeof of_objects / sizeof *of_objects);
    } else if (dominators->by == HA_BY_CLASS) {
        ha_doc_columns(list, HA_DOC_TREE, of_classes, sizeof of_classes / sizeof *of_classes);
    } else if (dominators->by == HA_BY_PACKAGE) {
        ha_doc_columns(list, HA_DOC_TREE, of_packages, sizeof of_packages / sizeof *of_packages);
    } else {
        ha_doc_columns(list, HA_DOC_TREE, of_loaders, sizeof of_loaders / sizeof *of_loaders);
    }
}

static struct ha_doc_node *children_add(struct ha_report *r, struct ha_doc_node *row,
                                        const char *key, const struct ha_dominators *dominators,
                                        const struct ha_dominator_node *parent)
{
    struct tree_ctx *ctx = ha_doc_alloc(r->doc, sizeof *ctx);
    if (ctx != NULL) {
        *ctx = (struct tree_ctx){r, dominators, parent};
    }
    struct ha_doc_node *list =
        ha_doc_list_of(r->doc, row, key, ctx == NULL ? 0 : parent->child_count, tree_row, ctx);
    columns_set(list, dominators);
    list->u.list->omitted = parent->omitted;
    list->u.list->people_most = parent == &dominators->root ? 20 : CHILDREN_PEOPLE;
    list->u.list->noun = dominators->grouped ? "groups" : "objects";
    return list;
}

void ha_report_dominators(struct ha_report *r, struct ha_doc_node *parent,
                          const struct ha_dominators *dominators)
{
    struct ha_doc_node *list = children_add(r, parent, "dominators", dominators, &dominators->root);
    list->u.list->empty = ha_obj_is_none(dominators->root.obj) ? "the heap is empty"
                                                               : "it keeps no other object alive";
    if (dominators->cut) {
        ha_doc_prose(r->doc, parent,
                     "The tree is too large to be shown whole: deeper levels are left out.");
    }
}
