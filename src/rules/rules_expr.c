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
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "rules/rules_model.h"

enum token_kind {
    TOKEN_END,
    TOKEN_NAME,
    TOKEN_NUMBER,
    TOKEN_TEXT,
    TOKEN_SIGN /* an operator or a bracket: sign */
};

struct token {
    enum token_kind kind;
    const char *start;
    size_t len;
    double number;
    enum unit unit;
    char sign; /* '=' ==, '!' !=, 'l' <=, 'g' >=, '?' ??, else the character */
};

struct parser {
    const struct scope *scope;
    const char *text, *at;
    struct token token;
    uint32_t nodes, depth;
    bool in_aggregate;
    bool uses_native;
};

static HA_PRINTF(3, 4) struct ha_err *complain(const struct parser *p, const char *at, const char *fmt, ...)
{
    char message[300];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    return ha_err_new(HA_ERR_USAGE, "%s (at character %zu of '%s')", message, (size_t)(at - p->text) + 1, p->text);
}

/* ---- words ---- */

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t name_length(const char *s)
{
    size_t len = 0;
    while (is_name_start(s[len]) || (len > 0 && is_digit(s[len]))) {
        len++;
    }
    return len;
}

/* What stands behind a number. */
static struct ha_err *unit_take(struct parser *p)
{
    static const struct {
        const char *name;
        enum unit unit;
        double factor;
    } units[] = {
        {"", UNIT_COUNT, 1},
        {"B", UNIT_BYTES, 1},
        {"K", UNIT_BYTES, 1024},
        {"M", UNIT_BYTES, 1048576},
        {"G", UNIT_BYTES, 1073741824},
        {"KiB", UNIT_BYTES, 1024},
        {"MiB", UNIT_BYTES, 1048576},
        {"GiB", UNIT_BYTES, 1073741824},
        {"s", UNIT_SECONDS, 1},
        {"min", UNIT_SECONDS, 60},
        {"h", UNIT_SECONDS, 3600},
        {"d", UNIT_SECONDS, 86400},
    };
    if (*p->at == '%') {
        p->at++;
        p->token.unit = UNIT_PERCENT;
        return NULL;
    }
    size_t len = name_length(p->at);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strlen(units[i].name) == len && strncmp(p->at, units[i].name, len) == 0) {
            p->token.unit = units[i].unit;
            p->token.number *= units[i].factor;
            p->at += len;
            return NULL;
        }
    }
    return complain(p, p->at, "unknown unit '%.*s': use B, KiB, MiB, GiB, s, min, h, d or %%", (int)(len < 40 ? len : 40), p->at);
}

static struct ha_err *number_take(struct parser *p)
{
    double scale = 1;
    p->token.kind = TOKEN_NUMBER;
    while (is_digit(*p->at)) {
        p->token.number = p->token.number * 10 + (*p->at++ - '0');
    }
    if (p->at[0] == '.' && is_digit(p->at[1])) {
        p->at++;
        while (is_digit(*p->at)) {
            scale /= 10;
            p->token.number += scale * (*p->at++ - '0');
        }
    }
    HA_TRY(unit_take(p));
    return isfinite(p->token.number) ? NULL : complain(p, p->token.start, "too large a number");
}

static struct ha_err *sign_take(struct parser *p)
{
    static const struct {
        char text[3];
        char sign;
    } pairs[] = {{"==", '='}, {"!=", '!'}, {"<=", 'l'}, {">=", 'g'}, {"??", '?'}};
    p->token.kind = TOKEN_SIGN;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (strncmp(p->at, pairs[i].text, 2) == 0) {
            p->token.sign = pairs[i].sign;
            p->at += 2;
            return NULL;
        }
    }
    if (strchr("<>+-*/().,|", *p->at) == NULL) {
        return complain(p, p->at, "unexpected '%c'", *p->at);
    }
    p->token.sign = *p->at++;
    return NULL;
}

static struct ha_err *next(struct parser *p)
{
    while (*p->at == ' ' || *p->at == '\n') {
        p->at++;
    }
    p->token = (struct token){.kind = TOKEN_END, .start = p->at};
    if (*p->at == '\0') {
        return NULL;
    }
    if (is_digit(*p->at)) {
        return number_take(p);
    }
    if (is_name_start(*p->at)) {
        p->token.kind = TOKEN_NAME;
        p->token.len = name_length(p->at);
        p->at += p->token.len;
        return NULL;
    }
    if (*p->at == '\'') {
        const char *end = strchr(p->at + 1, '\'');
        if (end == NULL) {
            return complain(p, p->at, "a text without its closing quote");
        }
        p->token.kind = TOKEN_TEXT;
        p->token.start = p->at + 1;
        p->token.len = (size_t)(end - p->token.start);
        p->at = end + 1;
        return NULL;
    }
    return sign_take(p);
}

