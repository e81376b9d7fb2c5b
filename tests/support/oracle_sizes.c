/* SPDX-License-Identifier: MIT */
/*
 * Shallow sizes as Eclipse MAT counts them. With I = id size and R = size of a reference:
 *
 *     instance      java.lang.Object (any class without super): I + R; each class below: alignUp(size so far + own fields, R); then
 *                   alignUp(…, A)
 *     object array  alignUp(I + R + 4 + n·R, A)
 *     other array   alignUp(alignUp(I + R + 4, R) + n·element, A)
 *     class         alignUp(static fields, A)
 *
 * R = 4 if I = 4, or if two object arrays that follow each other in address order would overlap with 8 bytes a reference; otherwise 8.
 */
#include "oracle.h"

#include <stdlib.h>

static uint64_t align_up(uint64_t n, unsigned to)
{
    return (n + to - 1) / to * to;
}

static bool arrays_overlap(const struct oracle *o)
{
    uint64_t start = 0;
    uint64_t end = 0;
    for (uint32_t i = 0; i < o->count; i++) { /* ascending ids */
        const struct gen_object *object = o->nodes[i].object;
        if (object != NULL && object->kind == GEN_OBJECT_ARRAY) {
            if (object->id > start && object->id < end) {
                return true;
            }
            start = object->id;
            end = start + 16 + 8 * (uint64_t)object->count;
        }
    }
    return false;
}

static uint64_t own_fields(const struct oracle *o, const struct oracle_node *cls)
{
    uint64_t bytes = 0;
    if (cls->made_up) { /* as many ints as fit, a short, a byte */
        return cls->made_up_bytes;
    }
    for (size_t i = 0; i < cls->def->fields.count; i++) {
        bytes += hprof_type_bytes(cls->def->fields.data[i].type, o->ref_bytes);
    }
    return bytes;
}

/* From the top of the hierarchy down; its length is bounded by the number of classes. */
static uint64_t instance_bytes(const struct oracle *o, uint32_t cls)
{
    uint32_t *chain = sup_calloc(o->count, sizeof *chain);
    uint32_t depth = 0;
    for (uint32_t c = cls; c != ORACLE_NONE && depth < o->count; c = o->nodes[c].super) {
        chain[depth++] = c;
    }
    uint64_t bytes = o->id_size + o->ref_bytes;
    for (uint32_t i = depth > 0 ? depth - 1 : 0; i-- > 0;) {
        bytes = align_up(bytes + own_fields(o, &o->nodes[chain[i]]), o->ref_bytes);
    }
    sup_free(chain);
    return align_up(bytes, o->alignment);
}

static uint64_t class_bytes(const struct oracle *o, const struct oracle_node *n)
{
    uint64_t bytes = 0;
    for (size_t i = 0; n->def != NULL && i < n->def->statics.count; i++) {
        bytes += hprof_type_bytes(n->def->statics.data[i].field.type, o->ref_bytes);
    }
    return align_up(bytes, o->alignment);
}

static uint64_t object_bytes(const struct oracle *o, const struct oracle_node *n)
{
    uint64_t header = o->id_size + o->ref_bytes + 4;
    uint64_t count = n->object->count;
    switch (n->object->kind) {
    case GEN_INSTANCE:
        return instance_bytes(o, n->cls);
    case GEN_OBJECT_ARRAY:
        return align_up(header + count * o->ref_bytes, o->alignment);
    case GEN_PRIM_ARRAY:
        return align_up(align_up(header, o->ref_bytes) +
                            count * hprof_type_bytes(n->object->type, o->id_size),
                        o->alignment);
    }
    return 0;
}

void oracle_compute_sizes(struct oracle *o)
{
    if (o->ref_bytes == 0) {
        o->ref_bytes = o->id_size == 4 || arrays_overlap(o) ? 4 : 8;
    }
    for (uint32_t i = 0; i < o->count; i++) {
        struct oracle_node *n = &o->nodes[i];
        n->shallow = n->is_class ? class_bytes(o, n) : object_bytes(o, n);
    }
}
