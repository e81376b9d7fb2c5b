/* SPDX-License-Identifier: MIT */
/*
 * A rule as YAML has it, key by key:
 *
 *     - id: connections            what it is called
 *       class: com.acme.Pool       which objects            match_read()
 *       values: {open: …}          names for expressions    named()
 *       totals: {all: sum(open)}
 *       likely: all > 10           when, how sure, how large
 *       title: "{all} open"        what to say              template()
 *
 * Expressions are parsed as they are met, with the names that stand before them: keys are read in the order of the table, whatever their order in the file.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "rules/rules_rule.h"

struct ha_err *reading_complain(const struct reading *r, const struct ha_yaml *node, const char *fmt, ...)
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

struct ha_err *reading_text(const struct reading *r, const struct ha_yaml *node, const char **ret)
{
    if (node->kind != HA_YAML_SCALAR || node->text_bytes == 0) {
        return reading_complain(r, node, "a text is wanted here");
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
        return reading_text(r, node, &list[0]);
    }
    if (node->kind != HA_YAML_LIST || node->first == NULL) {
        return reading_complain(r, node, "a text or a list of texts is wanted here");
    }
    for (const struct ha_yaml *item = node->first; item != NULL; item = item->next) {
        if (count == most) {
            return reading_complain(r, item, "more than %u", most);
        }
        HA_TRY(reading_text(r, item, &list[count++]));
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
    struct ha_err *placed = reading_complain(r, node, "%s", ha_err_message(err));
    ha_err_free(err);
    return placed;
}

static struct ha_err *expression(const struct reading *r, const struct ha_yaml *node, const struct scope *scope, enum type type, enum unit unit,
                                 struct expr **ret)
{
    const char *text = NULL;
    static const char *const words[] = {"", "a number", "true or false", "a text", "an object", "a list: elements(), keys(), values() or links()"};
    HA_TRY(reading_text(r, node, &text));
    HA_TRY(parsed(r, node, expr_parse(scope, text, ret)));
    bool fits = type == TYPE_ANY ? (*ret)->type != TYPE_LIST : (*ret)->type == type || ((*ret)->type == TYPE_ANY && type != TYPE_LIST);
    if (!fits) {
        return reading_complain(r, node, type == TYPE_ANY ? "a list is no value" : "this must be %s", words[type]);
    }
    if (unit != UNIT_ANY && (*ret)->unit != UNIT_ANY && (*ret)->unit != unit) {
        return reading_complain(r, node, "this must be a number of bytes");
    }
    return NULL;
}

static struct ha_err *named(const struct reading *r, const struct ha_yaml *map, bool total, struct named_expr *list, uint32_t *count)
{
    if (map->kind != HA_YAML_MAP) {
        return reading_complain(r, map, "names with expressions are wanted here (name: expression)");
    }
    struct scope scope = scope_of(r, total);
    for (const struct ha_yaml *node = map->first; node != NULL; node = node->next) {
        struct expr *expr;
        if (*count == RULE_VALUES_MAX) {
            return reading_complain(r, node, "more than %u", RULE_VALUES_MAX);
        }
        if (node->key[strspn(node->key, "abcdefghijklmnopqrstuvwxyz_0123456789")] != '\0' || node->key[0] == '\0' ||
            (node->key[0] >= '0' && node->key[0] <= '9')) {
            return reading_complain(r, node, "'%s' is no name: small letters, digits and '_'", node->key);
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
    HA_TRY(reading_text(r, node, &text));
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
            return reading_complain(r, node, "'%s' is not CLASS#FIELD", match->names[i]);
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
        return reading_complain(r, node, "the objects are named already: one of class, prefix, subclasses-of, static and collector");
    }
    match->kind = matches[match_key(node->key)].kind;
    HA_TRY(texts(r, node, match->names, MATCH_NAMES_MAX, &match->count));
    if (match->kind == MATCH_STATIC) {
        return statics_split(r, node, match);
    }
    if (match->kind == MATCH_COLLECTOR) {
        match->collector = collector_find(match->names[0]);
        return match->collector != NULL && match->count == 1 ? NULL : reading_complain(r, node, "there is no collector '%s'", match->names[0]);
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
        return reading_complain(r, map, "class and keep-if are wanted here");
    }
    for (const struct ha_yaml *node = map->first; node != NULL; node = node->next) {
        int kind = match_key(node->key);
        if (strcmp(node->key, "keep-if") == 0) {
            HA_TRY(expression(r, node, &scope, TYPE_BOOL, UNIT_ANY, &rule->held_if));
        } else if (kind >= 0 && matches[kind].kind <= MATCH_SUBCLASSES) {
            HA_TRY(match_read(r, node, &rule->held));
        } else {
            return reading_complain(r, node, "unknown key '%s'", node->key);
        }
    }
    rule->has_held = rule->held.count > 0;
    return rule->has_held ? NULL : reading_complain(r, map, "which class?");
}

/* ---- the keys of a rule ---- */

