/* SPDX-License-Identifier: MIT */
/*
 * Shallow sizes as the JVM counts them. For each class there are two opinions:
 *
 *     layout      headers, fields and padding by the rules of the JVM (heap_jvm.c, heap_layout.c)
 *     distance    the smallest one behind any of its instances (heap_gaps.h): no instance is larger
 *
 *     distance < layout    the distance, unless it leaves no room for the fields (then the ids are no addresses)
 *     distance = layout    both
 *     distance > layout    the layout: garbage that the dump lacks recurs, too. The distance only if it does so at most instances and one of these
 *                          explains it: the difference is the padding of a @Contended class of an application; the class is of a package into
 *                          which JVMs inject fields; the layout is wrong for many other classes
 *
 * A class object is an instance of java.lang.Class followed by the static fields of its class. What the instance takes is the smallest distance behind
 * class objects less their static fields.
 */
#include "heap/heap_size_models.h"

#include "ha/base/mem.h"
#include "ha/heap/heap_gaps.h"
#include "heap/heap_jvm.h"

#include <string.h>

#define SAME_MIN 3U          /* instances that agree on a distance beyond the layout */
#define BEYOND_MAX 4096U     /* no padding takes more */
#define PADDING_BYTES 128U   /* at each side of a padded class or group of fields */
#define PADDING_SLACK 16U    /* alignment, and holes that are not filled */
#define CLASS_OBJECTS_MIN 8U /* class objects that agree on the size of java.lang.Class */

struct filling {
    struct ha_sizes *sizes;
    const struct ha_heap *heap;
    struct jvm jvm;
    struct layout *layout;
};

/* java.lang, java.lang.invoke, jdk.internal.vm */
static bool may_have_injected(const char *name)
{
    static const char *const packages[] = {"java.lang.", "java.lang.invoke.", "jdk.internal.vm."};
    for (size_t i = 0; i < sizeof packages / sizeof *packages; i++) {
        size_t length = strlen(packages[i]);
        if (strncmp(name, packages[i], length) == 0 && strchr(name + length, '.') == NULL) {
            return true;
        }
    }
    return false;
}

/* Whether instances are larger than the layout says. */
static bool beyond_layout(const struct filling *f, const struct ha_class *cls, const struct ha_gap *gap, uint64_t layout_bytes)
{
    uint64_t beyond = gap->smallest - layout_bytes;
    if (beyond > BEYOND_MAX || gap->same < SAME_MIN || (uint64_t)gap->same * 2 <= gap->count) {
        return false;
    }
    bool padding = beyond + PADDING_SLACK >= 2 * PADDING_BYTES && (beyond + PADDING_SLACK) % PADDING_BYTES <= 2 * PADDING_SLACK;
    return !f->jvm.fits || (ha_obj_is_none(cls->loader) ? may_have_injected(cls->name) : padding);
}

static uint64_t instance_bytes(struct filling *f, ha_cls cls)
{
    uint64_t bytes = ha_layout_instance_bytes(f->layout, cls);
    const struct ha_gap *gap = &f->heap->gaps[cls.i];
    if (!f->jvm.trusted || gap->smallest == HA_GAP_NONE || gap->smallest % f->jvm.mode.alignment != 0) {
        f->sizes->by_layout++;
        return bytes;
    }
    if (gap->smallest < bytes) {
        bool room = gap->smallest >= ha_layout_least_bytes(f->layout, cls);
        f->sizes->by_gaps += room;
        f->sizes->by_layout += !room;
        return room ? gap->smallest : bytes;
    }
    if (gap->smallest > bytes && !beyond_layout(f, ha_heap_class(f->heap, cls), gap, bytes)) {
        f->sizes->by_layout++;
        return bytes;
    }
    f->sizes->by_gaps++;
    return gap->smallest;
}

