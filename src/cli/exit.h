/* SPDX-License-Identifier: MIT */
/* Exit codes: part of the contract, listed in the man page. */
#ifndef HA_SRC_CLI_EXIT_H
#define HA_SRC_CLI_EXIT_H

/* X(suffix, code, when) */
#define CLI_EXITS(X)                                                                                                        \
    X(OK, 0, "done, whatever was found; also when the reader of a pipe went away")                                         \
    X(CHECK, 1, "a check failed: check, compare --fail-on-growth, index verify")                                                                             \
    X(USAGE, 2, "wrong usage: options, a bad configuration or regular expression, an address, class or heap that the dump does not have")    \
    X(INPUT, 3, "the dump, baseline, saved report or index cannot be used: not HPROF, damaged beyond use, over a limit, --strict and damaged")      \
    X(SYSTEM, 4, "the system refused: missing file, I/O, memory, permissions")                                              \
    X(QUERY, 5, "the text of a query is wrong")                                                                             \
    X(BUG, 70, "a bug in hprof-analyze")                                                                                    \
    X(INTERRUPT, 130, "interrupted (SIGINT); nothing half-written is left behind")                                          \
    X(TERMINATE, 143, "terminated (SIGTERM); nothing half-written is left behind")

enum cli_exit {
#define CLI_EXIT_ENUM(suffix, code, when) CLI_EXIT_##suffix = (code),
    CLI_EXITS(CLI_EXIT_ENUM)
#undef CLI_EXIT_ENUM
};

#endif
