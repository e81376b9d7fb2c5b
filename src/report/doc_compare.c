/* SPDX-License-Identifier: MIT */
/*
 * What grew between heaps, as a document. Both heaps may be saved reports, so that nothing here looks at a snapshot: the members every
 * document begins with come from the summary of the newest heap.
 */
#include "ha/report/compare_builders.h"

#include <inttypes.h>
#include <string.h>

#include "ha/compare/place_words.h"
#include "ha/report/words.h"
#include "report/parts.h"

#define PEOPLE_MOST 15 /* rows of each table */

/* ---- changes in words ---- */

const char *part_change(struct ha_doc *doc, uint64_t old, uint64_t new, bool bytes)
{
    struct ha_sbuf text = {0};
    uint64_t by = new > old ? new - old : old - new;
    ha_sbuf_puts(&text, new == old ? "" : new > old ? "+" : "-");
    if (bytes) {
        ha_words_bytes(&text, by);
    } else {
        ha_words_count(&text, by);
    }
    const char *made = ha_doc_copy(doc, ha_sbuf_text(&text), text.len);
    ha_sbuf_deinit(&text);
    return made;
}

const char *part_place(struct ha_doc *doc, const char *signature)
{
    struct ha_sbuf text = {0};
    ha_place_words(signature, &text);
    const char *made = ha_doc_copy(doc, ha_sbuf_text(&text), text.len);
    ha_sbuf_deinit(&text);
    return made;
}

static int64_t difference(uint64_t old, uint64_t new)
{
    uint64_t by = new > old ? new - old : old - new;
    int64_t most = by > INT64_MAX ? INT64_MAX : (int64_t)by;
    return new >= old ? most : -most;
}

static void change_text(struct ha_doc *doc, struct ha_doc_node *row, const char *key, const char *text)
{
    struct ha_doc_node *node = ha_doc_people(ha_doc_text(doc, row, key, text));
    node->right = true;
}

/* ---- the envelope ---- */

static void dump_members(struct ha_doc *doc, struct ha_doc_node *dump, const struct ha_summary *s)
{
    ha_doc_text(doc, dump, "file", s->dump.file);
    ha_doc_bytes(doc, dump, "bytes", s->dump.bytes);
    ha_doc_text(doc, dump, "format", s->dump.format);
    ha_doc_count(doc, dump, "id_size", s->dump.id_size);
    ha_doc_text(doc, dump, "created", s->dump.created);
    ha_doc_count(doc, dump, "heap", s->dump.heap);
    ha_doc_count(doc, dump, "heaps", s->dump.heaps);
    ha_doc_text(doc, dump, "jvm", s->dump.jvm);
    ha_doc_bool(doc, dump, "compressed_references", s->dump.compressed_references);
    ha_doc_count(doc, dump, "object_alignment", s->dump.object_alignment);
    ha_doc_text(doc, dump, "size_model", s->dump.size_model);
    ha_doc_bool(doc, dump, "from_report", s->from_report);
}

static void heap_members(struct ha_doc *doc, struct ha_doc_node *heap, const struct ha_summary *s)
{
    ha_doc_count(doc, heap, "objects", s->heap.objects);
    ha_doc_bytes(doc, heap, "shallow_bytes", s->heap.shallow_bytes);
    ha_doc_count(doc, heap, "classes", s->heap.classes);
    ha_doc_count(doc, heap, "class_loaders", s->heap.class_loaders);
    ha_doc_count(doc, heap, "gc_roots", s->heap.gc_roots);
    struct ha_doc_node *unreachable = ha_doc_record(doc, heap, "unreachable");
    ha_doc_count(doc, unreachable, "objects", s->heap.unreachable_objects);
    ha_doc_bytes(doc, unreachable, "shallow_bytes", s->heap.unreachable_bytes);
}

