/* SPDX-License-Identifier: MIT */
/*
 * Pieces that several documents are made of: object records, steps, roots, and the members every document begins with.
 */
#include "ha/report/builders.h"

#include <inttypes.h>
#include <string.h>

#include "ha/base/mem.h"
#include "ha/report/words.h"
#include "report/parts.h"

#define STEPS_PEOPLE 24 /* of a path; the middle of longer ones is a list of like nodes anyway */

void ha_report_init(struct ha_report *r, struct ha_doc *doc, struct ha_query *query,
                    const char *version)
{
    *r = (struct ha_report){.doc = doc, .query = query, .version = version, .heap_option = ""};
}

void ha_report_deinit(struct ha_report *r)
{
    ha_arena_deinit(&r->scratch);
}

/* ---- objects, steps, roots ---- */

struct ha_err *ha_report_object(struct ha_report *r, struct ha_doc_node *parent, const char *key,
                                ha_obj obj, struct ha_doc_node **ret)
{
    struct ha_doc *doc = r->doc;
    if (ha_obj_is_none(obj)) {
        struct ha_doc_node *none = ha_doc_null(doc, parent, key);
        if (ret != NULL) {
            *ret = none;
        }
        return NULL;
    }
    struct ha_object_record record;
    HA_TRY(ha_object_describe(r->query, obj, &r->scratch, &record));
    struct ha_doc_node *node = ha_doc_object(doc, parent, key);
    part_object_members(doc, node, &record);
    ha_arena_reset(&r->scratch);
    if (ret != NULL) {
        *ret = node;
    }
    return NULL;
}

void part_object_members(struct ha_doc *doc, struct ha_doc_node *node,
                         const struct ha_object_record *record)
{
    const char *label =
        record->label == NULL ? NULL : ha_doc_copy(doc, record->label, strlen(record->label));
    ha_doc_address(doc, node, "address", record->address);
    ha_doc_class(doc, node, "class", record->class_name);
    ha_doc_class(doc, node, "is_class", record->is_class);
    ha_doc_text(doc, node, "label", label);
    ha_doc_bytes(doc, node, "shallow_bytes", record->shallow_bytes);
    ha_doc_bytes(doc, node, "retained_bytes", record->retained_bytes);
}

/* How people read a step: ".name" for an instance field, else the contract's text. */
static const char *step_words(struct ha_doc *doc, const struct ha_step *step)
{
    if (step->field == NULL) {
        return NULL;
    }
    return step->edge.kind == HA_EDGE_FIELD ? ha_doc_printf(doc, ".%s", step->field) : step->field;
}

struct steps_ctx {
    struct ha_report *r;
    const struct ha_step *steps;
};

static struct ha_err *step_row(void *ctx, struct ha_doc *doc, struct ha_doc_node *row,
                               uint64_t index)
{
    const struct steps_ctx *c = ctx;
    const struct ha_step *step = &c->steps[index];
    HA_TRY(ha_report_object(c->r, row, "object", step->obj, NULL));
    ha_doc_text(doc, row, "field", step->field);
    ha_doc_people(ha_doc_text(doc, row, "how", step_words(doc, step)));
    return NULL;
}

struct ha_doc_node *ha_report_steps(struct ha_report *r, struct ha_doc_node *parent,
                                    const char *key, const struct ha_step *steps, uint64_t count)
{
    static const struct ha_doc_column columns[] = {
        {"how", NULL, NULL},
        {"object", NULL, "-> "},
        {"object.retained_bytes", NULL, NULL},
    };
    struct steps_ctx *ctx = ha_doc_alloc(r->doc, sizeof *ctx);
    if (ctx != NULL) {
        *ctx = (struct steps_ctx){r, steps};
    }
    struct ha_doc_node *list =
        ha_doc_list_of(r->doc, parent, key, ctx == NULL ? 0 : count, step_row, ctx);
    ha_doc_columns(list, HA_DOC_STEPS, columns, sizeof columns / sizeof *columns);
    list->u.list->people_most = STEPS_PEOPLE;
    list->u.list->never_cut = true;
    list->u.list->noun = "steps";
    return list;
}

