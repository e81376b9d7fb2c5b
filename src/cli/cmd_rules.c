/* SPDX-License-Identifier: MIT */
/*
 * hprof-analyze rules: the patterns that reports know, and a check of rules files.
 */
#include "cli/run.h"

static struct ha_err *prepare(struct cli *cli)
{
    return cli_formats_choose(cli);
}

static struct ha_err *run(struct cli *cli)
{
    struct ha_rules *builtin;
    struct ha_doc *doc = ha_doc_create();
    if (doc == NULL) {
        return ha_err_nomem();
    }
    struct ha_err *err = ha_rules_builtin(&builtin);
    if (err == NULL) {
        ha_report_rules(doc, cli_version, builtin, cli->rules);
        err = cli_answer(cli, doc);
        ha_rules_destroy(builtin);
    }
    ha_doc_destroy(doc);
    return err;
}

const struct cli_spec cli_spec_rules = {
    .operands_min = 0,
    .operands_max = 0,
    .details = "The built-in patterns and those of --rules. A rules file that is wrong is refused "
               "with file, line and column, so this is also how to check one; docs/rules.md is "
               "the manual.",
    .examples = "hprof-analyze rules\n"
                "hprof-analyze rules --rules acme.yaml",
    .prepare = prepare,
    .run = run,
};
