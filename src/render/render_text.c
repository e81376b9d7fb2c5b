/* SPDX-License-Identifier: MIT */
/*
 * Text for a terminal or a log.
 *
 *     Heap       552.7 MiB in 71,234 objects       labelled lines and values of neighbours are aligned
 *     Ran out    thread "evidence-upload" …
 *                                                  an empty line before each section
 *     Leak suspects                                a heading
 *     1. 350.5 MiB  63.4 % …                       numbered blocks hang behind their number
 *        path …
 *
 * Colour only repeats what the words say.
 */
#include "render/renderers.h"
#include "render/text.h"

#include <stdio.h>
#include <string.h>

#include "ha/base/mem.h"
#include "ha/base/mutf8.h"
#include "ha/report/words.h"

#define LABEL_GAP 3
#define LIMIT_TEXT 20

static void members_put(struct text *t, const struct ha_doc_node *parent);

static bool for_people(const struct ha_doc_node *node)
{
    return node->audience != HA_DOC_MACHINE;
}

/* The label of a line or value; NULL: it has none. A key without a title is shown as it is, with blanks. */
static const char *label_of(struct text *t, const struct ha_doc_node *node)
{
    if (node->title != NULL || node->key == NULL || node->kind == HA_DOC_LINE) {
        return node->title;
    }
    char *label = ha_arena_strndup(&t->arena, node->key, strlen(node->key));
    for (char *c = label; c != NULL && *c != '\0'; c++) {
        *c = *c == '_' ? ' ' : *c;
    }
    return label;
}

static bool is_inline(const struct ha_doc_node *node)
{
    return node->kind != HA_DOC_LIST && node->kind != HA_DOC_RECORD && node->kind != HA_DOC_SECTION;
}

/* The column at which values of the run of inline members that begins at `first` start. */
static size_t label_width(struct text *t, const struct ha_doc_node *first)
{
    size_t width = 0;
    for (const struct ha_doc_node *n = first; n != NULL && (is_inline(n) || !for_people(n));
         n = n->next) {
        if (!for_people(n) || n->kind == HA_DOC_NULL) {
            continue;
        }
        const char *label = label_of(t, n);
        size_t len = label == NULL ? 0 : ha_text_width(label, strlen(label)) + LABEL_GAP;
        width = len > width ? len : width;
    }
    return width;
}

static void inline_put(struct text *t, const struct ha_doc_node *node, size_t column)
{
    struct spans spans = {0};
    const char *label = label_of(t, node);
    if (label != NULL) {
        char fill[64];
        text_spans_say(t, &spans, SPAN_PLAIN, label);
        if (spans.count > 0) {
            spans.list[0].strong = true;
        }
        size_t width = ha_text_width(label, strlen(label));
        size_t gap = column > width ? column - width : 1;
        snprintf(fill, sizeof fill, "%*s", (int)(gap < sizeof fill ? gap : 1), "");
        text_spans_say(t, &spans, SPAN_PLAIN, fill);
    }
    text_spans_add(t, &spans, node);
    text_put(t, &spans, label == NULL ? 2 : column);
    text_forget(t);
}

/* ---- lists ---- */

uint64_t text_rows_shown(const struct text *t, const struct ha_doc_list *list,
                         uint64_t *ret_omitted)
{
    uint64_t limit = t->options->limit;
    bool all = limit == 0;
    uint64_t worth = !all && list->people_worth < list->count ? list->people_worth : list->count;
    worth -= worth < list->people_first ? worth : list->people_first;
    uint64_t most = all                                                   ? HA_DOC_EVERYTHING
                    : list->never_cut || limit == HA_RENDER_LIMIT_DEFAULT ? list->people_most
                                                                          : limit;
    uint64_t shown = worth < most ? worth : most;
    *ret_omitted = worth - shown + list->omitted;
    return shown;
}

static void omitted_put(struct text *t, const struct ha_doc_list *list, uint64_t omitted)
{
    struct spans spans = {0};
    struct ha_sbuf text = {0};
    ha_sbuf_puts(&text, "\xe2\x80\xa6 ");
    ha_words_count(&text, omitted);
    ha_sbuf_printf(&text, " more%s%s", list->noun == NULL ? "" : " ",
                   list->noun == NULL ? "" : list->noun);
    if (!list->never_cut) {
        ha_sbuf_puts(&text, " (-n 0 shows all)");
    }
    text_spans_say(t, &spans, SPAN_PLAIN, ha_sbuf_text(&text));
    text_put(t, &spans, 2);
    ha_sbuf_deinit(&text);
    text_forget(t);
}

