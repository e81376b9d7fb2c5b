/* SPDX-License-Identifier: MIT */
/*
 * Rules files: YAML made into rules, everything checked, so that a file that loads works. docs/rules.md is the manual.
 *
 *     libraries: [com.zaxxer.hikari., …]        prefixes of classes that are never the one to blame
 *     rules:
 *       - id: …
 *
 * Errors name file, line, column, the rule and its key.
 */
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "ha/base/file.h"
#include "ha/query/q_rank.h"
#include "rules/rules_model.h"

#define FILES_MAX 1000U

struct reading {
    struct ha_rules *rules;
    const char *name; /* of the file, in the rules' arena */
    bool builtin;
    struct rule *rule;        /* in hand */
    const struct ha_yaml *at; /* its entry in hand */
};

static HA_PRINTF(3, 4) struct ha_err *complain(const struct reading *r, const struct ha_yaml *node, const char *fmt, ...)
{
    char text[700];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    const char *id = r->rule == NULL ? NULL : r->rule->id;
    const char *key = r->at == NULL ? NULL : r->at->key;
    return ha_yaml_error(r->name, node, "%s%s%s%s%s%s", id != NULL ? "rule '" : "", id != NULL ? id : "", id != NULL ? "', " : "", key != NULL ? key : "",
                         key != NULL ? ": " : "", text);
}

static struct ha_err *scalar(const struct reading *r, const struct ha_yaml *node, const char **ret)
{
    if (node->kind != HA_YAML_SCALAR || node->text_bytes == 0) {
        return complain(r, node, "a text is wanted here");
    }
    *ret = node->text;
    return NULL;
}

/* A text or a list of texts. */
static struct ha_err *texts(const struct reading *r, const struct ha_yaml *node, const char **list, uint32_t most, uint32_t *ret_count)
{
    uint32_t count = 0;
    if (node->kind == HA_YAML_SCALAR) {
        *ret_count = 1;
        return scalar(r, node, &list[0]);
    }
    if (node->kind != HA_YAML_LIST || node->first == NULL) {
        return complain(r, node, "a text or a list of texts is wanted here");
    }
    for (const struct ha_yaml *item = node->first; item != NULL; item = item->next) {
        if (count == most) {
            return complain(r, item, "more than %u", most);
        }
        HA_TRY(scalar(r, item, &list[count++]));
    }
    *ret_count = count;
    return NULL;
}

/* ---- expressions ---- */

static const char *const no_columns[] = {NULL};
static const char *const each_columns[] = {"owner", NULL};

static struct scope scope_of(const struct reading *r, bool total)
{
    const struct rule *rule = r->rule;
    bool collects = rule->match.kind == MATCH_COLLECTOR && rule->match.collector != NULL;
    return (struct scope){&r->rules->arena, r->rule, rule->each != NULL ? each_columns : collects ? rule->match.collector->columns : no_columns, total};
}

static struct ha_err *parsed(const struct reading *r, const struct ha_yaml *node, struct ha_err *err)
{
    if (err == NULL || ha_err_kind(err) != HA_ERR_USAGE) {
        return err;
    }
    struct ha_err *placed = complain(r, node, "%s", ha_err_message(err));
    ha_err_free(err);
    return placed;
}

static struct ha_err *expression(const struct reading *r, const struct ha_yaml *node, const struct scope *scope, enum type type, enum unit unit,
                                 struct expr **ret)
{
    const char *text = NULL;
    static const char *const words[] = {"", "a number", "true or false", "a text", "an object", "a list: elements(), keys(), values() or links()"};
    HA_TRY(scalar(r, node, &text));
    HA_TRY(parsed(r, node, expr_parse(scope, text, ret)));
    bool fits = type == TYPE_ANY ? (*ret)->type != TYPE_LIST : (*ret)->type == type || ((*ret)->type == TYPE_ANY && type != TYPE_LIST);
    if (!fits) {
        return complain(r, node, type == TYPE_ANY ? "a list is no value" : "this must be %s", words[type]);
    }
    if (unit != UNIT_ANY && (*ret)->unit != UNIT_ANY && (*ret)->unit != unit) {
        return complain(r, node, "this must be a number of bytes");
    }
    return NULL;
}

