/* SPDX-License-Identifier: MIT */
/*
 * Seeded random numbers for tests: xorshift64* begun by one step of splitmix64. The same seed gives the same numbers everywhere;
 * a test that fails prints its seed.
 */
#ifndef RNG_H
#define RNG_H

#include <stdbool.h>
#include <stdint.h>

struct rng {
    uint64_t state; /* never 0 */
};

static inline struct rng rng_seed(uint64_t seed)
{
    uint64_t z = seed + 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    z ^= z >> 31;
    return (struct rng){z != 0 ? z : 1};
}

static inline uint64_t rng_next(struct rng *r)
{
    r->state ^= r->state >> 12;
    r->state ^= r->state << 25;
    r->state ^= r->state >> 27;
    return r->state * 0x2545f4914f6cdd1dULL;
}

/* In [0, n), near enough to uniform for small n; 0 for n = 0. */
static inline uint64_t rng_below(struct rng *r, uint64_t n)
{
    return n > 0 ? rng_next(r) % n : 0;
}

/* True with a probability of percent in 100. */
static inline bool rng_chance(struct rng *r, unsigned percent)
{
    return rng_below(r, 100) < percent;
}

#endif
