#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compare sizes with those of live JVMs: run testdata/java/Sizes.java with every JVM, collector and width there is, and dump it beside its histogram.

usage: sizes.py PROGRAM TESTDATA [--short] [--jdk DIR]... [--only TEXT]

With the program at rest: `jcmd PID GC.class_histogram -all`, `GC.heap_dump -all`, the histogram again. The program runs with itself as an agent and has
written what Instrumentation.getObjectSize says of each class object. Checked in each dump, with the default size model:

    classes    bytes per instance equal to the JVM's, for every class; of arrays and StackChunk the total
    totals     bytes of all instances the dump holds, except where the JVM's own count changed between the two histograms
    mirrors    size of every class object that the dump holds; those that the JVM counts and the dump lacks (archived by CDS) are a number apart
    int[]      together with filler arrays, which dumps show as int[]
    alike      bytes per instance of each class are the same for all collectors with the same headers, references and alignment

Without a JDK the exit code is 77 (skipped). --short: G1 only, two settings per JDK. Exit code 1 if a row is not right.
"""
import argparse
import collections
import json
import pathlib
import re
import subprocess
import sys
import tempfile

from matrix import PATIENCE_SECONDS, SKIPPED, java_version, jdks, runs

PRIMITIVES = {"B": "byte", "Z": "boolean", "C": "char", "S": "short", "I": "int", "J": "long", "F": "float", "D": "double"}
FILLERS = ("jdk.internal.vm.FillerElement[]", "jdk.internal.vm.FillerArray")
CHUNK = "jdk.internal.vm.StackChunk"
CLASS = "java.lang.Class"
REST_PERCENT = 0.05
EXPORTS = "java.base/jdk.internal.vm.annotation=ALL-UNNAMED"

NARROW = "-XX:+UseCompressedOops"
WIDE = "-XX:-UseCompressedOops"
NO_CLASS_POINTERS = "-XX:-UseCompressedClassPointers"
COMPACT = "-XX:+UseCompactObjectHeaders"
ALIGNED = "-XX:ObjectAlignmentInBytes=16"

SETTINGS = [(gc, (width,)) for gc in ("Serial", "Parallel", "G1", "Shenandoah") for width in (NARROW, WIDE)]
SETTINGS += [("Z", ()), ("Z", (NO_CLASS_POINTERS,)), ("G1", (NO_CLASS_POINTERS,)), ("Serial", (NO_CLASS_POINTERS, WIDE)), ("G1", (ALIGNED,))]
SETTINGS += [(gc, (COMPACT,)) for gc in ("Serial", "Parallel", "G1", "Z", "Shenandoah")]
SETTINGS += [("Serial", (COMPACT, WIDE)), ("G1", (COMPACT, ALIGNED))]
SHORT = [("G1", (NARROW,)), ("G1", (COMPACT,))]


def source_name(name):
    """As in Java source: `[[I` -> `int[][]`; the module behind the name is dropped."""
    name = name.split(" (")[0]
    dimensions = len(name) - len(name.lstrip("["))
    if dimensions == 0:
        return name
    base = name[dimensions:]
    return PRIMITIVES.get(base, base[1:-1]) + "[]" * dimensions


def histogram(text):
    """Class -> list of (instances, bytes), one entry per class of the name; fillers among int[]."""
    rows = collections.defaultdict(list)
    for line in text.split("\n"):
        match = re.match(r"\s*\d+:\s+(\d+)\s+(\d+)\s+(.*\S)", line)
        if match:
            name = source_name(match[3])
            rows["int[]" if name in FILLERS else name].append((int(match[1]), int(match[2])))
    return rows


def total(rows):
    return sum(count for count, _ in rows), sum(size for _, size in rows)


# ---- dumps ----

def build(jdk, source, folder):
    classes = folder / "classes"
    subprocess.run([f"{jdk}/bin/javac", "-encoding", "UTF-8", "-nowarn", "-d", str(classes), "--add-exports", EXPORTS, str(source)], capture_output=True,
                   timeout=PATIENCE_SECONDS, check=True)
    manifest = folder / "manifest"
    manifest.write_text("Premain-Class: com.acme.sizes.Sizes\n")
    jar = folder / "sizes.jar"
    subprocess.run([f"{jdk}/bin/jar", "cfm", str(jar), str(manifest), "-C", str(classes), "com"], timeout=PATIENCE_SECONDS, check=True)
    return jar


def make_dump(jdk, jar, options, folder):
    """Histogram before, dump, histogram after, class objects; all of a program at rest."""
    # the compiled form of getObjectSize leaves out the static fields of class objects
    command = [f"{jdk}/bin/java", *options, "-XX:-RestrictContended", "-XX:+UnlockDiagnosticVMOptions", "-XX:ControlIntrinsic=-_getObjectSize",
               f"-javaagent:{jar}", "--add-exports", EXPORTS, "-cp", str(jar), "com.acme.sizes.Sizes", str(folder / "mirrors")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as program:
        def jcmd(*what):
            return subprocess.run([f"{jdk}/bin/jcmd", str(program.pid), *what], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True).stdout
        try:
            if not any(line.strip() == b"ready" for line in program.stdout):
                raise RuntimeError(f"{' '.join(command)}: ended early")
            jcmd("GC.class_histogram", "-all")  # the first one makes garbage of its own
            before = jcmd("GC.class_histogram", "-all")
            jcmd("GC.heap_dump", "-all", str(folder / "sizes.hprof"))
            after = jcmd("GC.class_histogram", "-all")
        finally:
            program.stdin.close()
            program.wait(PATIENCE_SECONDS)
    return histogram(before), histogram(after), (folder / "mirrors").read_text()


# ---- comparison ----

class Row:
    def __init__(self):
        self.compared = self.equal = self.bytes = self.rest = self.mirrors = self.mirrors_equal = self.lacking = 0
        self.wrong, self.notes, self.sizes = [], [], {}


def ask(program, *args):
    return subprocess.run([program, *args, "--no-index", "-q"], capture_output=True, text=True, timeout=120, check=True).stdout


def compare_classes(row, ours, before, after):
    for name in sorted(set(ours) | set(before)):
        if name == CLASS:
            continue
        theirs, later = before.get(name, []), after.get(name, [])
        mine = total(ours.get(name, []))
        row.compared += 1
        row.bytes += total(theirs)[1]
        summed = name.endswith("[]") or name == CHUNK
        sizes = {size // count for count, size in ours.get(name, [])}
        same = mine in (total(theirs), total(later)) if summed else sizes == {size // count for count, size in theirs or later}
        if not summed and len(sizes) == 1:
            row.sizes[name] = sizes.pop()
        row.equal += same
        if mine not in (total(theirs), total(later)):
            row.rest += abs(mine[1] - total(theirs)[1])
            row.notes.append(f"{name}: {mine[0]} instances of {mine[1]} bytes, the JVM counts {total(theirs)} before and {total(later)} after")
        if not same and not (summed and total(theirs) != total(later)):
            row.wrong.append(f"{name}: ours {ours.get(name)}, the JVM {theirs}")


def compare_mirrors(row, exported, text):
    truth, ours = collections.defaultdict(set), collections.defaultdict(set)
    for line in text.splitlines():
        name, size = line.split("\t")
        truth[source_name(name)].add(int(size))
    for line in exported.splitlines()[1:]:
        _, name, size = line.split("\t")[:3]
        if name.startswith("class "):
            ours[name[6:]].add(int(size))
    for name, sizes in ours.items():
        if name in truth:
            row.mirrors += 1
            row.mirrors_equal += sizes <= truth[name]
            if not sizes <= truth[name]:
                row.wrong.append(f"class {name}: ours {sizes}, the JVM {truth[name]}")


def compare(program, dump, before, after, mirrors):
    row = Row()
    answer = json.loads(ask(program, "histogram", str(dump), "--sort", "shallow", "-n", "0", "-f", "json"))
    ours = collections.defaultdict(list)
    for entry in answer["histogram"]:
        if entry["instances"] > 0:
            ours[entry["class"]].append((entry["instances"], entry["shallow_bytes"]))
    compare_classes(row, ours, before, after)
    compare_mirrors(row, ask(program, "export", "objects", str(dump), "-f", "tsv"), mirrors)
    row.lacking = total(before[CLASS])[0] - total(ours[CLASS])[0]
    if row.rest * 100 > row.bytes * REST_PERCENT:
        row.wrong.append(f"{row.rest} bytes differ")
    row.found = tuple((part["part"], part["value"]) for part in answer["dump"]["size_model_details"])
    return row


def show(version, collector, options, row):
    print(f"{version:<8} {collector:<10} {' '.join(o[4:] for o in options) or '-':<52} {row.compared:>7} {row.equal:>7} {row.mirrors:>7} "
          f"{row.mirrors_equal:>7} {row.lacking:>7} {row.bytes:>10} {row.rest:>6}  {'ok' if not row.wrong else 'WRONG'}", flush=True)
    for line in row.wrong[:10]:
        print("    " + line)
    for line in row.notes[:5]:
        print("    count: " + line)


def alike(rows):
    """The same JVM and layout give the same sizes, whatever the collector."""
    wrong = []
    for key in {key for key, _ in rows}:
        seen = {}
        for row in (r for k, r in rows if k == key):
            for name, size in row.sizes.items():
                if seen.setdefault(name, size) != size:
                    wrong.append(f"{name}: {seen[name]} and {size} bytes by collector ({key})")
    return wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("testdata", type=pathlib.Path)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--jdk", action="append")
    parser.add_argument("--only", default="", help="settings whose text contains this")
    options = parser.parse_args()
    found = jdks(options.jdk)
    if not found:
        print("skipped: no JDK (--jdk, JAVA_HOME, /usr/lib/jvm)")
        sys.exit(SKIPPED)
    print(f"{'JDK':<8} {'collector':<10} {'options':<52} {'classes':>7} {'equal':>7} {'mirrors':>7} {'equal':>7} {'lacking':>7} {'bytes':>10} {'rest':>6}")
    rows = []
    for jdk in found:
        version = java_version(jdk)
        with tempfile.TemporaryDirectory() as folder:
            jar = build(jdk, options.testdata / "java" / "Sizes.java", pathlib.Path(folder))
            for collector, more in SHORT if options.short else SETTINGS:
                args = ["-Xmx96m", f"-XX:+Use{collector}GC", *more]
                if options.only not in " ".join(args) or not runs(jdk, *args):
                    continue
                with tempfile.TemporaryDirectory() as place:
                    before, after, mirrors = make_dump(jdk, jar, args, pathlib.Path(place))
                    row = compare(options.program, pathlib.Path(place) / "sizes.hprof", before, after, mirrors)
                show(version, collector, more, row)
                rows.append(((version, *row.found), row))
    wrong = alike(rows)
    for line in wrong:
        print("WRONG " + line)
    right = sum(not row.wrong for _, row in rows)
    print(f"{right} of {len(rows)} right; sizes by collector {'differ' if wrong else 'are alike'}")
    sys.exit(0 if rows and right == len(rows) and not wrong else 1)


if __name__ == "__main__":
    main()
