/* SPDX-License-Identifier: MIT */
/*
 * Values as text, and lines that fit.
 *
 * What may get shorter does so in this order: packages of class names (longest name first), then labels of the heap from their end. Words
 * of ours are broken at blanks onto further lines instead. Whatever comes from the heap is escaped first, so that no byte of a dump reaches
 * the terminal as a control sequence.
 */
#include "render/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ha/base/mem.h"
#include "ha/base/mutf8.h"
#include "ha/report/words.h"

#define ELLIPSIS "\xe2\x80\xa6"
#define LABEL_MIN 8        /* columns a label keeps, whatever the width */
#define SPAN_TEXT_MAX 4096 /* of a label; longer ones help no reader */

/* ---- values ---- */

static void real_text(double v, struct ha_sbuf *out)
{
    for (int precision = 1; precision <= 17; precision++) {
        char text[40];
        snprintf(text, sizeof text, "%.*g", precision, v);
        double back = 0;
        if (precision == 17 || (sscanf(text, "%lf", &back) == 1 && back == v)) {
            ha_sbuf_puts(out, text);
            return;
        }
    }
}

/* 'x', '\u0000' */
static void char_text(uint16_t unit, struct ha_sbuf *out)
{
    uint8_t bytes[2] = {(uint8_t)unit, (uint8_t)(unit >> 8)};
    struct ha_sbuf text = {0};
    struct ha_sbuf safe = {0};
    ha_text_from_utf16(&text, bytes, sizeof bytes, false, 0);
    ha_text_escape(&safe, ha_sbuf_text(&text), text.len);
    if (ha_text_width(ha_sbuf_text(&safe), safe.len) > 2 || (unit >= 0xd800 && unit < 0xe000)) {
        ha_sbuf_printf(out, "'\\u%04x'", unit);
    } else {
        ha_sbuf_printf(out, "'%s'", ha_sbuf_text(&safe));
    }
    ha_sbuf_deinit(&text);
    ha_sbuf_deinit(&safe);
}

/* ---- spans ---- */

static struct span *span_add(struct text *t, struct spans *spans, enum span_kind kind,
                             const char *s, size_t len)
{
    if (spans->count == spans->capacity) {
        size_t capacity = spans->capacity == 0 ? 8 : 2 * spans->capacity;
        struct span *list = ha_arena_alloc(&t->arena, capacity, sizeof *list);
        if (list == NULL) {
            t->err = t->err == NULL ? ha_err_nomem() : t->err;
            return NULL;
        }
        if (spans->count > 0) {
            memcpy(list, spans->list, spans->count * sizeof *list);
        }
        spans->list = list;
        spans->capacity = capacity;
    }
    char *copy = ha_arena_strndup(&t->arena, s, len);
    if (copy == NULL) {
        t->err = t->err == NULL ? ha_err_nomem() : t->err;
        return NULL;
    }
    struct span *span = &spans->list[spans->count++];
    *span =
        (struct span){.text = copy, .len = len, .width = ha_text_width(copy, len), .kind = kind};
    return span;
}

void text_spans_say(struct text *t, struct spans *spans, enum span_kind kind, const char *s)
{
    span_add(t, spans, kind, s, strlen(s));
}

/* Text that may come from the heap. */
static struct span *span_escaped(struct text *t, struct spans *spans, enum span_kind kind,
                                 const char *s)
{
    struct ha_sbuf text = {0};
    size_t len = strlen(s);
    bool cut = len > SPAN_TEXT_MAX;
    ha_text_escape(&text, s, cut ? SPAN_TEXT_MAX : len);
    if (cut) {
        ha_sbuf_puts(&text, ELLIPSIS);
    }
    struct span *span = span_add(t, spans, kind, ha_sbuf_text(&text), text.len);
    ha_sbuf_deinit(&text);
    return span;
}

/* "com.acme.Foo 0x7f… "label"", "class com.acme.Foo 0x7f…" */
static void object_spans(struct text *t, struct spans *spans, const struct ha_doc_node *object)
{
    const struct ha_doc_node *is_class = ha_doc_find(object, "is_class");
    const struct ha_doc_node *name = ha_doc_find(object, "class");
    const struct ha_doc_node *address = ha_doc_find(object, "address");
    const struct ha_doc_node *label = ha_doc_find(object, "label");
    if (is_class != NULL && is_class->kind == HA_DOC_CLASS) {
        text_spans_say(t, spans, SPAN_PLAIN, "class ");
        name = is_class;
    }
    if (name != NULL) {
        struct span *span = span_escaped(t, spans, SPAN_CLASS, name->u.text);
        if (span != NULL) {
            span->strong = object->strong;
        }
    }
    if (address != NULL && address->audience != HA_DOC_MACHINE) {
        text_spans_say(t, spans, SPAN_PLAIN, " ");
        text_spans_add(t, spans, address);
    }
    bool is_name = name != NULL && label != NULL && label->kind == HA_DOC_TEXT &&
                   strcmp(label->u.text, name->u.text) == 0;
    if (label != NULL && label->kind == HA_DOC_TEXT && label->audience != HA_DOC_MACHINE &&
        !is_name) {
        text_spans_say(t, spans, SPAN_PLAIN, " ");
        span_escaped(t, spans, SPAN_LABEL, label->u.text);
    }
}

