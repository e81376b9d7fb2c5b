/* SPDX-License-Identifier: MIT */
/*
 * All instances of some classes: from the lists of the index (heap_instances.h), or, where it keeps none of one of them, in one pass over the
 * class column.
 *
 *     struct ha_instances set;
 *     HA_TRY(ha_instances_init(&set, q));
 *     ha_instances_mark(&set, "java.lang.Thread", true, MARK_THREAD);
 *     err = ha_instances_each(&set, fn, ctx);              fn(ctx, obj, MARK_THREAD)
 *     ha_instances_deinit(&set);
 *
 * The pass ends with the last reachable instance that the totals of the index promise. Lists take 4 bytes of memory per instance.
 */
#ifndef HA_QUERY_Q_INSTANCES_H
#define HA_QUERY_Q_INSTANCES_H

#include "ha/query/q_query.h"

struct ha_instances {
    struct ha_query *q;
    uint8_t *marks; /* per class; 0: not of interest. May be set directly, too */
    bool unreachable_too; /* set it before ha_instances_each(): garbage as well */
};

struct ha_err *ha_instances_init(struct ha_instances *set, struct ha_query *q) HA_WARN_UNUSED;
void ha_instances_deinit(struct ha_instances *set);

/* Marks the classes of a name (all loaders), with their subclasses if asked; mark is not 0; a class that has a mark keeps it. */
void ha_instances_mark(struct ha_instances *set, const char *name, bool subclasses, uint8_t mark);

/* The mark of a class. */
static inline uint8_t ha_instances_mark_of(const struct ha_instances *set, ha_cls cls)
{
    return set->marks[cls.i];
}

/* How many instances of marked classes there are, from the totals of the index; UINT64_MAX: not known. */
uint64_t ha_instances_count(const struct ha_instances *set, bool unreachable_too);

/* Writes the instances of marked classes among `count` objects from `first` on, which there are, to ret, which has room for all; returns how many. Unreachable
   ones are among them. */
uint32_t ha_instances_among(const struct ha_instances *set, uint32_t first, uint32_t count, uint32_t *ret);

/* Calls fn for every reachable instance of a marked class, ascending by object number. fn's error ends the walk and is returned. */
typedef struct ha_err *(*ha_instance_fn)(void *ctx, ha_obj obj, uint8_t mark);
struct ha_err *ha_instances_each(struct ha_instances *set, ha_instance_fn fn, void *ctx) HA_WARN_UNUSED;

#endif
