# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/process.heap" process.hprof
"$HPROF_ANALYZE" properties process.hprof
"$HPROF_ANALYZE" properties process.hprof --show-secrets -f json > a
json a properties
"$DUMPGEN" "$HEAPS/calm.heap" calm.hprof
"$HPROF_ANALYZE" properties calm.hprof
