/* SPDX-License-Identifier: MIT */
/*
 * Leak suspects as a document. For people each is a block:
 *
 *     1. 350.5 MiB  63.4 %  one com.acme.Validator; the memory sits in one java.lang.Object[]
 *        system class com.acme.BotGateway 0x7f…
 *          static EVIDENCE  -> com.acme.BotGateway$EvidenceService 0x7f…
 *          .validators      -> java.util.HashMap 0x7f…
 *        Holds    1,234 byte[] (340.1 MiB), …
 *        Advice   …
 */
#include "ha/report/builders.h"

#include <inttypes.h>
#include <string.h>

#include "ha/report/words.h"
#include "report/parts.h"

#define HOLDS_CLASSES 3 /* named in the short form */
#define THREAD_NAME_CHARS 60

struct suspects_ctx {
    struct ha_report *r;
    const struct ha_problems *problems;
    bool brief;
};

/* Takes the text out of a buffer into the document. */
static const char *words_take(struct ha_doc *doc, struct ha_sbuf *text)
{
    const char *copy = ha_doc_copy(doc, ha_sbuf_text(text), text->len);
    ha_sbuf_deinit(text);
    return copy;
}

static const char *class_of(struct ha_report *r, ha_obj obj)
{
    const struct ha_heap *heap = r->query->snapshot->heap;
    return ha_heap_class(heap, ha_heap_class_of(heap, obj))->name;
}

/* ---- what it is ---- */

static bool sits_elsewhere(const struct ha_suspect *s)
{
    return !ha_obj_is_none(s->accumulation_point) &&
           !ha_obj_equal(s->accumulation_point, s->object);
}

/* Whether the holder says more than the class the title begins with. */
static bool names_holder(const struct ha_suspect *s)
{
    const char *field = s->held_by.field;
    return s->held_by.class_name != NULL && field != NULL && field[0] != '[' && field[0] != '<';
}

static const char *holder_field(const struct ha_suspect *s)
{
    static const char is_static[] = "static ";
    const char *field = s->held_by.field;
    return strncmp(field, is_static, strlen(is_static)) == 0 ? field + strlen(is_static) : field;
}

static void what_say(struct ha_report *r, struct ha_doc_node *line, const struct ha_suspect *s)
{
    struct ha_doc *doc = r->doc;
    if (s->kind == HA_SUSPECT_GROUP) {
        ha_doc_count(doc, line, NULL, s->instances);
        ha_doc_say(doc, line, " instances of ");
    } else {
        ha_doc_say(doc, line,
                   s->is_class    ? "class "
                   : s->is_thread ? "thread "
                   : s->is_loader ? "class loader "
                                  : "one ");
    }
    ha_doc_strong(ha_doc_class(doc, line, NULL, s->class_name));
    struct ha_sbuf name = {0};
    if (s->kind == HA_SUSPECT_OBJECT && s->is_thread &&
        ha_thread_name(r->query, s->object, THREAD_NAME_CHARS, &name)) {
        ha_doc_say(doc, line, ha_doc_printf(doc, " \"%s\"", ha_sbuf_text(&name)));
    }
    ha_sbuf_deinit(&name);
    if (sits_elsewhere(s)) {
        const struct ha_heap *heap = r->query->snapshot->heap;
        ha_cls cls;
        bool is_class = ha_heap_as_class(heap, s->accumulation_point, &cls);
        ha_doc_say(doc, line,
                   is_class ? "; the memory sits in class " : "; the memory sits in one ");
        ha_doc_class(doc, line, NULL,
                     is_class ? ha_heap_class(heap, cls)->name
                              : class_of(r, s->accumulation_point));
    }
    if (names_holder(s)) {
        ha_doc_say(doc, line,
                   ha_doc_printf(doc, ", held by %s.%s", s->held_by.class_name, holder_field(s)));
    }
}

/* The same as one sentence for machines. */
static const char *title_of(struct ha_report *r, const struct ha_suspect *s)
{
    struct ha_sbuf text = {0};
    if (s->kind == HA_SUSPECT_GROUP) {
        ha_words_count(&text, s->instances);
        ha_sbuf_printf(&text, " instances of %s keep ", s->class_name);
    } else {
        ha_sbuf_printf(&text, "%s %s keeps ",
                       s->is_class    ? "Class"
                       : s->is_thread ? "Thread"
                       : s->is_loader ? "Class loader"
                                      : "One",
                       s->class_name);
    }
    ha_words_bytes(&text, s->retained_bytes);
    ha_sbuf_puts(&text, " (");
    ha_words_percent(&text, s->retained_percent);
    ha_sbuf_puts(&text, " of the heap)");
    if (sits_elsewhere(s)) {
        ha_sbuf_printf(&text, "; the memory sits in one %s", class_of(r, s->accumulation_point));
    }
    if (names_holder(s)) {
        ha_sbuf_printf(&text, ", held by %s.%s", s->held_by.class_name, holder_field(s));
    }
    return words_take(r->doc, &text);
}