static void warnings_member(struct ha_doc *doc, struct ha_doc_node *root, const struct ha_summary *s)
{
    struct ha_doc_node *warnings = ha_doc_machine(ha_doc_list(doc, root, "warnings"));
    warnings->u.list->never_cut = true;
    for (uint64_t i = 0; i < s->warning_count; i++) {
        const struct ha_summary_warning *w = &s->warnings[i];
        struct ha_doc_node *row = ha_doc_record(doc, warnings, NULL);
        ha_doc_text(doc, row, "code", w->code);
        ha_doc_text(doc, row, "severity", w->severity);
        ha_doc_text(doc, row, "message", w->message);
        if (w->offset == HA_ERR_NO_OFFSET) {
            ha_doc_null(doc, row, "offset");
        } else {
            ha_doc_count(doc, row, "offset", w->offset);
        }
        ha_doc_count(doc, row, "count", w->count);
    }
}

static void envelope(struct ha_doc *doc, const char *version, const struct ha_compare *c)
{
    struct ha_doc_node *root = ha_doc_root(doc);
    part_tool(doc, root, "compare", version);
    dump_members(doc, ha_doc_machine(ha_doc_record(doc, root, "dump")), c->new);
    heap_members(doc, ha_doc_machine(ha_doc_record(doc, root, "heap")), c->new);
    warnings_member(doc, root, c->new);
    dump_members(doc, ha_doc_machine(ha_doc_record(doc, root, "old_dump")), c->old);
}

/* ---- the heap ---- */

static void heap_row(struct ha_doc *doc, struct ha_doc_node *record, struct ha_doc_node *table, const char *key,
                     const char *title, uint64_t old, uint64_t new, bool bytes)
{
    struct ha_doc_node *machine = ha_doc_record(doc, record, key);
    struct ha_doc_node *row = ha_doc_record(doc, table, NULL);
    ha_doc_count(doc, machine, "old", old);
    ha_doc_count(doc, machine, "new", new);
    ha_doc_integer(doc, machine, "change", difference(old, new));
    ha_doc_text(doc, row, "what", title);
    ha_doc_count(doc, row, "old", old)->kind = bytes ? HA_DOC_BYTES : HA_DOC_COUNT;
    ha_doc_count(doc, row, "new", new)->kind = bytes ? HA_DOC_BYTES : HA_DOC_COUNT;
    change_text(doc, row, "change", part_change(doc, old, new, bytes));
    if (old > 0) {
        double percent = 100.0 * ((double)new - (double)old) / (double)old;
        change_text(doc, row, "percent", ha_doc_printf(doc, "%+.1f %%", percent));
    }
}

static void heap_part(struct ha_doc *doc, struct ha_doc_node *parent, struct ha_doc_node *record, const struct ha_compare *c)
{
    static const struct ha_doc_column columns[] = {
        {"what", "Heap", NULL}, {"old", "Old", NULL}, {"new", "New", NULL}, {"change", "Change", NULL}, {"percent", "%", NULL}};
    struct ha_doc_node *heap = ha_doc_machine(ha_doc_record(doc, record, "heap"));
    struct ha_doc_node *table = ha_doc_people(ha_doc_list(doc, parent, NULL));
    ha_doc_columns(table, HA_DOC_TABLE, columns, sizeof columns / sizeof *columns);
    table->u.list->never_cut = true;
    const struct ha_summary *o = c->old, *n = c->new;
    heap_row(doc, heap, table, "shallow_bytes", "Size", o->heap.shallow_bytes, n->heap.shallow_bytes, true);
    heap_row(doc, heap, table, "objects", "Objects", o->heap.objects, n->heap.objects, false);
    heap_row(doc, heap, table, "classes", "Classes", o->heap.classes, n->heap.classes, false);
    heap_row(doc, heap, table, "class_loaders", "Class loaders", o->heap.class_loaders, n->heap.class_loaders, false);
    heap_row(doc, heap, table, "gc_roots", "GC roots", o->heap.gc_roots, n->heap.gc_roots, false);
}

/* ---- classes ---- */

static void sizes_member(struct ha_doc *doc, struct ha_doc_node *row, const char *key, const struct ha_sizes3 *sizes)
{
    struct ha_doc_node *record = ha_doc_machine(ha_doc_record(doc, row, key));
    ha_doc_count(doc, record, "instances", sizes->instances);
    ha_doc_bytes(doc, record, "shallow_bytes", sizes->shallow_bytes);
    ha_doc_bytes(doc, record, "retained_bytes", sizes->retained_bytes);
}

