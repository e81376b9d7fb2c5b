/* SPDX-License-Identifier: MIT */
/*
 * Limits of control groups.
 *
 *     proc/self/cgroup     number:controllers:group      version 1: one line per hierarchy, mounted at sys/fs/cgroup/CONTROLLER
 *                          0::group                      version 2: one hierarchy, mounted at sys/fs/cgroup
 *
 * From the group up to the mount each folder may hold a limit. In a container the group may be named as the host sees it and not exist here;
 * the mount then is the container's own group. What cannot be read is no limit.
 */
#include "ha/base/cgroup.h"

#include "ha/base/mem.h"
#include "ha/base/sbuf.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SMALL_FILE_MAX (1U << 20)

const char *ha_cgroup_root(void)
{
    const char *root = getenv("HPROF_ANALYZE_CGROUP_ROOT");
    return root == NULL ? "" : root;
}

/* The text of folder/name, NULL if it cannot be read. */
static char *read_small(const char *folder, const char *name)
{
    struct ha_sbuf path = {0};
    ha_sbuf_printf(&path, "%s/%s", folder, name);
    int fd = ha_sbuf_failed(&path) ? -1 : open(ha_sbuf_text(&path), O_RDONLY | O_CLOEXEC);
    ha_sbuf_deinit(&path);
    if (fd < 0) {
        return NULL;
    }
    struct ha_sbuf text = {0};
    char piece[1024];
    for (;;) {
        ssize_t got = read(fd, piece, sizeof piece);
        if (got > 0 && text.len < SMALL_FILE_MAX) {
            ha_sbuf_add(&text, piece, (size_t)got);
        } else if (got >= 0 || errno != EINTR) {
            break;
        }
    }
    close(fd);
    return ha_sbuf_take(&text);
}

/* ---- what a folder says; UINT64_MAX: no limit ---- */

typedef uint64_t (*folder_limit_fn)(const char *folder);

/* quota / period, rounded up. */
static uint64_t cpus_of(const char *quota_text, const char *period_text)
{
    long long quota = strtoll(quota_text, NULL, 10);
    long long period = strtoll(period_text, NULL, 10);
    if (quota <= 0 || period <= 0) {
        return UINT64_MAX;
    }
    return (uint64_t)(quota / period) + (quota % period != 0);
}

static uint64_t folder_cpus_v2(const char *folder)
{
    HA_FREE char *quota = read_small(folder, "cpu.max"); // "max 100000" or "150000 100000"
    const char *blank = quota == NULL ? NULL : strchr(quota, ' ');
    return blank == NULL ? UINT64_MAX : cpus_of(quota, blank + 1);
}

static uint64_t folder_cpus_v1(const char *folder)
{
    HA_FREE char *quota = read_small(folder, "cpu.cfs_quota_us");
    HA_FREE char *period = read_small(folder, "cpu.cfs_period_us");
    return quota == NULL || period == NULL ? UINT64_MAX : cpus_of(quota, period);
}

/* A number of bytes; no limit: "max", and what version 1 writes for it, the largest number of whole pages. */
static uint64_t file_bytes(const char *folder, const char *name)
{
    HA_FREE char *text = read_small(folder, name);
    if (text == NULL || text[0] < '0' || text[0] > '9') {
        return UINT64_MAX;
    }
    uint64_t bytes = strtoull(text, NULL, 10);
    return bytes < 1ULL << 62 ? bytes : UINT64_MAX;
}

/* The number behind `key` (its line's first word) in memory.stat, 0 without. */
static uint64_t stat_bytes(const char *folder, const char *key)
{
    HA_FREE char *text = read_small(folder, "memory.stat");
    size_t len = strlen(key);
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, len) == 0 && line[len] == ' ') {
            return strtoull(line + len, NULL, 10);
        }
    }
    return 0;
}

static uint64_t left(uint64_t limit, uint64_t used)
{
    return limit == UINT64_MAX ? limit : limit > used ? limit - used : 0;
}

