/* SPDX-License-Identifier: MIT */
/*
 * The growth of HA_VEC: capacity doubles, so that n pushes copy fewer than 2n elements in all.
 */
#include "ha/base/vec.h"

#include <string.h>

#define CAPACITY_MIN 8U

bool ha_vec_reserve_(void **data, size_t count, size_t *capacity, size_t more, size_t size)
{
    if (more <= *capacity - count) {
        return true;
    }
    size_t needed;
    if (__builtin_add_overflow(count, more, &needed)) {
        return false;
    }
    size_t wanted = *capacity < CAPACITY_MIN ? CAPACITY_MIN : *capacity;
    while (wanted < needed) {
        // Beyond half of the address space the multiplication in ha_realloc_array() fails anyway.
        wanted = wanted > SIZE_MAX / 2 ? needed : wanted * 2;
    }
    void *grown = ha_realloc_array(*data, wanted, size);
    if (grown == NULL) {
        return false;
    }
    *data = grown;
    *capacity = wanted;
    return true;
}

bool ha_vec_append_(void **data, size_t *count, size_t *capacity, const void *from, size_t more, size_t size)
{
    if (!ha_vec_reserve_(data, *count, capacity, more, size)) {
        return false;
    }
    if (more > 0) {
        memcpy((char *)*data + *count * size, from, more * size);
        *count += more;
    }
    return true;
}
