/* SPDX-License-Identifier: MIT */
/* Between heap_scan.c (pass 2) and heap_build.c (what comes before and after it). */
#ifndef HA_HEAP_SCAN_H
#define HA_HEAP_SCAN_H

#include "ha/heap/heap_build.h"

struct ha_scan_result {
    HA_VEC(struct ha_idmap_slot) unknown; /* ids named as class that were no class when the scan began: (id, enum ha_class_kind), ascending */
    uint32_t unknown_types;               /* element types of primitive arrays whose class was none: bits */
    bool unknown_overflow;                /* there were too many to remember: then `unknown` is empty */
    uint64_t unknown_off;                 /* offset of the first record of such a class */
};

/* Scans all batches into `set`; classes, roots, counts and splits go to the build. Where ha_address_set_trouble() says something, only the set
   was filled (in part), and the caller starts again with another set. leaves: objects of leaf classes are entered as leaves. *ret must be
   zeroed; the caller frees ret->unknown. */
struct ha_err *ha_scan_run(struct ha_build *build, struct ha_address_set *set, bool leaves, struct ha_scan_result *ret) HA_WARN_UNUSED;

#endif
