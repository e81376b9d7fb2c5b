/* SPDX-License-Identifier: MIT */
/* Texts by number, in the order in which they were first seen. */
#ifndef HA_QUERY_Q_TEXTS_H
#define HA_QUERY_Q_TEXTS_H

#include "ha/base/arena.h"
#include "ha/base/idmap.h"
#include "ha/base/sbuf.h"
#include "ha/base/vec.h"

struct texts {
    struct ha_arena *arena; /* owns the texts */
    HA_VEC(const char *) list;
    struct ha_idmap numbers; /* by hash; another text with the same hash moves on to the next one */
};

/* The number of a text, which is entered if it is not there. */
struct ha_err *texts_number(struct texts *texts, const char *text, uint32_t *ret) HA_WARN_UNUSED;

/* The same for what a buffer holds; consumes the buffer. */
struct ha_err *texts_number_of(struct texts *texts, struct ha_sbuf *text, uint32_t *ret) HA_WARN_UNUSED;

void texts_deinit(struct texts *texts);

#endif