/* ---- what to do ---- */

/* The first static field of an application class on the path; NULL: none. */
static const struct ha_step *first_static(struct ha_report *r, const struct ha_suspect *s)
{
    for (uint64_t i = 0; i < s->path_count; i++) {
        const struct ha_step *step = &s->path[i];
        if (step->field != NULL && step->edge.kind == HA_EDGE_STATIC &&
            !ha_cls_is_none(step->edge.declared_in) &&
            !ha_class_name_is_platform(
                ha_heap_class(r->query->snapshot->heap, step->edge.declared_in)->name)) {
            return step;
        }
    }
    return NULL;
}

static const char *advice_of(struct ha_report *r, const struct ha_suspect *s)
{
    struct ha_doc *doc = r->doc;
    const struct ha_step *by_static = first_static(r, s);
    if (by_static != NULL) {
        return ha_doc_printf(
            doc,
            "The static field %s.%s keeps this alive as long as the class is loaded: bound it, let "
            "its entries expire, or clear it.",
            ha_heap_class(r->query->snapshot->heap, by_static->edge.declared_in)->name,
            by_static->edge.name);
    }
    if (!ha_obj_is_none(s->thread.thread)) {
        return s->thread.frame == NULL
                   ? "A running thread keeps this memory in its local variables or its "
                     "thread-locals: look at what the thread is doing."
                   : ha_doc_printf(doc,
                                   "A running thread keeps this memory while it is in %s: process "
                                   "in smaller pieces, or let go of what is done with.",
                                   s->thread.frame);
    }
    if (s->is_loader) {
        return "A class loader keeps its classes and all their static fields: if the application "
               "was stopped or redeployed, find what still holds the "
               "loader; else look at the static fields of its classes.";
    }
    if (s->held_by.class_name != NULL && s->held_by.field != NULL) {
        return ha_doc_printf(doc,
                             "Look at who fills %s.%s and never takes out: bound it, let its "
                             "entries expire, or let go of its owner.",
                             s->held_by.class_name, s->held_by.field);
    }
    if (s->kind == HA_SUSPECT_GROUP && strcmp(s->class_name, "java.lang.Class") == 0) {
        return "These are classes and what their static fields hold. Every JVM has some megabytes "
               "of them, which is much of a small heap only; 'loaders' says who defined them.";
    }
    if (s->kind == HA_SUSPECT_GROUP) {
        return "Many instances of one class together: find out who makes them and who still holds "
               "them.";
    }
    return "Look at what it holds and at who refers to it; if it is a cache, bound it.";
}

const char *part_advice(struct ha_report *r, const struct ha_problem *p)
{
    return p->finding == NULL ? advice_of(r, &p->suspect) : p->finding->advice;
}

static void evidence_row(struct ha_doc *doc, struct ha_doc_node *list, const char *text,
                         enum ha_doc_kind kind, uint64_t value)
{
    struct ha_doc_node *row = ha_doc_record(doc, list, NULL);
    ha_doc_text(doc, row, "text", text);
    ha_doc_count(doc, row, "value", value)->kind = kind;
}

static void evidence_add(struct ha_doc *doc, struct ha_doc_node *row, const struct ha_problems *all,
                         const struct ha_problem *p)
{
    const struct ha_suspect *s = &p->suspect;
    struct ha_doc_node *list = ha_doc_machine(ha_doc_list(doc, row, "evidence"));
    list->u.list->never_cut = true;
    if (p->finding != NULL) {
        part_evidence_rows(doc, list, p->finding);
    }
    if (!p->structural) {
        return;
    }
    evidence_row(doc, list, "bytes retained", HA_DOC_BYTES, s->retained_bytes);
    evidence_row(doc, list, "bytes a suspect must retain more than", HA_DOC_BYTES,
                 all->threshold_bytes);
    if (!ha_obj_is_none(s->accumulation_point)) {
        evidence_row(doc, list, "bytes retained where the memory accumulates", HA_DOC_BYTES,
                     s->accumulation_retained_bytes);
    }
    if (s->kind == HA_SUSPECT_GROUP) {
        evidence_row(doc, list, "instances whose paths were looked at", HA_DOC_COUNT, s->sampled);
    }
}

/* ---- members ---- */

static const char *kind_of(const struct ha_problem *p)
{
    return !p->structural ? "pattern" : p->suspect.kind == HA_SUSPECT_GROUP ? "group" : "object";
}

