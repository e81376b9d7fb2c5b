#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Whatever a dump calls its classes, fields, threads and files: the answers stay readable and harmless.

Heaps with random bytes in every name and text (controls, terminal escapes, quotes, broken UTF-8, direction marks) are asked by every command
in every format. Text, TSV and CSV must be valid UTF-8 without control characters; JSON must parse, without control bytes.

usage: check_hostile_names.py PROGRAM DUMPGEN [HEAPS]
"""
import json
import os
import random
import subprocess
import sys
import tempfile
import unicodedata

PIECES = [b"\x1b[31m", b"\x1b]0;title\x07", b"\x00", b"\r", b"\n", b"\t", b"\x7f", b"\x9b31m", b"\xc2\x9b", b"\xc0\x80", b'"', b"\\", b"'",
          b"<script>", b"&amp;", b"]]>", b"::error::", b"%0A", b"\xe2\x80\xae", b"\xe2\x80\xa8", b"\xed\xa0\x80", b"\xed\xb0\x80", b"\xff\xfe",
          b"\xf0\x9f\x98\x80", b"\xe4\xb8\xad", b"a", b"B", b"/", b".", b"$", b" ", b";", b"[", b"L", b",", b"=", b"|", b"`", b"*"]
COMMANDS = [["report"], ["suspects"], ["histogram", "-n", "0"], ["histogram", "--by", "package"], ["histogram", "--by", "loader"],
            ["histogram", "--sort", "shallow", "--no-index"], ["dominators", "--depth", "4"], ["dominators", "--by", "package"],
            ["paths", "--object", "@"], ["object", "@"], ["threads", "--locals"], ["top"], ["loaders"], ["unreachable"], ["properties"], ["offheap"]]


def quoted(rng, end=b""):
    raw = b"".join(rng.choice(PIECES) for _ in range(rng.randrange(1, 9)))
    if end:  # the generator looks for the method behind the last dot, and a NUL ends its texts
        raw = raw.replace(b"\x00", b"") + end
    return '"' + "".join("\\x%02x" % byte for byte in raw) + '"'


def heap_text(rng):
    lines = ["use jdk17", "use collections"]
    for i in range(4):
        lines.append(f"class {quoted(rng)} @{0x7000 + 0x100 * i:#x} fields ref {quoted(rng)} int {quoted(rng)} statics ref {quoted(rng)}=@keep{i}")
    for i in range(4):
        lines.append(f"object @keep{i} @{0x7000 + 0x100 * i:#x}")
        lines.append(f"root jni-global @keep{i}")
    lines.append(f"thread @thread {quoted(rng)}")
    lines.append(f"frame {quoted(rng, b'.run')} {quoted(rng)} 12 sig {quoted(rng)}")
    lines.append("local @keep0")
    lines.append(f"string @text {quoted(rng)}")
    lines.append("root jni-global @text")
    lines.append(f"chars @chars {quoted(rng)}")
    lines.append("root jni-global @chars")
    return "\n".join(lines) + "\n"


def complaint(fmt, out):
    try:
        text = out.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"not UTF-8: {error}"
    allowed = "\n\t" if fmt == "tsv" else "\r\n" if fmt == "csv" else "\n"
    for at, char in enumerate(text):
        if unicodedata.category(char) in ("Cc", "Cs") and char not in allowed or char in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069":
            if fmt == "json" and unicodedata.category(char) != "Cc":
                continue
            return f"{char!r} at {at}: {text[max(0, at - 40):at + 20]!r}"
    if fmt == "json":
        try:
            json.loads(text)
        except ValueError as error:
            return str(error)
    return None


def ask(program, dump, command, fmt, address):
    argv = [program, command[0], dump] + [address if word == "@" else word for word in command[1:]] + ["-f", fmt]
    done = subprocess.run(argv, capture_output=True, check=False, timeout=120)
    if done.returncode != 0:
        return f"exit {done.returncode}: {done.stderr[-300:]!r}"
    return complaint(fmt, done.stdout) or complaint("text", done.stderr)


def main():
    program, dumpgen = sys.argv[1:3]
    seeds = int(sys.argv[3]) if len(sys.argv) > 3 else 12
    asked = failed = 0
    os.environ["LC_ALL"] = "C.UTF-8"
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(seeds):
            rng = random.Random(seed)
            text, dump = os.path.join(folder, "names.heap"), os.path.join(folder, f"names{seed}.hprof")
            with open(text, "w", encoding="ascii") as file:
                file.write(heap_text(rng))
            subprocess.run([dumpgen, text, dump], check=True)
            jobs = [(command, fmt) for command in COMMANDS for fmt in ("text", "json")]
            jobs += [(["export", what], fmt) for what in ("objects", "edges", "histogram") for fmt in ("tsv", "csv", "json")]
            for command, fmt in jobs:
                if command[0] == "export":
                    done = subprocess.run([program, "export", command[1], dump, "-f", fmt], capture_output=True, check=False, timeout=120)
                    said = f"exit {done.returncode}: {done.stderr!r}" if done.returncode else complaint(fmt, done.stdout)
                else:
                    said = ask(program, dump, command, fmt, "0x7000")
                asked += 1
                if said is not None:
                    failed += 1
                    print(f"seed {seed}: {' '.join(command)} -f {fmt}: {said}")
    print(f"{asked} answers, {failed} wrong")
    return 1 if failed or asked == 0 else 0


sys.exit(main())
