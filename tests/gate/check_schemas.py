#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Validates answers of every command on every bundled dump, and saved reports of earlier versions, against docs/schema.

usage: check_schemas.py PROGRAM TOP

Besides: every key of an answer is in its schema; every command that answers in JSON has a schema; a wrong answer is told. Without the package jsonschema
(python3-jsonschema) the exit code is 77 (skipped).
"""
import copy
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

try:
    import jsonschema
except ImportError:
    if sys.executable != "/usr/bin/python3" and os.path.exists("/usr/bin/python3"):  # where Debian's package is
        os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])
    print("skipped: the package jsonschema is not there")
    sys.exit(77)

SKIPPED = 77
NO_SCHEMA = {"export", "help"}  # rows for other programs; prose
FAILURES = []


def check(holds, what):
    if not holds:
        FAILURES.append(what)
        print(f"WRONG: {what}", flush=True)


class Schemas:
    def __init__(self, folder):
        self.all = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")}
        for name, schema in self.all.items():
            jsonschema.Draft202012Validator.check_schema(schema)
            check(schema["$id"] == name, f"{name}: $id")

    def resolver(self, name):
        return jsonschema.RefResolver(name, self.all[name], store=self.all)

    def errors(self, name, answer):
        validator = jsonschema.Draft202012Validator(self.all[name], resolver=self.resolver(name))
        return [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}" for error in validator.iter_errors(answer)]

    def unknown(self, name, answer):
        """Paths of keys that the schema does not mention."""
        return sorted(set(self.walk(self.resolver(name), self.all[name], answer, "")))

    def walk(self, resolver, schema, value, path):
        if "$ref" in schema:
            with resolver.resolving(schema["$ref"]) as target:
                yield from self.walk(resolver, target, value, path)
            return
        for part in schema.get("anyOf", []):
            if part.get("type") != "null" and value is not None:
                yield from self.walk(resolver, part, value, path)
        if isinstance(value, list) and "items" in schema:
            for element in value:
                yield from self.walk(resolver, schema["items"], element, path + "[]")
        if isinstance(value, dict) and "properties" in schema:
            for key, member in value.items():
                if key not in schema["properties"]:
                    yield f"{path}.{key}"
                else:
                    yield from self.walk(resolver, schema["properties"][key], member, f"{path}.{key}")
        elif isinstance(value, dict) and "properties" not in schema and "anyOf" not in schema:
            yield path


class Answers:
    def __init__(self, program, index_dir, schemas):
        self.program, self.index_dir, self.schemas = program, index_dir, schemas
        self.last = {}

    def ask(self, *args):
        done = subprocess.run([self.program, *args, "-q", "-f", "json", "--index-dir", str(self.index_dir)], capture_output=True, timeout=120,
                              check=False)
        check(done.returncode in (0, 1), f"{' '.join(args)}: exit {done.returncode} {done.stderr[:200]}")
        answer = json.loads(done.stdout)
        self.validate(answer, " ".join(args))
        return answer

    def validate(self, answer, what):
        name = answer["command"].replace(" ", "-") + ".json"
        if name not in self.schemas.all:
            check(False, f"{what}: no schema {name}")
            return
        for error in self.schemas.errors(name, answer)[:5]:
            check(False, f"{what}: {error}")
        for path in self.schemas.unknown(name, answer)[:10]:
            check(False, f"{what}: {path} is not in the schema")
        self.last[name] = answer


def ask_everything(a, dump, folder):
    histogram = a.ask("histogram", dump)
    report = a.ask("report", dump)
    a.ask("report", dump, "-n", "3")
    for threshold in ("10%", "1%"):
        a.ask("suspects", dump, "--threshold", threshold)
    for by in ("package", "loader"):
        a.ask("histogram", dump, "--by", by)
        a.ask("dominators", dump, "--by", by, "-n", "5", "--depth", "2")
    a.ask("histogram", dump, "--sort", "shallow", "--no-index")
    for command in ("top", "loaders", "unreachable", "offheap", "properties"):
        a.ask(command, dump)
    a.ask("threads", dump, "--locals")
    a.ask("dominators", dump, "--depth", "3", "-n", "5")
    for row in [row for row in histogram["histogram"] if row["instances"] > 0][:3]:
        a.ask("paths", dump, "--class", row["class"], "--max", "3")
        a.ask("object", dump, row["class_object"])
    for row in report["top"]["objects"][:5] + [thread["object"] for thread in report["threads"][:1]]:
        a.ask("object", dump, row["address"], "-n", "20")
    a.ask("index", "info", dump)
    baseline = str(folder / "baseline.json")
    a.ask("check", dump, "--no-config", "--baseline", baseline, "--update-baseline")
    a.ask("check", dump, "--no-config", "--baseline", baseline, "--max-growth", "0", "--max-heap", "1K", "--max-instances", "java.lang.String=1", "--forbid",
          "com.acme.None")


def commands(top):
    text = (top / "src" / "cli" / "commands.def").read_text(encoding="utf-8")
    return set(re.findall(r"^HA_COMMAND\((\w+)", text, re.MULTILINE)) - NO_SCHEMA


def check_that_it_can_fail(a):
    """A validator that accepts everything would pass all of the above."""
    for name, break_it in (("suspects.json", lambda d: d["suspects"][0].update(retained_bytes="many")), ("check.json", lambda d: d["check"].pop("passed")),
                           ("histogram.json", lambda d: d.update(schema="hprof-analyze/2"))):
        broken = copy.deepcopy(a.last[name])
        break_it(broken)
        check(a.schemas.errors(name, broken), f"{name}: a wrong answer is not told")
    strange = copy.deepcopy(a.last["suspects.json"])
    strange["suspects"][0]["object"] = {"adress": 1}
    check(a.schemas.unknown("suspects.json", strange), "a key that is in no schema is not told")


def main():
    program, top = str(pathlib.Path(sys.argv[1]).resolve()), pathlib.Path(sys.argv[2]).resolve()
    schemas = Schemas(top / "docs" / "schema")
    dumps = sorted(map(str, (top / "testdata" / "real").glob("*.hprof.gz")))
    with tempfile.TemporaryDirectory(prefix="ha-schema-") as name:
        folder = pathlib.Path(name)
        (folder / "index").mkdir()
        a = Answers(program, folder / "index", schemas)
        for dump in dumps:
            ask_everything(a, dump, folder)
        for old, new in zip(dumps, dumps[1:]):
            a.ask("compare", old, new, "--fail-on-growth", "1%")
        a.ask("compare", *dumps[:3])
        a.ask("rules")
        saved = sorted((top / "testdata" / "reports").glob("*/*report*.json"))
        check(len(saved) >= 2, "saved reports are there")
        for path in saved:
            report = json.loads(path.read_text(encoding="utf-8"))
            a.validate(report, str(path.relative_to(top)))
            a.ask("compare", str(path), dumps[0], "--size-model", report["dump"]["size_model"])
        for command in commands(top):
            check(any(known.split("-")[0].removesuffix(".json") == command for known in a.last), f"no answer of {command} was looked at")
        check_that_it_can_fail(a)
    print(f"{len(FAILURES)} problems")
    sys.exit(1 if FAILURES else 0)


main()
