/* SPDX-License-Identifier: MIT */
/*
 * What no GC root leads to: how much of which class, what is biggest in it, and whether it is garbage at all.
 *
 * HotSpot does not write everything that holds objects, so that some of it is alive:
 *
 *     class data        fields of java.lang.Class itself (reflectionData, annotationData, classValueMap, module …) are not in the dump
 *     virtual threads   stacks of parked virtual threads, which JDK 19 to 21 do not write
 *     fillers           dead space that the JVM has formatted as arrays (q_fillers.h)
 *     garbage           the rest: between two collections; a dump of live objects only (jcmd GC.heap_dump without -all) has none
 *
 * The unreachable part has no roots, so its dominator tree hangs on the objects that nothing in it refers to; of a circle that nothing leads to,
 * the object with the lowest number stands for it.
 */
#ifndef HA_QUERY_Q_UNREACHABLE_H
#define HA_QUERY_Q_UNREACHABLE_H

#include "ha/query/q_query.h"

enum ha_unreachable_kind {
    HA_UNREACHABLE_GARBAGE,
    HA_UNREACHABLE_CLASS_DATA,
    HA_UNREACHABLE_VIRTUAL,
    HA_UNREACHABLE_FILLERS
};
#define HA_UNREACHABLE_KINDS 4
const char *ha_unreachable_kind_name(enum ha_unreachable_kind kind); /* "garbage", "class data", "virtual threads", "fillers" */

struct ha_unreachable_class {
    const char *name;
    uint64_t instances, shallow_bytes;
};

/* An object on the first level of the unreachable part's own dominator tree. */
struct ha_unreachable_top {
    ha_obj obj;
    enum ha_unreachable_kind kind;
    uint64_t bytes, objects; /* that go with it, itself included */
};

struct ha_unreachable {
    uint64_t objects, bytes;
    struct ha_unreachable_class *classes; /* by shallow bytes, largest first, ties by name */
    uint64_t class_count, classes_omitted;
    bool has_tops;   /* false: not asked for, or the part is too tangled for a bounded search */
    struct ha_unreachable_top *tops; /* largest first */
    uint64_t top_count, tops_omitted;
    struct {
        uint64_t objects, bytes; /* of whole tops */
    } kinds[HA_UNREACHABLE_KINDS];
};

/* with_tops: the first level of the dominator tree too. It comes from the index; where that does not keep it, or fewer tops than are asked for, the tree
   is made, which takes 20 bytes an object and time by the size of the part. limit: rows of each list, 0: all. */
struct ha_err *ha_unreachable_query(struct ha_query *q, bool with_tops, uint64_t limit, struct ha_unreachable *ret) HA_WARN_UNUSED;

/* For a ha_snapshot_extra: makes the tree and keeps the largest HA_UNREACHABLE_KEPT tops, sums by kind and counts of fillers in sections of the snapshot's
   size model, if anything is unreachable. */
#define HA_UNREACHABLE_KEPT (UINT64_C(1) << 18)
struct ha_err *ha_unreachable_store(const struct ha_snapshot *snapshot, ha_section_put put, void *put_ctx) HA_WARN_UNUSED;

#endif
