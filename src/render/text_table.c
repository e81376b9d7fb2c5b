/* SPDX-License-Identifier: MIT */
/*
 * Lists as tables. Rows come one by one and are kept, as spans, for a block of rows only: the block decides how wide the columns are, and
 * the next block may widen them. So a table of any length is written in the memory of one block.
 *
 *      Retained       %   Instances   Class                 numbers right, text left, the name last, where nothing needs to be filled up
 *     350.5 MiB  63.4 %           1   com.acme.Foo          a tree indents the last column; columns with nothing in them are left out
 */
#include "render/text.h"

#include <string.h>

#include "ha/base/mutf8.h"
#include "ha/report/words.h"

#define BLOCK_ROWS 256
#define COLUMNS_MAX 12
#define LONG_TEXT 12 /* columns beyond which a text in a cell may lose its end */
#define GAP 2

struct table_row {
    struct spans cells[COLUMNS_MAX];
    size_t depth;       /* in a tree */
    const char *remark; /* a line across all columns instead of cells; NULL: none */
};

struct table {
    struct text *t;
    const struct ha_doc_list *list;
    size_t columns;
    size_t widths[COLUMNS_MAX];
    bool right[COLUMNS_MAX]; /* right-aligned */
    size_t least
        [2]
        [COLUMNS_MAX]; /* what a column cannot get below, by shortening class names; labels too */
    bool used[COLUMNS_MAX]; /* some row has something there */
    struct table_row *rows; /* BLOCK_ROWS */
    size_t count;
    bool headed; /* the heading is written */
};

static size_t most(size_t a, size_t b)
{
    return a > b ? a : b;
}

static bool is_number(const struct ha_doc_node *node)
{
    return node->kind == HA_DOC_COUNT || node->kind == HA_DOC_INTEGER ||
           node->kind == HA_DOC_BYTES || node->kind == HA_DOC_PERCENT || node->right;
}

/* ---- layout ---- */

static void widths_grow(struct table *table)
{
    for (size_t c = 0; c < table->columns; c++) {
        const char *title = table->list->columns[c].title;
        size_t width = title == NULL ? 0 : ha_text_width(title, strlen(title));
        table->widths[c] = most(table->widths[c], width);
        table->least[0][c] = most(table->least[0][c], width);
        table->least[1][c] = most(table->least[1][c], width);
    }
    for (size_t r = 0; r < table->count; r++) {
        struct table_row *row = &table->rows[r];
        for (size_t c = 0; c < table->columns && row->remark == NULL; c++) {
            size_t indent = c + 1 == table->columns ? 2 * row->depth : 0;
            table->widths[c] = most(table->widths[c], text_spans_width(&row->cells[c]) + indent);
            table->least[0][c] =
                most(table->least[0][c], text_spans_least(&row->cells[c], false) + indent);
            table->least[1][c] =
                most(table->least[1][c], text_spans_least(&row->cells[c], true) + indent);
            table->used[c] = table->used[c] || row->cells[c].count > 0;
        }
    }
}

/* Narrows columns, the widest first, until the table fits the page or none can give more. */
static void widths_limit(struct table *table, const size_t least[COLUMNS_MAX])
{
    size_t page = text_width_left(table->t);
    for (;;) {
        size_t total = 0;
        size_t widest = table->columns;
        for (size_t c = 0; c < table->columns; c++) {
            total += table->used[c] ? table->widths[c] + GAP : 0;
            if (table->used[c] && table->widths[c] > least[c] &&
                (widest == table->columns || table->widths[c] > table->widths[widest])) {
                widest = c;
            }
        }
        if (total <= page + GAP || widest == table->columns) {
            return;
        }
        table->widths[widest]--;
    }
}

/* ---- writing ---- */