/* Recursion follows the shape that builders give a document, never the data of a heap. */
static void blocks_put(struct text *t, const struct ha_doc_node *node, uint64_t shown)
{
    const struct ha_doc_list *list = node->u.list;
    struct ha_doc_rows rows;
    ha_doc_rows_begin(t->doc, node, list->people_first, &rows);
    for (uint64_t i = 0; i < shown && t->err == NULL; i++) {
        const struct ha_doc_node *row = NULL;
        t->err = ha_doc_rows_next(&rows, &row);
        if (t->err != NULL || row == NULL) {
            break;
        }
        char number[24];
        uint64_t before = t->lines;
        size_t indent = t->indent;
        if (list->style == HA_DOC_NUMBERED) {
            int width = snprintf(number, sizeof number, "%llu. ",
                                 (unsigned long long)(list->people_first + i + 1));
            t->indent += (size_t)width;
            t->lead = number;
        }
        if (row->kind == HA_DOC_RECORD) {
            members_put(t, row);
        } else {
            inline_put(t, row, 0);
        }
        t->lead = NULL;
        t->indent = indent;
        t->blank_wanted = t->blank_wanted || (t->lines > before + 1 && !list->tight);
    }
    ha_doc_rows_end(&rows);
}

static void list_put(struct text *t, const struct ha_doc_node *node)
{
    const struct ha_doc_list *list = node->u.list;
    uint64_t omitted = 0;
    uint64_t shown = text_rows_shown(t, list, &omitted);
    if (shown == 0 && omitted == 0 && list->empty == NULL) {
        return;
    }
    if (node->title != NULL) { // an empty title only indents
        struct spans spans = {0};
        if (*node->title != '\0') {
            text_spans_say(t, &spans, SPAN_PLAIN, node->title);
            text_put(t, &spans, 0);
        }
        t->indent += 2;
    }
    if (shown == 0 && omitted == 0) {
        struct spans spans = {0};
        text_spans_say(t, &spans, SPAN_PLAIN, list->empty);
        text_put(t, &spans, 2);
    } else if (list->style == HA_DOC_BLOCKS || list->style == HA_DOC_NUMBERED) {
        blocks_put(t, node, shown);
    } else {
        text_table(t, node, shown);
    }
    if (omitted > 0 && list->style != HA_DOC_STEPS) {
        omitted_put(t, list, omitted);
    }
    if (node->title != NULL) {
        t->indent -= 2;
    }
}

/* ---- containers ---- */

static void section_put(struct text *t, const struct ha_doc_node *section)
{
    struct spans spans = {0};
    t->blank_wanted = t->blank_wanted || section->title != NULL; // one without a title only groups
    if (section->title != NULL && *section->title != '\0') {
        text_spans_say(t, &spans, SPAN_HEAD, section->title);
        text_put(t, &spans, 0);
    }
    members_put(t, section);
    t->blank_wanted = t->blank_wanted || section->title != NULL;
}

static void record_put(struct text *t, const struct ha_doc_node *record)
{
    const char *label = label_of(t, record);
    label = label != NULL && *label == '\0' ? NULL : label;
    if (label != NULL) {
        struct spans spans = {0};
        text_spans_say(t, &spans, SPAN_PLAIN, label);
        text_put(t, &spans, 0);
        t->indent += 2;
    }
    members_put(t, record);
    if (label != NULL) {
        t->indent -= 2;
    }
}

static void members_put(struct text *t, const struct ha_doc_node *parent)
{
    size_t column = 0;
    bool in_run = false;
    for (const struct ha_doc_node *n = parent->first_child; n != NULL && t->err == NULL;
         n = n->next) {
        if (!for_people(n) || n->kind == HA_DOC_NULL) {
            continue;
        }
        if (is_inline(n)) {
            column = in_run ? column : label_width(t, n);
            in_run = true;
            inline_put(t, n, column);
            continue;
        }
        in_run = false;
        if (n->kind == HA_DOC_LIST) {
            list_put(t, n);
        } else if (n->kind == HA_DOC_SECTION) {
            section_put(t, n);
        } else {
            record_put(t, n);
        }
    }
}

static struct ha_err *text_render(struct ha_doc *doc, const struct ha_render_options *options,
                                  ha_write_fn write, void *ctx)
{
    struct text t = {.doc = doc, .options = options, .write = write, .ctx = ctx};
    members_put(&t, ha_doc_root(doc));
    if (t.err == NULL && ha_sbuf_failed(&t.out)) {
        t.err = ha_err_nomem();
    }
    if (t.err == NULL && t.out.len > 0) {
        t.err = write(ctx, ha_sbuf_text(&t.out), t.out.len);
    }
    ha_sbuf_deinit(&t.out);
    ha_arena_deinit(&t.arena);
    return t.err;
}

const struct ha_renderer ha_renderer_text = {
    .name = "text",
    .extensions = "txt text log",
    .summary = "for people, as wide as the terminal",
    .limit = LIMIT_TEXT,
    .render = text_render,
};
