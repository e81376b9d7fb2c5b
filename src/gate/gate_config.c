/* SPDX-License-Identifier: MIT */
/*
 * YAML to rules. Keys are tables: one row says how a key is spelt, what it takes and where it goes; what is in no table is a mistake, told
 * with its place and the nearest key.
 */
#include "ha/gate/gate_config.h"

#include <ctype.h>
#include <string.h>

#include "ha/base/yaml_read.h"

#define DATE_LENGTH 10

struct reading {
    const char *name; /* of the file, for messages */
    struct ha_gate_config *config;
};

/* ---- life ---- */

void ha_gate_config_init(struct ha_gate_config *config)
{
    *config = (struct ha_gate_config){.floor_bytes = HA_GATE_FLOOR_BYTES, .floor_count = HA_GATE_FLOOR_COUNT};
}

void ha_gate_config_deinit(struct ha_gate_config *config)
{
    for (size_t i = 0; i < config->rules.count; i++) {
        ha_regex_destroy(config->rules.data[i].target.regex);
    }
    for (size_t i = 0; i < config->ignores.count; i++) {
        ha_regex_destroy(config->ignores.data[i].target.regex);
    }
    ha_vec_deinit(&config->rules);
    ha_vec_deinit(&config->ignores);
    ha_arena_deinit(&config->arena);
}

/* ---- subjects ---- */

static const char *const subject_keys[] = {
    [HA_GATE_HEAP] = "heap",       [HA_GATE_THREADS] = "threads", [HA_GATE_CLASS_COUNT] = "classes",
    [HA_GATE_LOADER_COUNT] = "loaders", [HA_GATE_CLASS] = "class", [HA_GATE_REGEX] = "regex",
    [HA_GATE_PACKAGE] = "package", [HA_GATE_LOADER] = "loader",   [HA_GATE_PATTERN] = "pattern",
    [HA_GATE_SUSPECT] = "suspect",
};
#define SUBJECTS (sizeof subject_keys / sizeof *subject_keys)

const char *ha_gate_subject_key(enum ha_gate_subject kind)
{
    return subject_keys[kind];
}

static bool is_counted(enum ha_gate_subject kind)
{
    return kind == HA_GATE_THREADS || kind == HA_GATE_CLASS_COUNT || kind == HA_GATE_LOADER_COUNT;
}

struct ha_gate_rule *ha_gate_rule_add(struct ha_gate_config *config, enum ha_gate_subject kind, const char *text)
{
    const char *name = kind < HA_GATE_CLASS ? subject_keys[kind]
                                            : ha_arena_printf(&config->arena, "%s %s", subject_keys[kind], text);
    struct ha_gate_rule *rule = name == NULL ? NULL : ha_vec_push(&config->rules);
    if (rule != NULL) {
        *rule = (struct ha_gate_rule){.name = name,
                                      .target = {.kind = kind, .text = text},
                                      .floor_bytes = config->floor_bytes,
                                      .floor_count = is_counted(kind) ? 0 : config->floor_count};
    }
    return rule;
}

/* ---- values ---- */

/* At the key, not at its value. */
static struct ha_err *unknown_key(const struct reading *r, const struct ha_yaml *node)
{
    return ha_err_new(HA_ERR_USAGE, "%s:%u:%u: unknown key '%s'", r->name, node->key_line, node->key_column, node->key);
}

static struct ha_err *scalar(const struct reading *r, const struct ha_yaml *node, const char **ret)
{
    if (node->kind != HA_YAML_SCALAR || *node->text == '\0') {
        return ha_yaml_error(r->name, node, "%s: a value is missing", node->key);
    }
    *ret = ha_arena_strndup(&r->config->arena, node->text, node->text_bytes);
    return *ret == NULL ? ha_err_nomem() : NULL;
}

