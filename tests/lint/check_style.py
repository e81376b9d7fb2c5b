#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The rules of docs/house-style.md that a script can see; each complaint is file:line: what.

usage: check_style.py ROOT
"""
import pathlib
import re
import sys
import unicodedata

SUFFIXES = {".c", ".h", ".def", ".py", ".sh", ".md", ".css", ".js"}
NAMES = {"meson.build", "meson_options.txt"}
TOPS = ("include", "src", "tests", "docs")
LENGTH_HARD = 1000
LENGTH_SOFT = 600

# what may not be called, why, and where it may (path beginnings)
BANNED = [
    (r"\b(strcpy|strcat|stpcpy|sprintf|vsprintf|gets|strtok|atoi|atol|atoll|strtol|alloca)\s*\(", "banned", ("src/base/",)),
    (r"\b(malloc|calloc|realloc|reallocarray|strdup|strndup|asprintf|free)\s*\(", "memory comes from base/mem.h", ("src/base/mem.c",)),
    (r"\b(fopen|creat|rename|renameat|linkat|mkstemp|mkostemp)\s*\(|\bO_(CREAT|TMPFILE)\b",
     "files come into being in base/file.h, whole or not at all", ("src/base/file.c",)),
    (r"\b(printf|puts|putchar|perror|exit|_exit|abort)\s*\(|\b(stdout|stderr)\b", "only src/cli prints or exits", ("src/cli/", "src/main.c")),
    (r"\bstatic (inline )?void \w*prefetch\w*\s*\(", "what only asks ahead is HA_INLINE, or gcc drops it", ()),
]
TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def without_text(source):
    """The C source with comments and literals blanked, line breaks kept."""
    return TOKEN.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), source)


def check_bytes(path, text):
    if not text.endswith("\n") or text.endswith("\n\n"):
        yield text.count("\n") or 1, "the file must end with one line feed"
    for number, line in enumerate(text.split("\n"), 1):
        if "\t" in line:
            yield number, "tab"
        if line.rstrip() != line:
            yield number, "trailing blank"
        for char in line:
            if char != "\t" and unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp", "Co", "Cn"):
                yield number, f"invisible character U+{ord(char):04X}"
    if path.suffix not in (".md", ".css", ".js") and path.name != "meson_options.txt":
        if "SPDX-License-Identifier: MIT" not in "\n".join(text.split("\n")[:2]):
            yield 1, "no SPDX line"


def check_code(path, text):
    length = text.count("\n")
    if length > LENGTH_HARD:
        yield length, f"{length} lines, the limit is {LENGTH_HARD}"
    elif length > LENGTH_SOFT:
        print(f"{path}:{length}: warning: {length} lines, more than {LENGTH_SOFT}")
    if path.parts[0] not in ("src", "include"):
        return
    for number, line in enumerate(without_text(text).split("\n"), 1):
        for pattern, reason, allowed in BANNED:
            match = re.search(pattern, line)
            if match and not str(path).startswith(allowed):
                yield number, f"{match[0].rstrip('( ')}: {reason}"


def check_guard(path, text):
    if path.parts[:2] == ("include", "ha"):
        guard = "_".join(("HA",) + path.parts[2:-1] + (path.stem, "H")).upper()
        if f"#ifndef {guard}\n#define {guard}\n" not in text:
            yield 1, f"the guard must be {guard}"


def check_file(root, path):
    try:
        text = (root / path).read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        return [f"{path}:1: not UTF-8: {error.reason}"]
    found = list(check_bytes(path, text))
    if path.suffix in (".c", ".h", ".def"):
        found += check_code(path, text)
        found += check_guard(path, text)
    return [f"{path}:{number}: {what}" for number, what in found]


def files(root):
    yield from (p for p in root.iterdir() if p.name in NAMES or p.suffix == ".md")
    for top in TOPS:
        for path in sorted((root / top).rglob("*")):
            if path.is_file() and (path.suffix in SUFFIXES or path.name in NAMES):
                yield path


def main():
    root = pathlib.Path(sys.argv[1])
    complaints = [c for path in files(root) for c in check_file(root, path.relative_to(root))]
    print("\n".join(complaints))
    sys.exit(1 if complaints else 0)


main()
