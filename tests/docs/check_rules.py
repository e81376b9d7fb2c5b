#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the examples of docs/rules.md: files that work find what the page says, wrong ones are refused with the message the page says, and the tables of functions
and collectors name what there is.

usage: check_rules.py ROOT PROGRAM DUMPGEN
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

HEAP = """
use jdk17
use collections
class com.acme.BillingClient fields boolean closed, ref buffer
class com.acme.cache.TenantCache fields ref tenant, ref map, int limit
object @c0 com.acme.BillingClient closed=true
object @c1 com.acme.BillingClient
object @c2 com.acme.BillingClient
object @c3 com.acme.BillingClient
object @m0 java.util.HashMap size=3
object @m1 java.util.HashMap size=9
string @blue "blue"
string @red "red"
object @t0 com.acme.cache.TenantCache tenant=@blue map=@m0
object @t1 com.acme.cache.TenantCache tenant=@red map=@m1 limit=10
array @all java.lang.Object[] [@c0, @c1, @c2, @c3, @t0, @t1]
root jni-global @all
"""


def blocks(text):
    """(kind, name, body) of the fenced blocks that carry `kind=name`."""
    return [(kind, name, body) for kind, name, body in re.findall(r"```\w+ (\w+)=(\w+)\n(.*?)```", text, flags=re.S)]


def told(finding):
    lines = [f"{finding['pattern']} {finding['certainty']}: {finding['title']}"]
    for line in finding["evidence"]:
        lines.append(line["text"] if line["value"] is None else f"{line['text']} {line['value']}")
    return "\n".join(lines) + "\n"


def complain(what, expected, actual):
    print(f"{what}: the page says\n{expected}but the program\n{actual}")
    return 1


def main():
    root = pathlib.Path(sys.argv[1])
    program, dumpgen = (str(pathlib.Path(word).resolve()) for word in sys.argv[2:4])
    page = (root / "docs/rules.md").read_text(encoding="utf-8")
    found = blocks(page)
    expected = {(kind, name): body for kind, name, body in found if kind in ("result", "message")}
    failed = 0
    with tempfile.TemporaryDirectory(prefix="ha-docs-") as folder:
        work = pathlib.Path(folder)
        (work / "x.heap").write_text(HEAP, encoding="utf-8")
        subprocess.run([dumpgen, "x.heap", "x.hprof"], cwd=work, check=True)
        for kind, name, body in found:
            if kind not in ("example", "wrong"):
                continue
            (work / f"{name}.yaml").write_text(body, encoding="utf-8")
            run = subprocess.run([program, "suspects", "-f", "json", "--no-index", "--rules", f"{name}.yaml", "x.hprof"], cwd=work, capture_output=True, text=True)
            if kind == "example":
                ids = re.findall(r"- id: (\S+)", body)
                actual = "".join(told(f) for f in json.loads(run.stdout)["patterns"] if f["pattern"] in ids) if run.returncode == 0 else run.stderr
                if actual != expected["result", name]:
                    failed += complain(name, expected["result", name], actual)
            else:
                message = expected["message", name].strip()
                if run.returncode != 2 or not run.stderr.startswith(f"hprof-analyze: {message};"):
                    failed += complain(name, message + "\n", f"exit code {run.returncode}: {run.stderr}")
    functions = set(re.findall(r'^    \{"(\w+)", "[a-zA-Z*+?]*", TYPE_', (root / "src/rules/rules_functions.c").read_text(encoding="utf-8"), flags=re.M))
    collectors = set(re.findall(r'^    \{"(\w+)", \{"', (root / "src/rules/rules_collectors.c").read_text(encoding="utf-8"), flags=re.M))
    keys = set(re.findall(r'^    \{"([\w-]+)", (?:true|false), read_', (root / "src/rules/rules_rule.c").read_text(encoding="utf-8"), flags=re.M))
    for name in sorted(functions):
        if f"`{name}(" not in page:
            failed += complain(f"function {name}", "nothing\n", "has it\n")
    for name in sorted(collectors | keys):
        if f"`{name}`" not in page:
            failed += complain(name, "nothing\n", "has it\n")
    if not functions or not collectors or not keys:
        failed += complain("tables", "", "cannot be read\n")
    sys.exit(1 if failed else 0)


main()
