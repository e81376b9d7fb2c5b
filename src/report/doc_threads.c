/* SPDX-License-Identifier: MIT */
/*
 * Threads as a document: blocks with stacks,
 *
 *     "main"  runnable, daemon; keeps 1.2 MiB    <- ran out of memory
 *       at com.acme.Foo.bar (Foo.java:24)
 *          local com.acme.Foo 0x7f…
 *
 * or a table of one line a thread for the report.
 */
#include "ha/report/builders.h"

#include <string.h>

#include "ha/base/mem.h"
#include "report/parts.h"

struct threads_ctx {
    struct ha_report *r;
    const struct ha_threads *threads;
    bool brief;
    bool show_locals;
};

struct frames_ctx {
    struct ha_report *r;
    const struct ha_thread_view *thread;
    bool show_locals;
};

struct locals_ctx {
    struct ha_report *r;
    const struct ha_thread_local_view *locals;
    const char *word; /* before each local, for people */
};

static struct ha_err *local_row(void *ctx, struct ha_doc *doc, struct ha_doc_node *row,
                                uint64_t index)
{
    const struct locals_ctx *c = ctx;
    const struct ha_thread_local_view *local = &c->locals[index];
    struct ha_object_record record;
    HA_TRY(ha_object_describe(c->r->query, local->obj, &c->r->scratch, &record));
    struct ha_doc_node *members = row;
    part_object_members(doc, members, &record); // the row is the object record itself
    for (struct ha_doc_node *n = row->first_child; n != NULL; n = n->next) {
        ha_doc_machine(n);
    }
    ha_arena_reset(&c->r->scratch);
    struct ha_doc_node *line = ha_doc_line(doc, row, NULL);
    ha_doc_say(doc, line,
               local->kind == HA_ROOT_JAVA_LOCAL
                   ? "local "
                   : ha_doc_printf(doc, "%s ", ha_root_kind_text(local->kind)));
    HA_TRY(ha_report_object(c->r, line, NULL, local->obj, NULL));
    if (ha_query_reachable(c->r->query, local->obj)) {
        ha_doc_say(doc, line, ", ");
        ha_doc_bytes(doc, line, NULL, ha_query_retained(c->r->query, local->obj));
    }
    return NULL;
}

static void locals_add(struct ha_report *r, struct ha_doc_node *row,
                       const struct ha_thread_local_view *locals, uint64_t count, bool show)
{
    struct locals_ctx *ctx = ha_doc_alloc(r->doc, sizeof *ctx);
    if (ctx != NULL) {
        *ctx = (struct locals_ctx){r, locals, NULL};
    }
    struct ha_doc_node *list =
        ha_doc_list_of(r->doc, row, "locals", ctx == NULL ? 0 : count, local_row, ctx);
    list->title = "";
    list->u.list->tight = true;
    list->u.list->never_cut = true;
    if (!show) {
        ha_doc_machine(list);
    }
}

static struct ha_err *frame_row(void *ctx, struct ha_doc *doc, struct ha_doc_node *row,
                                uint64_t index)
{
    const struct frames_ctx *c = ctx;
    const struct ha_thread_frame *frame = &c->thread->frames[index];
    const struct ha_frame *f = frame->frame;
    ha_doc_machine(ha_doc_text(doc, row, "method", frame->method));
    ha_doc_machine(
        ha_doc_text(doc, row, "file", f->file == NULL || *f->file == '\0' ? NULL : f->file));
    if (f->line > 0) {
        ha_doc_machine(ha_doc_integer(doc, row, "line", f->line));
    } else {
        ha_doc_machine(ha_doc_null(doc, row, "line"));
    }
    struct ha_sbuf text = {0};
    ha_frame_text(f, &text);
    ha_doc_say(doc, ha_doc_say(doc, ha_doc_line(doc, row, NULL), "at "),
               ha_doc_copy(doc, ha_sbuf_text(&text), text.len));
    ha_sbuf_deinit(&text);
    locals_add(c->r, row, frame->locals, frame->local_count, c->show_locals);
    return NULL;
}

static void frames_add(struct ha_report *r, struct ha_doc_node *row,
                       const struct ha_thread_view *thread, bool show_locals)
{
    struct frames_ctx *ctx = ha_doc_alloc(r->doc, sizeof *ctx);
    if (ctx != NULL) {
        *ctx = (struct frames_ctx){r, thread, show_locals};
    }
    struct ha_doc_node *list = ha_doc_list_of(
        r->doc, row, "frames", ctx == NULL ? 0 : thread->frame_count, frame_row, ctx);
    list->title = "";
    list->u.list->tight = true;
    list->u.list->never_cut = true;
}

static const char *thread_name(const struct ha_thread_view *thread)
{
    return thread->name == NULL ? "(no name)" : thread->name;
}

