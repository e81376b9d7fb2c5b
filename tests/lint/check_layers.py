#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The order of the subdir() lines in src/meson.build is the architecture: a folder includes only itself and folders above its line.

Also: headers below src/ are private to their folder, a library has one file (or folder) that includes it, renderers see documents only, and the
unit tests know the folders in the same order.

usage: check_layers.py ROOT
"""
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')

# Stricter than the order: all that the folder may include.
ONLY = {"render": {"base", "report", "render"}}

# Headers of libraries and the one place that includes them.
DOORS = {
    "xxhash.h": "src/base/hash.c",
    "pcre2.h": "src/base/regex.c",
    "jansson.h": "src/base/json_read.c",
    "yaml.h": "src/base/yaml_read.c",
    "zlib.h": "src/input/",
}


def folder_of(path):
    """The folder of src/<folder>/... or include/ha/<folder>/...; None for src/main.c."""
    parts = path.parts[1:] if path.parts[0] == "src" else path.parts[2:]
    return parts[0] if len(parts) > 1 else None


def check_include(path, kind, target, order):
    """The complaint about one include line, or None."""
    if kind == "<":
        door = DOORS.get(target)
        return f"<{target}> may be included in {door} only" if door and not str(path).startswith(door) else None
    own = folder_of(path)
    parts = pathlib.PurePath(target).parts
    if parts[0] != "ha":
        if len(parts) > 1 and parts[0] in order and parts[0] != own:
            return f'"{target}" is private to {parts[0]}'
        return None
    if len(parts) < 3 or parts[1] not in order:
        return f'"{target}" is of no folder in src/meson.build'
    if own is None:
        return None
    if order.index(parts[1]) > order.index(own):
        return f"{own} includes {parts[1]}, which comes after it"
    if own in ONLY and parts[1] not in ONLY[own]:
        return f"{own} may not know {parts[1]}"
    return None


def check_file(root, path, order):
    own = folder_of(path)
    if own is not None and own not in order:
        yield f"{path}:1: {own} has no subdir() line in src/meson.build"
        return
    for number, line in enumerate((root / path).read_text(encoding="utf-8").split("\n"), 1):
        match = INCLUDE.match(line)
        complaint = check_include(path, match[1], match[2], order) if match else None
        if complaint:
            yield f"{path}:{number}: {complaint}"


def check_unit_order(root, order):
    path = root / "tests/unit/meson.build"
    if path.exists():
        match = re.search(r"unit_folders = \[([^\]]*)\]", path.read_text(encoding="utf-8"))
        names = re.findall(r"'(\w+)'", match[1]) if match else []
        if [name for name in names if name in order] != order:
            yield "tests/unit/meson.build:1: unit_folders is not the order of src/meson.build"


def main():
    root = pathlib.Path(sys.argv[1])
    order = re.findall(r"^subdir\('(\w+)'\)", (root / "src/meson.build").read_text(encoding="utf-8"), re.M)
    complaints = [] if order else ["src/meson.build:1: no subdir() lines"]
    for top in ("src", "include"):
        for path in sorted((root / top).rglob("*.[ch]")):
            complaints += check_file(root, path.relative_to(root), order)
    complaints += check_unit_order(root, order)
    print("\n".join(complaints))
    sys.exit(1 if complaints else 0)


main()
