/* SPDX-License-Identifier: MIT */
/*
 * The tree of a document and the walk over its lists. A row is written into the arena of its walk, so a list of any length takes the
 * memory of one row; walks nest (children of a row), each with its own arena, and the newest one is where nodes go.
 */
#include "ha/report/doc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ha/base/mem.h"

struct ha_doc {
    struct ha_arena arena;    /* of everything but rows */
    struct ha_arena *current; /* where nodes go now */
    struct ha_doc_node root;
    struct ha_doc_node dummy; /* stands in for nodes there was no memory for */
    struct ha_doc_list dummy_list;
    bool failed;
};

struct ha_doc *ha_doc_create(void)
{
    struct ha_doc *doc = ha_calloc_array(1, sizeof *doc);
    if (doc != NULL) {
        doc->current = &doc->arena;
        doc->root.kind = HA_DOC_RECORD;
    }
    return doc;
}

void ha_doc_destroy(struct ha_doc *doc)
{
    if (doc != NULL) {
        ha_arena_deinit(&doc->arena);
        ha_free(doc);
    }
}

struct ha_doc_node *ha_doc_root(struct ha_doc *doc)
{
    return &doc->root;
}

struct ha_err *ha_doc_error(const struct ha_doc *doc)
{
    return doc->failed ? ha_err_nomem() : NULL;
}

void *ha_doc_alloc(struct ha_doc *doc, size_t size)
{
    void *p = ha_arena_calloc(doc->current, 1, size);
    doc->failed = doc->failed || p == NULL;
    return p;
}

const char *ha_doc_printf(struct ha_doc *doc, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int len = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *text = len < 0 ? NULL : ha_arena_alloc(doc->current, (size_t)len + 1, 1);
    if (text == NULL) {
        doc->failed = true;
        return "";
    }
    va_start(ap, fmt);
    vsnprintf(text, (size_t)len + 1, fmt, ap);
    va_end(ap);
    return text;
}

const char *ha_doc_copy(struct ha_doc *doc, const char *s, size_t len)
{
    const char *text = ha_arena_strndup(doc->current, s, len);
    doc->failed = doc->failed || text == NULL;
    return text == NULL ? "" : text;
}

/* ---- writing ---- */

static struct ha_doc_node *node_add(struct ha_doc *doc, struct ha_doc_node *parent,
                                    enum ha_doc_kind kind, const char *key)
{
    struct ha_doc_node *node = ha_doc_alloc(doc, sizeof *node);
    if (node == NULL || parent == &doc->dummy) {
        doc->failed = true;
        doc->dummy = (struct ha_doc_node){.kind = kind, .u.list = &doc->dummy_list};
        return &doc->dummy;
    }
    node->kind = kind;
    node->key = key;
    if (parent->last_child == NULL) {
        parent->first_child = node;
    } else {
        parent->last_child->next = node;
    }
    parent->last_child = node;
    if (parent->kind == HA_DOC_LIST) {
        parent->u.list->count++;
    }
    return node;
}

struct ha_doc_node *ha_doc_null(struct ha_doc *doc, struct ha_doc_node *parent, const char *key)
{
    return node_add(doc, parent, HA_DOC_NULL, key);
}

struct ha_doc_node *ha_doc_bool(struct ha_doc *doc, struct ha_doc_node *parent, const char *key,
                                bool v)
{
    struct ha_doc_node *node = node_add(doc, parent, HA_DOC_BOOL, key);
    node->u.truth = v;
    return node;
}

static struct ha_doc_node *unsigned_add(struct ha_doc *doc, struct ha_doc_node *parent,
                                        enum ha_doc_kind kind, const char *key, uint64_t v)
{
    struct ha_doc_node *node = node_add(doc, parent, kind, key);
    node->u.u64 = v;
    return node;
}

struct ha_doc_node *ha_doc_count(struct ha_doc *doc, struct ha_doc_node *parent, const char *key,
                                 uint64_t v)
{
    return unsigned_add(doc, parent, HA_DOC_COUNT, key, v);
}

struct ha_doc_node *ha_doc_integer(struct ha_doc *doc, struct ha_doc_node *parent, const char *key,
                                   int64_t v)
{
    struct ha_doc_node *node = node_add(doc, parent, HA_DOC_INTEGER, key);
    node->u.i64 = v;
    return node;
}

