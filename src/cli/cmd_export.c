/* SPDX-License-Identifier: MIT */
/*
 * hprof-analyze export objects|edges|histogram DUMP
 *
 * Rows for other programs, written as they are read: no document in between, no answer held in memory.
 *
 *     tsv   header line, tabs between cells; texts escaped as in text output (tab, line feed, return, backslash, control characters)
 *     csv   the same with commas, quoted as RFC 4180 says: a row is a line
 *     json  { "schema": …, "objects": [ {…}, … ] }
 */
#include "cli/run.h"

#include <string.h>

#include "ha/base/json_write.h"
#include "ha/base/mem.h"
#include "ha/base/mutf8.h"

enum notation { NOTATION_TSV, NOTATION_CSV, NOTATION_JSON };

static const enum notation notations[] = {NOTATION_TSV, NOTATION_CSV, NOTATION_JSON};
static const struct cli_format formats[] = {
    {"tsv", "tsv tab", &notations[0]},
    {"csv", "csv", &notations[1]},
    {"json", "json", &notations[2]},
};

/* A column: its name in the header line and its key in JSON. */
struct column {
    const char *name;
    const char *key;
};

struct export
{
    struct cli *cli;
    struct ha_query *query;
    enum notation notation;
    struct cli_sink *sink;
    const struct column *columns;
    size_t column_count;
    size_t next;          /* column of the next cell */
    uint64_t rows, limit; /* limit 0: none */
    struct ha_sbuf line;
    struct ha_json *json; /* NOTATION_JSON */
    struct ha_err *err;   /* first failure, sticky */
};

/* ---- cells and rows ---- */

/* Most texts stand for themselves: names of classes and fields. */
static bool text_is_plain(const char *s)
{
    while ((unsigned char)*s >= 0x20 && (unsigned char)*s < 0x7f && *s != '\\') {
        s++;
    }
    return *s == '\0';
}

static void tsv_text(struct ha_sbuf *out, const char *s)
{
    if (text_is_plain(s)) {
        ha_sbuf_puts(out, s);
    } else {
        ha_text_escape(out, s, strlen(s));
    }
}

static void csv_text(struct ha_sbuf *out, const char *s)
{
    struct ha_sbuf safe = {0};
    if (!text_is_plain(s)) {
        ha_text_escape(&safe, s, strlen(s));
        s = ha_sbuf_text(&safe);
    }
    bool quote = s[strcspn(s, ",\"")] != '\0';
    ha_sbuf_puts(out, quote ? "\"" : "");
    for (; *s != '\0'; s++) {
        ha_sbuf_puts(out, *s == '"' ? "\"" : "");
        ha_sbuf_putc(out, *s);
    }
    ha_sbuf_puts(out, quote ? "\"" : "");
    ha_sbuf_deinit(&safe);
}

/* Digits of v at the end of text, which holds 24 bytes; returns where they begin. Printing is what an export of millions of rows does most. */
static const char *digits(char text[24], uint64_t v, unsigned base)
{
    char *s = &text[23];
    *s = '\0';
    do {
        *--s = "0123456789abcdef"[v % base];
        v /= base;
    } while (v != 0);
    return s;
}

/* What stands before a cell: a separator, or in JSON its key. */
static void cell_begin(struct export *e)
{
    if (e->notation == NOTATION_JSON) {
        if (e->next == 0) {
            ha_json_object_begin(e->json);
        }
        ha_json_key(e->json, e->columns[e->next].key);
    } else if (e->next > 0) {
        ha_sbuf_putc(&e->line, e->notation == NOTATION_TSV ? '\t' : ',');
    }
    e->next++;
}

static void cell_text(struct export *e, const char *s)
{
    cell_begin(e);
    if (e->notation == NOTATION_JSON) {
        ha_json_string(e->json, s);
    } else if (e->notation == NOTATION_CSV) {
        csv_text(&e->line, s);
    } else {
        tsv_text(&e->line, s);
    }
}

static void cell_number(struct export *e, uint64_t v)
{
    cell_begin(e);
    if (e->notation == NOTATION_JSON) {
        ha_json_u64(e->json, v);
    } else {
        char text[24];
        ha_sbuf_puts(&e->line, digits(text, v, 10));
    }
}

static void cell_address(struct export *e, uint64_t address)
{
    char text[24];
    char *s = &text[digits(text, address, 16) - text - 2];
    memcpy(s, "0x", 2);
    cell_begin(e);
    if (e->notation == NOTATION_JSON) {
        ha_json_string(e->json, s);
    } else {
        ha_sbuf_puts(&e->line, s);
    }
}

/* Nothing there: `-` in lines, null in JSON. */
static void cell_none(struct export *e)
{
    cell_begin(e);
    if (e->notation == NOTATION_JSON) {
        ha_json_null(e->json);
    } else {
        ha_sbuf_putc(&e->line, '-');
    }
}

