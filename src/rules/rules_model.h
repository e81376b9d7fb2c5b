/* SPDX-License-Identifier: MIT */
/*
 * Private to the folder: a rule as it is in memory, and values while it runs.
 *
 *     rows      the objects a rule looks at: `this`, fields by name, `values` of the rule      row scope
 *     totals    sums and counts over the rows of a group, and what follows from them           total scope
 *
 * Values are MISSING where the heap does not have the class or field a rule names. MISSING spreads through everything but `??` and has(), and
 * what is MISSING decides nothing: that is how rules stay silent about library versions they do not know.
 */
#ifndef HA_SRC_RULES_RULES_MODEL_H
#define HA_SRC_RULES_RULES_MODEL_H

#include <math.h>

#include "ha/base/idmap.h"
#include "ha/base/vec.h"
#include "ha/base/yaml_read.h"
#include "ha/query/q_threads.h"
#include "ha/rules/rules.h"

#define RULES_MAX 1000U
#define RULE_VALUES_MAX 32U     /* names of a rule, per scope */
#define RULE_AGGREGATES_MAX 48U
#define RULE_LINES_MAX 24U      /* of evidence */
#define EXPR_NODES_MAX 400U     /* of one expression */
#define EXPR_DEPTH_MAX 40U
#define ROW_COLUMNS_MAX 6U
#define RULE_TEXT_MAX 20000U    /* bytes of a text that a rule makes; longer ones are cut: texts of texts would double with every name */

/* ---- values ---- */

enum value_kind {
    VALUE_MISSING,
    VALUE_NULL,
    VALUE_NUMBER,
    VALUE_BOOL,
    VALUE_TEXT,
    VALUE_OBJECT
};

struct value {
    enum value_kind kind;
    union {
        double number;
        bool truth;
        const char *text; /* in the run's scratch, or a constant */
        ha_obj obj;
    } u;
};

static inline struct value value_missing(void)
{
    return (struct value){.kind = VALUE_MISSING};
}

static inline struct value value_null(void)
{
    return (struct value){.kind = VALUE_NULL};
}

/* NULL for what is no finite number: nothing behind this has to think of others. */
static inline struct value value_number(double number)
{
    return (struct value){.kind = isfinite(number) ? VALUE_NUMBER : VALUE_NULL, .u.number = number};
}

static inline struct value value_bool(bool truth)
{
    return (struct value){.kind = VALUE_BOOL, .u.truth = truth};
}

static inline struct value value_text(const char *text)
{
    return (struct value){.kind = VALUE_TEXT, .u.text = text};
}

static inline struct value value_object(ha_obj obj)
{
    return (struct value){.kind = VALUE_OBJECT, .u.obj = obj};
}

/* ---- expressions ---- */

/* What a number measures; ANY fits all: fields do not tell. */
enum unit {
    UNIT_ANY,
    UNIT_COUNT,
    UNIT_BYTES,
    UNIT_SECONDS,
    UNIT_PERCENT
};

/* What an expression gives, as far as it is known before it runs. */
enum type {
    TYPE_ANY,
    TYPE_NUMBER,
    TYPE_BOOL,
    TYPE_TEXT,
    TYPE_OBJECT,
    TYPE_LIST
};

enum expr_kind {
    EXPR_CONSTANT,
    EXPR_HEAP_SHARE, /* 10%: so many bytes of the reachable heap */
    EXPR_THIS,
    EXPR_FIELD,      /* args[0].name, the first of several names that the class has */
    EXPR_COLUMN,     /* of the row: number */
    EXPR_VALUE,      /* a named value of the rule, row or total scope: number */
    EXPR_BUILTIN,    /* of the total scope: number is an enum builtin */
    EXPR_CALL,
    EXPR_AGGREGATE,  /* number: its slot */
    EXPR_NOT,
    EXPR_NEGATE,
    EXPR_AND,
    EXPR_OR,
    EXPR_ELSE, /* ?? */
    EXPR_COMPARE,
    EXPR_ARITHMETIC
};

