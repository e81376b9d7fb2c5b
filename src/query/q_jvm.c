/* SPDX-License-Identifier: MIT */
/*
 * Limits and settings of the JVM, each from the best source that the heap has.
 *
 * Where objects lie (JDK's arguments.cpp and memory/virtualspace.cpp, since 8): with compressed references the JVM asks for a heap that ends at
 * 4 GiB, so that references need no shift, else at 32 GiB (java.vm.compressedOopsMode: "32-bit", "Zero based"). Seen from the lowest object, the rest
 * up to that line is the heap:
 *
 *     0        lowest object            4 GiB (or 32)
 *     |  …     [======== heap ==========]
 */
#include "ha/query/q_jvm.h"

#include <stdlib.h>
#include <string.h>

#include "ha/query/q_instances.h"
#include "ha/query/q_label.h"
#include "query/q_properties.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define DEFAULT_STACK MIB /* Linux on x86-64 and AArch64: 1 MiB (2 MiB on AArch64 of some builds) */

const char *ha_gc_name(enum ha_gc gc)
{
    switch (gc) {
    case HA_GC_UNKNOWN:
        return "unknown";
    case HA_GC_SERIAL:
        return "Serial";
    case HA_GC_PARALLEL:
        return "Parallel";
    case HA_GC_G1:
        return "G1";
    case HA_GC_Z:
        return "ZGC";
    case HA_GC_SHENANDOAH:
        return "Shenandoah";
    }
    return "unknown";
}

/* ---- arguments ---- */

/* "512k", "1G", as the JVM reads it; 0: not a size. */
static uint64_t size_of(const char *text)
{
    uint64_t value = 0;
    size_t i = 0;
    for (; text[i] >= '0' && text[i] <= '9'; i++) {
        if (value > (UINT64_MAX >> 44)) {
            return 0;
        }
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    switch (text[i]) {
    case 'k':
    case 'K':
        return value << 10;
    case 'm':
    case 'M':
        return value << 20;
    case 'g':
    case 'G':
        return value << 30;
    case 't':
    case 'T':
        return value << 40;
    case '\0':
        return value;
    default:
        return 0;
    }
}

static bool begins(const char *text, const char *with, const char **ret_rest)
{
    size_t len = strlen(with);
    *ret_rest = text + len;
    return strncmp(text, with, len) == 0;
}

struct arguments {
    struct ha_jvm *jvm;
    uint64_t max_heap, max_ram;
};

static void read_collector(struct ha_jvm *jvm, const char *name)
{
    static const struct {
        const char *argument;
        enum ha_gc gc;
    } kinds[] = {{"UseSerialGC", HA_GC_SERIAL},
                 {"UseParallelGC", HA_GC_PARALLEL},
                 {"UseG1GC", HA_GC_G1},
                 {"UseZGC", HA_GC_Z},
                 {"UseShenandoahGC", HA_GC_SHENANDOAH}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(name, kinds[i].argument) == 0) {
            jvm->gc = kinds[i].gc;
            jvm->gc_from = "an argument";
        }
    }
}

static void read_argument(struct arguments *a, const char *text)
{
    const char *rest;
    struct ha_jvm *jvm = a->jvm;
    if (begins(text, "-Xmx", &rest) || begins(text, "-XX:MaxHeapSize=", &rest)) {
        a->max_heap = size_of(rest);
    } else if (begins(text, "-XX:MaxRAM=", &rest)) {
        a->max_ram = size_of(rest);
    } else if (begins(text, "-XX:MaxRAMPercentage=", &rest)) {
        double percent = strtod(rest, NULL);
        jvm->max_ram_percentage = percent > 0 && percent <= 100 ? percent : 0;
    } else if (begins(text, "-XX:MaxDirectMemorySize=", &rest)) {
        jvm->max_direct_bytes = size_of(rest);
        jvm->max_direct_given = jvm->max_direct_bytes != 0;
    } else if (begins(text, "-Xss", &rest)) {
        jvm->thread_stack_bytes = size_of(rest);
    } else if (begins(text, "-XX:ThreadStackSize=", &rest)) {
        jvm->thread_stack_bytes = size_of(rest) << 10; // in KiB
    } else if (begins(text, "-XX:ReservedCodeCacheSize=", &rest)) {
        jvm->code_cache_bytes = size_of(rest);
    } else if (begins(text, "-XX:MaxMetaspaceSize=", &rest)) {
        jvm->max_metaspace_bytes = size_of(rest);
    } else if (begins(text, "-XX:+", &rest)) {
        read_collector(jvm, rest);
    }
}

