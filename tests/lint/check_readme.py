#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the session that README.md shows and compares: in each ```console block, every line `$ COMMAND` is followed by what it prints.

Empty lines at the end of an output do not matter. Commands run in a fresh folder that holds copies of the files below testdata/ they name,
with the program on the path as hprof-analyze.

usage: check_readme.py [--bless] ROOT PROGRAM        --bless writes what came out into README.md
"""
import difflib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

BLOCK = re.compile(r"(?<=^```console\n)(.*?)(?=^```$)", re.M | re.S)
TIMEOUT_S = 60


def run(command, root, folder):
    for name in re.findall(r"testdata/[\w./-]+", command):
        copy = folder / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if not copy.exists():
            shutil.copyfile(root / name, copy)
    environment = {"PATH": f"{folder}/bin:{os.environ['PATH']}", "HOME": str(folder), "LC_ALL": "C.UTF-8", "COLUMNS": "100"}
    done = subprocess.run(["sh", "-c", command], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=TIMEOUT_S, check=False)
    return done.stdout.decode("utf-8", "replace")


def session(block, root, folder):
    """The block with the output of its commands in place of the lines that are no commands."""
    result = ""
    for command in re.findall(r"^\$ (.*)$", block, re.M):
        result += ("\n" if result else "") + f"$ {command}\n" + run(command, root, folder).rstrip("\n") + "\n"
    return result


def main():
    bless = sys.argv[1] == "--bless"
    root, program = (pathlib.Path(arg).resolve() for arg in sys.argv[-2:])
    readme = root / "README.md"
    text = readme.read_text(encoding="utf-8")
    if not BLOCK.search(text):
        sys.exit("README.md:1: no ```console block")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "bin").mkdir()
        (folder / "bin/hprof-analyze").symlink_to(program)
        true = BLOCK.sub(lambda match: session(match[1], root, folder), text)
    if bless:
        readme.write_text(true, encoding="utf-8")
    elif true != text:
        sys.stdout.writelines(difflib.unified_diff(text.splitlines(True), true.splitlines(True), "README.md", "what the program prints"))
        sys.exit(1)


main()
