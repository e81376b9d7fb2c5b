/* SPDX-License-Identifier: MIT */
/*
 * Expressions of rules: parsed and checked when the file is read, so that a rule that loads cannot fail later.
 *
 *     or    := and ("or" and)*
 *     and   := not ("and" not)*
 *     not   := "not" not | compare
 *     compare := sum [("==" | "!=" | "<" | "<=" | ">" | ">=") sum]
 *     sum   := product (("+" | "-") product)*
 *     product := else (("*" | "/") else)*
 *     else  := unary ("??" unary)*
 *     unary := "-" unary | path
 *     path  := primary ("." name ("|" name)*)*
 *     primary := number [unit] | 'text' | true | false | null | this | name ("|" name)* | function "(" or, … ")" | "(" or ")"
 *
 * No loops, no definitions: what an expression costs is bounded by its length. Units are checked: bytes are compared with bytes.
 */
#include <stdio.h>
#include <string.h>

#include "rules/rules_lexer.h"

struct parser {
    struct lexer l;
    const struct scope *scope;
    uint32_t nodes, depth;
    bool in_aggregate;
    bool uses_native;
};

/* ---- nodes ---- */

static struct ha_err *node_new(struct parser *p, enum expr_kind kind, enum type type, enum unit unit, struct expr **ret)
{
    struct expr *e = ha_arena_calloc(p->scope->arena, 1, sizeof *e);
    if (e == NULL) {
        return ha_err_nomem();
    }
    if (++p->nodes > EXPR_NODES_MAX) {
        return lexer_complain(&p->l, p->l.at, "longer than %u parts", EXPR_NODES_MAX);
    }
    e->kind = kind;
    e->type = type;
    e->unit = unit;
    *ret = e;
    return NULL;
}

static struct ha_err *or_parse(struct parser *p, struct expr **ret);

static struct ha_err *names_take(struct parser *p, struct expr *e)
{
    for (;;) {
        if (p->l.token.kind != TOKEN_NAME) {
            return lexer_complain(&p->l, p->l.token.start, "a name is missing");
        }
        if (e->name_count == FIELD_NAMES_MAX) {
            return lexer_complain(&p->l, p->l.token.start, "more than %u names for one field", FIELD_NAMES_MAX);
        }
        const char *name = ha_arena_strndup(p->scope->arena, p->l.token.start, p->l.token.len);
        if (name == NULL) {
            return ha_err_nomem();
        }
        e->names[e->name_count++] = name;
        HA_TRY(lexer_next(&p->l));
        if (!lexer_at_sign(&p->l, '|')) {
            return NULL;
        }
        HA_TRY(lexer_next(&p->l));
    }
}

static int named_find(const struct named_expr *list, uint32_t count, const struct token *t)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strlen(list[i].name) == t->len && strncmp(list[i].name, t->start, t->len) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static bool total_scope(const struct parser *p)
{
    return p->scope->total && !p->in_aggregate;
}

