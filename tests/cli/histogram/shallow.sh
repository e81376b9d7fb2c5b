# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/leak.heap" leak.hprof
# Without a graph: all objects, and the same as --keep-unreachable says.
"$HPROF_ANALYZE" histogram leak.hprof --sort shallow --no-index -n 4
"$HPROF_ANALYZE" histogram leak.hprof --sort shallow --no-index -f json > a
"$HPROF_ANALYZE" histogram leak.hprof --sort shallow --keep-unreachable -f json > b
json a scope histogram.0
json b scope histogram.0
json a 'histogram.*.shallow_bytes' > c
json b 'histogram.*.shallow_bytes' > d
cmp c d
