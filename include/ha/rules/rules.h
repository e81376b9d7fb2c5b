/* SPDX-License-Identifier: MIT */
/*
 * Known leaks: rules as data, and what they find in a heap.
 *
 *     rules files ──▶ ha_rules ──▶ ha_rules_run(snapshot) ──▶ ha_findings ──▶ suspects, report, checks
 *
 * A rule names classes, the fields it reads, conditions, and texts (docs/rules.md). The built-in ones are part of the program; users add
 * their own. What the built-in rules find is computed once, when the index is built, and kept in it; users' rules run each time.
 *
 * A rule that does not fit the heap (a class or field that is not there) finds nothing: it never guesses.
 */
#ifndef HA_RULES_RULES_H
#define HA_RULES_RULES_H

#include "ha/base/arena.h"
#include "ha/base/err.h"
#include "ha/snapshot/snapshot.h"

/* ---- what was found ---- */

/* How sure a rule is. Ordered. */
enum ha_certainty {
    HA_SEEN,   /* it is there, in an amount worth knowing */
    HA_LIKELY, /* probably a fault */
    HA_CERTAIN /* a fault beyond doubt: the library itself says so, or nothing healthy looks like this */
};
#define HA_CERTAINTY_COUNT 3
const char *ha_certainty_text(enum ha_certainty certainty); /* "seen", "likely", "certain" */

enum ha_quantity {
    HA_QUANTITY_COUNT,
    HA_QUANTITY_BYTES,
    HA_QUANTITY_SECONDS,
    HA_QUANTITY_PERCENT
};

/* A line of evidence. */
struct ha_evidence {
    const char *text;
    bool has_value;   /* false: the text says it all */
    double value;     /* whole for counts and bytes; percent 0 … 100 and more */
    enum ha_quantity quantity;
};

/* Where what a finding keeps lies in the dominator tree: bytes below one first-level object, or below all first-level objects of a class. */
struct ha_cover {
    ha_obj top;      /* HA_OBJ_NONE: all first-level objects of cls (those with an entry of their own too) */
    ha_cls cls;      /* class of top */
    uint64_t bytes;  /* retained by the finding's objects there */
};

struct ha_finding {
    const char *pattern;     /* id of the rule: "netty-pool-chunk" */
    enum ha_certainty certainty;
    const char *title;       /* one sentence with numbers */
    const char *subject;     /* what this one is about when the rule groups ("class com.acme.Host"); NULL: the rule finds one thing at most */
    const char *class_name;  /* of the objects; NULL: none */
    uint64_t instances;
    uint64_t shallow_bytes;  /* of all objects the rule attributes to it */
    uint64_t retained_bytes; /* minimum retained size of them together */
    uint64_t native_bytes;   /* outside the heap, as the objects tell */
    uint64_t bytes;          /* what it is ranked by: what the rule says, by default retained + native */
    bool agent;              /* a monitoring agent's own memory: not the application's fault */
    bool user_rule;          /* from a user's file */
    bool estimated;          /* extrapolated from a sample of very many objects */
    struct {
        const char *class_name; /* who holds them: the nearest class on the way from a root that is neither the platform's nor a library's, else
                                   the nearest library's; NULL: not known */
        const char *field;      /* its field ("static FIELD" too) that leads on; NULL: unknown */
        ha_obj object;
        uint64_t share_percent; /* of the objects looked at */
        bool library;           /* only a library's class was on the way */
    } held_by;
    struct {
        ha_obj thread;          /* the thread that ran out of memory, if the rule says it stands in such code; else HA_OBJ_NONE */
        const char *frame;      /* "com.acme.Foo.bar (Foo.java:17)": of the application, else of the platform; NULL: not known */
    } thread;
    const struct ha_evidence *evidence;
    uint32_t evidence_count;
    const char *advice;
    const ha_obj *objects;   /* the largest of them, at most HA_FINDING_OBJECTS, largest first */
    uint32_t object_count;
    const struct ha_cover *covers; /* largest first, at most HA_FINDING_COVERS */
    uint32_t cover_count;
};
#define HA_FINDING_OBJECTS 20U
#define HA_FINDING_COVERS 256U
#define HA_FINDINGS_MAX 1000U     /* of all rules together */
#define HA_FINDINGS_RULE_MAX 20U  /* groups of one rule that are told, the largest */

struct ha_findings {
    struct ha_finding *list; /* by bytes, largest first; ties by pattern, subject */
    uint32_t count;
    uint32_t omitted;
};

/* ---- rules ---- */

struct ha_rules;

/* What can be told about a rule without a heap. */
struct ha_rule_info {
    const char *id;
    const char *about;  /* one line: what it looks for */
    const char *source; /* "netty.yaml" of the built-in ones, a path */
    bool agent;
    bool builtin;
};

/* The built-in rules. Free with ha_rules_destroy(). */
struct ha_err *ha_rules_builtin(struct ha_rules **ret) HA_WARN_UNUSED;

/* Those of them that name a class of the heap: no other finds anything there. */
struct ha_err *ha_rules_builtin_for(const struct ha_heap *heap, struct ha_rules **ret) HA_WARN_UNUSED;

/* Users' rules: every path is a file, or a folder whose *.yaml and *.yml are read in the order of their names. HA_ERR_USAGE: "FILE:LINE:COLUMN: rule
   'ID', KEY: …". HA_ERR_SYSTEM: cannot be read. */
struct ha_err *ha_rules_load(const char *const *paths, size_t path_count, struct ha_rules **ret) HA_WARN_UNUSED;

/* Rules from a text. */
struct ha_err *ha_rules_parse(const char *name, const char *text, size_t bytes, struct ha_rules **ret) HA_WARN_UNUSED;
void ha_rules_destroy(struct ha_rules *rules); /* NULL is fine */

uint32_t ha_rules_count(const struct ha_rules *rules);
bool ha_rules_at(const struct ha_rules *rules, uint32_t i, struct ha_rule_info *ret); /* borrowed texts; false behind the last */
bool ha_rules_has(const struct ha_rules *rules, const char *id);

/* Runs all rules on a snapshot with dominators. Texts and lists of the answer live in `arena`. */
struct ha_err *ha_rules_run(const struct ha_rules *rules, const struct ha_snapshot *snapshot, struct ha_arena *arena, struct ha_findings *ret) HA_WARN_UNUSED;

/* ---- findings in the index ---- */

/* A ha_snapshot_extra: runs the built-in rules on the new snapshot and keeps what they find in the section of the
   snapshot's size model. ctx is not used. */
struct ha_err *ha_findings_store(void *ctx, const struct ha_snapshot *snapshot, ha_section_put put, void *put_ctx) HA_WARN_UNUSED;

/* What the built-in rules and `more` (may be NULL) find: from the index where it holds the findings of exactly these built-in rules, else computed. A
   rule of `more` with the id of a built-in one takes its place. */
struct ha_err *ha_findings_get(const struct ha_snapshot *snapshot, const struct ha_rules *more, struct ha_arena *arena, struct ha_findings *ret) HA_WARN_UNUSED;

#endif
