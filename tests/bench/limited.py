#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The same run free and in a memory control group, for real: needs the right to make one (root).

usage: limited.py PROGRAM DUMP [SIZE-IN-MIB...]

Without a size: a quarter of the dump, or 24 bytes per object, whichever is larger. Says whether the index is the same, and how many times longer
the run took. The dump's pages are taken out of the cache before each run, since they belong to the group that reads them first; the system may
be running something else, so that wall times of one run mean little.
"""
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import bench_run

MIB = 1 << 20


class Group:
    """A memory control group of either version; None of it is left afterwards."""

    def __init__(self, limit):
        v1 = pathlib.Path("/sys/fs/cgroup/memory")
        self.folder = (v1 if v1.is_dir() else pathlib.Path("/sys/fs/cgroup")) / f"ha-limited-{os.getpid()}"
        self.folder.mkdir()
        (self.folder / ("memory.limit_in_bytes" if v1.is_dir() else "memory.max")).write_text(str(limit), encoding="ascii")

    def enter(self):
        (self.folder / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")

    def remove(self):
        for _ in range(50):
            try:
                self.folder.rmdir()
                return
            except OSError:
                time.sleep(0.1)


def forget(path):
    """Takes the file's pages out of the cache."""
    with open(path, "rb") as f:
        os.fsync(f.fileno())
        os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def run(program, dump, group):
    """Wall seconds, what -v says, and the digest of the index; in a group, or free."""
    forget(dump)
    folder = tempfile.mkdtemp(dir=os.environ.get("HA_BENCH_DIR"), prefix="ha-limited-")
    try:
        begin = time.monotonic()
        done = subprocess.run([program, "report", dump, "-v", "--index-dir", folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                              preexec_fn=None if group is None else group.enter)
        wall = time.monotonic() - begin
        if done.returncode != 0:
            raise bench_run.Failed(f"exit code {done.returncode}: {done.stderr.decode()}")
        digest = hashlib.sha256(done.stdout)
        for index in pathlib.Path(folder).glob("*.hpx"):
            with open(index, "rb") as f:
                while block := f.read(MIB):
                    digest.update(block)
        return wall, bench_run.told(done.stderr.decode()), digest.hexdigest()
    finally:
        shutil.rmtree(folder)


def line(what, wall, result):
    user = sum(p["user_s"] for p in result["phases"])
    system = sum(p["system_s"] for p in result["phases"])
    print(f"{what:<12} wall {wall:8.1f} s  user {user:7.1f} s  system {system:7.1f} s  anonymous {result['anonymous_mib']:,.0f} MiB, "
          f"{result['anonymous_mib'] * MIB / result['objects']:.1f} B/object  in files {result['file_mib']:,.0f} MiB", flush=True)
    if os.environ.get("HA_BENCH_PHASES"):
        for p in result["phases"]:
            print(f"    {p['name']:<16} wall {p['wall_s']:8.1f} s  user {p['user_s']:7.1f} s  system {p['system_s']:7.1f} s  {p['anonymous_mib']:,.0f} MiB")


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    program, dump = sys.argv[1:3]
    free_wall, free, free_digest = run(program, dump, None)
    line("free", free_wall, free)
    limits = [int(size) * MIB for size in sys.argv[3:]] or [max(os.path.getsize(dump) // 4, 24 * free["objects"])]
    good = True
    for limit in limits:
        group = Group(limit)
        try:
            wall, result, digest = run(program, dump, group)
        finally:
            group.remove()
        line(f"{limit // MIB:,} MiB", wall, result)
        print(f"             {limit / free['objects']:.1f} B/object, {wall / free_wall:.2f} times the free run, "
              f"{'the same bytes out' if digest == free_digest else 'OTHER BYTES OUT'}", flush=True)
        good = good and digest == free_digest
    sys.exit(not good)


if __name__ == "__main__":
    main()