static struct ha_err *total_name(struct parser *p, struct expr **ret)
{
    static const struct {
        const char *name;
        enum type type;
        enum unit unit;
    } builtins[] = {
        [BUILTIN_COUNT] = {"count", TYPE_NUMBER, UNIT_COUNT},
        [BUILTIN_SHALLOW] = {"shallow", TYPE_NUMBER, UNIT_BYTES},
        [BUILTIN_RETAINED] = {"retained", TYPE_NUMBER, UNIT_BYTES},
        [BUILTIN_NATIVE] = {"native", TYPE_NUMBER, UNIT_BYTES},
        [BUILTIN_HEAP] = {"heap", TYPE_NUMBER, UNIT_BYTES},
        [BUILTIN_GROUP] = {"group", TYPE_ANY, UNIT_ANY},
        [BUILTIN_OUT_OF_MEMORY] = {"out_of_memory", TYPE_BOOL, UNIT_ANY},
        [BUILTIN_HELD] = {"held", TYPE_NUMBER, UNIT_COUNT},
        [BUILTIN_CAUSE] = {"cause", TYPE_TEXT, UNIT_ANY},
        [BUILTIN_CAUSE_ADVICE] = {"cause_advice", TYPE_TEXT, UNIT_ANY},
        [BUILTIN_STRONG] = {"strong", TYPE_BOOL, UNIT_ANY},
    };
    const struct rule *rule = p->scope->rule;
    int i = named_find(rule->totals, rule->total_count, &p->l.token);
    if (i >= 0) {
        HA_TRY(node_new(p, EXPR_VALUE, rule->totals[i].expr->type, rule->totals[i].expr->unit, ret));
        (*ret)->number = (uint32_t)i;
        p->uses_native = p->uses_native || rule->totals[i].expr->uses_native;
        return lexer_next(&p->l);
    }
    for (size_t k = 0; k < sizeof builtins / sizeof *builtins; k++) {
        if (lexer_at_word(&p->l, builtins[k].name)) {
            HA_TRY(node_new(p, EXPR_BUILTIN, builtins[k].type, builtins[k].unit, ret));
            (*ret)->number = (uint32_t)k;
            p->uses_native = p->uses_native || k == BUILTIN_NATIVE;
            return lexer_next(&p->l);
        }
    }
    return lexer_complain(&p->l, p->l.token.start, "'%.*s' is no total of this rule", (int)p->l.token.len, p->l.token.start);
}

static struct ha_err *row_name(struct parser *p, struct expr **ret)
{
    const struct rule *rule = p->scope->rule;
    int i = named_find(rule->values, rule->value_count, &p->l.token);
    if (i >= 0) {
        HA_TRY(node_new(p, EXPR_VALUE, rule->values[i].expr->type, rule->values[i].expr->unit, ret));
        (*ret)->number = (uint32_t)i;
        return lexer_next(&p->l);
    }
    for (uint32_t c = 0; p->scope->columns != NULL && p->scope->columns[c] != NULL; c++) {
        if (lexer_at_word(&p->l, p->scope->columns[c])) {
            HA_TRY(node_new(p, EXPR_COLUMN, TYPE_ANY, UNIT_ANY, ret));
            (*ret)->number = c;
            return lexer_next(&p->l);
        }
    }
    HA_TRY(node_new(p, EXPR_FIELD, TYPE_ANY, UNIT_ANY, ret));
    HA_TRY(node_new(p, EXPR_THIS, TYPE_OBJECT, UNIT_ANY, &(*ret)->args[0]));
    (*ret)->arg_count = 1;
    return names_take(p, *ret);
}

/* ---- calls ---- */

static struct ha_err *argument_check(struct parser *p, const struct function *f, char want, const struct expr *arg, const char *at)
{
    static const struct {
        char letter;
        enum type type;
        const char *words;
    } kinds[] = {{'n', TYPE_NUMBER, "a number"}, {'b', TYPE_BOOL, "true or false"}, {'t', TYPE_TEXT, "a text"}, {'o', TYPE_OBJECT, "an object"}};
    if (want == 'T' && (arg->kind != EXPR_CONSTANT || arg->type != TYPE_TEXT)) {
        return lexer_complain(&p->l, at, "%s() needs a text in quotes here", f->name);
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        bool textual = kinds[i].letter == 't' && arg->type == TYPE_OBJECT;
        if (kinds[i].letter == want && arg->type != TYPE_ANY && arg->type != kinds[i].type && !textual) {
            return lexer_complain(&p->l, at, "%s() needs %s here", f->name, kinds[i].words);
        }
    }
    return NULL;
}

static struct ha_err *aggregate_register(struct parser *p, struct expr *e, const char *at)
{
    struct rule *rule = p->scope->rule;
    if (!p->scope->total || rule == NULL) {
        return lexer_complain(&p->l, at, "%s() is for totals", e->function->name);
    }
    if (rule->aggregate_count == RULE_AGGREGATES_MAX) {
        return lexer_complain(&p->l, at, "more than %u sums and counts in one rule", RULE_AGGREGATES_MAX);
    }
    e->kind = EXPR_AGGREGATE;
    e->number = rule->aggregate_count;
    rule->aggregates[rule->aggregate_count++] = e;
    return NULL;
}

