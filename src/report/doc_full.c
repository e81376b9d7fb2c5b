/* SPDX-License-Identifier: MIT */
/*
 * The complete report: one screen that says what the heap holds, what is probably wrong and what to do next; then details.
 */
#include "ha/report/builders.h"

#include <inttypes.h>
#include <string.h>

#include "ha/report/words.h"
#include "report/parts.h"

#define FIRST_STEPS 4     /* problems whose advice is on the first screen */
#define NEXT_SUSPECTS 2   /* suspects that get commands of their own */
#define CONSUMERS_ROWS 10 /* of each table of top consumers */

/* ---- what to do first ---- */

static void first_build(struct ha_report *r, struct ha_doc_node *parent, const struct ha_problems *problems)
{
    struct ha_doc *doc = r->doc;
    struct ha_doc_node *section = ha_doc_section(doc, parent, "What to do first");
    uint64_t number = 0;
    for (uint64_t i = 0; i < problems->count && number < FIRST_STEPS; i++) {
        const char *advice = part_advice(r, &problems->list[i]);
        bool again = false;
        for (uint64_t k = 0; k < i && !again; k++) {
            again = strcmp(part_advice(r, &problems->list[k]), advice) == 0;
        }
        if (!again) {
            number++;
            ha_doc_say(doc, ha_doc_line(doc, section, ha_doc_printf(doc, "%" PRIu64 ".", i + 1)), advice);
        }
    }
}

/* ---- what to look at next ---- */

/* The command for machines into the list, for people as a line of the section around it. */
static void next_add(struct ha_report *r, struct ha_doc_node *section, const char *command,
                     const char *why)
{
    struct ha_doc *doc = r->doc;
    struct ha_doc_node *row = ha_doc_record(doc, section->first_child, NULL);
    ha_doc_command(doc, row, "command", command);
    ha_doc_text(doc, row, "why", why);
    ha_doc_command(doc, ha_doc_line(doc, section, why), NULL, command);
}

/* " --class NAME" */
static const char *class_option(struct ha_report *r, const char *name)
{
    struct ha_sbuf text = {0};
    ha_words_shell(&text, name);
    const char *option = ha_doc_printf(r->doc, "--class %s", ha_sbuf_text(&text));
    ha_sbuf_deinit(&text);
    return option;
}

static const char *object_option(struct ha_report *r, ha_obj obj)
{
    return ha_doc_printf(r->doc, "--object 0x%" PRIx64,
                         ha_heap_address(r->query->snapshot->heap, obj));
}

/* What a pattern's group is about tells more than the class that most of its bytes are of (byte[]). */
static void group_next(struct ha_report *r, struct ha_doc_node *section,
                       const struct ha_problem *problem, uint64_t number)
{
    const struct ha_finding *f = problem->finding;
    const char *name =
        f != NULL && f->class_name != NULL ? f->class_name : problem->suspect.class_name;
    next_add(r, section, ha_report_command(r, "paths", class_option(r, name)),
             ha_doc_printf(r->doc, "Why suspect %" PRIu64 " is alive", number));
}

static void problem_next(struct ha_report *r, struct ha_doc_node *section,
                         const struct ha_problem *problem, uint64_t number)
{
    struct ha_doc *doc = r->doc;
    const struct ha_suspect *s = &problem->suspect;
    const struct ha_finding *f = problem->finding;
    if (f != NULL && !ha_obj_is_none(f->held_by.object)) {
        const char *address =
            ha_doc_printf(doc, "0x%" PRIx64,
                          ha_heap_address(r->query->snapshot->heap, f->held_by.object));
        next_add(r, section, ha_report_command(r, "object", address),
                 ha_doc_printf(doc, "Who holds suspect %" PRIu64, number));
    }
    if (s->kind == HA_SUSPECT_GROUP) {
        group_next(r, section, problem, number);
        return;
    }
    ha_obj where = ha_obj_is_none(s->accumulation_point) ? s->object : s->accumulation_point;
    next_add(r, section, ha_report_command(r, "dominators", object_option(r, where)),
             ha_doc_printf(doc, "What suspect %" PRIu64 " is made of", number));
    next_add(r, section, ha_report_command(r, "paths", object_option(r, where)),
             ha_doc_printf(doc, "Why suspect %" PRIu64 " is alive", number));
}

static void next_build(struct ha_report *r, struct ha_doc_node *parent,
                       const struct ha_full_report *full)
{
    struct ha_doc_node *section = ha_doc_section(r->doc, parent, "Where to look next");
    ha_doc_machine(ha_doc_list(r->doc, section, "next"))->u.list->never_cut = true;
    for (uint64_t i = 0, told = 0; i < full->problems.count && told < NEXT_SUSPECTS; i++) {
        if (full->problems.list[i].structural) {
            problem_next(r, section, &full->problems.list[i], i + 1);
            told++;
        }
    }
    if (full->problems.count > 0) {
        next_add(r, section, ha_report_command(r, "suspects", ""), "All suspects in detail");
    } else if (full->top.objects.count > 0) {
        next_add(
            r, section,
            ha_report_command(r, "dominators", object_option(r, full->top.objects.list[0].obj)),
            "What the biggest is made of");
        next_add(r, section, ha_report_command(r, "histogram", "-n 50"), "More classes");
        next_add(r, section, ha_report_command(r, "suspects", "--threshold 2%"),
                 "Smaller suspects");
    }
    if (full->oom.found) {
        next_add(r, section, ha_report_command(r, "threads", "--locals"), "Stacks and locals");
    }
}

struct ha_err *ha_report_full(struct ha_report *r, struct ha_doc_node *parent,
                              const struct ha_full_report *full)
{
    struct ha_doc *doc = r->doc;
    bool calm = full->problems.count == 0;
    ha_report_overview(r, parent);
    HA_TRY(ha_report_oom(r, parent, &full->oom));
    HA_TRY(
        ha_report_suspects(r, ha_doc_section(doc, parent, "Leak suspects"), &full->problems, true));
    if (calm && full->top.objects.count > 0) {
        ha_doc_prose(doc, parent->last_child, "Here are the biggest things instead:");
    }
    if (calm) {
        ha_report_top(r, parent, &full->top, CONSUMERS_ROWS);
        HA_TRY(ha_report_oom_stack(r, parent, &full->oom));
        HA_TRY(ha_report_patterns(r, parent, &full->problems));
        next_build(r, parent, full);
    } else {
        HA_TRY(ha_report_oom_stack(r, parent, &full->oom));
        first_build(r, parent, &full->problems);
        next_build(r, parent, full);
        HA_TRY(ha_report_patterns(r, parent, &full->problems));
        ha_report_top(r, parent, &full->top, CONSUMERS_ROWS);
    }
    ha_report_histogram(r, ha_doc_section(doc, parent, "Classes by retained size"), "histogram",
                        &full->histogram);
    ha_report_threads(r, ha_doc_section(doc, parent, "Threads"), &full->threads, true, false);
    ha_report_offheap(r, ha_doc_section(doc, parent, "Memory of the process"), &full->offheap, true);
    ha_report_loaders(r, ha_doc_section(doc, parent, "Class loaders"), &full->loaders, true);
    HA_TRY(ha_report_unreachable(r, ha_doc_section(doc, parent, "Unreachable objects"), &full->unreachable, true));
    ha_report_properties(r, ha_doc_section(doc, parent, "The process"), &full->properties, true);
    ha_report_warnings(r, parent);
    return ha_doc_error(doc);
}
