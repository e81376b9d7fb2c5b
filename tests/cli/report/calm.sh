# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/calm.heap" calm.hprof
"$HPROF_ANALYZE" report -n 3 calm.hprof
