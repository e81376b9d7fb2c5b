/* SPDX-License-Identifier: MIT */
/*
 * From answers to documents: one builder per question. A builder adds its members to a record; keys, types and nesting are those of the
 * JSON contract, and titles, columns and prose for people stand beside them.
 *
 * Rows of long lists are made when a renderer asks for them, so answers (and the query they live in) must outlive the document.
 */
#ifndef HA_REPORT_BUILDERS_H
#define HA_REPORT_BUILDERS_H

#include "ha/query/q_dominators.h"
#include "ha/query/q_histogram.h"
#include "ha/query/q_label.h"
#include "ha/query/q_loaders.h"
#include "ha/query/q_object.h"
#include "ha/query/q_offheap.h"
#include "ha/query/q_paths.h"
#include "ha/query/q_suspects.h"
#include "ha/query/q_threads.h"
#include "ha/query/q_top.h"
#include "ha/query/q_unreachable.h"
#include "ha/report/doc.h"
#include "ha/rules/problems.h"

#define HA_REPORT_SCHEMA "hprof-analyze/1"

/* What all builders share. */
struct ha_report {
    struct ha_doc *doc;
    struct ha_query *query;
    const char *version;     /* of the program */
    const char *heap_option; /* " --heap 2" when the dump holds several and it is not the default one, else "": for commands we advise */
    struct ha_overview overview; /* filled by ha_report_envelope() */
    struct ha_arena scratch; /* of one description at a time */
};

void ha_report_init(struct ha_report *r, struct ha_doc *doc, struct ha_query *query, const char *version);
void ha_report_deinit(struct ha_report *r);

/* ---- pieces of other documents ---- */

/* An object record under a key; HA_OBJ_NONE gives null. *ret (may be NULL) is the node. */
struct ha_err *ha_report_object(struct ha_report *r, struct ha_doc_node *parent, const char *key, ha_obj obj, struct ha_doc_node **ret) HA_WARN_UNUSED;

/* Steps of a path (or references) under a key. The list is a HA_DOC_STEPS for people. */
struct ha_doc_node *ha_report_steps(struct ha_report *r, struct ha_doc_node *parent, const char *key, const struct ha_step *steps, uint64_t count);

/* { "kind": "…", "thread": object or null } */
struct ha_err *ha_report_root(struct ha_report *r, struct ha_doc_node *parent, const char *key, const struct ha_root_info *root) HA_WARN_UNUSED;

/* "hprof-analyze COMMAND DUMP REST" as a shell takes it. */
const char *ha_report_command(struct ha_report *r, const char *command, const char *rest);

/* ---- every document begins so ---- */

/* schema, command, tool, dump, heap, warnings; nothing of it for people. */
struct ha_err *ha_report_envelope(struct ha_report *r, const char *command) HA_WARN_UNUSED;

/* The same for people: what the dump is, what it holds, what was wrong with it. */
void ha_report_overview(struct ha_report *r, struct ha_doc_node *parent);
void ha_report_warnings(struct ha_report *r, struct ha_doc_node *parent);

/* ---- answers: each adds its keys to parent. Answers are borrowed as long as the document lives ---- */

void ha_report_histogram(struct ha_report *r, struct ha_doc_node *parent, const char *key, const struct ha_histogram *histogram);
struct ha_err *ha_report_suspects(struct ha_report *r, struct ha_doc_node *parent, const struct ha_problems *problems, bool brief) HA_WARN_UNUSED;

/* "patterns": everything the rules found, for machines; for people a section with what is no suspect. */
struct ha_err *ha_report_patterns(struct ha_report *r, struct ha_doc_node *parent, const struct ha_problems *problems) HA_WARN_UNUSED;

/* The rules themselves: a whole document, no heap behind it. more may be NULL. */
void ha_report_rules(struct ha_doc *doc, const char *version, const struct ha_rules *builtin, const struct ha_rules *more);

/* "oom"; for people a line. */
struct ha_err *ha_report_oom(struct ha_report *r, struct ha_doc_node *parent, const struct ha_oom *oom) HA_WARN_UNUSED;

/* Stack and telling locals of the thread that ran out of memory, for people; nothing when none did. */
struct ha_err *ha_report_oom_stack(struct ha_report *r, struct ha_doc_node *parent, const struct ha_oom *oom) HA_WARN_UNUSED;

void ha_report_top(struct ha_report *r, struct ha_doc_node *parent, const struct ha_top *top, uint64_t most);
void ha_report_dominators(struct ha_report *r, struct ha_doc_node *parent, const struct ha_dominators *dominators);
struct ha_err *ha_report_paths(struct ha_report *r, struct ha_doc_node *parent, const struct ha_paths *paths) HA_WARN_UNUSED;
struct ha_err *ha_report_object_view(struct ha_report *r, struct ha_doc_node *parent, const struct ha_object_view *view) HA_WARN_UNUSED;

/* Threads as blocks with their stacks, or (brief) as a table. */
void ha_report_threads(struct ha_report *r, struct ha_doc_node *parent, const struct ha_threads *threads, bool brief, bool show_locals);

/* Under the keys "loaders", "unreachable", "offheap" and "properties". brief: people see the gist, a section of the report; machines see all. */
void ha_report_loaders(struct ha_report *r, struct ha_doc_node *parent, const struct ha_loaders *loaders, bool brief);
struct ha_err *ha_report_unreachable(struct ha_report *r, struct ha_doc_node *parent, const struct ha_unreachable *unreachable, bool brief) HA_WARN_UNUSED;
void ha_report_offheap(struct ha_report *r, struct ha_doc_node *parent, const struct ha_offheap *offheap, bool brief);
void ha_report_properties(struct ha_report *r, struct ha_doc_node *parent, const struct ha_properties *properties, bool brief);

/* The complete report. */
struct ha_full_report {
    struct ha_suspects suspects;
    struct ha_findings findings;
    struct ha_problems problems;
    struct ha_oom oom;
    struct ha_top top;
    struct ha_histogram histogram;
    struct ha_threads threads;
    struct ha_offheap offheap;
    struct ha_loaders loaders;
    struct ha_unreachable unreachable;
    struct ha_properties properties;
};
struct ha_err *ha_report_full(struct ha_report *r, struct ha_doc_node *parent, const struct ha_full_report *full) HA_WARN_UNUSED;

/* What an index file holds: a whole document, no heap behind it. */
struct ha_doc_node *ha_report_index(struct ha_doc *doc, const char *version, const struct ha_index *index);

#endif