static void cell_put(struct table *table, size_t c, struct spans *cell, size_t depth)
{
    struct text *t = table->t;
    bool last = c + 1 == table->columns;
    size_t indent = last ? 2 * depth : 0;
    if (!table->used[c]) {
        return;
    }
    text_fit(t, cell, table->widths[c] > indent ? table->widths[c] - indent : 0);
    size_t width = text_spans_width(cell);
    size_t fill = table->widths[c] > width ? table->widths[c] - width : 0;
    if (table->right[c]) {
        ha_sbuf_fill(&t->out, ' ', fill);
    }
    ha_sbuf_fill(&t->out, ' ', indent);
    for (size_t i = 0; i < cell->count; i++) {
        text_span_put(t, &cell->list[i]);
    }
    if (!last) {
        ha_sbuf_fill(&t->out, ' ', (table->right[c] ? 0 : fill) + GAP);
    }
}

static void heading_put(struct table *table)
{
    struct text *t = table->t;
    bool any = false;
    struct table_row row = {0};
    for (size_t c = 0; c < table->columns; c++) {
        const char *title = table->list->columns[c].title;
        if (title != NULL) {
            any = true;
            text_spans_say(t, &row.cells[c], SPAN_PLAIN, title);
            if (row.cells[c].count > 0) {
                row.cells[c].list[0].strong = true;
            }
        }
    }
    if (!any) {
        return;
    }
    text_line_begin(t);
    for (size_t c = 0; c < table->columns; c++) {
        cell_put(table, c, &row.cells[c], 0);
    }
    text_line_end(t);
}

static void block_put(struct table *table)
{
    struct text *t = table->t;
    widths_grow(table);
    widths_limit(table, table->least[0]);
    widths_limit(table, table->least[1]);
    if (!table->headed) {
        heading_put(table);
        table->headed = true;
    }
    for (size_t r = 0; r < table->count; r++) {
        struct table_row *row = &table->rows[r];
        text_line_begin(t);
        if (row->remark != NULL) {
            for (size_t c = 0; c + 1 < table->columns; c++) {
                ha_sbuf_fill(&t->out, ' ', table->used[c] ? table->widths[c] + GAP : 0);
            }
            ha_sbuf_fill(&t->out, ' ', 2 * row->depth);
            ha_sbuf_puts(&t->out, row->remark);
        }
        for (size_t c = 0; c < table->columns && row->remark == NULL; c++) {
            cell_put(table, c, &row->cells[c], row->depth);
        }
        text_line_end(t);
    }
    table->count = 0;
    text_forget(t);
    table->rows = ha_arena_calloc(&t->arena, BLOCK_ROWS, sizeof *table->rows);
}

static struct table_row *row_next(struct table *table, size_t depth)
{
    if (table->rows == NULL || table->count == BLOCK_ROWS) {
        if (table->rows != NULL) {
            block_put(table);
        } else {
            table->rows = ha_arena_calloc(&table->t->arena, BLOCK_ROWS, sizeof *table->rows);
        }
    }
    if (table->rows == NULL) {
        table->t->err = table->t->err == NULL ? ha_err_nomem() : table->t->err;
        return NULL;
    }
    struct table_row *row = &table->rows[table->count++];
    *row = (struct table_row){.depth = depth};
    return row;
}

static void row_add(struct table *table, const struct ha_doc_node *node, size_t depth)
{
    struct table_row *row = row_next(table, depth);
    for (size_t c = 0; c < table->columns && row != NULL; c++) {
        const struct ha_doc_column *column = &table->list->columns[c];
        const struct ha_doc_node *cell = ha_doc_find(node, column->path);
        if (cell == NULL || cell->kind == HA_DOC_NULL) {
            continue;
        }
        if (column->lead != NULL) {
            text_spans_say(table->t, &row->cells[c], SPAN_PLAIN, column->lead);
        }
        text_spans_add(table->t, &row->cells[c], cell);
        if (cell->kind == HA_DOC_TEXT || cell->kind == HA_DOC_LINE) {
            for (size_t i = 0; i < row->cells[c].count;
                 i++) { // a cell has one line: long text in it is cut
                struct span *span = &row->cells[c].list[i];
                span->kind =
                    span->kind == SPAN_PLAIN && span->width > LONG_TEXT ? SPAN_LABEL : span->kind;
            }
        }
        table->right[c] = table->right[c] || is_number(cell);
    }
}

