/* SPDX-License-Identifier: MIT */
/*
 * GitLab's code quality report: a list of issues. The fingerprint is the same from run to run, so that GitLab can tell a new one from an old.
 */
#include "render/verdict.h"

static void text_member(struct ha_json *json, const char *key, const char *text)
{
    ha_json_key(json, key);
    ha_json_string(json, text);
}

static void row_write(struct ha_json *json, const struct verdict *v, const struct verdict_row *row)
{
    char fingerprint[17];
    verdict_fingerprint(row, fingerprint);
    ha_json_object_begin(json);
    text_member(json, "description", row->message);
    text_member(json, "check_name", row->rule);
    text_member(json, "fingerprint", fingerprint);
    text_member(json, "severity", row->failed ? "major" : "info");
    ha_json_key(json, "location");
    ha_json_object_begin(json);
    text_member(json, "path", verdict_file(v));
    ha_json_key(json, "lines");
    ha_json_object_begin(json);
    ha_json_key(json, "begin");
    ha_json_u64(json, row->line > 0 ? row->line : 1);
    ha_json_object_end(json);
    ha_json_object_end(json);
    ha_json_object_end(json);
}

static struct ha_err *gitlab_render(struct ha_doc *doc, const struct ha_render_options *options, ha_write_fn write, void *ctx)
{
    struct verdict v;
    (void)options;
    HA_TRY(verdict_open(doc, &v));
    struct ha_json *json = ha_json_create(write, ctx, true);
    if (json == NULL) {
        return ha_err_nomem();
    }
    ha_json_array_begin(json);
    for (const struct ha_doc_node *n = v.rules->first_child; n != NULL; n = n->next) {
        struct verdict_row row;
        verdict_row_read(n, &row);
        if (row.failed || row.ignored) {
            row_write(json, &v, &row);
        }
    }
    ha_json_array_end(json);
    struct ha_err *err = ha_json_end(json);
    ha_json_destroy(json);
    return err;
}

const struct ha_renderer ha_renderer_gitlab = {
    .name = "gitlab",
    .extensions = "",
    .summary = "the verdict of check as GitLab code quality report",
    .command = "check",
    .render = gitlab_render,
};