static struct ha_err *truth(const struct reading *r, const struct ha_yaml *node, bool *ret)
{
    const char *text = node->kind == HA_YAML_SCALAR ? node->text : "";
    *ret = strcmp(text, "true") == 0;
    if (!*ret && strcmp(text, "false") != 0) {
        return ha_yaml_error(r->name, node, "%s: neither true nor false", node->key);
    }
    return NULL;
}

static struct ha_err *plain_amount(const struct reading *r, const struct ha_yaml *node, enum ha_unit unit, uint64_t *ret)
{
    const char *text;
    struct ha_amount amount;
    HA_TRY(scalar(r, node, &text));
    const char *wrong = ha_amount_parse(text, unit, &amount);
    if (wrong != NULL) {
        return ha_yaml_error(r->name, node, "%s: '%s' is %s", node->key, text, wrong);
    }
    if (amount.is_percent) {
        return ha_yaml_error(r->name, node, "%s: a share means nothing here", node->key);
    }
    *ret = amount.value;
    return NULL;
}

bool ha_gate_is_date(const char *text)
{
    static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    for (size_t i = 0; i < DATE_LENGTH; i++) {
        bool dash = i == 4 || i == 7;
        if (dash ? text[i] != '-' : !isdigit((unsigned char)text[i])) {
            return false;
        }
    }
    int month = (text[5] - '0') * 10 + text[6] - '0';
    int day = (text[8] - '0') * 10 + text[9] - '0';
    return text[DATE_LENGTH] == '\0' && month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1];
}

/* ---- targets ---- */

/* Takes `key: text` as target; the text of `subject` names a counted one. */
static struct ha_err *target_take(const struct reading *r, const struct ha_yaml *node, struct ha_gate_target *target)
{
    const char *text;
    HA_TRY(scalar(r, node, &text));
    bool counted = strcmp(node->key, "subject") == 0;
    for (size_t kind = counted ? 0 : HA_GATE_CLASS; kind < (counted ? (size_t)HA_GATE_CLASS : SUBJECTS); kind++) {
        if (strcmp(counted ? text : node->key, subject_keys[kind]) == 0) {
            target->kind = (enum ha_gate_subject)kind;
            target->text = text;
        }
    }
    if (target->text == NULL) {
        return ha_yaml_error(r->name, node, "subject: '%s' is none of heap, threads, classes, loaders", text);
    }
    if (target->kind == HA_GATE_REGEX) {
        struct ha_err *err = ha_regex_create(text, &target->regex);
        if (err != NULL) {
            struct ha_err *told = ha_yaml_error(r->name, node, "regex: %s", ha_err_message(err));
            ha_err_free(err);
            return told;
        }
    }
    if (target->kind == HA_GATE_SUSPECT && strncmp(text, "s1-", 3) != 0) {
        return ha_yaml_error(r->name, node, "suspect: '%s' is no id of a suspect (such as s1-0123456789abcdef)", text);
    }
    return NULL;
}

static bool is_target_key(const char *key, bool counted)
{
    if (counted && strcmp(key, "subject") == 0) {
        return true;
    }
    for (size_t kind = HA_GATE_CLASS; kind < SUBJECTS; kind++) {
        if (strcmp(key, subject_keys[kind]) == 0) {
            return true;
        }
    }
    return false;
}

/* The one entry that says what an item is about. */
static struct ha_err *target_read(const struct reading *r, const struct ha_yaml *item, bool counted, struct ha_gate_target *target)
{
    if (item->kind != HA_YAML_MAP) {
        return ha_yaml_error(r->name, item, "a map such as 'class: com.acme.Foo' is expected");
    }
    const struct ha_yaml *found = NULL;
    for (const struct ha_yaml *n = item->first; n != NULL; n = n->next) {
        if (is_target_key(n->key, counted)) {
            if (found != NULL) {
                return ha_yaml_error(r->name, n, "%s: the item is about '%s' already", n->key, found->key);
            }
            found = n;
        }
    }
    if (found == NULL) {
        return ha_yaml_error(r->name, item, "the item does not say what it is about: %sclass, regex, package, loader, pattern or suspect",
                             counted ? "subject, " : "");
    }
    return target_take(r, found, target);
}

