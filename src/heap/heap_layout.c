/* SPDX-License-Identifier: MIT */
/*
 * The two rules of field layout (heap_layout.h). A layout is what a sub class needs to know of it: where its fields end, and the holes among
 * them. Holes come from alignment, so each is smaller than a word; a class has a few. (HotSpot: fieldLayoutBuilder.cpp, classFileParser.cpp.)
 *
 *     offset 0        12   16                24  25  28
 *            | header | .. | long            | b |.. |        holes (12, 4), (25, 3): an int of a sub class takes the first
 *
 * Time: the number of fields for each class once; memory: 64 bytes per class.
 */
#include "heap/heap_layout.h"

#include "ha/base/mem.h"

#include <string.h>

#define PADDING_BYTES 128U /* -XX:ContendedPaddingWidth */
#define HOLES_MAX 5U       /* real classes have up to three; with more, the last one is forgotten */

struct hole {
    uint32_t offset, bytes;
};

struct class_layout {
    uint64_t end;        /* of instances, before they are aligned; 0: not laid out yet */
    uint64_t fields_end; /* behind the last field, without the padding after it */
    uint32_t bytes_used; /* fields and header without holes and padding */
    uint8_t hole_count;
    bool has_fields, ends_with_reference;
    bool padded;         /* it or a super class has padding: no hole is to be used */
    struct hole holes[HOLES_MAX];
};

struct layout {
    const struct ha_heap *heap;
    struct layout_mode mode;
    uint32_t feature;
    struct class_layout *classes;
};

static uint64_t align(uint64_t value, uint64_t unit)
{
    return (value + unit - 1) / unit * unit;
}

struct ha_err *ha_layout_create(const struct ha_heap *heap, const struct layout_mode *mode, uint32_t feature, struct layout **ret)
{
    struct layout *layout = ha_calloc_array(1, sizeof *layout);
    struct class_layout *classes = ha_calloc_array((size_t)heap->facts.class_count + 1, sizeof *classes);
    if (layout == NULL || classes == NULL) {
        ha_free(layout);
        ha_free(classes);
        return ha_err_nomem();
    }
    *layout = (struct layout){.heap = heap, .mode = *mode, .feature = feature, .classes = classes};
    *ret = layout;
    return NULL;
}

void ha_layout_destroy(struct layout *layout)
{
    if (layout != NULL) {
        ha_free(layout->classes);
        ha_free(layout);
    }
}

/* ---- packed ---- */

/* A layout while fields are put in. */
struct packing {
    struct class_layout *to;
    uint64_t last;       /* offset of the last field */
    bool last_is_reference;
    bool at_end;         /* the first fields go behind everything, and the hole before them stays unused: the super class is padded */
    bool append;         /* all fields of less than a word do: those of a padded group */
};

static void add_hole(struct class_layout *to, uint64_t offset, uint64_t bytes)
{
    if (bytes > 0 && to->hole_count < HOLES_MAX) {
        to->holes[to->hole_count++] = (struct hole){(uint32_t)offset, (uint32_t)bytes};
    }
}

/* The smallest hole that takes a field; of equal ones that with the highest offset. HOLES_MAX: none. */
static unsigned best_hole(const struct class_layout *to, uint32_t bytes)
{
    unsigned best = HOLES_MAX;
    for (unsigned i = 0; i < to->hole_count; i++) {
        const struct hole *hole = &to->holes[i];
        bool fits = hole->bytes >= bytes + (align(hole->offset, bytes) - hole->offset);
        bool better = best == HOLES_MAX || hole->bytes < to->holes[best].bytes ||
                      (hole->bytes == to->holes[best].bytes && hole->offset > to->holes[best].offset);
        best = fits && better ? i : best;
    }
    return best;
}

static void note_field(struct packing *p, uint64_t offset, bool reference)
{
    if (!p->to->has_fields || offset >= p->last) {
        p->last = offset;
        p->last_is_reference = reference;
    }
    p->to->has_fields = true;
}

