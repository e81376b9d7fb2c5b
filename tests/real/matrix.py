#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Dump the program testdata/java/Matrix.java with every JVM, collector and width of references there is, and check the answers.

usage: matrix.py PROGRAM TESTDATA [--jdk DIR]... [--only TEXT]

JDKs: --jdk, else $JAVA_HOME and the folders of /usr/lib/jvm. Without any the exit code is 77 (skipped). Collectors that a JVM does not
have are left out, with a line that says so. A table is printed; exit code 1 if a row is not right.

Checked in each dump: numbers of instances; the fields on the path to a known object and its values; retained sizes, which Eclipse MAT's
size model makes computable, hence equal for all collectors of the same width of references; threads, frames and locals; no damage.
"""
import argparse
import collections
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

SKIPPED = 77
COLLECTORS = ("G1", "Serial", "Parallel", "Z", "Shenandoah")
PATIENCE_SECONDS = 60

INSTANCES = {
    "com.acme.matrix.Node": 1000, "com.acme.matrix.Node[]": 1, "com.acme.matrix.Holder": 1, "com.acme.matrix.Leaf": 1,
    "com.acme.matrix.Pair": 1, "com.acme.matrix.Strong": 50, "com.acme.matrix.Strong[]": 1, "com.acme.matrix.Dead": 0,
    "com.acme.matrix.Local": 1, "com.acme.matrix.Base": 0, "com.acme.matrix.Matrix": 0, "java.lang.ref.WeakReference": None,
}
LEAF = {"small": -1, "real": 1.5, "yes": True, "nothing": None, "letter": "x", "tiny": -2, "number": 42, "large": 1 << 40, "single": 0.25}
LEAF_TEXT = "\"caf\u00e9 \u20ac\""

Setting = collections.namedtuple("Setting", "jdk version collector wide options")


def align(n, to):
    return (n + to - 1) // to * to


def holder_bytes(wide):
    """What Matrix.HOLDER retains under MAT's size model: the holder, its table, 1000 nodes with 10 ints each."""
    ref = 8 if wide else 4
    header = 8 + ref
    holder = align(header + ref, 8)
    table = align(header + 4 + 1000 * ref, 8)
    node = align(align(header + 2 * ref + 8, ref), 8)
    values = align(align(header + 4, ref) + 40, 8)
    return holder + table + 1000 * (node + values)


# ---- JVMs ----

def jdks(given):
    candidates = given or [os.environ.get("JAVA_HOME", "")] + sorted(str(p) for p in pathlib.Path("/usr/lib/jvm").glob("*"))
    found = {}
    for path in candidates:
        if path and all((pathlib.Path(path) / "bin" / tool).exists() for tool in ("java", "javac", "jcmd")):
            found.setdefault(os.path.realpath(path), None)
    return list(found)


def java_version(jdk):
    said = subprocess.run([f"{jdk}/bin/java", "-XshowSettings:properties", "-version"], capture_output=True, text=True, timeout=60, check=True).stderr
    return next(line.split("=")[1].strip() for line in said.split("\n") if line.strip().startswith("java.version ="))


def runs(jdk, *options):
    return subprocess.run([f"{jdk}/bin/java", *options, "-version"], capture_output=True, timeout=60, check=False).returncode == 0


def settings(jdk):
    version = java_version(jdk)
    for collector in COLLECTORS:
        options = ["-Xmx64m", f"-XX:+Use{collector}GC"]
        if not runs(jdk, *options):
            print(f"JDK {version}: no collector {collector}")
            continue
        if collector == "Z":  # knows no compressed references
            yield Setting(jdk, version, collector, True, options)
            continue
        yield Setting(jdk, version, collector, False, options + ["-XX:+UseCompressedOops"])
        yield Setting(jdk, version, collector, True, options + ["-XX:-UseCompressedOops"])
    compact = ["-Xmx64m", "-XX:+UseG1GC", "-XX:+UseCompactObjectHeaders"]
    if runs(jdk, *compact):
        yield Setting(jdk, version, "G1 compact", False, compact)


