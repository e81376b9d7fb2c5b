/* SPDX-License-Identifier: MIT */
/*
 * The classes and addresses that all benchmark dumps have in common.
 *
 * Addresses are those of a 64-bit JVM with compressed references: what stands in front (class objects, the loader, threads) lies in the first
 * WORLD_FRONT_BYTES, the shape's own objects behind it. Boot classes are sticky roots, but for those of arrays, as HotSpot has it; application classes
 * belong to a loader and are no roots, so that the edge from an instance to its class counts.
 */
#ifndef BENCH_WORLD_H
#define BENCH_WORLD_H

#include "support/hprof_out.h"

#define WORLD_FRONT_BYTES (64ULL << 10)

enum world_class {
    WC_OBJECT,
    WC_CLASS,
    WC_STRING,       /* value, hash */
    WC_INTEGER,      /* value */
    WC_LONG,         /* value */
    WC_HASH_MAP,     /* table, size */
    WC_MAP_NODE,     /* key, value, next, hash */
    WC_ARRAY_LIST,   /* elementData, size */
    WC_THREAD,       /* name */
    WC_BYTES,        /* byte[] */
    WC_LONGS,        /* long[] */
    WC_OBJECTS,      /* Object[] */
    WC_MAP_NODES,    /* HashMap$Node[] */
    WC_BOOT_NODE,    /* next: of a boot class */
    WC_BOOT_LINK,    /* previous, next, item: of a boot class */
    WC_DIRECTORY,    /* static TABLE: the object at base, which thus is kept */
    WC_LOADER,       /* no fields */
    WC_LEAF,         /* no fields; application classes from here on */
    WC_ENTITY,       /* id, name, attributes, items, next, other */
    WC_COUNT
};

struct world {
    struct hprof_out *out;
    unsigned id_size;
    uint64_t base;   /* the first address of the shape's own objects */
    uint32_t threads; /* made by world_begin(), each with a trace of one frame */
};

/* Starts the file, writes classes, loader, threads and their roots; a heap is open afterwards. Takes id_size and threads from world. false and errno: the file
   cannot be made. */
bool world_begin(struct world *world, const char *path);

/* Ends heap and file; NULL, or the reason why it is not complete. */
const char *world_end(struct world *world);

uint64_t world_class_id(const struct world *world, enum world_class cls);
uint64_t world_thread_id(const struct world *world, uint32_t thread); /* from 0; its serial is thread + 1 */

/* Begin of an instance; its values follow in the order that stands beside the class. */
void world_instance(struct world *world, uint64_t id, enum world_class cls);
void world_objects(struct world *world, uint64_t id, enum world_class cls, uint32_t count);

#endif