void text_spans_add(struct text *t, struct spans *spans, const struct ha_doc_node *node)
{
    struct ha_sbuf text = {0};
    enum span_kind kind = SPAN_PLAIN;
    switch (node->kind) {
    case HA_DOC_NULL:
        break;
    case HA_DOC_BOOL:
        ha_sbuf_puts(&text, node->u.truth ? "yes" : "no");
        break;
    case HA_DOC_COUNT:
        ha_words_count(&text, node->u.u64);
        break;
    case HA_DOC_INTEGER:
        ha_sbuf_printf(&text, "%" PRId64, node->u.i64);
        break;
    case HA_DOC_REAL:
        real_text(node->u.real, &text);
        break;
    case HA_DOC_CHAR:
        char_text((uint16_t)node->u.u64, &text);
        break;
    case HA_DOC_BYTES:
        ha_words_bytes(&text, node->u.u64);
        break;
    case HA_DOC_PERCENT:
        ha_words_percent(&text, node->u.real);
        break;
    case HA_DOC_ADDRESS:
        kind = SPAN_DIM;
        ha_sbuf_printf(&text, "0x%" PRIx64, node->u.u64);
        break;
    case HA_DOC_TIME:
        ha_words_time(&text, node->u.i64);
        break;
    case HA_DOC_TEXT:
    case HA_DOC_CLASS:
    case HA_DOC_COMMAND: {
        struct span *span = span_escaped(
            t, spans, node->kind == HA_DOC_CLASS ? SPAN_CLASS : SPAN_PLAIN, node->u.text);
        if (span != NULL) {
            span->strong = node->strong;
        }
        return;
    }
    case HA_DOC_OBJECT:
        object_spans(t, spans, node);
        return;
    case HA_DOC_RECORD:
    case HA_DOC_LIST:
    case HA_DOC_SECTION:
        return;
    case HA_DOC_LINE:
        for (const struct ha_doc_node *n = node->first_child; n != NULL; n = n->next) {
            text_spans_add(t, spans, n); // a line within a cell: one level
        }
        return;
    }
    if (text.len > 0) {
        struct span *span = span_add(t, spans, kind, ha_sbuf_text(&text), text.len);
        if (span != NULL) {
            span->strong = node->strong;
            span->solid = true;
        }
    }
    ha_sbuf_deinit(&text);
}

size_t text_spans_width(const struct spans *spans)
{
    size_t width = 0;
    for (size_t i = 0; i < spans->count; i++) {
        width += spans->list[i].width;
    }
    return width;
}

/* ---- fitting ---- */

void text_class_shorten(const char *name, size_t len, size_t width, struct ha_sbuf *out)
{
    size_t package =
        0; // length up to and including the last dot; array brackets and lambda suffixes have none
    for (size_t i = 0; i < len; i++) {
        package = name[i] == '.' ? i + 1 : package;
    }
    size_t simple = ha_text_width(name + package, len - package);
    size_t first = (size_t)(strchr(name, '.') == NULL ? 0 : strchr(name, '.') - name + 1);
    if (ha_text_width(name, len) <= width || first == package) {
        ha_sbuf_add(out, name, len);
        return;
    }
    // Keep the first part and as many of the last ones as fit: com.….service.Foo
    size_t room = width > simple + first + 2 ? width - simple - first - 2 : 0;
    size_t tail = package;
    for (size_t i = package - 1; i > first; i--) {
        if (name[i - 1] == '.' && package - i <= room) {
            tail = i;
        }
    }
    if (tail == first) {
        tail = package;
    }
    if (first + 2 + simple <= width) {
        ha_sbuf_add(out, name, first);
    }
    ha_sbuf_puts(out, ELLIPSIS ".");
    ha_sbuf_add(out, name + tail, len - tail);
}

/* Columns of "….Simple", the shortest form of a class name. */
static size_t class_least(const struct span *span)
{
    const char *dot = memrchr(span->text, '.', span->len);
    const char *first = memchr(span->text, '.', span->len);
    if (dot == NULL || dot == first) {
        return span->width;
    }
    size_t simple = (size_t)(dot - span->text) + 1;
    return 2 + ha_text_width(dot + 1, span->len - simple);
}

