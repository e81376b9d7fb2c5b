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
 *      No path tells of a smaller semi than the smallest of all nodes linked so far in the same tree of the search (0 from the first on that another
 *      tree refers to); once v has that, its other predecessors are passed over. Paths grow longer, since fewer are compressed; where they are long,
 *      some are walked side by side before.
 *
 *   2. Upwards: idom(v) = the nearest ancestor of parent(v) in the dominator tree with a number <= semi(v). Walking there step by step is what
 *      makes Semi-NCA quadratic (a doubly linked chain whose nodes share leaves); jump pointers in skew-binary spacing (Myers, An applicative
 *      random-access stack, 1983) make it O(log n):
 *
 *          word[x] = jump << 32 | depth      jump(x) = jump(jump(p)) if both jumps of the dominator p are equally long, else p
 *
 *      Where walks are long, those of several nodes go side by side: it is the memory that makes them slow.
 *
 * Memory: beside the arrays of the search, word[] and the references of one bucket.
 */
#include "dom/dom_search.h"

#include <string.h>

#define BUCKET_NODES (1U << HA_LOG_BUCKET_BITS)
#ifndef PATH_PIECE /* tests have smaller ones */
#define PATH_PIECE 256U /* nodes of a path that are remembered */
#define DEEP_STEPS 4U   /* nodes on a path, beyond which on the average paths are long */
#define EVALS 64U       /* whose paths are walked side by side then */
#endif
#define EVAL_AHEAD 8U   /* sources */
#define EVAL_STEPS 16U  /* of each, at most: they may share them */
#define WALKS 16U       /* side by side */
#define FAR_STEPS 4U    /* of a walk after which the next ones go side by side */

/* Smallest semi on the path from u up to the nodes that are not linked yet (numbers <= v). Makes all nodes on it point to where it ends; a long path
   in pieces, each of which points to the begin of the next. Adds the nodes on it to *walked. */
static inline uint32_t eval(uint64_t *word, uint32_t u, uint32_t v, uint64_t *walked)
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
        *walked += count;
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
    struct ha_chunk_reader reader;
    uint32_t start[]; /* per node, and one more */
};

static uint32_t bucket_nodes(const struct ha_search *search, uint32_t index)
{
    const uint32_t left = search->count - (index << HA_LOG_BUCKET_BITS); /* less one: numbers begin with 0 */
    return left < BUCKET_NODES ? left + 1 : BUCKET_NODES;
}

/* All chunks but the one being filled are full. */
static uint64_t bucket_references(const struct ha_chunk_list *list)
{
    return list->count == 0 ? 0 : (uint64_t)(list->count - 1) * HA_LOG_CHUNK_REFERENCES + ((const struct ha_log_chunk *)list->chunk)->count;
}

/* Goes through the references of a bucket: counts those to each node in start[], or puts the sources before the ends that are there. */
static struct ha_err *bucket_pass(const struct ha_chunk_list *list, struct bucket *bucket, bool put)
{
    const void *data;
    for (ha_chunk_reader_begin(&bucket->reader, list);;) {
        HA_TRY(ha_chunk_reader_next(&bucket->reader, &data));
        const struct ha_log_chunk *chunk = data;
        if (chunk == NULL) {
            return NULL;
        }
        for (uint32_t i = 0; !put && i < chunk->count; i++) {
            bucket->start[chunk->target[i]]++;
        }
        for (uint32_t i = 0; put && i < chunk->count; i++) {
            bucket->sources[--bucket->start[chunk->target[i]]] = chunk->source[i];
        }
    }
}

static struct ha_err *bucket_load(const struct ha_search *search, uint32_t index, struct bucket *bucket)
{
    const uint32_t nodes = bucket_nodes(search, index);
    memset(bucket->start, 0, ((size_t)nodes + 1) * sizeof *bucket->start);
    HA_TRY(bucket_pass(&search->buckets[index], bucket, false));
    uint32_t sum = 0;
    for (uint32_t i = 0; i < nodes; i++) {
        sum += bucket->start[i];
        bucket->start[i] = sum; /* ends for now; filling backwards turns them into starts */
    }
    bucket->start[nodes] = sum;
    return bucket_pass(&search->buckets[index], bucket, true);
}

/* Where paths are short: asks for what evaluating the sources before one of a bucket takes, word[] of each, later that of the ancestor it points to.
   Sources of targets far before them are not linked yet: their words say nothing, and are not used for more than this. */
HA_INLINE void look_ahead(const struct ha_search *search, const struct bucket *bucket, uint32_t at)
{
    const uint64_t *word = search->word.data;
    if (at >= 2 * EVAL_AHEAD) {
        uint64_t ancestor = word[bucket->sources[at - EVAL_AHEAD]] >> 32;
        __builtin_prefetch(&word[bucket->sources[at - 2 * EVAL_AHEAD]]);
        __builtin_prefetch(&word[ancestor <= search->count ? ancestor : 0]);
    }
}

/* Where paths are long, they are walked twice: side by side first, from some sources at once, so that what one asks the memory for comes while the
   others go on; then one by one, to be evaluated. */