/* Fields of one size. */
static void pack(struct packing *p, uint32_t bytes, uint64_t count, bool reference)
{
    struct class_layout *to = p->to;
    for (; count > 0; count--) {
        unsigned i = p->at_end || (p->append && (bytes < 8 || reference)) ? HOLES_MAX : best_hole(to, bytes);
        if (i == HOLES_MAX) {
            break;
        }
        struct hole hole = to->holes[i];
        uint64_t offset = align(hole.offset, bytes);
        to->holes[i] = to->holes[--to->hole_count];
        add_hole(to, hole.offset, offset - hole.offset);
        add_hole(to, offset + bytes, hole.offset + hole.bytes - (offset + bytes));
        note_field(p, offset, reference);
    }
    if (count > 0) {
        uint64_t offset = align(to->end, bytes);
        if (!p->at_end) {
            add_hole(to, to->end, offset - to->end);
        }
        to->end = to->fields_end = offset + bytes * count;
        note_field(p, to->end - bytes, reference);
        p->at_end = false;
    }
}

static void pad(struct class_layout *to)
{
    to->end += PADDING_BYTES;
    to->hole_count = 0;
    to->padded = true;
}

static void lay_out_packed(const struct layout *layout, const struct class_layout *super, const struct layout_fields *fields, struct class_layout *to)
{
    const struct layout_mode *mode = &layout->mode;
    if (super == NULL) {
        *to = (struct class_layout){.end = mode->header_bytes, .fields_end = mode->header_bytes};
    } else {
        *to = *super;
        to->end = to->fields_end + (to->padded ? PADDING_BYTES : 0);
    }
    bool lead = mode->references_lead && to->ends_with_reference;
    struct packing p = {.to = to, .last = to->end, .last_is_reference = to->ends_with_reference, .at_end = to->padded && to->has_fields};
    if (fields->contended) {
        pad(to);
        p.at_end = false;
    }
    bool tail = fields->contended;
    for (uint32_t g = 0; g < fields->group_count; g++) {
        if (g > 0) {
            pad(to);
            tail = p.append = true;
            p.at_end = false;
        }
        if (lead && g == 0) {
            pack(&p, mode->reference_bytes, fields->group[g].references, true);
        }
        pack(&p, 8, fields->group[g].longs, false);
        pack(&p, 4, fields->group[g].ints, false);
        pack(&p, 2, fields->group[g].shorts, false);
        pack(&p, 1, fields->group[g].bytes, false);
        if (!lead || g > 0) {
            pack(&p, mode->reference_bytes, fields->group[g].references, true);
        }
    }
    to->ends_with_reference = p.last_is_reference;
    if (tail) {
        pad(to);
    }
}

/* ---- stacked ---- */

static void lay_out_stacked(const struct layout *layout, const struct class_layout *super, const struct layout_fields *fields, struct class_layout *to)
{
    const struct layout_mode *mode = &layout->mode;
    uint64_t at = super == NULL ? mode->header_bytes : super->end;
    uint32_t ints = fields->group[0].ints, shorts = fields->group[0].shorts, bytes = fields->group[0].bytes, references = fields->group[0].references;
    *to = (struct class_layout){.has_fields = true, .padded = fields->contended};
    at += fields->contended ? PADDING_BYTES : 0;
    if (fields->references_first) {
        at = references > 0 ? align(at, mode->reference_bytes) : at;
        at += (uint64_t)mode->reference_bytes * references;
        references = 0;
    }
    if (fields->group[0].longs > 0) {
        uint64_t gap = fields->references_first ? 0 : align(at, 8) - at;
        if (gap >= 4 && ints > 0) {
            ints--;
            gap -= 4;
        }
        for (; gap >= 2 && shorts > 0; shorts--) {
            gap -= 2;
        }
        for (; gap >= 1 && bytes > 0; bytes--) {
            gap--;
        }
        references -= gap >= mode->reference_bytes && references > 0;
        at = align(at, 8) + 8 * (uint64_t)fields->group[0].longs;
    }
    at += 4 * (uint64_t)ints + 2 * (uint64_t)shorts + bytes;
    at = references > 0 ? align(at, mode->reference_bytes) + (uint64_t)mode->reference_bytes * references : at;
    for (uint32_t g = 1; g < fields->group_count; g++) {
        at = align(at + PADDING_BYTES, 8) + 8 * (uint64_t)fields->group[g].longs + 4 * (uint64_t)fields->group[g].ints +
             2 * (uint64_t)fields->group[g].shorts + fields->group[g].bytes;
        at = fields->group[g].references > 0 ? align(at, mode->reference_bytes) + (uint64_t)mode->reference_bytes * fields->group[g].references : at;
    }
    at += fields->contended || fields->group_count > 1 ? PADDING_BYTES : 0;
    to->end = align(at, mode->reference_bytes);
}

