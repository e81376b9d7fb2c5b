# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/refs.heap" refs.hprof
"$HPROF_ANALYZE" export objects refs.hprof
"$HPROF_ANALYZE" export objects refs.hprof -f json > a
json a keys objects.0 objects.len
"$HPROF_ANALYZE" export objects refs.hprof -n 2 -f csv
