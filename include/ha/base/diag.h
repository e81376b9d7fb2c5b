/* SPDX-License-Identifier: MIT */
/*
 * What was wrong (or worth a note) with a dump, counted by kind: one entry per code, with the first offset, the number of times, and a
 * sentence that says what it costs the answer. Bounded by the number of codes, whatever the dump holds.
 *
 * Thread-safe: workers may add at any time. The kept offset is the lowest, so the list does not depend on timing; the sentence is the one
 * given with the lowest offset.
 */
#ifndef HA_BASE_DIAG_H
#define HA_BASE_DIAG_H

#include "ha/base/compiler.h"
#include "ha/base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* X(enum suffix, code text, severity) - the codes of the JSON contract */
#define HA_DIAG_CODES(X)                                                                           \
    X(SEVERAL_HEAPS, "several-heaps", NOTE)                                                        \
    X(DANGLING, "dangling", NOTE)                                                                  \
    X(FILLER, "filler", NOTE)                                                                      \
    X(UNREACHABLE, "unreachable-explained", NOTE)                                                  \
    X(TRUNCATED, "truncated", DAMAGE)                                                              \
    X(ZERO_LENGTH, "zero-length", DAMAGE)                                                          \
    X(WRAPPED_LENGTH, "wrapped-length", DAMAGE)                                                    \
    X(GAP, "gap", DAMAGE)                                                                          \
    X(UNKNOWN_RECORD, "unknown-record", DAMAGE)                                                    \
    X(BAD_INSTANCE, "bad-instance-size", DAMAGE)                                                   \
    X(BAD_ARRAY, "bad-array-type", DAMAGE)                                                         \
    X(MISSING_CLASS, "missing-class", DAMAGE)                                                      \
    X(DUPLICATE_ID, "duplicate-id", DAMAGE)                                                        \
    X(CRC, "crc", DAMAGE)                                                                          \
    X(UNMERGED, "unmerged", DAMAGE)                                                                \
    X(BAD_STRING, "bad-string", DAMAGE)

enum ha_diag_code {
#define HA_DIAG_ENUM(name, text, severity) HA_DIAG_##name,
    HA_DIAG_CODES(HA_DIAG_ENUM)
#undef HA_DIAG_ENUM
};
#define HA_DIAG_COUNT 16

struct ha_diag_entry {
    enum ha_diag_code code;
    uint64_t count; /* 0: nothing of this code */
    uint64_t off;   /* file offset of the first, HA_ERR_NO_OFFSET when it has none */
    char *message;  /* UTF-8; owned by the list */
};

struct ha_diag;
struct ha_diag *ha_diag_create(void); /* NULL without memory */
void ha_diag_destroy(struct ha_diag *diag);

/* Counts `count` more of code, first seen at off. The message is kept if off is the lowest so far. Without memory the count still grows. */
void ha_diag_add(struct ha_diag *diag, enum ha_diag_code code, uint64_t off, uint64_t count, const char *fmt, ...) HA_PRINTF(5, 6);

/* Replaces the sentence of a code that has entries (a total known only at the end). */
void ha_diag_say(struct ha_diag *diag, enum ha_diag_code code, const char *fmt, ...) HA_PRINTF(3, 4);

const struct ha_diag_entry *ha_diag_get(const struct ha_diag *diag, enum ha_diag_code code); /* count 0 when there is none; borrowed */
bool ha_diag_any_damage(const struct ha_diag *diag);
const char *ha_diag_code_text(enum ha_diag_code code);
bool ha_diag_is_damage(enum ha_diag_code code);

#endif