static void read_arguments(struct ha_jvm *jvm, uint64_t container_bytes)
{
    struct arguments a = {.jvm = jvm};
    const struct ha_property_list *list = &jvm->properties->arguments;
    for (uint64_t i = 0; i < list->count; i++) {
        read_argument(&a, list->list[i].value);
    }
    jvm->thread_stack_given = jvm->thread_stack_bytes != 0;
    uint64_t ram = a.max_ram != 0 ? a.max_ram : container_bytes;
    if (a.max_heap != 0) {
        jvm->max_heap_bytes = a.max_heap;
        jvm->max_heap_from = HA_MAX_HEAP_ARGUMENT;
    } else if (jvm->max_ram_percentage > 0 && ram != 0) {
        jvm->max_heap_bytes = (uint64_t)((double)ram * jvm->max_ram_percentage / 100);
        jvm->max_heap_from = a.max_ram != 0 ? HA_MAX_HEAP_ARGUMENT : HA_MAX_HEAP_PERCENTAGE;
    }
}

/* ---- what the class libraries keep ---- */

static const char *property(const struct ha_property_list *list, const char *key)
{
    for (uint64_t i = 0; i < list->count; i++) {
        if (strcmp(list->list[i].key, key) == 0) {
            return list->list[i].value;
        }
    }
    return NULL;
}

static uint32_t feature_version(const struct ha_properties *properties)
{
    const char *text = property(&properties->system, "java.specification.version");
    const char *rest;
    if (text == NULL) {
        text = properties->jvm_version;
    }
    if (text == NULL) {
        return 0;
    }
    uint64_t version = size_of(begins(text, "1.", &rest) ? rest : text);
    if (version == 0) { // "17.0.15+6"
        char number[4] = {0};
        for (size_t i = 0; i < 3 && text[i] >= '0' && text[i] <= '9'; i++) {
            number[i] = text[i];
        }
        version = size_of(number);
    }
    return version < 1000 ? (uint32_t)version : 0;
}

static void keep_first(void *ctx, ha_cls cls)
{
    ha_cls *first = ctx;
    *first = ha_cls_is_none(*first) ? cls : *first;
}

static ha_cls class_named(const struct ha_heap *heap, const char *name)
{
    ha_cls cls = HA_CLS_NONE;
    ha_heap_classes_named(heap, name, keep_first, &cls);
    return cls;
}

/* Statics of VM: the direct limit, and whether it was given. */
static struct ha_err *read_direct_limit(struct ha_query *q, struct ha_jvm *jvm)
{
    static const char *const names[] = {"jdk.internal.misc.VM", "sun.misc.VM"};
    const struct ha_heap *heap = q->snapshot->heap;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct ha_property_list saved;
        ha_cls cls = class_named(heap, names[i]);
        const struct ha_static *limit =
            ha_cls_is_none(cls) ? NULL : ha_heap_static_find(heap, cls, "directMemory");
        if (limit == NULL || limit->type != HA_TYPE_LONG || (int64_t)limit->value <= 0) {
            continue;
        }
        HA_TRY(ha_property_table(q, names[i], "savedProps", &saved));
        const char *given = property(&saved, "sun.nio.MaxDirectMemorySize");
        jvm->max_direct_bytes = limit->value;
        jvm->max_direct_given = given != NULL && *given != '\0' && strcmp(given, "-1") != 0;
        if (saved.found && !jvm->max_direct_given && jvm->max_heap_bytes == 0) {
            jvm->max_heap_bytes = limit->value;
            jvm->max_heap_from = HA_MAX_HEAP_VM;
        }
        return NULL;
    }
    return NULL;
}

struct beans {
    struct ha_query *q;
    struct ha_jvm *jvm;
};

