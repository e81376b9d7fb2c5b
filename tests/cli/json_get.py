#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints parts of a JSON document, one a line: json FILE PATH... PATH is keys and indexes joined by dots; `*` is every element; `keys` at the end
lists the keys of a record, `len` counts. `-` is standard input."""
import json
import sys


def walk(value, parts):
    if not parts:
        yield value
        return
    head, rest = parts[0], parts[1:]
    if head == "*":
        for element in value:
            yield from walk(element, rest)
    elif head == "keys" and isinstance(value, dict) and "keys" not in value:
        yield " ".join(value)
    elif head == "len" and isinstance(value, list):
        yield len(value)
    else:
        yield from walk(value[int(head)] if isinstance(value, list) else value[head], rest)


def main():
    with sys.stdin if sys.argv[1] == "-" else open(sys.argv[1], encoding="utf-8") as file:
        document = json.load(file)
    for path in sys.argv[2:]:
        for value in walk(document, path.split(".")):
            print(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


main()
