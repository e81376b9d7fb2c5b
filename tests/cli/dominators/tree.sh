# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/leak.heap" leak.hprof
"$HPROF_ANALYZE" dominators leak.hprof -n 3
"$HPROF_ANALYZE" dominators leak.hprof --depth 4 -n 1
