/* SPDX-License-Identifier: MIT */
/*
 * Options that every command about a dump takes.
 */
#include "cli/run.h"
#include "ha/base/pool.h"

#define AT(field) offsetof(struct cli_options, field)

const struct opt cli_common_options[] = {
    {'f', "format", "FORMAT", OPT_WORDS, AT(outputs), 0, 0,
     "how to write the answer: text, json (default: by the extension of the -o that follows, else "
     "text)"},
    {'o', "output", "FILE", OPT_WORDS, AT(outputs), 0, 0,
     "where to write it (default: standard output); -f and -o may be repeated in pairs"},
    {'n', "top", "N", OPT_COUNT, AT(top), 0, UINT64_MAX - 1,
     "rows of each list; 0: all (default: 20 in text, all in JSON)"},
    {0, "size-model", "jvm|mat", OPT_CHOICE, AT(size_model), 0, 0,
     "how objects are sized: as the JVM counts them, or as Eclipse MAT estimates them (default: jvm)"},
    {0, "keep-unreachable", NULL, OPT_FLAG, AT(keep_unreachable), 0, 0,
     "count unreachable objects too"},
    {0, "heap", "N", OPT_COUNT, AT(heap), 1, UINT32_MAX,
     "which heap of a file with several, from 1 (default: the last)"},
    {0, "index-dir", "DIR", OPT_TEXT, AT(index_dir), 0, 0,
     "folder for index files (default: beside the dump, else the user's cache)"},
    {0, "index-packed", NULL, OPT_FLAG, AT(index_packed), 0, 0,
     "pack an index that is made: two fifths smaller, same answers, a little slower"},
    {0, "no-index", NULL, OPT_FLAG, AT(no_index), 0, 0, "neither use nor leave an index file"},
    {0, "rebuild", NULL, OPT_FLAG, AT(rebuild), 0, 0, "build the index anew"},
    {0, "rules", "FILE|DIR", OPT_WORDS, AT(rules), 0, 0,
     "leak patterns of your own, besides the built-in ones; may be repeated"},
    {'j', "threads", "N", OPT_COUNT, AT(threads), 1, HA_THREADS_MAX,
     "threads to work with (default: the processors there are, fewer for a small dump)"},
    {0, "memory-limit", "SIZE", OPT_SIZE, AT(memory_limit), 1 << 20, 1ULL << 50,
     "memory to build the index with; more goes into files (default: what the control group and the "
     "machine allow)"},
    {0, "progress", "auto|always|never", OPT_CHOICE, AT(progress), 0, 0,
     "progress of long runs on standard error (auto: on a terminal)"},
    {0, "color", "auto|always|never", OPT_CHOICE, AT(color), 0, 0,
     "colour in text (auto: on a terminal, unless NO_COLOR is set)"},
    {'q', "quiet", NULL, OPT_FLAG, AT(quiet), 0, 0, "no notices and no warnings on standard error"},
    {'v', "verbose", NULL, OPT_FLAG, AT(verbose), 0, 0,
     "times and memory of the phases on standard error"},
    {0, "strict", NULL, OPT_FLAG, AT(strict), 0, 0, "fail with exit code 3 if the dump is damaged"},
    {'h', "help", NULL, OPT_FLAG, AT(help), 0, 0, "this help"},
    {0, "version", NULL, OPT_FLAG, AT(version), 0, 0, "the version of the program"},
};
const size_t cli_common_option_count = sizeof cli_common_options / sizeof *cli_common_options;
