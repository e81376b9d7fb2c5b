/* SPDX-License-Identifier: MIT */
/*
 * Where answers go: stdout, files, several of them in several formats.
 *
 *     -f json -o a.json -f text        json into the file, text to stdout
 *     -o a.json                        the format follows the extension
 *     -o a.out -f json                 a trailing -f belongs to the file before it, if that has none yet
 *
 * A file appears when it is complete and replaces what was there in one step; a device or pipe (-o /dev/null) is written directly.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/run.h"
#include "cli/typo.h"
#include "ha/base/file.h"
#include "ha/base/mem.h"

#define SINK_BYTES (64U * 1024U)
#define WIDTH_DEFAULT 100
#define WIDTH_MIN 60
#define WIDTH_MAX 200

/* ---- choosing ---- */

static struct ha_err *format_find(const struct cli_format *formats, size_t count, const char *name,
                                  const struct cli_format **ret)
{
    struct typo typo;
    typo_begin(&typo, name);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(formats[i].name, name) == 0) {
            *ret = &formats[i];
            return NULL;
        }
        typo_offer(&typo, formats[i].name);
    }
    if (typo.best != NULL) {
        return ha_err_new(HA_ERR_USAGE, "unknown format '%s', did you mean '%s'?", name, typo.best);
    }
    return ha_err_new(HA_ERR_USAGE, "unknown format '%s'", name);
}

/* Whether the extension is one of a blank-separated list. */
static bool extension_among(const char *list, const char *extension)
{
    size_t len = strlen(extension);
    for (const char *s = list; *s != '\0';) {
        size_t item = strcspn(s, " ");
        if (item == len && strncasecmp(s, extension, len) == 0) {
            return true;
        }
        s += item;
        s += strspn(s, " ");
    }
    return false;
}

static const struct cli_format *format_of_path(const struct cli_format *formats, size_t count,
                                               const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(slash == NULL ? path : slash, '.');
    for (size_t i = 0; dot != NULL && dot[1] != '\0' && i < count; i++) {
        if (extension_among(formats[i].extensions, dot + 1)) {
            return &formats[i];
        }
    }
    return NULL;
}

static struct ha_err *output_add(struct cli *cli, const struct cli_format *format, const char *path)
{
    bool is_stdout = path == NULL || strcmp(path, "-") == 0;
    for (size_t i = 0; i < cli->output_count; i++) {
        const char *other = cli->outputs[i].path;
        if (is_stdout ? other == NULL : other != NULL && strcmp(other, path) == 0) {
            return ha_err_new(HA_ERR_USAGE, "two answers to %s: give each -f an -o of its own",
                              is_stdout ? "stdout" : path);
        }
    }
    if (cli->output_count == CLI_OUTPUTS_MAX) {
        return ha_err_new(HA_ERR_USAGE, "more than %d outputs", CLI_OUTPUTS_MAX);
    }
    cli->outputs[cli->output_count++] = (struct cli_output){format, is_stdout ? NULL : path};
    return NULL;
}

/* The dump must not be replaced by what is said about it. */
struct ha_err *cli_dump_spared(const struct cli *cli, const char *path)
{
    struct stat st;
    struct stat dump;
    for (unsigned i = 0; path != NULL && stat(path, &st) == 0 && i < cli->operand_count; i++) {
        if (stat(cli->operands[i], &dump) == 0 && dump.st_dev == st.st_dev &&
            dump.st_ino == st.st_ino) {
            return ha_err_new(HA_ERR_USAGE, "the output '%s' is the dump itself", path);
        }
    }
    return NULL;
}

/* Whether a file can be made there at all: better to know before hours of work than after them. */
static struct ha_err *output_try(const char *path)
{
    struct stat st;
    struct ha_file_new file;
    if (path == NULL || (stat(path, &st) == 0 && !S_ISREG(st.st_mode))) {
        return NULL;
    }
    HA_TRY(ha_file_new_begin(path, &file));
    ha_file_new_abort(&file);
    return NULL;
}

