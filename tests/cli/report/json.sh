# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/leak.heap" leak.hprof
"$HPROF_ANALYZE" leak.hprof -f json > a
json a keys suspects.0.keys suspects.0.held_by suspects.0.advice oom heap dump warnings next top.keys
