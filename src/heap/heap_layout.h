/* SPDX-License-Identifier: MIT */
/*
 * Where HotSpot puts the fields of a class, hence how large its instances are. Two rules, by JDK:
 *
 *     packed   JDK 15 and later: largest first into the smallest hole they fit, holes of super classes too; a class whose super class ends with a
 *              reference places its references first (JDK 24 and later)
 *     stacked  JDK 14 and before: each class behind its super class, rounded up to the size of a reference; longs, ints, shorts, bytes, references,
 *              with the gap before the first long filled; some classes of java.lang references first
 *
 * Both add the fields that the VM injects into classes of its own (no dump lists them) and the padding of @Contended classes and fields of the
 * JDK (annotations are not in the dump). All this is in two tables, by JDK (heap_layout_facts.c).
 */
#ifndef HA_HEAP_LAYOUT_H
#define HA_HEAP_LAYOUT_H

#include "ha/heap/heap.h"

/* What of the JVM matters. */
struct layout_mode {
    uint32_t word_bytes;      /* 4 or 8 */
    uint32_t header_bytes;    /* of an instance: 8, 12 or 16 */
    uint32_t reference_bytes; /* 4 or 8 */
    uint32_t alignment;       /* of objects */
    bool stacked;
    bool references_lead;     /* after a super class that ends with a reference */
};

/* Fields that share padding; the own group of a class is 0. */
#define LAYOUT_GROUPS_MAX 4U

/* Own fields of a class by size: what the layout depends on. */
struct layout_fields {
    struct {
        uint32_t longs, ints, shorts, bytes, references;
    } group[LAYOUT_GROUPS_MAX];
    uint32_t group_count; /* at least 1 */
    bool contended;       /* the class itself is padded */
    bool references_first; /* stacked: one of the classes with references first */
};

/* heap_layout_facts.c: what the tables and the dump say of a class. feature: the JDK, as ha_layout_feature() finds it. */
void ha_layout_fields_of(const struct ha_heap *heap, ha_cls cls, uint32_t feature, struct layout_fields *ret);

/* A lower bound of the JDK's feature version, by classes and fields that came with it: 8, 9, 11, 15, 17, 19, 24. */
uint32_t ha_layout_feature(const struct ha_heap *heap);

struct layout; /* of all classes asked for so far */

struct ha_err *ha_layout_create(const struct ha_heap *heap, const struct layout_mode *mode, uint32_t feature, struct layout **ret) HA_WARN_UNUSED;
void ha_layout_destroy(struct layout *layout);

/* Bytes of an instance, aligned. Super classes are laid out on the way, each once. */
uint64_t ha_layout_instance_bytes(struct layout *layout, ha_cls cls);

/* Bytes that the fields of an instance take at the very least, with its header, aligned. */
uint64_t ha_layout_least_bytes(const struct layout *layout, ha_cls cls);

/* Bytes of the static fields of a class in its class object, a multiple of the word. */
uint64_t ha_layout_static_bytes(const struct layout *layout, ha_cls cls);

#endif
