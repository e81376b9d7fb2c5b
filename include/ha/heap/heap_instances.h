/* SPDX-License-Identifier: MIT */
/*
 * The objects of classes that have few, by class: a question about threads or class loaders then needs no pass over the class column.
 *
 *     lists     [class 4: 17, 90, 91][class 9: 3][class 12: 40, 41]…    objects, unreachable ones included, ascending within a class
 *     ranges    per class: where its list begins and how long it is; all ones: not kept, the class has too many
 *
 * Kept are the classes of at most T instances, T the largest power of two for which these are together at most one in HA_INSTANCES_SHARE of all
 * objects: lists take 4 bytes for each of those, whatever the heap looks like.
 */
#ifndef HA_HEAP_HEAP_INSTANCES_H
#define HA_HEAP_HEAP_INSTANCES_H

#include "ha/heap/heap.h"
#include "ha/index/index.h"

#define HA_INSTANCES_SHARE 32U

/* Writes both sections. all_instances: how many objects each class has, which must be true of the class column; one per class. */
struct ha_err *ha_heap_instances_build(const struct ha_heap *heap, const uint64_t *all_instances, struct ha_index_writer *writer) HA_WARN_UNUSED;

/* The list of a class as the index has it: numbers may be anything. Borrowed. false: not kept, or the index is of before there were lists. */
struct ha_instances_kept {
    const uint32_t *objects;
    uint32_t count;
};
bool ha_heap_instances(const struct ha_heap *heap, ha_cls cls, struct ha_instances_kept *ret);

#endif
