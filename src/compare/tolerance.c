/* SPDX-License-Identifier: MIT */
#include "ha/compare/tolerance.h"

#include <ctype.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "ha/base/words.h"

#define PERCENT_MAX 1e6
#define VALUE_MAX 9e18

static const char wrong_size[] = "no size: sizes look like 64K, 10M or 1.5G";
static const char wrong_count[] = "no count: counts are plain numbers";
static const char wrong_percent[] = "no share: shares look like 10%";

/* Reads digits with at most one point; the end of them in *ret_end. false: there are none. */
static bool number_read(const char *text, const char **ret_end, double *ret, bool *ret_whole)
{
    double value = 0;
    double place = 1;
    bool any = false;
    const char *p = text;
    for (; isdigit((unsigned char)*p); p++, any = true) {
        value = value * 10 + (*p - '0');
    }
    *ret_whole = *p != '.';
    if (*p == '.') {
        for (p++; isdigit((unsigned char)*p); p++, any = true) {
            place /= 10;
            value += place * (*p - '0');
        }
    }
    *ret_end = p;
    *ret = value;
    return any;
}

/* The factor of a suffix of len letters; 0: none. */
static double factor_of(const char *suffix, size_t len)
{
    static const char letters[] = "KMGT";
    if (len == 0 || (len == 1 && toupper((unsigned char)*suffix) == 'B')) {
        return 1;
    }
    const char *letter = strchr(letters, toupper((unsigned char)*suffix));
    bool right = letter != NULL && (len == 1 || (len == 2 && strncasecmp(suffix + 1, "B", 1) == 0) ||
                                    (len == 3 && strncasecmp(suffix + 1, "iB", 2) == 0));
    return right ? ldexp(1, 10 * (int)(letter - letters + 1)) : 0;
}

/* One amount of `len` bytes. */
static const char *amount_read(const char *text, size_t len, enum ha_unit unit, struct ha_amount *ret)
{
    const char *wrong = unit == HA_UNIT_BYTES ? wrong_size : wrong_count;
    const char *end;
    double value;
    bool whole;
    if (!number_read(text, &end, &value, &whole) || end > text + len) {
        return wrong;
    }
    while (end < text + len && *end == ' ') {
        end++;
    }
    size_t rest = (size_t)(text + len - end);
    if (rest > 0 && *end == '%') {
        *ret = (struct ha_amount){.is_percent = true, .percent = value};
        return rest == 1 && value <= PERCENT_MAX ? NULL : wrong_percent;
    }
    double factor = unit == HA_UNIT_BYTES ? factor_of(end, rest) : rest == 0 && whole ? 1 : 0;
    if (factor == 0 || value * factor > VALUE_MAX) {
        return wrong;
    }
    *ret = (struct ha_amount){.value = (uint64_t)(value * factor)};
    return NULL;
}

const char *ha_amount_parse(const char *text, enum ha_unit unit, struct ha_amount *ret)
{
    struct ha_amount amount;
    const char *wrong = amount_read(text, strlen(text), unit, &amount);
    if (wrong == NULL) {
        *ret = amount;
    }
    return wrong;
}

const char *ha_tolerance_parse(const char *text, enum ha_unit unit, struct ha_tolerance *ret)
{
    struct ha_tolerance tolerance = {0};
    for (const char *p = text; *p != '\0' || p == text;) {
        p += strspn(p, " ");
        p += p > text && *p == ',';
        p += strspn(p, " ");
        p += *p == '+';
        p += strspn(p, " ");
        size_t len = strcspn(p, "+,");
        const char *percent = memchr(p, '%', len);
        len = percent != NULL ? (size_t)(percent - p) + 1 : len;
        size_t used = len;
        while (len > 0 && p[len - 1] == ' ') {
            len--;
        }
        struct ha_amount amount;
        const char *wrong = amount_read(p, len, unit, &amount);
        if (wrong != NULL) {
            return wrong;
        }
        if (amount.is_percent ? tolerance.has_percent : tolerance.has_value) {
            return "too much: a share and an amount may be given once each";
        }
        if (amount.is_percent) {
            tolerance.has_percent = true;
            tolerance.percent = amount.percent;
        } else {
            tolerance.has_value = true;
            tolerance.value = amount.value;
        }
        p += used;
        p += strspn(p, " ");
    }
    *ret = tolerance;
    return NULL;
}

uint64_t ha_tolerance_limit(const struct ha_tolerance *tolerance, uint64_t before)
{
    double share = tolerance->has_percent ? (double)before * tolerance->percent / 100 : 0;
    uint64_t more = share < VALUE_MAX ? (uint64_t)share : (uint64_t)VALUE_MAX;
    more = tolerance->has_value && tolerance->value > more ? tolerance->value : more;
    return before > UINT64_MAX - more ? UINT64_MAX : before + more;
}

void ha_amount_words(uint64_t value, enum ha_unit unit, struct ha_sbuf *out)
{
    if (unit == HA_UNIT_BYTES) {
        ha_words_bytes(out, value);
    } else {
        ha_words_count(out, value);
    }
}

void ha_tolerance_words(const struct ha_tolerance *tolerance, enum ha_unit unit, struct ha_sbuf *out)
{
    if (tolerance->has_percent) {
        ha_sbuf_printf(out, "+%.15g %%", tolerance->percent);
    }
    if (tolerance->has_percent && tolerance->has_value) {
        ha_sbuf_puts(out, " or ");
    }
    if (tolerance->has_value || !tolerance->has_percent) {
        ha_sbuf_putc(out, '+');
        ha_amount_words(tolerance->value, unit, out);
    }
}