static struct ha_err *read_each(struct reading *r, const struct ha_yaml *node)
{
    struct scope scope = {&r->rules->arena, r->rule, no_columns, false};
    struct expr *each;
    if (r->rule->match.kind == MATCH_COLLECTOR) {
        return reading_complain(r, node, "a collector makes the rows itself");
    }
    HA_TRY(expression(r, node, &scope, TYPE_LIST, UNIT_ANY, &each));
    if (each->kind != EXPR_CALL || each->function->type != TYPE_LIST) {
        return reading_complain(r, node, "this must be a list: elements(), keys(), values() or links()");
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
            return reading_complain(r, item, "more than %u", EXPR_ARGS_MAX);
        }
        HA_TRY(row_expression(r, item, TYPE_OBJECT, &r->rule->keeps[r->rule->keep_count++]));
    }
    return NULL;
}

static struct ha_err *read_native(struct reading *r, const struct ha_yaml *node)
{
    HA_TRY(total_expression(r, node, TYPE_NUMBER, UNIT_BYTES, &r->rule->native));
    return r->rule->native->uses_native ? reading_complain(r, node, "it is made of itself") : NULL;
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
        return reading_complain(r, item, "more than %u lines", RULE_LINES_MAX);
    }
    struct evidence_line *line = &rule->evidence[rule->evidence_count++];
    if (item->kind == HA_YAML_SCALAR) {
        return template(r, item, &line->text);
    }
    if (item->kind != HA_YAML_MAP || item->count != 1) {
        return reading_complain(r, item, "a line is a text, or 'text: expression'");
    }
    struct scope scope = scope_of(r, true);
    HA_TRY(parsed(r, item, text_parse(&scope, item->first->key, &line->text)));
    return total_expression(r, item->first, TYPE_ANY, UNIT_ANY, &line->value);
}

static struct ha_err *read_evidence(struct reading *r, const struct ha_yaml *node)
{
    if (node->kind != HA_YAML_LIST) {
        return reading_complain(r, node, "a list is wanted here");
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
        return reading_complain(r, node, "true or false is wanted here");
    }
    r->rule->agent = is_true;
    return NULL;
}

static struct ha_err *read_id(struct reading *r, const struct ha_yaml *node)
{
    HA_TRY(reading_text(r, node, &r->rule->id));
    if (r->rule->id[strspn(r->rule->id, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0') {
        return reading_complain(r, node, "small letters, digits and '-' make an id");
    }
    return NULL;
}

static struct ha_err *read_about(struct reading *r, const struct ha_yaml *node)
{
    return reading_text(r, node, &r->rule->about);
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
        return reading_complain(r, map, "which objects? One of class, prefix, subclasses-of, static and collector is missing");
    }
    if (rule->levels[HA_SEEN] == NULL && rule->levels[HA_LIKELY] == NULL && rule->levels[HA_CERTAIN] == NULL) {
        return reading_complain(r, map, "when? One of seen, likely and certain is missing");
    }
    if (rule->has_held && rule->group_by != NULL) {
        return reading_complain(r, map, "held and group-by do not go together");
    }
    return NULL;
}

struct ha_err *rule_read(struct reading *r, const struct ha_yaml *map)
{
    r->at = NULL;
    r->rule = ha_arena_calloc(&r->rules->arena, 1, sizeof *r->rule);
    if (r->rule == NULL) {
        return ha_err_nomem();
    }
    r->rule->source = r->name;
    r->rule->builtin = r->builtin;
    if (map->kind != HA_YAML_MAP) {
        return reading_complain(r, map, "a rule is a map: id, about, class, …");
    }
    for (size_t i = 0; i < KEY_COUNT; i++) {
        const struct ha_yaml *node = ha_yaml_get(map, keys[i].key);
        if (node == NULL && keys[i].required) {
            r->at = NULL;
            return reading_complain(r, map, "the key '%s' is missing", keys[i].key);
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
        return reading_complain(r, map, "there is a rule of this id already");
    }
    if (r->rules->list.count == RULES_MAX) {
        return reading_complain(r, map, "more than %u rules", RULES_MAX);
    }
    struct rule **slot = ha_vec_push(&r->rules->list);
    if (slot == NULL) {
        return ha_err_nomem();
    }
    *slot = r->rule;
    r->rule = NULL;
    return NULL;
}
