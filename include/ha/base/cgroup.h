/* SPDX-License-Identifier: MIT */
/*
 * What the control groups of this process (versions 1 and 2) let it have: processors and memory. A limit of any ancestor counts; the lowest
 * one decides.
 *
 * `root` is the folder below which proc/self/cgroup and sys/fs/cgroup lie: "" for those of the machine, another for made-up ones.
 */
#ifndef HA_BASE_CGROUP_H
#define HA_BASE_CGROUP_H

#include "ha/base/compiler.h"

#include <stdint.h>

/* "" or, for tests, the value of the environment variable HPROF_ANALYZE_CGROUP_ROOT. */
const char *ha_cgroup_root(void);

/* Processors' worth of time granted, rounded up, at most 2^31; 0: no limit. */
unsigned ha_cgroup_cpus(const char *root);

/* Bytes of memory that are left for us: of each limit (memory.max, memory.high, memory.limit_in_bytes) what is not held already by anonymous
   memory of the group, ourselves included. UINT64_MAX: no limit. */
uint64_t ha_cgroup_memory(const char *root);

#endif
