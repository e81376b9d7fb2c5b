/* SPDX-License-Identifier: MIT */
/*
 * Class loaders as a tree by parent: what each defined, what its instances keep, and which names several of them defined.
 *
 * An application that was stopped but not let go of shows by the state of its loader, where the server keeps one (q_loader_state.h).
 */
#ifndef HA_QUERY_Q_LOADERS_H
#define HA_QUERY_Q_LOADERS_H

#include "ha/query/q_query.h"

struct ha_loader {
    ha_obj obj;              /* HA_OBJ_NONE: the boot loader */
    const char *class_name;  /* NULL: the boot loader */
    const char *label;       /* the loader's name, or what q_label.h says; NULL: none */
    const char *state;       /* of an application ("STARTED"), or "CLOSED"; NULL: nobody keeps one, or the loader is open */
    bool stopped;            /* the state says that the application does not run any more */
    uint64_t classes;        /* reachable ones that it defined */
    uint64_t duplicates;     /* of them: another loader defined a class of that name too */
    uint64_t instances, shallow_bytes; /* of its classes */
    uint64_t instances_retained_bytes; /* minimum retained size of these instances */
    uint64_t retained_bytes; /* by the loader object; 0 for the boot loader */
    struct ha_loader **children; /* by retained bytes, largest first */
    uint64_t child_count;
};

/* A class name that several loaders defined. */
struct ha_duplicate_class {
    const char *name;
    uint64_t loaders;
    uint64_t instances, shallow_bytes; /* of all of them */
};

struct ha_loaders {
    struct ha_loader *root; /* the boot loader; loaders whose parent is null or not there are its children */
    uint64_t count;         /* with the boot loader */
    uint64_t stopped;       /* loaders of applications that do not run any more */
    struct ha_duplicate_class *duplicates; /* most loaders first, then most bytes */
    uint64_t duplicate_count, duplicates_omitted;
};

/* limit: rows of duplicates, 0: all. Needs dominators for the sizes. */
struct ha_err *ha_loaders_query(struct ha_query *q, uint64_t limit, struct ha_loaders *ret) HA_WARN_UNUSED;

#endif
