/* SPDX-License-Identifier: MIT */
/*
 * What the gate shall check: limits, read from a YAML file that people write, or made from options.
 *
 *     limits:                                  a rule per item: one subject, one limit or more
 *       - subject: heap                        heap, threads, classes, loaders
 *         max_growth: 10%                      against the baseline
 *       - class: com.acme.Session              or regex, package, loader, pattern, suspect
 *         max_instances: 1000
 *     forbid:
 *       - class: com.acme.debug.Recorder       or regex, package, pattern
 *     ignore:
 *       - class: com.acme.Legacy
 *         reason: "bounded, see ACME-12"
 *         until: 2027-03-31
 *
 * docs/gate.md describes every key.
 */
#ifndef HA_GATE_GATE_CONFIG_H
#define HA_GATE_GATE_CONFIG_H

#include "ha/base/arena.h"
#include "ha/base/regex.h"
#include "ha/base/vec.h"
#include "ha/compare/tolerance.h"

enum ha_gate_subject {
    HA_GATE_HEAP,
    HA_GATE_THREADS,
    HA_GATE_CLASS_COUNT,
    HA_GATE_LOADER_COUNT,
    HA_GATE_CLASS,
    HA_GATE_REGEX,
    HA_GATE_PACKAGE, /* with those below it */
    HA_GATE_LOADER,  /* class or label of a loader, or <boot> */
    HA_GATE_PATTERN,
    HA_GATE_SUSPECT
};

enum ha_gate_measure {
    HA_GATE_RETAINED,
    HA_GATE_SHALLOW,
    HA_GATE_INSTANCES /* of threads, classes and loaders: how many there are */
};
#define HA_GATE_MEASURES 3

enum ha_gate_missing {
    HA_GATE_MISSING_DEFAULT, /* a suspect that nobody knows fails, all else counts as 0 */
    HA_GATE_MISSING_PASS,
    HA_GATE_MISSING_FAIL
};

/* What a rule or an ignore entry is about. */
struct ha_gate_target {
    enum ha_gate_subject kind;
    const char *text;       /* name, expression or id; of the four counted subjects their word */
    struct ha_regex *regex; /* HA_GATE_REGEX; owned */
};

struct ha_gate_rule {
    const char *name; /* for people: given, or "class com.acme.Foo" */
    struct ha_gate_target target;
    bool each;        /* of a regex: judge every class that matches by itself */
    bool forbid;      /* no instance may exist */
    const char *reason; /* of forbid; NULL: none */
    bool has_max[HA_GATE_MEASURES], has_growth[HA_GATE_MEASURES];
    struct ha_amount max[HA_GATE_MEASURES];
    struct ha_tolerance growth[HA_GATE_MEASURES];
    uint64_t floor_bytes, floor_count; /* what is not larger is not judged by its growth */
    enum ha_gate_missing if_missing;
    uint32_t line, column; /* 0: from an option */
};

struct ha_gate_ignore {
    struct ha_gate_target target;
    const char *reason;
    const char *until; /* YYYY-MM-DD, the last day on which it holds */
    uint32_t line, column;
};

struct ha_gate_config {
    struct ha_arena arena;
    const char *file;     /* NULL: options alone */
    const char *baseline; /* path as it is to be opened; NULL: none */
    bool new_suspects_fail;
    uint64_t floor_bytes, floor_count; /* for rules that give none */
    HA_VEC(struct ha_gate_rule) rules;
    HA_VEC(struct ha_gate_ignore) ignores;
};

#define HA_GATE_FLOOR_BYTES (1ULL << 20)
#define HA_GATE_FLOOR_COUNT 100

void ha_gate_config_init(struct ha_gate_config *config);
void ha_gate_config_deinit(struct ha_gate_config *config);

/* Reads a file into a fresh configuration. HA_ERR_USAGE "FILE:LINE:COLUMN: …" names the field that is wrong; HA_ERR_SYSTEM: it cannot be read. */
struct ha_err *ha_gate_config_read(const char *path, struct ha_gate_config *config) HA_WARN_UNUSED;

/* The same from memory; name stands in messages and is what a relative baseline is relative to. */
struct ha_err *ha_gate_config_parse(const char *name, const char *text, size_t len, struct ha_gate_config *config) HA_WARN_UNUSED;

/* A new rule about a target, floors as in the configuration; NULL without memory. text is borrowed. */
struct ha_gate_rule *ha_gate_rule_add(struct ha_gate_config *config, enum ha_gate_subject kind, const char *text);

/* "heap", "class", "regex", …: the key (for the counted subjects the word) of a kind. */
const char *ha_gate_subject_key(enum ha_gate_subject kind);

/* Whether text is a day, YYYY-MM-DD. */
bool ha_gate_is_date(const char *text);

#endif
