# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/leak.heap" leak.hprof
"$HPROF_ANALYZE" histogram leak.hprof -f json > a
"$HPROF_ANALYZE" top leak.hprof -f json > b
address=$(json b top.objects.0.address)
"$HPROF_ANALYZE" dominators leak.hprof --object $address
"$HPROF_ANALYZE" dominators leak.hprof --object $address -f json --depth 1 > c
json c object dominators.0.object dominators.0.retained_percent dominators.0.children
"$HPROF_ANALYZE" dominators leak.hprof --object $(json b top.objects.9.address)
