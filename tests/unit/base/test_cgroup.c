/* SPDX-License-Identifier: MIT */
#include "ha/base/cgroup.h"

#include "support/ck_ha.h"

#include <stdio.h>
#include <sys/stat.h>

/* A made-up file system below a temporary folder. */
static char root[64];

static void put(const char *path, const char *text)
{
    char full[256];
    snprintf(full, sizeof full, "%s/%s", root, path);
    for (char *slash = strchr(full + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(full, 0700);
        *slash = '/';
    }
    FILE *f = fopen(full, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

static void begin(void)
{
    strcpy(root, "/tmp/ha-cgroup-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
}

static void end(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -r '%s'", root);
    ck_assert_int_eq(system(command), 0);
}

static unsigned cpus(const char *cgroup)
{
    put("proc/self/cgroup", cgroup);
    return ha_cgroup_cpus(root);
}

static uint64_t memory(const char *cgroup)
{
    put("proc/self/cgroup", cgroup);
    return ha_cgroup_memory(root);
}

START_TEST(test_cpus)
{
    begin();
    put("sys/fs/cgroup/a/cpu.max", "150000 100000\n");
    put("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
    put("sys/fs/cgroup/a/small/cpu.max", "10000 100000\n");
    put("sys/fs/cgroup/a/huge/cpu.max", "9000000000000000000 1\n");
    put("sys/fs/cgroup/a/odd/cpu.max", "5 0\n");
    put("sys/fs/cgroup/cpu/c/cpu.cfs_quota_us", "300000\n");
    put("sys/fs/cgroup/cpu/c/cpu.cfs_period_us", "100000\n");
    put("sys/fs/cgroup/cpu/c/free/cpu.cfs_quota_us", "-1\n");
    put("sys/fs/cgroup/cpu/c/free/cpu.cfs_period_us", "100000\n");

    ck_assert_uint_eq(cpus("0::/a\n"), 2); // rounded up
    ck_assert_uint_eq(cpus("0::/a/b"), 2); // the limit of the parent
    ck_assert_uint_eq(cpus("0::/a/b/not/here\n"), 2);
    ck_assert_uint_eq(cpus("0::/a/small\n"), 1);
    ck_assert_uint_eq(cpus("0::/a/huge\n"), 2);
    ck_assert_uint_eq(cpus("0::/a/odd\n"), 2);
    ck_assert_uint_eq(cpus("0::/elsewhere\n"), 0);
    ck_assert_uint_eq(cpus("0::/\n"), 0);
    ck_assert_uint_eq(cpus("3:cpuset:/c\n2:cpuacct,cpu:/c\n0::/\n"), 3);
    ck_assert_uint_eq(cpus("2:cpu,cpuacct:/c/free\n"), 3);
    ck_assert_uint_eq(cpus("2:cpu:/c\n0::/a\n"), 2);
    ck_assert_uint_eq(cpus("3:cpuset:/c\n"), 0);
    ck_assert_uint_eq(cpus("nonsense\n::\n:\n\n"), 0);
    ck_assert_uint_eq(ha_cgroup_cpus("/nonexistent"), 0);
    end();
}
END_TEST

START_TEST(test_memory_v2)
{
    begin();
    put("sys/fs/cgroup/a/memory.max", "1000000\n");
    put("sys/fs/cgroup/a/memory.stat", "file 70000\nanon 1000\nanon_thp 5\n");
    put("sys/fs/cgroup/a/b/memory.max", "max\n");
    put("sys/fs/cgroup/a/b/memory.stat", "anon 900\n");
    put("sys/fs/cgroup/a/b/c/memory.max", "2000000\n");
    put("sys/fs/cgroup/a/b/tight/memory.max", "500000\n");
    put("sys/fs/cgroup/a/b/soft/memory.max", "700000\n");
    put("sys/fs/cgroup/a/b/soft/memory.high", "600000\n");
    put("sys/fs/cgroup/a/b/full/memory.max", "800\n");
    put("sys/fs/cgroup/a/b/full/memory.stat", "anon 900\n");

    ck_assert_uint_eq(memory("0::/a\n"), 999000); // what others hold is not for us
    ck_assert_uint_eq(memory("0::/a/b\n"), 999000); // of the parent
    ck_assert_uint_eq(memory("0::/a/b/c\n"), 999000); // less than its own
    ck_assert_uint_eq(memory("0::/a/b/tight\n"), 500000);
    ck_assert_uint_eq(memory("0::/a/b/soft\n"), 600000);
    ck_assert_uint_eq(memory("0::/a/b/full\n"), 0);
    ck_assert_uint_eq(memory("0::/elsewhere\n"), UINT64_MAX);
    ck_assert_uint_eq(memory("nonsense"), UINT64_MAX);
    ck_assert_uint_eq(ha_cgroup_memory("/nonexistent"), UINT64_MAX);
    put("sys/fs/cgroup/memory.max", "400000\n"); // a container sees its own group as the root
    ck_assert_uint_eq(memory("0::/host/only\n"), 400000);
    end();
}
END_TEST

START_TEST(test_memory_v1)
{
    begin();
    put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    put("sys/fs/cgroup/memory/memory.stat", "total_rss 123456\n");
    put("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "1000000\n");
    put("sys/fs/cgroup/memory/a/memory.stat", "rss 5\ntotal_rss 3000\ntotal_rss_huge 0\n");
    put("sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "9223372036854771712\n");
    put("sys/fs/cgroup/memory/a/c/memory.limit_in_bytes", "300000\n");

    ck_assert_uint_eq(memory("9:name=systemd:/\n4:memory:/a\n0::/\n"), 997000);
    ck_assert_uint_eq(memory("4:memory:/a/b\n"), 997000);
    ck_assert_uint_eq(memory("4:memory:/a/c\n"), 300000);
    ck_assert_uint_eq(memory("4:memory:/\n"), UINT64_MAX);
    ck_assert_uint_eq(memory("4:cpu:/a\n"), UINT64_MAX);
    end();
}
END_TEST

CK_HA_MAIN("cgroup", test_cpus, test_memory_v2, test_memory_v1)
