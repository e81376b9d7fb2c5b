/* SPDX-License-Identifier: MIT */
/* Between rules_file.c (files of rules) and rules_rule.c (one rule). */
#ifndef HA_SRC_RULES_RULES_RULE_H
#define HA_SRC_RULES_RULES_RULE_H

#include "rules/rules_model.h"

struct reading {
    struct ha_rules *rules;
    const char *name; /* of the file, in the rules' arena */
    bool builtin;
    struct rule *rule;        /* in hand */
    const struct ha_yaml *at; /* its entry in hand */
};

/* HA_ERR_USAGE: the file, line and column of the node, the rule and its key, and what is wrong. */
struct ha_err *reading_complain(const struct reading *r, const struct ha_yaml *node, const char *fmt, ...) HA_PRINTF(3, 4) HA_WARN_UNUSED;

/* A text that is not empty. */
struct ha_err *reading_text(const struct reading *r, const struct ha_yaml *node, const char **ret) HA_WARN_UNUSED;

/* Reads a rule, checks it, and adds it to the rules. */
struct ha_err *rule_read(struct reading *r, const struct ha_yaml *map) HA_WARN_UNUSED;

#endif
