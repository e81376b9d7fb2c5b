#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks verdicts against the forms that build servers document.

usage: verdicts.py (junit|sarif|gitlab|github FILE)...

junit    what the schema of Ant's JUnit task (as Jenkins and others validate it) requires: attributes, order of elements, sums
sarif    what SARIF 2.1.0 requires of the parts that are written: versions, rule indexes, levels, regions, URIs, no unknown keys
gitlab   code quality: required keys, severities, unique fingerprints of fixed form, relative paths
github   workflow commands: known ones, known properties, everything escaped
"""
import json
import re
import sys
import xml.etree.ElementTree as ElementTree

PROBLEMS = []


def check(holds, what):
    if not holds:
        PROBLEMS.append(what)


# ---- JUnit ----

SUITE_ATTRIBUTES = {"name", "package", "id", "timestamp", "hostname", "tests", "failures", "errors", "skipped", "time"}
SUITE_CHILDREN = ["properties", "testcase", "system-out", "system-err"]


def junit(path):
    root = ElementTree.parse(path).getroot()
    check(root.tag == "testsuites" and [suite.tag for suite in root] == ["testsuite"], "junit: one testsuite in testsuites")
    suite = root[0]
    check(set(suite.attrib) == SUITE_ATTRIBUTES, f"junit: attributes of testsuite {sorted(suite.attrib)}")
    check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp")), "junit: timestamp is ISO 8601 without zone")
    tags = [child.tag for child in suite]
    check(sorted(tags, key=SUITE_CHILDREN.index) == tags and set(SUITE_CHILDREN) - {"testcase"} <= set(tags), f"junit: order of elements {tags}")
    cases = suite.findall("testcase")
    for case in cases:
        check(set(case.attrib) == {"name", "classname", "time"} and case.get("name") and case.get("classname"), f"junit: attributes {case.attrib}")
        check([child.tag for child in case] in ([], ["failure"], ["skipped"]), "junit: a case holds a failure, a skip or nothing")
        for failure in case.findall("failure"):
            check(set(failure.attrib) == {"message", "type"} and failure.text.startswith(failure.get("message")), "junit: message and type of a failure")
    for attribute, tag in (("failures", "failure"), ("skipped", "skipped")):
        check(int(suite.get(attribute)) == sum(len(case.findall(tag)) for case in cases), f"junit: sum of {attribute}")
    check(int(suite.get("tests")) == len(cases) and suite.get("errors") == "0", "junit: sum of tests")


# ---- SARIF ----

def keys(record, what, required, optional=()):
    check(isinstance(record, dict) and set(required) <= set(record) <= set(required) | set(optional), f"sarif: keys of {what}: {sorted(record)}")


def text(record, what):
    keys(record, what, ["text"])
    check(isinstance(record["text"], str) and record["text"], f"sarif: text of {what}")


def sarif_location(location):
    keys(location, "location", ["physicalLocation", "logicalLocations"])
    physical = location["physicalLocation"]
    keys(physical, "physicalLocation", ["artifactLocation"], ["region"])
    keys(physical["artifactLocation"], "artifactLocation", ["uri"])
    check(re.fullmatch(r"(file://)?([A-Za-z0-9._~/-]|%[0-9A-F]{2})+", physical["artifactLocation"]["uri"]), "sarif: uri")
    if "region" in physical:
        keys(physical["region"], "region", ["startLine", "startColumn"])
        check(all(isinstance(n, int) and n >= 1 for n in physical["region"].values()), "sarif: regions begin at 1")
    for logical in location["logicalLocations"]:
        keys(logical, "logicalLocation", ["fullyQualifiedName"])


def sarif(path):
    with open(path, encoding="utf-8") as file:
        log = json.load(file)
    keys(log, "log", ["$schema", "version", "runs"])
    check(log["version"] == "2.1.0" and log["$schema"].endswith("sarif-schema-2.1.0.json") and len(log["runs"]) == 1, "sarif: version and schema")
    run = log["runs"][0]
    keys(run, "run", ["tool", "results"])
    keys(run["tool"], "tool", ["driver"])
    keys(run["tool"]["driver"], "driver", ["name", "version", "rules"])
    rules = run["tool"]["driver"]["rules"]
    for rule in rules:
        keys(rule, "rule", ["id", "shortDescription"], ["help"])
        for key in ("shortDescription", "help"):
            if key in rule:
                text(rule[key], key)
    check(len({rule["id"] for rule in rules}) == len(rules), "sarif: rules are there once")
    for result in run["results"]:
        keys(result, "result", ["ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints"], ["suppressions"])
        check(rules[result["ruleIndex"]]["id"] == result["ruleId"], "sarif: ruleIndex")
        check(result["level"] in ("none", "note", "warning", "error"), "sarif: level")
        text(result["message"], "message")
        check(len(result["locations"]) == 1, "sarif: one location")
        sarif_location(result["locations"][0])
        check(all(isinstance(v, str) for v in result["partialFingerprints"].values()), "sarif: fingerprints are strings")
        for suppression in result.get("suppressions", []):
            keys(suppression, "suppression", ["kind", "justification"])
            check(suppression["kind"] in ("inSource", "external"), "sarif: kind of suppression")
    prints = [json.dumps(result["partialFingerprints"]) for result in run["results"]]
    check(len(set(prints)) == len(prints), "sarif: fingerprints differ")


# ---- GitLab, GitHub ----

def gitlab(path):
    with open(path, encoding="utf-8") as file:
        issues = json.load(file)
    check(isinstance(issues, list), "gitlab: a list")
    for issue in issues:
        check(set(issue) == {"description", "check_name", "fingerprint", "severity", "location"}, f"gitlab: keys {sorted(issue)}")
        check(issue["severity"] in ("info", "minor", "major", "critical", "blocker"), "gitlab: severity")
        check(re.fullmatch(r"[0-9a-f]{16}", issue["fingerprint"]), "gitlab: fingerprint")
        check(set(issue["location"]) == {"path", "lines"} and not issue["location"]["path"].startswith("./"), "gitlab: location")
        check(isinstance(issue["location"]["lines"]["begin"], int) and issue["location"]["lines"]["begin"] >= 1, "gitlab: line")
    check(len({issue["fingerprint"] for issue in issues}) == len(issues), "gitlab: fingerprints differ")


COMMAND = re.compile(r"::(error|warning|notice)(?: (\w+=[^,:]*(?:,\w+=[^,:]*)*))?::(.*)")


def github(path):
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")
    check(lines and lines[-1] == "", "github: ends with a line feed")
    for line in lines[:-1]:
        match = COMMAND.fullmatch(line)
        check(match is not None, f"github: no workflow command: {line}")
        for pair in match.group(2).split(",") if match and match.group(2) else []:
            check(pair.split("=")[0] in ("file", "line", "col", "title", "endLine", "endColumn"), f"github: property {pair}")
        check(match is None or not re.search(r"%(?!25|0A|0D|3A|2C)", line), f"github: a bare per cent sign: {line}")


def main():
    words = sys.argv[1:]
    for kind, path in zip(words[::2], words[1::2]):
        {"junit": junit, "sarif": sarif, "gitlab": gitlab, "github": github}[kind](path)
    for problem in PROBLEMS:
        print(problem)
    print("verdicts are as they should be" if not PROBLEMS else f"{len(PROBLEMS)} problems")
    sys.exit(1 if PROBLEMS else 0)


main()
