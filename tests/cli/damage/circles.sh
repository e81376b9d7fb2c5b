# SPDX-License-Identifier: MIT
# Structures that no program makes: every walk over them ends, and sums end at the largest number.
"$DUMPGEN" "$HEAPS/circles.heap" circles.hprof
"$HPROF_ANALYZE" offheap circles.hprof -f json --container-limit 1G > a
json a offheap.direct "offheap.lines.*.bytes"
"$HPROF_ANALYZE" loaders circles.hprof
"$HPROF_ANALYZE" unreachable circles.hprof -n 3
"$HPROF_ANALYZE" properties circles.hprof -f json > p
python3 -c '
import json
p = json.load(open("p"))["properties"]
print(len(p["system"]), p["system"][0])
'
"$HPROF_ANALYZE" report circles.hprof -f json > r && echo report
