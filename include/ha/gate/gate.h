/* SPDX-License-Identifier: MIT */
/*
 * The gate: rules against a heap and a baseline, and for each failure why.
 *
 *     config ──┐
 *     dump ────┼── ha_gate_run() ──▶ verdict: a result per rule, limit and (with `each`) class
 *     baseline ┘        └── ha_gate_baseline_write(): what the next run is compared with
 *
 * Nothing passes because something was missing: a damaged dump, a baseline that lacks what a rule needs or was made of another program are
 * errors; a subject that the dump lacks counts as 0 and the message says so.
 */
#ifndef HA_GATE_GATE_H
#define HA_GATE_GATE_H

#include "ha/base/json_write.h"
#include "ha/compare/summary.h"
#include "ha/gate/gate_config.h"

/* ---- the baseline ---- */

#define HA_GATE_BASELINE_BYTES_MAX (32ULL << 20)

struct ha_gate_known_suspect {
    const char *id, *class_name;
    uint64_t retained_bytes;
};

struct ha_gate_known {
    const char *rule;  /* key of the target: "class com.acme.Foo" */
    struct ha_sizes3 sizes;
};

struct ha_gate_baseline {
    struct ha_arena arena;
    const char *path;
    const char *jvm, *size_model; /* jvm may be NULL */
    bool compressed_references;
    uint64_t object_alignment;
    const char **program;         /* packages and classes that tell the program, ascending */
    uint64_t program_count;
    struct ha_gate_known *subjects; /* of rules with max_…_growth, ascending by key */
    uint64_t subject_count;
    uint64_t classes_min_bytes, classes_min_instances; /* classes that have less of both are not listed */
    struct ha_summary_class *classes; /* ascending by name */
    uint64_t class_count;
    struct ha_gate_known_suspect *suspects; /* ascending by id */
    uint64_t suspect_count;
    uint64_t places_min_bytes;
    struct ha_summary_place *places; /* ascending by signature */
    uint64_t place_count;
};

/* HA_ERR_INPUT: it is no baseline (a report is none), damaged, or of a later version; the message says what to do. A file that is not there is
   HA_ERR_INPUT too. */
struct ha_err *ha_gate_baseline_read(const char *path, struct ha_gate_baseline *ret) HA_WARN_UNUSED;
struct ha_err *ha_gate_baseline_of(const struct ha_json_doc *doc, const char *path, struct ha_gate_baseline *ret) HA_WARN_UNUSED;
void ha_gate_baseline_deinit(struct ha_gate_baseline *baseline); /* a zeroed one is fine */

/* ---- a run ---- */

/* A known pattern that was found in the heap. */
struct ha_gate_pattern {
    const char *id;
    const char *class_name, *holder_class, *holder_field; /* may be NULL */
    uint64_t instances, retained_bytes, bytes;
    const char *advice;
};

struct ha_gate_input {
    struct ha_query *q;
    const struct ha_gate_config *config;
    const struct ha_gate_baseline *baseline; /* NULL: none */
    const char *today;                       /* YYYY-MM-DD */
    const struct ha_gate_pattern *patterns;  /* what was found */
    uint64_t pattern_count;
    bool (*pattern_known)(void *ctx, const char *id); /* whether there is a rule of that name; NULL: not known */
    void *pattern_ctx;
};

enum ha_gate_verdict {
    HA_GATE_PASSED,
    HA_GATE_FAILED,
    HA_GATE_IGNORED /* would have failed */
};

struct ha_gate_step {
    const char *text; /* "static sessions java.util.HashMap" */
    bool is_new;      /* since the baseline */
};

/* Why something failed. Texts may be NULL. */
struct ha_gate_why {
    bool known;
    const char *class_name;   /* what grew */
    uint64_t old_bytes, new_bytes, old_objects, new_objects; /* at that place; old 0: less than the baseline lists */
    bool has_old;
    const char *holder_class, *holder_field; /* where the application holds it */
    const char *thread_local_field;          /* "com.acme.Service.CONTEXT": the field that refers to the ThreadLocal */
    const struct ha_gate_step *steps;        /* from the top of the dominator tree, or from a GC root */
    uint64_t step_count;
    const char *pattern, *advice;
    const char *details;      /* more in words: names of threads */
};

struct ha_gate_result {
    const struct ha_gate_rule *rule; /* NULL: new suspects, an expired ignore entry */
    const char *name;                /* of the rule */
    const char *subject;             /* "class com.acme.Foo" */
    const char *measure;             /* "retained bytes", "instances", … */
    enum ha_unit unit;
    const char *limit_text;          /* as given: "+10 %", "512.0 MiB", "forbidden" */
    bool has_limit, limit_is_plain;  /* plain: limit_text is the limit once more */
    uint64_t limit, actual;
    bool has_baseline;
    uint64_t baseline;
    enum ha_gate_verdict verdict;
    const char *message;             /* one sentence */
    uint32_t line, column;           /* in the configuration; 0: none */
    struct ha_gate_why why;          /* of failures */
};

struct ha_gate_outcome {
    struct ha_gate_result *results; /* in the order of the rules */
    uint64_t result_count;
    const char **notices;           /* what people should know: ignore entries that ignore nothing, names that nothing bears */
    uint64_t notice_count;
    uint64_t failed_count, ignored_count;
    bool passed;
};

/* The answer lives in q->arena. HA_ERR_INPUT: the baseline cannot be used with this dump or lacks a rule's subject. HA_ERR_USAGE: nothing to check, a
   rule that needs a baseline without one, a pattern that nobody knows. */
struct ha_err *ha_gate_run(const struct ha_gate_input *input, struct ha_gate_outcome *ret) HA_WARN_UNUSED;

/* Writes what ha_gate_run() compares with. Same heap and rules: the same bytes. */
struct ha_err *ha_gate_baseline_write(const struct ha_gate_input *input, ha_write_fn write, void *ctx) HA_WARN_UNUSED;

#endif
