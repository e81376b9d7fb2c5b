#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures everything and writes the tables of docs/benchmarks.md and docs/large-dumps.md.

usage: table.py BUILD [--full] [--write-only] [--results FOLDER] [--dump NAME=FILE]...

BUILD is a build folder of meson with -Dtests=true and the default build type. --full takes the full sizes (up to 10 GB of disk, see bench.py for
the folder), --dump adds dumps of your own, --write-only takes the results that are there. On an idle machine:

    python3 tests/bench/table.py build --full --dump HeapMix=/dumps/heapmix.hprof
"""
import argparse
import json
import math
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import bench
import bench_run
import shapes

ROOT = pathlib.Path(__file__).resolve().parents[2]
GIB = 2**30

# What a dump with an index is asked; DUMP stands for it.
QUESTIONS = ("report DUMP", "report DUMP -f json", "suspects DUMP", "suspects DUMP --threshold 5%", "suspects DUMP --threshold 1%", "histogram DUMP",
             "histogram DUMP --by package", "top DUMP", "dominators DUMP", "dominators DUMP --by class", "threads DUMP --locals", "loaders DUMP", "offheap DUMP",
             "properties DUMP", "unreachable DUMP", "paths DUMP --class java.lang.String", "compare DUMP DUMP", "check DUMP --no-config --max-heap 1T",
             "export histogram DUMP", "index info DUMP")


# ---- measuring ----

def wall_of(command):
    begin = time.monotonic()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.monotonic() - begin


def answer_wall(program, question, path, folder, rounds):
    """Until the first byte of what the index answers, the shortest of some runs; None: the question does not apply to this dump."""
    words = [str(path) if word == "DUMP" else word for word in question.split()]
    times = []
    for _ in range(rounds):
        begin = time.monotonic()
        with subprocess.Popen([program, *words, "--index-dir", folder], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as run:
            first = run.stdout.read(1)
            times.append(time.monotonic() - begin)
            run.stdout.read()
        if run.returncode != 0 or not first:
            return None
    return min(times)


def measure_dump(tool, name, path, rounds=3):
    """A dump of the user's: report without an index, histograms without one, and answers from one."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("HA_BENCH_DIR"), prefix="ha-table-") as folder:
        result = bench_run.best([bench_run.measure_freed(tool.program, tool.calibrator, path, folder=folder) for _ in range(rounds)])
        result["calibration"] = bench_run.calibrate(tool.calibrator, result, folder)
        histogram = [tool.program, "histogram", path, "--sort", "shallow", "--no-index"]
        for threads in (1, 2):
            result[f"histogram_{threads}_s"] = min(wall_of([*histogram, "-j", str(threads)]) for _ in range(rounds))
        subprocess.run([tool.program, "index", "build", path, "--index-dir", folder], stdout=subprocess.DEVNULL, check=True)
        result["answers_s"] = {question: answer_wall(tool.program, question, path, folder, rounds) for question in QUESTIONS}
    result.update(name=f"dump-{name}", n=result["objects"], shown=name, machine=bench_run.machine(), load=bench_run.load(), runs=rounds,
                  date=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()))
    tool.keep(result)
    for line in bench_run.lines(name, result):
        print(line, flush=True)


def measure(tool, dumps):
    for name in shapes.SHAPES:
        bench.bench_shape(tool, name)
    bench.bench_growth(tool)
    for name, path in dumps:
        measure_dump(tool, name, path)


# ---- writing ----

def load_results(folder):
    return [json.loads(p.read_text(encoding="utf-8")) for p in sorted(pathlib.Path(folder).glob("*.json"))]


def row(cells):
    return "| " + " | ".join(str(c) for c in cells) + " |"


def table(head, rows):
    return [row(head), row(["---"] + ["---:"] * (len(head) - 1)), *(row(r) for r in rows)]


def wall(result, text):
    """Wall times say nothing of a machine that others use: then there is none."""
    return text if result["load"] <= os.cpu_count() + 0.5 else "-"


def largest(results, name):
    found = [r for r in results if r["name"] == name]
    return max(found, key=lambda r: r["n"]) if found else None


def taken(results):
    """Where and when, said above each table."""
    machines = sorted({r["machine"] for r in results})
    dates = sorted(r["date"] for r in results)
    loads = [r["load"] for r in results]
    said = f"{'; '.join(machines)}; {dates[0]} to {dates[-1]}; load average {min(loads):.1f} to {max(loads):.1f}"
    reads = [(c["read_alone_ns"], c["read_among_many_ns"]) for c in (r.get("calibration", {}) for r in results) if "read_alone_ns" in c]
    if reads:
        (alone, many), (alone_most, many_most) = map(min, zip(*reads)), map(max, zip(*reads))
        said += f"; a random read of memory takes {alone:.0f} to {alone_most:.0f} ns alone, {many:.0f} to {many_most:.0f} ns among many"
    return [said + ".", ""]


def shape_table(results):
    rows, used = [], []
    for name, (_, _, _, bound) in shapes.SHAPES.items():
        r = largest(results, name)
        if r is None:
            continue
        used.append(r)
        ratio = f"{r['bound']['ratio']:.2f} (≤ {bound})" if bound is not None and "bound" in r else "-"
        calibration = r["calibration"]
        rows.append([name, f"{r['n']:,}", f"{r['objects']:,}", f"{r['references']:,}", f"{r['user_ns_per_link']:.1f}", wall(r, f"{r['wall_ns_per_link']:.1f}"),
                     f"{r['system_s']:.2f} / {calibration['system_s']:.2f}", f"{r['anonymous_bytes_per_object']:.1f}", f"{r['index_bytes_per_object']:.1f}",
                     ratio])
    head = ["shape", "n", "objects", "references", "user ns/link", "wall ns/link", "system s / calibration", "anonymous B/object", "index B/object",
            "to the mix"]
    return taken(used) + table(head, rows) if used else []


