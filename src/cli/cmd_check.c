/* SPDX-License-Identifier: MIT */
/*
 * hprof-analyze check DUMP
 */
#include "cli/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/exit.h"
#include "ha/base/file.h"
#include "ha/gate/gate.h"
#include "ha/report/gate_builders.h"
#include "ha/rules/rules.h"

#define CONFIG_DEFAULT "hprof-gate.yaml"
#define GROWTH_DEFAULT "10%"

struct check_values {
    const char *config_path, *baseline_path;
    bool no_config, update_baseline, allow_damage;
    const char *max_heap, *max_growth, *floor, *today;
    struct opt_words max_retained, max_instances, forbid;
    struct ha_gate_config config;
    bool config_read;
    struct ha_gate_baseline baseline;
    bool has_baseline;
    char today_text[16];
};

#define AT(field) offsetof(struct check_values, field)

static const struct opt check_options[] = {
    {0, "config", "FILE", OPT_TEXT, AT(config_path), 0, 0, "limits as YAML (default: " CONFIG_DEFAULT " in the current folder, if it is there)"},
    {0, "no-config", NULL, OPT_FLAG, AT(no_config), 0, 0, "options alone, no file of limits"},
    {0, "baseline", "FILE", OPT_TEXT, AT(baseline_path), 0, 0, "what growth is judged against (default: what the configuration names)"},
    {0, "update-baseline", NULL, OPT_FLAG, AT(update_baseline), 0, 0, "write the baseline from this dump, judge nothing"},
    {0, "max-heap", "SIZE", OPT_TEXT, AT(max_heap), 0, 0, "limit of the reachable heap"},
    {0, "max-growth", "LIMIT", OPT_TEXT, AT(max_growth), 0, 0,
     "limit of the heap's growth against the baseline: 10%, +5MB or both (default without any other limit: " GROWTH_DEFAULT ")"},
    {0, "max-retained", "CLASS=SIZE", OPT_WORDS, AT(max_retained), 0, 0, "limit of what the instances of a class retain; repeatable"},
    {0, "max-instances", "CLASS=N", OPT_WORDS, AT(max_instances), 0, 0, "limit of the number of instances of a class; repeatable"},
    {0, "forbid", "CLASS", OPT_WORDS, AT(forbid), 0, 0, "a class that may have no instances; repeatable"},
    {0, "floor", "SIZE", OPT_TEXT, AT(floor), 0, 0, "growth of what is not larger is noise (default: 1M)"},
    {0, "allow-damage", NULL, OPT_FLAG, AT(allow_damage), 0, 0, "judge a damaged dump too, of which something may be missing"},
    {0, "today", "YYYY-MM-DD", OPT_TEXT, AT(today), 0, 0, "the day by which ignore entries expire (default: SOURCE_DATE_EPOCH, else the clock)"},
};

/* ---- configuration ---- */

static struct ha_err *today_set(struct check_values *v)
{
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    uint64_t seconds = (uint64_t)time(NULL);
    struct tm tm;
    if (v->today != NULL) {
        return ha_gate_is_date(v->today) ? NULL : ha_err_new(HA_ERR_USAGE, "--today: '%s' is no day (such as 2027-03-31)", v->today);
    }
    if (epoch != NULL && *epoch != '\0') {
        HA_TRY(opt_parse_count(epoch, "SOURCE_DATE_EPOCH", 0, 253402300799, &seconds)); // up to the year 9999
    }
    time_t when = (time_t)seconds;
    if (gmtime_r(&when, &tm) == NULL || strftime(v->today_text, sizeof v->today_text, "%Y-%m-%d", &tm) == 0) {
        return ha_err_new(HA_ERR_SYSTEM, "the clock tells no day");
    }
    v->today = v->today_text;
    return NULL;
}

static struct ha_err *amount(const char *option, const char *text, enum ha_unit unit, struct ha_amount *ret)
{
    const char *wrong = ha_amount_parse(text, unit, ret);
    return wrong == NULL ? NULL : ha_err_new(HA_ERR_USAGE, "%s: '%s' is %s", option, text, wrong);
}

