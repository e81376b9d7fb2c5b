/* SPDX-License-Identifier: MIT */
/*
 * The loop over the directives of a heap text, and what their arguments are made of.
 */
#include "dumpgen_parse.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool parse_fail(struct parser *p, const char *fmt, ...)
{
    if (p->error->message[0] != '\0') {
        return false;
    }
    char text[192];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    snprintf(p->error->message, sizeof p->error->message, "%.48s:%d: %s", p->name, p->lex.line,
             text);
    return false;
}

/* --- tokens ------------------------------------------------------------------------------------------------------ */

bool at_end(const struct parser *p)
{
    return p->lex.kind == GEN_END;
}

bool at_address(const struct parser *p)
{
    return p->lex.kind == GEN_WORD && p->lex.text[0] == '@';
}

const char *token_text(const struct parser *p)
{
    switch (p->lex.kind) {
    case GEN_WORD:
    case GEN_STRING:
    case GEN_CHAR:
        return p->lex.text;
    case GEN_OPEN:
        return "[";
    case GEN_CLOSE:
        return "]";
    case GEN_EQUALS:
        return "=";
    case GEN_END:
        return "end of line";
    case GEN_BAD:
        return "a string that does not end or has an unknown escape";
    }
    return "?";
}

bool parse_word(struct parser *p, const char **ret)
{
    if (p->lex.kind != GEN_WORD && p->lex.kind != GEN_STRING) {
        return parse_fail(p, "expected a name, got '%s'", token_text(p));
    }
    *ret = gen_name(p->f, p->lex.text, p->lex.len);
    gen_lex_next(&p->lex);
    return true;
}

bool parse_keyword(struct parser *p, const char *word)
{
    if (p->lex.kind != GEN_WORD || strcmp(p->lex.text, word) != 0) {
        return false;
    }
    gen_lex_next(&p->lex);
    return true;
}

static bool text_to_unsigned(const char *text, uint64_t *ret)
{
    char *end;
    errno = 0;
    bool digit = *text >= '0' && *text <= '9';
    unsigned long long value = strtoull(text, &end, 0);
    if (!digit || *end != '\0' || errno != 0) {
        return false;
    }
    *ret = value;
    return true;
}

bool parse_number(struct parser *p, int64_t *ret)
{
    uint64_t value;
    bool negative = p->lex.kind == GEN_WORD && p->lex.text[0] == '-';
    if (p->lex.kind != GEN_WORD || !text_to_unsigned(p->lex.text + negative, &value)) {
        return parse_fail(p, "expected a number, got '%s'", token_text(p));
    }
    *ret = negative ? (int64_t)(0 - value) : (int64_t)value;
    gen_lex_next(&p->lex);
    return true;
}

bool parse_u32(struct parser *p, uint32_t *ret)
{
    int64_t value = 0;
    if (!parse_number(p, &value)) {
        return false;
    }
    *ret = (uint32_t)value;
    return true;
}

bool parse_unsigned(struct parser *p, uint64_t *ret)
{
    int64_t value = 0;
    if (!parse_number(p, &value)) {
        return false;
    }
    *ret = (uint64_t)value;
    return true;
}

bool parse_address(struct parser *p, uint64_t *ret)
{
    if (!at_address(p) || p->lex.text[1] == '\0') {
        return parse_fail(p, "expected an address like @0x1000 or @name, got '%s'", token_text(p));
    }
    const char *text = p->lex.text + 1;
    if (*text >= '0' && *text <= '9') {
        if (!text_to_unsigned(text, ret)) {
            return parse_fail(p, "'@%s' is no address", text);
        }
    } else {
        *ret = gen_label(p->f, text, p->lex.line);
    }
    gen_lex_next(&p->lex);
    return true;
}

bool parse_class(struct parser *p, uint64_t *ret)
{
    if (at_address(p)) {
        return parse_address(p, ret);
    }
    const char *name = NULL;
    if (!parse_word(p, &name)) {
        return false;
    }
    const struct gen_class *c = gen_class_by_name(gen_heap(p->f), name);
    if (c == NULL) {
        return parse_fail(p, "unknown class '%s'", name);
    }
    *ret = c->id;
    return true;
}

