#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The incident, end to end: a gateway runs out of memory for three reasons, and its report must tell all of them.

usage: incident.py PROGRAM TESTDATA [--megabytes N] [--keep FILE]

Makes the dump with TESTDATA/make_incident.sh (exit code 77, skipped, without a JDK or Debian's libnetty-java) and compares the report with what the program
printed: Netty's own metrics, the sizes of the images, the number of agent loaders and jars. --keep: use this dump, make it if it is not there.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

SKIPPED = 77
SCREEN_LINES = 60
FAILURES = []


def check(what, ours, expected):
    right = ours == expected
    print(f"{'ok   ' if right else 'WRONG'} {what}: {ours!r}" + ("" if right else f", expected {expected!r}"))
    if not right:
        FAILURES.append(what)


def check_true(what, holds):
    check(what, bool(holds), True)


def truth(text):
    """What the program said about itself."""
    netty = re.search(r"netty chunks (\d+) used (\d+) free (\d+) buffers (\d+)", text)
    agent = re.search(r"agent loaders (\d+) jars (\d+)", text)
    images = [(int(w), int(h)) for w, h in re.findall(r"image (\d+)x(\d+)", text)]
    return {"chunks": int(netty[1]), "used": int(netty[2]), "free": int(netty[3]), "buffers": int(netty[4]),
            "loaders": int(agent[1]), "jars": int(agent[2]), "images": images}


def evidence(finding):
    return {e["text"]: e["value"] for e in finding["evidence"]}


def held_by(finding):
    return finding["held_by"] and (finding["held_by"]["class"], finding["held_by"]["field"])


def check_buffers(finding, said):
    numbers = evidence(finding)
    check("chunks", numbers["chunks of pooled memory"], said["chunks"])
    check("bytes of chunks", numbers["bytes of these chunks"], said["used"] + said["free"])
    check("used inside the chunks", numbers["bytes in use by buffers"], said["used"])
    check("free inside the chunks", numbers["bytes free inside the chunks"], said["free"])
    check("buffers", numbers["buffers that use them"], said["buffers"])
    check("holder of the buffers", held_by(finding), ("com.acme.chat.AttachmentRelay", "unacknowledged"))
    check_true("advice: release", "release()" in finding["advice"])


def check_agent(finding, said):
    numbers = evidence(finding)
    check("agent loaders", numbers["class loaders of the agent"], said["loaders"])
    check("their open jars", numbers["open jars (java.util.zip.ZipFile$Source)"], said["loaders"] * said["jars"])
    check_true("the agent's thread holds its loaders", any('"dd-task-scheduler"' in e["text"] for e in finding["evidence"]))
    check_true("the application is not blamed", "not the application" in finding["advice"])
    check_true("advice: upgrade", "upgrade" in finding["advice"])


def check_images(finding, said):
    numbers = evidence(finding)
    pixels = sum(4 * w * h for w, h in said["images"])
    width, height = max(said["images"], key=lambda image: image[0] * image[1])
    check("images", numbers["decoded images"], len(said["images"]))
    check_true("bytes of pixels", pixels <= numbers["bytes of their pixels"] <= pixels + 100 * len(said["images"]))
    check_true(f"largest is {width} x {height}", f"{width:,} x {height:,}" in finding["title"])
    check("holder of the images", held_by(finding), ("com.acme.chat.ImageValidator", "recent"))
    check_true("frame", finding["thread"]["frame"].startswith("com.acme.chat.ImageValidator.readImage (ChatGateway.java:"))
    check_true("advice: ImageReader", "ImageReader" in finding["advice"])


def check_report(report, said):
    found = {s["pattern"]: s for s in report["suspects"] if s["pattern"] is not None}
    for pattern, more in (("netty-pool-chunk", check_buffers), ("agent-open-jars", check_agent), ("decoded-images", check_images)):
        check_true(f"pattern {pattern}", pattern in found)
        if pattern in found:
            check_true(f"{pattern} is likely or certain", found[pattern]["certainty"] in ("likely", "certain"))
            more(found[pattern], said)
    nexts = {n["why"]: n["command"] for n in report["next"]}
    holder = found["netty-pool-chunk"]["held_by"]["object"]["address"]
    check_true("the holder of the first suspect can be looked at", nexts["Who holds suspect 1"].endswith(f" {holder}"))
    check_true("paths to chunks, not to byte[]", nexts["Why suspect 1 is alive"].endswith(" io.netty.buffer.PoolChunk"))
    check("thread that ran out", report["oom"]["thread"]["label"], '"upload-worker"')
    check_true("its frame", report["oom"]["frame"].startswith("java.awt.image.DataBufferByte.<init>"))
    check_true("the application's frame", report["oom"]["application_frame"].startswith("com.acme.chat.ImageValidator.readImage"))
    check_true("the image that did not fit", any("20,000 x 20,000" in s["title"] for s in report["suspects"]))


def check_screen(text):
    """What a person reads first."""
    screen = " ".join(" ".join(text.splitlines()[:SCREEN_LINES]).split())
    for words in ("Netty buffers that were not released", "AttachmentRelay", "decoded images", "ImageValidator.readImage", "DatadogClassLoader", "jars open",
                  "20,000 x 20,000", "What to do first"):
        check_true(f"first screen says '{words}'", words in screen)


def check_container(said, megabytes):
    check("container", said["container"]["limit_bytes"], megabytes << 20)
    check("verdict", said["container"]["verdict"], "tight")
    heap = next(line for line in said["lines"] if line["what"] == "heap")
    check_true("heap maximum is 60 %", abs(heap["most"]["high_bytes"] - 0.6 * (megabytes << 20)) < 0.01 * (megabytes << 20))
    direct = next(line for line in said["lines"] if line["what"] == "direct")
    check("direct limit", direct["most"]["high_bytes"], 192 << 20)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("testdata", type=pathlib.Path)
    parser.add_argument("--megabytes", type=int, default=1024)
    parser.add_argument("--keep", type=pathlib.Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        dump = options.keep or pathlib.Path(name) / "incident.hprof"
        if not dump.exists():
            made = subprocess.run(["sh", str(options.testdata / "make_incident.sh"), str(dump), str(options.megabytes)], timeout=300, check=False)
            if made.returncode == SKIPPED:
                sys.exit(SKIPPED)
            made.check_returncode()

        def ask(*words):
            return subprocess.run([options.program, *words, "-q", "--index-dir", name], capture_output=True, timeout=300, check=True).stdout
        said = truth(pathlib.Path(f"{dump}.out").read_text(encoding="utf-8"))
        check_report(json.loads(ask("report", str(dump), "-f", "json")), said)
        check_screen(ask("report", str(dump)).decode())
        limit = ask("offheap", str(dump), "-f", "json", "--container-limit", f"{options.megabytes}MiB")
        check_container(json.loads(limit)["offheap"], options.megabytes)
    print(f"{len(FAILURES)} wrong")
    sys.exit(1 if FAILURES else 0)


if __name__ == "__main__":
    main()
