/* SPDX-License-Identifier: MIT */
/* Children of the dominator tree: a counting sort of all reachable objects by their dominator. Memory: 4 bytes per object while it runs. */
#include "dom/dom_search.h"

#include "dom/dom_format.h"
#include "ha/dom/dom.h"
#include "ha/heap/heap_sections.h"

struct ha_err *ha_dom_write_children(struct ha_build *build, const uint32_t *idom)
{
    const uint32_t n = build->facts.object_count;
    struct ha_big next_big = {0};
    HA_TRY(ha_big_init(&next_big, (uint64_t)n + 2, sizeof(uint32_t)));
    uint32_t *next = next_big.data;
    for (uint32_t obj = 0; obj < n; obj++) {
        uint32_t d = idom[obj];
        if (d != HA_NONE) {
            next[d == HA_DOM_ROOT ? n : d]++;
        }
    }
    uint32_t sum = 0;
    for (uint64_t d = 0; d <= n; d++) {
        uint32_t count = next[d];
        next[d] = sum;
        sum += count;
    }
    uint64_t blocks = (uint64_t)n / HA_CHILD_BLOCK + 2;
    struct ha_big children_big = {0};
    HA_FREE uint32_t *starts = ha_alloc_array(blocks, sizeof *starts);
    struct ha_err *err = starts == NULL ? ha_err_nomem() : ha_big_init_raw(&children_big, (uint64_t)sum + 1, sizeof(uint32_t));
    if (err == NULL) {
        uint32_t *children = children_big.data;
        for (uint64_t b = 0; b < blocks; b++) {
            starts[b] = b * HA_CHILD_BLOCK <= n ? next[b * HA_CHILD_BLOCK] : sum;
        }
        for (uint32_t obj = 0; obj < n; obj++) {
            uint32_t d = idom[obj];
            if (d != HA_NONE) {
                children[next[d == HA_DOM_ROOT ? n : d]++] = obj;
            }
        }
        err = ha_index_section_put(build->writer, HA_SECTION_CHILDREN, sizeof(uint32_t), sum, children);
    }
    if (err == NULL) {
        err = ha_index_section_put(build->writer, HA_SECTION_CHILD_STARTS, sizeof(uint32_t), blocks, starts);
    }
    ha_big_deinit(&children_big);
    ha_big_deinit(&next_big);
    return err;
}
