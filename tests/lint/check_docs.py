#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the code lists, the documentation lists too:

    section ids     include/ha/heap/heap_sections.h   in a table row of docs/index-format.md
    commands        src/cli/commands.def              in the manual page, and a folder of tests in tests/cli
    exit codes      src/cli/exit.h                    in the manual page, below EXIT STATUS
    codes of damage include/ha/base/diag.h            in a table row of docs/hprof-format.md
    libraries       meson.build, tests/meson.build    their packages in the set-up commands of README.md
    links           README.md, docs/*.md              lead to a file

usage: check_docs.py ROOT
"""
import pathlib
import re
import sys

SECTIONS = "include/ha/heap/heap_sections.h"
COMMANDS = "src/cli/commands.def"
EXITS = "src/cli/exit.h"
CODES = "include/ha/base/diag.h"
MAN = "docs/hprof-analyze.1"

# Debian's packages for what meson.build asks for.
PACKAGES = {
    "check": "check",
    "jansson": "libjansson-dev",
    "libdeflate": "libdeflate-dev",
    "libpcre2-8": "libpcre2-dev",
    "libxxhash": "libxxhash-dev",
    "threads": "libc6-dev",
    "yaml-0.1": "libyaml-dev",
    "zlib": "zlib1g-dev",
}


class Tree:
    """The source tree, and what is wrong with it."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.complaints = []

    def read(self, path):
        try:
            return (self.root / path).read_text(encoding="utf-8")
        except FileNotFoundError:
            self.complaints.append(f"{path}:1: is missing")
            return ""

    def listed(self, path, pattern):
        """All matches of a pattern with their line numbers; none at all is a mistake of the pattern."""
        found = []
        for number, line in enumerate(self.read(path).split("\n"), 1):
            match = re.search(pattern, line)
            if match:
                found.append((number, "".join(match.groups())))
        if not found:
            self.complaints.append(f"{path}:1: nothing found that looks like {pattern}")
        return found

    def expect(self, condition, path, number, what):
        if not condition:
            self.complaints.append(f"{path}:{number}: {what}")


def in_first_cell(text, word):
    return re.search(rf"^\| `{re.escape(word)}` \|", text, re.M) is not None


def check_sections(tree):
    text = tree.read("docs/index-format.md")
    for number, name in tree.listed(SECTIONS, r"HA_INDEX_ID\('(.)', '(.)', '(.)', '(.)'\)"):
        tree.expect(in_first_cell(text, name), SECTIONS, number, f"section {name} has no row in docs/index-format.md")


def check_commands(tree, man):
    for number, name in tree.listed(COMMANDS, r"^HA_COMMAND\((\w+),"):
        tree.expect(re.search(rf"^\.B hprof\\-analyze {name}\b", man, re.M), COMMANDS, number, f"command {name} is not in {MAN}")
        folder = tree.root / "tests/cli" / name
        tree.expect(any(folder.glob("*.sh")), COMMANDS, number, f"command {name} has no test in tests/cli/{name}")


def check_exits(tree, man):
    status = man.partition(".SH EXIT STATUS\n")[2].partition("\n.SH ")[0]
    for number, code in tree.listed(EXITS, r"^\s*X\(\w+, (\d+),"):
        tree.expect(re.search(rf"^\.B {code}$", status, re.M), EXITS, number, f"exit code {code} is not in {MAN}")


def check_codes(tree):
    text = tree.read("docs/hprof-format.md")
    for number, code in tree.listed(CODES, r'^\s*X\(\w+, "([a-z-]+)",'):
        tree.expect(in_first_cell(text, code), CODES, number, f"code {code} has no row in docs/hprof-format.md")


def check_packages(tree):
    installed = " ".join(re.findall(r"apt-get install ([^&|;]*)", tree.read("README.md"))).split()
    for path in ("meson.build", "tests/meson.build"):
        for number, name in tree.listed(path, r"\bdependency\('([^']+)'"):
            package = PACKAGES.get(name, f"a package for {name}, which check_docs.py does not know,")
            tree.expect(package in installed, path, number, f"{package} is not installed by the commands in README.md")


def check_links(tree):
    for path in [tree.root / "README.md", *sorted((tree.root / "docs").glob("*.md"))]:
        name = path.relative_to(tree.root)
        for number, line in enumerate(tree.read(name).split("\n"), 1):
            for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", line):
                tree.expect((path.parent / target).exists(), name, number, f"link to {target}, which does not exist")


def main():
    tree = Tree(sys.argv[1])
    man = tree.read(MAN)
    check_sections(tree)
    check_commands(tree, man)
    check_exits(tree, man)
    check_codes(tree)
    check_packages(tree)
    check_links(tree)
    print("\n".join(tree.complaints))
    sys.exit(1 if tree.complaints else 0)


main()
