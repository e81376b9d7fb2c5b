#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Limits that the system sets, from far too little to enough: each time an exit with 4 and a reason, or the right answer, and nothing left behind.

    memory       address space (ulimit -v), on one and on four threads
    file size    (ulimit -f): index, copies of pipes and gzip, output; SIGXFSZ must not end the program
    open files   (ulimit -n)

usage: check_limits.py PROGRAM DUMPGEN HEAPS [--all]

--all goes in steps a quarter as wide; that is the suite `slow`.
"""
import gzip
import pathlib
import resource
import subprocess
import sys

from fault_run import Scratch, Tap, run, wrong_words

KIB = 1024
LOADER = (b"error while loading shared libraries", b"cannot allocate memory in static TLS")  # the program has not begun


def sweep(program, scratch, words, stdin, what, values, outputs=()):
    """Problems, and how many runs were refused and how many answered."""
    problems, refused, answered, enough = [], 0, 0, 0
    right = run(program, scratch, words, stdin=stdin)
    assert right.code == 0, right.said()
    files = scratch.files().keys()
    right_bytes = {name: scratch.bytes_of(name) for name in outputs}
    scratch.restore()
    for value in values:
        outcome = run(program, scratch, words, stdin=stdin, limits=[(what, value)])
        if any(text in outcome.err for text in LOADER) or (outcome.code < 0 and not outcome.err and not refused):
            continue
        problem = wrong_words(outcome)
        if outcome.code == 0:
            answered += 1
            if outcome.out != right.out:
                problem = "another answer"
            for name, data in right_bytes.items():
                if scratch.bytes_of(name) != data:
                    problem = f"{name} is wrong"
        elif outcome.code == 4:
            refused += 1
            if not outcome.err or not right.out.startswith(outcome.out):
                problem = f"exit 4 with {outcome.said()!r}"
        else:
            problem = f"exit {outcome.code}: {outcome.said()[-300:]}"
        left = scratch.files().keys() - files
        if left:
            problem = problem or f"left behind: {sorted(left)}"
        if problem:
            problems.append(f"limit {value}: {problem}")
        enough = enough + 1 if outcome.code == 0 and not outcome.err else 0
        scratch.restore()
        if enough == 4:
            break
    if refused == 0 or enough == 0:
        problems.append(f"the limits never went from too little to enough: {refused} refused, {answered} answered")
    return problems, refused, answered


def main():
    words = [word for word in sys.argv[1:] if word != "--all"]
    if len(words) != 3:
        sys.exit(__doc__)
    program, dumpgen, heaps = (str(pathlib.Path(word).resolve()) for word in words)
    fine = 4 if "--all" in sys.argv else 1
    tap = Tap()
    memory = range(3072 * KIB, 4096 * 1024 * KIB, 768 * KIB // fine)
    sizes = [*range(0, 16 * KIB, 4 * KIB // fine), *range(16 * KIB, 4096 * KIB, 48 * KIB // fine)]
    cases = (
        ("memory", ["report", "leak.hprof", "-j", "1"], None, resource.RLIMIT_AS, memory, ()),
        ("memory, four threads", ["report", "leak.hprof", "-j", "4"], None, resource.RLIMIT_AS, memory[::4], ()),
        ("memory, gzip", ["report", "leak.hprof.gz", "-j", "1"], None, resource.RLIMIT_AS, memory[::2], ()),
        ("file size", ["report", "leak.hprof", "-j", "1"], None, resource.RLIMIT_FSIZE, sizes, ()),
        ("file size, output", ["export", "objects", "leak.hprof", "-o", "out.tsv"], None, resource.RLIMIT_FSIZE, sizes, ("work/out.tsv",)),
        ("file size, gzip", ["report", "leak.hprof.gz", "-j", "2"], None, resource.RLIMIT_FSIZE, sizes, ()),
        ("file size, pipe", ["report", "-", "-j", "1"], "leak.hprof", resource.RLIMIT_FSIZE, sizes, ()),
        ("open files", ["report", "leak.hprof", "-j", "1", "-o", "out.json"], None, resource.RLIMIT_NOFILE, range(3, 64), ("work/out.json",)),
    )
    with Scratch() as scratch:
        subprocess.run([dumpgen, f"{heaps}/leak.heap", scratch.work / "leak.hprof"], check=True)
        data = (scratch.work / "leak.hprof").read_bytes()
        (scratch.work / "leak.hprof.gz").write_bytes(gzip.compress(data, 6, mtime=0))
        scratch.keep()
        for name, question, stdin, what, values, outputs in cases:
            problems, refused, answered = sweep(program, scratch, question, data if stdin else None, what, values, outputs)
            tap.result(f"{name}: {refused} exits with 4, {answered} right answers", problems)
    tap.end()


main()
