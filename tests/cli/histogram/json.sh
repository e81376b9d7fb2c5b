# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/leak.heap" leak.hprof
"$HPROF_ANALYZE" histogram leak.hprof -f json -n 1 > a
json a command by sort scope histogram.0 omitted
"$HPROF_ANALYZE" histogram leak.hprof -f json > a
json a histogram.len heap.classes
"$HPROF_ANALYZE" histogram leak.hprof -f json --by loader > a
json a 'histogram.*'
