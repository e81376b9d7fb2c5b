/* SPDX-License-Identifier: MIT */
/*
 * A growable array, typed by macro:
 *
 *     HA_VEC(struct frame) frames = {0};
 *     struct frame *f = ha_vec_push(&frames);     uninitialised new element, NULL without memory
 *     frames.data[i], frames.count
 *     ha_vec_deinit(&frames);
 *
 * Capacity doubles. A pointer into data is valid until the next push.
 */
#ifndef HA_BASE_VEC_H
#define HA_BASE_VEC_H

#include "ha/base/mem.h"

#include <stdbool.h>

#define HA_VEC(type)                                                                               \
    struct {                                                                                       \
        type *data;                                                                                \
        size_t count;                                                                              \
        size_t capacity;                                                                           \
    }

/* Makes room for `more` elements after *count; false without memory (then nothing changed). */
bool ha_vec_reserve_(void **data, size_t count, size_t *capacity, size_t more, size_t size) HA_WARN_UNUSED;

#define ha_vec_reserve(v, more)                                                                    \
    ha_vec_reserve_((void **)&(v)->data, (v)->count, &(v)->capacity, (more), sizeof *(v)->data)

#define ha_vec_push(v) (HA_LIKELY((v)->count < (v)->capacity) || ha_vec_reserve((v), 1) ? &(v)->data[(v)->count++] : NULL)

/* Adds the `more` elements of another array behind those that are there; false without memory (then nothing changed). */
bool ha_vec_append_(void **data, size_t *count, size_t *capacity, const void *from, size_t more, size_t size) HA_WARN_UNUSED;

/* The elements of another HA_VEC of the same type. */
#define ha_vec_append(v, other)                                                                    \
    ha_vec_append_((void **)&(v)->data, &(v)->count, &(v)->capacity, 0 ? (v)->data : (other)->data, (other)->count, sizeof *(v)->data)

#define ha_vec_deinit(v)                                                                           \
    do {                                                                                           \
        ha_free((v)->data);                                                                        \
        (v)->data = NULL;                                                                          \
        (v)->count = (v)->capacity = 0;                                                            \
    } while (0)

#endif
