/* SPDX-License-Identifier: MIT */
/*
 * How the program ends when it is not asked: interrupted, terminated, or stopped by its own assertion.
 *
 * Temporary files have no name where the file system allows it and vanish by themselves; where it does not, the file in the making is
 * guarded here. A closed pipe is an error of write(), not a signal. Handlers call nothing that is not async-signal-safe.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "cli/exit.h"
#include "cli/run.h"

static _Atomic(const char *) guarded; /* path of a half-written file */

void signals_guard_file(const char *path)
{
    atomic_store(&guarded, path);
}

static void say(const char *text)
{
    ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
    (void)ignored;
}

static void on_end(int number)
{
    const char *path = atomic_load(&guarded);
    if (path != NULL) {
        unlink(path);
    }
    if (isatty(STDERR_FILENO)) {
        say("\r\033[K");
    }
    _exit(number == SIGINT ? CLI_EXIT_INTERRUPT : CLI_EXIT_TERMINATE);
}

static void on_abort(int number)
{
    (void)number;
    const char *path = atomic_load(&guarded);
    if (path != NULL) {
        unlink(path);
    }
    say("hprof-analyze: this is a bug in hprof-analyze; please report it with the line above\n");
    _exit(CLI_EXIT_BUG);
}

static void handle(int number, void (*fn)(int))
{
    struct sigaction action = {.sa_handler = fn};
    sigemptyset(&action.sa_mask);
    sigaction(
        number, &action,
        NULL); // also where a shell's background job ignores it: the exit code is part of the contract
}

void signals_install(void)
{
    handle(SIGINT, on_end);
    handle(SIGTERM, on_end);
    handle(SIGABRT, on_abort);
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigemptyset(&ignore.sa_mask);
    sigaction(SIGPIPE, &ignore, NULL);
}
