/* SPDX-License-Identifier: MIT */
/*
 * Compiler attributes and scope guards, one spelling for gcc and clang.
 *
 *   HA_FREE char *s = NULL;      freed when the scope ends
 *   return HA_TAKE(s);           hands ownership out of such a scope
 */
#ifndef HA_BASE_COMPILER_H
#define HA_BASE_COMPILER_H

#include <assert.h>
#include <features.h>
#include <stddef.h>

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "hprof-analyze maps its index in place and supports little-endian hosts only"
#endif

#define HA_WARN_UNUSED __attribute__((warn_unused_result))
#define HA_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define HA_LIKELY(x) __builtin_expect(!!(x), 1)
#define HA_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* Also for functions that do nothing but ask ahead: gcc 12 takes them for functions without effect, and drops calls that are not inlined early. */
#define HA_INLINE static inline __attribute__((always_inline))

#define HA_NOINLINE __attribute__((noinline, cold))
#define HA_CLEANUP(fn) __attribute__((cleanup(fn)))

/* Checks of our own invariants in hot loops; on in debug builds with -DHA_DEBUG_ASSERTS only. */
#ifdef HA_DEBUG_ASSERTS
#define HA_DEBUG_ASSERT(x) assert(x)
#else
#define HA_DEBUG_ASSERT(x) ((void)sizeof(x))
#endif

/* A function compiled twice, with and without the popcnt instruction, chosen at load time: the default build runs on any x86-64. What it calls
   inline is compiled with it. Not under sanitizers, whose run-time is not ready when the choice is made; elsewhere the base instruction set
   has a good population count. */
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(__clang__)
#define HA_POPCNT_CLONES __attribute__((target_clones("default", "popcnt")))
#else
#define HA_POPCNT_CLONES
#endif

/* Calls ha_free() on a local pointer of any type at the end of its scope. */
#define HA_FREE HA_CLEANUP(ha_free_at)

/* Hands out the value of a guarded local: the guard then sees NULL. */
#define HA_TAKE(p)                                                                                 \
    __extension__({                                                                                \
        __typeof__(p) ha_taken_ = (p);                                                             \
        (p) = NULL;                                                                                \
        ha_taken_;                                                                                 \
    })

#endif