def phase_sums(result):
    sums = {}
    for phase in result["phases"]:
        sums[phase["name"]] = sums.get(phase["name"], 0.0) + phase["user_s"]
    return sums


def phase_table(results):
    used = [r for r in [largest(results, n) for n in ("mix", "chain", "links", "zgc", "mix4")] if r] + [r for r in results if r["name"].startswith("dump-")]
    sums = [phase_sums(r) for r in used]
    names = list(dict.fromkeys(name for s in sums for name in s))
    rows = [[name] + [f"{s[name] * 1e9 / r['links']:.1f}" if name in s else "-" for s, r in zip(sums, used)] for name in names]
    rows.append(["all"] + [f"{r['user_ns_per_link']:.1f}" for r in used])
    return taken(used) + table(["user ns/link"] + [r.get("shown", r["name"]) for r in used], rows) if used else []


def dump_table(results):
    used = [r for r in results if r["name"].startswith("dump-")]
    rows = [[r["shown"], f"{r['objects']:,}", f"{r['references']:,}", f"{r['user_ns_per_link']:.1f}", wall(r, f"{r['wall_ns_per_link']:.1f}"),
             f"{r['system_s']:.2f} / {r['calibration']['system_s']:.2f}", f"{r['anonymous_bytes_per_object']:.1f}", f"{r['index_bytes_per_object']:.1f}",
             wall(r, f"{r['histogram_2_s'] * 1e9 / r['objects']:.1f}"), wall(r, f"{r['histogram_1_s'] * 1e9 / r['objects']:.1f}")] for r in used]
    head = ["dump", "objects", "references", "user ns/link", "wall ns/link", "system s / calibration", "anonymous B/object", "index B/object",
            "histogram wall ns/object -j 2", "-j 1"]
    return taken(used) + table(head, rows) if used else []


def answer_table(results):
    used = [r for r in results if r["name"].startswith("dump-") and "answers_s" in r]
    rows = []
    for question in QUESTIONS:
        seconds = [r["answers_s"].get(question) for r in used]
        rows.append([f"`{question.replace(' DUMP', '')}`"] + ["-" if s is None else wall(r, f"{s * 1e3:.0f}") for s, r in zip(seconds, used)])
    return taken(used) + table(["ms to the first byte"] + [r["shown"] for r in used], rows) if used else []


def growth_results(results):
    wanted = {n for sizes in shapes.GROWTH.values() for n in sizes}
    return sorted((r for r in results if r["name"] == "mix" and r["n"] in wanted), key=lambda r: r["n"])


def growth_row(what, objects, references, dump, user, anonymous, index):
    return [what, f"{references / 1e6:,.0f} M", f"{dump / GIB:,.1f} GiB", f"{user * 1e9 / (objects + references):.1f}", f"{user:,.1f} s",
            f"{anonymous / GIB:,.2f} GiB", f"{index / GIB:,.2f} GiB"]


def growth_table(results):
    """What was measured, and 500 M objects by the line through the last two points over log2 of the size."""
    used = growth_results(results)
    rows = [growth_row(f"{r['objects'] / 1e6:,.1f} M", r["objects"], r["references"], r["dump_bytes"], r["user_s"],
                       r["anonymous_mib"] * 2**20, r["index_bytes"]) for r in used]
    if len(used) >= 2:
        a, b = used[-2:]
        factor = 500e6 / b["objects"]
        doublings = math.log2(factor) / math.log2(b["objects"] / a["objects"])
        slope = max(0.0, b["user_ns_per_link"] - a["user_ns_per_link"])
        user = (b["user_ns_per_link"] + slope * doublings) * b["links"] * factor / 1e9
        rows.append(growth_row("500 M (extrapolated)", 500e6, b["references"] * factor, b["dump_bytes"] * factor, user,
                               b["anonymous_mib"] * 2**20 * factor, b["index_bytes"] * factor))
    head = ["objects", "references", "dump", "user ns/link", "user", "anonymous", "index"]
    return taken(used) + table(head, rows) if used else []


TABLES = {"shapes": shape_table, "phases": phase_table, "dumps": dump_table, "answers": answer_table, "growth": growth_table}


def fill(text, results):
    """The text with what stands between <!-- table NAME --> and <!-- end --> made anew; a table without results stays as it is."""
    def replace(match):
        lines = TABLES[match[2]](results)
        return match[0] if not lines else match[1] + "\n".join(lines) + "\n" + match[4]
    return re.sub(r"(<!-- table (\w+) -->\n)(.*?)(<!-- end -->)", replace, text, flags=re.S)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--write-only", action="store_true")
    parser.add_argument("--results", type=pathlib.Path)
    parser.add_argument("--dump", action="append", default=[], metavar="NAME=FILE")
    given = parser.parse_args()
    if given.full:
        os.environ["HA_BENCH_SIZE"] = "full"
    tests = given.build / "tests" / "bench"
    results = given.results or tests / "results"
    dumps = [tuple(d.split("=", 1)) for d in given.dump]
    if any(len(d) != 2 for d in dumps):
        sys.exit("table.py: --dump wants NAME=FILE")
    if not given.write_only:
        measure(bench.Bench(given.build / "src" / "hprof-analyze", tests / "bench_dump", tests / "bench_calibrate", results), dumps)
    found = load_results(results)
    for page in ("benchmarks.md", "large-dumps.md"):
        path = ROOT / "docs" / page
        path.write_text(fill(path.read_text(encoding="utf-8"), found), encoding="utf-8")


if __name__ == "__main__":
    main()
