/* SPDX-License-Identifier: MIT */
/*
 * Values of fields and elements, read from the dump on demand. The record of an object is found through the offset column, or, in dumps that
 * ascend, by going through the records of its neighbours in the same 256 slots of addresses (20 on average); it is decoded like in the passes.
 * Its id must be the object's address, else the index does not fit the dump and nothing is returned.
 */
#include "ha/heap/heap.h"

#include "ha/heap/heap_addresses.h"
#include "ha/hprof/hprof_heap.h"

#include <string.h>

uint32_t ha_type_bytes(enum ha_type type, uint32_t id_size)
{
    return type == HA_TYPE_REFERENCE ? id_size : ha_primitive_bytes(type);
}

const char *ha_type_name(enum ha_type type)
{
    switch (type) {
    case HA_TYPE_REFERENCE:
        return "object";
    case HA_TYPE_BOOLEAN:
        return "boolean";
    case HA_TYPE_CHAR:
        return "char";
    case HA_TYPE_FLOAT:
        return "float";
    case HA_TYPE_DOUBLE:
        return "double";
    case HA_TYPE_BYTE:
        return "byte";
    case HA_TYPE_SHORT:
        return "short";
    case HA_TYPE_INT:
        return "int";
    case HA_TYPE_LONG:
        return "long";
    }
    return "unknown";
}

/* ---- fields of a class ---- */

void ha_field_walk_begin(ha_cls cls, struct ha_field_walk *ret)
{
    *ret = (struct ha_field_walk){.cls = cls};
}

bool ha_field_walk_next(const struct ha_heap *heap, struct ha_field_walk *walk, struct ha_field_at *ret)
{
    while (!ha_cls_is_none(walk->cls) && walk->depth <= HA_CLASS_DEPTH_MAX) {
        const struct ha_class *cls = ha_heap_class(heap, walk->cls);
        if (walk->next < cls->fields_count) {
            const struct ha_field *field = &heap->fields[cls->fields_first + walk->next++];
            *ret = (struct ha_field_at){field, walk->cls, walk->offset};
            walk->offset += ha_type_bytes((enum ha_type)field->type, heap->facts.id_size);
            return true;
        }
        walk->cls = cls->super;
        walk->next = 0;
        walk->depth++;
    }
    return false;
}

bool ha_heap_field_find(const struct ha_heap *heap, ha_cls cls, const char *declared_in, const char *name, struct ha_field_at *ret)
{
    struct ha_field_walk walk;
    ha_field_walk_begin(cls, &walk);
    while (ha_field_walk_next(heap, &walk, ret)) {
        if (strcmp(ret->field->name, name) == 0 && (declared_in == NULL || strcmp(ha_heap_class(heap, ret->declared_in)->name, declared_in) == 0)) {
            return true;
        }
    }
    return false;
}

const struct ha_static *ha_heap_static_find(const struct ha_heap *heap, ha_cls cls, const char *name)
{
    const struct ha_class *c = ha_heap_class(heap, cls);
    for (uint32_t i = 0; i < c->statics_count; i++) {
        if (strcmp(heap->statics[c->statics_first + i].name, name) == 0) {
            return &heap->statics[c->statics_first + i];
        }
    }
    return NULL;
}

/* ---- values of an object ---- */

/* The record at off, if an object begins there; false also beyond the end. */
static bool record_at(const struct ha_heap *heap, struct ha_window *window, uint64_t off, struct ha_sub *ret)
{
    uint64_t size = ha_input_bytes(heap->input);
    if (off >= size || ha_sub_read(window, off, size, heap->facts.id_size, ret) != HA_SUB_OK) {
        ha_err_free(ha_window_error(window));
        return false;
    }
    return ret->tag == HA_SUB_INSTANCE || ret->tag == HA_SUB_OBJ_ARRAY || ret->tag == HA_SUB_PRIM_ARRAY || ret->tag == HA_SUB_PRIM_ARRAY_NODATA;
}

static uint64_t stray_offset(const struct ha_heap *heap, ha_obj obj)
{
    uint64_t low = 0, high = heap->stray_count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (heap->strays[2 * middle] < obj.i) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < heap->stray_count && heap->strays[2 * low] == obj.i ? heap->strays[2 * low + 1] : UINT64_MAX;
}

/* From the first record of the object's line of addresses on, until its own comes. */
static bool walk_to_record(const struct ha_heap *heap, struct ha_window *window, ha_addr address, struct ha_sub *ret)
{
    uint64_t line;
    if (!ha_addresses_line(heap->addresses, address, &line)) {
        return false;
    }
    uint64_t off = ha_le40(heap->samples + 5 * (size_t)line);
    for (unsigned steps = 0; steps < HA_LINE_SLOTS && record_at(heap, window, off, ret); steps++) {
        if (ret->id == address) {
            return true;
        }
        off = ret->end;
    }
    return false;
}

