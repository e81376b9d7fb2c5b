/* SPDX-License-Identifier: MIT */
/*
 * Reading the command line by tables.
 *
 * Long options are spelt out ("--top 5", "--top=5"), short ones may be bundled ("-qv", "-n5"). Options and operands mix freely up to "--".
 */
#include "cli/optparse.h"

#include <ctype.h>
#include <string.h>

#include "cli/typo.h"
#include "ha/base/checked.h"

/* ---- values ---- */

/* Decimal digits at the beginning of text; false: none, or too many. */
static bool digits_read(const char **text, uint64_t *ret)
{
    uint64_t v = 0;
    const char *s = *text;
    for (; isdigit((unsigned char)*s); s++) {
        if (!ha_mul_u64(v, 10, &v) || !ha_add_u64(v, (uint64_t)(*s - '0'), &v)) {
            return false;
        }
    }
    bool any = s != *text;
    *text = s;
    *ret = v;
    return any;
}

/* "12", "1.5": digits with an optional fraction. */
static bool decimal_read(const char **text, double *ret)
{
    uint64_t whole;
    if (!digits_read(text, &whole)) {
        return false;
    }
    double v = (double)whole;
    if (**text == '.') {
        double unit = 0.1;
        for ((*text)++; isdigit((unsigned char)**text); (*text)++) {
            v += unit * (**text - '0');
            unit /= 10;
        }
    }
    *ret = v;
    return true;
}

struct ha_err *opt_parse_count(const char *text, const char *what, uint64_t min, uint64_t max,
                               uint64_t *ret)
{
    const char *s = text;
    uint64_t v;
    if (!digits_read(&s, &v) || *s != '\0') {
        return ha_err_new(HA_ERR_USAGE, "%s: '%s' is not a number", what, text);
    }
    if (v < min || v > max) {
        return ha_err_new(HA_ERR_USAGE, "%s: %s is not between %llu and %llu", what, text,
                          (unsigned long long)min, (unsigned long long)max);
    }
    *ret = v;
    return NULL;
}

struct ha_err *opt_parse_size(const char *text, const char *what, uint64_t *ret)
{
    static const char units[] = "KMGTP";
    const char *s = text;
    double v;
    bool ok = decimal_read(&s, &v);
    const char *unit = *s == '\0' ? NULL : strchr(units, toupper((unsigned char)*s));
    if (ok && unit != NULL) {
        for (const char *u = units; u <= unit; u++) {
            v *= 1024;
        }
        s++;
        s += *s == 'i' && (s[1] == 'B' || s[1] == 'b');
    }
    s += ok && (*s == 'B' || *s == 'b');
    if (!ok || *s != '\0') {
        return ha_err_new(HA_ERR_USAGE, "%s: '%s' is not a size (such as 64K, 10M, 1.5G)", what,
                          text);
    }
    if (v >= 18446744073709549568.0) { // the largest double below 2^64
        return ha_err_new(HA_ERR_USAGE, "%s: %s is too large", what, text);
    }
    *ret = (uint64_t)v;
    return NULL;
}

struct ha_err *opt_parse_share(const char *text, const char *what, struct opt_share *ret)
{
    const char *s = text;
    double v;
    if (decimal_read(&s, &v) && strcmp(s, "%") == 0) {
        if (v > 100) {
            return ha_err_new(HA_ERR_USAGE, "%s: %s is more than 100%%", what, text);
        }
        *ret = (struct opt_share){.percent = v};
        return NULL;
    }
    uint64_t bytes;
    struct ha_err *err = opt_parse_size(text, what, &bytes);
    if (err != NULL) {
        ha_err_free(err);
        return ha_err_new(HA_ERR_USAGE, "%s: '%s' is neither a percentage (10%%) nor a size (64M)",
                          what, text);
    }
    *ret = (struct opt_share){.bytes = bytes};
    return NULL;
}

