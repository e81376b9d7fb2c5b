#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares two builds of the program on dumps, in alternation, so that what else the machine does meets both alike.

usage: compare_builds.py [-k ROUNDS] [-o OPTIONS] A B DUMP...

A and B are programs. For each dump: the best of ROUNDS (5) runs of each, and the ratio B/A of user, wall and system time, of anonymous memory and of
the index; below 1 B is better. OPTIONS are given to both (quoted: '-j 1').
"""
import argparse
import os
import shlex
import sys
import tempfile

import bench_run


def measure_all(programs, dump, rounds, options):
    """Results by program; every other round begins with the other one."""
    results = {program: [] for program in programs}
    with tempfile.TemporaryDirectory(dir=os.environ.get("HA_BENCH_DIR"), prefix="ha-compare-") as folder:
        for number in range(rounds):
            for program in programs if number % 2 == 0 else reversed(programs):
                results[program].append(bench_run.measure(program, dump, folder=folder, options=options))
    return [bench_run.best(results[program]) for program in programs]


def phase_lines(a, b):
    """Phases by name; one that came twice is added up."""
    sums = [{}, {}]
    for side, result in zip(sums, (a, b)):
        for phase in result["phases"]:
            side[phase["name"]] = side.get(phase["name"], 0.0) + phase["user_s"]
    for name in [n for n in sums[0] if n in sums[1]] + sorted(set(sums[0]) ^ set(sums[1])):
        left, right = (side.get(name) for side in sums)
        ratio = f"{right / left:6.3f}" if left and right is not None else "     -"
        shown = [f"{s:8.3f} s" if s is not None else "         -" for s in (left, right)]
        yield f"  {name:<18} user {shown[0]} {shown[1]}  {ratio}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-k", type=int, default=5)
    parser.add_argument("-o", default="")
    parser.add_argument("a")
    parser.add_argument("b")
    parser.add_argument("dump", nargs="+")
    given = parser.parse_args()
    if given.a == given.b:
        sys.exit("compare_builds.py: A and B are the same program")
    print(f"A {given.a}\nB {given.b}\n{bench_run.machine()}, load {bench_run.load():.1f}, best of {given.k}")
    for dump in given.dump:
        a, b = measure_all([given.a, given.b], dump, given.k, shlex.split(given.o))
        print(f"{dump}: {a['objects']:,} objects, {a['references']:,} references")
        for line in phase_lines(a, b):
            print(line)
        for what, unit in (("user_s", "s"), ("wall_s", "s"), ("system_s", "s"), ("anonymous_mib", "MiB"), ("resident_mib", "MiB"), ("index_bytes", "bytes")):
            ratio = f"{b[what] / a[what]:.3f}" if a[what] else "-"
            print(f"  {what:<18} {a[what]:,.3f} {b[what]:,.3f} {unit}: {ratio}")


if __name__ == "__main__":
    main()
