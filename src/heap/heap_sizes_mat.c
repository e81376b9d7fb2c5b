/* SPDX-License-Identifier: MIT */
/*
 * Shallow sizes as Eclipse MAT estimates them:
 *
 *     header            id size + reference size: 8, 12 or 16
 *     instance          at each level of the hierarchy: align(size so far + own fields, reference size); at the end align to the object alignment
 *     reference array   align(header + 4 + n × reference size)
 *     primitive array   align(align(header + 4, reference size) + n × element size)
 *     class object      align(sum of its static fields), no header
 *
 * The reference size is 4 only if neighbouring object arrays would overlap at 8 (facts.compressed_references).
 */
#include "heap/heap_size_models.h"

#include "ha/base/mem.h"

#include <string.h>

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
            size = ha_size_align(size + own, sizes->reference_bytes);
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

struct ha_err *ha_sizes_fill_mat(struct ha_sizes *sizes, uint32_t *class_sizes, uint32_t *object_sizes)
{
    const struct ha_heap *heap = sizes->heap;
    uint32_t id_size = heap->facts.id_size;
    uint32_t reference = heap->facts.compressed_references != 0 ? 4 : id_size;
    sizes->reference_bytes = reference;
    sizes->alignment = heap->facts.object_alignment;
    sizes->object_array_base = id_size + reference + 4;
    sizes->narrow_array_base = sizes->wide_array_base = (uint32_t)ha_size_align(id_size + reference + 4, reference);
    HA_FREE uint64_t *bytes = ha_calloc_array((size_t)heap->facts.class_count + 1, sizeof *bytes);
    if (bytes == NULL) {
        return ha_err_nomem();
    }
    lay_out(sizes, bytes);
    for (uint32_t c = 0; c < heap->facts.class_count; c++) {
        const struct ha_class *cls = ha_heap_class(heap, (ha_cls){c});
        class_sizes[c] = ha_size_clamp(bytes[c], sizes->alignment);
        object_sizes[c] = ha_size_clamp(static_bytes(sizes, cls), sizes->alignment);
    }
    return NULL;
}