size_t text_spans_least(const struct spans *spans, bool labels)
{
    size_t width = 0;
    for (size_t i = 0; i < spans->count; i++) {
        const struct span *span = &spans->list[i];
        size_t least = span->kind == SPAN_CLASS             ? class_least(span)
                       : span->kind == SPAN_LABEL && labels ? LABEL_MIN
                                                            : span->width;
        width += least < span->width ? least : span->width;
    }
    return width;
}

/* The first bytes of a UTF-8 text that take at most `width` columns. */
static size_t prefix_of_width(const char *s, size_t len, size_t width)
{
    size_t end = 0;
    while (end < len) {
        size_t next = end + 1;
        while (next < len && ((unsigned char)s[next] & 0xc0) == 0x80) {
            next++;
        }
        if (ha_text_width(s, next) > width) {
            break;
        }
        end = next;
    }
    return end;
}

static void span_set(struct text *t, struct span *span, const struct ha_sbuf *text)
{
    char *copy = ha_arena_strndup(&t->arena, ha_sbuf_text(text), text->len);
    if (copy != NULL) {
        span->text = copy;
        span->len = text->len;
        span->width = ha_text_width(copy, text->len);
    }
}

/* Takes `excess` columns off one span, if its kind allows. */
static void span_shorten(struct text *t, struct span *span, size_t excess)
{
    struct ha_sbuf text = {0};
    if (span->kind == SPAN_CLASS) {
        text_class_shorten(span->text, span->len, span->width > excess ? span->width - excess : 1,
                           &text);
    } else {
        size_t width = span->width > excess + LABEL_MIN ? span->width - excess : LABEL_MIN;
        ha_sbuf_add(&text, span->text, prefix_of_width(span->text, span->len, width - 1));
        ha_sbuf_puts(&text, ELLIPSIS);
    }
    if (!ha_sbuf_failed(&text) && ha_text_width(ha_sbuf_text(&text), text.len) < span->width) {
        span_set(t, span, &text);
    }
    ha_sbuf_deinit(&text);
}

/* Shortens spans of one kind, the longest first. */
static void kind_fit(struct text *t, struct spans *spans, enum span_kind kind, size_t width)
{
    for (size_t round = 0; round < spans->count; round++) {
        size_t have = text_spans_width(spans);
        struct span *longest = NULL;
        for (size_t i = 0; i < spans->count; i++) {
            struct span *s = &spans->list[i];
            if (s->kind == kind && (longest == NULL || s->width > longest->width)) {
                longest = s;
            }
        }
        if (have <= width || longest == NULL) {
            return;
        }
        span_shorten(t, longest, have - width);
    }
}

void text_fit(struct text *t, struct spans *spans, size_t width)
{
    kind_fit(t, spans, SPAN_CLASS, width);
    kind_fit(t, spans, SPAN_LABEL, width);
}

/* For a line that may be broken: shorter class names if the whole line fits then, else everything as it is. */
static void line_fit(struct text *t, struct spans *spans, size_t width)
{
    if (text_spans_width(spans) <= width) {
        return;
    }
    struct span *list = ha_arena_alloc(&t->arena, spans->count, sizeof *list);
    if (list == NULL) {
        return;
    }
    memcpy(list, spans->list, spans->count * sizeof *list);
    struct spans shorter = {list, spans->count, spans->count};
    kind_fit(t, &shorter, SPAN_CLASS, width);
    if (text_spans_width(&shorter) <= width) {
        *spans = shorter;
    }
}

/* ---- the page ---- */

static void flush_if(struct text *t, size_t most)
{
    if (t->out.len <= most && !ha_sbuf_failed(&t->out)) {
        return;
    }
    if (t->err == NULL) {
        t->err = ha_sbuf_failed(&t->out) ? ha_err_nomem()
                                         : t->write(t->ctx, ha_sbuf_text(&t->out), t->out.len);
    }
    ha_sbuf_clear(&t->out);
}

void text_line_begin(struct text *t)
{
    if (t->blank_wanted && t->lines > 0) {
        ha_sbuf_putc(&t->out, '\n');
    }
    t->blank_wanted = false;
    size_t lead = t->lead == NULL ? 0 : strlen(t->lead);
    if (lead > 0) {
        ha_sbuf_fill(&t->out, ' ', t->indent > lead ? t->indent - lead : 0);
        ha_sbuf_puts(&t->out, t->lead);
        t->lead = NULL;
    } else {
        ha_sbuf_fill(&t->out, ' ', t->indent);
    }
}

