/* SPDX-License-Identifier: MIT */
/*
 * Immediate dominators by Semi-NCA (Georgiadis, Tarjan, Werneck: Finding Dominators in Practice, 2006), made safe against its quadratic case.
 *
 *   1. Downwards in pre-order numbers: semi(v) = min over predecessors u of v:  u, if u < v;  else the smallest semi on the tree path from u up
 *      to, but without, the ancestors that are <= v. The path is kept short by compression: each node on it is made to point to its end.
 *      Predecessors above v were folded into semi[] by the search; the others come from its log, bucket by bucket.
 *
 *          word[x] = ancestor << 32 | smallest semi between x and that ancestor (without it)
 *
 *   2. Upwards: idom(v) = the nearest ancestor of parent(v) in the dominator tree with a number <= semi(v). Walking there step by step is what
 *      makes Semi-NCA quadratic (a doubly linked chain whose nodes share leaves); jump pointers in skew-binary spacing (Myers, An applicative
 *      random-access stack, 1983) make it O(log n):
 *
 *          word[x] = jump << 32 | depth      jump(x) = jump(jump(p)) if both jumps of the dominator p are equally long, else p
 *
 * Memory: beside the arrays of the search, word[] and the references of one bucket.
 */
#include "dom/dom_search.h"

#include <string.h>

#define BUCKET_NODES (1U << HA_LOG_BUCKET_BITS)
#define PATH_PIECE 256U /* nodes of a path that are remembered */

/* Smallest semi on the path from u up to the nodes that are not linked yet (numbers <= v). Makes all nodes on it point to where it ends; a long path
   in pieces, each of which points to the begin of the next. */
static inline uint32_t eval(uint64_t *word, uint32_t u, uint32_t v)
{
    uint32_t path[PATH_PIECE];
    uint32_t smallest = UINT32_MAX, x = u;
    for (;;) {
        uint32_t count = 0;
        uint64_t wx;
        do {
            wx = word[x];
            path[count++] = x;
            x = (uint32_t)(wx >> 32);
        } while (x > v && count < PATH_PIECE);
        uint32_t least = (uint32_t)wx;
        for (uint32_t i = count - 1; i > 0; i--) {
            uint32_t own = (uint32_t)word[path[i - 1]];
            least = own < least ? own : least;
            word[path[i - 1]] = (uint64_t)x << 32 | least;
        }
        smallest = least < smallest ? least : smallest;
        if (x <= v) {
            return smallest;
        }
    }
}

/* The logged references of one bucket, grouped by target. */
struct bucket {
    uint32_t *sources;
    uint32_t start[BUCKET_NODES + 1];
};

static uint64_t bucket_references(const struct ha_log_chunk *last)
{
    return last == NULL ? 0 : (uint64_t)last->before * HA_LOG_CHUNK_REFERENCES + last->count;
}

static void bucket_load(const struct ha_search *search, uint32_t index, struct bucket *bucket)
{
    memset(bucket->start, 0, sizeof bucket->start);
    for (const struct ha_log_chunk *c = search->buckets[index]; c != NULL; c = c->next) {
        for (uint32_t i = 0; i < c->count; i++) {
            bucket->start[c->target[i]]++;
        }
    }
    uint32_t sum = 0;
    for (uint32_t i = 0; i < BUCKET_NODES; i++) {
        sum += bucket->start[i];
        bucket->start[i] = sum; /* ends for now; filling backwards turns them into starts */
    }
    bucket->start[BUCKET_NODES] = sum;
    for (const struct ha_log_chunk *c = search->buckets[index]; c != NULL; c = c->next) {
        for (uint32_t i = 0; i < c->count; i++) {
            bucket->sources[--bucket->start[c->target[i]]] = c->source[i];
        }
    }
}