static struct ha_err *named(const struct reading *r, const struct ha_yaml *map, bool total, struct named_expr *list, uint32_t *count)
{
    if (map->kind != HA_YAML_MAP) {
        return complain(r, map, "names with expressions are wanted here (name: expression)");
    }
    struct scope scope = scope_of(r, total);
    for (const struct ha_yaml *node = map->first; node != NULL; node = node->next) {
        struct expr *expr;
        if (*count == RULE_VALUES_MAX) {
            return complain(r, node, "more than %u", RULE_VALUES_MAX);
        }
        if (node->key[strspn(node->key, "abcdefghijklmnopqrstuvwxyz_0123456789")] != '\0' || node->key[0] == '\0' ||
            (node->key[0] >= '0' && node->key[0] <= '9')) {
            return complain(r, node, "'%s' is no name: small letters, digits and '_'", node->key);
        }
        HA_TRY(expression(r, node, &scope, TYPE_ANY, UNIT_ANY, &expr));
        list[(*count)++] = (struct named_expr){node->key, expr};
    }
    return NULL;
}

static struct ha_err *template(const struct reading *r, const struct ha_yaml *node, struct text_piece **ret)
{
    const char *text = NULL;
    struct scope scope = scope_of(r, true);
    HA_TRY(scalar(r, node, &text));
    return parsed(r, node, text_parse(&scope, text, ret));
}

/* ---- which objects ---- */

static const struct {
    const char *key;
    enum match_kind kind;
} matches[] = {{"class", MATCH_CLASS}, {"prefix", MATCH_PREFIX}, {"subclasses-of", MATCH_SUBCLASSES}, {"static", MATCH_STATIC}, {"collector", MATCH_COLLECTOR}};