static void line_write(struct export *e)
{
    ha_sbuf_putc(&e->line, '\n');
    if (e->err == NULL) {
        e->err = ha_sbuf_failed(&e->line)
                     ? ha_err_nomem()
                     : cli_sink_write(e->sink, ha_sbuf_text(&e->line), e->line.len);
    }
    ha_sbuf_clear(&e->line);
}

/* false: enough, or something failed. */
static bool row_end(struct export *e)
{
    assert(e->next == e->column_count);
    e->next = 0;
    e->rows++;
    if (e->notation == NOTATION_JSON) {
        ha_json_object_end(e->json);
    } else {
        line_write(e);
    }
    return e->err == NULL && (e->limit == 0 || e->rows < e->limit);
}

static struct ha_err *table_begin(struct export *e, const char *name)
{
    if (e->notation != NOTATION_JSON) {
        for (size_t i = 0; i < e->column_count; i++) {
            ha_sbuf_puts(&e->line, i == 0 ? "" : e->notation == NOTATION_TSV ? "\t" : ",");
            ha_sbuf_puts(&e->line, e->columns[i].name);
        }
        line_write(e);
        return NULL;
    }
    e->json = ha_json_create(cli_sink_write, e->sink, false);
    if (e->json == NULL) {
        return ha_err_nomem();
    }
    ha_json_object_begin(e->json);
    ha_json_key(e->json, "schema");
    ha_json_string(e->json, HA_REPORT_SCHEMA);
    ha_json_key(e->json, "command");
    ha_json_string(e->json, "export");
    ha_json_key(e->json, "tool");
    ha_json_object_begin(e->json);
    ha_json_key(e->json, "name");
    ha_json_string(e->json, "hprof-analyze");
    ha_json_key(e->json, "version");
    ha_json_string(e->json, cli_version);
    ha_json_object_end(e->json);
    ha_json_key(e->json, name);
    ha_json_array_begin(e->json);
    return NULL;
}

static struct ha_err *table_end(struct export *e)
{
    if (e->json != NULL) {
        ha_json_array_end(e->json);
        ha_json_object_end(e->json);
        struct ha_err *err = ha_json_end(e->json);
        if (e->err == NULL) {
            e->err = err;
        } else {
            ha_err_free(err);
        }
    }
    struct ha_err *err = e->err;
    e->err = NULL;
    return err;
}

/* ---- objects ---- */

static const struct column object_columns[] = {
    {"address", "address"},         {"class", "class"},    {"shallow", "shallow_bytes"},
    {"retained", "retained_bytes"}, {"idom", "dominator"},
};

static void class_cell(struct export *e, const struct ha_heap *heap, ha_obj obj)
{
    ha_cls cls;
    if (!ha_heap_as_class(heap, obj, &cls)) {
        cell_text(e, ha_heap_class(heap, ha_heap_class_of(heap, obj))->name);
        return;
    }
    struct ha_sbuf name = {0};
    ha_sbuf_printf(&name, "class %s", ha_heap_class(heap, cls)->name);
    cell_text(e, ha_sbuf_text(&name));
    ha_sbuf_deinit(&name);
}

static void objects_write(struct export *e)
{
    const struct ha_snapshot *snapshot = e->query->snapshot;
    struct ha_heap_walk walk;
    ha_obj obj;
    ha_addr address;
    bool more = true;
    ha_heap_walk_begin(snapshot->heap, &walk);
    while (more && ha_heap_walk_next(&walk, &obj, &address)) {
        if (!ha_dom_reachable(snapshot->dom, obj)) {
            continue;
        }
        ha_obj dominator;
        cell_address(e, address);
        class_cell(e, snapshot->heap, obj);
        cell_number(e, ha_query_shallow(e->query, obj));
        cell_number(e, ha_query_retained(e->query, obj));
        if (ha_dom_of(snapshot->dom, obj, &dominator)) {
            cell_address(e, ha_heap_address(snapshot->heap, dominator));
        } else {
            cell_none(e);
        }
        more = row_end(e);
    }
}

/* ---- edges ---- */

static const struct column edge_columns[] = {
    {"source", "source"}, {"target", "target"}, {"label", "label"}};

struct edges_ctx {
    struct export *export;
    ha_obj source;
    ha_addr address;
    struct ha_sbuf label;
    bool more;
};

static bool edge_write(void *ctx, const struct ha_edge *edge)
{
    struct edges_ctx *c = ctx;
    struct export *e = c->export;
    const struct ha_snapshot *snapshot = e->query->snapshot;
    ha_sbuf_clear(&c->label);
    ha_edge_text(snapshot->graph, c->source, edge, &c->label);
    cell_address(e, c->address);
    cell_address(e, ha_heap_address(snapshot->heap, edge->target));
    cell_text(e, ha_sbuf_text(&c->label));
    c->more = row_end(e);
    return c->more;
}