struct ha_doc_node *ha_doc_real(struct ha_doc *doc, struct ha_doc_node *parent, const char *key,
                                double v)
{
    struct ha_doc_node *node = node_add(doc, parent, HA_DOC_REAL, key);
    node->u.real = v;
    return node;
}

struct ha_doc_node *ha_doc_char(struct ha_doc *doc, struct ha_doc_node *parent, const char *key,
                                uint16_t unit)
{
    return unsigned_add(doc, parent, HA_DOC_CHAR, key, unit);
}

struct ha_doc_node *ha_doc_bytes(struct ha_doc *doc, struct ha_doc_node *parent, const char *key,
                                 uint64_t v)
{
    return unsigned_add(doc, parent, HA_DOC_BYTES, key, v);
}

struct ha_doc_node *ha_doc_percent(struct ha_doc *doc, struct ha_doc_node *parent, const char *key,
                                   double v)
{
    struct ha_doc_node *node = node_add(doc, parent, HA_DOC_PERCENT, key);
    node->u.real = v;
    return node;
}

struct ha_doc_node *ha_doc_address(struct ha_doc *doc, struct ha_doc_node *parent, const char *key,
                                   uint64_t v)
{
    return unsigned_add(doc, parent, HA_DOC_ADDRESS, key, v);
}

struct ha_doc_node *ha_doc_time(struct ha_doc *doc, struct ha_doc_node *parent, const char *key,
                                int64_t ms)
{
    struct ha_doc_node *node = node_add(doc, parent, HA_DOC_TIME, key);
    node->u.i64 = ms;
    return node;
}

static struct ha_doc_node *text_add(struct ha_doc *doc, struct ha_doc_node *parent,
                                    enum ha_doc_kind kind, const char *key, const char *s)
{
    struct ha_doc_node *node = node_add(doc, parent, s == NULL ? HA_DOC_NULL : kind, key);
    node->u.text = s;
    return node;
}

struct ha_doc_node *ha_doc_text(struct ha_doc *doc, struct ha_doc_node *parent, const char *key,
                                const char *s)
{
    return text_add(doc, parent, HA_DOC_TEXT, key, s);
}

struct ha_doc_node *ha_doc_class(struct ha_doc *doc, struct ha_doc_node *parent, const char *key,
                                 const char *name)
{
    return text_add(doc, parent, HA_DOC_CLASS, key, name);
}

struct ha_doc_node *ha_doc_command(struct ha_doc *doc, struct ha_doc_node *parent, const char *key,
                                   const char *s)
{
    return text_add(doc, parent, HA_DOC_COMMAND, key, s);
}

struct ha_doc_node *ha_doc_record(struct ha_doc *doc, struct ha_doc_node *parent, const char *key)
{
    return node_add(doc, parent, HA_DOC_RECORD, key);
}

struct ha_doc_node *ha_doc_object(struct ha_doc *doc, struct ha_doc_node *parent, const char *key)
{
    return node_add(doc, parent, HA_DOC_OBJECT, key);
}

struct ha_doc_node *ha_doc_list(struct ha_doc *doc, struct ha_doc_node *parent, const char *key)
{
    struct ha_doc_node *node = node_add(doc, parent, HA_DOC_LIST, key);
    struct ha_doc_list *list = ha_doc_alloc(doc, sizeof *list);
    node->u.list = list == NULL ? &doc->dummy_list : list;
    node->u.list->style = HA_DOC_BLOCKS;
    node->u.list->people_most = HA_DOC_EVERYTHING;
    node->u.list->people_worth = HA_DOC_EVERYTHING;
    return node;
}

struct ha_doc_node *ha_doc_list_of(struct ha_doc *doc, struct ha_doc_node *parent, const char *key,
                                   uint64_t count, ha_doc_row_fn row, void *ctx)
{
    struct ha_doc_node *node = ha_doc_list(doc, parent, key);
    node->u.list->count = count;
    node->u.list->row = row;
    node->u.list->ctx = ctx;
    return node;
}

