/* SPDX-License-Identifier: MIT */
/*
 * Paths from GC roots as a document:
 *
 *     1. system class com.acme.BotGateway 0x7f…
 *        static EVIDENCE  -> com.acme.BotGateway$EvidenceService 0x7f…
 *        .validators      -> java.util.HashMap 0x7f…
 */
#include "ha/report/builders.h"

#include "report/parts.h"

struct paths_ctx {
    struct ha_report *r;
    const struct ha_paths *paths;
};

struct ha_err *part_root_line(struct ha_report *r, struct ha_doc_node *parent,
                              const struct ha_root_info *root, ha_obj obj)
{
    struct ha_doc *doc = r->doc;
    struct ha_doc_node *line = ha_doc_line(doc, parent, NULL);
    ha_cls cls;
    if (root->kinds != 0 && root->kind == HA_ROOT_SYSTEM_CLASS &&
        ha_heap_as_class(r->query->snapshot->heap, obj, &cls)) {
        ha_doc_say(doc, line, "system "); // the object says "class …"
    } else {
        ha_doc_say(doc, line,
                   root->kinds == 0 ? "from "
                                    : ha_doc_printf(doc, "%s ", ha_root_kind_text(root->kind)));
    }
    HA_TRY(ha_report_object(r, line, NULL, obj, NULL));
    if (!ha_obj_is_none(root->thread) && !ha_obj_equal(root->thread, obj)) {
        ha_doc_say(doc, line, " of thread ");
        HA_TRY(ha_report_object(r, line, NULL, root->thread, NULL));
    }
    return NULL;
}

struct ha_err *part_path(struct ha_report *r, struct ha_doc_node *parent, const char *key,
                         const struct ha_root_info *root, const struct ha_step *steps,
                         uint64_t count)
{
    if (count > 0) {
        HA_TRY(part_root_line(r, parent, root, steps[0].obj));
    }
    struct ha_doc_node *list = ha_report_steps(r, parent, key, steps, count);
    list->title = ""; // steps hang below their root
    list->u.list->people_first = 1;
    return NULL;
}

static struct ha_err *path_row(void *ctx, struct ha_doc *doc, struct ha_doc_node *row,
                               uint64_t index)
{
    const struct paths_ctx *c = ctx;
    const struct ha_path *path = &c->paths->list[index];
    struct ha_doc_node *target = NULL;
    HA_TRY(ha_report_object(c->r, row, "target", path->target, &target));
    ha_doc_machine(target);
    HA_TRY(ha_report_root(c->r, row, "root", &path->root));
    ha_doc_machine(row->last_child);
    HA_TRY(part_path(c->r, row, "steps", &path->root, path->steps, path->count));
    return ha_doc_error(doc);
}

struct ha_err *ha_report_paths(struct ha_report *r, struct ha_doc_node *parent,
                               const struct ha_paths *paths)
{
    struct paths_ctx *ctx = ha_doc_alloc(r->doc, sizeof *ctx);
    if (ctx == NULL) {
        return ha_err_nomem();
    }
    *ctx = (struct paths_ctx){r, paths};
    struct ha_doc_node *list = ha_doc_list_of(r->doc, parent, "paths", paths->count, path_row, ctx);
    list->u.list->style = HA_DOC_NUMBERED;
    list->u.list->never_cut = true; // --max says how many
    list->u.list->noun = "paths";
    list->u.list->empty = "No path from a GC root is left when these references are excluded "
                          "(--exclude none follows all).";
    if (paths->more) {
        ha_doc_machine(ha_doc_bool(r->doc, parent, "more", true));
        ha_doc_prose(r->doc, parent, "There may be more paths (--max 0 finds all).");
    }
    return ha_doc_error(r->doc);
}
