#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Which lines of the engine the normal tests run: builds with gcov in a folder of its own, runs the tests, prints a table per folder.

usage: coverage.py SOURCE BUILD [--lines] [--suite NAME]... [FOLDER]...

    SOURCE    the repository; BUILD: where to build (made when missing, brought up to date otherwise)
    --lines   list the lines that no test ran, per file
    --suite   run these suites alone; by default all but slow and lint
    FOLDER    of src/; input hprof heap index by default

Nothing is left out of the count: a line that cannot be reached should not be there. Headers of a folder count with its sources. A process that
is killed writes no counts, so code that only runs in such processes shows as not run. Needs gcov and gcovr; exit code 77 without them.
"""
import argparse
import collections
import json
import pathlib
import shutil
import subprocess
import sys

SKIPPED = 77
FOLDERS = ["input", "hprof", "heap", "index"]


def run(*command, check=True, **more):
    return subprocess.run([str(word) for word in command], check=check, **more)


def build(source, folder):
    if not (folder / "build.ninja").exists():
        run("meson", "setup", folder, source, "-Dtests=true", "-Dbuildtype=debug", "-Doptimization=1", "-Db_coverage=true", stdout=subprocess.DEVNULL)
    run("ninja", "-C", folder, stdout=subprocess.DEVNULL)


def test(folder, suites):
    for counts in folder.rglob("*.gcda"):
        counts.unlink()
    chosen = [word for suite in suites for word in ("--suite", suite)] or ["--no-suite", "lint", "--no-suite", "headers"]
    result = run("meson", "test", "-C", folder, "--no-rebuild", "-q", "--no-suite", "slow", *chosen, "--timeout-multiplier", "4",
                 check=False, stdout=subprocess.DEVNULL)
    return result.returncode == 0


def lines_run(source, folder, folders):
    """{file: {line: count}}, a line of several functions or copies counted once."""
    filters = [word for name in folders for word in ("--filter", f"{source}/(src|include/ha)/{name}/")]
    report = run("gcovr", "--root", source, "--object-directory", folder, "--json", "-", *filters, folder, capture_output=True, text=True)
    files = collections.defaultdict(dict)
    for entry in json.loads(report.stdout)["files"]:
        for line in entry["lines"]:
            if not line.get("gcovr/noncode", False):
                counts = files[entry["file"]]
                counts[line["line_number"]] = max(counts.get(line["line_number"], 0), line["count"])
    return files


def ranges(numbers):
    """[1, 2, 3, 7] as "1-3 7"."""
    text, first = [], None
    for number in numbers:
        if first is not None and number == last + 1:
            last = number
            continue
        if first is not None:
            text.append(f"{first}-{last}" if last > first else str(first))
        first = last = number
    if first is not None:
        text.append(f"{first}-{last}" if last > first else str(first))
    return " ".join(text)


def print_table(files, folders, with_lines):
    print("folder      lines      run  percent")
    total = ran = 0
    for name in folders:
        mine = {path: counts for path, counts in files.items() if pathlib.PurePath(path).parent.name == name}
        lines = sum(len(counts) for counts in mine.values())
        hit = sum(1 for counts in mine.values() for count in counts.values() if count > 0)
        total, ran = total + lines, ran + hit
        print(f"{name:<10} {lines:>6} {hit:>8} {100 * hit / max(lines, 1):>7.1f} %")
        for path, counts in sorted(mine.items()):
            missed = [line for line, count in sorted(counts.items()) if count == 0]
            if with_lines and missed:
                print(f"    {path} {100 - 100 * len(missed) / len(counts):.1f} %: {ranges(missed)}")
    print(f"{'all':<10} {total:>6} {ran:>8} {100 * ran / max(total, 1):>7.1f} %")
    return total > 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--lines", action="store_true")
    parser.add_argument("--suite", action="append", default=[])
    parser.add_argument("folders", nargs="*", default=FOLDERS)
    options = parser.parse_args()
    missing = [tool for tool in ("gcov", "gcovr", "meson", "ninja") if shutil.which(tool) is None]
    if missing:
        print(f"skipped: no {', '.join(missing)}")
        sys.exit(SKIPPED)
    source = options.source.resolve()
    build(source, options.build.resolve())
    passed = test(options.build.resolve(), options.suite)
    found = print_table(lines_run(source, options.build.resolve(), options.folders), options.folders, options.lines)
    if not passed:
        print("some tests failed in this build: the figures are those of the others")
    sys.exit(0 if passed and found else 1)


if __name__ == "__main__":
    main()
