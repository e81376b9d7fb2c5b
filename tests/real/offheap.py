#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compare what `offheap` says of a dump with what the JVM and the kernel say of the process it is from.

usage: offheap.py PROGRAM TESTDATA [--jdk DIR]... [--markdown]

Runs TESTDATA/java/OffHeap.java on every JDK, with each collector, asks `jcmd VM.native_memory` and /proc/PID/status, and prints both side by side.
Exit code 1 if a measured or counted figure is not the program's, or the truth lies outside of an estimated range; 77 (skipped) without a JDK.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

from matrix import PATIENCE_SECONDS, SKIPPED, java_version, jdks, runs

MIB = 1 << 20
COLLECTORS = ("G1", "Serial", "Parallel", "Z")
DIRECT_BYTES = 16 * 4 * MIB
MAPPED_BYTES = 32 * MIB
HEAP_BYTES = 256 * MIB


def native_memory(text):
    """{category: (reserved, committed)} of an NMT summary, in bytes."""
    rows = re.findall(r"^-\s+(.+?) \(reserved=(\d+)KB, committed=(\d+)KB", text, re.M)
    return {name: (int(reserved) * 1024, int(committed) * 1024) for name, reserved, committed in rows}


def resident(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * 1024, int(re.search(r"RssFile:\s+(\d+) kB", status).group(1)) * 1024


def observe(jdk, options, classes, folder):
    """(NMT, resident bytes, those of files) of a run whose dump is folder/offheap.hprof."""
    command = [f"{jdk}/bin/java", "-XX:NativeMemoryTracking=summary", *options, "-cp", str(classes), "com.acme.offheap.OffHeap", str(folder / "mapped")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as program:
        try:
            for line in program.stdout:
                if line.strip() == b"ready":
                    break
            else:
                raise RuntimeError(f"{' '.join(command)}: ended early")
            rss, files = resident(program.pid)
            said = subprocess.run([f"{jdk}/bin/jcmd", str(program.pid), "VM.native_memory", "summary"], capture_output=True, text=True,
                                  timeout=PATIENCE_SECONDS, check=True).stdout
            subprocess.run([f"{jdk}/bin/jcmd", str(program.pid), "GC.heap_dump", str(folder / "offheap.hprof")], capture_output=True,
                           timeout=PATIENCE_SECONDS, check=True)
        finally:
            program.stdin.close()
            try:
                program.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                program.kill()
    return native_memory(said), rss, files


def committed(nmt, *names):
    return sum(nmt[name][1] for name in names if name in nmt)


class Table:
    def __init__(self, markdown):
        self.markdown, self.wrong = markdown, 0

    def head(self, title):
        print(f"\n| {title} | offheap says | truth | |\n| --- | --- | --- | --- |" if self.markdown else f"{title}")

    def row(self, what, ours, truth, right):
        self.wrong += not right
        mark = "ok" if right else "WRONG"
        print(f"| {what} | {ours} | {truth} | {mark} |" if self.markdown else f"  {what:<24} {ours:<24} {truth:<40} {mark}", flush=True)

    def exactly(self, what, ours, truth, source, slack=0):
        self.row(what, f"{ours / MIB:.1f} MiB", f"{truth / MIB:.1f} MiB ({source})", truth <= ours <= truth + slack)

    def within(self, what, line, truth, source):
        low, high = line["low_bytes"], line["high_bytes"]
        self.row(what, f"{low / MIB:.1f} - {high / MIB:.1f} MiB", f"{truth / MIB:.1f} MiB ({source})", low <= truth <= high)


def compare(table, said, nmt, rss, files):
    lines = {line["what"]: line for line in said["lines"]}
    table.exactly("direct memory", lines["direct"]["bytes"], DIRECT_BYTES, "the program", slack=4 * MIB)  # NIO's own buffers besides
    direct = said["direct"]
    table.row("  sum over objects", f"{(direct['buffers']['bytes'] + direct['segments']['bytes']) / MIB:.1f} MiB",
              f"{direct['jdk_counters']['reserved_bytes'] / MIB:.1f} MiB (java.nio.Bits)",
              direct["buffers"]["bytes"] + direct["segments"]["bytes"] == direct["jdk_counters"]["reserved_bytes"])
    image = 200 * MIB  # the JDK's file of modules, which the program looks into
    table.exactly("mapped files", lines["mapped"]["bytes"], MAPPED_BYTES, "the program; ours: the JDK's modules too", slack=image)
    most = lines["heap"]["most"]["high_bytes"]  # Runtime.maxMemory(): without one survivor space where there are such
    table.row("heap maximum", f"{most / MIB:.1f} MiB", f"{HEAP_BYTES / MIB:.1f} MiB (-Xmx)", HEAP_BYTES * 0.95 <= most <= HEAP_BYTES)
    threads = lines["stacks"]
    own = 40 * MIB + 4 * 256 * 1024
    table.exactly("stacks, reserved", threads["bytes"], own, "the program; ours: the JVM's Java threads too", slack=30 * MIB)
    table.row("zip streams", str(threads and lines["zlib"]["count"]), "30 (the program; ours: open jars too)", 30 <= lines["zlib"]["count"] <= 40)
    table.within("stacks, resident", threads["now"], committed(nmt, "Thread"), "NMT, with the VM's own")
    table.within("metaspace", lines["metaspace"]["now"], committed(nmt, "Class", "Metaspace"), "NMT")
    table.within("code cache", lines["code"]["now"], committed(nmt, "Code"), "NMT")
    table.within("collector", lines["gc"]["now"], committed(nmt, "GC"), "NMT")
    table.within("the JVM itself", lines["jvm"]["now"],
                 committed(nmt, "Symbol", "Compiler", "Internal", "Arena Chunk", "Module", "Native Memory Tracking", "Synchronization"), "NMT")
    table.within("process, without files", said["sum"]["now"], rss - files, f"kernel: {rss / MIB:.0f} MiB of it {files / MIB:.0f} files")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("testdata", type=pathlib.Path)
    parser.add_argument("--jdk", action="append")
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    found = jdks(options.jdk)
    if not found:
        print("skipped: no JDK (--jdk, JAVA_HOME, /usr/lib/jvm)")
        sys.exit(SKIPPED)
    table = Table(options.markdown)
    for jdk in found:
        version = java_version(jdk)
        for collector in COLLECTORS:
            settings = [f"-Xmx{HEAP_BYTES // MIB}m", f"-XX:+Use{collector}GC"]
            if not runs(jdk, *settings):
                continue
            with tempfile.TemporaryDirectory() as name:
                folder = pathlib.Path(name)
                subprocess.run([f"{jdk}/bin/javac", "-g", "-d", str(folder / "classes"), str(options.testdata / "java" / "OffHeap.java")],
                               timeout=PATIENCE_SECONDS, check=True)
                nmt, rss, files = observe(jdk, settings, folder / "classes", folder)
                said = subprocess.run([options.program, "offheap", str(folder / "offheap.hprof"), "-q", "-f", "json", "--no-index"], capture_output=True,
                                      timeout=120, check=True).stdout
            table.head(f"JDK {version}, {collector}")
            compare(table, json.loads(said)["offheap"], nmt, rss, files)
    sys.exit(1 if table.wrong else 0)


if __name__ == "__main__":
    main()
