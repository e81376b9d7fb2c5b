/* SPDX-License-Identifier: MIT */
/* The part of ha_threads_default() that reads files, apart so that it can be tried on made-up ones. */
#ifndef HA_SRC_BASE_POOL_QUOTA_H
#define HA_SRC_BASE_POOL_QUOTA_H

/* Processors' worth of time the cgroup grants, rounded up; 0: no limit. cgroup_file: as /proc/self/cgroup; mount: as /sys/fs/cgroup. */
unsigned ha_cpu_quota(const char *cgroup_file, const char *mount);

#endif