bool parse_own_id(struct parser *p, uint64_t *ret)
{
    if (at_address(p)) {
        return parse_address(p, ret);
    }
    *ret = gen_label(p->f, NULL, p->lex.line);
    return true;
}

/* --- values ------------------------------------------------------------------------------------------------------ */

uint64_t parse_repeat(struct parser *p)
{
    uint64_t count;
    char *star = p->lex.kind == GEN_WORD ? strrchr(p->lex.text, '*') : NULL;
    if (star == NULL || !text_to_unsigned(star + 1, &count)) {
        return 1;
    }
    *star = '\0';
    p->lex.len = (size_t)(star - p->lex.text);
    return count;
}

static bool parse_reference(struct parser *p, uint64_t *ret)
{
    if (p->lex.kind == GEN_STRING) {
        const char *text = gen_name(p->f, p->lex.text, p->lex.len);
        gen_lex_next(&p->lex);
        *ret = gen_string_add(p->f, gen_label(p->f, NULL, 0), text);
        return *ret != 0 || parse_fail(p, "a string value needs java.lang.String ('use jdk17')");
    }
    if (parse_keyword(p, "null") || parse_keyword(p, "0")) {
        *ret = 0;
        return true;
    }
    return parse_address(p, ret);
}

static bool parse_floating(struct parser *p, enum hprof_type type, uint64_t *ret)
{
    char *end = NULL;
    double value = p->lex.kind == GEN_WORD ? strtod(p->lex.text, &end) : 0;
    if (end == NULL || end == p->lex.text || *end != '\0') {
        return parse_fail(p, "expected a floating-point number, got '%s'", token_text(p));
    }
    if (type == HPROF_FLOAT) {
        float single = (float)value;
        uint32_t bits;
        memcpy(&bits, &single, sizeof bits);
        *ret = bits;
    } else {
        memcpy(ret, &value, sizeof value);
    }
    gen_lex_next(&p->lex);
    return true;
}

/* A number fits n bytes if it does so signed or unsigned. */
static bool number_fits(int64_t value, unsigned bytes)
{
    if (bytes == 8) {
        return true;
    }
    int64_t limit = (int64_t)1 << (8 * bytes);
    return value < limit && value >= -limit / 2;
}

bool parse_value(struct parser *p, enum hprof_type type, uint64_t *ret)
{
    if (type == HPROF_OBJECT) {
        return parse_reference(p, ret);
    }
    if (type == HPROF_FLOAT || type == HPROF_DOUBLE) {
        return parse_floating(p, type, ret);
    }
    if (type == HPROF_BOOLEAN &&
        (strcmp(token_text(p), "true") == 0 || strcmp(token_text(p), "false") == 0)) {
        *ret = p->lex.text[0] == 't';
        gen_lex_next(&p->lex);
        return true;
    }
    if (p->lex.kind == GEN_CHAR) {
        *ret = p->lex.code;
        gen_lex_next(&p->lex);
        return true;
    }
    int64_t value;
    if (!parse_number(p, &value)) {
        return false;
    }
    if (!number_fits(value, hprof_type_bytes(type, 8))) {
        return parse_fail(p, "%lld does not fit in %s", (long long)value, gen_type_name(type));
    }
    *ret = (uint64_t)value;
    return true;
}

/* --- bytes ------------------------------------------------------------------------------------------------------- */

static bool put_hex(struct parser *p, struct sup_bytes *ret)
{
    const char *text = p->lex.text;
    if (p->lex.len % 2 != 0 || strspn(text, "0123456789abcdefABCDEF") != p->lex.len) {
        return parse_fail(p, "expected pairs of hex digits, got '%s'", text);
    }
    for (size_t i = 0; i < p->lex.len; i += 2) {
        char pair[3] = {text[i], text[i + 1], '\0'};
        sup_bytes_put_be(ret, strtoul(pair, NULL, 16), 1);
    }
    gen_lex_next(&p->lex);
    return true;
}