struct ha_err *ha_report_root(struct ha_report *r, struct ha_doc_node *parent, const char *key,
                              const struct ha_root_info *root)
{
    if (root->kinds == 0) {
        ha_doc_null(r->doc, parent, key);
        return NULL;
    }
    struct ha_doc_node *node = ha_doc_record(r->doc, parent, key);
    ha_doc_text(r->doc, node, "kind", ha_root_kind_text(root->kind));
    return ha_report_object(r, node, "thread", root->thread, NULL);
}

const char *ha_report_command(struct ha_report *r, const char *command, const char *rest)
{
    struct ha_sbuf path = {0};
    ha_words_shell(&path, r->query->snapshot->path);
    const char *text =
        ha_doc_printf(r->doc, "hprof-analyze %s %s%s%s%s", command, ha_sbuf_text(&path),
                      r->heap_option, *rest == '\0' ? "" : " ", rest);
    ha_sbuf_deinit(&path);
    return text;
}

/* ---- the envelope ---- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL || slash[1] == '\0' ? path : slash + 1;
}

static const char *jvm_version(struct ha_report *r)
{
    struct ha_sbuf text = {0};
    bool found = ha_snapshot_jvm_version(r->query->snapshot, &text);
    const char *version = found ? ha_doc_copy(r->doc, ha_sbuf_text(&text), text.len) : NULL;
    ha_sbuf_deinit(&text);
    return version;
}

/* What the model found out about the JVM, and how. */
static void size_details_build(struct ha_doc *doc, struct ha_doc_node *dump, const struct ha_sizes *sizes)
{
    struct ha_doc_node *list = ha_doc_list(doc, dump, "size_model_details");
    list->u.list->never_cut = true;
    for (uint32_t i = 0; i < sizes->part_count; i++) {
        const struct ha_size_part *part = &sizes->parts[i];
        struct ha_doc_node *row = ha_doc_record(doc, list, NULL);
        ha_doc_text(doc, row, "part", part->part);
        if (part->text == NULL) {
            ha_doc_count(doc, row, "value", part->value);
        } else if (part->text[0] == '\0') {
            ha_doc_bool(doc, row, "value", part->value != 0);
        } else {
            ha_doc_text(doc, row, "value", part->text);
        }
        ha_doc_text(doc, row, "found_by", part->found_by);
    }
}

static void dump_build(struct ha_report *r, struct ha_doc_node *parent)
{
    const struct ha_snapshot *snapshot = r->query->snapshot;
    const struct ha_heap_facts *facts = &snapshot->heap->facts;
    struct ha_doc *doc = r->doc;
    const char *file = base_name(ha_input_name(snapshot->path));
    struct ha_doc_node *dump = ha_doc_machine(ha_doc_record(doc, parent, "dump"));
    ha_doc_text(doc, dump, "file", ha_doc_copy(doc, file, strlen(file)));
    ha_doc_bytes(doc, dump, "bytes", snapshot->file_bytes);
    ha_doc_text(doc, dump, "format", facts->format);
    ha_doc_count(doc, dump, "id_size", facts->id_size);
    ha_doc_time(doc, dump, "created", facts->created_ms);
    ha_doc_count(doc, dump, "heap", facts->heap);
    ha_doc_count(doc, dump, "heaps", facts->heaps);
    ha_doc_text(doc, dump, "jvm", jvm_version(r));
    const struct ha_sizes *sizes = snapshot->sizes;
    ha_doc_bool(doc, dump, "compressed_references", facts->id_size == 8 && sizes->reference_bytes == 4);
    ha_doc_count(doc, dump, "object_alignment", sizes->alignment);
    ha_doc_text(doc, dump, "size_model", ha_size_model_name(sizes->model));
    if (sizes->part_count > 0) {
        size_details_build(doc, dump, sizes);
    }
}

static void heap_build(struct ha_report *r, struct ha_doc_node *parent)
{
    struct ha_overview overview = r->overview;
    struct ha_doc *doc = r->doc;
    struct ha_doc_node *heap = ha_doc_machine(ha_doc_record(doc, parent, "heap"));
    ha_doc_count(doc, heap, "objects", overview.objects);
    ha_doc_bytes(doc, heap, "shallow_bytes", overview.shallow_bytes);
    ha_doc_count(doc, heap, "classes", overview.classes);
    ha_doc_count(doc, heap, "class_loaders", overview.class_loaders);
    ha_doc_count(doc, heap, "gc_roots", overview.gc_roots);
    struct ha_doc_node *unreachable = ha_doc_record(doc, heap, "unreachable");
    ha_doc_count(doc, unreachable, "objects", overview.unreachable_objects);
    ha_doc_bytes(doc, unreachable, "shallow_bytes", overview.unreachable_bytes);
}

