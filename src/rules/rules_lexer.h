/* SPDX-License-Identifier: MIT */
/*
 * Words of an expression (rules_expr.h), one at a time, and messages that say where in it something is wrong.
 *
 *     lexer_next(&l);                         l.token: the next word; TOKEN_END behind the last
 *     if (lexer_at_sign(&l, '(')) …
 */
#ifndef HA_SRC_RULES_RULES_LEXER_H
#define HA_SRC_RULES_RULES_LEXER_H

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

struct lexer {
    const char *text, *at; /* behind the token */
    struct token token;
};

/* Takes the next token. HA_ERR_USAGE: there is something that is none. */
struct ha_err *lexer_next(struct lexer *l) HA_WARN_UNUSED;

/* Whether the token is that sign or word. */
bool lexer_at_sign(const struct lexer *l, char sign);
bool lexer_at_word(const struct lexer *l, const char *word);

/* Takes the next token if this one is that sign. */
struct ha_err *lexer_expect(struct lexer *l, char sign) HA_WARN_UNUSED;

/* HA_ERR_USAGE: "MESSAGE (at character N of 'TEXT')". */
struct ha_err *lexer_complain(const struct lexer *l, const char *at, const char *fmt, ...) HA_PRINTF(3, 4) HA_WARN_UNUSED;

#endif
