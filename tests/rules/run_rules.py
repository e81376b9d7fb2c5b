#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the built-in rules over small heaps: tests/rules/*.heap, one or more patterns a file.

A file has a common part (classes) and cases, each a heap of its own together with the common part:

    === leaking expect PATTERN LEVEL [TITLE-PART]      PATTERN must be found with this certainty (and words in its title)
    === healthy silent PATTERN                         PATTERN must not be found, though its classes are there

Lines are dumpgen's, with three additions: `%N LINE` repeats a line for {i} = 0 … N-1 ({j} is {i} + 1, {x} and {y} addresses for them), `{list PREFIX N}`
stands for @PREFIX0, @PREFIX1, …, and `held-by CLASS FIELD` says who must be named as the holder (or nobody).

Dumps of real, healthy programs (testdata/real) must not give any finding that is likely or certain.

Every rule of `hprof-analyze rules` must have a case of both kinds.

usage: run_rules.py PROGRAM DUMPGEN [FILE]...
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


def address(i):
    """Of object i among many that need no names (dumpgen is quick with addresses)."""
    return f"@0x{0x7f0000000 + 64 * i:x}"


def expand(text):
    """dumpgen's text of ours."""
    out = []
    for line in text.splitlines():
        times = re.match(r"\s*%(\d+) (.*)", line)
        for i in range(int(times[1]) if times else 1):
            made = times[2].replace("{i}", str(i)).replace("{j}", str(i + 1)).replace("{x}", address(i)).replace("{y}", address(i + 1)) if times else line
            made = re.sub(r"\{list (\w+) (\d+)\}", lambda m: ", ".join(f"@{m[1]}{k}" for k in range(int(m[2]))), made)
            out.append(made)
    return "\n".join(out) + "\n"


def cases(path):
    """(heading, who holds it or None, heap text) of a file."""
    parts = re.split(r"^=== (.*)$", path.read_text(encoding="utf-8"), flags=re.M)
    for heading, body in zip(parts[1::2], parts[2::2]):
        holder = re.search(r"^held-by (.*)\n", body, flags=re.M)
        yield heading, holder and holder[1], expand(parts[0] + (body.replace(holder[0], "") if holder else body))


def findings(program, dumpgen, text, folder):
    heap, dump = folder / "x.heap", folder / "x.hprof"
    heap.write_text(text, encoding="utf-8")
    made = subprocess.run([dumpgen, heap, dump], capture_output=True, text=True)
    if made.returncode != 0:
        raise RuntimeError(f"dumpgen: {made.stderr.strip()}")
    run = subprocess.run([program, "suspects", "-f", "json", "--no-index", dump], capture_output=True, text=True)
    if run.returncode != 0:
        raise RuntimeError(f"exit code {run.returncode}: {run.stderr.strip()}")
    return json.loads(run.stdout)["patterns"]


def judge(heading, holder, found):
    """What is wrong; "" if nothing is."""
    words = heading.split(None, 4)
    kind, pattern = words[1], words[2]
    mine = [f for f in found if f["pattern"] == pattern]
    if kind == "silent":
        return f"found {mine[0]['certainty']}: {mine[0]['title']}" if mine else ""
    if not mine:
        return f"not found; found: {[f['pattern'] for f in found]}"
    if mine[0]["certainty"] != words[3]:
        return f"{mine[0]['certainty']} instead of {words[3]}: {mine[0]['title']}"
    if "?" in mine[0]["title"] or "?" in mine[0]["advice"].replace("? ", ""):
        return f"a number is missing: {mine[0]['title']}"
    if len(words) > 4 and words[4] not in mine[0]["title"]:
        return f"'{words[4]}' is not in: {mine[0]['title']}"
    held = mine[0]["held_by"]
    held = f"{held['class']} {held['field']}" if held else "nobody"
    return f"held by {held}, expected {holder}" if holder and held != holder else ""


def main():
    program, dumpgen = (str(pathlib.Path(word).resolve()) for word in sys.argv[1:3])
    wanted = sys.argv[3:]
    files = sorted(HERE.glob("*.heap")) if not wanted else [HERE / w for w in wanted]
    failed, number, seen = 0, 0, set()
    with tempfile.TemporaryDirectory(prefix="ha-rules-") as name:
        for path in files:
            for heading, holder, text in cases(path):
                number += 1
                words = heading.split()
                try:
                    wrong = judge(heading, holder, findings(program, dumpgen, text, pathlib.Path(name)))
                except RuntimeError as error:
                    wrong = str(error)
                seen.add((words[2], words[1]))
                failed += bool(wrong)
                print(f"{'not ok' if wrong else 'ok'} {number} - {path.stem}: {' '.join(words[:4])}", flush=True)
                if wrong:
                    print(f"# {wrong}")
    if not wanted:
        rules = json.loads(subprocess.run([program, "rules", "-f", "json"], capture_output=True, text=True, check=True).stdout)["rules"]
        missing = [f"{rule['id']} ({kind})" for rule in rules for kind in ("expect", "silent") if (rule["id"], kind) not in seen]
        number += 1
        failed += bool(missing)
        print(f"{'not ok' if missing else 'ok'} {number} - every rule has both cases")
        if missing:
            print(f"# missing: {', '.join(missing)}")
        for dump in sorted((HERE.parent.parent / "testdata/real").glob("*.hprof.gz")):
            number += 1
            run = subprocess.run([program, "suspects", "-f", "json", "--no-index", dump], capture_output=True, text=True, check=True)
            loud = [f["title"] for f in json.loads(run.stdout)["patterns"] if f["certainty"] != "seen"]
            failed += bool(loud)
            print(f"{'not ok' if loud else 'ok'} {number} - {dump.name} is quiet")
            if loud:
                print(f"# {loud}")
    print(f"1..{number}")
    sys.exit(1 if failed else 0)


main()
