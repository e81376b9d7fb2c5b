#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The gate from end to end: testdata/java/gate/Service.java under load with every JVM, healthy and leaking.

usage: gate.py PROGRAM TESTDATA [--short] [--jdk DIR]...

A healthy run makes the baseline, with the first JVM. Ten healthy runs with each JVM pass against it, and so does one that is 5 % larger; one that is 15 %
larger fails, and so does every leak, with a message that names the field that leaks. --short: one JVM, two healthy runs, and one of each other kind.
Without a JVM the exit code is 77 (skipped).
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
PATIENCE_SECONDS = 120

# What is switched on, and what the message must name.
LEAKS = {
    ("map",): "com.acme.gate.Service.AUDIT_BY_ID",
    ("listener",): "com.acme.gate.Bus.listeners",
    ("threadlocal",): "com.acme.gate.Service.CONTEXT",
    ("grow", "15"): "com.acme.gate.Service.ANSWERS",
}


def jdks(given):
    candidates = given or [os.environ.get("JAVA_HOME", "")] + sorted(str(p) for p in pathlib.Path("/usr/lib/jvm").glob("*"))
    found = {}
    for path in candidates:
        if path and all((pathlib.Path(path) / "bin" / tool).exists() for tool in ("java", "javac", "jcmd")):
            found.setdefault(os.path.realpath(path), None)
    return list(found)


class Gate:
    def __init__(self, program, testdata, folder):
        self.program, self.source, self.folder = program, testdata / "java" / "gate", folder
        self.failures = []
        self.classes = folder / "classes"
        shutil.copy(self.source / "hprof-gate.yaml", folder / "hprof-gate.yaml")

    def compile(self, jdk):
        # class files that both JVMs can run
        subprocess.run([f"{jdk}/bin/javac", "--release", "17", "-d", str(self.classes), str(self.source / "Service.java")], timeout=PATIENCE_SECONDS,
                       check=True)

    def dump(self, jdk, *what):
        target = self.folder / "service.hprof"
        target.unlink(missing_ok=True)
        command = [f"{jdk}/bin/java", "-Xmx256m", "-XX:+UseSerialGC", "-cp", str(self.classes), "com.acme.gate.Service", *what]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as service:
            try:
                said = service.stdout.readline().strip()
                if said != b"ready":
                    raise RuntimeError(f"{' '.join(command)}: {said.decode()}")
                subprocess.run([f"{jdk}/bin/jcmd", str(service.pid), "GC.heap_dump", str(target)], capture_output=True, timeout=PATIENCE_SECONDS, check=True)
            finally:
                service.stdin.close()
                try:
                    service.wait(PATIENCE_SECONDS)
                except subprocess.TimeoutExpired:
                    service.kill()
        return target

    def check(self, dump, *more):
        args = [self.program, "check", str(dump), "-q", "-f", "json", "--no-index", "--config", str(self.folder / "hprof-gate.yaml"), *more]
        done = subprocess.run(args, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
        verdict = json.loads(done.stdout)["check"] if done.returncode in (0, 1) else {"rules": [], "message": done.stderr}
        return done.returncode, verdict

    def expect(self, jdk, what, code, named=None):
        status, verdict = self.check(self.dump(jdk, *what))
        messages = [rule["message"] for rule in verdict["rules"] if not rule["passed"]]
        good = status == code and (named is None or any(named in message for message in messages))
        print(f"{'ok' if good else 'WRONG'}: {pathlib.Path(jdk).name} {' '.join(what)}: exit {status}{''.join(chr(10) + '    ' + m for m in messages)}"
              f"{verdict.get('message', '')}", flush=True)
        if not good:
            self.failures.append(f"{jdk} {what}: exit {status}, expected {code} {named or ''}")


def run(gate, found, short):
    gate.compile(found[0])
    status, _ = gate.check(gate.dump(found[0], "healthy"), "--update-baseline")
    if status != 0:
        gate.failures.append(f"the baseline could not be written: exit {status}")
        return
    print(f"baseline: {(gate.folder / 'heap-baseline.json').stat().st_size} bytes")
    for jdk in found[:1] if short else found:
        for _ in range(2 if short else 10):
            gate.expect(jdk, ("healthy",), 0)
        gate.expect(jdk, ("grow", "5"), 0)
        for what, named in LEAKS.items():
            gate.expect(jdk, what, 1, named)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("testdata")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--jdk", action="append", default=[])
    options = parser.parse_args()
    found = jdks(options.jdk)
    if not found:
        print("skipped: no JDK found (JAVA_HOME, /usr/lib/jvm)")
        sys.exit(SKIPPED)
    with tempfile.TemporaryDirectory(prefix="ha-gate-") as folder:
        gate = Gate(options.program, pathlib.Path(options.testdata), pathlib.Path(folder))
        run(gate, found, options.short)
    for failure in gate.failures:
        print(f"FAILED: {failure}")
    sys.exit(1 if gate.failures else 0)


main()
