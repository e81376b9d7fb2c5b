#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Known leaks must not be found in programs that leak nothing.

usage: healthy.py PROGRAM TESTDATA [--jdk DIR]... [--only TEXT]

Runs every TESTDATA/java/healthy/*.java on every JDK, dumps it at work with `jcmd GC.heap_dump` (live objects, and all), and fails if the report finds a pattern
that is *likely* or *certain*. Programs whose libraries are missing (Debian: libnetty-java, libhsqldb-java) are left out, with a line that says so. Exit code
77 (skipped) without a JDK.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

from matrix import PATIENCE_SECONDS, SKIPPED, java_version, jdks

JARS = pathlib.Path("/usr/share/java")
LIBRARIES = {
    "NettyEchoProgram": ["netty-buffer.jar", "netty-common.jar", "netty-resolver.jar", "netty-transport.jar"],
    "JdbcBatchProgram": ["hsqldb.jar"],
}


def run(jdk, name, class_path, dumps):
    """Dumps the program at work, once live and once with garbage."""
    command = [f"{jdk}/bin/java", "-Xmx256m", "-cp", class_path, f"com.acme.healthy.{name}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as program:
        try:
            for line in program.stdout:
                if line.strip() == b"ready":
                    break
            else:
                raise RuntimeError(f"{' '.join(command)}: ended early")
            for dump, options in dumps:
                subprocess.run([f"{jdk}/bin/jcmd", str(program.pid), "GC.heap_dump", *options, str(dump)], capture_output=True,
                               timeout=PATIENCE_SECONDS, check=True)
        finally:
            program.stdin.close()
            try:
                program.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                program.kill()


def findings(program, dump):
    said = subprocess.run([program, "report", str(dump), "-q", "-f", "json", "--no-index"], capture_output=True, timeout=120, check=True).stdout
    report = json.loads(said)
    both = report["suspects"] + (report.get("patterns") or [])
    return [f for f in both if f.get("pattern") is not None], report["heap"]["objects"]


def check(program, jdk, source, folder):
    """Number of wrong findings; None: its libraries are missing."""
    name = source.stem
    jars = [JARS / jar for jar in LIBRARIES.get(name, [])]
    missing = [str(jar) for jar in jars if not jar.exists()]
    if missing:
        print(f"  {name}: left out, no {', '.join(missing)}")
        return None
    classes = folder / name
    class_path = ":".join([str(classes), *map(str, jars)])
    subprocess.run([f"{jdk}/bin/javac", "-nowarn", "-d", str(classes), "-cp", class_path, str(source)], timeout=PATIENCE_SECONDS, check=True,
                   stderr=subprocess.DEVNULL)
    dumps = [(folder / f"{name}-live.hprof", []), (folder / f"{name}-all.hprof", ["-all"])]
    run(jdk, name, class_path, dumps)
    wrong = 0
    for dump, _ in dumps:
        found, objects = findings(program, dump)
        loud = [f for f in found if f["certainty"] in ("likely", "certain")]
        wrong += len(loud)
        print(f"  {dump.stem:<28} {objects:>8} objects, seen: {', '.join(sorted(f['pattern'] for f in found)) or 'nothing'}", flush=True)
        for f in loud:
            print(f"    WRONG: {f['certainty']}: {f['title']}")
        dump.unlink()
    return wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("testdata", type=pathlib.Path)
    parser.add_argument("--jdk", action="append")
    parser.add_argument("--only", default="", help="programs whose name contains this")
    options = parser.parse_args()
    found = jdks(options.jdk)
    if not found:
        print("skipped: no JDK (--jdk, JAVA_HOME, /usr/lib/jvm)")
        sys.exit(SKIPPED)
    wrong = ran = 0
    for jdk in found:
        print(f"JDK {java_version(jdk)}")
        for source in sorted((options.testdata / "java" / "healthy").glob("*.java")):
            if options.only not in source.stem:
                continue
            with tempfile.TemporaryDirectory() as folder:
                result = check(options.program, jdk, source, pathlib.Path(folder))
            ran += result is not None
            wrong += result or 0
    print(f"{ran} programs, {wrong} wrong findings")
    sys.exit(1 if wrong or ran == 0 else 0)


if __name__ == "__main__":
    main()
