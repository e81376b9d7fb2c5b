/* SPDX-License-Identifier: MIT */
/*
 * Errors as returned values: NULL is success, anything else is owned by the receiver, who passes it up (perhaps wrapped), or frees it.
 *
 *     struct ha_err *err = ha_index_open(path, &index);
 *     if (err != NULL) {
 *         return ha_err_wrap(err, "index of '%s'", dump);
 *     }
 *
 * Messages: lower case, no full stop, what failed first, subject in quotes, offset in hex by the printer.
 * What the tool survives is no error but a diagnostic (diag.h).
 */
#ifndef HA_BASE_ERR_H
#define HA_BASE_ERR_H

#include "ha/base/compiler.h"

#include <stdbool.h>
#include <stdint.h>

enum ha_err_kind {
    HA_ERR_USAGE,       /* the caller's words are wrong: options, expressions, an address the dump lacks */
    HA_ERR_INPUT,       /* the file is not what it should be: damaged or unsupported */
    HA_ERR_LIMIT,       /* a stated limit of ours is passed */
    HA_ERR_SYSTEM,      /* errno says why */
    HA_ERR_INTERRUPTED, /* the user or the system asked us to stop */
    HA_ERR_BUG          /* our own mistake */
};

#define HA_ERR_NO_OFFSET UINT64_MAX

struct ha_err;

/* A new error. Never returns NULL: without memory it returns the static out-of-memory error. */
struct ha_err *ha_err_new(enum ha_err_kind kind, const char *fmt, ...) HA_PRINTF(2, 3) HA_WARN_UNUSED;

/* The same with the file offset at which it happened. */
struct ha_err *ha_err_at(enum ha_err_kind kind, uint64_t off, const char *fmt, ...) HA_PRINTF(3, 4) HA_WARN_UNUSED;

/* A HA_ERR_SYSTEM error; errnum is an errno value, its text is appended after ": ". */
struct ha_err *ha_err_system(int errnum, const char *fmt, ...) HA_PRINTF(2, 3) HA_WARN_UNUSED;

/* The static out-of-memory error (HA_ERR_SYSTEM, ENOMEM); freeing it does nothing. */
struct ha_err *ha_err_nomem(void) HA_WARN_UNUSED;

/* Puts "context: " before the message. Takes err (NULL stays NULL), returns it or a successor; keeps kind, errno and offset. */
struct ha_err *ha_err_wrap(struct ha_err *err, const char *fmt, ...) HA_PRINTF(2, 3) HA_WARN_UNUSED;

/* Frees; NULL is fine. */
void ha_err_free(struct ha_err *err);

enum ha_err_kind ha_err_kind(const struct ha_err *err);
int ha_err_errno(const struct ha_err *err);         /* 0 unless HA_ERR_SYSTEM */
uint64_t ha_err_offset(const struct ha_err *err);   /* HA_ERR_NO_OFFSET when there is none */
const char *ha_err_message(const struct ha_err *err); /* text, with " (at 0x…)" when there is an offset; borrowed */

/* Returns the error of expr to the caller, if there is one. */
#define HA_TRY(expr)                                                                               \
    do {                                                                                           \
        struct ha_err *ha_try_err_ = (expr);                                                       \
        if (HA_UNLIKELY(ha_try_err_ != NULL)) {                                                    \
            return ha_try_err_;                                                                    \
        }                                                                                          \
    } while (0)

#endif
