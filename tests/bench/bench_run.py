# SPDX-License-Identifier: MIT
"""One measured run of the program, and what it says with -v; shared by the scripts of this folder."""
import json
import os
import pathlib
import platform
import re
import resource
import shutil
import subprocess
import tempfile
import time

PHASE = re.compile(r"^(.{24}) +([\d.]+) s +([\d.]+) s +([\d.]+) s +(\S+) +([\d.]+) MiB$")
SIZES = re.compile(r"^(\d+) objects, (\d+) references; bytes per object: ([\d.]+) anonymous, ([\d.]+) index$", re.M)
PEAK = re.compile(r"^peak ([\d.]+) MiB resident, ([\d.]+) MiB anonymous, ([\d.]+) MiB in files", re.M)


class Failed(Exception):
    """The program did not do what it was asked for."""


def machine():
    """Where this is measured: one line."""
    model = "unknown processor"
    for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return f"{model}, {len(os.sched_getaffinity(0))} processors, {memory:.0f} GiB, Linux {platform.release()}"


def load():
    """The others on the machine: the load average of the last minute."""
    return os.getloadavg()[0]


def index_bytes(folder):
    return sum(f.stat().st_size for f in pathlib.Path(folder).iterdir() if f.name.endswith(".hpx"))


def told(text):
    """The phases and sizes that -v wrote."""
    phases = []
    for line in text.splitlines():
        match = PHASE.match(line)
        if match:
            name, wall, user, system, _, anonymous = match.groups()
            phases.append({"name": name.strip(), "wall_s": float(wall), "user_s": float(user), "system_s": float(system),
                           "anonymous_mib": float(anonymous)})
    sizes, peak = SIZES.search(text), PEAK.search(text)
    if not phases or sizes is None or peak is None:
        raise Failed(f"-v said nothing that is understood:\n{text}")
    return {"phases": [p for p in phases if p["name"] != "all"], "objects": int(sizes[1]), "references": int(sizes[2]),
            "resident_mib": float(peak[1]), "anonymous_mib": float(peak[2]), "file_mib": float(peak[3])}


def answer(result):
    """What no phase took: opening, the questions of the command, writing the answer."""
    rest = {what: max(0.0, result[what] - sum(p[what] for p in result["phases"])) for what in ("wall_s", "user_s", "system_s")}
    return {"name": "answer", "anonymous_mib": 0.0, **rest}


def measure(program, dump, arguments=("report",), *, folder, options=(), wrap=()):
    """Runs the program on the dump with a fresh index folder; wall, user and system seconds and what -v says."""
    index = tempfile.mkdtemp(dir=folder, prefix="index-")
    command = [*wrap, str(program), *arguments, str(dump), "--index-dir", index, "-v", *options]
    try:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        begin = time.monotonic()
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        wall = time.monotonic() - begin
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode != 0:
            raise Failed(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr}")
        result = told(done.stderr)
        links = max(1, result["objects"] + result["references"])
        result.update(wall_s=wall, user_s=after.ru_utime - before.ru_utime, system_s=after.ru_stime - before.ru_stime,
                      index_bytes=index_bytes(index), dump_bytes=os.path.getsize(dump), links=links)
        result["phases"].append(answer(result))
        result["user_ns_per_link"] = result["user_s"] * 1e9 / links
        result["wall_ns_per_link"] = wall * 1e9 / links
        result["anonymous_bytes_per_object"] = result["anonymous_mib"] * 2**20 / max(1, result["objects"])
        result["index_bytes_per_object"] = result["index_bytes"] / max(1, result["objects"])
        return result
    finally:
        shutil.rmtree(index)


def measure_freed(program, calibrator, dump, *, folder):
    """The same with memory just freed and the dump in the page cache: a virtual machine's pages that nobody has touched for long, or ever, cost what
    the hypervisor likes, up to ten times as much."""
    path = os.path.join(folder, "freed.tmp")
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    wanted = 4 * os.path.getsize(dump) + 2**29
    subprocess.run([str(calibrator), str(min(wanted, free // 2)), path, "0"], stdout=subprocess.DEVNULL, check=True)
    os.unlink(path)
    with open(dump, "rb") as f:
        while f.read(2**24):
            pass
    return measure(program, dump, folder=folder)


def best(runs):
    """The run with the least user time: what disturbs only adds."""
    return min(runs, key=lambda run: run["user_s"])


def median(runs):
    """The run in the middle. The system tells user and system time apart by samples, so that the least user time of short runs is luck."""
    return sorted(runs, key=lambda run: run["user_s"])[len(runs) // 2]


def calibrate(calibrator, result, folder):
    """System time for as many pages and bytes as the run took, without the run, and how long memory takes."""
    path = os.path.join(folder, "calibrate.tmp")
    done = subprocess.run([str(calibrator), str(int(result["anonymous_mib"] * 2**20)), path, str(result["index_bytes"])],
                          capture_output=True, text=True, check=True)
    wall, user, system, alone, many = map(int, done.stdout.split())
    return {"wall_s": wall / 1e9, "user_s": user / 1e9, "system_s": system / 1e9, "read_alone_ns": alone / 1e3, "read_among_many_ns": many / 1e3}


def lines(name, result):
    """What people read: a line per phase, and one for all of it."""
    links = result["links"]
    yield f"{name}: {result['objects']:,} objects, {result['references']:,} references, dump {result['dump_bytes'] / 2**20:,.0f} MiB"
    for phase in result["phases"]:
        yield (f"  {phase['name']:<16} wall {phase['wall_s']:8.3f} s  user {phase['user_s']:8.3f} s  system {phase['system_s']:8.3f} s  "
               f"{phase['user_s'] * 1e9 / links:7.2f} ns/link  {phase['anonymous_mib'] * 2**20 / max(1, result['objects']):7.2f} B/object")
    yield (f"  {'all':<16} wall {result['wall_s']:8.3f} s  user {result['user_s']:8.3f} s  system {result['system_s']:8.3f} s  "
           f"{result['user_ns_per_link']:7.2f} ns/link  {result['anonymous_bytes_per_object']:7.2f} B/object  "
           f"resident {result['resident_mib']:,.0f} MiB  index {result['index_bytes_per_object']:.2f} B/object")
    if "calibration" in result:
        c = result["calibration"]
        yield f"  {'calibration':<16} wall {c['wall_s']:8.3f} s  user {c['user_s']:8.3f} s  system {c['system_s']:8.3f} s  (as many fresh pages and bytes)"
        yield f"  {'memory':<16} {c['read_alone_ns']:.0f} ns per random read, {c['read_among_many_ns']:.1f} ns among many"


def save(path, result):
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    temp = f"{path}.tmp"
    with open(temp, "w", encoding="utf-8") as f:
        json.dump(result, f, indent=1, sort_keys=True)
        f.write("\n")
    os.replace(temp, path)
