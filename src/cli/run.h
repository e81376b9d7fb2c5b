/* SPDX-License-Identifier: MIT */
/*
 * Private to the folder: one run of the program, and what a command is.
 *
 *     argv ──optparse──> options, values ──prepare()──> snapshot opened ──ask()──> document ──render──> outputs
 *
 * A command that answers from a dump gives `ask` and all the rest is done for it (cli.c); one that does not gives `run`.
 */
#ifndef HA_SRC_CLI_RUN_H
#define HA_SRC_CLI_RUN_H

#include <stdio.h>

#include "cli/optparse.h"
#include "ha/base/progress.h"
#include "ha/base/sbuf.h"
#include "ha/render/render.h"
#include "ha/report/builders.h"
#include "ha/snapshot/snapshot.h"

/* ---- common options ---- */

enum cli_when { /* the order of the choices auto|always|never */
    CLI_AUTO,
    CLI_ALWAYS,
    CLI_NEVER
};

struct cli_options {
    struct opt_words outputs; /* -f and -o in the order given */
    uint64_t top;             /* HA_RENDER_LIMIT_DEFAULT: not given */
    unsigned size_model;
    bool keep_unreachable;
    uint64_t heap;            /* 0: not given */
    const char *index_dir;
    bool index_packed, no_index, rebuild;
    uint64_t threads;         /* 0: not given */
    uint64_t memory_limit;    /* bytes; 0: not given */
    struct opt_words rules;   /* --rules */
    unsigned progress, color; /* enum cli_when */
    bool quiet, verbose, strict;
    bool help, version;
};

extern const struct opt cli_common_options[];
extern const size_t cli_common_option_count;

/* ---- output (output.c) ---- */

/* A format as far as choosing goes. */
struct cli_format {
    const char *name;
    const char *extensions; /* separated by blanks */
    const void *what;       /* the chooser's own */
};

struct cli_output {
    const struct cli_format *format;
    const char *path; /* NULL: stdout */
};

#define CLI_OUTPUTS_MAX 16

struct cli;

/* Pairs -f with -o. Without any, one output to stdout in formats[0]. */
struct ha_err *cli_outputs_choose(struct cli *cli, const struct cli_format *formats, size_t count) HA_WARN_UNUSED;

/* The same with the formats of all renderers. */
struct ha_err *cli_formats_choose(struct cli *cli) HA_WARN_UNUSED;

/* HA_ERR_USAGE: the file to be written is one of the operands. path may be NULL. */
struct ha_err *cli_dump_spared(const struct cli *cli, const char *path) HA_WARN_UNUSED;

/* Where an answer goes: stdout, or a file that appears when it is complete. */
struct cli_sink;
struct ha_err *cli_sink_open(const char *path, struct cli_sink **ret) HA_WARN_UNUSED;
struct ha_err *cli_sink_write(void *sink, const char *data, size_t len); /* a ha_write_fn */
struct ha_err *cli_sink_commit(struct cli_sink *sink) HA_WARN_UNUSED;
void cli_sink_close(struct cli_sink *sink); /* NULL is fine; what was not committed is gone */

/* Renders a document to all outputs. */
struct ha_err *cli_answer(struct cli *cli, struct ha_doc *doc) HA_WARN_UNUSED;

/* ---- a run ---- */

struct cli_spec;
struct cli_command {
    const char *name;
    const char *group;
    const char *operands;
    const char *summary;
    const struct cli_spec *spec;
};

/* NULL behind the last. */
const struct cli_command *cli_command_at(size_t i);
const struct cli_command *cli_command_find(const char *name);

struct display; /* progress on stderr, display.c */

#define CLI_OPERANDS_MAX 64

struct cli {
    const struct cli_command *command;
    struct cli_options options;
    void *values; /* the command's own */
    const char *operands[CLI_OPERANDS_MAX];
    unsigned operand_count;
    struct cli_output outputs[CLI_OUTPUTS_MAX];
    size_t output_count;
    struct ha_snapshot_options snapshot_options;
    struct ha_snapshot *snapshot;
    struct ha_rules *rules; /* of --rules; NULL: none */
    struct ha_progress *progress;
    struct display *display;
    struct ha_arena arena;
    int exit_code; /* when there is no error */
};

struct cli_spec {
    const struct opt *options;
    size_t option_count;
    size_t values_bytes;       /* of the command's values */
    const void *defaults;      /* as many bytes; NULL: zeroes */
    unsigned operands_min, operands_max;
    bool tells_warnings;       /* the answer has a section of its own for what was wrong with the dump */
    bool no_common;            /* the common options are not for this one */
    const char *details;       /* paragraphs for help and man page, separated by empty lines */
    const char *examples;      /* lines */
    /* Looks at the values before anything costly happens: expressions, choices that exclude each other. May be NULL. */
    struct ha_err *(*prepare)(struct cli *cli);
    /* Adds the answer to root. */
    struct ha_err *(*ask)(struct cli *cli, struct ha_report *r, struct ha_doc_node *root);
    /* Does everything itself. */
    struct ha_err *(*run)(struct cli *cli);
    /* Frees what prepare made. May be NULL. */
    void (*release)(struct cli *cli);
};

/* Opens cli->operands[number] as cli->snapshot, applies --strict. */
struct ha_err *cli_open(struct cli *cli, unsigned number) HA_WARN_UNUSED;

/* What was wrong with the dump, a line each on stderr, unless -q: after the answer, so that it is not scrolled away. */
void cli_warnings_say(struct cli *cli);

/* Adds the places and the suspects of other thresholds that were worked out with this query to the index, so that the next one finds them. The answer
   stands without that: what goes wrong is a line on stderr. */
void cli_answers_keep(struct cli *cli, struct ha_query *query);

/* Rows that a question should give so that no output lacks any: 0 is all. */
uint64_t cli_limit(const struct cli *cli);

/* Whether an output wants everything (JSON), not only what people are shown. */
bool cli_wants_machine(const struct cli *cli);

/* What the rules find in the open dump, --rules included; in the query's arena. */
struct ha_err *cli_findings(struct cli *cli, struct ha_query *query, struct ha_findings *ret) HA_WARN_UNUSED;

/* A line on stderr: "hprof-analyze: …". The progress line is taken away first. */
void cli_say(struct cli *cli, const char *fmt, ...) HA_PRINTF(2, 3);

/* The version of the program. */
extern const char cli_version[];

/* ---- help (help.c, man.c) ---- */

void cli_help_program(struct ha_sbuf *out);
void cli_help_command(const struct cli_command *command, struct ha_sbuf *out);
void cli_man_page(struct ha_sbuf *out);
struct ha_err *cli_print(const struct ha_sbuf *text) HA_WARN_UNUSED; /* to stdout */

/* "-n, --top N" of an option, as help and man page show it. */
void cli_option_spelling(const struct opt *opt, struct ha_sbuf *out);

/* ---- progress on stderr (display.c) ---- */

struct display *display_create(enum cli_when when); /* NULL without memory */
void display_destroy(struct display *display);
void display_sink(void *ctx, const char *phase, uint64_t done, uint64_t total, uint64_t elapsed_ns, bool finished); /* a ha_progress_sink */
void display_clear(struct display *display); /* takes the line away; NULL is fine */

/* ---- signals (signals.c) ---- */

void signals_install(void);

#endif
