/* SPDX-License-Identifier: MIT */
/*
 * GitHub workflow commands, one a line: an annotation for each failure, at its rule in the configuration.
 *
 *     ::error file=hprof-gate.yaml,line=4,col=5,title=heap::heap: 40.1 MiB retained …
 *
 * In messages %, CR and LF are escaped, in properties colon and comma too.
 */
#include <string.h>

#include "render/verdict.h"

static void escape(struct ha_sbuf *out, const char *text, bool property)
{
    for (const char *p = text; *p != '\0'; p++) {
        bool special = *p == '%' || *p == '\r' || *p == '\n' || (property && (*p == ':' || *p == ','));
        if (special) {
            ha_sbuf_printf(out, "%%%02X", (unsigned char)*p);
        } else {
            ha_sbuf_putc(out, *p);
        }
    }
}

static void property(struct ha_sbuf *out, char lead, const char *name, const char *text)
{
    ha_sbuf_printf(out, "%c%s=", lead, name);
    escape(out, text, true);
}

static void row_write(struct ha_sbuf *out, const struct verdict *v, const struct verdict_row *row)
{
    ha_sbuf_puts(out, row->failed ? "::error" : "::warning");
    char lead = ' ';
    if (row->line > 0) {
        property(out, lead, "file", verdict_file(v));
        ha_sbuf_printf(out, ",line=%llu,col=%llu", (unsigned long long)row->line, (unsigned long long)row->column);
        lead = ',';
    }
    property(out, lead, "title", row->rule);
    ha_sbuf_puts(out, "::");
    escape(out, row->message, false);
    if (row->failed && row->advice != NULL) {
        ha_sbuf_puts(out, "%0A");
        escape(out, row->advice, false);
    }
    ha_sbuf_putc(out, '\n');
}

static struct ha_err *github_render(struct ha_doc *doc, const struct ha_render_options *options, ha_write_fn write, void *ctx)
{
    struct verdict v;
    struct ha_sbuf out = {0};
    (void)options;
    HA_TRY(verdict_open(doc, &v));
    for (const struct ha_doc_node *n = v.rules->first_child; n != NULL; n = n->next) {
        struct verdict_row row;
        verdict_row_read(n, &row);
        if (row.failed || row.ignored) {
            row_write(&out, &v, &row);
        }
    }
    for (const struct ha_doc_node *n = v.notices == NULL ? NULL : v.notices->first_child; n != NULL; n = n->next) {
        ha_sbuf_puts(&out, "::notice title=hprof-analyze check::");
        escape(&out, n->u.text, false);
        ha_sbuf_putc(&out, '\n');
    }
    return verdict_flush(&out, write, ctx);
}

const struct ha_renderer ha_renderer_github = {
    .name = "github",
    .extensions = "",
    .summary = "the verdict of check as GitHub workflow commands",
    .command = "check",
    .render = github_render,
};
