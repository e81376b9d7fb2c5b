#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Analyse the bundled dumps of real programs and compare with what their source code says must be found.

usage: check_real.py PROGRAM TESTDATA [NAME ...]

For every TESTDATA/expect/NAME.json the dump TESTDATA/real/NAME.hprof.gz is analysed:

    dump          members of "dump"; texts are beginnings
    instances     class -> number of instances
    suspects      rank, held_by [class, field], accumulation_point, last_fields of the path, thread, bytes and percent at least
    oom           null, or thread name and beginnings of the frames
    threads       name, state, daemon, virtual, a frame and a local somewhere on the stack, all frames
    statics       class -> field -> class of what it refers to, or a value
    paths         class -> the last fields of the shortest path to its instances ("*" at the end or in an index: anything)
    first_screen  what the text report says in its first 24 lines

Besides: nothing is damaged; a second run answers from the index with the same bytes; --no-index leaves nothing; the dump and its
inflated copy give the same objects.
"""
import fnmatch
import gzip
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

SCREEN_LINES = 24


class Dump:
    def __init__(self, program, path, folder):
        self.program, self.path, self.folder = program, path, folder
        self.failures = []
        self.checks = 0

    def run(self, *args, index=True):
        where = ["--index-dir", str(self.folder / "index")] if index else ["--no-index"]
        done = subprocess.run([self.program, *args, *where], capture_output=True, timeout=120, check=False)
        self.check(f"exit code of {' '.join(args)}", done.returncode, 0)
        return done.stdout

    def ask(self, command, *more):
        return json.loads(self.run(command, str(self.path), "-q", "-f", "json", *more))

    def check(self, what, ours, theirs):
        self.checks += 1
        if ours != theirs:
            self.failures.append(f"{what}: got {ours!r}, expected {theirs!r}")

    def check_true(self, what, holds):
        self.checks += 1
        if not holds:
            self.failures.append(what)


def begins(text, beginning):
    return isinstance(text, str) and text.startswith(beginning)


def fields_match(fields, patterns):
    """Whether the last fields are these; '[*]' is any index, a last '*' anything."""
    def one(field, pattern):
        if pattern == "[*]":
            return begins(field, "[")
        return begins(field, pattern[:-1]) if pattern.endswith("*") else field == pattern
    return len(fields) >= len(patterns) and all(map(one, fields[len(fields) - len(patterns):], patterns))


def fields_of(steps):
    return [step["field"] for step in steps]


def check_dump(d, expect, report):
    for key, value in expect["dump"].items():
        ours = report["dump"][key]
        d.check_true(f"dump.{key}: got {ours!r}, expected {value!r}", begins(ours, value) if isinstance(value, str) else ours == value)
    damage = [w for w in report["warnings"] if w["severity"] == "damage"]
    d.check("damage", damage, [])
    if "gzip_comment" in expect:
        d.check_true("the file is not what HotSpot's -gz writes", expect["gzip_comment"].encode() in d.path.read_bytes()[:64])


def check_instances(d, expect, report):
    rows = {}
    for row in report["histogram"]:
        rows[row["class"]] = rows.get(row["class"], 0) + row["instances"]
    for name, count in expect["instances"].items():
        d.check(f"instances of {name}", rows.get(name), count)


def check_suspect(d, suspects, expect):
    rank = expect["rank"]
    if len(suspects) < rank:
        d.check("number of suspects", len(suspects), f"at least {rank}")
        return
    s = suspects[rank - 1]
    what = f"suspect {rank}"
    if "held_by" in expect:
        held = s["held_by"] or {"class": None, "field": ""}
        d.check(f"{what} held by", [held["class"], (held["field"] or "").removeprefix("static ")], expect["held_by"])
    if "accumulation_point" in expect:
        d.check(f"{what} accumulation point", s["accumulation_point"] and s["accumulation_point"]["class"], expect["accumulation_point"])
    if "last_fields" in expect:
        fields = fields_of(s["path"])
        d.check_true(f"{what} path: got {fields}, expected at its end {expect['last_fields']}", fields_match(fields, expect["last_fields"]))
    if "thread" in expect:
        d.check(f"{what} thread", s["thread"] and s["thread"]["object"]["label"], f"\"{expect['thread']}\"")
    d.check_true(f"{what} retains {s['retained_bytes']}, expected at least {expect['bytes_at_least']}", s["retained_bytes"] >= expect["bytes_at_least"])
    d.check_true(f"{what} retains {s['retained_percent']} %, expected at least {expect['percent_at_least']}",
                 s["retained_percent"] >= expect["percent_at_least"])


def check_oom(d, expect, report):
    oom = report["oom"]
    if expect["oom"] is None or oom is None:
        d.check("oom", oom, expect["oom"])
        return
    d.check("oom thread", oom["thread"]["label"], f"\"{expect['oom']['thread']}\"")
    for key in ("frame", "application_frame"):
        d.check_true(f"oom {key}: got {oom[key]!r}, expected {expect['oom'][key]!r}", begins(oom[key], expect["oom"][key]))
    d.check("threads marked oom", [t["name"] for t in report["threads"] if t.get("oom")], [expect["oom"]["thread"]])


def check_thread(d, threads, expect):
    name = expect["name"]
    found = [t for t in threads if t["name"] == name]
    d.check(f"threads named {name}", len(found), 1)
    if len(found) != 1:
        return
    t = found[0]
    for key in ("state", "daemon", "virtual"):
        d.check(f"thread {name} {key}", t[key], expect[key])
    methods = [f["method"] for f in t["frames"]]
    d.check_true(f"thread {name}: no frame {expect['frame']} in {methods}", expect["frame"] in methods)
    if "frames" in expect:
        d.check(f"thread {name} frames", methods, expect["frames"])
    if "local" in expect:
        local = {o["class"] for f in t["frames"] for o in f["locals"]}
        d.check_true(f"thread {name}: no local {expect['local']} in {sorted(local)}", expect["local"] in local)


def check_statics(d, expect, report):
    for name, fields in expect["statics"].items():
        address = next(row["class_object"] for row in report["histogram"] if row["class"] == name)
        ours = {f["name"]: f for f in d.ask("object", address)["statics"]}
        for field, value in fields.items():
            f = ours.get(field)
            got = None if f is None else f["object"]["class"] if f.get("object") else f.get("value")
            d.check(f"static {name}.{field}", got, value)


def check_paths(d, expect):
    for name, patterns in expect["paths"].items():
        paths = d.ask("paths", "--class", name, "--max", "1")["paths"]
        fields = fields_of(paths[0]["steps"]) if paths else None
        d.check_true(f"path to {name}: got {fields}, expected at its end {patterns}", fields is not None and fields_match(fields, patterns))


def check_text(d, expect):
    text = d.run("report", str(d.path), "-q").decode()
    screen = "\n".join(text.split("\n")[:SCREEN_LINES])
    for words in expect["first_screen"]:
        d.check_true(f"the first screen does not say {words!r}", words in screen)


def check_index(d):
    """Same bytes from a fresh build, from its index, without one, and with another number of threads."""
    before = sorted(p.name for p in d.path.parent.iterdir())
    shutil.rmtree(d.folder / "index")
    (d.folder / "index").mkdir()
    first = d.run("report", str(d.path), "-q", "-f", "json")
    kept = [p.name for p in (d.folder / "index").iterdir()]
    d.check("index files after a run", len(kept), 1)
    d.check_true("the answer from the index differs", d.run("report", str(d.path), "-q", "-f", "json") == first)
    d.check_true("the answer with one thread differs", d.run("report", str(d.path), "-q", "-f", "json", "-j", "1", "--rebuild") == first)
    alone = d.folder / "alone"
    alone.mkdir()
    copy = alone / d.path.name
    shutil.copy(d.path, copy)
    said = first.replace(str(d.path).encode(), str(copy).encode()) # commands to go on with name the dump
    d.check_true("the answer of --no-index differs", d.run("report", str(copy), "-q", "-f", "json", index=False) == said)
    d.check("files beside the dump after --no-index", [p.name for p in alone.iterdir()], [copy.name])
    d.check("files beside the dump", sorted(p.name for p in d.path.parent.iterdir()), before)


def check_inflated(d):
    plain = d.folder / d.path.stem
    with gzip.open(d.path, "rb") as source, plain.open("wb") as target:
        shutil.copyfileobj(source, target)
    compressed = d.run("export", "objects", str(d.path), "-q", "--format", "tsv")
    d.check_true("the inflated dump gives other objects", d.run("export", "objects", str(plain), "-q", "--format", "tsv", index=False) == compressed)


def check(program, dump, expect, folder):
    d = Dump(program, dump, folder)
    (folder / "index").mkdir()
    report = d.ask("report")
    check_dump(d, expect, report)
    check_instances(d, expect, report)
    for suspect in expect["suspects"]:
        check_suspect(d, report["suspects"], suspect)
    check_oom(d, expect, report)
    for thread in expect["threads"]:
        check_thread(d, report["threads"], thread)
    check_statics(d, expect, report)
    check_paths(d, expect)
    check_text(d, expect)
    check_index(d)
    check_inflated(d)
    return d


def main():
    program, testdata, names = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]
    expectations = sorted((testdata / "expect").glob("*.json"))
    dumps = sorted(p.name[:-len(".hprof.gz")] for p in (testdata / "real").glob("*.hprof.gz"))
    failed = dumps != [p.stem for p in expectations]
    if failed:
        print(f"real/ has {dumps}, expect/ has {[p.stem for p in expectations]}")
    for path in expectations:
        if names and not any(fnmatch.fnmatch(path.stem, n) for n in names):
            continue
        with tempfile.TemporaryDirectory() as folder:
            dump = pathlib.Path(folder) / "dump" / (path.stem + ".hprof.gz") # a copy: an index may lie beside the bundled one
            dump.parent.mkdir()
            shutil.copy(testdata / "real" / dump.name, dump)
            d = check(program, dump, json.loads(path.read_text(encoding="utf-8")), pathlib.Path(folder))
        print(f"{path.stem}: {d.checks} checks, {len(d.failures)} failed")
        for line in d.failures:
            print("    " + line)
        failed = failed or bool(d.failures)
    sys.exit(1 if failed else 0)


main()