/* Bytes of a class object without static fields. */
static uint64_t class_object_bytes(struct filling *f, ha_cls class_class)
{
    uint64_t layout_bytes = ha_cls_is_none(class_class) ? f->jvm.mode.header_bytes : ha_layout_instance_bytes(f->layout, class_class);
    uint64_t least = UINT64_MAX;
    uint32_t same = 0;
    layout_bytes = ha_size_align(layout_bytes, f->jvm.mode.alignment);
    for (uint32_t c = 0; c < f->heap->facts.class_count && f->jvm.trusted; c++) {
        uint32_t gap = f->heap->gaps[c].object;
        uint64_t statics = ha_layout_static_bytes(f->layout, (ha_cls){c});
        if (gap == HA_GAP_NONE || gap < statics || gap % f->jvm.mode.alignment != 0) {
            continue;
        }
        uint64_t bytes = gap - statics; /* the end is aligned: other class objects show up to one alignment less */
        if (statics % f->jvm.mode.alignment != 0) {
            continue;
        }
        same = bytes < least ? 1 : same + (bytes == least);
        least = bytes < least ? bytes : least;
    }
    bool room = !ha_cls_is_none(class_class) && least >= ha_layout_least_bytes(f->layout, class_class) && least != UINT64_MAX;
    bool believed = room && same >= CLASS_OBJECTS_MIN && least <= layout_bytes + BEYOND_MAX;
    f->sizes->parts[7] = (struct ha_size_part){"class_object_bytes", believed ? least : layout_bytes, NULL,
                                               believed ? "gaps between objects" : "field layout"};
    return believed ? least : layout_bytes;
}

static void fill(struct filling *f, uint32_t *class_sizes, uint32_t *object_sizes)
{
    const struct ha_heap *heap = f->heap;
    const uint32_t alignment = f->jvm.mode.alignment;
    ha_cls class_class = HA_CLS_NONE;
    for (uint32_t c = 0; c < heap->facts.class_count; c++) {
        if ((heap->classes[c].flags & HA_CLASS_IS_CLASS) != 0) {
            class_class.i = c;
        }
        if (strcmp(heap->classes[c].name, "jdk.internal.vm.StackChunk") == 0 && heap->chunk_count > 0) {
            f->sizes->chunk_class.i = c;
            class_sizes[c] = ha_size_clamp(ha_layout_instance_bytes(f->layout, (ha_cls){c}), alignment);
        } else if (heap->classes[c].kind == HA_CLASS_INSTANCE) {
            class_sizes[c] = ha_size_clamp(instance_bytes(f, (ha_cls){c}), alignment);
        }
    }
    uint64_t base = class_object_bytes(f, class_class);
    for (uint32_t c = 0; c < heap->facts.class_count; c++) {
        object_sizes[c] = ha_size_clamp(base + ha_layout_static_bytes(f->layout, (ha_cls){c}), alignment);
    }
    if (!ha_cls_is_none(class_class)) { /* class objects of int, void, …, which are instances in the dump */
        class_sizes[class_class.i] = ha_size_clamp(base, alignment);
    }
}

struct ha_err *ha_sizes_fill_jvm(struct ha_sizes *sizes, uint32_t *class_sizes, uint32_t *object_sizes)
{
    struct filling f = {.sizes = sizes, .heap = sizes->heap};
    HA_TRY(ha_jvm_find(sizes->heap, &f.jvm, &f.layout));
    sizes->reference_bytes = f.jvm.mode.reference_bytes;
    sizes->alignment = f.jvm.mode.alignment;
    sizes->narrow_array_base = f.jvm.narrow_base;
    sizes->wide_array_base = f.jvm.wide_base;
    sizes->object_array_base = f.jvm.references_base;
    memcpy(sizes->parts, f.jvm.parts, sizeof sizes->parts);
    sizes->part_count = HA_SIZE_PARTS;
    fill(&f, class_sizes, object_sizes);
    ha_layout_destroy(f.layout);
    return NULL;
}
