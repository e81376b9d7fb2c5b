/* SPDX-License-Identifier: MIT */
/*
 * Why a process is bigger than its heap: what else it holds, as far as the heap tells, and whether all of it fits into a container.
 *
 *     line            how known   where from
 *     heap            measured    sizes of the objects; its maximum: q_jvm.h
 *     direct          measured    java.nio.Bits, the JDK's own counters; beside them the sum over buffers and segments, and why they differ
 *     netty           measured    PlatformDependent.DIRECT_MEMORY_COUNTER: memory that Bits does not see
 *     mapped          measured    FileChannelImpl's Unmapper counters; pages of files, which the kernel takes back
 *     stacks          counted     live platform threads by the size of their stack, of which a part is resident
 *     zlib            counted     open inflaters and deflaters by what zlib's manual says that each takes
 *     metaspace       estimated   classes by kind and loader
 *     code            estimated   a range by the number of classes
 *     gc              estimated   a range by collector and heap
 *     jvm             estimated   symbols, compilers, malloc's own
 *
 * Each line has what it takes now (resident, as a range) and what it may come to (as a range). A container is too small if the sum of the
 * low ends of the latter is above its limit, and big enough if the sum of the high ends leaves a twentieth of it free.
 */
#ifndef HA_QUERY_Q_OFFHEAP_H
#define HA_QUERY_Q_OFFHEAP_H

#include "ha/query/q_jvm.h"

enum ha_offheap_what {
    HA_OFFHEAP_HEAP,
    HA_OFFHEAP_DIRECT,
    HA_OFFHEAP_NETTY,
    HA_OFFHEAP_MAPPED,
    HA_OFFHEAP_STACKS,
    HA_OFFHEAP_ZLIB,
    HA_OFFHEAP_METASPACE,
    HA_OFFHEAP_CODE,
    HA_OFFHEAP_GC,
    HA_OFFHEAP_JVM
};
#define HA_OFFHEAP_LINES 10
#define HA_CODE_CACHE_DEFAULT (UINT64_C(240) << 20) /* reserved by tiered compilation where no -XX:ReservedCodeCacheSize is in the dump */

enum ha_offheap_known {
    HA_KNOWN_MEASURED, /* a counter or size that the heap holds */
    HA_KNOWN_COUNTED,  /* objects counted, times what each takes */
    HA_KNOWN_ESTIMATED /* a rule of thumb */
};
const char *ha_offheap_name(enum ha_offheap_what what);   /* "direct", for machines */
const char *ha_offheap_known(enum ha_offheap_known known);

struct ha_byte_range {
    uint64_t low, high;
};

struct ha_offheap_line {
    enum ha_offheap_what what;
    enum ha_offheap_known known;
    uint64_t count;             /* of buffers, threads, streams, classes; 0: nothing to count */
    uint64_t bytes;             /* the figure itself: used, reserved, mapped; for estimates the middle of `now` */
    struct ha_byte_range now;   /* resident */
    struct ha_byte_range most;  /* what it may come to */
};

/* What the heap says of direct memory in several ways. */
struct ha_direct_memory {
    bool has_counters;                /* of java.nio.Bits */
    uint64_t reserved_bytes, capacity_bytes, count, limit_bytes; /* the counters; limit 0: not set yet */
    uint64_t buffer_bytes, buffers;   /* that cleaners will free, by address */
    uint64_t segment_bytes, segments; /* native memory segments of arenas, which the counters include since JDK 21 */
    uint64_t waiting_bytes, waiting;  /* of the buffers: nothing but the cleaner refers to them, they wait for a collection */
    uint64_t views;                   /* slices and duplicates, not counted */
    uint64_t bare_bytes, bares;       /* buffers without a cleaner (Netty, JNI), by address: not in the counters */
    uint64_t buffer_heap_bytes;       /* what all the buffers' objects take in the heap */
};

/* What was counted, for the lines and for what is said about them. */
struct ha_offheap_counts {
    struct ha_direct_memory direct;
    bool mapped_counters; /* mapped_…: counters of FileChannelImpl, else counted */
    uint64_t mapped_bytes, mapped_files;
    uint64_t image_bytes;  /* the JDK's file of modules, mapped by native code where the program looked into it (jrt:/) */
    bool has_netty;       /* a PlatformDependent that counts */
    uint64_t netty_bytes, netty_limit_bytes;
    uint64_t inflaters, deflaters;       /* open ones */
    uint64_t threads, stack_bytes;       /* live platform threads, their stacks */
    uint64_t virtual_threads;
    uint64_t classes, hidden_classes, arrays, boot_classes; /* reachable ones; classes: neither hidden nor arrays */
    uint64_t loaders;
};

enum ha_fit {
    HA_FIT_NO_LIMIT, /* no container limit was given */
    HA_FITS,
    HA_FIT_TIGHT,
    HA_FIT_CANNOT
};
const char *ha_fit_name(enum ha_fit fit); /* "fits", "tight", "cannot fit" */

/* Settings with which all of it would fit; 0: leave as it is. */
struct ha_offheap_advice {
    uint64_t max_direct_bytes;   /* -XX:MaxDirectMemorySize */
    unsigned max_ram_percentage; /* -XX:MaxRAMPercentage */
    uint64_t max_heap_bytes;     /* what that is */
    uint64_t netty_direct_bytes; /* -Dio.netty.maxDirectMemory */
    bool fewer_stacks;           /* stacks take more than a tenth of the container */
    uint64_t container_bytes;    /* a limit that all of it fits into as it is; 0: no advice needed */
};

struct ha_offheap {
    struct ha_jvm jvm;
    struct ha_offheap_counts counts;
    struct ha_offheap_line lines[HA_OFFHEAP_LINES];
    size_t line_count;
    uint64_t heap_used_bytes;
    struct ha_byte_range now, most; /* sums; mapped files apart */
    uint64_t container_bytes;       /* 0: not given */
    enum ha_fit fit;
    struct ha_offheap_advice advice;
};

/* The line of a kind; NULL: the heap has nothing of it. */
const struct ha_offheap_line *ha_offheap_line_of(const struct ha_offheap *offheap, enum ha_offheap_what what);

/* container_bytes: the container's limit, 0: none given. */
struct ha_err *ha_offheap_query(struct ha_query *q, uint64_t container_bytes, struct ha_offheap *ret) HA_WARN_UNUSED;

#endif
