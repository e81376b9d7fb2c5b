#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A program built for any x86-64 uses newer instructions only where it has looked for them first.

usage: check_baseline.py PROGRAM

Disassembles the program (objdump) and complains about instructions of later processors outside of functions that are chosen at load time, whose
names end in the name of the extension. Exits with 77, skipped, without objdump or on another architecture.
"""
import platform
import re
import shutil
import subprocess
import sys

FUNCTION = re.compile(r"^[0-9a-f]+ <(.*)>:$")
# mnemonic, and what the name of a function that may use it holds
LATER = [(re.compile(r"popcnt[wlq]?$"), ".popcnt"), (re.compile(r"(lzcnt|andn|blsr|blsi|blsmsk|pdep|pext|mulx|shlx|shrx|sarx|rorx|crc32)[wlqb]?$"), None),
         (re.compile(r"v[a-z0-9]+$"), None)]
# tzcnt is not among them: older processors run it as bsf, and compilers use it where both give the same
NOT_LATER = {"verr", "verw", "vmcall"}


def complaints(disassembly):
    function = "?"
    for line in disassembly:
        match = FUNCTION.match(line)
        if match:
            function = match[1]
            continue
        words = line.split("\t")
        mnemonic = words[1].split()[0] if len(words) > 1 and words[1].split() else ""
        for pattern, allowed in LATER:
            if pattern.match(mnemonic) and mnemonic not in NOT_LATER and not (allowed and allowed in function):
                yield f"{function}: {words[1].strip()}"


def main():
    if platform.machine() != "x86_64" or shutil.which("objdump") is None:
        sys.exit(77)
    listing = subprocess.run(["objdump", "-d", "--no-show-raw-insn", sys.argv[1]], capture_output=True, text=True, check=True).stdout
    if listing.count("\n") < 1000:
        sys.exit("objdump showed no program")
    found = list(complaints(listing.splitlines()))
    for line in found[:20]:
        print(line)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
