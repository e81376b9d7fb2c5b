/* SPDX-License-Identifier: MIT */
/*
 * See dumpgen_lex.h.
 */
#include "dumpgen_lex.h"

#include <string.h>

/*
 * How many bytes at p are of the set, or none of it. Not strspn() and strcspn(): under AddressSanitizer's strict_string_checks these go through the
 * text to its end at every token.
 */
static size_t span(const char *p, const char *set)
{
    size_t n = 0;
    while (p[n] != '\0' && strchr(set, p[n]) != NULL) {
        n++;
    }
    return n;
}

static size_t span_until(const char *p, const char *set)
{
    size_t n = 0;
    while (p[n] != '\0' && strchr(set, p[n]) == NULL) {
        n++;
    }
    return n;
}

void gen_lex_init(struct gen_lex *l, const char *text)
{
    *l = (struct gen_lex){.at = text, .line = 1, .next_line = 1, .kind = GEN_END};
}

void gen_lex_deinit(struct gen_lex *l)
{
    sup_free(l->text);
    l->text = NULL;
}

static void set_text(struct gen_lex *l, enum gen_token_kind kind, struct sup_bytes *text)
{
    sup_bytes_put(text, "", 1);
    sup_free(l->text);
    l->text = (char *)text->data;
    l->len = text->count - 1;
    l->kind = kind;
}

static void skip_comment(struct gen_lex *l)
{
    if (*l->at == '#') {
        l->at += span_until(l->at, "\n");
    }
}

/* True if the line at p holds nothing, or only a comment. */
static bool line_is_empty(const char *p)
{
    p += span(p, " \t\r,");
    return *p == '\n' || *p == '\0' || *p == '#';
}

/* Skips blanks, and the line ends that are followed by a continuation line. */
static void skip_blanks(struct gen_lex *l)
{
    for (;;) {
        l->at += span(l->at, " \t\r,");
        skip_comment(l);
        if (*l->at != '\n') {
            return;
        }
        const char *next = l->at + 1;
        int lines = 1;
        while (*next != '\0' && line_is_empty(next)) {
            next += span_until(next, "\n");
            if (*next == '\n') {
                next++;
                lines++;
            }
        }
        if (*next != ' ' && *next != '\t') {
            return;
        }
        l->at = next;
        l->next_line += lines;
    }
}

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *found = c != '\0' ? strchr(digits, c | 0x20) : NULL;
    return found != NULL ? (int)(found - digits) : -1;
}

static bool read_hex(struct gen_lex *l, unsigned digits, uint32_t *ret)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < digits; i++, l->at++) {
        int digit = hex_digit(*l->at);
        if (digit < 0) {
            return false;
        }
        value = value << 4 | (uint32_t)digit;
    }
    *ret = value;
    return true;
}

static void put_utf8(struct sup_bytes *b, uint32_t code)
{
    if (code < 0x80) {
        sup_bytes_put_be(b, code, 1);
    } else if (code < 0x800) {
        sup_bytes_put_be(b, 0xc0 | code >> 6, 1);
        sup_bytes_put_be(b, 0x80 | (code & 0x3f), 1);
    } else {
        sup_bytes_put_be(b, 0xe0 | code >> 12, 1);
        sup_bytes_put_be(b, 0x80 | (code >> 6 & 0x3f), 1);
        sup_bytes_put_be(b, 0x80 | (code & 0x3f), 1);
    }
}

/* After the backslash. \xHH is a byte, \uHHHH a UTF-16 unit in UTF-8. */
static bool read_escape(struct gen_lex *l, struct sup_bytes *ret)
{
    uint32_t code = 0;
    char c = *l->at++;
    switch (c) {
    case 'n':
        return sup_bytes_put(ret, "\n", 1), true;
    case 'r':
        return sup_bytes_put(ret, "\r", 1), true;
    case 't':
        return sup_bytes_put(ret, "\t", 1), true;
    case '"':
    case '\'':
    case '\\':
        return sup_bytes_put(ret, &c, 1), true;
    case 'x':
        return read_hex(l, 2, &code) && (sup_bytes_put_be(ret, code, 1), true);
    case 'u':
        return read_hex(l, 4, &code) && (put_utf8(ret, code), true);
    default:
        l->at--;
        return false;
    }
}

/* Reads up to the closing quote; at stands behind the opening one. */
static bool read_quoted(struct gen_lex *l, char quote, struct sup_bytes *ret)
{
    while (*l->at != quote) {
        if (*l->at == '\0' || *l->at == '\n') {
            return false;
        }
        if (*l->at == '\\') {
            l->at++;
            if (!read_escape(l, ret)) {
                return false;
            }
        } else {
            sup_bytes_put(ret, l->at++, 1);
        }
    }
    l->at++;
    return true;
}

static uint32_t first_code(const char *text, size_t len)
{
    const uint8_t *p = (const uint8_t *)text;
    if (len >= 3 && (p[0] & 0xf0) == 0xe0) {
        return (p[0] & 0x0fU) << 12 | (p[1] & 0x3fU) << 6 | (p[2] & 0x3fU);
    }
    if (len >= 2 && (p[0] & 0xe0) == 0xc0) {
        return (p[0] & 0x1fU) << 6 | (p[1] & 0x3fU);
    }
    return len > 0 ? p[0] : 0;
}

static void read_word(struct gen_lex *l)
{
    struct sup_bytes text = {0};
    for (;;) {
        size_t n = span_until(l->at, " \t\r\n,\"=[]#");
        sup_bytes_put(&text, l->at, n);
        l->at += n;
        if (*l->at == '#' && text.count > 0) { /* com.acme.Base#field */
            sup_bytes_put(&text, l->at++, 1);
        } else if (l->at[0] == '[' && l->at[1] == ']' && text.count > 0) {
            sup_bytes_put(&text, "[]", 2);
            l->at += 2;
        } else {
            break;
        }
    }
    set_text(l, GEN_WORD, &text);
}

void gen_lex_next(struct gen_lex *l)
{
    skip_blanks(l);
    l->line = l->next_line;
    char c = *l->at;
    if (c == '\0' || c == '\n') {
        l->kind = GEN_END;
        return;
    }
    if (c == '[' || c == ']' || c == '=') {
        l->kind = c == '[' ? GEN_OPEN : c == ']' ? GEN_CLOSE : GEN_EQUALS;
        l->at++;
        return;
    }
    if (c != '"' && c != '\'') {
        read_word(l);
        return;
    }
    struct sup_bytes text = {0};
    l->at++;
    bool ok = read_quoted(l, c, &text);
    set_text(l, !ok ? GEN_BAD : c == '"' ? GEN_STRING : GEN_CHAR, &text);
    l->code = first_code(l->text, l->len);
}

bool gen_lex_directive(struct gen_lex *l)
{
    for (;;) {
        l->at += span(l->at, " \t\r,");
        skip_comment(l);
        if (*l->at == '\0') {
            return false;
        }
        if (*l->at != '\n') {
            break;
        }
        l->at++;
        l->next_line++;
    }
    gen_lex_next(l);
    return true;
}
