/* SPDX-License-Identifier: MIT */
/*
 * Numbers of things, each a type of its own so that they cannot be mixed. Objects are numbered densely:
 *
 *     0 … branch_count-1             "branch" objects: they have a row of references, or a class object that matters
 *     branch_count … object_count-1  "leaf" objects: primitive arrays, boxed values, classes that refer to roots only
 *
 * each part in ascending address order. People never see these numbers: they see addresses.
 */
#ifndef HA_HEAP_HEAP_IDS_H
#define HA_HEAP_HEAP_IDS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint32_t i;
} ha_obj;

typedef struct {
    uint32_t i;
} ha_cls;

typedef uint64_t ha_addr;

#define HA_NONE UINT32_MAX
#define HA_OBJ_NONE ((ha_obj){HA_NONE})
#define HA_CLS_NONE ((ha_cls){HA_NONE})

/* Limits of the model: rows mark their end in bit 31 of a target. */
#define HA_OBJECTS_MAX 0x7ffffffeU
#define HA_CLASSES_MAX 0x00fffffeU

static inline bool ha_obj_is_none(ha_obj o)
{
    return o.i == HA_NONE;
}

static inline bool ha_cls_is_none(ha_cls c)
{
    return c.i == HA_NONE;
}

static inline bool ha_obj_equal(ha_obj a, ha_obj b)
{
    return a.i == b.i;
}

#endif
