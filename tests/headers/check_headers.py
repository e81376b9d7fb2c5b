#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compiles every header of include/ and src/ alone and twice in a row: each must bring what it needs, and guard itself.

usage: check_headers.py ROOT COMPILER [ARG...]
"""
import concurrent.futures
import pathlib
import subprocess
import sys

FLAGS = ["-std=c17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wundef", "-Wstrict-prototypes", "-Werror",
         "-Wno-gnu-statement-expression", "-Wno-unused-function", "-Wno-unused-const-variable", "-fsyntax-only", "-x", "c", "-"]


def compile_alone(root, compiler, header):
    text = f'#include "{header}"\n' * 2
    command = compiler + ["-I", str(root / "include"), "-I", str(root / "src")] + FLAGS
    run = subprocess.run(command, input=text, capture_output=True, text=True)
    return run.stderr if run.returncode != 0 else None


def main():
    root = pathlib.Path(sys.argv[1])
    headers = [str(p.relative_to(root / top)) for top in ("include", "src") for p in sorted((root / top).rglob("*.h"))]
    if not headers:
        sys.exit(f"no headers below {root}")
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for header, error in zip(headers, pool.map(lambda h: compile_alone(root, sys.argv[2:], h), headers)):
            if error is not None:
                failed += 1
                print(f"{header} does not compile alone:\n{error}")
    print(f"{len(headers)} headers, {failed} failed")
    sys.exit(1 if failed else 0)


main()
