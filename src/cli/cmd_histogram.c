/* SPDX-License-Identifier: MIT */
/*
 * hprof-analyze histogram DUMP
 */
#include "cli/run.h"

#include "ha/base/regex.h"
#include "ha/report/words.h"

struct values {
    unsigned by;   /* enum ha_group_by */
    unsigned sort; /* enum ha_sort_by */
    const char *filter;
    struct ha_regex *regex;
};

static const struct opt options[] = {
    {0, "by", "class|package|loader", OPT_CHOICE, offsetof(struct values, by), 0, 0,
     "what a row stands for (default: class)"},
    {0, "sort", "retained|shallow|instances", OPT_CHOICE, offsetof(struct values, sort), 0, 0,
     "the order, largest first (default: retained)"},
    {0, "filter", "REGEX", OPT_TEXT, offsetof(struct values, filter), 0, 0,
     "only rows whose name matches (PCRE2, anywhere in the name)"},
};

static struct ha_err *prepare(struct cli *cli)
{
    struct values *values = cli->values;
    // Shallow sizes need no graph, and without an index to keep there is no reason to build one.
    cli->snapshot_options.heap_only = values->sort == HA_SORT_SHALLOW && cli->options.no_index;
    if (values->filter != NULL) {
        return ha_regex_create(values->filter, &values->regex);
    }
    return NULL;
}

static void release(struct cli *cli)
{
    struct values *values = cli->values;
    ha_regex_destroy(values->regex);
}

/* Below the table: what all rows add up to, those not shown included. */
static void total_add(struct ha_report *r, struct ha_doc_node *root,
                      const struct ha_histogram *histogram)
{
    struct ha_doc *doc = r->doc;
    static const char *const nouns[][2] = {
        {"class", "classes"}, {"package", "packages"}, {"class loader", "class loaders"}};
    uint64_t rows = histogram->omitted;
    for (uint64_t i = 0; i < histogram->count; i++) {
        rows += histogram->rows[i].instances > 0;
    }
    struct ha_doc_node *line =
        ha_doc_say(doc, ha_doc_line(doc, ha_doc_section(doc, root, ""), NULL), "In all ");
    ha_doc_bytes(doc, line, NULL, histogram->shallow_bytes);
    ha_doc_say(doc, line, " in ");
    ha_doc_say_count(doc, line, histogram->instances, "object", NULL);
    ha_doc_say(doc, line, " of ");
    ha_doc_say_count(doc, line, rows, nouns[histogram->by][0], nouns[histogram->by][1]);
    if (histogram->scope_all) {
        ha_doc_say(doc, line, "; unreachable objects are counted");
    }
}

static struct ha_err *ask(struct cli *cli, struct ha_report *r, struct ha_doc_node *root)
{
    static const char *const by_names[] = {"class", "package", "loader"};
    static const char *const sort_names[] = {"retained", "shallow", "instances"};
    const struct values *values = cli->values;
    struct ha_histogram *histogram = ha_doc_alloc(r->doc, sizeof *histogram);
    uint64_t limit = cli_limit(cli);
    const struct ha_histogram_options query = {
        .by = values->by,
        .sort = values->sort,
        .filter = values->regex,
        .keep_unreachable = cli->options.keep_unreachable,
        .with_empty = limit == 0,
        .limit = limit,
    };
    if (histogram == NULL) {
        return ha_err_nomem();
    }
    HA_TRY(ha_histogram_query(r->query, &query, histogram));
    ha_doc_machine(ha_doc_text(r->doc, root, "by", by_names[values->by]));
    ha_doc_machine(ha_doc_text(r->doc, root, "sort", sort_names[values->sort]));
    ha_doc_machine(ha_doc_text(r->doc, root, "scope", histogram->scope_all ? "all" : "reachable"));
    ha_report_histogram(r, root, "histogram", histogram);
    total_add(r, root, histogram);
    return NULL;
}

const struct cli_spec cli_spec_histogram = {
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .values_bytes = sizeof(struct values),
    .operands_min = 1,
    .operands_max = 1,
    .details = "Instances, shallow and retained size of every class, package or class loader. "
               "Retained is what would go with all instances of a "
               "class, counted once where one holds another. Classes without instances are shown "
               "with -n 0 only.\n\n"
               "With --sort shallow --no-index only the objects are read, no graph is built: much "
               "faster, every object of the dump is counted, "
               "reachable or not, and there are no retained sizes.",
    .examples = "hprof-analyze histogram app.hprof\n"
                "hprof-analyze histogram --by package -n 50 app.hprof\n"
                "hprof-analyze histogram --filter '^com\\.acme\\.' --sort instances app.hprof",
    .prepare = prepare,
    .ask = ask,
    .release = release,
};
