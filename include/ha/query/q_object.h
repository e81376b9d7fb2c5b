/* SPDX-License-Identifier: MIT */
/*
 * Everything about one object.
 */
#ifndef HA_QUERY_Q_OBJECT_H
#define HA_QUERY_Q_OBJECT_H

#include "ha/query/q_paths.h"

/* A field of an instance, an element of an array, a static field of a class. */
struct ha_object_field {
    const char *name;        /* "[17]" for elements */
    enum ha_type type;
    const char *declared_in; /* class name; NULL for elements */
    bool readable;           /* false: the dump has no such bytes; value is zero then */
    struct ha_value value;
    ha_obj target;           /* references: the object; HA_OBJ_NONE: null (value.bits 0) or not in the heap */
};

/* What limit 0 means at most: more would be no answer but a copy of the heap (`export` streams). */
#define HA_OBJECT_ELEMENTS_MAX 1000000U
#define HA_OBJECT_STEPS_MAX 100000U

struct ha_object_options {
    uint64_t first_element; /* of an array: the page begins here */
    uint64_t limit;         /* elements, inbound and outbound steps; 0: all */
};

struct ha_object_view {
    struct ha_object_record record;
    struct ha_object_field *fields; /* instance fields, most derived class first; array elements of the page */
    uint64_t field_count, fields_omitted;
    bool is_array;
    uint32_t array_length;
    struct ha_object_field *statics; /* class objects only */
    uint64_t static_count;
    ha_cls stands_for;               /* class objects; else HA_CLS_NONE */
    struct ha_step *inbound;         /* obj: who refers to it; field: how. For class objects without their instances, for system classes none */
    uint64_t inbound_count, inbound_omitted;
    struct ha_step *outbound;        /* obj: whom it refers to; field: how */
    uint64_t outbound_count, outbound_omitted;
    bool reachable;
    ha_obj dominator;                /* HA_OBJ_NONE: directly under the root, or unreachable */
    struct ha_root_info *roots;      /* one per kind, and one per thread whose stack refers to it */
    uint64_t root_count;
};

struct ha_err *ha_object_query(struct ha_query *q, ha_obj obj, const struct ha_object_options *options, struct ha_object_view *ret) HA_WARN_UNUSED;

#endif
