/* SPDX-License-Identifier: MIT */
/*
 * Numbers as a reader meets them everywhere: grouped counts, 1024-based sizes with one decimal, percentages with one decimal, UTC times.
 */
#include "ha/base/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

void ha_words_count(struct ha_sbuf *out, uint64_t count)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, count);
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            ha_sbuf_putc(out, ',');
        }
        ha_sbuf_putc(out, digits[i]);
    }
}

void ha_words_bytes(struct ha_sbuf *out, uint64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024) {
        ha_sbuf_printf(out, "%" PRIu64 " B", bytes);
        return;
    }
    double v = (double)bytes / 1024;
    size_t unit = 0;
    while (v >= 1023.95 &&
           unit + 1 < sizeof units / sizeof *units) { // 1023.95 would be printed as 1024.0
        v /= 1024;
        unit++;
    }
    ha_sbuf_printf(out, "%.1f %s", v, units[unit]);
}

void ha_words_percent(struct ha_sbuf *out, double percent)
{
    ha_sbuf_printf(out, "%.1f %%", percent);
}

void ha_words_time(struct ha_sbuf *out, int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    char text[64];
    if (ms < 0 || gmtime_r(&seconds, &tm) == NULL ||
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0) {
        ha_sbuf_puts(out, "at an unknown time");
        return;
    }
    ha_sbuf_puts(out, text);
}

void ha_words_shell(struct ha_sbuf *out, const char *word)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./+:@%,=";
    if (*word != '\0' && word[strspn(word, plain)] == '\0') {
        ha_sbuf_puts(out, word);
        return;
    }
    ha_sbuf_putc(out, '\'');
    for (const char *c = word; *c != '\0'; c++) {
        if (*c == '\'') {
            ha_sbuf_puts(out, "'\\''");
        } else {
            ha_sbuf_putc(out, *c);
        }
    }
    ha_sbuf_putc(out, '\'');
}