def make_dump(setting, classes, target):
    command = [f"{setting.jdk}/bin/java", *setting.options, "-cp", str(classes), "com.acme.matrix.Matrix"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as program:
        try:
            for line in program.stdout:
                if line.strip() == b"ready":
                    break
            else:
                raise RuntimeError(f"{' '.join(command)}: ended early")
            subprocess.run([f"{setting.jdk}/bin/jcmd", str(program.pid), "GC.heap_dump", str(target)], capture_output=True,
                           timeout=PATIENCE_SECONDS, check=True)
        finally:
            program.stdin.close()
            try:
                program.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                program.kill()


# ---- answers ----

class Answers:
    def __init__(self, program, dump, index_dir):
        self.program, self.dump, self.index_dir = program, dump, index_dir
        self.failures = []

    def ask(self, command, *more):
        args = [self.program, command, str(self.dump), *more, "-q", "-f", "json", "--size-model", "mat", "--index-dir", str(self.index_dir)]
        return json.loads(subprocess.run(args, capture_output=True, timeout=120, check=True).stdout)

    def check(self, what, ours, expected):
        if ours != expected:
            self.failures.append(f"{what}: got {ours!r}, expected {expected!r}")


def check_leaf(a):
    path = a.ask("paths", "--class", "com.acme.matrix.Leaf", "--max", "1")["paths"][0]
    a.check("path to the leaf", [s["field"] for s in path["steps"]][-3:], ["static BOX", "[3]", "second"])
    fields = a.ask("object", path["target"]["address"])["fields"]
    values = {f["name"]: f.get("value") for f in fields}
    for name, value in LEAF.items():
        a.check(f"field {name}", values.get(name, "missing"), value)
    text = next(f for f in fields if f["name"] == "text")
    a.check("field text", text["object"]["label"], LEAF_TEXT)


def check_holder(a, wide):
    path = a.ask("paths", "--class", "com.acme.matrix.Holder", "--max", "1")["paths"][0]
    a.check("path to the holder", path["steps"][-1]["field"], "static HOLDER")
    retained = path["target"]["retained_bytes"]
    a.check("retained by the holder", retained, holder_bytes(wide))
    return retained


def check_threads(a, report):
    threads = {t["name"]: t for t in report["threads"]}
    for name, state, daemon, frame in (("main", "runnable", False, "main"), ("matrix-worker", "parked", False, "hold"),
                                       ("matrix-waiter", "waiting", True, "await")):
        t = threads.get(name)
        if t is None:
            a.check(f"thread {name}", sorted(threads), "there")
            continue
        a.check(f"thread {name}", (t["state"], t["daemon"], t["virtual"]), (state, daemon, False))
        methods = [f["method"] for f in t["frames"]]
        a.check(f"frame of {name}", [m for m in methods if m == f"com.acme.matrix.Matrix.{frame}"], [f"com.acme.matrix.Matrix.{frame}"])
    held = [o["class"] for f in threads["matrix-worker"]["frames"] if f["method"].endswith(".hold") for o in f["locals"]]
    a.check("locals of Matrix.hold", held, ["com.acme.matrix.Local"])


def check_dump(a, setting):
    report = a.ask("report")
    a.check("damage", [w["message"] for w in report["warnings"] if w["severity"] == "damage"], [])
    a.check("JVM", report["dump"]["jvm"].startswith(setting.version), True)
    a.check("compressed references", report["dump"]["compressed_references"], not setting.wide)
    a.check("oom", report["oom"], None)
    instances = {row["class"]: row["instances"] for row in report["histogram"]}
    for name, count in INSTANCES.items():
        if count is not None:
            a.check(f"instances of {name}", instances.get(name, 0), count)
    a.check("weak references", instances["java.lang.ref.WeakReference"] >= 50, True)
    check_leaf(a)
    check_threads(a, report)
    return report["heap"]["objects"], check_holder(a, setting.wide)


def run_setting(setting, program, classes, folder):
    dump = folder / "matrix.hprof"
    make_dump(setting, classes, dump)
    start = time.monotonic()
    a = Answers(program, dump, folder)
    objects, retained = check_dump(a, setting)
    a.seconds = time.monotonic() - start
    width = 8 if setting.wide else 4
    print(f"{setting.version:<10} {setting.collector:<11} {width:>4} {dump.stat().st_size:>10} {objects:>8} {retained:>9} {a.seconds:>7.2f}  "
          f"{'ok' if not a.failures else 'WRONG'}", flush=True)
    for line in a.failures:
        print("    " + line)
    return not a.failures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("testdata", type=pathlib.Path)
    parser.add_argument("--jdk", action="append")
    parser.add_argument("--only", default="", help="collectors whose name contains this")
    options = parser.parse_args()
    found = jdks(options.jdk)
    if not found:
        print("skipped: no JDK (--jdk, JAVA_HOME, /usr/lib/jvm)")
        sys.exit(SKIPPED)
    print("JDK        collector    refs dump bytes  objects  retained seconds")
    right = rows = 0
    for jdk in found:
        with tempfile.TemporaryDirectory() as classes:
            subprocess.run([f"{jdk}/bin/javac", "-encoding", "UTF-8", "-g", "-d", classes, str(options.testdata / "java" / "Matrix.java")],
                           timeout=PATIENCE_SECONDS, check=True)
            for setting in settings(jdk):
                if options.only not in setting.collector:
                    continue
                with tempfile.TemporaryDirectory() as folder:
                    rows += 1
                    right += run_setting(setting, options.program, pathlib.Path(classes), pathlib.Path(folder))
    print(f"{right} of {rows} right")
    sys.exit(0 if rows > 0 and right == rows else 1)


if __name__ == "__main__":
    main()