/* u4:17 or id:@0x10 or id:17; ids must be numbers, not names. */
static bool put_number(struct parser *p, unsigned width, struct sup_bytes *ret)
{
    uint64_t value;
    const char *digits = strchr(p->lex.text, ':') + 1;
    bool negative = *digits == '-';
    if (!text_to_unsigned(digits + negative + (*digits == '@'), &value)) {
        return parse_fail(p, "expected a number, got '%s'", digits);
    }
    sup_bytes_put_be(ret, negative ? 0 - value : value, width);
    gen_lex_next(&p->lex);
    return true;
}

bool parse_bytes(struct parser *p, struct sup_bytes *ret)
{
    while (!at_end(p)) {
        const char *text = p->lex.text;
        bool ok = true;
        if (p->lex.kind == GEN_STRING) {
            sup_bytes_put(ret, text, p->lex.len);
            gen_lex_next(&p->lex);
        } else if (p->lex.kind != GEN_WORD) {
            ok = parse_fail(p, "expected bytes, got '%s'", token_text(p));
        } else if (text[0] == 'u' && strchr("1248", text[1]) != NULL && text[2] == ':') {
            ok = put_number(p, (unsigned)(text[1] - '0'), ret);
        } else if (strncmp(text, "id:", 3) == 0) {
            ok = put_number(p, p->f->options.out.id_size == 4 ? 4 : 8, ret);
        } else {
            ok = put_hex(p, ret);
        }
        if (!ok) {
            return false;
        }
    }
    return true;
}

/* --- directives -------------------------------------------------------------------------------------------------- */

static const struct directive *find_directive(const char *name)
{
    static const struct directive *const tables[] = {gen_model_directives, gen_root_directives,
                                                     gen_file_directives};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        for (const struct directive *d = tables[i]; d->name != NULL; d++) {
            if (strcmp(d->name, name) == 0) {
                return d;
            }
        }
    }
    return NULL;
}

static bool parse_directive(struct parser *p)
{
    p->directive_line = p->lex.line;
    if (p->lex.kind != GEN_WORD) {
        return parse_fail(p, "expected a directive, got '%s'", token_text(p));
    }
    const struct directive *d = find_directive(p->lex.text);
    if (d == NULL) {
        return parse_fail(p, "unknown directive '%s'", p->lex.text);
    }
    gen_lex_next(&p->lex);
    if (!d->parse(p)) {
        return parse_fail(p, "'%s' is not understood", d->name);
    }
    return at_end(p) || parse_fail(p, "unexpected '%s' after %s", token_text(p), d->name);
}

bool parse_text(struct gen_file *f, const char *name, const char *text, struct gen_error *error)
{
    struct parser p = {.f = f, .name = name, .error = error, .next_thread = 1};
    error->message[0] = '\0';
    gen_lex_init(&p.lex, text);
    bool ok = true;
    while (ok && gen_lex_directive(&p.lex)) {
        ok = parse_directive(&p);
    }
    gen_lex_deinit(&p.lex);
    return ok;
}

bool gen_parse(struct gen_file *f, const char *name, const char *text, struct gen_error *error)
{
    if (!parse_text(f, name, text, error)) {
        return false;
    }
    struct gen_error where = {0};
    if (!gen_file_resolve(f, &where)) {
        snprintf(error->message, sizeof error->message, "%.48s:%.180s", name, where.message);
        return false;
    }
    return true;
}

bool gen_parse_file(struct gen_file *f, const char *path, struct gen_error *error)
{
    FILE *in = fopen(path, "rbe");
    if (in == NULL) {
        snprintf(error->message, sizeof error->message, "%.160s: %s", path, strerror(errno));
        return false;
    }
    struct sup_bytes text = {0};
    char block[4096];
    size_t n;
    while ((n = fread(block, 1, sizeof block, in)) > 0) {
        sup_bytes_put(&text, block, n);
    }
    bool read_ok = ferror(in) == 0;
    fclose(in);
    sup_bytes_put(&text, "", 1);
    const char *slash = strrchr(path, '/');
    bool ok =
        read_ok && gen_parse(f, slash != NULL ? slash + 1 : path, (const char *)text.data, error);
    if (!read_ok) {
        snprintf(error->message, sizeof error->message, "%.160s: cannot be read", path);
    }
    sup_bytes_free(&text);
    return ok;
}
