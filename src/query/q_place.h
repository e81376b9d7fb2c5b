/* SPDX-License-Identifier: MIT */
/* Between q_places.c (works places out) and q_places_kept.c (keeps them in the index). */
#ifndef HA_QUERY_Q_PLACE_H
#define HA_QUERY_Q_PLACE_H

#include "ha/query/q_places.h"

/* The signature of a place with this name below another one (NULL: at the top), in the arena; NULL without memory. One that would be longer than
   PLACE_SIGNATURE_MAX begins with a hash of the steps that are left out. */
#define PLACE_SIGNATURE_MAX 16384U
const char *place_signature(struct ha_arena *arena, const struct ha_place *up, const char *field, const char *class_name);

/* Places as the index keeps them; *ret_found: it has those of this size. */
struct ha_err *places_load(struct ha_query *q, uint64_t min_bytes, struct ha_places *ret, bool *ret_found) HA_WARN_UNUSED;

#endif
