/* SPDX-License-Identifier: MIT */
/*
 * hprof-analyze offheap DUMP; hprof-analyze properties DUMP
 */
#include "cli/run.h"

/* ---- offheap ---- */

struct offheap_values {
    struct opt_share limit;
};

static const struct opt offheap_options[] = {
    {0, "container-limit", "SIZE", OPT_SHARE, offsetof(struct offheap_values, limit), 0, 0,
     "the memory limit of the container (1GiB): says whether the process fits into it, and which "
     "settings to change"},
};

static struct ha_err *offheap_prepare(struct cli *cli)
{
    const struct offheap_values *values = cli->values;
    return values->limit.percent > 0
               ? ha_err_new(HA_ERR_USAGE,
                            "--container-limit takes a size like 1GiB, not a percentage")
               : NULL;
}

static struct ha_err *offheap_ask(struct cli *cli, struct ha_report *r, struct ha_doc_node *root)
{
    const struct offheap_values *values = cli->values;
    struct ha_offheap *offheap = ha_doc_alloc(r->doc, sizeof *offheap);
    if (offheap == NULL) {
        return ha_err_nomem();
    }
    HA_TRY(ha_offheap_query(r->query, values->limit.bytes, offheap));
    ha_report_offheap(r, root, offheap, false);
    return NULL;
}

const struct cli_spec cli_spec_offheap = {
    .options = offheap_options,
    .option_count = sizeof offheap_options / sizeof *offheap_options,
    .values_bytes = sizeof(struct offheap_values),
    .operands_min = 1,
    .operands_max = 1,
    .details = "Why the process is bigger than its heap: direct memory, mapped files, thread "
               "stacks, zip streams, metaspace, code cache, collector. Each line says whether it "
               "was measured (a counter in the heap), counted (objects times what each takes) or "
               "estimated.",
    .examples = "hprof-analyze offheap app.hprof\n"
                "hprof-analyze offheap --container-limit 1GiB app.hprof",
    .prepare = offheap_prepare,
    .ask = offheap_ask,
};

/* ---- properties ---- */

struct properties_values {
    bool show_secrets;
};

static const struct opt properties_options[] = {
    {0, "show-secrets", NULL, OPT_FLAG, offsetof(struct properties_values, show_secrets), 0, 0,
     "values that look like passwords, keys or tokens too"},
};

static struct ha_err *properties_ask(struct cli *cli, struct ha_report *r, struct ha_doc_node *root)
{
    const struct properties_values *values = cli->values;
    struct ha_properties *properties = ha_doc_alloc(r->doc, sizeof *properties);
    if (properties == NULL) {
        return ha_err_nomem();
    }
    HA_TRY(ha_properties_query(r->query, values->show_secrets, properties));
    ha_report_properties(r, root, properties, false);
    return NULL;
}

const struct cli_spec cli_spec_properties = {
    .options = properties_options,
    .option_count = sizeof properties_options / sizeof *properties_options,
    .values_bytes = sizeof(struct properties_values),
    .operands_min = 1,
    .operands_max = 1,
    .details = "System properties, environment variables and arguments of the JVM as far as the "
               "heap holds them: the environment is there once the program asked for it, the "
               "arguments once something asked the RuntimeMXBean. Values that look like secrets "
               "are masked.",
    .examples = "hprof-analyze properties app.hprof\n"
                "hprof-analyze properties --show-secrets -f json app.hprof",
    .ask = properties_ask,
};
