# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/leak.heap" leak.hprof
"$HPROF_ANALYZE" histogram leak.hprof
"$HPROF_ANALYZE" histogram leak.hprof -n 2 --sort instances