static void remark_add(struct table *table, uint64_t omitted, const char *noun, size_t depth)
{
    struct table_row *row = row_next(table, depth);
    struct ha_sbuf text = {0};
    ha_sbuf_puts(&text, "\xe2\x80\xa6 ");
    ha_words_count(&text, omitted);
    ha_sbuf_printf(&text, " more%s%s", noun == NULL ? "" : " ", noun == NULL ? "" : noun);
    if (row != NULL) {
        row->remark = ha_arena_strndup(&table->t->arena, ha_sbuf_text(&text), text.len);
    }
    ha_sbuf_deinit(&text);
}

/* ---- lists ---- */

static struct ha_err *rows_add(struct table *table, const struct ha_doc_node *list, uint64_t first,
                               uint64_t end, size_t depth);

static struct ha_err *children_add(struct table *table, const struct ha_doc_node *node,
                                   size_t depth)
{
    const struct ha_doc_node *children = ha_doc_find(node, "children");
    if (children == NULL || children->kind != HA_DOC_LIST) {
        return NULL;
    }
    uint64_t omitted = 0;
    uint64_t shown = text_rows_shown(table->t, children->u.list, &omitted);
    HA_TRY(rows_add(table, children, 0, shown, depth));
    if (omitted > 0 && shown > 0) {
        remark_add(table, omitted, children->u.list->noun, depth);
    }
    return NULL;
}

/* Recursion follows the nesting of children lists, which builders bound (--depth). */
static struct ha_err *rows_add(struct table *table, const struct ha_doc_node *list, uint64_t first,
                               uint64_t end, size_t depth)
{
    struct ha_doc_rows rows;
    ha_doc_rows_begin(table->t->doc, list, first, &rows);
    struct ha_err *err = NULL;
    for (uint64_t i = first; i < end && err == NULL && table->t->err == NULL; i++) {
        const struct ha_doc_node *node = NULL;
        err = ha_doc_rows_next(&rows, &node);
        if (err != NULL || node == NULL) {
            break;
        }
        row_add(table, node, depth);
        if (table->list->style == HA_DOC_TREE) {
            err = children_add(table, node, depth + 1);
        }
    }
    ha_doc_rows_end(&rows);
    return err;
}

/* The ends of a long path say most: two thirds of what may be shown from its beginning, the rest from its end. */
static struct ha_err *steps_add(struct table *table, const struct ha_doc_node *node, uint64_t shown)
{
    const struct ha_doc_list *list = table->list;
    uint64_t first = list->people_first;
    if (first + shown >= list->count) {
        return rows_add(table, node, first, list->count, 0);
    }
    uint64_t head = shown - shown / 3;
    uint64_t tail = shown - head;
    HA_TRY(rows_add(table, node, first, first + head, 0));
    remark_add(table, list->count - first - shown, list->noun, 0);
    return rows_add(table, node, list->count - tail, list->count, 0);
}

void text_table(struct text *t, const struct ha_doc_node *node, uint64_t shown)
{
    const struct ha_doc_list *list = node->u.list;
    assert(list->column_count > 0 && list->column_count <= COLUMNS_MAX);
    struct table table = {.t = t, .list = list, .columns = list->column_count};
    struct ha_err *err = list->style == HA_DOC_STEPS ? steps_add(&table, node, shown)
                                                     : rows_add(&table, node, list->people_first,
                                                                list->people_first + shown, 0);
    if (table.count > 0) {
        block_put(&table);
    }
    text_forget(t);
    if (t->err == NULL) {
        t->err = err;
    } else {
        ha_err_free(err);
    }
}
