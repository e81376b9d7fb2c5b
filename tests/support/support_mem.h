/* SPDX-License-Identifier: MIT */
/*
 * Memory for the test support: allocations that never fail (they stop the test program instead), a byte buffer and a typed growable array.
 *
 * The support library uses nothing of src/, not even base: what checks must not share mistakes with what is checked, and a test that lets
 * the n-th allocation of the product fail must not count the allocations of the test.
 *
 *     SUP_VEC(struct gen_root) roots = {0};
 *     struct gen_root *r = sup_push(&roots);      zeroed; valid until the next push
 */
#ifndef SUPPORT_MEM_H
#define SUPPORT_MEM_H

#include <stddef.h>
#include <stdint.h>

/* Prints the message with "test support: " before it on stderr and aborts. */
_Noreturn void sup_die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

void *sup_calloc(size_t count, size_t size); /* zeroed; never NULL */
void *sup_realloc(void *old, size_t count, size_t size);
char *sup_strndup(const char *s, size_t len);
void sup_free(void *p);

#define SUP_VEC(type)                                                                              \
    struct {                                                                                       \
        type *data;                                                                                \
        size_t count;                                                                              \
        size_t capacity;                                                                           \
    }

/* Makes room for one more zeroed element and counts it. */
void sup_grow(void **data, size_t *count, size_t *capacity, size_t size);

#define sup_push(v)                                                                                \
    (sup_grow((void **)&(v)->data, &(v)->count, &(v)->capacity, sizeof *(v)->data),                \
     &(v)->data[(v)->count - 1])

#define sup_vec_free(v)                                                                            \
    do {                                                                                           \
        sup_free((v)->data);                                                                       \
        (v)->data = NULL;                                                                          \
        (v)->count = (v)->capacity = 0;                                                            \
    } while (0)

/* Bytes that grow at the end; a zeroed struct is an empty one. */
struct sup_bytes {
    uint8_t *data;
    size_t count;
    size_t capacity;
};

void sup_bytes_put(struct sup_bytes *b, const void *p, size_t n);
void sup_bytes_put_be(struct sup_bytes *b, uint64_t value,
                      unsigned width); /* the low `width` bytes, big-endian */
void sup_bytes_free(struct sup_bytes *b);

/* From 64-bit keys to 32-bit values; the last put of a key wins. A zeroed struct is an empty one. */
struct sup_map {
    uint64_t *keys;
    uint32_t *values; /* value + 1; 0 marks a free slot */
    size_t slots;     /* a power of two, or 0 */
    size_t count;
};

#define SUP_MAP_NONE UINT32_MAX

void sup_map_put(struct sup_map *m, uint64_t key, uint32_t value);
uint32_t sup_map_get(const struct sup_map *m, uint64_t key); /* SUP_MAP_NONE when absent */
void sup_map_free(struct sup_map *m);                        /* leaves an empty one */

#endif
