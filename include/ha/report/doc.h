/* SPDX-License-Identifier: MIT */
/*
 * A document: the JSON tree of an answer, with hints how to show it to people. Builders (builders.h) write it, renderers (render.h) read
 * it; neither knows the other.
 *
 *     record ─┬─ "histogram": list ── row 0 { "class": class, "instances": count, "retained_bytes": bytes }
 *             │                  └── row 1 …                       made on demand, gone when the next one is asked for
 *             ├─ section "Threads" ── …                            a heading for people; its members belong to the record around it
 *             └─ line "Heap": bytes " in " count " objects"        prose for people, made of typed values
 *
 * Values keep their type (bytes, count, percent, address, class name …) down to the renderer, which alone decides on `1.2 GiB` or
 * 1288490188. A member with a key is shown to machines under that key and to people under its title, unless ha_doc_machine() or
 * ha_doc_people() restricts it. A long list is never held: it is a row count and a function that makes row i.
 *
 * Nodes live in the arena of the document, those of a row until the next row. Memory running out is sticky: every function then returns
 * a dummy node and ha_doc_error() tells, so that a document is written without a check per node.
 */
#ifndef HA_REPORT_DOC_H
#define HA_REPORT_DOC_H

#include "ha/base/arena.h"
#include "ha/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ha_doc_kind {
    /* values */
    HA_DOC_NULL,
    HA_DOC_BOOL,
    HA_DOC_COUNT,   /* how many: grouped by commas for people */
    HA_DOC_INTEGER, /* any other whole number, signed: a line, a version, a value of a field */
    HA_DOC_REAL,    /* a float or double of the heap */
    HA_DOC_CHAR,    /* a char of the heap: one UTF-16 unit */
    HA_DOC_BYTES,
    HA_DOC_PERCENT, /* 0 … 100 */
    HA_DOC_ADDRESS,
    HA_DOC_TIME,    /* milliseconds since 1970 */
    HA_DOC_TEXT,
    HA_DOC_CLASS,   /* a class name: may be shortened in the middle of the package where space is short */
    HA_DOC_COMMAND, /* a command line to run */
    /* containers */
    HA_DOC_RECORD,
    HA_DOC_OBJECT,  /* a record of a heap object: address, class, is_class, label, shallow_bytes, retained_bytes */
    HA_DOC_LIST,
    /* for people only */
    HA_DOC_SECTION, /* title and members; the members belong to the record around it */
    HA_DOC_LINE     /* a line of text made of the values inside; the title is a label in front, aligned with its neighbours */
};

enum ha_doc_audience {
    HA_DOC_ALL,
    HA_DOC_MACHINE,
    HA_DOC_PEOPLE
};

/* How people see a list. */
enum ha_doc_style {
    HA_DOC_TABLE,    /* one line a row, columns with a heading */
    HA_DOC_TREE,     /* a table whose rows have children (a list under the key "children"), the last column indented */
    HA_DOC_STEPS,    /* a table without heading, indented, cut in the middle: a path */
    HA_DOC_BLOCKS,   /* each row as its members are, one below the other */
    HA_DOC_NUMBERED  /* blocks with a number in front */
};

/* A table column. */
struct ha_doc_column {
    const char *path;  /* key of the cell in its row; a dot leads into a record: "object.class" */
    const char *title; /* NULL: none */
    const char *lead;  /* put before each cell that is there ("-> "); NULL: none */
};

#define HA_DOC_EVERYTHING UINT64_MAX

struct ha_doc;
struct ha_doc_node;

/* Adds the members of row `index` to `row`, which is an empty record. Called with ascending indices, perhaps several times over (once per
   output), and must give the same each time. */
typedef struct ha_err *(*ha_doc_row_fn)(void *ctx, struct ha_doc *doc, struct ha_doc_node *row, uint64_t index);

struct ha_doc_list {
    uint64_t count;        /* rows */
    uint64_t omitted;      /* rows that exist besides, left out by whoever made the list */
    ha_doc_row_fn row;     /* NULL: the rows are the children of the node */
    void *ctx;
    enum ha_doc_style style;
    const struct ha_doc_column *columns; /* TABLE, TREE, STEPS */
    size_t column_count;
    uint64_t people_first; /* rows people do not need to see again (said in prose) */
    uint64_t people_most;  /* rows people see unless the user says how many; HA_DOC_EVERYTHING: all */
    uint64_t people_worth; /* rows beyond are shown only when all are asked for (classes without instances); HA_DOC_EVERYTHING: none such */
    bool never_cut;        /* the user's limit (-n) is not meant for this list */
    bool tight;            /* no empty lines between blocks */
    const char *noun;      /* of what there is more: "classes" */
    const char *empty;     /* what to tell people when there are no rows; NULL: nothing */
};

struct ha_doc_node {
    enum ha_doc_kind kind;
    enum ha_doc_audience audience;
    bool strong;       /* worth a highlight where the medium has one */
    bool right;        /* a text that stands in a table like a number: "+1.2 MiB" */
    const char *key;   /* NULL in lists and lines */
    const char *title; /* for people; NULL: none */
    struct ha_doc_node *next;
    struct ha_doc_node *first_child; /* containers; lists without a row function */
    struct ha_doc_node *last_child;
    union {
        bool truth;
        uint64_t u64; /* COUNT, BYTES, ADDRESS, CHAR */
        int64_t i64;  /* INTEGER, TIME */
        double real;  /* REAL, PERCENT */
        const char *text;
        struct ha_doc_list *list;
    } u;
};

/* ---- a document ---- */

