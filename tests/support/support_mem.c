/* SPDX-License-Identifier: MIT */
/*
 * See support_mem.h. The map is open addressing with linear probing, kept at most half full.
 */
#include "support_mem.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void sup_die(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fputs("test support: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    abort();
}

void *sup_calloc(size_t count, size_t size)
{
    void *p = calloc(count > 0 ? count : 1, size > 0 ? size : 1);
    if (p == NULL) {
        sup_die("out of memory for %zu x %zu bytes", count, size);
    }
    return p;
}

void *sup_realloc(void *old, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        sup_die("array of %zu x %zu bytes", count, size);
    }
    void *p = realloc(old, bytes > 0 ? bytes : 1);
    if (p == NULL) {
        sup_die("out of memory for %zu bytes", bytes);
    }
    return p;
}

char *sup_strndup(const char *s, size_t len)
{
    char *copy = sup_calloc(len + 1, 1);
    memcpy(copy, s, len);
    return copy;
}

void sup_free(void *p)
{
    free(p);
}

void sup_grow(void **data, size_t *count, size_t *capacity, size_t size)
{
    if (*count == *capacity) {
        *capacity = *capacity > 0 ? *capacity * 2 : 8;
        *data = sup_realloc(*data, *capacity, size);
    }
    memset((char *)*data + *count * size, 0, size);
    (*count)++;
}

void sup_bytes_put(struct sup_bytes *b, const void *p, size_t n)
{
    if (n > b->capacity - b->count) {
        size_t wanted = b->count + n;
        b->capacity = wanted > b->capacity * 2 ? wanted : b->capacity * 2;
        b->data = sup_realloc(b->data, b->capacity, 1);
    }
    if (n > 0) {
        memcpy(b->data + b->count, p, n);
        b->count += n;
    }
}

void sup_bytes_put_be(struct sup_bytes *b, uint64_t value, unsigned width)
{
    uint8_t bytes[8];
    for (unsigned i = 0; i < width; i++) {
        bytes[i] = (uint8_t)(value >> (8 * (width - 1 - i)));
    }
    sup_bytes_put(b, bytes, width);
}

void sup_bytes_free(struct sup_bytes *b)
{
    free(b->data);
    *b = (struct sup_bytes){0};
}

static size_t map_slot(const struct sup_map *m, uint64_t key)
{
    size_t i = (size_t)((key * 0x9e3779b97f4a7c15ULL) >> 20) & (m->slots - 1);
    while (m->values[i] != 0 && m->keys[i] != key) {
        i = (i + 1) & (m->slots - 1);
    }
    return i;
}

static void map_resize(struct sup_map *m, size_t slots)
{
    struct sup_map bigger = {.slots = slots, .count = m->count};
    bigger.keys = sup_calloc(slots, sizeof *bigger.keys);
    bigger.values = sup_calloc(slots, sizeof *bigger.values);
    for (size_t i = 0; i < m->slots; i++) {
        if (m->values[i] != 0) {
            size_t to = map_slot(&bigger, m->keys[i]);
            bigger.keys[to] = m->keys[i];
            bigger.values[to] = m->values[i];
        }
    }
    free(m->keys);
    free(m->values);
    *m = bigger;
}

void sup_map_put(struct sup_map *m, uint64_t key, uint32_t value)
{
    if (m->count * 2 >= m->slots) {
        map_resize(m, m->slots > 0 ? m->slots * 2 : 64);
    }
    size_t i = map_slot(m, key);
    m->count += m->values[i] == 0;
    m->keys[i] = key;
    m->values[i] = value + 1;
}

uint32_t sup_map_get(const struct sup_map *m, uint64_t key)
{
    return m->slots == 0 ? SUP_MAP_NONE : m->values[map_slot(m, key)] - 1;
}

void sup_map_free(struct sup_map *m)
{
    free(m->keys);
    free(m->values);
    *m = (struct sup_map){0};
}
