/* SPDX-License-Identifier: MIT */
/*
 * What a set of objects dominates directly (its kids), put together by stable class name: how many, how large, and which.
 *
 *     struct kids k;
 *     kids_init(&k, q, min_bytes);
 *     kids_gather(&k, parents, count);            k.groups: one per name, in the order in which the names were first met
 *     kids_list(&k, &k.groups.data[i], &list);    a sample of one group, and those of it that dominate something themselves; ascending
 *     kids_deinit(&k);
 *
 * Names whose objects cannot make up min_bytes anywhere are left out: objects of a set that contain each other nowhere retain no more than their
 * class does, and that is known. Kept are also names that could be those of fields, for the sake of the order in which names are met.
 */
#ifndef HA_QUERY_Q_KIDS_H
#define HA_QUERY_Q_KIDS_H

#include "ha/query/q_query.h"
#include "query/q_texts.h"

#define KIDS_SAMPLE 256U

struct kid_group {
    uint32_t name; /* number in kids.names */
    ha_obj largest; /* retains most; ties: the lowest number */
    uint64_t most;  /* what it retains */
    uint64_t count, bytes;
    uint64_t first; /* groups are in this order */
};

/* Objects in ascending order. */
struct kid_objects {
    ha_obj *data;
    size_t count;
    size_t capacity;
};

struct kid_list {
    struct kid_objects holders;  /* may dominate something; to be freed with ha_vec_deinit() */
    ha_obj sample[KIDS_SAMPLE];  /* all of a group of no more than KIDS_SAMPLE objects; of a larger one as many, spread evenly */
    uint32_t sample_count;       /* 0 below the root: nothing refers to those */
};

struct kid_worker;

struct kids {
    struct ha_query *q;
    struct texts names;
    uint32_t *of_class;  /* per class: name + 1; 0: left out; KIDS_MIRROR: class objects, which have names of their own */
    uint32_t *of_mirror; /* per class: the name of its class object + 1; 0: left out */
    uint32_t class_name; /* of class objects that stand for no class: name + 1; 0: left out */
    uint32_t *sizes;     /* per class: bytes of an instance that is a leaf, or SIZE_OF_ARRAY; 0: each has its own */
    struct kid_worker *workers;
    unsigned worker_count;
    uint32_t *group_of;  /* per name: its group + 1 while groups are made */
    HA_VEC(struct kid_group) groups;
    HA_VEC(struct ha_children) runs; /* kids of few parents, in pieces; none: pieces are parents */
    const ha_obj *parents;
    size_t parent_count;
    bool below_root;
    uint64_t looked;     /* parents so far */
    struct ha_big bits;  /* per object, for sorting; all 0 in between */
};

struct ha_err *kids_init(struct kids *k, struct ha_query *q, uint64_t min_bytes) HA_WARN_UNUSED;
void kids_deinit(struct kids *k); /* a zeroed struct is fine */

/* Groups of the kids of ascending objects; NULL: of the first level. HA_ERR_INPUT: the index holds no tree. */
struct ha_err *kids_gather(struct kids *k, const ha_obj *parents, size_t count) HA_WARN_UNUSED;

/* Lists a group of the last kids_gather(). */
struct ha_err *kids_list(struct kids *k, const struct kid_group *group, struct kid_list *ret) HA_WARN_UNUSED;

#endif