static struct ha_err *arguments_parse(struct parser *p, struct expr *e)
{
    const struct function *f = e->function;
    const char *want = f->arguments;
    bool optional = false;
    while (!lexer_at_sign(&p->l, ')')) {
        if (*want == '?') {
            optional = true;
            want++;
        }
        if (*want == '\0' || e->arg_count == EXPR_ARGS_MAX) {
            return lexer_complain(&p->l, p->l.token.start, "too many arguments for %s()", f->name);
        }
        const char *at = p->l.token.start;
        HA_TRY(or_parse(p, &e->args[e->arg_count]));
        HA_TRY(argument_check(p, f, *want, e->args[e->arg_count], at));
        e->arg_count++;
        want += want[1] == '+' ? 0 : 1;
        if (!lexer_at_sign(&p->l, ',')) {
            break;
        }
        HA_TRY(lexer_next(&p->l));
    }
    bool repeated = e->arg_count > 0 && want[0] != '\0' && want[1] == '+';
    if (!optional && !repeated && *want != '\0' && *want != '?') {
        return lexer_complain(&p->l, p->l.token.start, "too few arguments for %s()", f->name);
    }
    return lexer_expect(&p->l, ')');
}

static struct ha_err *call_parse(struct parser *p, const char *name_at, size_t name_len, struct expr **ret)
{
    char name[40];
    snprintf(name, sizeof name, "%.*s", (int)name_len, name_at);
    const struct function *f = name_len < sizeof name ? function_find(name) : NULL;
    if (f == NULL) {
        return lexer_complain(&p->l, name_at, "there is no function '%s'", name);
    }
    if (f->aggregate && p->in_aggregate) {
        return lexer_complain(&p->l, name_at, "%s() inside of another sum", name);
    }
    if (!f->aggregate && f->type == TYPE_LIST && p->depth > 1) {
        return lexer_complain(&p->l, name_at, "%s() gives a list, which is for 'each' alone", name);
    }
    HA_TRY(node_new(p, EXPR_CALL, f->type, f->unit, ret));
    (*ret)->function = f;
    bool was = p->in_aggregate;
    p->in_aggregate = was || f->aggregate;
    HA_TRY(lexer_next(&p->l));
    HA_TRY(arguments_parse(p, *ret));
    p->in_aggregate = was;
    if (f->keeps_unit) {
        const struct expr *from = (*ret)->args[(*ret)->arg_count - 1];
        (*ret)->unit = from->unit;
        (*ret)->type = f->type == TYPE_ANY ? from->type : f->type;
    }
    return f->aggregate ? aggregate_register(p, *ret, name_at) : NULL;
}

/* ---- from the tightest binding to the loosest ---- */

static struct ha_err *constant_new(struct parser *p, enum type type, enum unit unit, struct value value, struct expr **ret)
{
    HA_TRY(node_new(p, EXPR_CONSTANT, type, unit, ret));
    (*ret)->constant = value;
    return lexer_next(&p->l);
}

static struct ha_err *name_parse(struct parser *p, struct expr **ret)
{
    if (lexer_at_word(&p->l, "true") || lexer_at_word(&p->l, "false")) {
        return constant_new(p, TYPE_BOOL, UNIT_ANY, value_bool(lexer_at_word(&p->l, "true")), ret);
    }
    if (lexer_at_word(&p->l, "null")) {
        return constant_new(p, TYPE_ANY, UNIT_ANY, value_null(), ret);
    }
    const char *behind = p->l.at + strspn(p->l.at, " ");
    if (*behind == '(') {
        const char *at = p->l.token.start;
        size_t len = p->l.token.len;
        HA_TRY(lexer_next(&p->l));
        return call_parse(p, at, len, ret);
    }
    if (total_scope(p)) {
        return total_name(p, ret);
    }
    if (lexer_at_word(&p->l, "this")) {
        HA_TRY(node_new(p, EXPR_THIS, TYPE_OBJECT, UNIT_ANY, ret));
        return lexer_next(&p->l);
    }
    return row_name(p, ret);
}

