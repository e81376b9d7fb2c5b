#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs golden tests of the command line: GROUP/NAME.sh, each in a fresh folder, compared with what stands beside it.

    NAME.stdout.exact    standard output, byte for byte
    NAME.stdout.glob     the same with patterns: `*` is any text within a line, a line `...` is any lines
    NAME.stderr.*        standard error
    NAME.exit            the exit code of the script, 0 without the file

Without a file the stream must be empty. A script that cannot run here exits with 77 after a line on stderr that says why. A script finds the program in $HPROF_ANALYZE, the dump generator in $DUMPGEN, heap texts in $HEAPS, and
`json FILE PATH...` (json_get.py) on its path.

usage: run.py [--bless] PROGRAM DUMPGEN [GROUP|GROUP/NAME]...

--bless writes what came out as the new expectation; .glob files that still match are kept. Review the difference like code.
"""
import difflib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
TIMEOUT_S = 120
SKIPPED = 77


def glob_regex(pattern):
    """A regular expression for a .glob file."""
    parts = []
    for line in pattern.splitlines():
        if line == "...":
            parts.append(r"(?:.*\n)*?")
        else:
            parts.append(".*".join(re.escape(piece) for piece in line.split("*")) + "\n")
    return re.compile("".join(parts))


def expected(script, stream):
    """(path, text) of the file that says what the stream holds; (None, "") if there is none."""
    for kind in ("exact", "glob"):
        path = script.with_suffix(f".{stream}.{kind}")
        if path.exists():
            return path, path.read_text(encoding="utf-8")
    return None, ""


def matches(path, text, actual):
    if path is not None and path.suffix == ".glob":
        return glob_regex(text).fullmatch(actual) is not None
    return text == actual


def run_script(script, program, dumpgen):
    scratch = tempfile.mkdtemp(prefix="ha-cli-")
    tools = pathlib.Path(scratch) / ".tools"
    tools.mkdir()
    (tools / "json").write_text(f'#!/bin/sh\nexec "{sys.executable}" "{HERE}/json_get.py" "$@"\n', encoding="utf-8")
    (tools / "json").chmod(0o755)
    env = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLUMNS")}
    env.update(HPROF_ANALYZE=program, DUMPGEN=dumpgen, HEAPS=str(HERE / "heaps"), TOP=str(HERE.parent.parent), HOME=scratch, LC_ALL="C.UTF-8",
               TZ="UTC", XDG_CACHE_HOME=f"{scratch}/.cache", PATH=f"{tools}:{os.environ['PATH']}")
    work = pathlib.Path(scratch) / "work"
    work.mkdir()
    try:
        return subprocess.run(["sh", str(script)], cwd=work, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S)
    finally:
        shutil.rmtree(scratch)


def bless(script, stream, actual):
    path, text = expected(script, stream)
    if matches(path, text, actual):
        return
    if path is not None:
        path.unlink()
    if actual:
        script.with_suffix(f".{stream}.exact").write_text(actual, encoding="utf-8")


def complain(script, stream, path, text, actual):
    name = path.name if path is not None else f"(no {stream} expected)"
    for line in difflib.unified_diff(text.splitlines(), actual.splitlines(), name, "what came out", lineterm="", n=1):
        print(f"# {line}")


def check(script, result, blessing):
    """Whether the script did what is expected of it."""
    good = True
    exit_path = script.with_suffix(".exit")
    code = int(exit_path.read_text(encoding="utf-8")) if exit_path.exists() else 0
    if result.returncode != code:
        if blessing:
            exit_path.unlink(missing_ok=True)
            if result.returncode != 0:
                exit_path.write_text(f"{result.returncode}\n", encoding="utf-8")
        else:
            print(f"# exit code {result.returncode}, expected {code}")
            good = False
    for stream, data in (("stdout", result.stdout), ("stderr", result.stderr)):
        actual = data.decode("utf-8", "backslashreplace")
        if blessing:
            bless(script, stream, actual)
            continue
        path, text = expected(script, stream)
        if not matches(path, text, actual):
            complain(script, stream, path, text, actual)
            good = False
    return good


def main():
    blessing = "--bless" in sys.argv
    words = [word for word in sys.argv[1:] if word != "--bless"]
    if len(words) < 2:
        sys.exit(__doc__)
    program, dumpgen = (str(pathlib.Path(word).resolve()) for word in words[:2])
    wanted = words[2:]
    scripts = [path for path in sorted(HERE.glob("*/*.sh"))
               if not wanted or path.parent.name in wanted or f"{path.parent.name}/{path.stem}" in wanted]
    if not scripts:
        sys.exit("no such test")
    failed = 0
    print(f"1..{len(scripts)}")
    for number, script in enumerate(scripts, 1):
        result = run_script(script, program, dumpgen)
        if result.returncode == SKIPPED:
            print(f"ok {number} - {script.parent.name}/{script.stem} # SKIP {result.stderr.decode().strip()}", flush=True)
            continue
        good = check(script, result, blessing)
        failed += not good
        print(f"{'ok' if good else 'not ok'} {number} - {script.parent.name}/{script.stem}", flush=True)
    sys.exit(1 if failed else 0)


main()
