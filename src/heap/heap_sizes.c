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

static uint32_t clamp(uint64_t value)
{
    return value > UINT32_MAX - 7 ? UINT32_MAX - 7 : (uint32_t)value;
}

static uint32_t field_bytes(const struct ha_sizes *sizes, uint32_t type)
{
    return type == HA_TYPE_REFERENCE ? sizes->reference_bytes : ha_type_bytes((enum ha_type)type, 4);
}

/* Bytes of an instance before the last alignment, super classes first (their chain is short: HA_CLASS_DEPTH_MAX). */
static uint64_t instance_bytes(const struct ha_sizes *sizes, ha_cls cls)
{
    const struct ha_heap *heap = sizes->heap;
    ha_cls chain[HA_CLASS_DEPTH_MAX + 1];
    uint32_t depth = 0;
    for (; !ha_cls_is_none(cls) && depth <= HA_CLASS_DEPTH_MAX; cls = ha_heap_class(heap, cls)->super) {
        chain[depth++] = cls;
    }
    uint64_t size = heap->facts.id_size + sizes->reference_bytes;
    while (depth > 0) {
        const struct ha_class *c = ha_heap_class(heap, chain[--depth]);
        uint64_t own = (c->flags & HA_CLASS_IS_MADE_UP) != 0 ? c->payload_bytes : 0;
        for (uint32_t i = 0; i < c->fields_count; i++) {
            own += field_bytes(sizes, heap->fields[c->fields_first + i].type);
        }
        size = align(size + own, sizes->reference_bytes);
    }
    return size;
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
    for (uint32_t c = 0; c < count; c++) {
        const struct ha_class *cls = ha_heap_class(heap, (ha_cls){c});
        class_sizes[c] = clamp(align(instance_bytes(sizes, (ha_cls){c}), sizes->alignment));
        object_sizes[c] = clamp(align(static_bytes(sizes, cls), sizes->alignment));
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