/* "runnable, daemon, virtual" */
static const char *state_words(struct ha_doc *doc, const struct ha_thread_view *thread)
{
    return ha_doc_printf(doc, "%s%s%s%s", thread->state == NULL ? "state unknown" : thread->state,
                         thread->daemon ? ", daemon" : "", thread->is_virtual ? ", virtual" : "",
                         thread->is_root ? "" : ", not started or ended");
}

static void thread_line(struct ha_report *r, struct ha_doc_node *row,
                        const struct ha_thread_view *thread)
{
    struct ha_doc *doc = r->doc;
    struct ha_doc_node *line = ha_doc_line(doc, row, NULL);
    ha_doc_strong(ha_doc_text(doc, line, NULL, ha_doc_printf(doc, "\"%s\"", thread_name(thread))));
    ha_doc_say(doc, line, ha_doc_printf(doc, "  %s; keeps ", state_words(doc, thread)));
    ha_doc_bytes(doc, line, NULL, thread->retained_bytes);
    ha_doc_say(doc, line, "  ");
    ha_doc_address(doc, line, NULL, ha_heap_address(r->query->snapshot->heap, thread->obj));
    if (thread->oom) {
        ha_doc_strong(ha_doc_text(doc, line, NULL, "  <- ran out of memory"));
    }
}

/* Where a thread is: its top frame and, further down, the first of the application. */
static const char *where_words(struct ha_doc *doc, const struct ha_thread_view *thread)
{
    if (thread->frame_count == 0) {
        return NULL;
    }
    uint64_t top = thread->oom && thread->frame_count > 1 ? 1 : 0;
    uint64_t own = top;
    while (own < thread->frame_count &&
           ha_class_name_is_platform(thread->frames[own].frame->class_name)) {
        own++;
    }
    struct ha_sbuf text = {0};
    ha_frame_text(thread->frames[top].frame, &text);
    if (own < thread->frame_count && own != top) {
        ha_sbuf_puts(&text, " <- ");
        ha_frame_text(thread->frames[own].frame, &text);
    }
    const char *words = ha_doc_copy(doc, ha_sbuf_text(&text), text.len);
    ha_sbuf_deinit(&text);
    return words;
}

static struct ha_err *thread_row(void *ctx, struct ha_doc *doc, struct ha_doc_node *row,
                                 uint64_t index)
{
    const struct threads_ctx *c = ctx;
    const struct ha_thread_view *thread = &c->threads->list[index];
    HA_TRY(ha_report_object(c->r, row, "object", thread->obj, NULL));
    ha_doc_text(doc, row, "name", thread->name);
    ha_doc_text(doc, row, "state", thread->state);
    ha_doc_bool(doc, row, "daemon", thread->daemon);
    ha_doc_bool(doc, row, "virtual", thread->is_virtual);
    ha_doc_bool(doc, row, "root", thread->is_root);
    if (thread->oom) {
        ha_doc_bool(doc, row, "oom", true);
    }
    for (struct ha_doc_node *n = row->first_child; n != NULL; n = n->next) {
        ha_doc_machine(n);
    }
    if (c->brief) {
        struct ha_doc_node *who = ha_doc_line(doc, row, NULL);
        who->key = "who";
        ha_doc_say(doc, who, ha_doc_printf(doc, "\"%s\"", thread_name(thread)));
        ha_doc_people(ha_doc_text(doc, row, "how", thread->state));
        ha_doc_people(ha_doc_text(doc, row, "where", where_words(doc, thread)));
    } else {
        thread_line(c->r, row, thread);
    }
    frames_add(c->r, row, thread, c->show_locals);
    if (thread->local_count > 0) {
        locals_add(c->r, row, thread->locals, thread->local_count, c->show_locals);
    }
    return NULL;
}

void ha_report_threads(struct ha_report *r, struct ha_doc_node *parent,
                       const struct ha_threads *threads, bool brief, bool show_locals)
{
    static const struct ha_doc_column columns[] = {
        {"object.retained_bytes", "Keeps", NULL},
        {"how", "State", NULL},
        {"who", "Thread", NULL},
        {"where", "Where", NULL},
    };
    struct threads_ctx *ctx = ha_doc_alloc(r->doc, sizeof *ctx);
    if (ctx == NULL) {
        return;
    }
    *ctx = (struct threads_ctx){r, threads, brief, show_locals};
    struct ha_doc_node *list =
        ha_doc_list_of(r->doc, parent, "threads", threads->count, thread_row, ctx);
    if (brief) {
        ha_doc_columns(list, HA_DOC_TABLE, columns, sizeof columns / sizeof *columns);
    }
    list->u.list->omitted = threads->omitted;
    list->u.list->people_most = brief ? 10 : 20;
    list->u.list->noun = "threads";
    list->u.list->empty = "no thread";
}
