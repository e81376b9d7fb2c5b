/* SPDX-License-Identifier: MIT */
/*
 * hprof-analyze threads DUMP
 */
#include "cli/run.h"

#include "ha/base/regex.h"

struct values {
    const char *name;
    bool locals;
    struct ha_regex *regex;
};

static const struct opt options[] = {
    {0, "name", "REGEX", OPT_TEXT, offsetof(struct values, name), 0, 0,
     "only threads whose name matches (PCRE2, anywhere in the name)"},
    {0, "locals", NULL, OPT_FLAG, offsetof(struct values, locals), 0, 0,
     "with the local variables of each frame (always in JSON)"},
};

static struct ha_err *prepare(struct cli *cli)
{
    struct values *values = cli->values;
    return values->name == NULL ? NULL : ha_regex_create(values->name, &values->regex);
}

static void release(struct cli *cli)
{
    struct values *values = cli->values;
    ha_regex_destroy(values->regex);
}

static struct ha_err *ask(struct cli *cli, struct ha_report *r, struct ha_doc_node *root)
{
    const struct values *values = cli->values;
    struct ha_threads *threads = ha_doc_alloc(r->doc, sizeof *threads);
    const struct ha_threads_options query = {
        .name = values->regex,
        .with_locals = values->locals || cli_wants_machine(cli),
        .limit = cli_limit(cli),
    };
    if (threads == NULL) {
        return ha_err_nomem();
    }
    HA_TRY(ha_threads_query(r->query, &query, threads));
    ha_report_threads(r, root, threads, false, values->locals);
    return NULL;
}

const struct cli_spec cli_spec_threads = {
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .values_bytes = sizeof(struct values),
    .operands_min = 1,
    .operands_max = 1,
    .details = "All reachable threads, those that keep most first, with their stacks. The thread "
               "whose OutOfMemoryError wrote the dump is marked.",
    .examples = "hprof-analyze threads app.hprof\n"
                "hprof-analyze threads --name '^http-' --locals app.hprof",
    .prepare = prepare,
    .ask = ask,
    .release = release,
};