struct ha_err *cli_outputs_choose(struct cli *cli, const struct cli_format *formats, size_t count)
{
    const struct opt_words *words = &cli->options.outputs;
    const struct cli_format *pending = NULL; // a -f that has no -o yet
    for (size_t i = 0; i < words->count; i++) {
        const char *text = words->list[i].text;
        if (words->list[i].letter == 'f') {
            if (pending != NULL) {
                HA_TRY(output_add(cli, pending, NULL));
            }
            HA_TRY(format_find(formats, count, text, &pending));
        } else {
            HA_TRY(output_add(cli, pending, text));
            pending = NULL;
        }
    }
    struct cli_output *last = cli->output_count == 0 ? NULL : &cli->outputs[cli->output_count - 1];
    if (pending != NULL && last != NULL && last->format == NULL) {
        last->format = pending;
    } else if (pending != NULL || last == NULL) {
        HA_TRY(output_add(cli, pending, NULL));
    }
    for (size_t i = 0; i < cli->output_count; i++) {
        struct cli_output *output = &cli->outputs[i];
        if (output->format == NULL && output->path != NULL) {
            output->format = format_of_path(formats, count, output->path);
        }
        output->format = output->format == NULL ? &formats[0] : output->format;
        HA_TRY(cli_dump_spared(cli, output->path));
        HA_TRY(output_try(output->path));
    }
    return NULL;
}

struct ha_err *cli_formats_choose(struct cli *cli)
{
    struct cli_format *formats = NULL;
    size_t count = 0;
    while (ha_renderer_at(count) != NULL) {
        count++;
    }
    size_t used = 0;
    formats = ha_arena_calloc(&cli->arena, count, sizeof *formats); // outputs point into it
    for (size_t i = 0; formats != NULL && i < count; i++) {
        const struct ha_renderer *renderer = ha_renderer_at(i);
        if (renderer->command == NULL || strcmp(renderer->command, cli->command->name) == 0) {
            formats[used++] = (struct cli_format){renderer->name, renderer->extensions, renderer};
        }
    }
    return formats == NULL ? ha_err_nomem() : cli_outputs_choose(cli, formats, used);
}

/* ---- sinks ---- */

struct cli_sink {
    int fd;
    bool replaces; /* `file` is in use */
    struct ha_file_new file;
    const char *name; /* for messages */
    size_t used;
    char buffer[SINK_BYTES];
};

/* Nothing leaves when memory ran out on the way: what is missing in it nobody can see. */
static struct ha_err *sink_flush(struct cli_sink *sink)
{
    size_t done = 0;
    if (ha_mem_failed()) {
        return ha_err_nomem();
    }
    while (done < sink->used) {
        ssize_t n = write(sink->fd, sink->buffer + done, sink->used - done);
        if (n < 0 && errno != EINTR) {
            return ha_err_system(errno, "cannot write to %s", sink->name);
        }
        done += n > 0 ? (size_t)n : 0;
    }
    sink->used = 0;
    return NULL;
}

static struct ha_err *sink_file_open(const char *path, struct cli_sink *sink)
{
    struct stat st;
    bool there = stat(path, &st) == 0;
    if (there && !S_ISREG(st.st_mode)) {
        sink->fd = open(path, O_WRONLY | O_CLOEXEC);
        return sink->fd < 0 ? ha_err_system(errno, "cannot open '%s'", path) : NULL;
    }
    char *real = NULL; // a link stays a link: its target is replaced
    if (there) {
        HA_TRY(ha_file_real_path(path, &real));
    }
    struct ha_err *err = ha_file_new_begin(real == NULL ? path : real, &sink->file);
    ha_free(real);
    HA_TRY(err);
    sink->replaces = true;
    sink->fd = sink->file.fd;
    return NULL;
}

struct ha_err *cli_sink_open(const char *path, struct cli_sink **ret)
{
    struct cli_sink *sink = ha_alloc(sizeof *sink);
    if (sink == NULL) {
        return ha_err_nomem();
    }
    sink->fd = STDOUT_FILENO;
    sink->replaces = false;
    sink->used = 0;
    sink->name = path == NULL ? "standard output" : path;
    if (path != NULL) {
        struct ha_err *err = sink_file_open(path, sink);
        if (err != NULL) {
            ha_free(sink);
            return err;
        }
    }
    *ret = sink;
    return NULL;
}