/* ---- classes ---- */

static void lay_out(struct layout *layout, ha_cls cls, const struct class_layout *super)
{
    struct class_layout *to = &layout->classes[cls.i];
    const struct ha_class *c = ha_heap_class(layout->heap, cls);
    struct layout_fields fields;
    ha_layout_fields_of(layout->heap, cls, layout->feature, &fields);
    if ((c->flags & HA_CLASS_IS_MADE_UP) != 0) { /* nothing is known but how many bytes there are */
        fields.group[0].bytes += c->payload_bytes;
    }
    if (layout->mode.stacked) {
        lay_out_stacked(layout, super, &fields, to);
    } else {
        lay_out_packed(layout, super, &fields, to);
    }
    uint64_t used = super == NULL ? layout->mode.header_bytes : super->bytes_used;
    for (uint32_t g = 0; g < fields.group_count; g++) {
        used += 8 * (uint64_t)fields.group[g].longs + 4 * (uint64_t)fields.group[g].ints + 2 * (uint64_t)fields.group[g].shorts + fields.group[g].bytes +
                (uint64_t)layout->mode.reference_bytes * fields.group[g].references;
    }
    to->bytes_used = used < UINT32_MAX ? (uint32_t)used : UINT32_MAX;
}

static const struct class_layout *layout_of(struct layout *layout, ha_cls cls)
{
    uint32_t chain[HA_CLASS_DEPTH_MAX + 1];
    uint32_t depth = 0;
    const struct class_layout *super = NULL;
    for (ha_cls c = cls; !ha_cls_is_none(c) && depth <= HA_CLASS_DEPTH_MAX; c = ha_heap_class(layout->heap, c)->super) {
        if (layout->classes[c.i].end != 0) {
            super = &layout->classes[c.i];
            break;
        }
        chain[depth++] = c.i;
    }
    while (depth > 0) {
        ha_cls c = {chain[--depth]};
        lay_out(layout, c, super);
        super = &layout->classes[c.i];
    }
    return super;
}

uint64_t ha_layout_instance_bytes(struct layout *layout, ha_cls cls)
{
    return align(align(layout_of(layout, cls)->end, layout->mode.word_bytes), layout->mode.alignment);
}

uint64_t ha_layout_least_bytes(const struct layout *layout, ha_cls cls)
{
    return align(layout->classes[cls.i].bytes_used, layout->mode.alignment);
}

uint64_t ha_layout_static_bytes(const struct layout *layout, ha_cls cls)
{
    const struct ha_heap *heap = layout->heap;
    const struct ha_class *c = ha_heap_class(heap, cls);
    uint64_t counts[9] = {0}, references = 0;
    for (uint32_t i = 0; i < c->statics_count; i++) {
        const struct ha_static *field = &heap->statics[c->statics_first + i];
        if (field->name[0] == '<') {
            continue; /* <resolved_references>, <init_lock>: of the VM, not of the class object */
        }
        if (field->type == HA_TYPE_REFERENCE) {
            references++;
        } else {
            counts[ha_type_bytes((enum ha_type)field->type, 4)]++;
        }
    }
    uint64_t at = references * layout->mode.reference_bytes; /* they come first, and no hole is filled */
    for (uint32_t bytes = 8; bytes > 0; bytes /= 2) {
        at = counts[bytes] > 0 ? align(at, bytes) + counts[bytes] * bytes : at;
    }
    return align(at, layout->mode.word_bytes);
}
