/* SPDX-License-Identifier: MIT */
/*
 * Why an object is alive: shortest paths from GC roots, and what they may not use.
 *
 * Paths are distinct in their last step, as in MAT: the search goes backwards from the targets, breadth first, and visits each object once,
 * so every path found ends (at its root side) in another root object.
 */
#ifndef HA_QUERY_Q_PATHS_H
#define HA_QUERY_Q_PATHS_H

#include "ha/query/q_label.h"

/* ---- excludes ---- */

enum {
    HA_EXCLUDE_WEAK = 1U << 0,      /* Reference.referent of WeakReference and classes below */
    HA_EXCLUDE_SOFT = 1U << 1,
    HA_EXCLUDE_PHANTOM = 1U << 2,
    HA_EXCLUDE_FINALIZER = 1U << 3, /* referent of FinalReference and below, static Finalizer.unfinalized and Runtime.<Unfinalized> */
    HA_EXCLUDE_REFERENTS = 1U << 4  /* referent of every java.lang.ref.Reference (MAT's search for groups) */
};
#define HA_EXCLUDE_DEFAULT (HA_EXCLUDE_WEAK | HA_EXCLUDE_SOFT | HA_EXCLUDE_PHANTOM | HA_EXCLUDE_FINALIZER)

struct ha_exclude_rule {
    const char *class_name; /* subclasses included */
    const char *field;      /* instance or static field; NULL: every reference of the class's instances and of its class object */
};

struct ha_excludes {
    uint32_t kinds; /* HA_EXCLUDE_… */
    const struct ha_exclude_rule *rules;
    size_t rule_count;
};

/* ---- steps and roots ---- */

struct ha_step {
    ha_obj obj;
    const char *field;   /* how the step before refers to this one (ha_edge_text()); NULL in the first, and where the dump does not tell */
    const char *class_field; /* "CLASS#FIELD" in the form without indexes, frames or hidden-class suffix (for ids); NULL with `field` */
    struct ha_edge edge; /* meaningful when field is not NULL */
};

struct ha_root_info {
    uint32_t kinds;         /* bit set of 1 << enum ha_root_kind; 0: not a root (a path that could not be completed) */
    enum ha_root_kind kind; /* the first of them */
    ha_obj thread;          /* the thread it belongs to, if known: the root itself when its kinds include thread; else HA_OBJ_NONE */
};

struct ha_path {
    ha_obj target;
    struct ha_root_info root;
    struct ha_step *steps; /* from the root to the target, both included */
    uint64_t count;
};

struct ha_paths {
    struct ha_path *list; /* shortest first, ties by class name of the root, then its address */
    uint64_t count;
    bool more; /* max stopped the search: there may be more */
};

#define HA_PATHS_DEFAULT_MAX 30
#define HA_PATHS_FURTHER (1U << 20) /* what lies further away is rarely worth the wait */

struct ha_paths_options {
    const struct ha_excludes *excludes; /* NULL: HA_EXCLUDE_DEFAULT alone */
    uint64_t max;                       /* paths; 0: all */
    uint64_t further;                   /* unless max is 0: when there is a path, so many objects more are visited for others at most (whole levels);
                                           0: HA_PATHS_FURTHER */
};

/* Paths to any of the targets (each target object is found once). None left: count 0, no error. */
struct ha_err *ha_paths_to_objects(struct ha_query *q, const ha_obj *targets, uint64_t target_count, const struct ha_paths_options *options,
                                   struct ha_paths *ret) HA_WARN_UNUSED;

/* The same for all instances of the classes of that name; HA_ERR_USAGE: no such class. */
struct ha_err *ha_paths_to_class(struct ha_query *q, const char *class_name, const struct ha_paths_options *options, struct ha_paths *ret) HA_WARN_UNUSED;

/* Fills in what a root object is. */
void ha_root_describe(const struct ha_query *q, ha_obj obj, struct ha_root_info *ret);

/* Names the edge source -> target in *step (the first edge between them that is not excluded; excludes may be NULL). */
struct ha_err *ha_step_label(struct ha_query *q, ha_obj source, ha_obj target, const struct ha_excludes *excludes, struct ha_step *step) HA_WARN_UNUSED;

#endif
