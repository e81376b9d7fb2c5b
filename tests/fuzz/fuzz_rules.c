/* SPDX-License-Identifier: MIT */
/*
 * Rules files: the input is parsed, and what is accepted runs over one small heap.
 */
#include "fuzz.h"

#include "ha/base/err.h"
#include "ha/rules/rules.h"
#include "support/random_heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HEAP_SEED 31U
#define INPUT_MAX 65536U

static struct ha_snapshot *snapshot;

static void must(struct ha_err *err)
{
    if (err != NULL) {
        fprintf(stderr, "fuzz_rules: %s\n", ha_err_message(err));
        abort();
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    char path[] = "/tmp/ha-fuzz-rules-XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0) {
        abort();
    }
    close(fd);
    struct gen_file file;
    gen_file_init(&file);
    random_heap_make(&file, &(struct random_heap){.seed = HEAP_SEED});
    if (gen_file_write(&file, path) != NULL) {
        abort();
    }
    gen_file_deinit(&file);
    const struct ha_snapshot_options options = {.no_index = true, .threads = 1};
    must(ha_snapshot_open(path, &options, &snapshot));
    unlink(path);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ha_rules *rules = NULL;
    struct ha_arena arena = {0};
    struct ha_findings findings;
    if (size > INPUT_MAX) {
        return 0;
    }
    struct ha_err *err = ha_rules_parse("fuzz.yaml", (const char *)data, size, &rules);
    if (err == NULL) {
        err = ha_rules_run(rules, snapshot, &arena, &findings);
    }
    if (err != NULL && ha_err_kind(err) == HA_ERR_BUG) {
        must(err);
    }
    ha_err_free(err);
    ha_rules_destroy(rules);
    ha_arena_deinit(&arena);
    return 0;
}