enum builtin {
    BUILTIN_COUNT,
    BUILTIN_SHALLOW,
    BUILTIN_RETAINED,
    BUILTIN_NATIVE,
    BUILTIN_HEAP,
    BUILTIN_GROUP,
    BUILTIN_OUT_OF_MEMORY,
    BUILTIN_HELD,
    BUILTIN_CAUSE,
    BUILTIN_CAUSE_ADVICE,
    BUILTIN_STRONG
};

enum operator {
    OPERATOR_EQUAL,
    OPERATOR_DIFFERENT,
    OPERATOR_LESS,
    OPERATOR_LESS_EQUAL,
    OPERATOR_MORE,
    OPERATOR_MORE_EQUAL,
    OPERATOR_ADD,
    OPERATOR_SUBTRACT,
    OPERATOR_MULTIPLY,
    OPERATOR_DIVIDE
};

#define EXPR_ARGS_MAX 4U
#define FIELD_NAMES_MAX 4U

struct function;

struct expr {
    enum expr_kind kind;
    enum type type;
    enum unit unit;
    enum operator operator;
    uint32_t number;
    struct value constant;
    const struct function *function; /* EXPR_CALL, EXPR_AGGREGATE */
    struct expr *args[EXPR_ARGS_MAX];
    uint32_t arg_count;
    const char *names[FIELD_NAMES_MAX];
    uint32_t name_count;
    bool uses_native; /* the root of an expression: it names `native`, perhaps by way of a total */
};

/* ---- texts with placeholders ---- */

struct text_piece {
    const char *literal; /* NULL: an expression */
    struct expr *expr;
    struct text_piece *next;
};

/* ---- a rule ---- */

enum match_kind {
    MATCH_CLASS,
    MATCH_PREFIX,
    MATCH_SUBCLASSES,
    MATCH_STATIC,
    MATCH_COLLECTOR
};

#define MATCH_NAMES_MAX 32U
#define AROUND_MAX 4U

struct match {
    enum match_kind kind;
    const char *names[MATCH_NAMES_MAX];
    const char *field[MATCH_NAMES_MAX]; /* MATCH_STATIC: of the class of the same number */
    uint32_t count;
    const struct collector *collector;
};

struct named_expr {
    const char *name;
    struct expr *expr;
};

struct evidence_line {
    struct text_piece *text;
    struct expr *value; /* NULL: none */
};

struct rule {
    const char *id, *about, *source;
    uint32_t line;
    bool builtin, agent, user;
    struct match match;
    struct expr *each; /* NULL: none */
    struct named_expr values[RULE_VALUES_MAX];
    uint32_t value_count;
    struct expr *keep_if, *group_by;
    struct expr *aggregates[RULE_AGGREGATES_MAX]; /* nodes of totals, levels and texts */
    uint32_t aggregate_count;
    struct named_expr totals[RULE_VALUES_MAX];
    uint32_t total_count;
    struct expr *keeps[EXPR_ARGS_MAX]; /* of the row: objects whose bytes count; none: `this` */
    uint32_t keep_count;
    struct expr *native, *bytes;
    bool has_held;
    struct match held;
    struct expr *held_if;
    struct expr *holder; /* of the row: an object that is the holder; NULL: paths are looked for */
    const char *around[AROUND_MAX]; /* classes whose objects those paths avoid, if there is a way around them */
    uint32_t around_count;
    const char *oom_frames[MATCH_NAMES_MAX];
    uint32_t oom_frame_count;
    struct expr *levels[HA_CERTAINTY_COUNT];
    struct text_piece *title, *advice;
    struct evidence_line evidence[RULE_LINES_MAX];
    uint32_t evidence_count;
};

struct ha_rules {
    struct ha_arena arena;
    HA_VEC(struct rule *) list;
    HA_VEC(const char *) libraries; /* prefixes of class names */
};

/* ---- reading (rules_file.c, rules_builtin.c) ---- */

