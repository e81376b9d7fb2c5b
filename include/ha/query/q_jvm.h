/* SPDX-License-Identifier: MIT */
/*
 * What the heap tells of the process that it was in: system properties, environment, arguments of the JVM, and what follows from them.
 *
 *     system        java.lang.System.props
 *     environment   java.lang.ProcessEnvironment.theUnmodifiableEnvironment           there once the program called System.getenv()
 *     arguments     sun.management.VMManagementImpl.vmArgs                            there once something asked the RuntimeMXBean for them
 *                   else the words of JDK_JAVA_OPTIONS, JAVA_TOOL_OPTIONS, JAVA_OPTS  from the environment
 *     direct limit  {jdk.internal,sun}.misc.VM.directMemory; savedProps tells whether -XX:MaxDirectMemorySize was given. If it was not, the
 *                   JVM takes Runtime.maxMemory(), so that this field is the heap's maximum
 */
#ifndef HA_QUERY_Q_JVM_H
#define HA_QUERY_Q_JVM_H

#include "ha/query/q_query.h"

struct ha_property {
    const char *key;
    const char *value; /* "" for null; with secrets in it unless ha_properties_query() masked them */
    bool masked;
};

struct ha_property_list {
    struct ha_property *list; /* ascending by key */
    uint64_t count;
    bool found; /* the heap has such a table */
};

struct ha_properties {
    struct ha_property_list system;
    struct ha_property_list environment;
    struct ha_property_list arguments; /* key "" and in the order given */
    const char *arguments_from;        /* "the JVM" or the name of an environment variable; NULL: not in the heap */
    const char *jvm_version;           /* NULL: unknown */
};

/* show_secrets: values as they are; else masked (q_secrets.h). Everything lives in q->arena. */
struct ha_err *ha_properties_query(struct ha_query *q, bool show_secrets, struct ha_properties *ret) HA_WARN_UNUSED;

/* ---- what follows ---- */

enum ha_gc {
    HA_GC_UNKNOWN,
    HA_GC_SERIAL,
    HA_GC_PARALLEL,
    HA_GC_G1,
    HA_GC_Z,
    HA_GC_SHENANDOAH
};
const char *ha_gc_name(enum ha_gc gc); /* "G1", …; "unknown" */

enum ha_max_heap_from {
    HA_MAX_HEAP_UNKNOWN,
    HA_MAX_HEAP_ARGUMENT,   /* -Xmx, -XX:MaxHeapSize; -XX:MaxRAMPercentage of -XX:MaxRAM */
    HA_MAX_HEAP_PERCENTAGE, /* -XX:MaxRAMPercentage of the container limit that the caller knows */
    HA_MAX_HEAP_VM,         /* jdk.internal.misc.VM.directMemory: measured */
    HA_MAX_HEAP_ADDRESSES   /* where the objects lie: with compressed references the JVM puts the heap's end at 4 or 32 GiB */
};

struct ha_jvm {
    const struct ha_properties *properties; /* unmasked: for analysis, not for show */
    uint32_t feature_version;  /* 8, 17, 25; 0: unknown */
    uint64_t max_heap_bytes;   /* 0: unknown */
    enum ha_max_heap_from max_heap_from;
    double max_ram_percentage; /* of the arguments; 0: not there */
    uint64_t max_direct_bytes; /* the limit; 0: unknown */
    bool max_direct_given;     /* -XX:MaxDirectMemorySize was given */
    uint64_t thread_stack_bytes; /* default of threads; never 0 */
    bool thread_stack_given;
    uint64_t code_cache_bytes; /* -XX:ReservedCodeCacheSize; 0: not there */
    uint64_t max_metaspace_bytes; /* -XX:MaxMetaspaceSize; 0: not there */
    enum ha_gc gc;
    const char *gc_from; /* "an argument", "names of its beans", "addresses", "the JVM's default"; never NULL */
};

/* container_bytes: the limit of the container if the caller knows it, else 0. */
struct ha_err *ha_jvm_query(struct ha_query *q, uint64_t container_bytes, struct ha_jvm *ret) HA_WARN_UNUSED;

#endif