struct ha_err *opt_parse_address(const char *text, uint64_t *ret)
{
    uint64_t v = 0;
    const char *s = text;
    bool ok = s[0] == '0' && (s[1] == 'x' || s[1] == 'X') && s[2] != '\0';
    for (s += ok ? 2 : 0; ok && *s != '\0'; s++) {
        ok = isxdigit((unsigned char)*s) && v <= UINT64_MAX >> 4;
        v = v << 4 | (uint64_t)(isdigit((unsigned char)*s) ? *s - '0'
                                                           : tolower((unsigned char)*s) - 'a' + 10);
    }
    if (!ok) {
        return ha_err_new(HA_ERR_USAGE, "'%s' is not an address (0x and hexadecimal digits)", text);
    }
    *ret = v;
    return NULL;
}

bool opt_choice(const char *choices, const char *word, unsigned *ret)
{
    size_t len = strlen(word);
    unsigned number = 0;
    for (const char *s = choices; len > 0; number++) {
        size_t item = strcspn(s, "|");
        if (item == len && strncmp(s, word, len) == 0) {
            *ret = number;
            return true;
        }
        if (s[item] == '\0') {
            break;
        }
        s += item + 1;
    }
    return false;
}

static struct ha_err *choice_set(const struct opt *opt, const char *shown, const char *text,
                                 unsigned *ret)
{
    if (opt_choice(opt->argument, text, ret)) {
        return NULL;
    }
    return ha_err_new(HA_ERR_USAGE, "%s: '%s' is not one of %s", shown, text, opt->argument);
}

static struct ha_err *word_add(struct ha_arena *arena, struct opt_words *words, char letter,
                               const char *text)
{
    struct opt_word *list = ha_arena_alloc(arena, words->count + 1, sizeof *list);
    if (list == NULL) {
        return ha_err_nomem();
    }
    if (words->count > 0) {
        memcpy(list, words->list, words->count * sizeof *list);
    }
    list[words->count] = (struct opt_word){letter, text};
    words->list = list;
    words->count++;
    return NULL;
}

static struct ha_err *size_set(const struct opt *opt, const char *shown, const char *text, uint64_t *ret)
{
    uint64_t bytes;
    HA_TRY(opt_parse_size(text, shown, &bytes));
    if (bytes < opt->min || bytes > opt->max) {
        return ha_err_new(HA_ERR_USAGE, "%s: %s is not between %llu and %llu bytes", shown, text, (unsigned long long)opt->min,
                          (unsigned long long)opt->max);
    }
    *ret = bytes;
    return NULL;
}

/* shown: the option as the user spelt it. text: NULL for flags. */
static struct ha_err *value_set(struct opt_parser *parser, const struct opt_set *set,
                                const struct opt *opt, const char *shown, const char *text)
{
    void *value = (char *)set->values + opt->offset;
    struct opt_address *address = value;
    switch (opt->kind) {
    case OPT_FLAG:
        *(bool *)value = true;
        return NULL;
    case OPT_COUNT:
        return opt_parse_count(text, shown, opt->min, opt->max, value);
    case OPT_SIZE:
        return size_set(opt, shown, text, value);
    case OPT_SHARE:
        return opt_parse_share(text, shown, value);
    case OPT_CHOICE:
        return choice_set(opt, shown, text, value);
    case OPT_TEXT:
        *(const char **)value = text;
        return NULL;
    case OPT_WORDS:
        return word_add(parser->arena, value, opt->letter, text);
    case OPT_ADDRESS:
        HA_TRY(opt_parse_address(text, &address->value));
        address->given = true;
        return NULL;
    }
    return NULL;
}

/* ---- options ---- */

static const struct opt *by_name(const struct opt_parser *parser, const char *name, size_t len,
                                 const struct opt_set **ret_set)
{
    for (size_t s = 0; s < parser->set_count; s++) {
        for (size_t i = 0; i < parser->sets[s].count; i++) {
            const struct opt *opt = &parser->sets[s].options[i];
            if (strncmp(opt->name, name, len) == 0 && opt->name[len] == '\0') {
                *ret_set = &parser->sets[s];
                return opt;
            }
        }
    }
    return NULL;
}