/* "CLASS=LIMIT" options. */
static struct ha_err *class_limits(struct cli *cli, struct check_values *v, const char *option, const struct opt_words *words,
                                   enum ha_gate_measure measure)
{
    for (size_t i = 0; i < words->count; i++) {
        const char *text = words->list[i].text;
        const char *equals = strrchr(text, '=');
        if (equals == NULL || equals == text) {
            return ha_err_new(HA_ERR_USAGE, "%s: '%s' is not CLASS=LIMIT", option, text);
        }
        const char *name = ha_arena_strndup(&cli->arena, text, (size_t)(equals - text));
        struct ha_gate_rule *rule = name == NULL ? NULL : ha_gate_rule_add(&v->config, HA_GATE_CLASS, name);
        if (rule == NULL) {
            return ha_err_nomem();
        }
        HA_TRY(amount(option, equals + 1, measure == HA_GATE_INSTANCES ? HA_UNIT_COUNT : HA_UNIT_BYTES, &rule->max[measure]));
        rule->has_max[measure] = true;
    }
    return NULL;
}

static struct ha_err *heap_limits(struct check_values *v)
{
    bool none = v->config.rules.count == 0 && !v->config.new_suspects_fail && v->max_heap == NULL;
    const char *growth = v->max_growth == NULL && none && v->config.baseline != NULL ? GROWTH_DEFAULT : v->max_growth;
    if (v->max_heap == NULL && growth == NULL) {
        return NULL;
    }
    struct ha_gate_rule *rule = ha_gate_rule_add(&v->config, HA_GATE_HEAP, "heap");
    if (rule == NULL) {
        return ha_err_nomem();
    }
    if (v->max_heap != NULL) {
        HA_TRY(amount("--max-heap", v->max_heap, HA_UNIT_BYTES, &rule->max[HA_GATE_RETAINED]));
        rule->has_max[HA_GATE_RETAINED] = true;
    }
    if (growth != NULL) {
        const char *wrong = ha_tolerance_parse(growth, HA_UNIT_BYTES, &rule->growth[HA_GATE_RETAINED]);
        if (wrong != NULL) {
            return ha_err_new(HA_ERR_USAGE, "--max-growth: '%s' is %s", growth, wrong);
        }
        rule->has_growth[HA_GATE_RETAINED] = true;
    }
    return NULL;
}

static struct ha_err *options_read(struct cli *cli, struct check_values *v)
{
    HA_TRY(class_limits(cli, v, "--max-retained", &v->max_retained, HA_GATE_RETAINED));
    HA_TRY(class_limits(cli, v, "--max-instances", &v->max_instances, HA_GATE_INSTANCES));
    for (size_t i = 0; i < v->forbid.count; i++) {
        struct ha_gate_rule *rule = ha_gate_rule_add(&v->config, HA_GATE_CLASS, v->forbid.list[i].text);
        if (rule == NULL) {
            return ha_err_nomem();
        }
        rule->forbid = true;
    }
    return heap_limits(v);
}

static struct ha_err *config_read(struct check_values *v)
{
    ha_gate_config_init(&v->config);
    v->config_read = true;
    if (v->no_config && v->config_path != NULL) {
        return ha_err_new(HA_ERR_USAGE, "--config and --no-config exclude each other");
    }
    const char *path = v->config_path != NULL ? v->config_path : access(CONFIG_DEFAULT, F_OK) == 0 ? CONFIG_DEFAULT : NULL;
    if (path != NULL && !v->no_config) {
        HA_TRY(ha_gate_config_read(path, &v->config));
    }
    v->config.baseline = v->baseline_path != NULL ? v->baseline_path : v->config.baseline;
    if (v->floor != NULL) {
        struct ha_amount floor;
        HA_TRY(amount("--floor", v->floor, HA_UNIT_BYTES, &floor));
        if (floor.is_percent) {
            return ha_err_new(HA_ERR_USAGE, "--floor: a size is expected, not a share");
        }
        v->config.floor_bytes = floor.value;
        for (size_t i = 0; i < v->config.rules.count; i++) {
            v->config.rules.data[i].floor_bytes = floor.value;
        }
    }
    return NULL;
}

