/* SPDX-License-Identifier: MIT */
/* Any bytes as a dump: opened without an index file, and asked for everything. */
#include "fuzz.h"

#include "support/engine/snapshot_digest.h"
#include "support/engine/snapshot_report.h"

#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_use_memory();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    int fd = fuzz_file(data, size, path);
    struct ha_snapshot_options options = {.no_index = true, .threads = 1};
    struct ha_snapshot *s;
    struct ha_err *err = ha_snapshot_open(path, &options, &s);
    if (err == NULL) {
        struct snapshot_digest digest;
        snapshot_digest_take(s, &digest);
        uint64_t bytes = 0;
        err = snapshot_report(s, &bytes);
        ha_snapshot_close(s);
    }
    if (err != NULL && ha_err_kind(err) == HA_ERR_BUG) {
        abort();
    }
    ha_err_free(err);
    close(fd);
    return 0;
}