static struct ha_err *keys_add(struct suspects_ctx *c, struct ha_doc_node *row,
                               const struct ha_problem *p)
{
    const struct ha_suspect *s = &p->suspect;
    const struct ha_finding *f = p->finding;
    struct ha_report *r = c->r;
    struct ha_doc *doc = r->doc;
    ha_doc_text(doc, row, "id", ha_doc_copy(doc, s->id, strlen(s->id)));
    ha_doc_text(doc, row, "kind", kind_of(p));
    ha_doc_text(doc, row, "pattern", f == NULL ? NULL : f->pattern);
    ha_doc_text(doc, row, "certainty", f == NULL ? NULL : ha_certainty_text(f->certainty));
    ha_doc_text(doc, row, "title", f == NULL ? title_of(r, s) : f->title);
    ha_doc_class(doc, row, "class", s->class_name);
    HA_TRY(ha_report_object(r, row, "object", s->object, NULL));
    ha_doc_count(doc, row, "instances", s->instances);
    ha_doc_bytes(doc, row, "shallow_bytes", s->shallow_bytes);
    ha_doc_bytes(doc, row, "retained_bytes", s->retained_bytes);
    ha_doc_percent(doc, row, "retained_percent", s->retained_percent);
    ha_doc_bytes(doc, row, "native_bytes", f == NULL ? 0 : f->native_bytes);
    HA_TRY(ha_report_object(r, row, "accumulation_point", s->accumulation_point, NULL));
    HA_TRY(ha_report_root(r, row, "root", &s->root));
    if (s->held_by.class_name == NULL) {
        ha_doc_null(doc, row, "held_by");
    } else {
        struct ha_doc_node *held = ha_doc_record(doc, row, "held_by");
        ha_doc_class(doc, held, "class", s->held_by.class_name);
        ha_doc_text(doc, held, "field", s->held_by.field);
        HA_TRY(ha_report_object(r, held, "object", s->held_by.object, NULL));
    }
    if (ha_obj_is_none(s->thread.thread)) {
        ha_doc_null(doc, row, "thread");
    } else {
        struct ha_doc_node *thread = ha_doc_record(doc, row, "thread");
        HA_TRY(ha_report_object(r, thread, "object", s->thread.thread, NULL));
        ha_doc_text(doc, thread, "frame", s->thread.frame);
    }
    evidence_add(doc, row, c->problems, p);
    ha_doc_text(doc, row, "advice", part_advice(r, p));
    for (struct ha_doc_node *n = row->first_child; n != NULL; n = n->next) {
        ha_doc_machine(n);
    }
    return NULL;
}

static void holds_line(struct ha_doc *doc, struct ha_doc_node *row, const struct ha_suspect *s)
{
    const struct ha_histogram *classes = &s->retained_classes;
    if (classes->count == 0) {
        return;
    }
    struct ha_doc_node *line = ha_doc_line(doc, row, "Holds");
    for (uint64_t i = 0; i < classes->count && i < HOLDS_CLASSES; i++) {
        const struct ha_histogram_row *h = &classes->rows[i];
        ha_doc_say(doc, line, i == 0 ? "" : ", ");
        ha_doc_count(doc, line, NULL, h->instances);
        ha_doc_say(doc, line, " ");
        ha_doc_class(doc, line, NULL, h->name);
        ha_doc_say(doc, line, " (");
        ha_doc_bytes(doc, line, NULL, h->shallow_bytes);
        ha_doc_say(doc, line, ")");
    }
}

static struct ha_err *path_add(struct suspects_ctx *c, struct ha_doc_node *row,
                               const struct ha_problem *p)
{
    const struct ha_suspect *s = &p->suspect;
    if (s->path_count == 0) {
        ha_doc_machine(ha_doc_list(c->r->doc, row, "path"));
        return NULL;
    }
    if (p->finding != NULL && c->brief) { // who holds it has been said
        ha_doc_machine(ha_report_steps(c->r, row, "path", s->path, s->path_count));
        return NULL;
    }
    HA_TRY(part_path(c->r, row, "path", &s->root, s->path, s->path_count));
    if (!s->path_excluded) {
        ha_doc_prose(c->r->doc, row,
                     "Only weak, soft, phantom or finalizer references lead to it.");
    }
    return NULL;
}

/* "384.0 MiB  62.3 %   Netty buffers …" */
static void head_line(struct suspects_ctx *c, struct ha_doc_node *row, const struct ha_problem *p)
{
    struct ha_doc *doc = c->r->doc;
    struct ha_doc_node *line = ha_doc_line(doc, row, NULL);
    ha_doc_strong(ha_doc_bytes(doc, line, NULL, p->bytes));
    ha_doc_say(doc, line, "  ");
    if (p->bytes == 0) {
        ha_doc_say(doc, line, "-");
    } else if (p->structural || p->suspect.retained_bytes >= p->bytes / 2) {
        ha_doc_percent(doc, line, NULL, p->suspect.retained_percent);
    } else {
        ha_doc_say(doc, line, "outside the heap");
    }
    ha_doc_say(doc, line, "   ");
    if (p->finding == NULL) {
        what_say(c->r, line, &p->suspect);
    } else {
        ha_doc_strong(ha_doc_text(doc, line, NULL, p->finding->title));
    }
}

