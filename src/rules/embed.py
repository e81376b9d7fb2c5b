#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes a C file of the built-in rules files: their texts, and where each rule stands and which classes it names, so that only rules that can match are read.

usage: embed.py OUT.c FILE...

The files are written in one way (two blanks before `- id:`, four before keys), which is all that is understood here; tests/rules/check_fields.py compares with
what YAML says.
"""
import pathlib
import re
import sys

RULE = re.compile(r"^  - id: (\S+)$", re.M)
OBJECTS = re.compile(r"^    (class|subclasses-of|prefix|static|collector):(.*(?:\n {6,}.*)*)", re.M)


def rules_of(text):
    """(id, first character, end, names) of every rule. Names: classes; 'BEGINNING*' of a prefix; None: a collector, which looks at any heap."""
    starts = list(RULE.finditer(text))
    for start, end in zip(starts, [s.start() for s in starts[1:]] + [len(text)]):
        key, value = OBJECTS.search(text, start.start(), end).groups()
        words = [word.strip().removeprefix("- ").split("#")[0] for word in re.split(r"[\[\],\n]", value)]
        names = [word + "*" if key == "prefix" else word for word in words if word]
        yield start.group(1), start.start(), end, None if key == "collector" else names


def numbers(data):
    """The bytes of a text and a NUL as lines of C numbers (string literals have a length limit)."""
    data = data + b"\0"
    return ["    " + ", ".join(str(byte if byte < 128 else byte - 256) for byte in data[i:i + 24]) + "," for i in range(0, len(data), 24)]


def main():
    files = [pathlib.Path(name) for name in sys.argv[2:]]
    lines = ["/* SPDX-License-Identifier: MIT */", "/* Made by embed.py. */", '#include "rules/rules_builtin.h"', ""]
    rules = []
    for number, path in enumerate(files):
        text = path.read_text(encoding="utf-8")
        lines += [f"static const char text_{number}[] = {{"] + numbers(text.encode()) + ["};", ""]
        for name, start, end, classes in rules_of(text):
            place = f"{number}, {len(text[:start].encode())}, {len(text[:end].encode())}"
            if classes is not None:
                lines.append(f"static const char *const names_{len(rules)}[] = {{" + ", ".join(f'"{c}"' for c in classes) + ", NULL};")
            rules.append(f'    {{"{name}", {place}, {"NULL" if classes is None else f"names_{len(rules)}"}}},')
    lines.append("const struct ha_builtin_file ha_builtin_files[] = {")
    lines += [f'    {{"{path.name}", text_{number}}},' for number, path in enumerate(files)]
    lines += ["};", "const size_t ha_builtin_file_count = sizeof ha_builtin_files / sizeof *ha_builtin_files;", "const struct ha_builtin_rule ha_builtin_rules[] = {"]
    lines += rules + ["};", "const size_t ha_builtin_rule_count = sizeof ha_builtin_rules / sizeof *ha_builtin_rules;"]
    pathlib.Path(sys.argv[1]).write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