/* Room for the bucket with most references. */
static struct ha_err *make_sources(const struct ha_search *search, struct ha_big *ret)
{
    uint64_t most = 0;
    for (uint32_t i = 0; i < search->bucket_count; i++) {
        uint64_t references = bucket_references(search->buckets[i]);
        most = references > most ? references : most;
    }
    if (most > UINT32_MAX) {
        return ha_err_new(HA_ERR_LIMIT, "more than 4 G references lead to %u neighbouring objects", BUCKET_NODES);
    }
    return ha_big_init_raw(ret, most + 1, sizeof(uint32_t));
}

static void semidominators(struct ha_search *search, struct bucket *bucket)
{
    uint32_t *semi = search->semi.data;
    const uint32_t *parent = search->parent.data;
    uint64_t *word = search->word.data;
    uint32_t loaded = UINT32_MAX;
    for (uint32_t v = search->count; v > 0; v--) {
        uint32_t index = v >> HA_LOG_BUCKET_BITS;
        if (index != loaded) {
            bucket_load(search, index, bucket);
            loaded = index;
        }
        uint32_t slot = v & (BUCKET_NODES - 1);
        uint32_t best = semi[v];
        for (uint32_t i = bucket->start[slot]; i < bucket->start[slot + 1] && best != 0; i++) {
            uint32_t label = eval(word, bucket->sources[i], v);
            best = label < best ? label : best;
        }
        semi[v] = best;
        word[v] = (uint64_t)parent[v] << 32 | best;
    }
}

static struct ha_err *find_semidominators(struct ha_search *search)
{
    struct ha_big sources = {0};
    HA_FREE struct bucket *bucket = ha_alloc_array(1, sizeof *bucket);
    if (bucket == NULL) {
        return ha_err_nomem();
    }
    HA_TRY(make_sources(search, &sources));
    bucket->sources = sources.data;
    semidominators(search, bucket);
    ha_big_deinit(&sources);
    return NULL;
}

static inline uint32_t jump_of(uint64_t word)
{
    return (uint32_t)(word >> 32);
}

static inline uint32_t depth_of(uint64_t word)
{
    return (uint32_t)word;
}

static void dominators(struct ha_search *search)
{
    const uint32_t *semi = search->semi.data;
    uint32_t *idom = search->parent.data;
    uint64_t *word = search->word.data;
    word[0] = 0;
    idom[0] = 0;
    for (uint32_t v = 1; v <= search->count; v++) {
        uint32_t a = idom[v], limit = semi[v];
        while (a > limit) {
            uint32_t jump = jump_of(word[a]);
            a = jump >= limit ? jump : idom[a];
        }
        idom[v] = a;
        uint64_t wa = word[a];
        uint64_t wj = word[jump_of(wa)];
        uint32_t jump = depth_of(wa) - depth_of(wj) == depth_of(wj) - depth_of(word[jump_of(wj)]) ? jump_of(wj) : a;
        word[v] = (uint64_t)jump << 32 | (depth_of(wa) + 1);
    }
}

struct ha_err *ha_dom_semi_nca(struct ha_search *search)
{
    HA_TRY(ha_big_init_raw(&search->word, (uint64_t)search->count + 1, sizeof(uint64_t)));
    HA_TRY(find_semidominators(search));
    ha_search_drop_log(search);
    dominators(search);
    ha_big_deinit(&search->semi);
    return NULL;
}

uint32_t ha_dom_nca(const struct ha_search *search, uint32_t a, uint32_t b)
{
    const uint32_t *idom = search->parent.data;
    const uint64_t *word = search->word.data;
    if (depth_of(word[a]) < depth_of(word[b])) {
        uint32_t other = a;
        a = b;
        b = other;
    }
    uint32_t depth = depth_of(word[b]);
    while (depth_of(word[a]) > depth) {
        uint32_t jump = jump_of(word[a]);
        a = depth_of(word[jump]) >= depth ? jump : idom[a];
    }
    while (a != b) {
        uint32_t jump_a = jump_of(word[a]), jump_b = jump_of(word[b]); /* equal depths have equally long jumps */
        if (jump_a != jump_b) {
            a = jump_a;
            b = jump_b;
        } else {
            a = idom[a];
            b = idom[b];
        }
    }
    return a;
}
