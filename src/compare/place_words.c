/* SPDX-License-Identifier: MIT */
#include "ha/compare/place_words.h"

#include <string.h>

#include "ha/query/q_query.h"

static const char separator[] = " > ";
static const char class_word[] = "class ";
static const char static_word[] = "static ";

/* One step: "FIELD CLASS", at the top "CLASS"; the class of a class object is "class NAME". */
struct step {
    const char *field;
    size_t field_len;
    const char *name;
    size_t name_len;
};

/* Reads the step at *at and moves on; false at the end. */
static bool step_next(const char **at, struct step *ret)
{
    if (**at == '\0') {
        return false;
    }
    const char *next = strstr(*at, separator);
    size_t len = next == NULL ? strlen(*at) : (size_t)(next - *at);
    const char *blank = memrchr(*at, ' ', len);
    *ret = (struct step){.name = blank == NULL ? *at : blank + 1};
    ret->name_len = (size_t)(*at + len - ret->name);
    ret->field = *at;
    ret->field_len = blank == NULL ? 0 : (size_t)(blank - *at);
    size_t word = sizeof class_word - 2; // without its blank
    if (ret->field_len >= word && memcmp(ret->field + ret->field_len - word, class_word, word) == 0 &&
        (ret->field_len == word || ret->field[ret->field_len - word - 1] == ' ')) {
        ret->field_len -= ret->field_len == word ? word : word + 1;
    }
    *at += next == NULL ? len : len + sizeof separator - 1;
    return true;
}

/* A class of the application whose fields hold things; an array has none. */
static bool is_application(const struct step *step)
{
    if (step->name_len == 0 || step->name[step->name_len - 1] == ']') {
        return false;
    }
    char name[256];
    size_t len = step->name_len < sizeof name - 1 ? step->name_len : sizeof name - 1;
    memcpy(name, step->name, len);
    name[len] = '\0';
    return !ha_class_name_is_platform(name);
}

static bool is_named(const struct step *step)
{
    return step->field_len > 0 && step->field[0] != '?' && step->field[0] != '<';
}

/* The holder and the step that its field leads to; false: none. */
static bool holder_find(const char *signature, struct step *ret_holder, struct step *ret_held, struct step *ret_last, unsigned *ret_steps)
{
    struct step step;
    struct step before = {0};
    bool found = false;
    *ret_steps = 0;
    for (const char *at = signature; step_next(&at, &step); before = step, (*ret_steps)++) {
        if (*ret_steps > 0 && is_application(&before) && is_named(&step)) {
            *ret_holder = before;
            *ret_held = step;
            found = true;
        }
        *ret_last = step;
    }
    return found;
}

static void field_add(const struct step *held, struct ha_sbuf *out)
{
    size_t skip = held->field_len > sizeof static_word - 1 && memcmp(held->field, static_word, sizeof static_word - 1) == 0
                      ? sizeof static_word - 1
                      : 0;
    ha_sbuf_add(out, held->field + skip, held->field_len - skip);
}

bool ha_place_holder(const char *signature, struct ha_sbuf *holder_class, struct ha_sbuf *holder_field)
{
    struct step holder, held, last;
    unsigned steps;
    if (!holder_find(signature, &holder, &held, &last, &steps)) {
        return false;
    }
    ha_sbuf_add(holder_class, holder.name, holder.name_len);
    field_add(&held, holder_field);
    return true;
}

void ha_place_words(const char *signature, struct ha_sbuf *out)
{
    struct step holder = {0}, held = {0}, last = {0};
    unsigned steps;
    if (holder_find(signature, &holder, &held, &last, &steps)) {
        ha_sbuf_add(out, holder.name, holder.name_len);
        ha_sbuf_putc(out, '.');
        field_add(&held, out);
        ha_sbuf_puts(out, held.name == last.name ? separator : " > … > ");
        ha_sbuf_add(out, last.name, last.name_len);
    } else if (steps <= 2) {
        ha_sbuf_puts(out, signature);
    } else {
        const char *at = signature;
        step_next(&at, &holder);
        ha_sbuf_add(out, signature, (size_t)(at - signature) - (sizeof separator - 1));
        ha_sbuf_puts(out, " > … > ");
        ha_sbuf_add(out, last.name, last.name_len);
    }
}
