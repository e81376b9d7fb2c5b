/* SPDX-License-Identifier: MIT */
/*
 * Words of an expression:
 *
 *     number   12  3.5, with its unit behind it: 10MiB 5% 2h
 *     text     'without a quote in it'
 *     name     letters, digits, '_' and '$'
 *     sign     == != <= >= ?? < > + - * / ( ) . , |
 */
#include "rules/rules_lexer.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct ha_err *lexer_complain(const struct lexer *l, const char *at, const char *fmt, ...)
{
    char message[300];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    return ha_err_new(HA_ERR_USAGE, "%s (at character %zu of '%s')", message, (size_t)(at - l->text) + 1, l->text);
}

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
static struct ha_err *unit_take(struct lexer *l)
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
    if (*l->at == '%') {
        l->at++;
        l->token.unit = UNIT_PERCENT;
        return NULL;
    }
    size_t len = name_length(l->at);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strlen(units[i].name) == len && strncmp(l->at, units[i].name, len) == 0) {
            l->token.unit = units[i].unit;
            l->token.number *= units[i].factor;
            l->at += len;
            return NULL;
        }
    }
    return lexer_complain(l, l->at, "unknown unit '%.*s': use B, KiB, MiB, GiB, s, min, h, d or %%", (int)(len < 40 ? len : 40), l->at);
}

static struct ha_err *number_take(struct lexer *l)
{
    double scale = 1;
    l->token.kind = TOKEN_NUMBER;
    while (is_digit(*l->at)) {
        l->token.number = l->token.number * 10 + (*l->at++ - '0');
    }
    if (l->at[0] == '.' && is_digit(l->at[1])) {
        l->at++;
        while (is_digit(*l->at)) {
            scale /= 10;
            l->token.number += scale * (*l->at++ - '0');
        }
    }
    HA_TRY(unit_take(l));
    return isfinite(l->token.number) ? NULL : lexer_complain(l, l->token.start, "too large a number");
}

static struct ha_err *sign_take(struct lexer *l)
{
    static const struct {
        char text[3];
        char sign;
    } pairs[] = {{"==", '='}, {"!=", '!'}, {"<=", 'l'}, {">=", 'g'}, {"??", '?'}};
    l->token.kind = TOKEN_SIGN;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (strncmp(l->at, pairs[i].text, 2) == 0) {
            l->token.sign = pairs[i].sign;
            l->at += 2;
            return NULL;
        }
    }
    if (strchr("<>+-*/().,|", *l->at) == NULL) {
        return lexer_complain(l, l->at, "unexpected '%c'", *l->at);
    }
    l->token.sign = *l->at++;
    return NULL;
}

struct ha_err *lexer_next(struct lexer *l)
{
    while (*l->at == ' ' || *l->at == '\n') {
        l->at++;
    }
    l->token = (struct token){.kind = TOKEN_END, .start = l->at};
    if (*l->at == '\0') {
        return NULL;
    }
    if (is_digit(*l->at)) {
        return number_take(l);
    }
    if (is_name_start(*l->at)) {
        l->token.kind = TOKEN_NAME;
        l->token.len = name_length(l->at);
        l->at += l->token.len;
        return NULL;
    }
    if (*l->at == '\'') {
        const char *end = strchr(l->at + 1, '\'');
        if (end == NULL) {
            return lexer_complain(l, l->at, "a text without its closing quote");
        }
        l->token.kind = TOKEN_TEXT;
        l->token.start = l->at + 1;
        l->token.len = (size_t)(end - l->token.start);
        l->at = end + 1;
        return NULL;
    }
    return sign_take(l);
}

bool lexer_at_sign(const struct lexer *l, char sign)
{
    return l->token.kind == TOKEN_SIGN && l->token.sign == sign;
}

bool lexer_at_word(const struct lexer *l, const char *word)
{
    return l->token.kind == TOKEN_NAME && strlen(word) == l->token.len && strncmp(l->token.start, word, l->token.len) == 0;
}

struct ha_err *lexer_expect(struct lexer *l, char sign)
{
    if (!lexer_at_sign(l, sign)) {
        return lexer_complain(l, l->token.start, "'%c' is missing", sign);
    }
    return lexer_next(l);
}