static const struct opt *by_letter(const struct opt_parser *parser, char letter,
                                   const struct opt_set **ret_set)
{
    for (size_t s = 0; s < parser->set_count; s++) {
        for (size_t i = 0; i < parser->sets[s].count; i++) {
            if (parser->sets[s].options[i].letter == letter) {
                *ret_set = &parser->sets[s];
                return &parser->sets[s].options[i];
            }
        }
    }
    return NULL;
}

static struct ha_err *unknown(const struct opt_parser *parser, const char *name, size_t len)
{
    char word[TYPO_WORD_MAX + 1] = "";
    struct typo typo;
    memcpy(word, name, len < TYPO_WORD_MAX ? len : TYPO_WORD_MAX);
    typo_begin(&typo, word);
    for (size_t s = 0; s < parser->set_count; s++) {
        for (size_t i = 0; i < parser->sets[s].count; i++) {
            typo_offer(&typo, parser->sets[s].options[i].name);
        }
    }
    if (typo.best != NULL) {
        return ha_err_new(HA_ERR_USAGE, "unknown option '--%s', did you mean '--%s'?", word,
                          typo.best);
    }
    return ha_err_new(HA_ERR_USAGE, "unknown option '--%s'", word);
}

static struct ha_err *long_read(struct opt_parser *parser, const char *word)
{
    const char *name = word + 2;
    size_t len = strcspn(name, "=");
    const struct opt_set *set = NULL;
    const struct opt *opt = by_name(parser, name, len, &set);
    if (opt == NULL) {
        return unknown(parser, name, len);
    }
    char shown[80] = "--";
    memcpy(shown + 2, name, len < sizeof shown - 3 ? len : sizeof shown - 3);
    if (opt->kind == OPT_FLAG) {
        return name[len] == '=' ? ha_err_new(HA_ERR_USAGE, "%s takes no value", shown)
                                : value_set(parser, set, opt, shown, NULL);
    }
    if (name[len] == '=') {
        return value_set(parser, set, opt, shown, name + len + 1);
    }
    if (parser->next >= parser->argc) {
        return ha_err_new(HA_ERR_USAGE, "%s needs a value (%s)", shown, opt->argument);
    }
    return value_set(parser, set, opt, shown, parser->argv[parser->next++]);
}

static struct ha_err *short_read(struct opt_parser *parser)
{
    char shown[3] = {'-', *parser->bundle++, '\0'};
    const struct opt_set *set = NULL;
    const struct opt *opt = by_letter(parser, shown[1], &set);
    if (opt == NULL) {
        return ha_err_new(HA_ERR_USAGE, "unknown option '%s'", shown);
    }
    if (opt->kind == OPT_FLAG) {
        return value_set(parser, set, opt, shown, NULL);
    }
    const char *text = *parser->bundle != '\0'       ? parser->bundle
                       : parser->next < parser->argc ? parser->argv[parser->next++]
                                                     : NULL;
    parser->bundle = NULL;
    if (text == NULL) {
        return ha_err_new(HA_ERR_USAGE, "%s needs a value (%s)", shown, opt->argument);
    }
    return value_set(parser, set, opt, shown, text);
}

struct ha_err *opt_next(struct opt_parser *parser, const char **ret)
{
    *ret = NULL;
    for (;;) {
        if (parser->bundle != NULL && *parser->bundle != '\0') {
            HA_TRY(short_read(parser));
            continue;
        }
        parser->bundle = NULL;
        if (parser->next >= parser->argc) {
            return NULL;
        }
        const char *word = parser->argv[parser->next++];
        if (parser->operands_only || word[0] != '-' || word[1] == '\0') {
            *ret = word;
            return NULL;
        }
        if (strcmp(word, "--") == 0) {
            parser->operands_only = true;
        } else if (word[1] == '-') {
            HA_TRY(long_read(parser, word));
        } else {
            parser->bundle = word + 1;
        }
    }
}