static struct ha_err *check_prepare(struct cli *cli)
{
    struct check_values *v = cli->values;
    HA_TRY(config_read(v));
    HA_TRY(options_read(cli, v));
    HA_TRY(today_set(v));
    if (v->update_baseline) {
        if (v->config.baseline == NULL) {
            return ha_err_new(HA_ERR_USAGE, "--update-baseline: where to? give --baseline FILE");
        }
        return cli_dump_spared(cli, v->config.baseline);
    }
    if (v->config.baseline != NULL) {
        v->has_baseline = true;
        return ha_gate_baseline_read(v->config.baseline, &v->baseline);
    }
    return NULL;
}

static void check_release(struct cli *cli)
{
    struct check_values *v = cli->values;
    if (v->config_read) {
        ha_gate_config_deinit(&v->config);
    }
    ha_gate_baseline_deinit(&v->baseline);
}

/* ---- known patterns ---- */

static bool pattern_known(void *ctx, const char *id)
{
    return ha_rules_has(ctx, id);
}

static struct ha_err *patterns_find(const struct ha_report *r, struct ha_gate_input *input)
{
    struct ha_findings findings;
    struct ha_arena *arena = &r->query->arena;
    HA_TRY(ha_findings_get(r->query->snapshot, NULL, arena, &findings));
    struct ha_gate_pattern *patterns = ha_arena_calloc(arena, (size_t)findings.count + 1, sizeof *patterns);
    if (patterns == NULL) {
        return ha_err_nomem();
    }
    for (uint32_t i = 0; i < findings.count; i++) {
        const struct ha_finding *f = &findings.list[i];
        patterns[i] = (struct ha_gate_pattern){.id = f->pattern,
                                               .class_name = f->class_name,
                                               .holder_class = f->held_by.class_name,
                                               .holder_field = f->held_by.field,
                                               .instances = f->instances,
                                               .retained_bytes = f->retained_bytes,
                                               .bytes = f->bytes,
                                               .advice = f->advice};
    }
    input->patterns = patterns;
    input->pattern_count = findings.count;
    return NULL;
}

/* ---- the verdict ---- */

/* Of a damaged dump something is missing, and what is missing would pass. */
static struct ha_err *damage_check(const struct cli *cli, const struct check_values *v)
{
    const struct ha_diag *diag = cli->snapshot->diag;
    for (enum ha_diag_code code = 0; !v->allow_damage && diag != NULL && code < HA_DIAG_COUNT; code++) {
        const struct ha_diag_entry *entry = ha_diag_get(diag, code);
        if (entry->count > 0 && ha_diag_is_damage(code)) {
            return ha_err_new(HA_ERR_INPUT, "'%s' is damaged (%s: %s), so that something may be missing; --allow-damage judges it nevertheless",
                              ha_input_name(cli->snapshot->path), ha_diag_code_text(code), entry->message == NULL ? "" : entry->message);
        }
    }
    return NULL;
}

static struct ha_err *baseline_write(const struct ha_gate_input *input, const char *path)
{
    struct cli_sink *sink = NULL;
    HA_TRY(cli_sink_open(path, &sink));
    struct ha_err *err = ha_gate_baseline_write(input, cli_sink_write, sink);
    if (err == NULL) {
        err = cli_sink_commit(sink);
    }
    cli_sink_close(sink);
    return err;
}

static struct ha_err *append(void *ctx, const char *data, size_t len)
{
    int fd = *(int *)ctx;
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno != EINTR) {
            return ha_err_system(errno, "cannot write the summary that GITHUB_STEP_SUMMARY names");
        }
        data += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return NULL;
}

