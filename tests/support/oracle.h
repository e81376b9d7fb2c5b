/* SPDX-License-Identifier: MIT */
/*
 * What the right answers are, computed from a model (dumpgen.h) in the slowest and most obvious way, for heaps of up to a few
 * thousand objects.
 *
 * Nodes are the objects of one heap and its classes, in ascending order of their ids. Made-up classes stand for those the dump lacks.
 * Edges are references, in the order: class, then (of class objects) super, loader, statics, (of instances) fields, (of arrays) elements,
 * then (of threads) locals; null and dangling ones are left out, repeated ones are kept. The rules are those of Eclipse MAT:
 *
 *   · every object refers to its class object; a class object to java.lang.Class, its super class, its loader and its static objects,
 *     not to signers, protection domain and constant pool;
 *   · a Java frame, JNI local, native stack or thread block root whose thread is known is an edge of the thread object and no root; it is
 *     lost if the thread object is not in the heap, and a plain root if the thread's id is 0 or its serial unknown;
 *   · without any sticky class root, every class without a loader that is no array class is a root; a loader not in the heap counts
 *     as none;
 *   · if every class has a loader, each loader refers to its classes;
 *   · referents of Reference objects are strong, except where excluded.
 *
 *     struct oracle *o = oracle_create(&file, 0);
 *     const struct oracle_node *n = &o->nodes[oracle_find(o, 0x3000)];
 *     n->shallow, n->retained, n->idom, ...
 *     oracle_destroy(o);
 */
#ifndef ORACLE_H
#define ORACLE_H

#include "dumpgen.h"

#define ORACLE_NONE UINT32_MAX /* no such node; dominator or depth of what cannot be reached */
#define ORACLE_ROOT (UINT32_MAX - 1) /* the virtual root, as a dominator */

enum oracle_exclude { /* bits; the kind of reference an edge is, and the set of kinds a path must not use */
                      ORACLE_WEAK = 1,
                      ORACLE_SOFT = 2,
                      ORACLE_PHANTOM = 4,
                      ORACLE_FINALIZER =
                          8, /* also the statics Finalizer.unfinalized and Runtime.<Unfinalized> */
                      ORACLE_ALL_REFERENCES = 15
};

/* The totals of a class; class objects count for java.lang.Class. */
struct oracle_totals {
    uint64_t instances, shallow,
        retained; /* of what can be reached; retained: of instances below no other instance of the class */
    uint64_t all_instances, all_shallow; /* the unreachable too */
};

struct oracle_node {
    uint64_t id;
    const struct gen_object *object; /* NULL: a class */
    const struct gen_class *def;     /* of a class; NULL: made up, or no class */
    const char *name;                /* of a class; "" if made up for an unknown id */
    bool is_class, made_up;
    bool root;
    bool reachable;
    uint32_t cls;               /* node of its class object */
    uint32_t super, loader;     /* of a class: nodes, or ORACLE_NONE */
    uint32_t made_up_bytes;     /* of a made-up class: payload of its instances */
    uint64_t shallow, retained; /* retained: 0 when not reachable */
    uint32_t idom;
    struct oracle_totals totals; /* of a class */
};

struct oracle_edge {
    uint32_t from, to;
    const char *field; /* of fields and statics; otherwise NULL */
    unsigned kind;     /* ORACLE_WEAK … if it is such a reference, or 0 */
};

struct oracle {
    const struct gen_file *file;
    const struct gen_heap *heap;
    struct oracle_node *nodes;
    uint32_t count;
    SUP_VEC(struct oracle_edge) edges; /* grouped by from, ascending */
    uint32_t *first;                   /* edges of node i: [first[i], first[i + 1]) */
    struct sup_map by_id;
    uint32_t class_class; /* the node of java.lang.Class */
    unsigned id_size, ref_bytes, alignment;
    bool sticky_roots; /* the dump has some */
    uint32_t reachable_count;
    uint64_t reachable_bytes;
};

/* heap counts from 0. The file must be resolved and outlive the oracle. Time: (nodes) × (nodes + edges). */
struct oracle *oracle_create(const struct gen_file *file, size_t heap);

/* The same with a given size of references, 4 or 8: dumps whose object arrays do not ascend hide from MAT that references are compressed. */
struct oracle *oracle_create_as(const struct gen_file *file, size_t heap, unsigned ref_bytes);

/* The same as oracle_create() without dominators and retained sizes, in linear time: for larger heaps. */
struct oracle *oracle_create_fast(const struct gen_file *file, size_t heap);
void oracle_destroy(struct oracle *o);

/* Reachable bytes, retained sizes and totals once more, after the caller has given the nodes other shallow sizes. */
void oracle_weigh(struct oracle *o);

uint32_t oracle_find(const struct oracle *o, uint64_t id); /* ORACLE_NONE when absent */

/* Number of references on a shortest path from a root, without the excluded kinds; ret[node], ORACLE_NONE when there is none. */
void oracle_depths(const struct oracle *o, unsigned exclude, uint32_t *ret);

/* Whether a and b are the same or a dominates b; both reachable. */
bool oracle_dominates(const struct oracle *o, uint32_t a, uint32_t b);

/* Steps of oracle_create(), one file each. */
void oracle_build_graph(struct oracle *o);
void oracle_compute_sizes(struct oracle *o);

#endif
