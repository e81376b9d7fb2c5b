/* SPDX-License-Identifier: MIT */
/*
 * The only file that includes xxhash.h. The state is libxxhash's own, behind our name.
 */
#include "ha/base/hash.h"

#include "ha/base/mem.h"

#include <xxhash.h>

struct ha_hash_state {
    XXH3_state_t *xxh3;
};

uint64_t ha_hash(const void *data, size_t len)
{
    return XXH3_64bits(data, len);
}

struct ha_hash_state *ha_hash_create(void)
{
    struct ha_hash_state *state = ha_alloc(sizeof *state);
    if (state == NULL) {
        return NULL;
    }
    state->xxh3 = XXH3_createState();
    if (state->xxh3 == NULL) {
        ha_free(state);
        return NULL;
    }
    XXH3_64bits_reset(state->xxh3);
    return state;
}

void ha_hash_destroy(struct ha_hash_state *state)
{
    if (state != NULL) {
        XXH3_freeState(state->xxh3);
        ha_free(state);
    }
}

void ha_hash_update(struct ha_hash_state *state, const void *data, size_t len)
{
    XXH3_64bits_update(state->xxh3, data, len);
}

uint64_t ha_hash_digest(const struct ha_hash_state *state)
{
    return XXH3_64bits_digest(state->xxh3);
}
