# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/leak.heap" leak.hprof
"$HPROF_ANALYZE" top leak.hprof -f json -n 1 > a
json a top