bool ha_heap_body(const struct ha_heap *heap, struct ha_window *window, ha_obj obj, struct ha_body *ret)
{
    struct ha_sub sub;
    ha_addr address = ha_heap_address(heap, obj);
    uint64_t off = heap->offset_column != NULL ? ha_le40(heap->offset_column + 5 * (size_t)obj.i) : stray_offset(heap, obj);
    bool walk = heap->offset_column == NULL && off == UINT64_MAX;
    bool found = walk ? walk_to_record(heap, window, address, &sub) : record_at(heap, window, off, &sub) && sub.id == address;
    if (!found || sub.tag == HA_SUB_PRIM_ARRAY_NODATA) {
        return false;
    }
    *ret = (struct ha_body){.off = sub.body, .bytes = sub.end - sub.body, .elements = sub.tag == HA_SUB_INSTANCE ? 0 : sub.count};
    return true;
}

/* A value of `type` from big-endian bytes. */
static uint64_t decode(const uint8_t *p, enum ha_type type, uint32_t id_size)
{
    switch (type) {
    case HA_TYPE_REFERENCE:
        return ha_sub_id(p, id_size);
    case HA_TYPE_BOOLEAN:
        return p[0];
    case HA_TYPE_BYTE:
        return (uint64_t)(int64_t)(int8_t)p[0];
    case HA_TYPE_CHAR:
        return ha_be16(p);
    case HA_TYPE_SHORT:
        return (uint64_t)(int64_t)(int16_t)ha_be16(p);
    case HA_TYPE_INT:
        return (uint64_t)(int64_t)(int32_t)ha_be32(p);
    case HA_TYPE_FLOAT:
        return ha_be32(p);
    case HA_TYPE_LONG:
    case HA_TYPE_DOUBLE:
        return ha_be64(p);
    }
    return 0;
}

static bool read_value(const struct ha_heap *heap, struct ha_window *window, uint64_t off, enum ha_type type, struct ha_value *ret)
{
    uint32_t bytes = ha_type_bytes(type, heap->facts.id_size);
    const uint8_t *p = bytes == 0 ? NULL : ha_window_at(window, off, bytes);
    if (p == NULL) {
        ha_err_free(ha_window_error(window));
        return false;
    }
    *ret = (struct ha_value){type, decode(p, type, heap->facts.id_size)};
    return true;
}

bool ha_heap_read(const struct ha_heap *heap, struct ha_window *window, ha_obj obj, const struct ha_field_at *at, struct ha_value *ret)
{
    struct ha_body body;
    enum ha_type type = (enum ha_type)at->field->type;
    if (ha_heap_is_array(heap, obj) || !ha_heap_body(heap, window, obj, &body) || body.bytes < at->offset ||
        body.bytes - at->offset < ha_type_bytes(type, heap->facts.id_size)) {
        return false;
    }
    return read_value(heap, window, body.off + at->offset, type, ret);
}

/* The value of the field of that name. Only fields that the object has bytes for are gone through: a damaged class may have millions more. */
static bool read_named(const struct ha_heap *heap, struct ha_window *window, ha_obj obj, const char *name, struct ha_value *ret)
{
    struct ha_body body;
    struct ha_field_walk walk;
    struct ha_field_at at;
    if (ha_heap_is_array(heap, obj) || !ha_heap_body(heap, window, obj, &body)) {
        return false;
    }
    ha_field_walk_begin(ha_heap_class_of(heap, obj), &walk);
    while (ha_field_walk_next(heap, &walk, &at) && walk.offset <= body.bytes) {
        if (strcmp(at.field->name, name) == 0) {
            return read_value(heap, window, body.off + at.offset, (enum ha_type)at.field->type, ret);
        }
    }
    return false;
}

bool ha_heap_read_reference(const struct ha_heap *heap, struct ha_window *window, ha_obj obj, const char *field, ha_obj *ret)
{
    struct ha_value value;
    return read_named(heap, window, obj, field, &value) && value.type == HA_TYPE_REFERENCE && ha_heap_find(heap, value.bits, ret);
}

bool ha_heap_read_long(const struct ha_heap *heap, struct ha_window *window, ha_obj obj, const char *field, int64_t *ret)
{
    struct ha_value value;
    if (!read_named(heap, window, obj, field, &value) || value.type == HA_TYPE_REFERENCE || value.type == HA_TYPE_FLOAT ||
        value.type == HA_TYPE_DOUBLE) {
        return false;
    }
    *ret = (int64_t)value.bits;
    return true;
}

bool ha_heap_read_element(const struct ha_heap *heap, struct ha_window *window, ha_obj array, uint32_t i, struct ha_value *ret)
{
    struct ha_body body;
    if (!ha_heap_is_array(heap, array) || !ha_heap_body(heap, window, array, &body) || i >= body.elements) {
        return false;
    }
    const struct ha_class *cls = ha_heap_class(heap, ha_heap_class_of(heap, array));
    enum ha_type type = cls->kind == HA_CLASS_PRIMITIVE_ARRAY ? (enum ha_type)cls->element_type : HA_TYPE_REFERENCE;
    uint64_t bytes = ha_type_bytes(type, heap->facts.id_size);
    return bytes != 0 && (uint64_t)i * bytes + bytes <= body.bytes && read_value(heap, window, body.off + i * bytes, type, ret);
}
