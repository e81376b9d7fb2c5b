#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Known leaks, made with the real libraries: each must be found with its numbers and its holder, and none where the library is used properly.

usage: leaks.py PROGRAM TESTDATA [--jdk DIR]... [--only TEXT] [--short]

Each TESTDATA/java/leaks/*Leaks.java makes several leaks in one JVM, says what it made (Theme.java explains the lines) and dumps itself; a second run does the
same work properly, and nothing *likely* or *certain* may be found in it. Programs that need libraries run with the first JDK alone, the others with every one.
Left out, with a line that says what is missing: programs whose jars or server are not installed. Exit code 77 (skipped) without a JDK.
--short: the programs without libraries, with the first JDK.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from matrix import PATIENCE_SECONDS, SKIPPED, java_version, jdks
from servers import mariadb, postgresql

JARS = pathlib.Path("/usr/share/java")
LOUD = ("likely", "certain")
RANK = {"seen": 0, "likely": 1, "certain": 2}

Theme = collections.namedtuple("Theme", "name jars options server", defaults=((), (), None))
NETTY = ("netty-buffer.jar", "netty-common.jar", "netty-resolver.jar", "netty-transport.jar", "jctools-core.jar")
SERVICES = ("guava.jar", "caffeine.jar", "jackson-annotations.jar", "jackson-core.jar", "jackson-databind.jar", "okhttp.jar", "okio.jar",
            "spring3-beans.jar", "spring3-context.jar", "spring3-core.jar", "spring3-expression.jar", "commons-logging.jar",
            "grpc-api.jar", "grpc-context.jar", "grpc-core.jar", "grpc-netty.jar", "netty-codec.jar", "netty-codec-http.jar", "netty-codec-http2.jar",
            "netty-codec-socks.jar", "netty-handler.jar", "netty-handler-proxy.jar")
THEMES = (
    Theme("MemoryLeaks", options=("-XX:MaxDirectMemorySize=195m",)),
    Theme("StructureLeaks"),
    Theme("LoaderLeaks"),
    Theme("NettyLeaks", NETTY, ("-Dio.netty.tryReflectionSetAccessible=true", "--add-opens=java.base/java.nio=ALL-UNNAMED",
                                "--add-opens=java.base/jdk.internal.misc=ALL-UNNAMED", "-Dio.netty.leakDetection.level=disabled")),
    Theme("ServiceLeaks", (*NETTY, *SERVICES)),
    Theme("LoggingLeaks", ("logback-classic.jar", "logback-core.jar", "slf4j-api.jar", "log4j-api.jar", "log4j-core.jar")),
    Theme("RingBufferLeaks", ("log4j-api.jar", "log4j-core.jar", "disruptor.jar"),
          ("-Dlog4j2.contextSelector=org.apache.logging.log4j.core.async.AsyncLoggerContextSelector", "-Dlog4j2.asyncLoggerRingBufferSize=4096",
           "-Dlog4j.maxReusableMsgSize=65536")),
    Theme("TomcatLeaks", ("tomcat10-embed-core.jar",)),
    Theme("JettyLeaks", ("jetty9-http.jar", "jetty9-io.jar", "jetty9-security.jar", "jetty9-server.jar", "jetty9-servlet.jar", "jetty9-util.jar",
                         "jetty9-webapp.jar", "jetty9-xml.jar", "servlet-api.jar")),
    Theme("ModuleLeaks", ("jboss-modules.jar",)),
    Theme("DatabaseLeaks", ("HikariCP.jar", "commons-dbcp2.jar", "commons-pool2.jar", "commons-logging.jar", "hsqldb.jar", "postgresql.jar", "slf4j-api.jar"),
          server=postgresql),
    Theme("MariaLeaks", ("mariadb-java-client.jar", "slf4j-api.jar"), server=mariadb),
    Theme("HibernateLeaks", ("hibernate-core.jar", "hibernate-commons-annotations.jar", "antlr.jar", "commons-collections3.jar", "dom4j.jar", "hsqldb.jar",
                             "geronimo-jpa_2.0_spec.jar", "geronimo-jta-1.2-spec.jar", "javassist.jar", "slf4j-api.jar", "slf4j-nop.jar")),
)


class Leak:
    """What a program says it did wrong."""

    def __init__(self, pattern, certainty, holder, field):
        self.pattern, self.certainty, self.holder, self.field = pattern, certainty, holder, field
        self.equal, self.least, self.says = [], [], []


def said_by(text):
    leaks = []
    for line in text.splitlines():
        kind, *rest = line.split("\t")
        if kind == "leak":
            leaks.append(Leak(*rest))
        elif kind == "says":
            leaks[-1].says.append(rest[0])
        elif kind in ("equal", "least"):
            getattr(leaks[-1], kind).append((rest[0], int(rest[1])))
    return leaks


def words_of(finding):
    return " ".join([finding["title"], finding["advice"], *(e["text"] for e in finding["evidence"])])


def wrong_about(leak, finding):
    """What the finding says otherwise."""
    numbers = {e["text"]: e["value"] for e in finding["evidence"]}
    wrong = []
    if RANK[finding["certainty"]] < RANK[leak.certainty]:
        wrong.append(f"{finding['certainty']}, expected {leak.certainty}")
    for text, number in leak.equal:
        if numbers.get(text) != number:
            wrong.append(f"{text}: {numbers.get(text)!r}, expected {number}")
    for text, number in leak.least:
        if not isinstance(numbers.get(text), (int, float)) or numbers[text] < number:
            wrong.append(f"{text}: {numbers.get(text)!r}, expected {number} or more")
    held = finding["held_by"] or {"class": None, "field": None}
    if leak.holder != "-" and held["class"] != leak.holder:
        wrong.append(f"held by {held['class']}, expected {leak.holder}")
    if leak.field != "-" and str(held["field"]).removeprefix("static ") != leak.field:
        wrong.append(f"held by field {held['field']}, expected {leak.field}")
    return wrong


def check_leak(leak, found):
    """The lines to print when the leak is not told as it is; none: it is."""
    same = [f for f in found if f["pattern"] == leak.pattern]
    named = [f for f in same if all(text in words_of(f) for text in leak.says)]
    if not named:
        return [f"not found with {leak.says}; titles of that pattern: {[f['title'] for f in same]}"]
    return min((wrong_about(leak, f) for f in named), key=len)


def findings(program, dump):
    said = subprocess.run([program, "report", str(dump), "-q", "-f", "json", "--no-index"], capture_output=True, timeout=PATIENCE_SECONDS, check=True).stdout
    report = json.loads(said)
    return [f for f in report["suspects"] + (report.get("patterns") or []) if f.get("pattern") is not None]


def run_java(jdk, theme, mode, classes, folder, extra):
    dump = folder / f"{mode}.hprof"
    class_path = ":".join([str(classes), *(str(JARS / jar) for jar in theme.jars)])
    room = folder / mode
    room.mkdir()
    command = [f"{jdk}/bin/java", "-Xmx512m", "-Xss512k", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true", *theme.options,
               "-cp", class_path, f"com.acme.leaks.{theme.name}", mode, str(dump), str(room), *extra]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=3 * PATIENCE_SECONDS, check=False)
    if ran.returncode != 0 or not dump.exists():
        return None, f"{ran.stdout[-2000:]}\n{ran.stderr[-4000:]}"
    return dump, ran.stdout


def compile_theme(jdk, theme, sources, classes):
    class_path = ":".join(str(JARS / jar) for jar in theme.jars)
    subprocess.run([f"{jdk}/bin/javac", "-nowarn", "-g", "-proc:none", "-d", str(classes), "-cp", class_path, str(sources / "Theme.java"),
                    str(sources / f"{theme.name}.java")], timeout=PATIENCE_SECONDS, check=True, stderr=subprocess.DEVNULL)


def check_mode(program, jdk, theme, mode, classes, folder, extra):
    """(lines to print, number of failures)"""
    dump, said = run_java(jdk, theme, mode, classes, folder, extra)
    if dump is None:
        return [f"  WRONG {theme.name} {mode}: it failed", said], 1
    found = findings(program, dump)
    dump.unlink()
    lines, failures = [], 0
    if mode == "healthy":
        loud = [f for f in found if f["certainty"] in LOUD]
        lines += [f"  WRONG {theme.name} healthy: {f['pattern']} {f['certainty']}: {f['title']}" for f in loud]
        lines.append(f"  {'WRONG' if loud else 'ok   '} {theme.name} healthy; seen: {', '.join(sorted(f['pattern'] for f in found)) or 'nothing'}")
        return lines, len(loud)
    for leak in said_by(said):
        wrong = check_leak(leak, found)
        failures += bool(wrong)
        lines.append(f"  {'WRONG' if wrong else 'ok   '} {theme.name} {leak.pattern}" + "".join(f"\n      {text}" for text in wrong))
    if not lines:
        lines, failures = [f"  WRONG {theme.name}: it made no leak"], 1
    return lines, failures


def check_theme(program, jdk, theme, sources):
    missing = [str(JARS / jar) for jar in theme.jars if not (JARS / jar).exists()]
    if missing:
        return [f"  left out {theme.name}: no {', '.join(missing)}"], 0, 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        classes = folder / "classes"
        extra, stop = [], None
        if theme.server is not None:
            extra, stop, why = theme.server(folder)
            if extra is None:
                return [f"  left out {theme.name}: {why}"], 0, 0
        try:
            compile_theme(jdk, theme, sources, classes)
            results = [check_mode(program, jdk, theme, mode, classes, folder, extra) for mode in ("leak", "healthy")]
        finally:
            if stop is not None:
                stop()
    return [line for lines, _ in results for line in lines], sum(n for _, n in results), 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("testdata", type=pathlib.Path)
    parser.add_argument("--jdk", action="append")
    parser.add_argument("--only", default="", help="themes whose name contains this")
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    found = jdks(options.jdk)
    if not found:
        print("skipped: no JDK (--jdk, JAVA_HOME, /usr/lib/jvm)")
        sys.exit(SKIPPED)
    wrong = ran = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        jobs = [(jdk, pool.submit(check_theme, options.program, jdk, theme, options.testdata / "java" / "leaks"))
                for jdk in found[:1 if options.short else None] for theme in THEMES
                if options.only in theme.name and (jdk == found[0] or not theme.jars) and not (options.short and theme.jars)]
        last = None
        for jdk, job in jobs:
            lines, failures, count = job.result()
            if jdk != last:
                print(f"JDK {java_version(jdk)}")
                last = jdk
            print("\n".join(lines), flush=True)
            wrong, ran = wrong + failures, ran + count
    print(f"{ran} programs, {wrong} wrong")
    sys.exit(1 if wrong or ran == 0 else 0)


if __name__ == "__main__":
    main()
