# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/calm.heap" calm.hprof
"$HPROF_ANALYZE" suspects calm.hprof --size-model mat
"$HPROF_ANALYZE" suspects calm.hprof --size-model mat --threshold 1K
"$HPROF_ANALYZE" suspects calm.hprof --size-model mat --threshold 8% -n 1