struct paths {
    uint32_t v; /* they end before they reach it */
    uint32_t count;
    uint32_t at[EVALS]; /* the node each has come to */
};

HA_INLINE void paths_add(struct paths *paths, const uint64_t *word, uint32_t source)
{
    if (source > paths->v) { /* the others are not linked yet, and near */
        __builtin_prefetch(&word[source]);
        paths->at[paths->count++] = source;
    }
}

HA_INLINE void paths_ask(struct paths *paths, const uint64_t *word)
{
    for (uint32_t step = 0; step < EVAL_STEPS && paths->count > 0; step++) {
        uint32_t still = 0;
        for (uint32_t k = 0; k < paths->count; k++) {
            const uint32_t x = (uint32_t)(word[paths->at[k]] >> 32);
            __builtin_prefetch(&word[x]);
            paths->at[still] = x;
            still += x > paths->v;
        }
        paths->count = still;
    }
}

/* The path of the first source of v, and those of nodes before it in the bucket. Returns the next node to do this for. */
HA_INLINE uint32_t ask_for_first(const struct ha_search *search, const struct bucket *bucket, uint32_t v, uint32_t least)
{
    const uint32_t *semi = search->semi.data, *start = bucket->start;
    struct paths paths = {.v = v};
    uint32_t first = v & ~(BUCKET_NODES - 1), t = v;
    for (; t >= first && t > 0 && paths.count < EVALS; t--) {
        const uint32_t slot = t & (BUCKET_NODES - 1), end = start[slot + 1];
        if (start[slot] < end && semi[t] > least) {
            paths_add(&paths, search->word.data, bucket->sources[end - 1]);
        }
    }
    paths_ask(&paths, search->word.data);
    return t;
}

/* Those of more sources of v, from the end on. */
HA_INLINE void ask_for_others(const struct ha_search *search, const struct bucket *bucket, uint32_t v, uint32_t first, uint32_t end)
{
    struct paths paths = {.v = v};
    for (uint32_t i = end; i > first && end - i < EVALS; i--) {
        paths_add(&paths, search->word.data, bucket->sources[i - 1]);
    }
    paths_ask(&paths, search->word.data);
}

/* Room for the bucket with most references, and how many chunks that is. */
static struct ha_err *make_sources(const struct ha_search *search, struct ha_big *ret, uint32_t *ret_chunks)
{
    uint64_t most = 0;
    *ret_chunks = 0;
    for (uint32_t i = 0; i < search->bucket_count; i++) {
        uint64_t references = bucket_references(&search->buckets[i]);
        most = references > most ? references : most;
        *ret_chunks = search->buckets[i].count > *ret_chunks ? search->buckets[i].count : *ret_chunks;
    }
    if (most > UINT32_MAX) {
        return ha_err_new(HA_ERR_LIMIT, "more than 4 G references lead to %u neighbouring objects", BUCKET_NODES);
    }
    return ha_big_init_cold(ret, most + 1, sizeof(uint32_t));
}

/* Going through the nodes from the last to the first. */
struct evaluation {
    struct ha_search *search;
    struct bucket *bucket;
    uint32_t loaded; /* the bucket */
    uint32_t least;  /* smallest semi of the nodes behind this one in the same tree: no path can tell of a smaller one */
    bool deep;       /* paths are long */
    uint32_t ask_at; /* then: first sources of this node, and of those before it in the bucket, are still to be asked for */
    uint64_t evaluated, walked; /* of this bucket: paths, and nodes on them */
};

static struct ha_err *next_bucket(struct evaluation *e, uint32_t v)
{
    e->loaded = v >> HA_LOG_BUCKET_BITS;
    e->deep = e->walked > DEEP_STEPS * e->evaluated;
    e->ask_at = v;
    e->evaluated = e->walked = 0;
    return bucket_load(e->search, e->loaded, e->bucket);
}

/* The smallest semi that the logged sources of v tell of, as long as they may tell of one below `best`. */
static uint32_t evaluate(struct evaluation *e, uint32_t v, uint32_t best, uint32_t first, uint32_t end)
{
    const struct bucket *bucket = e->bucket;
    const bool deep = e->deep;
    const uint32_t least = e->least;
    uint64_t *word = e->search->word.data, walked = 0;
    uint32_t i = end;
    for (; i > first && best > least; i--) {
        if (!deep) {
            look_ahead(e->search, bucket, i - 1);
        } else if (v <= e->ask_at) {
            e->ask_at = ask_for_first(e->search, bucket, v, least);
        } else if ((end - i) % EVALS == 1) {
            ask_for_others(e->search, bucket, v, first, i);
        }
        uint32_t label = eval(word, bucket->sources[i - 1], v, &walked);
        best = label < best ? label : best;
    }
    e->evaluated += end - i;
    e->walked += walked;
    return best;
}

