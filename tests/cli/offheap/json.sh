# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/process.heap" process.hprof
"$HPROF_ANALYZE" offheap process.hprof -f json --container-limit 300MiB > a
json a offheap.keys offheap.direct offheap.container "offheap.lines.*.what" "offheap.lines.*.known" "offheap.lines.*.bytes" offheap.collector
"$HPROF_ANALYZE" offheap process.hprof -f json > b
json b offheap.container
