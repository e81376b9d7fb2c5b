/* SPDX-License-Identifier: MIT */
/*
 * hprof-analyze help [COMMAND]: texts made from the table of commands and the tables of options, so that they cannot disagree with what is
 * parsed.
 */
#include <ctype.h>
#include <string.h>

#include "cli/exit.h"
#include "cli/run.h"
#include "cli/typo.h"
#include "ha/base/mutf8.h"

#define HELP_WIDTH 90
#define OPTION_COLUMN 30

/* Words of text from column `column` on, wrapped at HELP_WIDTH; empty lines separate paragraphs. */
static void wrap(struct ha_sbuf *out, const char *text, size_t column)
{
    size_t at = column;
    while (*text != '\0') {
        if (strncmp(text, "\n\n", 2) == 0) {
            ha_sbuf_puts(out, "\n\n");
            ha_sbuf_fill(out, ' ', column);
            at = column;
            text += 2;
            continue;
        }
        size_t len = strcspn(text, " \n");
        if (len > 0 && at > column && at + 1 + len > HELP_WIDTH) {
            ha_sbuf_putc(out, '\n');
            ha_sbuf_fill(out, ' ', column);
            at = column;
        }
        if (len > 0 && at > column) {
            ha_sbuf_putc(out, ' ');
            at++;
        }
        ha_sbuf_add(out, text, len);
        at += len;
        text += len;
        text += *text == ' ';
    }
    ha_sbuf_putc(out, '\n');
}

void cli_option_spelling(const struct opt *opt, struct ha_sbuf *out)
{
    if (opt->letter != 0) {
        ha_sbuf_printf(out, "-%c, ", opt->letter);
    }
    ha_sbuf_printf(out, "--%s", opt->name);
    if (opt->argument != NULL) {
        ha_sbuf_printf(out, " %s", opt->argument);
    }
}

static void options_list(struct ha_sbuf *out, const char *heading, const struct opt *options,
                         size_t count)
{
    ha_sbuf_printf(out, "\n%s\n", heading);
    for (size_t i = 0; i < count; i++) {
        struct ha_sbuf spelling = {0};
        ha_sbuf_puts(&spelling, options[i].letter == 0 ? "      " : "  ");
        cli_option_spelling(&options[i], &spelling);
        ha_sbuf_puts(out, ha_sbuf_text(&spelling));
        if (spelling.len + 2 > OPTION_COLUMN) {
            ha_sbuf_putc(out, '\n');
            ha_sbuf_fill(out, ' ', OPTION_COLUMN);
        } else {
            ha_sbuf_fill(out, ' ', OPTION_COLUMN - spelling.len);
        }
        wrap(out, options[i].help, OPTION_COLUMN);
        ha_sbuf_deinit(&spelling);
    }
}

void cli_help_program(struct ha_sbuf *out)
{
    const char *group = "";
    ha_sbuf_puts(
        out,
        "Usage: hprof-analyze DUMP\n"
        "       hprof-analyze COMMAND [OPTION]... DUMP\n\n"
        "Says what a JVM's heap dump (HPROF, also gzipped) holds, what probably leaks, and why.\n");
    for (size_t i = 0; cli_command_at(i) != NULL; i++) {
        const struct cli_command *c = cli_command_at(i);
        if (strcmp(group, c->group) != 0) {
            group = c->group;
            ha_sbuf_printf(out, "\n%s\n", group);
        }
        ha_sbuf_printf(out, "  %-12s", c->name);
        wrap(out, c->summary, 14);
    }
    ha_sbuf_puts(
        out, "\n'hprof-analyze help COMMAND' tells more. Sizes are 1024-based: 64K, 10M, 1.5G.\n"
             "A DUMP of - is standard input.\n");
}

void cli_help_command(const struct cli_command *command, struct ha_sbuf *out)
{
    const struct cli_spec *spec = command->spec;
    ha_sbuf_printf(out, "Usage: hprof-analyze %s%s %s\n\n", command->name,
                   spec->no_common ? "" : " [OPTION]...", command->operands);
    char first[256];
    snprintf(first, sizeof first, "%c%s.", toupper((unsigned char)command->summary[0]),
             command->summary + 1);
    wrap(out, first, 0);
    if (spec->details != NULL) {
        ha_sbuf_putc(out, '\n');
        wrap(out, spec->details, 0);
    }
    if (spec->option_count > 0) {
        options_list(out, "Options", spec->options, spec->option_count);
    }
    if (!spec->no_common) {
        options_list(out, "Options of all commands", cli_common_options, cli_common_option_count);
    }
    if (spec->examples != NULL) {
        ha_sbuf_puts(out, "\nExamples\n");
        for (const char *s = spec->examples; *s != '\0';) {
            size_t len = strcspn(s, "\n");
            ha_sbuf_puts(out, "  ");
            ha_sbuf_add(out, s, len);
            ha_sbuf_putc(out, '\n');
            s += len + (s[len] == '\n');
        }
    }
}

/* ---- the command ---- */

struct values {
    bool man;
};

static const struct opt options[] = {
    {0, "man", NULL, OPT_FLAG, offsetof(struct values, man), 0, 0,
     "the whole manual page, as source for man"},
};

static struct ha_err *command_find(const char *name, const struct cli_command **ret)
{
    struct typo typo;
    *ret = cli_command_find(name);
    if (*ret != NULL) {
        return NULL;
    }
    typo_begin(&typo, name);
    for (size_t i = 0; cli_command_at(i) != NULL; i++) {
        typo_offer(&typo, cli_command_at(i)->name);
    }
    if (typo.best != NULL) {
        return ha_err_new(HA_ERR_USAGE, "there is no command '%s', did you mean '%s'?", name,
                          typo.best);
    }
    return ha_err_new(HA_ERR_USAGE, "there is no command '%s'", name);
}

static struct ha_err *run(struct cli *cli)
{
    const struct values *values = cli->values;
    const struct cli_command *about = NULL;
    struct ha_sbuf text = {0};
    if (cli->operand_count > 0) {
        HA_TRY(command_find(cli->operands[0], &about));
    }
    if (values->man) {
        cli_man_page(&text);
    } else if (about != NULL) {
        cli_help_command(about, &text);
    } else {
        cli_help_program(&text);
    }
    struct ha_err *err = cli_print(&text);
    ha_sbuf_deinit(&text);
    return err;
}

const struct cli_spec cli_spec_help = {
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .values_bytes = sizeof(struct values),
    .operands_min = 0,
    .operands_max = 1,
    .no_common = true,
    .run = run,
};