static void edges_write(struct export *e)
{
    const struct ha_snapshot *snapshot = e->query->snapshot;
    struct edges_ctx ctx = {.export = e, .more = true};
    struct ha_heap_walk walk;
    ha_heap_walk_begin(snapshot->heap, &walk);
    while (ctx.more && ha_heap_walk_next(&walk, &ctx.source, &ctx.address)) {
        if (ha_dom_reachable(snapshot->dom, ctx.source)) {
            ha_graph_edges(snapshot->graph, &e->query->window, ctx.source, edge_write, &ctx);
        }
    }
    ha_sbuf_deinit(&ctx.label);
}

/* ---- histogram ---- */

static const struct column histogram_columns[] = {
    {"class", "class"},         {"loader", "loader"},         {"class_object", "class_object"},
    {"instances", "instances"}, {"shallow", "shallow_bytes"}, {"retained", "retained_bytes"},
};

static struct ha_err *histogram_write(struct export *e)
{
    struct ha_histogram histogram;
    const struct ha_histogram_options options = {
        .keep_unreachable = e->cli->options.keep_unreachable, .with_empty = true};
    HA_TRY(ha_histogram_query(e->query, &options, &histogram));
    bool more = true;
    for (uint64_t i = 0; more && i < histogram.count; i++) {
        const struct ha_histogram_row *row = &histogram.rows[i];
        cell_text(e, row->name);
        if (row->loader_address == 0) {
            cell_text(e, "<boot>");
        } else {
            cell_address(e, row->loader_address);
        }
        cell_address(e, row->class_object);
        cell_number(e, row->instances);
        cell_number(e, row->shallow_bytes);
        cell_number(e, row->retained_bytes);
        more = row_end(e);
    }
    return NULL;
}

/* ---- the command ---- */

#define WHATS "objects|edges|histogram"

static struct ha_err *export_to(struct cli *cli, struct ha_query *query, unsigned what,
                                const struct cli_output *output)
{
    static const struct {
        const struct column *columns;
        size_t count;
    } tables[] = {
        {object_columns, sizeof object_columns / sizeof *object_columns},
        {edge_columns, sizeof edge_columns / sizeof *edge_columns},
        {histogram_columns, sizeof histogram_columns / sizeof *histogram_columns},
    };
    struct export e = {
        .cli = cli,
        .query = query,
        .notation = *(const enum notation *)output->format->what,
        .columns = tables[what].columns,
        .column_count = tables[what].count,
        .limit = cli->options.top == HA_RENDER_LIMIT_DEFAULT ? 0 : cli->options.top,
    };
    HA_TRY(cli_sink_open(output->path, &e.sink));
    struct ha_err *err = table_begin(&e, cli->operands[0]);
    if (err == NULL && what == 0) {
        objects_write(&e);
    } else if (err == NULL && what == 1) {
        edges_write(&e);
    } else if (err == NULL) {
        err = histogram_write(&e);
    }
    err = err == NULL ? table_end(&e) : err;
    err = err == NULL ? ha_query_error(query) : err;
    err = err == NULL ? cli_sink_commit(e.sink) : err;
    cli_sink_close(e.sink);
    ha_json_destroy(e.json);
    ha_sbuf_deinit(&e.line);
    return err;
}

static struct ha_err *what_read(const struct cli *cli, unsigned *ret)
{
    if (!opt_choice(WHATS, cli->operands[0], ret)) {
        return ha_err_new(HA_ERR_USAGE, "export: '%s' is not one of " WHATS, cli->operands[0]);
    }
    return NULL;
}

static struct ha_err *prepare(struct cli *cli)
{
    unsigned ignored;
    HA_TRY(what_read(cli, &ignored));
    return cli_outputs_choose(cli, formats, sizeof formats / sizeof *formats);
}

static struct ha_err *run(struct cli *cli)
{
    unsigned what = 0;
    struct ha_query query;
    struct ha_err *err = NULL;
    HA_TRY(what_read(cli, &what));
    HA_TRY(cli_open(cli, 1));
    ha_query_init(&query, cli->snapshot);
    for (size_t i = 0; i < cli->output_count && err == NULL; i++) {
        err = export_to(cli, &query, what, &cli->outputs[i]);
    }
    ha_query_deinit(&query);
    if (err == NULL) {
        cli_warnings_say(cli);
    }
    return err;
}

const struct cli_spec cli_spec_export = {
    .operands_min = 2,
    .operands_max = 2,
    .details =
        "Rows for other programs, streamed, in the formats tsv (default), csv and json.\n\n"
        "objects: address, class, shallow and retained size and immediate dominator ('-' for none) "
        "of every reachable object, by address. "
        "A class object has the class 'class NAME'.\n\n"
        "edges: source address, target address and name of every reference of a reachable "
        "object.\n\n"
        "histogram: class, class loader, class object, instances, shallow and retained size.",
    .examples = "hprof-analyze export objects app.hprof > objects.tsv\n"
                "hprof-analyze export edges -o edges.csv app.hprof",
    .prepare = prepare,
    .run = run,
};
