/* SPDX-License-Identifier: MIT */
/*
 * From the command line to an exit code.
 *
 *     words ──> command, options, operands ──> prepare ──> open the dump ──> ask ──> render ──> exit code
 *
 * The first word that is no option names the command; if it names none but a file (it exists, or contains '/' or '.', or is "-", standard
 * input), the command is `report`. Errors come back as values, are told here in one line, and their kind decides the exit code.
 */
#include "ha/cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/exit.h"
#include "cli/run.h"
#include "cli/typo.h"
#include "cli/version.h"
#include "ha/base/mem.h"
#include "ha/base/mutf8.h"
#include "ha/base/pool.h"
#include "ha/query/q_places.h"
#include "ha/query/q_suspects.h"
#include "ha/query/q_unreachable.h"
#include "ha/rules/rules.h"

const char cli_version[] = HA_VERSION;

/* ---- the table of commands ---- */

#define HA_COMMAND(name, group, operands, summary) extern const struct cli_spec cli_spec_##name;
#include "cli/commands.def"
#undef HA_COMMAND

#define GROUP_LOOK "Look at a dump"
#define GROUP_DIG "Dig deeper"
#define GROUP_TOOL "Tools"

static const struct cli_command commands[] = {
#define HA_COMMAND(name, group, operands, summary)                                                 \
    {#name, GROUP_##group, operands, summary, &cli_spec_##name},
#include "cli/commands.def"
#undef HA_COMMAND
    {NULL, NULL, NULL, NULL, NULL},
};

const struct cli_command *cli_command_at(size_t i)
{
    return commands[i].name == NULL ? NULL : &commands[i];
}

const struct cli_command *cli_command_find(const char *name)
{
    for (const struct cli_command *c = commands; c->name != NULL; c++) {
        if (strcmp(c->name, name) == 0) {
            return c;
        }
    }
    return NULL;
}

/* ---- talking ---- */

/* As ha_text_escape(), in place and without memory: whatever is not plain becomes '?'. */
static void make_plain(char *text)
{
    for (char *c = text; *c != '\0'; c++) {
        *c = *c >= 0x20 && *c < 0x7f ? *c : '?';
    }
}

/* One line, safe for a terminal whatever file names and messages hold. */
static void line_print(struct cli *cli, const char *text)
{
    struct ha_sbuf safe = {0};
    char plain[1024];
    ha_text_escape(&safe, text, strlen(text));
    snprintf(plain, sizeof plain, "%s", text);
    make_plain(plain);
    display_clear(cli->display);
    fprintf(stderr, "hprof-analyze: %s\n", ha_sbuf_failed(&safe) ? plain : ha_sbuf_text(&safe));
    ha_sbuf_deinit(&safe);
}

void cli_say(struct cli *cli, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    line_print(cli, text);
}

static void notice(void *ctx, const char *line)
{
    struct cli *cli = ctx;
    if (!cli->options.quiet) {
        line_print(cli, line);
    }
}

static int exit_code_of(enum ha_err_kind kind)
{
    switch (kind) {
    case HA_ERR_USAGE:
        return CLI_EXIT_USAGE;
    case HA_ERR_INPUT:
    case HA_ERR_LIMIT:
        return CLI_EXIT_INPUT;
    case HA_ERR_SYSTEM:
        return CLI_EXIT_SYSTEM;
    case HA_ERR_INTERRUPTED:
        return CLI_EXIT_INTERRUPT;
    case HA_ERR_BUG:
        return CLI_EXIT_BUG;
    }
    return CLI_EXIT_BUG;
}

/* Tells the error and frees it. */
static int error_end(struct cli *cli, struct ha_err *err)
{
    enum ha_err_kind kind = ha_err_kind(err);
    int code = exit_code_of(kind);
    if (kind == HA_ERR_SYSTEM && ha_err_errno(err) == EPIPE) {
        code = CLI_EXIT_OK; // whoever read our output has seen enough
    } else if (kind == HA_ERR_USAGE) {
        const char *about = cli->command == NULL ? "" : cli->command->name;
        cli_say(cli, "%s; see 'hprof-analyze help%s%s'", ha_err_message(err),
                *about == '\0' ? "" : " ", about);
    } else if (kind == HA_ERR_SYSTEM && ha_err_errno(err) == ENOMEM) {
        cli_say(cli, "%s (%.1f MiB were in use); a higher limit is needed, or fewer threads (-j 1)",
                ha_err_message(err), (double)ha_mem_peak_resident() / 1048576);
    } else {
        line_print(cli, ha_err_message(err));
    }
    ha_err_free(err);
    return code;
}

/* ---- reading the command line ---- */

static struct ha_err *command_set(struct cli *cli, struct opt_parser *parser, const char *name)
{
    cli->command = cli_command_find(name);
    const struct cli_spec *spec = cli->command->spec;
    cli->values = ha_arena_calloc(&cli->arena, 1, spec->values_bytes == 0 ? 1 : spec->values_bytes);
    if (cli->values == NULL) {
        return ha_err_nomem();
    }
    if (spec->defaults != NULL) {
        memcpy(cli->values, spec->defaults, spec->values_bytes);
    }
    if (spec->option_count > 0) {
        parser->sets[parser->set_count++] =
            (struct opt_set){spec->options, spec->option_count, cli->values};
    }
    return NULL;
}

static struct ha_err *operand_add(struct cli *cli, const char *word)
{
    if (cli->operand_count >= cli->command->spec->operands_max) {
        return ha_err_new(HA_ERR_USAGE, "unexpected argument '%s'", word);
    }
    cli->operands[cli->operand_count++] = word;
    return NULL;
}

/* The first word: a command, a dump, or a mistake. */
static struct ha_err *first_word(struct cli *cli, struct opt_parser *parser, const char *word)
{
    if (cli_command_find(word) != NULL) {
        return command_set(cli, parser, word);
    }
    if (strcmp(word, "-") == 0 || strpbrk(word, "/.") != NULL || access(word, F_OK) == 0) {
        HA_TRY(command_set(cli, parser, "report"));
        return operand_add(cli, word);
    }
    struct typo typo;
    typo_begin(&typo, word);
    for (const struct cli_command *c = commands; c->name != NULL; c++) {
        typo_offer(&typo, c->name);
    }
    if (typo.best != NULL) {
        return ha_err_new(HA_ERR_USAGE, "'%s' is neither a command nor a file, did you mean '%s'?",
                          word, typo.best);
    }
    return ha_err_new(HA_ERR_USAGE, "'%s' is neither a command nor a file", word);
}

static struct ha_err *line_read(struct cli *cli, int argc, char **argv)
{
    struct opt_parser parser = {.argv = argv, .argc = argc, .next = 1, .arena = &cli->arena};
    cli->options.top = HA_RENDER_LIMIT_DEFAULT;
    parser.sets[parser.set_count++] =
        (struct opt_set){cli_common_options, cli_common_option_count, &cli->options};
    for (;;) {
        const char *word = NULL;
        HA_TRY(opt_next(&parser, &word));
        if (word == NULL) {
            return NULL;
        }
        HA_TRY(cli->command == NULL ? first_word(cli, &parser, word) : operand_add(cli, word));
    }
}

static struct ha_err *line_check(const struct cli *cli)
{
    if (cli->command == NULL) {
        return ha_err_new(HA_ERR_USAGE, "no dump is given");
    }
    if (cli->operand_count < cli->command->spec->operands_min) {
        return ha_err_new(HA_ERR_USAGE, "%s needs %s", cli->command->name, cli->command->operands);
    }
    return NULL;
}

/* ---- a question about a dump ---- */

uint64_t cli_limit(const struct cli *cli)
{
    uint64_t limit = 0;
    for (size_t i = 0; i < cli->output_count; i++) {
        const struct ha_renderer *renderer = cli->outputs[i].format->what;
        uint64_t wanted =
            cli->options.top == HA_RENDER_LIMIT_DEFAULT ? renderer->limit : cli->options.top;
        if (wanted == 0) {
            return 0;
        }
        limit = wanted > limit ? wanted : limit;
    }
    return limit;
}

bool cli_wants_machine(const struct cli *cli)
{
    for (size_t i = 0; i < cli->output_count; i++) {
        const struct ha_renderer *renderer = cli->outputs[i].format->what;
        if (renderer->limit == 0) {
            return true;
        }
    }
    return false;
}

void cli_warnings_say(struct cli *cli)
{
    const struct ha_diag *diag = cli->snapshot->diag;
    for (enum ha_diag_code code = 0; code < HA_DIAG_COUNT && diag != NULL && !cli->options.quiet;
         code++) {
        const struct ha_diag_entry *entry = ha_diag_get(diag, code);
        if (entry->count > 0) {
            cli_say(cli, "%s: %s [%s]", ha_diag_is_damage(code) ? "damage" : "note",
                    entry->message == NULL ? "" : entry->message, ha_diag_code_text(code));
        }
    }
}

/* --strict: the first kind of damage, by name. */
static struct ha_err *strict_check(const struct cli *cli)
{
    const struct ha_diag *diag = cli->snapshot->diag;
    for (enum ha_diag_code code = 0; cli->options.strict && code < HA_DIAG_COUNT && diag != NULL;
         code++) {
        const struct ha_diag_entry *entry = ha_diag_get(diag, code);
        if (entry->count > 0 && ha_diag_is_damage(code)) {
            return ha_err_new(HA_ERR_INPUT, "'%s' is damaged (%s: %s) and --strict was given",
                              ha_input_name(cli->snapshot->path), ha_diag_code_text(code),
                              entry->message == NULL ? "" : entry->message);
        }
    }
    return NULL;
}

struct ha_err *cli_open(struct cli *cli, unsigned number)
{
    HA_TRY(ha_snapshot_open(cli->operands[number], &cli->snapshot_options, &cli->snapshot));
    display_clear(cli->display);
    return strict_check(cli);
}

static struct ha_err *put_answers(void *ctx, const struct ha_snapshot *snapshot, ha_section_put put, void *put_ctx)
{
    (void)snapshot;
    HA_TRY(ha_places_store(ctx, put, put_ctx));
    return ha_suspects_store_asked(ctx, put, put_ctx);
}

void cli_answers_keep(struct cli *cli, struct ha_query *query)
{
    uint64_t bytes = 0;
    struct ha_err *err = ha_snapshot_append(query->snapshot, put_answers, query, &bytes);
    if (err != NULL && !cli->options.quiet) {
        cli_say(cli, "%s: what was looked for is worked out again next time", ha_err_message(err));
    }
    ha_err_free(err);
}

static struct ha_err *question_answer(struct cli *cli, struct ha_query *query, struct ha_doc *doc)
{
    struct ha_report report;
    ha_report_init(&report, doc, query, cli_version);
    if (cli->options.heap != 0) {
        report.heap_option =
            ha_doc_printf(doc, " --heap %llu", (unsigned long long)cli->options.heap);
    }
    struct ha_err *err = ha_report_envelope(&report, cli->command->name);
    if (err == NULL) {
        err = cli->command->spec->ask(cli, &report, ha_doc_root(doc));
    }
    if (err == NULL) {
        err = ha_query_error(query);
    }
    if (err == NULL) {
        err = cli_answer(cli, doc);
    }
    ha_report_deinit(&report);
    return err;
}

static struct ha_err *question_run(struct cli *cli)
{
    cli->snapshot_options.keep_later = true;
    HA_TRY(cli_open(cli, 0));
    struct ha_query query;
    struct ha_doc *doc = ha_doc_create();
    if (doc == NULL) {
        return ha_err_nomem();
    }
    ha_query_init(&query, cli->snapshot);
    struct ha_err *err = question_answer(cli, &query, doc);
    ha_doc_destroy(doc);
    if (err == NULL) {
        cli_answers_keep(cli, &query);
    }
    ha_query_deinit(&query);
    if (err == NULL &&
        !cli->command->spec->tells_warnings) { // a mistake is told alone, in one line
        cli_warnings_say(cli);
    }
    return err;
}

/* ---- a run ---- */

/* What is worked out once, for every report to come: the suspects beside all else. */
struct keep {
    const struct ha_snapshot *snapshot;
    ha_section_put put;
    void *put_ctx;
    struct ha_turn *turn; /* what is kept lies in the index in the same order whichever comes first */
};

struct keep_part {
    const struct keep *keep;
    uint64_t index;
};

static struct ha_err *put_in_turn(void *ctx, uint32_t id, uint32_t width, uint64_t count, const void *data)
{
    const struct keep_part *part = ctx;
    const struct keep *keep = part->keep;
    return ha_turn_wait(keep->turn, part->index) ? keep->put(keep->put_ctx, id, width, count, data) : NULL;
}

static struct ha_err *keep_part(void *ctx, unsigned worker, uint64_t index)
{
    const struct keep *keep = ctx;
    struct keep_part part = {keep, index};
    struct ha_err *err = NULL;
    (void)worker;
    if (index == 0) {
        err = ha_findings_store(NULL, keep->snapshot, put_in_turn, &part);
        err = err != NULL ? err : ha_level_store(keep->snapshot, put_in_turn, &part);
        err = err != NULL ? err : ha_unreachable_store(keep->snapshot, put_in_turn, &part);
    } else {
        err = ha_suspects_store(keep->snapshot, put_in_turn, &part);
    }
    if (err != NULL) {
        ha_turn_fail(keep->turn);
    } else if (ha_turn_wait(keep->turn, index)) {
        ha_turn_leave(keep->turn, index);
    }
    return err;
}

static struct ha_err *keep_answers(void *ctx, const struct ha_snapshot *snapshot, ha_section_put put, void *put_ctx)
{
    struct ha_snapshot half = *snapshot; /* what each part does on several threads, it does on its share of them */
    struct keep keep = {&half, put, put_ctx, ha_turn_create()};
    half.threads = (snapshot->threads + 1) / 2;
    (void)ctx;
    if (keep.turn == NULL) {
        return ha_err_nomem();
    }
    struct ha_err *err = ha_parallel_for(snapshot->threads, 2, keep_part, &keep);
    ha_turn_destroy(keep.turn);
    return err;
}

static void snapshot_options_set(struct cli *cli)
{
    cli->snapshot_options = (struct ha_snapshot_options){
        .index_dir = cli->options.index_dir,
        .index_packed = cli->options.index_packed,
        .no_index = cli->options.no_index,
        .rebuild = cli->options.rebuild,
        .heap = (uint32_t)cli->options.heap,
        .size_model = (enum ha_size_model)cli->options.size_model,
        .threads = (unsigned)cli->options.threads,
        .memory_limit = cli->options.memory_limit,
        .progress = cli->progress,
        .notice = notice,
        .notice_ctx = cli,
        .extra = keep_answers,
    };
}

static struct ha_err *rules_load(struct cli *cli)
{
    const struct opt_words *words = &cli->options.rules;
    if (words->count == 0) {
        return NULL;
    }
    const char **paths = ha_arena_alloc(&cli->arena, words->count, sizeof *paths);
    if (paths == NULL) {
        return ha_err_nomem();
    }
    for (size_t i = 0; i < words->count; i++) {
        paths[i] = words->list[i].text;
    }
    return ha_rules_load(paths, words->count, &cli->rules);
}

struct ha_err *cli_findings(struct cli *cli, struct ha_query *query, struct ha_findings *ret)
{
    return ha_findings_get(cli->snapshot, cli->rules, &query->arena, ret);
}

static struct ha_err *command_run(struct cli *cli)
{
    const struct cli_spec *spec = cli->command->spec;
    cli->display = display_create(cli->options.progress);
    cli->progress = cli->display == NULL ? NULL : ha_progress_create(display_sink, cli->display);
    if (cli->progress == NULL) {
        return ha_err_nomem();
    }
    snapshot_options_set(cli);
    HA_TRY(rules_load(cli));
    if (spec->ask != NULL) {
        HA_TRY(cli_formats_choose(cli));
    }
    if (spec->prepare != NULL) {
        HA_TRY(spec->prepare(cli));
    }
    return spec->ask != NULL ? question_run(cli) : spec->run(cli);
}

static struct ha_err *help_or_version(struct cli *cli, bool *ret_done)
{
    struct ha_sbuf text = {0};
    *ret_done = cli->options.version || cli->options.help;
    if (cli->options.version) {
        ha_sbuf_printf(&text, "hprof-analyze %s\n", cli_version);
    } else if (cli->options.help && cli->command != NULL) {
        cli_help_command(cli->command, &text);
    } else if (cli->options.help) {
        cli_help_program(&text);
    }
    struct ha_err *err = *ret_done ? cli_print(&text) : NULL;
    ha_sbuf_deinit(&text);
    return err;
}

/* ---- -v ---- */

static void phase_print(const struct ha_progress_phase *phase, uint64_t links)
{
    fprintf(stderr, "%-24s %8.3f s %8.3f s %8.3f s", phase->name, (double)phase->wall_ns / 1e9, (double)phase->user_ns / 1e9,
            (double)phase->system_ns / 1e9);
    fprintf(stderr, links == 0 ? "         -" : " %9.2f", (double)phase->user_ns / (double)(links == 0 ? 1 : links));
    fprintf(stderr, " %10.1f MiB\n", (double)phase->anonymous_bytes / 1048576);
}

/* What the run was about, and what that took of memory and disk. */
static void sizes_print(const struct cli *cli, uint64_t anonymous_bytes)
{
    fprintf(stderr, "peak %.1f MiB resident, %.1f MiB anonymous, %.1f MiB in files instead of memory\n",
            (double)ha_mem_peak_resident() / 1048576, (double)anonymous_bytes / 1048576, (double)ha_big_file_bytes_peak() / 1048576);
    if (cli->snapshot == NULL || cli->snapshot->heap == NULL) {
        return;
    }
    const struct ha_heap_facts *facts = &cli->snapshot->heap->facts;
    uint64_t index_bytes = ha_index_bytes(cli->snapshot->index);
    uint64_t count = ha_heap_object_total(cli->snapshot->heap);
    double objects = count == 0 ? 1 : (double)count;
    fprintf(stderr, "%llu objects, %llu references; bytes per object: %.2f anonymous, %.2f index\n", (unsigned long long)count,
            (unsigned long long)facts->reference_count, (double)anonymous_bytes / objects, (double)index_bytes / objects);
}

/* What the phases took; ns of user time per object and reference. */
static void phases_say(const struct cli *cli)
{
    const struct ha_progress_phase *phases = NULL;
    uint32_t count = cli->progress == NULL ? 0 : ha_progress_phases(cli->progress, &phases);
    struct ha_progress_phase all = {.name = "all"};
    uint64_t links = 0;
    if (cli->snapshot != NULL && cli->snapshot->heap != NULL) {
        links = ha_heap_object_total(cli->snapshot->heap) + cli->snapshot->heap->facts.reference_count;
    }
    if (count > 0) {
        fprintf(stderr, "%-24s %10s %10s %10s %9s %14s\n", "phase", "wall", "user", "system", "ns/link", "anonymous");
    }
    for (uint32_t i = 0; i < count; i++) {
        phase_print(&phases[i], links);
        all.wall_ns += phases[i].wall_ns;
        all.user_ns += phases[i].user_ns;
        all.system_ns += phases[i].system_ns;
        all.anonymous_bytes = phases[i].anonymous_bytes > all.anonymous_bytes ? phases[i].anonymous_bytes : all.anonymous_bytes;
    }
    if (count > 0) {
        phase_print(&all, links);
    }
    sizes_print(cli, all.anonymous_bytes);
}

static struct ha_err *run(struct cli *cli, int argc, char **argv)
{
    struct ha_err *err = line_read(cli, argc, argv);
    bool done = false;
    if (err == NULL || cli->options.help ||
        cli->options.version) { // help asked for is given whatever else is wrong
        ha_err_free(err);
        HA_TRY(help_or_version(cli, &done));
        return done ? NULL : line_check(cli);
    }
    return err;
}

/* Once the answer is given: an index that was made for it is waited for. */
static void keep_index(struct cli *cli)
{
    if (cli->snapshot == NULL || !ha_snapshot_is_pending(cli->snapshot)) {
        return;
    }
    ha_progress_begin(cli->progress, "keep index", 0);
    struct ha_err *err = ha_snapshot_keep(cli->snapshot);
    ha_progress_end(cli->progress);
    display_clear(cli->display);
    if (err != NULL && !cli->options.quiet) {
        cli_say(cli, "%s: the index is not kept (--index-dir names a folder for it)", ha_err_message(err));
    }
    ha_err_free(err);
}

int ha_cli_main(int argc, char **argv)
{
    struct cli cli = {.exit_code = CLI_EXIT_OK};
    signals_install();
    struct ha_err *err = run(&cli, argc, argv);
    bool go = err == NULL && cli.command != NULL && !cli.options.help && !cli.options.version;
    if (go) {
        err = command_run(&cli);
    }
    display_clear(cli.display);
    int code = err == NULL ? cli.exit_code : error_end(&cli, err);
    keep_index(&cli);
    if (go && cli.options.verbose) {
        phases_say(&cli);
    }
    if (cli.command != NULL && cli.command->spec->release != NULL && cli.values != NULL) {
        cli.command->spec->release(&cli);
    }
    ha_snapshot_close(cli.snapshot);
    ha_rules_destroy(cli.rules);
    ha_progress_destroy(cli.progress);
    display_destroy(cli.display);
    ha_arena_deinit(&cli.arena);
    return code;
}
