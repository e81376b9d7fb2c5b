# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/calm.heap" calm.hprof
"$HPROF_ANALYZE" suspects calm.hprof
"$HPROF_ANALYZE" suspects calm.hprof --threshold 1K
"$HPROF_ANALYZE" suspects calm.hprof --threshold 2.6% -n 1
