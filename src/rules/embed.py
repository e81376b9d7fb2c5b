#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes a C file of text files: usage: embed.py OUT.c FILE..."""
import pathlib
import sys


def numbers(data):
    """The bytes of a text and a NUL as lines of C numbers (string literals have a length limit)."""
    data = data + b"\0"
    return ["    " + ", ".join(str(byte if byte < 128 else byte - 256) for byte in data[i:i + 24]) + "," for i in range(0, len(data), 24)]


def main():
    files = [pathlib.Path(name) for name in sys.argv[2:]]
    lines = ["/* SPDX-License-Identifier: MIT */", "/* Made by embed.py. */", '#include "rules/rules_builtin.h"', ""]
    for number, path in enumerate(files):
        lines += [f"static const char text_{number}[] = {{"] + numbers(path.read_bytes()) + ["};", ""]
    lines.append("const struct ha_builtin_rules ha_builtin_rules[] = {")
    lines += [f'    {{"{path.name}", text_{number}}},' for number, path in enumerate(files)]
    lines += ["};", "const size_t ha_builtin_rules_count = sizeof ha_builtin_rules / sizeof *ha_builtin_rules;"]
    pathlib.Path(sys.argv[1]).write_text("\n".join(lines) + "\n", encoding="utf-8")


main()
