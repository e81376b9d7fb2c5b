/* SPDX-License-Identifier: MIT */
/* Private to the folder: helpers of several builders. */
#ifndef HA_SRC_REPORT_PARTS_H
#define HA_SRC_REPORT_PARTS_H

#include "ha/report/builders.h"

/* The members of an object record. */
void part_object_members(struct ha_doc *doc, struct ha_doc_node *node, const struct ha_object_record *record);

/* schema, command, tool */
void part_tool(struct ha_doc *doc, struct ha_doc_node *root, const char *command, const char *version);

/* Members of a histogram row. */
void part_histogram_row(struct ha_report *r, struct ha_doc_node *row, enum ha_group_by by, bool has_retained, const struct ha_histogram_row *h);

/* "loader 0x… com.acme.Loader" for people, under the key "who" of a row. */
void part_loader_words(struct ha_doc *doc, struct ha_doc_node *row, const struct ha_histogram_row *h);

/* Objects by size, a row each. */
void part_ranked_list(struct ha_report *r, struct ha_doc_node *parent, const char *key, const struct ha_ranked_list *ranked);

/* For people: "system class com.acme.Foo 0x…", what the first object of a path is. */
struct ha_err *part_root_line(struct ha_report *r, struct ha_doc_node *parent, const struct ha_root_info *root, ha_obj obj) HA_WARN_UNUSED;

/* The same and the steps behind it, which machines find under `key`. */
struct ha_err *part_path(struct ha_report *r, struct ha_doc_node *parent, const char *key, const struct ha_root_info *root,
                         const struct ha_step *steps, uint64_t count) HA_WARN_UNUSED;

/* "+1.2 MiB", "-3": from old to new. */
const char *part_change(struct ha_doc *doc, uint64_t old, uint64_t new, bool bytes);

/* A place of the dominator tree for people, from its signature. */
const char *part_place(struct ha_doc *doc, const char *signature);

/* What to do about a problem. */
const char *part_advice(struct ha_report *r, const struct ha_problem *problem);

/* Patterns (doc_patterns.c): records { text, value } of a list; the same as one line for people; which pattern it is, and how sure. */
void part_evidence_rows(struct ha_doc *doc, struct ha_doc_node *list, const struct ha_finding *finding);
void part_evidence_line(struct ha_doc *doc, struct ha_doc_node *parent, const struct ha_finding *finding);
void part_pattern_line(struct ha_doc *doc, struct ha_doc_node *parent, const struct ha_finding *finding);

#endif
