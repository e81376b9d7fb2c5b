/* SPDX-License-Identifier: MIT */
/*
 * Leak suspects, by the rules of Eclipse MAT: objects directly under the root of the dominator tree that retain more than the threshold;
 * of those that remain, all of one class together when their sum does. For each: where the memory accumulates, and what holds it.
 */
#ifndef HA_QUERY_Q_SUSPECTS_H
#define HA_QUERY_Q_SUSPECTS_H

#include "ha/query/q_dominators.h"
#include "ha/query/q_paths.h"
#include "ha/query/q_threads.h"

enum ha_suspect_kind {
    HA_SUSPECT_OBJECT,
    HA_SUSPECT_GROUP
};

struct ha_suspects_options {
    double threshold_percent; /* of the reachable heap; used when threshold_bytes is 0. 0: HA_SUSPECTS_PERCENT */
    uint64_t threshold_bytes;
    uint64_t limit;           /* suspects; 0: all */
    uint64_t class_limit;     /* rows of retained_classes; 0: HA_SUSPECTS_CLASSES */
};
#define HA_SUSPECTS_PERCENT 10.0
#define HA_SUSPECTS_LOW_PERCENT 1.0 /* as low as it is worth working them out before somebody asks */
#define HA_SUSPECTS_CLASSES 20

#define HA_SUSPECT_ID_BYTES 20 /* "s1-", 16 hex digits, NUL */

struct ha_suspect {
    char id[HA_SUSPECT_ID_BYTES];
    enum ha_suspect_kind kind;
    ha_cls cls;               /* class of the object or objects (java.lang.Class for class objects) */
    const char *class_name;   /* name of cls; for a single class object the class it stands for */
    bool is_class;            /* the suspect is a single class object */
    bool is_loader, is_thread;
    ha_obj object;            /* single; HA_OBJ_NONE for a group */
    uint64_t instances;       /* 1 for a single */
    uint64_t shallow_bytes, retained_bytes;
    double retained_percent;
    ha_obj accumulation_point; /* HA_OBJ_NONE: none */
    uint64_t accumulation_retained_bytes;
    struct ha_root_info root;  /* of the path; kinds 0: no path */
    struct ha_step *path;      /* from the root to the accumulation point (else to the object; group: the common path) */
    uint64_t path_count;
    bool path_excluded;        /* the path avoids weak, soft, phantom and finalizer references; false: only such a path exists */
    uint64_t sampled;          /* group: instances whose paths were looked at */
    struct {
        const char *class_name; /* first class of the application on the way; NULL: none */
        const char *field;      /* its field that refers to the next step, NULL in the last */
        ha_obj object;
    } held_by;
    struct {
        ha_obj thread;     /* the path goes through this thread's local, or the suspect is this thread; HA_OBJ_NONE: neither */
        const char *frame; /* "com.acme.Foo.bar (Foo.java:17)"; NULL: not known */
    } thread;
    struct ha_histogram retained_classes; /* what goes with it: all that the suspect dominates, by class, largest shallow sum first */
    struct ha_ranked_list largest;        /* group: its biggest objects (at most 10); single: the largest children of the accumulation point (at most 10) */
};

struct ha_suspects {
    uint64_t threshold_bytes; /* suspects retain strictly more */
    struct ha_suspect *list;  /* largest first */
    uint64_t count, omitted;
};

struct ha_err *ha_suspects_query(struct ha_query *q, const struct ha_suspects_options *options, struct ha_suspects *ret) HA_WARN_UNUSED;

/* For a ha_snapshot_extra: keeps accumulation points, paths and largest parts of the suspects under the default threshold in a section of the snapshot's
   size model. */
struct ha_err *ha_suspects_store(const struct ha_snapshot *snapshot, ha_section_put put, void *put_ctx) HA_WARN_UNUSED;

/* For the index: the same of the suspects that were last worked out with this query because the index does not keep them, for a few thresholds. Puts
   nothing if none were, or if there are many thresholds already. */
struct ha_err *ha_suspects_store_asked(const struct ha_query *q, ha_section_put put, void *put_ctx) HA_WARN_UNUSED;

#endif
