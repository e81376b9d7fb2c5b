#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs what docs/ci shows: every shell block of its README and every hprof-analyze command of the files for build servers; compiles and runs HeapGateIT.java;
lints YAML (yamllint), XML, and the Dockerfile by rules of its own.

usage: check_ci.py PROGRAM TOP

Without a JDK the dump is a bundled one and what needs a JVM is left out, with a line that says so. Without yamllint its part is left out likewise.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

PATIENCE_SECONDS = 120
FAILURES = []
CONFIG = "baseline: heap-baseline.json\nlimits:\n  - subject: heap\n    max_growth: 10%\n"


def check(holds, what):
    print(f"{'ok' if holds else 'WRONG'}: {what}", flush=True)
    if not holds:
        FAILURES.append(what)


def find_jdk():
    candidates = [os.environ.get("JAVA_HOME", "")] + sorted(str(path) for path in pathlib.Path("/usr/lib/jvm").glob("*"))
    return next((path for path in candidates if path and all((pathlib.Path(path) / "bin" / tool).exists() for tool in ("java", "javac", "jcmd"))), None)


def shell(script, env, folder, what):
    done = subprocess.run(["sh", "-eu", "-c", script], env=env, cwd=folder, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    check(done.returncode == 0, what + ("" if done.returncode == 0 else f": exit {done.returncode}: {done.stdout[-500:]}{done.stderr[-500:]}"))


# ---- the blocks of the README ----

def blocks(text):
    return re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def run_blocks(readme, env, folder):
    found = blocks(readme.read_text(encoding="utf-8"))
    check(len(found) >= 4, f"README.md has shell blocks ({len(found)})")
    for number, block in enumerate(found, 1):
        if "jcmd" in block and "APP_PID" not in env:
            print("left out: no JDK for jcmd")
            continue
        shell(block, env, folder, f"README.md: block {number}")


# ---- the files for build servers ----

COMMAND = re.compile(r"hprof-analyze check [^'\"<\n]*")


def run_commands(ci, env, folder):
    for name in ("github-actions.yml", "gitlab-ci.yml", "Jenkinsfile", "build.gradle"):
        found = [line for line in COMMAND.findall((ci / name).read_text(encoding="utf-8")) if "app.hprof" in line]
        check(len(found) == 1, f"{name} has one command")
        for line in found:
            shell(line, env, folder, f"{name}: {line}")
    arguments = ElementTree.parse(ci / "pom-snippet.xml").getroot().findall(".//commandlineArgs")
    check(len(arguments) == 1, "pom-snippet.xml is XML and has one command")
    shell("hprof-analyze " + arguments[0].text, env, folder, "pom-snippet.xml")


# ---- lint ----

def lint_yaml(paths):
    if shutil.which("yamllint") is None:
        print("left out: yamllint is not there")
        return
    rules = "{extends: default, rules: {line-length: {max: 160}}}"
    done = subprocess.run(["yamllint", "--strict", "-d", rules, *map(str, paths)], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    check(done.returncode == 0, f"yamllint {' '.join(path.name for path in paths)}{done.stdout}")


def instructions(text):
    """(word, rest) of each instruction, continued lines joined."""
    joined = re.sub(r"\\\n", " ", "\n".join(line for line in text.split("\n") if not line.startswith("#")))
    return [tuple(line.split(None, 1)) for line in joined.split("\n") if line.strip()]


def lint_dockerfile(path, readme):
    steps = instructions(path.read_text(encoding="utf-8"))
    known = {"FROM", "RUN", "COPY", "WORKDIR", "USER", "CMD", "ENTRYPOINT", "ENV", "ARG", "LABEL"}
    check(steps[0][0] == "FROM" and all(word in known for word, _ in steps), "Dockerfile: instructions are known, FROM is first")
    check(all(re.search(r":[\w.-]+", rest.split(" AS ")[0]) and ":latest" not in rest for word, rest in steps if word == "FROM"), "Dockerfile: images have a tag")
    for word, rest in steps:
        if word == "RUN" and "apt-get install" in rest:
            check("apt-get update" in rest and "-y" in rest and "--no-install-recommends" in rest and "rm -rf /var/lib/apt/lists" in rest,
                  "Dockerfile: apt-get updates, does not ask, installs no more than needed and leaves no lists")
        check(not (word == "RUN" and re.search(r"\bsudo\b|curl [^|]*\|", rest)) and word != "ADD", "Dockerfile: no sudo, no pipe from the network, no ADD")
    last_stage = steps[max(i for i, step in enumerate(steps) if step[0] == "FROM"):]
    check(any(word == "USER" and rest != "root" for word, rest in last_stage), "Dockerfile: does not run as root")
    check(all(rest.startswith("[") for word, rest in steps if word in ("CMD", "ENTRYPOINT")), "Dockerfile: CMD is a list")
    wanted = set(re.search(r"apt-get install -y --no-install-recommends ([\w .-]+?) &&", readme.read_text(encoding="utf-8")).group(1).split())
    given = set(" ".join(rest for word, rest in steps[:3] if word == "RUN").split())
    check(wanted <= given, f"Dockerfile installs what README.md installs {sorted(wanted - given)}")


# ---- a JVM ----

def start_service(jdk, top, folder, env):
    classes = folder / "classes"
    subprocess.run([f"{jdk}/bin/javac", "-d", str(classes), str(top / "testdata" / "java" / "gate" / "Service.java")], timeout=PATIENCE_SECONDS, check=True)
    service = subprocess.Popen([f"{jdk}/bin/java", "-Xmx256m", "-cp", str(classes), "com.acme.gate.Service", "healthy"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    check(service.stdout.readline().strip() == b"ready", "the service is under load")
    env.update(APP_PID=str(service.pid), PATH=f"{jdk}/bin:{env['PATH']}")
    return service


def main():
    program, top = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    ci = top / "docs" / "ci"
    lint_yaml([ci / "github-actions.yml", ci / "gitlab-ci.yml", top / "testdata" / "java" / "gate" / "hprof-gate.yaml"])
    lint_dockerfile(ci / "Dockerfile", top / "README.md")
    with tempfile.TemporaryDirectory(prefix="ha-ci-") as name:
        folder = pathlib.Path(name)
        env = dict(os.environ, PATH=f"{program.parent}:{os.environ['PATH']}", HOME=name)
        env.pop("GITHUB_STEP_SUMMARY", None)
        jdk = find_jdk()
        service = None
        try:
            if jdk is None:
                shutil.copy(top / "testdata" / "real" / "shop_jdk17_g1.hprof.gz", folder / "app.hprof")
            else:
                service = start_service(jdk, top, folder, env)
            run_blocks(ci / "README.md", env, folder)
            for target in ("target", "build"):
                (folder / target).mkdir()
                shutil.copy(folder / "app.hprof", folder / target / "app.hprof")
            (folder / "hprof-gate.yaml").write_text(CONFIG, encoding="utf-8")
            run_commands(ci, env, folder)
            if jdk is not None:
                shell(f"java '{ci}/HeapGateIT.java' inside.hprof && hprof-analyze histogram -n 3 inside.hprof", env, folder, "HeapGateIT.java")
        finally:
            if service is not None:
                service.stdin.close()
                service.wait(PATIENCE_SECONDS)
    sys.exit(1 if FAILURES else 0)


main()
