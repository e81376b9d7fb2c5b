/* SPDX-License-Identifier: MIT */
/*
 * Everything of q_offheap.h that is read from objects: one pass over the class column finds cleaners, buffers, segments, zlib streams and
 * threads; counters are static fields.
 *
 *     Cleaner.thunk -> DirectByteBuffer$Deallocator { address, size }      one per allocation, reachable from the list Cleaner.first
 *                   -> FileChannelImpl$…Unmapper { address, size }         one per mapping
 *     a cleaner that has run is its own neighbour (next == itself)
 *     DirectByteBuffer { cleaner, att, address, capacity }                 att: a view of another; neither cleaner nor att: memory of someone else
 *     ResourceCleanup { val$allocationBase, val$allocationSize }           one per native segment of an open arena
 *
 * Memory is told apart by address, so that two objects about the same piece count once.
 */
#include "query/q_offheap.h"

#include <string.h>

#include "ha/base/checked.h"
#include "ha/base/idmap.h"
#include "ha/query/q_histogram.h"
#include "ha/query/q_instances.h"
#include "ha/query/q_threads.h"

enum {
    MARK_CLEANER = 1,
    MARK_BUFFER,
    MARK_SEGMENT,
    MARK_INFLATER_REF,
    MARK_DEFLATER_REF,
    MARK_INFLATER, /* JDK 8: the stream's reference object does not tell which of the two it is of */
    MARK_DEFLATER,
    MARK_THREAD
};

#define HOLDERS_MAX 32U /* of a buffer, that are looked at */

struct scan {
    struct ha_query *q;
    const struct ha_jvm *jvm;
    struct ha_offheap_counts *counts;
    struct ha_idmap seen; /* addresses of native memory */
};

/* ---- reading ---- */

static bool read_long(struct scan *s, ha_obj obj, const char *field, uint64_t *ret)
{
    int64_t value;
    if (!ha_heap_read_long(s->q->snapshot->heap, &s->q->window, obj, field, &value)) {
        return false;
    }
    *ret = value > 0 ? (uint64_t)value : 0;
    return true;
}

static bool read_object(struct scan *s, ha_obj obj, const char *field, ha_obj *ret)
{
    return ha_heap_read_reference(s->q->snapshot->heap, &s->q->window, obj, field, ret);
}

/* Sums end at the largest number: what objects say of native memory may be anything. */
static void add(uint64_t *sum, uint64_t more)
{
    if (!ha_add_u64(*sum, more, sum)) {
        *sum = UINT64_MAX;
    }
}

/* Enters a piece of memory; *ret_new is false if one of that address was there. */
static struct ha_err *enter(struct scan *s, uint64_t address, bool *ret_new)
{
    uint32_t old;
    if (!ha_idmap_add(&s->seen, address, 0, &old)) {
        return ha_err_nomem();
    }
    *ret_new = old == HA_IDMAP_NONE;
    return NULL;
}

/* ---- cleaners and buffers ---- */

/* Whether nothing but the cleaner refers to its buffer. */
static bool waits(struct scan *s, ha_obj cleaner)
{
    const struct ha_graph *graph = s->q->snapshot->graph;
    ha_obj buffer;
    if (graph == NULL || !ha_graph_referent(graph, cleaner, &buffer)) {
        return graph != NULL; // no referent any more: the collector has seen it
    }
    struct ha_in in = ha_graph_in(graph, buffer);
    for (uint64_t i = 0; i < in.count; i++) {
        if (ha_in_at(&in, i).i != cleaner.i) {
            return false;
        }
    }
    return true;
}

static struct ha_err *count_allocation(struct scan *s, ha_obj cleaner, ha_obj thunk)
{
    struct ha_direct_memory *direct = &s->counts->direct;
    uint64_t address, size;
    bool is_new = false;
    if (!read_long(s, thunk, "address", &address) || address == 0 ||
        !read_long(s, thunk, "size", &size)) {
        return NULL;
    }
    HA_TRY(enter(s, address, &is_new));
    if (is_new) {
        direct->buffers++;
        add(&direct->buffer_bytes, size);
        if (waits(s, cleaner)) {
            direct->waiting++;
            add(&direct->waiting_bytes, size);
        }
    }
    return NULL;
}

static struct ha_err *count_mapping(struct scan *s, ha_obj thunk)
{
    uint64_t address, size;
    if (!s->counts->mapped_counters && read_long(s, thunk, "address", &address) && address != 0 &&
        read_long(s, thunk, "size", &size)) {
        s->counts->mapped_files++;
        add(&s->counts->mapped_bytes, size);
    }
    return NULL;
}

