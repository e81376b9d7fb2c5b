/* SPDX-License-Identifier: MIT */
/*
 * Progress on stderr, for runs longer than a second:
 *
 *     scan   42 %  1.1 G/s            on a terminal one line, rewritten
 *     scan  done in 0.8 s             elsewhere (--progress always) a line a phase
 */
#include "cli/run.h"

#include <unistd.h>

#include "ha/base/mem.h"

#define QUIET_NS 1000000000ULL /* nothing is shown before */

struct display {
    bool on;
    bool terminal;
    bool shown;          /* a line stands there */
    const char *phase;   /* in hand */
    uint64_t started_ns; /* of the phase */
};

struct display *display_create(enum cli_when when)
{
    struct display *display = ha_calloc_array(1, sizeof *display);
    if (display != NULL) {
        display->terminal = isatty(STDERR_FILENO) == 1;
        display->on = when == CLI_ALWAYS || (when == CLI_AUTO && display->terminal);
    }
    return display;
}

void display_destroy(struct display *display)
{
    ha_free(display);
}

void display_clear(struct display *display)
{
    if (display != NULL && display->shown) {
        fputs("\r\033[K", stderr);
        display->shown = false;
    }
}

/* "  1.2 G/s": bytes or objects, as the phase counts. */
static void rate_print(double rate)
{
    static const char *const units[] = {"", "k", "M", "G", "T"};
    size_t unit = 0;
    for (; rate >= 1000 && unit + 1 < sizeof units / sizeof *units; unit++) {
        rate /= 1000;
    }
    fprintf(stderr, "  %.1f %s/s", rate, units[unit]);
}

void display_sink(void *ctx, const char *phase, uint64_t done, uint64_t total, uint64_t elapsed_ns,
                  bool finished)
{
    struct display *display = ctx;
    if (display->phase != phase) {
        display->phase = phase;
        display->started_ns = elapsed_ns;
    }
    if (!display->on || elapsed_ns < QUIET_NS) {
        return;
    }
    double seconds = (double)(elapsed_ns - display->started_ns) / 1e9;
    if (!display->terminal) {
        if (finished) {
            fprintf(stderr, "hprof-analyze: %s done in %.1f s\n", phase, seconds);
        }
        return;
    }
    fprintf(stderr, "\r\033[K%s", phase);
    if (total > 0) {
        fprintf(stderr, "  %3.0f %%",
                100.0 * (double)(done < total ? done : total) / (double)total);
    }
    if (seconds > 0.1 && done > 0) {
        rate_print((double)done / seconds);
    }
    fflush(stderr);
    display->shown = true;
}
