#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Dumps a compiler at work: javac on some thousand generated sources, in the middle of which its heap is taken. Trees, symbols and types refer to each
# other far more than the objects of a service do.
#
# usage: compiler_dump.sh DUMP [CLASSES]     needs a JDK (JAVA_HOME or java on the PATH); 4000 classes make a dump of about half a GiB
set -euo pipefail

[ $# -ge 1 ] || { echo "usage: compiler_dump.sh DUMP [CLASSES]" >&2; exit 2; }
dump=$(realpath "$1")
classes=${2:-4000}
java=${JAVA_HOME:+$JAVA_HOME/bin/}
command -v "${java}jcmd" >/dev/null || { echo "compiler_dump.sh: no JDK" >&2; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 - "$work" "$classes" <<'PYTHON'
import pathlib, sys
folder, count = pathlib.Path(sys.argv[1]), int(sys.argv[2])
for i in range(count):
    others = [(i * 7 + k * 131) % count for k in range(1, 9)]
    fields = "".join(f"    private final java.util.Map<String, java.util.List<C{o}>> f{k} = new java.util.HashMap<>();\n" for k, o in enumerate(others))
    methods = "".join(f"""
    public <T extends Comparable<T>> java.util.Map<String, Long> m{k}(java.util.List<C{o}> in, T pivot, java.util.function.Function<C{o}, T> by) {{
        java.util.Map<String, Long> counts = in.stream().filter(c -> by.apply(c).compareTo(pivot) > {k})
            .collect(java.util.stream.Collectors.groupingBy(c -> c.name() + "{k}", java.util.stream.Collectors.counting()));
        for (java.util.Map.Entry<String, Long> e : counts.entrySet()) {{
            f{k}.computeIfAbsent(e.getKey(), s -> new java.util.ArrayList<>()).addAll(in);
            if (e.getValue() > {i} + {k}L * 3) {{ return switch (e.getKey().length() % 3) {{ case 0 -> counts; case 1 -> java.util.Map.of(); default -> null; }}; }}
        }}
        return counts;
    }}
""" for k, o in enumerate(others))
    (folder / f"C{i}.java").write_text(f"public class C{i} {{\n{fields}    public String name() {{ return \"C{i}\"; }}\n{methods}}}\n")
(folder / "sources").write_text("".join(f"{folder}/C{i}.java\n" for i in range(count)))
PYTHON

mkdir "$work/out"
"${java}javac" -J-Xmx3g -J-XX:+UseSerialGC -proc:none -nowarn -d "$work/out" "@$work/sources" >/dev/null 2>&1 &
javac=$!
# The middle is where the first quarter of the class files is written: all sources are entered by then, and most are still to be attributed.
while kill -0 "$javac" 2>/dev/null && [ "$(find "$work/out" -name '*.class' | head -n $((classes / 4)) | wc -l)" -lt $((classes / 4)) ]; do
    sleep 0.2
done
rm -f "$dump"
"${java}jcmd" "$javac" GC.heap_dump "$dump"
kill "$javac" 2>/dev/null || true
wait "$javac" 2>/dev/null || true
ls -l "$dump"