static struct ha_err *semidominators(struct ha_search *search, struct bucket *bucket)
{
    uint32_t *semi = search->semi.data;
    const uint32_t *parent = search->parent.data;
    uint64_t *word = search->word.data;
    struct evaluation e = {.search = search, .bucket = bucket, .loaded = UINT32_MAX, .least = UINT32_MAX};
    for (uint32_t v = search->count; v > 0; v--) {
        if (v >> HA_LOG_BUCKET_BITS != e.loaded) {
            HA_TRY(next_bucket(&e, v));
        }
        const uint32_t slot = v & (BUCKET_NODES - 1), first = bucket->start[slot], end = bucket->start[slot + 1];
        uint32_t best = semi[v];
        if (first < end && best > e.least) {
            best = evaluate(&e, v, best, first, end);
        }
        semi[v] = best;
        e.least = parent[v] == 0 ? UINT32_MAX : best < e.least ? best : e.least;
        word[v] = (uint64_t)parent[v] << 32 | best;
    }
    return NULL;
}

static struct ha_err *find_semidominators(struct ha_search *search)
{
    struct ha_big sources = {0};
    HA_FREE struct bucket *bucket = ha_alloc(sizeof *bucket + ((size_t)bucket_nodes(search, 0) + 1) * sizeof *bucket->start);
    if (bucket == NULL) {
        return ha_err_nomem();
    }
    uint32_t most;
    HA_TRY(make_sources(search, &sources, &most));
    bucket->sources = sources.data;
    struct ha_err *err = ha_chunk_reader_init(&bucket->reader, &search->log, most);
    if (err == NULL) {
        err = semidominators(search, bucket);
    }
    ha_chunk_reader_deinit(&bucket->reader);
    ha_big_deinit(&sources);
    return err;
}

static inline uint32_t depth_of(uint64_t word)
{
    return (uint32_t)word;
}

/* From a up to the nearest ancestor in the dominator tree that is <= limit. */
static inline uint32_t step_up(const uint64_t *word, const uint32_t *idom, uint32_t a, uint32_t limit)
{
    uint32_t jump = ha_dom_jump_of(word[a]);
    return jump >= limit ? jump : idom[a];
}

/* How many nodes from v on are such that none is the parent of another: their walks need not wait for each other. */
static inline uint32_t independent(const uint32_t *parent, uint32_t v, uint32_t count)
{
    uint32_t n = 1;
    while (n < WALKS && n <= count - v && parent[v + n] < v) {
        n++;
    }
    return n;
}

/* Walks from parent to dominator. Returns how many steps that took. */
static inline uint32_t walk_up(const uint64_t *word, uint32_t *idom, uint32_t v, uint32_t limit)
{
    uint32_t a = idom[v], steps = 0;
    while (a > limit) {
        a = step_up(word, idom, a, limit);
        steps++;
    }
    idom[v] = a;
    return steps;
}

/* The same for n nodes side by side, so that what one asks the memory for comes while the others go on. Returns the steps of the longest walk. */
static uint32_t walk_up_together(const uint64_t *word, uint32_t *idom, const uint32_t *semi, uint32_t v, uint32_t n)
{
    uint32_t walking[WALKS], left = 0, steps = 0;
    for (uint32_t i = v; i < v + n; i++) {
        walking[left] = i;
        left += idom[i] > semi[i];
    }
    for (; left > 0; steps++) {
        uint32_t still = 0;
        for (uint32_t k = 0; k < left; k++) {
            const uint32_t i = walking[k], a = step_up(word, idom, idom[i], semi[i]);
            __builtin_prefetch(&word[a]);
            __builtin_prefetch(&idom[a]);
            idom[i] = a;
            walking[still] = i;
            still += a > semi[i];
        }
        left = still;
    }
    return steps;
}

/* Enters a node below its dominator. */
static inline void link_node(uint64_t *word, uint32_t v, uint32_t dominator)
{
    uint64_t wa = word[dominator], wj = word[ha_dom_jump_of(wa)];
    uint32_t jump = depth_of(wa) - depth_of(wj) == depth_of(wj) - depth_of(word[ha_dom_jump_of(wj)]) ? ha_dom_jump_of(wj) : dominator;
    word[v] = (uint64_t)jump << 32 | (depth_of(wa) + 1);
}

static void dominators(struct ha_search *search)
{
    const uint32_t *semi = search->semi.data;
    const uint32_t count = search->count;
    uint32_t *idom = search->parent.data;
    uint64_t *word = search->word.data;
    word[0] = 0;
    idom[0] = 0;
    uint32_t steps = 0; /* of the last walk */
    for (uint32_t v = 1, n; v <= count; v += n) {
        n = steps < FAR_STEPS ? 1 : independent(idom, v, count);
        steps = n == 1 ? walk_up(word, idom, v, semi[v]) : walk_up_together(word, idom, semi, v, n);
        for (uint32_t i = v; i < v + n; i++) {
            link_node(word, i, idom[i]);
        }
    }
}

struct ha_err *ha_dom_semi_nca(struct ha_search *search)
{
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
        uint32_t jump = ha_dom_jump_of(word[a]);
        a = depth_of(word[jump]) >= depth ? jump : idom[a];
    }
    while (a != b) {
        uint32_t jump_a = ha_dom_jump_of(word[a]), jump_b = ha_dom_jump_of(word[b]); /* equal depths have equally long jumps */
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
