/* SPDX-License-Identifier: MIT */
/*
 * hprof-analyze index build|info|verify|remove DUMP
 */
#include "cli/run.h"

#include <unistd.h>

#include "cli/exit.h"
#include "ha/base/file.h"
#include "ha/base/mem.h"
#include "ha/base/pool.h"
#include "ha/query/q_places.h"
#include "ha/query/q_suspects.h"
#include "ha/report/words.h"

#define ACTIONS "build|info|verify|remove"
#define HEAPS_LOOKED_FOR                                                                           \
    1024 /* an index of the last heap is wanted, and how many heaps there are is not known before one is found */

enum action { ACTION_BUILD, ACTION_INFO, ACTION_VERIFY, ACTION_REMOVE };

static struct ha_err *action_read(const struct cli *cli, unsigned *ret)
{
    if (!opt_choice(ACTIONS, cli->operands[0], ret)) {
        return ha_err_new(HA_ERR_USAGE, "index: '%s' is not one of " ACTIONS, cli->operands[0]);
    }
    return NULL;
}

/* A line of prose to stdout; consumes the text. */
static struct ha_err *line_print(struct cli *cli, struct ha_sbuf *text)
{
    ha_sbuf_putc(text, '\n');
    struct ha_err *err = cli->options.quiet ? NULL : cli_print(text);
    ha_sbuf_deinit(text);
    return err;
}

/* ---- build ---- */

#define ANSWERS_BYTES 16U /* of memory per object, at most */

/* What a question would otherwise look through the whole heap for, unless there is little memory or nothing can be added: then whoever asks works it out. */
static struct ha_err *answers_add(struct cli *cli)
{
    const struct ha_snapshot *snapshot = cli->snapshot;
    struct ha_places places;
    struct ha_suspects suspects;
    struct ha_query query;
    if (ha_snapshot_memory(&cli->snapshot_options) / ANSWERS_BYTES < snapshot->heap->facts.object_count || access(ha_index_path(snapshot->index), W_OK) != 0) {
        return NULL;
    }
    ha_query_init(&query, snapshot);
    ha_progress_begin(cli->progress, "places", 0);
    struct ha_err *err = ha_places_query(&query, 0, &places);
    ha_progress_end(cli->progress);
    if (err == NULL) {
        ha_progress_begin(cli->progress, "suspects", 0);
        err = ha_suspects_query(&query, &(struct ha_suspects_options){.threshold_percent = HA_SUSPECTS_LOW_PERCENT, .class_limit = 1}, &suspects);
        ha_progress_end(cli->progress);
    }
    if (err == NULL) {
        err = ha_query_error(&query);
    }
    if (err == NULL) {
        cli_answers_keep(cli, &query);
    }
    ha_query_deinit(&query);
    display_clear(cli->display);
    return err;
}

static struct ha_err *build(struct cli *cli)
{
    struct ha_sbuf text = {0};
    cli->snapshot_options.index_required = true;
    HA_TRY(cli_open(cli, 1));
    HA_TRY(answers_add(cli));
    const struct ha_index *index = cli->snapshot->index;
    ha_sbuf_printf(&text, "%s %s (",
                   cli->snapshot->built ? "built" : "up to date:", ha_index_path(index));
    ha_words_bytes(&text, ha_index_bytes(index));
    ha_sbuf_putc(&text, ')');
    cli_warnings_say(cli);
    return line_print(cli, &text);
}

/* ---- an index that is there ---- */

/* HA_ERR_INPUT when there is none, or none that can be used; *ret_unusable then tells the one from the other. */
static struct ha_err *find(struct cli *cli, struct ha_index **ret, bool *ret_unusable)
{
    const char *path = cli->operands[1];
    const struct ha_index_place_options place = {
        .index_dir = cli->options.index_dir, .heap = (uint32_t)cli->options.heap, .must_read = true};
    struct ha_fingerprint fingerprint = {0};
    struct ha_file_info info;
    HA_FREE char *said = NULL;
    int fd = -1;
    *ret = NULL;
    HA_TRY(ha_file_open_read(path, &fd, &info));
    struct ha_err *err = ha_fingerprint_take(fd, path, &fingerprint);
    ha_file_close(fd);
    HA_TRY(err);
    HA_TRY(ha_index_place_find(path, &fingerprint, &place, ret, &said));
    *ret_unusable = *ret == NULL && said != NULL;
    if (*ret_unusable) {
        return ha_err_new(HA_ERR_INPUT, "%s; 'hprof-analyze index build' makes it anew", said);
    }
    return *ret != NULL ? NULL : ha_err_new(HA_ERR_INPUT, "there is no index of '%s'", path);
}