static void pattern_lines(struct suspects_ctx *c, struct ha_doc_node *row, const struct ha_problem *p)
{
    struct ha_doc *doc = c->r->doc;
    part_evidence_line(doc, row, p->finding);
    if (p->suspect.held_by.class_name != NULL) {
        struct ha_doc_node *line = ha_doc_line(doc, row, "Held by");
        ha_doc_class(doc, line, NULL, p->suspect.held_by.class_name);
        if (p->suspect.held_by.field != NULL) {
            ha_doc_say(doc, ha_doc_say(doc, line, " "), p->suspect.held_by.field);
        }
    }
    part_pattern_line(doc, row, p->finding);
}

/* What the short form leaves out. */
static void details_add(struct suspects_ctx *c, struct ha_doc_node *row, const struct ha_suspect *s)
{
    struct ha_doc *doc = c->r->doc;
    ha_doc_say(doc, ha_doc_line(doc, row, "Id"), ha_doc_copy(doc, s->id, strlen(s->id)));
    if (s->largest.count > 0) {
        struct ha_doc_node *section = ha_doc_section(
            doc, row,
            s->kind == HA_SUSPECT_GROUP ? "Its biggest objects" : "The biggest things in it");
        part_ranked_list(c->r, section, "largest", &s->largest);
        ha_doc_people(section);
    }
}

static struct ha_err *suspect_row(void *ctx, struct ha_doc *doc, struct ha_doc_node *row,
                                  uint64_t index)
{
    struct suspects_ctx *c = ctx;
    const struct ha_problem *p = &c->problems->list[index];
    const struct ha_suspect *s = &p->suspect;
    HA_TRY(keys_add(c, row, p));
    head_line(c, row, p);
    if (p->finding != NULL) {
        pattern_lines(c, row, p);
    }
    HA_TRY(path_add(c, row, p));
    if (!ha_obj_is_none(s->thread.thread) && s->thread.frame != NULL) {
        struct ha_doc_node *line = ha_doc_line(doc, row, "Thread");
        HA_TRY(ha_report_object(c->r, line, NULL, s->thread.thread, NULL));
        ha_doc_say(doc, ha_doc_say(doc, line, " in "), s->thread.frame);
    }
    if (p->structural && (p->finding == NULL || !c->brief)) {
        holds_line(doc, row, s);
    }
    if (!c->brief) { // the report gathers advice in a section of its own
        ha_doc_say(doc, ha_doc_line(doc, row, "Advice"), part_advice(c->r, p));
        details_add(c, row, s);
    }
    struct ha_doc_node *section = ha_doc_section(doc, row, c->brief ? NULL : "What goes with it");
    ha_report_histogram(c->r, section, "retained_classes", &s->retained_classes);
    if (c->brief || s->retained_classes.count == 0) {
        ha_doc_machine(section->last_child == NULL ? section : section->last_child);
    } else if (section->last_child != NULL) {
        section->last_child->u.list->people_most = 10;
    }
    return ha_doc_error(doc);
}

struct ha_err *ha_report_suspects(struct ha_report *r, struct ha_doc_node *parent,
                                  const struct ha_problems *problems, bool brief)
{
    struct suspects_ctx *ctx = ha_doc_alloc(r->doc, sizeof *ctx);
    if (ctx == NULL) {
        return ha_err_nomem();
    }
    *ctx = (struct suspects_ctx){r, problems, brief};
    struct ha_doc_node *list =
        ha_doc_list_of(r->doc, parent, "suspects", problems->count, suspect_row, ctx);
    list->u.list->style = HA_DOC_NUMBERED;
    list->u.list->omitted = problems->omitted;
    list->u.list->noun = "suspects";
    if (problems->count == 0) {
        struct ha_doc_node *line = ha_doc_say(r->doc, ha_doc_line(r->doc, parent, NULL),
                                              "None: no object and no class keeps more than ");
        ha_doc_bytes(r->doc, line, NULL, problems->threshold_bytes);
        ha_doc_say(r->doc, line, " (");
        ha_doc_percent(r->doc, line, NULL, ha_query_percent(r->query, problems->threshold_bytes));
        ha_doc_say(r->doc, line, " of the heap).");
    }
    return ha_doc_error(r->doc);
}
