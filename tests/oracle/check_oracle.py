#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compare our answers with those of Eclipse MAT 1.17 for public heap dumps, object by object.

usage: check_oracle.py PROGRAM SOURCE_ROOT [--only NAME] [--show N]

The folder is $HPROF_ORACLE, else SOURCE_ROOT/../shared/oracle. Without it the exit code is 77 (skipped).

    dumps/NAME                  the dump; expected/NAME.dumpN.* belong to the N-th heap of a file with several
    expected/NAME.json          what MAT computes: totals, histogram, suspects, paths, threads
    expected/NAME.tsv.gz        address classAddress className shallow retained idom outbound inbound gcRootTypes

Known not to be comparable, hence left out:
  * the artificial object at address 0, which stands for the boot loader: one instance and its size less in `objects`,
    `usedHeapBytes` and the row java.lang.ClassLoader, one root less where it is one;
  * `classLoaders`: MAT counts loader objects, we count loaders that define a reachable class (compared with MAT's histogram);
  * which of several shortest paths is shown; the order of suspects of equal size.
"""
import argparse
import collections
import gzip
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77

# MAT's words for root kinds, and ours
ROOT_KINDS = {
    "System Class": "system class", "JNI Global": "JNI global", "JNI Local": "JNI local", "Java Local": "Java local",
    "Native Stack": "native stack", "Thread Block": "thread block", "Busy Monitor": "busy monitor", "Thread": "thread",
    "Unknown": "unknown",
}
# A local of a known thread is a reference of the thread, no root of its own; `object` names it all the same.
LOCAL_KINDS = {"Java local", "JNI local", "native stack", "thread block"}
ROOT_SAMPLE = 25  # objects asked about per kind of root


class Heap:
    """One heap of a dump: MAT's numbers, and a way to ask our program. Differences gather in `differences`."""

    def __init__(self, program, dump, heap, json_path, tsv_path, index_dir):
        self.program, self.dump, self.heap, self.index_dir = program, dump, heap, index_dir
        self.expected = json.loads(json_path.read_text(encoding="utf-8"))
        with gzip.open(tsv_path, "rt", encoding="utf-8", errors="replace") as lines:
            next(lines)
            self.objects = {int(r[0], 16): r for r in (line.rstrip("\n").split("\t") for line in lines)}
        artificial = self.objects.pop(0, None)
        self.boot_loader_bytes = int(artificial[3]) if artificial else 0
        self.boot_loader_objects = 1 if artificial else 0
        self.boot_loader_roots = 1 if artificial and artificial[8] else 0
        self.differences = []
        self.compared = collections.Counter()

    def run(self, command, *more, before=(), after=()):
        """The answer of `command [before] options [more] DUMP [after]`."""
        args = [self.program, command, *before, "-q", "--size-model", "mat", "--index-dir", self.index_dir, *more]
        if self.heap:
            args += ["--heap", str(self.heap)]
        args += [str(self.dump), *after]
        done = subprocess.run(args, capture_output=True, timeout=300, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(args)}: exit code {done.returncode}\n{done.stderr.decode(errors='replace')}")
        return done.stdout.decode("utf-8")

    def ask(self, command, *more, after=()):
        return json.loads(self.run(command, "-f", "json", *more, after=after))

    def compare(self, what, subject, ours, theirs):
        self.compared[what] += 1
        if ours != theirs:
            self.differences.append((what, f"{what}: {subject}: ours {ours}, expected {theirs}"))

    def compare_counters(self, what, ours, theirs):
        """Multisets: what is in one and not in the other."""
        self.compared[what] += sum(theirs.values())
        for item in sorted((ours - theirs).elements(), key=str):
            self.differences.append((what, f"{what}: ours alone: {item}"))
        for item in sorted((theirs - ours).elements(), key=str):
            self.differences.append((what, f"{what}: expected alone: {item}"))


def number(text):
    return int(text, 16)


# ---- every object ----

def check_objects(heap):
    lines = heap.run("export", "--format", "tsv", before=["objects"]).split("\n")
    heap.compare("objects", "header line", lines[0], "address\tclass\tshallow\tretained\tidom")
    left = dict(heap.objects)
    last = -1
    for line in lines[1:-1]:
        address, name, shallow, retained, idom = line.split("\t")
        at = number(address)
        if at <= last:
            heap.compare("order", address, "not ascending", "ascending")
        last = at
        theirs = left.pop(at, None)
        if theirs is None:
            heap.compare("extra", address, name, None)
            continue
        their_idom = "-" if theirs[5] == "-1" or number(theirs[5]) == 0 else theirs[5]
        heap.compare("class", address, name, theirs[2])
        heap.compare("shallow", address, int(shallow), int(theirs[3]))
        heap.compare("retained", address, int(retained), int(theirs[4]))
        heap.compare("idom", address, idom, their_idom)
    for at, theirs in left.items():
        heap.compare("missing", hex(at), None, theirs[2])


def check_degrees(heap):
    """How many objects each object refers to, and is referred to by."""
    outbound, inbound = collections.defaultdict(set), collections.defaultdict(set)
    for line in heap.run("export", "--format", "tsv", before=["edges"]).split("\n")[1:-1]:
        source, target, _ = line.split("\t", 2)
        outbound[number(source)].add(target)
        inbound[number(target)].add(source)
    for at, theirs in heap.objects.items():
        # The artificial boot loader is referred to by its classes and refers to its class.
        to_it = heap.boot_loader_objects if heap.loader_of.get(at) == 0 else 0
        from_it = heap.boot_loader_objects if theirs[2] == "class java.lang.ClassLoader" else 0
        heap.compare("outbound", f"{at:#x} {theirs[2]}", len(outbound[at]), int(theirs[6]) - to_it)
        heap.compare("inbound", f"{at:#x} {theirs[2]}", len(inbound[at]), int(theirs[7]) - from_it)


# ---- totals, classes, roots ----

def check_totals(heap, report):
    ours, theirs = report["heap"], heap.expected
    loaders = {row["loader"] for row in theirs["histogram"]}
    heap.compare("totals", "objects", ours["objects"], theirs["objects"] - heap.boot_loader_objects)
    heap.compare("totals", "shallow_bytes", ours["shallow_bytes"], theirs["usedHeapBytes"] - heap.boot_loader_bytes)
    heap.compare("totals", "classes", ours["classes"], theirs["classes"])
    heap.compare("totals", "class_loaders", ours["class_loaders"], len(loaders))
    heap.compare("totals", "gc_roots", ours["gc_roots"], theirs["gcRoots"] - heap.boot_loader_roots)
    heap.compare("totals", "unreachable objects", ours["unreachable"]["objects"], theirs["unreachable"]["objects"])
    heap.compare("totals", "unreachable bytes", ours["unreachable"]["shallow_bytes"], theirs["unreachable"]["shallowBytes"])
    heap.compare("totals", "id size", report["dump"]["id_size"], theirs["identifierSize"])
    if theirs["compressedOops"] is not None:
        heap.compare("totals", "compressed references", report["dump"]["compressed_references"], theirs["compressedOops"])
    heap.compare("totals", "created", seconds(report["dump"]["created"]), seconds(theirs["creationDate"]))


def seconds(time):
    """MAT writes milliseconds only where they are not 0."""
    return re.sub(r"(\.\d+)?Z$", "", time)


def check_histogram(heap, report):
    ours = {number(row["class_object"]): row for row in report["histogram"]}
    heap.compare("histogram", "rows", len(ours), len(heap.expected["histogram"]))
    for theirs in heap.expected["histogram"]:
        row = ours.pop(number(theirs["address"]), None)
        if row is None:
            heap.compare("histogram", theirs["name"], None, theirs["address"])
            continue
        artificial = theirs["name"] == "java.lang.ClassLoader" and number(theirs["loader"]) == 0
        fewer, less = (heap.boot_loader_objects, heap.boot_loader_bytes) if artificial else (0, 0)
        loader = 0 if row["loader"] == "<boot>" else number(row["loader"])
        heap.compare("histogram", f"{theirs['name']} name", row["class"], theirs["name"])
        heap.compare("histogram", f"{theirs['name']} loader", loader, number(theirs["loader"]))
        heap.compare("histogram", f"{theirs['name']} instances", row["instances"], theirs["instances"] - fewer)
        heap.compare("histogram", f"{theirs['name']} shallow", row["shallow_bytes"], theirs["shallow"] - less)
        heap.compare("histogram", f"{theirs['name']} retained", row["retained_bytes"], theirs["minRetained"] - less)
    for row in ours.values():
        heap.compare("histogram", row["class"], row["class_object"], None)


def check_unreachable(heap):
    """The rows that --keep-unreachable adds are those that MAT says it removed."""
    def rows(*more):
        return {number(r["class_object"]): (r["class"], r["instances"], r["shallow_bytes"]) for r in heap.ask("histogram", *more)["histogram"]}
    reachable, everything = rows(), rows("--keep-unreachable")
    ours = {}
    for at, (name, instances, shallow) in everything.items():
        _, had_instances, had_shallow = reachable.get(at, (name, 0, 0))
        if instances != had_instances:
            ours[at] = (name, instances - had_instances, shallow - had_shallow)
    theirs = {number(r["classAddress"]): (r["class"], r["objects"], r["shallow"]) for r in heap.expected["unreachable"]["byClass"]}
    for at in sorted(set(ours) | set(theirs)):
        heap.compare("unreachable", hex(at), ours.get(at), theirs.get(at))


def check_roots(heap):
    """Which kinds of root a sample of the roots has; all of them where there are few."""
    by_kinds = collections.defaultdict(list)
    for at, row in heap.objects.items():
        if row[8]:
            by_kinds[row[8]].append(at)
    for kinds, addresses in sorted(by_kinds.items()):
        step = max(1, len(addresses) // ROOT_SAMPLE)
        for at in addresses[::step][:ROOT_SAMPLE]:
            roots = heap.ask("object", "-n", "1", after=[hex(at)])["roots"]
            ours = {r["kind"] for r in roots if r["thread"] is None or r["kind"] not in LOCAL_KINDS}
            heap.compare("roots", hex(at), sorted(ours), sorted(ROOT_KINDS[k] for k in kinds.split(", ")))


# ---- suspects ----

def our_suspect(s):
    point = s["accumulation_point"]
    address = number(s["object"]["address"]) if s["kind"] == "object" else None
    return ("single" if s["kind"] == "object" else s["kind"], s["class"], address, s["instances"], s["retained_bytes"],
            number(point["address"]) if point else None,
            tuple(number(step["object"]["address"]) for step in s["path"]) if s["kind"] == "group" else ())


def their_suspect(s):
    point = s["accumulationPoint"]
    return (s["kind"], s.get("isClass", s["class"]), number(s["address"]) if "address" in s else None, s["objects"], s["retained"],
            number(point["address"]) if point else None, tuple(number(o["address"]) for o in s.get("commonPath", [])))


def check_suspects(heap, threshold, theirs):
    ours = heap.ask("suspects", "--threshold", threshold)["suspects"]
    sizes = [s["retained_bytes"] for s in ours]
    heap.compare("suspects", f"order at {threshold}", sizes, sorted(sizes, reverse=True))
    heap.compare_counters("suspects", collections.Counter((threshold, *our_suspect(s)) for s in ours),
                          collections.Counter((threshold, *their_suspect(s)) for s in theirs))


# ---- threads, dominators, paths ----

def check_threads(heap):
    def our_frames(thread):
        return [re.sub(r"\(.*", "", f["method"]) for f in thread["frames"]]

    def their_frames(thread):
        return [re.match(r"at ([^(]+)", f)[1].strip() for f in thread.get("stack", [])]
    ours = {number(t["object"]["address"]): t for t in heap.ask("threads")["threads"]}
    for theirs in heap.expected["threads"]:
        t = ours.pop(number(theirs["address"]), None)
        if t is None:
            heap.compare("threads", theirs["name"], None, theirs["address"])
            continue
        subject = f"{theirs['address']} \"{theirs['name']}\""
        heap.compare("threads", f"{subject} name", t["name"], theirs["name"])
        heap.compare("threads", f"{subject} class", t["object"]["class"], theirs["class"])
        heap.compare("threads", f"{subject} shallow", t["object"]["shallow_bytes"], theirs["shallow"])
        heap.compare("threads", f"{subject} retained", t["object"]["retained_bytes"], theirs["retained"])
        heap.compare("threads", f"{subject} root", t["root"], theirs["threadRoot"])
        heap.compare("threads", f"{subject} frames", our_frames(t), their_frames(theirs))
        heap.compare("threads", f"{subject} locals", len({o["address"] for f in t["frames"] for o in f["locals"]}), theirs["distinctFrameLocals"])
    for t in ours.values():
        heap.compare("threads", t["name"], t["object"]["address"], None)


def check_dominators(heap, report):
    """The first level of the dominator tree: its size, and the largest children of the largest."""
    top = report["top"]["objects"]
    count = heap.expected["dominatorTopCount"] - heap.boot_loader_objects
    heap.compare("dominators", "first level", len(top) + report["top"].get("omitted", 0), count)
    heap.compare("dominators", "first level's bytes", sum(o["retained_bytes"] for o in top),
                 heap.expected["dominatorTopRetainedSum"] - heap.boot_loader_bytes)
    theirs = [o for o in heap.expected["dominatorTop"] if number(o["address"]) != 0]
    heap.compare("dominators", "largest sizes", [o["retained_bytes"] for o in top[:len(theirs)]], [o["retained"] for o in theirs])
    for o in theirs[:20]:
        rows = heap.ask("dominators", "--object", o["address"], "--depth", "1")["dominators"]
        heap.compare("dominators", f"children of {o['address']}", len(rows), o["dominates"])
        children = [c["object"]["retained_bytes"] for c in rows[:len(o["children"])]]
        heap.compare("dominators", f"children of {o['address']}", children, [c["retained"] for c in o["children"]])


def check_paths(heap):
    seen = set()
    for theirs in heap.expected["paths"] + heap.expected["deepPaths"]:
        address = theirs["address"]
        if number(address) == 0 or address in seen:
            continue
        seen.add(address)
        for key, more in (("path", ["--exclude", "none"]), ("pathNoWeak", [])):
            paths = heap.ask("paths", "--object", address, "--max", "1", *more)["paths"]
            ours = len(paths[0]["steps"]) if paths else 0
            heap.compare(key, f"{address} {theirs['class']} length", ours, len(theirs.get(key) or []))


# ---- all of it ----

def unpack(heap):
    """A compressed dump is inflated anew for every question: ask once, compare, then go on with a plain copy."""
    if heap.dump.suffix != ".gz":
        return
    compressed = heap.run("export", before=["objects"])
    plain = pathlib.Path(heap.index_dir) / heap.dump.stem
    with gzip.open(heap.dump, "rb") as source, plain.open("wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
    heap.dump = plain
    heap.compare("gzip", "every object", heap.run("export", before=["objects"]) == compressed, True)


def check_heap(heap):
    unpack(heap)
    heap.loader_of = {number(row["address"]): number(row["loader"]) for row in heap.expected["histogram"]}
    report = heap.ask("report")
    check_objects(heap)
    check_degrees(heap)
    check_totals(heap, report)
    check_histogram(heap, report)
    check_unreachable(heap)
    check_roots(heap)
    check_suspects(heap, "10%", heap.expected["leakSuspects"])
    check_suspects(heap, "1%", heap.expected["leakSuspects1pct"])
    check_threads(heap)
    check_dominators(heap, report)
    check_paths(heap)


def heaps(folder):
    """(name, dump file, heap number or None, json, tsv) of every heap with expectations."""
    for tsv in sorted((folder / "expected").glob("*.tsv.gz")):
        name = tsv.name[:-len(".tsv.gz")]
        match = re.fullmatch(r"(.*)\.dump(\d+)", name)
        dump, heap = (match[1], int(match[2])) if match else (name, None)
        yield name, folder / "dumps" / dump, heap, tsv.with_name(name + ".json"), tsv


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("source_root", type=pathlib.Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--show", type=int, default=5, help="differences shown of each kind")
    options = parser.parse_args()
    folder = pathlib.Path(os.environ.get("HPROF_ORACLE") or options.source_root / ".." / "shared" / "oracle")
    if not folder.is_dir():
        print(f"skipped: no folder '{folder}' (set HPROF_ORACLE)")
        sys.exit(SKIPPED)
    failed = count = 0
    for name, dump, number_of_heap, expected, tsv in heaps(folder):
        if options.only not in name:
            continue
        with tempfile.TemporaryDirectory() as index_dir:
            heap = Heap(options.program, dump, number_of_heap, expected, tsv, index_dir)
            check_heap(heap)
        count += 1
        failed += bool(heap.differences)
        print(f"{name}: {len(heap.objects)} objects, {sum(heap.compared.values())} comparisons, {len(heap.differences)} differences")
        shown = collections.Counter()
        for what, text in heap.differences:
            shown[what] += 1
            if shown[what] <= options.show:
                print("    " + text)
        for what, n in shown.items():
            if n > options.show:
                print(f"    {what}: {n - options.show} more")
    if count == 0:
        sys.exit(f"no heaps in '{folder}'")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
