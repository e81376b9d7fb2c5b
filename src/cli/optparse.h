/* SPDX-License-Identifier: MIT */
/*
 * Options as tables: one row says how an option is spelt, what it takes, where its value goes and what the help says. Parsing, help and
 * man page all read the same rows.
 *
 *     static const struct opt options[] = {
 *         {.name = "depth", .argument = "N", .kind = OPT_COUNT, .offset = offsetof(struct values, depth), .min = 1, .max = 100, .help = "…"},
 *     };
 *
 * Values lie in a struct of the table's owner; an option that is not given leaves its value as it was.
 */
#ifndef HA_SRC_CLI_OPTPARSE_H
#define HA_SRC_CLI_OPTPARSE_H

#include "ha/base/arena.h"
#include "ha/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum opt_kind {
    OPT_FLAG,    /* bool */
    OPT_COUNT,   /* uint64_t, min … max */
    OPT_SIZE,    /* uint64_t bytes, "64M", min … max */
    OPT_SHARE,   /* struct opt_share: "10%" or a size */
    OPT_CHOICE,  /* unsigned: number of the word in .choices */
    OPT_TEXT,    /* const char * */
    OPT_WORDS,   /* struct opt_words: may be given several times; options with the same offset share the list */
    OPT_ADDRESS  /* struct opt_address */
};

struct opt {
    char letter;          /* 0: none */
    const char *name;
    const char *argument; /* what the help calls it; for OPT_CHOICE the choices stand here too */
    enum opt_kind kind;
    size_t offset;
    uint64_t min, max;    /* OPT_COUNT, OPT_SIZE */
    const char *help;
};

struct opt_share {
    double percent;
    uint64_t bytes; /* 0: percent counts */
};

struct opt_word {
    char letter; /* of the option */
    const char *text;
};

struct opt_words {
    struct opt_word *list;
    size_t count;
};

struct opt_address {
    bool given;
    uint64_t value;
};

/* One table and where its values go. */
struct opt_set {
    const struct opt *options;
    size_t count;
    void *values;
};

#define OPT_SETS_MAX 2

/* A command line being read. The second set may be added while reading, when the command is known. */
struct opt_parser {
    char **argv;
    int argc;
    int next;               /* word to read next */
    const char *bundle;     /* rest of a word of short options ("-qv"), or NULL */
    bool operands_only;     /* "--" was seen */
    struct opt_set sets[OPT_SETS_MAX];
    size_t set_count;
    struct ha_arena *arena; /* for lists of words */
};

/* Reads up to the next operand. *ret is the operand, NULL at the end of the line. HA_ERR_USAGE: one line that says what is wrong. */
struct ha_err *opt_next(struct opt_parser *parser, const char **ret) HA_WARN_UNUSED;

/* ---- single values; each wants the whole text ---- */

struct ha_err *opt_parse_count(const char *text, const char *what, uint64_t min, uint64_t max, uint64_t *ret) HA_WARN_UNUSED;
struct ha_err *opt_parse_size(const char *text, const char *what, uint64_t *ret) HA_WARN_UNUSED; /* "64K", "1.5GiB" */
struct ha_err *opt_parse_share(const char *text, const char *what, struct opt_share *ret) HA_WARN_UNUSED;
struct ha_err *opt_parse_address(const char *text, uint64_t *ret) HA_WARN_UNUSED; /* "0x7f…" */

/* The number of a word in "a|b|c"; false: it is none of them. */
bool opt_choice(const char *choices, const char *word, unsigned *ret);

#endif
