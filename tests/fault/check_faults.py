#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The N-th allocation, read, write, map, open, rename, … fails, for every N until none does: each time the program says so and exits with 4, or gives
the right answer all the same; it leaves nothing behind and loses nothing; and the next run is right.

usage: check_faults.py PROGRAM DUMPGEN HEAPS [--points N] [SCENARIO]...

PROGRAM is fault_program. --points N tries about N places of each kind, spread over all of them (0: every place; that is the suite `slow`).
"""
import gzip
import pathlib
import re
import subprocess
import sys

from fault_run import NOTHING_LOST, Scratch, Tap, run, wrong_words

INDEX_ELSEWHERE = re.compile(rb"/[^ ]*/home/(\.cache/hprof-analyze/[^/ ]+-[0-9a-f]{16}\.hpx)")
KINDS = ("alloc", "library", "thread", "map", "read", "write", "sync", "open", "look", "name")


class Scenario:
    """A question. indexed: an index is there; pipe: the dump comes through standard input; outputs: files that the answer goes to."""

    def __init__(self, name, *words, dump="leak.hprof", indexed=False, pipe=False, outputs=(), without=None, folder=False):
        self.name, self.words, self.dump, self.indexed, self.pipe, self.outputs = name, list(words), dump, indexed, pipe, outputs
        self.without, self.more = without, ["--index-dir", "../index"] if folder else []
        self.words += self.more


SCENARIOS = [
    Scenario("report", "report", "leak.hprof", "-j", "1"),
    Scenario("report with threads", "report", "leak.hprof", "-j", "3"),
    Scenario("report with an index", "report", "leak.hprof", "-j", "1", indexed=True),
    Scenario("json with an index", "report", "-f", "json", "leak.hprof", indexed=True),
    Scenario("report of a damaged dump", "report", "cut.hprof", "-j", "1", dump="cut.hprof"),
    Scenario("report of gzip", "report", "leak.hprof.gz", "-j", "1", dump="leak.hprof.gz"),
    Scenario("report of gzip members", "report", "members.hprof.gz", "-j", "2", dump="members.hprof.gz"),
    Scenario("report of gzip with an index", "report", "members.hprof.gz", "-j", "1", dump="members.hprof.gz", indexed=True),
    Scenario("report of a pipe", "report", "-", "-j", "1", pipe=True),
    Scenario("report of a gzip pipe", "report", "-", "-j", "1", dump="leak.hprof.gz", pipe=True, folder=True),
    Scenario("report with --index-dir", "report", "leak.hprof", "-j", "1", folder=True),
    Scenario("report, no unnamed files", "report", "leak.hprof", "-j", "1", without="tmpfile"),
    Scenario("report, gzip, no unnamed files, no room reserved", "report", "leak.hprof.gz", "-j", "1", dump="leak.hprof.gz",
             without="tmpfile fallocate"),
    Scenario("report into files", "report", "leak.hprof", "-j", "1", "-o", "out.json", "-o", "new.txt", outputs=("work/out.json", "work/new.txt")),
    Scenario("report into files, no unnamed files", "report", "leak.hprof", "-o", "out.json", "-o", "new.txt", indexed=True, without="tmpfile",
             outputs=("work/out.json", "work/new.txt")),
    Scenario("shallow histogram", "histogram", "--sort", "shallow", "--no-index", "leak.hprof", "-j", "1"),
    Scenario("histogram", "histogram", "--no-index", "--filter", "^java", "leak.hprof", "-j", "1"),
    Scenario("packages", "histogram", "--by", "package", "leak.hprof", indexed=True),
    Scenario("export objects", "export", "objects", "leak.hprof", "-j", "1"),
    Scenario("export edges", "export", "edges", "-f", "json", "leak.hprof", indexed=True),
    Scenario("export histogram", "export", "histogram", "-o", "out.csv", "leak.hprof", indexed=True, outputs=("work/out.csv",)),
    Scenario("paths", "paths", "--class", "byte[]", "leak.hprof", indexed=True),
    Scenario("dominators", "dominators", "leak.hprof", indexed=True),
    Scenario("threads", "threads", "--locals", "leak.hprof", indexed=True),
    Scenario("suspects", "suspects", "leak.hprof", indexed=True),
    Scenario("compare", "compare", "leak.hprof", "leak.hprof", "-j", "1"),
    Scenario("compare with an index", "compare", "leak.hprof", "leak.hprof", "-j", "2", indexed=True),
    Scenario("top", "top", "leak.hprof", indexed=True),
    Scenario("index build", "index", "build", "leak.hprof", "-j", "1"),
    Scenario("packed index build, no unnamed files", "index", "build", "leak.hprof", "-j", "1", "--index-packed", without="tmpfile"),
    Scenario("packed report", "report", "leak.hprof", "-j", "2", "--index-packed"),
    Scenario("index verify", "index", "verify", "leak.hprof", "-j", "2", indexed=True),
    Scenario("index info", "index", "info", "leak.hprof", indexed=True),
    Scenario("index remove", "index", "remove", "leak.hprof", indexed=True),
    Scenario("index remove with --index-dir", "index", "remove", "leak.hprof", indexed=True, folder=True),
]


def places(count, wanted):
    """All of 1 … count, or about so many: the first and the last ones, and some in between."""
    if wanted == 0 or count <= wanted:
        return list(range(1, count + 1))
    ends = wanted // 5
    step = max(1, (count - 2 * ends) // (wanted - 2 * ends))
    return sorted({*range(1, ends + 1), *range(ends + 1, count - ends, step), *range(count - ends + 1, count + 1)})


class Check:
    def __init__(self, program, scratch, scenario, stdin):
        self.program, self.scratch, self.scenario, self.stdin = program, scratch, scenario, stdin
        self.question = ["report", "-" if scenario.pipe else scenario.dump, "-j", "1", *scenario.more]
        self.tried = self.refused = self.answered = self.again = 0

    def ask(self, words, fault=None):
        return run(self.program, self.scratch, words, fault, self.scenario.without, self.stdin)

    def prepare(self):
        """Runs it undisturbed: what comes out then is right."""
        scratch, scenario = self.scratch, self.scenario
        self.right_report = self.ask(self.question)
        assert self.right_report.code == 0, self.right_report.said()
        if not scenario.indexed:
            scratch.restore()
        scratch.keep()
        self.right = self.ask(scenario.words)
        assert self.right.code == 0, self.right.said()
        self.right_files = {name: scratch.bytes_of(name) for name in scenario.outputs}
        self.expected = scratch.files().keys()
        scratch.restore()
        return [f"{what} {self.right.numbers[what]} without any fault" for what in NOTHING_LOST if self.right.numbers[what] != 0]

    def judge_files(self, now, leftover_allowed):
        for name in now.keys() - self.scratch.first.keys() - self.expected:
            # Where an index goes if it cannot lie where it should.
            elsewhere = (name.startswith("home/.cache/hprof-analyze/") and name.endswith(".hpx")) or name == f"work/{self.scenario.dump}.hpx"
            if not leftover_allowed and not elsewhere:
                return f"{name} is left behind"
        for name in self.scratch.first.keys() - now.keys():
            if name in self.expected:
                return f"{name} is gone"
        for name, right in self.right_files.items():
            if self.scratch.bytes_of(name) not in (right, self.scratch.bytes_of(name, kept=True)):
                return f"{name} is neither what it was nor what it should be"
        return None

    def placeless(self, out):
        """The answer, as if the index that it names lay beside the dump: it may have gone into the cache folder, and if so, it is there."""
        name = INDEX_ELSEWHERE.search(out)
        if name is None or not (self.scratch.path / "home" / name[1].decode()).exists():
            return out
        return INDEX_ELSEWHERE.sub(self.scenario.dump.encode() + b".hpx", out)

    def judge(self, outcome):
        if outcome.code == 0:
            self.answered += 1
            if self.placeless(outcome.out) != self.right.out:
                return "exit 0 with another answer than without the fault"
            for name, right in self.right_files.items():
                if self.scratch.bytes_of(name) != right:
                    return f"exit 0, but {name} is not what it should be"
        elif outcome.code == 4:
            self.refused += 1
            if not outcome.err:
                return "exit 4 without a word"
            if not self.right.out.startswith(self.placeless(outcome.out)):
                return "what was written before exit 4 is not how the answer begins"
        else:
            return f"exit {outcome.code}: {outcome.said().strip()[-600:]}"
        for what in NOTHING_LOST:
            if outcome.numbers.get(what) != 0:
                return f"exit {outcome.code}, {what} not given back: {outcome.numbers.get(what)} ({outcome.said().strip()[-200:]})"
        return wrong_words(outcome)

    def next_run(self, kind):
        """The run after one that failed: right, and everything tidy. (A file that a folder let us make but not unlink stays until one is made there again.)"""
        self.again += 1
        outcome = self.ask(self.question)
        if outcome.code != 0 or outcome.out != self.right_report.out:
            return f"the next run is wrong: exit {outcome.code}: {outcome.said().strip()[-300:]}"
        if self.scenario.outputs and self.ask(self.scenario.words).code != 0:
            return "the next run cannot write its files"
        for name, right in self.right_files.items():
            if self.scratch.bytes_of(name) != right:
                return f"{name} is wrong after the next run"
        unwanted = self.scratch.files().keys() - self.scratch.first.keys() - self.expected
        unwanted = {name for name in unwanted if not name.endswith(".hpx") and not (kind == "name" and "/hprof-analyze.tmp-" in name)}
        return f"after the next run {sorted(unwanted)} is there" if unwanted else None

    def judge_index(self, outcome, now):
        """An index that should be there, but is nowhere, has been told of; what was told not to be kept, is not."""
        made = [name for name in now.keys() - self.scratch.first.keys() if name.endswith(".hpx")]
        if made and (b"cannot be kept" in outcome.err or b"not kept" in outcome.err):
            return f"{made} is there, and was told not to be kept"
        wanted = any(name.endswith(".hpx") for name in self.expected - self.scratch.first.keys())
        if outcome.code != 0 or not wanted or made:
            return None
        return None if b"index" in outcome.err else f"the index is not there, and nobody said so: {outcome.said().strip()[-200:]!r}"

    def fault(self, fault, kind):
        """One run with one fault; (problem or None, whether it came to pass)."""
        self.tried += 1
        outcome = self.ask(self.scenario.words, fault)
        if outcome.numbers.get("fired", 1) == 0:
            self.scratch.restore()
            return None, False
        now = self.scratch.files()
        problem = self.judge(outcome) or self.judge_files(now, kind == "name") or self.judge_index(outcome, now)
        if problem is None and now != self.scratch.first:
            problem = self.next_run(kind)
        self.scratch.restore()
        return problem, True

    def kind(self, kind, wanted):
        problems = []
        numbers = places(self.right.numbers[kind], wanted)
        for form in ("", "+"):
            for n in numbers if form == "" else numbers[::3]:
                problem, _ = self.fault(f"{kind}:{n}{form}", kind)
                if problem:
                    problems.append(f"HA_FAULT={kind}:{n}{form}: {problem}")
        if wanted == 0:  # faults change the way: until one does not come to pass
            n = self.right.numbers[kind] + 1
            while self.fault(f"{kind}:{n}", kind)[1]:
                n += 1
        return problems

    def short(self):
        """Reads and writes that are interrupted or do a part only."""
        outcome = run(self.program, self.scratch, self.scenario.words, None, f"{self.scenario.without or ''} short", self.stdin)
        problem = self.judge(outcome) if outcome.code == 0 else f"exit {outcome.code}: {outcome.said()}"
        self.scratch.restore()
        return [f"HA_FAULT_WITHOUT=short: {problem}"] if problem else []


def make_dumps(dumpgen, heaps, folder):
    subprocess.run([dumpgen, f"{heaps}/leak.heap", folder / "leak.hprof"], check=True)
    data = (folder / "leak.hprof").read_bytes()
    (folder / "cut.hprof").write_bytes(data[:len(data) * 2 // 3])
    (folder / "leak.hprof.gz").write_bytes(gzip.compress(data, 6, mtime=0))
    step = len(data) // 6 + 1
    (folder / "members.hprof.gz").write_bytes(b"".join(gzip.compress(data[i:i + step], 1, mtime=0) for i in range(0, len(data), step)))


def check(tap, program, dumps, scenario, wanted):
    with Scratch() as scratch:
        data = (dumps / scenario.dump).read_bytes()
        if not scenario.pipe:
            (scratch.work / scenario.dump).write_bytes(data)
        for name in scenario.outputs:
            if not name.endswith("new.txt"):
                (scratch.path / name).write_text("what was there before\n", encoding="utf-8")
        scratch.keep()
        one = Check(program, scratch, scenario, data if scenario.pipe else None)
        problems = one.prepare()
        for kind in KINDS:
            problems += one.kind(kind, wanted)
        problems += one.short()
        said = f"{one.tried} faults: {one.refused} exits with 4, {one.answered} right answers, {one.again} next runs"
        tap.result(f"{scenario.name}: {said}", problems)
        counts = " ".join(f"{kind} {one.right.numbers[kind]}" for kind in KINDS)
        print(f"# calls: {counts}", flush=True)
        return one.tried


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
    tried = 0
    with Scratch() as dumps:
        make_dumps(dumpgen, heaps, dumps.work)
        for scenario in SCENARIOS:
            if not words[3:] or scenario.name in words[3:]:
                tried += check(tap, program, dumps.work, scenario, wanted)
    print(f"# {tried} faults tried")
    tap.end()


main()