struct ha_err *ha_report_envelope(struct ha_report *r, const char *command)
{
    struct ha_doc *doc = r->doc;
    struct ha_doc_node *root = ha_doc_root(doc);
    HA_TRY(ha_query_overview(r->query, &r->overview));
    part_tool(doc, root, command, r->version);
    dump_build(r, root);
    heap_build(r, root);
    struct ha_doc_node *warnings = ha_doc_machine(ha_doc_list(doc, root, "warnings"));
    warnings->u.list->never_cut = true;
    const struct ha_diag *diag = r->query->snapshot->diag;
    for (enum ha_diag_code code = 0; code < HA_DIAG_COUNT && diag != NULL; code++) {
        const struct ha_diag_entry *entry = ha_diag_get(diag, code);
        if (entry->count == 0) {
            continue;
        }
        struct ha_doc_node *warning = ha_doc_record(doc, warnings, NULL);
        ha_doc_text(doc, warning, "code", ha_diag_code_text(code));
        ha_doc_text(doc, warning, "severity", ha_diag_is_damage(code) ? "damage" : "note");
        ha_doc_text(doc, warning, "message", entry->message);
        if (entry->off == HA_ERR_NO_OFFSET) {
            ha_doc_null(doc, warning, "offset");
        } else {
            ha_doc_count(doc, warning, "offset", entry->off);
        }
        ha_doc_count(doc, warning, "count", entry->count);
    }
    return ha_doc_error(doc);
}

void part_tool(struct ha_doc *doc, struct ha_doc_node *root, const char *command,
               const char *version)
{
    ha_doc_machine(ha_doc_text(doc, root, "schema", HA_REPORT_SCHEMA));
    ha_doc_machine(ha_doc_text(doc, root, "command", command));
    struct ha_doc_node *tool = ha_doc_machine(ha_doc_record(doc, root, "tool"));
    ha_doc_text(doc, tool, "name", "hprof-analyze");
    ha_doc_text(doc, tool, "version", version);
}

/* ---- the same for people ---- */

#define NAME_AS_LABEL 18 /* a file name up to this width stands in front of the line, as a label */

static void dump_line(struct ha_report *r, struct ha_doc_node *parent)
{
    const struct ha_snapshot *snapshot = r->query->snapshot;
    const struct ha_heap_facts *facts = &snapshot->heap->facts;
    struct ha_doc *doc = r->doc;
    const char *file = base_name(ha_input_name(snapshot->path));
    const char *name = ha_doc_copy(doc, file, strlen(file));
    bool is_label = strlen(name) <= NAME_AS_LABEL && name[strcspn(name, "\\\t\n\r\033")] == '\0';
    struct ha_doc_node *line = ha_doc_line(doc, parent, is_label ? name : "Dump");
    if (!is_label) {
        ha_doc_text(doc, line, NULL, name);
        ha_doc_say(doc, line, " · ");
    }
    ha_doc_bytes(doc, line, NULL, snapshot->file_bytes);
    ha_doc_say(doc, ha_doc_say(doc, line, " · "), facts->format);
    if (facts->heaps > 1) {
        ha_doc_say(
            doc, line,
            ha_doc_printf(doc, " · heap %" PRIu32 " of %" PRIu32, facts->heap, facts->heaps));
    }
    const char *jvm = jvm_version(r);
    if (jvm != NULL) {
        size_t build =
            strcspn(jvm, "+"); // "17.0.15+6": a JDK since 9; older ones have numbers of their own
        ha_doc_say(
            doc, line,
            ha_doc_printf(doc, " · %s %.*s", jvm[build] == '\0' ? "JVM" : "JDK", (int)build, jvm));
    }
    if (facts->created_ms > 0) {
        ha_doc_say(doc, line, " · dumped ");
        ha_doc_time(doc, line, NULL, facts->created_ms);
    }
}

