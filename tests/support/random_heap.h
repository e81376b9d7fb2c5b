/* SPDX-License-Identifier: MIT */
/*
 * Random heaps of many shapes: hierarchies, loaders, root and other classes, chains, trees, hubs, cycles, duplicate and dangling
 * references, unreachable islands, threads with locals, Reference objects, all framings and orders. The same seed and options give the same file.
 */
#ifndef RANDOM_HEAP_H
#define RANDOM_HEAP_H

#include "dumpgen.h"

enum random_feature {                      /* bits */
                      RANDOM_DANGLING = 1, /* references and roots to nothing */
                      RANDOM_MISSING_CLASSES =
                          2, /* instances, arrays and sub classes of classes without CLASS_DUMP */
                      RANDOM_MISSING_BASICS =
                          4, /* java.lang.Class or classes of primitive arrays missing */
                      RANDOM_NO_STICKY = 8, /* now and then no sticky root at all */
                      RANDOM_NO_BOOT = 16,  /* now and then every class has a loader in the heap */
                      RANDOM_ODD_THREADS =
                          32, /* locals of unknown threads, thread records with id 0 or a missing object */
                      RANDOM_ODD_IDS =
                          64, /* dense unaligned ids as of the old agent, ids far apart */
                      RANDOM_ODD_ORDER =
                          128, /* every order of records, shuffled objects, tiny segments */
                      RANDOM_ALL = 255
};

struct random_heap {
    uint64_t seed;
    uint32_t objects;  /* about how many; 0: up to 200, by the seed */
    unsigned features; /* RANDOM_… */
};

/* Fills a file (it must be fresh from gen_file_init()) and resolves it. */
void random_heap_make(struct gen_file *f, const struct random_heap *options);

#endif
