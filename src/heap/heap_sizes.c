/* SPDX-License-Identifier: MIT */
/*
 * Shallow sizes under a model: tables per class, filled by heap_sizes_mat.c or heap_sizes_jvm.c, and what follows from them.
 *
 *     instance        of its class; a StackChunk has its stack behind its fields, and a bit for each reference there can be in it
 *     array           base of its kind + length × element, aligned
 *     class object    of the class it stands for
 */
#include "heap/heap_size_models.h"

#include "ha/base/mem.h"

#include <string.h>

struct ha_err *ha_sizes_create(const struct ha_heap *heap, enum ha_size_model model, struct ha_sizes **ret)
{
    uint32_t count = heap->facts.class_count;
    struct ha_sizes *sizes = ha_calloc_array(1, sizeof *sizes);
    uint32_t *class_sizes = ha_calloc_array((size_t)count + 1, sizeof *class_sizes);
    uint32_t *object_sizes = ha_calloc_array((size_t)count + 1, sizeof *object_sizes);
    if (sizes == NULL || class_sizes == NULL || object_sizes == NULL) {
        ha_free(sizes);
        ha_free(class_sizes);
        ha_free(object_sizes);
        return ha_err_nomem();
    }
    *sizes = (struct ha_sizes){.model = model, .heap = heap, .class_sizes = class_sizes, .object_sizes = object_sizes, .chunk_class = HA_CLS_NONE};
    struct ha_err *err = model == HA_SIZES_MAT ? ha_sizes_fill_mat(sizes, class_sizes, object_sizes) : ha_sizes_fill_jvm(sizes, class_sizes, object_sizes);
    if (err != NULL) {
        ha_sizes_destroy(sizes);
        return err;
    }
    *ret = sizes;
    return NULL;
}

void ha_sizes_destroy(struct ha_sizes *sizes)
{
    if (sizes != NULL) {
        union {
            const uint32_t *in;
            uint32_t *out;
        } owned;
        owned.in = sizes->class_sizes;
        ha_free(owned.out);
        owned.in = sizes->object_sizes;
        ha_free(owned.out);
        ha_free(sizes);
    }
}

const struct ha_size_part *ha_sizes_part(const struct ha_sizes *sizes, const char *part)
{
    for (uint32_t i = 0; i < sizes->part_count; i++) {
        if (strcmp(sizes->parts[i].part, part) == 0) {
            return &sizes->parts[i];
        }
    }
    return NULL;
}

uint32_t ha_size_clamp(uint64_t value, uint32_t alignment)
{
    uint64_t most = UINT32_MAX / alignment * alignment;
    return (uint32_t)(value > most ? most : ha_size_align(value, alignment));
}

uint64_t ha_sizes_of_array(const struct ha_sizes *sizes, const struct ha_class *cls, uint32_t length)
{
    uint64_t size;
    if (cls->kind == HA_CLASS_PRIMITIVE_ARRAY) {
        uint32_t bytes = ha_type_bytes((enum ha_type)cls->element_type, 4);
        size = (bytes == 8 ? sizes->wide_array_base : sizes->narrow_array_base) + (uint64_t)length * bytes;
    } else {
        size = sizes->object_array_base + (uint64_t)length * sizes->reference_bytes;
    }
    return ha_size_align(size, sizes->alignment);
}

/* Words of the stack in a StackChunk. */
static uint64_t chunk_words(const struct ha_heap *heap, ha_obj obj)
{
    uint64_t low = 0, high = heap->chunk_count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (heap->chunks[2 * middle] < obj.i) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < heap->chunk_count && heap->chunks[2 * low] == obj.i ? heap->chunks[2 * low + 1] : 0;
}

/* A bit for each place a reference can have: two per word where they take four bytes; in whole words. */
static uint64_t chunk_bytes(const struct ha_sizes *sizes, ha_obj obj)
{
    uint64_t words = chunk_words(sizes->heap, obj), bits = words * (8 / sizes->reference_bytes);
    return ha_size_align(sizes->class_sizes[sizes->chunk_class.i] + 8 * (words + (bits + 63) / 64), sizes->alignment);
}

uint64_t ha_sizes_of(const struct ha_sizes *sizes, ha_obj obj)
{
    const struct ha_heap *heap = sizes->heap;
    ha_cls cls = ha_heap_class_of(heap, obj);
    const struct ha_class *c = ha_heap_class(heap, cls);
    if (HA_UNLIKELY((c->flags & HA_CLASS_IS_CLASS) != 0)) {
        ha_cls stands_for;
        if (ha_heap_as_class(heap, obj, &stands_for)) {
            return sizes->object_sizes[stands_for.i];
        }
    }
    if (ha_heap_is_array(heap, obj)) {
        return ha_sizes_of_array(sizes, c, ha_heap_array_length(heap, obj));
    }
    if (HA_UNLIKELY(cls.i == sizes->chunk_class.i)) {
        return chunk_bytes(sizes, obj);
    }
    return sizes->class_sizes[cls.i];
}

const char *ha_size_model_name(enum ha_size_model model)
{
    switch (model) {
    case HA_SIZES_JVM:
        return "jvm";
    case HA_SIZES_MAT:
        return "mat";
    }
    return NULL;
}
