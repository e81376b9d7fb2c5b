/* SPDX-License-Identifier: MIT */
/*
 * Words of the heap text (dumpgen.h), private to the parser.
 *
 * A token is one of
 *     WORD     anything up to a blank, comma, quote, '=' or bracket; "[]" belongs to the word: java.lang.Object[]
 *     STRING   "…" with \n \r \t \0 \" \\ \xHH \uHHHH (written as UTF-8)
 *     CHAR     'c' or '\n', one code point
 *     [ ] =    themselves
 *     END      end of the directive: end of the line, unless the next line begins with a blank
 *
 */
#ifndef DUMPGEN_LEX_H
#define DUMPGEN_LEX_H

#include "dumpgen.h"

enum gen_token_kind {
    GEN_WORD,
    GEN_STRING,
    GEN_CHAR,
    GEN_OPEN,
    GEN_CLOSE,
    GEN_EQUALS,
    GEN_END,
    GEN_BAD
};

struct gen_lex {
    const char *at;
    int line;      /* of the token */
    int next_line; /* of at */
    enum gen_token_kind kind;
    char *text; /* word, or text of the string; NUL-terminated, replaced by the next token */
    size_t len;
    uint32_t code; /* of a CHAR */
};

/* text must live as long as l. The first token is read by gen_lex_directive(). */
void gen_lex_init(struct gen_lex *l, const char *text);
void gen_lex_deinit(struct gen_lex *l);

/* Goes to the first token of the next directive; false at the end of the text. A blank before the first directive is fine. */
bool gen_lex_directive(struct gen_lex *l);

void gen_lex_next(struct gen_lex *l);

#endif
