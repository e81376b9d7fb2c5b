/* SPDX-License-Identifier: MIT */
/* Between heap_count.c (counts all objects), heap_keep.c (chooses some), heap_counted.c (which asks for both) and heap_build.c. */
#ifndef HA_HEAP_COUNT_H
#define HA_HEAP_COUNT_H

#include "ha/heap/heap_build.h"
#include "ha/heap/heap_counts.h"

/* Some KiB of records whose addresses ascend, and lie below those of the next sample. */
struct ha_sample {
    uint64_t address; /* of the first object */
    uint64_t off, end;
};

/* What counting yields. */
struct ha_counted {
    struct ha_counts *counts;
    HA_VEC(struct ha_sample) samples; /* ascending */
    ha_build_root_lists roots;
    HA_VEC(uint64_t) chunks;          /* offsets of StackChunk objects */
    uint64_t highest;                 /* address of any object */
    uint64_t gcd;                     /* of all addresses */
    bool overlap;                     /* as ha_build has it */
};

/* Counts the objects of a dump that is as JVMs write it: the class dumps in front, each id once, addresses mostly ascending, nothing odd. Changes nothing
   of the build. *ret_regular: false if the dump is not like that; then *ret is worth nothing. *ret must be zeroed; deinit it in any case. */
struct ha_err *ha_count_run(struct ha_build *build, struct ha_counted *ret, bool *ret_regular) HA_WARN_UNUSED;
void ha_counted_deinit(struct ha_counted *counted);

/* A record that is kept. */
struct ha_kept {
    uint64_t address, off, end;
};
typedef HA_VEC(struct ha_kept) ha_kept_list;

/* Chooses the objects whose records the questions about the dump itself need: loaders and what names them, roots, the system property that tells the
   version, StackChunks. Class objects are not among them. *ret_fits: false if these are too many, or not what they should be. The caller frees the list. */
struct ha_err *ha_keep_choose(struct ha_build *build, const struct ha_counted *counted, ha_kept_list *ret, bool *ret_fits) HA_WARN_UNUSED;

/* In place of the scan: counts, and makes the build that of a heap of the chosen objects. *ret_done: false if the dump has to be scanned after all; then
   nothing has changed. */
struct ha_err *ha_counted_build(struct ha_build *build, bool *ret_done) HA_WARN_UNUSED;

#endif
