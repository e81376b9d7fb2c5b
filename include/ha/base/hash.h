/* SPDX-License-Identifier: MIT */
/* xxh3-64 of memory, at once or in pieces. The only door to libxxhash (hash.c). */
#ifndef HA_BASE_HASH_H
#define HA_BASE_HASH_H

#include "ha/base/compiler.h"

#include <stddef.h>
#include <stdint.h>

uint64_t ha_hash(const void *data, size_t len); /* XXH3_64bits, seed 0 */

struct ha_hash_state;
struct ha_hash_state *ha_hash_create(void); /* NULL without memory */
void ha_hash_destroy(struct ha_hash_state *state);
void ha_hash_update(struct ha_hash_state *state, const void *data, size_t len);
uint64_t ha_hash_digest(const struct ha_hash_state *state);

#endif