struct ha_doc *ha_doc_create(void); /* NULL without memory */
void ha_doc_destroy(struct ha_doc *doc);
struct ha_doc_node *ha_doc_root(struct ha_doc *doc);
struct ha_err *ha_doc_error(const struct ha_doc *doc) HA_WARN_UNUSED; /* out of memory while writing, else NULL */

/* Memory with the life of what is being written: the document, or the row inside a row function. NULL without memory. */
void *ha_doc_alloc(struct ha_doc *doc, size_t size);
const char *ha_doc_printf(struct ha_doc *doc, const char *fmt, ...) HA_PRINTF(2, 3); /* never NULL */
const char *ha_doc_copy(struct ha_doc *doc, const char *s, size_t len);              /* never NULL */

/* ---- writing: each returns the new last member of parent. Texts, keys and titles are borrowed (constants or ha_doc_copy) ---- */

struct ha_doc_node *ha_doc_null(struct ha_doc *doc, struct ha_doc_node *parent, const char *key);
struct ha_doc_node *ha_doc_bool(struct ha_doc *doc, struct ha_doc_node *parent, const char *key, bool v);
struct ha_doc_node *ha_doc_count(struct ha_doc *doc, struct ha_doc_node *parent, const char *key, uint64_t v);
struct ha_doc_node *ha_doc_integer(struct ha_doc *doc, struct ha_doc_node *parent, const char *key, int64_t v);
struct ha_doc_node *ha_doc_real(struct ha_doc *doc, struct ha_doc_node *parent, const char *key, double v);
struct ha_doc_node *ha_doc_char(struct ha_doc *doc, struct ha_doc_node *parent, const char *key, uint16_t unit);
struct ha_doc_node *ha_doc_bytes(struct ha_doc *doc, struct ha_doc_node *parent, const char *key, uint64_t v);
struct ha_doc_node *ha_doc_percent(struct ha_doc *doc, struct ha_doc_node *parent, const char *key, double v);
struct ha_doc_node *ha_doc_address(struct ha_doc *doc, struct ha_doc_node *parent, const char *key, uint64_t v);
struct ha_doc_node *ha_doc_time(struct ha_doc *doc, struct ha_doc_node *parent, const char *key, int64_t ms);
struct ha_doc_node *ha_doc_text(struct ha_doc *doc, struct ha_doc_node *parent, const char *key, const char *s); /* s NULL: null */
struct ha_doc_node *ha_doc_class(struct ha_doc *doc, struct ha_doc_node *parent, const char *key, const char *name);
struct ha_doc_node *ha_doc_command(struct ha_doc *doc, struct ha_doc_node *parent, const char *key, const char *s);
struct ha_doc_node *ha_doc_record(struct ha_doc *doc, struct ha_doc_node *parent, const char *key);
struct ha_doc_node *ha_doc_object(struct ha_doc *doc, struct ha_doc_node *parent, const char *key);

/* A list whose rows are added as members with key NULL, or, with `row`, made on demand. Set the hints in ->u.list. */
struct ha_doc_node *ha_doc_list(struct ha_doc *doc, struct ha_doc_node *parent, const char *key);
struct ha_doc_node *ha_doc_list_of(struct ha_doc *doc, struct ha_doc_node *parent, const char *key, uint64_t count, ha_doc_row_fn row, void *ctx);
void ha_doc_columns(struct ha_doc_node *list, enum ha_doc_style style, const struct ha_doc_column *columns, size_t count);

struct ha_doc_node *ha_doc_section(struct ha_doc *doc, struct ha_doc_node *parent, const char *title);
struct ha_doc_node *ha_doc_line(struct ha_doc *doc, struct ha_doc_node *parent, const char *label); /* label NULL: none */
struct ha_doc_node *ha_doc_say(struct ha_doc *doc, struct ha_doc_node *line, const char *text);     /* a text in a line; returns the line */
struct ha_doc_node *ha_doc_prose(struct ha_doc *doc, struct ha_doc_node *parent, const char *text); /* a line of one text */

/* "3 classes", "1 class": a count and its noun in a line; plural NULL: noun + "s". Returns the line. */
struct ha_doc_node *ha_doc_say_count(struct ha_doc *doc, struct ha_doc_node *line, uint64_t count, const char *noun, const char *plural);

static inline struct ha_doc_node *ha_doc_machine(struct ha_doc_node *node)
{
    node->audience = HA_DOC_MACHINE;
    return node;
}

static inline struct ha_doc_node *ha_doc_people(struct ha_doc_node *node)
{
    node->audience = HA_DOC_PEOPLE;
    return node;
}

static inline struct ha_doc_node *ha_doc_strong(struct ha_doc_node *node)
{
    node->strong = true;
    return node;
}

static inline struct ha_doc_node *ha_doc_title(struct ha_doc_node *node, const char *title)
{
    node->title = title;
    return node;
}

/* ---- reading ---- */

/* The member under a key, or a path of keys joined by dots; NULL if there is none. Sections are looked through. */
const struct ha_doc_node *ha_doc_find(const struct ha_doc_node *record, const char *path);

/* Walks the rows of a list one by one. */
struct ha_doc_rows {
    struct ha_doc *doc;
    const struct ha_doc_list *list;
    struct ha_doc_node *child; /* next of the rows that are members */
    struct ha_arena arena;     /* of the row in hand */
    struct ha_doc_node row;
    uint64_t index;            /* of the next row */
};
void ha_doc_rows_begin(struct ha_doc *doc, const struct ha_doc_node *list, uint64_t first, struct ha_doc_rows *ret);
/* The next row, valid until the next call on the same walk; *ret NULL at the end. */
struct ha_err *ha_doc_rows_next(struct ha_doc_rows *rows, const struct ha_doc_node **ret) HA_WARN_UNUSED;
void ha_doc_rows_end(struct ha_doc_rows *rows);

#endif
