#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""SIGKILL at random moments while an index is built, and several runs at once on one dump: what the next run says is right, and nothing is left.

usage: check_kills.py PROGRAM FAULT_PROGRAM DUMPGEN [--kills N] [--rounds N] [--seed N]

The moments come from the seed, which is printed, and from the time that an undisturbed run takes.
"""
import pathlib
import random
import signal
import subprocess
import sys
import time

from fault_run import Scratch, Tap, finish, run, start, wrong_words

QUESTION = ["report", "big.hprof", "-j", "2"]
# name, words, what the file system lacks, whether the dump comes through a pipe
KILLED = (
    ("beside the dump", QUESTION, None, False),
    ("without unnamed files", QUESTION, "tmpfile", False),
    ("in --index-dir, without unnamed files", [*QUESTION, "--index-dir", "../index"], "tmpfile", False),
    ("copy of a pipe, without unnamed files", ["report", "-", "-j", "2", "--index-dir", "../index"], "tmpfile", True),
)


def number_after(option, default):
    return int(sys.argv[sys.argv.index(option) + 1]) if option in sys.argv else default


def kill(program, fault_program, scratch, way, share, data):
    """One kill at this share of the time that the run takes; (problem, whether it was in time)."""
    name, words, without, pipe = way
    used = fault_program if without else program
    stdin = data if pipe else None
    begun = time.monotonic()
    right = run(used, scratch, words, without=without, stdin=stdin)
    length = time.monotonic() - begun
    files = scratch.files().keys()
    scratch.restore()
    process = start(used, scratch, words, without=without, stdin=stdin)
    try:
        process.communicate(stdin, timeout=length * share)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
    in_time = process.returncode == -signal.SIGKILL
    left = scratch.files().keys() - files
    outcome = run(used, scratch, words, without=without, stdin=stdin)
    problem = wrong_words(outcome)
    if right.code != 0 or outcome.code != 0 or outcome.out != right.out:
        problem = f"exit {outcome.code}: {outcome.said()[-300:]}"
    elif scratch.files().keys() != files:
        problem = f"after the next run there is {sorted(scratch.files())}"
    elif not pipe and run(program, scratch, ["index", "verify", *words[1:]]).code != 0:
        problem = "the index is wrong"
    scratch.restore()
    return (f"{name}: {problem}" if problem else None), in_time, bool(left)


def at_once(program, scratch, number):
    """Two builds, with a third run beside them."""
    others = (["index", "build", "big.hprof", "-j", "1"], ["index", "remove", "big.hprof"], QUESTION, ["index", "build", "--rebuild", "big.hprof"])
    right = run(program, scratch, QUESTION).out
    files = scratch.files().keys()
    if number % 2 == 0:
        scratch.restore()
    crowd = [(words, start(program, scratch, words)) for words in (QUESTION, ["report", "--rebuild", "big.hprof", "-j", "1"], others[number % len(others)])]
    problems = []
    for words, process in crowd:
        outcome = finish(process, scratch)
        if outcome.code != 0 or (words[0] == "report" and outcome.out != right):
            problems.append(f"{' '.join(words)}: exit {outcome.code}: {outcome.said()[-300:]}")
    if run(program, scratch, ["index", "verify", "big.hprof"]).code not in (0, 3):
        problems.append("the index is wrong")
    if run(program, scratch, QUESTION).out != right:
        problems.append("the next answer is wrong")
    if scratch.files().keys() != files:
        problems.append(f"there is {sorted(scratch.files())}")
    scratch.restore()
    return problems


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    program, fault_program, dumpgen = (str(pathlib.Path(word).resolve()) for word in sys.argv[1:4])
    seed = number_after("--seed", random.SystemRandom().randrange(1 << 32))
    kills, rounds = number_after("--kills", 100), number_after("--rounds", 8)
    print(f"# --seed {seed}", flush=True)
    rng = random.Random(seed)
    tap = Tap()
    with Scratch() as scratch:
        subprocess.run([dumpgen, "--random", str(seed % 1000), "--objects", "60000", scratch.work / "big.hprof"], check=True)
        scratch.keep()
        data = (scratch.work / "big.hprof").read_bytes()
        results = [kill(program, fault_program, scratch, KILLED[i % len(KILLED)], rng.random(), data) for i in range(kills)]
        in_time, left = sum(result[1] for result in results), sum(result[2] for result in results)
        tap.result(f"{kills} kills, {in_time} before the end, {left} of them left a file", [result[0] for result in results if result[0]])
        problems = [f"round {i}: {problem}" for i in range(rounds) for problem in at_once(program, scratch, i)]
        tap.result(f"{rounds} rounds of three runs at once", problems)
    tap.end()


main()
