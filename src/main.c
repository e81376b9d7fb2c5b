/* SPDX-License-Identifier: MIT */
/*
 * hprof-analyze: what a JVM's heap dump says, from the command line.
 *
 * A map of the program, in the order in which data flows (and in which folders may use each other):
 *
 *     bytes ──> records ──> heap ──> references ──> dominators  =  snapshot ──> answers ──> document ──> output
 *     input     hprof       heap     graph          dom            snapshot     query       report       render
 *                            └────────── index ──────────┘                                                 cli
 *
 *     base      knows nothing of Java: errors, memory, files, threads, text
 *     input     the dump's bytes, plain or gzip, through windows
 *     hprof     what the bytes say: records and sub-records, as written
 *     index     a file of checksummed sections beside the dump: everything below is computed once
 *     heap      classes, objects, roots, threads, sizes
 *     graph     who points to whom
 *     dom       who keeps whom alive, and how much
 *     snapshot  one opened dump: index found or built
 *     query     questions and their answers as plain structs
 *     report    answers as documents: the JSON tree with hints for people
 *     render    documents as text or JSON
 *     cli       command lines, progress, exit codes: src/cli/cli.c is where to begin reading
 */
#include "ha/cli/cli.h"

int main(int argc, char **argv)
{
    return ha_cli_main(argc, argv);
}