static bool is_sign(const struct parser *p, char sign)
{
    return p->token.kind == TOKEN_SIGN && p->token.sign == sign;
}

static bool is_word(const struct parser *p, const char *word)
{
    return p->token.kind == TOKEN_NAME && strlen(word) == p->token.len && strncmp(p->token.start, word, p->token.len) == 0;
}

static struct ha_err *expect(struct parser *p, char sign)
{
    if (!is_sign(p, sign)) {
        return complain(p, p->token.start, "'%c' is missing", sign);
    }
    return next(p);
}

/* ---- nodes ---- */

static struct ha_err *node_new(struct parser *p, enum expr_kind kind, enum type type, enum unit unit, struct expr **ret)
{
    struct expr *e = ha_arena_calloc(p->scope->arena, 1, sizeof *e);
    if (e == NULL) {
        return ha_err_nomem();
    }
    if (++p->nodes > EXPR_NODES_MAX) {
        return complain(p, p->at, "longer than %u parts", EXPR_NODES_MAX);
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
        if (p->token.kind != TOKEN_NAME) {
            return complain(p, p->token.start, "a name is missing");
        }
        if (e->name_count == FIELD_NAMES_MAX) {
            return complain(p, p->token.start, "more than %u names for one field", FIELD_NAMES_MAX);
        }
        const char *name = ha_arena_strndup(p->scope->arena, p->token.start, p->token.len);
        if (name == NULL) {
            return ha_err_nomem();
        }
        e->names[e->name_count++] = name;
        HA_TRY(next(p));
        if (!is_sign(p, '|')) {
            return NULL;
        }
        HA_TRY(next(p));
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
    int i = named_find(rule->totals, rule->total_count, &p->token);
    if (i >= 0) {
        HA_TRY(node_new(p, EXPR_VALUE, rule->totals[i].expr->type, rule->totals[i].expr->unit, ret));
        (*ret)->number = (uint32_t)i;
        p->uses_native = p->uses_native || rule->totals[i].expr->uses_native;
        return next(p);
    }
    for (size_t k = 0; k < sizeof builtins / sizeof *builtins; k++) {
        if (is_word(p, builtins[k].name)) {
            HA_TRY(node_new(p, EXPR_BUILTIN, builtins[k].type, builtins[k].unit, ret));
            (*ret)->number = (uint32_t)k;
            p->uses_native = p->uses_native || k == BUILTIN_NATIVE;
            return next(p);
        }
    }
    return complain(p, p->token.start, "'%.*s' is no total of this rule", (int)p->token.len, p->token.start);
}

static struct ha_err *row_name(struct parser *p, struct expr **ret)
{
    const struct rule *rule = p->scope->rule;
    int i = named_find(rule->values, rule->value_count, &p->token);
    if (i >= 0) {
        HA_TRY(node_new(p, EXPR_VALUE, rule->values[i].expr->type, rule->values[i].expr->unit, ret));
        (*ret)->number = (uint32_t)i;
        return next(p);
    }
    for (uint32_t c = 0; p->scope->columns != NULL && p->scope->columns[c] != NULL; c++) {
        if (is_word(p, p->scope->columns[c])) {
            HA_TRY(node_new(p, EXPR_COLUMN, TYPE_ANY, UNIT_ANY, ret));
            (*ret)->number = c;
            return next(p);
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
        return complain(p, at, "%s() needs a text in quotes here", f->name);
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        bool textual = kinds[i].letter == 't' && arg->type == TYPE_OBJECT;
        if (kinds[i].letter == want && arg->type != TYPE_ANY && arg->type != kinds[i].type && !textual) {
            return complain(p, at, "%s() needs %s here", f->name, kinds[i].words);
        }
    }
    return NULL;
}

static struct ha_err *aggregate_register(struct parser *p, struct expr *e, const char *at)
{
    struct rule *rule = p->scope->rule;
    if (!p->scope->total || rule == NULL) {
        return complain(p, at, "%s() is for totals", e->function->name);
    }
    if (rule->aggregate_count == RULE_AGGREGATES_MAX) {
        return complain(p, at, "more than %u sums and counts in one rule", RULE_AGGREGATES_MAX);
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
    while (!is_sign(p, ')')) {
        if (*want == '?') {
            optional = true;
            want++;
        }
        if (*want == '\0' || e->arg_count == EXPR_ARGS_MAX) {
            return complain(p, p->token.start, "too many arguments for %s()", f->name);
        }
        const char *at = p->token.start;
        HA_TRY(or_parse(p, &e->args[e->arg_count]));
        HA_TRY(argument_check(p, f, *want, e->args[e->arg_count], at));
        e->arg_count++;
        want += want[1] == '+' ? 0 : 1;
        if (!is_sign(p, ',')) {
            break;
        }
        HA_TRY(next(p));
    }
    bool repeated = e->arg_count > 0 && want[0] != '\0' && want[1] == '+';
    if (!optional && !repeated && *want != '\0' && *want != '?') {
        return complain(p, p->token.start, "too few arguments for %s()", f->name);
    }
    return expect(p, ')');
}

static struct ha_err *call_parse(struct parser *p, const char *name_at, size_t name_len, struct expr **ret)
{
    char name[40];
    snprintf(name, sizeof name, "%.*s", (int)name_len, name_at);
    const struct function *f = name_len < sizeof name ? function_find(name) : NULL;
    if (f == NULL) {
        return complain(p, name_at, "there is no function '%s'", name);
    }
    if (f->aggregate && p->in_aggregate) {
        return complain(p, name_at, "%s() inside of another sum", name);
    }
    if (!f->aggregate && f->type == TYPE_LIST && p->depth > 1) {
        return complain(p, name_at, "%s() gives a list, which is for 'each' alone", name);
    }
    HA_TRY(node_new(p, EXPR_CALL, f->type, f->unit, ret));
    (*ret)->function = f;
    bool was = p->in_aggregate;
    p->in_aggregate = was || f->aggregate;
    HA_TRY(next(p));
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
    return next(p);
}

static struct ha_err *name_parse(struct parser *p, struct expr **ret)
{
    if (is_word(p, "true") || is_word(p, "false")) {
        return constant_new(p, TYPE_BOOL, UNIT_ANY, value_bool(is_word(p, "true")), ret);
    }
    if (is_word(p, "null")) {
        return constant_new(p, TYPE_ANY, UNIT_ANY, value_null(), ret);
    }
    const char *behind = p->at + strspn(p->at, " ");
    if (*behind == '(') {
        const char *at = p->token.start;
        size_t len = p->token.len;
        HA_TRY(next(p));
        return call_parse(p, at, len, ret);
    }
    if (total_scope(p)) {
        return total_name(p, ret);
    }
    if (is_word(p, "this")) {
        HA_TRY(node_new(p, EXPR_THIS, TYPE_OBJECT, UNIT_ANY, ret));
        return next(p);
    }
    return row_name(p, ret);
}

static struct ha_err *primary_parse(struct parser *p, struct expr **ret)
{
    struct token t = p->token;
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
            HA_TRY(next(p));
            HA_TRY(or_parse(p, ret));
            return expect(p, ')');
        }
        break;
    case TOKEN_END:
        break;
    }
    return complain(p, t.start, t.kind == TOKEN_END ? "it ends too early" : "a value is missing");
}

static struct ha_err *path_parse(struct parser *p, struct expr **ret)
{
    const char *at = p->token.start;
    HA_TRY(primary_parse(p, ret));
    while (is_sign(p, '.')) {
        struct expr *field = NULL;
        if ((*ret)->type != TYPE_ANY && (*ret)->type != TYPE_OBJECT) {
            return complain(p, at, "this has no fields");
        }
        HA_TRY(node_new(p, EXPR_FIELD, TYPE_ANY, UNIT_ANY, &field));
        field->args[0] = *ret;
        field->arg_count = 1;
        HA_TRY(next(p));
        HA_TRY(names_take(p, field));
        *ret = field;
    }
    return NULL;
}

static struct ha_err *wants(struct parser *p, const struct expr *e, enum type type, const char *at, const char *words)
{
    return e->type == TYPE_ANY || e->type == type ? NULL : complain(p, at, "%s", words);
}

static struct ha_err *unary_parse(struct parser *p, struct expr **ret)
{
    if (!is_sign(p, '-')) {
        return path_parse(p, ret);
    }
    struct expr *e;
    HA_TRY(next(p));
    const char *at = p->token.start;
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
        return complain(p, at, "%s and %s do not go together", unit_name(a->unit), unit_name(b->unit));
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
    while (is_sign(p, '?')) {
        struct expr *b;
        HA_TRY(next(p));
        const char *at = p->token.start;
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
        return complain(p, at, "bytes times bytes");
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
    while (is_sign(p, '*') || is_sign(p, '/')) {
        enum operator op = is_sign(p, '*') ? OPERATOR_MULTIPLY : OPERATOR_DIVIDE;
        struct expr *b;
        const char *at = p->token.start;
        HA_TRY(next(p));
        HA_TRY(else_parse(p, &b));
        HA_TRY(arithmetic_new(p, op, *ret, b, at, ret));
    }
    return NULL;
}

static struct ha_err *sum_parse(struct parser *p, struct expr **ret)
{
    HA_TRY(product_parse(p, ret));
    while (is_sign(p, '+') || is_sign(p, '-')) {
        enum operator op = is_sign(p, '+') ? OPERATOR_ADD : OPERATOR_SUBTRACT;
        struct expr *b;
        const char *at = p->token.start;
        HA_TRY(next(p));
        HA_TRY(product_parse(p, &b));
        HA_TRY(arithmetic_new(p, op, *ret, b, at, ret));
    }
    return NULL;
}

static struct ha_err *compare_parse(struct parser *p, struct expr **ret)
{
    static const char signs[] = "=!<l>g"; // in the order of enum operator
    HA_TRY(sum_parse(p, ret));
    const char *found = p->token.kind == TOKEN_SIGN ? strchr(signs, p->token.sign) : NULL;
    if (found == NULL) {
        return NULL;
    }
    enum operator op = (enum operator)(found - signs);
    struct expr *a = *ret, *b;
    const char *at = p->token.start;
    HA_TRY(next(p));
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
    while (is_word(p, "not")) {
        HA_TRY(next(p));
        times++;
    }
    const char *at = p->token.start;
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
    const char *at = p->token.start;
    HA_TRY(not_parse(p, ret));
    while (is_word(p, "and")) {
        struct expr *b;
        HA_TRY(wants(p, *ret, TYPE_BOOL, at, "'and' needs true or false"));
        HA_TRY(next(p));
        at = p->token.start;
        HA_TRY(not_parse(p, &b));
        HA_TRY(wants(p, b, TYPE_BOOL, at, "'and' needs true or false"));
        HA_TRY(pair_new(p, EXPR_AND, TYPE_BOOL, UNIT_ANY, *ret, b, ret));
    }
    return NULL;
}

static struct ha_err *or_parse(struct parser *p, struct expr **ret)
{
    if (++p->depth > EXPR_DEPTH_MAX) {
        return complain(p, p->token.start, "nested deeper than %u", EXPR_DEPTH_MAX);
    }
    const char *at = p->token.start;
    HA_TRY(and_parse(p, ret));
    while (is_word(p, "or")) {
        struct expr *b;
        HA_TRY(wants(p, *ret, TYPE_BOOL, at, "'or' needs true or false"));
        HA_TRY(next(p));
        at = p->token.start;
        HA_TRY(and_parse(p, &b));
        HA_TRY(wants(p, b, TYPE_BOOL, at, "'or' needs true or false"));
        HA_TRY(pair_new(p, EXPR_OR, TYPE_BOOL, UNIT_ANY, *ret, b, ret));
    }
    p->depth--;
    return NULL;
}

struct ha_err *expr_parse(const struct scope *scope, const char *text, struct expr **ret)
{
    struct parser p = {.scope = scope, .text = text, .at = text};
    HA_TRY(next(&p));
    HA_TRY(or_parse(&p, ret));
    (*ret)->uses_native = p.uses_native;
    return p.token.kind == TOKEN_END ? NULL : complain(&p, p.token.start, "something is left over");
}

/* ---- texts with {placeholders} ---- */

static struct ha_err *piece_add(const struct scope *scope, struct text_piece ***end, struct text_piece **ret)
{
    struct text_piece *piece = ha_arena_calloc(scope->arena, 1, sizeof *piece);
    if (piece == NULL) {
        return ha_err_nomem();
    }
    **end = piece;
    *end = &piece->next;
    *ret = piece;
    return NULL;
}

struct ha_err *text_parse(const struct scope *scope, const char *text, struct text_piece **ret)
{
    struct text_piece **end = ret;
    *ret = NULL;
    for (const char *at = text; *at != '\0';) {
        struct text_piece *piece = NULL;
        size_t len = strcspn(at, "{");
        HA_TRY(piece_add(scope, &end, &piece));
        if (len > 0) {
            piece->literal = ha_arena_strndup(scope->arena, at, len);
            at += len;
        } else {
            len = strcspn(at, "}");
            if (at[len] == '\0') {
                return ha_err_new(HA_ERR_USAGE, "'{' without its '}' in '%s'", text);
            }
            const char *inside = ha_arena_strndup(scope->arena, at + 1, len - 1);
            if (inside == NULL) {
                return ha_err_nomem();
            }
            HA_TRY(expr_parse(scope, inside, &piece->expr));
            at += len + 1;
        }
        if (piece->literal == NULL && piece->expr == NULL) {
            return ha_err_nomem();
        }
    }
    return NULL;
}