/* ---- limits ---- */

struct limit_key {
    const char *key;
    enum ha_gate_measure measure;
    bool growth;
};

static const struct limit_key limit_keys[] = {
    {"max_retained", HA_GATE_RETAINED, false},
    {"max_shallow", HA_GATE_SHALLOW, false},
    {"max_instances", HA_GATE_INSTANCES, false},
    {"max_count", HA_GATE_INSTANCES, false},
    {"max_growth", HA_GATE_RETAINED, true},
    {"max_retained_growth", HA_GATE_RETAINED, true},
    {"max_shallow_growth", HA_GATE_SHALLOW, true},
    {"max_instances_growth", HA_GATE_INSTANCES, true},
    {"max_count_growth", HA_GATE_INSTANCES, true},
};

static const struct limit_key *limit_key_find(const char *key)
{
    for (size_t i = 0; i < sizeof limit_keys / sizeof *limit_keys; i++) {
        if (strcmp(limit_keys[i].key, key) == 0) {
            return &limit_keys[i];
        }
    }
    return NULL;
}

/* Patterns and suspects have retained bytes and a number alone. */
static bool has_shallow(enum ha_gate_subject kind)
{
    return kind != HA_GATE_PATTERN && kind != HA_GATE_SUSPECT && kind != HA_GATE_HEAP;
}

static struct ha_err *limit_read(const struct reading *r, const struct ha_yaml *node, const struct limit_key *key, struct ha_gate_rule *rule)
{
    enum ha_gate_measure measure = key->measure;
    bool counted = is_counted(rule->target.kind);
    if (counted && strcmp(node->key, "max_growth") == 0) {
        measure = HA_GATE_INSTANCES; // there is nothing else that could grow
    }
    if ((counted && measure != HA_GATE_INSTANCES) ||
        (measure == HA_GATE_SHALLOW && !has_shallow(rule->target.kind))) {
        return ha_yaml_error(r->name, node, "%s: %s has no such size", node->key, rule->name);
    }
    enum ha_unit unit = measure == HA_GATE_INSTANCES ? HA_UNIT_COUNT : HA_UNIT_BYTES;
    const char *text;
    HA_TRY(scalar(r, node, &text));
    if (key->growth ? rule->has_growth[measure] : rule->has_max[measure]) {
        return ha_yaml_error(r->name, node, "%s: given twice under different names", node->key);
    }
    const char *wrong = key->growth ? ha_tolerance_parse(text, unit, &rule->growth[measure])
                                    : ha_amount_parse(text, unit, &rule->max[measure]);
    if (wrong != NULL) {
        return ha_yaml_error(r->name, node, "%s: '%s' is %s", node->key, text, wrong);
    }
    if (!key->growth && rule->max[measure].is_percent && counted) {
        return ha_yaml_error(r->name, node, "%s: a share of what? a number is expected", node->key);
    }
    *(key->growth ? &rule->has_growth[measure] : &rule->has_max[measure]) = true;
    return NULL;
}

static struct ha_err *missing_read(const struct reading *r, const struct ha_yaml *node, struct ha_gate_rule *rule)
{
    const char *text;
    HA_TRY(scalar(r, node, &text));
    if (strcmp(text, "pass") == 0) {
        rule->if_missing = HA_GATE_MISSING_PASS;
    } else if (strcmp(text, "fail") == 0) {
        rule->if_missing = HA_GATE_MISSING_FAIL;
    } else {
        return ha_yaml_error(r->name, node, "if_missing: '%s' is neither pass nor fail", text);
    }
    return NULL;
}