struct ha_rules *rules_create(void); /* NULL: no memory */

/* Hands the rules to *ret, or destroys them (NULL is fine) and passes the error on. */
struct ha_err *rules_finish(struct ha_rules *rules, struct ha_err *err, struct ha_rules **ret) HA_WARN_UNUSED;

/* The rules and libraries of a text; name: for messages, copied. The text is not needed any more. */
struct ha_err *rules_text_add(struct ha_rules *rules, const char *name, const char *text, size_t bytes, bool builtin) HA_WARN_UNUSED;

/* The libraries that built-in and users' rules look past. */
struct ha_err *rules_libraries_add(struct ha_rules *rules) HA_WARN_UNUSED;

/* ---- parsing (rules_expr.c, rules_text.c) ---- */

/* What names mean where an expression stands. */
struct scope {
    struct ha_arena *arena;
    struct rule *rule;
    const char *const *columns; /* of the rows, NULL-terminated; NULL: none */
    bool total;
};

/* HA_ERR_USAGE: "MESSAGE (at character N of 'TEXT')", without the place in the file. */
struct ha_err *expr_parse(const struct scope *scope, const char *text, struct expr **ret) HA_WARN_UNUSED;
struct ha_err *text_parse(const struct scope *scope, const char *text, struct text_piece **ret) HA_WARN_UNUSED;

/* ---- running ---- */

struct row {
    ha_obj obj;
    struct value columns[ROW_COLUMNS_MAX];
    struct value values[RULE_VALUES_MAX];
};

struct group;

struct run {
    const struct ha_rules *rules;
    struct ha_query q;
    struct ha_arena scratch;  /* texts of rows; reset from time to time */
    struct ha_arena *arena;   /* of the answer */
    const struct row *row;    /* row scope */
    struct group *group;    /* total scope */
    struct ha_oom oom;
    uint64_t steps;           /* of walks over collections, arrays and referrers that may still be made */
    uint64_t climbs;          /* of steps up the dominator tree that may still be made */
    uint32_t causes;          /* loaders whose holders were looked for */
    bool failed;              /* out of memory */
};

struct value expr_eval(struct run *run, const struct expr *expr);
struct value total_builtin(struct run *run, enum builtin builtin); /* rules_total.c */
struct value total_value(struct run *run, uint32_t number);
struct value total_aggregate(struct run *run, uint32_t slot);

/* A copy in the scratch, "" without memory. */
const char *run_text(struct run *run, const char *text, size_t len);

/* How much of a text is kept: RULE_TEXT_MAX at most, whole characters. */
size_t text_length(const struct ha_sbuf *text);

/* The text of a value as people read it, in `unit`; false: there is none. */
bool value_words(struct run *run, struct value value, enum unit unit, struct ha_sbuf *out);

/* Texts and String objects: their text; else NULL. */
const char *value_as_text(struct run *run, struct value value);

/* ---- functions (rules_functions.c) ---- */

struct function {
    const char *name;
    const char *arguments; /* a letter each: n number, b bool, t text, o object, * anything; upper case: a constant text; '+': the last one repeats;
                              what follows '?' may be left out */
    enum type type;
    enum unit unit;        /* of the result; ANY with keeps_unit: that of the first argument */
    bool keeps_unit;
    bool aggregate;
    struct value (*call)(struct run *run, const struct expr *expr);
};
const struct function *function_find(const char *name);
const struct function *function_at(size_t i); /* NULL behind the last */

/* ---- collections (rules_collections.c) ---- */

/* How many things a collection or array of the JDK holds; MISSING: not one we know. */
struct value collection_size(struct run *run, ha_obj obj);

enum each_kind {
    EACH_ELEMENTS,
    EACH_KEYS,
    EACH_VALUES,
    EACH_LINKS
};
#define EACH_MAX 1000000U      /* objects of one list; chains in circles end here too */
#define RUN_STEPS_MAX 30000000U /* of all lists of a run */
#define RUN_CLIMBS_MAX 60000000U /* up the dominator tree, of all findings of a run */

