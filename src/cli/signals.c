/* SPDX-License-Identifier: MIT */
/*
 * How the program ends when it is not asked:
 *
 *     SIGINT, SIGTERM     removes temporary files, exits with 130 or 143
 *     SIGHUP, SIGQUIT     removes them, then does what it would have done anyway; as does SIGXCPU, a limit of time
 *     SIGBUS              a mapped file cannot be read any more: says which, exits with 4
 *     SIGABRT             our own assertion: exits with 70
 *     SIGPIPE, SIGXFSZ    ignored: a closed pipe and a limit of file sizes are errors of write()
 *
 * Temporary files have no name where the file system allows it and vanish by themselves; the others are listed in base/emergency.c. Handlers
 * call nothing that is not async-signal-safe.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "cli/exit.h"
#include "cli/run.h"
#include "ha/base/emergency.h"

static void say(const char *text)
{
    ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
    (void)ignored;
}

/* A name that may hold anything: bytes that could be commands for the terminal become '?'. */
static void say_name(const char *name)
{
    char safe[512];
    size_t len = 0;
    for (; name[len] != '\0' && len < sizeof safe - 1; len++) {
        unsigned char byte = (unsigned char)name[len];
        bool control = byte < 0x20 || byte == 0x7f ||
                       (byte >= 0x80 && byte < 0xa0 && len > 0 && (unsigned char)name[len - 1] == 0xc2);
        safe[len] = control ? '?' : name[len];
    }
    safe[len] = '\0';
    say(safe);
}

static void line_clear(void)
{
    if (isatty(STDERR_FILENO)) {
        say("\r\033[K");
    }
}

static void on_end(int number)
{
    ha_emergency_temps_remove();
    line_clear();
    _exit(number == SIGINT ? CLI_EXIT_INTERRUPT : CLI_EXIT_TERMINATE);
}

/* The handler was reset when it was entered (SA_RESETHAND): the signal now does what it does to programs that do not care. */
static void on_other_end(int number)
{
    ha_emergency_temps_remove();
    raise(number);
}

static void on_abort(int number)
{
    (void)number;
    ha_emergency_temps_remove();
    say("hprof-analyze: this is a bug in hprof-analyze; please report it with the line above\n");
    _exit(CLI_EXIT_BUG);
}

static void on_bus(int number, siginfo_t *info, void *context)
{
    static atomic_flag told = ATOMIC_FLAG_INIT;
    (void)number;
    (void)context;
    bool writable = false;
    while (atomic_flag_test_and_set(&told)) {
        pause(); /* another thread tells it, and ends the process */
    }
    const char *name = ha_emergency_map_name(info->si_addr, &writable);
    ha_emergency_temps_remove();
    line_clear();
    if (name == NULL) {
        say("hprof-analyze: memory cannot be accessed (SIGBUS); this is a bug in hprof-analyze, or the memory is faulty\n");
        _exit(CLI_EXIT_BUG);
    }
    say(writable ? "hprof-analyze: cannot write '" : "hprof-analyze: cannot read '");
    say_name(name);
    say(writable ? "': its disk is full or failed; --index-dir names another folder\n"
                 : "': it became shorter while it was read, or its disk failed; try again when it is whole\n");
    _exit(CLI_EXIT_SYSTEM);
}

// Also where a shell's background job ignores the signal: the exit code is part of the contract.
static void handle(int number, void (*fn)(int))
{
    struct sigaction action = {.sa_handler = fn};
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

/* Unless it is ignored already, as with nohup. */
static void handle_other_end(int number)
{
    struct sigaction action;
    if (sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_IGN) {
        action = (struct sigaction){.sa_handler = on_other_end, .sa_flags = (int)(SA_RESETHAND | SA_NODEFER)};
        sigemptyset(&action.sa_mask);
        sigaction(number, &action, NULL);
    }
}

void signals_install(void)
{
    handle(SIGINT, on_end);
    handle(SIGTERM, on_end);
    handle(SIGABRT, on_abort);
    handle_other_end(SIGHUP);
    handle_other_end(SIGQUIT);
    handle_other_end(SIGXCPU);
    handle(SIGPIPE, SIG_IGN);
    handle(SIGXFSZ, SIG_IGN);
    struct sigaction bus = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO};
    sigemptyset(&bus.sa_mask);
    sigaction(SIGBUS, &bus, NULL);
}