static struct ha_err *count_cleaner(struct scan *s, ha_obj cleaner)
{
    const struct ha_heap *heap = s->q->snapshot->heap;
    ha_obj thunk, next;
    if (!read_object(s, cleaner, "thunk", &thunk) ||
        (read_object(s, cleaner, "next", &next) && next.i == cleaner.i)) {
        return NULL;
    }
    const char *name = ha_heap_class(heap, ha_heap_class_of(heap, thunk))->name;
    if (strcmp(name, "java.nio.DirectByteBuffer$Deallocator") == 0) {
        return count_allocation(s, cleaner, thunk);
    }
    return strstr(name, "Unmapper") != NULL ? count_mapping(s, thunk) : NULL;
}

/* Whether the JDK's reader of its own modules holds the buffer, or a view of it: memory that is a file. */
static bool is_image(struct scan *s, ha_obj buffer, int views)
{
    static const char package[] = "jdk.internal.jimage.";
    const struct ha_graph *graph = s->q->snapshot->graph;
    const struct ha_heap *heap = s->q->snapshot->heap;
    struct ha_in in = {0};
    bool found = false;
    if (graph != NULL) {
        in = ha_graph_in(graph, buffer);
    }
    for (uint64_t i = 0; i < in.count && i < HOLDERS_MAX && !found; i++) {
        const char *holder = ha_heap_class(heap, ha_heap_class_of(heap, ha_in_at(&in, i)))->name;
        bool view = strncmp(holder, "java.nio.DirectByteBuffer", 25) == 0;
        found = strncmp(holder, package, sizeof package - 1) == 0 ||
                (view && views > 0 && is_image(s, ha_in_at(&in, i), views - 1));
    }
    return found;
}

static struct ha_err *count_buffer(struct scan *s, ha_obj buffer)
{
    struct ha_direct_memory *direct = &s->counts->direct;
    ha_obj other;
    uint64_t address, capacity;
    bool is_new = false;
    direct->buffer_heap_bytes += ha_query_shallow(s->q, buffer);
    if (read_object(s, buffer, "cleaner", &other)) {
        return NULL;
    }
    if (read_object(s, buffer, "att", &other)) {
        direct->views++;
        return NULL;
    }
    if (read_object(s, buffer, "segment", &other) || read_object(s, buffer, "fd", &other) ||
        !read_long(s, buffer, "address", &address) ||
        !read_long(s, buffer, "capacity", &capacity) || address == 0 || capacity == 0) {
        return NULL;
    }
    HA_TRY(enter(s, address, &is_new));
    if (is_new && is_image(s, buffer, 1)) {
        add(&s->counts->image_bytes, capacity);
    } else if (is_new) {
        direct->bares++;
        add(&direct->bare_bytes, capacity);
    }
    return NULL;
}

static struct ha_err *count_segment(struct scan *s, ha_obj cleanup)
{
    struct ha_direct_memory *direct = &s->counts->direct;
    uint64_t size, address, reserved = 1;
    bool is_new = false;
    if ((!read_long(s, cleanup, "val$allocationSize", &size) &&
         !read_long(s, cleanup, "val$alignedSize", &size)) ||
        (!read_long(s, cleanup, "val$allocationBase", &address) &&
         !read_long(s, cleanup, "val$buf", &address))) {
        return NULL;
    }
    read_long(s, cleanup, "val$shouldReserve", &reserved);
    HA_TRY(enter(s, address, &is_new));
    if (is_new && reserved != 0) {
        direct->segments++;
        add(&direct->segment_bytes, size);
    }
    return NULL;
}

/* ---- streams and threads ---- */

static bool stream_open(struct scan *s, ha_obj ref)
{
    uint64_t address;
    return read_long(s, ref, "address", &address) && address != 0;
}

static bool stream_open_of(struct scan *s, ha_obj owner)
{
    ha_obj ref;
    return read_object(s, owner, "zsRef", &ref) && stream_open(s, ref);
}

