/* SPDX-License-Identifier: MIT */
/*
 * What the dump does not say about classes of the JDK: fields that the VM injects, and fields and classes that are padded with @Contended. From
 * javaClasses.hpp, continuationJavaClasses.hpp and classFileParser.cpp of HotSpot (8, 11, 17, 21, 25) and the annotations of the JDKs' own classes. A field is injected only
 * where the dump lists none of that name: some became ordinary fields later.
 */
#include "heap/heap_layout.h"

#include <string.h>

#define NEVER UINT32_MAX

/* Sorted by class. kind: `p` the VM's pointer, `l` long, `i` int, `s` short, `b` byte, `o` reference. */
static const struct injected {
    const char *cls, *field;
    char kind;
    uint32_t since, before; /* feature versions */
} injected[] = {
    {"java.lang.Class", "array_klass", 'p', 0, NEVER},
    {"java.lang.Class", "init_lock", 'o', 0, 9},
    {"java.lang.Class", "klass", 'p', 0, NEVER},
    {"java.lang.Class", "oop_size", 'i', 0, NEVER},
    {"java.lang.Class", "protectionDomain", 'o', 0, NEVER},
    {"java.lang.Class", "signers", 'o', 0, NEVER},
    {"java.lang.Class", "source_file", 'o', 11, NEVER},
    {"java.lang.Class", "static_oop_field_count", 'i', 0, NEVER},
    {"java.lang.ClassLoader", "loader_data", 'p', 0, NEVER},
    {"java.lang.InternalError", "during_unsafe_access", 'b', 17, NEVER},
    {"java.lang.Module", "module_entry", 'p', 0, NEVER},
    {"java.lang.StackFrameInfo", "version", 's', 0, NEVER},
    {"java.lang.String", "flags", 'b', 17, NEVER},
    {"java.lang.Thread", "jfr_epoch", 's', 19, NEVER},
    {"java.lang.Thread", "jvmti_VTMS_transition_disable_count", 'i', 19, NEVER},
    {"java.lang.Thread", "jvmti_is_in_VTMS_transition", 'b', 19, NEVER},
    {"java.lang.Thread", "jvmti_thread_state", 'p', 19, NEVER},
    {"java.lang.VirtualThread", "objectWaiter", 'p', 24, NEVER},
    {"java.lang.invoke.CallSite", "last_cleanup", 'l', 24, NEVER},
    {"java.lang.invoke.CallSite", "vmdependencies", 'p', 24, NEVER},
    {"java.lang.invoke.MemberName", "vmindex", 'p', 0, NEVER},
    {"java.lang.invoke.MemberName", "vmloader", 'o', 0, 9},
    {"java.lang.invoke.MemberName", "vmtarget", 'p', 0, 11},
    {"java.lang.invoke.MethodHandleNatives$CallSiteContext", "last_cleanup", 'l', 11, NEVER},
    {"java.lang.invoke.MethodHandleNatives$CallSiteContext", "vmdependencies", 'p', 0, NEVER},
    {"java.lang.invoke.ResolvedMethodName", "vmholder", 'o', 0, NEVER},
    {"java.lang.invoke.ResolvedMethodName", "vmtarget", 'p', 0, NEVER},
    {"jdk.internal.vm.StackChunk", "cont", 'o', 0, NEVER},
    {"jdk.internal.vm.StackChunk", "flags", 'b', 0, NEVER},
    {"jdk.internal.vm.StackChunk", "lockStackSize", 'b', 24, NEVER},
    {"jdk.internal.vm.StackChunk", "maxThawingSize", 'i', 0, NEVER},
    {"jdk.internal.vm.StackChunk", "pc", 'p', 0, NEVER},
};

/* Sorted by class. field NULL: the class itself; fields of one class all belong to one group. */
static const struct contended {
    const char *cls, *field;
    uint32_t since, before;
} contended[] = {
    {"java.lang.Thread", "threadLocalRandomProbe", 0, 24},
    {"java.lang.Thread", "threadLocalRandomSecondarySeed", 0, 24},
    {"java.lang.Thread", "threadLocalRandomSeed", 0, 24},
    {"java.util.concurrent.ConcurrentHashMap$CounterCell", NULL, 0, NEVER},
    {"java.util.concurrent.Exchanger$Node", NULL, 0, 24},
    {"java.util.concurrent.Exchanger$Slot", NULL, 24, NEVER},
    {"java.util.concurrent.ForkJoinPool", NULL, 0, 9},
    {"java.util.concurrent.ForkJoinPool", "ctl", 9, NEVER},
    {"java.util.concurrent.ForkJoinPool", "parallelism", 19, NEVER},
    {"java.util.concurrent.ForkJoinPool$WorkQueue", NULL, 0, 15},
    {"java.util.concurrent.ForkJoinPool$WorkQueue", "nsteals", 15, NEVER},
    {"java.util.concurrent.ForkJoinPool$WorkQueue", "parking", 15, NEVER},
    {"java.util.concurrent.ForkJoinPool$WorkQueue", "phase", 19, NEVER},
    {"java.util.concurrent.ForkJoinPool$WorkQueue", "source", 15, NEVER},
    {"java.util.concurrent.ForkJoinPool$WorkQueue", "stackPred", 19, NEVER},
    {"java.util.concurrent.ForkJoinPool$WorkQueue", "top", 15, NEVER},
    {"java.util.concurrent.SubmissionPublisher$BufferedSubscription", NULL, 0, NEVER},
    {"java.util.concurrent.SubmissionPublisher$BufferedSubscription", "demand", 0, NEVER},
    {"java.util.concurrent.SubmissionPublisher$BufferedSubscription", "waiting", 0, NEVER},
    {"java.util.concurrent.atomic.Striped64$Cell", NULL, 0, NEVER},
};