static struct ha_err *rule_entry(const struct reading *r, const struct ha_yaml *node, struct ha_gate_rule *rule, bool *has_limit)
{
    const struct limit_key *limit = rule->forbid ? NULL : limit_key_find(node->key);
    if (is_target_key(node->key, !rule->forbid)) {
        return NULL;
    }
    if (limit != NULL) {
        *has_limit = true;
        return limit_read(r, node, limit, rule);
    }
    if (strcmp(node->key, "name") == 0) {
        return scalar(r, node, &rule->name);
    }
    if (rule->forbid && strcmp(node->key, "reason") == 0) {
        return scalar(r, node, &rule->reason);
    }
    if (!rule->forbid && strcmp(node->key, "floor") == 0) {
        return plain_amount(r, node, HA_UNIT_BYTES, &rule->floor_bytes);
    }
    if (!rule->forbid && strcmp(node->key, "floor_instances") == 0) {
        return plain_amount(r, node, HA_UNIT_COUNT, &rule->floor_count);
    }
    if (!rule->forbid && strcmp(node->key, "if_missing") == 0) {
        return missing_read(r, node, rule);
    }
    if (!rule->forbid && strcmp(node->key, "each") == 0) {
        HA_TRY(truth(r, node, &rule->each));
        return rule->target.kind == HA_GATE_REGEX ? NULL : ha_yaml_error(r->name, node, "each: is for a regex alone");
    }
    return unknown_key(r, node);
}

static struct ha_err *rule_read(const struct reading *r, const struct ha_yaml *item, bool forbid)
{
    struct ha_gate_target target = {0};
    struct ha_err *err = target_read(r, item, !forbid, &target);
    if (err == NULL && forbid && (target.kind == HA_GATE_LOADER || target.kind == HA_GATE_SUSPECT)) {
        err = ha_yaml_error(r->name, item, "a class, regex, package or pattern can be forbidden, a %s cannot",
                            subject_keys[target.kind]);
    }
    struct ha_gate_rule *rule = err == NULL ? ha_gate_rule_add(r->config, target.kind, target.text) : NULL;
    if (rule == NULL) {
        ha_regex_destroy(target.regex);
        return err == NULL ? ha_err_nomem() : err;
    }
    rule->target = target;
    rule->forbid = forbid;
    rule->line = item->line;
    rule->column = item->column;
    bool has_limit = false;
    for (const struct ha_yaml *n = item->first; n != NULL; n = n->next) {
        HA_TRY(rule_entry(r, n, rule, &has_limit));
    }
    if (!forbid && !has_limit) {
        return ha_yaml_error(r->name, item, "%s has no limit: give max_retained, max_instances, max_growth or another max_…", rule->name);
    }
    return NULL;
}

/* ---- ignores ---- */

static struct ha_err *ignore_read(const struct reading *r, const struct ha_yaml *item)
{
    struct ha_gate_ignore *ignore = ha_vec_push(&r->config->ignores);
    if (ignore == NULL) {
        return ha_err_nomem();
    }
    *ignore = (struct ha_gate_ignore){.line = item->line, .column = item->column};
    HA_TRY(target_read(r, item, false, &ignore->target));
    for (const struct ha_yaml *n = item->first; n != NULL; n = n->next) {
        if (strcmp(n->key, "reason") == 0) {
            HA_TRY(scalar(r, n, &ignore->reason));
        } else if (strcmp(n->key, "until") == 0) {
            HA_TRY(scalar(r, n, &ignore->until));
            if (!ha_gate_is_date(ignore->until)) {
                return ha_yaml_error(r->name, n, "until: '%s' is no day (such as 2027-03-31)", ignore->until);
            }
        } else if (!is_target_key(n->key, false)) {
            return unknown_key(r, n);
        }
    }
    if (ignore->reason == NULL || ignore->until == NULL) {
        return ha_yaml_error(r->name, item, "an ignore entry needs a %s", ignore->reason == NULL ? "reason" : "day until which it holds (until)");
    }
    return NULL;
}

/* ---- the file ---- */

