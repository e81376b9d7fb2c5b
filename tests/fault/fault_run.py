# SPDX-License-Identifier: MIT
"""What the tests of this folder share: a scratch folder for one question about one dump, and running the program in it with something going wrong.

    scratch/work     the dump, where the program runs
    scratch/index    for --index-dir
    scratch/tmp      $TMPDIR
    scratch/home     $HOME
"""
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import tempfile

FOLDERS = ("work", "index", "tmp", "home")
NOTHING_LOST = {"blocks": 0, "mappings": 0, "files": 0}


class Scratch:
    """The folders, and how they were in the beginning."""

    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="ha-fault-"))
        self.kept = self.path / "kept"
        for name in FOLDERS:
            (self.path / name).mkdir()
        self.work = self.path / "work"
        self.report = self.path / "report"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)

    def files(self):
        """{relative path: what tells one state of the file from another}"""
        found = {}
        for name in FOLDERS:
            for path in sorted((self.path / name).rglob("*")):
                if path.is_file() and not path.is_symlink():
                    st = path.stat()
                    found[str(path.relative_to(self.path))] = (st.st_ino, st.st_size, st.st_mtime_ns)
        return found

    def keep(self):
        """What is there now is the beginning."""
        shutil.rmtree(self.kept, ignore_errors=True)
        for name in self.files():
            (self.kept / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self.path / name, self.kept / name)
        self.first = self.files()

    def restore(self):
        now = self.files()
        for name in now.keys() - self.first.keys():
            (self.path / name).unlink()
        for name, state in self.first.items():
            if now.get(name) != state:
                shutil.copy2(self.kept / name, self.path / name)
        self.first = self.files()

    def bytes_of(self, name, kept=False):
        path = (self.kept if kept else self.path) / name
        return path.read_bytes() if path.exists() else None


class Outcome:
    """How one run ended. code is negative when a signal ended it."""

    def __init__(self, code, out, err, numbers):
        self.code, self.out, self.err, self.numbers = code, out, err, numbers

    def said(self):
        return self.err.decode("utf-8", "replace")


def environment(scratch, fault=None, without=None):
    env = {key: value for key, value in os.environ.items() if not key.startswith(("HA_FAULT", "XDG_")) and key != "COLUMNS"}
    env.update(HOME=str(scratch.path / "home"), TMPDIR=str(scratch.path / "tmp"), LC_ALL="C.UTF-8", HA_FAULT_REPORT=str(scratch.report))
    if fault:
        env["HA_FAULT"] = fault
    if without:
        env["HA_FAULT_WITHOUT"] = without
    return env


def numbers_of(path):
    if not path.exists():
        return {}
    return {key: int(value) for key, value in (line.split() for line in path.read_text(encoding="utf-8").splitlines())}


def start(program, scratch, words, fault=None, without=None, stdin=None, limits=None):
    """Starts a run. stdin: bytes that come through a pipe; limits: [(resource, bytes)]."""
    def set_limits():
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        for what, value in limits or ():
            resource.setrlimit(what, (value, value))
    scratch.report.unlink(missing_ok=True)
    return subprocess.Popen([program, *words], cwd=scratch.work, env=environment(scratch, fault, without),
                            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            preexec_fn=set_limits if limits else None)


def finish(process, scratch, stdin=None, timeout=120):
    try:
        out, err = process.communicate(stdin, timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        err += b"\nit did not end\n"
    return Outcome(process.returncode, out, err, numbers_of(scratch.report))


def run(program, scratch, words, fault=None, without=None, stdin=None, limits=None):
    return finish(start(program, scratch, words, fault, without, stdin, limits), scratch, stdin)


def stopped(process):
    """Waits until a child has stopped (True) or ended (False)."""
    pid, status = os.waitpid(process.pid, os.WUNTRACED)
    if os.WIFSTOPPED(status):
        return True
    process.returncode = os.waitstatus_to_exitcode(status)
    return False


def go_on(process):
    os.kill(process.pid, signal.SIGCONT)


def wrong_words(outcome):
    """What is wrong with stderr: every line is one of ours, none is a report of a bug."""
    for line in outcome.said().splitlines():
        if not line.startswith("hprof-analyze: ") or "bug" in line or len(line) < 20:
            return f"stderr has the line {line!r}"
    return None


class Tap:
    """Counts and prints in the form that meson reads."""

    def __init__(self):
        self.number = self.failed = 0

    def result(self, name, problems):
        self.number += 1
        self.failed += bool(problems)
        print(f"{'not ok' if problems else 'ok'} {self.number} - {name}", flush=True)
        for problem in problems[:12]:
            print(f"# {problem}".replace("\n", " | "), flush=True)

    def skip(self, name, why):
        self.number += 1
        print(f"ok {self.number} - {name} # SKIP {why}", flush=True)

    def end(self):
        print(f"1..{self.number}")
        raise SystemExit(1 if self.failed else 0)
