/* SPDX-License-Identifier: MIT */
#include "ha/query/q_class_set.h"

#include "query/q_tally.h"

enum { OUTSIDE, INSIDE, GROUPS };

struct ha_err *ha_class_set_query(struct ha_query *q, const bool *members, struct ha_class_set_sums *ret)
{
    uint32_t count = q->snapshot->heap->facts.class_count;
    struct ha_tally_sum sums[GROUPS] = {0};
    struct ha_groups groups = {.count = GROUPS, .of_class = ha_alloc_array((size_t)count + 1, sizeof *groups.of_class)};
    if (groups.of_class == NULL) {
        return ha_err_nomem();
    }
    *ret = (struct ha_class_set_sums){0};
    for (uint32_t i = 0; i < count; i++) {
        groups.of_class[i] = members[i] ? INSIDE : OUTSIDE;
        ret->classes += members[i];
    }
    struct ha_err *err =
        ret->classes == 0 ? NULL : ha_tally_subtrees(q, &groups, ha_dom_top(q->snapshot->dom), true, sums);
    ha_free(groups.of_class);
    ret->instances = sums[INSIDE].instances;
    ret->shallow_bytes = sums[INSIDE].shallow_bytes;
    ret->retained_bytes = sums[INSIDE].retained_bytes;
    return err;
}