static struct ha_err *primary_parse(struct parser *p, struct expr **ret)
{
    struct token t = p->l.token;
    switch (t.kind) {
    case TOKEN_NUMBER:
        if (t.unit == UNIT_PERCENT) {
            HA_TRY(constant_new(p, TYPE_NUMBER, UNIT_BYTES, value_number(t.number), ret));
            (*ret)->kind = EXPR_HEAP_SHARE;
            return NULL;
        }
        return constant_new(p, TYPE_NUMBER, t.number == 0 ? UNIT_ANY : t.unit, value_number(t.number), ret);
    case TOKEN_TEXT: {
        const char *text = ha_arena_strndup(p->scope->arena, t.start, t.len);
        return text == NULL ? ha_err_nomem() : constant_new(p, TYPE_TEXT, UNIT_ANY, value_text(text), ret);
    }
    case TOKEN_NAME:
        return name_parse(p, ret);
    case TOKEN_SIGN:
        if (t.sign == '(') {
            HA_TRY(lexer_next(&p->l));
            HA_TRY(or_parse(p, ret));
            return lexer_expect(&p->l, ')');
        }
        break;
    case TOKEN_END:
        break;
    }
    return lexer_complain(&p->l, t.start, t.kind == TOKEN_END ? "it ends too early" : "a value is missing");
}

static struct ha_err *path_parse(struct parser *p, struct expr **ret)
{
    const char *at = p->l.token.start;
    HA_TRY(primary_parse(p, ret));
    while (lexer_at_sign(&p->l, '.')) {
        struct expr *field = NULL;
        if ((*ret)->type != TYPE_ANY && (*ret)->type != TYPE_OBJECT) {
            return lexer_complain(&p->l, at, "this has no fields");
        }
        HA_TRY(node_new(p, EXPR_FIELD, TYPE_ANY, UNIT_ANY, &field));
        field->args[0] = *ret;
        field->arg_count = 1;
        HA_TRY(lexer_next(&p->l));
        HA_TRY(names_take(p, field));
        *ret = field;
    }
    return NULL;
}

static struct ha_err *wants(struct parser *p, const struct expr *e, enum type type, const char *at, const char *words)
{
    return e->type == TYPE_ANY || e->type == type ? NULL : lexer_complain(&p->l, at, "%s", words);
}

static struct ha_err *unary_parse(struct parser *p, struct expr **ret)
{
    if (!lexer_at_sign(&p->l, '-')) {
        return path_parse(p, ret);
    }
    struct expr *e;
    HA_TRY(lexer_next(&p->l));
    const char *at = p->l.token.start;
    HA_TRY(path_parse(p, &e));
    HA_TRY(wants(p, e, TYPE_NUMBER, at, "'-' needs a number"));
    HA_TRY(node_new(p, EXPR_NEGATE, TYPE_NUMBER, e->unit, ret));
    (*ret)->args[0] = e;
    (*ret)->arg_count = 1;
    return NULL;
}

static enum unit common_unit(enum unit a, enum unit b)
{
    return a == UNIT_ANY ? b : a;
}

static const char *unit_name(enum unit unit)
{
    static const char *const names[] = {"numbers without unit", "counts", "bytes", "seconds", "percent"};
    return names[unit];
}

/* Beside a percentage, 50% is a percentage; everywhere else a share of the heap. */
static void share_settle(const struct expr *beside, struct expr *e)
{
    if (beside->unit == UNIT_PERCENT && e->kind == EXPR_HEAP_SHARE) {
        e->kind = EXPR_CONSTANT;
        e->unit = UNIT_PERCENT;
    }
}

