/* SPDX-License-Identifier: MIT */
/*
 * One selection and three groupings of the top of the dominator tree; the groupings share one pass over it.
 */
#include "ha/query/q_top.h"

#include "query/q_level.h"

struct ha_err *ha_top_group(struct ha_query *q, struct ha_children objects, enum ha_group_by by,
                            uint64_t limit, struct ha_histogram *ret)
{
    const struct ha_groups *groups;
    struct ha_level_sums sums;
    HA_TRY(ha_groups_get(q, by, &groups));
    HA_TRY(ha_level_sums_create(q, objects, &sums));
    struct ha_err *err = ha_level_rows(q, groups, &sums, limit, ret, NULL);
    ha_level_sums_destroy(&sums);
    return err;
}

struct ha_err *ha_top_query(struct ha_query *q, uint64_t limit, struct ha_top *ret)
{
    struct ha_children top = ha_dom_top(q->snapshot->dom);
    struct ha_histogram *const tables[] = {&ret->classes, &ret->packages, &ret->loaders};
    static const enum ha_group_by groupings[] = {HA_BY_CLASS, HA_BY_PACKAGE, HA_BY_LOADER};
    struct ha_level_sums sums;
    HA_TRY(ha_dominators_largest(q, top, limit, &ret->objects));
    HA_TRY(ha_level_sums_create(q, top, &sums));
    struct ha_err *err = NULL;
    for (size_t i = 0; err == NULL && i < 3; i++) {
        const struct ha_groups *groups;
        err = ha_groups_get(q, groupings[i], &groups);
        if (err == NULL) {
            err = ha_level_rows(q, groups, &sums, limit, tables[i], NULL);
        }
    }
    ha_level_sums_destroy(&sums);
    return err;
}
