/* SPDX-License-Identifier: MIT */
/*
 * The thread that ran out of memory: a line of the summary, and a section with its stack and the locals that keep much.
 *
 *     at java.awt.image.DataBufferByte.<init> (DataBufferByte.java:93)
 *        … 9 frames of the platform
 *     at com.acme.ImageValidator.readImage (ImageValidator.java:24)
 *          keeps 64.0 MiB  byte[] 0x7f…
 */
#include "ha/report/builders.h"

#include <inttypes.h>
#include <string.h>

#include "report/parts.h"

#define FRAMES_PEOPLE 10
#define LOCAL_SHARE 100 /* a local matters when it keeps more than this part of the heap */
#define LOCALS_MAX 5U   /* of a frame */

struct stack {
    struct ha_report *r;
    const struct ha_heap *heap;
    const struct ha_thread *thread;
    uint64_t frames; /* that are there */
    uint64_t shown;
};

static const struct ha_frame *frame_at(const struct stack *s, uint64_t i)
{
    return &s->heap->frames[s->thread->frames_first + i];
}

static const char *frame_words(struct stack *s, uint64_t i)
{
    struct ha_sbuf text = {0};
    ha_frame_text(frame_at(s, i), &text);
    const char *words = ha_doc_copy(s->r->doc, ha_sbuf_text(&text), text.len);
    ha_sbuf_deinit(&text);
    return words;
}

/* Calls fn for the locals of a frame that keep much, each object once. */
static struct ha_err *locals_walk(struct stack *s, uint64_t frame,
                                  struct ha_err *(*fn)(struct stack *s, void *ctx, ha_obj obj, uint64_t bytes), void *ctx)
{
    uint64_t least = s->r->query->snapshot->retained->reachable_bytes / LOCAL_SHARE;
    ha_obj told[LOCALS_MAX];
    uint32_t count = 0;
    for (uint64_t i = 0; i < s->thread->locals_count && s->thread->locals_first + i < s->heap->local_count; i++) {
        const struct ha_local *local = &s->heap->locals[s->thread->locals_first + i];
        bool fits = local->frame == frame && !ha_obj_equal(local->obj, s->thread->obj) && local->obj.i < s->heap->facts.object_count && count < LOCALS_MAX;
        uint64_t bytes = fits ? ha_query_retained(s->r->query, local->obj) : 0;
        for (uint32_t k = 0; k < count; k++) {
            fits = fits && !ha_obj_equal(told[k], local->obj);
        }
        if (fits && bytes > least) {
            told[count++] = local->obj;
            HA_TRY(fn(s, ctx, local->obj, bytes));
        }
    }
    return NULL;
}

static struct ha_err *local_line(struct stack *s, void *ctx, ha_obj obj, uint64_t bytes)
{
    struct ha_doc *doc = s->r->doc;
    struct ha_doc_node *line = ha_doc_say(doc, ha_doc_line(doc, ctx, NULL), "       a local keeps ");
    ha_doc_bytes(doc, line, NULL, bytes);
    ha_doc_say(doc, line, ": ");
    return ha_report_object(s->r, line, NULL, obj, NULL);
}

static bool is_platform(const struct stack *s, uint64_t i)
{
    return ha_class_name_is_platform(frame_at(s, i)->class_name);
}

/* Runs of the platform's frames are told in one line, but for the first ones. */
static struct ha_err *stack_people(struct stack *s, struct ha_doc_node *section)
{
    struct ha_doc *doc = s->r->doc;
    for (uint64_t i = 0; i < s->frames && s->shown < FRAMES_PEOPLE; s->shown++) {
        uint64_t run = 0;
        while (i > 1 && i + run < s->frames && is_platform(s, i + run)) {
            run++;
        }
        if (run > 2) {
            ha_doc_prose(doc, section, ha_doc_printf(doc, "  … %" PRIu64 " frames of the platform", run));
            i += run;
            continue;
        }
        ha_doc_say(doc, ha_doc_say(doc, ha_doc_line(doc, section, NULL), "  at "), frame_words(s, i));
        HA_TRY(locals_walk(s, i, local_line, section));
        i++;
    }
    return NULL;
}

static struct ha_err *local_record(struct stack *s, void *ctx, ha_obj obj, uint64_t bytes)
{
    (void)bytes;
    return ha_report_object(s->r, ctx, NULL, obj, NULL);
}

static struct ha_err *stack_machine(struct stack *s, struct ha_doc_node *record)
{
    struct ha_doc *doc = s->r->doc;
    struct ha_doc_node *list = ha_doc_list(doc, record, "frames");
    list->u.list->never_cut = true;
    for (uint64_t i = 0; i < s->frames; i++) {
        struct ha_doc_node *row = ha_doc_record(doc, list, NULL);
        ha_doc_text(doc, row, "text", frame_words(s, i));
        struct ha_doc_node *locals = ha_doc_list(doc, row, "locals");
        HA_TRY(locals_walk(s, i, local_record, locals));
    }
    return NULL;
}

static bool stack_begin(struct ha_report *r, const struct ha_oom *oom, struct stack *ret)
{
    const struct ha_heap *heap = r->query->snapshot->heap;
    const struct ha_thread *thread = oom->found ? ha_heap_thread_of(heap, oom->thread) : NULL;
    *ret = (struct stack){.r = r, .heap = heap, .thread = thread};
    if (thread == NULL || thread->frames_first >= heap->frame_count) {
        return false;
    }
    uint64_t there = heap->frame_count - thread->frames_first;
    ret->frames = thread->frames_count < there ? thread->frames_count : there;
    return ret->frames > 0;
}

struct ha_err *ha_report_oom_stack(struct ha_report *r, struct ha_doc_node *parent, const struct ha_oom *oom)
{
    struct stack stack;
    if (!stack_begin(r, oom, &stack)) {
        return NULL;
    }
    return stack_people(&stack, ha_doc_section(r->doc, parent, "The thread that ran out of memory"));
}

struct ha_err *ha_report_oom(struct ha_report *r, struct ha_doc_node *parent, const struct ha_oom *oom)
{
    struct ha_doc *doc = r->doc;
    struct stack stack;
    if (!oom->found) {
        ha_doc_machine(ha_doc_null(doc, parent, "oom"));
        return NULL;
    }
    struct ha_doc_node *record = ha_doc_machine(ha_doc_record(doc, parent, "oom"));
    HA_TRY(ha_report_object(r, record, "thread", oom->thread, NULL));
    ha_doc_text(doc, record, "frame", oom->frame);
    ha_doc_text(doc, record, "application_frame", oom->application_frame);
    if (stack_begin(r, oom, &stack)) {
        HA_TRY(stack_machine(&stack, record));
    }
    struct ha_sbuf name = {0};
    bool named = ha_thread_name(r->query, oom->thread, 80, &name);
    struct ha_doc_node *line = ha_doc_line(doc, parent, "Ran out");
    ha_doc_say(doc, line, "thread ");
    ha_doc_strong(ha_doc_text(
        doc, line, NULL, named ? ha_doc_printf(doc, "\"%s\"", ha_sbuf_text(&name)) : "(no name)"));
    ha_sbuf_deinit(&name);
    if (oom->frame != NULL) {
        ha_doc_say(doc, ha_doc_say(doc, line, " in "), oom->frame);
    }
    if (oom->application_frame != NULL &&
        (oom->frame == NULL || strcmp(oom->frame, oom->application_frame) != 0)) {
        ha_doc_say(doc, ha_doc_say(doc, line, oom->frame == NULL ? " in " : " <- "),
                   oom->application_frame);
    }
    return NULL;
}