static struct ha_err *units_check(struct parser *p, struct expr *a, struct expr *b, const char *at)
{
    share_settle(a, b);
    share_settle(b, a);
    if (a->unit != UNIT_ANY && b->unit != UNIT_ANY && a->unit != b->unit) {
        return lexer_complain(&p->l, at, "%s and %s do not go together", unit_name(a->unit), unit_name(b->unit));
    }
    return NULL;
}

static struct ha_err *pair_new(struct parser *p, enum expr_kind kind, enum type type, enum unit unit, struct expr *a, struct expr *b, struct expr **ret)
{
    HA_TRY(node_new(p, kind, type, unit, ret));
    (*ret)->args[0] = a;
    (*ret)->args[1] = b;
    (*ret)->arg_count = 2;
    return NULL;
}

static struct ha_err *else_parse(struct parser *p, struct expr **ret)
{
    HA_TRY(unary_parse(p, ret));
    while (lexer_at_sign(&p->l, '?')) {
        struct expr *b;
        HA_TRY(lexer_next(&p->l));
        const char *at = p->l.token.start;
        HA_TRY(unary_parse(p, &b));
        HA_TRY(units_check(p, *ret, b, at));
        enum type type = (*ret)->type == b->type ? b->type : TYPE_ANY;
        HA_TRY(pair_new(p, EXPR_ELSE, type, common_unit((*ret)->unit, b->unit), *ret, b, ret));
    }
    return NULL;
}

static struct ha_err *arithmetic_new(struct parser *p, enum operator op, struct expr *a, struct expr *b, const char *at, struct expr **ret)
{
    enum unit unit = common_unit(a->unit, b->unit);
    HA_TRY(wants(p, a, TYPE_NUMBER, at, "only numbers are added, subtracted, multiplied and divided"));
    HA_TRY(wants(p, b, TYPE_NUMBER, at, "only numbers are added, subtracted, multiplied and divided"));
    if (op == OPERATOR_ADD || op == OPERATOR_SUBTRACT) {
        HA_TRY(units_check(p, a, b, at));
    } else if (op == OPERATOR_DIVIDE) {
        unit = a->unit == b->unit ? UNIT_COUNT : a->unit;
    } else if (a->unit == UNIT_BYTES && b->unit == UNIT_BYTES) {
        return lexer_complain(&p->l, at, "bytes times bytes");
    } else {
        unit = a->unit == UNIT_BYTES || a->unit == UNIT_SECONDS ? a->unit : b->unit == UNIT_ANY ? a->unit : b->unit;
    }
    HA_TRY(pair_new(p, EXPR_ARITHMETIC, TYPE_NUMBER, unit, a, b, ret));
    (*ret)->operator = op;
    return NULL;
}

static struct ha_err *product_parse(struct parser *p, struct expr **ret)
{
    HA_TRY(else_parse(p, ret));
    while (lexer_at_sign(&p->l, '*') || lexer_at_sign(&p->l, '/')) {
        enum operator op = lexer_at_sign(&p->l, '*') ? OPERATOR_MULTIPLY : OPERATOR_DIVIDE;
        struct expr *b;
        const char *at = p->l.token.start;
        HA_TRY(lexer_next(&p->l));
        HA_TRY(else_parse(p, &b));
        HA_TRY(arithmetic_new(p, op, *ret, b, at, ret));
    }
    return NULL;
}

static struct ha_err *sum_parse(struct parser *p, struct expr **ret)
{
    HA_TRY(product_parse(p, ret));
    while (lexer_at_sign(&p->l, '+') || lexer_at_sign(&p->l, '-')) {
        enum operator op = lexer_at_sign(&p->l, '+') ? OPERATOR_ADD : OPERATOR_SUBTRACT;
        struct expr *b;
        const char *at = p->l.token.start;
        HA_TRY(lexer_next(&p->l));
        HA_TRY(product_parse(p, &b));
        HA_TRY(arithmetic_new(p, op, *ret, b, at, ret));
    }
    return NULL;
}

