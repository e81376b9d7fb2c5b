/* SPDX-License-Identifier: MIT */
/* What the tests of damaged files share: a small dump in memory, and opening what became of it. */
#ifndef HA_TESTS_CORRUPT_DAMAGE_H
#define HA_TESTS_CORRUPT_DAMAGE_H

#include "support/ck_ha.h"
#include "support/engine/snapshot_digest.h"
#include "support/random_heap.h"
#include "support/rng.h"
#include "support/temp_dir.h"

#include <inttypes.h>

/* A small random dump, from malloc. */
static inline uint8_t *damage_dump(uint64_t seed, size_t *ret_bytes)
{
    struct gen_file file;
    struct random_heap options = {.seed = seed, .objects = 12, .features = RANDOM_ALL};
    uint8_t *data;
    gen_file_init(&file);
    random_heap_make(&file, &options);
    gen_file_write_memory(&file, &data, ret_bytes);
    gen_file_deinit(&file);
    return data;
}

/* Opens the dump and asks for everything. A dump that cannot be used must say so as an error of the input; false then. */
static inline bool damage_open(const char *dump, const char *index_dir, unsigned threads, struct snapshot_digest *ret)
{
    struct ha_snapshot_options options = {.index_dir = index_dir, .no_index = index_dir == NULL, .threads = threads};
    struct ha_snapshot *s;
    struct ha_err *err = ha_snapshot_open(dump, &options, &s);
    if (err != NULL) {
        ck_assert_msg(ha_err_kind(err) == HA_ERR_INPUT || ha_err_kind(err) == HA_ERR_LIMIT, "%s", ha_err_message(err));
        ha_err_free(err);
        return false;
    }
    snapshot_digest_take(s, ret);
    ha_snapshot_close(s);
    return true;
}

/* Indexes and dumps by the thousand: better in memory than on a disk. */
static inline void damage_dir(struct temp_dir *dir)
{
    if (access("/dev/shm", W_OK) == 0) {
        setenv("TMPDIR", "/dev/shm", 0);
    }
    temp_dir_init(dir);
}

/* How many times as much as by default: HA_CORRUPT_FACTOR in the environment. */
static inline unsigned damage_factor(void)
{
    const char *text = getenv("HA_CORRUPT_FACTOR");
    unsigned factor = text != NULL ? (unsigned)strtoul(text, NULL, 0) : 1;
    return factor > 0 ? factor : 1;
}

#endif
