/* SPDX-License-Identifier: MIT */
/*
 * JUnit XML, as Jenkins, GitLab, Azure and others read it: one suite, a test case for each thing judged. Attributes and order of elements
 * satisfy the strict schema of Ant's JUnit task too.
 */
#include <string.h>

#include "render/verdict.h"

/* Text for XML 1.0: markup escaped, what XML cannot hold replaced. Bytes above 0x7f are UTF-8 already. */
static void xml(struct ha_sbuf *out, const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        if (c == '&') {
            ha_sbuf_puts(out, "&amp;");
        } else if (c == '<') {
            ha_sbuf_puts(out, "&lt;");
        } else if (c == '>') {
            ha_sbuf_puts(out, "&gt;");
        } else if (c == '"') {
            ha_sbuf_puts(out, "&quot;");
        } else if (c == '\n' || c == '\t' || c == '\r') {
            ha_sbuf_printf(out, "&#%u;", c);
        } else if (c < 0x20) {
            ha_sbuf_puts(out, "\xef\xbf\xbd");
        } else if (c == 0xef && (unsigned char)p[1] == 0xbf && ((unsigned char)p[2] & 0xfe) == 0xbe) {
            ha_sbuf_puts(out, "\xef\xbf\xbd"); // U+FFFE, U+FFFF
            p += 2;
        } else {
            ha_sbuf_putc(out, (char)c);
        }
    }
}

static void attribute(struct ha_sbuf *out, const char *name, const char *text)
{
    ha_sbuf_printf(out, " %s=\"", name);
    xml(out, text);
    ha_sbuf_putc(out, '"');
}

static void path_write(struct ha_sbuf *out, const struct verdict_row *row)
{
    const struct ha_doc_node *step = row->path == NULL ? NULL : row->path->first_child;
    for (; step != NULL; step = step->next) {
        bool is_new;
        ha_sbuf_puts(out, "\n  -&gt; ");
        xml(out, verdict_step(step, &is_new));
        ha_sbuf_puts(out, is_new ? "   (new)" : "");
    }
    if (row->advice != NULL) {
        ha_sbuf_putc(out, '\n');
        xml(out, row->advice);
    }
    ha_sbuf_putc(out, '\n');
}

static void case_write(struct ha_sbuf *out, const struct verdict_row *row)
{
    struct ha_sbuf name = {0};
    ha_sbuf_printf(&name, "%s: %s, %s", row->subject, row->measure, row->limit_text);
    ha_sbuf_puts(out, "    <testcase");
    attribute(out, "name", ha_sbuf_text(&name));
    attribute(out, "classname", row->rule);
    ha_sbuf_puts(out, " time=\"0\"");
    ha_sbuf_deinit(&name);
    if (!row->failed && !row->ignored) {
        ha_sbuf_puts(out, "/>\n");
        return;
    }
    ha_sbuf_puts(out, row->failed ? ">\n      <failure" : ">\n      <skipped");
    attribute(out, "message", row->message);
    if (row->failed) {
        ha_sbuf_puts(out, " type=\"limit\">");
        xml(out, row->message);
        path_write(out, row);
        ha_sbuf_puts(out, "</failure>\n    </testcase>\n");
    } else {
        ha_sbuf_puts(out, "/>\n    </testcase>\n");
    }
}

static struct ha_err *junit_render(struct ha_doc *doc, const struct ha_render_options *options, ha_write_fn write, void *ctx)
{
    struct verdict v;
    struct ha_sbuf out = {0};
    (void)options;
    HA_TRY(verdict_open(doc, &v));
    ha_sbuf_puts(&out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"hprof-analyze check\" package=\"hprof-analyze\" id=\"0\"");
    attribute(&out, "timestamp", *v.created == '\0' ? "1970-01-01T00:00:00" : v.created);
    ha_sbuf_printf(&out, " hostname=\"localhost\" tests=\"%llu\" failures=\"%llu\" errors=\"0\" skipped=\"%llu\" time=\"0\">\n", (unsigned long long)v.count,
                   (unsigned long long)v.failed, (unsigned long long)v.ignored);
    ha_sbuf_puts(&out, "    <properties>\n      <property name=\"dump\"");
    attribute(&out, "value", v.dump);
    ha_sbuf_puts(&out, "/>\n      <property name=\"version\"");
    attribute(&out, "value", v.version);
    ha_sbuf_puts(&out, "/>\n    </properties>\n");
    for (const struct ha_doc_node *n = v.rules->first_child; n != NULL; n = n->next) {
        struct verdict_row row;
        verdict_row_read(n, &row);
        case_write(&out, &row);
    }
    ha_sbuf_puts(&out, "    <system-out>");
    for (const struct ha_doc_node *n = v.notices == NULL ? NULL : v.notices->first_child; n != NULL; n = n->next) {
        xml(&out, n->u.text);
        ha_sbuf_putc(&out, '\n');
    }
    ha_sbuf_puts(&out, "</system-out>\n    <system-err></system-err>\n  </testsuite>\n</testsuites>\n");
    return verdict_flush(&out, write, ctx);
}

const struct ha_renderer ha_renderer_junit = {
    .name = "junit",
    .extensions = "xml",
    .summary = "the verdict of check as JUnit XML",
    .command = "check",
    .render = junit_render,
};
