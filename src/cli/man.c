/* SPDX-License-Identifier: MIT */
/*
 * The manual page, from the same tables as the help. docs/hprof-analyze.1 is this text; a test compares the two.
 */
#include <string.h>

#include "cli/exit.h"
#include "cli/run.h"

/* Text safe for roff: backslashes and hyphens escaped, no line that begins with a control character; empty lines separate paragraphs. */
static void roff(struct ha_sbuf *out, const char *text)
{
    bool line_start = true;
    for (const char *s = text; *s != '\0'; s++) {
        if (strncmp(s, "\n\n", 2) == 0) {
            ha_sbuf_puts(out, "\n.PP\n");
            s++;
            line_start = true;
            continue;
        }
        if (line_start && (*s == '.' || *s == '\'')) {
            ha_sbuf_puts(out, "\\&");
        }
        if (*s == '\\') {
            ha_sbuf_puts(out, "\\e");
        } else if (*s == '-') {
            ha_sbuf_puts(out, "\\-");
        } else {
            ha_sbuf_putc(out, *s);
        }
        line_start = *s == '\n';
    }
    ha_sbuf_putc(out, '\n');
}

static void options_list(struct ha_sbuf *out, const struct opt *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct ha_sbuf spelling = {0};
        cli_option_spelling(&options[i], &spelling);
        ha_sbuf_puts(out, ".TP\n.B ");
        roff(out, ha_sbuf_text(&spelling));
        roff(out, options[i].help);
        ha_sbuf_deinit(&spelling);
    }
}

static void commands_list(struct ha_sbuf *out)
{
    const char *group = "";
    for (size_t i = 0; cli_command_at(i) != NULL; i++) {
        const struct cli_command *c = cli_command_at(i);
        if (strcmp(group, c->group) != 0) {
            group = c->group;
            ha_sbuf_printf(out, ".SS %s\n", group);
        }
        ha_sbuf_printf(out, ".TP\n.B hprof\\-analyze %s%s ", c->name,
                       c->spec->no_common ? "" : " [OPTION]...");
        roff(out, c->operands);
        ha_sbuf_printf(out, "%s.\n", c->summary);
        if (c->spec->details != NULL) {
            ha_sbuf_puts(out, ".RS\n.PP\n");
            roff(out, c->spec->details);
            ha_sbuf_puts(out, ".RE\n");
        }
        if (c->spec->option_count > 0) {
            ha_sbuf_puts(out, ".RS\n");
            options_list(out, c->spec->options, c->spec->option_count);
            ha_sbuf_puts(out, ".RE\n");
        }
    }
}

void cli_man_page(struct ha_sbuf *out)
{
    ha_sbuf_puts(
        out, ".\\\" Written by 'hprof-analyze help --man' from the tables of commands and options; "
             "do not edit.\n"
             ".TH HPROF\\-ANALYZE 1\n"
             ".SH NAME\n"
             "hprof\\-analyze \\- says what a JVM's heap dump holds, what probably leaks, and why\n"
             ".SH SYNOPSIS\n"
             ".B hprof\\-analyze DUMP\n"
             ".br\n"
             ".B hprof\\-analyze COMMAND [OPTION]... DUMP\n"
             ".SH DESCRIPTION\n"
             "Reads heap dumps in HPROF format, plain or gzipped, of HotSpot and other JVMs and of "
             "Android. The first question about a dump builds\n"
             "an index beside it (DUMP.hpx); later ones are answered from that. Standard output "
             "holds the answer and nothing else; notices,\n"
             "progress and errors go to standard error. The same dump and options give the same "
             "bytes, with any number of threads.\n"
             ".PP\n"
             "A first word that is no command is a dump if such a file exists or the word contains "
             "'/' or '.'.\n"
             "A DUMP of - is standard input, plain or gzipped; it is kept in a temporary file "
             "(in the folder of \\-\\-index\\-dir, else of TMPDIR, else\n"
             "/tmp) until the answer is given, and so is what comes through any other pipe. No index "
             "is kept for it.\n"
             ".SH COMMANDS\n");
    commands_list(out);
    ha_sbuf_puts(out, ".SH OPTIONS\nThese are understood by all commands about a dump. Sizes are "
                      "1024\\-based: 64K, 10M, 1.5G, with or without iB or B.\n");
    options_list(out, cli_common_options, cli_common_option_count);
    ha_sbuf_puts(out, ".SH EXIT STATUS\n");
#define EXIT_LIST(suffix, code, when)                                                              \
    ha_sbuf_printf(out, ".TP\n.B %d\n", code);                                                     \
    roff(out, when);
    CLI_EXITS(EXIT_LIST)
#undef EXIT_LIST
    ha_sbuf_puts(out, ".SH ENVIRONMENT\n"
                      ".TP\n.B COLUMNS\nwidth of text, instead of the terminal's.\n"
                      ".TP\n.B NO_COLOR\nno colour, if it is set and not empty.\n"
                      ".TP\n.B TMPDIR\nwhere temporary files go: gzipped dumps while their "
                      "index is built, dumps from pipes (default: /tmp).\n"
                      ".TP\n.B XDG_CACHE_HOME\nwhere indexes go that cannot lie beside their dump "
                      "(default: ~/.cache).\n"
                      ".SH EXAMPLES\n.EX\n");
    for (size_t i = 0; cli_command_at(i) != NULL; i++) {
        if (cli_command_at(i)->spec->examples != NULL) {
            roff(out, cli_command_at(i)->spec->examples);
        }
    }
    ha_sbuf_puts(out, ".EE\n");
}
