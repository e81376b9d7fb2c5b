/* SPDX-License-Identifier: MIT */
/* Finds of the passes, and the sentences they end in: heap_damage.c. */
#ifndef HA_HEAP_DAMAGE_H
#define HA_HEAP_DAMAGE_H

#include "ha/heap/heap_build.h"

/* Remembers a find; members as in struct ha_damage. */
struct ha_err *ha_damage_note(struct ha_build *build, enum ha_damage_kind kind, uint8_t tag, uint64_t off, uint64_t end, uint64_t lost,
                              uint64_t skipped) HA_WARN_UNUSED;

/* Turns all finds into diagnostics; when the objects are counted. */
void ha_damage_tell(struct ha_build *build);

/* The error for a file without any heap record. */
struct ha_err *ha_damage_no_heap(const struct ha_build *build) HA_WARN_UNUSED;

#endif
