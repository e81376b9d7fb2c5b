/* SPDX-License-Identifier: MIT */
/*
 * The program as a function.
 */
#ifndef HA_CLI_CLI_H
#define HA_CLI_CLI_H

/* Runs the command line; returns the exit code (src/cli/exit.h). The only folder that prints, reads argv or knows exit codes. */
int ha_cli_main(int argc, char **argv);

#endif