void ha_doc_columns(struct ha_doc_node *list, enum ha_doc_style style,
                    const struct ha_doc_column *columns, size_t count)
{
    list->u.list->style = style;
    list->u.list->columns = columns;
    list->u.list->column_count = count;
}

struct ha_doc_node *ha_doc_section(struct ha_doc *doc, struct ha_doc_node *parent,
                                   const char *title)
{
    return ha_doc_title(node_add(doc, parent, HA_DOC_SECTION, NULL), title);
}

struct ha_doc_node *ha_doc_line(struct ha_doc *doc, struct ha_doc_node *parent, const char *label)
{
    return ha_doc_people(ha_doc_title(node_add(doc, parent, HA_DOC_LINE, NULL), label));
}

struct ha_doc_node *ha_doc_say(struct ha_doc *doc, struct ha_doc_node *line, const char *text)
{
    ha_doc_text(doc, line, NULL, text);
    return line;
}

struct ha_doc_node *ha_doc_prose(struct ha_doc *doc, struct ha_doc_node *parent, const char *text)
{
    return ha_doc_say(doc, ha_doc_line(doc, parent, NULL), text);
}

struct ha_doc_node *ha_doc_say_count(struct ha_doc *doc, struct ha_doc_node *line, uint64_t count,
                                     const char *noun, const char *plural)
{
    ha_doc_count(doc, line, NULL, count);
    if (count == 1) {
        return ha_doc_say(doc, line, ha_doc_printf(doc, " %s", noun));
    }
    return ha_doc_say(doc, line,
                      plural == NULL ? ha_doc_printf(doc, " %ss", noun)
                                     : ha_doc_printf(doc, " %s", plural));
}

/* ---- reading ---- */

static const struct ha_doc_node *member_find(const struct ha_doc_node *record, const char *key,
                                             size_t len)
{
    for (const struct ha_doc_node *n = record->first_child; n != NULL; n = n->next) {
        if (n->key != NULL && strncmp(n->key, key, len) == 0 && n->key[len] == '\0') {
            return n;
        }
        if (n->kind == HA_DOC_SECTION) {
            const struct ha_doc_node *inner = member_find(
                n, key, len); // sections nest as deep as builders write them: two levels
            if (inner != NULL) {
                return inner;
            }
        }
    }
    return NULL;
}

const struct ha_doc_node *ha_doc_find(const struct ha_doc_node *record, const char *path)
{
    const struct ha_doc_node *node = record;
    while (node != NULL) {
        size_t len = strcspn(path, ".");
        node = member_find(node, path, len);
        if (path[len] == '\0') {
            return node;
        }
        path += len + 1;
    }
    return NULL;
}

void ha_doc_rows_begin(struct ha_doc *doc, const struct ha_doc_node *list, uint64_t first,
                       struct ha_doc_rows *ret)
{
    assert(list->kind == HA_DOC_LIST);
    *ret = (struct ha_doc_rows){
        .doc = doc, .list = list->u.list, .child = list->first_child, .index = first};
    if (ret->list->row == NULL) {
        for (uint64_t i = 0; i < first && ret->child != NULL; i++) {
            ret->child = ret->child->next;
        }
    }
}

struct ha_err *ha_doc_rows_next(struct ha_doc_rows *rows, const struct ha_doc_node **ret)
{
    *ret = NULL;
    if (rows->list->row == NULL) {
        *ret = rows->child;
        rows->child = rows->child == NULL ? NULL : rows->child->next;
        return NULL;
    }
    if (rows->index >= rows->list->count) {
        return NULL;
    }
    struct ha_doc *doc = rows->doc;
    struct ha_arena *outer = doc->current;
    ha_arena_reset(&rows->arena);
    doc->current = &rows->arena;
    rows->row = (struct ha_doc_node){.kind = HA_DOC_RECORD};
    struct ha_err *err = rows->list->row(rows->list->ctx, doc, &rows->row, rows->index);
    doc->current = outer;
    HA_TRY(err);
    HA_TRY(ha_doc_error(doc));
    rows->index++;
    *ret = &rows->row;
    return NULL;
}

void ha_doc_rows_end(struct ha_doc_rows *rows)
{
    ha_arena_deinit(&rows->arena);
}