struct ha_err *cli_sink_write(void *ctx, const char *data, size_t len)
{
    struct cli_sink *sink = ctx;
    while (len > 0) {
        size_t part = SINK_BYTES - sink->used < len ? SINK_BYTES - sink->used : len;
        memcpy(sink->buffer + sink->used, data, part);
        sink->used += part;
        data += part;
        len -= part;
        if (sink->used == SINK_BYTES) {
            HA_TRY(sink_flush(sink));
        }
    }
    return NULL;
}

struct ha_err *cli_sink_commit(struct cli_sink *sink)
{
    HA_TRY(sink_flush(sink));
    if (!sink->replaces) {
        return NULL;
    }
    HA_TRY(ha_file_new_commit(&sink->file));
    sink->replaces = false;
    sink->fd = -1;
    return NULL;
}

void cli_sink_close(struct cli_sink *sink)
{
    if (sink == NULL) {
        return;
    }
    if (sink->replaces) {
        ha_file_new_abort(&sink->file);
    } else if (sink->fd != STDOUT_FILENO) {
        ha_file_close(sink->fd);
    }
    ha_free(sink);
}

/* ---- rendering ---- */

static unsigned page_width(bool to_terminal)
{
    const char *columns = getenv("COLUMNS");
    uint64_t width = 0;
    struct winsize size;
    if (columns != NULL) {
        struct ha_err *err = opt_parse_count(columns, "COLUMNS", 1, 100000, &width);
        ha_err_free(err); // nonsense in the environment is no reason to fail
    }
    if (width == 0 && to_terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) {
        width = size.ws_col;
    }
    width = width == 0 ? WIDTH_DEFAULT : width;
    return (unsigned)(width < WIDTH_MIN ? WIDTH_MIN : width > WIDTH_MAX ? WIDTH_MAX : width);
}

static bool with_color(const struct cli *cli, bool to_terminal)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    if (cli->options.color != CLI_AUTO) {
        return cli->options.color == CLI_ALWAYS;
    }
    return to_terminal && (no_color == NULL || *no_color == '\0') &&
           (term == NULL || strcmp(term, "dumb") != 0);
}

static struct ha_err *output_render(struct cli *cli, struct ha_doc *doc,
                                    const struct cli_output *output)
{
    struct cli_sink *sink = NULL;
    bool to_terminal = output->path == NULL && isatty(STDOUT_FILENO) == 1;
    struct ha_render_options options = {
        .width = page_width(to_terminal),
        .color = with_color(cli, to_terminal),
        .limit = cli->options.top,
    };
    const struct ha_renderer *renderer = output->format->what;
    HA_TRY(cli_sink_open(output->path, &sink));
    struct ha_err *err = renderer->render(doc, &options, cli_sink_write, sink);
    if (err == NULL) {
        err = cli_sink_commit(sink);
    }
    cli_sink_close(sink);
    return err;
}

struct ha_err *cli_answer(struct cli *cli, struct ha_doc *doc)
{
    HA_TRY(ha_doc_error(doc));
    display_clear(cli->display);
    struct ha_err *pipe =
        NULL; // a reader that went away must not keep the files from being written
    for (size_t i = 0; i < cli->output_count; i++) {
        struct ha_err *err = output_render(cli, doc, &cli->outputs[i]);
        if (err != NULL && ha_err_kind(err) == HA_ERR_SYSTEM && ha_err_errno(err) == EPIPE &&
            pipe == NULL) {
            pipe = err;
        } else if (err != NULL) {
            ha_err_free(pipe);
            return err;
        }
    }
    return pipe;
}

struct ha_err *cli_print(const struct ha_sbuf *text)
{
    struct cli_sink *sink = NULL;
    if (ha_sbuf_failed(text)) {
        return ha_err_nomem();
    }
    HA_TRY(cli_sink_open(NULL, &sink));
    struct ha_err *err = cli_sink_write(sink, ha_sbuf_text(text), text->len);
    if (err == NULL) {
        err = cli_sink_commit(sink);
    }
    cli_sink_close(sink);
    return err;
}
