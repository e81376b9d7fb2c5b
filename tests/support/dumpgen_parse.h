/* SPDX-License-Identifier: MIT */
/*
 * Shared by the parts of the parser of heap texts, private to them.
 *
 *   dumpgen_parse.c      the loop over directives and the values of fields and elements
 *   dumpgen_model_dirs.c directives that add classes and objects
 *   dumpgen_root_dirs.c  directives that add threads and roots
 *   dumpgen_file_dirs.c  directives about the file: header, framing, order, damage
 *
 * A directive function is called with its first argument as the current token and returns false after parse_fail().
 */
#ifndef DUMPGEN_PARSE_H
#define DUMPGEN_PARSE_H

#include "dumpgen_lex.h"

struct parser {
    struct gen_file *f;
    struct gen_lex lex;
    const char *name;
    struct gen_error *error;
    int directive_line;
    uint32_t last_thread; /* serial of the last thread directive */
    uint32_t next_thread;
    bool has_thread;
};

struct directive {
    const char *name;
    bool (*parse)(struct parser *p);
};

extern const struct directive gen_model_directives[];
extern const struct directive gen_root_directives[];
extern const struct directive gen_file_directives[];

/* Writes "name:line: message" unless there is a message already; returns false. */
bool parse_fail(struct parser *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Take the current token if it fits and go on to the next. */
bool parse_word(struct parser *p, const char **ret); /* interned */
bool parse_keyword(struct parser *p, const char *word);
bool parse_number(struct parser *p, int64_t *ret);
bool parse_unsigned(struct parser *p,
                    uint64_t *ret);              /* fails with a message when there is no number */
bool parse_u32(struct parser *p, uint32_t *ret); /* the low 32 bits, so -1 is UINT32_MAX */
bool parse_address(struct parser *p, uint64_t *ret); /* @0x10, @name; fails with a message */

const char *token_text(const struct parser *p); /* for messages */
bool at_end(const struct parser *p);
bool at_address(const struct parser *p);

/* An address for the thing being defined where a class name or value follows; without one a new label. */
bool parse_own_id(struct parser *p, uint64_t *ret);

/* The value of a field or element: bits of the type. */
bool parse_value(struct parser *p, enum hprof_type type, uint64_t *ret);

/* FIELD=VALUE for object number `at` of the heap (making a string value may move the objects, so no pointer). */
bool parse_assignment(struct parser *p, size_t at);

/* "word*3": cuts the count off the current word and returns it; 1 without. */
uint64_t parse_repeat(struct parser *p);

/* A class: its name, or @id. */
bool parse_class(struct parser *p, uint64_t *ret);

/* Reads directives without resolving labels: the texts of `use`, and the body of gen_parse(). */
bool parse_text(struct gen_file *f, const char *name, const char *text, struct gen_error *error);

/* Bytes as pairs of hex digits, "text", u1:N u2:N u4:N u8:N id:@X, up to the end of the directive. */
bool parse_bytes(struct parser *p, struct sup_bytes *ret);

#endif
