/* SPDX-License-Identifier: MIT */
/*
 * Shallow sizes. The dump holds neither headers nor padding, so they follow a model. MAT's:
 *
 *     header            id size + reference size: 8, 12 or 16
 *     instance          at each level of the hierarchy: align(size so far + own fields, reference size); at the end align to the object alignment
 *     reference array   align(header + 4 + n × reference size)
 *     primitive array   align(align(header + 4, reference size) + n × element size)
 *     class object      align(sum of its static fields), no header
 *
 * The reference size is 4 only if neighbouring object arrays would overlap at 8 (facts.compressed_references).
 */
#include "ha/heap/heap.h"

#include "ha/base/mem.h"

#include <string.h>

static uint64_t align(uint64_t value, uint64_t unit)
{
    return (value + unit - 1) / unit * unit;
}

/* Aligned to the object alignment, and the largest such number below 4 GiB if that is too much. */
static uint32_t clamp(uint64_t value, uint32_t alignment)
{
    uint64_t most = UINT32_MAX / alignment * alignment;
    return (uint32_t)(value > most ? most : align(value, alignment));
}

static uint32_t field_bytes(const struct ha_sizes *sizes, uint32_t type)
{
    return type == HA_TYPE_REFERENCE ? sizes->reference_bytes : ha_type_bytes((enum ha_type)type, 4);
}

/* Bytes of instances of all classes before the last alignment: each class once, super classes first (chains are short: HA_CLASS_DEPTH_MAX). */
static void lay_out(const struct ha_sizes *sizes, uint64_t *bytes)
{
    const struct ha_heap *heap = sizes->heap;
    uint32_t chain[HA_CLASS_DEPTH_MAX + 1];
    for (uint32_t start = 0; start < heap->facts.class_count; start++) {
        uint32_t depth = 0;
        uint64_t size = heap->facts.id_size + sizes->reference_bytes;
        for (ha_cls c = {start}; !ha_cls_is_none(c) && depth <= HA_CLASS_DEPTH_MAX; c = ha_heap_class(heap, c)->super) {
            if (bytes[c.i] != 0) {
                size = bytes[c.i];
                break;
            }
            chain[depth++] = c.i;
        }
        while (depth > 0) {
            const struct ha_class *c = &heap->classes[chain[--depth]];
            uint64_t own = (c->flags & HA_CLASS_IS_MADE_UP) != 0 ? c->payload_bytes : 0;
            for (uint32_t i = 0; i < c->fields_count; i++) {
                own += field_bytes(sizes, heap->fields[c->fields_first + i].type);
            }
            size = align(size + own, sizes->reference_bytes);
            bytes[chain[depth]] = size;
        }
    }
}

static uint64_t static_bytes(const struct ha_sizes *sizes, const struct ha_class *cls)
{
    uint64_t size = 0;
    for (uint32_t i = 0; i < cls->statics_count; i++) {
        size += field_bytes(sizes, sizes->heap->statics[cls->statics_first + i].type);
    }
    return size;
}

struct ha_err *ha_sizes_create(const struct ha_heap *heap, enum ha_size_model model, struct ha_sizes **ret)
{
    uint32_t count = heap->facts.class_count;
    struct ha_sizes *sizes = ha_calloc_array(1, sizeof *sizes);
    uint32_t *class_sizes = ha_calloc_array(count, sizeof *class_sizes);
    uint32_t *object_sizes = ha_calloc_array(count, sizeof *object_sizes);
    if (sizes == NULL || class_sizes == NULL || object_sizes == NULL) {
        ha_free(sizes);
        ha_free(class_sizes);
        ha_free(object_sizes);
        return ha_err_nomem();
    }
    uint32_t id_size = heap->facts.id_size;
    uint32_t reference = heap->facts.compressed_references != 0 ? 4 : id_size;
    *sizes = (struct ha_sizes){.model = model, .heap = heap, .class_sizes = class_sizes, .object_sizes = object_sizes, .reference_bytes = reference,
                               .alignment = heap->facts.object_alignment, .object_array_header = id_size + reference + 4,
                               .primitive_array_header = (uint32_t)align(id_size + reference + 4, reference)};
    HA_FREE uint64_t *bytes = ha_calloc_array(count, sizeof *bytes);
    if (bytes == NULL) {
        ha_sizes_destroy(sizes);
        return ha_err_nomem();
    }
    lay_out(sizes, bytes);
    for (uint32_t c = 0; c < count; c++) {
        const struct ha_class *cls = ha_heap_class(heap, (ha_cls){c});
        class_sizes[c] = clamp(bytes[c], sizes->alignment);
        object_sizes[c] = clamp(static_bytes(sizes, cls), sizes->alignment);
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

uint64_t ha_sizes_of_array(const struct ha_sizes *sizes, const struct ha_class *cls, uint32_t length)
{
    uint64_t size = cls->kind == HA_CLASS_PRIMITIVE_ARRAY
                        ? sizes->primitive_array_header + (uint64_t)length * ha_type_bytes((enum ha_type)cls->element_type, 4)
                        : sizes->object_array_header + (uint64_t)length * sizes->reference_bytes;
    return align(size, sizes->alignment);
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
    return sizes->class_sizes[cls.i];
}
