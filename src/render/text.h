/* SPDX-License-Identifier: MIT */
/*
 * Private to the text renderer: pieces of a line (spans), the page they are put on, tables.
 *
 *     node ──text_spans_add()──> [class "com.acme.Foo"][plain " "][address "0x7f…"] ──text_fit()──> shorter ──text_put()──> page
 *
 * A span knows its width on the terminal and how it may get shorter: a class name in the middle of its package, a label at its end.
 * Spans live in the arena of the page until text_forget().
 */
#ifndef HA_SRC_RENDER_TEXT_H
#define HA_SRC_RENDER_TEXT_H

#include "ha/base/arena.h"
#include "ha/base/sbuf.h"
#include "ha/base/vec.h"
#include "ha/render/render.h"

enum span_kind {
    SPAN_PLAIN,
    SPAN_CLASS, /* may lose the middle of its package */
    SPAN_LABEL, /* text of the heap: may lose its end */
    SPAN_DIM,
    SPAN_HEAD
};

struct span {
    const char *text; /* safe for a terminal */
    size_t len;
    size_t width; /* columns */
    enum span_kind kind;
    bool strong;
    bool solid; /* never broken at a blank: "1.2 GiB" */
};

struct spans {
    struct span *list;
    size_t count, capacity;
};

/* The page being written. */
struct text {
    struct ha_doc *doc;
    const struct ha_render_options *options;
    ha_write_fn write;
    void *ctx;
    struct ha_err *err;     /* first failure, sticky */
    struct ha_sbuf out;     /* not yet written */
    struct ha_arena arena;  /* of spans */
    size_t indent;          /* columns before every line */
    const char *lead;       /* in front of the next line, within the indent ("1. "); NULL: none */
    bool blank_wanted;      /* an empty line before the next one */
    const char *color;      /* in force; NULL: none */
    uint64_t lines;         /* written */
};

/* Appends the text of a value; containers other than objects add nothing. */
void text_spans_add(struct text *t, struct spans *spans, const struct ha_doc_node *node);
void text_spans_say(struct text *t, struct spans *spans, enum span_kind kind, const char *s);
size_t text_spans_width(const struct spans *spans);

/* The width that the spans cannot get below by shortening class names, and labels too. */
size_t text_spans_least(const struct spans *spans, bool labels);

/* Makes the spans fit into `width` columns as far as they can get shorter. */
void text_fit(struct text *t, struct spans *spans, size_t width);

/* One line: indent, spans; class names shortened if it fits then, else broken at blanks; continuation lines begin `hang` columns further in. */
void text_put(struct text *t, struct spans *spans, size_t hang);
void text_line_begin(struct text *t);
void text_span_put(struct text *t, const struct span *span);
void text_line_end(struct text *t);
void text_forget(struct text *t); /* frees all spans */

size_t text_width_left(const struct text *t); /* columns behind the indent */

/* A class name of at most `width` columns, as far as its package allows: "com.….service.Foo". Exposed for tests. */
void text_class_shorten(const char *name, size_t len, size_t width, struct ha_sbuf *out);

/* A list as a table, a tree or steps. */
void text_table(struct text *t, const struct ha_doc_node *list, uint64_t shown);

/* How many rows of a list people see; *ret_omitted: how many of those worth seeing they do not. */
uint64_t text_rows_shown(const struct text *t, const struct ha_doc_list *list, uint64_t *ret_omitted);

#endif