/* A thread has a stack while the VM has a thread of its own for it. */
static void count_thread(struct scan *s, ha_obj thread)
{
    struct ha_offheap_counts *counts = s->counts;
    ha_obj holder;
    uint64_t native = 0, size = 0;
    if (ha_thread_is_virtual(s->q->snapshot->heap, thread)) {
        counts->virtual_threads++;
        return;
    }
    if (!read_long(s, thread, "eetop", &native) || native == 0) {
        return;
    }
    if (!read_long(s, thread, "stackSize", &size) && read_object(s, thread, "holder", &holder)) {
        read_long(s, holder, "stackSize", &size);
    }
    counts->threads++;
    add(&counts->stack_bytes, size != 0 ? size : s->jvm->thread_stack_bytes);
}

static struct ha_err *count_object(void *ctx, ha_obj obj, uint8_t mark)
{
    struct scan *s = ctx;
    switch (mark) {
    case MARK_CLEANER:
        return count_cleaner(s, obj);
    case MARK_SEGMENT:
        return count_segment(s, obj);
    case MARK_INFLATER_REF:
        s->counts->inflaters += stream_open(s, obj);
        break;
    case MARK_DEFLATER_REF:
        s->counts->deflaters += stream_open(s, obj);
        break;
    case MARK_INFLATER:
        s->counts->inflaters += stream_open_of(s, obj);
        break;
    case MARK_DEFLATER:
        s->counts->deflaters += stream_open_of(s, obj);
        break;
    case MARK_THREAD:
        count_thread(s, obj);
        break;
    default:
        break;
    }
    return NULL;
}

/* After the allocations, so that a buffer without a cleaner about known memory does not count. */
static struct ha_err *count_late(void *ctx, ha_obj obj, uint8_t mark)
{
    return mark == MARK_BUFFER ? count_buffer(ctx, obj) : NULL;
}

static void count_any(void *ctx, ha_cls cls)
{
    (void)cls;
    ++*(uint32_t *)ctx;
}

static bool has_class(const struct ha_heap *heap, const char *name)
{
    uint32_t count = 0;
    ha_heap_classes_named(heap, name, count_any, &count);
    return count > 0;
}

static void mark_classes(struct ha_instances *set)
{
    const struct ha_heap *heap = set->q->snapshot->heap;
    ha_instances_mark(set, "jdk.internal.ref.Cleaner", true, MARK_CLEANER);
    ha_instances_mark(set, "sun.misc.Cleaner", true, MARK_CLEANER);
    ha_instances_mark(set, "jdk.internal.foreign.MemorySessionImpl$ResourceList$ResourceCleanup",
                      true, MARK_SEGMENT);
    ha_instances_mark(set, "java.util.zip.Inflater$InflaterZStreamRef", true, MARK_INFLATER_REF);
    ha_instances_mark(set, "java.util.zip.Deflater$DeflaterZStreamRef", true, MARK_DEFLATER_REF);
    if (has_class(heap, "java.util.zip.ZStreamRef")) {
        ha_instances_mark(set, "java.util.zip.Inflater", true, MARK_INFLATER);
        ha_instances_mark(set, "java.util.zip.Deflater", true, MARK_DEFLATER);
    }
    ha_instances_mark(set, "java.lang.Thread", true, MARK_THREAD);
}

static struct ha_err *scan_marked(struct scan *s, ha_instance_fn fn, bool buffers)
{
    struct ha_instances set;
    HA_TRY(ha_instances_init(&set, s->q));
    if (buffers) {
        ha_instances_mark(&set, "java.nio.DirectByteBuffer", true, MARK_BUFFER);
    } else {
        mark_classes(&set);
    }
    struct ha_err *err = ha_instances_each(&set, fn, s);
    ha_instances_deinit(&set);
    return err;
}

/* ---- counters ---- */

static bool static_long(const struct scan *s, ha_cls cls, const char *name, uint64_t *ret)
{
    const struct ha_static *value = ha_heap_static_find(s->q->snapshot->heap, cls, name);
    if (value == NULL || (value->type != HA_TYPE_LONG && value->type != HA_TYPE_INT)) {
        return false;
    }
    int64_t number = value->type == HA_TYPE_INT ? (int64_t)(int32_t)(uint32_t)value->value
                                                : (int64_t)value->value;
    *ret = number > 0 ? (uint64_t)number : 0;
    return true;
}

/* A static AtomicLong (JDK 9 and later) or long. */
static bool static_atomic(struct scan *s, ha_cls cls, const char *name, const char *old_name,
                          uint64_t *ret)
{
    const struct ha_heap *heap = s->q->snapshot->heap;
    const struct ha_static *value = ha_heap_static_find(heap, cls, name);
    value = value != NULL ? value : ha_heap_static_find(heap, cls, old_name);
    ha_obj counter;
    if (value == NULL) {
        return false;
    }
    if (value->type == HA_TYPE_REFERENCE) {
        return ha_heap_find(heap, value->value, &counter) && read_long(s, counter, "value", ret);
    }
    return static_long(s, cls, old_name, ret);
}

