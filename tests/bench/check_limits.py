#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A run with little memory writes the same index as a free one; one with too little says so at once.

usage: check_limits.py PROGRAM GENERATOR

Limits come from --memory-limit and from made-up control groups of both versions. TAP on standard output.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

NODES = 2_600_000  # 4 bytes for each are more than HA_BIG_FILE_MIN
LIMIT = 48 << 20
# A row that is long, and rows in no order: the search with little memory goes through their packed starts, or finds none.
SHAPES = {"star": NODES, "zgc": 230_000}
TREES = {
    "version 2": ("0::/app\n", {"sys/fs/cgroup/app/memory.max": "{limit}\n"}),
    "version 2, the parent": ("0::/pod/app\n", {"sys/fs/cgroup/pod/memory.max": "{limit}\n", "sys/fs/cgroup/pod/app/memory.max": "max\n"}),
    "version 2, others hold the rest": ("0::/app\n", {"sys/fs/cgroup/app/memory.max": "{more}\n", "sys/fs/cgroup/app/memory.stat": "anon {limit}\n"}),
    "version 1": ("4:memory:/app\n0::/\n", {"sys/fs/cgroup/memory/app/memory.limit_in_bytes": "{limit}\n"}),
}


class Case:
    def __init__(self, program, generator, folder):
        self.program, self.generator, self.folder = program, generator, pathlib.Path(folder)
        self.make("chain", NODES)
        self.count, self.failed = 0, 0

    def make(self, shape, n):
        """The dump of the runs from here on."""
        self.dump = self.folder / "heap.hprof"
        subprocess.run([self.generator, shape, self.dump, str(n)], check=True)

    def say(self, ok, what, said=""):
        self.count += 1
        self.failed += not ok
        print(f"{'ok' if ok else 'not ok'} {self.count} - {what}")
        for line in said.splitlines() if not ok else []:
            print(f"# {line}")

    def run(self, *options, root=""):
        """Exit code, standard error, and the index file's bytes."""
        index = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        environment = {**os.environ, "HPROF_ANALYZE_CGROUP_ROOT": str(root)}
        done = subprocess.run([self.program, "report", self.dump, "-v", "--index-dir", index, *options], stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True, env=environment, check=False)
        files = list(index.glob("*.hpx"))
        return done.returncode, done.stderr, files[0].read_bytes() if files else b""

    def same(self, what, free, *options, root=""):
        code, said, index = self.run(*options, root=root)
        moved = re.search(r"([\d.]+) MiB in files", said)
        self.say(code == 0 and index == free, f"{what}: the same index", said)
        self.say(moved is not None and float(moved[1]) > 0, f"{what}: arrays went into files", said)

    def tree(self, name, cgroup, files, limit):
        root = self.folder / re.sub(r"\W+", "-", name) / str(limit)
        for path, text in {"proc/self/cgroup": cgroup, **files}.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text.format(limit=limit, more=2 * limit), encoding="ascii")
        return root


def main():
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="ha-limits-") as folder:
        case = Case(sys.argv[1], sys.argv[2], folder)
        empty = case.folder / "no-groups"
        code, said, free = case.run(root=empty)
        case.say(code == 0 and " 0.0 MiB in files" in said and free != b"", "without a limit nothing goes into files", said)
        case.same("--memory-limit", free, "--memory-limit", f"{LIMIT >> 20}M", root=empty)
        case.same("--memory-limit, 8 threads", free, "--memory-limit", f"{LIMIT >> 20}M", "-j", "8", root=empty)
        for name, (cgroup, files) in TREES.items():
            case.same(name, free, root=case.tree(name, cgroup, files, LIMIT))
        code, said, _ = case.run("--memory-limit", "8M", root=empty)
        case.say(code == 4 and re.search(r"takes at least \d+ MiB of memory, and there are 8 MiB \(--memory-limit\)", said) is not None,
                 "too little is told with figures", said)
        name, (cgroup, files) = next(iter(TREES.items()))
        code, said, _ = case.run(root=case.tree(name, cgroup, files, 8 << 20))
        case.say(code == 4 and "control group" in said, "the same in a group", said)
        for shape, n in SHAPES.items():
            case.make(shape, n)
            code, said, free = case.run(root=empty)
            case.say(code == 0 and free != b"", f"{shape}: without a limit", said)
            case.same(f"{shape}, --memory-limit", free, "--memory-limit", f"{LIMIT >> 20}M", root=empty)
        print(f"1..{case.count}")
        sys.exit(case.failed != 0)


if __name__ == "__main__":
    main()