static const char *class_status(const struct ha_class_change *c)
{
    if (c->old.instances == 0 || c->new.instances == 0) {
        return c->old.instances == 0 ? "new" : "gone";
    }
    if (c->old.retained_bytes == c->new.retained_bytes) {
        return c->new.instances > c->old.instances ? "grown" : "shrunk";
    }
    return c->new.retained_bytes > c->old.retained_bytes ? "grown" : "shrunk";
}

static struct ha_err *class_row(void *ctx, struct ha_doc *doc, struct ha_doc_node *row, uint64_t index)
{
    const struct ha_compare *c = ctx;
    const struct ha_class_change *change = &c->classes[index];
    ha_doc_class(doc, row, "class", change->name);
    const char *status = class_status(change);
    ha_doc_machine(ha_doc_text(doc, row, "status", status));
    sizes_member(doc, row, "old", &change->old);
    sizes_member(doc, row, "new", &change->new);
    struct ha_doc_node *by = ha_doc_machine(ha_doc_record(doc, row, "change"));
    ha_doc_integer(doc, by, "instances", difference(change->old.instances, change->new.instances));
    ha_doc_integer(doc, by, "shallow_bytes", difference(change->old.shallow_bytes, change->new.shallow_bytes));
    ha_doc_integer(doc, by, "retained_bytes", difference(change->old.retained_bytes, change->new.retained_bytes));
    change_text(doc, row, "retained", part_change(doc, change->old.retained_bytes, change->new.retained_bytes, true));
    change_text(doc, row, "shallow", part_change(doc, change->old.shallow_bytes, change->new.shallow_bytes, true));
    change_text(doc, row, "count", part_change(doc, change->old.instances, change->new.instances, false));
    bool telling = change->old.instances == 0 || change->new.instances == 0;
    ha_doc_people(ha_doc_text(doc, row, "note", telling ? status : NULL));
    return ha_doc_error(doc);
}

static void classes_part(struct ha_doc *doc, struct ha_doc_node *parent, const struct ha_compare *c, void *ctx)
{
    static const struct ha_doc_column columns[] = {{"retained", "Retained", NULL},
                                                   {"shallow", "Shallow", NULL},
                                                   {"count", "Instances", NULL},
                                                   {"note", "", NULL},
                                                   {"class", "Class", NULL}};
    struct ha_doc_node *list = ha_doc_list_of(doc, parent, "classes", c->class_count, class_row, ctx);
    ha_doc_columns(list, HA_DOC_TABLE, columns, sizeof columns / sizeof *columns);
    list->u.list->people_most = PEOPLE_MOST;
    list->u.list->noun = "classes";
    list->u.list->empty = "no class has changed";
}

/* ---- suspects ---- */

static void suspect_row(struct ha_doc *doc, struct ha_doc_node *list, const char *status, const struct ha_suspect_change *change)
{
    const struct ha_summary_suspect *s = change->new != NULL ? change->new : change->old;
    struct ha_doc_node *row = ha_doc_record(doc, list, NULL);
    uint64_t old = change->old == NULL ? 0 : change->old->retained_bytes;
    uint64_t new = change->new == NULL ? 0 : change->new->retained_bytes;
    if (status != NULL) {
        ha_doc_text(doc, row, "status", status);
        change_text(doc, row, "change", part_change(doc, old, new, true));
        ha_doc_bytes(doc, row, "retained_bytes", change->new == NULL ? old : new);
        ha_doc_class(doc, row, "class", s->class_name);
        if (s->holder_class != NULL) {
            ha_doc_text(doc, row, "held",
                        ha_doc_printf(doc, "%s%s%s", s->holder_class, s->holder_field == NULL ? "" : "#",
                                      s->holder_field == NULL ? "" : s->holder_field));
        }
        ha_doc_text(doc, row, "id", s->id);
        return;
    }
    ha_doc_text(doc, row, "id", s->id);
    ha_doc_text(doc, row, "kind", s->kind);
    ha_doc_class(doc, row, "class", s->class_name);
    if (s->holder_class == NULL) {
        ha_doc_null(doc, row, "held_by");
    } else {
        struct ha_doc_node *held = ha_doc_record(doc, row, "held_by");
        ha_doc_class(doc, held, "class", s->holder_class);
        ha_doc_text(doc, held, "field", s->holder_field);
    }
    if (change->old == NULL) {
        ha_doc_null(doc, row, "old_retained_bytes");
    } else {
        ha_doc_bytes(doc, row, "old_retained_bytes", old);
    }
    if (change->new == NULL) {
        ha_doc_null(doc, row, "new_retained_bytes");
    } else {
        ha_doc_bytes(doc, row, "new_retained_bytes", new);
    }
}