/* Calls fn for every object of a collection; false: not one we know. */
typedef bool (*each_fn)(void *ctx, ha_obj obj);
bool collection_each(struct run *run, ha_obj obj, enum each_kind kind, const char *link, each_fn fn, void *ctx);

/* Why the group's objects, class loaders, are alive, in words (of the one nearest to a root); advice: what to do about it. Text of the answer's arena, or
   a constant (rules_cause.c). */
const char *group_cause(struct run *run, struct group *group, bool advice);

/* Whether strong references lead from a root to one of them. */
bool group_strong(struct run *run, struct group *group);

/* Whether the thread that ran out of memory stands in code of the rule. */
bool rule_ran_out(struct run *run, const struct rule *rule);

/* ---- collectors (rules_collectors.c) ---- */

struct collector {
    const char *name;
    const char *columns[ROW_COLUMNS_MAX + 1];
    struct ha_err *(*collect)(struct run *run, bool (*fn)(void *ctx, ha_obj obj, const struct value *columns), void *ctx);
};
const struct collector *collector_find(const char *name);
const struct collector *collector_at(size_t i);

/* ---- matching (rules_match.c) ---- */

/* Objects of one class that a match names. */
struct matched {
    const ha_obj *objects; /* reachable ones, ascending; every so-many-th when there are very many */
    uint64_t count;
    double scale;          /* how many objects each stands for */
};
struct matches;

/* The objects of every match of every rule, found in one pass over the heap. */
struct ha_err *matches_find(struct run *run, struct matches **ret) HA_WARN_UNUSED;
void matches_destroy(struct matches *matches);

/* The i-th class of a rule's match, or of its `held`; false behind the last. */
bool matches_at(const struct matches *matches, uint32_t rule, bool held, uint32_t i, struct matched *ret);

/* ---- groups (rules_total.c) ---- */

/* One of a rule's aggregates over the rows of a group so far. */
struct accumulator {
    double number;         /* at_max(): the largest so far */
    struct value value;    /* at_max(): what goes with it; texts are in `text` */
    struct ha_sbuf text;
    struct ha_idmap seen;  /* distinct(), sum_once() */
    bool missing, any;
};

struct group {
    const struct rule *rule;
    const char *key;       /* in the answer's arena; NULL: the only one */
    struct value key_value;
    double weight;         /* rows, each as many as it stands for */
    uint64_t rows;
    bool sampled;
    HA_VEC(ha_obj) objects; /* whose bytes count; may repeat until group_retain() */
    HA_VEC(ha_obj) held;    /* whose holders are asked for, when not those */
    HA_VEC(ha_obj) holders; /* the holders, where the rule says who it is */
    struct accumulator accumulators[RULE_AGGREGATES_MAX];
    struct value totals[RULE_VALUES_MAX];
    bool total_known[RULE_VALUES_MAX];
    ha_cls cls; /* of the first row */
    const char *cause, *cause_advice; /* NULL: not asked for yet */
    bool strong; /* meaningful when cause is not NULL */
    bool retained_known, out_of_memory;
    uint64_t shallow_bytes, retained_bytes;
    HA_VEC(ha_obj) tops; /* those of `objects` that lie below no other in the dominator tree */
};

/* Takes the row in hand into the sums of a group (rules_total.c). */
void group_accumulate(struct run *run, struct group *group, double weight);
void group_destroy(struct group *group); /* NULL is fine */

/* Objects none of which lies below another in the dominator tree, and what they retain (rules_keeps.c). */
void group_retain(struct run *run, struct group *group);
/* The largest objects of the finding, and where they lie. */
struct ha_err *group_place(struct run *run, struct group *group, struct ha_finding *finding) HA_WARN_UNUSED;

/* Who holds the findings' objects: one search for all (rules_holder.c). */
struct ha_err *holders_find(struct run *run, struct group *const *groups, struct ha_finding *findings, uint32_t count) HA_WARN_UNUSED;

#endif