/* classFileParser.cpp, JDK 14 and before: these place references first and fill no gap. */
static const char *const references_first[] = {
    "java.lang.AssertionStatusDirectives", "java.lang.Boolean", "java.lang.Byte", "java.lang.Character", "java.lang.Class", "java.lang.ClassLoader",
    "java.lang.Double", "java.lang.Float", "java.lang.Integer", "java.lang.Long", "java.lang.Short", "java.lang.StackTraceElement",
    "java.lang.String", "java.lang.Throwable", "java.lang.ref.Reference", "java.lang.ref.SoftReference",
};

#define COUNT(table) (sizeof(table) / sizeof *(table))

static bool has_field(const struct ha_heap *heap, const struct ha_class *cls, const char *name)
{
    for (uint32_t i = 0; i < cls->fields_count; i++) {
        if (strcmp(heap->fields[cls->fields_first + i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

uint32_t ha_layout_feature(const struct ha_heap *heap)
{
    static const struct {
        const char *cls, *field; /* field NULL: the class */
        uint32_t feature;
    } marks[] = {
        {"java.lang.Module", NULL, 9},
        {"java.lang.invoke.MemberName", "method", 11},
        {"java.lang.Class", "classData", 15},
        {"java.lang.invoke.MethodHandleImpl$CasesHolder", NULL, 17},
        {"java.lang.Thread", "holder", 19},
        {"java.lang.VirtualThread", "onWaitingList", 24},
    };
    uint32_t feature = 8;
    for (uint32_t c = 0; c < heap->facts.class_count; c++) {
        const struct ha_class *cls = &heap->classes[c];
        for (size_t i = 0; strncmp(cls->name, "java.lang.", 10) == 0 && i < COUNT(marks); i++) {
            if (marks[i].feature > feature && strcmp(cls->name, marks[i].cls) == 0 && (marks[i].field == NULL || has_field(heap, cls, marks[i].field))) {
                feature = marks[i].feature;
            }
        }
    }
    return feature;
}

static void count_field(struct layout_fields *fields, uint32_t group, uint32_t bytes)
{
    fields->group[group].longs += bytes == 8;
    fields->group[group].ints += bytes == 4;
    fields->group[group].shorts += bytes == 2;
    fields->group[group].bytes += bytes == 1;
}

static void add_injected(const struct ha_heap *heap, const struct ha_class *cls, uint32_t feature, struct layout_fields *fields)
{
    for (size_t i = 0; i < COUNT(injected); i++) {
        const struct injected *in = &injected[i];
        if (feature < in->since || feature >= in->before || strcmp(cls->name, in->cls) != 0 || has_field(heap, cls, in->field)) {
            continue;
        }
        switch (in->kind) {
        case 'o':
            fields->group[0].references++;
            break;
        case 'p':
            count_field(fields, 0, heap->facts.id_size);
            break;
        default:
            count_field(fields, 0, in->kind == 'l' ? 8 : in->kind == 'i' ? 4 : in->kind == 's' ? 2 : 1);
            break;
        }
    }
}

static bool is_contended(const struct ha_class *cls, const char *field, uint32_t feature)
{
    for (size_t i = 0; i < COUNT(contended); i++) {
        const struct contended *row = &contended[i];
        bool same = field == NULL ? row->field == NULL : row->field != NULL && strcmp(field, row->field) == 0;
        if (same && feature >= row->since && feature < row->before && strcmp(cls->name, row->cls) == 0) {
            return true;
        }
    }
    return false;
}

void ha_layout_fields_of(const struct ha_heap *heap, ha_cls c, uint32_t feature, struct layout_fields *ret)
{
    const struct ha_class *cls = ha_heap_class(heap, c);
    bool boot = ha_obj_is_none(cls->loader) && (strncmp(cls->name, "java.", 5) == 0 || strncmp(cls->name, "jdk.", 4) == 0);
    *ret = (struct layout_fields){.group_count = 1};
    bool padded = boot && strncmp(cls->name, "java.", 5) == 0 && (cls->name[5] == 'u' || strcmp(cls->name, "java.lang.Thread") == 0);
    for (uint32_t i = 0; i < cls->fields_count; i++) {
        const struct ha_field *field = &heap->fields[cls->fields_first + i];
        uint32_t group = padded && is_contended(cls, field->name, feature) ? 1 : 0;
        ret->group_count = group == 1 ? 2 : ret->group_count;
        if (field->type == HA_TYPE_REFERENCE) {
            ret->group[group].references++;
        } else {
            count_field(ret, group, ha_type_bytes((enum ha_type)field->type, 4));
        }
    }
    if (boot) {
        add_injected(heap, cls, feature, ret);
        ret->contended = padded && is_contended(cls, NULL, feature);
        for (size_t i = 0; feature < 15 && i < COUNT(references_first); i++) {
            ret->references_first = ret->references_first || strcmp(cls->name, references_first[i]) == 0;
        }
    }
}
