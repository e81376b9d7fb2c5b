/* SPDX-License-Identifier: MIT */
/*
 * How much memory a run may take, and what follows from it.
 *
 *     available     the least of --memory-limit, what the control groups leave, and what the machine has
 *     big arrays    ARRAYS_PART of it, less the buffers of the threads, anonymous; the rest in unnamed files beside the index (base/mem.h); what is
 *                   left is for pages of the dump and the index, without which every look-up would wait for the disk
 *     cold arrays   in files as well where more than AIM_PER_OBJECT bytes per object (and AIM_LEAST) would be anonymous, as long as the disk has
 *                   room for the index as well: heaps of many references take twice as much memory otherwise
 *     threads       as many as have room for their buffers; one at least
 *
 * Below what one thread needs nothing is tried: a process that the kernel kills, or lets stall, tells its user less than a line of text.
 */
#include "snapshot/snapshot_internal.h"

#include "ha/base/cgroup.h"
#include "ha/base/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#define ARRAYS_PART(bytes) ((bytes) / 8 * 5)
#define AIM_PER_OBJECT 22U          /* of big arrays; what is smaller comes on top */
#define LATER_PER_BRANCH 3U         /* what the dominators take beyond what the search gives back: word[] instead of row starts … */
#define FREED_PER_OBJECT 2U         /* … and classes */
#define AIM_LEAST (64ULL << 20)
#define AIM_WINDOWS (8ULL << 20)    /* off the aim: of base/chunks.h and base/spool.h, made when it is reached already */
#define INDEX_PER_OBJECT 32U        /* beside its references, which take no more than the dump does */
#define FIXED_BYTES (16ULL << 20)
#define THREAD_BYTES (24ULL << 20)  /* a window, and references that wait to be written */
#define MAP_SHARE 32U               /* of the dump's bytes: what the set of addresses takes while it is collected */

static uint64_t machine_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
    return pages <= 0 || page_bytes <= 0 ? UINT64_MAX : (uint64_t)pages * (uint64_t)page_bytes;
}

uint64_t ha_snapshot_memory(const struct ha_snapshot_options *options)
{
    uint64_t least = options->memory_limit == 0 ? UINT64_MAX : options->memory_limit;
    uint64_t group = ha_cgroup_memory(ha_cgroup_root()), machine = machine_memory();
    least = group < least ? group : least;
    return machine < least ? machine : least;
}

static uint64_t thread_bytes(const struct ha_build *build)
{
    return build->heap_bytes < THREAD_BYTES ? build->heap_bytes : THREAD_BYTES;
}

/* Whether files of the folder are memory themselves. */
static bool is_memory(const char *folder)
{
    struct statfs fs;
    return statfs(folder, &fs) != 0 || fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC;
}

/* A folder on a disk: that of the index, else --index-dir, $TMPDIR, /tmp, /var/tmp. NULL if there is none. Owned by the caller. */
static char *choose_folder(const char *index_path, const char *index_dir)
{
    const char *slash = index_path == NULL ? NULL : strrchr(index_path, '/');
    HA_FREE char *own = slash == NULL ? NULL : ha_strndup(index_path, slash == index_path ? 1 : (size_t)(slash - index_path));
    const char *const folders[] = {index_path != NULL && slash == NULL ? "." : own, index_dir, getenv("TMPDIR"), "/tmp", "/var/tmp"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        if (folders[i] != NULL && folders[i][0] != '\0' && access(folders[i], W_OK) == 0 && !is_memory(folders[i])) {
            return ha_strndup(folders[i], strlen(folders[i]));
        }
    }
    return NULL;
}

struct ha_err *ha_snapshot_memory_fit(struct ha_build *build, const struct ha_snapshot_options *options, const char *index_path)
{
    uint64_t bytes = ha_snapshot_memory(options);
    uint64_t least = FIXED_BYTES + build->heap_bytes / MAP_SHARE + thread_bytes(build);
    if (bytes == UINT64_MAX) {
        return NULL;
    }
    if (bytes < least) {
        return ha_err_system(ENOMEM, "analysing '%s' takes at least %" PRIu64 " MiB of memory, and there are %" PRIu64 " MiB (%s)",
                             ha_input_path(build->input), (least >> 20) + 1, bytes >> 20,
                             bytes == options->memory_limit ? "--memory-limit" : "what the control group or the machine leaves");
    }
    uint64_t threads = 1 + (bytes - least) / 2 / (thread_bytes(build) + 1);
    build->threads = threads < build->threads ? (unsigned)threads : build->threads;
    HA_FREE char *folder = choose_folder(index_path, options->index_dir);
    return ha_big_limit_set(ARRAYS_PART(bytes - build->threads * thread_bytes(build)), folder);
}

void ha_snapshot_memory_aim(const struct ha_build *build)
{
    const uint64_t objects = build->facts.object_count, later = (uint64_t)build->facts.branch_count * LATER_PER_BRANCH;
    const uint64_t more = later > objects * FREED_PER_OBJECT ? later - objects * FREED_PER_OBJECT : 0;
    const uint64_t bytes = objects * AIM_PER_OBJECT - more;
    ha_big_aim_set(bytes > AIM_LEAST + AIM_WINDOWS ? bytes - AIM_WINDOWS : AIM_LEAST, build->heap_bytes + objects * INDEX_PER_OBJECT);
}
