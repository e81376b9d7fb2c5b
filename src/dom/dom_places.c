/* SPDX-License-Identifier: MIT */
/*
 * Pre-order of the dominator tree: where each object stands when every object comes directly before those it dominates, in the order in which they
 * are numbered. A subtree is an interval of places.
 *
 *     number   1   2   3   4            place   0   1   2   3
 *     parent   0   1   1   2     ->     number  1   2   4   3
 *                                       next    4   3   3   4      (of the number there)
 *
 * Two sweeps over the numbers; parents are mostly near. Memory: 8 bytes per branch object.
 */
#include "dom/dom_sweep.h"

struct ha_err *ha_dom_places(struct sweep *s)
{
    const uint32_t *parent = s->order->parent;
    const uint64_t count = s->order->count;
    HA_TRY(ha_big_init_raw(&s->places_big, 2 * (count + 1), sizeof(uint32_t)));
    uint32_t *next = s->places_big.data, *place = next + count + 1;
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
        place[at] = (uint32_t)p;
        next[p] = at + 1; /* after the last child: one past its interval */
    }
    s->next = next;
    s->place = place;
    return NULL;
}
