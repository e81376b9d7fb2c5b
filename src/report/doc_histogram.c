/* SPDX-License-Identifier: MIT */
/*
 * Histograms as documents: by class, package or loader; and the rows that other documents borrow (retained classes, top consumers).
 */
#include "ha/report/builders.h"

#include <string.h>

#include "report/parts.h"

struct histogram_ctx {
    struct ha_report *r;
    const struct ha_histogram *histogram;
};

void part_loader_words(struct ha_doc *doc, struct ha_doc_node *row,
                       const struct ha_histogram_row *h)
{
    struct ha_doc_node *who = ha_doc_line(doc, row, NULL);
    who->key = "who";
    if (h->loader_address == 0) {
        ha_doc_say(doc, who, "<boot>");
        return;
    }
    ha_doc_class(doc, who, NULL, h->loader_class == NULL ? "?" : h->loader_class);
    ha_doc_say(doc, who, " ");
    ha_doc_address(doc, who, NULL, h->loader_address);
    if (h->name != NULL) {
        ha_doc_say(doc, who, " ");
        ha_doc_text(doc, who, NULL, h->name);
    }
}

static void loader_member(struct ha_doc *doc, struct ha_doc_node *row,
                          const struct ha_histogram_row *h)
{
    if (h->loader_address == 0) {
        ha_doc_text(doc, row, "loader", "<boot>");
    } else {
        ha_doc_address(doc, row, "loader", h->loader_address);
    }
}

void part_histogram_row(struct ha_report *r, struct ha_doc_node *row, enum ha_group_by by,
                        bool has_retained, const struct ha_histogram_row *h)
{
    struct ha_doc *doc = r->doc;
    switch (by) {
    case HA_BY_CLASS:
        ha_doc_class(doc, row, "class", h->name);
        loader_member(doc, row, h);
        ha_doc_address(doc, row, "class_object", h->class_object);
        break;
    case HA_BY_PACKAGE:
        ha_doc_text(doc, row, "package", h->name);
        ha_doc_people(ha_doc_text(doc, row, "who",
                                  h->name == NULL || *h->name == '\0' ? "(no package)" : h->name));
        ha_doc_count(doc, row, "classes", h->classes);
        break;
    case HA_BY_LOADER:
        loader_member(doc, row, h);
        ha_doc_class(doc, row, "loader_class", h->loader_class);
        ha_doc_text(doc, row, "label", h->name);
        part_loader_words(doc, row, h);
        ha_doc_count(doc, row, "classes", h->classes);
        break;
    }
    ha_doc_count(doc, row, "instances", h->instances);
    ha_doc_bytes(doc, row, "shallow_bytes", h->shallow_bytes);
    if (has_retained) {
        ha_doc_bytes(doc, row, "retained_bytes", h->retained_bytes);
        ha_doc_people(
            ha_doc_percent(doc, row, "percent", ha_query_percent(r->query, h->retained_bytes)));
    }
}

static struct ha_err *histogram_row(void *ctx, struct ha_doc *doc, struct ha_doc_node *row,
                                    uint64_t index)
{
    const struct histogram_ctx *c = ctx;
    (void)doc;
    part_histogram_row(c->r, row, c->histogram->by, c->histogram->has_retained,
                       &c->histogram->rows[index]);
    return NULL;
}

/* Rows that have instances: the others come last in every order, and people see them only when they ask for all. */
static uint64_t worth_of(const struct ha_histogram *histogram)
{
    uint64_t low = 0;
    uint64_t high = histogram->count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (histogram->rows[middle].instances > 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void columns_set(struct ha_doc_node *list, const struct ha_histogram *histogram)
{
    static const struct ha_doc_column of_classes[] = {
        {"retained_bytes", "Retained", NULL},
        {"percent", "%", NULL},
        {"shallow_bytes", "Shallow", NULL},
        {"instances", "Instances", NULL},
        {"class", "Class", NULL},
    };
    static const struct ha_doc_column of_packages[] = {
        {"retained_bytes", "Retained", NULL}, {"percent", "%", NULL},
        {"shallow_bytes", "Shallow", NULL},   {"instances", "Instances", NULL},
        {"classes", "Classes", NULL},         {"who", "Package", NULL},
    };
    static const struct ha_doc_column of_loaders[] = {
        {"retained_bytes", "Retained", NULL}, {"percent", "%", NULL},
        {"shallow_bytes", "Shallow", NULL},   {"instances", "Instances", NULL},
        {"classes", "Classes", NULL},         {"who", "Class loader", NULL},
    };
    const struct ha_doc_column *columns = of_classes;
    size_t count = 5;
    if (histogram->by != HA_BY_CLASS) {
        columns = histogram->by == HA_BY_PACKAGE ? of_packages : of_loaders;
        count = 6;
    }
    size_t skip = histogram->has_retained ? 0 : 2;
    ha_doc_columns(list, HA_DOC_TABLE, columns + skip, count - skip);
}

void ha_report_histogram(struct ha_report *r, struct ha_doc_node *parent, const char *key,
                         const struct ha_histogram *histogram)
{
    static const char *const nouns[] = {"classes", "packages", "class loaders"};
    struct histogram_ctx *ctx = ha_doc_alloc(r->doc, sizeof *ctx);
    if (ctx == NULL) {
        return;
    }
    *ctx = (struct histogram_ctx){r, histogram};
    struct ha_doc_node *list =
        ha_doc_list_of(r->doc, parent, key, histogram->count, histogram_row, ctx);
    columns_set(list, histogram);
    list->u.list->omitted = histogram->omitted;
    list->u.list->people_most = 20;
    list->u.list->people_worth = worth_of(histogram);
    list->u.list->noun = nouns[histogram->by];
    list->u.list->empty = "nothing matches";
}
