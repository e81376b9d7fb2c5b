#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A run that is stopped from outside, at every place where it touches the file system; and what others do to its files meanwhile.

    killed       SIGKILL: the next run is right and removes what was left
    ended        SIGINT, SIGTERM: exit 130, 143, nothing is left
    cut          the dump or its index becomes shorter: exit 4 (`index verify`: 1) and the name of the file, or the right answer
    overtaken    another run builds, removes or reads the index: both are right, and so is the index

usage: check_stops.py PROGRAM DUMPGEN HEAPS [--points N] [NAME]...

PROGRAM is fault_program. --points N tries about N places of each question (0: every place; that is the suite `slow`).
"""
import gzip
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

from fault_run import Scratch, Tap, finish, go_on, run, start, stopped, wrong_words

QUESTIONS = {
    "index": (["index", "build", "leak.hprof", "-j", "1"], None, False),
    "index, no unnamed files": (["index", "build", "leak.hprof", "-j", "1"], "tmpfile", False),
    "packed index, no unnamed files": (["index", "build", "leak.hprof", "-j", "1", "--index-packed"], "tmpfile", False),
    "index of gzip, no unnamed files": (["report", "leak.hprof.gz", "-j", "2"], "tmpfile", False),
    "folder, no unnamed files": (["report", "leak.hprof", "-j", "1", "--index-dir", "../index"], "tmpfile", False),
    "pipe, no unnamed files": (["report", "-", "-j", "1", "--index-dir", "../index"], "tmpfile", True),
    "file": (["histogram", "leak.hprof", "-j", "1", "-o", "out.json"], None, False),
    "file, no unnamed files": (["histogram", "leak.hprof", "-j", "1", "-o", "out.json"], "tmpfile", False),
}


def places(count, wanted):
    if wanted == 0 or count <= wanted:
        return range(1, count + 1)
    return sorted({1 + i * (count - 1) // (wanted - 1) for i in range(wanted)} | set(range(max(1, count - 12), count + 1)))


class Stage:
    """A question about a dump in a scratch folder, and how it is answered when nobody interferes."""

    def __init__(self, program, scratch, dumps, words, without=None, pipe=False, indexed=False):
        self.program, self.scratch, self.words, self.without = program, scratch, words, without
        self.stdin = (dumps / "leak.hprof").read_bytes() if pipe else None
        self.dump = next((word for word in words if ".hprof" in word), None)
        if self.dump:
            shutil.copy2(dumps / self.dump, scratch.work)
        if indexed:
            assert self.ask(["index", "build", self.dump]).code == 0
        scratch.keep()
        self.right = self.ask(words)
        assert self.right.code == 0, self.right.said()
        self.files = scratch.files().keys()
        self.right_bytes = {name: scratch.bytes_of(name) for name in self.files if name.endswith(".json")}
        self.calls = self.right.numbers["call"]
        scratch.restore()

    def ask(self, words, fault=None):
        return run(self.program, self.scratch, words, fault, self.without, self.stdin)

    def start(self, fault):
        return start(self.program, self.scratch, self.words, fault, self.without, self.stdin)

    def finish(self, process):
        return finish(process, self.scratch, self.stdin)

    def extra(self):
        return sorted(self.scratch.files().keys() - self.files)

    def judge_next(self):
        """The next run is right, and then there is what there should be."""
        outcome = self.ask(self.words)
        if outcome.code != 0 or (outcome.out != self.right.out and not outcome.out.startswith(b"up to date")):
            return f"the next run is wrong: exit {outcome.code}: {outcome.said()[-300:]}"
        if self.extra() or self.files - self.scratch.files().keys():
            return f"after the next run there is {sorted(self.scratch.files())}"
        for name, right in self.right_bytes.items():
            if self.scratch.bytes_of(name) != right:
                return f"{name} is wrong after the next run"
        return None

    def judge_index(self):
        outcome = self.ask(["index", "verify", self.dump])
        return None if outcome.code in (0, 3) else f"index verify: exit {outcome.code}: {outcome.said()}"


def check_killed(stage, wanted):
    for n in places(stage.calls, wanted):
        process = stage.start(f"kill:{n}")
        outcome = stage.finish(process)
        problem = None if outcome.code in (0, -signal.SIGKILL) else f"exit {outcome.code}: {outcome.said()[-300:]}"
        for name, right in stage.right_bytes.items():
            if stage.scratch.bytes_of(name) not in (None, right):
                problem = f"{name} is half-written"
        yield f"kill:{n}", problem or stage.judge_next()
        stage.scratch.restore()


def check_ended(stage, wanted):
    for number, n in enumerate(places(stage.calls, wanted)):
        name, code = (("term", 143), ("int", 130))[number % 2]
        outcome = stage.ask(stage.words, f"{name}:{n}")
        problem = None
        if outcome.code == 0 and outcome.numbers["fired"] == 0:
            pass  # a pipe comes in other portions each time
        elif outcome.code != code:
            problem = f"exit {outcome.code}: {outcome.said()[-300:]}"
        elif stage.extra():
            problem = f"left behind: {stage.extra()}"
        elif outcome.err:
            problem = f"it said {outcome.said()}"
        yield f"{name}:{n}", problem
        stage.scratch.restore()


def check_cut(stage, wanted, victim):
    """While the program stands still, the file gets shorter."""
    path = stage.scratch.work / victim
    size = path.stat().st_size
    for number, n in enumerate(places(stage.calls, wanted)):
        process = stage.start(f"stop:{n}")
        problem = None
        if stopped(process):
            os.truncate(path, (0, 100, size // 2, size - 1)[number % 4])
            go_on(process)
        outcome = stage.finish(process)
        if outcome.code == 0 and outcome.out != stage.right.out:
            known = re.search(rb"damage: |note: |rebuilding|was changed", outcome.err) or re.search(rb"^(damage|note) ", outcome.out, re.M)
            problem = None if known else "exit 0 and another answer, without a word"
        elif outcome.code in (3, 4) or (outcome.code == 1 and stage.words[:2] == ["index", "verify"] and victim.endswith(".hpx")):
            problem = None if victim.encode() in outcome.err else f"the file is not named: {outcome.said()}"
        elif outcome.code != 0:
            problem = f"exit {outcome.code}: {outcome.said()[-300:]}"
        problem = problem or wrong_words(outcome) or (f"left behind: {stage.extra()}" if stage.extra() else None)
        yield f"stop:{n}, cut {victim} to {path.stat().st_size}", problem
        stage.scratch.restore()


OTHERS = (["index", "build", "leak.hprof", "-j", "1"], ["index", "remove", "leak.hprof"], ["report", "leak.hprof", "-j", "1"],
          ["index", "build", "--rebuild", "leak.hprof", "-j", "1"], ["index", "verify", "leak.hprof"])


def check_overtaken(stage, wanted):
    """While the program stands still, another one runs from beginning to end."""
    report = stage.ask(["report", "leak.hprof", "-j", "1"]).out
    stage.scratch.restore()
    for number, n in enumerate(places(stage.calls, wanted)):
        words = OTHERS[number % len(OTHERS)]
        process = stage.start(f"stop:{n}")
        problem = None
        if stopped(process):
            outcome = stage.ask(words)
            if outcome.code not in (0, 3) or (outcome.code == 3 and words[1] != "verify") or (words[0] == "report" and outcome.out != report):
                problem = f"the other one: exit {outcome.code}: {outcome.said()}"
            go_on(process)
        outcome = stage.finish(process)
        if outcome.code != 0 or (outcome.out != stage.right.out and not outcome.out.startswith((b"up to date", b"built"))):
            problem = problem or f"exit {outcome.code}: {outcome.said()[-300:]}"
        problem = problem or stage.judge_index() or (f"left behind: {stage.extra()}" if stage.extra() else None)
        answer = stage.ask(["report", "leak.hprof", "-j", "1"])
        if problem is None and answer.out != report:
            problem = f"the next answer is wrong: {answer.said()}"
        yield f"stop:{n}, meanwhile {' '.join(words)}", problem
        stage.scratch.restore()


def main():
    words = sys.argv[1:]
    wanted = 0
    if "--points" in words:
        at = words.index("--points")
        wanted = int(words[at + 1])
        del words[at:at + 2]
    if len(words) < 3:
        sys.exit(__doc__)
    program, dumpgen, heaps = (str(pathlib.Path(word).resolve()) for word in words[:3])
    tap = Tap()
    total = 0

    def go(name, check, *arguments, question, **options):
        nonlocal total
        if words[3:] and not any(word in name for word in words[3:]):
            return
        with Scratch() as scratch:
            results = list(check(Stage(program, scratch, dumps.work, *question, **options), wanted, *arguments))
        total += len(results)
        tap.result(f"{name}: {len(results)} places", [f"HA_FAULT={fault}: {problem}" for fault, problem in results if problem])

    with Scratch() as dumps:
        subprocess.run([dumpgen, f"{heaps}/leak.heap", dumps.work / "leak.hprof"], check=True)
        (dumps.work / "leak.hprof.gz").write_bytes(gzip.compress((dumps.work / "leak.hprof").read_bytes(), 6, mtime=0))
        for name, question in QUESTIONS.items():
            go(f"killed, {name}", check_killed, question=question)
            go(f"ended, {name}", check_ended, question=question)
        for name, question, indexed, victim in (
                ("cut dump", ["report", "leak.hprof", "-j", "1"], False, "leak.hprof"),
                ("cut dump, with threads", ["report", "leak.hprof", "-j", "3"], False, "leak.hprof"),
                ("cut dump with an index", ["report", "leak.hprof", "-j", "1"], True, "leak.hprof"),
                ("cut dump of a shallow histogram", ["histogram", "--sort", "shallow", "--no-index", "leak.hprof"], False, "leak.hprof"),
                ("cut gzip", ["report", "leak.hprof.gz", "-j", "1"], False, "leak.hprof.gz"),
                ("cut gzip with an index", ["report", "leak.hprof.gz", "-j", "1"], True, "leak.hprof.gz"),
                ("cut index", ["report", "leak.hprof", "-j", "1"], True, "leak.hprof.hpx"),
                ("cut index of an export", ["export", "edges", "leak.hprof", "-j", "1"], True, "leak.hprof.hpx"),
                ("cut index that is verified", ["index", "verify", "leak.hprof", "-j", "1"], True, "leak.hprof.hpx")):
            go(name, check_cut, victim, question=(question,), indexed=indexed)
        build = ["index", "build", "leak.hprof", "-j", "1"]
        go("overtaken while building", check_overtaken, question=(build,))
        go("overtaken while building, no unnamed files", check_overtaken, question=(build, "tmpfile"))
        go("overtaken while reading", check_overtaken, question=(["report", "leak.hprof", "-j", "1"],), indexed=True)
    print(f"# {total} places tried")
    tap.end()


main()