/* One pointer per colour, so that they can be compared. */
static const char *color_of(const struct span *span)
{
    static const char head[] = "\033[1;4m";
    static const char dim[] = "\033[2m";
    switch (span->kind) {
    case SPAN_HEAD:
        return head;
    case SPAN_DIM:
        return dim;
    case SPAN_PLAIN:
    case SPAN_CLASS:
    case SPAN_LABEL:
        break;
    }
    static const char bold[] = "\033[1m";
    static const char cyan[] = "\033[36m";
    return span->strong ? bold : span->kind == SPAN_CLASS ? cyan : NULL;
}

/* Switches colour only where it changes. */
static void color_set(struct text *t, const char *color)
{
    if (t->options->color && t->color != color) {
        ha_sbuf_puts(&t->out, t->color == NULL ? "" : "\033[0m");
        ha_sbuf_puts(&t->out, color == NULL ? "" : color);
        t->color = color;
    }
}

static void styled_put(struct text *t, const struct span *span, const char *s, size_t len)
{
    if (len > 0) {
        color_set(t, color_of(span));
        ha_sbuf_add(&t->out, s, len);
    }
}

void text_span_put(struct text *t, const struct span *span)
{
    styled_put(t, span, span->text, span->len);
    color_set(t, NULL); // what follows in a table is filling
}

void text_line_end(struct text *t)
{
    color_set(t, NULL);
    while (t->out.len > 0 && t->out.data[t->out.len - 1] == ' ') {
        t->out.data[--t->out.len] = '\0';
    }
    ha_sbuf_putc(&t->out, '\n');
    t->lines++;
    flush_if(t, 32 * 1024);
}

size_t text_width_left(const struct text *t)
{
    return t->options->width > t->indent + 20 ? t->options->width - t->indent : 20;
}

/* A place in a line: byte `at` of span `i`. */
struct place {
    size_t i, at;
};

/* Whether a line may be broken here: at a blank between words. */
static bool is_break(const struct spans *spans, struct place p)
{
    return !spans->list[p.i].solid && spans->list[p.i].text[p.at] == ' ';
}

static bool place_next(const struct spans *spans, struct place *p)
{
    p->at++;
    while (p->i < spans->count && p->at >= spans->list[p->i].len) {
        p->i++;
        p->at = 0;
    }
    return p->i < spans->count;
}

/* Columns of the word that begins at p; a word may go on over several spans. */
static size_t word_width(const struct spans *spans, struct place p)
{
    size_t width = 0;
    while (p.i < spans->count) {
        const struct span *span = &spans->list[p.i];
        const char *blank = span->solid ? NULL : memchr(span->text + p.at, ' ', span->len - p.at);
        size_t end = blank == NULL ? span->len : (size_t)(blank - span->text);
        width += ha_text_width(span->text + p.at, end - p.at);
        if (blank != NULL) {
            break;
        }
        p = (struct place){p.i + 1, 0};
    }
    return width;
}

/* Writes from `from` up to `to`, span by span. */
static size_t piece_put(struct text *t, const struct spans *spans, struct place from,
                        struct place to)
{
    size_t width = 0;
    while (from.i < spans->count && (from.i < to.i || (from.i == to.i && from.at < to.at))) {
        const struct span *span = &spans->list[from.i];
        size_t end = from.i == to.i ? to.at : span->len;
        styled_put(t, span, span->text + from.at, end - from.at);
        width += ha_text_width(span->text + from.at, end - from.at);
        from = (struct place){from.i + 1, 0};
    }
    return width;
}

void text_put(struct text *t, struct spans *spans, size_t hang)
{
    size_t width = text_width_left(t);
    line_fit(t, spans, width);
    text_line_begin(t);
    size_t column = 0;
    struct place p = {0, 0};
    bool more = spans->count > 0 && (spans->list[0].len > 0 || place_next(spans, &p));
    while (more) {
        struct place word = p; // blanks, then a word
        while (more && is_break(spans, word)) {
            more = place_next(spans, &word);
        }
        struct place end = word;
        while (more && !is_break(spans, end)) {
            more = place_next(spans, &end);
        }
        bool blanks = word.i != p.i || word.at != p.at;
        size_t gap = blanks && word.i == p.i ? word.at - p.at : blanks;
        if (blanks && column > hang && word.i < spans->count &&
            column + gap + word_width(spans, word) > width) {
            text_line_end(t);
            text_line_begin(t);
            ha_sbuf_fill(&t->out, ' ', hang);
            column = hang;
            p = word;
        }
        column += piece_put(t, spans, p, end);
        p = end;
    }
    text_line_end(t);
}

void text_forget(struct text *t)
{
    ha_arena_reset(&t->arena);
}
