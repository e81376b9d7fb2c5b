/* SPDX-License-Identifier: MIT */
/*
 * See heap_instances.h. Time to build: one look at the class of each object, eight at a time; most are of classes that are not kept.
 */
#include "ha/heap/heap_instances.h"

#include "ha/base/mem.h"
#include "ha/heap/heap_sections.h"
#include "heap/heap_format.h"

#define AT_ONCE 8U

struct lists {
    const struct ha_heap *heap;
    uint8_t *kept;    /* per class */
    uint32_t *next;   /* per class: where its next object goes */
    uint32_t *end;    /* per class: and where its list ends */
    uint32_t *objects;
};

/* The largest power of two whose classes fit into `room` objects; 0: not even classes of a single one do. */
static uint64_t most_kept(const uint64_t *all_instances, uint32_t classes, uint64_t room)
{
    uint64_t sums[64] = {0}; /* objects of classes with 2^(i-1) < instances <= 2^i */
    for (uint32_t c = 0; c < classes; c++) {
        uint64_t count = all_instances[c];
        if (count > 0) {
            sums[count == 1 ? 0 : 64 - (unsigned)__builtin_clzll(count - 1)] += count;
        }
    }
    uint64_t sum = 0, most = 0;
    for (unsigned i = 0; i < 32; i++) {
        sum += sums[i];
        if (sum > room) {
            break;
        }
        most = UINT64_C(1) << i;
    }
    return most;
}

static inline uint32_t class_at(const struct ha_heap *heap, uint32_t obj, uint32_t width)
{
    uint32_t c = width == 2 ? ha_le16(heap->class_column + 2 * (size_t)obj) : ha_le32(heap->class_column + 4 * (size_t)obj);
    return HA_LIKELY(c < heap->facts.class_count) ? c : 0;
}

static inline void put_object(const struct lists *l, uint32_t obj, uint32_t cls)
{
    if (l->kept[cls] != 0 && l->next[cls] < l->end[cls]) {
        l->objects[l->next[cls]++] = obj;
    }
}

static inline void put_objects(const struct lists *l, uint32_t width)
{
    const uint32_t count = l->heap->facts.object_count;
    uint32_t obj = 0;
    for (; count - obj >= AT_ONCE; obj += AT_ONCE) {
        uint32_t any = 0;
        for (uint32_t i = 0; i < AT_ONCE; i++) {
            any |= l->kept[class_at(l->heap, obj + i, width)];
        }
        for (uint32_t i = 0; HA_UNLIKELY(any != 0) && i < AT_ONCE; i++) {
            put_object(l, obj + i, class_at(l->heap, obj + i, width));
        }
    }
    for (; obj < count; obj++) {
        put_object(l, obj, class_at(l->heap, obj, width));
    }
}

static struct ha_err *fill(struct lists *l, const uint64_t *all_instances, struct ha_index_writer *writer)
{
    const uint32_t classes = l->heap->facts.class_count;
    const uint64_t most = most_kept(all_instances, classes, l->heap->facts.object_count / HA_INSTANCES_SHARE);
    void *ranges, *objects;
    HA_TRY(ha_index_section_map(writer, HA_SECTION_INSTANCE_RANGES, sizeof(struct ha_disk_instances), classes, &ranges));
    struct ha_disk_instances *range = ranges;
    uint32_t total = 0;
    for (uint32_t c = 0; c < classes; c++) {
        bool kept = all_instances[c] <= most;
        l->kept[c] = kept && all_instances[c] > 0;
        range[c] = (struct ha_disk_instances){kept ? total : HA_NONE, kept ? (uint32_t)all_instances[c] : HA_NONE};
        l->next[c] = total;
        total += kept ? (uint32_t)all_instances[c] : 0;
        l->end[c] = total;
    }
    HA_TRY(ha_index_section_map(writer, HA_SECTION_INSTANCES, sizeof(uint32_t), total, &objects));
    l->objects = objects;
    if (total > 0 && l->heap->class_width == 2) {
        put_objects(l, 2);
    } else if (total > 0) {
        put_objects(l, 4);
    }
    return NULL;
}

struct ha_err *ha_heap_instances_build(const struct ha_heap *heap, const uint64_t *all_instances, struct ha_index_writer *writer)
{
    const size_t classes = (size_t)heap->facts.class_count + 1;
    struct lists l = {.heap = heap, .kept = ha_calloc_array(classes, 1), .next = ha_alloc_array(classes, sizeof *l.next),
                      .end = ha_alloc_array(classes, sizeof *l.end)};
    struct ha_err *err = l.kept == NULL || l.next == NULL || l.end == NULL ? ha_err_nomem() : fill(&l, all_instances, writer);
    ha_free(l.kept);
    ha_free(l.next);
    ha_free(l.end);
    return err;
}

bool ha_heap_instances(const struct ha_heap *heap, ha_cls cls, struct ha_instances_kept *ret)
{
    if (heap->instance_ranges == NULL) {
        return false;
    }
    const struct ha_disk_instances *range = (const struct ha_disk_instances *)heap->instance_ranges + cls.i;
    if (range->count == HA_NONE || (uint64_t)range->first + range->count > heap->instance_count) {
        return false;
    }
    *ret = (struct ha_instances_kept){range->count == 0 ? NULL : heap->instances + range->first, range->count};
    return true;
}