/* On GitHub the summary of the job is a file, there already, that steps append Markdown to. */
static struct ha_err *step_summary(struct cli *cli, struct ha_doc *doc)
{
    const char *path = getenv("GITHUB_STEP_SUMMARY");
    bool github = false;
    for (size_t i = 0; i < cli->output_count; i++) {
        github = github || strcmp(cli->outputs[i].format->name, "github") == 0;
    }
    if (!github || path == NULL || *path == '\0') {
        return NULL;
    }
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0) {
        return ha_err_system(errno, "cannot open '%s' (GITHUB_STEP_SUMMARY)", path);
    }
    const struct ha_render_options options = {.limit = 0};
    struct ha_err *err = ha_renderer_by_name("markdown")->render(doc, &options, append, &fd);
    ha_file_close(fd);
    return err;
}

static struct ha_err *judge(struct cli *cli, struct ha_report *r, struct ha_doc_node *root, const struct ha_gate_input *input)
{
    struct check_values *v = cli->values;
    struct ha_gate_outcome *outcome = ha_doc_alloc(r->doc, sizeof *outcome);
    if (outcome == NULL) {
        return ha_err_nomem();
    }
    HA_TRY(ha_gate_run(input, outcome));
    ha_report_check(r, root, outcome, v->config.file, v->config.baseline);
    HA_TRY(ha_doc_error(r->doc));
    HA_TRY(step_summary(cli, r->doc));
    cli->exit_code = outcome->passed ? CLI_EXIT_OK : CLI_EXIT_CHECK;
    return NULL;
}

static struct ha_err *check_ask(struct cli *cli, struct ha_report *r, struct ha_doc_node *root)
{
    struct check_values *v = cli->values;
    struct ha_rules *rules = NULL;
    struct ha_gate_input input = {.q = r->query, .config = &v->config, .baseline = v->has_baseline ? &v->baseline : NULL, .today = v->today};
    HA_TRY(damage_check(cli, v));
    HA_TRY(patterns_find(r, &input));
    if (v->update_baseline) {
        struct ha_gate_outcome *nothing = ha_doc_alloc(r->doc, sizeof *nothing);
        const char *note = ha_doc_printf(r->doc, "baseline written: %s", v->config.baseline);
        HA_TRY(nothing == NULL ? ha_err_nomem() : baseline_write(&input, v->config.baseline));
        *nothing = (struct ha_gate_outcome){.passed = true, .notices = &note, .notice_count = 1};
        ha_report_check(r, root, nothing, v->config.file, v->config.baseline);
        return ha_doc_error(r->doc);
    }
    HA_TRY(ha_rules_builtin(&rules));
    input.pattern_known = pattern_known;
    input.pattern_ctx = rules;
    struct ha_err *err = judge(cli, r, root, &input);
    ha_rules_destroy(rules);
    return err;
}

const struct cli_spec cli_spec_check = {
    .options = check_options,
    .option_count = sizeof check_options / sizeof *check_options,
    .values_bytes = sizeof(struct check_values),
    .operands_min = 1,
    .operands_max = 1,
    .details = "The gate of a build: limits on the heap, on classes, packages, class loaders, known patterns, suspects and threads, absolute or as growth "
               "against a baseline that is kept in the repository. Exit code 0 when all pass, 1 when one fails; for each failure it says which field "
               "keeps what grew.\n\n"
               "Limits stand in hprof-gate.yaml (docs/gate.md) or are given as options. With a baseline and no limit at all, the heap may grow by 10 %. "
               "The baseline is written by --update-baseline alone.\n\n"
               "Formats besides text and json: junit, sarif, github (with the summary of the job), gitlab, markdown.",
    .examples = "hprof-analyze check --baseline heap.json --update-baseline app.hprof\n"
                "hprof-analyze check --baseline heap.json --max-growth '10% +5MB' app.hprof\n"
                "hprof-analyze check -f junit -o gate.xml -f markdown -o gate.md app.hprof",
    .prepare = check_prepare,
    .ask = check_ask,
    .release = check_release,
};
