/* SPDX-License-Identifier: MIT */
/*
 * SARIF 2.1.0 (OASIS): a result for each failure, located at its rule in the configuration; what was ignored is a suppressed result.
 */
#include <string.h>

#include "render/verdict.h"

#define SARIF_SCHEMA "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

static void text_member(struct ha_json *json, const char *key, const char *text)
{
    ha_json_key(json, key);
    ha_json_string(json, text);
}

static void message_member(struct ha_json *json, const char *key, const char *text)
{
    ha_json_key(json, key);
    ha_json_object_begin(json);
    text_member(json, "text", text);
    ha_json_object_end(json);
}

/* A path as a relative or file URI: what is no unreserved character of RFC 3986 is escaped. */
static void uri_member(struct ha_json *json, const char *path)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
    struct ha_sbuf uri = {0};
    ha_sbuf_puts(&uri, *path == '/' ? "file://" : "");
    for (const char *p = path; *p != '\0'; p++) {
        if (strchr(plain, *p) != NULL) {
            ha_sbuf_putc(&uri, *p);
        } else {
            ha_sbuf_printf(&uri, "%%%02X", (unsigned char)*p);
        }
    }
    text_member(json, "uri", ha_sbuf_text(&uri));
    ha_sbuf_deinit(&uri);
}

static bool reported(const struct verdict_row *row)
{
    return row->failed || row->ignored;
}

/* The number of a rule among those reported, in the order of their first result. *ret_first: this is its first. */
static uint64_t rule_index(const struct verdict *v, const struct ha_doc_node *node, bool *ret_first)
{
    struct verdict_row wanted;
    uint64_t index = 0;
    verdict_row_read(node, &wanted);
    for (const struct ha_doc_node *n = v->rules->first_child; n != NULL; n = n->next) {
        struct verdict_row row;
        bool seen = false;
        verdict_row_read(n, &row);
        if (!reported(&row)) {
            continue;
        }
        if (strcmp(row.rule, wanted.rule) == 0) {
            *ret_first = n == node;
            return index;
        }
        for (const struct ha_doc_node *m = v->rules->first_child; m != n && !seen; m = m->next) {
            struct verdict_row earlier;
            verdict_row_read(m, &earlier);
            seen = reported(&earlier) && strcmp(earlier.rule, row.rule) == 0;
        }
        index += !seen;
    }
    *ret_first = false;
    return index;
}

static void rules_write(struct ha_json *json, const struct verdict *v)
{
    ha_json_key(json, "rules");
    ha_json_array_begin(json);
    for (const struct ha_doc_node *n = v->rules->first_child; n != NULL; n = n->next) {
        struct verdict_row row;
        bool first = false;
        verdict_row_read(n, &row);
        if (reported(&row)) {
            rule_index(v, n, &first);
        }
        if (first) {
            ha_json_object_begin(json);
            text_member(json, "id", row.rule);
            message_member(json, "shortDescription", row.subject);
            if (row.advice != NULL) {
                message_member(json, "help", row.advice);
            }
            ha_json_object_end(json);
        }
    }
    ha_json_array_end(json);
}

static void location_write(struct ha_json *json, const struct verdict *v, const struct verdict_row *row)
{
    ha_json_key(json, "locations");
    ha_json_array_begin(json);
    ha_json_object_begin(json);
    ha_json_key(json, "physicalLocation");
    ha_json_object_begin(json);
    ha_json_key(json, "artifactLocation");
    ha_json_object_begin(json);
    uri_member(json, row->line > 0 ? verdict_file(v) : v->dump);
    ha_json_object_end(json);
    if (row->line > 0) {
        ha_json_key(json, "region");
        ha_json_object_begin(json);
        ha_json_key(json, "startLine");
        ha_json_u64(json, row->line);
        ha_json_key(json, "startColumn");
        ha_json_u64(json, row->column > 0 ? row->column : 1);
        ha_json_object_end(json);
    }
    ha_json_object_end(json);
    ha_json_key(json, "logicalLocations");
    ha_json_array_begin(json);
    ha_json_object_begin(json);
    text_member(json, "fullyQualifiedName", row->subject);
    ha_json_object_end(json);
    ha_json_array_end(json);
    ha_json_object_end(json);
    ha_json_array_end(json);
}

static void result_write(struct ha_json *json, const struct verdict *v, const struct ha_doc_node *node, const struct verdict_row *row)
{
    char fingerprint[17];
    bool first;
    ha_json_object_begin(json);
    text_member(json, "ruleId", row->rule);
    ha_json_key(json, "ruleIndex");
    ha_json_u64(json, rule_index(v, node, &first));
    text_member(json, "level", "error");
    message_member(json, "message", row->message);
    location_write(json, v, row);
    verdict_fingerprint(row, fingerprint);
    ha_json_key(json, "partialFingerprints");
    ha_json_object_begin(json);
    text_member(json, "ruleSubjectMeasure/v1", fingerprint);
    ha_json_object_end(json);
    if (row->ignored) {
        ha_json_key(json, "suppressions");
        ha_json_array_begin(json);
        ha_json_object_begin(json);
        text_member(json, "kind", "external");
        text_member(json, "justification", row->message);
        ha_json_object_end(json);
        ha_json_array_end(json);
    }
    ha_json_object_end(json);
}

static void run_write(struct ha_json *json, const struct verdict *v)
{
    ha_json_object_begin(json);
    ha_json_key(json, "tool");
    ha_json_object_begin(json);
    ha_json_key(json, "driver");
    ha_json_object_begin(json);
    text_member(json, "name", "hprof-analyze");
    text_member(json, "version", v->version);
    rules_write(json, v);
    ha_json_object_end(json);
    ha_json_object_end(json);
    ha_json_key(json, "results");
    ha_json_array_begin(json);
    for (const struct ha_doc_node *n = v->rules->first_child; n != NULL; n = n->next) {
        struct verdict_row row;
        verdict_row_read(n, &row);
        if (reported(&row)) {
            result_write(json, v, n, &row);
        }
    }
    ha_json_array_end(json);
    ha_json_object_end(json);
}

static struct ha_err *sarif_render(struct ha_doc *doc, const struct ha_render_options *options, ha_write_fn write, void *ctx)
{
    struct verdict v;
    (void)options;
    HA_TRY(verdict_open(doc, &v));
    struct ha_json *json = ha_json_create(write, ctx, true);
    if (json == NULL) {
        return ha_err_nomem();
    }
    ha_json_object_begin(json);
    text_member(json, "$schema", SARIF_SCHEMA);
    text_member(json, "version", "2.1.0");
    ha_json_key(json, "runs");
    ha_json_array_begin(json);
    run_write(json, &v);
    ha_json_array_end(json);
    ha_json_object_end(json);
    struct ha_err *err = ha_json_end(json);
    ha_json_destroy(json);
    return err;
}

const struct ha_renderer ha_renderer_sarif = {
    .name = "sarif",
    .extensions = "sarif",
    .summary = "the verdict of check as SARIF 2.1.0",
    .command = "check",
    .render = sarif_render,
};
