#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Dump testdata/java/Matrix.java with every tool of every JDK there is, and check answers and warnings.

usage: producers.py PROGRAM TESTDATA [--jdk DIR]... [--only TEXT]

    jcmd, jcmd -gz, jcmd -parallel    of a live process, plain, compressed, with two threads (JDK 21 and later)
    jmap gz, jmap live                the same by the older tool
    jhsdb jmap                        the serviceability agent, which reads the process from outside
    oom, oom gz                       -XX:+HeapDumpOnOutOfMemoryError, with -XX:HeapDumpGzipLevel=1 (JDK 17 and later)

JDKs as for matrix.py; without any the exit code is 77 (skipped). A tool that a JDK does not have, or that the system does not let at a process, is
left out with a line that says so.

Checked in each dump: instances, the path to a known object and its values, retained sizes, threads, frames and locals; that there is no warning but
those named below. A compressed dump is inflated with Python as well: the answers of the two are the same bytes but for the size of the file.
"""
import argparse
import collections
import gzip
import pathlib
import subprocess
import sys
import tempfile

import matrix

PATIENCE_SECONDS = 120
NOTES_ALLOWED = {"dangling", "filler", "unreachable-explained"}  # the last where nothing is collected before the dump

Producer = collections.namedtuple("Producer", "name since tool arguments gz")
LIVE = [
    Producer("jcmd", 8, "jcmd", ["{pid}", "GC.heap_dump", "{dump}"], False),
    Producer("jcmd -all", 8, "jcmd", ["{pid}", "GC.heap_dump", "-all", "{dump}"], False),
    Producer("jcmd -gz", 17, "jcmd", ["{pid}", "GC.heap_dump", "-gz=1", "{dump}"], True),
    Producer("jcmd -parallel", 21, "jcmd", ["{pid}", "GC.heap_dump", "-parallel=2", "{dump}"], False),
    Producer("jcmd -parallel -gz", 21, "jcmd", ["{pid}", "GC.heap_dump", "-parallel=2", "-gz=1", "{dump}"], True),
    Producer("jmap gz", 17, "jmap", ["-dump:format=b,gz=1,file={dump}", "{pid}"], True),
    Producer("jmap live", 8, "jmap", ["-dump:live,format=b,file={dump}", "{pid}"], False),
    Producer("jhsdb jmap", 9, "jhsdb", ["jmap", "--binaryheap", "--dumpfile", "{dump}", "--pid", "{pid}"], False),
    Producer("jhsdb jmap gz", 17, "jhsdb", ["jmap", "--binaryheap", "--gz=1", "--dumpfile", "{dump}", "--pid", "{pid}"], True),
]
OOM = [
    Producer("oom", 8, None, [], False),
    Producer("oom gz", 17, None, ["-XX:HeapDumpGzipLevel=1"], True),
]
JVM = ["-Xmx48m", "-XX:+UseSerialGC", "-XX:+UseCompressedOops"]


class CannotDump(Exception):
    pass


# ---- dumps ----

def dump_live(producer, jdk, classes, dump):
    command = [f"{jdk}/bin/java", *JVM, "-cp", str(classes), "com.acme.matrix.Matrix"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as program:
        try:
            if not any(line.strip() == b"ready" for line in program.stdout):
                raise RuntimeError(f"{' '.join(command)}: ended early")
            words = [word.format(pid=program.pid, dump=dump) for word in producer.arguments]
            said = subprocess.run([f"{jdk}/bin/{producer.tool}", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  timeout=PATIENCE_SECONDS, check=False, text=True)
            if not dump.exists():
                raise CannotDump(said.stdout.strip().split("\n")[-1])
        finally:
            program.stdin.close()
            try:
                program.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                program.kill()


def dump_oom(producer, jdk, classes, dump):
    subprocess.run([f"{jdk}/bin/java", *JVM, "-XX:+HeapDumpOnOutOfMemoryError", f"-XX:HeapDumpPath={dump}", *producer.arguments, "-cp", str(classes),
                    "com.acme.matrix.Matrix", "oom"], stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_SECONDS, check=False)
    if not dump.exists():  # some JVMs append .gz
        for other in dump.parent.glob("*.hprof*"):
            other.rename(dump)
    if not dump.exists():
        raise CannotDump("no dump was written")


# ---- checks ----

def check_oom(a):
    oom = a.ask("report")["oom"]
    a.check("oom", oom is not None and (oom["thread"]["label"], oom["application_frame"].split(" ")[0]), ('"main"', "com.acme.matrix.Matrix.exhaust"))


def check_answers(a, producer, version):
    report = a.ask("report")
    warnings = {w["code"]: w["message"] for w in report["warnings"]}
    a.check("warnings", {code: text for code, text in warnings.items() if code not in NOTES_ALLOWED}, {})
    a.check("JVM", report["dump"]["jvm"].startswith(version), True)
    a.check("compressed references", report["dump"]["compressed_references"], True)
    instances = {row["class"]: row["instances"] for row in report["histogram"]}
    for name, count in matrix.INSTANCES.items():
        if name == "com.acme.matrix.Local" and producer.tool == "jhsdb":  # writes no local variables: what only they hold is unreachable
            a.check(f"reachable instances of {name}", instances.get(name, 0), 0)
        elif count is not None:
            a.check(f"instances of {name}", instances.get(name, 0), count)
    matrix.check_leaf(a)
    matrix.check_holder(a, False)
    if producer.tool != "jhsdb":  # stops the process anywhere, at frames it does not always name
        matrix.check_threads(a, report)
    return report["heap"]["objects"], sorted(warnings)


COMPARED = (["report"], ["histogram", "-n", "0"], ["dominators"], ["threads", "--locals"], ["paths", "--class", "com.acme.matrix.Leaf"], ["top"],
            ["export", "objects"])


def outputs(program, folder, args, form):
    result = subprocess.run([program, *args, "a.hprof", *(["-f", form] if args[0] != "export" else [])], cwd=folder, capture_output=True,
                            timeout=PATIENCE_SECONDS, check=False)
    return result.returncode, result.stdout, result.stderr


def without_size(output, bytes_plain, bytes_packed):
    code, out, err = output
    for size in (bytes_plain, bytes_packed):
        out = out.replace(f'"bytes": {size},\n'.encode(), b'"bytes": SIZE,\n')
    return code, out, err


def check_compressed(a, program, dump, folder):
    """The inflated dump under the same name in another folder gives the same bytes."""
    plain, packed = folder / "plain", folder / "packed"
    plain.mkdir()
    packed.mkdir()
    data = gzip.decompress(dump.read_bytes())
    (plain / "a.hprof").write_bytes(data)
    (packed / "a.hprof").write_bytes(dump.read_bytes())
    sizes = len(data), dump.stat().st_size
    for args in COMPARED:
        for form in ("json", "text") if args[0] not in ("report", "export") else ("json",):
            ours, theirs = (without_size(outputs(program, place, args, form), *sizes) for place in (packed, plain))
            a.check(f"{' '.join(args)} as {form}: the same as of the inflated dump", ours == theirs, True)
            a.check(f"{' '.join(args)} as {form}: exit code", ours[0], 0)


def run_producer(producer, jdk, version, classes, program):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        dump = folder / ("matrix.hprof.gz" if producer.gz else "matrix.hprof")
        try:
            (dump_live if producer.tool else dump_oom)(producer, jdk, classes, dump)
        except CannotDump as problem:
            print(f"{version:<10} {producer.name:<20} left out: {problem}", flush=True)
            return None
        a = matrix.Answers(program, dump, folder)
        a.check("compressed", dump.read_bytes()[:2] == b"\x1f\x8b", producer.gz)
        objects, warnings = check_answers(a, producer, version)
        if producer.tool is None:
            check_oom(a)
        if producer.gz:
            check_compressed(a, program, dump, folder)
        print(f"{version:<10} {producer.name:<20} {dump.stat().st_size:>10} {objects:>8}  {' '.join(warnings) or '-':<10} "
              f"{'ok' if not a.failures else 'WRONG'}", flush=True)
        for line in a.failures:
            print("    " + line)
        return not a.failures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("testdata", type=pathlib.Path)
    parser.add_argument("--jdk", action="append")
    parser.add_argument("--only", default="", help="producers whose name contains this")
    options = parser.parse_args()
    found = matrix.jdks(options.jdk)
    if not found:
        print("skipped: no JDK (--jdk, JAVA_HOME, /usr/lib/jvm)")
        sys.exit(matrix.SKIPPED)
    print("JDK        producer             dump bytes  objects  warnings")
    results = []
    for jdk in found:
        version = matrix.java_version(jdk)
        major = int(version.split(".")[0].split("-")[0])
        with tempfile.TemporaryDirectory() as classes:
            subprocess.run([f"{jdk}/bin/javac", "-encoding", "UTF-8", "-g", "-d", classes, str(options.testdata / "java" / "Matrix.java")],
                           timeout=PATIENCE_SECONDS, check=True)
            for producer in LIVE + OOM:
                if major >= producer.since and options.only in producer.name:
                    results.append(run_producer(producer, jdk, version, classes, str(pathlib.Path(options.program).resolve())))
    right, wrong = results.count(True), results.count(False)
    print(f"{right} of {right + wrong} right, {results.count(None)} left out")
    sys.exit(0 if right > 0 and wrong == 0 else 1)


if __name__ == "__main__":
    main()