/* "header 12, compressed references 4 (gaps between objects), alignment 8 (addresses)": how a part was found stands behind the last one found so. */
static void sizes_line(struct ha_report *r, struct ha_doc_node *parent)
{
    static const struct {
        const char *part, *words;
    } told[] = {{"header_bytes", "header"}, {"reference_bytes", "references"}, {"object_alignment", "alignment"}};
    const struct ha_sizes *sizes = r->query->snapshot->sizes;
    const uint32_t count = sizeof told / sizeof *told;
    struct ha_doc *doc = r->doc;
    struct ha_doc_node *line = ha_doc_line(doc, parent, "Sizes");
    if (sizes->part_count == 0) {
        ha_doc_say(doc, line, ha_doc_printf(doc, "as Eclipse MAT estimates them: references %" PRIu32 ", alignment %" PRIu32, sizes->reference_bytes,
                                            sizes->alignment));
        return;
    }
    ha_doc_say(doc, line, "as the JVM counts them: ");
    const char *found_by[sizeof told / sizeof *told] = {0};
    for (uint32_t i = 0; i < count; i++) {
        const struct ha_size_part *part = ha_sizes_part(sizes, told[i].part);
        found_by[i] = part->found_by;
        if (i > 0) {
            bool same = strcmp(found_by[i], found_by[i - 1]) == 0;
            ha_doc_say(doc, line, same ? ", " : ha_doc_printf(doc, " (%s), ", found_by[i - 1]));
        }
        bool narrow = strcmp(part->part, "reference_bytes") == 0 && part->value == 4 && r->query->snapshot->heap->facts.id_size == 8;
        ha_doc_say(doc, line, ha_doc_printf(doc, "%s%s %" PRIu64, narrow ? "compressed " : "", told[i].words, part->value));
    }
    ha_doc_say(doc, line, ha_doc_printf(doc, " (%s)", found_by[count - 1]));
}

void ha_report_overview(struct ha_report *r, struct ha_doc_node *parent)
{
    struct ha_overview overview = r->overview;
    struct ha_doc *doc = r->doc;
    dump_line(r, parent);
    struct ha_doc_node *line = ha_doc_line(doc, parent, "Heap");
    ha_doc_bytes(doc, line, NULL, overview.shallow_bytes);
    ha_doc_say(doc, line, " in ");
    ha_doc_say_count(doc, line, overview.objects, "object", NULL);
    ha_doc_say(doc, line, " of ");
    ha_doc_say_count(doc, line, overview.classes, "class", "classes");
    ha_doc_say(doc, line, " and ");
    ha_doc_say_count(doc, line, overview.class_loaders, "class loader", NULL);
    if (overview.unreachable_bytes > 0) {
        ha_doc_say(doc, line, "; ");
        ha_doc_bytes(doc, line, NULL, overview.unreachable_bytes);
        ha_doc_say(doc, line, " more ");
        ha_doc_say(doc, line,
                   overview.unreachable_objects == 1 ? "is unreachable" : "are unreachable");
    }
    sizes_line(r, parent);
}

void ha_report_warnings(struct ha_report *r, struct ha_doc_node *parent)
{
    const struct ha_diag *diag = r->query->snapshot->diag;
    struct ha_doc *doc = r->doc;
    struct ha_doc_node *section = NULL;
    bool damage = diag != NULL && ha_diag_any_damage(diag);
    for (enum ha_diag_code code = 0; code < HA_DIAG_COUNT && diag != NULL; code++) {
        const struct ha_diag_entry *entry = ha_diag_get(diag, code);
        if (entry->count == 0) {
            continue;
        }
        section = section != NULL ? section
                                  : ha_doc_section(doc, parent,
                                                   damage ? "What was wrong with the dump"
                                                          : "Notes on the dump");
        const char *severity = ha_diag_is_damage(code) ? "damage" : "note";
        struct ha_doc_node *line = ha_doc_line(doc, section, severity);
        ha_doc_say(doc, line, entry->message == NULL ? ha_diag_code_text(code) : entry->message);
        if (entry->off != HA_ERR_NO_OFFSET && ha_diag_is_damage(code)) {
            ha_doc_say(doc, line, ha_doc_printf(doc, " (at 0x%" PRIx64 ")", entry->off));
        }
        ha_doc_say(doc, line, ha_doc_printf(doc, " [%s]", ha_diag_code_text(code)));
    }
}