static uint64_t folder_memory_v2(const char *folder)
{
    uint64_t max = file_bytes(folder, "memory.max"), high = file_bytes(folder, "memory.high");
    return left(max < high ? max : high, stat_bytes(folder, "anon"));
}

static uint64_t folder_memory_v1(const char *folder)
{
    return left(file_bytes(folder, "memory.limit_in_bytes"), stat_bytes(folder, "total_rss"));
}

/* ---- walking up ---- */

/* The lowest limit from `group` up to the mount. */
static uint64_t hierarchy_limit(const char *mount, const char *group, folder_limit_fn limit_of)
{
    struct ha_sbuf folder = {0};
    ha_sbuf_puts(&folder, mount);
    size_t mount_len = folder.len;
    ha_sbuf_puts(&folder, group);
    uint64_t lowest = UINT64_MAX;
    while (!ha_sbuf_failed(&folder) && folder.data != NULL) {
        uint64_t limit = limit_of(folder.data);
        lowest = limit < lowest ? limit : lowest;
        if (folder.len <= mount_len) {
            break;
        }
        do {
            folder.len--;
        } while (folder.len > mount_len && folder.data[folder.len] != '/');
        folder.data[folder.len] = '\0';
    }
    ha_sbuf_deinit(&folder);
    return lowest;
}

/* Whether the comma list holds the word. */
static bool list_has(const char *list, size_t len, const char *word)
{
    size_t word_len = strlen(word);
    for (size_t i = 0; i < len;) {
        const char *comma = memchr(list + i, ',', len - i);
        size_t piece = comma == NULL ? len - i : (size_t)(comma - list) - i;
        if (piece == word_len && memcmp(list + i, word, piece) == 0) {
            return true;
        }
        i += piece + 1;
    }
    return false;
}

struct controller {
    const char *name; /* version 1: in the lists, and the name of its mount */
    folder_limit_fn v1, v2;
};

/* The limit of one line of proc/self/cgroup. */
static uint64_t line_limit(const char *line, const char *mount, const struct controller *controller)
{
    const char *list = strchr(line, ':');
    const char *group = list == NULL ? NULL : strchr(list + 1, ':');
    if (group == NULL) {
        return UINT64_MAX;
    }
    size_t list_len = (size_t)(group - list) - 1;
    if (list_len == 0) {
        return hierarchy_limit(mount, group + 1, controller->v2);
    }
    if (!list_has(list + 1, list_len, controller->name)) {
        return UINT64_MAX;
    }
    struct ha_sbuf own = {0};
    ha_sbuf_printf(&own, "%s/%s", mount, controller->name);
    uint64_t limit = ha_sbuf_failed(&own) ? UINT64_MAX : hierarchy_limit(ha_sbuf_text(&own), group + 1, controller->v1);
    ha_sbuf_deinit(&own);
    return limit;
}

static uint64_t lowest_limit(const char *root, const struct controller *controller)
{
    HA_FREE char *text = read_small(root, "proc/self/cgroup");
    struct ha_sbuf mount = {0};
    ha_sbuf_printf(&mount, "%s/sys/fs/cgroup", root);
    uint64_t lowest = UINT64_MAX;
    for (char *line = text; line != NULL && *line != '\0' && !ha_sbuf_failed(&mount);) {
        char *end = strchr(line, '\n');
        if (end != NULL) {
            *end = '\0';
        }
        uint64_t limit = line_limit(line, ha_sbuf_text(&mount), controller);
        lowest = limit < lowest ? limit : lowest;
        line = end == NULL ? NULL : end + 1;
    }
    ha_sbuf_deinit(&mount);
    return lowest;
}

unsigned ha_cgroup_cpus(const char *root)
{
    static const struct controller cpu = {"cpu", folder_cpus_v1, folder_cpus_v2};
    uint64_t cpus = lowest_limit(root, &cpu);
    return cpus == UINT64_MAX ? 0 : cpus < INT_MAX ? (unsigned)cpus : INT_MAX;
}

uint64_t ha_cgroup_memory(const char *root)
{
    static const struct controller memory = {"memory", folder_memory_v1, folder_memory_v2};
    return lowest_limit(root, &memory);
}