static void suspects_part(struct ha_doc *doc, struct ha_doc_node *parent, struct ha_doc_node *record, const struct ha_compare *c)
{
    static const struct ha_doc_column columns[] = {{"status", "", NULL},      {"retained_bytes", "Retained", NULL},
                                                   {"change", "Change", NULL}, {"class", "Class", NULL},
                                                   {"held", "Held by", NULL},  {"id", "Id", NULL}};
    const struct {
        const char *key;
        const struct ha_suspect_changes *list;
    } lists[] = {{"new", &c->suspects_new},
                 {"grown", &c->suspects_grown},
                 {"resolved", &c->suspects_resolved},
                 {"persisted", &c->suspects_persisted}};
    if (!c->has_suspects) {
        ha_doc_machine(ha_doc_null(doc, record, "suspects"));
        return;
    }
    struct ha_doc_node *machine = ha_doc_machine(ha_doc_record(doc, record, "suspects"));
    struct ha_doc_node *section = ha_doc_people(ha_doc_section(doc, parent, "Leak suspects"));
    struct ha_doc_node *table = ha_doc_list(doc, section, NULL);
    ha_doc_columns(table, HA_DOC_TABLE, columns, sizeof columns / sizeof *columns);
    table->u.list->empty = "None in either heap.";
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        struct ha_doc_node *list = ha_doc_list(doc, machine, lists[i].key);
        list->u.list->never_cut = true;
        for (uint64_t k = 0; k < lists[i].list->count; k++) {
            suspect_row(doc, list, NULL, &lists[i].list->list[k]);
            suspect_row(doc, table, lists[i].key, &lists[i].list->list[k]);
        }
    }
}

/* ---- places ---- */

static struct ha_err *place_row(void *ctx, struct ha_doc *doc, struct ha_doc_node *row, uint64_t index)
{
    const struct ha_compare *c = ctx;
    const struct ha_place_change *change = &c->places[index];
    ha_doc_machine(ha_doc_text(doc, row, "signature", change->signature));
    ha_doc_machine(ha_doc_class(doc, row, "class", change->class_name));
    ha_doc_machine(ha_doc_text(doc, row, "status",
                               !change->in_old                              ? "new"
                               : !change->in_new                            ? "gone"
                               : change->new_bytes > change->old_bytes      ? "grown"
                               : change->new_bytes < change->old_bytes      ? "shrunk"
                               : change->new_objects > change->old_objects ? "grown"
                                                                            : "shrunk"));
    ha_doc_machine(ha_doc_count(doc, row, "old_objects", change->old_objects));
    ha_doc_machine(ha_doc_count(doc, row, "new_objects", change->new_objects));
    ha_doc_machine(ha_doc_bytes(doc, row, "old_retained_bytes", change->old_bytes));
    ha_doc_machine(ha_doc_bytes(doc, row, "new_retained_bytes", change->new_bytes));
    ha_doc_machine(ha_doc_integer(doc, row, "change_bytes", difference(change->old_bytes, change->new_bytes)));
    change_text(doc, row, "change", part_change(doc, change->old_bytes, change->new_bytes, true));
    change_text(doc, row, "objects", part_change(doc, change->old_objects, change->new_objects, false));
    ha_doc_people(ha_doc_text(doc, row, "note", !change->in_old ? "new" : !change->in_new ? "gone" : NULL));
    ha_doc_people(ha_doc_text(doc, row, "where", part_place(doc, change->signature)));
    return ha_doc_error(doc);
}