static struct ha_err *compare_parse(struct parser *p, struct expr **ret)
{
    static const char signs[] = "=!<l>g"; // in the order of enum operator
    HA_TRY(sum_parse(p, ret));
    const char *found = p->l.token.kind == TOKEN_SIGN ? strchr(signs, p->l.token.sign) : NULL;
    if (found == NULL) {
        return NULL;
    }
    enum operator op = (enum operator)(found - signs);
    struct expr *a = *ret, *b;
    const char *at = p->l.token.start;
    HA_TRY(lexer_next(&p->l));
    HA_TRY(sum_parse(p, &b));
    if (op >= OPERATOR_LESS) {
        HA_TRY(wants(p, a, TYPE_NUMBER, at, "only numbers are larger or smaller"));
        HA_TRY(wants(p, b, TYPE_NUMBER, at, "only numbers are larger or smaller"));
    }
    HA_TRY(units_check(p, a, b, at));
    HA_TRY(pair_new(p, EXPR_COMPARE, TYPE_BOOL, UNIT_ANY, a, b, ret));
    (*ret)->operator = op;
    return NULL;
}

static struct ha_err *not_parse(struct parser *p, struct expr **ret)
{
    unsigned times = 0;
    while (lexer_at_word(&p->l, "not")) {
        HA_TRY(lexer_next(&p->l));
        times++;
    }
    const char *at = p->l.token.start;
    struct expr *e;
    HA_TRY(compare_parse(p, ret));
    if (times % 2 == 1) {
        e = *ret;
        HA_TRY(wants(p, e, TYPE_BOOL, at, "'not' needs true or false"));
        HA_TRY(node_new(p, EXPR_NOT, TYPE_BOOL, UNIT_ANY, ret));
        (*ret)->args[0] = e;
        (*ret)->arg_count = 1;
    }
    return NULL;
}

static struct ha_err *and_parse(struct parser *p, struct expr **ret)
{
    const char *at = p->l.token.start;
    HA_TRY(not_parse(p, ret));
    while (lexer_at_word(&p->l, "and")) {
        struct expr *b;
        HA_TRY(wants(p, *ret, TYPE_BOOL, at, "'and' needs true or false"));
        HA_TRY(lexer_next(&p->l));
        at = p->l.token.start;
        HA_TRY(not_parse(p, &b));
        HA_TRY(wants(p, b, TYPE_BOOL, at, "'and' needs true or false"));
        HA_TRY(pair_new(p, EXPR_AND, TYPE_BOOL, UNIT_ANY, *ret, b, ret));
    }
    return NULL;
}

static struct ha_err *or_parse(struct parser *p, struct expr **ret)
{
    if (++p->depth > EXPR_DEPTH_MAX) {
        return lexer_complain(&p->l, p->l.token.start, "nested deeper than %u", EXPR_DEPTH_MAX);
    }
    const char *at = p->l.token.start;
    HA_TRY(and_parse(p, ret));
    while (lexer_at_word(&p->l, "or")) {
        struct expr *b;
        HA_TRY(wants(p, *ret, TYPE_BOOL, at, "'or' needs true or false"));
        HA_TRY(lexer_next(&p->l));
        at = p->l.token.start;
        HA_TRY(and_parse(p, &b));
        HA_TRY(wants(p, b, TYPE_BOOL, at, "'or' needs true or false"));
        HA_TRY(pair_new(p, EXPR_OR, TYPE_BOOL, UNIT_ANY, *ret, b, ret));
    }
    p->depth--;
    return NULL;
}

struct ha_err *expr_parse(const struct scope *scope, const char *text, struct expr **ret)
{
    struct parser p = {.l = {.text = text, .at = text}, .scope = scope};
    HA_TRY(lexer_next(&p.l));
    HA_TRY(or_parse(&p, ret));
    (*ret)->uses_native = p.uses_native;
    return p.l.token.kind == TOKEN_END ? NULL : lexer_complain(&p.l, p.l.token.start, "something is left over");
}