static struct ha_err *info_show(struct cli *cli)
{
    struct ha_index *index = NULL;
    struct ha_doc *doc = ha_doc_create();
    if (doc == NULL) {
        return ha_err_nomem();
    }
    bool unusable = false;
    struct ha_err *err = find(cli, &index, &unusable);
    if (err == NULL) {
        ha_report_index(doc, cli_version, index);
        err = cli_answer(cli, doc);
    }
    ha_index_close(index);
    ha_doc_destroy(doc);
    return err;
}

static struct ha_err *verify(struct cli *cli)
{
    struct ha_index *index = NULL;
    struct ha_sbuf text = {0};
    bool wrong = false;
    unsigned threads =
        cli->options.threads == 0 ? ha_threads_default() : (unsigned)cli->options.threads;
    struct ha_err *err = find(cli, &index, &wrong);
    if (err == NULL) {
        err = ha_index_verify(index, threads);
        wrong = err != NULL;
    }
    if (wrong && ha_err_kind(err) == HA_ERR_INPUT) {
        cli_say(cli, "%s", ha_err_message(err));
        ha_err_free(err);
        err = NULL;
        cli->exit_code = CLI_EXIT_CHECK;
    } else if (err == NULL) {
        ha_sbuf_printf(&text, "all checksums of %s are right", ha_index_path(index));
        err = line_print(cli, &text);
    }
    ha_index_close(index);
    return err;
}

static struct ha_err *drop(struct cli *cli)
{
    uint32_t count = 0;
    struct ha_sbuf text = {0};
    HA_TRY(ha_index_place_remove(cli->operands[1], cli->options.index_dir, &count));
    if (count == 0) {
        ha_sbuf_puts(&text, "there was no index to remove");
    } else {
        ha_sbuf_printf(&text, "removed %u index file%s", count, count == 1 ? "" : "s");
    }
    return line_print(cli, &text);
}

static struct ha_err *run(struct cli *cli)
{
    unsigned action = 0;
    HA_TRY(action_read(cli, &action));
    switch ((enum action)action) {
    case ACTION_BUILD:
        return build(cli);
    case ACTION_INFO:
        return info_show(cli);
    case ACTION_VERIFY:
        return verify(cli);
    case ACTION_REMOVE:
        return drop(cli);
    }
    return NULL;
}

static struct ha_err *prepare(struct cli *cli)
{
    unsigned action = 0;
    HA_TRY(action_read(cli, &action));
    if (ha_input_is_passing(cli->operands[1])) {
        return ha_err_new(HA_ERR_USAGE, "index: none is kept for '%s', which is gone when it was read",
                          ha_input_name(cli->operands[1]));
    }
    if (cli->options.no_index && action == ACTION_BUILD) {
        return ha_err_new(HA_ERR_USAGE, "index build and --no-index exclude each other");
    }
    return cli_formats_choose(cli);
}

const struct cli_spec cli_spec_index = {
    .operands_min = 2,
    .operands_max = 2,
    .details = "The index is made when a dump is first asked about, and kept beside it (DUMP.hpx), "
               "so that later questions are answered at once.\n\n"
               "build: make it now, if it is not there and up to date. info: what it holds. "
               "verify: check every byte of it against its checksums; "
               "exit code 1 if one is wrong. remove: delete it, for all heaps of the dump.",
    .examples = "hprof-analyze index build app.hprof\n"
                "hprof-analyze index verify app.hprof",
    .prepare = prepare,
    .run = run,
};
