/* SPDX-License-Identifier: MIT */
/*
 * A series of heaps as a document: the comparison of the first with the last, and what grew from step to step.
 */
#include "ha/report/compare_builders.h"

#include <string.h>

#include "report/parts.h"

#define PEOPLE_MOST 15

struct growth_ctx {
    const struct ha_growth *growth;
    const struct ha_growth_row *rows;
    bool places;
};

static struct ha_doc_node *people(struct ha_doc_node *node)
{
    node->right = true;
    return ha_doc_people(node);
}

static struct ha_err *growth_row(void *ctx, struct ha_doc *doc, struct ha_doc_node *row, uint64_t index)
{
    const struct growth_ctx *c = ctx;
    const struct ha_growth_row *g = &c->rows[index];
    uint32_t last = c->growth->heap_count - 1;
    ha_doc_machine(ha_doc_class(doc, row, "class", g->class_name));
    if (c->places) {
        ha_doc_machine(ha_doc_text(doc, row, "signature", g->name));
    }
    ha_doc_machine(ha_doc_count(doc, row, "grown_steps", g->grown_steps));
    ha_doc_machine(ha_doc_bool(doc, row, "steady", g->grown_steps == last));
    ha_doc_machine(ha_doc_count(doc, row, "least_step", g->least_step));
    ha_doc_machine(ha_doc_bytes(doc, row, "grown_bytes", g->bytes_grown));
    struct ha_doc_node *counts = ha_doc_machine(ha_doc_list(doc, row, c->places ? "objects" : "instances"));
    struct ha_doc_node *bytes = ha_doc_machine(ha_doc_list(doc, row, "retained_bytes"));
    counts->u.list->never_cut = bytes->u.list->never_cut = true;
    for (uint32_t i = 0; i <= last; i++) {
        ha_doc_count(doc, counts, NULL, g->counts[i]);
        ha_doc_bytes(doc, bytes, NULL, g->bytes[i]);
    }
    people(ha_doc_text(doc, row, "steps", ha_doc_printf(doc, "%u of %u", g->grown_steps, last)));
    people(ha_doc_text(doc, row, "retained", part_change(doc, g->bytes[0], g->bytes[last], true)));
    people(ha_doc_text(doc, row, "count", part_change(doc, g->counts[0], g->counts[last], false)));
    ha_doc_people(c->places ? ha_doc_text(doc, row, "what", part_place(doc, g->name)) : ha_doc_class(doc, row, "what", g->name));
    return ha_doc_error(doc);
}

static void rows_part(struct ha_doc *doc, struct ha_doc_node *parent, const struct ha_growth *growth, bool places)
{
    static const struct ha_doc_column of_classes[] = {
        {"steps", "Grew in", NULL}, {"count", "Instances", NULL}, {"retained", "Retained", NULL}, {"what", "Class", NULL}};
    static const struct ha_doc_column of_places[] = {
        {"steps", "Grew in", NULL}, {"count", "Objects", NULL}, {"retained", "Retained", NULL}, {"what", "Held by", NULL}};
    struct growth_ctx *ctx = ha_doc_alloc(doc, sizeof *ctx);
    if (ctx == NULL) {
        return;
    }
    *ctx = (struct growth_ctx){growth, places ? growth->places : growth->classes, places};
    struct ha_doc_node *list = ha_doc_list_of(doc, parent, places ? "dominators" : "classes",
                                              places ? growth->place_count : growth->class_count, growth_row, ctx);
    ha_doc_columns(list, HA_DOC_TABLE, places ? of_places : of_classes, 4);
    list->u.list->people_most = PEOPLE_MOST;
    list->u.list->noun = places ? "places" : "classes";
    list->u.list->empty = places ? "no place grew" : "no class grew";
}

static void heaps_part(struct ha_doc *doc, struct ha_doc_node *parent, const struct ha_summary *const *heaps, uint32_t count)
{
    static const struct ha_doc_column columns[] = {
        {"shallow_bytes", "Size", NULL}, {"objects", "Objects", NULL}, {"file", "Heap", NULL}};
    struct ha_doc_node *list = ha_doc_list(doc, parent, "heaps");
    ha_doc_columns(list, HA_DOC_TABLE, columns, sizeof columns / sizeof *columns);
    list->u.list->never_cut = true;
    for (uint32_t i = 0; i < count; i++) {
        struct ha_doc_node *row = ha_doc_record(doc, list, NULL);
        ha_doc_text(doc, row, "file", heaps[i]->path);
        ha_doc_bytes(doc, row, "shallow_bytes", heaps[i]->heap.shallow_bytes);
        ha_doc_count(doc, row, "objects", heaps[i]->heap.objects);
    }
}

void ha_report_growth(struct ha_doc *doc, const char *version, const struct ha_compare *compare, const struct ha_compare_limit *limit,
                      const struct ha_summary *const *heaps, const struct ha_growth *growth)
{
    struct ha_doc_node *root = ha_doc_root(doc);
    struct ha_doc_node *series = ha_doc_title(ha_doc_record(doc, root, "series"), "");
    ha_doc_machine(ha_doc_count(doc, series, "steps", growth->heap_count - 1));
    heaps_part(doc, ha_doc_section(doc, series, "Heaps"), heaps, growth->heap_count);
    struct ha_doc_node *line = ha_doc_line(doc, series, "Steady");
    ha_doc_say_count(doc, line, growth->steady_classes, "class", "classes");
    ha_doc_say(doc, line, " and ");
    ha_doc_say_count(doc, line, growth->steady_places, "place", NULL);
    ha_doc_say(doc, line, " grew in every step");
    rows_part(doc, ha_doc_section(doc, series, "Where it grew, the steadiest first"), growth, true);
    rows_part(doc, ha_doc_section(doc, series, "What grew, the steadiest first"), growth, false);
    ha_report_compare(doc, version, compare, limit);
}
