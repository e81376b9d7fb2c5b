/* SPDX-License-Identifier: MIT */
/* A random heap, opened: the same for the same seed. */
#ifndef RANDOM_SNAPSHOT_H
#define RANDOM_SNAPSHOT_H

#include "ha/snapshot/snapshot.h"
#include "support/ck_ha.h"
#include "support/random_heap.h"

/* Writes it to `dump`, and opens it with one to three threads. To be closed by the caller. */
static inline struct ha_snapshot *random_snapshot_open(const char *dump, uint64_t seed)
{
    struct gen_file file;
    struct ha_snapshot *s;
    struct random_heap options = {.seed = seed, .features = RANDOM_ALL, .objects = seed % 5 == 0 ? 600 : 0};
    gen_file_init(&file);
    random_heap_make(&file, &options);
    ck_assert_ptr_null(gen_file_write(&file, dump));
    gen_file_deinit(&file);
    ck_ok(ha_snapshot_open(dump, &(struct ha_snapshot_options){.no_index = true, .size_model = HA_SIZES_MAT, .threads = 1 + seed % 3}, &s));
    return s;
}

#endif
