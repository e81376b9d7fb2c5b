/* SPDX-License-Identifier: MIT */
/*
 * Pre-order of a tree: where each node stands when every node comes directly before those below it, in the order in which they are numbered. A
 * subtree is an interval of places.
 *
 *     number   1   2   3   4            place   0   1   2   3
 *     parent   0   1   1   2     ->     number  1   2   4   3
 *                                       next    4   3   3   4      (of the number there)
 *
 * Two sweeps over the numbers; parents are mostly near. Memory: 8 bytes per node.
 */
#include "dom/dom_sweep.h"

struct ha_err *ha_dom_places(const uint32_t *parent, uint64_t count, struct places *ret)
{
    HA_TRY(ha_big_init_raw(&ret->memory, 2 * (count + 1), sizeof(uint32_t)));
    uint32_t *next = ret->memory.data, *at_place = next + count + 1;
    for (uint64_t p = 0; p <= count; p++) {
        next[p] = 1;
    }
    for (uint64_t p = count; p > 0; p--) {
        next[parent[p]] += next[p]; /* sizes of subtrees for now; that of the root is not used */
    }
    next[0] = 0;
    for (uint64_t p = 1; p <= count; p++) {
        uint32_t size = next[p], at = next[parent[p]];
        next[parent[p]] += size;
        at_place[at] = (uint32_t)p;
        next[p] = at + 1; /* after the last child: one past its interval */
    }
    ret->next = next;
    ret->at_place = at_place;
    return NULL;
}
