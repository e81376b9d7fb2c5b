/* SPDX-License-Identifier: MIT */
/*
 * The only file that includes pcre2.h.
 *
 * Patterns come from the command line, texts from the dump: both may be chosen to make matching explode, so work, depth and memory are
 * limited. Names in a dump may be invalid UTF-8, hence PCRE2_MATCH_INVALID_UTF: invalid bytes match nothing, and the check of the text
 * stays on. The limits of depth and heap bind the interpreter, the stack given below binds compiled code.
 */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "ha/base/regex.h"

#include "ha/base/mem.h"

#include <pcre2.h>
#include <stdint.h>
#include <string.h>

/* A name of some hundred bytes against a sane pattern takes fewer than ten thousand steps; the limits end a bad one within about 0.1 s. */
#define MATCH_LIMIT 1000000U
#define DEPTH_LIMIT 10000U
#define HEAP_LIMIT_KIB 16384U
#define JIT_STACK_BYTES ((size_t)1 << 20)

struct ha_regex {
    pcre2_general_context *general;
    pcre2_code *code;
    pcre2_match_data *data;
    pcre2_match_context *match;
    pcre2_jit_stack *stack; /* NULL where there is no JIT */
};

static void *pcre2_alloc(size_t size, void *ctx)
{
    (void)ctx;
    return ha_alloc(size);
}

static void pcre2_release(void *p, void *ctx)
{
    (void)ctx;
    ha_free(p);
}

/* The error of pcre2_compile(), which stopped `off` bytes into the pattern; people count characters. */
static struct ha_err *compile_error(int number, const char *pattern, size_t off)
{
    if (number == PCRE2_ERROR_HEAP_FAILED) {
        return ha_err_nomem();
    }
    size_t characters = 1;
    for (size_t i = 0; i < off; i++) {
        characters += (pattern[i] & 0xc0) != 0x80;
    }
    PCRE2_UCHAR text[256] = "";
    pcre2_get_error_message(number, text, sizeof text);
    return ha_err_new(HA_ERR_USAGE, "bad regular expression: %s (at character %zu)",
                      (const char *)text, characters);
}

static struct ha_err *compile(struct ha_regex *regex, const char *pattern)
{
    int number = 0;
    PCRE2_SIZE off = 0;
    const uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C;
    // Without options of its own: it carries our allocator.
    pcre2_compile_context *context = pcre2_compile_context_create(regex->general);
    if (context == NULL) {
        return ha_err_nomem();
    }
    regex->code =
        pcre2_compile((PCRE2_SPTR)pattern, strlen(pattern), options, &number, &off, context);
    pcre2_compile_context_free(context);
    return regex->code == NULL ? compile_error(number, pattern, off) : NULL;
}

static struct ha_err *prepare(struct ha_regex *regex)
{
    regex->data = pcre2_match_data_create(1, regex->general);
    regex->match = pcre2_match_context_create(regex->general);
    if (regex->data == NULL || regex->match == NULL) {
        return ha_err_nomem();
    }
    pcre2_set_match_limit(regex->match, MATCH_LIMIT);
    pcre2_set_depth_limit(regex->match, DEPTH_LIMIT);
    pcre2_set_heap_limit(regex->match, HEAP_LIMIT_KIB);
    if (pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE) == 0) {
        regex->stack = pcre2_jit_stack_create(32768, JIT_STACK_BYTES, regex->general);
        if (regex->stack != NULL) {
            pcre2_jit_stack_assign(regex->match, NULL, regex->stack);
        }
    }
    return NULL;
}

struct ha_err *ha_regex_create(const char *pattern, struct ha_regex **ret)
{
    struct ha_regex *regex = ha_calloc_array(1, sizeof *regex);
    if (regex == NULL) {
        return ha_err_nomem();
    }
    struct ha_err *err = NULL;
    regex->general = pcre2_general_context_create(pcre2_alloc, pcre2_release, NULL);
    if (regex->general == NULL) {
        err = ha_err_nomem();
    }
    if (err == NULL) {
        err = compile(regex, pattern);
    }
    if (err == NULL) {
        err = prepare(regex);
    }
    if (err != NULL) {
        ha_regex_destroy(regex);
        return err;
    }
    *ret = regex;
    return NULL;
}

void ha_regex_destroy(struct ha_regex *regex)
{
    if (regex == NULL) {
        return;
    }
    pcre2_jit_stack_free(regex->stack);
    pcre2_match_context_free(regex->match);
    pcre2_match_data_free(regex->data);
    pcre2_code_free(regex->code);
    pcre2_general_context_free(regex->general);
    ha_free(regex);
}

struct ha_err *ha_regex_match(struct ha_regex *regex, const char *text, size_t len, bool *ret)
{
    int rc = pcre2_match(regex->code, (PCRE2_SPTR)(text != NULL ? text : ""), len, 0, 0,
                         regex->data, regex->match);
    if (rc >= 0 || rc == PCRE2_ERROR_NOMATCH) {
        *ret = rc >= 0;
        return NULL;
    }
    if (rc == PCRE2_ERROR_MATCHLIMIT || rc == PCRE2_ERROR_DEPTHLIMIT ||
        rc == PCRE2_ERROR_HEAPLIMIT || rc == PCRE2_ERROR_JIT_STACKLIMIT) {
        return ha_err_new(HA_ERR_LIMIT, "the regular expression takes too many steps");
    }
    if (rc == PCRE2_ERROR_NOMEMORY) {
        return ha_err_nomem();
    }
    PCRE2_UCHAR message[256] = "";
    pcre2_get_error_message(rc, message, sizeof message);
    return ha_err_new(HA_ERR_BUG, "matching a regular expression: %s", (const char *)message);
}