static void read_bits(void *ctx, ha_cls cls)
{
    struct scan *s = ctx;
    struct ha_direct_memory *direct = &s->counts->direct;
    direct->has_counters =
        static_atomic(s, cls, "RESERVED_MEMORY", "reservedMemory", &direct->reserved_bytes) &&
        static_atomic(s, cls, "TOTAL_CAPACITY", "totalCapacity", &direct->capacity_bytes) &&
        static_atomic(s, cls, "COUNT", "count", &direct->count);
    if (!static_long(s, cls, "MAX_MEMORY", &direct->limit_bytes)) {
        static_long(s, cls, "maxMemory", &direct->limit_bytes);
    }
}

static void read_unmapper(void *ctx, ha_cls cls)
{
    struct scan *s = ctx;
    uint64_t count, size;
    if (static_long(s, cls, "count", &count) && static_long(s, cls, "totalSize", &size)) {
        s->counts->mapped_counters = true;
        add(&s->counts->mapped_files, count);
        add(&s->counts->mapped_bytes, size);
    }
}

/* Netty's, also where it was moved to another package (`….shaded.io.netty…`). */
static void read_netty(struct scan *s)
{
    static const char tail[] = "io.netty.util.internal.PlatformDependent";
    const struct ha_heap *heap = s->q->snapshot->heap;
    for (uint32_t c = 0; c < heap->facts.class_count; c++) {
        size_t len = strlen(heap->classes[c].name);
        uint64_t bytes, limit = 0;
        if (len >= sizeof tail - 1 &&
            strcmp(heap->classes[c].name + len - (sizeof tail - 1), tail) == 0 &&
            static_atomic(s, (ha_cls){c}, "DIRECT_MEMORY_COUNTER", "", &bytes)) {
            static_long(s, (ha_cls){c}, "DIRECT_MEMORY_LIMIT", &limit);
            s->counts->has_netty = true;
            add(&s->counts->netty_bytes, bytes);
            add(&s->counts->netty_limit_bytes, limit);
        }
    }
}

static void read_counters(struct scan *s)
{
    static const char *const unmappers[] = {"sun.nio.ch.FileChannelImpl$DefaultUnmapper",
                                            "sun.nio.ch.FileChannelImpl$SyncUnmapper",
                                            "sun.nio.ch.FileChannelImpl$Unmapper"};
    const struct ha_heap *heap = s->q->snapshot->heap;
    ha_heap_classes_named(heap, "java.nio.Bits", read_bits, s);
    for (size_t i = 0; i < sizeof unmappers / sizeof *unmappers; i++) {
        ha_heap_classes_named(heap, unmappers[i], read_unmapper, s);
    }
    read_netty(s);
}

/* ---- classes ---- */

static struct ha_err *count_classes(struct scan *s)
{
    const struct ha_heap *heap = s->q->snapshot->heap;
    struct ha_offheap_counts *counts = s->counts;
    const struct ha_groups *loaders;
    for (uint32_t c = 0; c < heap->facts.class_count; c++) {
        const struct ha_class *cls = &heap->classes[c];
        if (ha_obj_is_none(cls->object) || !ha_query_reachable(s->q, cls->object)) {
            continue;
        }
        if (cls->kind != HA_CLASS_INSTANCE) {
            counts->arrays++;
        } else if (ha_class_name_length(cls->name) < strlen(cls->name)) {
            counts->hidden_classes++;
        } else {
            counts->classes++;
            counts->boot_classes += ha_obj_is_none(cls->loader);
        }
    }
    HA_TRY(ha_groups_get(s->q, HA_BY_LOADER, &loaders));
    counts->loaders = loaders->count;
    return NULL;
}

struct ha_err *offheap_count(struct ha_query *q, const struct ha_jvm *jvm,
                             struct ha_offheap_counts *ret)
{
    struct scan s = {.q = q, .jvm = jvm, .counts = ret};
    *ret = (struct ha_offheap_counts){0};
    read_counters(&s);
    struct ha_err *err = count_classes(&s);
    if (err == NULL) {
        err = scan_marked(&s, count_object, false);
    }
    if (err == NULL) {
        err = scan_marked(&s, count_late, true);
    }
    ha_idmap_deinit(&s.seen);
    return err;
}