static struct ha_err *items_read(const struct reading *r, const struct ha_yaml *list)
{
    if (list->kind != HA_YAML_LIST) {
        return ha_yaml_error(r->name, list, "%s: a list is expected", list->key);
    }
    for (const struct ha_yaml *item = list->first; item != NULL; item = item->next) {
        if (strcmp(list->key, "ignore") == 0) {
            HA_TRY(ignore_read(r, item));
        } else {
            HA_TRY(rule_read(r, item, strcmp(list->key, "forbid") == 0));
        }
    }
    return NULL;
}

/* A relative path is relative to the file that names it. */
static struct ha_err *baseline_read(const struct reading *r, const struct ha_yaml *node)
{
    const char *text;
    HA_TRY(scalar(r, node, &text));
    const char *slash = strrchr(r->name, '/');
    r->config->baseline = *text == '/' || slash == NULL
                              ? text
                              : ha_arena_printf(&r->config->arena, "%.*s%s", (int)(slash - r->name) + 1, r->name, text);
    return r->config->baseline == NULL ? ha_err_nomem() : NULL;
}

static struct ha_err *version_read(const struct reading *r, const struct ha_yaml *node)
{
    bool right = node->kind == HA_YAML_SCALAR && strcmp(node->text, "1") == 0;
    return right ? NULL : ha_yaml_error(r->name, node, "version: this program reads version 1");
}

static struct ha_err *suspects_read(const struct reading *r, const struct ha_yaml *node)
{
    const char *text = node->kind == HA_YAML_SCALAR ? node->text : "";
    r->config->new_suspects_fail = strcmp(text, "fail") == 0;
    if (!r->config->new_suspects_fail && strcmp(text, "allow") != 0) {
        return ha_yaml_error(r->name, node, "new_suspects: neither fail nor allow");
    }
    return NULL;
}

/* What the rules depend on, before them. */
static struct ha_err *entry_read(const struct reading *r, const struct ha_yaml *node, bool lists)
{
    const char *key = node->key;
    bool is_list = strcmp(key, "limits") == 0 || strcmp(key, "forbid") == 0 || strcmp(key, "ignore") == 0;
    if (is_list != lists) {
        return NULL;
    }
    if (is_list) {
        return items_read(r, node);
    }
    if (strcmp(key, "version") == 0) {
        return version_read(r, node);
    }
    if (strcmp(key, "baseline") == 0) {
        return baseline_read(r, node);
    }
    if (strcmp(key, "floor") == 0) {
        return plain_amount(r, node, HA_UNIT_BYTES, &r->config->floor_bytes);
    }
    if (strcmp(key, "floor_instances") == 0) {
        return plain_amount(r, node, HA_UNIT_COUNT, &r->config->floor_count);
    }
    if (strcmp(key, "new_suspects") == 0) {
        return suspects_read(r, node);
    }
    return unknown_key(r, node);
}

static struct ha_err *tree_read(const struct reading *r, const struct ha_yaml *root)
{
    if (root->kind != HA_YAML_MAP) {
        return ha_yaml_error(r->name, root, "a map with 'limits:' is expected");
    }
    for (int lists = 0; lists < 2; lists++) {
        for (const struct ha_yaml *n = root->first; n != NULL; n = n->next) {
            HA_TRY(entry_read(r, n, lists == 1));
        }
    }
    return NULL;
}

struct ha_err *ha_gate_config_parse(const char *name, const char *text, size_t len, struct ha_gate_config *config)
{
    struct reading r = {name, config};
    struct ha_yaml *root;
    config->file = ha_arena_strndup(&config->arena, name, strlen(name));
    if (config->file == NULL) {
        return ha_err_nomem();
    }
    HA_TRY(ha_yaml_read(name, text, len, &config->arena, &root));
    return tree_read(&r, root);
}

struct ha_err *ha_gate_config_read(const char *path, struct ha_gate_config *config)
{
    struct reading r = {path, config};
    struct ha_yaml *root;
    config->file = ha_arena_strndup(&config->arena, path, strlen(path));
    if (config->file == NULL) {
        return ha_err_nomem();
    }
    HA_TRY(ha_yaml_read_file(path, &config->arena, &root));
    return tree_read(&r, root);
}
