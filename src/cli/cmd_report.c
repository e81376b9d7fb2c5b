/* SPDX-License-Identifier: MIT */
/*
 * hprof-analyze report DUMP, hprof-analyze DUMP; hprof-analyze suspects DUMP
 */
#include "cli/run.h"

/* ---- report ---- */

#define UNREACHABLE_FEW 1000000U /* objects whose own tree is worth its time here; the command unreachable makes it for more */

static struct ha_err *report_queries(struct cli *cli, struct ha_query *query,
                                     struct ha_full_report *full)
{
    uint64_t limit = cli_limit(cli);
    bool machine = cli_wants_machine(cli);
    const struct ha_suspects_options suspects = {.limit = machine ? 0 : limit};
    const struct ha_histogram_options histogram = {
        .keep_unreachable = cli->options.keep_unreachable,
        .with_empty = limit == 0,
        .limit = limit,
    };
    const struct ha_threads_options threads = {.with_locals = machine, .limit = limit};
    HA_TRY(ha_suspects_query(query, &suspects, &full->suspects));
    HA_TRY(cli_findings(cli, query, &full->findings));
    HA_TRY(ha_problems_merge(query, &full->suspects, &full->findings, suspects.limit, &full->problems));
    HA_TRY(ha_oom_query(query, &full->oom));
    HA_TRY(ha_top_query(query, limit, &full->top));
    HA_TRY(ha_histogram_query(query, &histogram, &full->histogram));
    HA_TRY(ha_threads_query(query, &threads, &full->threads));
    HA_TRY(ha_offheap_query(query, 0, &full->offheap));
    HA_TRY(ha_loaders_query(query, limit, &full->loaders));
    bool few = query->snapshot->retained->unreachable_objects < UNREACHABLE_FEW;
    HA_TRY(ha_unreachable_query(query, few, limit, &full->unreachable));
    return ha_properties_query(query, false, &full->properties);
}

static struct ha_err *report_ask(struct cli *cli, struct ha_report *r, struct ha_doc_node *root)
{
    struct ha_full_report *full = ha_doc_alloc(r->doc, sizeof *full);
    if (full == NULL) {
        return ha_err_nomem();
    }
    HA_TRY(report_queries(cli, r->query, full));
    return ha_report_full(r, root, full);
}

const struct cli_spec cli_spec_report = {
    .operands_min = 1,
    .operands_max = 1,
    .tells_warnings = true,
    .details = "The whole story of a dump: what it is and holds, what probably leaks, where to "
               "look next, the biggest consumers, the classes, the "
               "threads, and what was wrong with the dump. It is what 'hprof-analyze DUMP' does.",
    .examples = "hprof-analyze app.hprof\n"
                "hprof-analyze report -f json -o app.json -f text app.hprof",
    .ask = report_ask,
};

/* ---- suspects ---- */

struct suspects_values {
    struct opt_share threshold;
};

static const struct opt suspects_options[] = {
    {0, "threshold", "10%|SIZE", OPT_SHARE, offsetof(struct suspects_values, threshold), 0, 0,
     "what an object, or all of a class, must retain more than to be a suspect (default: 10%)"},
};

static struct ha_err *suspects_ask(struct cli *cli, struct ha_report *r, struct ha_doc_node *root)
{
    const struct suspects_values *values = cli->values;
    struct ha_full_report *full = ha_doc_alloc(r->doc, sizeof *full);
    const struct ha_suspects_options options = {
        .threshold_percent = values->threshold.percent,
        .threshold_bytes = values->threshold.bytes,
        .limit = cli_limit(cli),
    };
    if (full == NULL) {
        return ha_err_nomem();
    }
    HA_TRY(ha_suspects_query(r->query, &options, &full->suspects));
    HA_TRY(cli_findings(cli, r->query, &full->findings));
    HA_TRY(ha_problems_merge(r->query, &full->suspects, &full->findings, options.limit, &full->problems));
    HA_TRY(ha_report_suspects(r, root, &full->problems, false));
    return ha_report_patterns(r, root, &full->problems);
}

const struct cli_spec cli_spec_suspects = {
    .options = suspects_options,
    .option_count = sizeof suspects_options / sizeof *suspects_options,
    .values_bytes = sizeof(struct suspects_values),
    .operands_min = 1,
    .operands_max = 1,
    .details = "A suspect is an object that nothing but GC roots keeps alive and that retains more "
               "than the threshold, or all such objects of one "
               "class together. For each: where the memory accumulates, the path that holds it, "
               "what goes with it, and an id that stays the same "
               "from dump to dump.",
    .examples = "hprof-analyze suspects app.hprof\n"
                "hprof-analyze suspects --threshold 64M app.hprof",
    .ask = suspects_ask,
};