static void places_part(struct ha_doc *doc, struct ha_doc_node *parent, const struct ha_compare *c, void *ctx)
{
    static const struct ha_doc_column columns[] = {
        {"change", "Retained", NULL}, {"objects", "Objects", NULL}, {"note", "", NULL}, {"where", "Held by", NULL}};
    if (!c->has_places) {
        ha_doc_machine(ha_doc_null(doc, parent, "dominators"));
        ha_doc_prose(doc, parent, "Not known: a saved report does not hold the dominator tree. Compare the dumps for it.");
        return;
    }
    struct ha_doc_node *list = ha_doc_list_of(doc, parent, "dominators", c->place_count, place_row, ctx);
    ha_doc_columns(list, HA_DOC_TABLE, columns, sizeof columns / sizeof *columns);
    list->u.list->people_most = PEOPLE_MOST;
    list->u.list->noun = "places";
    list->u.list->empty = "no place has changed";
}

/* ---- two heaps ---- */

static void limit_part(struct ha_doc *doc, struct ha_doc_node *parent, struct ha_doc_node *record, const struct ha_compare_limit *limit)
{
    struct ha_sbuf words = {0};
    ha_tolerance_words(&limit->tolerance, HA_UNIT_BYTES, &words);
    const char *text = ha_doc_copy(doc, ha_sbuf_text(&words), words.len);
    ha_sbuf_deinit(&words);
    struct ha_doc_node *machine = ha_doc_machine(ha_doc_record(doc, record, "fail_on_growth"));
    ha_doc_text(doc, machine, "limit", text);
    ha_doc_bytes(doc, machine, "limit_bytes", limit->limit_bytes);
    ha_doc_bytes(doc, machine, "actual_bytes", limit->actual_bytes);
    ha_doc_bool(doc, machine, "passed", limit->passed);
    struct ha_doc_node *line = ha_doc_line(doc, parent, "Verdict");
    ha_doc_strong(ha_doc_text(doc, line, NULL, limit->passed ? "passed" : "FAILED"));
    ha_doc_say(doc, line, ": the heap is ");
    ha_doc_bytes(doc, line, NULL, limit->actual_bytes);
    ha_doc_say(doc, line, ", allowed are ");
    ha_doc_bytes(doc, line, NULL, limit->limit_bytes);
    ha_doc_say(doc, line, ha_doc_printf(doc, " (%s)", text));
}

static void heap_line(struct ha_doc *doc, const char *label, const struct ha_summary *s)
{
    struct ha_doc_node *line = ha_doc_line(doc, ha_doc_root(doc), label);
    ha_doc_text(doc, line, NULL, s->path);
    if (s->from_report) {
        ha_doc_say(doc, line, " (saved report)");
    }
    if (s->dump.created != NULL) {
        ha_doc_say(doc, line, ha_doc_printf(doc, " · dumped %s", s->dump.created));
    }
}

void ha_report_compare(struct ha_doc *doc, const char *version, const struct ha_compare *compare, const struct ha_compare_limit *limit)
{
    struct ha_doc_node *root = ha_doc_root(doc);
    struct ha_compare *ctx = ha_doc_alloc(doc, sizeof *ctx);
    if (ctx == NULL) {
        return;
    }
    *ctx = *compare;
    envelope(doc, version, compare);
    heap_line(doc, "Old", compare->old);
    heap_line(doc, "New", compare->new);
    struct ha_doc_node *record = ha_doc_title(ha_doc_record(doc, root, "compare"), "");
    if (limit != NULL) {
        limit_part(doc, record, record, limit);
    }
    heap_part(doc, record, record, compare);
    suspects_part(doc, record, record, compare);
    classes_part(doc, ha_doc_section(doc, record, "Classes that changed"), compare, ctx);
    places_part(doc, ha_doc_section(doc, record, "Where memory changed (dominator tree)"), compare, ctx);
}
