# SPDX-License-Identifier: MIT
# Another size model on the index of a compressed dump: the index is made longer, and the table of the dump lies in it.
"$DUMPGEN" "$HEAPS/leak.heap" leak.hprof
"$TOP/tests/cli/gzip_layouts.py" leak.hprof
"$HPROF_ANALYZE" report -q leak.hprof --no-index --size-model mat -o plain.json
for layout in one chunked; do
    "$HPROF_ANALYZE" index build -q --size-model jvm "$layout.gz"
    "$HPROF_ANALYZE" report -q "$layout.gz" --size-model mat -o "$layout.json"
    json "$layout.json" suspects.0.path suspects.0.retained_bytes >"$layout.txt"
    json plain.json suspects.0.path suspects.0.retained_bytes | cmp - "$layout.txt" && echo same
done
