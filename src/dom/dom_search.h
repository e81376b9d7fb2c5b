/* SPDX-License-Identifier: MIT */
/*
 * The depth-first search over the branch objects, and what it leaves behind for the dominators.
 *
 * Numbers are pre-order numbers: 0 the artificial root, 1 … count the reachable branch objects.
 *
 *     vertex[p]   object of number p                parent[p]  number of its parent in the search tree
 *     pre[obj]    number of a branch object, 0: not reached
 *     semi[p]     smallest number of a predecessor that lies above p in the tree (an upper bound of the semidominator); 0 for what is referred to
 *                 from below a later root
 *     log         the other references between reached branch objects that say anything: from a later to an earlier number below the same root, in
 *                 buckets by target
 */
#ifndef HA_DOM_SEARCH_H
#define HA_DOM_SEARCH_H

#include "ha/base/chunks.h"
#include "ha/base/mem.h"
#include "ha/base/spool.h"
#include "ha/base/vec.h"
#include "ha/graph/graph_inbound.h"
#include "ha/graph/graph_starts.h"
#include "ha/heap/heap_build.h"

#include <assert.h>

#ifndef HA_LOG_BUCKET_BITS /* tests have smaller ones */
#define HA_LOG_BUCKET_BITS 16U
#endif
#define HA_LOG_CHUNK_REFERENCES 682U

struct ha_log_chunk {
    uint32_t count;
    uint32_t source[HA_LOG_CHUNK_REFERENCES];
    uint16_t target[HA_LOG_CHUNK_REFERENCES]; /* in its bucket */
};

static_assert(HA_LOG_BUCKET_BITS <= 16 && sizeof(struct ha_log_chunk) <= HA_CHUNK_BYTES, "a place in a bucket takes two bytes");

struct ha_search {
    struct ha_build *build;
    const uint8_t *row_start;
    struct ha_starts packed; /* the same as the index has it, four times smaller, where memory is short; without items: row_start it is */
    const uint32_t *targets;
    uint64_t target_count;
    const uint8_t *class_column; /* both found by ha_search_init(): the writer is not asked while the search runs */
    uint32_t class_width;
    struct ha_big vertex, pre, parent, semi;
    struct ha_spool vertices; /* vertex[] while the search goes on, unless it reads it */
    struct ha_big word; /* of dom_tree.c */
    uint32_t count; /* highest number */
    struct ha_chunk_list *buckets; /* of struct ha_log_chunk, by target >> HA_LOG_BUCKET_BITS */
    uint32_t bucket_count;
    struct ha_chunks log;
    uint32_t *class_edges; /* per class: its class object where the edge to it matters, else HA_NONE */
    uint64_t *root_bits;   /* per object: it is a root */
};

struct ha_err *ha_search_init(struct ha_search *search, struct ha_build *build) HA_WARN_UNUSED;
/* For a search that comes after ha_inbound_collect(): takes the packed starts of rows, if there are any. */
struct ha_err *ha_search_use_packed(struct ha_search *search) HA_WARN_UNUSED;
struct ha_err *ha_search_run(struct ha_search *search) HA_WARN_UNUSED;
void ha_search_drop_log(struct ha_search *search); /* no longer needed after ha_dom_semi_nca() */
void ha_search_deinit(struct ha_search *search);

static inline bool ha_search_is_root(const struct ha_search *search, uint32_t obj)
{
    return (search->root_bits[obj >> 6] >> (obj & 63) & 1) != 0;
}

static inline uint32_t ha_search_class_of(const struct ha_search *search, uint32_t obj)
{
    return search->class_width == 2 ? ha_le16(search->class_column + 2 * (size_t)obj) : ha_le32(search->class_column + 4 * (size_t)obj);
}

/* dom_tree.c: semidominators, then dominators: parent[p] becomes the immediate dominator of p, word[p] its jump pointer and depth. word[] must have
   been made. */
struct ha_err *ha_dom_semi_nca(struct ha_search *search) HA_WARN_UNUSED;

/* The nearest common ancestor of two numbers in the dominator tree; after ha_dom_semi_nca(). O(log n). */
uint32_t ha_dom_nca(const struct ha_search *search, uint32_t a, uint32_t b);

static inline uint32_t ha_dom_jump_of(uint64_t word)
{
    return (uint32_t)(word >> 32);
}

/* Asks for what that will take of a number whose word has come: the next word on the way up. */
HA_INLINE void ha_dom_nca_ask(const struct ha_search *search, uint32_t node)
{
    const uint64_t *word = search->word.data;
    __builtin_prefetch(&word[node == HA_NONE ? 0 : ha_dom_jump_of(word[node])]);
}

/* dom_leaves.c: dominators of leaf objects from their inbound lists, of sinks from their instances as well; idom in object numbers, with those of
   leaves that have one source only. Lists are
   taken in any order, by several threads; finish when all have been. */
struct ha_leaves;
struct ha_err *ha_dom_leaves_create(const struct ha_search *search, uint32_t *idom, struct ha_leaves **ret) HA_WARN_UNUSED;
void ha_dom_leaves_destroy(struct ha_leaves *leaves);
void ha_dom_leaves_take(void *leaves, const struct ha_inbound_lists *lists);
struct ha_err *ha_dom_leaves_finish(struct ha_leaves *leaves) HA_WARN_UNUSED;

/* dom_children.c: writes dominators and children. */
struct ha_err *ha_dom_write(struct ha_build *build, const uint32_t *idom) HA_WARN_UNUSED;

#endif