static int match_key(const char *key)
{
    for (size_t i = 0; i < sizeof matches / sizeof *matches; i++) {
        if (strcmp(key, matches[i].key) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static struct ha_err *statics_split(const struct reading *r, const struct ha_yaml *node, struct match *match)
{
    for (uint32_t i = 0; i < match->count; i++) {
        const char *hash = strchr(match->names[i], '#');
        if (hash == NULL || hash == match->names[i] || hash[1] == '\0') {
            return complain(r, node, "'%s' is not CLASS#FIELD", match->names[i]);
        }
        match->field[i] = hash + 1;
        match->names[i] = ha_arena_strndup(&r->rules->arena, match->names[i], (size_t)(hash - match->names[i]));
        if (match->names[i] == NULL) {
            return ha_err_nomem();
        }
    }
    return NULL;
}

static struct ha_err *match_read(const struct reading *r, const struct ha_yaml *node, struct match *match)
{
    if (match->count > 0) {
        return complain(r, node, "the objects are named already: one of class, prefix, subclasses-of, static and collector");
    }
    match->kind = matches[match_key(node->key)].kind;
    HA_TRY(texts(r, node, match->names, MATCH_NAMES_MAX, &match->count));
    if (match->kind == MATCH_STATIC) {
        return statics_split(r, node, match);
    }
    if (match->kind == MATCH_COLLECTOR) {
        match->collector = collector_find(match->names[0]);
        return match->collector != NULL && match->count == 1 ? NULL : complain(r, node, "there is no collector '%s'", match->names[0]);
    }
    return NULL;
}

static struct ha_err *held_read(const struct reading *r, const struct ha_yaml *map)
{
    struct rule *rule = r->rule;
    struct scope scope = {&r->rules->arena, NULL, NULL, false};
    struct rule none = {.id = rule->id};
    scope.rule = &none; // names are fields alone
    if (map->kind != HA_YAML_MAP) {
        return complain(r, map, "class and keep-if are wanted here");
    }
    for (const struct ha_yaml *node = map->first; node != NULL; node = node->next) {
        int kind = match_key(node->key);
        if (strcmp(node->key, "keep-if") == 0) {
            HA_TRY(expression(r, node, &scope, TYPE_BOOL, UNIT_ANY, &rule->held_if));
        } else if (kind >= 0 && matches[kind].kind <= MATCH_SUBCLASSES) {
            HA_TRY(match_read(r, node, &rule->held));
        } else {
            return complain(r, node, "unknown key '%s'", node->key);
        }
    }
    rule->has_held = rule->held.count > 0;
    return rule->has_held ? NULL : complain(r, map, "which class?");
}

/* ---- the keys of a rule ---- */

static struct ha_err *read_each(struct reading *r, const struct ha_yaml *node)
{
    struct scope scope = {&r->rules->arena, r->rule, no_columns, false};
    struct expr *each;
    if (r->rule->match.kind == MATCH_COLLECTOR) {
        return complain(r, node, "a collector makes the rows itself");
    }
    HA_TRY(expression(r, node, &scope, TYPE_LIST, UNIT_ANY, &each));
    if (each->kind != EXPR_CALL || each->function->type != TYPE_LIST) {
        return complain(r, node, "this must be a list: elements(), keys(), values() or links()");
    }
    r->rule->each = each;
    return NULL;
}

static struct ha_err *read_values(struct reading *r, const struct ha_yaml *node)
{
    return named(r, node, false, r->rule->values, &r->rule->value_count);
}

static struct ha_err *row_expression(struct reading *r, const struct ha_yaml *node, enum type type, struct expr **ret)
{
    struct scope scope = scope_of(r, false);
    return expression(r, node, &scope, type, UNIT_ANY, ret);
}

static struct ha_err *total_expression(struct reading *r, const struct ha_yaml *node, enum type type, enum unit unit, struct expr **ret)
{
    struct scope scope = scope_of(r, true);
    return expression(r, node, &scope, type, unit, ret);
}

static struct ha_err *read_keep_if(struct reading *r, const struct ha_yaml *node)
{
    return row_expression(r, node, TYPE_BOOL, &r->rule->keep_if);
}

static struct ha_err *read_group_by(struct reading *r, const struct ha_yaml *node)
{
    return row_expression(r, node, TYPE_ANY, &r->rule->group_by);
}

static struct ha_err *read_totals(struct reading *r, const struct ha_yaml *node)
{
    return named(r, node, true, r->rule->totals, &r->rule->total_count);
}

static struct ha_err *read_keeps(struct reading *r, const struct ha_yaml *node)
{
    if (node->kind == HA_YAML_SCALAR) {
        r->rule->keep_count = 1;
        return row_expression(r, node, TYPE_OBJECT, &r->rule->keeps[0]);
    }
    for (const struct ha_yaml *item = node->first; item != NULL; item = item->next) {
        if (r->rule->keep_count == EXPR_ARGS_MAX) {
            return complain(r, item, "more than %u", EXPR_ARGS_MAX);
        }
        HA_TRY(row_expression(r, item, TYPE_OBJECT, &r->rule->keeps[r->rule->keep_count++]));
    }
    return NULL;
}

static struct ha_err *read_native(struct reading *r, const struct ha_yaml *node)
{
    HA_TRY(total_expression(r, node, TYPE_NUMBER, UNIT_BYTES, &r->rule->native));
    return r->rule->native->uses_native ? complain(r, node, "it is made of itself") : NULL;
}

static struct ha_err *read_bytes(struct reading *r, const struct ha_yaml *node)
{
    return total_expression(r, node, TYPE_NUMBER, UNIT_BYTES, &r->rule->bytes);
}

static struct ha_err *read_held(struct reading *r, const struct ha_yaml *node)
{
    return held_read(r, node);
}

static struct ha_err *read_holder(struct reading *r, const struct ha_yaml *node)
{
    return row_expression(r, node, TYPE_OBJECT, &r->rule->holder);
}

static struct ha_err *read_around(struct reading *r, const struct ha_yaml *node)
{
    return texts(r, node, r->rule->around, AROUND_MAX, &r->rule->around_count);
}

static struct ha_err *read_frames(struct reading *r, const struct ha_yaml *node)
{
    return texts(r, node, r->rule->oom_frames, MATCH_NAMES_MAX, &r->rule->oom_frame_count);
}

static struct ha_err *read_seen(struct reading *r, const struct ha_yaml *node)
{
    return total_expression(r, node, TYPE_BOOL, UNIT_ANY, &r->rule->levels[HA_SEEN]);
}

static struct ha_err *read_likely(struct reading *r, const struct ha_yaml *node)
{
    return total_expression(r, node, TYPE_BOOL, UNIT_ANY, &r->rule->levels[HA_LIKELY]);
}

static struct ha_err *read_certain(struct reading *r, const struct ha_yaml *node)
{
    return total_expression(r, node, TYPE_BOOL, UNIT_ANY, &r->rule->levels[HA_CERTAIN]);
}

static struct ha_err *read_title(struct reading *r, const struct ha_yaml *node)
{
    return template(r, node, &r->rule->title);
}

static struct ha_err *read_advice(struct reading *r, const struct ha_yaml *node)
{
    return template(r, node, &r->rule->advice);
}

static struct ha_err *evidence_item(struct reading *r, const struct ha_yaml *item)
{
    struct rule *rule = r->rule;
    if (rule->evidence_count == RULE_LINES_MAX) {
        return complain(r, item, "more than %u lines", RULE_LINES_MAX);
    }
    struct evidence_line *line = &rule->evidence[rule->evidence_count++];
    if (item->kind == HA_YAML_SCALAR) {
        return template(r, item, &line->text);
    }
    if (item->kind != HA_YAML_MAP || item->count != 1) {
        return complain(r, item, "a line is a text, or 'text: expression'");
    }
    struct scope scope = scope_of(r, true);
    HA_TRY(parsed(r, item, text_parse(&scope, item->first->key, &line->text)));
    return total_expression(r, item->first, TYPE_ANY, UNIT_ANY, &line->value);
}

static struct ha_err *read_evidence(struct reading *r, const struct ha_yaml *node)
{
    if (node->kind != HA_YAML_LIST) {
        return complain(r, node, "a list is wanted here");
    }
    for (const struct ha_yaml *item = node->first; item != NULL; item = item->next) {
        HA_TRY(evidence_item(r, item));
    }
    return NULL;
}

static struct ha_err *read_agent(struct reading *r, const struct ha_yaml *node)
{
    bool is_true = node->kind == HA_YAML_SCALAR && strcmp(node->text, "true") == 0;
    if (!is_true && (node->kind != HA_YAML_SCALAR || strcmp(node->text, "false") != 0)) {
        return complain(r, node, "true or false is wanted here");
    }
    r->rule->agent = is_true;
    return NULL;
}

static struct ha_err *read_id(struct reading *r, const struct ha_yaml *node)
{
    HA_TRY(scalar(r, node, &r->rule->id));
    if (r->rule->id[strspn(r->rule->id, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0') {
        return complain(r, node, "small letters, digits and '-' make an id");
    }
    return NULL;
}

static struct ha_err *read_about(struct reading *r, const struct ha_yaml *node)
{
    return scalar(r, node, &r->rule->about);
}

static struct ha_err *read_match(struct reading *r, const struct ha_yaml *node)
{
    return match_read(r, node, &r->rule->match);
}

/* In the order in which they are read, whatever their order in the file: later ones use names of earlier ones. */
static const struct {
    const char *key;
    bool required;
    struct ha_err *(*read)(struct reading *r, const struct ha_yaml *node);
} keys[] = {
    {"id", true, read_id},
    {"about", true, read_about},
    {"agent", false, read_agent},
    {"class", false, read_match},
    {"prefix", false, read_match},
    {"subclasses-of", false, read_match},
    {"static", false, read_match},
    {"collector", false, read_match},
    {"each", false, read_each},
    {"values", false, read_values},
    {"keep-if", false, read_keep_if},
    {"group-by", false, read_group_by},
    {"keeps", false, read_keeps},
    {"held", false, read_held},
    {"holder", false, read_holder},
    {"around", false, read_around},
    {"out-of-memory-in", false, read_frames},
    {"totals", false, read_totals},
    {"native", false, read_native},
    {"bytes", false, read_bytes},
    {"seen", false, read_seen},
    {"likely", false, read_likely},
    {"certain", false, read_certain},
    {"title", true, read_title},
    {"evidence", false, read_evidence},
    {"advice", true, read_advice},
};
#define KEY_COUNT (sizeof keys / sizeof *keys)

static struct ha_err *keys_known(const struct reading *r, const struct ha_yaml *map)
{
    for (const struct ha_yaml *node = map->first; node != NULL; node = node->next) {
        bool known = false;
        for (size_t i = 0; i < KEY_COUNT && !known; i++) {
            known = strcmp(keys[i].key, node->key) == 0;
        }
        if (!known) {
            return ha_yaml_error(r->name, &(struct ha_yaml){.line = node->key_line, .column = node->key_column}, "%s%s%sunknown key '%s'",
                                 r->rule->id == NULL ? "" : "rule '", r->rule->id == NULL ? "" : r->rule->id, r->rule->id == NULL ? "" : "': ", node->key);
        }
    }
    return NULL;
}

static struct ha_err *rule_check(const struct reading *r, const struct ha_yaml *map)
{
    const struct rule *rule = r->rule;
    if (rule->match.count == 0) {
        return complain(r, map, "which objects? One of class, prefix, subclasses-of, static and collector is missing");
    }
    if (rule->levels[HA_SEEN] == NULL && rule->levels[HA_LIKELY] == NULL && rule->levels[HA_CERTAIN] == NULL) {
        return complain(r, map, "when? One of seen, likely and certain is missing");
    }
    if (rule->has_held && rule->group_by != NULL) {
        return complain(r, map, "held and group-by do not go together");
    }
    return NULL;
}

static struct ha_err *rule_read(struct reading *r, const struct ha_yaml *map)
{
    r->at = NULL;
    r->rule = ha_arena_calloc(&r->rules->arena, 1, sizeof *r->rule);
    if (r->rule == NULL) {
        return ha_err_nomem();
    }
    r->rule->source = r->name;
    r->rule->builtin = r->builtin;
    if (map->kind != HA_YAML_MAP) {
        return complain(r, map, "a rule is a map: id, about, class, …");
    }
    for (size_t i = 0; i < KEY_COUNT; i++) {
        const struct ha_yaml *node = ha_yaml_get(map, keys[i].key);
        if (node == NULL && keys[i].required) {
            r->at = NULL;
            return complain(r, map, "the key '%s' is missing", keys[i].key);
        }
        if (node != NULL) {
            r->at = node;
            HA_TRY(keys[i].read(r, node));
        }
        if (i == 0) {
            HA_TRY(keys_known(r, map));
        }
    }
    r->at = NULL;
    HA_TRY(rule_check(r, map));
    if (ha_rules_has(r->rules, r->rule->id)) {
        return complain(r, map, "there is a rule of this id already");
    }
    if (r->rules->list.count == RULES_MAX) {
        return complain(r, map, "more than %u rules", RULES_MAX);
    }
    struct rule **slot = ha_vec_push(&r->rules->list);
    if (slot == NULL) {
        return ha_err_nomem();
    }
    *slot = r->rule;
    r->rule = NULL;
    return NULL;
}

/* ---- files ---- */

static struct ha_err *libraries_read(struct reading *r, const struct ha_yaml *list)
{
    r->at = list;
    if (list->kind != HA_YAML_LIST) {
        return complain(r, list, "a list of prefixes is wanted here");
    }
    for (const struct ha_yaml *item = list->first; item != NULL; item = item->next) {
        const char **slot = ha_vec_push(&r->rules->libraries);
        if (slot == NULL) {
            return ha_err_nomem();
        }
        *slot = "";
        HA_TRY(scalar(r, item, slot));
    }
    r->at = NULL;
    return NULL;
}

static struct ha_err *document_read(struct reading *r, const struct ha_yaml *root)
{
    if (root->kind != HA_YAML_MAP) {
        return complain(r, root, "a rules file is a map with the keys 'libraries' and 'rules'");
    }
    for (const struct ha_yaml *node = root->first; node != NULL; node = node->next) {
        bool is_rules = strcmp(node->key, "rules") == 0;
        if (!is_rules && strcmp(node->key, "libraries") != 0) {
            return ha_yaml_error(r->name, &(struct ha_yaml){.line = node->key_line, .column = node->key_column}, "unknown key '%s'", node->key);
        }
        if (!is_rules) {
            HA_TRY(libraries_read(r, node));
            continue;
        }
        if (node->kind != HA_YAML_LIST) {
            return complain(r, node, "a list of rules is wanted here");
        }
        for (const struct ha_yaml *item = node->first; item != NULL; item = item->next) {
            HA_TRY(rule_read(r, item));
        }
    }
    return NULL;
}

struct ha_err *rules_text_add(struct ha_rules *rules, const char *name, const char *text, size_t bytes, bool builtin)
{
    struct ha_yaml *root;
    struct reading r = {.rules = rules, .builtin = builtin, .name = ha_arena_strndup(&rules->arena, name, strlen(name))};
    if (r.name == NULL) {
        return ha_err_nomem();
    }
    HA_TRY(ha_yaml_read(r.name, text, bytes, &rules->arena, &root));
    return document_read(&r, root);
}

static struct ha_err *file_add(struct ha_rules *rules, const char *path)
{
    struct ha_file_info info;
    int fd;
    HA_TRY(ha_file_open_plain(path, &fd, &info));
    HA_FREE char *text = NULL;
    size_t bytes = 0;
    struct ha_err *err = NULL;
    if (!info.regular || info.bytes > HA_YAML_BYTES_MAX) {
        err = ha_err_new(HA_ERR_USAGE, "%s: %s", path, info.regular ? "too large for a rules file" : "neither a file nor a folder");
    } else {
        text = ha_alloc((size_t)info.bytes + 1);
        err = text == NULL ? ha_err_nomem() : ha_file_read_at(fd, path, 0, text, (size_t)info.bytes, &bytes);
    }
    ha_file_close(fd);
    return err != NULL ? err : rules_text_add(rules, path, text, bytes, false);
}

static bool is_yaml(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL && dot != name && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

static int compare_names(const void *ctx, const void *a, const void *b)
{
    (void)ctx;
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static struct ha_err *folder_add(struct ha_rules *rules, const char *path, DIR *dir)
{
    HA_VEC(const char *) names = {0};
    struct ha_err *err = NULL;
    for (const struct dirent *entry; err == NULL && (entry = readdir(dir)) != NULL;) {
        const char **slot = !is_yaml(entry->d_name) ? NULL : ha_vec_push(&names);
        if (slot != NULL) {
            *slot = ha_arena_printf(&rules->arena, "%s/%s", path, entry->d_name);
        }
        if (is_yaml(entry->d_name) && (slot == NULL || *slot == NULL)) {
            err = ha_err_nomem();
        } else if (names.count > FILES_MAX) {
            err = ha_err_new(HA_ERR_USAGE, "%s: more than %u rules files", path, FILES_MAX);
        }
    }
    if (err == NULL && names.count == 0) {
        err = ha_err_new(HA_ERR_USAGE, "%s: no rules files (*.yaml, *.yml) in this folder", path);
    }
    ha_rank_sort(names.data, names.count, sizeof *names.data, compare_names, NULL);
    for (size_t i = 0; i < names.count && err == NULL; i++) {
        err = file_add(rules, names.data[i]);
    }
    ha_vec_deinit(&names);
    return err;
}

static struct ha_err *path_add(struct ha_rules *rules, const char *path)
{
    DIR *dir = opendir(path);
    if (dir == NULL) {
        return file_add(rules, path);
    }
    struct ha_err *err = folder_add(rules, path, dir);
    closedir(dir);
    return err;
}

/* ---- the whole ---- */

struct ha_err *rules_finish(struct ha_rules *rules, struct ha_err *err, struct ha_rules **ret)
{
    if (err != NULL) {
        ha_rules_destroy(rules);
        return err;
    }
    *ret = rules;
    return NULL;
}

struct ha_rules *rules_create(void)
{
    return ha_calloc_array(1, sizeof(struct ha_rules));
}

/* Users' rules know the same libraries as the built-in ones. */
struct ha_err *ha_rules_load(const char *const *paths, size_t path_count, struct ha_rules **ret)
{
    struct ha_rules *rules = rules_create();
    if (rules == NULL) {
        return ha_err_nomem();
    }
    struct ha_err *err = rules_libraries_add(rules);
    for (size_t i = 0; i < path_count && err == NULL; i++) {
        err = path_add(rules, paths[i]);
    }
    return rules_finish(rules, err, ret);
}

struct ha_err *ha_rules_parse(const char *name, const char *text, size_t bytes, struct ha_rules **ret)
{
    struct ha_rules *rules = rules_create();
    return rules == NULL ? ha_err_nomem() : rules_finish(rules, rules_text_add(rules, name, text, bytes, false), ret);
}

void ha_rules_destroy(struct ha_rules *rules)
{
    if (rules != NULL) {
        ha_vec_deinit(&rules->list);
        ha_vec_deinit(&rules->libraries);
        ha_arena_deinit(&rules->arena);
        ha_free(rules);
    }
}

uint32_t ha_rules_count(const struct ha_rules *rules)
{
    return (uint32_t)rules->list.count;
}

bool ha_rules_at(const struct ha_rules *rules, uint32_t i, struct ha_rule_info *ret)
{
    if (i >= rules->list.count) {
        return false;
    }
    const struct rule *rule = rules->list.data[i];
    *ret = (struct ha_rule_info){rule->id, rule->about, rule->source, rule->agent, rule->builtin};
    return true;
}

bool ha_rules_has(const struct ha_rules *rules, const char *id)
{
    for (size_t i = 0; i < rules->list.count; i++) {
        if (strcmp(rules->list.data[i]->id, id) == 0) {
            return true;
        }
    }
    return false;
}
