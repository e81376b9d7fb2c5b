/* SPDX-License-Identifier: MIT */
/*
 * hprof-analyze compare OLD NEW; compare A B C …
 *
 * One heap at a time is open; what is compared are summaries.
 */
#include "cli/run.h"

#include "cli/exit.h"
#include "ha/report/compare_builders.h"

struct compare_values {
    const char *fail_on_growth;
    uint64_t loops;
    struct ha_tolerance tolerance; /* of fail_on_growth */
};

static const struct opt compare_options[] = {
    {0, "fail-on-growth", "LIMIT", OPT_TEXT, offsetof(struct compare_values, fail_on_growth), 0, 0,
     "exit with 1 when the reachable heap grew beyond 10%, +5MB or both (\"10% +5MB\": the larger of them)"},
    {0, "loops", "K", OPT_COUNT, offsetof(struct compare_values, loops), 1, UINT64_MAX - 1,
     "of three or more heaps: call a step growth of a class when it has at least K instances more (default: 1)"},
};

static struct ha_err *compare_prepare(struct cli *cli)
{
    struct compare_values *values = cli->values;
    if (values->fail_on_growth != NULL) {
        const char *wrong = ha_tolerance_parse(values->fail_on_growth, HA_UNIT_BYTES, &values->tolerance);
        if (wrong != NULL) {
            return ha_err_new(HA_ERR_USAGE, "--fail-on-growth: '%s' is %s", values->fail_on_growth, wrong);
        }
    }
    if (values->loops > 0 && cli->operand_count < 3) {
        return ha_err_new(HA_ERR_USAGE, "--loops is for three heaps or more");
    }
    return cli_formats_choose(cli);
}

/* ---- reading ---- */

static struct ha_err *report_read(const char *path, struct ha_summary *ret)
{
    struct ha_json_doc *doc = NULL;
    HA_TRY(ha_json_read_file(path, HA_JSON_BYTES_MAX, &doc));
    struct ha_err *err = ha_summary_of_report(doc, path, ret);
    ha_json_doc_free(doc);
    return err;
}

static struct ha_err *dump_read(struct cli *cli, unsigned number, struct ha_summary *ret)
{
    const struct ha_summary_options options = {.with_suspects = true, .with_places = true};
    struct ha_query query;
    HA_TRY(cli_open(cli, number));
    ha_query_init(&query, cli->snapshot);
    struct ha_err *err = ha_summary_of_snapshot(&query, &options, ret);
    if (err == NULL) {
        err = ha_query_error(&query);
    }
    if (err == NULL) {
        cli_answers_keep(cli, &query);
        cli_warnings_say(cli);
    }
    ha_query_deinit(&query);
    ha_snapshot_close(cli->snapshot);
    cli->snapshot = NULL;
    return err;
}

static struct ha_err *heap_read(struct cli *cli, unsigned number, struct ha_summary *ret)
{
    const char *path = cli->operands[number];
    bool is_json = false;
    if (!ha_input_is_passing(path)) {
        HA_TRY(ha_summary_is_json(path, &is_json));
    }
    return is_json ? report_read(path, ret) : dump_read(cli, number, ret);
}

/* ---- answering ---- */

static struct ha_compare_limit limit_judge(const struct compare_values *values, const struct ha_compare *compare)
{
    struct ha_compare_limit limit = {.tolerance = values->tolerance,
                                     .limit_bytes = ha_tolerance_limit(&values->tolerance, compare->old->heap.shallow_bytes),
                                     .actual_bytes = compare->new->heap.shallow_bytes};
    limit.passed = limit.actual_bytes <= limit.limit_bytes;
    return limit;
}

static struct ha_err *heaps_compare(struct cli *cli, const struct ha_summary *const *heaps, struct ha_doc *doc)
{
    const struct compare_values *values = cli->values;
    struct ha_compare compare;
    struct ha_growth growth;
    unsigned count = cli->operand_count;
    HA_TRY(ha_compare(heaps[0], heaps[count - 1], &cli->arena, &compare));
    struct ha_compare_limit limit = limit_judge(values, &compare);
    const struct ha_compare_limit *given = values->fail_on_growth == NULL ? NULL : &limit;
    if (count > 2) {
        HA_TRY(ha_growth_find(heaps, count, &(struct ha_growth_options){values->loops}, &cli->arena, &growth));
        ha_report_growth(doc, cli_version, &compare, given, heaps, &growth);
    } else {
        ha_report_compare(doc, cli_version, &compare, given);
    }
    HA_TRY(cli_answer(cli, doc));
    cli->exit_code = given != NULL && !given->passed ? CLI_EXIT_CHECK : CLI_EXIT_OK;
    return NULL;
}

static struct ha_err *compare_run(struct cli *cli)
{
    struct ha_summary *list = ha_arena_calloc(&cli->arena, CLI_OPERANDS_MAX, sizeof *list);
    const struct ha_summary *heaps[CLI_OPERANDS_MAX];
    struct ha_doc *doc = ha_doc_create();
    struct ha_err *err = list == NULL || doc == NULL ? ha_err_nomem() : NULL;
    for (unsigned i = 0; i < cli->operand_count && err == NULL; i++) {
        heaps[i] = &list[i];
        err = heap_read(cli, i, &list[i]);
    }
    if (err == NULL) {
        err = heaps_compare(cli, heaps, doc);
    }
    ha_doc_destroy(doc);
    for (unsigned i = 0; list != NULL && i < cli->operand_count; i++) {
        ha_summary_deinit(&list[i]);
    }
    return err;
}

const struct cli_spec cli_spec_compare = {
    .options = compare_options,
    .option_count = sizeof compare_options / sizeof *compare_options,
    .values_bytes = sizeof(struct compare_values),
    .operands_min = 2,
    .operands_max = CLI_OPERANDS_MAX,
    .details = "What grew between two heaps: the heap as a whole, leak suspects (matched by id), classes, and the places of the dominator tree "
               "that keep the memory. Each heap is a dump (its index is used or made) or a report saved with 'report -f json'. Names that differ "
               "from run to run, of lambdas and proxies, are made equal.\n\n"
               "Of three heaps or more, oldest first: what grew in every step. A leak grows every time; a cache stops.",
    .examples = "hprof-analyze compare monday.hprof friday.hprof\n"
                "hprof-analyze compare --fail-on-growth '10% +5MB' before.json after.hprof\n"
                "hprof-analyze compare --loops 100 after100.hprof after200.hprof after300.hprof",
    .prepare = compare_prepare,
    .run = compare_run,
};
