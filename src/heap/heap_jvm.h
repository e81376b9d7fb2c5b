/* SPDX-License-Identifier: MIT */
/* Which JVM made the dump, as far as sizes depend on it: found from distances between objects, each part on its own (heap_jvm.c). */
#ifndef HA_HEAP_JVM_H
#define HA_HEAP_JVM_H

#include "heap/heap_layout.h"

struct jvm {
    struct layout_mode mode;
    uint32_t feature;      /* ha_layout_feature() */
    bool trusted;          /* distances are true */
    bool fits;             /* the layout explains what the distances say */
    uint32_t narrow_base, wide_base, references_base; /* bytes before the first element of arrays */
    struct ha_size_part parts[HA_SIZE_PARTS];
};

/* The layout of the JVM is handed out, too; the caller destroys it. */
struct ha_err *ha_jvm_find(const struct ha_heap *heap, struct jvm *ret, struct layout **ret_layout) HA_WARN_UNUSED;

#endif