static struct ha_err *read_bean(void *ctx, ha_obj obj, uint8_t mark)
{
    static const struct {
        const char *begin;
        enum ha_gc gc;
    } kinds[] = {{"G1 ", HA_GC_G1},      {"PS ", HA_GC_PARALLEL},
                 {"ZGC", HA_GC_Z},       {"Shenandoah", HA_GC_SHENANDOAH},
                 {"Copy", HA_GC_SERIAL}, {"MarkSweepCompact", HA_GC_SERIAL}};
    const struct beans *b = ctx;
    struct ha_sbuf name = {0};
    const char *rest;
    (void)mark;
    if (ha_object_field_text(b->q, obj, "name", 40, &name)) {
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
            if (begins(ha_sbuf_text(&name), kinds[k].begin, &rest)) {
                b->jvm->gc = kinds[k].gc;
                b->jvm->gc_from = "names of its beans";
            }
        }
    }
    ha_sbuf_deinit(&name);
    return NULL;
}

/* Names of collector beans, there once the program asked for them. */
static struct ha_err *read_beans(struct ha_query *q, struct ha_jvm *jvm)
{
    struct ha_instances set;
    struct beans b = {q, jvm};
    HA_TRY(ha_instances_init(&set, q));
    ha_instances_mark(&set, "sun.management.GarbageCollectorImpl", true, 1);
    struct ha_err *err = ha_instances_each(&set, read_bean, &b);
    ha_instances_deinit(&set);
    return err;
}

/* ---- where the objects lie ---- */

#define Z_LOWEST (UINT64_C(1) << 42) /* JDK 15 and later map ZGC's heap at 4 TiB or above */

/* Objects are numbered in ascending order of their addresses, those with references and those without apart. */
static bool address_range(const struct ha_heap *heap, ha_addr *ret_lowest, ha_addr *ret_highest)
{
    uint32_t count = heap->facts.object_count;
    uint32_t branches = heap->facts.branch_count < count ? heap->facts.branch_count : count;
    ha_addr lowest = UINT64_MAX;
    ha_addr highest = 0;
    const uint32_t ends[] = {0, branches - 1, branches, count - 1};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        if (ends[i] < count) {
            ha_addr address = ha_heap_address(heap, (ha_obj){ends[i]});
            lowest = address < lowest ? address : lowest;
            highest = address > highest ? address : highest;
        }
    }
    *ret_lowest = lowest;
    *ret_highest = highest;
    return count > 0;
}

static void read_addresses(struct ha_query *q, struct ha_jvm *jvm)
{
    const struct ha_heap *heap = q->snapshot->heap;
    ha_addr lowest, highest;
    if (!address_range(heap, &lowest, &highest)) {
        return;
    }
    if (heap->facts.compressed_references == 0) {
        if (jvm->gc == HA_GC_UNKNOWN && lowest >= Z_LOWEST && lowest < 8 * Z_LOWEST) {
            jvm->gc = HA_GC_Z;
            jvm->gc_from = "addresses";
        }
        return;
    }
    const char *mode = property(&jvm->properties->system, "java.vm.compressedOopsMode");
    const char *rest;
    if (mode != NULL && begins(mode, "Non-zero", &rest)) {
        return; // anywhere
    }
    uint64_t end = highest < 4 * GIB ? 4 * GIB : 32 * GIB;
    if (jvm->max_heap_bytes == 0 && highest < end) {
        jvm->max_heap_bytes = end - lowest / MIB * MIB;
        jvm->max_heap_from = HA_MAX_HEAP_ADDRESSES;
    }
}

struct ha_err *ha_jvm_query(struct ha_query *q, uint64_t container_bytes, struct ha_jvm *ret)
{
    struct ha_properties *properties = ha_arena_calloc(&q->arena, 1, sizeof *properties);
    if (properties == NULL) {
        return ha_err_nomem();
    }
    HA_TRY(ha_properties_query(q, true, properties));
    *ret = (struct ha_jvm){.properties = properties, .gc_from = "the JVM's default"};
    ret->feature_version = feature_version(properties);
    read_arguments(ret, container_bytes);
    HA_TRY(read_direct_limit(q, ret));
    if (ret->gc == HA_GC_UNKNOWN) {
        HA_TRY(read_beans(q, ret));
    }
    read_addresses(q, ret);
    if (ret->gc == HA_GC_UNKNOWN && ret->feature_version >= 9) {
        ret->gc = HA_GC_G1;
    }
    ret->thread_stack_bytes = ret->thread_stack_given ? ret->thread_stack_bytes : DEFAULT_STACK;
    return NULL;
}
