#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures the program on one heap of the generator, or how it grows.

usage: bench.py PROGRAM GENERATOR CALIBRATOR RESULTS NAME

NAME is a row of shapes.py or `growth`. Prints a line per phase, says whether the bound is kept (ok or over: a matter of information, not of exit
codes), and writes RESULTS/NAME-N.json.

environment: HA_BENCH_SIZE=small|full    (small)
             HA_BENCH_N=n                another size
             HA_BENCH_RUNS=k             the best of k runs counts (3; full: 1); where they are short, the median of more
             HA_BENCH_DIR=folder         for dumps and indexes (the system's temporary folder); a full run takes up to 10 GB
"""
import datetime
import json
import os
import pathlib
import sys
import tempfile

import bench_run
import shapes


ENOUGH_S, RUNS_MOST = 1.0, 15  # of short runs more are made


class Bench:
    def __init__(self, program, generator, calibrator, results):
        self.program, self.generator, self.calibrator = program, generator, calibrator
        self.results = pathlib.Path(results)
        self.size = os.environ.get("HA_BENCH_SIZE", "small")
        self.runs = int(os.environ.get("HA_BENCH_RUNS", 1 if self.size == "full" else 3))

    def run(self, name, n):
        """Makes the dump, measures, keeps the result."""
        with tempfile.TemporaryDirectory(dir=os.environ.get("HA_BENCH_DIR"), prefix="ha-bench-") as folder:
            dump = shapes.make(self.generator, name, n, folder)
            runs = []
            while len(runs) < self.runs or (sum(run["wall_s"] for run in runs) < ENOUGH_S and len(runs) < RUNS_MOST):
                runs.append(bench_run.measure_freed(self.program, self.calibrator, dump, folder=folder))
            result = bench_run.best(runs) if len(runs) == self.runs else bench_run.median(runs)
            result["calibration"] = bench_run.calibrate(self.calibrator, result, folder)
        result.update(name=name, n=n, machine=bench_run.machine(), load=bench_run.load(), runs=len(runs),
                      date=datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"))
        self.keep(result)
        for line in bench_run.lines(f"{name} {n}", result):
            print(line, flush=True)
        return result

    def keep(self, result):
        bench_run.save(self.results / f"{result['name']}-{result['n']}.json", result)

    def mix_of(self, links):
        """The mix with about as many links, measured once and kept; sizes are steps of four, so that few are needed."""
        units = 10_000
        while units * shapes.UNIT_LINKS * 2 < links and units < 640_000:
            units *= 4
        path = self.results / f"mix-{units}.json"
        if path.exists() and path.stat().st_mtime > os.stat(self.program).st_mtime:
            return json.loads(path.read_text(encoding="utf-8"))
        return self.run("mix", units)


def verdict(what, ratio, bound):
    print(f"  {'bound':<16} {what}: {ratio:.2f}, at most {bound:.2f}: {'ok' if ratio <= bound else 'over'}", flush=True)
    return {"ratio": ratio, "bound": bound, "ok": ratio <= bound}


def bench_shape(bench, name):
    _, small, full, bound = shapes.SHAPES[name]
    n = int(os.environ.get("HA_BENCH_N", full if bench.size == "full" else small))
    result = bench.run(name, n)
    if bound is not None:
        mix = bench.mix_of(result["links"])
        ratio = result["user_ns_per_link"] / mix["user_ns_per_link"]
        result["bound"] = verdict(f"user time per link, the mix of {mix['links']:,} links being 1", ratio, bound)
        result["mix_n"] = mix["n"]
        bench.keep(result)


def bench_growth(bench):
    first = None
    for units in shapes.GROWTH[bench.size]:
        result = bench.run("mix", units)
        first = first or result
        ratio = result["user_ns_per_link"] / first["user_ns_per_link"]
        result["bound"] = verdict(f"user time per link, that of {first['links']:,} links being 1", ratio, shapes.GROWTH_BOUND)
        bench.keep(result)


def main():
    if len(sys.argv) != 6 or (sys.argv[5] not in shapes.SHAPES and sys.argv[5] != "growth"):
        sys.exit(__doc__)
    bench = Bench(*sys.argv[1:5])
    if sys.argv[5] == "growth":
        bench_growth(bench)
    else:
        bench_shape(bench, sys.argv[5])


if __name__ == "__main__":
    main()
