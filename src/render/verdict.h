/* SPDX-License-Identifier: MIT */
/*
 * Private to the folder: what the verdict renderers share. They read the member `check` of a document, row by row.
 */
#ifndef HA_SRC_RENDER_VERDICT_H
#define HA_SRC_RENDER_VERDICT_H

#include "ha/base/sbuf.h"
#include "render/renderers.h"

/* One row of check.rules. Texts are never NULL unless said. */
struct verdict_row {
    const char *rule, *subject, *measure, *limit_text, *message;
    const char *advice;    /* NULL: none */
    bool failed, ignored;
    bool bytes;            /* unit of the numbers */
    bool has_limit, has_baseline;
    uint64_t limit, actual, baseline;
    uint64_t line, column; /* in the configuration; 0: none */
    const struct ha_doc_node *path; /* list of steps; NULL: none */
};

struct verdict {
    const struct ha_doc_node *root, *check, *rules, *notices;
    const char *config; /* NULL: none */
    const char *dump;   /* file name */
    const char *created, *version; /* created: "YYYY-MM-DDTHH:MM:SS"; "" when not known */
    char created_text[32];
    bool passed;
    uint64_t failed, ignored, count;
};

/* HA_ERR_USAGE: the document is no verdict. */
struct ha_err *verdict_open(struct ha_doc *doc, struct verdict *ret) HA_WARN_UNUSED;

/* The row of a member of check.rules. */
void verdict_row_read(const struct ha_doc_node *node, struct verdict_row *ret);

/* Where a failure is shown: the configuration if there is one, else the dump. */
const char *verdict_file(const struct verdict *v);

/* 16 hex digits over rule, subject and measure: the same from run to run. */
void verdict_fingerprint(const struct verdict_row *row, char ret[17]);

/* "12.0 MiB", "1,234" */
void verdict_number(const struct verdict_row *row, uint64_t value, struct ha_sbuf *out);

/* The text of a step and whether it is new. */
const char *verdict_step(const struct ha_doc_node *step, bool *ret_new);

/* Writes the buffer and frees it. */
struct ha_err *verdict_flush(struct ha_sbuf *out, ha_write_fn write, void *ctx) HA_WARN_UNUSED;

#endif
