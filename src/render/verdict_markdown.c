/* SPDX-License-Identifier: MIT */
/*
 * Markdown (GitHub's dialect) for summaries of jobs and comments on changes: the verdict, a table, and for each failure why.
 */
#include <string.h>

#include "render/verdict.h"

/* Text in which nothing is markup: class names are full of `$`, `<` and `_`. */
static void plain(struct ha_sbuf *out, const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '<') {
            ha_sbuf_puts(out, "&lt;");
        } else if (*p == '>') {
            ha_sbuf_puts(out, "&gt;");
        } else if (*p == '&') {
            ha_sbuf_puts(out, "&amp;");
        } else if ((unsigned char)*p < 0x20) {
            ha_sbuf_putc(out, ' ');
        } else {
            if (strchr("\\`*_{}[]|~$#@", *p) != NULL) {
                ha_sbuf_putc(out, '\\');
            }
            ha_sbuf_putc(out, *p);
        }
    }
}

static void cell(struct ha_sbuf *out, const char *text)
{
    ha_sbuf_puts(out, " ");
    plain(out, text);
    ha_sbuf_puts(out, " |");
}

static void number_cell(struct ha_sbuf *out, const struct verdict_row *row, bool known, uint64_t value)
{
    ha_sbuf_putc(out, ' ');
    if (known) {
        verdict_number(row, value, out);
    }
    ha_sbuf_puts(out, " |");
}

static void row_write(struct ha_sbuf *out, const struct verdict_row *row)
{
    ha_sbuf_puts(out, row->failed ? "| ❌ failed |" : row->ignored ? "| ⚠️ ignored |" : "| ✅ ok |");
    cell(out, row->subject);
    cell(out, row->measure);
    number_cell(out, row, true, row->actual);
    number_cell(out, row, row->has_baseline, row->baseline);
    number_cell(out, row, row->has_limit, row->limit);
    struct ha_sbuf limit = {0};
    verdict_number(row, row->limit, &limit);
    cell(out, row->has_limit && strcmp(ha_sbuf_text(&limit), row->limit_text) == 0 ? "" : row->limit_text);
    ha_sbuf_deinit(&limit);
    ha_sbuf_putc(out, '\n');
}

static void why_write(struct ha_sbuf *out, const struct verdict_row *row)
{
    ha_sbuf_puts(out, row->failed ? "\n### Failed: " : "\n### Ignored: ");
    plain(out, row->rule);
    ha_sbuf_puts(out, "\n\n");
    plain(out, row->message);
    ha_sbuf_puts(out, "\n");
    const struct ha_doc_node *step = row->path == NULL ? NULL : row->path->first_child;
    for (bool first = true; step != NULL; step = step->next, first = false) {
        bool is_new;
        ha_sbuf_puts(out, first ? "\n1. " : "1. ");
        plain(out, verdict_step(step, &is_new));
        ha_sbuf_puts(out, is_new ? " **(new)**\n" : "\n");
    }
    if (row->advice != NULL) {
        ha_sbuf_puts(out, "\n> ");
        plain(out, row->advice);
        ha_sbuf_putc(out, '\n');
    }
}

static struct ha_err *markdown_render(struct ha_doc *doc, const struct ha_render_options *options, ha_write_fn write, void *ctx)
{
    struct verdict v;
    struct ha_sbuf out = {0};
    struct verdict_row row;
    (void)options;
    HA_TRY(verdict_open(doc, &v));
    ha_sbuf_puts(&out, v.passed ? "## Heap check passed: " : "## Heap check failed: ");
    plain(&out, v.dump);
    ha_sbuf_puts(&out, "\n\n| Verdict | Subject | Of | Actual | Baseline | Limit | |\n| --- | --- | --- | ---: | ---: | ---: | --- |\n");
    for (const struct ha_doc_node *n = v.rules->first_child; n != NULL; n = n->next) {
        verdict_row_read(n, &row);
        row_write(&out, &row);
    }
    for (const struct ha_doc_node *n = v.notices == NULL ? NULL : v.notices->first_child; n != NULL; n = n->next) {
        ha_sbuf_puts(&out, n == v.notices->first_child ? "\n* " : "* ");
        plain(&out, n->u.text);
        ha_sbuf_putc(&out, '\n');
    }
    for (const struct ha_doc_node *n = v.rules->first_child; n != NULL; n = n->next) {
        verdict_row_read(n, &row);
        if (row.failed || row.ignored) {
            why_write(&out, &row);
        }
    }
    return verdict_flush(&out, write, ctx);
}

const struct ha_renderer ha_renderer_markdown = {
    .name = "markdown",
    .extensions = "md",
    .summary = "the verdict of check as Markdown",
    .command = "check",
    .render = markdown_render,
};
